"""The code exercises of the section "Maximum margin"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, signs


def signed_distance(x, y, w, b):
    """How far each row of x lies from the boundary x @ w + b = 0, negative on the wrong side."""
    length = sum(one**2 for one in w) ** 0.5
    return torch.stack([label * (row @ w + b) / length for row, label in zip(x, y, strict=True)])


def subgradient_step(w, x, y, lam, eta):
    """A step of length eta down lam/2 |w|² + the mean hinge loss of the scores x @ w."""
    slope = lam * w
    for row, label in zip(x, y, strict=True):
        if label * (row @ w) < 1:
            slope = slope - label * row / len(y)
    return w - eta * slope


def largest_rival(scores, target):
    """Crammer and Singer's loss: what the right class lacks to a lead of 1 over the best wrong class."""
    losses = []
    for row, right in zip(scores, target.tolist(), strict=True):
        rival = max(one for k, one in enumerate(row) if k != right)
        losses.append((1 - row[right] + rival).clamp(min=0))
    return torch.stack(losses)


def _plane(g, n):
    return numbers(g, 2 * n, -3, 3).view(n, 2), signs(g, n), numbers(g, 2, -2, 2, 0.033), numbers(g, 1, -2, 2, 0.05)[0]


def _batch(g, n):
    x, y, w, _ = _plane(g, n + 1)
    return w, x, y, 0.1, 0.5


def _step(shrink, push, x, y, keep, count):
    """shrink + push · (sum of y x over the rows kept) / count."""
    return shrink + push * ((y * keep)[:, None] * x).sum(0) / count


def _close(w, x, y, least=1.0):
    return (y * (x @ w) < least).double()


def _four_classes(g, n):
    scores = numbers(g, 4 * n, -2, 2).view(n, 4) + 0.013 * torch.arange(4)
    return scores, torch.randint(0, 4, (n,), generator=g)


def _right(scores, target):
    return scores.gather(1, target[:, None])


def _rivals(scores, target):
    """(N, C − 1): the scores without the right class's."""
    wrong = torch.arange(scores.shape[1]) != target[:, None]
    return scores[wrong].view(len(scores), -1)


def _lacks(scores, target):
    return (1 - _right(scores, target) + _rivals(scores, target)).clamp(min=0)


_X, _Y = [[1.0, 0.0], [0.0, -1.0]], [1.0, 1.0]

