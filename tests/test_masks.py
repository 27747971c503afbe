"""The losses of masks: values and gradients against loops over pixels, extremes, absent classes, and every error."""

import math
from functools import partial
from itertools import product

import mpmath as mp
import pytest
import torch
from torch.func import vmap

from lossutils import dice_loss, focal_tversky_loss, lovasz_hinge_loss, soft_iou_loss, tversky_loss

F64 = torch.float64
tversky = partial(tversky_loss, alpha=0.3, beta=0.7)
focal = partial(focal_tversky_loss, alpha=0.3, beta=0.7, gamma=4 / 3)
LOSSES = {"dice": dice_loss, "iou": soft_iou_loss, "tversky": tversky, "focal": focal}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def brute_force(name, p, t, smooth=0.0, alpha=0.3, beta=0.7, gamma=4 / 3):
    """One class of one sample, pixel by pixel, as the papers have it."""
    hits = false_alarms = misses = size_p = size_t = 0
    for a, b in zip(p, t, strict=True):
        hits += a * b
        false_alarms += a * (1 - b)
        misses += (1 - a) * b
        size_p += a
        size_t += b
    if name == "dice":
        return 1 - (2 * hits + smooth) / (size_p + size_t + smooth)
    if name == "iou":
        return 1 - (hits + smooth) / (size_p + size_t - hits + smooth)
    loss = 1 - (hits + smooth) / (hits + alpha * false_alarms + beta * misses + smooth)
    return loss ** (1 / gamma) if name == "focal" else loss


def masks(seed=0, shape=(2, 3, 4, 5)):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=g, dtype=F64)
    return logits, torch.randint(2, shape, generator=g).double()


def one(p, t, dtype=F64):
    """Masks of one class of one sample."""
    return torch.tensor([[p]], dtype=dtype), torch.tensor([[t]], dtype=dtype)


# Values and gradients


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("smooth", [0.0, 0.3, 2])
@pytest.mark.parametrize("from_logits", [True, False])
def test_values_are_the_papers(name, smooth, from_logits):
    """A factor, the place of smooth, or α and β exchanged."""
    logits, t = masks()
    p = logits.sigmoid()
    wanted = [
        [brute_force(name, p[i, c].flatten().tolist(), t[i, c].flatten().tolist(), smooth) for c in range(3)]
        for i in range(2)
    ]
    got = LOSSES[name](
        logits if from_logits else p, t, from_logits=from_logits, smooth=smooth, absent="count", reduction="none"
    )
    torch.testing.assert_close(got, torch.tensor(wanted, dtype=F64), rtol=1e-13, atol=1e-14)


def test_gradient_of_dice_by_hand():
    """Of 1 − 2I/S: −2 t/S + 2I/S² a probability, times p (1 − p) a logit."""
    logits, t = masks(shape=(1, 1, 6))
    logits.requires_grad_()
    (slope,) = torch.autograd.grad(dice_loss(logits, t, from_logits=True), logits)
    p = logits.detach().sigmoid()
    both, size = (p * t).sum(), p.sum() + t.sum()
    torch.testing.assert_close(slope, (-2 * t / size + 2 * both / size**2) * p * (1 - p), rtol=1e-13, atol=1e-15)


def test_gradient_towards_a_soft_target():
    """A teacher's masks may learn too: −2 p/S + 2I/S² of Dice."""
    p, t = (torch.rand(1, 1, 6, dtype=F64, generator=torch.Generator().manual_seed(i)) for i in range(2))
    t.requires_grad_()
    (slope,) = torch.autograd.grad(dice_loss(p, t, from_logits=False), t)
    both, size = (p * t.detach()).sum(), p.sum() + t.detach().sum()
    torch.testing.assert_close(slope, -2 * p / size + 2 * both / size**2, rtol=1e-13, atol=1e-15)


