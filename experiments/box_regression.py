"""Losses of boxes at work: the regression simulation of the DIoU paper, and a network that fits boxes around digits.

    python experiments/box_regression.py      # writes lossutils/learn/experiments/box_regression.json

First part, after Zheng et al. (2020): seven targets of area 1 around (10, 10); at each of 40 random points within 3 of
it 49 anchors of seven sizes and seven shapes for each target; gradient descent on (x, y, w, h) for 200 iterations, by
four step rules; the sum of the four absolute errors against the iteration. The paper has 5,000 points. Second part: a
small network that sees a window of 32 pixels with one digit in it and gives its box, trained with five losses. The
section "Overlap losses for boxes" shows both.
"""

import itertools
import json
import math
import pathlib
import sys

import torch
from torch import nn

from lossutils import (
    box_iou_loss,
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
    smooth_l1_loss,
)
from lossutils.learn import scenes

SEEDS = range(5)
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "box_regression.json"
BOXES = {
    "IoU": box_iou_loss,
    "GIoU": generalized_box_iou_loss,
    "DIoU": distance_box_iou_loss,
    "CIoU": complete_box_iou_loss,
}

# The simulation

SCALES = [0.5, 0.67, 0.75, 1.0, 1.33, 1.5, 2.0]  # areas of the anchors
ASPECTS = [1 / 4, 1 / 3, 1 / 2, 1.0, 2.0, 3.0, 4.0]  # width over height
RULES = ["gradient", "gradient × (2 − IoU)", "one change", "published code"]
SHOWN = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 35, 40, 50, 60, 70, 80, 100, 120, 140, 159, 163, 170, 180, 200]
LEAST = 0.01  # no side becomes shorter


