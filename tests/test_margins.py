"""The losses of margins: values, gradients and extremes against the papers' formulas, torch and mpmath."""

import math
from fractions import Fraction
from functools import partial

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from margin_cases import F64, assert_near, chosen, drawn, value_and_slope
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, vmap

import lossutils as lu

SIGNED = {
    "hinge_loss": (lambda m: max(mp.mpf(0), 1 - m), lambda m: mp.mpf(-1 if m < 1 else 0)),
    "squared_hinge_loss": (lambda m: max(mp.mpf(0), 1 - m) ** 2, lambda m: -2 * max(mp.mpf(0), 1 - m)),
    "exponential_loss": (lambda m: mp.exp(-m), lambda m: -mp.exp(-m)),
    "soft_margin_loss": (lambda m: mp.log1p(mp.exp(-m)), lambda m: -1 / (1 + mp.exp(m))),
}
every_signed = pytest.mark.parametrize("name", SIGNED)


# One score and a label of ±1


@every_signed
@pytest.mark.parametrize("dtype, rtol, size", [(torch.float32, 1e-6, 1e4), (F64, 4e-15, 1e20)], ids=str)
def test_signed_values_and_slopes(name, dtype, rtol, size):
    """The formulas at margins from 0 to ±1e4 (float32) and ±1e20 (float64), in mpmath; infinite where those are."""
    sizes = [0.0, 1e-20, 1e-6, 0.3, 0.75, 1.0, 1.5, 5.0, 16.5, 25.0, 40.0, 80.0, 300.0, size]
    at = torch.tensor([s * side for s in sizes for side in (1.0, -1.0)], dtype=dtype)
    with mp.workdps(40):
        margins = [mp.mpf(m) for m in at.tolist()]
        value, slope = SIGNED[name]
        for label in (1.0, -1.0):
            y = torch.full_like(at, label)
            values, slopes = value_and_slope(getattr(lu, name), label * at, y)
            assert_near(values, [value(m) for m in margins], rtol)
            assert_near(slopes * label, [slope(m) for m in margins], rtol)


@every_signed
def test_signed_infinities(name):
    """Certain and right costs 0, certain and wrong is infinite; no NaN from 0 · ∞."""
    loss = getattr(lu, name)
    x = torch.tensor([math.inf, -math.inf, math.inf, -math.inf])
    y = torch.tensor([1.0, -1.0, -1.0, 1.0])
    assert loss(x, y, reduction="none").tolist() == [0, 0, math.inf, math.inf]
    assert not math.copysign(1, loss(x[:2], y[:2]).item()) < 0  # and not -0.


@every_signed
def test_signed_nan_stays_visible(name):
    """A NaN swallowed by a branch would hide a broken batch."""
    values = getattr(lu, name)(torch.tensor([math.nan, 1.0]), torch.ones(2), reduction="none")
    assert values[0].isnan() and values[1].isfinite()


@every_signed
@pytest.mark.parametrize("wrong", [0.0, 2.0, 0.5, -0.5, math.nan, math.inf])
def test_labels_must_be_signs(name, wrong):
    """PITFALLS 29: in torch a label of 0 gives log 2 and no gradient, silently."""
    with pytest.raises(ValueError, match=rf"^target must hold labels of \+1 and -1, got {wrong:g}$"):
        getattr(lu, name)(torch.ones(2, 2), torch.tensor([[1.0, -1.0], [wrong, 1.0]]))


def test_kinks_of_the_hinges():
    """At a margin of exactly 1 the value is 0 and so is the gradient; just below they are the line's, the square's."""
    x = torch.tensor([1.0, 1 - 2**-10], dtype=F64)
    values, slopes = value_and_slope(lu.hinge_loss, x, torch.ones_like(x))
    assert values.tolist() == [0, 2**-10] and slopes.tolist() == [0, -1]
    values, slopes = value_and_slope(lu.squared_hinge_loss, x, torch.ones_like(x))
    assert values.tolist() == [0, 2**-20] and slopes.tolist() == [0, -(2**-9)]


