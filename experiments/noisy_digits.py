"""Three losses of ten classes on digits of which a share of the training labels is wrong.

    python experiments/noisy_digits.py      # writes lossutils/learn/experiments/noisy_digits.json

One linear model a loss, a share and a penalty; errors on 797 unseen digits with right labels, in percent. The section
"Maximum margin" shows the table and repeats one share of it.
"""

import json
import pathlib

import torch

from lossutils.learn import data

SHARES = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7]
PENALTIES = [0.001, 0.01, 0.03, 0.1, 0.3]
SEEDS = range(5)
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "noisy_digits.json"


def lacks(scores, y):
    """What each wrong class lacks to a margin of 1 below the right one; 0 in the right class's place."""
    lead = scores.gather(-1, y[..., None]) - scores
    return (1 - lead).clamp(min=0).scatter(-1, y[..., None], 0.0)


LOSSES = {
    "cross entropy": lambda scores, y: scores.logsumexp(-1) - scores.gather(-1, y[..., None])[..., 0],
    "sum over rivals": lambda scores, y: lacks(scores, y).sum(-1),
    "largest rival": lambda scores, y: lacks(scores, y).amax(-1),
}


def split(seed, share):
    """1,000 digits to train on, a share of their labels moved to another class at random, and 797 to test."""
    digits, generator = data.digits(), torch.Generator().manual_seed(seed)
    x = torch.cat([digits.x / 16, torch.ones(1797, 1, dtype=torch.float64)], dim=1)
    order = torch.randperm(1797, generator=generator)
    train, test = order[:1000], order[1000:]
    wrong = torch.rand(1000, generator=generator) < share
    other = (digits.y[train] + torch.randint(1, 10, (1000,), generator=generator)) % 10
    return x[train], torch.where(wrong, other, digits.y[train]), x[test], digits.y[test]


def fit(loss, x, y, penalties, steps=200):
    """A linear model (65, 10) for each penalty, by Adam with a rate that falls to 0, full batch."""
    lam = torch.tensor(penalties, dtype=torch.float64)
    weights = torch.zeros(len(lam), 65, 10, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    labels = y.expand(len(lam), -1)
    for _ in range(steps):
        risk = loss(x @ weights, labels).mean(-1) + lam / 2 * weights[:, :-1].square().sum((1, 2))
        optimiser.zero_grad()
        risk.sum().backward()
        optimiser.step()
        schedule.step()
    return weights.detach()


def percent_wrong(seed, share, penalties=PENALTIES, losses=LOSSES):
    """Loss → the test error for each penalty, of one seed."""
    x, y, test_x, test_y = split(seed, share)
    fits = {name: fit(losses[name], x, y, penalties) for name in losses}
    return {name: (100 * ((test_x @ w).argmax(-1) != test_y).double().mean(-1)).tolist() for name, w in fits.items()}


def main():
    rows = {name: [[] for _ in SHARES] for name in LOSSES}  # loss → share → seed → penalty
    for i, share in enumerate(SHARES):
        for seed in SEEDS:
            for name, errors in percent_wrong(seed, share).items():
                rows[name][i].append([round(e, 2) for e in errors])
    result = {"shares": SHARES, "penalties": PENALTIES, "seeds": list(SEEDS), "percent_wrong": rows}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
