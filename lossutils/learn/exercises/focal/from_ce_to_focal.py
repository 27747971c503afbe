"""The code exercises of the section "From cross entropy to focal loss"."""

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def focal_each(x, y, alpha, gamma):
    """−α_t (1 − p_t)^γ log p_t, one value an element."""
    values = []
    for z, label in zip(x, y, strict=True):
        u = z if label == 1 else -z
        weight = alpha if label == 1 else 1 - alpha
        values.append(weight * torch.sigmoid(-u) ** gamma * F.softplus(-u, threshold=50))
    return torch.stack(values)


def prior_bias(share):
    """The b with σ(b) = share."""
    return torch.stack([torch.log(p / (1 - p)) for p in share])


def share_from_focal(p, gamma):
    """The share of ones for which p minimises the expected focal loss."""

    def pull(q):
        return (1 - q) ** gamma * (gamma * q * torch.log(q) - (1 - q))

    return torch.stack([pull(1 - one) / (pull(one) + pull(1 - one)) for one in p])


def _signed(x, y):
    return (2 * y - 1) * x


def _labels(generator, n):
    return torch.randint(0, 2, (n,), generator=generator).double()


def _shares(generator, n):
    return numbers(generator, n, 1, 9, 0.037) / 10


def _each(x, y):
    return F.softplus(-_signed(x, y), threshold=50)


def _weight(y, alpha):
    return alpha * y + (1 - alpha) * (1 - y)


EXERCISES = [
    Exercise(
        "focal_each",
        focal_each,
        cases=[
            ([0.0], [1.0], 0.25, 2.0),
            ([2.0, -1.0], [1.0, 1.0], 0.25, 2.0),
            ([2.0, -1.0, 0.5], [0.0, 0.0, 1.0], 0.4, 1.0),
        ],
        draw=lambda g, n: (numbers(g, n, -4, 4, 0.033), _labels(g, n), 0.25, 2.0),
        edges=[
            Edge("a logit of 60", ([60.0, 60.0], [1.0, 0.0], 0.25, 2.0)),
            Edge("a logit of −60", ([-60.0, -60.0], [1.0, 0.0], 0.25, 2.0)),
        ],
        wrong=[
            Wrong(
                lambda x, y, alpha, gamma: (
                    (1 - torch.exp(-_each(x, y).mean())) ** gamma * _each(x, y) * _weight(y, alpha)
                ),
                "this looks like one factor for all samples, from the mean of their losses. Whose p_t is it?",
            ),
            Wrong(
                lambda x, y, alpha, gamma: _weight(1 - y, alpha) * torch.sigmoid(-_signed(x, y)) ** gamma * _each(x, y),
                "this looks like the two weights exchanged: here the positives get 1 − α.",
            ),
            Wrong(
                lambda x, y, alpha, gamma: alpha * torch.sigmoid(-_signed(x, y)) ** gamma * _each(x, y),
                "this looks like α on every sample. A factor on all of them balances nothing.",
            ),
            Wrong(
                lambda x, y, alpha, gamma: (
                    (1 - torch.exp(-_weight(y, alpha) * _each(x, y))) ** gamma * _weight(y, alpha) * _each(x, y)
                ),
                "this looks like p_t computed from a loss that has its weight already: a power of p_t.",
            ),
            Wrong(
                lambda x, y, alpha, gamma: _weight(y, alpha) * (1 - torch.sigmoid(x)) ** gamma * _each(x, y),
                "this looks like 1 − p where 1 − p_t is meant: easy negatives keep their loss.",
            ),
            Wrong(
                lambda x, y, alpha, gamma: _weight(y, alpha) * torch.sigmoid(_signed(x, y)) ** gamma * _each(x, y),
                "this looks like a factor that fades out the hard samples. What is near 0 when a prediction is right?",
            ),
        ],
        gradient=["x"],
    ),
    Exercise(
        "prior_bias",
        prior_bias,
        cases=[([0.5],), ([0.01, 0.25],)],
        draw=lambda g, n: (_shares(g, n),),
        edges=[Edge("a share of 1e-8", ([1e-8],))],
        wrong=[
            Wrong(
                lambda share: torch.log((1 - share) / share),
                "this looks like the log odds of a negative: a rare class starts near certainty.",
            ),
            Wrong(
                lambda share: torch.log(share),
                "this looks like the log of the share. It is right to 1 % for a share of 0.01, and not for 0.25.",
            ),
            Wrong(
                lambda share: torch.sigmoid(share), "this looks like the sigmoid of the share. You need its inverse."
            ),
        ],
    ),
    Exercise(
        "share_from_focal",
        share_from_focal,
        cases=[([0.5], 2.0), ([0.2, 0.7], 2.0), ([0.3, 0.9], 1.0)],
        draw=lambda g, n: (_shares(g, n), 2.0),
        edges=[Edge("γ = 0, where p is the share itself", ([0.1, 0.6], 0.0))],
        wrong=[
            Wrong(lambda p, gamma: p * 1.0, "this looks like p itself, which is the share for cross entropy only."),
            Wrong(
                lambda p, gamma: p**gamma / (p**gamma + (1 - p) ** gamma),
                "this looks like the odds to the power γ. The logarithm in the gradient is missing.",
            ),
            Wrong(
                lambda p, gamma: 1 - share_from_focal(p, gamma),
                "this looks like the share of zeros. Which of the two pulls belongs to the label 1?",
            ),
            Wrong(
                lambda p, gamma: (p / (1 - p) ** gamma) / (p / (1 - p) ** gamma + (1 - p) / p**gamma),
                "this looks like the factor (1 − p_t)^γ taken for a constant. It moves with p, too.",
            ),
        ],
    ),
]
