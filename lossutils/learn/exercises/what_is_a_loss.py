"""The code exercises of the chapter "What is a loss?"."""

import math

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, scalar

# A loss and what it is for


def line_risk(a, b, x, y):
    """The empirical risk of the line a + b x under the squared error."""
    total = 0.0
    for one_x, one_y in zip(x, y, strict=True):
        total = total + (a + b * one_x - one_y) ** 2
    return total / len(x)


def absolute_gradient(a, b, x, y):
    """The derivatives of the mean absolute miss of the line by a and by b."""
    by_a = by_b = 0.0
    for one_x, one_y in zip(x, y, strict=True):
        side = torch.sign(a + b * one_x - one_y)
        by_a, by_b = by_a + side / len(x), by_b + side * one_x / len(x)
    return torch.stack([by_a, by_b])


def _line(g, n):
    a, b = numbers(g, 2, -2, 2)
    return a, b, numbers(g, n, -3, 3), numbers(g, n, -5, 5, 0.033)


def _pull(r, x):
    return torch.stack([r.mean(), (r * x).mean()])


_LINE = [
    (scalar(1.0), scalar(0.0), [3.0], [4.0]),
    (scalar(0.0), scalar(1.0), [2.0, 1.0], [0.0, 2.0]),
    (scalar(1.0), scalar(2.0), [0.0, 1.0, 3.0], [2.0, 5.0, 4.0]),
]

FIRST_LOSS = [
    Exercise(
        "line_risk",
        line_risk,
        cases=_LINE,
        draw=_line,
        wrong=[
            Wrong(
                lambda a, b, x, y: (a + b * x - y).abs().mean(),
                "this looks like the mean absolute miss. What does a miss of 3 cost, and what should it cost?",
            ),
            Wrong(
                lambda a, b, x, y: (a + b * x - y).mean() ** 2,
                "this looks like the square of the mean miss: misses of opposite sign cancel before they are squared. "
                "In which order do the two steps belong?",
            ),
            Wrong(
                lambda a, b, x, y: ((a + b * x - y) ** 2).sum(),
                "this looks like the sum of the losses: with every sample twice it doubles. Does a risk?",
            ),
            Wrong(
                lambda a, b, x, y: ((a + b * x - y) ** 2).mean().sqrt(),
                "this looks like the root of the risk, in francs. The risk itself is in francs squared.",
            ),
            Wrong(
                lambda a, b, x, y: ((b + a * x - y) ** 2).mean(),
                "this looks like slope and intercept in each other's place. Which of the two does a household without "
                "income feel?",
            ),
        ],
        gradient=("a", "b"),
    ),
    Exercise(
        "absolute_gradient",
        absolute_gradient,
        cases=_LINE,
        draw=_line,
        edges=[Edge("a miss of exactly 0", (scalar(1.0), scalar(1.0), [2.0, 1.0], [3.0, 5.0]))],
        wrong=[
            Wrong(
                lambda a, b, x, y: 2 * _pull(a + b * x - y, x),
                "this looks like the gradient of the mean squared error. How fast does |r| grow where r is large?",
            ),
            Wrong(
                lambda a, b, x, y: _pull((y - a - b * x).sign(), x),
                "this looks like the right gradient with its sign turned: a step against it would climb. Is the "
                "residual the prediction minus the target?",
            ),
            Wrong(
                lambda a, b, x, y: _pull((a + b * x - y).sign(), torch.ones_like(x)),
                "this looks right for a, but b gets the same number. By what does the prediction change if b grows a "
                "little?",
            ),
            Wrong(
                lambda a, b, x, y: len(x) * _pull((a + b * x - y).sign(), x),
                "this looks like the gradient of the sum of the misses. What does the mean divide by?",
            ),
            Wrong(
                lambda a, b, x, y: _pull(torch.where(a + b * x >= y, 1.0, -1.0).to(x.dtype), x),
                "right, except that a miss of exactly 0 still pulls. The exercise takes 0 there, as torch does.",
            ),
            Wrong(
                lambda a, b, x, y: _pull(a + b * x - y, x),
                "this looks like the residuals themselves: half the gradient of the squared error. A far point pulls "
                "no harder than a near one in |r|.",
            ),
        ],
    ),
]

# Where losses come from


def back_transform(y):
    """The constant that is best for squared error on log(1 + y), taken back by exp(c) − 1."""
    product = 1.0
    for one in y:
        product = product * (1 + one)
    return product ** (1 / len(y)) - 1


