"""Heads for several labels a picture, over ten seeds: sigmoid, softmax and margin on strips, and on masks of digits.

    python experiments/many_labels.py

writes lossutils/learn/experiments/many_labels.json, which the section on many labels shows; the section repeats one
seed of the strips and a short run of the masks itself. Heads of one seed share the pictures, the start of the layer
below and the order of batches. It takes about five minutes on one core. `run(0)` computes one seed anew.
"""

from __future__ import annotations

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossutils import binary_cross_entropy_with_logits, multilabel_margin_loss, multilabel_soft_margin_loss
from lossutils.learn import data

JSON = pathlib.Path(__file__).parents[1] / "lossutils" / "learn" / "experiments" / "many_labels.json"
SEEDS = range(10)
CUTS = {"sigmoid": (0.01, 0.99), "softmax": (0.01, 0.99), "softmax + none": (0.01, 0.99), "margin": (-4.0, 6.0)}


def splits(seed: int) -> tuple[torch.Generator, Tensor, Tensor, Tensor]:
    """A generator, and the rows of 1,000 training, 200 validation and 597 test digits."""
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(1797, generator=g)
    return g, order[:1000], order[1000:1200], order[1200:]


# Strips: four places, each empty or with a digit. Which digits are there?


def strips(rows: Tensor, n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """n strips (n, 4, 64) of digits drawn from the rows, each place empty with probability ½; and labels (n, 10)."""
    digits = data.digits()
    pick = rows[torch.randint(len(rows), (n, 4), generator=g)]
    ink = (torch.rand(n, 4, generator=g) < 0.5).double()[:, :, None]
    return digits.x[pick] / 16 * ink, (F.one_hot(digits.y[pick], 10) * ink).amax(1)


class Strip(nn.Module):
    """One layer reads every place alike; the sum over the places goes into the logits."""

    def __init__(self, outputs: int):
        super().__init__()
        self.place = nn.Linear(64, 64, dtype=torch.float64)
        self.out = nn.Linear(64, outputs, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.place(x).relu().sum(1))


def as_lists(labels: Tensor) -> Tensor:
    """Rows of 0 and 1 as rows of indices, padded with −1."""
    index = torch.where(labels > 0, torch.arange(labels.shape[1]), labels.shape[1]).sort(1).values
    return torch.where(index < labels.shape[1], index, -1)


def with_none(labels: Tensor) -> Tensor:
    """A further class for a picture, or a pixel, with no label."""
    return torch.cat([labels, (labels.sum(1, keepdim=True) == 0).double()], 1)


def shared(labels: Tensor) -> Tensor:
    """Each label's equal share of 1; a row of 0 stays one."""
    return labels / labels.sum(1, keepdim=True).clamp(min=1)


LOSSES = {
    "sigmoid": multilabel_soft_margin_loss,
    "softmax": lambda s, y: F.cross_entropy(s, shared(y)),
    "softmax + none": lambda s, y: F.cross_entropy(s, shared(with_none(y))),
    "margin": lambda s, y: multilabel_margin_loss(s, as_lists(y)),
}


def fit(net: nn.Module, loss, x: Tensor, y: Tensor, epochs: int, rate: float = 0.005) -> nn.Module:
    step = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(100):
            step.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            step.step()
    return net


def right(decided: Tensor, labels: Tensor) -> Tensor:
    """1 for each picture whose whole set of labels is right."""
    return (decided == (labels > 0)).all(1).double()


def values(head: str, scores: Tensor) -> Tensor:
    """What a head's cut is compared with: probabilities, or the scores of the margin."""
    if head == "sigmoid":
        return scores.sigmoid()
    return scores if head == "margin" else scores.softmax(1)[:, :10]


def best_cut(p: Tensor, labels: Tensor, low: float, high: float) -> float:
    cuts = torch.linspace(low, high, 99, dtype=torch.float64)
    return max(cuts.tolist(), key=lambda c: right(p > c, labels).sum().item())


def strip_run(seed: int, head: str, epochs: int = 15) -> dict:
    """Shares of whole sets right: with the best cut on the validation strips, at ½, and with the number told."""
    g, train, check, test = splits(seed)
    x, y = strips(train, 4000, g)
    (check_x, check_y), (test_x, test_y) = strips(check, 2000, g), strips(test, 4000, g)
    torch.manual_seed(seed)
    net = fit(Strip(11 if head == "softmax + none" else 10), LOSSES[head], x, y, epochs)
    with torch.no_grad():
        check_p, p = values(head, net(check_x)), values(head, net(test_x))
    cut, count = best_cut(check_p, check_y, *CUTS[head]), test_y.sum(1)
    exact = right(p > cut, test_y)
    rank = p.argsort(1, descending=True).argsort(1)
    told = right(rank < count[:, None], test_y)
    return {
        "cut": cut,
        "exact": exact.mean().item(),
        "at half": right(p > 0.5, test_y).mean().item(),
        "told": told[count > 0].mean().item(),
        "by count": [exact[count == k].mean().item() for k in range(5)],
        "present": [p[count == k][test_y[count == k] > 0].mean().item() for k in range(1, 5)],
        "count error": (p.sum(1) - count).abs().mean().item(),
    }


# Masks: two digits printed over each other, and for each class the pixels that its digit inks.


def overlays(rows: Tensor, n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (·, 64) of two digits of different classes, and masks (·, 10, 64); about n, equal pairs left out."""
    digits = data.digits()
    x = digits.x / 16
    a, b = (rows[torch.randint(len(rows), (n,), generator=g)] for _ in range(2))
    keep = digits.y[a] != digits.y[b]
    a, b = a[keep], b[keep]
    masks, row = torch.zeros(len(a), 10, 64, dtype=torch.float64), torch.arange(len(a))
    for one in (a, b):
        masks[row, digits.y[one]] = (x[one] >= 0.5).double()
    return torch.maximum(x[a], x[b]), masks


def of_present(logits: Tensor, masks: Tensor) -> Tensor:
    """The binary cross entropy of the masks of the classes that are in the picture, as in Mask R-CNN."""
    present = masks.amax(2) > 0
    return binary_cross_entropy_with_logits(logits[present], masks[present])


MASK_LOSSES = {
    "sigmoid, masks of the present": of_present,
    "sigmoid, all masks": binary_cross_entropy_with_logits,
    "softmax over classes": lambda s, m: F.cross_entropy(s, shared(with_none(m))),
}


def mask_run(seed: int, head: str, epochs: int = 15) -> dict:
    """Mean overlap (IoU) of the masks of the classes present, the classes being told, by each rule the head allows."""
    g, train, check, test = splits(seed)
    (x, masks), (test_x, truth) = overlays(torch.cat([train, check]), 6000, g), overlays(test, 2000, g)
    outputs = 11 if head == "softmax over classes" else 10
    torch.manual_seed(seed)
    layers = nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, outputs * 64), nn.Unflatten(1, (outputs, 64))
    net = fit(nn.Sequential(*layers).double(), MASK_LOSSES[head], x, masks, epochs, rate=0.003)
    with torch.no_grad():
        s = net(test_x)
    present, crossing = truth.amax(2) > 0, truth.sum(1) == 2
    rules = {"at half": s.sigmoid()}
    if outputs == 11:
        rules = {"at half": s.softmax(1)[:, :10], "against none": (s[:, :10] - s[:, 10:]).sigmoid()}
        rules["at a quarter"] = rules["at half"] + 0.25
    result = {}
    for name, p in rules.items():
        found = p > 0.5
        both, either = (found & (truth > 0)).sum(2), (found | (truth > 0)).sum(2)
        result[name] = (both / either)[present].mean().item()
        result[f"crossing {name}"] = found[present[:, :, None] & crossing[:, None, :]].double().mean().item()
    return result


def run(seed: int) -> dict:
    """All runs of one seed."""
    heads = {head: strip_run(seed, head) for head in LOSSES}
    return {"strips": heads, "masks": {head: mask_run(seed, head) for head in MASK_LOSSES}}


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else round(value, 4)


def main() -> None:
    runs = []
    for seed in SEEDS:
        runs.append(rounded(run(seed)))
        print(json.dumps(runs[-1]), flush=True)
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps({"seeds": list(SEEDS), "runs": runs}, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
