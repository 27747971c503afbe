"""The code exercises of the section "Overlap losses for boxes"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def iou_each(a, b):
    """The IoU of each pair of boxes, given as corners x1, y1, x2, y2: (n, 4) and (n, 4) → (n,)."""
    values = []
    for one, other in zip(a, b, strict=True):
        shared = _overlap(one[0], one[2], other[0], other[2]) * _overlap(one[1], one[3], other[1], other[3])
        values.append(shared / (_area(one) + _area(other) - shared))
    return torch.stack(values)


def giou_each(a, b):
    """The GIoU loss of each pair of boxes, given as corners."""
    values = []
    for one, other in zip(a, b, strict=True):
        shared = _overlap(one[0], one[2], other[0], other[2]) * _overlap(one[1], one[3], other[1], other[3])
        union = _area(one) + _area(other) - shared
        width = torch.maximum(one[2], other[2]) - torch.minimum(one[0], other[0])
        height = torch.maximum(one[3], other[3]) - torch.minimum(one[1], other[1])
        values.append(1 - shared / union + (width * height - union) / (width * height))
    return torch.stack(values)


def distance_term(a, b):
    """ρ²/c² of each pair of boxes, given as centre and sides x, y, w, h."""
    values = []
    for one, other in zip(a, b, strict=True):
        c2 = 0
        for k in (0, 1):
            high = torch.maximum(one[k] + one[k + 2] / 2, other[k] + other[k + 2] / 2)
            low = torch.minimum(one[k] - one[k + 2] / 2, other[k] - other[k + 2] / 2)
            c2 = c2 + (high - low) ** 2
        rho2 = (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
        values.append(rho2 / c2)
    return torch.stack(values)


def _overlap(low, high, other_low, other_high):
    return (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0)


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _inside(a, b):
    """Width and height of the intersection, negative where the boxes are apart."""
    return torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])


def _around(a, b):
    return (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)


def _ratio(shared, a, b):
    return shared / (_areas(a) + _areas(b) - shared)


def _plus_one(a, b):
    shared = (_inside(a, b) + 1).clamp(min=0).prod(1)
    sizes = [(boxes[:, 2:] - boxes[:, :2] + 1).prod(1) for boxes in (a, b)]
    return shared / (sizes[0] + sizes[1] - shared)


def _shared(a, b):
    return _inside(a, b).clamp(min=0).prod(1)


def _union(a, b):
    return _areas(a) + _areas(b) - _shared(a, b)


def _boxes(generator, n, shift=0.0):
    low = numbers(generator, 2 * n, 0, 4, shift).view(n, 2)
    sides = numbers(generator, 2 * n, 1, 4, 0.02).view(n, 2)
    return torch.cat([low, low + sides], 1)


def _centred(generator, n, shift=0.0):
    centre = numbers(generator, 2 * n, 0, 4, shift).view(n, 2)
    return torch.cat([centre, numbers(generator, 2 * n, 1, 4, 0.02 + shift / 3).view(n, 2)], 1)


def _to_corners(boxes):
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def _diagonal2(a, b):
    """The squared diagonal of the box around both, given as corners."""
    return (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).square().sum(1)


def _rho2(a, b):
    return (a[:, :2] - b[:, :2]).square().sum(1)


def _as_corners(a, b):
    apart = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return apart.square().sum(1) / _diagonal2(a, b)


def _from_low(boxes):
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


EXERCISES = [
    Exercise(
        "iou_each",
        iou_each,
        cases=[
            ([[0.0, 0.0, 2.0, 2.0]], [[1.0, -1.0, 3.0, 1.0]]),
            ([[0.0, 0.0, 2.0, 1.0]], [[3.0, 2.0, 4.0, 5.0]]),
            ([[0.0, 0.0, 2.0, 1.0]], [[0.5, 2.0, 1.5, 5.0]]),
        ],
        draw=lambda g, n: (_boxes(g, n), _boxes(g, n, 0.05)),
        edges=[
            Edge("two boxes that are the same", ([[1.0, 1.0, 3.0, 2.0]], [[1.0, 1.0, 3.0, 2.0]]), gradient="finite"),
            Edge("boxes of size 0.01", ([[0.0, 0.0, 0.01, 0.01]], [[0.005, 0.002, 0.015, 0.012]])),
        ],
        wrong=[
            Wrong(
                lambda a, b: _ratio(_inside(a, b).prod(1), a, b),
                "this looks like an intersection of boxes that do not meet. What sign do its two sides have when they "
                "are apart both ways, and their product?",
            ),
            Wrong(
                lambda a, b: _ratio(_inside(a, b).prod(1).clamp(min=0), a, b),
                "this looks like a product that is cut at 0. It is too late there: minus times minus is plus.",
            ),
            Wrong(
                lambda a, b: _shared(a, b) / (_areas(a) + _areas(b)),
                "this looks like a union that counts the shared part twice: two boxes that are the same get ½.",
            ),
            Wrong(
                _plus_one,
                "this looks like a 1 added to each side, as for whole pixels. These corners are coordinates; what does "
                "it do to boxes of size 0.01?",
            ),
            Wrong(
                lambda a, b: torch.maximum(a, b).prod(1) / (_areas(a) + _areas(b)),
                "this looks like the larger number at each of the four places, multiplied. That product is no area: "
                "shift both boxes by 1, and it changes.",
            ),
            Wrong(
                lambda a, b: 1 - _ratio(_shared(a, b), a, b),
                "this looks like the loss. The index is asked for, which is 1 where the boxes are the same.",
            ),
        ],
        gradient=["a"],
    ),
    Exercise(
        "giou_each",
        giou_each,
        cases=[
            ([[0.0, 0.0, 1.0, 1.0]], [[3.0, -0.5, 4.0, 1.5]]),
            ([[0.0, 0.0, 2.0, 2.0]], [[1.0, -1.0, 3.0, 1.0]]),
            ([[0.0, 0.0, 2.0, 1.0]], [[3.0, 2.0, 4.0, 5.0]]),
        ],
        draw=lambda g, n: (_boxes(g, n), _boxes(g, n, 0.05)),
        edges=[
            Edge("one box inside the other", ([[0.0, 0.0, 4.0, 4.0]], [[1.0, 1.0, 3.0, 2.0]])),
            Edge("two boxes that are the same", ([[1.0, 1.0, 3.0, 2.0]], [[1.0, 1.0, 3.0, 2.0]]), gradient="finite"),
        ],
        wrong=[
            Wrong(
                lambda a, b: 1 - _ratio(_shared(a, b), a, b) + 1 - _shared(a, b) / _around(a, b),
                "this looks like the share of C that is not in both boxes. Which part of C is asked for?",
            ),
            Wrong(
                lambda a, b: (
                    1
                    - _ratio(_shared(a, b), a, b)
                    + (_around(a, b) - (_areas(a) + _areas(b) - _shared(a, b)))
                    / (_areas(a) + _areas(b) - _shared(a, b))
                ),
                "this looks like the empty part of C divided by the union. It has no bound: by what is it divided?",
            ),
            Wrong(
                lambda a, b: (
                    1
                    - _ratio(_inside(a, b).prod(1), a, b)
                    + 1
                    - (_areas(a) + _areas(b) - _inside(a, b).prod(1)) / _around(a, b)
                ),
                "this looks like sides of the intersection that were not cut at 0: wrong once the boxes are apart.",
            ),
            Wrong(
                lambda a, b: _ratio(_shared(a, b), a, b) - 1 + (_areas(a) + _areas(b) - _shared(a, b)) / _around(a, b),
                "this looks like the index, from −1 to 1. The loss is 0 where the boxes are the same.",
            ),
            Wrong(
                lambda a, b: 2 - _ratio(_shared(a, b), a, b) - (_areas(a) + _areas(b)) / _around(a, b),
                "this looks right as long as the boxes are apart. What does |A| + |B| count twice?",
            ),
        ],
        gradient=["a"],
    ),
    Exercise(
        "distance_term",
        distance_term,
        cases=[
            ([[0.0, 0.0, 1.0, 1.0]], [[3.0, 0.5, 1.5, 2.5]]),
            ([[2.0, 2.0, 1.0, 4.0]], [[2.5, 1.0, 2.5, 1.5]]),
        ],
        draw=lambda g, n: (_centred(g, n), _centred(g, n, 0.05)),
        edges=[Edge("one centre", ([[1.0, 1.0, 3.0, 2.0]], [[1.0, 1.0, 1.0, 4.0]]))],
        wrong=[
            Wrong(
                _as_corners,
                "this looks like boxes read as corners x1, y1, x2, y2. What do the four numbers mean here?",
            ),
            Wrong(
                lambda a, b: (
                    (_from_low(a) - _from_low(b)).view(-1, 2, 2).mean(1).square().sum(1)
                    / _diagonal2(_from_low(a), _from_low(b))
                ),
                "this looks like x, y taken for the corner with the least coordinates. They are the centre.",
            ),
            Wrong(
                lambda a, b: _rho2(a, b) / _diagonal2(_to_corners(a), _to_corners(b)).sqrt(),
                "this looks like ρ² over c. It has a unit: measured in centimetres it is a hundred times what it is in "
                "metres.",
            ),
            Wrong(
                lambda a, b: (_rho2(a, b) / _diagonal2(_to_corners(a), _to_corners(b))).sqrt(),
                "this looks like ρ/c. In the paper the term is smooth where the centres meet.",
            ),
            Wrong(
                lambda a, b: _rho2(a, b) / _around(_to_corners(a), _to_corners(b)),
                "this looks like the distance over the area of the box around both. For two boxes in a row that has no "
                "bound.",
            ),
            Wrong(
                lambda a, b: _rho2(a, b) / _diagonal2(_to_corners(a), _to_corners(b)).detach(),
                "this looks right in value, with c² taken for a constant. Moving the box changes c, too.",
            ),
        ],
        gradient=["a"],
    ),
]
