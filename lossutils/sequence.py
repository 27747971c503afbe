"""Losses of sequences whose alignment is not known.

Half-precision inputs are computed in float32 and returned in their own dtype; under autocast the loss is float32. A NaN
in a frame that counts comes out as NaN. The mean over an empty batch is an error; the sum over one is 0. Checks of
values (labels, lengths, probabilities that do not sum to 1) read the tensors and are skipped under `torch.compile` and
`vmap`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_dims,
    check_flag,
    check_integers,
    check_not_empty,
    check_number,
    check_reduction,
    check_tensor,
    check_values,
    learns,
    mapped_first,
    reduce,
    upcast,
    values_are_checked,
)

__all__ = ["ctc_loss"]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | tuple[int, ...],
    target_lengths: Tensor | tuple[int, ...],
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log likelihood of a target under all its alignments to the frames of an input.

    .. math::
        \ell = -\log \sum_{\pi \in \mathcal{B}^{-1}(y)} \; \prod_{t=1}^{T} p_t(\pi_t)

    A path π names a symbol or the blank for each of the T frames; B merges repeats and then drops blanks, so that
    (a, a, blank, b) becomes (a, b). The sum runs over every path that becomes the target y: the loss does not look for
    the best one. With one frame a symbol and no blank it would be the sum of :func:`nll_loss` over the frames. Never
    negative; 0 only where all probability lies on paths of y. A target of length 0 leaves one path, all blanks.

    Args:
        log_probs: the log probabilities of C symbols, blank included, for each frame: the output of log_softmax.
        targets: the symbols as torch.int64, none of them blank; padded, or one after another. Padding may hold any
            number.
        input_lengths: how many frames count in each sequence, from 0 to T; those after are not read.
        target_lengths: how many symbols each target has.
        blank: the index of the blank.
        zero_infinity: make an infinite loss 0.
        reduction: "none", "mean" or "sum".

    Shape:
        log_probs (T, N, C), time first, as torch.nn.CTCLoss has it: transpose a batch-first model's output. targets
        (N, S), or concatenated (sum of target_lengths). Lengths (N), tensors of torch.int64 (on the CPU if you like)
        or tuples. The result is (N) for "none", else a scalar.

    Convention:
        "mean" divides each loss by its target length (by 1 if that is 0), then averages over N, as torch does; Keras
        averages the undivided losses, which is the "sum" divided by N. A target with more symbols plus
        repeats (a symbol next to itself needs a blank between) than there are frames has no path, nor has one that
        needs a symbol of probability 0: its loss is infinite, or 0 with zero_infinity, and its gradient is 0 in both
        cases, where torch gives NaN unless zero_infinity is set. The gradient in log_probs is, as torch's, p minus the
        share of the paths that pass through each symbol: the plain derivative lacks the p, and behind log_softmax, or
        anything else that keeps the probabilities' sum at 1, the two give the same. Frames that don't count have
        gradient 0. Log probabilities of −∞ are fine. There is no second derivative and no forward-mode one
        (torch.func.jvp): asking for them is an error.

    Raises:
        TypeError: if log_probs is not floating-point, targets or lengths are not torch.int64, zero_infinity is not a
            bool or blank no whole number.
        ValueError: if the shapes do not fit, blank is not a class, a length is out of range, a target is not a class
            or is blank, the probabilities of a frame do not sum to 1 (the log of the sum is more than 0.05 from 0,
            which leaves room for bfloat16), the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Graves, Fernández, Gomez and Schmidhuber (2006), Connectionist temporal classification: labelling unsegmented
        sequence data with recurrent neural networks, equation 3.

    Example:
        >>> import torch
        >>> from lossutils import ctc_loss
        >>> log_probs = torch.zeros(4, 1, 3).log_softmax(-1)  # 4 frames, 81 paths, 15 of them for (1, 2)
        >>> round(ctc_loss(log_probs, torch.tensor([[1, 2]]), (4,), (2,), reduction="sum").item(), 4)  # log 81/15
        1.6864
    """
    check_flag("zero_infinity", zero_infinity)
    check_reduction(reduction)
    check_tensor("log_probs", log_probs)
    check_integers("targets", targets, "log_probs", log_probs, "symbols")
    input_lengths = _lengths("input_lengths", input_lengths, log_probs)
    target_lengths = _lengths("target_lengths", target_lengths, log_probs)
    check_dims("log_probs", log_probs, "(T, N, C)", lambda d: d == 3)
    frames, batch, classes = log_probs.shape
    if frames == 0 or classes == 0:
        raise ValueError(f"log_probs must have frames and classes, got the shape {tuple(log_probs.shape)}")
    check_number("blank", blank, f"from 0 to {classes - 1}", lambda b: 0 <= b < classes, whole=True)
    check_dims("targets", targets, "(N, S) or (sum of target_lengths)", lambda d: d in (1, 2))
    for name, value in {"targets": targets, "input_lengths": input_lengths, "target_lengths": target_lengths}.items():
        if len(value) != batch and (name != "targets" or targets.dim() == 2):
            raise ValueError(
                f"{name} must have an entry for each of the {batch} sequences of log_probs, which is time first, "
                f"(T, N, C): got {tuple(value.shape)} for log_probs of shape {tuple(log_probs.shape)}"
            )
    check_not_empty("input_lengths", input_lengths, reduction)
    (wide,) = upcast(log_probs)
    _check_sequences(wide, targets, input_lengths, target_lengths, blank)

    with_slope = learns(log_probs)
    values, _ = _CTC.apply(wide, targets, input_lengths, target_lengths, int(blank), with_slope)
    if zero_infinity:
        values = torch.where(values.isinf(), 0, values)
    if reduction == "mean":
        values = values / target_lengths.to(values.device).clamp(min=1)
    return reduce(values, reduction, log_probs) + 0  # −0, of a certain target, would print as -0.


