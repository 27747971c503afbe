"""The code exercises of the section "Mode collapse and distances"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def wasserstein_line(x, y):
    """The earth mover's distance of two sets of equally many numbers."""
    pairs = zip(sorted(x), sorted(y), strict=True)
    return sum((a - b).abs() for a, b in pairs) / len(x)


def penalised_critic_loss(real, fake, slopes, weight):
    """The WGAN critic's loss plus weight times the two-sided gradient penalty."""
    penalty = sum((torch.linalg.vector_norm(slope) - 1) ** 2 for slope in slopes) / len(slopes)
    return sum(fake) / len(fake) - sum(real) / len(real) + weight * penalty


def mode_shares(samples, centres, deviation):
    """For each centre the share of all samples that lie within three deviations of it."""
    shares = []
    for centre in centres:
        near = [torch.linalg.vector_norm(sample - centre) < 3 * deviation for sample in samples]
        shares.append(sum(near) / len(samples))
    return torch.stack(shares).to(samples.dtype)


def _norms(slopes):
    return torch.linalg.vector_norm(slopes, dim=1)


def _game(real, fake):
    return fake.mean() - real.mean()


def _within(samples, centres, reach):
    return (torch.cdist(samples, centres) < reach).to(samples.dtype)


def _draw_samples(generator, n):
    """Twelve samples a centre or fewer, some of them far from all centres."""
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]], dtype=torch.float64)[: 1 + n // 2 + n % 2]
    mode = torch.randint(0, len(centres), (12 * n,), generator=generator)
    spread = torch.randn(12 * n, 2, generator=generator, dtype=torch.float64)
    return centres[mode] + spread, centres, 0.5


EXERCISES = [
    Exercise(
        "wasserstein_line",
        wasserstein_line,
        cases=[([0.0], [2.0]), ([0.0, 3.0], [4.0, 1.0]), ([1.0, 5.0, 3.0], [2.0, 2.0, 0.0])],
        draw=lambda g, n: (numbers(g, n + 1, -5, 5), numbers(g, n + 1, -5, 5, 0.05)),
        edges=[Edge("two equal sets in different order", ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]))],
        wrong=[
            Wrong(
                lambda x, y: (x - y).abs().mean(),
                "this pairs the numbers in the order in which they came. A set has no order. Which pairs are cheapest?",
            ),
            Wrong(
                lambda x, y: (x.mean() - y.mean()).abs(),
                "this looks like the distance of the two means. Two sets with one mean can still be far apart.",
            ),
            Wrong(
                lambda x, y: torch.cdist(x[:, None], y[:, None]).mean(),
                "this looks like the mean over all pairs: a plan that sends every number a little bit everywhere.",
            ),
            Wrong(
                lambda x, y: torch.cdist(x[:, None], y[:, None]).min(dim=1).values.mean(),
                "this sends each number to its nearest partner, and several to the same one. How much earth may arrive "
                "at a place?",
            ),
            Wrong(
                lambda x, y: (x.sort().values - y.sort().values).square().mean(),
                "the pairs are right. The price of a way is its length here, not its square.",
            ),
            Wrong(
                lambda x, y: (x.sort().values - y.sort().values).square().mean().sqrt(),
                "the pairs are right, and this is the root mean square of the ways: the distance with the number 2 in "
                "its name.",
            ),
            Wrong(
                lambda x, y: (x.sort().values - y.sort(descending=True).values).abs().mean(),
                "this looks like the most expensive plan: the least number of one set goes to the largest there.",
            ),
            Wrong(
                lambda x, y: (x.sort().values - y.sort().values).mean(),
                "the pairs are right, but ways to the left cancel ways to the right.",
            ),
            Wrong(
                lambda x, y: (x.sort().values - y.sort().values).abs().max(),
                "this is the longest way of the plan. What does the whole plan cost, for a total mass of 1?",
            ),
        ],
    ),
    Exercise(
        "penalised_critic_loss",
        penalised_critic_loss,
        cases=[
            ([2.0], [-1.0], [[1.0, 0.0]], 10.0),
            ([2.0, 4.0], [-1.0, 1.0, 0.0], [[3.0, 4.0]], 10.0),
            ([0.0], [0.0], [[2.0, 0.0], [0.0, 0.5]], 1.0),
        ],
        draw=lambda g, n: (
            numbers(g, n, -3, 3),
            numbers(g, n + 1, -3, 3),
            torch.stack([numbers(g, n + 1, -2, 2, 0.033), numbers(g, n + 1, -2, 2, 0.033)], dim=1),
            10.0,
        ),
        edges=[Edge("a critic that is flat somewhere", ([1.0], [0.0], [[0.0, 0.0], [1.0, 1.0]], 10.0), "finite")],
        wrong=[
            Wrong(
                lambda real, fake, slopes, weight: -_game(real, fake) + weight * (_norms(slopes) - 1).square().mean(),
                "this looks like what the paper maximises, and it will be minimised here. Which side shall score high?",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) - weight * (_norms(slopes) - 1).square().mean(),
                "this rewards slopes that are far from 1: minimising drives them off to infinity.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) + weight * (slopes.norm() - 1) ** 2,
                "this looks like one norm over the whole batch. Each sample has a slope of its own.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) + weight * (_norms(slopes).mean() - 1) ** 2,
                "this averages the norms first: slopes of 0 and 2 would go unpunished.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: (
                    _game(real, fake) + weight * (slopes.square().sum(1) - 1).square().mean()
                ),
                "this compares the squared norm with 1. The root is missing.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: (
                    _game(real, fake) + weight * (_norms(slopes) - 1).clamp(min=0).square().mean()
                ),
                "this looks like the one-sided penalty, which lets flat critics go free. The other one is asked for.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) + weight * (slopes - 1).square().mean(),
                "this wants every component to be 1. It is the length of the vector that counts.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) + weight * (_norms(slopes) - 1).abs().mean(),
                "this charges the distance of the norm from 1. The paper's charge is 0 at the same place, and smooth.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: (
                    _game(real.sigmoid(), fake.sigmoid()) + weight * (_norms(slopes) - 1).square().mean()
                ),
                "this puts the scores through a sigmoid, which bounds the distance that they can tell.",
            ),
            Wrong(
                lambda real, fake, slopes, weight: _game(real, fake) + (_norms(slopes) - 1).square().mean(),
                "the weight of the penalty does not enter.",
            ),
        ],
        gradient=("real", "fake", "slopes"),
    ),
    Exercise(
        "mode_shares",
        mode_shares,
        cases=[
            ([[0.0, 0.0], [5.0, 5.0]], [[0.0, 1.0]], 0.5),
            ([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [9.0, 9.0]], [[0.0, 0.0], [4.0, 0.0]], 0.5),
        ],
        draw=_draw_samples,
        edges=[
            Edge("samples that are all far from a centre", ([[9.0, 9.0], [8.0, 8.0]], [[0.0, 0.0], [9.0, 9.0]], 0.1))
        ],
        wrong=[
            Wrong(
                lambda samples, centres, deviation: _within(samples, centres, 3 * deviation).sum(0),
                "these are counts. Divide, so that a thousand samples and a hundred can be compared.",
            ),
            Wrong(
                lambda samples, centres, deviation: torch.stack(
                    [(torch.cdist(samples, centres).argmin(1) == k).double().mean() for k in range(len(centres))]
                ),
                "this gives every sample to its nearest centre, however far that is.",
            ),
            Wrong(
                lambda samples, centres, deviation: _within(samples, centres, deviation).mean(0),
                "this looks one deviation far. Three are asked for.",
            ),
            Wrong(
                lambda samples, centres, deviation: (
                    (torch.cdist(samples, centres).square() < 3 * deviation).to(samples.dtype).mean(0)
                ),
                "this compares a squared distance with three deviations. One of the two has the wrong unit.",
            ),
            Wrong(
                lambda samples, centres, deviation: (
                    _within(samples, centres, 3 * deviation).sum(0)
                    / _within(samples, centres, 3 * deviation).sum().clamp(min=1)
                ),
                "this divides by the number of good samples, so that a bad generator looks like a good one. All "
                "samples count.",
            ),
            Wrong(
                lambda samples, centres, deviation: 1 - _within(samples, centres, 3 * deviation).mean(0),
                "this looks like the share that lies outside.",
            ),
        ],
    ),
]
