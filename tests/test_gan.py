"""The GAN losses: values, slopes and extremes against mpmath, and what the papers prove of them."""

import math
from functools import partial
from typing import NamedTuple

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from calls.gan import DIVERGENCES

import lossutils as lu

F64 = torch.float64
mp.mp.dps = 40


def softplus(x):
    return mp.log1p(mp.exp(x))


def zero(x):
    return mp.mpf(0)


# Of each divergence, the paper's output activation and conjugate, and the f that they belong to.
ACTIVATION = {
    "kl": lambda v: v,
    "reverse_kl": lambda v: -mp.exp(-v),
    "pearson": lambda v: v,
    "squared_hellinger": lambda v: 1 - mp.exp(-v),
    "jensen_shannon": lambda v: mp.log(2) - mp.log(1 + mp.exp(-v)),
    "gan": lambda v: -mp.log(1 + mp.exp(-v)),
    "total_variation": lambda v: mp.tanh(v) / 2,
}
CONJUGATE = {
    "kl": lambda t: mp.exp(t - 1),
    "reverse_kl": lambda t: -1 - mp.log(-t),
    "pearson": lambda t: t**2 / 4 + t,
    "squared_hellinger": lambda t: t / (1 - t),
    "jensen_shannon": lambda t: -mp.log(2 - mp.exp(t)),
    "gan": lambda t: -mp.log(1 - mp.exp(t)),
    "total_variation": lambda t: t,
}
GENERATOR = {
    "kl": lambda u: u * mp.log(u),
    "reverse_kl": lambda u: -mp.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "squared_hellinger": lambda u: (mp.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: u * mp.log(u) - (u + 1) * mp.log((1 + u) / 2),
    "gan": lambda u: u * mp.log(u) - (u + 1) * mp.log(u + 1),
    "total_variation": lambda u: abs(u - 1) / 2,
}


class Case(NamedTuple):
    """A loss that is a function of each output: of those on real samples plus of those on fakes."""

    loss: object
    of_real: object  # in mpmath; None if the loss takes only fakes
    of_fake: object
    atol: float = 0.0  # of terms that are differences of O(1) numbers


CASES = {
    "minimax discriminator": Case(lu.minimax_discriminator_loss, lambda r: softplus(-r), softplus),
    "minimax generator": Case(lu.minimax_generator_loss, None, lambda f: -softplus(f)),
    "non-saturating": Case(lu.nonsaturating_generator_loss, None, lambda f: softplus(-f)),
    "WGAN critic": Case(lu.wgan_critic_loss, lambda r: -r, lambda f: f),
    "WGAN generator": Case(lu.wgan_generator_loss, None, lambda f: -f),
    "LSGAN discriminator": Case(lu.lsgan_discriminator_loss, lambda r: (r - 1) ** 2 / 2, lambda f: f**2 / 2),
    "LSGAN discriminator, labels": Case(
        partial(lu.lsgan_discriminator_loss, a=-3.0, b=0.5), lambda r: (r - 0.5) ** 2 / 2, lambda f: (f + 3) ** 2 / 2
    ),
    "LSGAN generator": Case(lu.lsgan_generator_loss, None, lambda f: (f - 1) ** 2 / 2),
    "LSGAN generator, label": Case(partial(lu.lsgan_generator_loss, c=-2), None, lambda f: (f + 2) ** 2 / 2),
    "loss-sensitive generator": Case(lu.loss_sensitive_generator_loss, None, lambda f: f),
    "hinge discriminator": Case(
        lu.gan_hinge_discriminator_loss, lambda r: max(mp.mpf(0), 1 - r), lambda f: max(mp.mpf(0), 1 + f)
    ),
    "hinge generator": Case(lu.gan_hinge_generator_loss, None, lambda f: -f),
    **{
        f"f-GAN discriminator, {name}": Case(
            partial(lu.f_gan_discriminator_loss, divergence=name),
            lambda r, name=name: -ACTIVATION[name](r),
            lambda f, name=name: CONJUGATE[name](ACTIVATION[name](f)),
            atol=4e-16,
        )
        for name in DIVERGENCES
    },
    **{
        f"f-GAN generator, {name}": Case(
            partial(lu.f_gan_generator_loss, divergence=name),
            None,
            lambda f, name=name: -CONJUGATE[name](ACTIVATION[name](f)),
            atol=4e-16,
        )
        for name in DIVERGENCES
    },
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def call(case, real, fake, **options):
    return case.loss(fake, **options) if case.of_real is None else case.loss(real, fake, **options)


def assert_near(got, wanted, rtol, atol=0.0):
    """Hold a tensor against mpmath numbers; where those overflow the dtype, only infinity will do."""
    largest, least = torch.finfo(got.dtype).max, torch.finfo(got.dtype).tiny
    for g, w in zip(got.tolist(), wanted, strict=True):
        if abs(w) > largest:
            assert math.isinf(g) and (g > 0) == (w > 0)
        else:
            assert abs(g - w) <= rtol * abs(w) + atol + least, f"got {g}, wanted {mp.nstr(w, 17)}"


def check(case, points, dtype, rtol):
    """Both sides at once, each against its own formula, and the slopes against mpmath's derivative."""
    real = torch.tensor(points, dtype=dtype, requires_grad=True)
    fake = torch.tensor(points[::-1], dtype=dtype, requires_grad=True)
    values = call(case, real, fake, reduction="none")
    of_real = case.of_real or zero
    exact = [(mp.mpf(r), mp.mpf(f)) for r, f in zip(real.tolist(), fake.tolist(), strict=True)]
    atol = case.atol * torch.finfo(dtype).eps / torch.finfo(F64).eps
    # The two sides may cancel, so the tolerance is of the larger one.
    sizes = [max(abs(of_real(r)), abs(case.of_fake(f))) for r, f in exact]
    for value, (r, f), size in zip(values.tolist(), exact, sizes, strict=True):
        wanted = of_real(r) + case.of_fake(f)
        if size > torch.finfo(dtype).max:
            assert math.isinf(value) and (value > 0) == (wanted > 0)
        else:
            assert abs(value - wanted) <= rtol * size + atol + torch.finfo(dtype).tiny, (value, r, f)
    for leaf, formula in ((real, case.of_real), (fake, case.of_fake)):
        if formula is not None:
            (slopes,) = torch.autograd.grad(values.sum(), leaf, retain_graph=True)
            assert_near(slopes, [mp.diff(formula, mp.mpf(x)) for x in leaf.tolist()], 4 * rtol, atol)


@every_case
def test_value_and_slope_are_the_papers(case):
    """A wrong sign, a lost ½, real and fake exchanged; from tail to tail, where softplus must keep its digits."""
    check(case, [-35.0, -20.5, -8.0, -3.0, -0.7, -1e-3, 0.0, 0.2, 1.7, 5.0, 19.0, 21.0, 33.0], F64, rtol=4e-15)


@every_case
def test_float32(case):
    """A branch that has its digits only in float64."""
    check(case, [-21.0, -8.0, -3.0, -0.7, 0.0, 0.2, 1.7, 5.0, 15.0], torch.float32, rtol=2e-6)


# The true value at ±S of each side alone: real +S, real −S, fake +S, fake −S.
LOG2, INF = math.log(2), math.inf
FAR_OUT = {
    "minimax discriminator": lambda s: (0, s, s, 0),
    "minimax generator": lambda s: (-s, 0),
    "non-saturating": lambda s: (0, s),
    "WGAN critic": lambda s: (-s, s, s, -s),
    "WGAN generator": lambda s: (-s, s),
    "LSGAN discriminator": lambda s: ((s - 1) ** 2 / 2, (s + 1) ** 2 / 2, s**2 / 2, s**2 / 2),
    "LSGAN generator": lambda s: ((s - 1) ** 2 / 2, (s + 1) ** 2 / 2),
    "loss-sensitive generator": lambda s: (s, -s),
    "hinge discriminator": lambda s: (0, s + 1, s + 1, 0),
    "hinge generator": lambda s: (-s, s),
    "f-GAN discriminator, kl": lambda s: (-s, s, INF, 0),
    "f-GAN discriminator, reverse_kl": lambda s: (0, INF, s - 1, -s - 1),
    "f-GAN discriminator, pearson": lambda s: (-s, s, s**2 / 4 + s, s**2 / 4 - s),
    "f-GAN discriminator, squared_hellinger": lambda s: (-1, INF, INF, -1),
    "f-GAN discriminator, jensen_shannon": lambda s: (-LOG2, s - LOG2, s - LOG2, -LOG2),
    "f-GAN discriminator, gan": lambda s: (0, s, s, 0),
    "f-GAN discriminator, total_variation": lambda s: (-0.5, 0.5, 0.5, -0.5),
    "f-GAN generator, kl": lambda s: (-INF, 0),
    "f-GAN generator, reverse_kl": lambda s: (1 - s, 1 + s),
    "f-GAN generator, pearson": lambda s: (-(s**2) / 4 - s, s - s**2 / 4),
    "f-GAN generator, squared_hellinger": lambda s: (-INF, 1),
    "f-GAN generator, jensen_shannon": lambda s: (LOG2 - s, LOG2),
    "f-GAN generator, gan": lambda s: (-s, 0),
    "f-GAN generator, total_variation": lambda s: (-0.5, 0.5),
}


@pytest.mark.parametrize("name", FAR_OUT)
@pytest.mark.parametrize(("size", "dtype"), [(1e4, torch.float32), (1e20, F64)], ids=str)
def test_extremes(name, size, dtype):
    """Large outputs: the true value, the true infinity, and a slope that is its limit and never NaN."""
    case, wanted = CASES[name], FAR_OUT[name](size)
    for i, value in enumerate(wanted):
        far = torch.tensor([size if i % 2 == 0 else -size], dtype=dtype, requires_grad=True)
        sides = (far, far[:0]) if len(wanted) == 4 and i < 2 else (far[:0], far)
        got = call(case, *sides, reduction="sum")
        assert got.item() == pytest.approx(value, rel=4 * torch.finfo(dtype).eps, abs=1e-30)
        got.backward()
        assert not far.grad.isnan().any()
        if abs(value) <= 1:  # saturated
            assert far.grad.item() == 0
        elif 0.9 * size < abs(value) < 1.1 * size:  # a line
            assert far.grad.item() == math.copysign(1, value) * math.copysign(1, far.item())


def test_softplus_is_exact_beyond_torchs_threshold():
    """F.softplus returns x itself above 20, which is 1e-9 too little: a million roundings of float64."""
    x = torch.tensor([20.5, 30.0, 39.0, 41.0], dtype=F64, requires_grad=True)
    values = -lu.minimax_generator_loss(x, reduction="none")
    assert_near(values.detach(), [softplus(mp.mpf(v)) for v in x.tolist()], rtol=1e-15)
    assert (F.softplus(x) - values)[0].abs() > 1e-9
    (slopes,) = torch.autograd.grad(values.sum(), x)
    assert_near(slopes, [1 / (1 + mp.exp(-mp.mpf(v))) for v in x.tolist()], rtol=1e-15)


def test_infinite_outputs():
    """A discriminator that is certain, with infinite logits: the limits, and no NaN where it is right."""
    inf = torch.tensor([math.inf])
    assert lu.minimax_discriminator_loss(inf, -inf).item() == 0
    assert lu.minimax_discriminator_loss(-inf, inf).item() == math.inf
    assert lu.nonsaturating_generator_loss(inf).item() == 0
    assert lu.minimax_generator_loss(inf).item() == -math.inf
    assert lu.minimax_generator_loss(-inf).item() == 0


@every_case
def test_nan_in_the_data_stays_visible(case):
    """A NaN swallowed by a max or a branch would hide a broken critic."""
    nan, one = torch.tensor([math.nan, 1.0]), torch.ones(2)
    assert call(case, one, nan, reduction="none").isnan().tolist() == [True, False]
    if case.of_real is not None:
        assert call(case, nan, one, reduction="none").isnan().tolist() == [True, False]


def test_hinges_at_their_kinks():
    """The gradient is 0 exactly at the margin, −1 or 1 just inside it."""
    real = torch.tensor([1.0, 1 - 1e-6, 1 + 1e-6], requires_grad=True)
    fake = torch.tensor([-1.0, -1 + 1e-6, -1 - 1e-6], requires_grad=True)
    lu.gan_hinge_discriminator_loss(real, fake, reduction="sum").backward()
    assert real.grad.tolist() == [0, -1, 0] and fake.grad.tolist() == [0, 1, 0]


# Two sides


TWO_SIDED = [
    lu.minimax_discriminator_loss,
    lu.wgan_critic_loss,
    lu.lsgan_discriminator_loss,
    lu.gan_hinge_discriminator_loss,
    lu.relativistic_discriminator_loss,
    lu.relativistic_generator_loss,
    partial(lu.f_gan_discriminator_loss, divergence="kl"),
]
two_sided = pytest.mark.parametrize("loss", TWO_SIDED)


@two_sided
def test_each_side_is_averaged_on_its_own(loss):
    """A last batch of real samples that is smaller than the batch of fakes; maps against single outputs."""
    generator = torch.Generator().manual_seed(3)
    real = torch.randn(2, 1, 2, 2, generator=generator, dtype=F64)
    fake = torch.randn(3, 1, generator=generator, dtype=F64)
    # 24 pairs hold each real output 3 times and each fake 8 times, and so leave both means as they are.
    pairs = torch.cartesian_prod(real.flatten(), fake.flatten())
    torch.testing.assert_close(loss(real, fake), loss(pairs[:, 0], pairs[:, 1]))
    if "relativistic" not in str(loss):
        parts = loss(real, real, reduction="sum") - loss(real, real[:0], reduction="sum")
        whole = loss(real, fake, reduction="sum") - loss(real, fake[:0], reduction="sum")
        torch.testing.assert_close(parts, loss(real[:0], real, reduction="sum"))
        torch.testing.assert_close(whole, loss(real[:0], fake, reduction="sum"))
    with pytest.raises(ValueError, match=r"^real and fake must have equal shapes, got \(2, 1, 2, 2\) and \(3, 1\)"):
        loss(real, fake, reduction="none")


@two_sided
def test_one_empty_side(loss):
    """The mean over nothing is an error, whichever side it is; the message names the side."""
    one, none = torch.ones(3, 1), torch.ones(0, 1)
    with pytest.raises(ValueError, match=r"undefined, got real of shape \(0, 1\)"):
        loss(none, one)
    with pytest.raises(ValueError, match=r"undefined, got fake of shape \(0, 1\)"):
        loss(one, none)
    if "relativistic" in str(loss):
        for real, fake in ((one, none), (none, one)):
            with pytest.raises(ValueError, match=r"^real and fake must both have samples.*got shapes \(\d, 1\) and"):
                loss(real, fake, reduction="sum")
    else:
        assert loss(none, one, reduction="sum").isfinite() and loss(one, none, reduction="sum").isfinite()


def test_none_is_not_the_input_itself():
    """A result that shares the input's memory would change it when changed in place."""
    fake = torch.ones(2)
    for loss in (lu.loss_sensitive_generator_loss, lu.wgan_generator_loss, lu.gan_hinge_generator_loss):
        loss(fake, reduction="none").add_(1)
    assert fake.tolist() == [1, 1]


def test_float16_rounds_once():
    """½ · 300² fits float16 and 300² does not; a sum of sides may be finite where one of them is not."""
    big = torch.tensor([300.0], dtype=torch.float16)
    assert lu.lsgan_generator_loss(big, c=0.0).item() == 45_000 - 8  # the nearest float16
    far = torch.tensor([60_000.0, 60_000.0], dtype=torch.float16)
    assert lu.wgan_critic_loss(far, far, reduction="sum").item() == 0
    ones, tiny = torch.ones(1, dtype=torch.float16), torch.full((1,), 2.0**-11, dtype=torch.float16)
    assert (
        lu.gan_hinge_discriminator_loss(ones - 1, tiny * 3 - 1).item() == torch.tensor(1 + 3 * 2.0**-11).half().item()
    )


# The loss-sensitive and the relativistic GAN


def test_loss_sensitive_critic_by_hand():
    """Qi (2017): L(real) + λ (Δ + L(real) − L(fake))₊, beyond the margin, at it and within."""
    real = torch.tensor([1.0, 2.0, 0.5, -3.0], dtype=F64, requires_grad=True)
    fake = torch.tensor([9.0, 3.5, 0.5, 0.0], dtype=F64, requires_grad=True)
    margin = torch.tensor([2.0, 1.5, 0.0, 4.0], dtype=F64, requires_grad=True)
    values = lu.loss_sensitive_critic_loss(real, fake, margin, weight=3.0, reduction="none")
    assert values.tolist() == [1, 2, 0.5, -3 + 3 * 1]
    values.sum().backward()
    assert real.grad.tolist() == [1, 1, 1, 1 + 3]
    assert fake.grad.tolist() == [0, 0, 0, -3] and margin.grad.tolist() == [0, 0, 0, 3]
    free = lu.loss_sensitive_critic_loss(real, fake, margin, weight=0.0, reduction="none")
    assert torch.equal(free, real)


def relativistic(real, fake):
    """RaSGAN's discriminator, written out: Jolicoeur-Martineau (2019)."""
    real, fake = [mp.mpf(v) for v in real], [mp.mpf(v) for v in fake]
    mean_real, mean_fake = sum(real) / len(real), sum(fake) / len(fake)
    sigmoid = lambda v: 1 / (1 + mp.exp(-v))  # noqa: E731
    part_real = -sum(mp.log(sigmoid(r - mean_fake)) for r in real) / len(real)
    part_fake = -sum(mp.log(1 - sigmoid(f - mean_real)) for f in fake) / len(fake)
    return part_real + part_fake


def test_relativistic_by_hand():
    """The average form with sides of 4 and 3, and the generator's as the discriminator's with the sides exchanged."""
    real, fake = [0.3, -2.0, 5.0, 1.0], [0.7, -1.5, 0.1]
    left, right = torch.tensor(real, dtype=F64), torch.tensor(fake, dtype=F64)
    assert float(relativistic(real, fake)) == pytest.approx(
        lu.relativistic_discriminator_loss(left, right).item(), 1e-14
    )
    assert float(relativistic(fake, real)) == pytest.approx(lu.relativistic_generator_loss(left, right).item(), 1e-14)


def test_relativistic_far_apart():
    """The distance of the sides, twice, when the discriminator is sure and wrong; 0 when it is right."""
    up, down = torch.full((2,), 1e4), torch.full((2,), -1e4)
    assert lu.relativistic_discriminator_loss(up, down).item() == 0
    assert lu.relativistic_discriminator_loss(down, up).item() == 40_000
    assert lu.relativistic_generator_loss(up, down).item() == 40_000
    assert lu.relativistic_generator_loss(down, up).item() == 0
    far = torch.tensor([1e20], dtype=F64)
    assert lu.relativistic_discriminator_loss(-far, far).item() == 4e20


# What the papers prove, on distributions with four outcomes

P = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=F64)
Q = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=F64)


