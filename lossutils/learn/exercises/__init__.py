"""The code exercises of the book, as data: what a function must do, on which inputs, and which mistakes are usual.

A module a chapter, or a package with a module a section, with a list ``EXERCISES``. The statement, the hints and the
solution stand in the section's notebook; :func:`lossutils.learn.check.check` compares the reader's function with the
``spec`` that stands here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Wrong:
    """A usual wrong answer.

    Attributes:
        function: what such a reader writes, with the signature of the spec.
        message: what it looks like, and where to look; not the answer.
    """

    function: Callable
    message: str


@dataclass(frozen=True)
class Edge:
    """One input at which a function that is right elsewhere goes wrong.

    Attributes:
        label: what is special, as it follows "at": ``"a rate of 0"``.
        args: the arguments; a list stands for a float64 tensor, a number for itself.
        gradient: how gradients are compared here: ``"equal"``; ``"finite"`` where several are right, at a kink; or
            ``"no"``.
    """

    label: str
    args: tuple
    gradient: str = "equal"


@dataclass(frozen=True)
class Exercise:
    """One function to write.

    Attributes:
        name: the name of the function and of the exercise, once in the book.
        spec: the function, slow and readable, with the signature that the notebook asks for.
        cases: ordinary inputs that are easily worked by hand, the smallest first.
        draw: a generator and a size of 1 to 5 → one more ordinary input of that size.
        edges: inputs at the edge.
        wrong: the usual wrong answers, at least three.
        gradient: the parameters of the spec by which the answer must be differentiable.
    """

    name: str
    spec: Callable
    cases: Sequence[tuple]
    draw: Callable[[torch.Generator, int], tuple]
    wrong: Sequence[Wrong]
    edges: Sequence[Edge] = ()
    gradient: Sequence[str] = ()


def numbers(generator: torch.Generator, n: int, low: float, high: float, shift: float = 0.0) -> Tensor:
    """n float64 numbers between ``low`` and ``high`` with one decimal.

    A ``shift`` of 0.05 for the target, say, keeps it away from the prediction, where many losses have a kink.
    """
    drawn = torch.rand(n, generator=generator, dtype=torch.float64) * (high - low) + low
    return (drawn * 10).round() / 10 + shift


def signs(generator: torch.Generator, n: int) -> Tensor:
    """n labels of −1 and +1 in float64."""
    return torch.randint(0, 2, (n,), generator=generator).double() * 2 - 1


def scalar(value: float) -> Tensor:
    """A float64 tensor of no dimension: a number by which an answer can be differentiated."""
    return torch.tensor(value, dtype=torch.float64)


def find(name: str) -> Exercise | None:
    """The exercise of that name, or None."""
    return next((exercise for exercise in every() if exercise.name == name), None)


def every() -> list[Exercise]:
    """All exercises, chapter by chapter, in the order of the modules' names."""
    found = sorted(pkgutil.walk_packages(__path__, f"{__name__}."), key=lambda info: info.name)
    modules = [importlib.import_module(info.name) for info in found if not info.ispkg]
    return [exercise for module in modules for exercise in module.EXERCISES]
