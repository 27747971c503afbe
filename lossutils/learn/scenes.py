"""Scenes of handwritten digits with boxes, and a dense detector for them: anchors, labels, network, average precision.

A scene is a picture in which one to three digits stand among fragments of others. A dense detector judges all 14,400
:func:`anchors` of it, of which a few dozen at most cover a digit: the imbalance that focal loss was made for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lossutils.learn import data
from lossutils.regression import smooth_l1_loss

SIDE = 160
STRIDE = 4
HEIGHTS = (10.0, 14.0, 20.0)
ASPECTS = (0.4, 0.7, 1.0)  # width over height: a 1 is thin
POSITIVE, NEGATIVE = 0.5, 0.4  # intersection over union from which, and up to which, an anchor counts


@dataclass(frozen=True)
class Scenes:
    """Pictures with the boxes of their digits.

    Attributes:
        images: (N, 1, 160, 160) float32 in [0, 1].
        boxes: N tensors (K, 4) float32 of corners x1, y1, x2, y2 in pixels, tight around the ink.
        digits: N tensors (K,) int64.
    """

    images: Tensor
    boxes: list[Tensor]
    digits: list[Tensor]


@functools.cache
def _digits() -> tuple[Tensor, Tensor]:
    """MNIST cut to its ink, one tensor a digit, in an order that mixes the classes."""
    table = data.mnist()
    order = torch.randperm(len(table.y), generator=torch.Generator().manual_seed(0))
    return table.x[order].view(-1, 28, 28).float() / 255, table.y[order]


def _ink(picture: Tensor) -> Tensor:
    """The part of a digit that holds ink."""
    rows, columns = (torch.nonzero((picture > 0.2).any(d)).flatten() for d in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(picture: Tensor, height: int) -> Tensor:
    width = max(2, round(picture.shape[1] * height / picture.shape[0]))
    return F.interpolate(picture[None, None], size=(height, width), mode="bilinear", antialias=True)[0, 0]


def draw(n: int, generator: torch.Generator, *, test: bool = False) -> Scenes:
    """n scenes; those of training and of test hold different digits (the first 4,000 and the last 1,000)."""
    pictures, labels = _digits()
    low, high = (4000, 5000) if test else (0, 4000)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    images, boxes, digits = torch.zeros(n, 1, SIDE, SIDE), [], []
    for image in images[:, 0]:
        for _ in range(24):  # fragments: a quarter of a digit is none
            whole = _resized(_ink(pictures[pick(low, high)]), pick(10, 25))
            half = [size // 2 for size in whole.shape]
            part = whole[pick(0, 2) * half[0] :, pick(0, 2) * half[1] :][: half[0] + 1, : half[1] + 1]
            y, x = pick(0, SIDE - part.shape[0]), pick(0, SIDE - part.shape[1])
            image[y : y + part.shape[0], x : x + part.shape[1]] += part
        found, count = [], pick(1, 4)
        while len(found) < count:
            index, height = pick(low, high), pick(10, 25)
            digit = _resized(_ink(pictures[index]), height)
            y, x = pick(2, SIDE - 2 - digit.shape[0]), pick(2, SIDE - 2 - digit.shape[1])
            box = torch.tensor([x, y, x + digit.shape[1], y + digit.shape[0]], dtype=torch.float32)
            if any(float(overlap(box[None], other[None])) > 0 for other, _ in found):
                continue
            image[y - 2 : y + digit.shape[0] + 2, x - 2 : x + digit.shape[1] + 2] = 0
            image[y : y + digit.shape[0], x : x + digit.shape[1]] = digit
            found.append((box, labels[index]))
        boxes.append(torch.stack([box for box, _ in found]))
        digits.append(torch.stack([label for _, label in found]))
    images += 0.1 * torch.randn(images.shape, generator=generator)
    return Scenes(images.clamp(0, 1), boxes, digits)


def anchors() -> Tensor:
    """The candidate boxes (14400, 4), corners in pixels: at 40 × 40 places nine shapes each, the shape fastest."""
    centre = torch.arange(SIDE // STRIDE) * STRIDE + STRIDE / 2
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    shapes = torch.tensor([(aspect * height, height) for height in HEIGHTS for aspect in ASPECTS])
    middle = torch.stack([x, y], -1)[:, :, None].expand(-1, -1, len(shapes), -1)
    return torch.cat([middle - shapes / 2, middle + shapes / 2], -1).view(-1, 4)


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of every box (N, 4) with every other (K, 4): (N, K)."""
    low = torch.maximum(one[:, None, :2], other[None, :, :2])
    high = torch.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (one, other)]
    return shared / (area[0][:, None] + area[1][None] - shared)


def labels(candidates: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """For each anchor 1 (on a digit), 0 (background) or −1 (neither: it is left out), and the nearest box's index.

    An anchor is positive from an overlap of 0.5 on, and each digit's best anchor is, whatever its overlap.
    """
    shared = overlap(candidates, boxes)
    best, which = shared.max(1)
    label = torch.where(best >= POSITIVE, 1, torch.where(best < NEGATIVE, 0, -1))
    label[shared.argmax(0)] = 1
    which[shared.argmax(0)] = torch.arange(len(boxes))
    return label, which


def encode(candidates: Tensor, boxes: Tensor) -> Tensor:
    """What the box branch predicts: the shift of the centre in anchor sizes, and the logarithm of the size ratio."""
    (centre, size), (wanted, goal) = (_centre_size(b) for b in (candidates, boxes))
    return torch.cat([(wanted - centre) / size, (goal / size).log()], -1)


def decode(candidates: Tensor, offsets: Tensor) -> Tensor:
    """The boxes that such offsets mean."""
    centre, size = _centre_size(candidates)
    middle, half = centre + offsets[..., :2] * size, size * offsets[..., 2:].clamp(max=3).exp() / 2
    return torch.cat([middle - half, middle + half], -1)


def _centre_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]


