"""The code exercises of the section "CTC: sequences without alignment"."""

import itertools
import math

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong


def collapse_path(path):
    """Merge repeats, then drop the blanks (0); zeros fill the answer up to the length of the path."""
    kept, before = [], 0.0
    for symbol in path.tolist():
        if symbol != before and symbol != 0:
            kept.append(symbol)
        before = symbol
    return torch.tensor(kept + [0.0] * (len(path) - len(kept)), dtype=torch.float64)


def _filled(path, kept):
    return torch.tensor(kept + [0.0] * (len(path) - len(kept)), dtype=torch.float64)


def _dropped_first(path):
    """Drops the blanks, then merges: a symbol that comes twice is lost."""
    kept = []
    for symbol in path.tolist():
        if symbol != 0 and kept[-1:] != [symbol]:
            kept.append(symbol)
    return _filled(path, kept)


def _merged_only(path):
    values = path.tolist()
    return _filled(path, [s for k, s in enumerate(values) if k == 0 or s != values[k - 1]])


def _once_each(path):
    return _filled(path, list(dict.fromkeys(s for s in path.tolist() if s != 0)))


def ctc_forward(log_probs, target):
    """The loss of one target, by the forward sums in log space; the blank is 0."""
    return _forward(log_probs, target)


def _forward(log_probs, target, *, skip="different", starts=2, ends=2, best=False):
    extended = [0]
    for symbol in target:
        extended += [symbol, 0]
    minus = torch.tensor(-math.inf, dtype=log_probs.dtype)
    row = [log_probs[0, z] if s < starts else minus for s, z in enumerate(extended)]
    for frame in log_probs[1:]:
        fresh = []
        for s, z in enumerate(extended):
            came = row[max(s - 1, 0) : s + 1]
            leap = s >= 2 and z != 0 and z != extended[s - 2]
            if skip == "any symbol":
                leap = s >= 2 and z != 0
            elif skip == "never":
                leap = False
            elif skip == "any state":
                leap = s >= 2
            came = torch.stack([*came, row[s - 2]] if leap else came)
            fresh.append(frame[z] + (came.amax() if best else came.logsumexp(0)))
        row = fresh
    last = torch.stack({2: row[-2:], 1: row[-2:-1] or row[-1:], 0: row[-1:]}[ends])
    return -(last.amax() if best else last.logsumexp(0))


def _in_probabilities(log_probs, target):
    """As the spec, with products that underflow."""
    extended = [0]
    for symbol in target:
        extended += [symbol, 0]
    p = log_probs.exp()
    row = [p[0, z] if s < 2 else 0.0 * p[0, 0] for s, z in enumerate(extended)]
    for frame in p[1:]:
        row = [
            frame[z]
            * (sum(row[max(s - 1, 0) : s + 1]) + (row[s - 2] if s > 1 and z not in (0, extended[s - 2]) else 0))
            for s, z in enumerate(extended)
        ]
    return -torch.log(sum(row[-2:]))


def shortest_input(target):
    """The least number of frames from which the target can be read."""
    symbols = target.tolist()
    return float(len(symbols) + sum(a == b for a, b in itertools.pairwise(symbols)))


def character_error_rate(read, truth):
    """The least number of insertions, deletions and substitutions from one to the other, over the length of truth."""
    return _edits(read.tolist(), truth.tolist()) / len(truth)


def _edits(read, truth, substitution=1, insertion=1):
    row = [k for k in range(len(truth) + 1)]
    for i, a in enumerate(read, 1):
        left, row = row, [i * insertion]
        for j, b in enumerate(truth, 1):
            row.append(min(left[j] + insertion, row[-1] + 1, left[j - 1] + substitution * (a != b)))
    return float(row[-1])


def _by_position(read, truth):
    same = sum(a == b for a, b in zip(read.tolist(), truth.tolist(), strict=False))
    return float(max(len(read), len(truth)) - same) / len(truth)


def _symbols(generator, n, most=3):
    return torch.randint(1, most + 1, (n,), generator=generator).double()


def _frames(generator, frames, classes=3):
    return (2 * torch.randn(frames, classes, generator=generator, dtype=torch.float64)).log_softmax(-1)


def _draw_forward(generator, n):
    target = tuple(torch.randint(1, 3, (min(n, 3),), generator=generator).tolist())
    return _frames(generator, 2 * n + 2), target


def _draw_pair(generator, n):
    extra = int(torch.randint(3, (1,), generator=generator))
    return _symbols(generator, n + extra), _symbols(generator, n + 1)


_THIRDS = torch.full((4, 3), -math.log(3), dtype=torch.float64)
_SURE_OF_ANOTHER = torch.tensor([[0.0, 0.0, 0.0, 70.0]], dtype=torch.float64).log_softmax(-1)

