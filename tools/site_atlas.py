"""A Sphinx extension: the directive ``{loss-atlas}``, all loss cards of the book on one page, with a filter.

The cards are real nodes: they are searched, indexed and typeset like any text, and stand there without JavaScript.
The script of the filter, ``atlas.js``, only hides and opens them; what it filters by stands in the page as JSON.
"""

from __future__ import annotations

import html
import json
import math
import pathlib
import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lossutils.learn import cards
from lossutils.learn.cards import Card

PROPERTIES = {
    "convex": ("convex", lambda card: card.convex),
    "continuous": ("continuous gradient", lambda card: card.smoothness in ("smooth", "one derivative")),
    "smooth": ("smooth", lambda card: card.smoothness == "smooth"),
    "gradient": ("bounded gradient", lambda card: card.lipschitz is not None),
    "value": ("bounded value", lambda card: all(map(math.isfinite, card.range))),
}
CHOICES = {
    "task": ("Task", cards.TASKS, lambda card: list(card.tasks)),
    "input": ("What goes in", cards.INPUTS, lambda card: list(card.inputs)),
    "origin": ("Origin", cards.ORIGINS, lambda card: [card.origin]),
}


def record(card: Card) -> dict:
    """What the filter knows of a card: its choices, its properties, and the names that the text box finds."""
    names = card.names
    words = [card.name, card.title, card.chinese, names.torch, names.keras, names.optax, names.sklearn, names.others]
    return {
        "name": card.name,
        **{key: of(card) for key, (_, _, of) in CHOICES.items()},
        "has": [key for key, (_, of) in PROPERTIES.items() if of(card)],
        "words": re.sub(r"[`$\s]+", " ", " ".join(words)).lower().strip(),
    }


def form() -> str:
    """The filter, which the script shows. Choices that no card has are left out."""
    every = cards.every()
    fields = []
    for key, (label, values, of) in CHOICES.items():
        counts = {value: sum(value in of(card) for card in every) for value in values}
        options = "".join(f'<option value="{v}">{v} ({n})</option>' for v, n in counts.items() if n)
        select = f'<select id="atlas-{key}" name="{key}"><option value="">any</option>{options}</select>'
        fields.append(f'<label for="atlas-{key}">{label} {select}</label>')
    boxes = "".join(
        f'<label><input type="checkbox" name="has" value="{key}"> {label}</label>'
        for key, (label, _) in PROPERTIES.items()
    )
    text = (
        '<label for="atlas-text">Name, also in other libraries or in Chinese '
        '<input type="search" id="atlas-text" name="q" autocomplete="off" spellcheck="false"></label>'
    )
    return (
        '<form class="atlas-filter" id="atlas-filter" hidden>'
        f'{text}<div class="atlas-choices">{"".join(fields)}</div>'
        f"<fieldset><legend>Only losses with</legend>{boxes}</fieldset>"
        '<div class="atlas-foot"><p role="status" aria-live="polite" id="atlas-count"></p>'
        '<button type="reset">Clear the filter</button>'
        '<button type="button" id="atlas-open" aria-pressed="false">Open all cards</button></div></form>'
    )


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def brief(words: str) -> str:
    """The words up to the first colon, semicolon or comma outside a formula."""
    return re.match(r"(?:\$[^$]*\$|`[^`]*`|[^:;,$`])*", words)[0].strip() or words


class LossAtlas(SphinxDirective):
    """``{loss-atlas}``: the filter, an overview, and every card under a heading of its own."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        for source in sorted(pathlib.Path(cards.__file__).parent.iterdir()):
            self.env.note_dependency(str(source))
        data = json.dumps([record(card) for card in cards.every()], ensure_ascii=False).replace("</", "<\\/")
        script = f'<script type="application/json" id="atlas-data">{data}</script>'
        return [raw(form() + script), self.overview(), *map(self.family, cards.families())]

    def markdown(self, text: str) -> list[nodes.Node]:
        """Markdown as nodes."""
        box = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source="loss cards"), 0, box)
        return box.children

    def overview(self) -> nodes.Node:
        lines = ["| Loss | Task | Input | Elicits | Convex | Gradient |", "|---|---|---|---|---|---|"]
        every = cards.every()
        for card in every:
            yes = "yes" if card.convex else "no"
            bounded = "unbounded" if card.lipschitz is None else "bounded"
            cells = [", ".join(card.tasks), ", ".join(card.inputs), brief(card.minimiser.words), yes, bounded]
            lines.append(f"| {card.name} | {' | '.join(cells)} |")
        box = nodes.container("", *self.markdown("\n".join(lines)), classes=["atlas-overview"])
        for row, card in zip(list(box.findall(nodes.row))[1:], every, strict=True):
            link = nodes.reference("", card.title, internal=True, refid=card.name)
            row[0].children = []
            row[0] += nodes.paragraph("", "", link)
        return box

    def family(self, family: str) -> nodes.section:
        section = nodes.section(ids=[f"family-{family}"], classes=["atlas-family"])
        title = cards.FAMILIES[family]
        section += [nodes.title(title, title), *map(self.card, cards.family_cards(family))]
        return section

    def card(self, card: Card) -> nodes.section:
        section = nodes.section(ids=[card.name], classes=["atlas-loss"])
        section += nodes.title(card.title, card.title)
        rows = dict(cards.rows(card))
        rows["Papers"] = ", ".join(f"{{cite:t}}`{key}`" for key in card.papers)
        rows["Section"] = f"[{rows['Section']}]({card.section})" if card.section else ""
        lines = [f"| {card.chinese} | {{py:func}}`lossutils.{card.name}` |", "|---|---|"]
        lines += [f"| {name} | {text} |" for name, text in rows.items() if text]
        section += raw(f"<details open><summary>Card<span> of {html.escape(card.title)}</span></summary>")
        section += self.markdown("\n".join(lines))
        section += raw("</details>")
        return section


def add_assets(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """The filter's script and style, on the page that has the atlas and nowhere else."""
    if doctree is not None and any("atlas-overview" in box["classes"] for box in doctree.findall(nodes.container)):
        app.add_css_file("css/atlas.css")
        app.add_js_file("atlas.js", loading_method="defer")


def setup(app: Sphinx) -> dict:
    app.add_directive("loss-atlas", LossAtlas)
    app.connect("html-page-context", add_assets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
