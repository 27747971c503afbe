"""What the losses share, by itself: each check at the edge of what it lets pass, each message, precision, reduction."""

import math
from fractions import Fraction

import pytest
import torch
from torch.func import vmap

from lossutils import _core as core

ONES = torch.ones(2, 3)


def refuses(error, message):
    return pytest.raises(error, match=f"^{message}$")


# Tensors


def test_check_tensor():
    """The message names the argument and says how to make it fit."""
    core.check_tensor("x", ONES)
    core.check_tensor("x", ONES.bfloat16())
    with refuses(TypeError, r"x must be a torch.Tensor, got list: make one with torch.as_tensor"):
        core.check_tensor("x", [1.0])
    with refuses(TypeError, r"x must be a floating-point tensor, got torch.int64: convert it with x.float\(\)"):
        core.check_tensor("x", torch.ones(2, dtype=torch.int64))


def test_check_alike():
    """Every tensor is held against the first, not only the second."""
    core.check_alike(x=ONES, y=ONES, z=ONES)
    with refuses(TypeError, r"x must be a torch.Tensor, got int: .*"):
        core.check_alike(x=1, y=ONES)
    for third in (1, ONES.long()):
        with pytest.raises(TypeError, match=r"^z must be a"):
            core.check_alike(x=ONES, y=ONES, z=third)
    message = r"x and z must have the same dtype, got torch.float32 and torch.float64: convert with z.to\(x.dtype\)"
    with refuses(TypeError, message):
        core.check_alike(x=ONES, y=ONES, z=ONES.double())
    with refuses(ValueError, r"x and z must be on the same device, got cpu and meta"):
        core.check_alike(x=ONES, y=ONES, z=ONES.to("meta"))


def test_check_alike_under_autocast():
    """There float32 and halves mix, but float64 is still a slip."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        core.check_alike(x=ONES.bfloat16(), y=ONES, z=ONES.half())
        with pytest.raises(TypeError, match=r"^x and y must have the same dtype"):
            core.check_alike(x=ONES, y=ONES.double())
    with pytest.raises(TypeError, match=r"^x and y must have the same dtype"):
        core.check_alike(x=ONES.bfloat16(), y=ONES)


def test_check_equal_shapes():
    """Broadcasting would give a number."""
    core.check_equal_shapes(x=ONES, y=ONES, z=ONES)
    message = r"x and z must have equal shapes, got \(2, 3\) and \(3,\): nothing is broadcast, so squeeze or expand .*"
    with refuses(ValueError, message):
        core.check_equal_shapes(x=ONES, y=ONES, z=torch.ones(3))


def test_check_dims():
    """What is asked is the number of dimensions."""
    core.check_dims("x", ONES, "(N, C)", lambda n: n == 2)
    with refuses(ValueError, r"x must have the shape \(N,\), got \(2, 3\)"):
        core.check_dims("x", ONES, "(N,)", lambda n: n == 1)


def test_check_integers():
    """Class indices are int64, as torch's are, on the device of the input."""
    target = torch.zeros(2, dtype=torch.int64)
    core.check_integers("y", target, "x", ONES)
    with refuses(TypeError, r"y must be a torch.Tensor, got list: make one with torch.as_tensor"):
        core.check_integers("y", [0, 1], "x", ONES)
    message = r"y must hold class indices as torch.int64, got torch.int32: convert it with y.long\(\)"
    with refuses(TypeError, message):
        core.check_integers("y", target.int(), "x", ONES)
    with refuses(TypeError, r"y must hold lengths as torch.int64, got torch.float32: convert it with y.long\(\)"):
        core.check_integers("y", ONES, "x", ONES, "lengths")
    with refuses(ValueError, r"x and y must be on the same device, got cpu and meta"):
        core.check_integers("y", target.to("meta"), "x", ONES)


def test_check_not_empty():
    """Only the mean over nothing has no answer; one element is something."""
    nothing = torch.ones(0, 3)
    core.check_not_empty("x", nothing, "sum")
    core.check_not_empty("x", nothing, "none")
    core.check_not_empty("x", torch.ones(1), "mean")
    message = r"the mean over an empty batch is undefined, got x of shape \(0, 3\): skip the batch, or use .*"
    with refuses(ValueError, message):
        core.check_not_empty("x", nothing, "mean")