class Detector(nn.Module):
    """A small network that gives each anchor a logit (a digit or not) and four offsets of its box.

    Args:
        prior: the probability of a digit that all anchors start with.

    Shape:
        images (N, 1, 160, 160); the results are (N, 14400) and (N, 14400, 4).
    """

    def __init__(self, prior: float = 0.01):
        super().__init__()

        def layer(inputs: int, outputs: int, stride: int = 1, reach: int = 1) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, reach, dilation=reach)
            return nn.Sequential(convolution, nn.GroupNorm(4, outputs), nn.ReLU())

        self.body = nn.Sequential(
            layer(1, 16, 2), layer(16, 32, 2), layer(32, 32), layer(32, 32, reach=2), layer(32, 48)
        )
        shapes = len(HEIGHTS) * len(ASPECTS)
        self.score, self.box = nn.Conv2d(48, shapes, 1), nn.Conv2d(48, 4 * shapes, 1)
        for branch in (self.score, self.box):
            nn.init.normal_(branch.weight, std=0.01)
            nn.init.zeros_(branch.bias)
        nn.init.constant_(self.score.bias, math.log(prior / (1 - prior)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        logits, offsets = (branch(features).permute(0, 2, 3, 1) for branch in (self.score, self.box))
        return logits.reshape(len(images), -1), offsets.reshape(len(images), -1, 4)


def targets(scenes: Scenes) -> tuple[Tensor, Tensor]:
    """The labels (N, 14400) of all anchors, −1, 0 or 1, and the offsets (N, 14400, 4) to their nearest boxes."""
    candidates, found = anchors(), []
    for boxes in scenes.boxes:
        label, which = labels(candidates, boxes)
        found.append((label, encode(candidates, boxes[which])))
    return tuple(torch.stack(part) for part in zip(*found, strict=True))


def train(
    loss: Callable[[Tensor, Tensor], Tensor],
    scenes: Scenes,
    seed: int,
    *,
    steps: int = 300,
    prior: float = 0.01,
    rate: float = 2e-3,
    watch: Callable[[int, Tensor, Tensor], None] | None = None,
) -> Detector:
    """A detector trained by Adam with batches of four scenes and a learning rate that rises and falls (one cycle).

    Args:
        loss: from logits (M,) and labels (M,) of 0 and 1, of all anchors that count, to a scalar.
        scenes: the pictures to train on.
        seed: of the weights and the batches.
        steps: how many batches.
        prior: see :class:`Detector`.
        rate: the largest learning rate.
        watch: called with the step, the logits and the labels before each step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = Detector(prior)
    generator = torch.Generator().manual_seed(seed)
    label, offset = targets(scenes)
    optimiser = torch.optim.Adam(detector.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for step in range(steps):
        batch = torch.randint(0, len(label), (4,), generator=generator)
        logits, offsets = detector(scenes.images[batch])
        counts, on = label[batch] >= 0, label[batch] == 1
        x, y = logits[counts], (label[batch][counts] == 1).to(logits.dtype)
        if watch is not None:
            watch(step, x.detach(), y)
        boxes = smooth_l1_loss(offsets[on], offset[batch][on], beta=1 / 9)
        optimiser.zero_grad()
        (loss(x, y) + boxes).backward()
        optimiser.step()
        schedule.step()
    return detector


@torch.no_grad()
def detect(detector: Detector, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each picture the boxes (M, 4) that survive :func:`suppress`, and their logits (M,)."""
    candidates, found = anchors(), []
    for image in images:
        logits, offsets = detector(image[None])
        boxes = decode(candidates, offsets[0])
        kept = suppress(boxes, logits[0])
        found.append((boxes[kept], logits[0][kept]))
    return found


def suppress(boxes: Tensor, scores: Tensor, *, most: int = 300, limit: float = 0.4, keep: int = 20) -> Tensor:
    """Non-maximum suppression: indices of boxes, the best first, each overlapping no better one by more than limit."""
    order = scores.topk(min(most, len(scores))).indices
    shared = overlap(boxes[order], boxes[order])
    kept: list[int] = []
    for k in range(len(order)):
        if len(kept) < keep and not (shared[k, kept] > limit).any():
            kept.append(k)
    return order[kept]


def average_precision(found: list[tuple[Tensor, Tensor]], wanted: list[Tensor], *, at: float = 0.5) -> float:
    """The area under the precision-recall curve over all pictures.

    Args:
        found: for each picture boxes (M, 4) and scores (M,).
        wanted: for each picture the true boxes (K, 4).
        at: the overlap from which a box counts as found; each true box counts once.
    """
    scores, right = [], []
    for (boxes, score), truth in zip(found, wanted, strict=True):
        order = score.argsort(descending=True)
        shared, free = overlap(boxes[order], truth), torch.ones(len(truth), dtype=torch.bool)
        for row in shared:
            best, which = torch.where(free, row, -1).max(0)
            hit = bool(best >= at)
            right.append(float(hit))
            free[which] &= not hit
        scores.append(score[order])
    order = torch.cat(scores).argsort(descending=True, stable=True)
    hits = torch.tensor(right, dtype=torch.float64)[order].cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    recall = hits / sum(map(len, wanted))
    precision = precision.flip(0).cummax(0).values.flip(0)  # the best precision at this recall or a higher one
    steps = torch.diff(recall, prepend=torch.zeros(1, dtype=torch.float64))
    return float((precision * steps).sum())
