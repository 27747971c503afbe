"""The code exercises of the section "A loss of your own in six steps"."""

import math

import torch
import torch.nn.functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def best_angle(density, angles):
    """The one of the angles, in degrees, with the least expected distance round the circle."""
    best, least = None, None
    for guess in angles:
        gap = torch.remainder(guess - angles + 180, 360) - 180
        expected = (density * gap.abs()).sum()
        if least is None or expected < least - 1e-9:
            best, least = guess, expected
    return best


def antipodal_nll(mu, kappa, logit, target):
    """The mean NLL of the density that puts a share σ(logit) at μ and the rest at μ + π."""
    log_i0 = torch.special.i0e(kappa).log() + kappa
    dot = kappa * torch.cos(target - mu)
    both = torch.logaddexp(F.logsigmoid(logit) + dot, F.logsigmoid(-logit) - dot)
    return (math.log(2 * math.pi) + log_i0 - both).mean()


def _log_i0(kappa):
    return torch.special.i0e(kappa).log() + kappa


def _wrapped(angles):
    return torch.remainder(angles[:, None] - angles + 180, 360) - 180


def _nearest(angle, angles):
    return angles[(torch.remainder(angles - angle + 180, 360) - 180).abs().argmin()]


def _resultant(density, angles):
    x = torch.deg2rad(angles)
    return torch.rad2deg(torch.atan2((density * x.sin()).sum(), (density * x.cos()).sum()))


def _both(logit, dot):
    return torch.logaddexp(F.logsigmoid(logit) + dot, F.logsigmoid(-logit) - dot)


def _dens(mu, kappa, logit, target):
    """The two weighted densities, with the usual exponentials."""
    w, dot = torch.sigmoid(logit), kappa * torch.cos(target - mu)
    norm = 2 * math.pi * torch.special.i0(kappa)
    return w * torch.exp(dot) / norm, (1 - w) * torch.exp(-dot) / norm


TAU = math.log(2 * math.pi)


def _draw_density(g, n):
    angles = torch.arange(-150.0, 181.0, 30.0, dtype=torch.float64)
    density = torch.rand(12, generator=g, dtype=torch.float64) ** 3 + 0.01
    return density / density.sum(), angles


