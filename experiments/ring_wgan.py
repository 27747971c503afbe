"""The non-saturating GAN, the WGAN with clipped weights and the WGAN with a gradient penalty on eight Gaussians.

    python experiments/ring_wgan.py      # writes lossutils/learn/experiments/ring_wgan.json

All have the same networks, batches and learning rate. The weight of the penalty and the bound of the clipping were
chosen on the seeds 0 to 2; what is recorded are other seeds. The section "Mode collapse and distances" shows the
curves and the samples of the first seed. Beside them it records critics that were trained on two fixed sets.

The runs of all seeds go side by side, as one network with a leading dimension of seeds; they share no number.
"""

import itertools
import json
import math
import pathlib

import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F

from lossutils.learn import data

SEEDS = range(10, 15)
ARMS = {  # the game, steps of the critic for each of the generator, and what holds the critic
    "non-saturating, 1 step": {"wasserstein": False, "critic_steps": 1},
    "non-saturating, 5 steps": {"wasserstein": False, "critic_steps": 5},
    "WGAN, clipped at 0.1": {"wasserstein": True, "critic_steps": 5, "clip": 0.1},
    "WGAN, penalty 1": {"wasserstein": True, "critic_steps": 5, "penalty": 1.0},
    "WGAN, penalty 10": {"wasserstein": True, "critic_steps": 5, "penalty": 10.0},
}
STEPS, EVERY = 3000, 200
HELD = {  # what holds the critics that are trained on two fixed sets
    "clipped at 0.03": {"clip": 0.03},
    "clipped at 0.1": {"clip": 0.1},
    "clipped at 0.3": {"clip": 0.3},
    "penalty 1": {"penalty": 1.0},
    "penalty 10": {"penalty": 10.0},
    "one-sided penalty 10": {"penalty": 10.0, "one_sided": True},
}
LATENT, WIDTH, BATCH, RATE = 8, 64, 64, 1e-3
SHOWN = [0, 200, 400, 600, 800, 1000, 2000, 3000]  # steps whose samples are recorded
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "ring_wgan.json"


def network(sizes, generators):
    """Weights (seeds, in, out) and biases (seeds, 1, out), drawn as torch.nn.Linear draws them."""
    layers = []
    for n, m in itertools.pairwise(sizes):
        for rows in (n, 1):
            drawn = [torch.rand(rows, m, generator=g, dtype=torch.float64) for g in generators]
            layers.append(((2 * torch.stack(drawn) - 1) / math.sqrt(n)).requires_grad_())
    return layers


def apply(layers, x):
    """Each seed's network on its own batch, (seeds, n, in) → (seeds, n, out)."""
    for k in range(0, len(layers), 2):
        x = torch.baddbmm(layers[k + 1], x, layers[k])
        if k < len(layers) - 2:
            x = F.leaky_relu(x, 0.2)
    return x


def reals(n, generators):
    return torch.stack([data.ring(n, g) for g in generators])


def fakes(layers, n, generators):
    return apply(layers, torch.stack([torch.randn(n, LATENT, generator=g, dtype=torch.float64) for g in generators]))


def score_loss(arm, real, fake):
    """One loss a seed of the discriminator's outputs: minimax or Wasserstein."""
    if arm["wasserstein"]:
        return fake.mean((1, 2)) - real.mean((1, 2))
    return F.softplus(-real).mean((1, 2)) + F.softplus(fake).mean((1, 2))