def test_soft_margin_equals_torch_where_that_is_finite():
    """Same name, same numbers, in every reduction, with gradients."""
    x, y = drawn(20, scale=10), 2 * chosen(2, 20).double() - 1
    for reduction in ("none", "mean", "sum"):
        torch.testing.assert_close(
            lu.soft_margin_loss(x, y, reduction=reduction), F.soft_margin_loss(x, y, reduction=reduction)
        )
    x.requires_grad_()
    ours, theirs = (torch.autograd.grad(f(x, y), x)[0] for f in (lu.soft_margin_loss, F.soft_margin_loss))
    torch.testing.assert_close(ours, theirs)


def test_pitfall_soft_margin_overflows_in_torch():
    """29: torch's loss is infinite and its gradient NaN at −90 in float32 and −720 in float64; ours is right."""
    for margin, dtype in ((-90.0, torch.float32), (-720.0, F64)):
        x, y = torch.tensor([margin], dtype=dtype, requires_grad=True), torch.ones(1, dtype=dtype)
        theirs = F.soft_margin_loss(x, y)
        assert theirs.isinf() and torch.autograd.grad(theirs, x)[0].isnan()
        ours = lu.soft_margin_loss(x, y)
        assert ours.item() == -margin and torch.autograd.grad(ours, x)[0].item() == -1
    assert lu.soft_margin_loss(torch.tensor([-1e20], dtype=F64), torch.ones(1, dtype=F64)).item() == 1e20


def test_exponential_overflows_where_its_value_does():
    """The margins in the docstring: the last finite value and the first infinite one of each dtype."""
    for dtype, finite, infinite in (
        (torch.float16, -11.08, -11.1),
        (torch.bfloat16, -88.5, -89.0),
        (torch.float32, -88.72, -88.73),
        (F64, -709.78, -709.79),
    ):
        x = torch.tensor([finite, infinite], dtype=dtype)
        values = lu.exponential_loss(x, torch.ones_like(x), reduction="none")
        assert values[0].isfinite() and values[1] == math.inf


def test_pitfall_natural_logistic_is_no_bound():
    """23: at margin 0 it is 0.693, below the 0-1 loss of 1, until divided by log 2."""
    value = lu.soft_margin_loss(torch.zeros(1, dtype=F64), torch.ones(1, dtype=F64)).item()
    assert value == pytest.approx(0.6931, abs=5e-5) and value / math.log(2) == pytest.approx(1, rel=1e-15)


def test_pitfall_hinge_embedding_is_not_hinge():
    """5: [0.7, 0, 0] is the hinge, [0.3, 2, 2] what torch makes of the same scores as distances."""
    x, y = torch.tensor([0.3, 2.0, 2.0]), torch.ones(3)
    torch.testing.assert_close(lu.hinge_loss(x, y, reduction="none"), torch.tensor([0.7, 0.0, 0.0]))
    torch.testing.assert_close(F.hinge_embedding_loss(x, y, reduction="none"), torch.tensor([0.3, 2.0, 2.0]))


# Multi-margin