def _lengths(name: str, lengths: Tensor | tuple[int, ...], log_probs: Tensor) -> Tensor:
    """The lengths, checked but for their range, as a tensor."""
    if isinstance(lengths, tuple):
        for length in lengths:
            check_number(name, length, "a sequence", lambda n: True, whole=True)
        return torch.tensor(lengths, dtype=torch.int64)
    if not isinstance(lengths, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor or a tuple of whole numbers, got {type(lengths).__name__}")
    check_integers(name, lengths, "log_probs", lengths if lengths.device.type == "cpu" else log_probs, "lengths")
    check_dims(name, lengths, "(N)", lambda d: d == 1)
    return lengths


def _check_sequences(
    log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int
) -> None:
    """The checks of values: lengths, symbols, probabilities that sum to 1."""
    frames, _, classes = log_probs.shape
    check_values(
        f"input_lengths must be from 0 to the {frames} frames of log_probs",
        input_lengths,
        lambda n: (n < 0) | (n > frames),
    )
    longest = targets.shape[-1]
    check_values(
        f"target_lengths must be from 0 to the {longest} symbols of targets",
        target_lengths,
        lambda n: (n < 0) | (n > longest),
    )
    counts = torch.ones_like(targets, dtype=torch.bool)
    if targets.dim() == 1:
        check_values(
            f"target_lengths must add up to the {longest} symbols of the concatenated targets",
            target_lengths.sum(),
            lambda total: total != longest,
        )
    else:
        counts = torch.arange(longest, device=targets.device) < target_lengths.to(targets.device).unsqueeze(1)
    check_values(
        f"targets must hold symbols from 0 to {classes - 1} other than blank = {blank}",
        targets,
        lambda t: ((t < 0) | (t >= classes) | (t == blank)) & counts,
    )
    if not values_are_checked():
        return
    counts = torch.arange(frames, device=log_probs.device).unsqueeze(1) < input_lengths.to(log_probs.device)
    check_values(
        "log_probs must hold log probabilities that sum to 1 over the last dimension (apply log_softmax first): the "
        "log of a sum must be 0",
        log_probs.detach().logsumexp(-1),
        lambda total: (total.abs() > 0.05) & counts,  # bfloat16 rounds as coarsely as this
    )


class _CTC(torch.autograd.Function):
    """The losses (N), with a gradient that is not NaN, and with a rule for vmap, which torch's operator lacks."""

    @staticmethod
    def forward(log_probs, targets, input_lengths, target_lengths, blank, with_slope):
        compute = _ctc_operator if torch.compiler.is_compiling() or log_probs.is_meta else _ctc
        return compute(log_probs, targets, input_lengths, target_lengths, blank, with_slope)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, grad, _):
        slope = None if grad is None else _Once.apply(grad, *ctx.saved_tensors)
        return slope, None, None, None, None, None

    @staticmethod
    def vmap(info, in_dims, log_probs, targets, input_lengths, target_lengths, blank, with_slope):
        tensors = log_probs, targets, input_lengths, target_lengths
        log_probs, *rest = mapped_first(info.batch_size, in_dims[:4], tensors)
        shape = log_probs.shape[0], log_probs.shape[2]
        one_batch = log_probs.transpose(0, 1).flatten(1, 2), *(t.flatten(0, 1) for t in rest)
        values, slope = _CTC.apply(*one_batch, blank, with_slope)
        slope = slope.unflatten(1, shape).movedim(1, 0) if with_slope else slope.expand(shape[0], 0)
        return (values.unflatten(0, shape), slope), (0, 0)