EXERCISES = [
    Exercise(
        "collapse_path",
        collapse_path,
        cases=[([1.0, 0.0, 1.0],), ([0.0, 2.0, 2.0, 1.0],), ([1.0, 1.0, 0.0, 0.0, 1.0, 2.0],)],
        draw=lambda g, n: (torch.randint(0, 3, (n + 3,), generator=g).double(),),
        edges=[Edge("a path of blanks only", ([0.0, 0.0, 0.0],)), Edge("a path of one frame", ([2.0],))],
        wrong=[
            Wrong(
                _dropped_first,
                "this looks as if the blanks went first and the repeats were merged afterwards. What is a blank "
                "between two equal symbols for?",
            ),
            Wrong(
                lambda path: _filled(path, [s for s in path.tolist() if s != 0]),
                "this looks as if the blanks went and every repeat stayed. A symbol held for two frames is one symbol.",
            ),
            Wrong(_merged_only, "this looks as if repeats were merged and the blanks stayed."),
            Wrong(
                _once_each,
                "this looks as if each symbol could occur once in a label. The label 4 0 4 has two fours.",
            ),
        ],
    ),
    Exercise(
        "ctc_forward",
        ctc_forward,
        cases=[
            (_THIRDS[:2], (1,)),
            (_THIRDS, (1, 2)),
            (_THIRDS, (1, 1)),
        ],
        draw=_draw_forward,
        edges=[
            Edge("a target that does not fit into the frames", (_THIRDS[:2], (1, 1))),
            Edge("a target of probability e⁻⁸³²", (_SURE_OF_ANOTHER.repeat(12, 1), (1, 2, 2))),
        ],
        wrong=[
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, skip="any symbol"),
                "this looks as if a blank could be left out between any two symbols. What does the path 1 1 read as?",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, skip="any state"),
                "this looks as if two states could be climbed from anywhere. From one blank to the next a symbol would "
                "be lost.",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, skip="never"),
                "this looks as if every path had a blank between two symbols. For two different ones it is optional.",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, ends=1),
                "this looks as if every path ended on the last symbol. Which other state is an end?",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, ends=0),
                "this looks as if every path ended in the last blank. Which other state is an end?",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, starts=1),
                "this looks as if every path began with a blank. Which other state can be the first?",
            ),
            Wrong(
                lambda log_probs, target: _forward(log_probs, target, best=True),
                "this looks like the cost of the best path alone. CTC asks for all of them.",
            ),
            Wrong(
                _in_probabilities,
                "right, until the products are smaller than the least number above 0. Stay with logarithms throughout.",
            ),
        ],
    ),
    Exercise(
        "shortest_input",
        shortest_input,
        cases=[([1.0, 2.0],), ([3.0, 3.0],), ([1.0, 1.0, 1.0, 2.0, 1.0],)],
        draw=lambda g, n: (_symbols(g, n + 2, 2),),
        edges=[Edge("a single symbol", ([4.0],))],
        wrong=[
            Wrong(
                lambda target: float(len(target)),
                "this looks like a frame a symbol. What would the label 3 3 read as from two frames?",
            ),
            Wrong(
                lambda target: float(2 * len(target) + 1),
                "this looks like the number of states. A path need not visit them all.",
            ),
            Wrong(
                lambda target: float(2 * len(target) - 1),
                "this looks as if a blank stood between any two symbols. Only some neighbours need one.",
            ),
            Wrong(
                lambda target: float(2 * len(target) - len(set(target.tolist()))),
                "this looks as if every later copy of a symbol cost a frame, even where it does not follow itself.",
            ),
        ],
    ),
    Exercise(
        "character_error_rate",
        character_error_rate,
        cases=[([4.0, 0.0], [4.0, 1.0]), ([4.0, 7.0, 1.0], [4.0, 0.0, 7.0, 1.0]), ([5.0, 4.0, 0.0], [4.0, 0.0])],
        draw=_draw_pair,
        edges=[Edge("an empty reading", ([], [1.0, 2.0]))],
        wrong=[
            Wrong(
                _by_position,
                "this looks like a comparison place by place. One digit left out in front shifts all the others.",
            ),
            Wrong(
                lambda read, truth: _edits(read.tolist(), truth.tolist()) / max(len(read), 1),
                "this looks as if it were divided by the length of the reading.",
            ),
            Wrong(
                lambda read, truth: _edits(read.tolist(), truth.tolist()) / max(len(read), len(truth)),
                "this looks as if it were divided by the longer of the two. This rate may be more than 1.",
            ),
            Wrong(
                lambda read, truth: _edits(read.tolist(), truth.tolist(), substitution=2) / len(truth),
                "this looks as if a wrong digit cost a deletion and an insertion. It costs one edit.",
            ),
            Wrong(
                lambda read, truth: _edits(read.tolist(), truth.tolist()),
                "this looks like the number of edits. A rate is asked for.",
            ),
        ],
    ),
]
