"""Nine losses on one task of segmentation: white digits on photographs, two pixels of ink in a hundred.

    python experiments/segmentation.py      all seeds; writes lossutils/learn/experiments/segmentation.json

Digits and photographs of training, validation and test are different ones. One image in four has no digit: there the
true mask is empty. For the section "Overlap losses for masks".
"""

from __future__ import annotations

import functools
import json
import pathlib

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lossutils import dice_loss, focal_tversky_loss, lovasz_hinge_loss, soft_iou_loss, tversky_loss
from lossutils.learn import data

SEEDS = range(5)
SIDE, STEPS, BATCH, RATE = 40, 300, 8, 1e-2
PHOTOGRAPHS = {
    "train": ("astronaut", "camera", "brick", "gravel", "immunohistochemistry", "moon"),
    "validation": ("rocket", "grass", "retina"),
    "test": ("chelsea", "coffee", "coins"),
}
DIGITS = {"train": (0, 3000), "validation": (3000, 4000), "test": (4000, 5000)}
LOGITS = torch.linspace(-8, 8, 81)  # the thresholds tried
BINS = 10
TARGET = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments" / "segmentation.json"


@functools.cache
def sources(part: str) -> tuple[list[Tensor], Tensor]:
    """The grey photographs and the digits (N, 28, 28) of a part."""
    table = data.mnist()
    order = torch.randperm(len(table.y), generator=torch.Generator().manual_seed(0))
    low, high = DIGITS[part]
    grey = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    return [(data.photograph(n) * grey).sum(0) for n in PHOTOGRAPHS[part]], table.x[order][low:high].view(-1, 28, 28)


