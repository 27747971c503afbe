"""A Sphinx extension: two pages made from what the book already says elsewhere.

* ``{loss-sheet}``: every loss with formula and gradient, from the cards, to print.
* ``{chinese-index}``: the Chinese names of terms and losses in the order of their pinyin, from glossary and cards.
"""

from __future__ import annotations

import pathlib
import re
from collections import defaultdict

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lossutils.learn import cards
from lossutils.learn.cards import Card

TERM = re.compile(r"^(\S.*)\n  ([^.。]*?)\. ", re.MULTILINE)
# GB 2312 holds its common characters in the order of their pinyin; these are the first of each letter.
FIRST = dict(zip("啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝", "ABCDEFGHJKLMNOPQRSTWXYZ", strict=True))
OTHERWISE = {"熵": "S", "校": "J"}  # beyond the common ones, or read in another way here


def letter(name: str) -> str:
    """The letter under which a Chinese name stands: the first of its pinyin, or of its Latin beginning."""
    first = name[0]
    if first.isascii():
        return first.upper() if first.isalpha() else "0–9"
    if first in OTHERWISE:
        return OTHERWISE[first]
    code = first.encode("gb2312")
    if code >= b"\xd8\xa1":
        raise ValueError(
            f"{name}: {first} is not among the common characters, whose order is known; add it to OTHERWISE"
        )
    return [sign for character, sign in FIRST.items() if character.encode("gb2312") <= code][-1]


def to_card(card: Card) -> str:
    """To the card in the atlas, whose sections Markdown does not know."""
    return f'<a href="atlas.html#{card.name}">{card.title}</a>'


class FromText(SphinxDirective):
    """A directive whose content is Markdown that Python writes."""

    has_content = False

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        for source in pathlib.Path(cards.__file__).parent.glob("*.py"):
            self.env.note_dependency(str(source))
        box = nodes.container(classes=[self.name])
        self.state.nested_parse(StringList(self.lines(), source=self.name), 0, box)
        return [box]


class LossSheet(FromText):
    """``{loss-sheet}``"""

    def lines(self) -> list[str]:
        text = []
        for family in cards.families():
            text += [f"**{cards.FAMILIES[family]}**", "", "| loss | formula, and its gradient |", "|---|---|"]
            for card in cards.family_cards(family):
                rows = cards.rows(card)
                (_, formula), (kind, gradient) = rows[1], rows[2]
                by = kind.removeprefix("Gradient").strip()
                note = f"gradient {by}: " if by else ""
                text.append(f"| {to_card(card)} `{card.name}` | {formula} <br> {note}{gradient} |")
            text.append("")
        return text


class ChineseIndex(FromText):
    """``{chinese-index}``"""

    def lines(self) -> list[str]:
        path = pathlib.Path(self.env.srcdir) / "chapters" / "glossary.md"
        self.env.note_dependency(str(path))
        entries = {(name, f"{{term}}`{term}`") for term, name in TERM.findall(path.read_text(encoding="utf-8"))}
        entries |= {(card.chinese, to_card(card)) for card in cards.every()}
        under = defaultdict(lambda: defaultdict(list))
        for name, link in sorted(entries):
            under[letter(name)][name].append(link)
        text = []
        for sign in sorted(under):
            text += [f"**{sign}**", "", "| 中文 | here |", "|---|---|"]
            ordered = sorted(under[sign], key=lambda name: name.encode("gb18030"))
            text += [f"| {name} | {', '.join(under[sign][name])} |" for name in ordered]
            text.append("")
        return text


def setup(app: Sphinx) -> dict:
    app.add_directive("loss-sheet", LossSheet)
    app.add_directive("chinese-index", ChineseIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
