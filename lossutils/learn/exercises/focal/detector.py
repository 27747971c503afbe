"""The code exercises of the section "A detector trained four ways"."""

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def softmax_focal(z, y, alpha, gamma):
    """−α_y (1 − p_y)^γ log p_y of logits (N, K) and classes (N,), one value a sample."""
    values = []
    for row, k in zip(z, y.tolist(), strict=True):
        cost = torch.logsumexp(row, 0) - row[k]
        values.append(alpha[k] * (1 - torch.exp(-cost)) ** gamma * cost)
    return torch.stack(values)


def area_from_hits(scores, hit, total):
    """The mean over all objects of the best precision at the recall where each is found; 0 for one never found."""
    order = sorted(range(len(scores)), key=lambda i: -float(scores[i]))
    found, precision = 0.0, []
    for rank, i in enumerate(order, start=1):
        found = found + hit[i]
        precision.append(found / rank)
    gained = [max(precision[rank:]) for rank, i in enumerate(order) if hit[i] == 1]
    return sum(gained, 0 * scores[0]) / total


def shares_from_softmax(p, gamma):
    """The class shares for which each row p minimises the expected softmax focal loss."""
    rows = []
    for row in p:
        falls = [(1 - q) ** gamma / q - gamma * (1 - q) ** (gamma - 1) * torch.log(q) for q in row]
        rows.append(torch.stack([1 / fall for fall in falls]) / sum(1 / fall for fall in falls))
    return torch.stack(rows)


def _cost(z, y):
    return -torch.log_softmax(z, 1).gather(1, y[:, None])[:, 0]


def _classes(generator, n):
    return torch.randint(0, 3, (n,), generator=generator)


def _rows(generator, n):
    p = numbers(generator, 3 * n, 1, 9, 0.037).view(n, 3)
    return p / p.sum(1, keepdim=True)


def _area(scores, hit, total, envelope=True, descending=True):
    right = hit[scores.argsort(descending=descending)]
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    if envelope:
        precision = precision.flip(0).cummax(0).values.flip(0)
    return (precision * right).sum() / total


def _some_hits(generator, n):
    hit = torch.randint(0, 2, (n + 3,), generator=generator).double()
    hit[0] = 1
    scores = numbers(generator, n + 3, -4, 4) + torch.arange(n + 3) * 0.003  # no two are equal
    return scores, hit, float(hit.sum()) + 1


_ALPHA = [0.25, 0.5, 1.5]

