"""The code exercises of the section "Where the field goes"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def hypergradient(weights, pulls, outer, rate):
    """The gradient of the outer loss by the weights, through one step with the weighted mean of the pulls."""
    total = weights.sum()
    mean = (weights[:, None] * pulls).sum(0) / total
    return torch.stack([-rate * ((pull - mean) * outer).sum() / total for pull in pulls])


def sum_nll(first, second, total):
    """-log of the probability that two digits with these log-probabilities have this sum."""
    pairs = [first[a] + second[b] for a in range(len(first)) for b in range(len(second)) if a + b == total]
    return -torch.logsumexp(torch.stack(pairs), 0)


def residual_loss(angle, speed, push, friction, square):
    """The mean of the squared residual of push + friction speed + square sin(angle) = 0."""
    total = 0
    for a, v, p in zip(angle, speed, push, strict=True):
        total = total + (p + friction * v + square * torch.sin(a)) ** 2
    return total / len(angle)


def _pairs(first, second, total):
    return torch.stack([first[a] + second[total - a] for a in range(len(first)) if 0 <= total - a < len(second)])


def _draw_sum(g, n):
    first, second = (numbers(g, n + 2, -2, 2).log_softmax(0) for _ in range(2))
    return first, second, int(torch.randint(0, 2 * n + 3, (), generator=g))


def _draw_swing(g, n):
    angle, speed, push = (numbers(g, n + 1, -3, 3, 0.03) for _ in range(3))
    return angle, speed, push, float(numbers(g, 1, 0.1, 1)), float(numbers(g, 1, 1, 5))


EXERCISES = [
    Exercise(
        "hypergradient",
        hypergradient,
        cases=[
            ([1.0, 1.0], [[1.0], [0.0]], [1.0], 1.0),
            ([1.0, 3.0], [[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0], 0.5),
        ],
        draw=lambda g, n: (
            numbers(g, n + 1, 0.2, 2, 0.03),
            numbers(g, 3 * (n + 1), -2, 2).view(-1, 3),
            numbers(g, 3, -2, 2, 0.05),
            0.1 * n,
        ),
        wrong=[
            Wrong(
                lambda weights, pulls, outer, rate: (
                    rate * (pulls - (weights @ pulls) / weights.sum()) @ outer / weights.sum()
                ),
                "this looks like minus the gradient. Which way does a step of gradient descent go?",
            ),
            Wrong(
                lambda weights, pulls, outer, rate: -rate * pulls @ outer / weights.sum(),
                "this looks as if the sum of the weights were a constant. It is made of the weights too.",
            ),
            Wrong(
                lambda weights, pulls, outer, rate: -rate * pulls @ outer,
                "this looks like a step along the weighted sum. The step divides by the sum of the weights.",
            ),
            Wrong(
                lambda weights, pulls, outer, rate: (
                    -(pulls - (weights @ pulls) / weights.sum()) @ outer / weights.sum()
                ),
                "right in its direction. How far does the step carry the parameters?",
            ),
            Wrong(
                lambda weights, pulls, outer, rate: -rate * (pulls - pulls.mean(0)) @ outer / weights.sum(),
                "this looks as if each pull were compared with their plain mean. Along which mean does the step go?",
            ),
            Wrong(
                lambda weights, pulls, outer, rate: -rate * (pulls - (weights @ pulls) / weights.sum()) @ outer,
                "every entry is too large by the same factor. Differentiate the quotient once more.",
            ),
        ],
    ),
    Exercise(
        "sum_nll",
        sum_nll,
        cases=[
            ([-0.6931471805599453, -0.6931471805599453], [-0.6931471805599453, -0.6931471805599453], 1),
            ([-1.2039728043259361, -0.35667494393873245], [-0.2231435513142097, -1.6094379124341003], 1),
        ],
        draw=_draw_sum,
        edges=[
            Edge("the sum 0", ([-0.5, -0.9327521295671886], [-2.0, -0.14541345786885906], 0), gradient="no"),
            Edge("scores of 1,000 nats", ([-1000.0, 0.0], [0.0, -1000.0], 0), gradient="no"),
        ],
        wrong=[
            Wrong(
                lambda first, second, total: -_pairs(first, second, total).max(),
                "this looks like the most probable pair alone. How do the others add to the probability of the sum?",
            ),
            Wrong(
                lambda first, second, total: -_pairs(first, second, total).sum(),
                "this looks like the sum of the logarithms of all pairs. Does a sum of 9 need all its pairs at once?",
            ),
            Wrong(
                lambda first, second, total: -_pairs(first, second, total).exp().sum(),
                "this looks like minus the probability itself. The logarithm is missing.",
            ),
            Wrong(
                lambda first, second, total: (
                    -torch.logsumexp(
                        torch.stack(
                            [
                                first[a] + second[total - a]
                                for a in range(len(first))
                                if 0 <= total - a < len(second) and a <= total - a
                            ]
                        ),
                        0,
                    )
                ),
                "this looks as if 3 + 5 and 5 + 3 were one pair. The pictures stand in an order.",
            ),
            Wrong(
                lambda first, second, total: (first.argmax() + second.argmax() - total).double().abs(),
                "this looks like the error of the sum of the two most probable digits. What is its gradient?",
            ),
            Wrong(
                lambda first, second, total: -_pairs(first.exp(), second.exp(), total).exp().sum().log(),
                "this looks as if probabilities were added where they should be multiplied. The inputs are logarithms.",
            ),
            Wrong(
                lambda first, second, total: -(_pairs(first, second, total).exp().sum()).log(),
                "right, until a probability underflows to 0: stay with logarithms.",
            ),
        ],
        gradient=("first", "second"),
    ),
    Exercise(
        "residual_loss",
        residual_loss,
        cases=[([0.0], [1.0], [0.0], 0.5, 4.0), ([1.5, 0.2], [0.0, -1.0], [-4.0, 0.1], 0.4, 4.0)],
        draw=_draw_swing,
        wrong=[
            Wrong(
                lambda angle, speed, push, friction, square: (push + friction * speed + square * angle).square().mean(),
                "this looks like the equation of small angles. Is 1.5 a small one?",
            ),
            Wrong(
                lambda angle, speed, push, friction, square: (
                    (push - friction * speed - square * angle.sin()).square().mean()
                ),
                "this looks as if friction and gravity drove the swing on. Bring all terms to one side.",
            ),
            Wrong(
                lambda angle, speed, push, friction, square: (push + square * angle.sin()).square().mean(),
                "this looks like a pendulum without friction.",
            ),
            Wrong(
                lambda angle, speed, push, friction, square: (
                    (push + friction * speed + square * angle.sin()).mean().square()
                ),
                "this looks like the square of the mean, where residuals of both signs cancel.",
            ),
            Wrong(
                lambda angle, speed, push, friction, square: (
                    (push + friction * speed + square * angle.sin()).square().sum()
                ),
                "this looks like a sum. With a sum the number of instants becomes a weight.",
            ),
            Wrong(
                lambda angle, speed, push, friction, square: (
                    (push + friction * speed + square * angle.sin()).abs().mean()
                ),
                "this looks like the mean of the absolute residual. The square is asked for.",
            ),
        ],
        gradient=("angle", "speed", "push"),
    ),
]
