"""The dense detector of digits under four losses, and under focal loss over a grid of α and γ.

    python experiments/detector_losses.py          all runs not yet in lossutils/learn/experiments/detector_losses.json
    python experiments/detector_losses.py grid     those of the grid only; "ways": the four losses; "short"; "sized":
                                                   focal loss enlarged to the size of the balanced one

For "A detector trained four ways". All runs of a group have the same scenes, steps and learning rate; those of one seed
also have the same first weights and the same batches.
"""

from __future__ import annotations

import json
import pathlib
import sys

import torch
from torch.nn import functional as F

from lossutils import hard_example_mean, sigmoid_focal_loss
from lossutils.learn import scenes

LONG = {"ways": 300, "sized": 300, "grid": 150, "short": 50}  # steps
ALPHAS, GAMMAS = (0.25, 0.5, 0.75), (0.0, 0.5, 2.0, 5.0)
FOUR, GRID = range(5), range(3)  # seeds of the four ways and of the grid
OVERLAPS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
SHOWN = 6  # of so many test scenes the boxes are kept
TARGET = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments" / "detector_losses.json"


def cross_entropy(x, y):
    return F.binary_cross_entropy_with_logits(x, y, reduction="sum") / y.sum()


def mined(x, y):
    """All positives and the hardest negatives, three to a positive."""
    each, n = F.binary_cross_entropy_with_logits(x, y, reduction="none"), int(y.sum())
    return each[y == 1].mean() + 3 * hard_example_mean(each, keep=3 * n, ignore=y == 1)


def focal(alpha, gamma):
    return lambda x, y: sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma, normalizer=y.sum())


WAYS = {
    "cross entropy": cross_entropy,
    "mined 1:3": mined,
    "balanced, α = 0.75": focal(0.75, 0.0),
    "focal, α = 0.25, γ = 2": focal(0.25, 2.0),
}

SIZED = {"focal, times 4.8": lambda x, y: 4.8 * focal(0.25, 2.0)(x, y)}  # starts at the size of the balanced one


def pictures(test: bool, n: int = 160) -> scenes.Scenes:
    """Those of dense_detector.py."""
    return scenes.draw(n, torch.Generator().manual_seed(100 + test), test=test)


def hits(found, wanted, at: float = 0.5) -> list[int]:
    """For the boxes of all pictures, the best score first: 1 where the box finds a digit that is still free."""
    scores, right = [], []
    for (boxes, score), truth in zip(found, wanted, strict=True):
        order, free = score.argsort(descending=True), torch.ones(len(truth), dtype=torch.bool)
        for row in scenes.overlap(boxes[order], truth):
            best, which = torch.where(free, row, -1).max(0)
            right.append(int(best >= at))
            free[which] &= not right[-1]
        scores.append(score[order])
    return [right[k] for k in torch.cat(scores).argsort(descending=True, stable=True)]


def judged(detector, test_on: scenes.Scenes) -> dict:
    """Average precision at IoU 0.5 and its mean over six overlaps; the hits as digits of a hexadecimal number."""
    found = scenes.detect(detector, test_on.images)
    each = [scenes.average_precision(found, test_on.boxes, at=at) for at in OVERLAPS]
    bits = hits(found, test_on.boxes)
    bits += [0] * (-len(bits) % 4)
    return {
        "precision": round(each[0], 4),
        "mean": round(sum(each) / len(each), 4),
        "hits": f"{int(''.join(map(str, bits)), 2):0{len(bits) // 4}x}",
        "found": found,
    }


def run(loss, seed: int, train_on: scenes.Scenes, test_on: scenes.Scenes, steps: int) -> dict:
    return judged(scenes.train(loss, train_on, seed, steps=steps), test_on)


def drawn(found, wanted) -> list:
    """Of the first scenes the boxes x1, y1, x2, y2, as many over all pictures as there are digits, best first."""
    limit = torch.cat([score for _, score in found]).sort(descending=True).values[sum(map(len, wanted)) - 1]
    return [[[round(v, 1) for v in box] for box in boxes[score >= limit].tolist()] for boxes, score in found[:SHOWN]]


def note(group: str, name: str, seed: int, found: dict) -> None:
    """Write one run into the file, which another process may have changed meanwhile."""
    record = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    record |= {"overlaps": OVERLAPS, "alphas": ALPHAS, "gammas": GAMMAS}
    if boxes := found.pop("boxes", None):
        record.setdefault("boxes", {})[name] = boxes
    runs = record.setdefault(group, {}).setdefault(name, [])
    if len(runs) != seed:
        raise ValueError(f"{group}, {name}: expected seed {len(runs)} next, got {seed}")
    runs.append(found)
    TARGET.write_text(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    print(group, seed, name, found, flush=True)


def main(groups: list[str]) -> None:
    train_on, test_on = pictures(False), pictures(True, 60)
    plain, *new, focused = WAYS
    wanted = [("ways", name, 0) for name in (plain, focused)]  # their other seeds are in dense_detector.json
    wanted += [("ways", name, seed) for seed in FOUR for name in new]
    wanted += [("sized", name, seed) for seed in FOUR for name in SIZED]
    wanted += [("short", new[0], 0)]  # 50 steps, for the test of this file
    wanted += [("grid", f"{alpha} {gamma:g}", seed) for seed in GRID for gamma in GAMMAS for alpha in ALPHAS]
    for group, name, seed in wanted:
        record = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
        if group not in groups or len(record.get(group, {}).get(name, [])) > seed:
            continue
        loss = focal(*map(float, name.split())) if group == "grid" else (WAYS | SIZED)[name]
        result = run(loss, seed, train_on, test_on, LONG[group])
        found = result.pop("found")
        if group != "ways":
            del result["hits"]
        elif seed == 0:
            result["boxes"] = drawn(found, test_on.boxes)
        note(group, name, seed, result)


if __name__ == "__main__":
    main(sys.argv[1:] or list(LONG))
