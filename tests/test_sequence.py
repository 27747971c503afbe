"""CTC against the sum over all paths, torch and the log-space recursion; its extremes, checks and pitfalls."""

import math
import warnings
from functools import partial
from itertools import groupby, product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, jacrev, jvp, vmap

from lossutils import ctc_loss
from lossutils import sequence as module
from lossutils.sequence import _ctc_operator, _slope

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64
INF = math.inf


def draw(frames=5, batch=3, classes=4, seed=0, scale=1.0, dtype=F64):
    g = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(frames, batch, classes, generator=g, dtype=F64)).to(dtype).log_softmax(-1)


TARGETS = torch.tensor([[1, 2, 3], [3, 3, 0], [2, -1, 99]])  # the padding holds anything
LENGTHS = (5, 4, 2), (3, 2, 1)


def shares(log_probs, target, length, blank=0):
    """Brute force: the total probability of the target's paths, and of those through each symbol in each frame."""
    probs = log_probs[:length].exp().tolist()
    total, through = 0.0, torch.zeros_like(log_probs)
    for path in product(range(log_probs.shape[1]), repeat=length):
        if [s for s, _ in groupby(path) if s != blank] == target:
            p = math.prod(probs[t][s] for t, s in enumerate(path))
            total += p
            for t, s in enumerate(path):
                through[t, s] += p
    return total, through


def value_and_slope(log_probs, *arguments, loss=ctc_loss, **options):
    """The losses and the gradient of their sum, in log_probs."""
    log_probs = log_probs.clone().requires_grad_()
    values = loss(log_probs, *arguments, reduction="none", **options)
    return values.detach(), torch.autograd.grad(values.sum(), log_probs)[0]


def assert_is_sum_over_paths(log_probs, targets, input_lengths, target_lengths, blank=0):
    values, slopes = value_and_slope(log_probs, targets, input_lengths, target_lengths, blank=blank)
    for n, (length, size) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        total, through = shares(log_probs[:, n], targets[n, :size].tolist(), length, blank)
        assert values[n].item() == pytest.approx(-math.log(total) if total else INF, rel=1e-10, abs=1e-12)
        wanted = torch.zeros_like(through)
        if total:
            wanted[:length] = log_probs[:length, n].exp() - through[:length] / total
        torch.testing.assert_close(slopes[:, n], wanted, rtol=1e-9, atol=1e-11)


# Values and gradients


def test_is_the_sum_over_all_paths():
    """Graves 2006, equation 3, enumerated: a path lost or counted twice; repeats, short inputs and padding."""
    assert_is_sum_over_paths(draw(), TARGETS, *LENGTHS)


@pytest.mark.parametrize("blank", [0, 1, 3])
@pytest.mark.parametrize("target", [[], [2], [2, 2], [2, 0], [0, 2, 0], [2, 2, 2]], ids=str)
@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_every_length(blank, target, frames):
    """The shortest feasible input, one frame too few, no symbol at all, a blank that is not 0."""
    size = len(target)
    target = torch.tensor([[(s + blank + 1) % 4 for s in target]], dtype=torch.int64)
    target[target == blank] = (blank + 1) % 4
    assert_is_sum_over_paths(draw(5, 1, 4, seed=frames), target, (frames,), (size,), blank)


