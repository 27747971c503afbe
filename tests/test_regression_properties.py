"""What the book claims of the regression losses, on random inputs; and the figures of the pitfalls."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lossutils import (
    adaptive_robust_loss,
    gaussian_nll_loss,
    general_robust_loss,
    huber_loss,
    l1_loss,
    log_cosh_loss,
    mse_loss,
    poisson_nll_loss,
    quantile_loss,
    rmse_loss,
    smooth_l1_loss,
)

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

# Multiples of 1/64 below 1000: sums and differences of them are exact, and so are the equalities below.
grid = st.integers(-64_000, 64_000).map(lambda n: n / 64)
residuals = st.lists(grid, min_size=1, max_size=8)
positive = st.floats(0.01, 100)
levels = st.floats(0.01, 0.99)
alphas = st.one_of(st.floats(-20, 2), st.sampled_from([-math.inf, -2.0, 0.0, 1.0, 2.0]))
shapes = st.one_of(st.floats(0, 2), st.sampled_from([0.0, 1.0, 2.0]))

losses = st.one_of(
    st.sampled_from([l1_loss, mse_loss, log_cosh_loss]),
    positive.map(lambda v: partial(smooth_l1_loss, beta=v)),
    positive.map(lambda v: partial(huber_loss, delta=v)),
    st.tuples(alphas, positive).map(lambda v: partial(general_robust_loss, alpha=v[0], scale=v[1])),
)


def of(loss, r, **options):
    """The loss of each residual, as a float64 tensor."""
    r = torch.as_tensor(r, dtype=torch.float64)
    return loss(r, torch.zeros_like(r), reduction="none", **options)


def slope_of(loss, r, **options):
    r = torch.as_tensor(r, dtype=torch.float64).requires_grad_()
    return torch.autograd.grad(of(loss, r, **options).sum(), r)[0]


def close(a, b, rtol=1e-12, atol=1e-14):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


# Of all of them


@given(losses, residuals)
def test_never_negative_and_zero_at_a_perfect_fit(loss, r):
    """A negative loss would reward an error."""
    values = of(loss, r)
    assert (values >= 0).all()
    assert ((values == 0) == (torch.tensor(r) == 0)).all()


@given(losses, residuals)
def test_even_with_an_odd_slope(loss, r):
    """Too high and too low by the same amount cost the same."""
    r = torch.tensor(r, dtype=torch.float64)
    assert torch.equal(of(loss, r), of(loss, -r))
    assert torch.equal(slope_of(loss, r), -slope_of(loss, -r))


@given(losses, st.lists(st.tuples(grid, grid), min_size=1, max_size=8), grid)
def test_only_the_residual_matters(loss, pairs, shift):
    """Shifting prediction and target together changes nothing; the target's gradient is minus the input's."""
    x, y = torch.tensor(pairs, dtype=torch.float64).T.requires_grad_()
    values = loss(x, y, reduction="none")
    assert torch.equal(values, loss(x + shift, y + shift, reduction="none"))
    gx, gy = torch.autograd.grad(values.sum(), (x, y))
    assert torch.equal(gx, -gy)


@given(losses, residuals)
def test_grows_with_the_size_of_the_residual(loss, r):
    """All of them, also the redescending ones, which flatten but never turn back."""
    sizes = torch.tensor(r, dtype=torch.float64).abs().sort().values
    assert (of(loss, sizes).diff() >= 0).all()
    assert (slope_of(loss, sizes) >= 0).all()


# Scale laws


@given(residuals, positive, positive)
def test_scale_laws(r, k, option):
    """What a change of units does to the value, and which options carry units."""
    r = torch.tensor(r, dtype=torch.float64)
    close(of(l1_loss, k * r), k * of(l1_loss, r))
    close(of(mse_loss, k * r), k**2 * of(mse_loss, r))
    close(rmse_loss(k * r, 0 * r), k * rmse_loss(r, 0 * r))
    close(of(huber_loss, k * r, delta=k * option), k**2 * of(huber_loss, r, delta=option), atol=1e-9)
    close(of(smooth_l1_loss, k * r, beta=k * option), k * of(smooth_l1_loss, r, beta=option), atol=1e-10)
    close(of(quantile_loss, k * r, q=0.3), k * of(quantile_loss, r, q=0.3))


@given(residuals, positive, positive, alphas, shapes)
def test_scale_laws_of_the_robust_losses(r, k, c, alpha, shape):
    """The scale is all that carries units; the likelihood pays log k for wider ones."""
    r = torch.tensor(r, dtype=torch.float64)
    robust = partial(general_robust_loss, alpha=alpha)
    close(of(robust, k * r, scale=k * c), of(robust, r, scale=c), rtol=1e-11)
    adaptive = partial(adaptive_robust_loss, alpha=shape)
    close(of(adaptive, k * r, scale=k * c), of(adaptive, r, scale=c) + math.log(k), rtol=1e-11, atol=1e-11)


# Relations between them


@given(residuals, positive)
def test_smooth_l1_is_huber_over_delta(r, delta):
    """PITFALLS 9: the same curve, with slope 1 far out instead of delta."""
    close(of(smooth_l1_loss, r, beta=delta), of(huber_loss, r, delta=delta) / delta, atol=1e-11)


@given(residuals, positive, positive)
def test_huber_grows_with_delta_and_smooth_l1_falls_with_beta(r, a, b):
    """Why delta can't be trained on the loss; between the limits 0 and half the square, L1 and 0."""
    a, b = sorted((a, b))
    assert (of(huber_loss, r, delta=a) <= of(huber_loss, r, delta=b) * (1 + 1e-12)).all()
    assert (of(huber_loss, r, delta=b) <= of(mse_loss, r) / 2).all()
    assert (of(smooth_l1_loss, r, beta=a) >= of(smooth_l1_loss, r, beta=b) * (1 - 1e-12)).all()
    assert (of(smooth_l1_loss, r, beta=a) <= of(l1_loss, r)).all()