def test_check_elementwise():
    """All of its parts are there, and the reduction comes first."""
    core.check_elementwise("mean", x=ONES, y=ONES)
    core.check_elementwise("sum", x=ONES[:0], y=ONES[:0])
    with pytest.raises(ValueError, match=r"^reduction must be"):
        core.check_elementwise("average", x=1, y=ONES)
    with pytest.raises(TypeError, match=r"^y must be a torch.Tensor"):
        core.check_elementwise("mean", x=ONES, y=1)
    with pytest.raises(ValueError, match=r"^x and y must have equal shapes"):
        core.check_elementwise("mean", x=ONES, y=ONES[0])
    with pytest.raises(ValueError, match=r"got x of shape \(0, 3\)"):
        core.check_elementwise("mean", x=ONES[:0], y=ONES[:0])


# Options


def test_check_reduction_and_choice():
    """The word must be one of those offered, and a word: a list of one is none."""
    for word in ("none", "mean", "sum"):
        core.check_reduction(word)
    for wrong in ("MEAN", "", None, ["mean"], 1):
        with pytest.raises(ValueError, match=r'^reduction must be "none", "mean" or "sum", got '):
            core.check_reduction(wrong)
    core.check_choice("absent", "zero", ("ignore", "zero"))
    core.check_choice("absent", "zero", (word for word in ("ignore", "zero")))
    for wrong in ("Zero", "", None, ["zero"]):
        with pytest.raises(ValueError, match=r"^absent must be one of \['ignore', 'zero'\], got "):
            core.check_choice("absent", wrong, ("ignore", "zero"))


def test_check_flag():
    """1 is not True: it may be an argument in the wrong place."""
    core.check_flag("full", True)
    core.check_flag("full", False)
    with refuses(TypeError, r"full must be True or False, got 1"):
        core.check_flag("full", 1)


def test_check_number():
    """Numbers of any kind, but neither booleans nor tensors; whole numbers where they are asked for."""
    positive = lambda v: v > 0  # noqa: E731
    for value in (1, 0.5, Fraction(1, 2), math.inf):
        core.check_number("k", value, "above 0", positive)
    core.check_number("k", 2, "above 0", positive, whole=True)
    for value, kind in ((True, "bool"), ("1", "str"), (1j, "complex"), (torch.tensor(1.0), "a tensor")):
        with refuses(TypeError, f"k must be a number above 0, got {kind}"):
            core.check_number("k", value, "above 0", positive)
    for value, kind in ((True, "bool"), (2.0, "float"), (torch.tensor(2), "a tensor")):
        with refuses(TypeError, f"k must be a whole number above 0, got {kind}"):
            core.check_number("k", value, "above 0", positive, whole=True)
    with refuses(ValueError, "k must be a number above 0, got nan"):
        core.check_number("k", math.nan, "above 0", positive)
    with refuses(ValueError, "k must be a whole number above 0, got 0"):
        core.check_number("k", 0, "above 0", positive, whole=True)