def multi_margin(x, y, p, margin, weight):
    """Weston and Watkins' sum as torch scales it, one pair at a time."""
    lacks = [max(0.0, margin - x[y] + x[i]) ** p for i in range(len(x)) if i != y]
    return weight[y] * sum(lacks) / len(x)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("margin", [0.0, 0.7, 1, 3.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_multi_margin_is_the_sum_over_wrong_classes(p, margin, weighted):
    """Brute force, and torch in every reduction, with gradients."""
    x, y = drawn(6, 5, scale=2).requires_grad_(), chosen(5, 6)
    weight = torch.tensor([0.5, 1.0, 0.0, 0.25, 2.0], dtype=F64) if weighted else None
    options = dict(p=p, margin=margin, weight=weight)
    plain = weight.tolist() if weighted else [1.0] * 5
    wanted = [multi_margin(row, k, p, margin, plain) for row, k in zip(x.tolist(), y.tolist(), strict=True)]
    values, slope = value_and_slope(lu.multi_margin_loss, x, y, **options)
    torch.testing.assert_close(values, torch.tensor(wanted, dtype=F64))
    for reduction in ("none", "mean", "sum"):
        ours = lu.multi_margin_loss(x, y, reduction=reduction, **options)
        theirs = F.multi_margin_loss(x, y, reduction=reduction, **options)
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(slope, torch.autograd.grad(theirs, x)[0])


def test_multi_margin_defaults():
    """p = 1, a margin of 1, no weights, the mean."""
    x, y = drawn(6, 5, scale=2), chosen(5, 6)
    assert lu.multi_margin_loss(x, y) == lu.multi_margin_loss(x, y, p=1, margin=1.0, weight=None, reduction="mean")
    torch.testing.assert_close(lu.multi_margin_loss(x, y), F.multi_margin_loss(x, y))


def test_pitfall_multi_margin_is_not_the_largest_term():
    """6: 0.325, the sum over wrong classes / C, where the largest term is 0.6."""
    x, y = torch.tensor([[0.1, 0.2, 0.4, 0.8]], dtype=F64), torch.tensor([3])
    assert lu.multi_margin_loss(x, y).item() == pytest.approx((0.3 + 0.4 + 0.6) / 4)
    assert lu.multi_margin_loss(x, y).item() == pytest.approx(0.325)
    assert (1 - x[0, 3] + x[0, :3]).max().item() == pytest.approx(0.6)


def test_multi_margin_second_derivatives():
    """torch has none; ours are 0 for p = 1 and, for p = 2, those of a sum of squares, through weights too."""
    x = drawn(4, 5).requires_grad_()
    y, weight = chosen(5, 4), drawn(5, seed=1).abs()
    for p in (1, 2):
        assert gradgradcheck(lambda x, p=p: lu.multi_margin_loss(x, y, p=p, weight=weight, reduction="none"), (x,))
    theirs = torch.autograd.grad(F.multi_margin_loss(x, y), x, create_graph=True)[0]
    with pytest.raises(RuntimeError, match="derivative"):
        theirs.sum().backward()
    (slope,) = torch.autograd.grad(lu.multi_margin_loss(x[:1], torch.tensor([0]), p=2), x, create_graph=True)
    curved = torch.autograd.grad(slope[0, 1], x)[0][0]
    active = (1 - x[0, 0] + x[0, 1] > 0).item()
    assert active and curved.tolist() == [-0.4, 0.4, 0, 0, 0]


def test_multi_margin_at_its_kinks():
    """A class exactly at the margin costs nothing and pulls at nothing, like the sample of a leading class."""
    x = torch.tensor([[2.0, 1.0, -5.0], [2.0, 1 + 2**-10, -5.0]], dtype=F64)
    values, slope = value_and_slope(lu.multi_margin_loss, x, torch.tensor([0, 0]))
    assert values.tolist() == [0, 2**-10 / 3]
    torch.testing.assert_close(slope, torch.tensor([[0, 0, 0], [-1, 1, 0]], dtype=F64) / 3)


def test_multi_margin_extremes():
    """Scores of ±1e4 and ±1e20, equal large ones, whose difference is exact, and infinities."""
    x = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [3e8, 3e8, 3e8], [1e4, 9999.5, 0.0]])
    values, slope = value_and_slope(lu.multi_margin_loss, x, torch.zeros(4, dtype=torch.int64))
    wanted = torch.tensor([0.0, 30002.0, 2.0, 0.5]) / 3
    torch.testing.assert_close(values, wanted)
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0, 0], [-2, 1, 1], [-2, 1, 1], [-1, 1, 0]]) / 3)
    x = torch.tensor([[-1e20, 1e20]], dtype=F64)
    assert lu.multi_margin_loss(x, torch.tensor([0])).item() == 1e20
    x = torch.tensor([[0.0, -math.inf, -1.0], [-math.inf, 0.0, 0.0], [0.0, math.inf, 0.0], [math.inf, 0.0, 0.0]])
    for p in (1, 2):
        values, slope = value_and_slope(lu.multi_margin_loss, x, torch.zeros(4, dtype=torch.int64), p=p)
        assert values.tolist() == [0, math.inf, math.inf, 0]
        assert not slope.isnan().any() and slope[0].tolist() == slope[3].tolist() == [0, 0, 0]


