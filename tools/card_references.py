"""Write what the loss cards say of papers and pages, from the bibliography and the chapters.

    python tools/card_references.py

A card names a paper by its key and a page by its path. A notebook on Colab has neither the bibliography nor the
chapters beside it, so the package carries this extract; a test compares it with the book.
"""

from __future__ import annotations

import json
import pathlib
import re

from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from lossutils.learn import cards

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "lossutils" / "learn" / "cards" / "references.json"


def plain(latex: str) -> str:
    """The text without LaTeX's braces and accents."""
    return str(Text.from_latex(latex)).replace("--", "–")


def authors(entry: Entry) -> str:
    """Up to two family names, or the first and others."""
    people = entry.persons.get("author") or entry.persons.get("editor", [])
    names = [plain(" ".join([*person.prelast_names, *person.last_names])) for person in people]
    return " and ".join(names) if len(names) <= 2 else f"{names[0]} and others"


def address(entry: Entry) -> str:
    """Where to read it: the DOI, arXiv or the publisher's page; "" if the bibliography has none."""
    if "doi" in entry.fields:
        return f"https://doi.org/{entry.fields['doi']}"
    if "eprint" in entry.fields:
        return f"https://arxiv.org/abs/{entry.fields['eprint']}"
    return entry.fields.get("url", "")


def heading(page: str) -> str | None:
    """The title of a page of the book, None if there is no such page."""
    notebook, text = ROOT / "chapters" / f"{page}.ipynb", ROOT / "chapters" / f"{page}.md"
    if notebook.exists():
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    elif text.exists():
        source = text.read_text(encoding="utf-8")
    else:
        return None
    found = re.search(r"^# (.+)$", source, re.MULTILINE)
    return found[1].strip()


def gather() -> dict:
    """The papers and pages that cards name and the book has."""
    entries = parse_file(str(ROOT / "chapters" / "references.bib")).entries
    named = sorted({key for card in cards.every() for key in card.papers})
    papers = {
        key: {
            "authors": authors(entries[key]),
            "year": entries[key].fields["year"],
            "title": plain(entries[key].fields["title"]),
            "url": address(entries[key]),
        }
        for key in named
        if key in entries
    }
    pages = sorted({card.section for card in cards.every() if card.section})
    return {"papers": papers, "sections": {page: heading(page) for page in pages if heading(page)}}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(gather(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