@given(st.integers(0, 1000), st.integers(1, 5), st.lists(st.integers(0, 2), max_size=4), st.integers(0, 2))
def test_random_sequences_against_all_paths(seed, frames, target, blank):
    """Any target over three symbols, feasible or not, with symbols of probability 0 now and then."""
    target = [s for s in target if s != blank]
    log_probs = draw(frames, 1, 3, seed)
    if seed % 3 == 0:
        log_probs[seed % frames, 0, seed % 3] = -INF
        log_probs = log_probs.log_softmax(-1)
    targets = torch.tensor([target], dtype=torch.int64)
    assert_is_sum_over_paths(log_probs, targets, (frames,), (len(target),), blank)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_is_torchs(reduction, zero_infinity, dtype):
    """torch's own function on its usual arguments, values and gradients, through log_softmax."""
    logits = torch.randn(30, 4, 7, generator=torch.Generator().manual_seed(1), dtype=dtype)
    targets = torch.randint(1, 7, (4, 9), generator=torch.Generator().manual_seed(2))
    lengths = torch.tensor([30, 20, 25, 12]), torch.tensor([9, 4, 1, 0])
    got, wanted = (
        value_and_weighted_slope(loss, logits, targets, *lengths, reduction=reduction, zero_infinity=zero_infinity)
        for loss in (ctc_loss, F.ctc_loss)
    )
    torch.testing.assert_close(got, wanted)


def value_and_weighted_slope(loss, logits, *arguments, **options):
    logits = logits.clone().requires_grad_()
    values = loss(logits.log_softmax(-1), *arguments, **options)
    weights = torch.linspace(0.5, 1.5, values.numel(), dtype=values.dtype).reshape(values.shape)
    return values.detach(), torch.autograd.grad((values * weights).sum(), logits)[0]


def test_mean_divides_each_by_its_own_length():
    """PITFALLS: the mean divides by the target lengths, then by N; a length of 0 counts as 1."""
    log_probs, lengths = draw(), ((5, 4, 2), (3, 2, 0))
    values = ctc_loss(log_probs, TARGETS, *lengths, reduction="none")
    torch.testing.assert_close(ctc_loss(log_probs, TARGETS, *lengths), (values / torch.tensor([3, 2, 1])).mean())


def test_forms_of_targets_and_lengths():
    """Padded or concatenated, tuples or tensors, and targets without a symbol."""
    log_probs = draw()
    wanted = value_and_slope(log_probs, TARGETS, *LENGTHS)
    concatenated = torch.tensor([1, 2, 3, 3, 3, 2])
    torch.testing.assert_close(value_and_slope(log_probs, concatenated, *LENGTHS), wanted)
    torch.testing.assert_close(value_and_slope(log_probs, TARGETS, *map(torch.tensor, LENGTHS)), wanted)
    for targets in (torch.zeros(3, 0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)):
        values = ctc_loss(log_probs, targets, (5, 4, 0), (0, 0, 0), reduction="none")
        blanks = log_probs[..., 0]
        torch.testing.assert_close(
            values, -torch.stack((blanks[:, 0].sum(), blanks[:4, 1].sum(), values.new_zeros(())))
        )


def test_frames_and_padding_that_do_not_count():
    """Frames after the input's length are not read: not by the loss, not by the check of the sums."""
    log_probs = draw()
    spoilt = log_probs.clone()
    spoilt[4, 1], spoilt[2:, 2] = math.nan, 5.0
    wanted, slopes = value_and_slope(log_probs, TARGETS, *LENGTHS)
    values, spoilt_slopes = value_and_slope(spoilt, TARGETS, *LENGTHS)
    torch.testing.assert_close(values, wanted)
    torch.testing.assert_close(spoilt_slopes, slopes)
    assert not slopes[4:, 1].any() and not slopes[2:, 2].any()


def test_nan_comes_out():
    """A NaN in a frame that counts is not hidden by a mask."""
    log_probs = draw()
    log_probs[1, 0] = math.nan
    values, slopes = value_and_slope(log_probs, TARGETS, *LENGTHS)
    assert values.isnan().tolist() == [True, False, False]
    assert slopes[:, 0].isnan().any() and slopes[:, 1:].isfinite().all()


# Infinite losses