def expected(loss, outputs, p=P, q=Q):
    """The loss of a critic with these outputs on the outcomes, in expectation: as linear in each side as a mean."""
    repeat = lambda weights: outputs.repeat_interleave((10 * weights).round().long())  # noqa: E731
    return loss(repeat(p), repeat(q))


def divergence(f, p=P, q=Q):
    return sum(mp.mpf(b) * f(mp.mpf(a) / mp.mpf(b)) for a, b in zip(p.tolist(), q.tolist(), strict=True))


def best(loss, steps=60):
    """The least expected loss over all critics, by Newton's method on the outputs."""
    outputs = torch.zeros(4, dtype=F64)
    for _ in range(steps):
        outputs.requires_grad_()
        value = expected(loss, outputs)
        (slope,) = torch.autograd.grad(value, outputs, create_graph=True)
        bend = torch.stack([torch.autograd.grad(s, outputs, retain_graph=True)[0] for s in slope])
        outputs = (outputs - torch.linalg.solve(bend, slope)).detach()
    return expected(loss, outputs).item(), outputs


def js():
    """The Jensen-Shannon divergence, in nats."""
    return float(divergence(GENERATOR["jensen_shannon"])) / 2


def test_minimax_value_at_the_optimum():
    """Goodfellow 2014, theorem 1: the best discriminator is p/(p + q), and the game's value −2 log 2 + 2 JS."""
    least, outputs = best(lu.minimax_discriminator_loss)
    torch.testing.assert_close(torch.sigmoid(outputs), P / (P + Q))
    assert least == pytest.approx(2 * math.log(2) - 2 * js(), rel=1e-14)
    same = lu.minimax_discriminator_loss(torch.zeros(3), torch.zeros(3))
    assert same.item() == pytest.approx(2 * math.log(2), rel=1e-7)