def test_multi_margin_shows_nan():
    """torch's kernel reads a NaN as a class that lacks nothing."""
    x, y = torch.tensor([[0.0, math.nan, 0.0], [math.nan, 0.0, 0.0], [0.0, 0.0, 0.0]]), torch.tensor([0, 0, 0])
    for p in (1, 2):
        assert lu.multi_margin_loss(x, y, p=p, reduction="none").isnan().tolist() == [True, True, False]
    assert not F.multi_margin_loss(x, y, reduction="none").isnan().any()


def test_one_class_has_no_wrong_one():
    """C = 1: nothing to tell apart, so the loss is 0."""
    values, slope = value_and_slope(lu.multi_margin_loss, drawn(3, 1), torch.zeros(3, dtype=torch.int64))
    assert values.tolist() == [0, 0, 0] and not slope.any()
    values, slope = value_and_slope(lu.multilabel_margin_loss, drawn(2, 1), torch.tensor([[0], [-1]]))
    assert values.tolist() == [0, 0] and not slope.any()


# Multilabel margin


def multilabel_margin(x, labels):
    """Every pair of a label and another class."""
    others = [i for i in range(len(x)) if i not in labels]
    return sum(max(0.0, 1 - x[j] + x[i]) for j in labels for i in others) / len(x)


def lists(*rows):
    """Index lists, padded with −1 to 5."""
    return torch.tensor([[*row, *[-1] * (5 - len(row))] for row in rows])


LISTS = [[], [0], [4], [3, 1], [0, 4, 2], [4, 3, 2, 1], [1, 0, 3, 2, 4]]


def test_multilabel_margin_is_the_sum_over_pairs():
    """Brute force, and torch in every reduction, with gradients."""
    x, y = drawn(7, 5).requires_grad_(), lists(*LISTS)
    values, slope = value_and_slope(lu.multilabel_margin_loss, x, y)
    wanted = [multilabel_margin(row, labels) for row, labels in zip(x.tolist(), LISTS, strict=True)]
    torch.testing.assert_close(values, torch.tensor(wanted, dtype=F64))
    for reduction in ("none", "mean", "sum"):
        theirs = F.multilabel_margin_loss(x, y, reduction=reduction)
        torch.testing.assert_close(lu.multilabel_margin_loss(x, y, reduction=reduction), theirs)
    torch.testing.assert_close(slope, torch.autograd.grad(theirs, x)[0])


def test_multilabel_margin_without_labels_or_with_all():
    """Nothing to compare: the loss is 0 and so is the gradient."""
    values, slope = value_and_slope(lu.multilabel_margin_loss, drawn(2, 5), lists([], [0, 1, 2, 3, 4]))
    assert values.tolist() == [0, 0] and not slope.any()


def test_multilabel_margin_second_derivatives():
    """torch has none; the gradient is linear in what flows in, and else constant."""
    x, y = drawn(7, 5).requires_grad_(), lists(*LISTS)
    assert gradcheck(lambda x: lu.multilabel_margin_loss(x, y, reduction="none"), (x,))
    assert gradgradcheck(lambda x: lu.multilabel_margin_loss(x, y, reduction="none").square(), (x,))


def test_multilabel_margin_at_its_kinks_and_extremes():
    """A pair exactly at the margin has no gradient; scores of ±1e4 (float32), ±1e20 (float64) and infinity."""
    y = torch.tensor([[0, -1]])
    for dtype, row, value, slopes in (
        (F64, [2.0, 1.0], 0, [0, 0]),
        (F64, [2.0, 1 + 2**-10], 2**-11, [-0.5, 0.5]),
        (torch.float32, [-1e4, 1e4], 10000.5, [-0.5, 0.5]),
        (torch.float32, [1e4, -1e4], 0, [0, 0]),
        (F64, [-1e20, 1e20], 1e20, [-0.5, 0.5]),
        (F64, [-math.inf, 0.0], math.inf, [-0.5, 0.5]),
        (F64, [math.inf, 0.0], 0, [0, 0]),
    ):
        values, slope = value_and_slope(lu.multilabel_margin_loss, torch.tensor([row], dtype=dtype), y)
        assert values.tolist() == [value] and slope.tolist() == [slopes]


