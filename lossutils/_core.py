"""What every loss shares: checking its arguments, choosing the precision to compute in, and reducing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real

import torch
from torch import Tensor

REDUCTIONS = ("none", "mean", "sum")


# Tensors


def check_tensor(name: str, value: Tensor) -> None:
    """Raise TypeError unless `value` is a floating-point tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}: make one with torch.as_tensor")
    if not value.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {value.dtype}: convert it with {name}.float()")


def check_alike(**tensors: Tensor) -> None:
    """Raise unless all are floating-point tensors of the first one's dtype and device.

    Under autocast a half-precision prediction meets targets in float32, and so the dtypes may differ there.
    """
    (first_name, first), *others = tensors.items()
    check_tensor(first_name, first)
    for name, value in others:
        check_tensor(name, value)
        mixed = autocasts(first) and max(first.dtype.itemsize, value.dtype.itemsize) <= 4
        if value.dtype != first.dtype and not mixed:
            raise TypeError(
                f"{first_name} and {name} must have the same dtype, got {first.dtype} and {value.dtype}: "
                f"convert with {name}.to({first_name}.dtype)"
            )
        check_device(name, value, first_name, first)


def check_device(name: str, value: Tensor, first_name: str, first: Tensor) -> None:
    """Raise ValueError unless `value` is on the device of `first`."""
    if value.device != first.device:
        raise ValueError(f"{first_name} and {name} must be on the same device, got {first.device} and {value.device}")


def check_equal_shapes(**tensors: Tensor) -> None:
    """Raise ValueError unless all shapes are the first one's: one that broadcasts gives a wrong number."""
    (first_name, first), *others = tensors.items()
    for name, value in others:
        if value.shape != first.shape:
            raise ValueError(
                f"{first_name} and {name} must have equal shapes, got {tuple(first.shape)} and {tuple(value.shape)}: "
                "nothing is broadcast, so squeeze or expand one of them"
            )


def check_dims(name: str, value: Tensor, wanted: str, holds: Callable[[int], bool]) -> None:
    """Raise ValueError unless `holds` is true of the number of dimensions; `wanted` writes the shape, as "(N, C)"."""
    if not holds(value.dim()):
        raise ValueError(f"{name} must have the shape {wanted}, got {tuple(value.shape)}")


