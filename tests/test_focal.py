"""The focal family: values, gradients and extremes against the paper's formula in mpmath, and every check."""

import math

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from calls import bits, generator, indices, normal
from torch.autograd import gradgradcheck
from torch.func import jacrev, vmap

from lossutils import (
    balanced_binary_cross_entropy_with_logits,
    hard_example_mean,
    sigmoid_focal_loss,
    softmax_focal_loss,
)

F64 = torch.float64
GAMMAS = [0, 0.5, 1.0, 2.0, 3.7, 5]


def t64(*values):
    return torch.tensor(values, dtype=F64)


def slopes(value, *leaves):
    return torch.autograd.grad(value.sum(), leaves)


def close(a, b, rtol=1e-12, atol=1e-14):
    torch.testing.assert_close(a, torch.as_tensor(b, dtype=a.dtype), rtol=rtol, atol=atol)


def focal(x, y, alpha, gamma):
    """Lin 2017, equation 5, of one logit, and its gradient by appendix B."""
    with mp.workdps(60):
        x = mp.mpf(x) if y else -mp.mpf(x)
        p, q = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        weight = 1 if alpha is None else mp.mpf(alpha) if y else 1 - mp.mpf(alpha)
        log_p = -mp.log1p(mp.exp(-x)) if x > -1e6 else x
        value = -weight * q**gamma * log_p
        slope = weight * q**gamma * (gamma * p * log_p - q)
        return float(value), float(slope if y else -slope)


def assert_focal(x, alpha, gamma, rtol, atol=0.0):
    for y in (0.0, 1.0):
        leaf = x.clone().requires_grad_()
        value = sigmoid_focal_loss(leaf, torch.full_like(x, y), alpha=alpha, gamma=gamma, reduction="none")
        wanted = [focal(v, y, alpha, gamma) for v in x.tolist()]
        close(value, torch.tensor([v for v, _ in wanted], dtype=F64), rtol, atol)
        close(slopes(value, leaf)[0], torch.tensor([s for _, s in wanted], dtype=F64), rtol, atol)


# The sigmoid form


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
def test_sigmoid_focal_is_the_papers(alpha, gamma):
    """Equation 5 and the gradient of appendix B, in both precisions, to logits of ±40."""
    x = torch.cat([torch.linspace(-40, 40, 33, dtype=F64), t64(-0.3, 0.1, 19.9, 20.1, 49.9, 50.1, 63.9, 64.1)])
    assert_focal(x, alpha, gamma, rtol=2e-13, atol=1e-300)
    assert_focal(x.float(), alpha, gamma, rtol=2e-5, atol=1e-37)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_sigmoid_focal_of_extreme_logits(gamma):
    """±1e4 in float32 and ±1e20 in float64: α|x| where wrong, 0 where right, and the gradient's limits."""
    for x in (torch.tensor([-1e4, -200.0, 200.0, 1e4]), t64(-1e20, -1e4, -800, 800, 1e4, 1e20)):
        for y, sign in ((1.0, -1), (0.0, 1)):
            leaf = x.clone().requires_grad_()
            value = sigmoid_focal_loss(leaf, torch.full_like(x, y), alpha=0.25, gamma=gamma, reduction="none")
            weight = 0.25 if y else 0.75
            close(value, weight * (sign * x).clamp(min=0), rtol=1e-6 if x.dtype == torch.float32 else 1e-15, atol=1e-30)
            close(slopes(value, leaf)[0], weight * sign * (sign * x > 0), rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_sigmoid_focal_of_infinite_logits(alpha, gamma):
    """Infinite where the loss is, 0 where it is 0, with finite gradients; NaN stays."""
    x = t64(-math.inf, math.inf, -math.inf, math.inf, math.nan).requires_grad_()
    y = t64(1, 1, 0, 0, 1)
    value = sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma, reduction="none")
    torch.testing.assert_close(value, t64(math.inf, 0, 0, math.inf, math.nan), equal_nan=True)
    a, b = (1.0, 1.0) if alpha is None else (0.25, 0.75)
    torch.testing.assert_close(slopes(value, x)[0], t64(-a, 0, 0, b, math.nan), equal_nan=True)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_second_derivatives_stay_finite(gamma):
    """Once more differentiated at both ends: (1 − p_t)^γ with γ < 2 has infinite slopes where it is 0."""
    x = t64(-1e4, -50, -1, 0, 1, 50, 1e4).requires_grad_()
    for y in (0.0, 1.0):
        value = sigmoid_focal_loss(x, torch.full_like(x, y), alpha=None, gamma=gamma, reduction="sum")
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        close(slope.detach(), slopes(sigmoid_focal_loss(x, torch.full_like(x, y), alpha=None, gamma=gamma) * 7, x)[0])
        (bend,) = torch.autograd.grad(slope.sum(), x)
        assert bend.isfinite().all()
        close(bend[[0, -1]], t64(0, 0))
    target = t64(0, 1, 0, 1, 0, 1, 1)
    y = t64(-3, -2, -1, 0.1, 1, 2, 3).requires_grad_()
    assert gradgradcheck(lambda z: sigmoid_focal_loss(z, target, alpha=0.3, gamma=gamma, reduction="none"), y)


