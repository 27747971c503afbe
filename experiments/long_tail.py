"""Digits with a long tail of rare classes: cross entropy, weights and softmax focal loss, and their probabilities.

    python experiments/long_tail.py        all seeds; writes lossutils/learn/experiments/long_tail.json

For "A detector trained four ways". Each seed draws the order of the classes, the digits and the first weights; all
losses of a seed share them.
"""

from __future__ import annotations

import json
import pathlib

import torch
from torch import nn

from lossutils import cross_entropy, softmax_focal_loss
from lossutils.learn import data

SEEDS = range(5)
COUNTS = [round(200 * 0.01 ** (k / 9)) for k in range(10)]  # of the most frequent class first: 200 … 2
AT = (5, 10, 20, 40, 80)  # epochs after which a network is judged
BINS = 15
TARGET = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments" / "long_tail.json"
SHARE = torch.tensor(COUNTS, dtype=torch.float64) / sum(COUNTS)
WEIGHT = 1 / (10 * SHARE)  # 1 on average over the samples

LOSSES = {  # all divide by the number of samples
    "cross entropy": cross_entropy,
    "weighted": lambda z, y: softmax_focal_loss(z, y, gamma=0.0, alpha=WEIGHT),
    "focal": lambda z, y: softmax_focal_loss(z, y, gamma=2.0),
    "focal, weighted": lambda z, y: softmax_focal_loss(z, y, gamma=2.0, alpha=WEIGHT),
}


def split(seed: int):
    """(x, y) to train on with the long tail, to calibrate (100 a class) and to test (200); class 0 is frequent."""
    digits, generator = data.mnist(), torch.Generator().manual_seed(seed)
    order, parts = torch.randperm(10, generator=generator), [[], [], []]
    for rank, digit in enumerate(order.tolist()):
        rows = torch.nonzero(digits.y == digit).flatten()[torch.randperm(500, generator=generator)]
        for part, some in zip(parts, (rows[: COUNTS[rank]], rows[200:300], rows[300:]), strict=True):
            part.append((digits.x[some] / 255, torch.full((len(some),), rank)))
    return [tuple(torch.cat(side) for side in zip(*part, strict=True)) for part in parts]


def fit(loss, x, y, seed: int, at=AT):
    """A network of one hidden layer, in float64, by Adam with batches of 64: yielded after each number of epochs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).double()
    optimiser, generator = torch.optim.Adam(net.parameters(), 2e-3), torch.Generator().manual_seed(seed)
    for epoch in range(1, max(at) + 1):
        for rows in torch.randperm(len(y), generator=generator).split(64):
            optimiser.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimiser.step()
        if epoch in at:
            yield net


def posterior(p, gamma: float = 2.0):
    """The class probabilities for which p minimises the expected focal loss: in proportion to 1/|φ'(p)|."""
    p = p.clamp(1e-12, 1 - 1e-12)
    weight = p / ((1 - p) ** gamma - gamma * p * (1 - p) ** (gamma - 1) * p.log())
    return weight / weight.sum(1, keepdim=True)


def calibration(p, y, weight) -> tuple[float, float]:
    """Expected calibration error and mean log loss; each sample counts by its weight."""
    sure, decided = p.max(1)
    return _error(sure, decided == y, weight), float(-(weight * p.gather(1, y[:, None])[:, 0].log()).sum())


def _error(sure, right, weight) -> float:
    bins = (sure * BINS).long().clamp(max=BINS - 1)
    gap = torch.zeros(BINS, dtype=sure.dtype).index_add(0, bins, weight * (sure - right.to(sure.dtype)))
    return float(gap.abs().sum())


def by_chance(p, weight, draws: int = 20) -> float:
    """The calibration error where each decision is right with exactly its confidence."""
    sure, generator = p.amax(1), torch.Generator().manual_seed(0)
    drawn = (torch.rand(len(p), generator=generator, dtype=p.dtype) < sure for _ in range(draws))
    return sum(_error(sure, right, weight) for right in drawn) / draws


def temperature(z, y, weight) -> float:
    """The T of least log loss, on a grid of steps of 2 %."""
    grid = torch.exp(torch.arange(-80, 121, dtype=torch.float64) / 50)
    each = torch.stack([cross_entropy(z / t, y, reduction="none") @ weight for t in grid])
    return float(grid[each.argmin()])


@torch.no_grad()
def judged(net, held, test, gamma: float) -> dict:
    """What the network is worth: the recall of each class, and its probabilities, weighed as in the training."""
    (z, y), (seen, truth) = ((net(x), y) for x, y in (held, test))
    weight = SHARE[truth] / SHARE[truth].sum()  # so that the balanced digits count as the classes of the training
    t = temperature(z, y, SHARE[y])
    ways = {"raw": seen.softmax(1), "scaled": (seen / t).softmax(1)}
    ways["inverted"] = posterior(ways["raw"], gamma)
    right = seen.argmax(1) == truth
    moved = (ways["inverted"] / SHARE).argmax(1) == truth
    return {
        "recall": [round(float(right[truth == k].double().mean()), 3) for k in range(10)],
        "moved": [round(float(moved[truth == k].double().mean()), 3) for k in range(10)],
        "temperature": round(t, 3),
        "right": round(float(right.double() @ weight), 4),
        "confidence": round(float(ways["raw"].amax(1) @ weight), 4),
        "chance": round(by_chance(ways["scaled"], weight), 4),
        **{name: [round(v, 4) for v in calibration(p, truth, weight)] for name, p in ways.items()},
    }


def run(name: str, seed: int, at=AT) -> list[dict]:
    train, held, test = split(seed)
    gamma = 2.0 if "focal" in name else 0.0
    return [judged(net, held, test, gamma) for net in fit(LOSSES[name], *train, seed, at)]


def main() -> None:
    runs = {name: [run(name, seed) for seed in SEEDS] for name in LOSSES}
    record = {"counts": COUNTS, "at": AT, "runs": runs}
    TARGET.write_text(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
