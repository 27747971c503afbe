"""The regression losses' own checks: options, values, and what is skipped where values can't be read."""

import math
from functools import partial

import pytest
import torch
from regression_cases import CASES, draw
from torch.func import vmap

from lossutils import (
    adaptive_robust_loss,
    gaussian_nll_loss,
    general_robust_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    quantile_loss,
    rmse_loss,
    smooth_l1_loss,
)

general_robust = partial(general_robust_loss, alpha=0.5, scale=2.0)
adaptive_robust = partial(adaptive_robust_loss, alpha=0.5, scale=2.0)


def pair(shape=(4, 3), dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))


# Options

BAD_NUMBERS = [
    (smooth_l1_loss, "beta", (-0.1, math.nan, math.inf), "beta must be a number of at least 0 and finite, got"),
    (huber_loss, "delta", (0.0, -1.0, math.nan), "delta must be a number above 0, got"),
    (quantile_loss, "q", (0.0, 1.0, 50, math.nan), "q must be a number between 0 and 1, got"),
    (general_robust, "alpha", (math.nan,), "alpha must be a number from -inf to inf and not NaN, got"),
    (general_robust, "scale", (0.0, -1.0, math.inf, math.nan), "scale must be a number above 0 and fin"),
    (adaptive_robust, "alpha", (-0.1, 2.1, math.nan), "alpha must be a number from 0 to 2, got"),
    (adaptive_robust, "scale", (0.0, -1.0, math.inf), "scale must be a number above 0 and finite, got"),
    (poisson_nll_loss, "eps", (0.0, -1.0, math.nan, math.inf), "eps must be a number above 0 and finite, got"),
    (
        partial(gaussian_nll_loss, var=2.0),
        "eps",
        (0.0, -1.0, math.nan, math.inf),
        "eps must be a number above 0 and finite, got",
    ),
    (
        partial(gaussian_nll_loss, var=2.0),
        "var",
        (-1.0, math.nan, math.inf),
        "var must be a number of at least 0 and finite",
    ),
]


@pytest.mark.parametrize("loss, name, values, message", BAD_NUMBERS, ids=lambda v: v if isinstance(v, str) else "")
def test_numbers_are_checked(loss, name, values, message):
    """An option out of range, or NaN, would give a plausible number or a NaN far away."""
    for value in values:
        with pytest.raises(ValueError, match=message):
            loss(*pair(), **{name: value})
    for value in ("1", None, True):
        with pytest.raises(TypeError, match=f"{name} must be a number .*, got {type(value).__name__}"):
            loss(*pair(), **{name: value})


@pytest.mark.parametrize("loss, name", [(huber_loss, "delta"), (smooth_l1_loss, "beta"), (poisson_nll_loss, "eps")])
def test_a_tensor_delta_is_refused(loss, name):
    """PITFALLS: the losses grow with delta, so a trained delta runs away."""
    with pytest.raises(TypeError, match=f"{name} must be a number .*, got a tensor"):
        loss(*pair(), **{name: torch.tensor(1.0, requires_grad=True)})


TENSOR_OPTIONS = [
    (quantile_loss, "q", 1.5, "q must be between 0 and 1, got 1.5"),
    (general_robust, "alpha", math.nan, "alpha must be from -inf to inf and not NaN, got nan"),
    (general_robust, "scale", -2.0, "scale must be above 0 and finite, got -2"),
    (adaptive_robust, "alpha", -0.5, "alpha must be from 0 to 2, got -0.5"),
    (adaptive_robust, "scale", 0.0, "scale must be above 0 and finite, got 0"),
]