@pytest.mark.parametrize("name", [n for n in DIVERGENCES if n != "total_variation"])
def test_f_gan_reaches_the_divergence(name):
    """Nowozin 2016: over all critics, the least loss is −D_f(real ‖ fake), reached where g(v) is f'(p/q)."""
    least, outputs = best(partial(lu.f_gan_discriminator_loss, divergence=name))
    assert least == pytest.approx(-float(divergence(GENERATOR[name])), rel=1e-13)
    for v, ratio in zip(outputs.tolist(), (P / Q).tolist(), strict=True):
        assert float(ACTIVATION[name](mp.mpf(v))) == pytest.approx(float(mp.diff(GENERATOR[name], ratio)), rel=1e-9)


def test_f_gan_total_variation():
    """Its best critic is infinite, ±∞ by the sign of p − q; tanh then is ±1, and the bound ½ Σ |p − q|."""
    outputs = torch.where(P > Q, 30.0, -30.0).to(F64)
    loss = partial(lu.f_gan_discriminator_loss, divergence="total_variation")
    assert expected(loss, outputs).item() == pytest.approx(-0.5 * (P - Q).abs().sum().item(), rel=1e-14)
    assert expected(loss, outputs / 30).item() > expected(loss, outputs).item()


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_conjugates_are_conjugates(name):
    """The table of the docstring: f*(g(v)) is the supremum of u g(v) − f(u), with g increasing."""
    us = [mp.mpf(10) ** (mp.mpf(k) / 40) for k in range(-240, 241)]
    for v in (-1.0, -0.4, 0.0, 0.6, 1.2):
        t = ACTIVATION[name](mp.mpf(v))
        supremum = max(u * t - GENERATOR[name](u) for u in us)
        wanted = -lu.f_gan_generator_loss(torch.tensor([v], dtype=F64), divergence=name).item()
        assert wanted == pytest.approx(float(supremum), abs=2e-3)
        assert t < ACTIVATION[name](mp.mpf(v) + mp.mpf("0.01"))


