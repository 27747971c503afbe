"""The losses of probabilities and logits: values, gradients and extremes against the formulas in mpmath."""

import math
from functools import partial
from itertools import product

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacrev, vmap

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
LOG2 = math.log(2)
# Distributions with zeros in every combination, and ordinary ones.
P = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25], [1e-300, 1.0, 0.0]]
Q = [[0.25, 0.5, 0.25], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4], [0.1, 0.0, 0.9], [0.25, 0.5, 0.25], [0.5, 0.5, 0.0]]


def t(values, dtype=F64):
    return torch.tensor(values, dtype=dtype)


def value_and_slope(loss, x, *others, **options):
    """The loss of each sample and the gradient of its sum in the first argument."""
    x = x.clone().requires_grad_()
    values = loss(x, *others, reduction="none", **options)
    return values.detach(), torch.autograd.grad(values.sum(), x)[0]


def assert_near(got, wanted, rtol=1e-13, atol=0.0):
    """Hold a tensor against mpmath numbers, to infinity where they are."""
    for g, w in zip(got.flatten().tolist(), wanted, strict=True):
        if mp.isinf(w):
            assert g == float(w)
        else:
            assert math.isfinite(g) and abs(g - w) <= rtol * abs(w) + atol, f"got {g}, wanted {mp.nstr(w, 17)}"


def log_softmax(row):
    """Of a list of numbers, in mpmath with digits to spare."""
    with mp.workdps(60):
        row = [mp.mpf(v) for v in row]
        top = max(row)
        total = top + mp.log(sum(mp.exp(v - top) for v in row))
        return [v - total for v in row]


def times(a, b):
    """The product in which 0 · ∞ = 0."""
    return mp.mpf(0) if a == 0 else mp.mpf(a) * b


def log(x):
    return mp.log(mp.mpf(x)) if x > 0 else mp.mpf("-inf")


# Entropy and divergences


def test_entropy_is_shannons():
    """Values and slopes −log p − 1 of ordinary probabilities; 0 log 0 = 0 and a finite slope there."""
    p = t(P).requires_grad_()
    values = entropy(p)
    assert_near(values, [-mp.fsum(times(a, log(a)) for a in row) for row in P])
    (slope,) = torch.autograd.grad(values.sum(), p)
    assert_near(slope[[2, 4]], [-log(a) - 1 for row in (P[2], P[4]) for a in row])
    at_0 = -math.log(torch.finfo(F64).tiny)
    assert slope[0].tolist() == pytest.approx([LOG2 - 1, LOG2 - 1, at_0])
    assert torch.equal(torch.signbit(entropy(t(P[1:2]))), torch.tensor([False]))
    assert entropy(t([[0.5, 0.5, 0.0]], torch.float32)).item() == pytest.approx(LOG2, rel=1e-7)


def test_entropy_through_a_softmax_that_underflows():
    """The true slope +∞ at p = 0 would become 0 · ∞ = NaN in the softmax."""
    x = t([[0.0, 0.0, -2000.0], [1e4, 0.0, 0.0]]).requires_grad_()
    (slope,) = torch.autograd.grad(entropy(x.softmax(1)).sum(), x)
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-15)


def test_kl_is_kullback_and_leiblers():
    """0 log 0/q = 0, infinity where q = 0 < p, and the order KL(p‖q)."""
    wanted = [
        mp.fsum(times(a, log(a) - log(b)) if a > 0 else 0 for a, b in zip(p, q, strict=True))
        for p, q in zip(P, Q, strict=True)
    ]
    assert_near(kl_divergence(t(P), t(Q), reduction="none"), wanted, rtol=1e-13, atol=1e-16)
    back = kl_divergence(t(Q), t(P), reduction="none").tolist()
    assert back[0] == INF and back[3] == INF and back[1] == back[4] == 0
    assert kl_divergence(t([[1.0, 0.0]], torch.float32), t([[1e-45, 1.0]], torch.float32)).item() == pytest.approx(
        149 * LOG2
    )