def test_known_values():
    """Half right: Dice ½ and Jaccard ⅔; PITFALLS 14: soft Dice of p = t = ½ is ½, and the thing has a gradient."""
    p, t = one([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0])
    assert dice_loss(p, t, from_logits=False).item() == 0.5
    assert soft_iou_loss(p, t, from_logits=False).item() == pytest.approx(2 / 3, rel=1e-15)
    half, _ = one([0.5] * 4, [0.5] * 4)
    assert dice_loss(half, half, from_logits=False).item() == 0.5
    assert soft_iou_loss(half, half, from_logits=False).item() == pytest.approx(2 / 3, rel=1e-15)


def test_alpha_weighs_the_false_alarms():
    """Salehi 2017, Keras: α of FP, β of FN. 1 hit, 1 false alarm, 2 misses."""
    p, t = one([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0])
    for alpha, beta in ((0.3, 0.7), (0.0, 1.0), (1.0, 0.0), (2, 3)):
        got = tversky_loss(p, t, alpha=alpha, beta=beta, from_logits=False).item()
        assert got == pytest.approx(1 - 1 / (1 + alpha + 2 * beta), rel=1e-15)


def test_family_ties():
    """What the docstrings say of one another: Dice, Jaccard, Tversky and its power."""
    logits, t = masks()
    options = {"from_logits": True, "reduction": "none", "smooth": 0.4}
    half = tversky_loss(logits, t, alpha=0.5, beta=0.5, **{**options, "smooth": 0.2})
    torch.testing.assert_close(dice_loss(logits, t, **options), half)
    torch.testing.assert_close(soft_iou_loss(logits, t, **options), tversky_loss(logits, t, alpha=1, beta=1, **options))
    for gamma in (0.5, 1, 4 / 3, 3.0):
        power = focal_tversky_loss(logits, t, alpha=0.3, beta=0.7, gamma=gamma, **options)
        torch.testing.assert_close(power, tversky(logits, t, **options) ** (1 / gamma))
    dice = 1 - dice_loss(logits, t, from_logits=True, reduction="none")
    torch.testing.assert_close(1 - soft_iou_loss(logits, t, from_logits=True, reduction="none"), dice / (2 - dice))


# Sums, absent classes, reductions


@every_loss
def test_dims(loss):
    """The sums over the batch, over the classes and over everything are those of the masks laid side by side."""
    logits, t = masks()
    options = {"from_logits": True, "absent": "count", "reduction": "none"}
    side_by_side = loss(logits.movedim(0, 1).reshape(1, 3, 40), t.movedim(0, 1).reshape(1, 3, 40), **options)
    for dims in ((0, 2, 3), [3, 0, 2], (0, -2, -1), (-4, -2, -1)):
        got = loss(logits, t, dims=dims, **options)
        assert got.shape == (3,)
        torch.testing.assert_close(got, side_by_side[0])
    by_sample = loss(logits.reshape(2, 1, 60), t.reshape(2, 1, 60), **options)[:, 0]
    torch.testing.assert_close(loss(logits, t, dims=(1, 2, 3), **options), by_sample)
    everything = loss(logits, t, dims=(0, 1, 2, 3), **options)
    torch.testing.assert_close(everything, loss(logits.reshape(1, 1, 120), t.reshape(1, 1, 120), **options)[0, 0])
    rows = loss(logits[:, :, 0, 0], t[:, :, 0, 0], dims=(0,), **options)
    torch.testing.assert_close(rows, loss(logits[:, :, :1, :1], t[:, :, :1, :1], dims=(0, 2, 3), **options))
    torch.testing.assert_close(loss(logits, t, **options), loss(logits, t, dims=(2, 3), **options))


@every_loss
def test_absent_classes_are_left_out_of_the_mean(loss):
    """kornia 0.9 and nnU-Net's lesson: a class that is not there, averaged in, rewards predicting nothing."""
    logits, t = masks()
    t[0, 1], t[1, 2] = 0, 0
    logits.requires_grad_()
    every = loss(logits, t, from_logits=True, absent="count", reduction="none")
    kept = loss(logits, t, from_logits=True, reduction="none")
    assert kept[0, 1] == 0 and kept[1, 2] == 0 and (kept != 0).sum() == 4
    assert torch.equal(kept[kept != 0], every[kept != 0])
    mean = loss(logits, t, from_logits=True)
    torch.testing.assert_close(mean, every[kept != 0].mean())
    (slope,) = torch.autograd.grad(mean, logits)
    assert not slope[0, 1].any() and not slope[1, 2].any() and (slope != 0).sum() == 4 * 20
    torch.testing.assert_close(loss(logits, t, from_logits=True, absent="count"), every.mean())
    torch.testing.assert_close(loss(logits, t, from_logits=True, reduction="sum"), kept.sum())


