"""The uncertainty-weighted sum: Kendall 2018 by hand, its optimum, extremes and checks."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from lossutils import uncertainty_weighted_loss

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64
R, C = "regression", "classification"


def t64(*values):
    return torch.tensor(values, dtype=F64)


def close(a, b, rtol=1e-13, atol=1e-14):
    torch.testing.assert_close(a, torch.as_tensor(b, dtype=a.dtype), rtol=rtol, atol=atol)


def test_the_papers_sum():
    """L/(2σ²) + log σ for a regression (equation 7), L/σ² + log σ for a classification (equation 10)."""
    losses, sigmas, kinds = [0.7, 3.0, 2.0], [0.5, 1.5, 2.5], [R, C, R]
    wanted = 0.7 / (2 * 0.5**2) + math.log(0.5) + 3 / 1.5**2 + math.log(1.5) + 2 / (2 * 2.5**2) + math.log(2.5)
    log_vars = t64(*(math.log(s * s) for s in sigmas))
    close(uncertainty_weighted_loss(t64(*losses), log_vars, kinds=kinds), wanted)
    as_list = [torch.tensor(v, dtype=F64) for v in losses]
    close(uncertainty_weighted_loss(as_list, log_vars, kinds=tuple(kinds)), wanted)
    close(uncertainty_weighted_loss(tuple(as_list[:1]), log_vars[:1], kinds=[R]), 1.4 + math.log(0.5))


def test_a_loss_of_0_keeps_the_slope_of_its_weight():
    """w e^(−s) is the slope in a loss; where the loss is 0 only the value does not depend on s."""
    losses, log_vars = t64(0.0, 0.0).requires_grad_(), t64(3.0, -3.0)
    (slopes,) = torch.autograd.grad(uncertainty_weighted_loss(losses, log_vars, kinds=[R, C]), losses)
    close(slopes, [0.5 * math.exp(-3), math.exp(3)])


def test_gradients_go_to_the_losses_and_the_log_variances():
    """w e^(−s) to the loss, ½ − w e^(−s) L to s."""
    losses, s = t64(0.7, 3.0).requires_grad_(), t64(0.4, -1.3).requires_grad_()
    uncertainty_weighted_loss(losses, s, kinds=[R, C]).backward()
    weight = t64(0.5, 1.0) * torch.exp(-s.detach())
    close(losses.grad, weight)
    close(s.grad, 0.5 - weight * losses.detach())


@given(st.floats(1e-6, 1e6), st.sampled_from([R, C]), st.floats(-5, 5))
def test_the_best_log_variance(loss, kind, off):
    """log L for a regression, log 2L for a classification: gradient 0, and no other is better; units cancel."""
    value = t64(loss)
    of = partial(uncertainty_weighted_loss, kinds=[kind])
    best = t64(math.log(loss if kind == R else 2 * loss)).requires_grad_()
    least = of(value, best)
    assert abs(torch.autograd.grad(least, best)[0].item()) < 1e-9
    close(least.detach(), 0.5 + 0.5 * best.detach()[0], rtol=1e-9, atol=1e-9)
    assert of(value, best.detach() + off) >= least - 1e-9
    close(of(7 * value, best.detach() + math.log(7)), least.detach() + 0.5 * math.log(7), rtol=1e-9, atol=1e-9)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-3, 3), st.sampled_from([R, C])), min_size=1, max_size=5))
def test_it_is_a_sum_over_the_tasks(tasks):
    """In any order; each task on its own."""
    losses, s, kinds = zip(*tasks, strict=True)
    whole = uncertainty_weighted_loss(t64(*losses), t64(*s), kinds=kinds)
    parts = [uncertainty_weighted_loss(t64(a), t64(b), kinds=[k]) for a, b, k in tasks]
    close(whole, sum(p.item() for p in parts), rtol=1e-11, atol=1e-11)
    close(uncertainty_weighted_loss(t64(*losses[::-1]), t64(*s[::-1]), kinds=kinds[::-1]), whole, 1e-11, 1e-11)


def test_pitfall_it_can_be_negative():
    """27: a loss of 0.01 at its best s gives −1.80, and twice that, −3.6, in the form L/σ² + log σ²."""
    value = uncertainty_weighted_loss(t64(0.01), t64(math.log(0.01)), kinds=[R]).item()
    assert value == pytest.approx(-1.80, abs=5e-3)
    sigma2 = 0.01
    assert 0.01 / sigma2 + math.log(sigma2) == pytest.approx(-3.6, abs=6e-3)
    assert 2 * value == pytest.approx(0.01 / sigma2 + math.log(sigma2))


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_huge_log_variances(dtype):
    """0 · ∞ is 0 where the loss is 0 or the weight vanishes, and the value is right where e^(−s) alone overflows."""
    cases = [
        (1.0, 1e4, 5e3, 0.0, 0.5),
        (0.0, 1e4, 5e3, None, 0.5),
        (0.0, -1e4, -5e3, None, 0.5),
        (1.0, -1e4, math.inf, math.inf, -math.inf),
        (math.inf, 1e4, math.inf, None, None),
        (math.inf, 0.0, math.inf, 1.0, -math.inf),
        (1e-30, -100.0, 1e-30 * math.exp(100) - 50, None, 0.5 - 1e-30 * math.exp(100)),
        (-2.0, 0.0, -2.0, 1.0, 2.5),
    ]
    for loss, s, wanted, to_loss, to_s in cases:
        x = torch.tensor([loss], dtype=dtype, requires_grad=True)
        log_var = torch.tensor([s], dtype=dtype, requires_grad=True)
        value = uncertainty_weighted_loss(x, log_var, kinds=[C])
        assert value.item() == pytest.approx(wanted, rel=1e-5)
        slopes = torch.autograd.grad(value, (x, log_var))
        assert not any(slope.isnan().any() for slope in slopes)
        if loss == 0:
            assert slopes[0].isfinite() and slopes[0] >= 0
        if to_loss is not None:
            assert slopes[0].item() == pytest.approx(to_loss)
        if to_s is not None:
            assert slopes[1].item() == pytest.approx(to_s, rel=1e-5)
    for bad in ((math.nan, 0.0), (1.0, math.nan)):
        assert uncertainty_weighted_loss(*(torch.tensor([v], dtype=dtype) for v in bad), kinds=[C]).isnan()


def test_vmap_over_seeds():
    """Several models' losses at once."""
    losses, s = torch.rand(3, 2, dtype=F64), torch.rand(3, 2, dtype=F64)
    of = partial(uncertainty_weighted_loss, kinds=[R, C])
    close(vmap(of)(losses, s), torch.stack([of(a, b) for a, b in zip(losses, s, strict=True)]))


