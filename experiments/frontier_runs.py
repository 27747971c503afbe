"""Four small runs in which knowledge enters by the loss: a bottleneck, a pendulum, words on a keypad, sums of digits.

    python experiments/frontier_runs.py      # writes lossutils/learn/experiments/frontier_runs.json

Each has five seeds, trained side by side in batched matrices. The section "Where the field goes" shows the record and
repeats shortened versions.
"""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

from lossutils.learn import data

SEEDS = 5
BETAS = [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]  # nats of the label paid for a nat about the picture
WEIGHTS = [0.0, 0.001, 0.01, 0.1, 1.0]  # of the squared residual of the pendulum's equation, in s^4
SQUARE, FRICTION = 4.0, 0.4  # of the pendulum: gravity over length in 1/s^2, friction in 1/s
LABELS = [20, 50, 100, 200, 400]
WORDS = (
    "this that with have from they will what when your said time look more into make some then take find over give "
    "back year"
).split()
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "frontier_runs.json"


def digits():
    """Pixels of the 8 x 8 digits in [0, 1] with a column of ones, and the labels."""
    found = data.digits()
    return torch.cat([found.x / 16, torch.ones(len(found.y), 1, dtype=torch.float64)], 1), found.y


def start(*shape, seeds=SEEDS, models=1):
    """Random matrices of shape (models * seeds, a, b), the same for every model, with standard deviation a^-1/2."""
    made = [
        torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(seeds)
    ]
    return (torch.stack(made) / shape[0] ** 0.5).repeat(models, 1, 1).requires_grad_()


def ones(h):
    return torch.cat([h, torch.ones_like(h[..., :1])], -1)


def bottleneck(steps=1000, betas=BETAS, seeds=SEEDS):
    """For each beta and seed: percent misread, nats about the label and the picture; and the code of 150 digits."""
    (x, y), n = digits(), len(betas)
    orders = [torch.randperm(1797, generator=torch.Generator().manual_seed(seed)) for seed in range(seeds)]
    train, test = (torch.stack([o[part] for o in orders]).repeat(n, 1) for part in (slice(1000), slice(1000, 1797)))
    parts = [start(*s, seeds=seeds, models=n) for s in ((65, 64), (65, 4), (3, 32), (33, 10))]
    beta = torch.tensor(betas, dtype=torch.float64).repeat_interleave(seeds)[:, None]
    g, optimiser = torch.Generator().manual_seed(0), torch.optim.Adam(parts, lr=0.005)

    def forward(index):
        mean, logvar = (ones(torch.relu(x[index] @ parts[0])) @ parts[1]).chunk(2, -1)
        noise = torch.randn(seeds, *mean.shape[1:], generator=g, dtype=torch.float64).repeat(n, 1, 1)
        z = mean + (logvar / 2).exp() * noise
        logp = (ones(torch.relu(ones(z) @ parts[2])) @ parts[3]).log_softmax(-1)
        kl = (mean.square() + logvar.exp() - logvar - 1).sum(-1) / 2
        return mean, logp, kl

    for _ in range(steps):
        batch = torch.randint(1000, (seeds, 100), generator=g).repeat(n, 1)
        index = train.gather(1, batch)
        _, logp, kl = forward(index)
        loss = -logp.gather(-1, y[index][..., None])[..., 0] + beta * kl
        optimiser.zero_grad()
        loss.mean(1).sum().backward()
        optimiser.step()
    with torch.no_grad():
        drawn = [forward(test) for _ in range(20)]
        mean, kl, target = drawn[0][0], drawn[0][2], y[test]
        logp = torch.stack([d[1] for d in drawn])
        label = math.log(10) + logp.gather(-1, target.expand(20, -1, -1)[..., None])[..., 0].mean(0)
        wrong = 100 * (logp.exp().mean(0).argmax(-1) != target).double().mean(-1)
    out = {"wrong": wrong, "label": label.mean(-1), "picture": kl.mean(-1)}
    out = {key: value.view(n, seeds).tolist() for key, value in out.items()}
    return out | {"code": mean[::seeds, :150].tolist(), "digit": target[0, :150].tolist()}


def swing(seconds=8.0, friction=FRICTION, steps=8000):
    """The angle of the pendulum each tenth of a second, from 1.5 at rest, by Runge and Kutta's method."""
    state, h, path = (1.5, 0.0), seconds / steps, []
    every = round(0.1 / h)

    def rate(a, v):
        return v, -friction * v - SQUARE * math.sin(a)

    for step in range(steps + 1):
        if step % every == 0:
            path.append(state[0])
        k1 = rate(*state)
        k2 = rate(*(s + h / 2 * k for s, k in zip(state, k1, strict=True)))
        k3 = rate(*(s + h / 2 * k for s, k in zip(state, k2, strict=True)))
        k4 = rate(*(s + h * k for s, k in zip(state, k3, strict=True)))
        slopes = zip(state, k1, k2, k3, k4, strict=True)
        state = tuple(s + h / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in slopes)
    return torch.tensor(path, dtype=torch.float64)


