"""A reader of strips of digits, trained with more or less knowledge about where the digits are.

    python experiments/ctc_digits.py        # writes lossutils/learn/experiments/ctc_digits.json

A strip holds two to five MNIST digits with random gaps. One small convolutional network, six losses: CTC, which
knows the label alone; the best path in place of CTC's sum; and cross entropy per frame, with the true places (the
middle frame of each digit, or the middle three or five) or with places guessed by cutting the inked part into equal
pieces. For CTC the greedy reading is compared with a beam search. What is in the file already is not computed again.
The section "CTC: sequences without alignment" shows the curves and repeats a piece.
"""

import collections
import json
import pathlib

import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from lossutils import ctc_loss
from lossutils.learn import data

SIDE, WIDTH, BATCH, STEPS, FRAMES = 14, 88, 32, 250, 44
JUDGED = [0, 25, 50, 75, 100, 150, 200, 250]
WATCHED = [0, 10, 20, 30, 40, 50, 75, 100, 150, 250]
SHOWN = 2  # strips of the first seed whose frames are recorded
SEEDS = range(5)
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "ctc_digits.json"


def strips(pool, n, generator):
    """Pictures (n, 14, 88), targets (n, 5) padded with 0, lengths (n,), and the digits' left edges (n, 5).

    The symbol of digit d is d + 1, for 0 is the blank. The width that the digits leave is cut at random into gaps.
    """
    lengths = torch.randint(2, 6, (n,), generator=generator)
    classes = torch.randint(10, (n, 5), generator=generator)
    which = torch.randint(pool.shape[1], (n, 5), generator=generator)
    cuts = torch.rand(n, 5, generator=generator)
    images, edges = torch.zeros(n, SIDE, WIDTH), torch.zeros(n, 5, dtype=torch.int64)
    for i, size in enumerate(lengths.tolist()):
        room = WIDTH - SIDE * size
        edges[i, :size] = (cuts[i, :size].sort().values * (room + 1)).long() + SIDE * torch.arange(size)
        for k, at in enumerate(edges[i, :size].tolist()):
            images[i, :, at : at + SIDE] = pool[classes[i, k], which[i, k]]
    return images, torch.where(torch.arange(5) < lengths[:, None], classes + 1, 0), lengths, edges


def split(seed):
    """400 digits of each class to train on, and 250 strips of the other 100, to test."""
    pool = data.halved_mnist()[0].float().view(10, 500, SIDE, SIDE)
    generator = torch.Generator().manual_seed(seed)
    pool = pool[:, torch.randperm(500, generator=generator)]
    return pool[:, :400], strips(pool[:, 400:], 250, generator), generator


def network():
    """Pictures (N, 14, 88) to logits (N, 11, 44) of 44 frames, two columns each."""
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE)),
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d((2, 1)),
        nn.Flatten(1, 2),
        nn.Conv1d(96, 64, 5, padding=2), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Conv1d(64, 11, 1),
    )  # fmt: skip


def frame_labels(images, targets, lengths, edges, guessed, reach):
    """One symbol a frame (T, N): that of the digit whose middle is at most ``reach`` frames away, else the blank.

    The middles are the true ones; or, if guessed, those of equal pieces of the inked columns.
    """
    labels = torch.zeros(FRAMES, len(images), dtype=torch.int64)
    for i, (size, image) in enumerate(zip(lengths.tolist(), images, strict=True)):
        middles = edges[i, :size] + SIDE / 2
        if guessed:
            inked = image.amax(0).nonzero().flatten()
            first, end = inked[0].item(), inked[-1].item() + 1
            middles = first + (end - first) * (torch.arange(size) + 0.5) / size
        for middle, symbol in zip(middles.tolist(), targets[i].tolist(), strict=False):
            at = round(middle / 2 - 0.5)
            labels[max(at - reach, 0) : at + reach + 1, i] = symbol
    return labels


def best_path_loss(log_probs, targets, lengths):
    """−log of the probability of the best path of each target, divided by its length: CTC with max for the sum."""
    row, never = torch.arange(len(targets)), -1e30
    symbols = torch.zeros(len(targets), 2 * targets.shape[1] + 1, dtype=torch.int64)
    symbols[:, 1::2] = targets
    apart = (symbols[:, 2:] != 0) & (symbols[:, 2:] != symbols[:, :-2])
    skip = pad(torch.where(apart, 0.0, never), (2, 0), value=never)
    score = torch.where(torch.arange(symbols.shape[1]) < 2, 0.0, never).expand(symbols.shape)
    for t, frame in enumerate(log_probs):
        if t:
            step, leap = (pad(score, (k, 0), value=never)[:, :-k] for k in (1, 2))
            score = torch.stack((score, step, leap + skip)).amax(0)
        score = score + frame.gather(1, symbols)
    ends = torch.stack((score[row, 2 * lengths], score[row, 2 * lengths - 1]))
    return -(ends.amax(0) / lengths).mean()


def by_frames(guessed, reach=1):
    return lambda logits, batch: cross_entropy(logits.flatten(0, 1), frame_labels(*batch, guessed, reach).flatten())