def check_integers(name: str, value: Tensor, first_name: str, first: Tensor, what: str = "class indices") -> None:
    """Raise unless `value` is an int64 tensor on the device of `first`; `what` says what its numbers are."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}: make one with torch.as_tensor")
    if value.dtype != torch.int64:
        raise TypeError(f"{name} must hold {what} as torch.int64, got {value.dtype}: convert it with {name}.long()")
    check_device(name, value, first_name, first)


def check_not_empty(name: str, value: Tensor, reduction: str) -> None:
    """Raise ValueError for the mean over nothing, which torch answers with a silent NaN."""
    if reduction == "mean" and value.numel() == 0:
        raise ValueError(
            f"the mean over an empty batch is undefined, got {name} of shape {tuple(value.shape)}: "
            'skip the batch, or use reduction="sum", which gives 0'
        )


def check_elementwise(reduction: str, **tensors: Tensor) -> None:
    """The checks of every loss with one value an element: reduction, types, equal shapes, no mean over nothing."""
    check_reduction(reduction)
    check_alike(**tensors)
    check_equal_shapes(**tensors)
    name, first = next(iter(tensors.items()))
    check_not_empty(name, first, reduction)


# Options


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of the three words."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f'reduction must be "none", "mean" or "sum", got {reduction!r}')


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of the strings `choices`."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def check_flag(name: str, value: bool) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_number(name: str, value: float, wanted: str, holds: Callable[[float], bool], *, whole: bool = False) -> None:
    """Raise unless `value` is a real (or whole) number for which `holds` (never true of NaN); `wanted` says so."""
    word = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        kind = "a tensor" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} must be {word} {wanted}, got {kind}")
    if not holds(value):
        raise ValueError(f"{name} must be {word} {wanted}, got {value}")


def option(name: str, value: float | Tensor, input: Tensor, wanted: str, holds: Callable) -> Tensor:
    """An option that may be a number or a tensor, as a tensor of the dtype of `input` that broadcasts to its shape.

    `holds` tells, of a number or element by element, whether it is as `wanted`; of NaN it must say False.
    """
    if not isinstance(value, Tensor):
        check_number(name, value, wanted, holds)
        return input.new_tensor(value)
    check_tensor(name, value)
    if value.dim() > 0:
        check_device(name, value, "input", input)
    if not _broadcasts_to(value.shape, input.shape):
        raise ValueError(f"{name} must broadcast to the shape of input, {tuple(input.shape)}, got {tuple(value.shape)}")
    check_values(f"{name} must be {wanted}", value, lambda v: ~holds(v))
    return value.to(device=input.device, dtype=input.dtype)


def scalar_option(name: str, value: float | Tensor, input: Tensor, wanted: str, holds: Callable) -> Tensor:
    """As :func:`option`, but a tensor must be of shape ()."""
    if isinstance(value, Tensor) and value.dim() > 0:
        raise ValueError(f"{name} must be a number or a tensor of shape (), got the shape {tuple(value.shape)}")
    return option(name, value, input, wanted, holds)


def _broadcasts_to(shape: torch.Size, wanted: torch.Size) -> bool:
    offset = len(wanted) - len(shape)
    return offset >= 0 and all(n in (1, wanted[offset + i]) for i, n in enumerate(shape))


# Values. They are read in eager mode only.


def values_are_checked() -> bool:
    """Whether to read values at all: not under `torch.compile`, where that would break the graph."""
    return not torch.compiler.is_compiling()


def check_values(message: str, values: Tensor, wrong: Callable[[Tensor], Tensor]) -> None:
    """Raise ValueError with the first of `values` of which `wrong` is true, where the values can be read.

    Under `vmap` and on meta tensors they can't (torch then raises a RuntimeError on the question): nothing is checked.
    """
    if not values_are_checked():
        return
    values = values.detach()
    found = wrong(values)
    try:
        if not found.any():
            return
    except RuntimeError:
        return
    value = values.expand_as(found)[found].flatten()[0]
    short = f"{value.item():g}"
    raise ValueError(f"{message}, got {short if value == float(short) else value.item()}")  # 1.0000001 is not 1


def check_indices(name: str, target: Tensor, classes: int, ignore_index: int | None = None) -> None:
    """Raise ValueError unless every target is a class from 0 to `classes` − 1, or `ignore_index`."""
    if not values_are_checked():  # nor is a message built, which dynamo can't do with an ignore_index that changes
        return
    besides = "" if ignore_index is None else f", or ignore_index = {ignore_index}"
    check_values(
        f"{name} must hold class indices from 0 to {classes - 1}{besides}",
        target,
        lambda t: ((t < 0) | (t >= classes)) & (True if ignore_index is None else t != ignore_index),
    )


def check_probabilities(name: str, probs: Tensor) -> None:
    """Raise ValueError unless every value lies in [0, 1]. NaN passes: it comes out as NaN."""
    check_values(f"{name} must hold probabilities from 0 to 1", probs, lambda p: (p < 0) | (p > 1))


def check_distributions(name: str, probs: Tensor, dim: int) -> None:
    """Raise ValueError unless the values lie in [0, 1] and sum to 1 along `dim`, up to rounding. NaN passes."""
    if not values_are_checked():
        return
    check_probabilities(name, probs)
    tolerance = 1e-2 if probs.dtype.itemsize < 4 else 1e-4
    (wide,) = upcast(probs.detach())
    check_values(
        f"{name} must hold distributions, which sum to 1 along dimension {dim}",
        wide.sum(dim),
        lambda total: (total - 1).abs() > tolerance,
    )


def check_signs(name: str, target: Tensor) -> None:
    """Raise ValueError unless every label is +1 or −1."""
    check_values(f"{name} must hold labels of +1 and -1", target, lambda t: t.abs() != 1)


# Precision and reduction


def autocasts(tensor: Tensor) -> bool:
    """Whether automatic mixed precision is on for the tensor's device (a meta tensor has none)."""
    return not tensor.is_meta and torch.is_autocast_enabled(tensor.device.type)


