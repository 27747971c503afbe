"""What every section asks of its reader, and the cards it shows, read from the notebooks."""

import ast
import re

import nbformat
import notebooks
import pytest
from site_figures import tasks

from lossutils.learn import cards

SECTIONS = [path for path in notebooks.all_notebooks() if path.parent.name != "chapters"]
CHAPTERS = notebooks.ROOT / "chapters"
every_section = pytest.mark.parametrize("path", SECTIONS, ids=lambda p: f"{p.parent.name}/{p.stem}")


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def calls(path, module):
    """The calls of ``module.something(…)`` in a notebook: cell, name of the function, the words it is given."""
    for cell in code_cells(path):
        code = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith("%"))
        try:
            tree = ast.parse(code)
        except SyntaxError:  # a cell that %%writefile takes away
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and re.fullmatch(rf"{module}\.\w+", ast.unparse(node.func)):
                words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield cell, ast.unparse(node.func).split(".")[1], words


def questions(path):
    """The questions of a notebook: cell, name."""
    kinds = ("quiz", "predict_choice", "predict_number", "predict_curve", "predict_rank")
    return [(cell, words[0]) for cell, kind, words in calls(path, "ask") if kind in kinds]


def shown(path):
    """The losses whose cards a notebook shows."""
    return {name for _, kind, words in calls(path, "cards") if kind in ("find", "show") for name in words}


@every_section
def test_a_section_asks_its_reader(path):
    """Protects the course: one prediction, one quiz and two checked exercises at least."""
    found = {kind: len(names) for kind, names in tasks(path).items()}
    assert found["predictions"] >= 1 and found["quizzes"] >= 1 and found["exercises"] >= 2, found


@every_section
def test_a_questions_name_begins_with_its_section(path):
    """Protects names that stay unique, and that tell where the question stands."""
    assert {name.split("-")[0] for _, name in questions(path)} <= set(path.stem.split("_"))


def test_the_names_of_questions_are_unique():
    """Protects the reader's progress: two questions under one name would share one state."""
    names = [name for path in SECTIONS for _, name in questions(path)]
    assert sorted(set(names)) == sorted(names)


@every_section
def test_a_questions_cell_is_folded(path):
    """Protects the reader's guess: the source would give the answer away, on the site and on Colab."""
    for cell, name in questions(path):
        assert "hide-input" in cell.metadata.get("tags", []) and cell.metadata.get("cellView") == "form", name
        assert cell.source.startswith("#@title "), name


@every_section
def test_a_section_shows_the_cards_of_its_losses(path):
    """Protects the link from a card to the section that derives its loss, both ways."""
    page = path.relative_to(CHAPTERS).with_suffix("").as_posix()
    missing = {card.name for card in cards.every() if card.section == page} - shown(path)
    assert not missing, f"cards.show() of {sorted(missing)}"


def test_a_cards_section_is_a_page():
    """Protects the cards' last row; a section that is not written yet is left empty."""
    pages = {path.relative_to(CHAPTERS).with_suffix("").as_posix() for path in SECTIONS}
    assert {card.section for card in cards.every()} - {""} <= pages