@every_loss
def test_every_class_absent(loss):
    """PITFALLS 14, empty mask with smooth 0: 0/0 in much code. Here the mean is 0, and its gradient."""
    for p in ([0.3, 0.9, 0.0], [0.0, 0.0, 0.0]):
        p, t = one(p, [0.0, 0.0, 0.0])
        p.requires_grad_()
        for reduction in ("mean", "sum"):
            value = loss(p, t, from_logits=False, reduction=reduction)
            assert value.item() == 0
            assert not torch.autograd.grad(value, p)[0].any()


@every_loss
def test_absent_classes_counted(loss):
    """As documented: 1 if anything is predicted, 0 if nothing is, and with smooth something between that learns."""
    count = partial(loss, from_logits=False, absent="count")
    p, t = one([0.5, 0.0], [0.0, 0.0])
    p.requires_grad_()
    assert count(p, t).item() == 1
    torch.testing.assert_close(torch.autograd.grad(count(p, t), p)[0], torch.zeros_like(p))
    assert 0 < count(p, t, smooth=1.0).item() < 1
    assert (torch.autograd.grad(count(p, t, smooth=1.0), p)[0] > 0).all()
    nothing = torch.zeros_like(t).requires_grad_()
    assert count(nothing, t).item() == 0 and count(nothing, t, smooth=1.0).item() == 0
    assert not torch.autograd.grad(count(nothing, t), nothing)[0].any()


def test_nothing_predicted_where_misses_are_free():
    """β = 0 makes an index of 0/0 out of an empty prediction: a loss of 0, no NaN."""
    p, t = one([0.0, 0.0], [1.0, 0.0])
    p.requires_grad_()
    value = tversky_loss(p, t, alpha=1.0, beta=0.0, from_logits=False)
    assert value.item() == 0 and not torch.autograd.grad(value, p)[0].any()


# Extremes


@every_loss
@pytest.mark.parametrize("size, dtype", [(1e4, torch.float32), (1e20, F64), (math.inf, F64)])
def test_extreme_logits(loss, size, dtype):
    """Probabilities of exactly 0 and 1: losses of exactly 0 and 1, and a gradient of 0."""
    t = torch.tensor([[[1.0, 0.0, 1.0]]], dtype=dtype)
    for sign, wanted in ((1, 0), (-1, 1)):
        x = torch.where(t == 1, sign * size, -sign * size).to(dtype).requires_grad_()
        value = loss(x, t, from_logits=True)
        assert value.item() == wanted
        assert not torch.autograd.grad(value, x)[0].any()


@every_loss
def test_perfect_and_worst_probabilities(loss):
    """0 and 1, at a perfect fit with a finite gradient: an infinite one is left at 0 by the focal power."""
    _, t = one([0.0] * 3, [1.0, 0.0, 1.0])
    for p, wanted in ((t.clone(), 0), (1 - t, 1)):
        p.requires_grad_()
        value = loss(p, t, from_logits=False)
        assert value.item() == wanted
        assert torch.autograd.grad(value, p)[0].isfinite().all()


def test_slope_of_the_power_at_a_perfect_fit():
    """γ = 1 keeps the Tversky gradient there; γ = 4/3 and 0.5 have 0, also twice differentiated."""
    _, t = one([0.0] * 3, [1.0, 0.0, 1.0])
    p = t.clone().requires_grad_()
    (plain,) = torch.autograd.grad(tversky(p, t, from_logits=False), p)
    torch.testing.assert_close(plain, torch.tensor([[[-0.35, 0.15, -0.35]]], dtype=F64))
    for gamma, wanted in ((1, plain), (4 / 3, 0 * plain), (0.5, 0 * plain)):
        value = focal_tversky_loss(p, t, alpha=0.3, beta=0.7, gamma=gamma, from_logits=False)
        (slope,) = torch.autograd.grad(value, p, create_graph=True)
        torch.testing.assert_close(slope.detach(), wanted)
        assert torch.autograd.grad(slope.sum(), p)[0].isfinite().all()


