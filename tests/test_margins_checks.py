"""The margin losses' own checks: options, types, shapes and values; and what is skipped where none can be read."""

import math
from functools import partial

import pytest
import torch
from margin_cases import F64, chosen, drawn
from torch.func import vmap

import lossutils as lu

X, Y = drawn(4, 5), chosen(5, 4)
LISTED = torch.tensor([[0, -1, -1, -1, -1]] * 4)
BITS = chosen(2, 4, 5).double()
WIDE, WEIGHT = drawn(4, 3), drawn(5, 3, seed=1)
multi, soft = partial(lu.multi_margin_loss, X, Y), partial(lu.multilabel_soft_margin_loss, X, BITS)


# Options


def test_exponent_of_multi_margin():
    """torch, too, has only 1 and 2."""
    for p in (0, 3, -1):
        with pytest.raises(ValueError, match=f"^p must be a whole number that is 1 or 2, got {p}$"):
            multi(p=p)
    for p in (1.0, "1", None, True, torch.tensor(1)):
        with pytest.raises(TypeError, match=r"^p must be a whole number that is 1 or 2, got "):
            multi(p=p)


def test_margin_of_multi_margin():
    """A negative margin would let the right class trail."""
    for margin in (-0.1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"^margin must be a number of at least 0 and finite, got {margin}$"):
            multi(margin=margin)
    for margin in ("1", None, torch.tensor(1.0)):
        with pytest.raises(TypeError, match=r"^margin must be a number of at least 0 and finite, got "):
            multi(margin=margin)
    assert multi(margin=0).isfinite() and multi(margin=10**6).isfinite()


def test_margin_of_large_margin_softmax():
    """The angle is multiplied by a whole number; 0 would give every class the same logit."""
    for margin in (0, -1):
        with pytest.raises(ValueError, match=f"^margin must be a whole number of at least 1, got {margin}$"):
            lu.large_margin_softmax_loss(WIDE, WEIGHT, Y, margin=margin)
    for margin in (2.0, 1.5, "2", None, True):
        with pytest.raises(TypeError, match=r"^margin must be a whole number of at least 1, got "):
            lu.large_margin_softmax_loss(WIDE, WEIGHT, Y, margin=margin)


@pytest.mark.parametrize("loss", [multi, soft])
def test_class_weights(loss):
    """One for each class, floating-point of the same dtype, none negative, infinite or NaN; 0 is allowed."""
    with pytest.raises(TypeError, match=r"^weight must be a torch.Tensor, got list"):
        loss(weight=[1.0] * 5)
    with pytest.raises(TypeError, match=r"^weight must be a floating-point tensor, got torch.int64"):
        loss(weight=torch.ones(5, dtype=torch.int64))
    with pytest.raises(
        TypeError, match=r"input and weight must have the same dtype, got torch.float64 and torch.float32"
    ):
        loss(weight=torch.ones(5))
    with pytest.raises(ValueError, match=r"input and weight must be on the same device, got cpu and meta"):
        loss(weight=torch.ones(5, dtype=F64, device="meta"))
    for shape in ((4,), (1, 5), (4, 5), (), (6,), (1,)):
        got = rf"got \({str(shape)[1:-1]}\)$"
        match = r"^weight must have the shape \(C\), one weight for each class of input of shape \(4, 5\), " + got
        with pytest.raises(ValueError, match=match):
            loss(weight=torch.ones(shape, dtype=F64))
    for wrong in (-0.5, math.inf, math.nan):
        weight = torch.tensor([1.0, 0.0, wrong, 1.0, 1.0], dtype=F64)
        with pytest.raises(ValueError, match=f"^weight must hold finite numbers of at least 0, got {wrong:g}$"):
            loss(weight=weight)
    assert loss(weight=torch.zeros(5, dtype=F64)).item() == 0
    torch.testing.assert_close(loss(weight=torch.full((5,), 2.0, dtype=F64)), 2 * loss())


def test_class_weights_under_autocast():
    """A model's float32 weights meet half-precision scores."""
    weight = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5])
    x, bits = X.to(torch.bfloat16), BITS.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = lu.multi_margin_loss(x, Y, weight=weight), lu.multilabel_soft_margin_loss(x, bits, weight=weight)
    x = x.float()
    wanted = lu.multi_margin_loss(x, Y, weight=weight), lu.multilabel_soft_margin_loss(x, bits, weight=weight)
    torch.testing.assert_close(got, wanted)


# Shapes


@pytest.mark.parametrize(
    "loss, target",
    [(lu.multi_margin_loss, Y), (lu.multilabel_margin_loss, LISTED), (lu.multilabel_soft_margin_loss, BITS)],
    ids=["multi", "multilabel", "soft"],
)
def test_scores_are_a_matrix(loss, target):
    """One sample without a batch, further dimensions, or no class at all."""
    with pytest.raises(ValueError, match=r"^input must have the shape \(N, C\), got \(5,\)$"):
        loss(X[0], target[0])
    with pytest.raises(ValueError, match=r"^input must have the shape \(N, C\), got \(4, 5, 1\)$"):
        loss(X[..., None], target)
    for reduction in ("mean", "sum", "none"):
        match = r"^input must have the shape \(N, C\) with at least one class, got \(4, 0\)$"
        with pytest.raises(ValueError, match=match):
            loss(X[:, :0], target[:, :0] if target.dim() == 2 else target, reduction=reduction)