def test_option():
    """A number or a tensor comes back as a tensor of the input's dtype; a learned one keeps its graph."""
    positive = lambda v: v > 0  # noqa: E731
    x = ONES.double()
    for value in (0.5, torch.tensor(0.5), torch.tensor([0.5, 1.0, 2.0]), torch.full((2, 1), 0.5), ONES.half()):
        got = core.option("k", value, x, "above 0", positive)
        assert got.dtype == torch.float64
        assert torch.equal(got, torch.as_tensor(value).double())
    learned = torch.tensor(0.5, requires_grad=True)
    assert core.option("k", learned, x, "above 0", positive).requires_grad
    with refuses(ValueError, "k must be a number above 0, got 0"):
        core.option("k", 0, x, "above 0", positive)
    with refuses(TypeError, "k must be a number above 0, got str"):
        core.option("k", "1", x, "above 0", positive)
    with refuses(TypeError, r"k must be a floating-point tensor, got torch.int64: .*"):
        core.option("k", torch.tensor(1), x, "above 0", positive)
    with refuses(ValueError, "k must be above 0, got -1"):
        core.option("k", torch.tensor([1.0, -1.0, -2.0]), x, "above 0", positive)
    for shape in ((2,), (3, 2), (1, 2, 3), (6,), (2, 3, 1)):
        message = rf"k must broadcast to the shape of input, \(2, 3\), got \({', '.join(map(str, shape))},?\)"
        with refuses(ValueError, message):
            core.option("k", torch.ones(shape), x, "above 0", positive)
    for shape in ((5,), (3, 5), (3, 1), (1, 5), (2, 1, 5)):
        assert core.option("k", torch.ones(shape), torch.ones(2, 3, 5), "above 0", positive).shape == shape
    with refuses(ValueError, r"k must broadcast to the shape of input, \(2, 3, 5\), got \(2, 5\)"):
        core.option("k", torch.ones(2, 5), torch.ones(2, 3, 5), "above 0", positive)


def test_option_moves_a_scalar_only():
    """As torch's operators do, a tensor without dimensions comes along to any device; another one must be there."""
    assert core.option("k", torch.tensor(0.5), ONES.to("meta"), "above 0", lambda v: v > 0).is_meta
    with refuses(ValueError, "input and k must be on the same device, got meta and cpu"):
        core.option("k", torch.ones(3), ONES.to("meta"), "above 0", lambda v: v > 0)


# Values


def test_check_values():
    """The first wrong value is shown, also where the question has fewer dimensions than the values."""
    below = lambda v: v < 0  # noqa: E731
    core.check_values("no", ONES, below)
    core.check_values("no", ONES[:0], below)
    with refuses(ValueError, "no negatives, got -0.25"):
        core.check_values("no negatives", torch.tensor([[1.0, -0.25], [-3.0, 1.0]]), below)
    with refuses(ValueError, "no twos, got 2"):
        core.check_values("no twos", torch.tensor(2), lambda v: (v == 2).expand(3))
    with refuses(ValueError, "no negatives, got -1"):
        core.check_values("no negatives", torch.tensor([-1.0], requires_grad=True), below)


def test_values_that_cannot_be_read_are_not_checked():
    """On a meta tensor, under vmap and under torch.compile the question has no answer, and must not break the graph."""
    assert core.values_are_checked()
    core.check_values("no", -ONES.to("meta"), lambda v: v < 0)

    def checked(v):
        core.check_values("no", v, lambda v: v < 0)
        return v + core.values_are_checked()

    assert torch.equal(vmap(checked)(-ONES), 1 - ONES)
    torch._dynamo.reset()
    assert torch.equal(torch.compile(checked, fullgraph=True, backend="eager")(-ONES), -ONES)


def test_check_indices():
    """0 and classes − 1 are classes, −1 and classes are not, unless one of them is to be ignored."""
    core.check_indices("y", torch.tensor([0, 1, 2]), 3)
    for wrong in (-1, 3):
        target = torch.tensor([0, wrong])
        with refuses(ValueError, f"y must hold class indices from 0 to 2, got {wrong}"):
            core.check_indices("y", target, 3)
        core.check_indices("y", target, 3, wrong)
        with refuses(ValueError, f"y must hold class indices from 0 to 2, or ignore_index = -100, got {wrong}"):
            core.check_indices("y", target, 3, -100)
    core.check_indices("y", torch.tensor([-100, 0]), 3, -100)


def test_check_probabilities():
    """0, 1 and NaN pass; the next numbers do not."""
    core.check_probabilities("p", torch.tensor([0.0, 0.5, 1.0, math.nan]))
    for wrong in (-1e-6, 1.0001):
        with refuses(ValueError, f"p must hold probabilities from 0 to 1, got {wrong:g}"):
            core.check_probabilities("p", torch.tensor([0.5, wrong]))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-4), (torch.float32, 1e-4), (torch.float16, 1e-2)])