def test_f_gan_names_of_the_divergences():
    """Which way round KL is, and what the others' sums are."""
    p, q = P, Q
    sums = {
        "kl": (p * (p / q).log()).sum(),
        "reverse_kl": (q * (q / p).log()).sum(),
        "pearson": ((p - q) ** 2 / q).sum(),
        "squared_hellinger": ((p.sqrt() - q.sqrt()) ** 2).sum(),
        "total_variation": (p - q).abs().sum() / 2,
    }
    for name, wanted in sums.items():
        assert float(divergence(GENERATOR[name])) == pytest.approx(wanted.item(), rel=1e-12)


def test_f_gan_is_the_gan():
    """ "gan" is the minimax pair, "jensen_shannon" the same but for a constant."""
    real, fake = torch.tensor([0.3, -2.0], dtype=F64), torch.tensor([1.5, -0.2], dtype=F64)
    minimax = lu.minimax_discriminator_loss(real, fake)
    assert torch.equal(lu.f_gan_discriminator_loss(real, fake, divergence="gan"), minimax)
    assert torch.equal(lu.f_gan_generator_loss(fake, divergence="gan"), lu.minimax_generator_loss(fake))
    shifted = lu.f_gan_discriminator_loss(real, fake, divergence="jensen_shannon")
    torch.testing.assert_close(shifted, minimax - 2 * math.log(2))


