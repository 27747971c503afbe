"""Each regression loss with its value and slope written once more, in mpmath, as the papers have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import mpmath as mp
import torch

import lossutils

mp.mp.dps = 300  # enough to hold 1 + 1e-200


class Case(NamedTuple):
    name: str
    loss: Callable  # (input, target, reduction=…)
    value: Callable  # of input and target, as mpmath numbers
    slope: Callable  # its derivative in input
    kinks: tuple = ()  # residuals without a (second) derivative
    input: str = "real"  # or "rate"
    target: str = "real"  # or "count"


def _of_residual(function: Callable, **options: float) -> Callable:
    options = {name: mp.mpf(value) for name, value in options.items()}
    return lambda x, y: function(x - y, **options)


def _smooth_l1(r, beta):
    return r**2 / (2 * beta) if abs(r) < beta else abs(r) - beta / 2


def _smooth_l1_slope(r, beta):
    return r / beta if abs(r) < beta else mp.sign(r)


def _huber(r, delta):
    return r**2 / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


def _huber_slope(r, delta):
    return r if abs(r) <= delta else delta * mp.sign(r)


def _pinball(r, q):
    return q * -r if r < 0 else (1 - q) * r


def _pinball_slope(r, q):
    return 0 if r == 0 else -q if r < 0 else 1 - q


def log_cosh(r):
    """|r| + log((1 + e^(−2|r|))/2), which no exponent overflows."""
    return abs(r) + mp.log1p(mp.expm1(-2 * abs(r)) / 2)


def robust(r, alpha, scale):
    """Barron (2019), equations 1 to 7, and the limit for alpha → ∞."""
    s = (r / scale) ** 2
    if alpha == 2:
        return s / 2
    if alpha == 0:
        return mp.log(s / 2 + 1)
    if math.isinf(alpha):
        return 1 - mp.exp(-s / 2) if alpha < 0 else mp.exp(s / 2) - 1
    b = abs(alpha - 2)
    return b / alpha * ((s / b + 1) ** (alpha / 2) - 1)


def robust_slope(r, alpha, scale):
    """Its derivative in r."""
    z = r / scale
    if math.isinf(alpha):
        return z / scale * mp.exp(-(z**2) / 2 if alpha < 0 else z**2 / 2)
    b = abs(alpha - 2)
    return z / scale * ((z**2 / b + 1) ** (alpha / 2 - 1) if b else 1)


@cache
def log_partition(alpha: float):
    """log Z(alpha) of Barron (2019), by mpmath's adaptive quadrature over x = √2 sinh t."""
    with mp.workdps(22):
        if alpha == 0:
            return mp.log(mp.pi * mp.sqrt(2))
        density = lambda t: mp.exp(-robust(mp.sqrt(2) * mp.sinh(t), mp.mpf(alpha), 1)) * mp.sqrt(2) * mp.cosh(t)  # noqa: E731
        return mp.log(2 * mp.quad(density, [0, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80]))


def _stirling(y):
    return y * mp.log(y) - y + mp.log(2 * mp.pi * y) / 2 if y > 1 else 0


def _adaptive(r, alpha, scale):
    return robust(r, alpha, scale) + mp.log(scale) + log_partition(float(alpha))


def _case(name: str, loss: Callable, value: Callable, slope: Callable, kinks: tuple = (), **options: float) -> Case:
    name = " ".join([name, *(str(option) for option in options.values())])
    loss = partial(loss, **options)
    return Case(name, loss, _of_residual(value, **options), _of_residual(slope, **options), kinks)


def _cases() -> list[Case]:
    cases = [
        _case("l1", lossutils.l1_loss, abs, mp.sign, kinks=(0.0,)),
        _case("mse", lossutils.mse_loss, lambda r: r**2, lambda r: 2 * r),
        _case("log_cosh", lossutils.log_cosh_loss, log_cosh, mp.tanh),
    ]
    for beta in (0.05, 1.0, 3.0):
        ends = (-beta, beta)
        cases.append(_case("smooth_l1", lossutils.smooth_l1_loss, _smooth_l1, _smooth_l1_slope, ends, beta=beta))
    for delta in (0.3, 1.0, 5.0, math.inf):
        ends = (-delta, delta)
        cases.append(_case("huber", lossutils.huber_loss, _huber, _huber_slope, ends, delta=delta))
    for q in (0.1, 0.5, 0.9):
        cases.append(_case("quantile", lossutils.quantile_loss, _pinball, _pinball_slope, (0.0,), q=q))
    for alpha in (-math.inf, -1e10, -2.0, -0.5, 0.0, 1e-6, 0.3, 1.0, 1.5, 2 - 1e-6, 2.0, 2 + 1e-6, 3.0, math.inf):
        for scale in (1.0, 0.25):
            options = dict(alpha=alpha, scale=scale)
            cases.append(_case("robust", lossutils.general_robust_loss, robust, robust_slope, **options))
    for alpha in (0.0, 0.7, 1.0, 1.99, 2.0):
        options = dict(alpha=alpha, scale=3.0)
        cases.append(_case("adaptive", lossutils.adaptive_robust_loss, _adaptive, robust_slope, **options))
    for full in (False, True):
        cases += [
            Case(
                f"poisson full={full}",
                partial(lossutils.poisson_nll_loss, full=full),
                lambda x, y, full=full: mp.exp(x) - y * x + full * _stirling(y),
                lambda x, y: mp.exp(x) - y,
                target="count",
            ),
            Case(
                f"poisson rate full={full}",
                partial(lossutils.poisson_nll_loss, log_input=False, full=full, eps=1e-3),
                lambda x, y, full=full: x - y * mp.log(x + mp.mpf(1e-3)) + full * _stirling(y),
                lambda x, y: 1 - y / (x + mp.mpf(1e-3)),
                input="rate",
                target="count",
            ),
            Case(
                f"gaussian full={full}",
                partial(lossutils.gaussian_nll_loss, var=2.0, full=full),
                lambda x, y, full=full: (mp.log(2) + (x - y) ** 2 / 2) / 2 + full * mp.log(2 * mp.pi) / 2,
                lambda x, y: (x - y) / 2,
            ),
        ]
    return cases


CASES = _cases()


def draw(case: Case, n: int, dtype: torch.dtype, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """n inputs and targets fit for the case, away from its kinks, on multiples of 1/64 that half precision holds."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-255, 256, (n,), generator=generator).double() / 64
    y = torch.randint(-255, 256, (n,), generator=generator).double() / 64
    if case.input == "rate":
        x = x.abs() + 1 / 64
    if case.target == "count":
        y = y.abs().round()
    for kink in case.kinks:
        x = torch.where((x - y - kink).abs() < 0.02, x + 0.5, x)
    return x.to(dtype), y.to(dtype)