def appointment_cost(c, y):
    """1 for each appointment that is not used, 4 for each that is missing."""
    return torch.stack([(one - other) if one > other else 4 * (other - one) for one, other in zip(c, y, strict=True)])


def exponential_nll(mu, y):
    """Minus the logarithm of exp(−y/mu) / mu."""
    return torch.stack([-torch.log(torch.exp(-one / m) / m) for m, one in zip(mu, y, strict=True)])


WHERE_FROM = [
    Exercise(
        "back_transform",
        back_transform,
        cases=[([3.0],), ([0.0, 3.0],), ([1.0, 0.0, 7.0],)],
        draw=lambda g, n: (numbers(g, n + 1, 0.5, 9).floor() + 0.25,),
        edges=[Edge("counts that are all 0", ([0.0, 0.0],))],
        wrong=[
            Wrong(
                lambda y: torch.exp(torch.log1p(y).mean()),
                "this looks like the way back by exp alone. What undoes log(1 + y)?",
            ),
            Wrong(
                lambda y: torch.exp(torch.log(y).mean()),
                "this looks like the logarithm of y: a single count of 0 sends it to −∞. Read the formula again.",
            ),
            Wrong(
                lambda y: torch.expm1(torch.log1p(y)).mean(),
                "this looks like the mean of y: each value was taken back by itself. What is averaged, on which scale?",
            ),
            Wrong(
                lambda y: torch.log1p(y).mean(),
                "this looks like the best constant on the logarithmic scale. It still has to be taken back.",
            ),
        ],
    ),
    Exercise(
        "appointment_cost",
        appointment_cost,
        cases=[([3.0], [1.0]), ([1.0], [3.0]), ([2.0, 0.0], [0.0, 5.0])],
        draw=lambda g, n: (numbers(g, n, 0, 9), numbers(g, n, 0, 9, 0.05)),
        edges=[Edge("exactly enough appointments", ([2.0], [2.0]), "finite")],
        wrong=[
            Wrong(
                lambda c, y: torch.where(c > y, 4 * (c - y), y - c),
                "this looks like the two prices in each other's place: at c = 3 and y = 1, what was unused or missing?",
            ),
            Wrong(
                lambda c, y: torch.where(c > y, 0.2 * (c - y), 0.8 * (y - c)),
                "this looks like the pinball loss as it stands, with 0.2 and 0.8. By what do the prices 1 and 4 differ "
                "from those?",
            ),
            Wrong(
                lambda c, y: 4 * (y - c).clamp(min=0),
                "this looks like the price of missing appointments alone: too many cost nothing here.",
            ),
            Wrong(
                lambda c, y: torch.where(c > y, c - y, 4 * (c - y)),
                "this looks like a cost that turns negative where appointments are missing. Which way round is the "
                "difference there?",
            ),
            Wrong(
                lambda c, y: (c - y).abs(),
                "this looks like the same price for both. A missing appointment costs more.",
            ),
        ],
        gradient=("c",),
    ),
    Exercise(
        "exponential_nll",
        exponential_nll,
        cases=[([1.0], [3.0]), ([2.0], [4.0]), ([1.0, 0.5], [2.0, 1.0])],
        draw=lambda g, n: (numbers(g, n, 0.4, 4), numbers(g, n, 0, 5)),
        wrong=[
            Wrong(
                lambda mu, y: y / mu,
                "this looks as if the factor in front of the exponential were dropped. Does it contain mu? Without it, "
                "an ever larger mu is ever better.",
            ),
            Wrong(
                lambda mu, y: mu * y - torch.log(mu),
                "this looks like the density lambda·exp(−lambda·y) with the rate lambda. Here mu is the mean.",
            ),
            Wrong(
                lambda mu, y: -torch.log(mu) - y / mu,
                "this looks like the log-likelihood itself: it is to be made large, a loss small.",
            ),
            Wrong(
                lambda mu, y: y / mu - torch.log(mu),
                "this looks like the logarithm with the wrong sign. What is the logarithm of 1/mu?",
            ),
            Wrong(
                lambda mu, y: torch.exp(-y / mu) / mu,
                "this looks like the density. Its negative logarithm is the loss.",
            ),
            Wrong(
                lambda mu, y: torch.log2(mu) + y / mu,
                "this looks like a logarithm to base 2 in one term. The density is written with e.",
            ),
        ],
        gradient=("mu",),
    ),
]

# Sums, means and weights