def test_one_index_a_row():
    """(N, 1), N − 1 or one-hot targets."""
    for target in (Y[:, None], Y[:3], LISTED):
        got = rf"got \({str(tuple(target.shape))[1:-1]}\)$"
        with pytest.raises(
            ValueError, match=r"^target must have the shape \(N\), one .* input of shape \(4, 5\), " + got
        ):
            lu.multi_margin_loss(X, target)
        with pytest.raises(
            ValueError, match=r"^target must have the shape \(N\), one .* features of shape \(4, 3\), " + got
        ):
            lu.large_margin_softmax_loss(WIDE, WEIGHT, target)


def test_shapes_of_large_margin_softmax():
    """The features are those of the weights, which are not transposed; there is something to turn."""
    for features, weight, name in ((WIDE[0], WEIGHT, "features"), (WIDE, WEIGHT[0], "weight")):
        with pytest.raises(ValueError, match=rf"^{name} must have the shape \([NC], D\), got \(3,\)$"):
            lu.large_margin_softmax_loss(features, weight, Y)
    for features, weight in ((WIDE, WEIGHT.T), (WIDE, WEIGHT[:0]), (WIDE[:, :0], WEIGHT[:, :0]), (WIDE[:, :2], WEIGHT)):
        for reduction in ("mean", "sum"):
            with pytest.raises(
                ValueError, match=r"^features and weight must have the shapes \(N, D\) and \(C, D\), with"
            ):
                lu.large_margin_softmax_loss(features, weight, Y, reduction=reduction)


# Values


@pytest.mark.parametrize("wrong", [-1, 5, -100])
def test_targets_are_classes(wrong):
    """There is no ignore_index here: −100 and −1 are mistakes."""
    target = torch.tensor([0, 4, wrong, 1])
    for loss in (partial(lu.multi_margin_loss, X), partial(lu.large_margin_softmax_loss, WIDE, WEIGHT)):
        with pytest.raises(ValueError, match=f"^target must hold class indices from 0 to 4, got {wrong}$"):
            loss(target)
        assert loss(torch.tensor([0, 4, 0, 4])).isfinite()


def test_types_of_targets():
    """Indices in int32, in floats or as bits are named, with the cure."""
    for target in (Y.int(), Y.double(), Y > 0):
        for loss in (partial(lu.multi_margin_loss, X), partial(lu.large_margin_softmax_loss, WIDE, WEIGHT)):
            with pytest.raises(TypeError, match=rf"^target must hold class indices as torch.int64, got {target.dtype}"):
                loss(target)
    with pytest.raises(TypeError, match=r"^target must hold lists of class indices.* as torch.int64, got torch.int32"):
        lu.multilabel_margin_loss(X, LISTED.int())
    for loss, target in ((lu.hinge_loss, BITS.long()), (lu.multilabel_soft_margin_loss, BITS.bool())):
        with pytest.raises(TypeError, match=r"^target must be a floating-point tensor, got torch.(int64|bool)"):
            loss(X, target)


def test_the_order_of_the_checks():
    """An option is named before a shape, a shape before an empty batch, and that before a value."""
    with pytest.raises(ValueError, match=r"^p must"):
        lu.multi_margin_loss(X, Y[:2], p=3, reduction="Mean")
    with pytest.raises(ValueError, match=r"^reduction must"):
        lu.multi_margin_loss(X, Y[:2], reduction="Mean")
    with pytest.raises(ValueError, match=r"^target must have the shape"):
        lu.multi_margin_loss(X[:0], Y + 9)
    with pytest.raises(ValueError, match=r"^input and target must have equal shapes"):
        lu.multilabel_margin_loss(X, LISTED[:, 1:] + 9)
    with pytest.raises(ValueError, match=r"^the mean over an empty batch is undefined, got input"):
        lu.multilabel_soft_margin_loss(X[:0], BITS[:0], weight=torch.ones(5, dtype=F64))


def test_value_checks_are_skipped_where_values_cannot_be_read():
    """Documented: under torch.compile and vmap a label of 0.5 is not seen, but nothing breaks."""
    x, half = torch.zeros(3), torch.full((3,), 0.5)
    torch._dynamo.reset()
    for loss in (lu.hinge_loss, lu.soft_margin_loss):
        assert torch.compile(loss, fullgraph=True, backend="eager")(x, half).isfinite()
        assert vmap(loss)(x, half).shape == (3,)
        assert loss(x.to("meta"), half.to("meta")).is_meta
    repeated = torch.zeros(2, 4, 5, dtype=torch.int64)
    assert vmap(lu.multilabel_margin_loss)(torch.zeros(2, 4, 5), repeated).shape == (2,)
    with pytest.raises(ValueError, match="equal shapes"):
        vmap(lu.hinge_loss)(torch.zeros(3, 2), torch.zeros(3, 1))


def test_compiled_options_may_change():
    """torch.compile traces a number that changes between calls."""
    torch._dynamo.reset()
    multi_margin = torch.compile(lambda m: lu.multi_margin_loss(X, Y, margin=m), fullgraph=True, backend="eager")
    large_margin = torch.compile(
        lambda m: lu.large_margin_softmax_loss(WIDE, WEIGHT, Y, margin=m), fullgraph=True, backend="eager"
    )
    for margin in (1.0, 2.0, 0.5):
        torch.testing.assert_close(multi_margin(margin), multi(margin=margin))
    for margin in (2, 3, 4, 1):
        wanted = lu.large_margin_softmax_loss(WIDE, WEIGHT, Y, margin=margin)
        torch.testing.assert_close(large_margin(margin), wanted)