def test_check_distributions(dtype, tolerance):
    """A sum may be off by rounding, which in half precision is a hundred times more."""
    for slip in (0.75, -0.75):
        core.check_distributions("p", torch.tensor([[0.25, 0.75 + slip * tolerance]], dtype=dtype), 1)
    for slip in (1.5, -1.5):
        message = "p must hold distributions, which sum to 1 along dimension 1, got [0-9.]+"
        with refuses(ValueError, message):
            core.check_distributions("p", torch.tensor([[0.25, 0.75 + slip * tolerance]], dtype=dtype), 1)
    core.check_distributions("p", torch.tensor([[0.25, 1.0], [0.75, 0.0]], dtype=dtype), 0)
    core.check_distributions("p", torch.tensor([math.nan, 0.5], dtype=dtype), 0)
    with refuses(ValueError, "p must hold probabilities from 0 to 1, got 1.5"):
        core.check_distributions("p", torch.tensor([1.5, -0.5], dtype=dtype), 0)


def test_check_distributions_sums_halves_in_float32():
    """The sum itself is not rounded to half precision: a row of 3000 keeps the digits that tell it from another sum."""
    probs = torch.rand(64, 3000, generator=torch.Generator().manual_seed(0)).softmax(1)
    core.check_distributions("p", probs.bfloat16(), 1)
    message = "p must hold distributions, which sum to 1 along dimension 0, got 1.01171875"
    with refuses(ValueError, message):  # 1 + 3/256, which bfloat16 would round to 1 + 4/256
        core.check_distributions("p", torch.tensor([1.0, 3 / 256]).bfloat16(), 0)


def test_check_signs():
    """Labels of 0 and 1 are the common mistake."""
    core.check_signs("y", torch.tensor([1.0, -1.0]))
    for wrong in (0.0, 2.0, -0.5):
        with refuses(ValueError, f"y must hold labels of [+]1 and -1, got {wrong:g}"):
            core.check_signs("y", torch.tensor([1.0, wrong]))


# Precision and reduction