def test_kl_slopes():
    """log p/q + 1 and −p/q; finite, of the right sign, where p or q is 0."""
    tiny = torch.finfo(F64).tiny
    p, q = t([[0.2, 0.8, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]), t([[0.4, 0.35, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0]])
    _, slope = value_and_slope(kl_divergence, p, q)
    wanted = [math.log(0.5) + 1, math.log(0.8 / 0.35) + 1, math.log(tiny / 0.25) + 1, 1]
    wanted += [math.log(0.5) + 1, math.log(0.5 / tiny) + 1, 1, 1]
    assert slope.flatten().tolist() == pytest.approx(wanted, rel=1e-13)
    _, slope = value_and_slope(lambda q, p, **o: kl_divergence(p, q, **o), q, p)
    assert slope.flatten().tolist() == pytest.approx([-0.5, -0.8 / 0.35, 0, 0, -0.5, -0.5 / tiny, 0, 0], rel=1e-13)
    x = t([[0.0, -2000.0]]).requires_grad_()
    (slope,) = torch.autograd.grad(kl_divergence(t([[0.5, 0.5]]), x.softmax(1)), x)
    assert slope.isfinite().all()


def test_js_is_lins():
    """½ KL(p‖m) + ½ KL(q‖m) in mpmath; 0 for equal, log 2 for disjoint distributions."""
    with mp.workdps(60):
        wanted = []
        for p, q in zip(P, Q, strict=True):
            m = [(mp.mpf(a) + b) / 2 for a, b in zip(p, q, strict=True)]
            parts = [times(a, log(a) - log(c)) if a > 0 else 0 for r in (p, q) for a, c in zip(r, m, strict=True)]
            wanted.append(mp.fsum(parts) / 2)
        assert_near(js_divergence(t(P), t(Q), reduction="none"), wanted, rtol=2e-15, atol=1e-17)
    assert torch.equal(js_divergence(t(P), t(P), reduction="none"), torch.zeros(6, dtype=F64))
    for dtype in (F64, torch.float32):
        assert js_divergence(t([[1.0, 0.0, 0.0]], dtype), t([[0.0, 0.5, 0.5]], dtype)).item() == t(LOG2, dtype).item()


def test_js_of_nearly_equal_distributions():
    """The difference of two KL would lose all digits: at 1e-7 in float64 it is about 1e-15, with rounding 1e-16."""
    for step, rtol in ((1e-3, 1e-12), (1e-7, 1e-8), (1e-12, 1e-3)):
        p, q = [0.5 - step, 0.5 + step], [0.5, 0.5]
        with mp.workdps(60):
            d = [(mp.mpf(a) - b) / (mp.mpf(a) + b) for a, b in zip(p, q, strict=True)]
            h = [(1 + e) * mp.log(1 + e) + (1 - e) * mp.log(1 - e) for e in d]
            wanted = mp.fsum((mp.mpf(a) + b) / 4 * e for a, b, e in zip(p, q, h, strict=True))
        assert_near(js_divergence(t([p]), t([q])), [wanted], rtol=rtol)


def test_js_slopes():
    """½ log p/m and ½ log q/m; finite where p = 0 < q, 0 where both are 0."""
    tiny = torch.finfo(F64).tiny
    p, q = t([[0.2, 0.8, 0.0, 0.0]]), t([[0.4, 0.35, 0.25, 0.0]])
    wanted = [math.log(0.2 / 0.3) / 2, math.log(0.8 / 0.575) / 2, math.log(tiny / 0.125) / 2, 0]
    assert value_and_slope(js_divergence, p, q)[1].flatten().tolist() == pytest.approx(wanted, rel=1e-13)
    swapped = value_and_slope(lambda q, p, **o: js_divergence(p, q, **o), p, q)[1]
    assert swapped.flatten().tolist() == pytest.approx(wanted, rel=1e-13)


def test_categorical_cross_entropy_is_the_formula():
    """Σ −p log q, or −log q_y; 0 log 0 = 0; infinite where the truth has probability 0, with a finite slope −p/q."""
    tiny = torch.finfo(F64).tiny
    wanted = [-mp.fsum(times(a, log(b)) for a, b in zip(p, q, strict=True)) for p, q in zip(P, Q, strict=True)]
    values, slope = value_and_slope(categorical_cross_entropy, t(Q), t(P))
    assert_near(values, wanted, atol=1e-16)
    assert slope[0].tolist() == [-2, -1, 0] and slope[3].tolist() == pytest.approx([0, 0, -1 / 0.9])
    for column in range(3):
        y = torch.full((6,), column)
        values, slope = value_and_slope(categorical_cross_entropy, t(P), y)
        assert_near(values, [-log(row[column]) for row in P])
        expected = torch.zeros(6, 3, dtype=F64)
        expected[:, column] = -1 / t(P)[:, column].clamp(min=tiny)
        assert torch.equal(slope, expected)
    _, slope = value_and_slope(lambda p, q, **o: categorical_cross_entropy(q, p, **o), t(P), t(Q))
    assert slope[0].tolist() == pytest.approx([2 * LOG2, LOG2, 2 * LOG2])
    assert not torch.signbit(categorical_cross_entropy(t(P[3:4]), torch.tensor([2])))
    assert not torch.signbit(categorical_cross_entropy(t(P[3:4]), t(P[3:4])))


@pytest.mark.parametrize("loss", [kl_divergence, js_divergence, categorical_cross_entropy])
def test_any_dimension_may_be_the_classes(loss):
    """dim counts from both ends, and the mean is over the distributions that are left."""
    p, q = t(P[2:5]).expand(4, 2, 3, 3), t(Q[:3]).expand(4, 2, 3, 3)
    wanted = loss(p, q, reduction="none")
    assert wanted.shape == (4, 2, 3)
    assert torch.equal(loss(p, q, dim=3, reduction="none"), wanted)
    for dim in (0, 1, 2, -4, -3, -2):
        moved = loss(p.movedim(-1, dim), q.movedim(-1, dim), dim=dim, reduction="none")
        assert torch.equal(moved, wanted)
        torch.testing.assert_close(loss(p.movedim(-1, dim), q.movedim(-1, dim), dim=dim), wanted.sum() / 24)
        assert torch.equal(entropy(p.movedim(-1, dim), dim=dim), entropy(p))
    if loss is categorical_cross_entropy:
        y = torch.arange(3).expand(4, 2, 3)
        assert torch.equal(loss(p.movedim(-1, 1), y, dim=1, reduction="none"), loss(p, y, reduction="none"))


# Cross entropy of logits


def brute(x, y, weight=None, ignore_index=-100, smoothing=0.0):
    """The values, what "mean" divides by, and the gradient of the sum, from the formula, one row after another."""
    values, slopes, total = [], [], mp.mpf(0)
    classes = len(x[0])
    w = [1.0] * classes if weight is None else weight
    for row, label in zip(x, y, strict=True):
        ignored = label == ignore_index
        dist = label if isinstance(label, list) else [float(c == label) for c in range(classes)]
        dist = [(1 - mp.mpf(smoothing)) * a + mp.mpf(smoothing) / classes for a in dist]
        logs = log_softmax(row)
        mass = [0 if ignored else mp.mpf(a) * b for a, b in zip(w, dist, strict=True)]
        values.append(-mp.fsum(times(a, b) for a, b in zip(mass, logs, strict=True)))
        slopes += [mp.exp(b) * mp.fsum(mass) - a for a, b in zip(mass, logs, strict=True)]
        total += 1 if isinstance(label, list) else 0 if ignored else mp.mpf(w[label])
    return values, total, slopes


WEIGHT = [0.5, 2.0, 0.0, 1.25]
INDICES = [0, 3, -7, 1, 2, 1]
SOFT = [[0.25, 0.25, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]] * 2
OPTIONS = [
    dict(zip(("weight", "label_smoothing"), o, strict=True)) for o in product((None, WEIGHT), (0.0, 0.1, 0.75, 1.0))
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("y", [INDICES, SOFT], ids=["indices", "soft"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4, 1e20])
def test_cross_entropy_is_the_formula(options, y, scale):
    """Weights, smoothing over all classes, ignored targets, soft targets; logits to ±1e20; and p − y."""
    g = torch.Generator().manual_seed(3)
    x = scale * torch.randn(6, 4, generator=g, dtype=F64)
    weight, smoothing = options.values()
    values, total, slopes = brute(x.tolist(), y, weight, -7, smoothing)
    kwargs = dict(weight=None if weight is None else t(weight), label_smoothing=smoothing, ignore_index=-7)
    target = torch.tensor(y) if y is INDICES else t(y)
    got, slope = value_and_slope(cross_entropy, x, target, **kwargs)
    largest = float(max(values))
    assert_near(got, values, rtol=1e-13, atol=1e-15 * scale)
    assert_near(slope, slopes, atol=1e-14)
    assert cross_entropy(x, target, reduction="sum", **kwargs).item() == pytest.approx(float(mp.fsum(values)))
    mean = cross_entropy(x, target, **kwargs)
    assert mean.item() == pytest.approx(float(mp.fsum(values) / total), rel=1e-13, abs=1e-15 * largest)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("shape", [(4,), (7, 4), (3, 4, 5), (2, 4, 3, 2)], ids=str)
def test_cross_entropy_is_torchs(options, reduction, shape):
    """Where torch's kernel has the true value: every shape, indices and distributions, values and gradients."""
    g = torch.Generator().manual_seed(5)
    weight = None if options["weight"] is None else t(options["weight"])
    options = dict(weight=weight, label_smoothing=options["label_smoothing"], reduction=reduction)
    dim = min(1, len(shape) - 1)
    spatial = shape[:dim] + shape[dim + 1 :]
    y = torch.randint(4, spatial, generator=g)
    if spatial:
        y[0] = 3
    soft = torch.randn(shape, generator=g, dtype=F64).softmax(dim)
    for target, more in ((y, {}), (y, dict(ignore_index=1)), (soft, {})):
        ours = torch.randn(shape, generator=g, dtype=F64).requires_grad_()
        theirs = ours.detach().clone().requires_grad_()
        got, wanted = cross_entropy(ours, target, **options, **more), F.cross_entropy(theirs, target, **options, **more)
        if wanted.isnan().any():  # the mean of a single ignored target, or of one of weight 0
            assert shape == (4,) and got == 0
            continue
        torch.testing.assert_close(got, wanted)
        seeds = torch.linspace(0.5, 1.5, got.numel(), dtype=F64).reshape(got.shape)
        got.backward(seeds), wanted.backward(seeds)
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_logits_of_minus_infinity():
    """0 · ∞ = 0 without mass or weight, ∞ with it, and the gradient p − y either way (torch: NaN for some)."""
    x = t([[-INF, 0.0, 1.0]] * 3)
    p = torch.softmax(x, 1)
    soft = t([[0.0, 0.5, 0.5], [0.2, 0.4, 0.4], [0.0, 1.0, 0.0]])
    values, slope = value_and_slope(cross_entropy, x, soft)
    wanted = [math.log(1 + math.e) - 0.5, INF, math.log(1 + math.e)]
    assert values.tolist() == pytest.approx(wanted)
    torch.testing.assert_close(slope, p - soft)
    assert F.cross_entropy(x, soft, reduction="none").isnan().tolist() == [True, False, True]
    y = torch.tensor([1, 0, 2])
    values, slope = value_and_slope(cross_entropy, x, y)
    assert values.tolist() == pytest.approx([wanted[2], INF, wanted[2] - 1])
    torch.testing.assert_close(slope, p - F.one_hot(y, 3))
    weight = t([0.0, 1.0, 2.0])
    for smoothing in (0.0, 0.5, 1.0):
        for target in (y, F.one_hot(y, 3).double()):
            values, slope = value_and_slope(cross_entropy, x, target, weight=weight, label_smoothing=smoothing)
            spread = smoothing / 3 * (2 * (wanted[2] - 1) + wanted[2])
            hard = [wanted[2], 0.0, 2 * (wanted[2] - 1)]
            assert values.tolist() == pytest.approx([(1 - smoothing) * v + spread for v in hard])
            assert slope.isfinite().all()
            values = value_and_slope(cross_entropy, x, target, label_smoothing=smoothing)[0]
            assert values.tolist() == ([INF] * 3 if smoothing else pytest.approx([wanted[2], INF, wanted[2] - 1]))


def test_cross_entropy_at_the_ends_of_float32():
    """Logits of ±1e4, soft targets and smoothing."""
    x = t([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]], torch.float32)
    values, slope = value_and_slope(cross_entropy, x, torch.tensor([2, 1]))
    assert values.tolist() == [2e4, 0] and slope.tolist() == [[1, 0, -1], [0, 0, 0]]
    soft = t([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]], torch.float32)
    values, slope = value_and_slope(cross_entropy, x, soft)
    assert values.tolist() == [1e4, 0] and slope.tolist() == [[0.5, 0, -0.5], [0, 0, 0]]
    values = cross_entropy(x, torch.tensor([2, 1]), label_smoothing=0.3, reduction="none")
    assert values.tolist() == pytest.approx([0.7 * 2e4 + 0.1 * 3e4, 0.1 * 3e4])


