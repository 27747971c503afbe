"""A small student of handwritten digits with labels, with smoothed labels and with a teacher: six seeds.

    python experiments/distillation.py

writes lossutils/learn/experiments/distillation.json, which the section on softmax's variants shows. The teacher has
seen 3,000 digits; the student sees 100 to 3,000 of the same digits, or all of them but the threes. For one seed all
students of one size share start and batches. It takes about two minutes on one core.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossutils import distillation_loss
from lossutils.learn import data

JSON = pathlib.Path(__file__).parents[1] / "lossutils" / "learn" / "experiments" / "distillation.json"
SEEDS = range(6)
SIZES = [100, 300, 3000]
TEMPERATURES = [1.0, 4.0, 8.0]
BATCH = 100


def split(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """3,000 digits to train and 2,000 to test."""
    x, y = data.halved_mnist()
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(seed))
    return x[order[:3000]], y[order[:3000]], x[order[3000:]], y[order[3000:]]


def fit(seed: int, hidden: int, x: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]) -> nn.Module:
    """``loss_of`` takes logits and the numbers of their rows in x. Small networks need more and longer steps."""
    steps, rate = (600, 5e-3) if hidden < 100 else (300, 2e-3)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(196, hidden), nn.ReLU(), nn.Linear(hidden, 10)).double()
    step = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(steps):
        rows = torch.randint(len(x), (BATCH,))
        loss = loss_of(net(x[rows]), rows)
        step.zero_grad()
        loss.backward()
        step.step()
    return net


def teacher(seed: int, epsilon: float = 0.0) -> Callable[[Tensor], Tensor]:
    """The mean logits of three networks with 128 hidden units."""
    x, y, _, _ = split(seed)

    def loss_of(scores, rows):
        return F.cross_entropy(scores, y[rows], label_smoothing=epsilon)

    nets = [fit(1000 * seed + i, 128, x, loss_of) for i in range(3)]

    def logits(images):
        with torch.no_grad():
            return sum(net(images) for net in nets) / len(nets)

    return logits


def score(net: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> dict:
    with torch.no_grad():
        z = net(x)
    right = z.argmax(1) == y
    return {
        "accuracy": round(right.double().mean().item(), 4),
        "nll": round(F.cross_entropy(z, y).item(), 3),
        "threes": round(right[y == 3].double().mean().item(), 3),
    }


def students(seed: int, sizes: list[int]) -> dict[str, dict]:
    """What each student gets, by "images, what it learns from"."""
    x, y, test_x, test_y = split(seed)
    master, smooth_master = teacher(seed), teacher(seed, 0.1)
    found = {"teacher": score(master, test_x, test_y), "smoothed teacher": score(smooth_master, test_x, test_y)}
    some = {str(n): torch.arange(n) for n in sizes} | {"no threes": (y != 3).nonzero()[:, 0]}
    for name, kept in some.items():
        seen, labels, z, smooth_z = x[kept], y[kept], master(x[kept]), smooth_master(x[kept])
        ways = {
            "labels": lambda s, r, labels=labels: F.cross_entropy(s, labels[r]),
            "smoothed": lambda s, r, labels=labels: F.cross_entropy(s, labels[r], label_smoothing=0.1),
        }
        for t in TEMPERATURES:
            ways[f"T={t:g}"] = lambda s, r, z=z, t=t: distillation_loss(s, z[r], temperature=t)
        ways["smoothed teacher, T=4"] = lambda s, r, z=smooth_z: distillation_loss(s, z[r], temperature=4.0)
        for way, loss_of in ways.items():
            found[f"{name}, {way}"] = score(fit(seed + 500, 10, seen, loss_of), test_x, test_y)
    return found


def main() -> None:
    runs = []
    for seed in SEEDS:
        runs.append(students(seed, SIZES))
        print(seed, {name: found["accuracy"] for name, found in runs[-1].items()}, flush=True)
    rows = {name: {key: [run[name][key] for run in runs] for key in runs[0][name]} for name in runs[0]}
    JSON.write_text(
        json.dumps({"sizes": SIZES, "temperatures": TEMPERATURES, "rows": rows}, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main()