EXERCISES = [
    Exercise(
        "best_angle",
        best_angle,
        cases=[
            ([0.6, 0.4], [0.0, 90.0]),
            ([0.2, 0.3, 0.5], [0.0, 10.0, 40.0]),
            ([0.36, 0.0, 0.34, 0.3], [-100.0, 0.0, 20.0, 40.0]),
            ([0.4, 0.25, 0.35], [170.0, -180.0, -150.0]),
        ],
        draw=_draw_density,
        edges=[Edge("a density on both sides of the seam", ([0.45, 0.45, 0.1], [-179.0, 178.0, 0.0]))],
        wrong=[
            Wrong(
                lambda density, angles: angles[density.argmax()],
                "this looks like the mode. The likeliest angle may stand alone, with more probability elsewhere.",
            ),
            Wrong(
                lambda density, angles: angles[(density * (angles[:, None] - angles).abs()).sum(1).argmin()],
                "this looks like a median on a line. How far is it from −170° to 170°?",
            ),
            Wrong(
                lambda density, angles: _nearest(_resultant(density, angles), angles),
                "this looks like the direction of the mean vector. Which cost does a mean minimise?",
            ),
            Wrong(
                lambda density, angles: angles[(density * _wrapped(angles).square()).sum(1).argmin()],
                "this looks as if the distance were squared. The goal of this section counts degrees.",
            ),
            Wrong(
                lambda density, angles: (density * angles).sum(),
                "this looks like the mean of the numbers. It need not be one of the angles, and it breaks at the seam.",
            ),
            Wrong(
                lambda density, angles: (density * _wrapped(angles).abs()).sum(1).min(),
                "this looks like the expected error itself: how good the best angle is, and not which.",
            ),
            Wrong(
                lambda density, angles: angles[_wrapped(angles).abs().mean(1).argmin()],
                "this looks as if every angle had the same probability.",
            ),
        ],
    ),
    Exercise(
        "antipodal_nll",
        antipodal_nll,
        cases=[
            ([0.0], [1.0], [0.0], [0.0]),
            ([0.5, -1.0], [2.0, 0.5], [1.0, -2.0], [1.0, 2.0]),
            ([3.0], [4.0], [2.0], [-3.0]),
        ],
        draw=lambda g, n: (
            numbers(g, n, -3, 3),
            numbers(g, n, 0.2, 8, 0.03),
            numbers(g, n, -3, 3, 0.04),
            numbers(g, n, -3, 3, 0.05),
        ),
        edges=[
            Edge("κ = 1,000 and a target on the far side", ([0.3], [1000.0], [1.0], [0.3 + math.pi])),
            Edge("a logit of −800 and a target at μ", ([0.3], [2.0], [-800.0], [0.3])),
        ],
        wrong=[
            Wrong(
                lambda mu, kappa, logit, target: -torch.log(sum(_dens(mu, kappa, logit, target))).mean(),
                "right, until κ or the logit is large: exponentials of their size overflow or vanish before the "
                "logarithm brings them back.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + _log_i0(kappa) - (2 * torch.sigmoid(logit) - 1) * kappa * torch.cos(target - mu)
                ).mean(),
                "this looks like a weighted mean of two losses. Here two *densities* are mixed, and the logarithm "
                "comes after.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (TAU + _log_i0(kappa) - kappa * torch.cos(target - mu).abs()).mean(),
                "this looks as if the nearer of the two peaks were chosen. Its share is not asked, and neither is "
                "whether the density integrates to 1.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + _log_i0(kappa) - torch.log(2 * torch.cosh(kappa * torch.cos(target - mu)))
                ).mean(),
                "this looks as if both peaks had the weight 1. To what does this density integrate?",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU
                    + _log_i0(kappa)
                    - torch.logaddexp(
                        F.logsigmoid(-logit) + kappa * torch.cos(target - mu),
                        F.logsigmoid(logit) - kappa * torch.cos(target - mu),
                    )
                ).mean(),
                "this looks as if the two shares were exchanged.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU
                    + _log_i0(kappa)
                    - torch.logaddexp(
                        logit + kappa * torch.cos(target - mu),
                        -logit - kappa * torch.cos(target - mu),
                    )
                ).mean(),
                "this looks as if the logit were used as the logarithm of a weight. The two weights must add up to 1.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    _log_i0(kappa)
                    - torch.logaddexp(
                        F.logsigmoid(logit) + kappa * torch.cos(target - mu),
                        F.logsigmoid(-logit) - kappa * torch.cos(target - mu),
                    )
                ).mean(),
                "this looks as if a constant were missing. Does exp(−loss) integrate to 1 over the circle?",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + _log_i0(kappa) - _both(logit, kappa * torch.cos(torch.deg2rad(target - mu)))
                ).mean(),
                "this looks as if the angles were taken for degrees.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + torch.special.i0e(kappa).log() - _both(logit, kappa * torch.cos(target - mu))
                ).mean(),
                "this looks as if the scaled Bessel function had not been scaled back. What is i0e, by its definition?",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + torch.special.i0(kappa).log() - _both(logit, kappa * torch.cos(target - mu))
                ).mean(),
                "right, until κ is large: there I₀ itself is too large for a float, although its logarithm is not.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (
                    TAU + _log_i0(kappa).detach() - _both(logit, kappa * torch.cos(target - mu))
                ).mean(),
                "the value is right. The normaliser is cut from the graph, so that κ feels only the cosine.",
            ),
            Wrong(
                lambda mu, kappa, logit, target: (TAU + _log_i0(kappa) - kappa * torch.cos(target - mu)).mean(),
                "this looks like one peak. The logit is not used.",
            ),
        ],
        gradient=("mu", "kappa", "logit"),
    ),
]
