"""L-softmax: against the angle itself in mpmath, at the ends of the angle, and for vectors that have none."""

import math
from functools import partial

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from margin_cases import F64, assert_near, chosen, drawn, value_and_slope
from torch.autograd import gradcheck, gradgradcheck

import lossutils as lu


def psi(theta, m):
    """Liu et al. (2016), equation 6."""
    k = min(int(mp.floor(theta * m / mp.pi)), m - 1)
    return (-1) ** k * mp.cos(m * theta) - 2 * k


def large_margin(x, w, y, m):
    """The loss of one sample by the angle itself."""
    norm = [mp.sqrt(sum(mp.mpf(a) ** 2 for a in row)) for row in w]
    size = mp.sqrt(sum(mp.mpf(a) ** 2 for a in x))
    logits = [sum(mp.mpf(a) * mp.mpf(b) for a, b in zip(x, row, strict=True)) for row in w]
    theta = mp.acos(max(mp.mpf(-1), min(mp.mpf(1), logits[y] / (norm[y] * size))))
    logits[y] = norm[y] * size * psi(theta, m)
    most = max(logits)
    return most + mp.log(sum(mp.exp(v - most) for v in logits)) - logits[y]


@pytest.mark.parametrize("margin", [1, 2, 3, 4, 7])
def test_large_margin_softmax_is_the_papers(margin):
    """Brute force with acos in mpmath, on every side of every joint of ψ."""
    x, w, y = drawn(24, 3, scale=2), drawn(5, 3, seed=1), chosen(5, 24)
    values = lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="none")
    with mp.workdps(30):
        wanted = [large_margin(a, w.tolist(), b, margin) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert_near(values, wanted, 1e-11)
    value = lu.large_margin_softmax_loss(x.float(), w.float(), y, margin=margin)
    torch.testing.assert_close(value.double(), values.mean(), rtol=2e-6 * margin**2, atol=0)


def test_large_margin_softmax_of_margin_1_is_cross_entropy():
    """The plain logits, exactly; and the default margin is 2."""
    x, w, y = drawn(200, 3), drawn(5, 3, seed=1), chosen(5, 200)
    for reduction in ("none", "mean", "sum"):
        ours = lu.large_margin_softmax_loss(x, w, y, margin=1, reduction=reduction)
        assert torch.equal(ours, lu.cross_entropy(x @ w.T, y, reduction=reduction))
    assert lu.large_margin_softmax_loss(x, w, y) == lu.large_margin_softmax_loss(x, w, y, margin=2)
    assert lu.large_margin_softmax_loss(x, w, y) != lu.large_margin_softmax_loss(x, w, y, margin=3)


def psi_at(theta, margin):
    """ψ as the loss has it: with one other class, at a right angle to it all, the loss is log(1 + e^(−ψ))."""
    theta = torch.as_tensor(theta, dtype=F64)
    x = torch.stack([theta.cos(), theta.sin(), torch.zeros_like(theta)], 1)
    w = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=F64)
    target = torch.zeros(len(theta), dtype=torch.int64)
    return -lu.large_margin_softmax_loss(x, w, target, margin=margin, reduction="none").expm1().log()


@pytest.mark.parametrize("margin", [2, 3, 4, 6])
def test_psi_is_continuous_and_falls(margin):
    """From 1 at 0 over 1 − 2k at each joint kπ/m to 1 − 2m at π, never steeper than m, never above cos θ."""
    theta = torch.linspace(0, math.pi, 1201, dtype=F64)  # the joints are on the grid
    values = psi_at(theta, margin)
    assert values[0].item() == pytest.approx(1, abs=1e-12)
    assert values[-1].item() == pytest.approx(1 - 2 * margin, abs=1e-9)
    assert (values.diff() < 1e-9).all() and values.diff().abs().max() < 1.01 * margin * math.pi / 1200
    assert (values <= theta.cos() + 1e-12).all()
    for k in range(margin + 1):
        assert psi_at([k * math.pi / margin], margin).item() == pytest.approx(1 - 2 * k, abs=1e-9)
    for inside in (0.3, 1.1, 2.9):
        assert psi_at([inside], margin).item() == pytest.approx(float(psi(mp.mpf(inside), margin)), abs=1e-11)


@pytest.mark.parametrize("margin", [2, 3, 5])
def test_large_margin_softmax_gradients(margin):
    """To the features and to the weights, once and twice, away from the joints."""
    x, w = drawn(6, 3).requires_grad_(), drawn(4, 3, seed=1).requires_grad_()
    y = chosen(4, 6)
    loss = partial(lu.large_margin_softmax_loss, target=y, margin=margin, reduction="none")
    assert gradcheck(loss, (x, w)) and gradgradcheck(loss, (x, w))