def test_gradient_of_the_nonsaturating_loss():
    """Arjovsky and Bottou 2017, theorem 2.5: the gradient is that of KL(fake ‖ real) − 2 JS, but the value is not."""
    logits = Q.log().requires_grad_()
    fake = torch.softmax(logits, 0)
    held = (P / fake.detach()).log()  # the best discriminator's outputs for the fakes of now, held
    loss = (fake * lu.nonsaturating_generator_loss(held, reduction="none")).sum()
    mixture = (P + fake) / 2
    jensen_shannon = ((P * (P / mixture).log()).sum() + (fake * (fake / mixture).log()).sum()) / 2
    other = (fake * (fake / P).log()).sum() - 2 * jensen_shannon
    slopes = [torch.autograd.grad(v, logits, retain_graph=True)[0] for v in (loss, other)]
    torch.testing.assert_close(*slopes)
    assert abs(loss.item() - other.item()) > 0.1


def test_wgan_is_the_earth_movers_distance():
    """Kantorovich and Rubinstein on a line: the best of all 1-Lipschitz critics reaches the area between the CDFs."""
    distance = (P.cumsum(0) - Q.cumsum(0)).abs().sum().item()
    slopes = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=F64)] * 3)
    critics = torch.cat((torch.zeros(8, 1, dtype=F64), slopes.cumsum(1)), 1)
    losses = [expected(lu.wgan_critic_loss, critic).item() for critic in critics]
    assert -min(losses) == pytest.approx(distance, rel=1e-14) and distance == pytest.approx(1.0)