EXERCISES = [
    Exercise(
        "signed_distance",
        signed_distance,
        cases=[
            ([[1.0, 2.0]], [1.0], [3.0, 4.0], torch.tensor(-1.0).double()),
            ([[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0], [0.0, 2.0], torch.tensor(1.0).double()),
        ],
        draw=_plane,
        wrong=[
            Wrong(
                lambda x, y, w, b: y * (x @ w + b),
                "this looks like the margin: it grows with the length of w, and a distance does not.",
            ),
            Wrong(
                lambda x, y, w, b: y * (x @ w + b) / (w @ w),
                "this looks like a division by the squared length of w.",
            ),
            Wrong(
                lambda x, y, w, b: y * (x @ w + b) / (w @ w + b**2).sqrt(),
                "this looks as if b counted into the length. Shift all inputs: b changes, and no distance does.",
            ),
            Wrong(
                lambda x, y, w, b: (x @ w + b) / w.norm(),
                "this looks right for the label +1. Which side is the wrong one for the label −1?",
            ),
            Wrong(
                lambda x, y, w, b: (x @ w + b).abs() / w.norm(),
                "this looks like the distance without its sign: a mistake and a right decision look alike.",
            ),
            Wrong(
                lambda x, y, w, b: y * (x @ w) / w.norm(),
                "this looks like the distance to a boundary through the origin.",
            ),
        ],
    ),
    Exercise(
        "subgradient_step",
        subgradient_step,
        cases=[
            ([0.0, 0.0], _X, _Y, 0.1, 0.5),
            ([1.0, 1.0], [[0.5, 0.0], [2.0, 1.0], [-1.0, 0.25]], [1.0, 1.0, 1.0], 0.1, 0.5),
            ([0.5, 2.0], [[1.0, 0.0], [1.0, -1.0]], [1.0, 1.0], 0.2, 1.0),
        ],
        draw=_batch,
        edges=[Edge("a batch whose margins are all above 1", ([2.0, -2.0], _X, _Y, 0.1, 0.5))],
        wrong=[
            Wrong(
                lambda w, x, y, lam, eta: _step(w - eta * lam * w, eta, x, y, _close(w, x, y, 0.0), len(y)),
                "this looks like a step for the samples on the wrong side alone, as the perceptron takes. Which right "
                "decisions still cost?",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w, eta, x, y, _close(w, x, y), len(y)),
                "this looks like the step without the penalty.",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w - lam * w, eta, x, y, _close(w, x, y), len(y)),
                "this looks as if the penalty were subtracted whole. A step of length eta takes a part of it.",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w - eta * lam * w, eta, x, y, _close(w, x, y), 1),
                "this looks like the sum of the hinge losses, where the mean is asked for.",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(
                    w - eta * lam * w, eta, x, y, _close(w, x, y), _close(w, x, y).sum().clamp(min=1)
                ),
                "this looks like a mean over the samples that cost something. The mean divides by the whole batch.",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w - eta * lam * w, -eta, x, y, _close(w, x, y), len(y)),
                "this looks like a step that makes the margins smaller. What is the slope of 1 − m?",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w - eta * lam * w, eta, x, y, y * _close(w, x, y), len(y)),
                "this looks as if every sample pulled as one of the label +1 does.",
            ),
            Wrong(
                lambda w, x, y, lam, eta: _step(w - eta * lam * w, eta, x, y, torch.ones_like(y), len(y)),
                "this looks as if all samples pulled. What does the hinge cost beyond a margin of 1?",
            ),
        ],
    ),
    Exercise(
        "largest_rival",
        largest_rival,
        cases=[
            ([[0.5, 0.0, 1.0]], torch.tensor([0])),
            ([[0.1, 0.2, 0.4, 0.8], [3.0, 0.0, 0.5, -1.0]], torch.tensor([3, 0])),
            ([[-2.0, -1.5, -3.0]], torch.tensor([1])),
        ],
        draw=_four_classes,
        wrong=[
            Wrong(
                lambda scores, target: _lacks(scores, target).sum(1),
                "this looks like the sum over all wrong classes, Weston and Watkins' loss. Only one of them counts.",
            ),
            Wrong(
                lambda scores, target: _lacks(scores, target).sum(1) / scores.shape[1],
                "this looks like torch's multi_margin_loss: the sum over all wrong classes, divided by their number "
                "and one.",
            ),
            Wrong(
                lambda scores, target: (1 - _right(scores, target) + scores).amax(1),
                "this looks as if the right class were its own rival: the loss is then never below 1.",
            ),
            Wrong(
                lambda scores, target: 1 - _right(scores, target)[:, 0] + _rivals(scores, target).amax(1),
                "this looks right until the lead exceeds 1: a negative loss would pay for leads without end.",
            ),
            Wrong(
                lambda scores, target: (
                    1 - _right(scores, target)[:, 0] + _rivals(scores, target).amax(1).clamp(min=0)
                ).clamp(min=0),
                "this looks like Keras' CategoricalHinge, where a rival's score counts as at least 0: adding one "
                "number to all scores then changes the loss.",
            ),
            Wrong(
                lambda scores, target: (_rivals(scores, target).amax(1) - _right(scores, target)[:, 0]).clamp(min=0),
                "this looks like the loss without a margin: a lead of nothing at all costs nothing.",
            ),
            Wrong(
                lambda scores, target: _lacks(scores, target).amin(1),
                "this looks like the lead over the weakest wrong class.",
            ),
        ],
        gradient=("scores",),
    ),
]
