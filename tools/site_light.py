"""A Sphinx extension: pages load what they use of the theme, and no more.

Of the 2,000 icons of the theme the pages show some twenty: fonts and style sheet are cut down to those. The search
index is loaded by the search page alone. The theme's files stay as they are; the pages name the lighter ones.
"""

from __future__ import annotations

import pathlib
import re

from fontTools import subset
from sphinx.application import Sphinx

SHEET = "styles/pydata-sphinx-theme.css"
LIGHT = "styles/light.css"
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>')
ICON = re.compile(r"\bfa-[a-z0-9-]+")
FACE = re.compile(
    r'src:url\(\.\./vendor/fontawesome/webfonts/([\w-]+)\.woff2\) format\("woff2"\),url\([^)]*\) format\("truetype"\)'
)
RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:{1,2}before,?)+)\{content:"[^"]*"\}')
CODE = re.compile(r'"\\(f[0-9a-f]{3}|e[0-9a-f]{3})"')


def lighter(sheet: str, icons: set[str]) -> str:
    """The theme's style sheet without the rules of icons that no page shows, and with our fonts."""

    def kept(rule: re.Match) -> str:
        return rule[0] if icons & set(ICON.findall(rule[1])) else ""

    return FACE.sub(r'src:url(../light/\1.woff2) format("woff2")', RULE.sub(kept, sheet))


def cut(font: pathlib.Path, target: pathlib.Path, codes: set[int]) -> None:
    """A copy of the font with these characters only."""
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    loaded = subset.load_font(str(font), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(loaded)
    subset.save_font(loaded, str(target), options)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    static = pathlib.Path(app.outdir) / "_static"
    pages = {
        p: p.read_text(encoding="utf-8") for p in pathlib.Path(app.outdir).rglob("*.html") if static not in p.parents
    }
    scripts = [p.read_text(encoding="utf-8") for p in static.rglob("*.js")]
    icons = {icon for text in [*pages.values(), *scripts] for icon in ICON.findall(text)}
    sheet = lighter((static / SHEET).read_text(encoding="utf-8"), icons)
    (static / LIGHT).write_text(sheet, encoding="utf-8")
    others = (p for p in static.rglob("*.css") if p != static / SHEET)  # the lighter one among them
    sheets = [p.read_text(encoding="utf-8") for p in others]
    codes = {int(code, 16) for text in sheets for code in CODE.findall(text)}
    (static / "light").mkdir(exist_ok=True)
    for font in (static / "vendor" / "fontawesome" / "webfonts").glob("*.ttf"):
        cut(font, static / "light" / f"{font.stem}.woff2", codes)
    for path, text in pages.items():
        page = re.sub(rf"{re.escape(SHEET)}(\?[^\"]*)?", LIGHT, text)
        if path.name != "search.html":
            page = SEARCH.sub("", page)
        if page != text:
            path.write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
