"""Copies of the sections without the solutions, for a class.

    python tools/students.py              into _build/students
    python tools/students.py FOLDER       into a folder of your own

A copy has no solution cell, no answer in words and no output under a stub that ends on ``check``; hints, stubs,
questions and all other outputs stay. The folders are those of ``chapters``.
"""

from __future__ import annotations

import pathlib
import re
import sys

import nbformat
import notebooks

ROOT = notebooks.ROOT
CHAPTERS = ROOT / "chapters"
ANSWER = re.compile(r"\s*<details>\s*<summary>(?:Answer|Solution)\b.*?</details>", re.DOTALL)
CHECK = re.compile(r'^check\("', re.MULTILINE)


def sections() -> list[pathlib.Path]:
    """The notebooks that belong to a chapter."""
    return [path for path in notebooks.all_notebooks() if path.parent != CHAPTERS]


def student_copy(path: pathlib.Path):
    """The notebook as a student gets it."""
    notebook = nbformat.read(path, as_version=4)
    kept, in_exercises = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = ANSWER.sub("", cell.source).strip()
            for heading in re.findall(r"^## .*", cell.source, flags=re.MULTILINE):
                in_exercises = heading == "## Exercises"
        # Among the exercises every folded cell is a solution, or checks an answer in words.
        elif "hide-cell" in cell.metadata.get("tags", []) and (
            in_exercises or cell.source.startswith("#@title Solution")
        ):
            continue
        elif CHECK.search(cell.source):
            cell.outputs, cell.execution_count = [], None
        if cell.source:
            kept.append(cell)
    notebook.cells = kept
    return notebooks.normalise(notebook, path)


def write_all(folder: pathlib.Path) -> list[pathlib.Path]:
    """Write a copy of every section; the files written."""
    if folder.resolve().is_relative_to(CHAPTERS):
        raise SystemExit("The copies would take the place of the book's own notebooks: choose another folder.")
    written = []
    for path in sections():
        target = folder / path.relative_to(CHAPTERS)
        target.parent.mkdir(parents=True, exist_ok=True)
        notebooks.write(student_copy(path), target)
        written.append(target)
    return written


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "students"
    print(f"{len(write_all(target))} notebooks without solutions in {target}")
