"""A Sphinx extension: what every page gets beside its text.

* A line at its end: where to report an error.
* What the theme leaves open for readers who do not see the page or use no mouse: the sidebar is a landmark, the arrows
  that unfold a chapter say whose sections they show, the empty corner of a table is no heading, an entry of the
  bibliography has no outdated role, and what scrolls sideways can be reached by the keyboard (``page.js``).
* Chinese words say that they are Chinese, for a voice that reads aloud and for the choice of the glyphs.
  ``tests/site/test_visit.py`` asks axe-core about every page.
"""

from __future__ import annotations

import html
import pathlib
import re
import urllib.parse

import address
from docutils import nodes
from sphinx.application import Sphinx

SIDEBAR = re.compile(r'<div id="pst-primary-sidebar" class="bd-sidebar-primary bd-sidebar')
FOLD = re.compile(r"(<a [^>]*>)([^<]*)(</a><details[^>]*>)<summary>")
CORNER = re.compile(r'<th class="head"><p></p></th>')
ENTRIES = re.compile(r'(?<=<div) role="list"(?= class="citation-list")| role="doc-biblioentry"')
CHINESE = re.compile(
    r"(?P<kept><(?P<name>script|style|title|pre|option|svg|math)\b.*?</(?P=name)>|<!--.*?-->|<[^>]*>)"
    r"|[\u3400-\u9fff]+(?:[\u3000-\u303f\uff00-\uffef]*[\u3400-\u9fff]+)*",
    re.DOTALL,
)


def opened(page: str) -> str:
    """The page with the names, roles and languages that it lacks."""
    page = SIDEBAR.sub(
        '<div role="region" aria-label="The book" id="pst-primary-sidebar" class="bd-sidebar-primary bd-sidebar', page
    )
    page = FOLD.sub(
        lambda m: f'{m[1]}{m[2]}{m[3]}<summary aria-label="Sections of {html.escape(html.unescape(m[2]))}">', page
    )
    page = CHINESE.sub(lambda m: m["kept"] or f'<span lang="zh-Hans">{m[0]}</span>', page)
    return ENTRIES.sub("", CORNER.sub("<td></td>", page))


def add_report(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """The line at the page's end, with the page's name in the report's title."""
    if doctree is None or "body" not in context:
        return
    asked = urllib.parse.urlencode({"title": f"Error on {page}", "labels": "error"})
    errata = context["pathto"]("chapters/errata")
    context["body"] += (
        f'<p class="page-report"><a href="{html.escape(f"{address.address()}/issues/new?{asked}")}">'
        f'Report an error on this page</a> · <a href="{errata}">Errors found so far</a></p>'
    )


def finish(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    folder = pathlib.Path(app.outdir)
    for path in folder.rglob("*.html"):
        if folder / "_static" not in path.parents:
            text = path.read_text(encoding="utf-8")
            if (page := opened(text)) != text:
                path.write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.add_js_file("page.js", loading_method="defer")
    app.connect("html-page-context", add_report)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
