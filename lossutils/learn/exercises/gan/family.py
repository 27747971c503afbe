"""The code exercises of the section "The family" on hinge, relativistic and f-GANs."""

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def least_hinge_loss(p, q):
    """The least hinge loss that any discriminator has, where p and q are the probabilities of each outcome."""
    total = 0 * p.sum()
    for real, fake in zip(p, q, strict=True):
        score = 1.0 if real > fake else -1.0
        total = total + real * max(0.0, 1 - score) + fake * max(0.0, 1 + score)
    return total


def paired_relativistic(real, fake):
    """The generator's loss of the paired relativistic GAN, one value a pair: −log σ(fake − real)."""
    return torch.stack([torch.logaddexp(0 * r, r - f) for r, f in zip(real, fake, strict=True)])


def kl_bound(real, fake):
    """The lower bound on KL(real ‖ fake) that a critic's outputs prove."""
    of_real = sum(real) / len(real)
    of_fake = sum(torch.exp(v - 1) for v in fake) / len(fake)
    return of_real - of_fake


def _outcomes(generator, n):
    """Two lists of n + 1 probabilities that differ at every outcome."""
    weights = torch.rand(2, n + 1, generator=generator, dtype=torch.float64) + 0.1
    p, q = weights / weights.sum(1, keepdim=True)
    return p, q


EXERCISES = [
    Exercise(
        "least_hinge_loss",
        least_hinge_loss,
        cases=[([0.75, 0.25], [0.25, 0.75]), ([0.5, 0.3, 0.2], [0.2, 0.2, 0.6])],
        draw=_outcomes,
        edges=[Edge("outcomes that never coincide", ([1.0, 0.0], [0.0, 1.0]))],
        wrong=[
            Wrong(
                lambda p, q: torch.minimum(p, q).sum(),
                "this looks like the mass that p and q share. What does a fake cost that comes out where p > q, and so "
                "gets the score +1?",
            ),
            Wrong(
                lambda p, q: (p - q).abs().sum(),
                "this looks like twice the total variation: large where p and q differ, and there the discriminator "
                "should have it easy.",
            ),
            Wrong(
                lambda p, q: 2 - (p - q).abs().sum() / 2,
                "this looks like 2 minus the total variation. Try it on outcomes that never coincide: a discriminator "
                "makes no mistake there.",
            ),
            Wrong(
                lambda p, q: 2 * torch.maximum(p, q).sum(),
                "this looks like the loss of the worst sign at each outcome. The best one pays for the rarer side.",
            ),
            Wrong(
                lambda p, q: 2 + 0 * p.sum(),
                "this looks like the loss of an undecided discriminator, which gives 0 to everything.",
            ),
        ],
    ),
    Exercise(
        "paired_relativistic",
        paired_relativistic,
        cases=[([0.0], [0.0]), ([1.0, -1.0], [2.0, 0.5])],
        draw=lambda g, n: (numbers(g, n, -4, 4), numbers(g, n, -4, 4, 0.05)),
        edges=[
            Edge("a real output 1000 above the fake one", ([500.0], [-500.0])),
            Edge("a fake output 1000 above the real one", ([-500.0], [500.0])),
        ],
        wrong=[
            Wrong(
                lambda real, fake: F.softplus(fake - real),
                "this looks like the discriminator's side of the pair: small where the real sample scores higher.",
            ),
            Wrong(
                lambda real, fake: F.softplus(-fake),
                "this looks like the non-saturating loss: the fake is judged alone, and its partner never enters.",
            ),
            Wrong(
                lambda real, fake: F.softplus(real.mean() - fake),
                "this looks like the average form: each fake is measured from the mean of the real outputs. Here each "
                "has one partner.",
            ),
            Wrong(
                lambda real, fake: F.softplus(real - fake) + F.softplus(real - fake),
                "this looks like both sides of the average form. With pairs the second one says the same again.",
            ),
            Wrong(
                lambda real, fake: -F.softplus(fake - real),
                "this looks like log(1 − σ): it has the right direction, and saturates while the fakes are found out.",
            ),
            Wrong(
                lambda real, fake: -torch.log(torch.sigmoid(fake - real)),
                "right, until the sigmoid rounds to 0 and its logarithm is infinite.",
            ),
        ],
        gradient=("real", "fake"),
    ),
    Exercise(
        "kl_bound",
        kl_bound,
        cases=[([1.0], [1.0]), ([2.0, 0.5], [0.0, -1.0]), ([1.5], [0.5, -0.5, 1.0])],
        draw=lambda g, n: (numbers(g, n + 1, -2, 3), numbers(g, n, -3, 2, 0.05)),
        wrong=[
            Wrong(
                lambda real, fake: real.mean() - fake.exp().mean(),
                "this looks like a conjugate without its −1. At a critic of 1 everywhere, the best one where p = q, "
                "the bound must be 0.",
            ),
            Wrong(
                lambda real, fake: (fake - 1).exp().mean() - real.mean(),
                "this looks like the loss, which is minimised. The bound has the other sign.",
            ),
            Wrong(
                lambda real, fake: real.mean() - fake.exp().mean().log(),
                "this looks like the Donsker-Varadhan bound: tighter, and a bound too, but it is not made of the "
                "conjugate, and a mean over a batch inside the logarithm is biased.",
            ),
            Wrong(
                lambda real, fake: real.mean() - fake.mean(),
                "this looks like a critic of Wasserstein's kind: without the conjugate nothing stops it from growing.",
            ),
            Wrong(
                lambda real, fake: fake.mean() - (real - 1).exp().mean(),
                "this looks like a bound on KL(fake ‖ real), the other direction.",
            ),
            Wrong(
                lambda real, fake: real.sum() - (fake - 1).exp().sum(),
                "this looks like sums. Each expectation is a mean over its own side.",
            ),
        ],
        gradient=("real", "fake"),
    ),
]