@given(residuals)
def test_limits_of_huber_and_smooth_l1(r):
    """PITFALLS 9: the limits differ."""
    close(of(huber_loss, r, delta=1e6), of(mse_loss, r) / 2)
    close(of(huber_loss, r, delta=math.inf), of(mse_loss, r) / 2)
    close(of(huber_loss, r, delta=1e-9), torch.zeros(len(r), dtype=torch.float64), atol=1e-5)
    close(of(smooth_l1_loss, r, beta=1e-9), of(l1_loss, r), atol=1e-9)
    assert torch.equal(of(smooth_l1_loss, r, beta=0.0), of(l1_loss, r))
    close(of(smooth_l1_loss, r, beta=1e12), torch.zeros(len(r), dtype=torch.float64), atol=1e-5)


@given(residuals, levels)
def test_quantile_relations(r, q):
    """Half of L1 at q = ½; level q of r is level 1 − q of −r; both sides add up to L1; slopes −q and 1 − q."""
    r = torch.tensor(r, dtype=torch.float64)
    close(of(quantile_loss, r, q=0.5), of(l1_loss, r) / 2)
    close(of(quantile_loss, r, q=q), of(quantile_loss, -r, q=1 - q))
    close(of(quantile_loss, r, q=q) + of(quantile_loss, r, q=1 - q), of(l1_loss, r))
    wanted = torch.where(r < 0, -q, torch.where(r > 0, 1 - q, 0.0)).double()
    close(slope_of(quantile_loss, r, q=q), wanted, rtol=1e-6)


@given(residuals)
def test_log_cosh_lies_between_its_bounds(r):
    """|r| − log 2 ≤ log cosh r ≤ min(|r|, r²/2), with the slope tanh r."""
    r = torch.tensor(r, dtype=torch.float64)
    values, size = of(log_cosh_loss, r), r.abs()
    slack = 1e-12 * (1 + size)
    assert (values >= size - math.log(2) - slack).all()
    assert (values <= torch.minimum(size, r.square() / 2) + slack).all()
    close(slope_of(log_cosh_loss, r), torch.tanh(r))


@given(residuals, alphas, alphas, positive)
def test_robust_loss_grows_with_alpha(r, a, b, c):
    """Barron (2019): why alpha would run to −∞ without the normalising constant."""
    a, b = sorted((a, b))
    low, high = (of(general_robust_loss, r, alpha=alpha, scale=c) for alpha in (a, b))
    assert (low <= high * (1 + 1e-11)).all()


