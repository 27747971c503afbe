"""Pairs of handwritten digits: three losses of pairs, on classes seen in training and on classes never seen.

    python experiments/digit_pairs.py      # writes lossutils/learn/experiments/digit_pairs.json

A network with two hidden layers maps a digit to 2 or 16 numbers. It is trained on 350 images of each of seven classes;
the other three classes change with the seed. What counts is the AUC of pairs: how often two images of one class are
nearer than two of different classes, among images that took no part in training. The section "Ranking and pairs" shows
the record and repeats a short run of it.
"""

import json
import pathlib

import torch

from lossutils.learn import data

SEEDS = range(5)
STEPS, BATCH, HIDDEN = 300, 64, 128
MARGINS = {
    "contrastive": [0.25, 1.0, 4.0],
    "hinge embedding": [0.25, 1.0, 4.0],
    "cosine embedding": [0.0, 0.2, 0.4, 0.6, 0.8, 0.9],
}
FRAMES = [0, 5, 10, 20, 40, 80, 150, 300]
DRAWN = 12  # images of each class in the pictures of the plane
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "digit_pairs.json"


def split(seed):
    """Images (10, 350, 196) and (10, 150, 196) for training and testing, the seen classes and the unseen ones."""
    x, _ = data.halved_mnist()
    generator = torch.Generator().manual_seed(seed)
    order = torch.stack([torch.randperm(500, generator=generator) for _ in range(10)])
    x = x.view(10, 500, 196).gather(1, order[..., None].expand(-1, -1, 196))
    unseen = sorted((2 * seed + i) % 10 for i in range(3))
    return x[:, :350], x[:, 350:], [c for c in range(10) if c not in unseen], unseen


def pair_losses(kind, first, second, same, margin):
    """One loss a pair, of embeddings (…, D)."""
    if kind == "cosine embedding":
        cosine = torch.nn.functional.cosine_similarity(first, second, dim=-1)
        return torch.where(same, 1 - cosine, (cosine - margin).clamp(min=0))
    d = torch.linalg.vector_norm(first - second, dim=-1)
    short = (margin - d).clamp(min=0)
    return torch.where(same, d, short) if kind == "hinge embedding" else torch.where(same, d**2, short**2) / 2


