"""Times every loss against torch, the textbook formula and other libraries, on this machine, in one run.

    make benchmarks                                # in an environment of its own, with the other libraries: 10 minutes
    python -m benchmarks.run --only focal          # the cases whose names contain a word
    python -m benchmarks.run --quick               # a few rounds each: a look, not a result

Each case first holds its rivals' values and gradients against ours, then times them in interleaved rounds, float32,
forward and backward, on two threads. Ours is timed without its checks of values; their price is a column of its own.
The bar for both passes together: at most 1.1 times the time of torch's function, where torch has the loss; no slower
than the fastest peer elsewhere. Memory is the peak that a forward and backward pass allocates.

A whole run writes lossutils/learn/benchmarks.json, which the book shows, and benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib import metadata
from pathlib import Path

import torch

from benchmarks.cases import CASES, FULL, Case, Sizes
from benchmarks.measure import Time, agree, peak_memory, prepared, race, value_checks, values_and_slopes
from benchmarks.peers import SHORT

ROOT = Path(__file__).parent.parent
JSON = ROOT / "lossutils" / "learn" / "benchmarks.json"
TABLE = ROOT / "benchmarks" / "RESULTS.md"
TORCH_BAR, PEER_BAR = 1.1, 1.03  # at least as fast as a peer, within what the medians of two runs differ by


def checked(loss):
    """The loss with its checks of values."""

    def call(*arguments):
        with value_checks(True):
            return loss(*arguments)

    return call


def measure(case: Case, sizes: Sizes, seconds: float, least: int) -> dict:
    """One row of the result. A rival that is not installed is left out; one with another value is an error."""
    torch.manual_seed(0)
    arguments, leaves = prepared(case.draw(sizes), case.learn)
    losses = {"ours": case.ours}
    with value_checks(False):
        wanted = values_and_slopes(case.ours, arguments, leaves)
        for name, rival in case.rivals.items():
            try:
                theirs = values_and_slopes(rival, arguments, leaves)
            except ImportError:
                continue
            if not agree(wanted, theirs):
                raise AssertionError(f"{case.name}: {name} gives {theirs[0].item()}, ours is {wanted[0].item()}")
            losses[name] = rival
        times, ratios = race({**losses, "checked": checked(case.ours)}, arguments, leaves, seconds, least)
        memory = peak_memory(losses, arguments, leaves)
    return row(case, times, ratios, memory)


def row(case: Case, times: dict[str, Time], ratios: dict[str, float], memory: dict[str, float]) -> dict:
    """The numbers with a verdict: our time over that of the one the bar names, and whether that is low enough."""
    checks = ratios.pop("checked") - 1
    opponents = [name for name in ratios if name in SHORT]
    against = "torch" if "torch" in ratios else min(opponents, key=ratios.get, default=None)
    ratio = round(1 / ratios[against], 2) if against else None
    return {
        "case": case.name,
        "against": against,
        "ratio": ratio,
        "met": None if against is None else ratio <= (TORCH_BAR if against == "torch" else PEER_BAR),
        "checks": round(checks, 2),
        "ms": {name: [round(t, 3) for t in times[name]] for name in ratios},
        "speed": {name: round(r, 2) for name, r in ratios.items() if name != "ours"},
        "mb": {name: round(m, 1) for name, m in memory.items()},
    }


def versions() -> dict[str, str]:
    found = {}
    for short, package in {"torch": "torch", **SHORT}.items():
        try:
            found[short] = metadata.version(package.replace("_", "-"))
        except metadata.PackageNotFoundError:
            continue
    return found


HEADER = (
    "| loss | the bar | torch | textbook | peers | ours, forward + backward | value checks |",
    "|---|---|---|---|---|---|---|",
)


def line(row: dict) -> str:
    """A row of the table."""

    def rival(name: str) -> str:
        return f"{row['speed'][name]:.2f}× ({row['mb'][name]:.0f} MB)"

    forward, backward, _ = row["ms"]["ours"]
    others = ", ".join(f"{name} {rival(name)}" for name in row["speed"] if name in SHORT)
    verdict = "" if row["met"] is None else f"{row['ratio']:.2f} of {row['against']}"
    cells = [
        row["case"],
        verdict if row["met"] is not False else f"**{verdict}**",
        *(rival(name) if name in row["speed"] else "" for name in ("torch", "textbook")),
        others,
        f"{forward:.2f} + {backward:.2f} ms, {row['mb']['ours']:.0f} MB",
        f"{100 * row['checks']:+.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def report(result: dict) -> str:
    """RESULTS.md."""
    libraries = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    missed = [row["case"] for row in result["rows"] if row["met"] is False]
    machine = f"{result['cores']} cores, {result['threads']} threads"
    head = f"""# Benchmarks

<!-- The book shows what follows, on its page "How fast the losses are". -->

Measured by `make benchmarks` on {machine}, with {libraries}.

A rival's number is its time over ours, for a forward and a backward pass in float32: above 1 it is slower than ours.
Times are medians of interleaved rounds; MB is the most that such a step allocates at once beside its arguments. Ours is
without checks of values, whose price is a column. The bar is our time over torch's, at most {TORCH_BAR}, where torch
has the loss, else over the fastest peer's, at most {PEER_BAR} (a tie, and the noise); what misses it is bold.
"""
    return "\n".join([head, *HEADER, *map(line, result["rows"]), "", f"Missed: {'; '.join(missed) or 'none'}.", ""])


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", default="", help="only cases with WORD in the name; writes no file")
    parser.add_argument("--quick", action="store_true", help="three rounds each; writes no file")
    parser.add_argument("--threads", type=int, default=2, help="for torch (default 2)")
    options = parser.parse_args(arguments)

    torch.set_num_threads(options.threads)
    seconds, least = (0.0, 3) if options.quick else (1.0, 15)
    result = {"cores": os.cpu_count(), "threads": options.threads, "versions": versions(), "rows": []}
    print(*HEADER, sep="\n")
    for case in CASES:
        if options.only in case.name:
            result["rows"].append(measure(case, FULL, seconds, least))
            print(line(result["rows"][-1]), flush=True)
    missed = [row["case"] for row in result["rows"] if row["met"] is False]
    print(f"\n{len(result['rows'])} cases. The bar is missed by: {'; '.join(missed) or 'none'}.")
    if not (options.only or options.quick):
        JSON.write_text(json.dumps(result, separators=(",", ":")) + "\n")
        TABLE.write_text(report(result))
        print(f"Wrote {JSON.relative_to(ROOT)} and {TABLE.relative_to(ROOT)}.")
    return result


if __name__ == "__main__":
    main()