@every_loss
def test_float32_has_its_digits(loss):
    """A quarter of a million pixels: sums of float32 that lose digits, or a small loss below 0."""
    g = torch.Generator().manual_seed(1)
    x = 4 * torch.randn(1, 2, 512, 256, generator=g)
    t = (torch.rand(1, 2, 512, 256, generator=g) < 0.3).float()
    for logits in (x, 25 * (2 * t - 1), torch.full_like(x, -2.2)):
        got = loss(logits, t, from_logits=True)
        wanted = loss(logits.double(), t.double(), from_logits=True)
        assert 0 <= got.item() <= 1
        torch.testing.assert_close(got.double(), wanted, rtol=1e-6, atol=1e-5 if loss is focal else 3e-7)


@every_loss
def test_logits_against_mpmath(loss):
    """Small and large logits in float64, with 50 digits to compare."""
    name = next(n for n, f in LOSSES.items() if f is loss)
    with mp.workdps(50):
        x = [-40.0, -12.0, -3.0, 0.0, 0.5, 7.0, 30.0]
        t = [0.0, 0.0, 0.25, 1.0, 0.0, 1.0, 1.0]
        p = [1 / (1 + mp.exp(-mp.mpf(v))) for v in x]
        wanted = float(brute_force(name, p, [mp.mpf(v) for v in t]))
    assert loss(*one(x, t), from_logits=True).item() == pytest.approx(wanted, rel=1e-14)


@every_loss
def test_nan_comes_out(loss):
    """A NaN in a mask must not be clamped, ignored or called an error."""
    logits, t = masks()
    logits[0, 0, 0, 0] = math.nan
    assert loss(logits, t, from_logits=True).isnan()
    logits, t = masks()
    t[0, 0, 0, 0] = math.nan
    assert loss(logits, t, from_logits=True).isnan()
    assert loss(logits.sigmoid(), t, from_logits=False).isnan()


# The Lovász hinge


def jaccard_loss(wrong, t):
    """Of the prediction that errs on the pixels `wrong` and nowhere else."""
    predicted = [bool(b) != (i in wrong) for i, b in enumerate(t)]
    union = sum(a or b for a, b in zip(predicted, t, strict=True))
    both = sum(a and b for a, b in zip(predicted, t, strict=True))
    return 1 - both / union if union else 0.0


def lovasz(x, t):
    """The Choquet integral of the Jaccard loss: ∫ Δ({i : m_i > s}) ds over s > 0."""
    margins = [max(0.0, 1 - (2 * b - 1) * a) for a, b in zip(x, t, strict=True)]
    total, low = 0.0, 0.0
    for level in sorted(set(margins)):
        total += (level - low) * jaccard_loss({i for i, m in enumerate(margins) if m > low}, t)
        low = level
    return total


def test_lovasz_is_the_choquet_integral():
    """Against the definition of the extension, all masks of 4 pixels, with ties and margins of 1."""
    g = torch.Generator().manual_seed(0)
    for t in product([0.0, 1.0], repeat=4):
        for _ in range(6):
            x = torch.randint(-6, 7, (4,), generator=g).double() / 2
            got = lovasz_hinge_loss(x[None], torch.tensor([t], dtype=F64))
            assert got.item() == pytest.approx(lovasz(x.tolist(), t), rel=1e-14, abs=1e-15)


def test_lovasz_at_signs_is_twice_the_jaccard_loss():
    """The extension extends: at ±1 an error has the margin 2, and a hit 0."""
    for t in product([0.0, 1.0], repeat=3):
        for x in product([-1.0, 1.0], repeat=3):
            wrong = {i for i in range(3) if (x[i] > 0) != (t[i] > 0)}
            got = lovasz_hinge_loss(*(torch.tensor([v], dtype=F64) for v in (x, t)))
            assert got.item() == pytest.approx(2 * jaccard_loss(wrong, t), rel=1e-15)