def test_lsgan_at_the_optimum():
    """Mao 2017: the best discriminator is (bp + aq)/(p + q); with b − c = 1, b − a = 2 it is ½ Σ (p − q)²/(p + q)."""
    a, b, c = -1.0, 1.0, 0.0
    _, outputs = best(partial(lu.lsgan_discriminator_loss, a=a, b=b), steps=1)
    torch.testing.assert_close(outputs, (b * P + a * Q) / (P + Q))
    both = lambda real, fake: lu.lsgan_generator_loss(real, c=c) + lu.lsgan_generator_loss(fake, c=c)  # noqa: E731
    chi = ((P - Q) ** 2 / (P + Q)).sum().item()
    assert expected(both, outputs).item() == pytest.approx(chi / 2, rel=1e-14)
    pearson = ((P - Q) ** 2 / Q).sum().item()
    assert abs(chi - pearson) > 0.3
    _, coded = best(lu.lsgan_discriminator_loss, steps=1)
    coded_loss = expected(lambda r, f: lu.lsgan_generator_loss(r) + lu.lsgan_generator_loss(f), coded).item()
    assert abs(coded_loss - chi / 2) > 0.09  # the labels 0 and 1 give another number


def test_minimax_is_binary_cross_entropy():
    """The sum of the two means, not their mean."""
    real, fake = torch.tensor([0.3, -2.0], dtype=F64), torch.tensor([1.5, -0.2, 4.0], dtype=F64)
    bce = F.binary_cross_entropy_with_logits
    wanted = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(lu.minimax_discriminator_loss(real, fake), wanted)
    torch.testing.assert_close(lu.nonsaturating_generator_loss(fake), bce(fake, torch.ones_like(fake)))