def test_nothing_counts():
    """All ignored, or of weight 0: the mean is 0 and back-propagates (torch: NaN); so do parts that are."""
    y = torch.full((2,), -100)
    for loss, x in ((cross_entropy, t([[1.0, 2.0], [3.0, NAN]])), (nll_loss, t([[-1.0, -2.0], [-INF, -INF]]))):
        for target, options in (
            (y, {}),
            (y, dict(weight=t([1.0, 2.0]))),
            (torch.zeros(2, dtype=torch.int64), dict(weight=t([0.0, 2.0]))),
        ):
            x = x.nan_to_num(nan=-9.0).requires_grad_()
            value = loss(x, target, **options)
            (slope,) = torch.autograd.grad(value, x)
            assert value.item() == 0 and torch.equal(slope, torch.zeros(2, 2, dtype=F64))
            assert loss(x, target, reduction="none", **options).tolist() == [0, 0]
    assert cross_entropy(t([[1.0, 2.0]]), y[:1], label_smoothing=0.1).item() == 0
    assert cross_entropy(t([[-INF, 2.0]]), y[:1], label_smoothing=0.1).item() == 0
    assert F.cross_entropy(t([[1.0, 2.0]]), y[:1]).isnan()


def test_nan_stays_visible():
    """A NaN swallowed as 0 · ∞ would hide a broken batch; it spoils its own sample and no other."""
    good, bad = [0.25, 0.25, 0.5], [0.5, NAN, 0.5]
    for p, q in ((good, bad), (bad, good), ([0.5, 0.0, 0.5], bad), (bad, [0.5, 0.0, 0.5])):
        p, q = t([p, good]), t([q, good])
        for loss in (kl_divergence, js_divergence, categorical_cross_entropy, cross_entropy):
            values = loss(q, p, reduction="none")
            assert values.isnan().tolist() == [True, False], loss.__name__
        values = distillation_loss(p, q, temperature=1.0, reduction="none")
        assert values.isnan().tolist() == [True, False]
        for loss in (
            binary_cross_entropy,
            binary_cross_entropy_with_logits,
            partial(binary_cross_entropy_with_logits, pos_weight=2.0),
        ):
            assert torch.equal(loss(p, q, reduction="none").isnan(), p.isnan() | q.isnan())
    assert entropy(t([bad, good])).isnan().tolist() == [True, False]
    y = torch.tensor([0, 0])
    for loss, options in (
        (cross_entropy, {}),
        (cross_entropy, dict(label_smoothing=0.1)),
        (cross_entropy, dict(weight=t([0.0, 1.0, 1.0]))),
        (cross_entropy, dict(weight=t([0.0, 1.0, 1.0]), label_smoothing=1.0)),
        (zero_one_loss, {}),
        (partial(distillation_loss, temperature=1.0, alpha=0.0), dict(teacher=True)),
    ):
        inputs = (t([bad, good]),) * (2 if options.pop("teacher", False) else 1)
        assert loss(*inputs, y, reduction="none", **options).isnan().tolist() == [True, False]
    assert zero_one_loss(t([NAN, 1.0]), t([1.0, 1.0]), reduction="none").isnan().tolist() == [True, False]
    assert nll_loss(t([[NAN, -1.0]]), torch.tensor([0])).isnan()


