"""The code exercises of the section "Least squares and loss-sensitive GANs"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def best_output(p, q, a, b):
    """The output at each point that minimises p/2 (D − b)² + q/2 (D − a)²: the mean of the labels there."""
    return torch.stack([(b * real + a * fake) / (real + fake) for real, fake in zip(p, q, strict=True)])


def triangular(p, q):
    """The sum of (p − q)²/(p + q) over the outcomes; one that neither has adds nothing."""
    terms = [(x - y) ** 2 / (x + y) for x, y in zip(p, q, strict=True) if x + y > 0]
    return sum(terms, p.new_zeros(()))


def all_pairs_loss(real, fake, distance, weight):
    """The critic's loss of a loss-sensitive GAN over every pair of a real sample i and a fake j."""
    pairs = [
        (distance[i, j] + r - f).clamp(min=0) for i, r in enumerate(real) for j, f in enumerate(fake)
    ]  # fmt: skip
    return real.mean() + weight * torch.stack(pairs).mean()


def _shares(generator, n):
    drawn = numbers(generator, n, 0.1, 1)
    return drawn / drawn.sum()


def _terms(top, bottom):
    """Fractions, 0 where the denominator is."""
    some = bottom > 0
    return torch.where(some, top / torch.where(some, bottom, 1), 0)


def _pairs(generator, n):
    real, fake = numbers(generator, n, -2, 2, 0.033), numbers(generator, n + 1, -2, 2)
    return real, fake, numbers(generator, n * (n + 1), 0, 3, 0.05).view(n, n + 1), (1.0, 10.0, 0.5)[n % 3]


def _slack(real, fake, distance):
    return distance + real[:, None] - fake


EXERCISES = [
    Exercise(
        "best_output",
        best_output,
        cases=[([1.0], [1.0], 0.0, 1.0), ([3.0, 1.0], [1.0, 3.0], 0.0, 1.0), ([1.0, 0.5], [3.0, 0.5], -1.0, 1.0)],
        draw=lambda g, n: (numbers(g, n, 0.1, 2), numbers(g, n, 0.1, 2, 0.033), (0.0, -1.0, -2.0)[n % 3], 1.0),
        edges=[
            Edge("a point without fakes", ([0.7], [0.0], -1.0, 1.0)),
            Edge("a point without real samples", ([0.0], [0.7], -1.0, 1.0)),
        ],
        wrong=[
            Wrong(
                lambda p, q, a, b: (a * p + b * q) / (p + q),
                "this looks as if the labels had changed places. Which one do real samples ask for?",
            ),
            Wrong(
                lambda p, q, a, b: p / (p + q),
                "this looks like the best output of a GAN with a sigmoid. It is right for one pair of labels only.",
            ),
            Wrong(
                lambda p, q, a, b: b * p + a * q,
                "this looks like the weighted sum of the labels. A mean divides by the weights.",
            ),
            Wrong(
                lambda p, q, a, b: (b * p + a * q) / 2,
                "this looks like half the weighted sum. Do the two densities add up to 2 at every point?",
            ),
            Wrong(
                lambda p, q, a, b: (a + b) / 2 + 0 * p,
                "this looks like the middle between the labels, whatever the densities are.",
            ),
            Wrong(
                lambda p, q, a, b: b - a * q / (p + q),
                "this looks like a step down from b. How far apart are the two labels?",
            ),
        ],
    ),
    Exercise(
        "triangular",
        triangular,
        cases=[([0.5, 0.5], [0.5, 0.5]), ([0.75, 0.25], [0.25, 0.75]), ([0.9, 0.1], [0.5, 0.5])],
        draw=lambda g, n: (_shares(g, n + 1), _shares(g, n + 1)),
        edges=[
            Edge("distributions that share no outcome", ([1.0, 0.0], [0.0, 1.0]), gradient="finite"),
            Edge("an outcome that neither has", ([0.4, 0.6, 0.0], [0.5, 0.5, 0.0]), gradient="finite"),
        ],
        wrong=[
            Wrong(
                lambda p, q: _terms((p - q).square(), q).sum(),
                "this looks like Pearson's χ² of the two, with only q below the line.",
            ),
            Wrong(
                lambda p, q: _terms((p - q).square(), p).sum(),
                "this looks like Pearson's χ² of the two, with only p below the line.",
            ),
            Wrong(
                lambda p, q: _terms((p - q).square(), p + q).sum() / 2,
                "this looks like half of it, which is the game's value with the labels −1, 1, 0.",
            ),
            Wrong(
                lambda p, q: _terms((p - q).square(), (p + q) / 2).sum(),
                "this looks like twice the wanted: is the mean of p and q below the line, or their sum?",
            ),
            Wrong(
                lambda p, q: (p - q).abs().sum(),
                "this looks like the sum of the absolute differences, an upper bound of it.",
            ),
            Wrong(
                lambda p, q: _terms((p - q).square(), p + q).mean(),
                "this looks like the mean over the outcomes. A divergence sums over them.",
            ),
            Wrong(
                lambda p, q: ((p - q).square() / (p + q)).sum(),
                "right, until an outcome has neither: then it is 0/0, and the NaN spreads to the sum.",
            ),
        ],
    ),
    Exercise(
        "all_pairs_loss",
        all_pairs_loss,
        cases=[
            ([1.0], [1.5], [[2.0]], 10.0),
            ([0.0, 1.0], [3.0], [[1.0], [4.0]], 1.0),
            ([0.0, 1.0], [1.5, 4.0, 0.5], [[1.0, 2.0, 1.0], [2.0, 1.0, 0.2]], 2.0),
        ],
        draw=_pairs,
        edges=[Edge("a weight of 0", ([0.3, -0.4], [1.0], [[2.0], [1.0]], 0.0))],
        wrong=[
            Wrong(
                lambda real, fake, distance, weight: real.mean() + weight * _slack(real, fake, distance).mean(),
                "this looks as if pairs beyond their margin paid back. What should such a pair cost?",
            ),
            Wrong(
                lambda real, fake, distance, weight: weight * _slack(real, fake, distance).clamp(min=0).mean(),
                "this looks like the margin part alone.",
            ),
            Wrong(
                lambda real, fake, distance, weight: (
                    real.mean() + weight * (distance + fake - real[:, None]).clamp(min=0).mean()
                ),
                "this looks as if high were real. Here low is.",
            ),
            Wrong(
                lambda real, fake, distance, weight: (
                    real.mean() + weight * (real[:, None] - fake - distance).clamp(min=0).mean()
                ),
                "this looks as if a fake were content to be worse by no more than the margin. It should be worse by at "
                "least that much.",
            ),
            Wrong(
                lambda real, fake, distance, weight: (
                    real.mean() + weight * _slack(real, fake, distance).mean().clamp(min=0)
                ),
                "this looks like a hinge on the mean of the pairs. Each pair has its own.",
            ),
            Wrong(
                lambda real, fake, distance, weight: (
                    real.mean() + weight * _slack(real, fake, distance).clamp(min=0).sum()
                ),
                "this looks like a sum over the pairs: with twice as many fakes it would double.",
            ),
            Wrong(
                lambda real, fake, distance, weight: (
                    weight * (real[:, None] + _slack(real, fake, distance).clamp(min=0)).mean()
                ),
                "this looks as if the weight multiplied both parts.",
            ),
        ],
        gradient=("real", "fake"),
    ),
]
