"""The code exercises of the section "Combining losses"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def common_direction(g1, g2):
    """The shortest vector on the segment from g1 to g2."""
    gap = g1 - g2
    length = (gap * gap).sum()
    if length == 0:
        return g1.clone()
    share = (-(gap * g2).sum() / length).clamp(0, 1)  # of g1
    return share * g1 + (1 - share) * g2


def learned_total(losses, log_sigmas):
    """The sum over the tasks of L / (2 σ²) + log σ."""
    total = 0
    for loss, log_sigma in zip(losses, log_sigmas, strict=True):
        total = total + loss / (2 * log_sigma.exp() ** 2) + log_sigma
    return total


def _share(g1, g2):
    gap = g1 - g2
    return -(gap * g2).sum() / (gap * gap).sum()


def _unit(g):
    return g / g.norm()


EXERCISES = [
    Exercise(
        "common_direction",
        common_direction,
        cases=[([1.0, 0.0], [0.0, 1.0]), ([2.0, 0.0], [0.0, 1.0]), ([1.0, 0.0], [3.0, 1.0])],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.05), numbers(g, n + 1, -3, 3, 0.02)),
        edges=[
            Edge("two equal gradients", ([1.0, 2.0], [1.0, 2.0])),
            Edge("opposite gradients", ([2.0, 0.0], [-1.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda g1, g2: (g1 + g2) / 2,
                "this looks like the middle of the segment. When one gradient is long, is that its shortest vector?",
            ),
            Wrong(
                lambda g1, g2: g1 + g2,
                "this looks like the gradient of the plain sum of the losses. It is not on the segment at all.",
            ),
            Wrong(
                lambda g1, g2: _share(g1, g2) * g1 + (1 - _share(g1, g2)) * g2,
                "this looks right where the foot of the perpendicular from 0 lies on the segment. Does it always?",
            ),
            Wrong(
                lambda g1, g2: (1 - _share(g1, g2).clamp(0, 1)) * g1 + _share(g1, g2).clamp(0, 1) * g2,
                "this looks as if the two shares were exchanged: the long gradient gets the large one.",
            ),
            Wrong(
                lambda g1, g2: (_unit(g1) + _unit(g2)) / 2,
                "this looks like the mean of the two unit vectors. The length of the gradients should matter here.",
            ),
            Wrong(
                lambda g1, g2: _share(g1, g2).clamp(0, 1) * g1 + (1 - _share(g1, g2).clamp(0, 1)) * g2,
                "right, until the two gradients are equal and the segment is a point: then it is 0/0.",
            ),
        ],
    ),
    Exercise(
        "learned_total",
        learned_total,
        cases=[([1.0], [0.0]), ([4.0, 0.5], [0.5, -0.5]), ([0.01, 2.0], [-2.3, 1.0])],
        draw=lambda g, n: (numbers(g, n, 0.1, 5, 0.03), numbers(g, n, -2, 2, 0.07)),
        wrong=[
            Wrong(
                lambda losses, log_sigmas: (losses * torch.exp(-log_sigmas) / 2 + log_sigmas / 2).sum(),
                "this looks as if the parameter were log σ². Which of the two does the name say?",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses * torch.exp(-log_sigmas) / 2 + log_sigmas).sum(),
                "this looks as if the loss were divided by σ. In the Gaussian density it is the square.",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses * torch.exp(-2 * log_sigmas) + log_sigmas).sum(),
                "this looks like the form for a cross entropy. A factor of the Gaussian density is missing.",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses / (2 * log_sigmas**2) + log_sigmas.log()).sum(),
                "this looks as if the parameter were σ itself. A negative one is allowed here, and gives NaN.",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses * torch.exp(-2 * log_sigmas) / 2).sum(),
                "this looks like the weighted losses alone. What keeps every weight from going to 0?",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses * torch.exp(-2 * log_sigmas).detach() / 2 + log_sigmas).sum(),
                "the value is right. The weight is cut from the graph, so that σ feels the logarithm alone.",
            ),
            Wrong(
                lambda losses, log_sigmas: (losses.detach() * torch.exp(-2 * log_sigmas) / 2 + log_sigmas).sum(),
                "the value is right. The losses are cut from the graph, so that the network does not learn.",
            ),
        ],
        gradient=("losses", "log_sigmas"),
    ),
]