def test_nll_is_torchs_and_takes_infinity():
    """Every reduction and weight; −∞ at the target is +∞, with the gradient −w."""
    g = torch.Generator().manual_seed(1)
    for shape in ((7, 4), (3, 4, 5), (4,)):
        dim = min(1, len(shape) - 1)
        logs = torch.randn(shape, generator=g, dtype=F64).log_softmax(dim)
        y = torch.randint(4, shape[:dim] + shape[dim + 1 :], generator=g)
        for weight, ignore, reduction in product((None, t([0.5, 2.0, 1.0, 1.25])), (-100, 2), ("none", "mean", "sum")):
            options = dict(weight=weight, ignore_index=ignore, reduction=reduction)
            torch.testing.assert_close(nll_loss(logs, y, **options), F.nll_loss(logs, y, **options).nan_to_num())
    logs = t([[-INF, 0.0], [-LOG2, -LOG2]])
    values, slope = value_and_slope(nll_loss, logs, torch.tensor([0, 1]), weight=t([3.0, 5.0]))
    assert values.tolist() == [INF, 5 * LOG2] and slope.tolist() == [[-3, 0], [0, -5]]
    values, slope = value_and_slope(nll_loss, logs, torch.tensor([0, 1]), weight=t([0.0, 5.0]))
    assert values.tolist() == [0, 5 * LOG2] and slope.tolist() == [[0, 0], [0, -5]]


