"""The cards of ``lossutils.sequence``."""

import functools
import itertools

import torch
from torch import Tensor

from lossutils import ctc_loss
from lossutils.learn.cards import INF, Card, Minimiser, Names, Whole

# Four frames, the blank 0 and two symbols; targets of one or two symbols, which may be equal.


def _draw(generator: torch.Generator) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    logits = 2 * torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    targets = torch.randint(1, 3, (3, 2), generator=generator)
    return logits, targets, tuple(torch.randint(1, 3, (3,), generator=generator).tolist())


def _call(logits: Tensor, targets: Tensor, lengths: tuple[int, ...]) -> Tensor:
    return ctc_loss(logits.log_softmax(-1), targets, (4, 4, 4), lengths, reduction="none")


def _collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """Merge repeats, then drop blanks."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != 0)


@functools.cache
def _all_paths() -> dict[tuple[int, ...], Tensor]:
    """The paths of 4 frames by what they become, (paths, 4) each."""
    paths: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for path in itertools.product(range(3), repeat=4):
        paths.setdefault(_collapse(path), []).append(path)
    return {target: torch.tensor(found) for target, found in paths.items()}


def _paths(targets: Tensor, lengths: tuple[int, ...]) -> list[Tensor]:
    """The paths of each target."""
    return [_all_paths()[tuple(target[:n].tolist())] for target, n in zip(targets, lengths, strict=True)]


def _log_probabilities(log_probs: Tensor, paths: Tensor) -> Tensor:
    """Of paths (M, 4) by the log-probabilities of one sequence, (4, C)."""
    return log_probs[torch.arange(4), paths].sum(1)


def _by_paths(logits: Tensor, targets: Tensor, lengths: tuple[int, ...]) -> Tensor:
    log_probs = logits.log_softmax(-1)
    sums = [_log_probabilities(log_probs[:, n], paths).logsumexp(0) for n, paths in enumerate(_paths(targets, lengths))]
    return -torch.stack(sums)


def _slope(logits: Tensor, targets: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """p minus the share of the paths that pass through each symbol."""
    log_probs = logits.log_softmax(-1)
    slope = log_probs.exp()
    for n, paths in enumerate(_paths(targets, lengths)):
        shares = _log_probabilities(log_probs[:, n], paths).softmax(0)
        passing = torch.nn.functional.one_hot(paths, 3) * shares[:, None, None]
        slope[:, n] -= passing.sum(0)
    return slope


def _one_frame(logit: Tensor, present: Tensor) -> Tensor:
    """One frame, the blank and one symbol: a target of that symbol, or an empty one."""
    log_probs = torch.stack((torch.zeros_like(logit), logit)).log_softmax(0).expand(1, len(present), 2)
    lengths = present.long()
    return ctc_loss(log_probs, torch.ones(len(present), 1, dtype=torch.int64), torch.ones_like(lengths), lengths)


CARDS = [
    Card(
        name="ctc_loss",
        section="embeddings/ctc",
        title="CTC",
        chinese="CTC 损失（连接时序分类）",
        origin="likelihood",
        story="The negative log likelihood of a sequence whose alignment to the frames is unknown: the probability is "
        "the sum over all alignments, with frames independent of each other given the input.",
        tasks=["sequence"],
        inputs=["log-probability"],
        takes="Log-probabilities (T, N, C), time first, the output of log_softmax; targets without the blank, as int64; "
        "how many frames and symbols count in each.",
        form=Whole(
            formula=r"-\log \sum_{\pi \in \mathcal{B}^{-1}(y)} \prod_{t=1}^{T} p_t(\pi_t), \quad "
            r"p_t = \operatorname{softmax}(x_t)",
            gradient=r"\text{in the logits:}\ \frac{\partial \ell}{\partial x_{tc}} = p_t(c) - "
            r"\Pr(\pi_t = c \mid \mathcal{B}(\pi) = y)",
            draw=_draw,
            call=_call,
            reference=_by_paths,
            slope=_slope,
        ),
        minimiser=Minimiser(
            words="a distribution over paths that gives each target its share of the data, if frames that are "
            "independent can; with one frame the log odds of the shares. Which of its paths carry a target is not fixed",
            sample=lambda generator: (torch.rand(10, generator=generator, dtype=torch.float64) < 0.3).double(),
            loss=_one_frame,
            statistic=lambda t: t.mean().logit(),
            grid=(-4, 2),
        ),
        range=(0, INF),
        range_words="infinite if the target has no path: more symbols and repeats than frames, or a symbol of "
        "probability 0 that it needs",
        convex=False,
        smoothness="smooth",
        lipschitz=1.0,
        shape_words="all this by the logits; a target without a path has the gradient 0, where torch gives NaN",
        scale="A constant added to the logits of a frame changes nothing. The loss grows with the number of frames.",
        fails="In torch, probabilities or logits in place of log-probabilities make it negative; here they are an error. An infinite loss is a target too long for "
        "its frames. Early on it gives blanks alone: the loss reaches a plateau before the first symbols show.",
        names=Names(
            torch="`F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, zero_infinity=False)`: the "
            "mean divides each loss by its target length",
            keras="`losses.CTC()`: logits, batch first; all frames count, the target ends where zeros begin, and 0 is "
            "the blank",
            optax="`ctc_loss(logits, logit_paddings, labels, label_paddings, blank_id=0)`: logits, batch first, "
            "paddings of 0 and 1 for lengths; no reduction",
            clash="Torch takes log-probabilities, Keras and optax logits. An impossible target is ∞ in torch; in optax "
            "it costs about $10^5$ (`log_epsilon`).",
        ),
        papers=["graves2006connectionist"],
    ),
]
