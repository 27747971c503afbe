"""Time every notebook and write the table that the book shows.

    python tools/runtimes.py                 every notebook
    python tools/runtimes.py NOTEBOOK …      these; the others keep their seconds

Each notebook runs from an empty folder in a kernel of its own, two at a time, a thread each; no output is written.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import re
import sys
import time

import nbformat
import notebooks
import torch

ROOT = notebooks.ROOT
TARGET = ROOT / "benchmarks" / "RUNTIMES.md"


def book() -> list[pathlib.Path]:
    """The book's notebooks in reading order."""
    names = [name for page, sections in notebooks.contents().items() for name in (page, *sections)]
    return [path for name in names if (path := ROOT / f"{name}.ipynb").exists()]


def known() -> dict[pathlib.Path, float]:
    """The seconds that the table holds."""
    rows = re.findall(r"\]\((\S+)\) \| (\d+) \|", TARGET.read_text(encoding="utf-8"))
    return {ROOT / "chapters" / link: float(seconds) for link, seconds in rows}


def measure(path: pathlib.Path) -> tuple[pathlib.Path, float]:
    """Seconds from the start of the kernel to the last output."""
    start = time.monotonic()
    notebooks.executed(path)
    return path, time.monotonic() - start


def row(path: pathlib.Path, seconds: float) -> str:
    """Title with a link from ``chapters/``, seconds, cells of code, words of text."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    title = re.search(r"^# (.*)$", text, re.MULTILINE)[1]
    words = len(re.findall(r"[A-Za-z’'-]{2,}", re.sub(r"\$\$.*?\$\$|\$[^$]*\$|```.*?```", "", text, flags=re.DOTALL)))
    code = sum(cell.cell_type == "code" for cell in cells)
    link = path.relative_to(ROOT / "chapters").as_posix()
    return f"| [{title}]({link}) | {seconds:.0f} | {code} | {words:,} |"


def main(names: list[str]) -> None:
    os.environ |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    wanted = [pathlib.Path(name).resolve() for name in names] or book()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        seconds = (known() if names else {}) | dict(pool.map(measure, wanted))
    found = [(path, seconds[path]) for path in book()]
    total = sum(took for _, took in found)
    lines = [
        "# Run times",
        "",
        '<!-- The book shows what follows, on its page "How long the notebooks run". -->',
        "",
        "Measured by `make runtimes`, two notebooks at a time on 2 cores, a thread each, "
        f"with torch {torch.__version__}.",
        "",
        "| section | seconds | cells of code | words |",
        "|---|---:|---:|---:|",
        *(row(path, took) for path, took in found),
        "",
        f"Together {total / 60:.1f} minutes of one process; two at a time take half of that.",
        "",
    ]
    TARGET.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