def test_defaults_are_the_papers():
    """α = 0.25 and γ = 2, and the mean over elements."""
    x, y = 3 * normal(generator(), 20), bits(generator(1), 20)
    got = sigmoid_focal_loss(x, y)
    close(got, sigmoid_focal_loss(x, y, alpha=0.25, gamma=2.0, reduction="sum") / 20)
    close(got, sum(focal(a, b, 0.25, 2)[0] for a, b in zip(x.tolist(), y.tolist(), strict=True)) / 20)


def test_balanced_is_focal_at_gamma_0():
    """And both are the weighted cross entropy, with torch's pos_weight form at its side."""
    x, y = 3 * normal(generator(), 30), bits(generator(1), 30)
    for alpha in (0.0, 0.25, 0.5, 0.9):
        got = balanced_binary_cross_entropy_with_logits(x, y, alpha=alpha, reduction="none")
        assert torch.equal(got, sigmoid_focal_loss(x, y, alpha=alpha, gamma=0, reduction="none"))
        weight = y * alpha + (1 - y) * (1 - alpha)
        close(got, F.binary_cross_entropy_with_logits(x, y, weight=weight, reduction="none"), rtol=1e-10)
        odds = t64(alpha / (1 - alpha))
        torch_form = (1 - alpha) * F.binary_cross_entropy_with_logits(x, y, pos_weight=odds)
        close(balanced_binary_cross_entropy_with_logits(x, y, alpha=alpha), torch_form, rtol=1e-10)
    leaf = x.requires_grad_()
    slope = slopes(balanced_binary_cross_entropy_with_logits(leaf, y, alpha=0.3), leaf)[0]
    close(slope, (0.3 * y + 0.7 * (1 - y)) * (x.sigmoid() - y) / 30)
    plain = sigmoid_focal_loss(x, y, alpha=None, gamma=0)
    close(plain, F.binary_cross_entropy_with_logits(x, y), rtol=1e-10)
    close(slopes(plain, leaf)[0], (x.sigmoid() - y) / 30)


def test_easy_negatives_keep_their_digits():
    """10⁵ of them are what the loss is about; torch's kernel gets 0 for a logit of −20 in float32."""
    x, zero = torch.tensor([-20.0]), torch.zeros(1)
    assert balanced_binary_cross_entropy_with_logits(x, zero, alpha=0.0).item() == pytest.approx(
        math.log1p(math.exp(-20)), rel=1e-6
    )
    assert sigmoid_focal_loss(x, zero, alpha=None).item() == pytest.approx(math.exp(-60), rel=1e-5)


# The normalizer


def test_normalizer():
    """The paper's number of positives; a number or a tensor, of any kind of number; 0 counts as 1."""
    x, y = normal(generator(), 6), t64(1, 0, 0, 1, 1, 0)
    total = sigmoid_focal_loss(x, y, reduction="sum")
    for normalizer in (3, 3.0, y.sum(), y.sum().long(), y.sum().float()):
        close(sigmoid_focal_loss(x, y, normalizer=normalizer), total / 3)
    close(sigmoid_focal_loss(x, y, normalizer=0.5), total / 0.5)
    for zero in (0, 0.0, t64(0)[0], torch.tensor(0)):
        leaf = x.clone().requires_grad_()
        value = sigmoid_focal_loss(leaf, y, normalizer=zero)
        close(value, total)
        assert slopes(value, leaf)[0].all()


