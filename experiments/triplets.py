"""Embeddings of digits by triplets, pairs, InfoNCE and a softmax, judged on digits seen and never seen in training.

    python experiments/triplets.py      # writes lossutils/learn/experiments/triplets.json

For each seed three of the ten digits are drawn and kept out of training. A network 196-128-16 learns from 350 images
of each of the other seven, 8 a digit in every batch of 56; 150 images a digit, seen or not, are for judging: how often
the nearest other image shows the same digit (recall@1), and how often a pair of the same digit is nearer than a pair of
different ones (pair AUC). All runs share Adam at 0.001, 800 steps and margin 1; nothing was tuned. The section
"Triplets and InfoNCE" shows the table and repeats a part of it.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

from lossutils import info_nce_loss, pairwise_contrastive_loss, triplet_margin_loss
from lossutils.learn import data

SEEDS = range(5)
STEPS, EACH, TRAIN = 800, 8, 350
ARMS = [
    "untrained", "contrastive", "triplet, random", "triplet, semi-hard", "triplet, batch-hard",
    "InfoNCE, one pair a digit", "InfoNCE, 28 pairs", "InfoNCE, 28 pairs, masked", "softmax",
]  # fmt: skip
TEMPERATURES = [0.02, 0.1, 0.5, 2.0]
COLLAPSE = [  # squared?, mining, learning rate
    (True, "batch-hard", 0.001), (True, "batch-hard", 0.01), (False, "batch-hard", 0.001),
    (False, "batch-hard", 0.01), (True, "semi-hard", 0.001),
]  # fmt: skip
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "triplets.json"


class Split:
    """Three digits kept out, and for each digit 350 rows to train on and 150 to judge by."""

    def __init__(self, seed):
        self.x, self.y = data.halved_mnist()
        g = torch.Generator().manual_seed(seed)
        self.unseen = sorted(torch.randperm(10, generator=g)[:3].tolist())
        self.seen = [c for c in range(10) if c not in self.unseen]
        rows = [(self.y == c).nonzero()[:, 0][torch.randperm(500, generator=g)] for c in range(10)]
        self.train, self.test = [r[:TRAIN] for r in rows], [r[TRAIN:] for r in rows]

    def judge(self, embed, normalise):
        """recall@1 and pair AUC of the seen digits, then of the unseen ones."""
        found = []
        for digits in (self.seen, self.unseen):
            rows = torch.cat([self.test[c] for c in digits])
            with torch.no_grad():
                e = embed(self.x[rows])
            found += quality(F.normalize(e) if normalise else e, self.y[rows])
        return found


def quality(e, y):
    """recall@1 and pair AUC of embeddings e (N, D) with classes y, by Euclidean distance."""
    d = torch.cdist(e, e)
    i, j = torch.triu_indices(len(y), len(y), 1)
    same = y[i] == y[j]
    rank = torch.empty(len(i), dtype=torch.float64)
    rank[d[i, j].argsort()] = torch.arange(len(i), dtype=torch.float64)
    near, far = same.sum().double(), (~same).sum().double()
    auc = 1 - (rank[same].sum() - near * (near - 1) / 2) / (near * far)
    d.fill_diagonal_(torch.inf)
    return [(y[d.argmin(1)] == y).double().mean().item(), auc.item()]


def network(seed, width=16):
    torch.manual_seed(seed)
    layers = torch.nn.Linear(196, 128), torch.nn.ReLU(), torch.nn.Linear(128, width)
    return torch.nn.Sequential(*layers).double()


def mine(d, same, how, g):
    """A positive and a negative for each anchor of a batch, from the distances d (N, N)."""
    other = same & ~torch.eye(len(d), dtype=torch.bool)
    if how == "batch-hard":
        return d.masked_fill(~other, -1).argmax(1), d.masked_fill(same, torch.inf).argmin(1)
    p = torch.multinomial(other.double(), 1, generator=g)[:, 0]
    if how == "random":
        return p, torch.multinomial((~same).double(), 1, generator=g)[:, 0]
    beyond = ~same & (d > d.gather(1, p[:, None]))  # semi-hard: the nearest of those farther off than the positive
    nearest = d.masked_fill(~beyond, torch.inf).argmin(1)
    return p, torch.where(beyond.any(1), nearest, d.masked_fill(same, -1).argmax(1))


def triplet(e, same, how, g, squared=False):
    """The loss of a batch with one triplet an anchor, and the share of triplets that are not 0."""
    p, n = mine(torch.cdist(e.detach(), e.detach()), same, how, g)
    if squared:
        each = (1 + (e - e[p]).square().sum(1) - (e - e[n]).square().sum(1)).clamp(min=0)
    else:
        each = triplet_margin_loss(e, e[p], e[n], reduction="none")
    return each.mean(), (each > 0).double().mean().item()


def info_nce(e, how, tau):
    """The rows come 8 a digit: the first four are the queries of the last four."""
    digits = len(e) // EACH
    q, k = (part.reshape(-1, e.shape[1]) for part in e.view(digits, 2, EACH // 2, -1).unbind(1))
    if how == "one pair a digit":
        rounds = zip(q.view(digits, 4, -1).unbind(1), k.view(digits, 4, -1).unbind(1), strict=True)
        return sum(info_nce_loss(a, b, temperature=tau) for a, b in rounds) / 4
    if how == "28 pairs":
        return info_nce_loss(q, k, temperature=tau)
    label = torch.arange(digits).repeat_interleave(4)  # masked: no negatives of the query's own digit
    own = torch.eye(len(q), dtype=torch.bool)
    s = (F.normalize(q) @ F.normalize(k).T / tau).masked_fill((label[:, None] == label) & ~own, -torch.inf)
    return F.cross_entropy(s, torch.arange(len(q)))


def contrastive(e, same):
    """The mean over pairs of the same digit and over the others, half each."""
    i, j = torch.triu_indices(len(e), len(e), 1)
    d = torch.linalg.vector_norm(e[i] - e[j], dim=1)
    each = pairwise_contrastive_loss(d, same[i, j], reduction="none")
    return (each[same[i, j]].mean() + each[~same[i, j]].mean()) / 2


def run(arm, seed, tau=0.1, steps=STEPS, everything=False):
    """One run: the four numbers of ``Split.judge``, the loss at the end, the share of active triplets on the way."""
    split, f = Split(seed), network(seed)
    digits = list(range(10)) if everything else split.seen
    head = torch.nn.Linear(16, len(digits)).double()
    g = torch.Generator().manual_seed(100 + seed)
    optimiser = torch.optim.Adam([*f.parameters(), *head.parameters()], lr=0.001)
    y = torch.arange(len(digits)).repeat_interleave(EACH)
    same, kind, _, how = y[:, None] == y, *arm.partition(", ")
    losses, active = [], []
    for _ in range(0 if arm == "untrained" else steps):
        rows = torch.cat([split.train[c][torch.randint(0, TRAIN, (EACH,), generator=g)] for c in digits])
        e = f(split.x[rows])
        if kind == "triplet":
            loss, share = triplet(e, same, how, g)
            active.append(share)
        elif kind == "InfoNCE":
            loss = info_nce(e, how, tau)
        else:
            loss = contrastive(e, same) if kind == "contrastive" else F.cross_entropy(head(e), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    found = {"quality": [round(v, 4) for v in split.judge(f, kind in ("InfoNCE", "softmax"))]}
    if losses:
        found["loss"] = round(sum(losses[-40:]) / 40, 4)
    if active:
        found["active"] = [round(sum(active[k : k + 40]) / 40, 3) for k in range(0, steps, 40)]
    return found


def collapse(squared, how, rate, seed, steps=400):
    """Every 20 steps of a run: the loss, and the mean distance of two embeddings of the batch."""
    split, f = Split(seed), network(seed)
    g = torch.Generator().manual_seed(100 + seed)
    optimiser = torch.optim.Adam(f.parameters(), lr=rate)
    y = torch.arange(7).repeat_interleave(EACH)
    rows = []
    for step in range(steps + 1):
        batch = torch.cat([split.train[c][torch.randint(0, TRAIN, (EACH,), generator=g)] for c in split.seen])
        e = f(split.x[batch])
        loss, _ = triplet(e, y[:, None] == y, how, g, squared)
        if step % 20 == 0:
            rows.append([loss.item(), torch.pdist(e.detach()).mean().item()])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [[float(f"{v:.4g}") for v in column] for column in zip(*rows, strict=True)]


def main():
    found = {"seeds": list(SEEDS), "unseen": [Split(seed).unseen for seed in SEEDS], "steps": STEPS}
    found["pixels"] = [[round(v, 4) for v in Split(seed).judge(lambda x: x, False)] for seed in SEEDS]
    found["arms"] = {arm: [run(arm, seed) for seed in SEEDS] for arm in ARMS}
    found["all ten"] = [run("triplet, batch-hard", seed, everything=True)["quality"] for seed in SEEDS]
    found["temperature"] = {
        tau: [run("InfoNCE, 28 pairs, masked", seed, tau)["quality"] for seed in SEEDS] for tau in TEMPERATURES
    }
    found["collapse"] = [
        {"squared": squared, "mining": how, "rate": rate, "runs": [collapse(squared, how, rate, s) for s in SEEDS]}
        for squared, how, rate in COLLAPSE
    ]
    OUT.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