def test_weights_of_the_classes_have_gradients():
    """Learned weights, in the value and in what the mean divides by."""
    w = t([0.5, 2.0, 1.0]).requires_grad_()
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=F64).requires_grad_()
    y = torch.tensor([0, 1, 2, 1])
    assert gradcheck(lambda x, w: cross_entropy(x, y, weight=w, label_smoothing=0.2), (x, w))
    soft = t([[0.25, 0.5, 0.25]]).expand(4, 3)
    assert gradcheck(lambda x, w: cross_entropy(x, soft, weight=w), (x, w))


# Binary cross entropy

LOGITS = [0.0, 1e-9, 0.5, 3.0, 10.0, 20.0, 37.0, 88.0, 700.0, 1e4, 1e20]


@pytest.mark.parametrize("dtype, rtol", [(F64, 3e-16), (torch.float32, 2e-7)], ids=str)
@pytest.mark.parametrize("pos_weight", [None, 3.0])
def test_bce_with_logits_has_all_digits(dtype, rtol, pos_weight):
    """Both tails (torch gives 0 for x = −37, y = 0, which is 8.5e-17), at each label, and the gradient at 0."""
    logits = t([*LOGITS, *(-x for x in LOGITS)], dtype)
    tiny = torch.finfo(dtype).tiny
    beta = 1 if pos_weight is None else pos_weight
    for y in (0.0, 0.25, 1.0):
        loss = partial(binary_cross_entropy_with_logits, pos_weight=pos_weight)
        values, slopes = value_and_slope(loss, logits, torch.full_like(logits, y))
        with mp.workdps(60):
            softplus = [
                (mp.log1p(mp.exp(-abs(x))) + max(0, -x), mp.log1p(mp.exp(-abs(x))) + max(0, x))
                for x in map(mp.mpf, logits.tolist())
            ]
            wanted = [beta * y * a + (1 - y) * b for a, b in softplus]
            sigmoid = [1 / (1 + mp.exp(-x)) for x in map(mp.mpf, logits.tolist())]
            assert_near(values, wanted, rtol=4 * rtol, atol=tiny)
            assert_near(slopes, [(1 - y) * s - beta * y * (1 - s) for s in sigmoid], rtol=4 * rtol, atol=2 * rtol)


@pytest.mark.parametrize("loss", [binary_cross_entropy_with_logits, binary_cross_entropy])
def test_bce_is_torchs(loss):
    """Values and gradients, to input and target, soft labels, weights that broadcast, all reductions."""
    g = torch.Generator().manual_seed(2)
    theirs = getattr(F, loss.__name__)
    row = t([0.5, 2.0, 0.0])
    settings = [dict(weight=None), dict(weight=row), dict(weight=torch.rand(4, 1, generator=g, dtype=F64))]
    if loss is binary_cross_entropy_with_logits:
        settings += [dict(pos_weight=row), dict(pos_weight=row, weight=row)]
    for options, reduction in product(settings, ("none", "mean", "sum")):
        x, y = torch.rand(4, 3, generator=g, dtype=F64), torch.rand(4, 3, generator=g, dtype=F64)
        x = x if loss is binary_cross_entropy else 6 * x - 3
        grads = []
        for f in (loss, theirs):
            a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
            value = f(a, b, reduction=reduction, **options)
            seeds = torch.linspace(0.5, 1.5, value.numel(), dtype=F64).reshape(value.shape)
            grads.append((value.detach(), *torch.autograd.grad(value, (a, b), seeds)))
        torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-14)


def test_bce_of_certain_probabilities():
    """PITFALLS 11: the logarithm is clamped at −100, p (1 − p) in the gradient at 1e-12, as in torch."""
    p, y = t([0.0, 1.0, 0.0, 1.0, 1e-50, 1e-7, 0.0]), t([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.5])
    values, slope = value_and_slope(binary_cross_entropy, p, y)
    assert values.tolist() == pytest.approx([100, 100, 0, 0, 100, 7 * math.log(10), 50], abs=1e-13)
    assert slope.tolist() == pytest.approx([-1e12, 1e12, 0, 0, -1e12, -1e7, -5e11], rel=1e-6)
    theirs = value_and_slope(F.binary_cross_entropy, p, y)
    torch.testing.assert_close((values, slope), theirs)
    torch.testing.assert_close(
        value_and_slope(lambda y, p, **o: binary_cross_entropy(p, y, **o), y, p)[1],
        (1 - p).log().clamp(min=-100) - p.log().clamp(min=-100),
    )
    y.requires_grad_(), p.requires_grad_()
    slopes = torch.autograd.grad(binary_cross_entropy(p, y), (p, y), create_graph=True)
    assert all(g.isfinite().all() for g in torch.autograd.grad(slopes[1].sum() + slopes[0].sum(), (p, y)))