def draw(part: str, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n images (n, 1, 40, 40) in [0, 1] and their masks of 0 and 1; three in four with a digit."""
    photographs, digits = sources(part)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    images, masks = torch.zeros(n, 1, SIDE, SIDE), torch.zeros(n, 1, SIDE, SIDE)
    for k in range(n):
        photograph = photographs[pick(0, len(photographs))]
        y, x = (pick(0, size - SIDE) for size in photograph.shape)
        image = 0.7 * photograph[y : y + SIDE, x : x + SIDE]
        if k % 4:
            height = pick(14, 20)
            ink = digits[pick(0, len(digits))].float()[None, None] / 255
            ink = F.interpolate(ink, size=(height, height), mode="bilinear", antialias=True)[0, 0]
            y, x = pick(0, SIDE - height), pick(0, SIDE - height)
            patch = image[y : y + height, x : x + height]
            strength = 0.4 + 0.4 * torch.rand(1, generator=generator)
            patch += strength * ink * (1.0 - patch)
            masks[k, 0, y : y + height, x : x + height] = (ink > 0.4).float()
        images[k, 0] = image
    images += 0.03 * torch.randn(images.shape, generator=generator)
    return images.clamp(0, 1), masks


class Network(nn.Module):
    """A small U-Net: three scales, skips that are added, one logit a pixel."""

    def __init__(self, width: int = 8):
        super().__init__()

        def block(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU())

        w = width
        self.down = nn.ModuleList([block(1, w), block(w, 2 * w), block(2 * w, 4 * w), block(4 * w, 4 * w)])
        self.narrow = nn.ModuleList([nn.Conv2d(4 * w, 2 * w, 1), nn.Conv2d(2 * w, w, 1)])
        self.up = nn.ModuleList([block(2 * w, 2 * w), block(w, w)])
        self.out = nn.Conv2d(w, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        one = self.down[0]((images - 0.5) / 0.25)
        two = self.down[1](F.max_pool2d(one, 2))
        three = self.down[3](self.down[2](F.max_pool2d(two, 2)))
        two = self.up[0](two + F.interpolate(self.narrow[0](three), scale_factor=2.0))
        return self.out(self.up[1](one + F.interpolate(self.narrow[1](two), scale_factor=2.0)))


def _dice(x, t):
    return dice_loss(x, t, from_logits=True)


def _weighted(x, t, weight=50.0):
    return F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(weight))


LOSSES = {
    "CE": F.binary_cross_entropy_with_logits,
    "weighted CE": _weighted,
    "Dice": _dice,
    "Dice of the batch": lambda x, t: dice_loss(x, t, from_logits=True, dims=(0, 2, 3)),
    "soft IoU": lambda x, t: soft_iou_loss(x, t, from_logits=True),
    "Tversky": lambda x, t: tversky_loss(x, t, alpha=0.3, beta=0.7, from_logits=True),
    "focal Tversky": lambda x, t: focal_tversky_loss(x, t, alpha=0.3, beta=0.7, gamma=4 / 3, from_logits=True),
    "Lovász": lovasz_hinge_loss,
    "CE + Dice": lambda x, t: F.binary_cross_entropy_with_logits(x, t) + _dice(x, t),
}


def train(loss, images: Tensor, masks: Tensor, seed: int, steps: int = STEPS) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network()
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(0, len(images), (BATCH,), generator=generator)
        optimiser.zero_grad()
        loss(network(images[batch]), masks[batch]).backward()
        optimiser.step()
        schedule.step()
    return network


def counts(logits: Tensor, masks: Tensor, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, false positives and misses of each image at each threshold: three tensors (len(at), N)."""
    on, t = logits.flatten(1) > at[:, None, None], masks.flatten(1) > 0
    return (on & t).sum(-1), (on & ~t).sum(-1), (~on & t).sum(-1)


def dice(hits: Tensor, false: Tensor, missed: Tensor) -> Tensor:
    """The mean over images of the Dice coefficient; images without a digit are left out."""
    has = (hits + missed)[0] > 0
    return (2 * hits / (2 * hits + false + missed).clamp(min=1))[:, has].mean(1)


@torch.no_grad()
def judge(network: Network, validation, test) -> dict:
    """What the section reports of one network; thresholds are of the logits."""
    scores = [torch.cat([network(part) for part in images.split(50)])[:, 0] for images, _ in (validation, test)]
    masks = [part[1][:, 0] for part in (validation, test)]
    curve = dice(*counts(scores[0], masks[0], LOGITS))
    best = int(curve.argmax())
    found = {"threshold": float(LOGITS[best])}
    for name, at in (("half", 0.0), ("best", float(LOGITS[best]))):
        hits, false, missed = counts(scores[1], masks[1], torch.tensor([at]))
        has = (hits + missed)[0] > 0
        one, two, three = hits[:, has].sum(), false.sum(), missed.sum()
        found[name] = {
            "dice": float(dice(hits, false, missed)),
            "iou": float((hits / (hits + false + missed).clamp(min=1))[:, has].mean()),
            "pooled": float(2 * one / (2 * one + two + three)),
            "precision": float(one / (one + two).clamp(min=1)),
            "recall": float(one / (one + three)),
            "false in empty": float(false[0, ~has].float().mean()),
        }
    found["curve"] = dice(*counts(scores[1], masks[1], LOGITS[::2])).tolist()
    x, t = scores[1].flatten().double(), masks[1].flatten().double()
    p = x.sigmoid()
    found["nll"] = float(F.binary_cross_entropy_with_logits(x, t))
    found["mean p"], found["share"] = float(p.mean()), float(t.mean())
    found["between"] = float(((p > 0.05) & (p < 0.95)).double().mean())
    which = (p * BINS).long().clamp(max=BINS - 1)
    found["bins"] = [
        [int((which == k).sum()), float(p[which == k].mean().nan_to_num()), float(t[which == k].mean().nan_to_num())]
        for k in range(BINS)
    ]
    return found


def held_out() -> list[tuple[Tensor, Tensor]]:
    """Validation and test images, the same for all seeds."""
    return [draw(part, 200, torch.Generator().manual_seed(k)) for k, part in ((1, "validation"), (2, "test"))]


def train_set(seed: int) -> tuple[Tensor, Tensor]:
    return draw("train", 500, torch.Generator().manual_seed(100 + seed))


def _short(value):
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items()}
    return [_short(v) for v in value] if isinstance(value, list) else round(value, 4) if value != int(value) else value


RUNS = {name: (name, STEPS) for name in LOSSES} | {"CE, 600 steps": ("CE", 2 * STEPS)}


def main() -> None:
    """Runs what the record lacks; to begin anew, delete the file."""
    parts = held_out()
    record = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {"runs": {}}
    for seed in SEEDS:
        images, masks = train_set(seed)
        for name, (loss, steps) in RUNS.items():
            rows = record["runs"].setdefault(name, [None] * len(SEEDS))
            if rows[seed] is None:
                rows[seed] = _short(judge(train(LOSSES[loss], images, masks, seed, steps), *parts))
                print(seed, name, rows[seed]["half"], rows[seed]["best"]["dice"], flush=True)
                TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