@given(residuals, alphas, positive)
def test_robust_loss_bounds(r, alpha, c):
    """Below the parabola; at most |alpha − 2|/|alpha| for alpha < 0; slope at most |r|/c², and 1/c for alpha ≤ 1."""
    r = torch.tensor(r, dtype=torch.float64)
    values, slopes = (f(general_robust_loss, r, alpha=alpha, scale=c) for f in (of, slope_of))
    assert (values <= 0.5 * (r / c) ** 2 * (1 + 1e-11)).all()
    assert (slopes.abs() <= r.abs() / c**2 * (1 + 1e-11)).all()
    if alpha < 0:
        limit = 1 if math.isinf(alpha) else (alpha - 2) / alpha
        assert (values <= limit * (1 + 1e-12)).all()
    if alpha <= 1:
        assert (slopes.abs() <= 1 / c * (1 + 1e-12)).all()


@given(residuals, st.sampled_from([0.0, 2.0]), st.sampled_from([-1e-6, -1e-9, -1e-13, 1e-13, 1e-9, 1e-6]))
def test_robust_loss_is_continuous_at_its_holes(r, alpha, step):
    """The formula has 0/0 at alpha 0 and 2; close to them nothing may jump."""
    at, near = (of(general_robust_loss, r, alpha=a, scale=1.0) for a in (alpha, alpha + step))
    close(near, at, rtol=1e3 * abs(step) + 1e-13)


@given(residuals, shapes, positive)
def test_adaptive_differs_from_general_by_a_constant(r, alpha, c):
    """log c + log Z(alpha) does not depend on the residual, and log Z falls with alpha."""
    r = torch.tensor([0.0, *r], dtype=torch.float64)
    gap = of(adaptive_robust_loss, r, alpha=alpha, scale=c) - of(general_robust_loss, r, alpha=alpha, scale=c)
    close(gap, gap[:1].expand_as(gap), rtol=0, atol=1e-9 * (1 + gap.abs().max().item()) * (1 + r.abs().max().item()))
    assert math.log(math.sqrt(2 * math.pi)) - 1e-12 <= gap[0] - math.log(c) <= math.log(math.pi * math.sqrt(2)) + 1e-12


# What each elicits: no constant beats the statistic, on any sample

samples = st.lists(grid, min_size=1, max_size=15)


def risk(loss, constant, sample, **options):
    y = torch.tensor(sample, dtype=torch.float64)
    return loss(torch.full_like(y, constant), y, **options).item()


@given(samples, grid, levels)
def test_elicited_statistics(sample, rival, q):
    """L1 the median, the square the mean, the pinball loss its quantile."""
    y = torch.tensor(sample, dtype=torch.float64)
    tolerance = 1 + 1e-12
    assert risk(l1_loss, y.median().item(), sample) <= risk(l1_loss, rival, sample) * tolerance
    assert risk(mse_loss, y.mean().item(), sample) <= risk(mse_loss, rival, sample) * tolerance
    assert risk(rmse_loss, y.mean().item(), sample) <= risk(rmse_loss, rival, sample) * tolerance
    quantile = sorted(sample)[math.ceil(q * len(sample)) - 1]  # the least value with a share of q at or below it
    assert risk(quantile_loss, quantile, sample, q=q) <= risk(quantile_loss, rival, sample, q=q) * tolerance + 1e-12


@given(st.lists(st.integers(0, 50), min_size=1, max_size=15), st.floats(-5, 5))
def test_poisson_elicits_the_mean(counts, rival):
    """The gradient at the log of the mean is 0, and no other log rate is better."""
    mean = max(sum(counts) / len(counts), 1e-3)
    if sum(counts):
        y = torch.tensor(counts, dtype=torch.float64)
        x = torch.full_like(y, math.log(mean)).requires_grad_()
        loss = poisson_nll_loss(x, y)
        (slope,) = torch.autograd.grad(loss, x)
        assert abs(slope.sum().item()) < 1e-12 * (1 + mean)
        assert loss.item() <= risk(poisson_nll_loss, rival, counts) + 1e-12 * (1 + mean**2)


@given(samples, positive)
def test_gaussian_elicits_mean_and_variance(sample, rival):
    """The best variance is the mean squared residual; with it fixed, the best mean is the mean."""
    y = torch.tensor(sample, dtype=torch.float64)
    x = torch.full_like(y, y.mean().item())
    var = max(mse_loss(x, y).item(), 1e-6)
    assert gaussian_nll_loss(x, y, var) <= gaussian_nll_loss(x, y, rival) + 1e-9
    assert gaussian_nll_loss(x, y, rival) <= gaussian_nll_loss(x + 1, y, rival) + 1e-9