def test_autocast_is_seen_and_switched_off():
    """A matrix product in bfloat16 would lose the digits of a float32 one."""
    assert not core.autocasts(ONES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert core.autocasts(ONES) and not core.autocasts(ONES.to("meta"))
        assert (ONES @ ONES.T).dtype == torch.bfloat16
        with core.no_autocast(ONES):
            assert not core.autocasts(ONES)
            assert (ONES @ ONES.T).dtype == torch.float32
    with core.no_autocast(ONES.to("meta")):  # torch.autocast does not know that device
        pass


def test_upcast_and_restore():
    """Halves are computed in float32 and go back; under autocast they stay."""
    half, single, double = core.upcast(ONES.half(), ONES, ONES.double())
    assert (half.dtype, single.dtype, double.dtype) == (torch.float32, torch.float32, torch.float64)
    assert core.restore(ONES, ONES.half()).dtype == torch.float16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert core.restore(ONES, ONES.half()).dtype == torch.float32


def test_reduce():
    """The mean divides by the number of values or by a total, the sum by nothing, and a total of 0 gives 0."""
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    half = values.half()
    for input in (values, half):
        for total in (None, 5, torch.tensor(5)):
            none = core.reduce(values, "none", input, total=total)
            assert none.dtype == input.dtype and torch.equal(none, values.to(input.dtype))
            assert core.reduce(values, "sum", input, total=total) == 12
    assert core.reduce(values, "mean", half).dtype == torch.float16
    assert core.reduce(values, "mean", values) == 3
    for total in (0.5, 5, torch.tensor(5), torch.tensor(0.5, dtype=torch.float64)):
        mean = core.reduce(values, "mean", values, total=total)
        assert mean.dtype == torch.float32 and mean.item() == pytest.approx(12 / float(total))
    ignored = (values * 0).requires_grad_()
    mean = core.reduce(ignored, "mean", values, total=torch.tensor(0))
    mean.backward()
    assert mean == 0 and ignored.grad.isfinite().all()


def test_a_total_keeps_its_digits_and_its_gradient():
    """A total in the values' own precision; weights that are learned get their gradient through it."""
    total = torch.tensor(4.0, requires_grad=True)
    mean = core.reduce(torch.ones(2), "mean", torch.ones(2), total=total)
    (slope,) = torch.autograd.grad(mean, total)
    assert slope.item() == -2 / 16
    wide = core.reduce(torch.ones(1, dtype=torch.float64), "mean", torch.ones(1, dtype=torch.float64), total=0.1)
    assert wide.item() == 1 / 0.1


def test_check_alike_under_autocast_of_a_float64_prediction():
    """The slip the other way round: a float64 prediction with a float32 target."""
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(TypeError, match=r"^x and y must have the same"):
        core.check_alike(x=ONES.double(), y=ONES)


def test_a_wrong_value_is_shown_with_the_digits_that_make_it_wrong():
    """A probability of 1.0000001 would otherwise be refused as one of 1, and a large label shown rounded."""
    for value, shown in (
        (torch.tensor(1.0000001), "1.0000001192092896"),
        (torch.tensor(1.0000000000000002, dtype=torch.float64), "1.0000000000000002"),
        (torch.tensor(1.1), "1.1"),
        (torch.tensor(1.1, dtype=torch.bfloat16), "1.10156"),
        (torch.tensor(12345678), "12345678"),
    ):
        with refuses(ValueError, f"too large, got {shown}"):
            core.check_values("too large", value, lambda v: v > 1)


def test_labels_to_ignore_may_change_under_compile():
    """dynamo takes an argument that changes for a symbol, which goes into no message."""

    def checked(target, ignored):
        core.check_indices("y", target, 3, ignored)
        return target + 1

    torch._dynamo.reset()
    compiled = torch.compile(checked, fullgraph=True, backend="eager", dynamic=True)
    for ignored in (-100, 1, 2):
        assert torch.equal(compiled(torch.tensor([0, 2]), ignored), torch.tensor([1, 3]))


# A kernel


def test_log_softmax_is_torchs():
    """Value, slope and curvature along any dimension, for rows of any length, at −∞ and far out."""
    g = torch.Generator().manual_seed(0)
    for shape, dim in (((5, 3), 1), ((5, 3), 0), ((4, 64), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((3,), 0)):
        x = torch.randn(shape, generator=g, dtype=torch.float64, requires_grad=True)
        got, wanted = core.log_softmax(x, dim), torch.log_softmax(x, dim)
        torch.testing.assert_close(got, wanted, rtol=1e-14, atol=1e-14)
        weights = torch.randn(shape, generator=g, dtype=torch.float64)
        slopes = [torch.autograd.grad((v * weights).sum(), x)[0] for v in (got, wanted)]
        torch.testing.assert_close(*slopes, rtol=1e-13, atol=1e-14)
        assert torch.autograd.gradgradcheck(lambda x, dim=dim: core.log_softmax(x, dim), x)
    far = torch.tensor([[1e4, -1e4, 0.0], [-math.inf, 0.0, 0.0]])
    torch.testing.assert_close(core.log_softmax(far, 1), torch.log_softmax(far, 1))


def test_log_softmax_of_our_own_for_short_rows_only():
    """Ours is faster for rows shorter than a vector of 64 bytes, in the last dimension and in eager mode."""
    for dtype, limit in ((torch.float32, 16), (torch.float64, 8)):
        for classes, ours in ((limit - 1, True), (limit, False)):
            x = torch.ones(20, classes, dtype=dtype, requires_grad=True)
            assert (core.log_softmax(x, 1).grad_fn.name() == "_LogSoftmaxBackward") == ours
            assert core.log_softmax(x.T, 0).grad_fn.name() != "_LogSoftmaxBackward"
    assert core.log_softmax(ONES.to("meta").requires_grad_(), 1).grad_fn.name() == "LogSoftmaxBackward0"
    torch._dynamo.reset()
    traced = []
    backend = lambda graph, _: traced.append(graph) or graph.forward  # noqa: E731
    torch.compile(lambda x: core.log_softmax(x, 1), fullgraph=True, backend=backend)(ONES)
    assert "log_softmax" in traced[0].code
