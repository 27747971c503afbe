"""A digit classifier trained with softmax before cross entropy, and without: ten seeds, seven optimisers.

    python experiments/softmax_twice.py

writes lossutils/learn/experiments/softmax_twice.json, which the section on cross entropy shows; the section repeats one
seed itself. Each pair of runs has the same split, the same start and the same order of batches, so that they differ in
the one line alone. It takes about five minutes on one core.
"""

from __future__ import annotations

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossutils.learn import data

JSON = pathlib.Path(__file__).parents[1] / "lossutils" / "learn" / "experiments" / "softmax_twice.json"
SEEDS = range(10)
OPTIMISERS = [("SGD", 0.1), ("SGD", 0.3), ("SGD", 1.0), ("SGD", 3.0)]
OPTIMISERS += [("Adam", 0.003), ("Adam", 0.01), ("Adam", 0.03)]
NOISES = [0.0, 0.3]
EPOCHS, BATCH = 40, 50


def split(seed: int, noise: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """1,200 training and 597 test digits; a share of the training labels becomes another class at random."""
    digits, g = data.digits(), torch.Generator().manual_seed(seed)
    order = torch.randperm(len(digits.y), generator=g)
    x, y = digits.x[order] / 16, digits.y[order]
    labels = y[:1200].clone()
    wrong = torch.rand(1200, generator=g) < noise
    labels[wrong] = (labels[wrong] + torch.randint(1, 10, (int(wrong.sum()),), generator=g)) % 10
    return x[:1200], labels, x[1200:], y[1200:]


def train(
    seed: int, twice: bool, optimiser: str, rate: float, noise: float = 0.0, epochs: int = EPOCHS
) -> tuple[nn.Module, list[tuple[float, float]]]:
    """The trained network; and after each epoch its mean loss while training, and its accuracy on the test digits."""
    x, y, test_x, test_y = split(seed, noise)
    torch.manual_seed(seed)
    double = {"dtype": torch.float64}
    net = nn.Sequential(nn.Linear(64, 32, **double), nn.ReLU(), nn.Linear(32, 10, **double))
    step = getattr(torch.optim, optimiser)(net.parameters(), lr=rate)
    history = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            scores = net(x[rows])
            loss = F.cross_entropy(scores.softmax(1) if twice else scores, y[rows])
            step.zero_grad()
            loss.backward()
            step.step()
            total += loss.item() * len(rows)
        history.append((total / len(x), accuracy(net, test_x, test_y)))
    return net, history


def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (net(x).argmax(1) == y).double().mean().item()


def run(seed: int, optimiser: str, rate: float, noise: float, twice: bool) -> dict:
    """What is kept of one run: the curves, and the end."""
    net, history = train(seed, twice, optimiser, rate, noise)
    _, _, x, y = split(seed, noise)
    with torch.no_grad():
        scores = net(x)
    right = scores.argmax(1) == y
    recall = [right[y == c].double().mean().item() for c in range(10)]
    kept = history[1::2]  # every second epoch
    return {
        "loss": [round(loss, 3) for loss, _ in kept],
        "accuracy": [round(a, 3) for _, a in kept],
        "nll": round(F.cross_entropy(scores, y).item(), 3),
        "confidence": round(scores.softmax(1).amax(1).mean().item(), 3),
        "lost": [c for c in range(10) if recall[c] < 0.05],
    }


def main() -> None:
    rows = []
    for noise in NOISES:
        for optimiser, rate in OPTIMISERS:
            for twice in (False, True):
                runs = [run(seed, optimiser, rate, noise, twice) for seed in SEEDS]
                row = {"optimiser": optimiser, "rate": rate, "noise": noise, "twice": twice}
                for key in ("nll", "confidence", "lost"):
                    row[key] = [r[key] for r in runs]
                row["accuracy"] = [r["accuracy"] if noise == 0 else r["accuracy"][-1:] for r in runs]
                if noise == 0:
                    row["loss"] = [round(sum(r["loss"][i] for r in runs) / len(runs), 3) for i in range(EPOCHS // 2)]
                rows.append(row)
                ends = torch.tensor([a[-1] for a in row["accuracy"]])
                print(f"{optimiser} {rate} noise {noise} twice {twice}: {ends.mean():.3f}, worst {ends.min():.3f}")
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps({"epochs": list(range(2, EPOCHS + 1, 2)), "rows": rows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