def start(seeds, dim):
    """The weights of a network for each seed, with the ranges of torch's Linear."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights = []
    for fan_in, fan_out in ((196, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, dim)):
        for rows in (fan_in, 1):
            drawn = torch.stack([torch.rand(rows, fan_out, generator=g) for g in generators]).double()
            weights.append(((2 * drawn - 1) / fan_in**0.5).requires_grad_())
    return weights


def embed(weights, x):
    """Images (S, N, 196) → embeddings (S, N, D), by the network of each seed."""
    for i in range(0, len(weights), 2):
        x = x @ weights[i] + weights[i + 1]
        x = x.relu() if i + 2 < len(weights) else x
    return x


def train(kind, margin, dim, seeds, steps=STEPS, watch=None):
    """The weights after ``steps`` steps of Adam on all pairs of a batch; ``watch(step, weights)`` at each step.

    The pairs of one class and the others have equal weight, whatever their numbers.
    """
    sets = []
    for seed in seeds:
        images, _, seen, _ = split(seed)
        sets.append((images[seen].flatten(0, 1), torch.tensor(seen).repeat_interleave(350)))
    x, y = (torch.stack(part) for part in zip(*sets, strict=True))
    generators = [torch.Generator().manual_seed(100 + seed) for seed in seeds]
    weights = start(seeds, dim)
    optimiser = torch.optim.Adam(weights, lr=2e-3)
    i, j = torch.triu_indices(BATCH, BATCH, 1)
    for step in range(steps):
        if watch:
            watch(step, weights)
        batch = torch.stack([torch.randint(0, x.shape[1], (BATCH,), generator=g) for g in generators])
        e = embed(weights, x.gather(1, batch[..., None].expand(-1, -1, 196)))
        label = y.gather(1, batch)
        same = label[:, i] == label[:, j]
        losses = pair_losses(kind, e[:, i], e[:, j], same, margin)
        parts = [(losses * mask).sum(1) / mask.sum(1) for mask in (same, ~same)]
        optimiser.zero_grad()
        sum(parts).sum().backward()
        optimiser.step()
    if watch:
        watch(steps, weights)
    return [w.detach() for w in weights]


def auc(near, same):
    """The share of (same, different) couples of pairs in which the same is nearer; ``near`` is large for near pairs."""
    _, rank, count = torch.unique(near, return_inverse=True, return_counts=True)
    middle = count.cumsum(0) - (count - 1) / 2  # ties share the mean of their ranks
    n = same.sum()
    return ((middle[rank][same].sum() - n * (n + 1) / 2) / (n * (~same).sum())).item()


def pair_auc(e, y, kind):
    """The AUC of all pairs of embeddings (N, D), by the cosine or by the distance."""
    i, j = torch.triu_indices(len(e), len(e), 1)
    if kind == "cosine embedding":
        u = torch.nn.functional.normalize(e)
        return auc((u @ u.T)[i, j], y[i] == y[j])
    return auc(-torch.cdist(e, e, compute_mode="donot_use_mm_for_euclid_dist")[i, j], y[i] == y[j])


def scores(seed, function, kind):
    """[seen, unseen]: the pair AUC on the test images of either kind of class; ``function`` maps (N, 196) → (N, D)."""
    _, images, *groups = split(seed)
    found = []
    for classes in groups:
        y = torch.tensor(classes).repeat_interleave(150)
        found.append(round(pair_auc(function(images[classes].flatten(0, 1)), y, kind), 4))
    return found


def judge(weights, seeds, kind):
    """:func:`scores` for each seed."""
    return [scores(s, lambda x, i=i: embed([w[i] for w in weights], x), kind) for i, s in enumerate(seeds)]


def drawn(seed):
    """The test images that the pictures show, (10 · DRAWN, 196), class by class."""
    return split(seed)[1][:, :DRAWN].flatten(0, 1)


def film():
    """The contrastive loss in the plane: AUCs at each frame, and where the first seed's test images lie."""
    frames = {"steps": FRAMES, "auc": [], "points": []}

    def watch(step, weights):
        if step in FRAMES:
            now = [w.detach() for w in weights]
            frames["auc"].append(judge(now, SEEDS, "contrastive"))
            at = embed([w[0] for w in now], drawn(SEEDS[0]))
            frames["points"].append([[round(v, 3) for v in point] for point in at.tolist()])

    train("contrastive", 1.0, 2, SEEDS, watch=watch)
    return frames


def main():
    torch.set_num_threads(1)
    kinds = {"distance": "contrastive", "cosine": "cosine embedding"}
    result = {
        "seeds": list(SEEDS),
        "steps": STEPS,
        "unseen": [split(seed)[3] for seed in SEEDS],
        "raw": {name: [scores(s, lambda x: x, kind) for s in SEEDS] for name, kind in kinds.items()},
        "untrained": {
            str(dim): {
                name: judge([w.detach() for w in start(SEEDS, dim)], SEEDS, kind) for name, kind in kinds.items()
            }
            for dim in (2, 16)
        },
        "margins": MARGINS,
        "trained": {},
        "angles": [],
    }
    for dim in (2, 16):
        result["trained"][str(dim)] = {}
        for kind, margins in MARGINS.items():
            rows = []
            for margin in margins:
                weights = train(kind, margin, dim, SEEDS)
                rows.append(judge(weights, SEEDS, kind))
                if dim == 2 and kind == "cosine embedding":
                    at = embed([w[0] for w in weights], drawn(SEEDS[0]))
                    result["angles"].append([round(a, 2) for a in torch.atan2(at[:, 1], at[:, 0]).tolist()])
                print(dim, kind, margin, torch.tensor(rows[-1]).mean(0), flush=True)
            result["trained"][str(dim)][kind] = rows
    result["film"] = film()
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