def test_figures_of_the_pitfalls():
    """PITFALLS 15: WGAN's sign, no sigmoid in it, and the gradients of the two generators at logit −8."""
    assert lu.wgan_critic_loss(torch.tensor([2.0, 2.0]), torch.tensor([-1.0, -1.0])).item() == -3
    output = torch.tensor([10.0], requires_grad=True)
    (through_sigmoid,) = torch.autograd.grad(lu.wgan_generator_loss(output.sigmoid()), output)
    (direct,) = torch.autograd.grad(lu.wgan_generator_loss(output), output)
    assert -through_sigmoid.item() == pytest.approx(4.5e-5, rel=0.02) and direct.item() == -1
    output = torch.tensor([-8.0], requires_grad=True)
    (minimax,) = torch.autograd.grad(lu.minimax_generator_loss(output), output)
    (other,) = torch.autograd.grad(lu.nonsaturating_generator_loss(output), output)
    assert -minimax.item() == pytest.approx(3.4e-4, rel=0.02) and -other.item() == pytest.approx(0.99966, abs=1e-5)


# Options


@pytest.mark.parametrize(
    ("loss", "option"),
    [
        (partial(lu.lsgan_discriminator_loss, torch.zeros(2), torch.zeros(2)), "a"),
        (partial(lu.lsgan_discriminator_loss, torch.zeros(2), torch.zeros(2)), "b"),
        (partial(lu.lsgan_generator_loss, torch.zeros(2)), "c"),
    ],
)
def test_labels(loss, option):
    """A label that is a tensor, or no number at all."""
    with pytest.raises(TypeError, match=rf"^{option} must be a number that is finite, got a tensor$"):
        loss(**{option: torch.tensor(1.0)})
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=rf"^{option} must be a number that is finite, got {value}$"):
            loss(**{option: value})


def test_loss_sensitive_options():
    """A negative margin or weight would turn the constraint around."""
    two = torch.zeros(2)
    loss = lu.loss_sensitive_critic_loss
    with pytest.raises(ValueError, match=r"^margin must hold distances of at least 0, got -0.5$"):
        loss(two, two, torch.tensor([0.0, -0.5]), weight=1.0)
    for value in (-1e-9, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"^weight must be a number of at least 0 and finite, got"):
            loss(two, two, two, weight=value)
    with pytest.raises(TypeError, match=r"^weight must be a number of at least 0 and finite, got str$"):
        loss(two, two, two, weight="1")
    with pytest.raises(TypeError, match="weight"):
        loss(two, two, two)
    assert loss(two, two, two + math.nan, weight=1.0).isnan()


