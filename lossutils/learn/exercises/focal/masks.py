"""The code exercises of the section "Overlap losses for masks"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def dice_of_mask(p, t):
    """One minus the Dice coefficient of one mask; 0 where both masks are empty."""
    shared = sum(a * b for a, b in zip(p, t, strict=True))
    both = sum(a + b for a, b in zip(p, t, strict=True))
    if both == 0:
        return 0 * both
    return (both - 2 * shared) / both


def iou_of_mask(p, t):
    """One minus the soft intersection over union of one mask that is not empty."""
    shared = sum(a * b for a, b in zip(p, t, strict=True))
    covered = sum(a + b - a * b for a, b in zip(p, t, strict=True))
    return 1 - shared / covered


def tversky_of_mask(p, t, alpha, beta):
    """One minus the Tversky index of one mask that is not empty, alpha on the false positives."""
    hits = sum(a * b for a, b in zip(p, t, strict=True))
    false_positives = sum(a * (1 - b) for a, b in zip(p, t, strict=True))
    false_negatives = sum((1 - a) * b for a, b in zip(p, t, strict=True))
    return 1 - hits / (hits + alpha * false_positives + beta * false_negatives)


def _masks(generator, n):
    """Probabilities away from 0, ½ and 1, and a mask with foreground and background."""
    t = torch.randint(0, 2, (n + 2,), generator=generator).double()
    t[0], t[1] = 1, 0
    return numbers(generator, n + 2, 1, 9, 0.037) / 10, t


def _priced(generator, n):
    alpha, beta = ((0.3, 0.7), (0.2, 0.8), (1.0, 0.5), (0.9, 1.4))[n % 4]
    return *_masks(generator, n), alpha, beta


def _where_after(p, t):
    both = p.sum() + t.sum()
    return torch.where(both == 0, 0.0, 1 - 2 * (p * t).sum() / both)


def _hard(p, t):
    mask = (p > 0.5).double()
    return 1 - (mask * t).sum() / (mask + t - mask * t).sum()


EXERCISES = [
    Exercise(
        "dice_of_mask",
        dice_of_mask,
        cases=[([0.8, 0.1], [1.0, 0.0]), ([0.9, 0.2, 0.4], [1.0, 0.0, 1.0])],
        draw=_masks,
        edges=[
            Edge("two empty masks", ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]), gradient="finite"),
            Edge("an empty true mask", ([0.2, 0.4], [0.0, 0.0])),
            Edge("an empty prediction", ([0.0, 0.0], [1.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda p, t: 1 - 2 * (p * t).sum() / (p.sum() + t.sum()),
                "right, until both masks are empty: then it is 0/0.",
            ),
            Wrong(
                lambda p, t: _where_after(p, t),
                "the value is right everywhere. Autograd also differentiates the branch that torch.where throws away: "
                "what does it divide by there?",
            ),
            Wrong(
                lambda p, t: 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1),
                "this looks smoothed by 1. It has no 0/0, and every other mask, small ones most, gets another loss.",
            ),
            Wrong(
                lambda p, t: 1 - 2 * (p * t).sum() / (p.sum() + t.sum() + 1e-6),
                "this looks like a small number in the denominator alone. What does it say of two empty masks, which "
                "agree?",
            ),
            Wrong(
                lambda p, t: 1 - (p * t).sum() / (p.sum() + t.sum() + 1e-300),
                "this looks as if the 2 of the coefficient were missing: two equal masks cost ½.",
            ),
            Wrong(
                lambda p, t: 1 - 2 * (p * t).sum() / (p.square().sum() + t.square().sum()).clamp(min=1e-300),
                "this looks like V-Net's form, with squares in the denominator. It is another loss between 0 and 1.",
            ),
            Wrong(
                lambda p, t: 2 * (p * t).sum() / (p.sum() + t.sum()).clamp(min=1e-300),
                "this looks like the coefficient, which is large for a good mask.",
            ),
        ],
        gradient=("p",),
    ),
    Exercise(
        "iou_of_mask",
        iou_of_mask,
        cases=[([0.8, 0.1], [1.0, 0.0]), ([0.9, 0.2, 0.4], [1.0, 0.0, 1.0])],
        draw=_masks,
        wrong=[
            Wrong(
                lambda p, t: (p * t).sum() / (p + t - p * t).sum(),
                "this looks like the index itself: descent on it would pull the masks apart. Which value should a "
                "perfect mask have?",
            ),
            Wrong(
                lambda p, t: 1 - (p * t).sum() / (p.sum() + t.sum()),
                "this looks as if the shared part were counted twice in the union: two equal masks cost ½.",
            ),
            Wrong(
                lambda p, t: _hard(p, t) + 0 * p.sum(),
                "this looks like the metric: p is cut at ½ first, so nothing flows back to it.",
            ),
            Wrong(
                lambda p, t: 1 - 2 * (p * t).sum() / (p.sum() + t.sum()),
                "this looks like the Dice loss.",
            ),
            Wrong(
                lambda p, t: 1 - (p * t / (p + t - p * t)).mean(),
                "this looks like a mean of ratios, pixel by pixel. The sums come before the division.",
            ),
            Wrong(
                lambda p, t: -torch.log((p * t).sum() / (p + t - p * t).sum()),
                "this looks like minus the logarithm of the index. It has the same minimum, and is not bounded by 1.",
            ),
        ],
        gradient=("p",),
    ),
    Exercise(
        "tversky_of_mask",
        tversky_of_mask,
        cases=[([0.8, 0.1], [1.0, 0.0], 0.3, 0.7), ([0.9, 0.2, 0.4], [1.0, 0.0, 1.0], 1.0, 0.5)],
        draw=_priced,
        wrong=[
            Wrong(
                lambda p, t, alpha, beta: tversky_of_mask(p, t, beta, alpha),
                "this looks as if the two prices were exchanged. Try a mask that is all ones: whose errors are they?",
            ),
            Wrong(
                lambda p, t, alpha, beta: 1 - (p * t).sum() / (alpha * p.sum() + beta * t.sum()),
                "this looks as if α and β priced all predicted and all true pixels. That is the same only where they "
                "add up to 1.",
            ),
            Wrong(
                lambda p, t, alpha, beta: 1 - tversky_of_mask(p, t, alpha, beta),
                "this looks like the index, which is large for a good mask.",
            ),
            Wrong(
                lambda p, t, alpha, beta: (
                    1 - (p * t).sum() / (alpha * (p * (1 - t)).sum() + beta * ((1 - p) * t).sum())
                ),
                "this looks as if the hits were missing in the denominator.",
            ),
            Wrong(
                lambda p, t, alpha, beta: alpha * (p * (1 - t)).sum() + beta * ((1 - p) * t).sum(),
                "this looks like the priced errors themselves. Which share of the whole are they?",
            ),
        ],
        gradient=("p",),
    ),
]