def no_autocast(tensor: Tensor) -> torch.autocast:
    """A context in which autocast lets our matrix products and convolutions stay in float32."""
    return torch.autocast("cpu" if tensor.is_meta else tensor.device.type, enabled=False)


def upcast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, those of less than 32 bits as float32: half precision has too few digits to compute in."""
    return tuple(t.float() if t.dtype.itemsize < 4 else t for t in tensors)


def restore(values: Tensor, input: Tensor) -> Tensor:
    """Back to the dtype of the input; under autocast the loss stays in float32, as torch's own losses do."""
    return values if autocasts(input) else values.to(input.dtype)


def reduce(values: Tensor, reduction: str, input: Tensor, *, total: Tensor | float | None = None) -> Tensor:
    """Apply the reduction, then go back to the dtype of the input.

    "mean" divides by the number of values, or by `total`, as a weighted mean does. A total of 0 means that nothing
    counts (everything is ignored): the mean is then 0, with a gradient of 0, instead of 0/0.
    """
    if reduction == "mean" and total is None:
        values = values.sum() / values.numel()  # mean() would fill a tensor with 1/n for its gradient
    elif reduction != "none":
        values = values.sum()
    if reduction == "mean" and total is not None:
        total = torch.as_tensor(total, dtype=values.dtype, device=values.device)
        values = values / torch.where(total == 0, 1, total)
    return restore(values, input)


# Losses with a backward pass of their own


def learns(input: Tensor) -> bool:
    """Whether a gradient by `input` may be asked for, by autograd or by torch.func."""
    return torch.is_grad_enabled() and (input.requires_grad or torch._C._are_functorch_transforms_active())


def is_mapped(tensor: Tensor) -> bool:
    """Whether `vmap`, another transform of torch.func, or a batch of gradients may stand behind the tensor."""
    if torch.compiler.is_compiling():  # which can't tell, and fuses anyway
        return True
    functorch = torch._C._functorch
    return functorch.is_functorch_wrapped_tensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def mapped_first(batch: int, in_dims: tuple, tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """The tensors that vmap hands to an autograd function, all with the mapped dimension, in front.

    What is not mapped is expanded, so that the forward pass may write any tensor it makes into any other.
    """
    pairs = zip(tensors, in_dims, strict=True)
    return [t.expand(batch, *t.shape) if dim is None else t.movedim(dim, 0) for t, dim in pairs]


# A kernel


def log_softmax(logits: Tensor, dim: int) -> Tensor:
    """log softmax along `dim`, by torch's kernel but on the CPU for rows shorter than a vector, where it is slow."""
    short = dim == logits.dim() - 1 and logits.shape[dim] * logits.itemsize < 64 and logits.device.type == "cpu"
    if short and not torch.compiler.is_compiling():
        return _LogSoftmax.apply(logits, dim)
    return torch.log_softmax(logits, dim)


class _LogSoftmax(torch.autograd.Function):
    """log softmax in elementwise passes over all rows: for 10 classes three times as fast as a loop over the rows."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, dim: int) -> Tensor:
        shifted = logits - logits.amax(dim, keepdim=True)
        return shifted.sub_(shifted.exp().sum(dim, keepdim=True).log_())

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.dim = inputs[1]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        (output,) = ctx.saved_tensors
        return upstream - output.exp() * upstream.sum(ctx.dim, keepdim=True), None