def slope_penalty(critic, real, fake, generators, one_sided=False):
    e = torch.stack([torch.rand(real.shape[1], 1, generator=g, dtype=torch.float64) for g in generators])
    between = (e * real + (1 - e) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(apply(critic, between).sum(), between, create_graph=True)
    excess = torch.linalg.vector_norm(slopes, dim=2) - 1
    return (excess.clamp(min=0) if one_sided else excess).square().mean(1)


def judge(arm, generator, critic, sources):
    """Of each seed: modes covered, share of good samples, the critic's estimate, the exact distance."""
    with torch.no_grad():
        fake, real = fakes(generator, 1000, sources), reals(1000, sources)
        loss = score_loss(arm, apply(critic, real), apply(critic, fake))
    near = torch.cdist(fake, data.RING_CENTRES.expand(len(fake), 8, 2)) < 3 * data.RING_DEVIATION
    share = near.double().mean(1)
    costs = torch.cdist(fake[:, :500], real[:, :500])
    exact = [c[linear_sum_assignment(c.numpy())].mean().item() for c in costs]
    return {
        "modes": (share >= 0.02).sum(1).tolist(),
        "good": share.sum(1).tolist(),
        "estimate": (-loss if arm["wasserstein"] else math.log(2) - loss / 2).tolist(),
        "exact": exact,
    }


def train(arm, seeds, steps, every=EVERY):
    """What :func:`judge` says every so many steps, and 100 samples of the first seed at the steps SHOWN."""
    sources = [torch.Generator().manual_seed(s) for s in seeds]
    judges = [torch.Generator().manual_seed(1000 + s) for s in seeds]
    generator, critic = network([LATENT, WIDTH, WIDTH, 2], sources), network([2, WIDTH, WIDTH, 1], sources)
    if arm.get("clip"):
        optimisers = [torch.optim.RMSprop(layers, lr=RATE) for layers in (generator, critic)]
    else:
        optimisers = [torch.optim.Adam(layers, lr=RATE, betas=(0.5, 0.9)) for layers in (generator, critic)]

    def descend(losses, optimiser):
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()

    rows, samples = [], []
    latent = [torch.Generator().manual_seed(2000 + s) for s in seeds[:1]]
    latent = torch.stack([torch.randn(100, LATENT, generator=g, dtype=torch.float64) for g in latent])
    for step in range(steps + 1):
        if step % every == 0:
            rows.append({"step": step} | judge(arm, generator, critic, judges))
        if step in SHOWN:
            samples.append(apply([w[:1] for w in generator], latent)[0].detach())
        if step == steps:
            return rows, samples
        for _ in range(arm["critic_steps"]):
            real = reals(BATCH, sources)
            with torch.no_grad():
                fake = fakes(generator, BATCH, sources)
            losses = score_loss(arm, apply(critic, real), apply(critic, fake))
            if arm.get("penalty"):
                losses = losses + arm["penalty"] * slope_penalty(critic, real, fake, sources)
            descend(losses, optimisers[1])
            if arm.get("clip"):
                with torch.no_grad():
                    for layer in critic:
                        layer.clamp_(-arm["clip"], arm["clip"])
        outputs = apply(critic, fakes(generator, BATCH, sources))
        losses = -outputs if arm["wasserstein"] else F.softplus(-outputs)
        descend(losses.mean((1, 2)), optimisers[0])


def record(name):
    """One arm as it goes into the file: lists (steps, seeds), rounded; samples in hundredths."""
    rows, samples = train(ARMS[name], list(SEEDS), STEPS)
    kept = {key: [[round(v, 3) for v in row[key]] for row in rows] for key in ("modes", "good", "estimate", "exact")}
    if name != "WGAN, penalty 10":
        kept["samples"] = [(100 * s).round().int().tolist() for s in samples]
    return kept


def circle(n, generators):
    """For each seed n points around each of the eight centres, and 8 n that fill the circle evenly."""
    angle = (torch.arange(8 * n, dtype=torch.float64) + 0.5) / (8 * n) * 2 * math.pi
    even = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    noise = torch.stack([torch.randn(8 * n, 2, generator=g, dtype=torch.float64) for g in generators])
    return data.RING_CENTRES.repeat(n, 1) + data.RING_DEVIATION * noise, even.expand(len(generators), 8 * n, 2)


def held_critics(name, seeds, steps=2000):
    """Of critics trained on two fixed sets: the estimate, the steepest rise, the exact distance; one a seed.

    The rise is that between any two of the points: divided by it the critic is 1-Lipschitz on them, and so is its
    largest extension to the plane. The estimate divided by it is a lower bound of the exact distance.
    """
    sources = [torch.Generator().manual_seed(s) for s in seeds]
    real, fake = circle(12, sources)
    critic = network([2, WIDTH, WIDTH, 1], sources)
    clip, penalty, one_sided = (HELD[name].get(key) for key in ("clip", "penalty", "one_sided"))
    optimiser = torch.optim.Adam(critic, lr=RATE, betas=(0.5, 0.9))
    for _ in range(steps):
        losses = apply(critic, fake).mean((1, 2)) - apply(critic, real).mean((1, 2))
        if penalty:
            losses = losses + penalty * slope_penalty(critic, real, fake, sources, one_sided)
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        if clip:
            with torch.no_grad():
                for layer in critic:
                    layer.clamp_(-clip, clip)
    with torch.no_grad():
        points = torch.cat([real, fake], dim=1)
        exactly = {"compute_mode": "donot_use_mm_for_euclid_dist"}
        rises = torch.cdist(*[apply(critic, points)] * 2, **exactly) / torch.cdist(points, points, **exactly)
    costs = torch.cdist(real, fake)
    return {
        "estimate": (apply(critic, real) - apply(critic, fake)).mean((1, 2)).tolist(),
        "steepest": rises.nan_to_num(0.0).amax((1, 2)).tolist(),  # 0 / 0: a point with itself
        "exact": [c[linear_sum_assignment(c.numpy())].mean().item() for c in costs],
    }


def main():
    result = {"seeds": list(SEEDS), "steps": list(range(0, STEPS + 1, EVERY)), "shown": SHOWN}
    result["arms"] = {name: record(name) for name in ARMS}
    result["critics"] = {
        name: {key: [float(f"{v:.4g}") for v in values] for key, values in held_critics(name, list(SEEDS)).items()}
        for name in HELD
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