EXERCISES = [
    Exercise(
        "softmax_focal",
        softmax_focal,
        cases=[
            ([[0.0, 0.0, 0.0]], torch.tensor([1]), [1.0, 1.0, 1.0], 2.0),
            ([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]], torch.tensor([0, 2]), _ALPHA, 2.0),
        ],
        draw=lambda g, n: (
            numbers(g, 3 * n, -3, 3, 0.033).view(n, 3),
            _classes(g, n),
            torch.tensor(_ALPHA, dtype=torch.float64),
            2.0,
        ),
        edges=[
            Edge("logits 800 apart", ([[800.0, 0.0, 0.0]], torch.tensor([1]), _ALPHA, 2.0)),
            Edge("γ = 0, the weighted cross entropy", ([[1.0, -1.0, 0.5]], torch.tensor([2]), _ALPHA, 0.0)),
        ],
        wrong=[
            Wrong(
                lambda z, y, alpha, gamma: alpha[z.argmax(1)] * (1 - torch.exp(-_cost(z, y))) ** gamma * _cost(z, y),
                "this looks like the weight of the class that the model decides for. Whose rarity does α stand for?",
            ),
            Wrong(
                lambda z, y, alpha, gamma: alpha[0] * (1 - torch.exp(-_cost(z, y))) ** gamma * _cost(z, y),
                "this looks like one weight for all samples: that of class 0.",
            ),
            Wrong(
                lambda z, y, alpha, gamma: alpha[y] * (1 - torch.exp(-_cost(z, y).mean())) ** gamma * _cost(z, y),
                "this looks like one factor for the whole batch, from the mean of the cross entropies.",
            ),
            Wrong(
                lambda z, y, alpha, gamma: (1 - torch.exp(-alpha[y] * _cost(z, y))) ** gamma * alpha[y] * _cost(z, y),
                "this looks like p_y from a loss that has its weight already. With a weight it is a power of p_y.",
            ),
            Wrong(
                lambda z, y, alpha, gamma: alpha[y] * (1 - z.softmax(1).amax(1)) ** gamma * _cost(z, y),
                "this looks like the factor of the most probable class: a confident mistake is faded out, too.",
            ),
            Wrong(
                lambda z, y, alpha, gamma: (
                    alpha * torch.sigmoid(-_signed(z, y)) ** gamma * F.softplus(-_signed(z, y))
                ).sum(1),
                "this looks like a sigmoid for each class and a sum over the classes: several yes-or-no questions.",
            ),
            Wrong(
                lambda z, y, alpha, gamma: alpha[y] * torch.exp(-_cost(z, y)) ** gamma * _cost(z, y),
                "this looks like a factor that fades out the hard samples.",
            ),
        ],
        gradient=["z"],
    ),
    Exercise(
        "area_from_hits",
        area_from_hits,
        cases=[
            ([3.0, 2.0, 1.0], [1.0, 0.0, 1.0], 2.0),
            ([1.0, 3.0, 2.0, 0.5], [1.0, 0.0, 1.0, 0.0], 4.0),
        ],
        draw=_some_hits,
        edges=[Edge("no hit at all", ([2.0, 1.0], [0.0, 0.0], 3.0)), Edge("one box, a hit", ([1.0], [1.0], 1.0))],
        wrong=[
            Wrong(
                lambda scores, hit, total: _area(scores, hit, total, envelope=False),
                "this looks like the precision at each hit itself. A later rank may have a better one.",
            ),
            Wrong(
                lambda scores, hit, total: _area(-torch.arange(len(hit)), hit, total),
                "this looks like the boxes in the order in which they came. Who comes first in the ranking?",
            ),
            Wrong(
                lambda scores, hit, total: _area(scores, hit, total, descending=False),
                "this looks like the worst score first.",
            ),
            Wrong(
                lambda scores, hit, total: _area(scores, hit, hit.sum().clamp(min=1)),
                "this looks like a mean over the digits that were found. Those that no box finds count, too.",
            ),
            Wrong(
                lambda scores, hit, total: _area(scores, hit, 1) / len(hit),
                "this looks like a mean over the boxes. Which number makes a perfect detector 1?",
            ),
            Wrong(
                lambda scores, hit, total: hit.mean(),
                "this looks like the precision over all boxes: the ranking has no part in it.",
            ),
        ],
    ),
    Exercise(
        "shares_from_softmax",
        shares_from_softmax,
        cases=[([[0.5, 0.25, 0.25]], 2.0), ([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]], 1.0)],
        draw=lambda g, n: (_rows(g, n), 2.0),
        edges=[
            Edge("γ = 0, where p are the shares themselves", ([[0.6, 0.3, 0.1]], 0.0)),
            Edge("equal probabilities", ([[0.25, 0.25, 0.25, 0.25]], 2.0)),
        ],
        wrong=[
            Wrong(lambda p, gamma: p * 1.0, "this looks like p itself, which is right for cross entropy only."),
            Wrong(
                lambda p, gamma: p / ((1 - p) ** gamma - gamma * p * (1 - p) ** (gamma - 1) * p.log()),
                "this looks like the shares up to a factor. What do they sum to?",
            ),
            Wrong(
                lambda p, gamma: _normal(1 / _falls(p, 2.0)),
                "this looks like γ = 2 whatever γ is given.",
            ),
            Wrong(
                lambda p, gamma: (1 / _falls(p, gamma)) / (1 / _falls(p, gamma)).sum(),
                "this looks like one sum over all rows. Each row is a sample of its own.",
            ),
            Wrong(
                lambda p, gamma: _normal(p / (1 - p) ** gamma),
                "this looks like the factor (1 − p)^γ taken for a constant. It moves with p, too.",
            ),
            Wrong(
                lambda p, gamma: _normal(p ** (gamma + 1)),
                "this looks like a power of p, a temperature. The two agree at no γ but 0.",
            ),
            Wrong(
                lambda p, gamma: _normal((1 - p) ** gamma / p - gamma * (1 - p) ** (gamma - 1) * p.log()),
                "this looks like the slope itself where its inverse is needed: the rarest gets the largest share.",
            ),
        ],
    ),
]


def _falls(p, gamma):
    return (1 - p) ** gamma / p - gamma * (1 - p) ** (gamma - 1) * p.log()


def _normal(rows):
    return rows / rows.sum(1, keepdim=True)


def _signed(z, y):
    return (2 * F.one_hot(y, z.shape[1]) - 1) * z
