"""The code exercises of the section "The game"."""

import math

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def best_logit(log_p, log_q, real, fake):
    """The logit at each point that minimises the mean cross entropy of `real` real and `fake` fake samples."""
    points = zip(log_p, log_q, strict=True)
    return torch.stack([a - b + math.log(real) - math.log(fake) for a, b in points])


def js_bound(real, fake):
    """At least 0 and at most JS, in nats: log 2 less half of the discriminator's loss."""
    of_real = sum(torch.logaddexp(-f, 0 * f) for f in real) / len(real)
    of_fake = sum(torch.logaddexp(f, 0 * f) for f in fake) / len(fake)
    return torch.clamp(math.log(2) - (of_real + of_fake) / 2, min=0)


def pulled_to(p, q):
    """KL(q‖p) − 2 JS(p, q) of two rows of probabilities, p positive; q may hold zeros."""
    halves = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return 2 * sum(m * torch.log(m / a) for m, a in zip(halves, p, strict=True))


def _loss(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _kl(a, b):
    return (torch.xlogy(a, a) - torch.xlogy(a, b)).sum()


def _js(p, q):
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2


def _shares(generator, n):
    return torch.softmax(numbers(generator, n + 1, -2, 2, 0.033), dim=0)


EXERCISES = [
    Exercise(
        "best_logit",
        best_logit,
        cases=[([0.0], [-1.0], 2, 1), ([-1.0, 0.5], [0.0, -2.0], 1, 3), ([-3.0], [-0.5], 64, 64)],
        draw=lambda g, n: (numbers(g, n, -4, 1), numbers(g, n, -4, 1, 0.05), n + 1, 2 * n + 3),
        edges=[Edge("log densities near −2000", ([-2000.0], [-1990.0], 2, 1))],
        wrong=[
            Wrong(
                lambda log_p, log_q, real, fake: log_p - log_q,
                "this looks like the best logit where both sides weigh the same. How many of each are in this batch?",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: log_p - log_q - math.log(real / fake),
                "this looks as if more real samples made a sample look less real.",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: log_p - log_q + real / fake,
                "this adds the ratio of the counts to a difference of logarithms.",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + math.log(real / fake)),
                "this looks like the probability D. A logit may be any number.",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: torch.exp(log_p - log_q) * real / fake,
                "this looks like the odds. One step is missing.",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: log_q - log_p + math.log(fake / real),
                "this looks like the logit of being fake.",
            ),
            Wrong(
                lambda log_p, log_q, real, fake: torch.log(log_p.exp() * real / (log_q.exp() * fake)),
                "right, until a density underflows to 0. Is a density needed at all?",
            ),
        ],
        gradient=("log_p",),
    ),
    Exercise(
        "js_bound",
        js_bound,
        cases=[([2.0], [-1.0]), ([3.0, 1.0], [-2.0]), ([0.0], [1.0])],
        draw=lambda g, n: (numbers(g, n + 1, 0, 5, 0.033), numbers(g, 2 * n + 1, -5, 0, 0.033)),
        edges=[
            Edge("logits of ±1000, all right", ([1000.0], [-1000.0, -1000.0])),
            Edge("logits of ±1000, all wrong", ([-1000.0], [1000.0, 1000.0])),
        ],
        wrong=[
            Wrong(
                lambda real, fake: math.log(2) - _loss(real, fake) / 2,
                "right, as long as the discriminator is better than an undecided one. What do you know of JS if it is "
                "worse?",
            ),
            Wrong(
                lambda real, fake: torch.clamp(math.log(4) - _loss(real, fake), min=0),
                "this looks like 2 JS.",
            ),
            Wrong(
                lambda real, fake: torch.clamp(
                    math.log(2) - torch.cat([F.softplus(-real), F.softplus(fake)]).mean(), min=0
                ),
                "this looks like the mean over the whole batch: the larger side weighs more. Each side is a mean of "
                "its own.",
            ),
            Wrong(
                lambda real, fake: torch.clamp(math.log(2) - _loss(real.sigmoid(), fake.sigmoid()) / 2, min=0),
                "this looks like a sigmoid before a loss that takes logits.",
            ),
            Wrong(
                lambda real, fake: torch.clamp(math.log(2) - _loss(fake, real) / 2, min=0),
                "this looks as if real and fake had changed places.",
            ),
            Wrong(
                lambda real, fake: torch.clamp(math.log(2) - _loss(real, fake), min=0),
                "this takes the whole loss from log 2. An undecided discriminator has the loss 2 log 2.",
            ),
        ],
    ),
    Exercise(
        "pulled_to",
        pulled_to,
        cases=[([0.5, 0.5], [0.75, 0.25]), ([0.2, 0.8], [0.6, 0.4]), ([0.25, 0.25, 0.5], [0.5, 0.25, 0.25])],
        draw=lambda g, n: (_shares(g, n), _shares(g, n)),
        edges=[
            Edge("an outcome that the generator never makes", ([0.25, 0.25, 0.5], [0.5, 0.5, 0.0])),
            Edge("two outcomes that the generator never makes", ([0.25, 0.25, 0.5], [1.0, 0.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda p, q: _kl(p, q) - 2 * _js(p, q),
                "this looks like KL in the other direction. Which of the two distributions draws the fakes?",
            ),
            Wrong(
                lambda p, q: _kl(q, p) - _js(p, q),
                "this takes JS away once.",
            ),
            Wrong(
                lambda p, q: _kl(q, p) + 2 * _js(p, q),
                "this adds the two. Look at the sign of the second part.",
            ),
            Wrong(
                lambda p, q: 2 * _kl(p, (p + q) / 2),
                "this looks like KL of the real samples to the mixture. The mixture stands on the other side.",
            ),
            Wrong(
                lambda p, q: _kl((p + q) / 2, p),
                "this looks like one KL of the mixture. Count again how many means over p and q there are.",
            ),
            Wrong(
                lambda p, q: _kl(q, p),
                "this looks like the whole KL. The other part has been left out.",
            ),
            Wrong(
                lambda p, q: (q * (q / p).log()).sum() - 2 * _js(p, q),
                "right, until an outcome has no fakes: 0 · log 0 is NaN, and its limit is 0.",
            ),
        ],
    ),
]