def test_weights_of_elements():
    """A number, a column, a row; the mean still divides by the elements; gradients reach the weights."""
    g = torch.Generator().manual_seed(4)
    x, y = torch.randn(4, 3, generator=g, dtype=F64).requires_grad_(), torch.rand(4, 3, generator=g, dtype=F64)
    for weight in (0.0, 2.0, t(2.0), t([1.0, 0.0, 3.0]), t([[1.0], [2.0], [0.0], [4.0]])):
        for loss, z in ((binary_cross_entropy_with_logits, x), (binary_cross_entropy, x.detach().sigmoid())):
            torch.testing.assert_close(loss(z, y, weight=weight), (weight * loss(z, y, reduction="none")).sum() / 12)
    w, beta = t([0.5, 1.0, 2.0]).requires_grad_(), t([3.0]).requires_grad_()
    y.requires_grad_()

    def of(x, y, w, beta):
        return binary_cross_entropy_with_logits(x, y, weight=w, pos_weight=beta)

    assert gradcheck(of, (x, y, w, beta)) and gradgradcheck(of, (x, y, w, beta))


# Distillation


def distilled(student, teacher, labels, temperature, alpha):
    """Hinton et al. (2015), one sample after another, in mpmath."""
    values, slopes = [], []
    for s, z, y in zip(student, teacher, labels, strict=True):
        log_s, log_t = (log_softmax([v / mp.mpf(temperature) for v in row]) for row in (s, z))
        kl = mp.fsum(times(mp.exp(b), b - a) if b != mp.mpf("-inf") else 0 for a, b in zip(log_s, log_t, strict=True))
        hard = log_softmax(s)
        values.append(alpha * mp.mpf(temperature) ** 2 * kl - (1 - alpha) * hard[y])
        slopes += [
            alpha * temperature * (mp.exp(a) - mp.exp(b)) + (1 - alpha) * (mp.exp(h) - (c == y))
            for c, (a, b, h) in enumerate(zip(log_s, log_t, hard, strict=True))
        ]
    return values, slopes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 1])
def test_distillation_is_hintons(temperature, alpha):
    """T² on the soft term only, 1 − alpha on the hard one at temperature 1; nothing flows to the teacher."""
    g = torch.Generator().manual_seed(6)
    student, teacher = 3 * torch.randn(2, 5, 4, generator=g, dtype=F64)
    y = torch.tensor([0, 1, 2, 3, 1])
    wanted, wanted_slopes = distilled(student.tolist(), teacher.tolist(), y.tolist(), temperature, alpha)
    teacher.requires_grad_()
    options = dict(temperature=temperature, alpha=alpha)
    values, slopes = value_and_slope(distillation_loss, student, teacher, y, **options)
    assert_near(values, wanted, rtol=1e-11, atol=1e-13)
    assert_near(slopes, wanted_slopes, atol=1e-13)
    assert distillation_loss(student, teacher, y, **options).item() == pytest.approx(float(mp.fsum(wanted) / 5))
    assert not distillation_loss(student, teacher, y, **options).requires_grad
    if alpha == 1:
        assert torch.equal(distillation_loss(student, teacher, temperature=temperature, reduction="none"), values)


def test_distillation_of_infinite_and_large_logits():
    """A class that the teacher rules out adds 0, also if the student does; one that only the student does costs ∞."""
    teacher, student = (
        t([[-INF, 0.0, 0.0]] * 2 + [[0.0, 0.0, 0.0]]),
        t([[0.0, 0.0, 0.0], [-INF, 0.0, 0.0], [-INF, 0.0, 0.0]]),
    )
    values, slope = value_and_slope(distillation_loss, student, teacher, temperature=2.0)
    assert values.tolist() == pytest.approx([4 * math.log(1.5), 0, INF]) and slope.isfinite().all()
    big = t([[1e4, 0.0, -1e4]], torch.float32)
    values, slope = value_and_slope(distillation_loss, big, big.flip(1), temperature=1.0)
    assert values.tolist() == [2e4] and slope.tolist() == [[1, 0, -1]]
    values, _ = value_and_slope(distillation_loss, t([[1e20, 0.0]]), t([[0.0, 1e20]]), temperature=1.0)
    assert values.tolist() == [1e20]
    wild = t([[INF, 0.0]])
    labels = torch.tensor([0])
    assert distillation_loss(t([[0.0, 0.0]]), wild, labels, temperature=1.0, alpha=0.0).item() == pytest.approx(LOG2)


# 0-1 loss