def corners(boxes):
    """Corners x1, y1, x2, y2 of boxes given as centre and sides."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def starts(points):
    """Anchors and their targets, as centre and sides: (len(points), 7 targets, 7 scales, 7 shapes, 4) each."""
    aspect, scale = (torch.tensor(v, dtype=torch.float64) for v in (ASPECTS, SCALES))
    shape = torch.stack([aspect.sqrt(), 1 / aspect.sqrt()], -1)  # of area 1
    sides = scale.sqrt()[:, None, None] * shape
    size = (len(points), 7, 7, 7, 2)
    anchor = torch.cat([points[:, None, None, None].expand(size), sides.expand(size)], -1)
    target = torch.cat([torch.full(size, 10.0, dtype=torch.float64), shape[:, None, None].expand(size)], -1)
    return anchor, target


def random_points(n, generator):
    """n points, uniform in the circle of radius 3 around (10, 10)."""
    radius, angle = torch.rand(2, n, generator=generator, dtype=torch.float64)
    radius, angle = 3 * radius.sqrt(), 2 * math.pi * angle
    return torch.stack([10 + radius * angle.cos(), 10 + radius * angle.sin()], -1)


def downhill(name, box, target):
    """Minus the exact gradient of the loss by centre and sides, and the IoU."""
    box = box.detach().requires_grad_()
    if name == "L1":
        return (target - box).sign().detach(), None
    if name == "IoU":
        loss = box_iou_loss(corners(box), corners(target), reduction="none")
        return -torch.autograd.grad(loss.sum(), box)[0], 1 - loss.detach()
    loss = BOXES[name](corners(box), corners(target), reduction="sum")
    with torch.no_grad():
        iou = 1 - box_iou_loss(corners(box), corners(target), reduction="none")
    return -torch.autograd.grad(loss, box)[0], iou


def published(name, box, target):
    """The directions as the code beside the paper has them, by hand; they are not quite minus the gradients.

    The slopes by the sides of what depends on areas are twice the derivative. GIoU does not clamp the sides of the
    intersection. In the distance term the part that comes from c² takes width and height together, has the opposite
    sign for the centre, and has it for a side that covers the target's. In CIoU 1/(w² + h²) is 1.
    """
    slope, iou = downhill("IoU", box, target)
    one, other = corners(box), corners(target)
    low, high = torch.minimum(one, other)[..., :2], torch.maximum(one, other)[..., 2:]
    if name == "GIoU":
        slope = slope + share_of_union(box, target)
    slope = slope * torch.tensor([1.0, 1.0, 2.0, 2.0], dtype=torch.float64)
    if name not in ("DIoU", "CIoU"):
        return slope, iou
    below, above = (one < other)[..., :2].double(), (one > other)[..., 2:].double()  # sides of c that are the box's
    around, apart = high - low, box[..., :2] - target[..., :2]
    c2, rho2 = around.square().sum(-1, keepdim=True), apart.square().sum(-1, keepdim=True)
    by_centre = 2 * around.sum(-1, keepdim=True) * (above - below)
    half = (above + below) / 2
    by_sides = 2 * around * torch.where(half == 1, -1.0, half) + 2 * around.flip(-1) * half
    term = torch.cat([-2 * apart * c2 - by_centre * rho2, by_sides * rho2], -1) / c2.square()
    if name == "CIoU":
        turn = torch.atan(target[..., 2] / target[..., 3]) - torch.atan(box[..., 2] / box[..., 3])
        v = 4 / math.pi**2 * turn.square()
        pull = v / (1 - iou + v + 1e-7) * 8 / math.pi**2 * turn
        term[..., 2] += pull * box[..., 3]
        term[..., 3] -= pull * box[..., 2]
    return slope + term, iou


def one_change(name, box, target):
    """The exact directions but for one thing of `published` each.

    GIoU does not clamp the sides of the intersection; in DIoU the part that comes from c² has the opposite sign for the
    centre.
    """
    if name == "GIoU":
        slope, iou = downhill("IoU", box, target)
        return slope + share_of_union(box, target), iou
    slope, iou = downhill("DIoU", box, target)
    one, other = corners(box), corners(target)
    around = torch.maximum(one, other)[..., 2:] - torch.minimum(one, other)[..., :2]
    c2 = around.square().sum(-1, keepdim=True)
    rho2 = (box - target)[..., :2].square().sum(-1, keepdim=True)
    by_centre = 2 * around * ((one > other)[..., 2:].double() - (one < other)[..., :2].double())
    slope[..., :2] -= 2 * by_centre * rho2 / c2.square()
    return slope, iou


def share_of_union(box, target):
    """The gradient of |A ∪ B| / |C|, the sides of the intersection not clamped at 0."""
    box = box.detach().requires_grad_()
    one, other = corners(box), corners(target)
    inside = torch.minimum(one, other)[..., 2:] - torch.maximum(one, other)[..., :2]
    around = torch.maximum(one, other)[..., 2:] - torch.minimum(one, other)[..., :2]
    union = box[..., 2:].prod(-1) + target[..., 2:].prod(-1) - inside.prod(-1)
    return torch.autograd.grad((union / around.prod(-1)).sum(), box)[0]


def rate(step, total=200):
    """0.1, then 0.01 for the last fifth and 0.001 for the last tenth."""
    return 0.1 if step < 0.8 * total else 0.01 if step < 0.9 * total else 0.001


def descend(name, rule, points, total=200):
    """The errors (total + 1, len(points)), means over the 343 cases of a point, and the last IoU of all cases."""
    box, target = starts(points)
    direction = {"one change": one_change, "published code": published}.get(rule, downhill)
    errors = [(box - target).abs().sum(-1).mean((1, 2, 3))]
    for step in range(total):
        slope, iou = direction(name, box, target)
        weight = 1 if rule == "gradient" else (2 - iou)[..., None]
        box = box + rate(step, total) * weight * slope
        box = torch.cat([box[..., :2], box[..., 2:].clamp(min=LEAST)], -1)
        errors.append((box - target).abs().sum(-1).mean((1, 2, 3)))
    last = 1 - box_iou_loss(corners(box), corners(target), reduction="none")
    return torch.stack(errors), last


def simulate(seed, n=40, rules=RULES, names=("IoU", "GIoU", "DIoU", "CIoU", "L1")):
    """Rule → loss → what one seed gives."""
    points = random_points(n, torch.Generator().manual_seed(seed))
    rows = {rule: {} for rule in rules}
    for rule in rules:
        for name in names:
            if (name == "L1" and rule != "gradient") or (rule == "one change" and name not in ("GIoU", "DIoU")):
                continue
            errors, iou = descend(name, rule, points)
            rows[rule][name] = {
                "error": [round(e, 4) for e in errors.mean(1)[SHOWN].tolist()],
                "last": [round(e, 3) for e in errors[-1].tolist()],  # point by point
                "iou": round(iou.mean().item(), 4),
                "apart": round((iou == 0).double().mean().item(), 4),
                "above .75": round((iou >= 0.75).double().mean().item(), 4),
            }
    return {"points": [[round(v, 3) for v in p] for p in points.tolist()], "rules": rows}


# The digits

SIDE = 32
ANCHOR = torch.tensor([8.0, 8.0, 24.0, 24.0])  # of the offsets: the middle of the window
RATE = 6e-3  # the largest of the cycle
LOSSES = {
    "smooth L1 of offsets": lambda box, offset, wanted: smooth_l1_loss(
        offset, scenes.encode(ANCHOR, wanted), beta=1 / 9
    ),
    **{name: lambda box, offset, wanted, loss=loss: loss(box, wanted) for name, loss in BOXES.items()},
}


def windows(n, seed, test=False):
    """Windows (N, 1, 32, 32) of n scenes, each around one digit, anywhere in it; and the boxes (N, 4)."""
    generator = torch.Generator().manual_seed(seed)
    drawn, images, boxes = scenes.draw(n, generator, test=test), [], []
    for image, found in zip(drawn.images, drawn.boxes, strict=True):
        for k, box in enumerate(found):
            for _ in range(2):
                low = (box[2:] - SIDE + 1).clamp(0, scenes.SIDE - SIDE)
                high = (box[:2] - 1).clamp(0, scenes.SIDE - SIDE)
                x, y = (low + torch.rand(2, generator=generator) * (high - low)).round().int().tolist()
                corner = torch.tensor([x, y, x, y])
                seen = scenes.overlap(torch.tensor([[x, y, x + SIDE, y + SIDE]]).float(), found)[0]
                seen[k] = 0
                if not seen.any():
                    images.append(image[:, y : y + SIDE, x : x + SIDE])
                    boxes.append(box - corner)
    return torch.stack(images), torch.stack(boxes)


def network():
    """A window in, four offsets out."""
    layers, channels = [], [1, 16, 32, 64]
    for i, o in itertools.pairwise(channels):
        layers += [nn.Conv2d(i, o, 3, 2, 1), nn.GroupNorm(4, o), nn.ReLU()]
    head = nn.Linear(64, 4)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(), head)


def fit(name, seed, train, test, steps=400):
    """The IoU of each test window's box, of one training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = network()
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(0, len(train[0]), (32,), generator=generator)
        offset, wanted = net(train[0][batch]), train[1][batch]
        loss = LOSSES[name](scenes.decode(ANCHOR, offset), offset, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        box = scenes.decode(ANCHOR, net(test[0]))
    return 1 - box_iou_loss(box, test[1], reduction="none")


def scores(iou):
    """Mean IoU, and the shares from 0.5, 0.75 and 0.9 on."""
    shares = [(iou >= at).double().mean().item() for at in (0.5, 0.75, 0.9)]
    return [round(v, 4) for v in (iou.double().mean().item(), *shares)]


def digits(seed, names=tuple(LOSSES)):
    """Loss → scores of one seed, with training windows of its own."""
    train, test = windows(400, seed), windows(200, 1000, test=True)
    return {name: scores(fit(name, seed, train, test)) for name in names}


def main(parts):
    for part in parts:
        runs = [{"simulation": simulate, "digits": digits}[part](seed) for seed in SEEDS]
        result = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        result |= {"rules": RULES, "iterations": SHOWN, "seeds": list(SEEDS), part: runs}
        OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or ["simulation", "digits"])
