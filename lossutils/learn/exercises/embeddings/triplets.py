"""The code exercises of the section "Triplets and InfoNCE"."""

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Exercise, Wrong, numbers


def facenet_loss(anchor, positive, negative, margin):
    """The mean over rows of max(0, margin + squared distance to the positive − that to the negative)."""
    rows = []
    for a, p, n in zip(anchor, positive, negative, strict=True):
        lead = ((a - n) ** 2).sum() - ((a - p) ** 2).sum()
        rows.append(torch.relu(margin - lead))
    return torch.stack(rows).mean()


def info_nce_by_hand(query, key, temperature):
    """The mean over rows i of −log softmax of cos(query i, key ·) / temperature at place i."""
    rows = []
    for i, q in enumerate(query):
        scores = [(q @ k) / (q.norm() * k.norm()) / temperature for k in key]
        rows.append(torch.logsumexp(torch.stack(scores), 0) - scores[i])
    return torch.stack(rows).mean()


def batch_hard(position, digit, margin):
    """Each anchor with its farthest positive and its nearest negative; the mean of the hinges."""
    rows = []
    for i, a in enumerate(position):
        distance = [(a - b).abs() for b in position]
        positives = [d for j, d in enumerate(distance) if digit[j] == digit[i] and j != i]
        negatives = [d for j, d in enumerate(distance) if digit[j] != digit[i]]
        rows.append(torch.relu(margin + max(positives) - min(negatives)))
    return torch.stack(rows).mean()


def _square(a, b):
    return (a - b).square().sum(1)


def _cosines(query, key):
    return F.normalize(query, dim=1) @ F.normalize(key, dim=1).T


def _pick(scores):
    """The mean cross entropy of the rows of scores, each against its own place."""
    return (scores.logsumexp(1) - scores.diagonal()).mean()


def _without_own(scores):
    own = torch.eye(len(scores), dtype=torch.bool)
    return (scores.masked_fill(own, -torch.inf).logsumexp(1) - scores.diagonal()).mean()


def _hinge(positive, negative, margin):
    return (margin + positive - negative).clamp(min=0).mean()


def _table(position, digit):
    """All distances, and which pairs share a digit."""
    return (position[:, None] - position).abs(), digit[:, None] == digit


def _farthest_positive(d, same):
    return d.masked_fill(~same, -1).amax(1)


def _nearest_negative(d, same):
    return d.masked_fill(same, torch.inf).amin(1)


def _nearest_positive(position, digit, margin):
    d, same = _table(position, digit)
    other = same & ~torch.eye(len(d), dtype=torch.bool)
    return _hinge(d.masked_fill(~other, torch.inf).amin(1), _nearest_negative(d, same), margin)


def _farthest_negative(position, digit, margin):
    d, same = _table(position, digit)
    return _hinge(_farthest_positive(d, same), d.masked_fill(same, -1).amax(1), margin)


def _zeros_are_nearest(position, digit, margin):
    d, same = _table(position, digit)
    return _hinge((d * same).amax(1), (d * ~same).amin(1), margin)


def _farthest_of_all(position, digit, margin):
    d, same = _table(position, digit)
    return _hinge(d.amax(1), _nearest_negative(d, same), margin)


def _over_the_batch(position, digit, margin):
    d, same = _table(position, digit)
    return _hinge(_farthest_positive(d, same).amax(), _nearest_negative(d, same).amin(), margin)


def _draw_triplets(g, n):
    rows = (numbers(g, 2 * (n + 1), -1, 1, shift).view(n + 1, 2) for shift in (0.0, 0.013, 0.037))
    return (*rows, 0.2 + 0.1 * n)


def _draw_pairs(g, n):
    return (*(numbers(g, 3 * (n + 1), -2, 2, shift).view(n + 1, 3) for shift in (0.03, 0.05)), 0.3 + 0.1 * n)


def _draw_line(g, n):
    """n + 1 digits with two or three places each, in any order; no two distances are equal."""
    digit = torch.cat([torch.arange(n + 1).repeat(2), torch.randint(0, n + 1, (n,), generator=g)])
    digit = digit[torch.randperm(len(digit), generator=g)].double()
    place = numbers(g, len(digit), -3, 3) + 0.00137 * torch.arange(len(digit), dtype=torch.float64) ** 2
    return place, digit, 0.3