def test_zero_one_loss_counts_errors():
    """Ties go to the first class, a score of 0 to neither label; any shape; and no gradient."""
    scores = t([[1.0, 2.0, 2.0], [2.0, 2.0, 1.0], [-INF, INF, 0.0]]).requires_grad_()
    values = zero_one_loss(scores, torch.tensor([2, 0, 1]), reduction="none")
    assert values.tolist() == [1, 0, 0] and not values.requires_grad
    assert zero_one_loss(scores, torch.tensor([2, 0, 1])).item() == pytest.approx(1 / 3)
    assert zero_one_loss(scores, torch.tensor([1, 1, 0]), reduction="sum").item() == 2
    x = t([0.0, -0.0, 1e-300, -1e-300, INF, -INF]).requires_grad_()
    for sign, wanted in ((1.0, [1, 1, 0, 1, 0, 1]), (-1.0, [1, 1, 1, 0, 1, 0])):
        values = zero_one_loss(x, torch.full((6,), sign, dtype=F64), reduction="none")
        assert values.tolist() == wanted and not values.requires_grad
    assert zero_one_loss(t(0.5), t(-1.0), reduction="none").item() == 1
    assert zero_one_loss(t([0.5, 1.0]), torch.tensor(1)).item() == 0
    image = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    y = image.argmax(1)
    assert zero_one_loss(image, y).item() == 0 and zero_one_loss(image, (y + 1) % 3).item() == 1
    small = t([1e-7], torch.float16)
    assert zero_one_loss(small, t([1.0], torch.float16)).item() == 0


# torch.func


def test_vmap_over_one_argument_only():
    """In-place steps inside must not write a mapped tensor into one that is not."""
    g = torch.Generator().manual_seed(8)
    p = torch.randn(3, 5, 4, generator=g, dtype=F64).softmax(-1)
    one = p[0].flip(0)
    losses = [kl_divergence, js_divergence, categorical_cross_entropy, cross_entropy, binary_cross_entropy]
    losses += [binary_cross_entropy_with_logits, partial(binary_cross_entropy_with_logits, pos_weight=2.0)]
    losses.append(partial(distillation_loss, temperature=2.0))
    for loss in losses:
        torch.testing.assert_close(vmap(loss, (0, None))(p, one), torch.stack([loss(row, one) for row in p]))
        torch.testing.assert_close(vmap(loss, (None, 0))(one, p), torch.stack([loss(one, row) for row in p]))
        jacobian = jacrev(partial(loss, reduction="none"))(p[1], one)
        _, slope = value_and_slope(loss, p[1], one)
        torch.testing.assert_close(jacobian.flatten(0, -3).sum(0), slope)


def test_compiled_gradients():
    """The hand-written backward passes under torch.compile, without a graph break."""
    g = torch.Generator().manual_seed(9)
    p, q = torch.randn(2, 5, 4, generator=g, dtype=F64).softmax(-1)
    for loss in (
        kl_divergence,
        js_divergence,
        categorical_cross_entropy,
        cross_entropy,
        binary_cross_entropy,
        partial(binary_cross_entropy_with_logits, pos_weight=2.0),
        binary_cross_entropy_with_logits,
        partial(distillation_loss, temperature=2.0),
    ):
        torch._dynamo.reset()
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(value_and_slope(compiled, p, q), value_and_slope(loss, p, q))


# What the faster kernels must keep


def test_bce_with_logits_keeps_soft_labels_next_to_0_and_1():
    """A label of 1e-9 or 1 − 2⁻²⁴ and a logit that agrees: (1 − y) x or y x is all there is, and must not be lost."""
    near_1 = 1 - 2.0**-24
    x, y = t([20.0, -20.0, 300.0, -300.0], torch.float32), t([near_1, 1e-9, near_1, 1e-9], torch.float32)
    for beta in (None, 1.0, 3.0):
        b = 1 if beta is None else beta
        with mp.workdps(50):
            wanted = [
                b * mp.mpf(q) * mp.log1p(mp.exp(-mp.mpf(z))) + (1 - mp.mpf(q)) * mp.log1p(mp.exp(mp.mpf(z)))
                for z, q in zip(x.tolist(), y.tolist(), strict=True)
            ]
        assert_near(binary_cross_entropy_with_logits(x, y, pos_weight=beta, reduction="none"), wanted, rtol=5e-7)


def test_a_weight_on_what_is_absent_makes_no_infinity():
    """10 · 3e38 overflows, but counts 0 times at the label 0."""
    x, y = t([3e38, -3e38, -3e38], torch.float32), t([1.0, 0.0, 1.0], torch.float32)
    values = binary_cross_entropy_with_logits(x, y, pos_weight=10.0, reduction="none")
    assert values.tolist() == [0, 0, INF]


@pytest.mark.parametrize("soft", [False, True])
def test_bce_with_logits_maps_any_of_its_tensors(soft):
    """Every choice of mapped tensors, at any place, and mapped gradients, with and without a second derivative."""
    g = torch.Generator().manual_seed(11)
    x, y, beta = (
        torch.randn(2, 3, 4, generator=g, dtype=F64),
        torch.rand(2, 3, 4, generator=g, dtype=F64),
        t([2.0, 5.0]),
    )
    y = y if soft else y.round()

    def of(x, y, beta):
        return binary_cross_entropy_with_logits(x, y, pos_weight=beta, reduction="none")

    for dims in product((None, 0), repeat=3):
        if dims == (None,) * 3:
            continue
        parts = [[v[i if d == 0 else 0] for i in range(2)] for v, d in zip((x, y, beta), dims, strict=True)]
        args = [v if d == 0 else v[0] for v, d in zip((x, y, beta), dims, strict=True)]
        wanted = torch.stack([of(*p) for p in zip(*parts, strict=True)])
        torch.testing.assert_close(vmap(of, dims)(*args), wanted)
        slopes = vmap(torch.func.grad(lambda *a: of(*a).sum(), (0, 1, 2)), dims)(*args)
        for i, p in enumerate(zip(*parts, strict=True)):
            leaves = [v.clone().requires_grad_() for v in p]
            alone = torch.autograd.grad(of(*leaves).sum(), leaves)
            torch.testing.assert_close(tuple(s[i] for s in slopes), alone)
    torch.testing.assert_close(vmap(of, (2, 0, None), 2)(x.movedim(0, 2), y, beta[0]).movedim(2, 0), of(x, y, beta[0]))
    for options in ({}, dict(pos_weight=beta[1])):
        z = x[0].clone().requires_grad_()
        values = binary_cross_entropy_with_logits(z, y[0], reduction="none", **options)
        seeds = torch.eye(12, dtype=F64).reshape(12, 3, 4)
        plain = torch.autograd.grad(values, z, seeds, is_grads_batched=True, retain_graph=True)[0]
        again = torch.autograd.grad(values, z, seeds[3], create_graph=True)[0]
        torch.testing.assert_close(plain[3], again.detach())
        p = x[0].sigmoid()
        second = torch.autograd.grad(again.sum(), z)[0]
        factor = 1 if not options else 1 - y[0] + beta[1] * y[0]
        torch.testing.assert_close(second, seeds[3] * factor * p * (1 - p))