@pytest.mark.parametrize("margin", [2, 3, 4])
@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_large_margin_softmax_along_its_weight(margin, dtype):
    """θ = 0 and π, where acos has an infinite slope: the logits are ±‖x‖‖w‖ and (1 − 2m)‖x‖‖w‖, the gradient finite."""
    w = torch.tensor([[3.0, 4.0], [4.0, -3.0]], dtype=dtype, requires_grad=True)
    x = torch.tensor([[0.6, 0.8], [-0.6, -0.8], [0.06, 0.08], [-0.06, -0.08]], dtype=dtype, requires_grad=True)
    y = torch.zeros(4, dtype=torch.int64)
    values = lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="none")
    logit = torch.tensor([5.0, 5 * (1 - 2 * margin), 0.5, 0.5 * (1 - 2 * margin)], dtype=dtype)
    torch.testing.assert_close(values, F.softplus(-logit), rtol=1e-5, atol=1e-6)
    slopes = torch.autograd.grad(values.sum(), (x, w))
    assert all(s.isfinite().all() for s in slopes)
    # ψ is flat at θ = 0, so there the right class pulls as in plain softmax.
    p = torch.sigmoid(-logit[0])
    wanted = p * (w[1] - w[0])
    torch.testing.assert_close(slopes[0][0], wanted.detach(), rtol=1e-4, atol=1e-6)


def test_large_margin_softmax_of_cosines_that_rounding_leaves_above_1():
    """A cosine of 1 + 1e-7 has cos 50θ = 1 + 2e-4, and the right class would gain from its margin, or lose too much."""
    w = torch.cat([drawn(1, 3).float(), torch.zeros(1, 3)])
    scale = torch.linspace(0.1, 10, 400).unsqueeze(1)
    y = torch.zeros(400, dtype=torch.int64)
    length = (scale.double() * w[:1].double().norm()).flatten() * w[0].double().norm()
    values = lu.large_margin_softmax_loss(scale * w[:1], w, y, margin=50, reduction="none").double()
    assert (values >= F.softplus(-length) * (1 - 1e-5) - 1e-6).all()
    values = lu.large_margin_softmax_loss(-scale * w[:1], w, y, margin=50, reduction="none").double()
    assert (values <= F.softplus(99 * length) * (1 + 8e-7)).all()


def test_large_margin_softmax_of_zero_vectors():
    """No angle: the logit is 0, the loss log C where all are, and the right class gives no gradient, once or twice."""
    w = drawn(4, 3).requires_grad_()
    x = torch.zeros(2, 3, dtype=F64, requires_grad=True)
    y = torch.tensor([0, 2])
    for margin in (2, 3):
        values = lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="none")
        torch.testing.assert_close(values.detach(), torch.full((2,), math.log(4), dtype=F64))
        slope_x, slope_w = torch.autograd.grad(values.sum(), (x, w), create_graph=True)
        others = torch.stack([w.sum(0) - w[k] for k in y.tolist()]) / 4
        torch.testing.assert_close(slope_x, others)
        assert not slope_w.any()
        second = torch.autograd.grad(slope_x.sum() + slope_w.sum(), (x, w))
        assert all(s.isfinite().all() for s in second)
    w = torch.cat([torch.zeros(1, 3, dtype=F64), drawn(3, 3)]).requires_grad_()
    x = drawn(1, 3, seed=1).requires_grad_()
    values = lu.large_margin_softmax_loss(x, w, y[:1], margin=3, reduction="none")
    torch.testing.assert_close(values, F.cross_entropy(x @ w.T, y[:1], reduction="none"))
    slopes = torch.autograd.grad(values.sum(), (x, w))
    assert not slopes[1][0].any() and all(s.isfinite().all() for s in slopes)


def test_large_margin_softmax_extremes():
    """Logits of ±1e4 in float32 and ±1e20 in float64: the loss is the gap to the largest one."""
    for dtype, size in ((torch.float32, 1e4), (F64, 1e20)):
        w = torch.eye(2, dtype=dtype)
        x = torch.tensor([[size, 0.0], [0.0, size], [-size, 0.0]], dtype=dtype)
        y = torch.zeros(3, dtype=torch.int64)
        values, slope = value_and_slope(partial(lu.large_margin_softmax_loss, weight=w, target=y), x)
        # ψ is 1 at 0, −1 at 90° and −3 at 180°.
        torch.testing.assert_close(values, torch.tensor([0.0, 2 * size, 3 * size], dtype=dtype))
        assert slope.isfinite().all()
    nan = lu.large_margin_softmax_loss(
        torch.tensor([[math.nan, 0.0], [1.0, 0.0]]), torch.eye(2), torch.tensor([0, 0]), reduction="none"
    )
    assert nan.isnan().tolist() == [True, False]


def test_large_margin_softmax_under_autocast():
    """autocast would compute the logits in half precision, with 3 digits."""
    x, w, y = drawn(8, 3).float(), drawn(5, 3, seed=1).float(), chosen(5, 8)
    wanted = lu.large_margin_softmax_loss(x, w, y, margin=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = lu.large_margin_softmax_loss(x, w, y, margin=3)
    assert torch.equal(got, wanted)


def test_large_margin_softmax_of_an_empty_batch():
    """The mean over nothing is an error, the sum 0, also to the weights."""
    x, w, y = torch.zeros(0, 3, requires_grad=True), torch.ones(4, 3, requires_grad=True), chosen(4, 0)
    with pytest.raises(ValueError, match=r"mean over an empty batch is undefined, got features of shape \(0, 3\)"):
        lu.large_margin_softmax_loss(x, w, y)
    for margin in (1, 2):
        value = lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="sum")
        slopes = torch.autograd.grad(value, (x, w))
        assert value.item() == 0 and slopes[0].shape == (0, 3) and not slopes[1].any()
    assert lu.large_margin_softmax_loss(x, w, y, reduction="none").shape == (0,)