def test_normalizer_is_checked():
    """It divides the mean and nothing else, and is one number."""
    x, y = normal(generator(), 3), t64(1, 0, 0)
    for reduction in ("none", "sum"):
        with pytest.raises(ValueError, match=f'^normalizer divides the mean: expected reduction="mean", .*{reduction}'):
            sigmoid_focal_loss(x, y, normalizer=3, reduction=reduction)
    for value in (-1, -1e-9, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"^normalizer must be a number of at least 0 and finite, got {value}$"):
            sigmoid_focal_loss(x, y, normalizer=value)
        if value != -1:
            with pytest.raises(ValueError, match=f"^normalizer must be of at least 0 and finite, got {value:g}$"):
                sigmoid_focal_loss(x, y, normalizer=t64(value)[0])
    with pytest.raises(
        ValueError, match=r"normalizer must be a number or a tensor of shape \(\), got the shape \(3,\)"
    ):
        sigmoid_focal_loss(x, y, normalizer=y)
    with pytest.raises(TypeError, match=r"^normalizer must be a number of at least 0 and finite, got str"):
        sigmoid_focal_loss(x, y, normalizer="3")
    with pytest.raises(TypeError, match=r"^normalizer must be a floating-point tensor, got torch.bool"):
        sigmoid_focal_loss(x, y, normalizer=torch.tensor(True))


# The softmax form


def softmax_focal(x, y, alpha, gamma):
    with mp.workdps(50):
        e = [mp.exp(mp.mpf(v)) for v in x]
        p = e[y] / mp.fsum(e)
        return float(-alpha * (mp.fsum(v for i, v in enumerate(e) if i != y) / mp.fsum(e)) ** gamma * mp.log(p))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("weighted", [False, True])
def test_softmax_focal_is_the_papers(gamma, weighted):
    """Brute force over samples and pixels, with ignored targets, weights and every reduction."""
    x, y = 2 * normal(generator(), 4, 3, 2), indices(generator(1), 3, 4, 2)
    y[0, 1] = y[2, 0] = -100
    alpha = t64(0.2, 0.5, 2.0) if weighted else None
    wanted = torch.zeros(4, 2, dtype=F64)
    for n in range(4):
        for i in range(2):
            if y[n, i] >= 0:
                weight = alpha[y[n, i]].item() if weighted else 1
                wanted[n, i] = softmax_focal(x[n, :, i].tolist(), int(y[n, i]), weight, gamma)
    options = dict(alpha=alpha, gamma=gamma)
    close(softmax_focal_loss(x, y, **options, reduction="none"), wanted)
    close(softmax_focal_loss(x, y, **options, reduction="sum"), wanted.sum())
    close(softmax_focal_loss(x, y, **options), wanted.sum() / 6)
    if gamma == 2:
        close(softmax_focal_loss(x, y, alpha=alpha), wanted.sum() / 6)


def test_softmax_focal_with_two_classes_is_sigmoid_focal():
    """Logits (0, x) and weights (1 − α, α)."""
    x, y = 3 * normal(generator(), 20), bits(generator(1), 20)
    x.requires_grad_()
    for gamma in GAMMAS:
        two = softmax_focal_loss(
            torch.stack([torch.zeros_like(x), x], 1), y.long(), alpha=t64(0.7, 0.3), gamma=gamma, reduction="none"
        )
        one = sigmoid_focal_loss(x, y, alpha=0.3, gamma=gamma, reduction="none")
        close(two, one, rtol=1e-9)
        close(slopes(two, x)[0], slopes(one, x)[0], rtol=1e-8, atol=1e-12)


def test_softmax_focal_at_gamma_0_is_cross_entropy():
    """With an ignored class; unweighted, the means agree as well."""
    x, y = normal(generator(), 6, 4), indices(generator(1), 4, 6)
    close(softmax_focal_loss(x, y, gamma=0, ignore_index=2), F.cross_entropy(x, y, ignore_index=2))
    weight = t64(1, 2, 3, 4)
    got = softmax_focal_loss(x, y, gamma=0, alpha=weight, reduction="none")
    close(got, F.cross_entropy(x, y, weight=weight, reduction="none"))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_softmax_focal_of_extreme_logits(gamma):
    """Perfect (gradient 0, even for γ < 1), hopeless and impossible targets."""
    for dtype, size in ((torch.float32, 1e4), (F64, 1e20)):
        x = torch.tensor([[size, -size], [-size, size], [0.0, -math.inf], [-math.inf, 0.0]], dtype=dtype)
        x.requires_grad_()
        value = softmax_focal_loss(x, torch.zeros(4, dtype=torch.int64), gamma=gamma, reduction="none")
        close(value, torch.tensor([0, 2 * size, 0, math.inf], dtype=dtype), rtol=1e-7)
        close(slopes(value, x)[0], torch.tensor([[0.0, 0], [-1, 1], [0, 0], [-1, 1]], dtype=dtype), rtol=1e-6)
    nan = softmax_focal_loss(t64([math.nan, 0]), torch.tensor([0]), gamma=gamma)
    assert nan.isnan()