def test_multilabel_margin_shows_nan():
    """torch's kernel skips a NaN wherever it stands."""
    x = torch.zeros(3, 5)
    x[0, 0] = x[1, 4] = math.nan
    y = lists([0], [0], [0])
    assert lu.multilabel_margin_loss(x, y, reduction="none").isnan().tolist() == [True, True, False]
    assert not F.multilabel_margin_loss(x, y, reduction="none").isnan().any()


def test_pitfall_multi_hot_is_no_index_list():
    """7: 0.85 for the list [3, 0]; torch reads the multi-hot row as indices and says 2.9 (here an error)."""
    x = torch.tensor([[0.1, 0.2, 0.4, 0.8]], dtype=F64)
    assert lu.multilabel_margin_loss(x, torch.tensor([[3, 0, -1, -1]])).item() == pytest.approx(0.85)
    assert F.multilabel_margin_loss(x, torch.tensor([[1, 0, 0, 1]])).item() == pytest.approx(2.9, abs=0.05)
    with pytest.raises(ValueError, match=r"each class once \(a row of 0 and 1 is no list of indices\), got 1$"):
        lu.multilabel_margin_loss(x, torch.tensor([[1, 0, 0, 1]]))
    with pytest.raises(
        TypeError, match=r"target must hold lists of class indices, not labels of 0 and 1, as torch\.int"
    ):
        lu.multilabel_margin_loss(x, torch.tensor([[1.0, 0, 0, 1]]))


@pytest.mark.parametrize("row", [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]])
def test_every_multi_hot_row_of_three_classes_is_found(row):
    """From three classes on a row of 0 and 1 has one of them twice."""
    for wide in (row, [*row, 0], [*row, 1]):
        with pytest.raises(ValueError, match="each class once"):
            lu.multilabel_margin_loss(torch.zeros(1, len(wide)), torch.tensor([wide]))


def test_bad_index_lists():
    """What the messages say; torch reads no further than the first −1, and so scores labels of ±1 silently."""
    x = torch.zeros(2, 3)
    good = [2, 0, -1]
    for row, got in (([3, 0, -1], 3), ([0, -2, -1], -2), ([0, -1, -100], -100)):
        with pytest.raises(ValueError, match=rf"^target must list class indices from 0 to 2, and then .*, got {got}$"):
            lu.multilabel_margin_loss(x, torch.tensor([good, row]))
    for row, got in (([-1, 1, -1], 1), ([0, -1, 0], 0), ([-1, -1, 2], 2)):
        with pytest.raises(ValueError, match=rf"nothing but -1 behind the first -1 of a row \(.*\), got {got}$"):
            lu.multilabel_margin_loss(x, torch.tensor([good, row]))
    for row, got in (([2, 2, -1], 2), ([0, 1, 0], 0)):
        with pytest.raises(ValueError, match=rf"each class once .*got {got}$"):
            lu.multilabel_margin_loss(x, torch.tensor([good, row]))
    assert lu.multilabel_margin_loss(x, torch.tensor([good, [1, 2, 0]])).isfinite()


def test_multilabel_margin_mapped_without_gradients():
    """Under vmap the slopes, which nobody then asks for, must not be computed nor missed."""
    x, y = drawn(3, 4, 5), torch.full((3, 4, 5), -1)
    y[..., 0] = chosen(5, 12).reshape(3, 4)
    with torch.no_grad():
        mapped = vmap(lu.multilabel_margin_loss)(x, y)
    torch.testing.assert_close(
        mapped, torch.stack([lu.multilabel_margin_loss(a, b) for a, b in zip(x, y, strict=True)])
    )