def test_infeasible_targets():
    """torch's gradient is NaN here. Two equal symbols need three frames, two different ones two."""
    log_probs, targets = draw(3, 4, 3), torch.tensor([[1, 1], [1, 1], [1, 2], [1, 2]])
    arguments = targets, (2, 3, 1, 2), (2, 2, 2, 2)
    assert value_and_slope(log_probs, *arguments, loss=F.ctc_loss)[1].isnan().any()
    values, slopes = value_and_slope(log_probs, *arguments)
    assert values.isinf().tolist() == [True, False, True, False] and (values > 0).all()
    assert slopes.isfinite().all() and not slopes[:, [0, 2]].any() and slopes[:2, [1, 3]].all()
    zeroed, same = value_and_slope(log_probs, *arguments, zero_infinity=True)
    torch.testing.assert_close(zeroed, torch.where(values.isinf(), 0, values))
    torch.testing.assert_close(same, slopes)
    assert ctc_loss(log_probs, *arguments).item() == INF
    torch.testing.assert_close(ctc_loss(log_probs, *arguments, zero_infinity=True), zeroed.sum() / 8)


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_symbols_of_probability_0(dtype):
    """A masked symbol (a logit of −∞) makes torch's gradients NaN, all of them behind log_softmax."""
    logits = draw(6, 2, 5, dtype=dtype)
    logits[:, :, 4], logits[2, 1, 0] = -INF, -INF
    logits.requires_grad_()
    arguments = torch.tensor([[1, 2], [3, 3]]), (6, 6), (2, 2)
    (theirs,) = torch.autograd.grad(F.ctc_loss(logits.log_softmax(-1), *arguments), logits)
    (ours,) = torch.autograd.grad(ctc_loss(logits.log_softmax(-1), *arguments), logits)
    assert theirs.isnan().any() and ours.isfinite().all()
    assert_is_sum_over_paths(logits.detach().double().log_softmax(-1), *arguments)
    values, slopes = value_and_slope(logits.detach().log_softmax(-1), torch.tensor([[4], [1]]), (6, 6), (1, 1))
    assert values[0] == INF and values[1].isfinite() and not slopes[:, 0].any() and slopes[:, 1].isfinite().all()


# Size


def test_exact_slope_is_the_kernels():
    """The recursion that takes over where the kernel is rough gives the kernel's numbers elsewhere."""
    for seed in range(4):
        log_probs = draw(12, 3, 4, seed)
        lengths = torch.tensor([12, 9, 4]), torch.tensor([3, 2, seed % 2])
        _, wanted = value_and_slope(log_probs, TARGETS, *lengths)
        torch.testing.assert_close(_slope(log_probs, TARGETS, *lengths, 0), wanted, rtol=1e-9, atol=1e-11)