def test_unknown_divergence():
    """The names are a closed set; the message lists them."""
    two = torch.zeros(2)
    for name in ("KL", "hellinger", None, 0):
        message = rf"^divergence must be one of \['kl', .*'total_variation'\], got {name!r}$"
        with pytest.raises(ValueError, match=message):
            lu.f_gan_discriminator_loss(two, two, divergence=name)
        with pytest.raises(ValueError, match=message):
            lu.f_gan_generator_loss(two, divergence=name)


def test_lsgan_of_infinite_outputs():
    """A square is infinite there, in value and slope; Huber's kernel with an infinite delta says NaN."""
    for far in (math.inf, -math.inf):
        output = torch.tensor([far, 0.0], requires_grad=True)
        loss = lu.lsgan_generator_loss(output)
        loss.backward()
        assert loss.item() == math.inf and output.grad.tolist() == [far, -0.5]
        zero = torch.zeros(2)
        assert lu.lsgan_discriminator_loss(output.detach(), zero).item() == math.inf
        assert lu.lsgan_discriminator_loss(zero, output.detach()).item() == math.inf


def test_squared_hellinger_near_zero():
    """e^v - 1 as a difference has no digits left for small v."""
    v = torch.tensor([1e-6, -1e-12, 1e-30])
    loss = partial(lu.f_gan_discriminator_loss, divergence="squared_hellinger", reduction="none")
    assert_near(loss(v, 0 * v), [mp.expm1(-mp.mpf(x)) for x in v.tolist()], rtol=1e-6)
    assert_near(loss(0 * v, v), [mp.expm1(mp.mpf(x)) for x in v.tolist()], rtol=1e-6)


def test_softplus_overflows_nowhere_in_float32():
    """A threshold so late that e^x overflows before it would give infinity from 89 on."""
    x = torch.tensor([60.0, 88.0, 89.0, 95.0, 200.0], requires_grad=True)
    values = lu.minimax_generator_loss(x, reduction="none")
    assert values.tolist() == [-60, -88, -89, -95, -200]
    values.sum().backward()
    assert x.grad.tolist() == [-1] * 5


def test_relativistic_gradients_flow_through_both_means():
    """Against the formula as it is printed: a mean that is detached leaves the value as it is."""

    def naive(real, fake):
        part_real = (real - fake.mean()).sigmoid().log().mean()
        return -part_real - (1 - (fake - real.mean()).sigmoid()).log().mean()

    real = torch.tensor([0.3, -2.0, 5.0, 1.0], dtype=F64, requires_grad=True)
    fake = torch.tensor([0.7, -1.5, 0.1], dtype=F64, requires_grad=True)
    for loss, wanted in (
        (lu.relativistic_discriminator_loss, naive),
        (lu.relativistic_generator_loss, lambda r, f: naive(f, r)),
    ):
        ours, theirs = (torch.autograd.grad(formula(real, fake), (real, fake)) for formula in (loss, wanted))
        torch.testing.assert_close(ours, theirs)


def test_loss_sensitive_in_float16():
    """60 000 + 10 000 - 60 000 fits, and its first sum does not."""
    real, fake = (torch.tensor([v], dtype=torch.float16) for v in (10_000.0, 60_000.0))
    assert lu.loss_sensitive_critic_loss(real, fake, fake, weight=1.0).item() == 20_000


def test_labels_compile_when_sizes_change():
    """torch.compile then makes symbols of the labels as well, which math.isfinite cannot be asked of."""
    torch._dynamo.reset()
    compiled = torch.compile(lu.lsgan_discriminator_loss, dynamic=True, fullgraph=True, backend="aot_eager")
    for n in (4, 3):
        real, fake = torch.linspace(-1, 2, n), torch.linspace(0, 3, n + 1)
        for labels in ({}, {"a": -1.0, "b": 0.5}, {"a": 0.25, "b": 2.0}):
            torch.testing.assert_close(
                compiled(real, fake, **labels), lu.lsgan_discriminator_loss(real, fake, **labels)
            )