def test_lovasz_gradient_is_exact_in_a_large_image():
    """Differences of Jaccard losses keep 2 digits at 2¹⁸ pixels in float32; 1/U and I/(U (U − 1)) keep all."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2**18, generator=g)
    t = (torch.rand(1, 2**18, generator=g) < 0.3).float()
    slopes = []
    for dtype in (torch.float32, F64):
        z = x.to(dtype).requires_grad_()
        slopes.append(torch.autograd.grad(lovasz_hinge_loss(z, t.to(dtype)), z)[0])
    near = (slopes[0].double() - slopes[1]).abs() <= 1e-6 * slopes[1].abs()
    assert near.double().mean() > 0.99  # equal margins in float32 may change places


def test_lovasz_of_images_apart():
    """Each image has its own sort and its own index; the mean divides by their number."""
    x, t = (v[:, 0] for v in masks(3))
    apart = [lovasz(a.flatten().tolist(), b.flatten().tolist()) for a, b in zip(x, t, strict=True)]
    torch.testing.assert_close(lovasz_hinge_loss(x, t, reduction="none"), torch.tensor(apart, dtype=F64))
    assert lovasz_hinge_loss(x, t).item() == pytest.approx(sum(apart) / 2)


def test_lovasz_of_an_image_without_foreground():
    """The documented answer: the largest hinge error, and its gradient alone; nothing at all if no error."""
    x = torch.tensor([[-3.0, 0.5, 0.25]], dtype=F64).requires_grad_()
    value = lovasz_hinge_loss(x, torch.zeros_like(x))
    assert value.item() == 1.5
    assert torch.autograd.grad(value, x)[0].tolist() == [[0, 1, 0]]
    quiet = torch.full((1, 3), -1.0, dtype=F64).requires_grad_()
    value = lovasz_hinge_loss(quiet, torch.zeros_like(quiet))
    assert value.item() == 0 and not torch.autograd.grad(value, quiet)[0].any()


def test_lovasz_kinks_and_extremes():
    """A margin of exactly 1 has no gradient; ±1e20 and ±∞ have the value and limit they should, without NaN."""
    t = torch.tensor([[1.0, 0.0, 0.0]], dtype=F64)
    x = torch.tensor([[1.0, -1.0, -1.0]], dtype=F64).requires_grad_()
    assert not torch.autograd.grad(lovasz_hinge_loss(x, t), x)[0].any()
    for size in (1e20, math.inf):
        right = torch.tensor([[size, -size, -size]], dtype=F64)
        assert lovasz_hinge_loss(right, t).item() == 0
        wrong = (-right).requires_grad_()
        value = lovasz_hinge_loss(wrong, t)
        assert value.item() == size
        assert torch.autograd.grad(value, wrong)[0].isfinite().all()
    noise = torch.tensor([[math.inf, math.inf]], dtype=F64)  # the second has a step of 0
    assert lovasz_hinge_loss(noise, torch.zeros_like(noise)).item() == math.inf
    assert lovasz_hinge_loss(torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 0.0]])).item() == 10001
    assert lovasz_hinge_loss(torch.tensor([[math.nan, 5.0]]), torch.tensor([[1.0, 0.0]])).isnan()
    assert lovasz_hinge_loss(torch.tensor([[1.0, 5.0]]), torch.tensor([[math.nan, 0.0]])).isnan()


def test_lovasz_target_has_no_gradient():
    """A hinge in the target would be meaningless: it is 0 or 1."""
    x, t = masks()
    value = lovasz_hinge_loss(x.requires_grad_(), t.requires_grad_())
    assert torch.autograd.grad(value, t, allow_unused=True) == (None,)


# Checks


@every_loss
def test_bad_arguments(loss):
    """Each with the argument's name, what was expected and what came."""
    x, t = masks()
    call = partial(loss, from_logits=True)
    bad = [
        (TypeError, r"^from_logits must be True or False, got 1$", {"from_logits": 1}),
        (TypeError, r"^smooth must be a number of at least 0 and finite, got str$", {"smooth": "1"}),
        (ValueError, r"^smooth must be a number of at least 0 and finite, got -0.1$", {"smooth": -0.1}),
        (ValueError, r"^smooth must be a number of at least 0 and finite, got inf$", {"smooth": math.inf}),
        (ValueError, r"^smooth must be a number of at least 0 and finite, got nan$", {"smooth": math.nan}),
        (ValueError, r"^absent must be one of \['ignore', 'count'\], got 'all'$", {"absent": "all"}),
        (TypeError, r"^dims must be a tuple of dimensions or None, got int$", {"dims": 2}),
        (TypeError, r"^dims must be a tuple of dimensions or None, got str$", {"dims": "23"}),
        (TypeError, r"^each of dims must be a whole number from -4 to 3, got float$", {"dims": (2.0,)}),
        (ValueError, r"^each of dims must be a whole number from -4 to 3, got 4$", {"dims": (2, 4)}),
        (ValueError, r"^each of dims must be a whole number from -4 to 3, got -5$", {"dims": (-5,)}),
        (ValueError, r"^dims must name at least one dimension and none twice, got \(2, -2\)$", {"dims": (2, -2)}),
        (ValueError, r"^dims must name at least one dimension and none twice, got \(\)$", {"dims": ()}),
    ]
    for error, message, options in bad:
        with pytest.raises(error, match=message):
            call(x, t, **options)
    with pytest.raises(ValueError, match=r"^input must have the shape \(N, C, d…\) unless dims is given, got \(2, 3\)"):
        call(x[:, :, 0, 0], t[:, :, 0, 0])
    call(x[:, :, 0], t[:, :, 0])
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'from_logits'"):
        loss(x, t)


