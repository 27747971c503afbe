"""Six pairs of GAN losses on the ring of eight Gaussians: same networks, same seeds, two learning rates, two starts.

    python experiments/least_squares_gan.py      # writes lossutils/learn/experiments/least_squares_gan.json

Every 100 steps, of 1,000 fakes: how many of the eight modes hold at least 2 % of them within three standard deviations
(the modes covered), and the percentage within three standard deviations of any centre (high quality). The seeds of one
setting are trained side by side, as a batch of matrices; each has its own generator of random numbers. The section
"Least squares and loss-sensitive GANs" shows the table.
"""

import itertools
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from lossutils import (
    lsgan_discriminator_loss,
    lsgan_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    nonsaturating_generator_loss,
)
from lossutils.learn import data

RATES = [0.001, 0.002]
SEEDS = range(5)
STEPS, EVERY, BATCH, WIDTH = 2000, 100, 64, 48
FAR = 8.0  # added to both coordinates of the generator's output in the far start
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "least_squares_gan.json"


def coded(a, b, c):
    """The losses of a least-squares GAN."""
    return lambda r, f: lsgan_discriminator_loss(r, f, a=a, b=b), lambda f: lsgan_generator_loss(f, c=c)


LOSSES = {
    "minimax": (minimax_discriminator_loss, minimax_generator_loss),
    "non-saturating": (minimax_discriminator_loss, nonsaturating_generator_loss),
    "least squares 0, 1, 1": coded(0.0, 1.0, 1.0),
    "least squares -1, 1, 1": coded(-1.0, 1.0, 1.0),
    "least squares -1, 1, 0": coded(-1.0, 1.0, 0.0),
    "least squares 0, 1, 1 after a sigmoid": (
        lambda r, f: lsgan_discriminator_loss(r.sigmoid(), f.sigmoid()),
        lambda f: lsgan_generator_loss(f.sigmoid()),
    ),
}


def network(outputs, draws):
    """Weights and biases of 2 → 48 → 48 → outputs, one network a generator of random numbers."""
    sizes, parts = [2, WIDTH, WIDTH, outputs], []
    for a, b in itertools.pairwise(sizes):
        weights = [torch.randn(a, b, generator=g, dtype=torch.float64) * math.sqrt(2 / a) for g in draws]
        parts += [
            torch.stack(weights).requires_grad_(),
            torch.zeros(len(draws), 1, b, dtype=torch.float64).requires_grad_(),
        ]
    return parts


def normal(n, draws):
    """n samples in the plane a network."""
    return torch.stack([torch.randn(n, 2, generator=g, dtype=torch.float64) for g in draws])


def apply(parts, x):
    """The networks' outputs (networks, samples, outputs) on x (networks, samples, 2)."""
    for i in range(0, len(parts), 2):
        x = torch.baddbmm(parts[i + 1], x, parts[i])
        x = F.leaky_relu(x, 0.2) if i + 2 < len(parts) else x
    return x


def modes_and_quality(fakes):
    """Modes covered, and the percentage of high quality, of each network's samples (networks, samples, 2)."""
    distance, nearest = torch.cdist(fakes, data.RING_CENTRES.expand(len(fakes), -1, -1)).min(-1)
    good = distance < 3 * data.RING_DEVIATION
    shares = torch.stack([(good & (nearest == k)).double().mean(1) for k in range(8)], dim=1)
    return (shares >= 0.02).sum(1), 100 * good.double().mean(1)


def train(name, rate, seeds=SEEDS, steps=STEPS, far=0.0):
    """Modes and quality (evaluations, seeds) of GANs trained with one pair of losses by Adam."""
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    generator, discriminator = network(2, draws), network(1, draws)
    generator[-1].data += far
    options = {"lr": rate, "betas": (0.5, 0.999)}
    move_g, move_d = torch.optim.Adam(generator, **options), torch.optim.Adam(discriminator, **options)
    loss_d, loss_g = LOSSES[name]
    noise, history = normal(1000, draws), []
    for step in range(steps + 1):
        if step % EVERY == 0:
            with torch.no_grad():
                history.append(modes_and_quality(apply(generator, noise)))
        real = torch.stack([data.ring(BATCH, g) for g in draws])
        fake = apply(generator, normal(BATCH, draws))
        # all seeds have equally many samples, so the sum of their losses is the number of seeds times the mean
        loss = len(draws) * loss_d(apply(discriminator, real), apply(discriminator, fake.detach()))
        for part, slope in zip(discriminator, torch.autograd.grad(loss, discriminator), strict=True):
            part.grad = slope
        move_d.step()
        loss = len(draws) * loss_g(apply(discriminator, fake))
        for part, slope in zip(generator, torch.autograd.grad(loss, generator), strict=True):
            part.grad = slope
        move_g.step()
    modes, quality = zip(*history, strict=True)
    return torch.stack(modes), torch.stack(quality)


def row(name, rate, far):
    """One setting, as it is recorded: a list of evaluations a seed."""
    modes, quality = train(name, rate, far=far)
    rounded = [[round(q, 1) for q in one] for one in quality.T.tolist()]
    return {"loss": name, "rate": rate, "far": far, "modes": modes.T.tolist(), "quality": rounded}


def main():
    settings = [(rate, 0.0) for rate in RATES] + [(RATES[1], FAR)]
    rows = [row(name, rate, far) for rate, far in settings for name in LOSSES]
    result = {"steps": STEPS, "every": EVERY, "seeds": list(SEEDS), "rows": rows}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
