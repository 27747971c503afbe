"""A digit classifier trained with label smoothing: six seeds, seven values of ε, its calibration on unseen digits.

    python experiments/label_smoothing.py

writes lossutils/learn/experiments/label_smoothing.json, which the section on softmax's variants shows; the section
repeats one seed itself. For one seed all values of ε share the split, the start and the order of batches. It takes
about two minutes on one core.
"""

from __future__ import annotations

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossutils.learn import data

JSON = pathlib.Path(__file__).parents[1] / "lossutils" / "learn" / "experiments" / "label_smoothing.json"
SEEDS = range(6)
EPSILONS = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
BINS, BATCH = 15, 100
EPOCHS, LONG = 60, 180  # most runs; those that ask whether longer training changes the answer
TEMPERATURES = torch.logspace(-1, 1, 201, dtype=torch.float64)


def split(seed: int) -> list[tuple[Tensor, Tensor]]:
    """1,000 digits to train, 1,000 to fit a temperature, 3,000 to test."""
    x, y = data.halved_mnist()
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(seed))
    x, y = x[order], y[order]
    return list(zip(x.split([1000, 1000, 3000]), y.split([1000, 1000, 3000]), strict=True))


def train(seed: int, epsilon: float, epochs: int = EPOCHS) -> nn.Module:
    x, y = split(seed)[0]
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10)).double()
    step = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(net(x[rows]), y[rows], label_smoothing=epsilon)
            step.zero_grad()
            loss.backward()
            step.step()
    return net


def logits(net: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return net(x)


def best_temperature(z: Tensor, y: Tensor) -> float:
    """The T with the least cross entropy of z / T, on a grid of steps of 2 %."""
    return min(TEMPERATURES, key=lambda t: F.cross_entropy(z / t, y).item()).item()


def bins(z: Tensor, y: Tensor) -> Tensor:
    """(3, BINS): in each bin of confidence the number of predictions, the sum of confidences, the number right."""
    confidence, decision = z.softmax(1).max(1)
    index = (confidence * BINS).long().clamp(max=BINS - 1)
    rows = torch.stack([torch.ones_like(confidence), confidence, (decision == y).double()])
    return torch.zeros(3, BINS, dtype=torch.float64).index_add(1, index, rows)


def calibration_error(table: Tensor) -> float:
    return ((table[1] - table[2]).abs().sum() / table[0].sum()).item()


def judge(z: Tensor, y: Tensor) -> tuple[dict, Tensor]:
    table = bins(z, y)
    count, confidence, right = table.sum(1).tolist()
    found = {"accuracy": right / count, "confidence": confidence / count}
    found |= {"nll": F.cross_entropy(z, y).item(), "ece": calibration_error(table)}
    return {name: round(value, 4) for name, value in found.items()}, table


def run(seed: int, epsilon: float, epochs: int = EPOCHS) -> tuple[dict, Tensor, Tensor]:
    """What is kept of one run, and its bins, as trained and with a temperature."""
    (x, y), (held_x, held_y), (test_x, test_y) = split(seed)
    net = train(seed, epsilon, epochs)
    z = logits(net, test_x)
    t = best_temperature(logits(net, held_x), held_y)
    found, table = judge(z, test_y)
    scaled, scaled_table = judge(z / t, test_y)
    on_train = logits(net, x)
    own = on_train.gather(1, y[:, None])[:, 0]
    gap = own - (on_train.sum(1) - own) / 9  # between the right logit and the mean of the others
    found |= {"temperature": round(t, 4), "gap": round(gap.median().item(), 3)}
    return found | {f"scaled_{key}": scaled[key] for key in ("nll", "ece")}, table, scaled_table


def main() -> None:
    rows = []
    for epochs, epsilons, seeds in ((EPOCHS, EPSILONS, SEEDS), (LONG, [0.0, 0.1], range(5))):
        for epsilon in epsilons:
            runs = [run(seed, epsilon, epochs) for seed in seeds]
            row = {"epochs": epochs, "epsilon": epsilon}
            row |= {key: [found[key] for found, _, _ in runs] for key in runs[0][0]}
            for name, tables in (("bins", [r[1] for r in runs]), ("scaled_bins", [r[2] for r in runs])):
                row[name] = [[round(v, 2) for v in part] for part in sum(tables).tolist()]
            rows.append(row)
            means = {key: round(sum(row[key]) / len(runs), 4) for key in runs[0][0]}
            print(epochs, epsilon, means, flush=True)
    JSON.write_text(json.dumps({"number_of_bins": BINS, "rows": rows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