def test_softmax_focal_of_nothing():
    """All ignored: the mean is 0 with gradient 0, not 0/0."""
    x = normal(generator(), 3, 4).requires_grad_()
    for alpha in (None, t64(1, 2, 3, 4)):
        value = softmax_focal_loss(x, torch.full((3,), -100), alpha=alpha)
        assert value.item() == 0 and slopes(value, x)[0].eq(0).all()


def test_softmax_focal_is_checked():
    """Each message names what is wrong; a scalar alpha scales all classes alike (ERRATA C25)."""
    x, y = normal(generator(), 3, 4), torch.tensor([0, 3, 1])
    with pytest.raises(TypeError, match=r"^alpha must be a torch.Tensor, got float"):
        softmax_focal_loss(x, y, alpha=0.25)
    for alpha in (torch.ones(3, dtype=F64), torch.ones(4, 1, dtype=F64), torch.ones((), dtype=F64)):
        with pytest.raises(ValueError, match=r"^alpha must have the shape \(C,\) = \(4,\), got \("):
            softmax_focal_loss(x, y, alpha=alpha)
    with pytest.raises(TypeError, match=r"^input and alpha must have the same dtype"):
        softmax_focal_loss(x, y, alpha=torch.ones(4))
    for value in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"^alpha must hold weights of at least 0 and finite, got {value:g}$"):
            softmax_focal_loss(x, y, alpha=t64(1, 0, value, 1))
    for wrong in (4, -1, -99):
        with pytest.raises(ValueError, match=f"^target must .* from 0 to 3, or ignore_index = -100, got {wrong}$"):
            softmax_focal_loss(x, torch.tensor([0, wrong, -100]))
    with pytest.raises(ValueError, match=r"^target must have the shape \(N, d…\) = \(3,\), got \(3, 1\)$"):
        softmax_focal_loss(x, y[:, None])
    with pytest.raises(ValueError, match=r"^target must have the shape \(N, d…\) = \(3, 5\), got \(3,\)$"):
        softmax_focal_loss(x[..., None].expand(3, 4, 5), y)
    with pytest.raises(ValueError, match=r"^input must have the shape \(N, C, d…\), got \(4,\)$"):
        softmax_focal_loss(x[0], y)
    with pytest.raises(TypeError, match=r"^ignore_index must be a whole number such as -100, got float"):
        softmax_focal_loss(x, y, ignore_index=1.0)


# Options of both


@pytest.mark.parametrize("loss", [sigmoid_focal_loss, balanced_binary_cross_entropy_with_logits])
def test_alpha_is_checked(loss):
    """A weight outside [0, 1] makes the other class's negative."""
    x, y = normal(generator(), 3), t64(1, 0, 1)
    for value in (-0.01, 1.01, math.nan):
        with pytest.raises(ValueError, match=f"^alpha must be a number from 0 to 1, got {value}$"):
            loss(x, y, alpha=value)
    with pytest.raises(TypeError, match=r"^alpha must be a number from 0 to 1, got a tensor$"):
        loss(x, y, alpha=t64(0.5)[0])
    assert loss(x, y, alpha=0).isfinite() and loss(x, y, alpha=1).isfinite()