EXERCISES = [
    Exercise(
        "facenet_loss",
        facenet_loss,
        cases=[
            ([[0.0, 0.0]], [[0.3, 0.0]], [[0.5, 0.0]], 0.2),
            ([[0.0, 0.0], [1.0, 1.0]], [[0.0, 2.0], [1.0, 0.5]], [[1.5, 0.0], [4.0, 1.0]], 0.2),
        ],
        draw=_draw_triplets,
        wrong=[
            Wrong(
                lambda anchor, positive, negative, margin: _hinge(
                    (anchor - positive).norm(dim=1), (anchor - negative).norm(dim=1), margin
                ),
                "this looks like torch's loss. Here the distances enter in another power.",
            ),
            Wrong(
                lambda anchor, positive, negative, margin: _hinge(
                    _square(anchor, negative), _square(anchor, positive), margin
                ),
                "this looks like a loss that is 0 when the wrong one is near. Which of the two should be far away?",
            ),
            Wrong(
                lambda anchor, positive, negative, margin: (
                    margin + _square(anchor, positive) - _square(anchor, negative)
                ).mean(),
                "this looks like a loss that falls below 0: it rewards negatives that are far off already.",
            ),
            Wrong(
                lambda anchor, positive, negative, margin: (
                    (margin + _square(anchor, positive) - _square(anchor, negative)).mean().clamp(min=0)
                ),
                "this looks like one hinge for the whole batch. An easy triplet must not pay for a hard one.",
            ),
            Wrong(
                lambda anchor, positive, negative, margin: _hinge(
                    (anchor - positive).square().mean(1), (anchor - negative).square().mean(1), margin
                ),
                "this looks like a mean over the coordinates. What is the square of a length?",
            ),
            Wrong(
                lambda anchor, positive, negative, margin: _hinge(
                    _square(anchor, positive), _square(positive, negative), margin
                ),
                "this looks like the distance of positive and negative. From which of the three are both measured?",
            ),
        ],
        gradient=("anchor", "positive", "negative"),
    ),
    Exercise(
        "info_nce_by_hand",
        info_nce_by_hand,
        cases=[
            ([[1.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [3.0, 4.0]], 0.5),
            ([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]], [[4.0, 3.0], [0.0, 2.0], [1.0, -1.0]], 1.0),
        ],
        draw=_draw_pairs,
        wrong=[
            Wrong(
                lambda query, key, temperature: _pick(query @ key.T / temperature),
                "this looks like plain dot products: longer rows would lower the loss. Only directions may count.",
            ),
            Wrong(
                lambda query, key, temperature: _without_own(_cosines(query, key) / temperature),
                "this looks like a denominator without the partner. Then it is no cross entropy, and can go below 0.",
            ),
            Wrong(
                lambda query, key, temperature: _pick(_cosines(query, key) * temperature),
                "this looks like scores that a small temperature makes flatter. It should make them steeper.",
            ),
            Wrong(
                lambda query, key, temperature: _pick(_cosines(key, query) / temperature),
                "this looks like the other direction: for each key, which query is its own?",
            ),
            Wrong(
                lambda query, key, temperature: _pick(query / query.norm() @ (key / key.norm()).T / temperature),
                "this looks like one length for the whole matrix. Each row has a length of its own.",
            ),
            Wrong(
                lambda query, key, temperature: (1 - _cosines(query, key).diagonal()).mean() / temperature,
                "this looks like a loss of the partners alone: nothing in it keeps the others away.",
            ),
        ],
        gradient=("query", "key"),
    ),
    Exercise(
        "batch_hard",
        batch_hard,
        cases=[
            ([0.0, 1.0, 1.5, 4.0], [3.0, 3.0, 8.0, 8.0], 0.3),
            ([0.0, 5.0, 0.4, 6.2, 1.1], [1.0, 2.0, 1.0, 2.0, 1.0], 0.3),
        ],
        draw=_draw_line,
        wrong=[
            Wrong(
                _zeros_are_nearest,
                "this looks like a nearest negative at distance 0. A product with a mask turns what it removes into "
                "zeros, and every anchor is at distance 0 from itself.",
            ),
            Wrong(_nearest_positive, "this looks like the nearest positive, the easiest one."),
            Wrong(_farthest_negative, "this looks like the farthest negative, the easiest one."),
            Wrong(
                _farthest_of_all,
                "this looks like the farthest of all images. Which of them may be the positive?",
            ),
            Wrong(
                _over_the_batch,
                "this looks like one triplet for the whole batch. Every image is an anchor once.",
            ),
        ],
        gradient=("position",),
    ),
]