@every_loss
def test_probabilities_are_checked(loss):
    """A logit taken for a probability gives a plausible number, or a negative one."""
    x, t = masks()
    p = x.sigmoid()
    for wrong, shown in ((-1e-3, "-0.001"), (1.5, "1.5")):
        with pytest.raises(ValueError, match=f"^input must hold probabilities from 0 to 1, got {shown}$"):
            loss(torch.where(p == p[0, 0, 0, 0], wrong, p), t, from_logits=False)
        for from_logits in (True, False):
            with pytest.raises(ValueError, match=f"^target must hold probabilities from 0 to 1, got {shown}$"):
                loss(p, torch.where(p == p[0, 0, 0, 0], wrong, t), from_logits=from_logits)
    loss(10 * x, t, from_logits=True)
    vmap(partial(loss, from_logits=False))(10 * x[None], t[None])  # values can't be read there


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma"])
def test_weights_are_checked(name):
    """A negative weight pays for errors; γ of 0 divides by 0. 0 is a weight, but no γ."""
    x, t = masks()
    options = {"alpha": 0.3, "beta": 0.7, "gamma": 1.5, "from_logits": True}
    wanted = "above 0 and finite" if name == "gamma" else "of at least 0 and finite"
    for wrong in (-0.1, math.inf, math.nan) + ((0,) if name == "gamma" else ()):
        with pytest.raises(ValueError, match=f"^{name} must be a number {wanted}, got {wrong}$"):
            focal_tversky_loss(x, t, **{**options, name: wrong})
    with pytest.raises(TypeError, match=f"^{name} must be a number {wanted}, got a tensor$"):
        focal_tversky_loss(x, t, **{**options, name: torch.tensor(1.0)})
    if name != "gamma":
        del options["gamma"]
        tversky_loss(x, t, **{**options, name: 0})
        with pytest.raises(ValueError, match=f"^{name} must be a number {wanted}, got -1$"):
            tversky_loss(x, t, **{**options, name: -1})


def test_lovasz_checks():
    """Its own: 0 and 1 only, and an image a row."""
    x, t = masks()
    with pytest.raises(ValueError, match=r"^target must hold 0 and 1, got 0.5$"):
        lovasz_hinge_loss(x, 0.5 * torch.ones_like(t))
    with pytest.raises(ValueError, match=r"^target must hold 0 and 1, got -1$"):
        lovasz_hinge_loss(x, 2 * t - 1)
    with pytest.raises(ValueError, match=r"^logits must have the shape \(N, d…\), got \(2,\)$"):
        lovasz_hinge_loss(x[:, 0, 0, 0], t[:, 0, 0, 0])
    assert lovasz_hinge_loss(x[:, 0, 0], t[:, 0, 0], reduction="none").shape == (2,)


