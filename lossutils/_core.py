"""What every loss shares: checking its arguments, choosing the precision to compute in, and reducing."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor

REDUCTIONS = ("none", "mean", "sum")


def check_tensor(name: str, value: Tensor) -> None:
    """Raise TypeError unless `value` is a floating-point tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}: make one with torch.as_tensor")
    if not value.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {value.dtype}: convert it with {name}.float()")


def check_like(name: str, value: Tensor, input: Tensor) -> None:
    """Raise TypeError or ValueError unless `value` has the dtype and the device of `input`."""
    check_tensor(name, value)
    if value.dtype != input.dtype:
        raise TypeError(
            f"input and {name} must have the same dtype, got {input.dtype} and {value.dtype}: "
            f"convert with {name}.to(input.dtype)"
        )
    if value.device != input.device:
        raise ValueError(f"input and {name} must be on the same device, got {input.device} and {value.device}")


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of the three words."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f'reduction must be "none", "mean" or "sum", got {reduction!r}')


def check_pair(input: Tensor, target: Tensor, reduction: str) -> None:
    """The checks of every loss of two equal tensors. A mean over nothing is an error rather than a silent NaN."""
    check_reduction(reduction)
    check_tensor("input", input)
    check_like("target", target, input)
    if input.shape != target.shape:
        raise ValueError(
            f"input and target must have equal shapes, got {tuple(input.shape)} and {tuple(target.shape)}: "
            "nothing is broadcast, so squeeze or expand one of them"
        )
    if reduction == "mean" and input.numel() == 0:
        raise ValueError(
            f"the mean over an empty batch is undefined, got input of shape {tuple(input.shape)}: "
            'skip the batch, or use reduction="sum", which gives 0'
        )


def check_flag(name: str, value: bool) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_number(name: str, value: float, wanted: str, holds: Callable[[float], bool]) -> None:
    """Raise unless `value` is a real number for which `holds` (never true of NaN); `wanted` says so in words."""
    if isinstance(value, bool) or not isinstance(value, Real):
        kind = "a tensor" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} must be a number {wanted}, got {kind}")
    if not holds(value):
        raise ValueError(f"{name} must be a number {wanted}, got {value}")


def check_values(message: str, values: Tensor, wrong: Tensor) -> None:
    """Raise ValueError with the first of `values` that is `wrong`, where the values can be read.

    Under `torch.compile` nothing is read, and under `vmap` or on meta tensors nothing can be (torch then raises a
    RuntimeError on the question), so the check is skipped there.
    """
    if torch.compiler.is_compiling():
        return
    try:
        found = bool(wrong.any())
    except RuntimeError:
        return
    if found:
        raise ValueError(f"{message}, got {values.detach()[wrong].flatten()[0].item():g}")


def option(name: str, value: float | Tensor, residual: Tensor, wanted: str, holds: Callable) -> Tensor:
    """An option that may be a number or a tensor, as a tensor of the residual's dtype that broadcasts to its shape.

    `holds` tells, of a number or element by element, whether it is as `wanted`; of NaN it must say False.
    """
    if not isinstance(value, Tensor):
        check_number(name, value, wanted, holds)
        return residual.new_tensor(value)
    check_tensor(name, value)
    if value.dim() > 0 and value.device != residual.device:
        raise ValueError(f"input and {name} must be on the same device, got {residual.device} and {value.device}")
    if not _broadcasts_to(value.shape, residual.shape):
        raise ValueError(
            f"{name} must broadcast to the shape of input, {tuple(residual.shape)}, got {tuple(value.shape)}"
        )
    check_values(f"{name} must be {wanted}", value, ~holds(value))
    return value.to(device=residual.device, dtype=residual.dtype)


def _broadcasts_to(shape: torch.Size, wanted: torch.Size) -> bool:
    offset = len(wanted) - len(shape)
    return offset >= 0 and all(n in (1, wanted[offset + i]) for i, n in enumerate(shape))


def upcast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, those of less than 32 bits as float32: half precision has too few digits to compute in."""
    return tuple(t.float() if t.dtype.itemsize < 4 else t for t in tensors)


def residual_of(input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Check the pair and return the residual input − target in the precision to compute in."""
    check_pair(input, target, reduction)
    input, target = upcast(input, target)
    return input - target


def reduce(values: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    """Apply the reduction, then go back to the dtype of the input."""
    if reduction == "mean":
        values = values.mean()
    elif reduction == "sum":
        values = values.sum()
    return values.to(dtype)