def test_gamma_is_checked():
    """A negative γ would weigh the easy ones up."""
    x, y = normal(generator(), 3, 2), torch.tensor([1, 0, 1])
    for loss, target in ((sigmoid_focal_loss, torch.ones_like(x)), (softmax_focal_loss, y)):
        for value in (-0.01, math.inf, math.nan):
            with pytest.raises(ValueError, match=f"^gamma must be a number of at least 0 and finite, got {value}$"):
                loss(x, target, gamma=value)
        with pytest.raises(TypeError, match=r"^gamma must be a number of at least 0 and finite, got NoneType$"):
            loss(x, target, gamma=None)


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, math.nan])
def test_targets_are_0_or_1(value):
    """A label of −1, or one smoothed, has no weight defined. Under vmap values can't be read."""
    x, y = normal(generator(), 2), t64(1, value)
    with pytest.raises(ValueError, match=f"^target must hold 0 and 1, got {value:g}$"):
        sigmoid_focal_loss(x, y)
    with pytest.raises(ValueError, match=f"^target must hold 0 and 1, got {value:g}$"):
        balanced_binary_cross_entropy_with_logits(x, y, alpha=0.5)
    assert vmap(sigmoid_focal_loss)(x[None], y[None]).shape == (1,)


def test_no_gradient_flows_to_the_target():
    """It is a label; a graph through it would be an error of the caller's that goes unnoticed in other losses too."""
    x, y = normal(generator(), 2).requires_grad_(), t64(1, 0).requires_grad_()
    assert torch.autograd.grad(sigmoid_focal_loss(x, y), y, allow_unused=True) == (None,)


def test_jacobians():
    """jacrev maps over the gradients that come in, and only over those."""
    x, y = normal(generator(), 4), t64(1, 0, 1, 0)
    for gamma in (0, 2.0):
        for alpha in (None, 0.3):

            def loss(z, alpha=alpha, gamma=gamma):
                return sigmoid_focal_loss(z, y, alpha=alpha, gamma=gamma, reduction="none")

            close(jacrev(loss)(x), torch.autograd.functional.jacobian(loss, x))
            both = torch.stack([x, 2 * x])
            close(vmap(loss)(both), torch.stack([loss(z) for z in both]))


# The hardest examples


def test_hard_example_mean_by_sorting():
    """Shrivastava 2016: sort, keep, average; the gradient is 1/k for those kept."""
    losses = torch.rand(4, 5, generator=generator(), dtype=F64).requires_grad_()
    ranked = sorted(losses.flatten().tolist(), reverse=True)
    for keep in (1, 7, 19, 20, 21, 1000):
        k = min(keep, 20)
        value = hard_example_mean(losses, keep=keep)
        close(value, sum(ranked[:k]) / k)
        close(slopes(value, losses)[0], (losses >= ranked[k - 1]).double() / k)


