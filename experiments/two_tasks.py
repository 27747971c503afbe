"""One small network reads a digit and the angle by which it was turned: how should the two losses be added?

    python experiments/two_tasks.py      # writes lossutils/learn/experiments/two_tasks.json

Each network has one shared layer of 24 units and two linear heads. All networks of a seed begin with the same weights
and see the same batches; only the rule that combines their cross entropy and their squared error differs. What is
written down are the errors on 1,000 unseen digits after each epoch: wrong classes in percent, and the root mean square
of the angle's error in degrees. The section "Combining losses" shows them and repeats one network of each kind.
"""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

from lossutils.learn import data

GRID = [10 ** (k / 2) for k in range(-4, 9)]  # weights of the squared error in square radians; cross entropy has 1
SQUARE = (180 / math.pi) ** 2  # square degrees in a square radian
FIXED = {"class alone": (1.0, 0.0), "angle alone": (0.0, 1.0), "degrees": (1.0, SQUARE)}
OTHERS = ["start", "gradients", "log losses"]
UNCERTAINTY = {  # name → square units in a square radian, Adam's rate for s (None: the network's own)
    "uncertainty, radians": (1.0, None),
    "uncertainty, degrees": (SQUARE, None),
    "uncertainty, radians, fast": (1.0, 0.02),
    "uncertainty, degrees, fast": (SQUARE, 0.02),
    "uncertainty, started": (1.0, 0.02),  # s begins at its best value for the first batch, the others at 0
}
NAMES = [f"{w:.3g}" for w in GRID] + [*FIXED, *OTHERS, *UNCERTAINTY]
SEEDS, EPOCHS, BATCH, UNITS, RATE, TURN = range(5), 20, 100, 24, 0.005, 45.0
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "two_tasks.json"


def turned(images, angles):
    """Images (N, 1, 28, 28), each turned by its angle in radians, then halved: (N, 196)."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    theta = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.avg_pool2d(F.grid_sample(images, grid, align_corners=False), 2).flatten(1)


def split(seed):
    """Training set (4,000 digits, each turned twice) and test set (1,000 others): pixels, classes, angles."""
    digits, generator = data.mnist(), torch.Generator().manual_seed(seed)
    images, order = (digits.x / 255).float().view(-1, 1, 28, 28), torch.randperm(5000, generator=generator)
    sets = []
    for index in (order[:4000].repeat(2), order[4000:]):
        angle = (2 * torch.rand(len(index), generator=generator) - 1) * math.radians(TURN)
        sets.append((turned(images[index], angle), digits.y[index], angle))
    return *sets, generator


def run(seed, stop=EPOCHS):
    """Errors of every network after each epoch up to ``stop``, the weights that the rules end with, and s."""
    (x, y, angle), test, generator = split(seed)
    k = len(NAMES)
    place = {name: i for i, name in enumerate(NAMES)}

    def uniform(fan, columns):
        first = (2 * torch.rand(1, fan, columns, generator=generator) - 1) / fan**0.5
        return first.expand(k, -1, -1).clone().requires_grad_()

    w1, w2 = uniform(196, UNITS), uniform(UNITS, 11)
    b1, b2 = (torch.zeros(k, 1, n, requires_grad=True) for n in (UNITS, 11))
    s = {name: torch.zeros(2, requires_grad=True) for name in UNCERTAINTY}
    groups = [{"params": [w1, b1, w2, b2]}] + [
        {"params": [s[name]], "lr": rate or RATE} for name, (_, rate) in UNCERTAINTY.items()
    ]
    optimiser = torch.optim.Adam(groups, lr=RATE)
    total = EPOCHS * len(y) // BATCH
    falling, steady = (lambda t: 1 - t / total), (lambda t: 1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, [falling] + [steady if rate else falling for _, rate in UNCERTAINTY.values()]
    )
    weight = torch.ones(2, k)  # of cross entropy and squared error
    weight[1, : len(GRID)] = torch.tensor(GRID)
    for name, pair in FIXED.items():
        weight[:, place[name]] = torch.tensor(pair)

    def forward(x):
        hidden = (x @ w1.permute(1, 0, 2).reshape(196, -1)).view(len(x), k, UNITS).permute(1, 0, 2)
        hidden = torch.relu(hidden + b1)
        out = hidden @ w2 + b2
        return hidden, out[..., :10], out[..., 10]

    def both(scores, guess, y, angle):
        classes = F.cross_entropy(scores.flatten(0, 1), y.repeat(k), reduction="none").view(k, -1).mean(1)
        return torch.stack([classes, (guess - angle).square().mean(1)])

    curves, trace, step = {"wrong": [], "rmse": []}, [], 0
    for _ in range(stop):
        for index in torch.randperm(len(y), generator=generator).view(-1, BATCH):
            hidden, scores, guess = forward(x[index])
            losses = both(scores, guess, y[index], angle[index])
            with torch.no_grad():
                if step == 0:
                    weight[1, place["start"]] = losses[0, 0] / losses[1, 0]
                    s["uncertainty, started"].copy_(torch.log(torch.stack([2 * losses[0, 0], losses[1, 0]])))
                weight[:, place["log losses"]] = 0.5 / losses[:, place["log losses"]]
            i = place["gradients"]
            pulls = [torch.autograd.grad(part[i], hidden, retain_graph=True)[0].norm() for part in losses]
            weight[1, i] = pulls[0] / pulls[1]
            for name, (square, _) in UNCERTAINTY.items():
                factor = torch.tensor([1.0, 0.5 * square])
                weight[:, place[name]] = factor * torch.exp(-s[name].detach())
            risk = (weight * losses).sum()
            for name, (square, _) in UNCERTAINTY.items():  # the network's part is in the line above
                held = losses[:, place[name]].detach() * torch.tensor([1.0, 0.5 * square])
                risk = risk + (torch.exp(-s[name]) * held + 0.5 * s[name]).sum()
            optimiser.zero_grad()
            risk.backward()
            optimiser.step()
            schedule.step()
            step += 1
        with torch.no_grad():
            _, scores, guess = forward(test[0])
            curves["wrong"].append((100 * (scores.argmax(-1) != test[1]).float().mean(1)).tolist())
            curves["rmse"].append((guess - test[2]).square().mean(1).sqrt().rad2deg().tolist())
            trace.append((weight[1] / weight[0])[len(GRID) + len(FIXED) :].tolist())
    with torch.no_grad():
        _, scores, guess = forward(x)
        train = both(scores, guess, y, angle)
    return curves | {"weight": trace, "train": train.tolist(), "s": [v.tolist() for v in s.values()]}


def short(value, digits):
    """Nested lists with every number rounded to so many significant digits."""
    return [short(v, digits) for v in value] if isinstance(value, list) else float(f"{value:.{digits}g}")


def main():
    runs = []
    for seed in SEEDS:
        runs.append({key: short(value, 3) for key, value in run(seed).items()})
        print(seed, flush=True)
    adaptive = NAMES[len(GRID) + len(FIXED) :]
    result = {"names": NAMES, "grid": [round(w, 6) for w in GRID], "adaptive": adaptive, "seeds": list(SEEDS)}
    OUT.write_text(json.dumps(result | {"runs": runs}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
