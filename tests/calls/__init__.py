"""Calls of every function, small enough for brute force: what tests/test_core.py holds all of them to.

Each family has a module here with its CALLS; REFERENCES, adapters from the names in reference_cases.json to our
arguments; and NOT_APPLICABLE, the cases there that are no number of ours, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

FAMILIES = (
    "classification",
    "regression",
    "perceptual",
    "gan",
    "focal",
    "overlap",
    "embedding",
    "sequence",
    "combine",
)


class Call(NamedTuple):
    """One way to call one function."""

    name: str  # the function's, and after a comma what is special: "cross_entropy, weighted"
    loss: Callable  # the function, its options bound by functools.partial
    draw: Callable[[torch.Generator], tuple]  # the positional arguments, float64 where floating, away from kinks
    learn: tuple[int, ...] = (0,)  # the positions of the arguments that a gradient flows to; none for a 0-1 loss
    divisor: Callable[..., float | Tensor] | None = None  # what "mean" divides by; None if there is no reduction
    per: Callable[..., tuple] | None = None  # the shape of "none"; None if that of the first argument
    twice: bool = True  # has second derivatives (a ReLU's are 0, and count)
    batch: bool = True  # the first dimension of every argument is the batch, which may be empty
    exact: bool = True  # the gradient is the derivative of the value (CIoU's takes a factor of it as a constant)
    vmaps: bool = True  # the arguments may be stacked and mapped over
    through: Callable[[Tensor], Tensor] = lambda t: t  # what keeps an argument valid where gradcheck moves it
    pairs: bool = True  # shapes must be equal whatever the reduction; else only for "none"

    @property
    def function(self) -> str:
        return self.name.split(",")[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniform(g: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=g, dtype=torch.float64)


def normal(g: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=g, dtype=torch.float64)


def indices(g: torch.Generator, classes: int, *shape: int) -> Tensor:
    return torch.randint(classes, shape, generator=g)


def signs(g: torch.Generator, *shape: int) -> Tensor:
    return 2 * torch.randint(2, shape, generator=g).double() - 1


def bits(g: torch.Generator, *shape: int) -> Tensor:
    return torch.randint(2, shape, generator=g).double()


def each_tensor(change: Callable[[Tensor], Tensor], arguments: tuple) -> tuple:
    """The arguments with every tensor changed, also those in lists."""
    return pytree.tree_map_only(Tensor, change, arguments)


def cast(arguments: tuple, dtype: torch.dtype) -> tuple:
    """The arguments with floating-point tensors in another dtype."""
    return each_tensor(lambda t: t.to(dtype) if t.is_floating_point() else t, arguments)


def _gather(name: str) -> dict:
    return {family: getattr(import_module(f"calls.{family}"), name) for family in FAMILIES}


def all_calls() -> list[Call]:
    return [call for calls in _gather("CALLS").values() for call in calls]


def all_references() -> dict[str, Callable]:
    return {loss: adapter for adapters in _gather("REFERENCES").values() for loss, adapter in adapters.items()}


def all_not_applicable() -> dict[str, str]:
    return {case: reason for reasons in _gather("NOT_APPLICABLE").values() for case, reason in reasons.items()}