def test_long_sequences():
    """A thousand frames: probabilities of e^−3000 in float32, and the share of each symbol still sums to 1."""
    log_probs = draw(1000, 2, 30)
    targets = torch.randint(1, 30, (2, 100), generator=torch.Generator().manual_seed(0))
    arguments = targets, (1000, 900), (100, 80)
    values, slopes = value_and_slope(log_probs, *arguments)
    single, single_slopes = value_and_slope(log_probs.float(), *arguments)
    torch.testing.assert_close(single.double(), values, rtol=1e-5, atol=0)
    torch.testing.assert_close(single_slopes.double(), slopes, rtol=0.01, atol=5e-3)
    torch.testing.assert_close(slopes.sum(-1), torch.zeros(1000, 2, dtype=F64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("padded", [True, False])
def test_logits_of_ten_thousand(padded):
    """In float32 torch's gradient is off by 0.4 here: it takes differences of numbers as large as the loss."""
    logits = (2e4 * torch.rand(200, 3, 6, generator=torch.Generator().manual_seed(0), dtype=F64) - 1e4).float()
    targets = torch.randint(1, 6, (3, 5), generator=torch.Generator().manual_seed(3))
    arguments = targets if padded else targets.flatten(), (200, 200, 150), (5, 5, 5)
    log_probs = logits.log_softmax(-1)
    values, slopes = value_and_slope(log_probs, *arguments)
    wanted, exact = value_and_slope(log_probs.double(), *arguments)
    torch.testing.assert_close(values.double(), wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(slopes.double(), exact, rtol=1e-5, atol=1e-5)
    theirs = value_and_slope(log_probs, *arguments, loss=F.ctc_loss)[1]
    assert (theirs - exact).abs().max() > 0.1


def test_logits_of_1e20():
    """One path outweighs all others: the gradient is p minus that path, where torch's is infinite or NaN."""
    logits = 2e20 * torch.rand(6, 2, 4, generator=torch.Generator().manual_seed(0), dtype=F64) - 1e20
    log_probs = logits.log_softmax(-1)
    arguments = torch.tensor([[1, 2], [3, 3]]), (6, 6), (2, 2)
    values, slopes = value_and_slope(log_probs, *arguments)
    for n, target in enumerate(arguments[0].tolist()):
        costs = {
            path: -math.fsum(log_probs[t, n, s].item() for t, s in enumerate(path))
            for path in product(range(4), repeat=6)
            if [s for s, _ in groupby(path) if s] == target
        }
        best = min(costs, key=costs.get)
        assert values[n].item() == pytest.approx(costs[best], rel=1e-12)
        torch.testing.assert_close(slopes[:, n], log_probs[:, n].exp() - F.one_hot(torch.tensor(best), 4))
    assert not value_and_slope(log_probs, *arguments, loss=F.ctc_loss)[1].isfinite().all()


def test_ties_at_1e20():
    """Where the loss is 1e20 the digits of log 2 are gone from it; the shares of the paths are still right."""
    log_probs = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], dtype=F64).log().unsqueeze(1)
    log_probs[2, 0, 1:] = -1e20
    arguments = torch.tensor([[1, 2]]), (3,), (2,)
    wanted = value_and_slope(log_probs.clamp(min=-50.0), *arguments)[1]
    torch.testing.assert_close(value_and_slope(log_probs, *arguments)[1], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    """torch has no kernel for it; thousands of symbols still pass the check of their sum."""
    with pytest.raises(NotImplementedError):
        F.ctc_loss(draw().to(dtype), TARGETS, *LENGTHS)
    log_probs = torch.zeros(4, 1, 5000).log_softmax(-1).to(dtype)
    value = ctc_loss(log_probs, torch.tensor([[7, 8]]), (4,), (2,))
    assert value.dtype == dtype
    torch.testing.assert_close(value, ctc_loss(log_probs.float(), torch.tensor([[7, 8]]), (4,), (2,)).to(dtype))


# Invariances


@given(st.integers(0, 10_000), st.permutations([1, 2, 3]))
def test_invariances(seed, order):
    """Time and target reversed together; symbols renamed together; sequences in another order."""
    log_probs, lengths = draw(6, 3, 4, seed), (torch.tensor([6, 6, 6]), torch.tensor([3, 2, 3]))
    g = torch.Generator().manual_seed(seed)
    targets = torch.randint(1, 4, (3, 3), generator=g)
    targets[1, 2] = 0
    loss = partial(ctc_loss, reduction="none")
    values = loss(log_probs, targets, *lengths)
    assert (values >= 0).all()
    backwards = targets.flip(1)
    backwards[1] = backwards[1].roll(-1)
    torch.testing.assert_close(loss(log_probs.flip(0), backwards, *lengths), values)
    renamed = torch.empty_like(log_probs)
    names = torch.tensor([0, *order])
    renamed[..., names] = log_probs
    torch.testing.assert_close(loss(renamed, names[targets], *lengths), values)
    torch.testing.assert_close(loss(log_probs.flip(1), targets.flip(0), *(n.flip(0) for n in lengths)), values.flip(0))


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_all_targets_share_the_probability(seed, frames):
    """exp(−loss) over all targets that fit is 1: every path belongs to one of them."""
    log_probs = draw(frames, 1, 3, seed)
    targets = [t for size in range(frames + 1) for t in product([1, 2], repeat=size)]
    padded = torch.tensor([[*t, *[0] * (frames - len(t))] for t in targets])
    values = ctc_loss(
        log_probs.expand(-1, len(targets), -1),
        padded,
        (frames,) * len(targets),
        tuple(map(len, targets)),
        reduction="none",
    )
    assert values.neg().exp().sum().item() == pytest.approx(1, rel=1e-10)


# Pitfalls


def test_the_pitfalls_figures():
    """PITFALLS 30: 15 paths, not the best one; 16: probabilities and logits instead of log probabilities are errors."""
    log_probs = torch.zeros(4, 1, 3).log_softmax(-1)
    arguments = torch.tensor([[1, 2]]), (4,), (2,)
    assert ctc_loss(log_probs, *arguments, reduction="sum").item() == pytest.approx(math.log(81 / 15), rel=1e-6)
    assert 4 * math.log(3) == pytest.approx(4.394, abs=1e-3)  # one path alone
    logits = torch.randn(50, 2, 20, generator=torch.Generator().manual_seed(0))
    arguments = torch.randint(1, 20, (2, 10), generator=torch.Generator().manual_seed(0)), (50, 50), (10, 10)
    for wrong in (logits, logits.softmax(-1), logits.log_softmax(0)):
        with pytest.raises(ValueError, match=r"^log_probs must hold log probabilities.*apply log_softmax first"):
            ctc_loss(wrong, *arguments)
    assert F.ctc_loss(logits.softmax(-1), *arguments) < 0  # a negative "likelihood" is what torch answers
    with pytest.raises(ValueError, match=r"^targets must have an entry for each of the 50 sequences.*time first"):
        ctc_loss(logits.log_softmax(-1).transpose(0, 1), *arguments)
    ctc_loss(logits.log_softmax(-1), *arguments)


# Checks


def args(**changes):
    arguments = dict(log_probs=draw(), targets=TARGETS, input_lengths=LENGTHS[0], target_lengths=LENGTHS[1])
    return arguments | changes


BAD_VALUES = [
    (dict(log_probs=draw()[0]), r"log_probs must have the shape \(T, N, C\), got \(3, 4\)$"),
    (dict(log_probs=draw()[:0]), r"log_probs must have frames and classes, got the shape \(0, 3, 4\)$"),
    (dict(log_probs=draw()[..., :0]), r"log_probs must have frames and classes, got the shape \(5, 3, 0\)$"),
    (dict(log_probs=draw() + 0.0501), r"log_probs must hold .* the log of a sum must be 0, got 0.050"),
    (dict(log_probs=draw() - 0.0501), r"log_probs must hold .* the log of a sum must be 0, got -0.050"),
    (dict(targets=TARGETS[:2]), r"targets must have an entry .* 3 sequences .*got \(2, 3\) for .* \(5, 3, 4\)$"),
    (dict(targets=TARGETS[0, 0]), r"targets must have the shape \(N, S\) or \(sum of target_lengths\), got \(\)$"),
    (dict(targets=TARGETS.clamp(max=9)[..., None]), r"targets must have the shape .* got \(3, 3, 1\)$"),
    (dict(targets=torch.tensor([1, 2, 3, 3, 3])), r"target_lengths must add up to the 5 symbols .*, got 6$"),
    (dict(targets=torch.tensor([1, 2, 3, 3, 3, 2, 2])), r"target_lengths must add up to the 7 symbols .*, got 6$"),
    (dict(targets=torch.tensor([1, 2, 3, 3, 3, 4])), r"targets must hold symbols from 0 to 3 .*blank = 0, got 4$"),
    (dict(targets=torch.tensor([[1, 2, 4], [3, 3, 0], [2, 0, 0]])), r"targets must hold symbols .*, got 4$"),
    (dict(targets=torch.tensor([[1, 2, -1], [3, 3, 0], [2, 0, 0]])), r"targets must hold symbols .*, got -1$"),
    (
        dict(targets=torch.tensor([[1, 0, 2], [3, 3, 0], [2, 0, 0]])),
        r"targets must hold .* than blank = 0, got 0$",
    ),
    (dict(blank=3), r"targets must hold symbols from 0 to 3 other than blank = 3, got 3$"),
    (dict(blank=4), r"blank must be a whole number from 0 to 3, got 4$"),
    (dict(blank=-1), r"blank must be a whole number from 0 to 3, got -1$"),
    (dict(input_lengths=(5, 4)), r"input_lengths must have an entry for each of the 3 .* got \(2,\) for"),
    (dict(input_lengths=torch.tensor([[5, 4, 2]])), r"input_lengths must have the shape \(N\), got \(1, 3\)$"),
    (dict(input_lengths=(5, 6, 2)), r"input_lengths must be from 0 to the 5 frames of log_probs, got 6$"),
    (dict(input_lengths=(5, -1, 2)), r"input_lengths must be from 0 to the 5 frames of log_probs, got -1$"),
    (dict(target_lengths=torch.tensor(3)), r"target_lengths must have the shape \(N\), got \(\)$"),
    (dict(target_lengths=(3, 2, 1, 1)), r"target_lengths must have an entry for each of the 3 .* got \(4,\) for"),
    (dict(target_lengths=(4, 2, 1)), r"target_lengths must be from 0 to the 3 symbols of targets, got 4$"),
    (dict(target_lengths=(3, 2, -1)), r"target_lengths must be from 0 to the 3 symbols of targets, got -1$"),
]

BAD_TYPES = [
    (dict(log_probs=[1.0]), r"log_probs must be a torch.Tensor, got list"),
    (dict(log_probs=TARGETS), r"log_probs must be a floating-point tensor, got torch.int64"),
    (dict(targets=[[1]]), r"targets must be a torch.Tensor, got list"),
    (dict(targets=TARGETS.int()), r"targets must hold symbols as torch.int64, got torch.int32"),
    (dict(input_lengths=[5, 4, 2]), r"input_lengths must be a torch.Tensor or a tuple of whole numbers, got list$"),
    (
        dict(input_lengths=torch.tensor([5.0, 4.0, 2.0])),
        r"input_lengths must hold lengths as torch.int64, got",
    ),
    (dict(input_lengths=(5, 4.0, 2)), r"input_lengths must be a whole number a sequence, got float$"),
    (dict(target_lengths=(3, 2, True)), r"target_lengths must be a whole number a sequence, got bool$"),
    (dict(target_lengths=torch.tensor([3, 2, 1]).int()), r"target_lengths must hold lengths as torch.int64, got torch"),
    (dict(blank=0.0), r"blank must be a whole number from 0 to 3, got float$"),
    (dict(zero_infinity=1), r"zero_infinity must be True or False, got 1$"),
]


@pytest.mark.parametrize("changes, message", BAD_VALUES, ids=lambda v: v if isinstance(v, str) else "")
def test_values_are_checked(changes, message):
    """Each would give a plausible number, a crash far away, or memory read out of bounds."""
    with pytest.raises(ValueError, match="^" + message):
        ctc_loss(**args(**changes))


@pytest.mark.parametrize("changes, message", BAD_TYPES, ids=lambda v: v if isinstance(v, str) else "")
def test_types_are_checked(changes, message):
    """The message names the argument."""
    with pytest.raises(TypeError, match="^" + message):
        ctc_loss(**args(**changes))


def test_what_just_passes():
    """The bounds themselves are allowed: all frames, all symbols, the last class, rounding up to 0.05."""
    for shift in (-0.0499, 0.0499):
        ctc_loss(**args(log_probs=draw() + shift))
    ctc_loss(**args(input_lengths=(5, 5, 0), target_lengths=(3, 0, 0)))
    ctc_loss(**args(targets=TARGETS[:, :1] - 1, target_lengths=(1, 1, 0), blank=3))
    value = ctc_loss(torch.zeros(2, 1, 1), torch.zeros(1, 1, dtype=torch.int64), (2,), (0,))
    assert value.item() == 0  # the blank is the only class


def test_an_empty_batch_of_tuples():
    """A sum over no sequences is 0 and back-propagates; the mean is an error."""
    log_probs = torch.zeros(5, 0, 4, requires_grad=True)
    targets = torch.zeros(0, 3, dtype=torch.int64)
    total = ctc_loss(log_probs, targets, (), (), reduction="sum")
    assert total.item() == 0 and torch.autograd.grad(total, log_probs)[0].shape == (5, 0, 4)
    assert ctc_loss(log_probs.detach(), targets, (), (), reduction="none").shape == (0,)
    with pytest.raises(ValueError, match=r"mean over an empty batch is undefined, got input_lengths of shape \(0,\)"):
        ctc_loss(log_probs, targets, (), ())


# Transforms


def test_no_second_derivative():
    """Without an error it would lack the change of the paths' shares, silently."""
    logits = draw().requires_grad_()
    (slope,) = torch.autograd.grad(ctc_loss(logits.log_softmax(-1), TARGETS, *LENGTHS), logits, create_graph=True)
    with pytest.raises(NotImplementedError, match="ctc_loss has no second derivative"):
        slope.square().sum().backward()
    with pytest.raises(NotImplementedError, match="ctc_loss has no second derivative"):
        jacrev(jacrev(lambda x: ctc_loss(x.log_softmax(-1), TARGETS, *LENGTHS)))(logits.detach())


@pytest.mark.parametrize("targets", [TARGETS.clamp(0, 3), torch.tensor([1, 2, 3, 3, 3, 2])], ids=["padded", "joined"])
def test_vmap_folds_into_one_batch(targets):
    """Over log_probs alone, over any dimension, nested, under grad; no loop, of which torch would warn."""
    stack = torch.stack([draw(seed=s) for s in range(4)], 2)
    lengths = tuple(map(torch.tensor, LENGTHS))
    loss = partial(ctc_loss, reduction="none")
    wanted = torch.stack([loss(draw(seed=s), targets, *lengths) for s in range(4)])
    slopes = torch.stack([value_and_slope(draw(seed=s), targets, *lengths)[1] for s in range(4)])

    def of(log_probs):
        return loss(log_probs, targets, *lengths)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(vmap(of, in_dims=2)(stack), wanted)
        with torch.no_grad():
            torch.testing.assert_close(vmap(of, in_dims=2)(stack), wanted)
        nested = stack.movedim(2, 0).unflatten(0, (2, 2))
        torch.testing.assert_close(vmap(vmap(of))(nested), wanted.unflatten(0, (2, 2)))
        torch.testing.assert_close(vmap(grad(lambda x: of(x).sum()), in_dims=2)(stack), slopes)
        outside = grad(lambda x: vmap(of, in_dims=2)(x).sum())(stack)
        torch.testing.assert_close(outside, slopes.movedim(0, 2))


def test_values_are_not_read_where_they_cannot_be():
    """Under vmap nothing is checked: an unnormalised input gives a number."""
    logits = torch.stack([draw() + 1, draw() + 2])
    assert vmap(lambda x: ctc_loss(x, TARGETS, *LENGTHS))(logits).isfinite().all()


def test_only_what_is_asked_for(monkeypatch):
    """Without a gradient to compute, the kernel's backward is not run; with one it is, once."""
    seen = []

    def spy(*arguments):
        seen.append(arguments[-1])
        return kernel(*arguments)

    kernel = module._ctc
    monkeypatch.setattr(module, "_ctc", spy)
    log_probs = draw()
    ctc_loss(log_probs, TARGETS, *LENGTHS)
    ctc_loss(log_probs.requires_grad_(), TARGETS, *LENGTHS)
    with torch.no_grad():
        ctc_loss(log_probs, TARGETS, *LENGTHS)
    grad(lambda x: ctc_loss(x, TARGETS, *LENGTHS))(log_probs.detach())
    assert seen == [False, True, False, True]


def test_compiled_with_gradient():
    """torch.compile can't trace torch's own operator; ours gives the eager gradient, for tuples of lengths too."""
    torch._dynamo.reset()
    for lengths in (LENGTHS, tuple(map(torch.tensor, LENGTHS))):
        compiled = torch.compile(
            lambda x, lengths=lengths: ctc_loss(x.log_softmax(-1), TARGETS, *lengths),
            fullgraph=True,
            backend="aot_eager",
        )
        logits = draw().requires_grad_()
        got = torch.autograd.grad(compiled(logits), logits)
        wanted = torch.autograd.grad(ctc_loss(logits.log_softmax(-1), TARGETS, *lengths), logits)
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-14)


def test_the_lengths_may_stay_on_the_cpu():
    """As torch's do: loaders give them there, and the kernel reads them there."""
    for lengths in (LENGTHS, map(torch.tensor, LENGTHS)):
        assert ctc_loss(draw().to("meta"), TARGETS.to("meta"), *lengths).is_meta
    with pytest.raises(ValueError, match="log_probs and input_lengths must be on the same device, got cpu and meta"):
        ctc_loss(draw(), TARGETS, *(torch.tensor(n, device="meta") for n in LENGTHS))


def test_the_exact_slope_stays_on_its_device_and_in_its_dtype():
    """It is computed in float64, and its helpers are made where the targets are."""
    large = draw(scale=1e6, dtype=torch.float32)  # losses whose digits the kernel's slope would drown in
    assert _ctc_operator(large, TARGETS, *map(torch.tensor, LENGTHS), 0, True)[1].dtype == torch.float32
    assert _slope(draw().to("meta"), TARGETS.to("meta"), *map(torch.tensor, LENGTHS), 0).is_meta


@pytest.mark.parametrize("with_slope", [True, False])
def test_operator(with_slope):
    """Its shapes without data are those with data: torch's own checks of an operator."""
    arguments = draw(), TARGETS, *map(torch.tensor, LENGTHS), 0, with_slope
    torch.library.opcheck(_ctc_operator, arguments, test_utils=("test_schema", "test_faketensor"))
    meta = ctc_loss(draw().to("meta"), TARGETS.to("meta"), *LENGTHS, reduction="none")
    assert meta.is_meta and meta.shape == (3,)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_a_certain_target_costs_0_and_not_minus_0(reduction):
    """torch's kernel answers −0., a sign no loss should print with."""
    log_probs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=F64).log().unsqueeze(1)
    for targets, frames, size in ((torch.tensor([[1]]), 3, 1), (torch.zeros(1, 0, dtype=torch.int64), 0, 0)):
        value = ctc_loss(log_probs, targets, (frames,), (size,), reduction=reduction)
        assert value.item() == 0 and math.copysign(1, value.item()) == 1


def test_no_forward_mode():
    """Documented: an error, not a wrong number."""
    with pytest.raises(NotImplementedError, match="jvp"):
        jvp(lambda x: ctc_loss(x, TARGETS, *LENGTHS), (draw(),), (draw(seed=1),))


@pytest.mark.parametrize("with_slope", [False, True])
def test_the_operator_describes_what_it_returns(with_slope):
    """Protects compiled code from strides that are not what the operator announced, as for transposed inputs."""
    log_probs = torch.randn(2, 5, 4, dtype=torch.float64).log_softmax(-1).transpose(0, 1)
    lengths = torch.tensor([5, 4]), torch.tensor([2, 1])
    arguments = log_probs, torch.tensor([[1, 2], [3, 1]]), *lengths, 0, with_slope
    torch.library.opcheck(_ctc_operator, arguments, test_utils=("test_schema", "test_faketensor"))
