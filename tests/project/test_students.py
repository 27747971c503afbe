"""The copies for students: no solution is left in any of them, nothing else is missing, and they run."""

import ast
import functools
import json
import re

import nbformat
import pytest
import students
from nbclient import NotebookClient

SECTIONS = students.sections()
every_section = pytest.mark.parametrize("path", SECTIONS, ids=lambda p: f"{p.parent.name}/{p.stem}")
QUICK = students.CHAPTERS / "focal" / "from_ce_to_focal.ipynb"  # the quickest


@functools.cache
def read(path):
    return nbformat.read(path, as_version=4)


@functools.cache
def copied(path):
    return students.student_copy(path)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def words(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def checks(notebook):
    return [name for cell in code(notebook) for name in re.findall(r'^check\("(\w+)"', cell.source, re.MULTILINE)]


def tree(cell):
    return ast.parse(re.sub(r"^( *)%.*", r"\1pass", cell.source, flags=re.MULTILINE))


def given(cell):
    """The names that a cell defines."""
    found = set()
    for node in tree(cell).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        else:
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found


def wanted(cell):
    return {n.id for n in ast.walk(tree(cell)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def plain(path):
    """Whether Python can read every cell: %%writefile leaves other text in one."""
    return not any(cell.source.lstrip().startswith("%%") for cell in code(read(path)))


@every_section
def test_no_solution_is_left(path):
    """Protects the exercises: neither the solutions in code nor the answers in words are in the file at all."""
    copy = copied(path)
    assert not any(cell.source.startswith("#@title Solution") for cell in code(copy))
    assert not re.search(r"<summary>\W*(?:Answer|Solution)", words(copy), re.IGNORECASE)
    text = nbformat.writes(copy)
    for cell in code(read(path)):
        if cell.source.startswith("#@title Solution"):
            assert cell.source.splitlines()[0] not in text and json.dumps(cell.source)[1:-1] not in text


@every_section
def test_everything_else_is_there(path):
    """Protects the section: every stub with its check, every hint and question, every output of the others."""
    book, copy = read(path), copied(path)
    assert checks(copy) == checks(book)
    for word in ("<summary>Hint", "## ", "{eq}", "$$"):
        answers = "".join(students.ANSWER.findall(words(book)))
        assert words(copy).count(word) == words(book).count(word) - answers.count(word), word
    assert words(copy).count("<details>") == words(copy).count("</details>")
    sources = [cell.source for cell in code(copy)]
    gone = [cell for cell in code(book) if cell.source not in sources]
    assert all("hide-cell" in cell.metadata.tags for cell in gone)
    outputs = {cell.source: cell.outputs for cell in code(book)}
    for cell in code(copy):
        assert cell.outputs == ([] if checks(nbformat.v4.new_notebook(cells=[cell])) else outputs[cell.source])


@pytest.mark.parametrize("path", [p for p in SECTIONS if plain(p)], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_no_cell_needs_a_solution(path):
    """Protects a run from top to bottom: no cell uses what only a solution defines, or what a stub leaves undone."""
    sources = [cell.source for cell in code(copied(path))]
    missing = set()
    for cell in code(read(path)):
        if cell.source not in sources or students.CHECK.search(cell.source):
            missing |= given(cell)
        else:
            assert not wanted(cell) & missing - given(cell), cell.source
            missing -= given(cell)


def test_a_copy_runs_to_its_end(tmp_path):
    """Protects the first minute of a class: unsolved stubs say "not yet", and no cell raises."""
    [path] = [p for p in students.write_all(tmp_path / "copies") if p.name == QUICK.name]
    copy = read(path)
    NotebookClient(copy, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    stubs = [cell for cell in code(copy) if students.CHECK.search(cell.source)]
    assert len(stubs) >= 2 and all("not yet" in cell.outputs[0].text for cell in stubs)


def test_the_book_is_never_written_over():
    """Protects the solutions themselves: the copies have the names of the originals."""
    with pytest.raises(SystemExit, match="another folder"):
        students.write_all(students.CHAPTERS)


@every_section
def test_the_plan_has_every_section(path):
    """Protects the plan by weeks: it names each section, and one exercise of each that has some, by its right name."""
    plan = (students.CHAPTERS / "teaching.md").read_text(encoding="utf-8")
    assert f"({path.relative_to(students.CHAPTERS).as_posix()})" in plan
    names = checks(read(path))
    assert not names or any(f"`{name}`" in plan for name in names)
