"""Two losses of a GAN's generator on a ring of eight Gaussians: the original minimax one and −log D.

    python experiments/ring_gan.py      # writes lossutils/learn/experiments/ring_gan.json

Same networks, same start, same data a seed. Settings differ in the generator's optimiser and its rate, and in how long
the discriminator trains alone at first. Every hundred steps: modes covered, share of good samples, both losses. The
section "The game" shows the table and repeats a run of each loss.
"""

import itertools
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from lossutils.learn import data

SEEDS = range(6)
LOSSES = "minimax", "non-saturating"
SETTINGS = {  # name → optimiser of the generator, its rate, steps of the discriminator before the generator's first
    "Adam": ("Adam", 0.001, 0),
    "Adam, head start": ("Adam", 0.001, 500),
    "SGD 0.05, head start": ("SGD", 0.05, 500),
    "SGD 0.01, head start": ("SGD", 0.01, 500),
}
STEPS, EVERY, BATCH, WIDTH, SAMPLES = 1500, 100, 128, 64, 2000
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "ring_gan.json"


def network(sizes, generators):
    """Weights and biases of as many networks as there are generators, with torch's usual start, in float32."""
    parts = []
    for n_in, n_out in itertools.pairwise(sizes):
        for shape in ((n_in, n_out), (1, n_out)):
            drawn = [torch.rand(*shape, generator=g) for g in generators]
            parts.append(((2 * torch.stack(drawn) - 1) / math.sqrt(n_in)).requires_grad_())
    return parts


def forward(parts, x):
    """(networks, n, in) → (networks, n, out), with ReLUs between the layers."""
    for i in range(0, len(parts), 2):
        x = torch.baddbmm(parts[i + 1], x, parts[i])
        x = x.relu() if i < len(parts) - 2 else x
    return x


def judged(x):
    """Modes covered (at least 2 % of all samples lie within 3 σ of the centre), and the share of samples within 3 σ."""
    centres = data.RING_CENTRES.to(x.dtype)
    distance, mode = torch.cdist(x, centres.expand(len(x), 8, 2)).min(-1)
    good = distance < 3 * data.RING_DEVIATION
    at = torch.stack([((mode == k) & good).float().mean(1) for k in range(8)], dim=1)
    return (at >= 0.02).sum(1), good.float().mean(1)


def train(seeds, optimiser, rate, head_start, steps=STEPS):
    """Loss → a dict of the recorded curves, each (seed, time)."""
    generators = [torch.Generator().manual_seed(s) for _ in LOSSES for s in seeds]
    g_net, d_net = (network(sizes, generators) for sizes in ([2, WIDTH, WIDTH, 2], [2, WIDTH, WIDTH, 1]))
    kinds = {"Adam": lambda p, r: torch.optim.Adam(p, lr=r, betas=(0.5, 0.999)), "SGD": torch.optim.SGD}
    g_step, d_step = kinds[optimiser](g_net, rate), kinds["Adam"](d_net, 0.001)
    minimax = torch.tensor([name == "minimax" for name in LOSSES for _ in seeds])[:, None, None]

    def fakes(n):
        return forward(g_net, torch.stack([torch.randn(n, 2, generator=g) for g in generators]))

    def reals(n):
        return torch.stack([data.ring(n, g).float() for g in generators])

    def d_losses(real, fake):
        return (F.softplus(-forward(d_net, real)) + F.softplus(forward(d_net, fake))).mean((1, 2))

    def g_losses(fake):
        f = forward(d_net, fake)
        return torch.where(minimax, -F.softplus(f), F.softplus(-f)).mean((1, 2))

    def descend(step, net, losses):
        for weight, slope in zip(net, torch.autograd.grad(losses.sum(), net), strict=True):
            weight.grad = slope
        step.step()

    rows = []
    for t in range(steps + 1):
        if t % EVERY == 0:
            with torch.no_grad():
                x = fakes(SAMPLES)
                rows.append(torch.stack([*judged(x), d_losses(reals(SAMPLES), x), g_losses(x)]))
        for _ in range(1 if t else 1 + head_start):
            descend(d_step, d_net, d_losses(reals(BATCH), fakes(BATCH).detach()))
        descend(g_step, g_net, g_losses(fakes(BATCH)))
    curves = torch.stack(rows, dim=-1).unflatten(1, (len(LOSSES), len(seeds)))  # (quantity, loss, seed, time)
    names = "modes", "good", "d_loss", "g_loss"
    return {
        loss: {name: [[round(v, 3) for v in row] for row in curves[i, k].tolist()] for i, name in enumerate(names)}
        for k, loss in enumerate(LOSSES)
    }


def main():
    curves = {name: train(SEEDS, *setting) for name, setting in SETTINGS.items()}
    result = {"seeds": list(SEEDS), "steps": list(range(0, STEPS + 1, EVERY)), "settings": SETTINGS, "curves": curves}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
