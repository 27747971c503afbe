"""A dense detector of digits under cross entropy and focal loss: what its loss is made of, and what helps it start.

    python experiments/dense_detector.py        the runs not yet in lossutils/learn/experiments/dense_detector.json

For "The imbalance" and "From cross entropy to focal loss".
"""

from __future__ import annotations

import json
import pathlib

import torch
from torch.nn import functional as F

from lossutils import sigmoid_focal_loss
from lossutils.learn import scenes

SEEDS = range(5)
STEPS = 300
AT = (0, 10, 20, 40, 80, 150, 299)  # the steps at which the loss is taken apart
EDGES = torch.linspace(-16, 16, 129)  # of the logits' histograms
TARGET = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments" / "dense_detector.json"


def cross_entropy(x, y):
    """Divided by the number of positives."""
    return F.binary_cross_entropy_with_logits(x, y, reduction="sum") / y.sum()


def focal(x, y):
    return sigmoid_focal_loss(x, y, normalizer=y.sum())


def focal_over_all(x, y):
    """Divided by the number of anchors, as reduction="mean" has it."""
    return sigmoid_focal_loss(x, y)


def focal_over_all_enlarged(x, y):
    """The same times the mean number of anchors to a positive: the size it has when divided by the positives."""
    return 787 * sigmoid_focal_loss(x, y)


SETTINGS = {  # name: loss and the probability that all anchors start with
    "cross entropy": (cross_entropy, 0.01),
    "cross entropy, start at ½": (cross_entropy, 0.5),
    "focal": (focal, 0.01),
    "focal, start at ½": (focal, 0.5),
    "focal over all anchors": (focal_over_all, 0.01),
    "focal over all anchors, times 787": (focal_over_all_enlarged, 0.01),
}


def pictures(test: bool, n: int = 160) -> scenes.Scenes:
    return scenes.draw(n, torch.Generator().manual_seed(100 + test), test=test)


def parts(x, y) -> list[float]:
    """Cross entropy in nats a positive: of the positives, the hard negatives (p > 0.1) and the easy ones."""
    each = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    hard = (y == 0) & (x.sigmoid() > 0.1)
    groups = (y == 1, hard, (y == 0) & ~hard)
    return [round(float(each[g].sum() / y.sum()), 4) for g in groups]


def run(name: str, seed: int, train_on: scenes.Scenes, test_on: scenes.Scenes, steps: int = STEPS) -> dict:
    """One training: the parts of its cross entropy on the way, the average precision, and the trained detector."""
    loss, prior = SETTINGS[name]
    found = []
    detector = scenes.train(
        loss, train_on, seed, steps=steps, prior=prior,
        watch=lambda step, x, y: found.append(parts(x, y)) if step in AT else None,
    )  # fmt: skip
    precision = scenes.average_precision(scenes.detect(detector, test_on.images), test_on.boxes)
    return {"parts": found, "precision": round(precision, 4), "detector": detector}


@torch.no_grad()
def histograms(detector, test_on: scenes.Scenes) -> dict:
    """How many anchors of the test scenes have a logit in each bin."""
    label, _ = scenes.targets(test_on)
    logits = torch.cat([detector(image[None])[0] for image in test_on.images])
    return {
        kind: torch.histogram(logits[label == value].clamp(-15.99, 15.99), EDGES).hist.long().tolist()
        for kind, value in (("positives", 1), ("negatives", 0))
    }


def main() -> None:
    train_on, test_on = pictures(False), pictures(True, 60)
    record = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {"runs": {}, "scores": {}}
    record |= {"at": AT, "edges": [-16, 16, 129]}
    for seed in SEEDS:
        for name in SETTINGS:
            runs = record["runs"].setdefault(name, [])
            if len(runs) > seed:
                continue
            result = run(name, seed, train_on, test_on)
            detector = result.pop("detector")
            if name in ("cross entropy", "focal") and seed < 2:
                record["scores"].setdefault(name, []).append(histograms(detector, test_on))
            runs.append(result)
            TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
            print(seed, name, result["precision"], flush=True)


if __name__ == "__main__":
    main()
