"""The regression losses: values, gradients and extremes against the formulas in mpmath."""

import math
from functools import partial
from itertools import pairwise

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from regression_cases import CASES, draw, log_cosh, log_partition, robust
from torch.autograd import gradcheck, gradgradcheck

from lossutils import (
    adaptive_robust_loss,
    gaussian_nll_loss,
    general_robust_loss,
    huber_loss,
    l1_loss,
    log_cosh_loss,
    poisson_nll_loss,
    quantile_loss,
    rmse_loss,
    smooth_l1_loss,
)
from lossutils.regression import _log_partition

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
F64 = torch.float64


def value_and_slope(loss, x, y):
    """The loss of each element and its gradient in the input, which is the same where a second one is to follow."""
    x = x.clone().requires_grad_()
    values = loss(x, y, reduction="none")
    (again,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    (slope,) = torch.autograd.grad(values.sum(), x)
    torch.testing.assert_close(again.detach(), slope, equal_nan=True)
    return values.detach(), slope


def assert_near(got, wanted, rtol, atol=0.0):
    """Hold a tensor against mpmath numbers; where those overflow the dtype, only infinity will do."""
    largest, least = torch.finfo(got.dtype).max, torch.finfo(got.dtype).tiny
    for g, w in zip(got.tolist(), wanted, strict=True):
        if abs(w) >= largest:
            assert math.isinf(g) and (g > 0) == (w > 0)
        else:
            assert math.isfinite(g)
            assert abs(g - w) <= rtol * abs(w) + atol + least, f"got {g}, wanted {mp.nstr(w, 17)}"


# Values and gradients


@every_case
def test_value_and_slope_are_the_papers(case):
    """A wrong formula, a wrong sign of the residual, a lost factor."""
    x, y = draw(case, 24, F64)
    values, slopes = value_and_slope(case.loss, x, y)
    pairs = [(mp.mpf(a), mp.mpf(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert_near(values, [case.value(a, b) for a, b in pairs], rtol=1e-12, atol=2e-12)
    assert_near(slopes, [case.slope(a, b) for a, b in pairs], rtol=1e-12, atol=1e-13)


@every_case
def test_half_precision_is_computed_in_float32(case):
    """Digits lost inside the loss: half-precision results are the float32 ones, rounded once."""
    for dtype in (torch.bfloat16, torch.float16):
        x, y = (t.to(dtype) for t in draw(case, 24, torch.float32))
        values, slopes = value_and_slope(case.loss, x, y)
        exact, exact_slopes = value_and_slope(case.loss, x.float(), y.float())
        assert values.dtype == slopes.dtype == dtype
        assert torch.equal(values, exact.to(dtype))
        assert torch.equal(slopes, exact_slopes.to(dtype))


@every_case
def test_float32_has_its_digits(case):
    """A branch that is only accurate in float64."""
    x, y = draw(case, 24, torch.float32)
    values, slopes = value_and_slope(case.loss, x, y)
    assert values.dtype == slopes.dtype == torch.float32
    exact, exact_slopes = value_and_slope(case.loss, x.double(), y.double())
    torch.testing.assert_close(values, exact.float(), rtol=1e-5, atol=2e-6)
    torch.testing.assert_close(slopes, exact_slopes.float(), rtol=1e-5, atol=1e-7)


@every_case
def test_gradients_and_second_derivatives(case):
    """A gradient cut or doubled, towards the input or the target, once and twice differentiated."""
    x, y = draw(case, 6, F64)
    loss = partial(case.loss, reduction="none")
    fit_target = y.requires_grad_() if case.target == "real" else y
    if case.name.startswith("robust inf"):  # e^(z²/2) is too steep for finite differences far out
        x, fit_target = x.detach() / 16, fit_target.detach() / 16
        fit_target.requires_grad_()
    x.requires_grad_()
    assert gradcheck(loss, (x, fit_target), atol=1e-5, rtol=1e-3)
    assert gradgradcheck(loss, (x, fit_target), atol=1e-5, rtol=1e-3)


@every_case
def test_extreme_residuals_float64(case):
    """Overflow, underflow and cancellation: what is representable must come out, from 1e-20 to ±1e150."""
    sizes = [1e-20, 1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e20, 1e150]
    x = torch.tensor([0.0, *sizes, *([] if case.input == "rate" else [-s for s in sizes])], dtype=F64)
    check_extremes(case, x, rtol=1e-11)


@every_case
def test_extreme_residuals_float32(case):
    """The same in float32, where squares overflow from 1e19 and e^x from 88."""
    sizes = [1e-10, 1e-6, 1e-3, 1.0, 30.0, 1e3, 1e4, 1e10, 1e18]
    x = torch.tensor([0.0, *sizes, *([] if case.input == "rate" else [-s for s in sizes])])
    check_extremes(case, x, rtol=2e-5 if case.name.startswith(("robust", "adaptive")) else 1e-6)


def check_extremes(case, x, rtol):
    """Relative errors, but absolute ones for a likelihood: it crosses 0 elsewhere than at residual 0.

    Slopes are held where the loss itself is representable.
    """
    y = torch.zeros_like(x)
    values, slopes = value_and_slope(case.loss, x, y)
    at = [mp.mpf(a) for a in x.tolist()]
    likelihood = case.name.startswith(("adaptive", "poisson", "gaussian"))
    atol = 16 * torch.finfo(x.dtype).eps if likelihood else 0.0
    assert_near(values, [case.value(a, mp.mpf(0)) for a in at], rtol, atol)
    finite = values.isfinite()
    assert_near(slopes[finite], [case.slope(a, mp.mpf(0)) for a, f in zip(at, finite, strict=True) if f], rtol)


def test_subgradients_at_the_kinks():
    """The gradient where there is no derivative: 0 at the tip, the slope of the line where it meets the parabola."""
    zero = torch.zeros(1, dtype=F64)
    for loss in (l1_loss, partial(smooth_l1_loss, beta=0.0), partial(quantile_loss, q=0.9), log_cosh_loss):
        value, slope = value_and_slope(loss, zero, zero)
        assert value.item() == 0 and slope.item() == 0
    for side in (-1.0, 1.0):
        meet = torch.tensor([side * 2], dtype=F64)
        assert value_and_slope(partial(huber_loss, delta=2.0), meet, zero)[1].item() == side * 2
        assert value_and_slope(partial(smooth_l1_loss, beta=2.0), meet, zero)[1].item() == side


def test_log_cosh_keeps_the_digits_of_small_residuals():
    """|r| + log1p(e^(−2|r|)) − log 2 is right to 4 digits at 1e-6 and gives 0 or less at 1e-8."""
    for r in (1e-150, 1e-8, 1e-6, 1e-3, 0.999999, 1.0, 1.000001):
        value, slope = value_and_slope(log_cosh_loss, torch.tensor([r], dtype=F64), torch.zeros(1, dtype=F64))
        assert_near(value, [log_cosh(mp.mpf(r))], rtol=1e-15)
        assert_near(slope, [mp.tanh(mp.mpf(r))], rtol=1e-15)


def test_nan_in_the_data_stays_visible():
    """A NaN swallowed by a branch would hide a broken batch."""
    x = torch.tensor([math.nan, 1.0], dtype=F64)
    for case in CASES:
        values = case.loss(x, torch.ones(2, dtype=F64), reduction="none")
        assert values[0].isnan() and values[1].isfinite(), case.name
    assert rmse_loss(x, torch.ones(2, dtype=F64)).isnan()


# RMSE


def test_rmse_is_the_root_of_the_mean_square():
    """The value, and the gradient r / (n · RMSE), of residuals from 1e-200 to 1e200, whose squares do not fit."""
    for size in (1e-200, 1e-20, 1.0, 1e20, 1e200):
        x = (torch.tensor([1.0, -2.0, 3.0, -4.0], dtype=F64) * size).requires_grad_()
        loss = rmse_loss(x, torch.zeros(4, dtype=F64))
        (slope,) = torch.autograd.grad(loss, x)
        assert loss.item() == pytest.approx(math.sqrt(7.5) * size, rel=1e-15)
        torch.testing.assert_close(slope, x.detach() / size / (4 * math.sqrt(7.5)), rtol=1e-14, atol=0)


def test_rmse_of_a_perfect_fit_has_gradient_0():
    """torch.sqrt of the MSE has a NaN gradient there, which ruins every weight."""
    x = torch.ones(3, requires_grad=True)
    loss = rmse_loss(x, torch.ones(3))
    loss.backward()
    assert loss.item() == 0 and torch.equal(x.grad, torch.zeros(3))
    naive = torch.ones(3, requires_grad=True)
    F.mse_loss(naive, torch.ones(3)).sqrt().backward()
    assert naive.grad.isnan().all()


def test_second_derivatives_where_the_first_has_none():
    """A NaN from 0/0 in a Hessian at a perfect fit; log cosh and the robust losses have curvature 1 there."""
    zero = torch.zeros(3, dtype=F64, requires_grad=True)
    robust_at = [partial(general_robust_loss, alpha=a, scale=1.0) for a in (-math.inf, -2.0, 0.0, 0.5, 1.0, 1.5, 2.0)]
    for loss, wanted in [(rmse_loss, 0.0), *((partial(f, reduction="sum"), 1.0) for f in (log_cosh_loss, *robust_at))]:
        (slope,) = torch.autograd.grad(loss(zero, torch.zeros(3, dtype=F64)), zero, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), zero)
        assert bend.tolist() == [wanted] * 3


def test_rmse_gradients_and_dtypes():
    """The mean is over all elements, and the detached scale must cancel in the first and second derivative."""
    x = torch.tensor([[1.0, -2.0], [0.5, 0.25]], dtype=F64, requires_grad=True)
    y = torch.zeros(2, 2, dtype=F64, requires_grad=True)
    assert rmse_loss(x, y).item() == pytest.approx(math.sqrt((1 + 4 + 0.25 + 0.0625) / 4), rel=1e-15)
    assert gradcheck(rmse_loss, (x, y)) and gradgradcheck(rmse_loss, (x, y))
    big = torch.full((4,), 300.0, dtype=torch.float16)
    assert rmse_loss(big, torch.zeros_like(big)).item() == 300 and rmse_loss(big, big).dtype == torch.float16


# The robust family

ALPHAS = [-50.0, -2.0, -0.5, -1e-6, -1e-12, 0.0, 1e-12, 1e-6, 0.2, 0.5, 1.0, 1.9, 2 - 1e-6, 2 + 1e-6, 2.5, 4.0]


@pytest.mark.parametrize("alpha", ALPHAS)
def test_robust_slope_in_alpha(alpha):
    """alpha is learned by this gradient; it must hold next to the holes at 0 and 2, where autograd could give NaN."""
    r = torch.tensor([0.01, 0.3, 1.0, -3.0, 20.0, 1e4], dtype=F64)
    a = torch.full((6,), alpha, dtype=F64, requires_grad=True)
    (slope,) = torch.autograd.grad(general_robust_loss(r, r * 0, alpha=a, scale=2.0, reduction="sum"), a)
    exact = [mp.diff(lambda t, z=z: robust(mp.mpf(z), t, 2), mp.mpf(alpha), h=mp.mpf(10) ** -60) for z in r.tolist()]
    assert_near(slope, exact, rtol=1e-9, atol=1e-13)


def test_robust_has_its_digits_where_its_branches_meet():
    """An alpha to learn takes other branches than a number; each must hold up to where the next one takes over."""
    sizes = [0.1, 0.9, 1.1, 3.0, 10.0, 100.0, 1e4]
    alphas = [-0.6, -0.5, -0.45, -0.2, -0.05, 0.05, 0.2, 0.45, 0.5, 0.6, 1.4, 1.6]
    x, a = torch.meshgrid(torch.tensor(sizes, dtype=F64), torch.tensor(alphas, dtype=F64), indexing="ij")
    got = general_robust_loss(x, torch.zeros_like(x), alpha=a, scale=1.0, reduction="none").flatten()
    pairs = zip(x.flatten().tolist(), a.flatten().tolist(), strict=True)
    assert_near(got, [robust(mp.mpf(r), mp.mpf(alpha), 1) for r, alpha in pairs], rtol=1e-13)


def test_robust_slope_in_alpha_at_2_and_at_infinity():
    """At 2 the true slope is +∞: ours is finite, positive and about that of the number below; at ±∞ it is 0."""
    r = torch.tensor([0.5, 3.0], dtype=F64)

    def slope_at(alpha):
        a = torch.tensor([alpha, alpha], dtype=F64, requires_grad=True)
        return torch.autograd.grad(general_robust_loss(r, r * 0, alpha=a, scale=1.0, reduction="sum"), a)[0]

    torch.testing.assert_close(slope_at(2.0), slope_at(math.nextafter(2, 0)), rtol=0.05, atol=0)
    assert slope_at(-math.inf).eq(0).all() and slope_at(math.inf).eq(0).all()


def test_robust_takes_a_tensor_of_every_alpha_at_once():
    """An untaken branch that overflows: neighbours of any alpha, at any residual, keep finite gradients."""
    alphas = torch.tensor([-math.inf, -1e10, -2.0, -1e-6, 0.0, 1e-6, 0.5, 1.0, 2.0], dtype=F64)
    r = torch.tensor([-1e20, -5.0, -1e-20, 0.0, 1e-3, 1.0, 40.0, 1e10], dtype=F64)
    x, a = torch.meshgrid(r, alphas, indexing="ij")
    x, a = x.clone().requires_grad_(), a.clone().requires_grad_()
    c = torch.full_like(x, 0.5, requires_grad=True)
    values = general_robust_loss(x, torch.zeros_like(x), alpha=a, scale=c, reduction="none")
    for gradient in torch.autograd.grad(values.sum(), (x, a, c), retain_graph=True):
        assert gradient.isfinite().all()
    slopes = torch.autograd.grad(values.sum(), x)[0]
    for j, alpha in enumerate(alphas.tolist()):
        one, slope = value_and_slope(partial(general_robust_loss, alpha=alpha, scale=0.5), r, torch.zeros_like(r))
        torch.testing.assert_close(values[:, j].detach(), one, rtol=1e-13, atol=0)
        torch.testing.assert_close(slopes[:, j], slope, rtol=1e-13, atol=0)


@pytest.mark.parametrize("loss", [general_robust_loss, adaptive_robust_loss])
def test_robust_gradients_in_shape_and_scale(loss):
    """alpha and scale are learned, one a column or one for all."""
    r = torch.tensor([[0.5, -1.0, 3.0], [4.0, 0.1, -2.0]], dtype=F64, requires_grad=True)
    a = torch.tensor([0.2, 1.0, 1.7], dtype=F64, requires_grad=True)
    c = torch.tensor(1.5, dtype=F64, requires_grad=True)

    def of(r, a, c):
        return loss(r, torch.zeros_like(r), alpha=a, scale=c, reduction="none")

    assert gradcheck(of, (r, a, c)) and gradgradcheck(of, (r, a, c), atol=1e-4)


def test_robust_is_exact_at_its_special_cases():
    """2, 1, 0, −2 and −∞ must be the losses that bear those names, not neighbours of them."""
    r = torch.linspace(-30, 30, 61, dtype=F64)
    s = (r / 3) ** 2
    named = {
        2.0: s / 2,
        1.0: torch.sqrt(s + 1) - 1,
        0.0: torch.log1p(s / 2),
        -2.0: 2 * s / (s + 4),
        -math.inf: -torch.expm1(-s / 2),
        math.inf: torch.expm1(s / 2),
    }
    for alpha, wanted in named.items():
        got = general_robust_loss(r, torch.zeros_like(r), alpha=alpha, scale=3.0, reduction="none")
        torch.testing.assert_close(got, wanted, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("alpha", [0.0, 1e-8, 1e-3, 0.1, 0.5, 1.0, 1.5, 1.9, 1.99, 1.999, 2 - 1e-6, 2.0])
def test_log_partition_against_quadrature(alpha):
    """log Z is what keeps alpha from running away; held to 2e-12 against mpmath, with its slope."""
    zero = torch.zeros(1, dtype=F64)
    a = torch.tensor(alpha, dtype=F64, requires_grad=True)
    value = adaptive_robust_loss(zero, zero, alpha=a, scale=1.0)
    assert abs(value.item() - log_partition(alpha)) < 2e-12
    (slope,) = torch.autograd.grad(value, a)
    if alpha in (0.1, 1.0, 1.99):
        with mp.workdps(30):
            step = mp.mpf(10) ** -6
            exact = (log_partition(alpha + step) - log_partition(alpha - step)) / (2 * step)
        assert abs(slope.item() - exact) < 1e-6
    assert slope.isfinite() and slope < 0


def test_log_partition_closed_forms():
    """Z(0) = π√2 (Cauchy), Z(1) = 2e·K₁(1), Z(2) = √(2π) (Gaussian)."""
    zero = torch.zeros(1, dtype=F64)
    with mp.workdps(20):
        at_1 = float(2 * mp.e * mp.besselk(1, 1))
    closed = {0.0: math.pi * math.sqrt(2), 1.0: at_1, 2.0: math.sqrt(2 * math.pi)}
    for alpha, z in closed.items():
        assert adaptive_robust_loss(zero, zero, alpha=alpha, scale=1.0).item() == pytest.approx(math.log(z), abs=1e-12)


def test_slope_of_log_partition_towards_2():
    """It falls by log(b)/4 with b = 2 − alpha, as E[(x²/4) log(x²/b)] does; a node that moved with b would drown it."""
    zero = torch.zeros(1, dtype=F64)
    slopes = []
    for power in (20, 30, 40, 50):
        a = torch.tensor(2 - 2.0**-power, dtype=F64, requires_grad=True)
        slopes += torch.autograd.grad(adaptive_robust_loss(zero, zero, alpha=a, scale=1.0), a)
    for before, after in pairwise(slopes):
        assert (after - before).item() == pytest.approx(-10 * math.log(2) / 4, abs=1e-4)


def test_log_partition_in_float32():
    """Apple's GPU has no float64; the same nodes must do in float32, without overflow."""
    for alpha in (0.0, 1e-3, 0.5, 1.0, 1.9, 1.9999, 2.0):
        a = torch.tensor(alpha, requires_grad=True)
        value = _log_partition(a)
        assert abs(value.item() - log_partition(a.item())) < 1e-5
        assert torch.autograd.grad(value, a)[0].isfinite()


def test_log_partition_of_a_float32_alpha_has_all_its_digits():
    """It is integrated in float64: a sum of 217 terms in float32 loses the last digits."""
    zero = torch.zeros(41)
    a = torch.linspace(0, 2, 41)
    got = adaptive_robust_loss(zero, zero, alpha=a, scale=1.0, reduction="none")
    wanted = adaptive_robust_loss(zero.double(), zero.double(), alpha=a.double(), scale=1.0, reduction="none")
    assert torch.equal(got, wanted.float())


def test_adaptive_under_autocast_is_float32():
    """The constant, integrated in float64, does not carry the loss along."""
    x = torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = adaptive_robust_loss(x.bfloat16(), x * 0, alpha=torch.tensor([0.5, 1.0]), scale=1.0, reduction="none")
    assert loss.dtype == torch.float32


def test_adaptive_is_a_density():
    """exp(−loss) integrates to 1 for any shape and scale."""
    t = torch.linspace(-45, 45, 4001, dtype=F64)
    x = 0.7 * t.sinh()
    for alpha in (0.0, 0.3, 1.0, 1.7, 2.0):
        density = (-adaptive_robust_loss(x, torch.zeros_like(x), alpha=alpha, scale=0.7, reduction="none")).exp()
        assert torch.trapezoid(density * 0.7 * t.cosh(), t).item() == pytest.approx(1, abs=1e-9)


def test_adaptive_is_gaussian_at_2_and_cauchy_at_0():
    """The two ends are likelihoods torch knows."""
    x = torch.linspace(-9, 9, 19, dtype=F64)
    y = torch.zeros_like(x)
    gaussian = gaussian_nll_loss(x, y, 1.5**2, full=True, reduction="none")
    got = adaptive_robust_loss(x, y, alpha=2.0, scale=1.5, reduction="none")
    torch.testing.assert_close(got, gaussian, rtol=1e-12, atol=1e-12)
    cauchy = -torch.distributions.Cauchy(torch.tensor(0.0, dtype=F64), 1.5 * math.sqrt(2)).log_prob(x)
    got = adaptive_robust_loss(x, y, alpha=0.0, scale=1.5, reduction="none")
    torch.testing.assert_close(got, cauchy, rtol=1e-12, atol=1e-12)


def test_adaptive_learns_the_shape_of_its_data():
    """Gaussian data pull alpha to 2, Cauchy data to 0: the sum of both gradients in alpha has the right sign."""
    quantiles = (torch.arange(2000, dtype=F64) + 0.5) / 2000
    for samples, start, sign in (
        (math.sqrt(2) * torch.erfinv(2 * quantiles - 1), 1.5, -1),
        (math.sqrt(2) * torch.tan(math.pi * (quantiles - 0.5)), 0.5, 1),
    ):
        a = torch.tensor(start, dtype=F64, requires_grad=True)
        adaptive_robust_loss(samples, torch.zeros_like(samples), alpha=a, scale=1.0).backward()
        assert a.grad.sign() == sign


# Counts and variances


@pytest.mark.parametrize("log_input", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_poisson_equals_torch(log_input, full):
    """The name is torch's, so is the value, eps and Stirling's term included."""
    x = torch.linspace(0.0, 4.0, 9, dtype=F64)
    y = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 5.0, 9.0, 100.0, 0.0], dtype=F64)
    for reduction in ("none", "mean", "sum"):
        options = dict(log_input=log_input, full=full, reduction=reduction)
        torch.testing.assert_close(poisson_nll_loss(x, y, **options), F.poisson_nll_loss(x, y, **options))


def test_poisson_full_has_finite_gradients_in_the_count():
    """torch's Stirling term has log 0 in its untaken branch: NaN for a count of 0 that needs a gradient."""
    x = torch.zeros(3, dtype=F64)
    y = torch.tensor([0.0, 1.0, 4.0], dtype=F64, requires_grad=True)
    (slope,) = torch.autograd.grad(poisson_nll_loss(x, y, full=True, reduction="sum"), y)
    torch.testing.assert_close(slope, torch.tensor([0.0, 0.0, math.log(4) + 1 / 8], dtype=F64))


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (4,)])
def test_gaussian_equals_torch(shape):
    """One variance an element or one a row, the clamp at eps and the constant included, as in torch."""
    torch.manual_seed(0)
    x, y = torch.randn(4, 3, dtype=F64), torch.randn(4, 3, dtype=F64)
    var = torch.rand(shape, dtype=F64)
    var.view(-1)[:2] = torch.tensor([0.0, 5e-3])
    for full in (False, True):
        for reduction in ("none", "mean", "sum"):
            ours, theirs = var.clone().requires_grad_(), var.clone().requires_grad_()
            got = gaussian_nll_loss(x, y, ours, full=full, eps=1e-2, reduction=reduction)
            wanted = F.gaussian_nll_loss(x, y, theirs, full=full, eps=1e-2, reduction=reduction)
            torch.testing.assert_close(got, wanted)
            torch.testing.assert_close(
                torch.autograd.grad(got.sum(), ours)[0], torch.autograd.grad(wanted.sum(), theirs)[0]
            )


def test_gaussian_variances_of_rows_in_three_dimensions():
    """The dimension left out is the last one, also of sequences."""
    x = torch.linspace(-1, 1, 24, dtype=F64).reshape(2, 4, 3)
    var = torch.linspace(0.1, 2, 8, dtype=F64).reshape(2, 4)
    got = gaussian_nll_loss(x, x + 1, var, reduction="none")
    each = gaussian_nll_loss(x, x + 1, var.unsqueeze(-1).expand(2, 4, 3), reduction="none")
    torch.testing.assert_close(got, each)


def test_gaussian_takes_the_variance_zero():
    """It is a variance, clamped to eps like every one below, as a number too."""
    x, y = torch.ones(2, dtype=F64), torch.zeros(2, dtype=F64)
    wanted = gaussian_nll_loss(x, y, 0.01, eps=1e-3)
    assert gaussian_nll_loss(x, y, 0.0, eps=0.01) == wanted == 0.5 * (math.log(0.01) + 100)


def test_gaussian_gradient_in_the_variance():
    """The variance is a prediction; beside gradcheck, r²/v must not overflow before its value does."""
    x = torch.tensor([1.0, -2.0, 0.5], dtype=F64, requires_grad=True)
    var = torch.tensor([0.5, 2.0, 30.0], dtype=F64, requires_grad=True)
    y = torch.zeros(3, dtype=F64)
    assert gradcheck(lambda x, v: gaussian_nll_loss(x, y, v, reduction="none"), (x, var))
    assert gradgradcheck(lambda x, v: gaussian_nll_loss(x, y, v, reduction="none"), (x, var))
    huge = gaussian_nll_loss(torch.tensor([1e200]), torch.zeros(1), torch.tensor([1e30]))
    assert huge.isinf()  # 1e200 is infinite in float32 to begin with
    huge = gaussian_nll_loss(torch.tensor([1e200], dtype=F64), y[:1], torch.tensor([1e250], dtype=F64))
    assert huge.item() == pytest.approx(0.5e150)


def test_quantile_levels_one_a_column():
    """A tensor q: each column learns its own quantile, and a gradient flows to q."""
    x = torch.zeros(2, 3, dtype=F64)
    y = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]], dtype=F64)
    q = torch.tensor([0.1, 0.5, 0.9], dtype=F64, requires_grad=True)
    got = quantile_loss(x, y, q=q, reduction="none")
    torch.testing.assert_close(got.detach(), torch.stack([q.detach(), 1 - q.detach()]))
    assert gradcheck(lambda q: quantile_loss(x, y, q=q, reduction="none"), (q,))
