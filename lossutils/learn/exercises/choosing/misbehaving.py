"""The code exercises of the section "When a loss misbehaves"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, scalar


def masked_nll(p, mask):
    """The mean of −log p over the places where mask is 1; 0 where there is none."""
    costs = [-one.log() for one, counts in zip(p, mask, strict=True) if counts]
    return torch.stack(costs).mean() if costs else (0 * p).sum()


def mended_step(w, x, y, rate):
    """w after one step of gradient descent on the mean of (w x − y)²."""
    slope = sum(2 * (w * a - b) * a for a, b in zip(x, y, strict=True)) / len(x)
    return w - rate * slope


def _safe(p, mask):
    """p where the mask counts it, 1 elsewhere."""
    return torch.where(mask > 0, p, 1.0)


def _draw_masked(generator, n):
    p = numbers(generator, n + 1, 0.1, 0.8, 0.033)
    mask = (torch.rand(n + 1, generator=generator) < 0.6).double()
    mask[0] = 1.0
    return p, mask


def _draw_step(generator, n):
    w = scalar(round(float(torch.rand(1, generator=generator)) * 2 - 1, 1) + 0.03)
    return w, numbers(generator, n + 1, -2, 2, 0.05), numbers(generator, n + 1, -2, 2), 0.1


EXERCISES = [
    Exercise(
        "masked_nll",
        masked_nll,
        cases=[([0.5, 0.1], [1.0, 0.0]), ([0.2, 0.4, 0.9], [1.0, 1.0, 0.0]), ([0.3, 0.6], [1.0, 1.0])],
        draw=_draw_masked,
        edges=[
            Edge("a padded place with p = 0", ([0.5, 0.0], [1.0, 0.0])),
            Edge("a mask without a 1", ([0.5, 0.3], [0.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda p, mask: -_safe(p, mask).log().mean(),
                "this looks like a mean over all places. The padded ones cost nothing and still count in the divisor, "
                "so the loss is too low.",
            ),
            Wrong(
                lambda p, mask: -p.log().mean(),
                "this looks as if the mask were not used at all.",
            ),
            Wrong(
                lambda p, mask: -_safe(p, mask).log().sum(),
                "this looks like a sum. It grows with the number of places.",
            ),
            Wrong(
                lambda p, mask: -(p.log() * mask).sum() / mask.sum().clamp(min=1),
                "right, until a padded place holds p = 0: there it is 0 times infinity.",
            ),
            Wrong(
                lambda p, mask: torch.where(mask > 0, -p.log(), 0.0).sum() / mask.sum().clamp(min=1),
                "the values are right everywhere. But `where` chooses after the logarithm was taken, and the way back "
                "passes through both branches.",
            ),
            Wrong(
                lambda p, mask: -_safe(p, mask).log().sum() / mask.sum(),
                "right, until nothing is left to average: then it is 0/0.",
            ),
            Wrong(
                lambda p, mask: torch.where(mask > 0, -p.log(), 0.0).sum() / mask.sum(),
                "right on ordinary rows. Two inputs at the edge are not: one divides 0 by 0, one takes the logarithm "
                "of 0 in a place that does not count.",
            ),
            Wrong(
                lambda p, mask: -(p + 0.01).log().mul(mask).sum() / mask.sum().clamp(min=1),
                "this looks like a constant added inside the logarithm. It keeps NaN away and changes every other "
                "value too.",
            ),
        ],
        gradient=("p",),
    ),
    Exercise(
        "mended_step",
        mended_step,
        cases=[
            (scalar(0.0), [1.0, 2.0], [1.0, 0.0], 0.1),
            (scalar(1.0), [1.0, -1.0], [3.0, 2.0], 0.1),
            (scalar(0.5), [2.0, 1.0, 0.0], [1.0, 1.0, 2.0], 0.1),
        ],
        draw=_draw_step,
        wrong=[
            Wrong(
                lambda w, x, y, rate: w + rate * 2 * ((w * x)[:, None] - y).mul(x[:, None]).sum(),
                "this looks like the step as it stands, with all its faults.",
            ),
            Wrong(
                lambda w, x, y, rate: w + rate * 2 * ((w * x - y) * x).mean(),
                "this looks like a step uphill: the loss grows.",
            ),
            Wrong(
                lambda w, x, y, rate: w - rate * 2 * ((w * x - y) * x).sum(),
                "this looks like the gradient of the sum: with twice the rows the step is twice as long.",
            ),
            Wrong(
                lambda w, x, y, rate: w - rate * 2 * (((w * x)[:, None] - y) * x[:, None]).mean(),
                "this looks as if every prediction were compared with every target. What are the shapes of the two "
                "sides of the minus sign?",
            ),
            Wrong(
                lambda w, x, y, rate: w - rate * ((w * x - y) * x).mean(),
                "this looks like half the step: a square has a factor in its slope.",
            ),
            Wrong(
                lambda w, x, y, rate: w - rate * 2 * (w * x - y).mean(),
                "this looks like the slope by the prediction. What does the prediction gain when w grows by 1?",
            ),
            Wrong(
                lambda w, x, y, rate: w + rate * 2 * ((w * x - y) * x).sum(),
                "this looks like two faults at once: the direction of the step, and a sum over the rows.",
            ),
        ],
    ),
]