def test_weighted_sum_maps_any_dimension():
    """Under vmap the classes move one dimension on; a row with a logit of −∞ is mended there as outside."""
    x, p = t([[[-INF, 0.0, 1.0]] * 2, [[1.0, 2.0, 3.0]] * 2]), t([[0.0, 0.5, 0.5], [0.25, 0.25, 0.5]])
    wanted = torch.stack([cross_entropy(row, p, reduction="none") for row in x])
    assert wanted.isinf().tolist() == [[False, True], [False, False]]
    loss = partial(cross_entropy, reduction="none")
    torch.testing.assert_close(vmap(loss, (0, None))(x, p), wanted)
    torch.testing.assert_close(vmap(loss, (2, None))(x.movedim(0, 2), p), wanted)
    torch.testing.assert_close(vmap(vmap(loss, (0, None)), (None, 0))(x, p.expand(3, 2, 3)), wanted.expand(3, 2, 2))


def test_nan_beside_a_logit_of_minus_infinity():
    """What mends 0 · ∞ must not swallow a NaN of the target, of a weight or of another logit."""
    x = t([[-INF, 0.0, 1.0]])
    assert cross_entropy(x, t([[0.0, NAN, 1.0]])).isnan()
    assert cross_entropy(x, t([[NAN, 0.5, 0.5]])).isnan()
    assert cross_entropy(x, t([[0.0, 0.5, 0.5]]), weight=t([1.0, NAN, 1.0])).isnan()
    assert cross_entropy(t([[-INF, NAN, 1.0]]), t([[0.0, 0.0, 1.0]])).isnan()
    assert distillation_loss(x, t([[-INF, NAN, 1.0]]), temperature=1.0).isnan()


def test_compiled_cross_entropy_of_infinite_logits():
    """The mending stays in the compiled graph, where no value can be read."""
    torch._dynamo.reset()
    x, p = t([[-INF, 0.0, 1.0]] * 2), t([[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]])
    compiled = torch.compile(cross_entropy, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(value_and_slope(compiled, x, p), value_and_slope(cross_entropy, x, p))


# What the docstrings say


def test_rounding_of_distillation_grows_with_the_square_of_the_temperature():
    """About 1e-7 T² in float32, while the value tends to a constant; the gradient keeps its digits."""
    student, teacher = torch.randn(2, 2000, 10, generator=torch.Generator().manual_seed(0))
    for temperature in (20.0, 100.0, 1000.0):
        values, slope = value_and_slope(distillation_loss, student, teacher, temperature=temperature)
        exact, true_slope = value_and_slope(
            distillation_loss, student.double(), teacher.double(), temperature=temperature
        )
        error = (values - exact).abs().mean().item() / temperature**2
        assert 1e-8 < error < 3e-7
        assert (slope - true_slope).abs().max() < 3e-7 * temperature


def test_forward_mode_is_refused():
    """A hand-written backward has no forward derivative: torch says so; none comes out as a plausible 0."""
    p, y = t([[0.25, 0.75]]), t([[0.5, 0.5]])
    for loss in (
        kl_divergence,
        js_divergence,
        categorical_cross_entropy,
        cross_entropy,
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        partial(binary_cross_entropy_with_logits, pos_weight=2.0),
        partial(distillation_loss, temperature=2.0),
    ):
        with pytest.raises(NotImplementedError, match="forward mode AD"):
            torch.func.jvp(loss, (p, y), (p, y))


def test_one_class_of_which_some_are_ignored():
    """An ignored target has no weight to look up, not even that of class 1."""
    x, target = torch.zeros(2, 1, dtype=F64), torch.tensor([0, -100])
    assert cross_entropy(x, target, weight=torch.ones(1, dtype=F64)).item() == 0


def test_a_gradient_for_the_target_alone():
    """A target that is learned against fixed logits: −log softmax, though the logits ask for nothing."""
    x, p = torch.tensor([[0.5, -1.0, 2.0]], dtype=F64), torch.tensor([[0.2, 0.3, 0.5]], dtype=F64, requires_grad=True)
    (slope,) = torch.autograd.grad(cross_entropy(x, p), p)
    torch.testing.assert_close(slope, -x.log_softmax(1))