def masked_mean(losses, keep):
    """The mean of the losses with a 1 in keep; 0 if there is none. What the others are does not matter."""
    total, count = losses.new_zeros(()), 0
    for loss, one in zip(losses, keep, strict=True):
        if one == 1:
            total, count = total + loss, count + 1
    return total / max(count, 1)


def micro_batch_parts(losses, weights, sizes):
    """For each micro-batch its share of the weighted mean over the whole batch."""
    parts, start = [], 0
    for size in sizes:
        part = 0.0
        for i in range(start, start + size):
            part = part + weights[i] * losses[i] / weights.sum()
        parts, start = [*parts, part], start + size
    return torch.stack(parts)


def _masked(g, n):
    keep = (torch.rand(n + 1, generator=g) < 0.6).double()
    keep[0], keep[-1] = 1, 0
    return numbers(g, n + 1, 0.1, 5), keep


def _micro(g, n):
    sizes = (n, 1, 2)
    return numbers(g, n + 3, 0.1, 5), numbers(g, n + 3, 0.5, 3), sizes


def _per_batch(losses, weights, sizes, part):
    pairs = zip(losses.split(sizes), weights.split(sizes), strict=True)
    return torch.stack([part(loss, weight) for loss, weight in pairs])


REDUCTIONS = [
    Exercise(
        "masked_mean",
        masked_mean,
        cases=[([2.0, 9.0], [1.0, 0.0]), ([1.0, 3.0, 9.0], [1.0, 1.0, 0.0])],
        draw=_masked,
        edges=[
            Edge("a batch that is all padding", ([2.0, 3.0], [0.0, 0.0])),
            Edge("an infinite loss in the padding", ([1.0, math.inf], [1.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda losses, keep: losses.mean(),
                "this looks like the mean of all losses: the padding counts as if it were data.",
            ),
            Wrong(
                lambda losses, keep: (losses * keep).mean(),
                "this looks as if the padding were taken out of the sum and left in the count. How many are kept?",
            ),
            Wrong(
                lambda losses, keep: (losses * keep).sum(),
                "this looks like the sum of the losses kept: it is still to be divided.",
            ),
            Wrong(
                lambda losses, keep: (losses * keep).sum() / keep.sum(),
                "right on ordinary batches. Now think of one that is all padding, and of an infinite loss in the "
                "padding: 0/0 and 0·∞ are both NaN.",
            ),
            Wrong(
                lambda losses, keep: losses[keep == 1].mean(),
                "right, except for a batch that is all padding: the mean over nothing is 0/0. What should the count be "
                "at least?",
            ),
            Wrong(
                lambda losses, keep: (losses * keep).sum() / keep.sum().clamp(min=1),
                "right, except for an infinite loss in the padding: 0·∞ is NaN. A product does not remove it; what "
                "chooses instead of multiplying?",
            ),
        ],
        gradient=("losses",),
    ),
    Exercise(
        "micro_batch_parts",
        micro_batch_parts,
        cases=[([4.0, 2.0], [1.0, 3.0], (1, 1)), ([1.0, 2.0, 6.0], [1.0, 1.0, 2.0], (2, 1))],
        draw=_micro,
        wrong=[
            Wrong(
                lambda losses, weights, sizes: _per_batch(losses, weights, sizes, lambda v, w: (w * v).sum() / w.sum()),
                "this looks like each micro-batch's own weighted mean. A small batch then counts as much as a large "
                "one: by which total must all be divided?",
            ),
            Wrong(
                lambda losses, weights, sizes: (
                    _per_batch(losses, weights, sizes, lambda v, w: (w * v).sum() / w.sum()) / len(sizes)
                ),
                "this looks like the mean of the micro-batches' means: right only if all have the same total weight.",
            ),
            Wrong(
                lambda losses, weights, sizes: (
                    _per_batch(losses, weights, sizes, lambda v, w: (w * v).sum()) / len(losses)
                ),
                "this looks like a division by the number of samples. With weights the mean divides by something else.",
            ),
            Wrong(
                lambda losses, weights, sizes: _per_batch(losses, weights, sizes, lambda v, w: (w * v).sum()),
                "this looks like the weighted sums: each is still to be divided, all by the same number.",
            ),
            Wrong(
                lambda losses, weights, sizes: _per_batch(losses, weights, sizes, lambda v, w: v.sum()) / len(losses),
                "this looks like a mean without the weights.",
            ),
        ],
        gradient=("losses",),
    ),
]

EXERCISES = [*FIRST_LOSS, *WHERE_FROM, *REDUCTIONS]