def jet(parts, t):
    """The network's angle, speed and acceleration: one hidden layer, differentiated by hand."""
    a, b, c, d = parts
    h = torch.tanh(t[:, None] * a + b)
    slope = (1 - h * h) * a
    return (h @ c + d)[..., 0], (slope @ c)[..., 0], (-2 * h * slope * a @ c)[..., 0]


def pendulum(steps=1500, weights=WEIGHTS, seeds=SEEDS, units=40):
    """For three equations, each weight and seed: the two losses, the errors inside and outside of the data."""
    t, truth, g = torch.arange(81) / 10.0, swing(), torch.Generator().manual_seed(0)
    t, n = t.double(), 3 * len(weights)
    a = 2 * torch.randn(seeds, 1, units, generator=g, dtype=torch.float64)
    b = -8 * a * torch.rand(seeds, 1, units, generator=g, dtype=torch.float64)
    c = torch.randn(seeds, units, 1, generator=g, dtype=torch.float64) / units**0.5
    parts = [p.repeat(n, 1, 1).requires_grad_() for p in (a, b, c, torch.zeros(seeds, 1, 1, dtype=torch.float64))]
    seen = torch.arange(0, 41, 4)
    y = truth[seen] + 0.1 * torch.randn(seeds, len(seen), generator=g, dtype=torch.float64)
    weight = torch.tensor(weights, dtype=torch.float64).repeat(3).repeat_interleave(seeds)[:, None]
    kind = torch.arange(3).repeat_interleave(len(weights) * seeds)[:, None]
    learned = torch.zeros(n * seeds, 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([*parts, learned], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        friction = torch.where(kind == 0, FRICTION, torch.where(kind == 1, 0.0, learned))
        angle, speed, push = jet(parts, t[::2])
        residual = (push + friction * speed + SQUARE * angle.sin()).square().mean(-1, keepdim=True)
        fit = (jet(parts, t[seen])[0] - y.repeat(n, 1)).square().mean(-1, keepdim=True)
        optimiser.zero_grad()
        (fit + weight * residual).sum().backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        angle = jet(parts, t)[0]
        error = (angle - truth).square()
    out = {"fit": fit, "residual": residual, "inside": error[:, :41].mean(1).sqrt(), "outside": error[:, 41:].mean(1)}
    out["outside"], out["friction"] = out["outside"].sqrt(), learned
    out = {key: value.detach().view(3, -1, seeds).tolist() for key, value in out.items()}
    return out | {"curves": angle[::seeds].view(3, -1, 81).tolist(), "points": y[0].tolist(), "truth": truth.tolist()}


def keypad(words):
    """Words as rows of the digits that carry their letters on a telephone."""
    keys = {letter: int(d) for d, block in zip("23456789", KEYS, strict=True) for letter in block}
    return torch.tensor([[keys[letter] for letter in word] for word in words])


KEYS = "abc def ghi jkl mno pqrs tuv wxyz".split()


def word_nll(logp, codes):
    """-log of the probability that a strip spells one of the words: logp (..., n, 4, 10), codes (words, 4)."""
    one = sum(logp[..., place, :][..., codes[:, place]] for place in range(codes.shape[1]))
    return -one.logsumexp(-1)


def strips(n, pool, g, y, codes):
    """n random words, each letter a picture from the pool; indices of the pictures (n, 4) and of the words."""
    which = torch.randint(len(codes), (n,), generator=g)
    rows = {d: pool[y[pool] == d] for d in range(10)}
    pick = [[rows[d][torch.randint(len(rows[d]), (), generator=g)] for d in code] for code in codes[which].tolist()]
    return torch.tensor(pick), which


def words(steps=300, labelled=(2, 5, 10, 20), unlabelled=200, seeds=SEEDS):
    """Percent of strips misread, for each number of labelled strips: read letter by letter, and by the list."""
    (x, y), codes = digits(), keypad(WORDS)
    assert len(codes.unique(dim=0)) == len(codes)
    out = {}
    for n in labelled:
        sets = []
        for seed in range(seeds):
            g = torch.Generator().manual_seed(seed)
            order = torch.randperm(1797, generator=g)
            sets.append([strips(m, order[p], g, y, codes) for m, p in pools(n, unlabelled)])
        (known, _), (free, _), (test, truth) = (
            [torch.stack(v) for v in zip(*s, strict=True)] for s in zip(*sets, strict=True)
        )
        for name, listed in (("labels", None), ("the list", codes), ("three quarters of the list", codes[:18])):
            parts = [start(65, 32, seeds=seeds), start(33, 10, seeds=seeds)]
            optimiser = torch.optim.Adam(parts, lr=0.01)

            def read(index, parts=parts):
                flat = ones(torch.relu(x[index.flatten(1)] @ parts[0])) @ parts[1]
                return flat.log_softmax(-1).view(*index.shape, 10)

            for _ in range(steps):
                loss = -read(known).gather(-1, y[known][..., None]).mean((1, 2, 3))
                if listed is not None:
                    loss = loss + word_nll(read(free), listed).mean(1) / 4
                optimiser.zero_grad()
                loss.sum().backward()
                optimiser.step()
            with torch.no_grad():
                logp = read(test)
                alone = (logp.argmax(-1) != y[test]).any(-1)
                score = sum(logp[..., place, :][..., codes[:, place]] for place in range(4))
                both = score.argmax(-1) != truth
                missing = truth >= 18
                out[f"{name}, {n}"] = {
                    "letters": (100 * alone.double().mean(-1)).tolist(),
                    "by the list": (100 * both.double().mean(-1)).tolist(),
                    "not in it": [100 * a[m].double().mean().item() for a, m in zip(alone, missing, strict=True)],
                }
    return out


def pools(n, unlabelled):
    """How many strips, and from which part of the pictures: labelled, unlabelled, to judge."""
    return (n, slice(800)), (unlabelled, slice(800)), (300, slice(800, None))


def ways(modulo=None):
    """(10, 10, sums): 1 where the digits a and b have that sum."""
    total = torch.arange(10)[:, None] + torch.arange(10)
    return F.one_hot(total % modulo if modulo else total).double()


def sum_nll(first, second, total, table):
    """-log of the probability of the sum, from two tables of log-probabilities (..., n, 10)."""
    joint = torch.einsum("...a,...b,abs->...s", first.exp(), second.exp(), table)
    return -joint.gather(-1, total[..., None])[..., 0].log()


def sums(kind, n, steps=300, modulo=None, zero=False, seeds=SEEDS):
    """Trained by n sums of 2 n pictures, or by n digits: percent misread, of digits, of sums, and by how much.

    ``off`` has for each seed the percent of digits read k too high, modulo 10, for k = 0 … 9.
    """
    x, y = digits()
    orders = [torch.randperm(1797, generator=torch.Generator().manual_seed(seed)) for seed in range(seeds)]
    first, second, test = (torch.stack([o[s] for o in orders]) for s in (slice(n), slice(n, 2 * n), slice(797, 1797)))
    parts = [start(65, 32, seeds=seeds), start(33, 10, seeds=seeds)]
    if zero:
        parts[1].data.zero_()
    optimiser, table = torch.optim.Adam(parts, lr=0.01), ways(modulo)
    total = y[first] + y[second]

    def read(index):
        return (ones(torch.relu(x[index] @ parts[0])) @ parts[1]).log_softmax(-1)

    for _ in range(steps):
        if kind == "sums":
            loss = sum_nll(read(first), read(second), total % modulo if modulo else total, table)
        else:
            loss = -read(first).gather(-1, y[first][..., None])[..., 0]
        optimiser.zero_grad()
        loss.mean(1).sum().backward()
        optimiser.step()
    with torch.no_grad():
        found, truth = read(test).argmax(-1), y[test]
        miss = found - truth
        pair = miss[:, :500] + miss[:, 500:]
        pair = pair % modulo if modulo else pair
        off = F.one_hot(miss % 10, 10).double().mean(1)
    shares = {"digits": (miss != 0).double().mean(-1), "sums": (pair != 0).double().mean(-1), "off": off}
    return {k: (100 * v).tolist() for k, v in shares.items()} | {"loss": loss.mean(1).tolist()}


def short(value, digits=3):
    if isinstance(value, dict):
        return {key: short(v, digits) for key, v in value.items()}
    return [short(v, digits) for v in value] if isinstance(value, list) else float(f"{value:.{digits}g}")


def main():
    result = {"betas": BETAS, "weights": WEIGHTS, "labels": LABELS, "words": WORDS}
    result["sums"] = short({f"{kind}, {n}": sums(kind, n) for n in LABELS for kind in ("sums", "digits")})
    result["sums"] |= short({"last digit": sums("sums", 400, modulo=10)})
    result["sums"] |= short({"last digit, from zero": sums("sums", 400, modulo=10, zero=True)})
    print("sums", flush=True)
    result["keypad"] = short(words())
    print("keypad", flush=True)
    result["bottleneck"] = short(bottleneck())
    print("bottleneck", flush=True)
    result["pendulum"] = short(pendulum())
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
