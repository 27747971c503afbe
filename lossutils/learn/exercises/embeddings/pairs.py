"""The code exercises of the section "Ranking and pairs"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, signs


def pairs_in_order(scores, labels):
    """The share of pairs (positive, negative) in which the positive has the higher score; a tie counts half."""
    positives = [s for s, y in zip(scores, labels, strict=True) if y > 0]
    negatives = [s for s, y in zip(scores, labels, strict=True) if y < 0]
    right = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positives for n in negatives]
    return torch.tensor(sum(right) / len(right), dtype=torch.float64)


def contrastive(distance, same, margin):
    """½ d² for a pair of one class (same = 1), ½ max(0, margin − d)² for another (same = 0), one value a pair."""
    values = [
        d**2 / 2 if s == 1 else torch.clamp(margin - d, min=0) ** 2 / 2 for d, s in zip(distance, same, strict=True)
    ]
    return torch.stack(values)


def cosine_gradient(x1, x2):
    """The gradient of 1 − cos(x1, x2) by x1."""
    long1, long2 = torch.sqrt((x1 * x1).sum()), torch.sqrt((x2 * x2).sum())
    cosine = (x1 * x2).sum() / (long1 * long2)
    return torch.stack([(cosine * a / long1 - b / long2) / long1 for a, b in zip(x1, x2, strict=True)])


def _gaps(scores, labels):
    return scores[labels > 0][:, None] - scores[labels < 0]


def _unit(x):
    return x / torch.linalg.vector_norm(x)


def _turn(x1, x2):
    u1, u2 = _unit(x1), _unit(x2)
    return (u1 @ u2) * u1 - u2


def _both_classes(generator, n):
    labels = torch.cat([torch.tensor([1.0, -1.0], dtype=torch.float64), signs(generator, n)])
    return numbers(generator, n + 2, 0, 1.5), labels


def _pairs(generator, n):
    same = (signs(generator, n + 1) + 1) / 2
    return numbers(generator, n + 1, 0.2, 2.4, 0.033), same, 1.5


EXERCISES = [
    Exercise(
        "pairs_in_order",
        pairs_in_order,
        cases=[([2.0, 1.0], [1.0, -1.0]), ([1.0, 2.0, 0.5], [1.0, -1.0, -1.0]), ([1.0, 3.0, 2.0], [1.0, 1.0, -1.0])],
        draw=_both_classes,
        edges=[
            Edge("a tie", ([1.0, 1.0], [1.0, -1.0])),
            Edge("all scores equal", ([0.5, 0.5, 0.5], [1.0, -1.0, -1.0])),
        ],
        wrong=[
            Wrong(
                lambda scores, labels: (_gaps(scores, labels) > 0).double().mean(),
                "right, until two scores are equal: a tie counts half. What does a constant score deserve?",
            ),
            Wrong(
                lambda scores, labels: (_gaps(scores, labels) >= 0).double().mean(),
                "right, until two scores are equal. Here a model that gives all the same score would be perfect.",
            ),
            Wrong(
                lambda scores, labels: (torch.sign(-_gaps(scores, labels)) + 1).mean() / 2,
                "this looks like the share of pairs in the wrong order.",
            ),
            Wrong(
                lambda scores, labels: torch.sign(_gaps(scores, labels)).mean(),
                "this looks like right minus wrong pairs, from −1 to 1. A share lies between 0 and 1.",
            ),
            Wrong(
                lambda scores, labels: (torch.sign(_gaps(scores, labels)) + 1).sum() / 2,
                "this looks like a count. Divide it by the number of pairs.",
            ),
            Wrong(
                lambda scores, labels: (torch.sign(_gaps(scores, labels)) + 1).sum() / 2 / len(scores) ** 2,
                "this looks as if it were divided by all N² couples. How many of a positive and a negative are there?",
            ),
            Wrong(
                lambda scores, labels: (labels * scores > 0).double().mean(),
                "this looks like the accuracy at the threshold 0. No threshold enters here, only order.",
            ),
            Wrong(
                lambda scores, labels: (1 - _gaps(scores, labels)).clamp(min=0).mean(),
                "this looks like the margin ranking loss. What counts is the order, whatever the lead.",
            ),
        ],
    ),
    Exercise(
        "contrastive",
        contrastive,
        cases=[([0.5], [1.0], 1.0), ([0.5], [0.0], 1.5), ([2.0, 0.25], [0.0, 1.0], 1.0)],
        draw=_pairs,
        edges=[Edge("different classes beyond the margin", ([3.0], [0.0], 1.0))],
        wrong=[
            Wrong(
                lambda distance, same, margin: (
                    (1 - same) * distance**2 / 2 + same * (margin - distance).clamp(min=0) ** 2 / 2
                ),
                "this looks like the labels of the paper, where Y = 0 is a pair of one class. Here 1 is.",
            ),
            Wrong(
                lambda distance, same, margin: same * distance**2 + (1 - same) * (margin - distance).clamp(min=0) ** 2,
                "this looks like twice the loss: the paper's formula has a factor in front of both squares.",
            ),
            Wrong(
                lambda distance, same, margin: same * distance + (1 - same) * (margin - distance).clamp(min=0),
                "this looks like the hinge embedding loss: nothing is squared.",
            ),
            Wrong(
                lambda distance, same, margin: same * distance**2 / 2 + (1 - same) * (margin - distance) ** 2 / 2,
                "right for near pairs. Two of different classes beyond the margin cost something here: drawn back.",
            ),
            Wrong(
                lambda distance, same, margin: (
                    same * distance**2 / 2 + (1 - same) * (margin - distance**2).clamp(min=0) / 2
                ),
                "this looks as if the margin were compared with the squared distance. The paper compares it with d.",
            ),
            Wrong(
                lambda distance, same, margin: (
                    same * distance**2 / 2 + (1 - same) * (margin**2 - distance**2).clamp(min=0) / 2
                ),
                "this looks like a difference of squares. The shortfall is taken first and squared then.",
            ),
            Wrong(
                lambda distance, same, margin: (
                    same * distance / 2 + (1 - same) * (margin - distance).clamp(min=0) ** 2 / 2
                ),
                "right for different classes. For one class the distance lacks its square: did you take d for d²?",
            ),
        ],
        gradient=("distance",),
    ),
    Exercise(
        "cosine_gradient",
        cosine_gradient,
        cases=[([1.0, 0.0], [0.0, 1.0]), ([2.0, 0.0], [3.0, 4.0]), ([1.0, 2.0], [1.0, 2.0])],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.033), numbers(g, n + 1, -3, 3, 0.033)),
        edges=[Edge("opposite vectors", ([1.0, 0.0], [-2.0, 0.0]))],
        wrong=[
            Wrong(
                lambda x1, x2: _turn(x1, x2),
                "this looks right for a vector of length 1. How much does a long vector turn when its tip moves?",
            ),
            Wrong(
                lambda x1, x2: -_turn(x1, x2) / torch.linalg.vector_norm(x1),
                "this looks like the gradient of the cosine itself. The loss falls where the cosine rises.",
            ),
            Wrong(
                lambda x1, x2: _turn(x1, x2) / torch.linalg.vector_norm(x2),
                "this looks as if it were divided by the length of the wrong vector.",
            ),
            Wrong(
                lambda x1, x2: -_unit(x2) / torch.linalg.vector_norm(x1),
                "this looks as if the length of x1 stayed fixed by itself. Moving x1 along itself must not matter.",
            ),
            Wrong(
                lambda x1, x2: -x2,
                "this looks like the gradient of minus the scalar product.",
            ),
            Wrong(
                lambda x1, x2: _unit(x1) - _unit(x2),
                "this looks like the spring between the two unit vectors. Is it orthogonal to x1?",
            ),
            Wrong(
                lambda x1, x2: _turn(x2, x1) / torch.linalg.vector_norm(x1),
                "this looks like the direction for the other vector: orthogonal to x2.",
            ),
        ],
    ),
]