@pytest.mark.parametrize("loss, name, wrong, message", TENSOR_OPTIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_tensor_options_are_checked(loss, name, wrong, message):
    """Learned options: each element is checked, and none is broadcast beyond the shape of the input."""
    x, y = pair((2, 3))
    good = torch.full((3,), 0.5, dtype=torch.float64)
    expanded = loss(x, y, reduction="none", **{name: good.expand(2, 3)})
    assert torch.equal(loss(x, y, reduction="none", **{name: good}), expanded)
    torch.testing.assert_close(loss(x, y, reduction="none", **{name: good.float()}), expanded)
    bad = good.clone()
    bad[1] = wrong
    with pytest.raises(ValueError, match=message):
        loss(x, y, **{name: bad})
    with pytest.raises(ValueError, match=rf"{name} must broadcast to the shape of input, \(2, 3\), got \(2,\)"):
        loss(x, y, **{name: torch.full((2,), 0.5)})
    with pytest.raises(ValueError, match=rf"{name} must broadcast to the shape of input, \(2, 3\), got \(1, 2, 3\)"):
        loss(x, y, **{name: torch.full((1, 2, 3), 0.5)})
    with pytest.raises(TypeError, match=f"{name} must be a floating-point tensor, got torch.int64"):
        loss(x, y, **{name: torch.ones(3, dtype=torch.int64)})
    with pytest.raises(ValueError, match=f"input and {name} must be on the same device, got cpu and meta"):
        loss(x, y, **{name: torch.ones(3, device="meta")})


def test_required_options():
    """No default is right for a level, a shape or a scale."""
    for loss in (quantile_loss, general_robust_loss, adaptive_robust_loss):
        with pytest.raises(TypeError, match=r"missing .* required keyword-only argument"):
            loss(*pair())


def test_flags_are_checked():
    """F.poisson_nll_loss reads a string as True."""
    for name in ("log_input", "full"):
        with pytest.raises(TypeError, match=f"{name} must be True or False, got 'no'"):
            poisson_nll_loss(*pair(), **{name: "no"})
    with pytest.raises(TypeError, match="full must be True or False, got 1"):
        gaussian_nll_loss(*pair(), 1.0, full=1)


# Values


def test_negative_counts_and_rates():
    """A negative count or rate is a mistake of units or of log_input."""
    x = torch.tensor([1.0, -0.5])
    with pytest.raises(ValueError, match=r"target must hold counts of at least 0, got -0.5"):
        poisson_nll_loss(x, x)
    with pytest.raises(ValueError, match=r"input must hold rates of at least 0 with log_input=False, got -0.5"):
        poisson_nll_loss(x, x.abs(), log_input=False)
    assert poisson_nll_loss(x, x.abs()).isfinite()


def test_variance_is_checked():
    """A shape that would broadcast wrongly, a standard deviation turned negative, another dtype."""
    x, y = pair((4, 3))
    for shape in ((3,), (1, 3), (1, 1), (4, 3, 1), (2, 4, 3), (4, 2)):
        with pytest.raises(ValueError, match=r"var must have the shape of input, \(4, 3\), or that shape"):
            gaussian_nll_loss(x, y, torch.ones(shape, dtype=torch.float64))
    with pytest.raises(ValueError, match="var must hold variances of at least 0, got -1"):
        gaussian_nll_loss(x, y, torch.tensor([1.0, 1.0, -1.0, 1.0], dtype=torch.float64))
    with pytest.raises(TypeError, match=r"input and var must have the same dtype, got torch.float64 and torch.float32"):
        gaussian_nll_loss(x, y, torch.ones(4, 3))


# Batches


def test_the_mean_over_nothing_in_a_later_dimension():
    """Not only an empty batch: samples without elements, too."""
    for loss in (l1_loss, mse_loss, rmse_loss, huber_loss, general_robust):
        with pytest.raises(ValueError, match=r"empty batch is undefined, got input of shape \(3, 0\)"):
            loss(torch.ones(3, 0), torch.ones(3, 0))


def test_a_scalar_is_a_batch_of_one():
    """The shape () is a shape."""
    x, y = pair()
    assert l1_loss(x[0, 0], y[0, 0], reduction="none").shape == ()


def test_half_precision_means_do_not_overflow():
    """10,000 squares of 30 sum to 9 million, beyond float16, while their mean is 900."""
    x = torch.full((10_000,), 30.0, dtype=torch.float16)
    for case in CASES:
        if case.name in ("mse", "l1", "huber inf"):
            value = case.loss(x, torch.zeros_like(x), reduction="mean").item()
            assert value == {"mse": 900, "l1": 30, "huber inf": 450}[case.name]


# torch.compile and vmap


def test_value_checks_are_skipped_where_values_cannot_be_read():
    """Documented: under torch.compile and vmap a negative count is not seen, but nothing breaks."""
    x, negative = torch.zeros(3), torch.full((3,), -1.0)
    torch._dynamo.reset()
    assert torch.compile(poisson_nll_loss, fullgraph=True, backend="eager")(x, negative).item() == 1
    assert vmap(poisson_nll_loss)(x, negative).tolist() == [1, 1, 1]
    assert poisson_nll_loss(x.to("meta"), negative.to("meta")).is_meta
    with pytest.raises(ValueError, match="equal shapes"):
        vmap(poisson_nll_loss)(torch.zeros(3, 2), torch.zeros(3, 1))


def test_compiled_options_may_change():
    """torch.compile traces a number that changes between calls; checks and formulas must take it."""
    x, y = draw(CASES[1], 8, torch.float64)
    torch._dynamo.reset()
    for loss, name, values in (
        (huber_loss, "delta", (1.0, 2.0, 0.5)),
        (partial(general_robust_loss, scale=1.0), "alpha", (1.0, 0.0, -2.0)),
        (quantile_loss, "q", (0.5, 0.9, 0.1)),
    ):
        compiled = torch.compile(lambda x, y, v, f=loss, n=name: f(x, y, **{n: v}), fullgraph=True, backend="eager")
        for value in values:
            torch.testing.assert_close(compiled(x, y, value), loss(x, y, **{name: value}))