def test_no_pixels():
    """(N, C, 0) has no pixel to count: an error of the mean, and a sum of 0."""
    nothing = torch.zeros(2, 3, 0, dtype=F64, requires_grad=True)
    for loss in (*(partial(v, from_logits=True) for v in LOSSES.values()), lovasz_hinge_loss):
        with pytest.raises(ValueError, match=r"^the mean over an empty batch is undefined"):
            loss(nothing, nothing.detach())
        value = loss(nothing, nothing.detach(), reduction="sum")
        assert value.item() == 0
        assert torch.autograd.grad(value, nothing)[0].shape == (2, 3, 0)


@every_loss
@pytest.mark.parametrize("absent", ["ignore", "count"])
def test_probabilities_too_small_to_divide_by(loss, absent):
    """A softmax 95 to 102 below its rival sums to a subnormal number: 1/that is infinite, and 0 · ∞ was NaN."""
    for gap in (-85.0, -90.0, -95.0, -100.0, -102.0):
        logits = torch.zeros(1, 2, 4)
        logits[:, 1] = gap
        logits.requires_grad_()
        t = torch.tensor([[[1.0] * 4, [0.0] * 4]])
        value = loss(logits.softmax(1), t, from_logits=False, absent=absent)
        assert 0 <= value <= 1 and torch.autograd.grad(value, logits)[0].isfinite().all()
    x = torch.full((1, 1, 1), -88.5, requires_grad=True)  # a subnormal sigmoid
    value = loss(x, torch.zeros(1, 1, 1), from_logits=True, absent=absent)
    assert torch.autograd.grad(value, x)[0].isfinite().all()


def test_subnormal_hits_where_misses_are_free():
    """beta = 0 leaves a sum of subnormal hits and false alarms; it counts as 0."""
    p = torch.full((1, 1, 4), 1e-42).requires_grad_()
    value = tversky_loss(p, torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]), alpha=1.0, beta=0.0, from_logits=False)
    assert value.item() == 0 and not torch.autograd.grad(value, p)[0].any()


def test_smoothed_dice_of_smoothed_jaccard():
    """d = j/(2 − j) keeps with half the smooth: s is added to twice the hits in Dice, to the hits in Jaccard."""
    logits, t = masks()
    j = soft_iou_loss(logits, t, from_logits=True, smooth=0.4, reduction="none")
    d = dice_loss(logits, t, from_logits=True, smooth=0.8, reduction="none")
    torch.testing.assert_close(d, j / (2 - j))


def test_saturated_logits():
    """As documented of float32: above 16.7 the probability is 1 and has no slope."""
    t = torch.tensor([[[1.0, 1.0, 0.0]]])
    for high, flat in ((16.5, False), (16.7, True)):
        x = torch.tensor([[[high, 0.0, -1.0]]], requires_grad=True)
        (slope,) = torch.autograd.grad(dice_loss(x, t, from_logits=True), x)
        assert (slope[0, 0, 0] == 0) == flat


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_forward_mode_is_refused():
    """A missing derivative, not a wrong one."""
    logits, t = masks()
    for loss in (partial(dice_loss, from_logits=True), lovasz_hinge_loss):
        with pytest.raises(NotImplementedError):
            torch.func.jvp(lambda x, loss=loss: loss(x, t), (logits,), (logits,))


@every_loss
def test_masks_without_a_channel(loss):
    """(N, H, W) with dims=(1, 2) is (N, 1, H, W)."""
    logits, t = (v[:, 0] for v in masks())
    got = loss(logits, t, from_logits=True, dims=(1, 2), reduction="none")
    torch.testing.assert_close(got, loss(logits[:, None], t[:, None], from_logits=True, reduction="none")[:, 0])