def test_losses_are_checked():
    """A list of floats has lost its graph; a loss that is not reduced would be summed with one weight."""
    s = torch.zeros(2, dtype=F64)
    of = partial(uncertainty_weighted_loss, log_vars=s, kinds=[R, C])
    message = r"^losses must be a torch.Tensor or a list of tensors of shape \(\), got "
    for losses, got in (
        ([1.0, 2.0], "list of float"),
        ((torch.ones((), dtype=F64), 2), "tuple of int"),
        (1.0, "float"),
        (None, "NoneType"),
    ):
        with pytest.raises(TypeError, match=message + got + "$"):
            of(losses)
    one = torch.ones((), dtype=F64)
    with pytest.raises(ValueError, match=r"^losses\[1\] must have the shape \(\), got \(1,\)$"):
        of([one, one[None]])
    with pytest.raises(TypeError, match=r"^losses\[0\] must be a floating-point tensor, got torch.int64"):
        of([one.long(), one])
    with pytest.raises(TypeError, match=r"^losses\[0\] and losses\[1\] must have the same dtype"):
        of([one, one.float()])
    with pytest.raises(ValueError, match=r"^losses must hold at least one loss, got \[\]$"):
        of([])
    for losses in (torch.ones((), dtype=F64), torch.ones(2, 1, dtype=F64), torch.ones(0, dtype=F64)):
        with pytest.raises(ValueError, match=r"^losses must have the shape \(T,\) with T of at least 1, got \("):
            of(losses)
    with pytest.raises(ValueError, match=r"^losses and log_vars must have equal shapes, got \(3,\) and \(2,\)"):
        of(torch.ones(3, dtype=F64))


def test_kinds_are_checked():
    """A regression weighted as a classification counts twice."""
    x = torch.ones(2, dtype=F64)
    for kinds in ("regression", None, {R, C}, iter([R, C])):
        name = type(kinds).__name__
        with pytest.raises(TypeError, match=f"^kinds must be a list of strings, one a task, got {name}$"):
            uncertainty_weighted_loss(x, x, kinds=kinds)
    for kinds in ([R], [R, C, R]):
        with pytest.raises(ValueError, match=f"^kinds must name one kind a loss, expected 2, got {len(kinds)}$"):
            uncertainty_weighted_loss(x, x, kinds=kinds)
    with pytest.raises(ValueError, match=r"^kinds\[1\] must be one of \['regression', 'classification'\], got 'r'$"):
        uncertainty_weighted_loss(x, x, kinds=[R, "r"])


def test_a_kind_that_is_no_string():
    """As any other unknown word, it is shown."""
    x = torch.ones(2, dtype=F64)
    with pytest.raises(ValueError, match=r"^kinds\[0\] must be one of \['regression', 'classification'\], got 1$"):
        uncertainty_weighted_loss(x, x, kinds=[1, R])