class _Once(torch.autograd.Function):
    """grad · slope. A second derivative would take the slope for a constant, so it is an error."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad, slope):
        return slope * grad.unsqueeze(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        raise NotImplementedError("ctc_loss has no second derivative: do not differentiate its gradient")


def _ctc(
    log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int, with_slope: bool
) -> tuple[Tensor, Tensor]:
    """The losses (N); and, if asked for, how each changes with its own log_probs: (T, N, C)."""
    if len(input_lengths) == 0:
        return log_probs.new_zeros(0), log_probs.new_zeros(log_probs.shape)
    lengths = input_lengths.tolist(), target_lengths.tolist()
    values, log_alpha = torch.ops.aten._ctc_loss(log_probs, targets, *lengths, blank)
    if not with_slope:
        return values, log_probs.new_empty(0)
    # The last argument is zero_infinity.
    slope = torch.ops.aten._ctc_loss_backward(
        torch.ones_like(values), log_probs, targets, *lengths, values, log_alpha, blank, True
    )
    # The kernel takes the difference of numbers as large as the loss, and −∞ from −∞ for probabilities of 0.
    rough = torch.where(values.isinf(), 0, values).max() * torch.finfo(values.dtype).eps > 1e-3
    if slope.sum().isnan() or rough:
        if targets.dim() == 1:
            targets = torch.nn.utils.rnn.pad_sequence(targets.split(lengths[1]), batch_first=True)
        slope = _slope(log_probs.double(), targets, input_lengths, target_lengths, blank).to(log_probs.dtype)
        slope = torch.where(values.isinf().unsqueeze(1), 0, slope)
    return values, slope.contiguous()


# torch.compile can't trace torch's operator, since the lengths decide how much memory it returns.
_ctc_operator = torch.library.custom_op("lossutils::ctc", _ctc, mutates_args=())


@_ctc_operator.register_fake
def _(log_probs, targets, input_lengths, target_lengths, blank, with_slope):
    slope = log_probs.new_empty(log_probs.shape if with_slope else 0)  # contiguous, whatever log_probs is
    return log_probs.new_empty(len(input_lengths)), slope


def _slope(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int) -> Tensor:
    """p minus the share of the paths through each symbol, exact where the kernel's is not, and a few times slower.

    The states are the symbols of a target with blanks before, between and after. `before` and `after` are the log sums
    over the beginnings of paths up to a frame and over their ends after it, in each frame shifted to a maximum of 0, so
    that their digits are not lost in the size of the whole loss.
    """
    frames, batch, _ = log_probs.shape
    targets = F.pad(targets, (0, 1))  # room for a step of two states even where no target has a symbol
    last = 2 * target_lengths.to(targets.device).unsqueeze(1)
    lengths = input_lengths.to(targets.device).unsqueeze(1)
    state = torch.arange(2 * targets.shape[1] + 1, device=targets.device)
    symbols = torch.full((batch, len(state)), blank, device=targets.device)
    symbols[:, 1::2] = targets
    symbols = torch.where(state <= last, symbols, blank)  # padding may be any number
    emitted = log_probs.gather(2, symbols.expand(frames, -1, -1))
    # A path may leave out the blank between two symbols that differ.
    apart = (symbols[:, 2:] != blank) & (symbols[:, 2:] != symbols[:, :-2])
    skip = torch.where(apart, 0.0, -math.inf).to(log_probs)

    def combine(sums: Tensor, skip: Tensor) -> Tensor:
        """The sums one frame on, where a path stays in its state or goes one or two states up."""
        step = F.pad(sums[:, :-1], (1, 0), value=-math.inf)
        leap = F.pad(sums[:, :-2] + skip, (2, 0), value=-math.inf)
        sums = torch.stack((sums, step, leap)).logsumexp(0)
        top = sums.amax(1, keepdim=True)
        return sums - torch.where(top.isinf(), 0, top)

    before = torch.where(state == 0, 0.0, -math.inf).to(log_probs).expand(batch, -1)
    begun = []
    for frame in emitted:
        before = frame + combine(before, skip)
        begun.append(before)

    end = torch.where((state == last) | (state == last - 1), 0.0, -math.inf).to(log_probs)
    after, ended = end, [end]
    for t in range(frames - 1, 0, -1):
        # Backwards in time a path goes down the states.
        after = combine((emitted[t] + after).flip(1), skip.flip(1)).flip(1)
        after = torch.where(t < lengths, after, end)
        ended.append(after)

    share = (torch.stack(begun) + torch.stack(ended[::-1])).softmax(2)
    passing = torch.zeros_like(log_probs).scatter_add(2, symbols.expand(frames, -1, -1), share)
    counts = torch.arange(frames, device=targets.device).view(-1, 1, 1) < lengths
    return torch.where(counts, log_probs.exp() - passing, 0)
