"""Timing in interleaved rounds, and the peak of the memory that a step allocates."""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import lossutils
from lossutils import _core


class Time(NamedTuple):
    """Milliseconds: medians of the rounds."""

    forward: float
    backward: float
    both: float


@contextmanager
def value_checks(on: bool) -> Iterator[None]:
    """Read the values of the arguments, or do not, in every module that asks."""
    places = [m for m in (_core, *vars(lossutils).values()) if hasattr(m, "values_are_checked")]
    before = [place.values_are_checked for place in places]
    for place in places:
        place.values_are_checked = lambda: on
    try:
        yield
    finally:
        for place, function in zip(places, before, strict=True):
            place.values_are_checked = function


def prepared(arguments: tuple, learn: tuple[int, ...]) -> tuple[tuple, list[Tensor]]:
    """The arguments with those to learn as leaves; and these."""
    arguments = pytree.tree_map_only(Tensor, lambda t: t.detach().clone(), arguments)
    leaves = pytree.tree_leaves([arguments[i] for i in learn])
    for leaf in leaves:
        leaf.requires_grad_()
    return arguments, leaves


def step(loss: Callable, arguments: tuple, leaves: list[Tensor]) -> tuple[float, float, float]:
    """The times before a forward pass, after it, and after the backward pass."""
    start = time.perf_counter()
    value = loss(*arguments)
    middle = time.perf_counter()
    if leaves:
        torch.autograd.grad(value, leaves)
    return start, middle, time.perf_counter()


def values_and_slopes(loss: Callable, arguments: tuple, leaves: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    value = loss(*arguments)
    return value.detach(), list(torch.autograd.grad(value, leaves)) if leaves else []


def agree(ours: tuple[Tensor, list[Tensor]], theirs: tuple[Tensor, list[Tensor]]) -> bool:
    """Whether two losses are the same function here: the value to 1e-4, each gradient, as a whole, to 1e-2.

    In a million elements some lie on a kink or share a place in a sort, where gradients may differ.
    """

    def near(a: Tensor, b: Tensor, rtol: float) -> bool:
        return bool((a - b).norm() <= rtol * b.norm() + 1e-12)

    return near(ours[0], theirs[0], 1e-4) and all(near(a, b, 1e-2) for a, b in zip(ours[1], theirs[1], strict=True))


def race(
    losses: dict[str, Callable], arguments: tuple, leaves: list[Tensor], seconds: float, least: int
) -> tuple[dict[str, Time], dict[str, float]]:
    """The times of each loss, and its time for both passes over that of "ours", as the median over rounds.

    In each round everyone takes a step, in a random order: a slow moment of the machine is everyone's, and nobody
    always finds the caches as the same rival left them. At least `least` rounds, up to about `seconds` for each loss.
    """
    names = list(losses)
    for name in names:  # the warm-up, and how long a round takes
        step(losses[name], arguments, leaves)
    start = time.perf_counter()
    for name in names:
        step(losses[name], arguments, leaves)
    rounds = max(least, min(300, int(seconds * len(names) / (time.perf_counter() - start))))
    order = random.Random(0)
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in order.sample(names, len(names)):
                a, b, c = step(losses[name], arguments, leaves)
                times[name].append((1e3 * (b - a), 1e3 * (c - b), 1e3 * (c - a)))
    finally:
        gc.enable()
    medians = {name: Time(*map(statistics.median, zip(*rows, strict=True))) for name, rows in times.items()}
    ratios = {
        name: statistics.median(row[2] / own[2] for row, own in zip(times[name], times["ours"], strict=True))
        for name in names
    }
    return medians, ratios


def peak_memory(losses: dict[str, Callable], arguments: tuple, leaves: list[Tensor]) -> dict[str, float]:
    """The most memory that a step of each loss holds at once beside its arguments, in MB: gradients, intermediates."""
    cpu = torch.profiler.ProfilerActivity.CPU
    with quiet_stderr(), torch.profiler.profile(activities=[cpu], profile_memory=True) as profiler:
        for name, loss in losses.items():
            with torch.profiler.record_function(f"loss: {name}"):
                step(loss, arguments, leaves)
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    steps = {e.name(): (e.start_ns(), e.end_ns()) for e in events if e.name().startswith("loss: ")}
    peaks = {}
    for name in losses:
        start, end = steps[f"loss: {name}"]
        held = accumulate(size for moment, size in changes if start <= moment <= end)
        peaks[name] = max(held, default=0) / 2**20
    return peaks


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Without what the profiler's C++ part writes to the terminal at each start and stop."""
    sys.stderr.flush()
    before = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