# The figures of the pitfalls

DATA = torch.tensor([1.0, -2.0, 3.0, -4.0], dtype=torch.float64)


def test_pitfall_square_sum_norm_and_root():
    """4: MSE 7.5, sum 30, L2 norm 5.477, RMSE 2.739, half-MSE 3.75; the mean of two batches' RMSEs is 2.558."""
    zero = torch.zeros_like(DATA)
    assert mse_loss(DATA, zero).item() == 7.5
    assert mse_loss(DATA, zero, reduction="sum").item() == 30
    assert mse_loss(DATA, zero, reduction="sum").sqrt().item() == pytest.approx(5.477, abs=5e-4)
    assert rmse_loss(DATA, zero).item() == pytest.approx(2.739, abs=5e-4)
    assert huber_loss(DATA, zero, delta=math.inf).item() == 3.75
    batches = [rmse_loss(DATA[:2], zero[:2]).item(), rmse_loss(DATA[2:], zero[2:]).item()]
    assert sum(batches) / 2 == pytest.approx(2.558, abs=5e-4)


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_pitfall_smooth_l1_and_huber(delta):
    """9: the ratio is exact at 0.5, 1 and 3."""
    assert torch.equal(of(smooth_l1_loss, DATA, beta=delta) * delta, of(huber_loss, DATA, delta=delta))


def test_pitfall_log_cosh_in_float32():
    """21: log(cosh(100)) is inf in float32; 99.307 is right."""
    x = torch.tensor([100.0])
    assert torch.cosh(x).log().isinf()
    assert log_cosh_loss(x, torch.zeros(1)).item() == pytest.approx(99.307, abs=5e-4)


def test_pitfall_log_rate_or_rate():
    """18: the rate 9 read as a log rate gives 8022, right is −10.775; Stirling's term makes it 2.0176, exact 2.0268."""
    nine = torch.tensor([9.0], dtype=torch.float64)
    assert poisson_nll_loss(nine, nine).item() == pytest.approx(8022, abs=0.5)
    assert poisson_nll_loss(nine, nine, log_input=False).item() == pytest.approx(-10.775, abs=5e-4)
    assert poisson_nll_loss(nine.log(), nine).item() == pytest.approx(-10.775, abs=5e-4)
    assert poisson_nll_loss(nine.log(), nine, full=True).item() == pytest.approx(2.0176, abs=5e-5)
    exact = -torch.distributions.Poisson(nine).log_prob(nine).item()
    assert exact == pytest.approx(2.0268, abs=5e-5)


def test_pitfall_variance_not_deviation():
    """18: the Gaussian likelihood takes the variance and may be negative, −2.30 at variance 0.01."""
    one = torch.ones(1)
    assert gaussian_nll_loss(one, one, torch.tensor([0.01])).item() == pytest.approx(-2.30, abs=5e-3)


def test_pitfall_optimal_constants():
    """24: on 1, 1, 1, 8, 100 the square is least at 22.2, L1 at 1, the pinball loss of level 0.9 at 100."""
    sample = [1.0, 1.0, 1.0, 8.0, 100.0]
    constants = [c / 10 for c in range(0, 1101)]
    best = {
        22.2: mse_loss,
        1.0: l1_loss,
        100.0: partial(quantile_loss, q=0.9),
    }
    for wanted, loss in best.items():
        assert min(constants, key=lambda c: risk(loss, c, sample)) == wanted


def test_pitfall_reduction_none():
    """28: torch, too, refuses reduction=None."""
    with pytest.raises(ValueError):
        F.mse_loss(DATA, DATA, reduction=None)
    with pytest.raises(ValueError, match="got None"):
        mse_loss(DATA, DATA, reduction=None)


def test_pitfall_huber_delta_is_not_trained():
    """10: torch refuses a delta that needs a gradient, and the best delta would be the smallest on offer."""
    with pytest.raises(TypeError):
        F.huber_loss(DATA, DATA * 0, delta=torch.tensor(1.0, requires_grad=True))
    values = [huber_loss(DATA, DATA * 0, delta=d).item() for d in (0.1, 0.5, 1.0, 2.0, 10.0)]
    assert values == sorted(values)