LOSSES = {
    "CTC": lambda logits, batch: ctc_loss(
        logits.log_softmax(-1), batch[1], torch.full((len(logits[0]),), FRAMES), batch[2]
    ),
    "best path": lambda logits, batch: best_path_loss(logits.log_softmax(-1), batch[1], batch[2]),
    "true places": by_frames(False),
    "equal pieces": by_frames(True),
    "true places, wide": by_frames(False, 2),
    "true places, narrow": by_frames(False, 0),
}


def collapse(path):
    """Merge repeats, then drop blanks."""
    return [s for s, before in zip(path, [0, *path], strict=False) if s not in (0, before)]


def edits(one, other):
    """The least number of insertions, deletions and substitutions from one sequence to the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        left, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(left[j] + 1, row[-1] + 1, left[j - 1] + (a != b)))
    return row[-1]


def greedy(logits):
    """The best symbol of each frame, collapsed."""
    return [collapse(path) for path in logits.argmax(-1).T.tolist()]


def beam_search(p, width=8):
    """The best label that a beam finds in probabilities (T, C)."""
    beam = {(): (1.0, 0.0)}  # prefix → sums of its paths that end in a blank, and in its last symbol
    for frame in p.tolist():
        fresh = collections.defaultdict(lambda: [0.0, 0.0])
        for y, (blank, symbol) in beam.items():
            fresh[y][0] += (blank + symbol) * frame[0]
            for c in range(1, len(frame)):
                if y[-1:] == (c,):
                    fresh[y][1] += symbol * frame[c]
                    fresh[(*y, c)][1] += blank * frame[c]
                else:
                    fresh[(*y, c)][1] += (blank + symbol) * frame[c]
        beam = dict(sorted(fresh.items(), key=lambda item: -sum(item[1]))[:width])
    return list(next(iter(beam)))


def error_rate(read, targets, lengths):
    """Edits of the readings over the number of digits."""
    truth = [t[:n] for t, n in zip(targets.tolist(), lengths.tolist(), strict=True)]
    return sum(edits(r, t) for r, t in zip(read, truth, strict=True)) / lengths.sum().item()


def run(seed, kind, steps=STEPS, look=None):
    """One training: the error rate at the steps JUDGED, where ``look(step, logits, test)`` is called; every ten steps
    the mean loss and the shares of frames whose best symbol is the blank and of strips that read as empty."""
    pool, test, generator = split(seed)
    torch.manual_seed(seed)
    net = network()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    out, window = {"cer": [], "loss": [], "blank": [], "empty": [], "frames": []}, []
    for step in range(steps + 1):
        if step in JUDGED or (step in WATCHED and seed == 0):
            net.eval()
            with torch.no_grad():
                logits = net(test[0]).permute(2, 0, 1)
            net.train()
            if step in JUDGED:
                out["cer"].append(round(error_rate(greedy(logits), test[1], test[2]), 4))
                if look:
                    look(step, logits, test)
            if step in WATCHED:
                out["frames"].append(logits.log_softmax(-1)[:, :SHOWN])
        batch = strips(pool, BATCH, generator)
        logits = net(batch[0]).permute(2, 0, 1)
        loss = LOSSES[kind](logits, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        blank = logits.argmax(-1) == 0
        window.append([loss.item(), blank.double().mean().item(), blank.all(0).double().mean().item()])
        if len(window) == 10:
            for name, mean in zip(("loss", "blank", "empty"), torch.tensor(window).mean(0).tolist(), strict=True):
                out[name].append(round(mean, 3))
            window = []
    return out


def readings(seed, steps=STEPS, count=100):
    """Of one training by CTC, at batch 50, 100 and 250: on how many of ``count`` strips the beam's reading is another
    than the greedy one, and the error rates of both."""
    rows = []

    def look(step, logits, test):
        if step not in (50, 100, 250):
            return
        quick = greedy(logits[:, :count])
        slow = [beam_search(p) for p in logits[:, :count].double().softmax(-1).unbind(1)]
        rates = [round(error_rate(read, test[1][:count], test[2][:count]), 4) for read in (quick, slow)]
        rows.append([sum(a != b for a, b in zip(quick, slow, strict=True)), *rates])

    run(seed, "CTC", steps, look)
    return rows


def recorded_frames(frames, targets, lengths):
    """Of each strip its target and −10 log p of the blank and of the target's symbols, by step and frame."""
    return [
        {
            "target": targets[i, :n].tolist(),
            "cost": [(-10 * f[:, i, [0, *targets[i, :n]]]).round().int().clamp(max=150).tolist() for f in frames],
        }
        for i, n in enumerate(lengths[:SHOWN].tolist())
    ]


def save(result):
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    fresh = {"judged": JUDGED, "watched": WATCHED, "seeds": list(SEEDS), "runs": {}, "strips": [], "readings": []}
    result = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else fresh
    for kind, seed in [(kind, seed) for seed in SEEDS for kind in LOSSES]:
        rows = result["runs"].setdefault(kind, [])
        if len(rows) > seed:
            continue
        row = run(seed, kind)
        frames = row.pop("frames")
        if kind == "CTC" and seed == 0:
            result["strips"] = recorded_frames(frames, *split(0)[1][1:3])
        rows.append(row)
        save(result)
    for seed in SEEDS[len(result["readings"]) :]:
        result["readings"].append(readings(seed))
        save(result)


if __name__ == "__main__":
    main()