def test_hard_example_mean_leaves_out_the_ignored():
    """Even the largest; if fewer than keep are left it is the mean of those, and 0 if none is."""
    losses = t64(9, 1, 5, 3, 7).requires_grad_()
    ignore = torch.tensor([True, False, False, False, True])
    for keep, wanted, slope in (
        (1, 5.0, [0, 0, 1, 0, 0]),
        (2, 4.0, [0, 0, 1 / 2, 1 / 2, 0]),
        (3, 3.0, [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        (4, 3.0, [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        (99, 3.0, [0, 1 / 3, 1 / 3, 1 / 3, 0]),
    ):
        value = hard_example_mean(losses, keep=keep, ignore=ignore)
        close(value, wanted)
        close(slopes(value, losses)[0], t64(*slope))
    value = hard_example_mean(losses, keep=2, ignore=torch.ones(5, dtype=torch.bool))
    assert value.item() == 0 and slopes(value, losses)[0].eq(0).all()
    close(hard_example_mean(losses, keep=2, ignore=torch.zeros(5, dtype=torch.bool)), 8.0)


def test_hard_example_mean_of_ties_and_of_strange_losses():
    """Exactly keep of equal ones; negative losses are losses; infinity and NaN come out unless ignored."""
    losses = torch.ones(6, dtype=F64, requires_grad=True)
    slope = slopes(hard_example_mean(losses, keep=4), losses)[0]
    assert sorted(slope.tolist()) == [0, 0, 0.25, 0.25, 0.25, 0.25]
    close(hard_example_mean(t64(-3, -1, -2), keep=2, ignore=torch.tensor([False, True, False])), -2.5)
    assert hard_example_mean(t64(1, math.inf, 2), keep=2).item() == math.inf
    assert hard_example_mean(t64(1, math.nan, 2), keep=1).isnan()
    strange = t64(math.nan, math.inf, 2, 1).requires_grad_()
    value = hard_example_mean(strange, keep=1, ignore=torch.tensor([True, True, False, False]))
    close(value, 2.0)
    close(slopes(value, strange)[0], t64(0, 0, 1, 0))


def test_hard_example_mean_is_checked():
    """keep is a count, not a share; nothing to average is an error."""
    losses = t64(1, 2, 3)
    for keep in (0, -1):
        with pytest.raises(ValueError, match=f"^keep must be a whole number of at least 1, got {keep}$"):
            hard_example_mean(losses, keep=keep)
    for keep in (0.25, 2.0, None, True):
        with pytest.raises(TypeError, match=f"^keep must be a whole number of at least 1, got {type(keep).__name__}$"):
            hard_example_mean(losses, keep=keep)
    with pytest.raises(ValueError, match=r"^the mean over an empty batch is undefined, got losses of shape \(0,\)"):
        hard_example_mean(losses[:0], keep=1)
    with pytest.raises(TypeError, match=r"^ignore must be a torch.Tensor of torch.bool, got torch.int64$"):
        hard_example_mean(losses, keep=1, ignore=torch.tensor([0, 1, 0]))
    with pytest.raises(TypeError, match=r"^ignore must be a torch.Tensor of torch.bool, got list$"):
        hard_example_mean(losses, keep=1, ignore=[False, True, False])
    with pytest.raises(ValueError, match=r"^losses and ignore must have equal shapes"):
        hard_example_mean(losses, keep=1, ignore=torch.tensor([[True, False, True]]))
    with pytest.raises(ValueError, match=r"^losses and ignore must be on the same device"):
        hard_example_mean(losses, keep=1, ignore=torch.tensor([True, False, True]).to("meta"))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [1e-9, 1e-3, 0.01, 0.49, 0.5, 0.51, 0.99, 0.999])
def test_a_small_weight_keeps_its_digits(alpha, gamma):
    """1 − (1 − α) in float32 is 0 for α = 1e-9, and off by 2e-4 for α = 1e-4."""
    x = torch.tensor([-30.0, -3, 0, 2, 30])
    assert_focal(x, alpha, gamma, rtol=2e-5 if gamma else 5e-7)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_a_weight_of_0_makes_0_of_infinity(gamma):
    """As nll_loss has it; the other class stays infinite, NaN stays NaN, and no gradient is NaN."""
    x = t64(-math.inf, math.inf, math.nan).requires_grad_()
    for alpha in (0, 1):
        value = sigmoid_focal_loss(x, t64(1, 0, 0), alpha=alpha, gamma=gamma, reduction="none")
        wanted = t64(0, math.inf, math.nan) if alpha == 0 else t64(math.inf, 0, math.nan)
        torch.testing.assert_close(value, wanted, equal_nan=True)
        torch.testing.assert_close(slopes(value, x)[0], t64(-alpha, 1 - alpha, math.nan), equal_nan=True)
    x = t64([-math.inf, 0], [0, -math.inf], [math.nan, 0]).requires_grad_()
    value = softmax_focal_loss(x, torch.tensor([0, 1, 0]), alpha=t64(0, 2), gamma=gamma, reduction="none")
    torch.testing.assert_close(value, t64(0, math.inf, math.nan), equal_nan=True)
    close(slopes(value, x)[0][:2], t64([0, 0], [2, -2]))


def test_the_balanced_mean_at_the_share_of_the_negatives():
    """The weights average 2π(1 − π), so a loss of log 2 everywhere comes out as that times log 2."""
    y = (torch.arange(100) < 10).double()
    value = balanced_binary_cross_entropy_with_logits(torch.zeros_like(y), y, alpha=0.9)
    close(value, 2 * 0.1 * 0.9 * math.log(2))


def test_an_ignored_target_need_be_no_class():
    """Neither the kernel nor the weights look it up, also where class 0 is the only one."""
    x, target = torch.zeros(2, 1, dtype=torch.float64), torch.tensor([0, -1])
    assert softmax_focal_loss(x, target, ignore_index=-1, alpha=torch.ones(1, dtype=torch.float64)).item() == 0


def test_a_recorded_gradient_has_its_digits_too():
    """Where a second derivative is to follow, the loss is computed again, as well as the first time."""
    x = torch.tensor([-45.0, -25.0, -1.0, 25.0, 45.0], dtype=torch.float64, requires_grad=True)
    loss = sigmoid_focal_loss(x, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64), reduction="sum")
    (recorded,) = torch.autograd.grad(loss, x, create_graph=True)
    torch.testing.assert_close(recorded.detach(), torch.autograd.grad(loss, x)[0], rtol=1e-13, atol=0)