def test_multilabel_margin_compiled():
    """torch's own, compiled, takes every −1 for class 0 (torch 2.13); ours is the same compiled or not."""
    x, y = drawn(7, 5), lists(*LISTS)
    torch._dynamo.reset()
    compiled = torch.compile(lu.multilabel_margin_loss, fullgraph=True, backend="aot_eager")
    wanted, slope = value_and_slope(lu.multilabel_margin_loss, x, y)
    values, compiled_slope = value_and_slope(compiled, x, y)
    torch.testing.assert_close(values, wanted, rtol=0, atol=0)
    torch.testing.assert_close(compiled_slope, slope, rtol=0, atol=0)
    assert lu.multilabel_margin_loss(x.to("meta"), y.to("meta"), reduction="none").shape == (7,)


@pytest.mark.filterwarnings("error:There is a performance drop")
def test_vmap_over_one_argument_and_without_a_loop():
    """One batch dimension in the scores or the target only, and nested; torch warns where it falls back to a loop."""
    x, y = drawn(3, 7, 5), lists(*LISTS)
    one = chosen(5, 3, 7)
    for loss in (lu.multi_margin_loss, partial(lu.multi_margin_loss, p=2)):
        wanted = torch.stack([loss(a, one[0]) for a in x])
        torch.testing.assert_close(vmap(loss, (0, None))(x, one[0]), wanted)
        torch.testing.assert_close(vmap(loss, (2, None))(x.movedim(0, 2), one[0]), wanted)
        torch.testing.assert_close(vmap(loss, (None, 0))(x[0], one), torch.stack([loss(x[0], b) for b in one]))
        torch.testing.assert_close(vmap(grad(loss), (0, None))(x, one[0])[1], grad(loss)(x[1], one[0]))
    loss = lu.multilabel_margin_loss
    wanted = torch.stack([loss(a, y) for a in x])
    torch.testing.assert_close(vmap(loss, (0, None))(x, y), wanted)
    torch.testing.assert_close(vmap(loss, (2, None))(x.movedim(0, 2), y), wanted)
    other = torch.stack([y, y.roll(1, 0)])
    torch.testing.assert_close(vmap(loss, (None, 0))(x[0], other), torch.stack([loss(x[0], b) for b in other]))
    torch.testing.assert_close(vmap(grad(loss), (0, None))(x, y)[1], grad(loss)(x[1], y))
    nested = vmap(vmap(loss, (0, None)), (None, 0))(x, other)
    torch.testing.assert_close(nested[1, 2], loss(x[2], other[1]))


# Multilabel soft margin


@pytest.mark.parametrize("weighted", [False, True])
def test_multilabel_soft_margin_equals_torch(weighted):
    """The mean over classes, then over samples, with gradients."""
    x, y = drawn(6, 5, scale=3).requires_grad_(), chosen(2, 6, 5).double()
    weight = torch.tensor([0.5, 1.0, 0.0, 0.25, 2.0], dtype=F64) if weighted else None
    for reduction in ("none", "mean", "sum"):
        ours = lu.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction)
        theirs = F.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction)
        torch.testing.assert_close(ours, theirs)
    slopes = [torch.autograd.grad(v, x)[0] for v in (ours, theirs)]
    torch.testing.assert_close(*slopes)


def test_multilabel_soft_margin_extremes():
    """Every digit of small losses on both sides, ±1e4 (float32) and ±1e20 (float64), and infinite logits."""
    sizes = [0.0, 1.0, 16.5, 30.0, 80.0, 1e4]
    logits = torch.tensor([[s, -s] for s in sizes])
    with mp.workdps(40):
        for label in (0.0, 1.0):
            x = logits.flatten().unsqueeze(1)  # one class
            values, slopes = value_and_slope(lu.multilabel_soft_margin_loss, x, torch.full_like(x, label))
            margins = [mp.mpf(m) * (1 if label else -1) for m in x.flatten().tolist()]
            assert_near(values, [mp.log1p(mp.exp(-m)) for m in margins], 1e-6)
            wanted = [(-1 if label else 1) / (1 + mp.exp(m)) for m in margins]
            assert_near(slopes.flatten(), wanted, 1e-6)
    x, y = torch.tensor([[1e20, -1e20]], dtype=F64), torch.tensor([[0.0, 1.0]], dtype=F64)
    assert lu.multilabel_soft_margin_loss(x, y).item() == 1e20
    assert lu.multilabel_soft_margin_loss(x, 1 - y).item() == 0
    x = torch.tensor([[math.inf, -math.inf]])
    assert lu.multilabel_soft_margin_loss(x, torch.tensor([[1.0, 0.0]])).item() == 0
    assert lu.multilabel_soft_margin_loss(x, torch.tensor([[1.0, 1.0]])).item() == math.inf
    assert lu.multilabel_soft_margin_loss(torch.tensor([[math.nan, 0.0]]), torch.ones(1, 2)).isnan()


