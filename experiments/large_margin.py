"""Features of two dimensions, trained with plain and with large-margin softmax: five seeds, three margins.

    python experiments/large_margin.py

writes lossutils/learn/experiments/large_margin.json, which the section on softmax's variants draws. For one seed all
margins share the split and the start. It takes about three minutes on one core.
"""

from __future__ import annotations

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossutils import large_margin_softmax_loss
from lossutils.learn import data

JSON = pathlib.Path(__file__).parents[1] / "lossutils" / "learn" / "experiments" / "large_margin.json"
SEEDS, MARGINS, DRAWN = range(5), [1, 2, 4], 20
STEPS, BATCH, RATE = 2000, 100, 2e-3


def split(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """3,000 digits to train and 2,000 to test."""
    x, y = data.halved_mnist()
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(seed))
    return x[order[:3000]], y[order[:3000]], x[order[3000:]], y[order[3000:]]


def train(seed: int, margin: int, anneal: bool = True, steps: int = STEPS) -> tuple[nn.Module, Tensor]:
    """A network from 196 pixels to two features, and the weights of the last layer, without a bias.

    With ``anneal`` the loss is (λ · plain + large-margin) / (1 + λ), with λ from 100 down to 0.1 over the first half:
    the paper mixes the right class's logit in this way, we mix the two losses.
    """
    x, y, _, _ = split(seed)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(196, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2)).double()
    weight = nn.Parameter(torch.randn(10, 2, dtype=torch.float64))
    step = torch.optim.Adam([*net.parameters(), weight], lr=RATE)
    for i in range(steps):
        rows = torch.randint(len(x), (BATCH,))
        features = net(x[rows])
        loss = large_margin_softmax_loss(features, weight, y[rows], margin=margin)
        if anneal and margin > 1:
            mix = 100 * 1000 ** -min(1.0, 2 * i / steps)
            loss = (loss + mix * F.cross_entropy(features @ weight.T, y[rows])) / (1 + mix)
        step.zero_grad()
        loss.backward()
        step.step()
    return net, weight.detach()


def angles(features: Tensor, weight: Tensor) -> Tensor:
    """In degrees, (N, C)."""
    return (F.normalize(features) @ F.normalize(weight).T).clamp(-1, 1).acos().rad2deg()


def judge(net: nn.Module, weight: Tensor, x: Tensor, y: Tensor) -> tuple[dict, Tensor]:
    with torch.no_grad():
        features = net(x)
    theta = angles(features, weight)
    right = (features @ weight.T).argmax(1) == y
    own = theta.gather(1, y[:, None])[:, 0]
    return {"accuracy": round(right.double().mean().item(), 4), "angle": round(own.median().item(), 2)}, features


def run(seed: int, margin: int, anneal: bool = True) -> tuple[dict, Tensor, Tensor]:
    net, weight = train(seed, margin, anneal)
    x, y, test_x, test_y = split(seed)
    on_train, _ = judge(net, weight, x, y)
    on_test, features = judge(net, weight, test_x, test_y)
    return {f"train_{k}": v for k, v in on_train.items()} | on_test, features, weight


def main() -> None:
    rows = []
    for margin, anneal in [(1, True), (2, True), (4, True), (4, False)]:
        runs = [run(seed, margin, anneal) for seed in SEEDS]
        row = {"margin": margin, "anneal": anneal} | {key: [r[0][key] for r in runs] for key in runs[0][0]}
        if anneal:  # the picture: some test digits of the first seed
            _, features, weight = runs[0]
            y = split(0)[3]
            some = torch.cat([(y == c).nonzero()[:DRAWN, 0] for c in range(10)])
            row |= {"features": [[round(v, 2) for v in p] for p in features[some].tolist()]}
            row |= {"weight": [[round(v, 3) for v in p] for p in weight.tolist()]}
        rows.append(row)
        print(margin, anneal, runs and {k: row[k] for k in runs[0][0]}, flush=True)
    JSON.write_text(json.dumps({"drawn_per_class": DRAWN, "rows": rows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
