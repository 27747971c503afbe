"""What the losses of probabilities and logits refuse, and with which words."""

import math
from functools import partial

import pytest
import torch
from torch.func import vmap

from lossutils import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    categorical_cross_entropy,
    cross_entropy,
    distillation_loss,
    entropy,
    js_divergence,
    kl_divergence,
    nll_loss,
    zero_one_loss,
)

F64 = torch.float64
INF, NAN = math.inf, math.nan
X = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]])
P = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
Y = torch.tensor([0, 2])
HALF = torch.full((2, 3), 0.5)
distill = partial(distillation_loss, temperature=2.0)


def refuses(error, message, loss, *args, **options):
    with pytest.raises(error, match=message):
        loss(*args, **options)


# Options


@pytest.mark.parametrize(
    "loss, args, name, wanted, wrong, right",
    [
        (cross_entropy, (X, Y), "label_smoothing", "from 0 to 1", (-0.01, 1.01, NAN), (0, 0.0, 1, 1.0)),
        (distill, (X, X), "temperature", "above 0 and finite", (0.0, -1.0, INF, NAN), (1e-3, 1, 1e6)),
        (distill, (X, X, Y), "alpha", "from 0 to 1", (-0.01, 1.01, NAN), (0, 0.0, 0.5, 1, 1.0)),
        (binary_cross_entropy, (HALF, HALF), "weight", "of at least 0 and finite", (-0.1, INF, NAN), (0, 0.0, 2.0)),
        (
            binary_cross_entropy_with_logits,
            (X, HALF),
            "weight",
            "of at least 0 and finite",
            (-0.1, INF, NAN),
            (0, 0.0, 2.0),
        ),
        (
            binary_cross_entropy_with_logits,
            (X, HALF),
            "pos_weight",
            "of at least 0 and finite",
            (-0.1, INF, NAN),
            (0, 0.0, 2.0),
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_numbers(loss, args, name, wanted, wrong, right):
    """An option out of range, NaN, or no number."""
    for value in wrong:
        refuses(ValueError, f"^{name} must be a number {wanted}, got {value}$", loss, *args, **{name: value})
    for value in ("1", True):
        message = f"^{name} must be a number {wanted}, got {type(value).__name__}$"
        refuses(TypeError, message, loss, *args, **{name: value})
    for value in right:
        assert loss(*args, **{name: value}).isfinite()


def test_whole_numbers():
    """An index or a dimension that is a float, a bool or None."""
    for loss, args in ((cross_entropy, (X, Y)), (nll_loss, (X.log_softmax(1), Y))):
        for value in (1.0, True, None, torch.tensor(1)):
            refuses(TypeError, "^ignore_index must be a whole number", loss, *args, ignore_index=value)
    for loss, args in (
        (entropy, (P,)),
        (kl_divergence, (P, P)),
        (js_divergence, (P, P)),
        (categorical_cross_entropy, (P, P)),
    ):
        for value in (1.0, None, (1,)):
            refuses(TypeError, "^dim must be a whole number that names a dimension, got", loss, *args, dim=value)
        name = "probs" if len(args) == 1 or loss is categorical_cross_entropy else "p"
        for value in (2, -3):
            message = rf"^dim must be from -2 to 1 for {name} of shape \(2, 3\), got {value}$"
            refuses(ValueError, message, loss, *args, dim=value)
        scalars = [torch.tensor(1.0)] * len(args)
        refuses(ValueError, rf"^{name} must have the shape \(…, C, …\), got \(\)$", loss, *scalars)


def test_defaults():
    """The defaults of every option, against the same given."""
    x, y = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(200, dtype=torch.int64)
    y[:50] = -100
    assert torch.equal(cross_entropy(x, y), cross_entropy(x, y, weight=None, ignore_index=-100, label_smoothing=0.0))
    assert torch.equal(cross_entropy(x, y, reduction="none")[:50], torch.zeros(50))
    logs = x.log_softmax(1)
    torch.testing.assert_close(nll_loss(logs, y), cross_entropy(x, y))
    assert torch.equal(distill(x, x.flip(1)), distill(x, x.flip(1), alpha=1.0))
    q = x.softmax(1)
    assert torch.equal(entropy(q), entropy(q, dim=1)) and entropy(q).shape == (200,)
    for loss in (kl_divergence, js_divergence, categorical_cross_entropy):
        assert torch.equal(loss(q, q.flip(1)), loss(q, q.flip(1), dim=1, reduction="mean"))


def test_target_is_needed_below_alpha_1():
    """Hard labels that were forgotten would count as 0."""
    message = r"^target must be given with alpha below 1, got None and alpha = 0\.9$"
    refuses(ValueError, message, distill, X, X, alpha=0.9)
    refuses(TypeError, "missing 1 required keyword-only argument: 'temperature'", distillation_loss, X, X)
    refuses(ValueError, r"^target must hold class indices from 0 to 2, got 3$", distill, X, X, Y + 1)
    refuses(ValueError, r"^target must hold class indices from 0 to 2, got -1$", distill, X, X, Y - 1, alpha=0.5)


def test_ignore_index_of_a_class_and_distributions():
    """torch refuses it as well: a distribution has no index to compare with."""
    message = "^ignore_index must be negative with distributions as targets, got "
    refuses(ValueError, message + "0$", cross_entropy, X, P, ignore_index=0)
    assert cross_entropy(X, P, ignore_index=-1) == cross_entropy(X, P)


# Shapes


def test_shapes_of_targets():
    """Each kind of target in the shape of the other, or in none."""
    without = r"^target must have the shape of {} without the classes, \(2,\), for {} of shape \(2, 3\), got "
    for loss, name, x in (
        (cross_entropy, "input", X),
        (nll_loss, "log_probs", X.log_softmax(1)),
        (categorical_cross_entropy, "probs", P),
        (zero_one_loss, "scores", X),
    ):
        start = without.format(name, name)
        for wrong in (Y[:1], Y.unsqueeze(0), Y.unsqueeze(1), torch.tensor(1)):
            refuses(ValueError, start, loss, x, wrong)
        refuses(TypeError, "^target must hold class indices as torch.int64, got torch.float32: ", loss, x, Y.float())
        refuses(TypeError, "^target must hold class indices as torch.int64, got torch.int32: ", loss, x, Y.int())
        refuses(TypeError, "^target must be a torch.Tensor, got list", loss, x, [0, 2])
        refuses(TypeError, f"^{name} must be a floating-point tensor, got torch.int64: ", loss, Y, Y)
        if loss is not nll_loss:
            refuses(
                TypeError, r"^target must be a floating-point tensor, got torch.int64: .*\.float\(\)", loss, x, x.long()
            )
            message = rf"^{name} and target must have equal shapes, got \(2, 3\) and \(2, 2\)"
            refuses(ValueError, message, loss, x, x[:, :2])
            refuses(TypeError, f"^{name} and target must have the same dtype", loss, x, x.double())
        else:
            refuses(TypeError, "^target must hold class indices as torch.int64, got torch.float32", loss, x, x)
    message = r"^target must have the shape of student_logits without the classes, \(2,\), .* got \(3,\)$"
    refuses(ValueError, message, distill, X, X, torch.zeros(3, dtype=torch.int64))
    refuses(ValueError, r"^student_logits must have the shape \(N, C\), got \(3,\)$", distill, X[0], X[0])
    cube = X.unsqueeze(0)
    refuses(ValueError, r"^student_logits must have the shape \(N, C\), got \(1, 2, 3\)$", distill, cube, cube)
    refuses(ValueError, "^student_logits and teacher_logits must have equal shapes", distill, X, X[:1])
    for loss in (kl_divergence, js_divergence):
        refuses(ValueError, r"^p and q must have equal shapes, got \(2, 3\) and \(1, 3\)", loss, P, P[:1])
        refuses(TypeError, "^p and q must have the same dtype", loss, P, P.double())


def test_a_column_is_no_batch_of_indices():
    """One output a sample, as of a binary model: floating-point labels of another shape are not indices."""
    column = X[:, :1]
    refuses(
        ValueError,
        r"^input and target must have equal shapes, got \(2, 1\) and \(2,\)",
        cross_entropy,
        column,
        torch.ones(2),
    )
    refuses(ValueError, "^scores and target must have equal shapes", zero_one_loss, column, torch.ones(2))
    assert cross_entropy(column, torch.tensor([0, 0])).item() == 0
    assert zero_one_loss(column, torch.tensor([[1.0], [-1.0]])).item() == 0.5


def test_without_classes():
    """No class at all leaves nothing to be right."""
    none, y = torch.zeros(2, 0), torch.zeros(2, dtype=torch.int64)
    for loss, name in (
        (cross_entropy, "input"),
        (nll_loss, "log_probs"),
        (zero_one_loss, "scores"),
        (categorical_cross_entropy, "probs"),
    ):
        message = rf"^{name} must have at least one class in dimension 1, got \(2, 0\)$"
        refuses(ValueError, message, loss, none, y, reduction="sum")
    refuses(ValueError, "^input must have at least one class", cross_entropy, none, none, reduction="sum")
    refuses(ValueError, "^student_logits must have at least one class", distill, none, none, reduction="sum")
    refuses(
        ValueError,
        r"^input must have the shape \(N, C, d…\) or \(C\), got \(\)$",
        cross_entropy,
        torch.tensor(1.0),
        torch.tensor(0),
    )
    refuses(ValueError, "sum to 1 along dimension 1, got 0$", entropy, none)


def test_class_weights():
    """One a class, of the dtype of the logits, not negative, and of no other kind."""
    for loss, name, x in ((cross_entropy, "input", X), (nll_loss, "log_probs", X.log_softmax(1))):
        for shape in ((2,), (4,), (1,), (1, 3), ()):
            refuses(ValueError, r"^weight must have the shape \(3,\), got ", loss, x, Y, weight=torch.ones(shape))
        refuses(TypeError, f"^{name} and weight must have the same dtype", loss, x, Y, weight=torch.ones(3, dtype=F64))
        refuses(TypeError, "^weight must be a torch.Tensor, got list", loss, x, Y, weight=[1.0, 1.0, 1.0])
        for value in (-0.5, INF):
            message = f"^weight must hold weights of at least 0 and finite, got {value}$"
            refuses(ValueError, message, loss, x, Y, weight=torch.tensor([1.0, value, 0.0]))
        assert loss(x, Y, weight=torch.tensor([1.0, NAN, 0.0])).isfinite()
        assert loss(x, Y, weight=torch.tensor([NAN, 1.0, 0.0])).isnan()


def test_weights_of_elements():
    """They broadcast to the input, and to nothing larger."""
    for loss, x in ((binary_cross_entropy, HALF), (binary_cross_entropy_with_logits, X)):
        names = ("weight",) if loss is binary_cross_entropy else ("weight", "pos_weight")
        for name in names:
            message = rf"^{name} must broadcast to the shape of input, \(2, 3\), got "
            for shape in ((2,), (1, 2, 3), (4, 1)):
                refuses(ValueError, message, loss, x, HALF, **{name: torch.ones(shape)})
            refuses(TypeError, f"^{name} must be a floating-point", loss, x, HALF, **{name: torch.ones(3).long()})
            for value in (-0.5, INF, NAN):
                message = f"^{name} must be of at least 0 and finite, got {value}$"
                refuses(ValueError, message, loss, x, HALF, **{name: torch.tensor([1.0, 0.0, value])})


# Values


def test_indices_in_range():
    """The first and the last class are, their neighbours are not, unless ignored."""
    logs = X.log_softmax(1)
    for loss, x in (
        (cross_entropy, X),
        (nll_loss, logs),
        (categorical_cross_entropy, X.softmax(1)),
        (zero_one_loss, X),
    ):
        assert loss(x, torch.tensor([0, 2])).isfinite()
        besides = ", or ignore_index = -100" if loss in (cross_entropy, nll_loss) else ""
        for value in (-1, 3):
            message = f"^target must hold class indices from 0 to 2{besides}, got {value}$"
            refuses(ValueError, message, loss, x, torch.tensor([0, value]))
        if besides:
            assert loss(x, torch.tensor([0, 7]), ignore_index=7) == loss(x[:1], torch.tensor([0]))
            assert loss(x, torch.tensor([0, 2]), ignore_index=2) == loss(x[:1], torch.tensor([0]))


def test_labels_and_probabilities_in_range():
    """PITFALLS: labels of ±1 in a loss for 0/1, of 0/1 in one for ±1, percentages."""
    refuses(
        ValueError, r"^target must hold labels of \+1 and -1, got 0$", zero_one_loss, X[0], torch.tensor([1.0, 0, 1])
    )
    for loss, x in ((binary_cross_entropy, HALF), (binary_cross_entropy_with_logits, X)):
        for value in (-1.0, 1.0001, -1e-30):
            bad = HALF.clone()
            bad[1, 1] = value
            refuses(ValueError, f"^target must hold probabilities from 0 to 1, got {value:g}$", loss, x, bad)
    refuses(ValueError, "^input must hold probabilities from 0 to 1, got 2$", binary_cross_entropy, X, HALF)


def test_infinite_logits_of_two_classes():
    """torch gives NaN for ∞ with the label 1, where the loss is 0; the largest number is a logit."""
    most = torch.finfo(F64).max
    for value in (INF, -INF):
        x = torch.tensor([0.0, value], dtype=F64)
        message = f"^input must hold finite logits, got {value}$"
        refuses(ValueError, message, binary_cross_entropy_with_logits, x, torch.ones(2, dtype=F64))
    x, y = torch.tensor([most, most, -most, -most], dtype=F64), torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=F64)
    for beta in (None, 1.0):
        values = binary_cross_entropy_with_logits(x, y, pos_weight=beta, reduction="none")
        assert values.tolist() == [0, most, 0, most]


def test_log_probabilities_in_range():
    """PITFALLS 2: probabilities give a negative loss in torch; rounding above 0 is let through."""
    refuses(ValueError, r"^log_probs must hold log-probabilities of at most 0, got 0\.5$", nll_loss, P, Y)
    refuses(ValueError, "^log_probs must hold log-probabilities of at most 0, got 2$", nll_loss, X, Y)
    for dtype, most in ((F64, 1e-4), (torch.float32, 1e-4), (torch.float16, 1e-2), (torch.bfloat16, 1e-2)):
        for factor in (0.9, 1.1):
            logs = torch.tensor([[factor * most, -1.0]], dtype=dtype)
            if factor < 1:
                assert nll_loss(logs, Y[:1]).item() < 0
            else:
                refuses(ValueError, "^log_probs must hold log-probabilities of at most 0, got", nll_loss, logs, Y[:1])
    edge = torch.tensor([[1e-4, -1.0]], dtype=F64)
    assert nll_loss(edge, Y[:1]).item() == -1e-4


@pytest.mark.parametrize("loss", [kl_divergence, js_divergence, categorical_cross_entropy, cross_entropy])
def test_distributions(loss):
    """Logits, log-probabilities, probabilities over the wrong dimension, in either argument."""
    names = {categorical_cross_entropy: ("probs", "target"), cross_entropy: (None, "target")}.get(loss, ("p", "q"))
    for bad, end in ((X, "probabilities from 0 to 1, got 2$"), (P.T.clone(), "sum to 1 along dimension 1, got 0.5$")):
        good = torch.full_like(bad, 1 / bad.shape[1])
        refuses(ValueError, f"^{names[1]} must hold .*{end}", loss, good, bad)
        if names[0]:
            refuses(ValueError, f"^{names[0]} must hold .*{end}", loss, bad, good)
    assert not loss(P, P + 5e-5 * torch.tensor([1.0, 0.0, 0.0])).isnan()


def test_entropy_checks():
    """Entropy of what is no distribution."""
    refuses(ValueError, "^probs must hold probabilities from 0 to 1, got 2$", entropy, X)
    refuses(ValueError, "^probs must hold distributions, which sum to 1 along dimension 0, got 0.5$", entropy, P, dim=0)
    refuses(TypeError, "^probs must be a floating-point tensor, got torch.int64", entropy, Y)


def test_the_order_of_checks():
    """Options, then types, shapes, emptiness, values: the first mistake is the one named."""
    nothing = torch.zeros(0, 3)
    bad = dict(reduction="all")
    for loss, args in (
        (cross_entropy, (Y, Y)),
        (nll_loss, (Y, Y)),
        (zero_one_loss, (Y, Y)),
        (kl_divergence, (Y, Y)),
        (categorical_cross_entropy, (Y, Y)),
        (distill, (Y, Y)),
    ):
        refuses(ValueError, "^reduction must be", loss, *args, **bad)
    refuses(TypeError, "^student_logits must be", distill, Y, Y, alpha=0.5)
    refuses(ValueError, "^target must have the shape", nll_loss, nothing, Y)
    refuses(ValueError, "^the mean over an empty batch", nll_loss, nothing + 5, Y[:0])
    refuses(ValueError, "^the mean over an empty batch", cross_entropy, nothing, nothing, ignore_index=-1)
    refuses(ValueError, "^the mean over an empty batch", distill, nothing, nothing)
    for loss in (kl_divergence, js_divergence, categorical_cross_entropy, binary_cross_entropy):
        refuses(ValueError, "^the mean over an empty batch", loss, nothing, nothing)
        assert loss(nothing, nothing, reduction="sum").item() == 0


def test_what_cannot_be_seen():
    """PITFALLS 25: a language model's (N, T, C) with T = C passes, with another number; transposed it is right."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(4, 5, 5, generator=g), torch.randint(5, (4, 5), generator=g)
    assert cross_entropy(x, y) != cross_entropy(x.transpose(1, 2), y)
    refuses(ValueError, "^target must have the shape", cross_entropy, x[:, :4], y[:, :4])
    flat = cross_entropy(x.reshape(20, 5), y.reshape(20))
    torch.testing.assert_close(cross_entropy(x.transpose(1, 2), y), flat)


def test_value_checks_are_skipped_where_values_cannot_be_read():
    """Documented: under vmap, torch.compile and on meta tensors what is no distribution is not seen."""
    p = torch.full((2, 1, 2), 0.75)
    assert vmap(entropy)(p).shape == (2, 1)
    assert vmap(kl_divergence)(p, p).tolist() == [0, 0]
    torch._dynamo.reset()
    assert torch.compile(js_divergence, fullgraph=True, backend="eager")(p[0], p[0]).item() == 0
    assert entropy(p.to("meta")).is_meta and cross_entropy(X.to("meta"), Y.to("meta")).is_meta
    refuses(ValueError, "must hold distributions", entropy, p)