def test_pitfall_multilabel_soft_margin_is_the_mean_of_bce():
    """8: without weights it is the mean of BCE with logits over all elements."""
    x, y = drawn(6, 5, scale=2), chosen(2, 6, 5).double()
    torch.testing.assert_close(lu.multilabel_soft_margin_loss(x, y), F.binary_cross_entropy_with_logits(x, y))


@pytest.mark.parametrize("wrong", [0.5, -1.0, 2.0, math.nan])
def test_multilabel_soft_margin_labels(wrong):
    """A label of −1 or between 0 and 1 is another convention."""
    with pytest.raises(ValueError, match=rf"labels of 0 and 1 \(.*binary_cross_entropy_with_logits\), got {wrong:g}$"):
        lu.multilabel_soft_margin_loss(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, wrong]]))


def test_weights_of_0_leave_out_infinite_losses():
    """A class masked by a logit of −∞ and a weight of 0 made the whole batch NaN; cross entropy has 0 · ∞ = 0 too."""
    weight = torch.tensor([0.0, 1.0, 2.0], dtype=F64)
    x = torch.tensor([[-math.inf, 0.0, 1.0], [0.5, 0.0, -1.0]], dtype=F64)
    bits = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], dtype=F64)
    losses = (lu.multi_margin_loss, torch.tensor([0, 1])), (lu.multilabel_soft_margin_loss, bits)
    for loss, target in losses:
        values, slope = value_and_slope(loss, x, target, weight=weight)
        wanted, finite = value_and_slope(loss, x.clamp(min=-50), target, weight=weight)
        torch.testing.assert_close(values, wanted)
        torch.testing.assert_close(slope, finite)
    kept = weight.clone().requires_grad_()  # where the loss is finite, a weight of 0 keeps its gradient
    lu.multi_margin_loss(x[1:], torch.tensor([0]), weight=kept).backward()
    assert kept.grad.tolist() == [lu.multi_margin_loss(x[1:], torch.tensor([0])).item(), 0, 0]


def test_multi_margin_takes_any_margin_that_is_a_number():
    """A whole number above 2^63 raised OverflowError, a fraction TypeError, deep inside torch."""
    x, y = torch.tensor([[0.0, 1.0]]), torch.tensor([0])
    assert lu.multi_margin_loss(x, y, margin=10**30) == lu.multi_margin_loss(x, y, margin=1e30)
    assert lu.multi_margin_loss(x, y, margin=Fraction(1, 2)).item() == 0.75


def test_multilabel_soft_margin_takes_labels_as_constants():
    """The gradient in the labels was that of log σ((2y − 1) x), not of the documented sum, which is −x."""
    x, y = drawn(2, 3).requires_grad_(), chosen(2, 2, 3).double().requires_grad_()
    assert torch.autograd.grad(lu.multilabel_soft_margin_loss(x, y), (x, y), allow_unused=True)[1] is None


@pytest.mark.parametrize("with_slope", [False, True])
def test_the_multilabel_operator_describes_what_it_returns(with_slope):
    """Protects compiled code from strides that are not what the operator announced, as for transposed inputs."""
    arguments = torch.randn(4, 3, dtype=torch.float64).T, torch.tensor([[1, 2, -1, -1]] * 3), with_slope
    operator = torch.ops.lossutils.multilabel_margin.default
    torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))
