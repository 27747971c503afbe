"""Print the built site as one PDF, in reading order, with an outline and with links that stay inside.

    python tools/paper.py                      every page into _build/loss-book.pdf
    python tools/paper.py TARGET PAGE …        these pages (chapters/focal/boxes) into TARGET

Needs `make book` before, and Chromium, which sets the pages with the site's own style for print.
"""

from __future__ import annotations

import io
import pathlib
import shutil
import sys
import urllib.parse

import notebooks
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject

ROOT = pathlib.Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FOOT = (
    '<div style="width: 100%; font-size: 8px; text-align: center; font-family: sans-serif">'
    '<span class="title"></span> · <span class="pageNumber"></span></div>'
)
LOOK = {"format": "A4", "margin": {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}, "scale": 0.8}


def contents() -> list[tuple[int, str]]:
    """Depth and name of every page, in reading order."""
    pages = notebooks.contents().items()
    return [entry for page, sections in pages for entry in ((0, page), *((1, section) for section in sections))]


def sheets(names: list[str], browser) -> dict[str, tuple[str, bytes]]:
    """Title and PDF of each page, printed by a running Chromium."""
    made, tab = {}, browser.new_page(color_scheme="light")
    for name in names:
        tab.goto((SITE / f"{name}.html").as_uri())
        tab.evaluate("document.documentElement.dataset.theme = 'light'")
        tab.evaluate("document.fonts.ready.then(() => true)")
        title = tab.locator("article h1").first.inner_text().rstrip("#").strip()
        data = tab.pdf(**LOOK, display_header_footer=True, header_template="<span></span>", footer_template=FOOT)
        made[name] = (title, data)
    tab.close()
    return made


def bind(made: dict[str, tuple[str, bytes]], depths: dict[str, int]) -> PdfWriter:
    """All sheets in one file; a link to a page of the book becomes a jump to it."""
    book, first, chapter = PdfWriter(), {}, None
    for name, (title, data) in made.items():
        first[name] = len(book.pages)
        book.append(PdfReader(io.BytesIO(data)), import_outline=False)
        entry = book.add_outline_item(title=title, page_number=first[name], parent=chapter if depths[name] else None)
        chapter = chapter if depths[name] else entry
    for page in book.pages:
        kept = ArrayObject()
        for reference in page.get("/Annots", ()):
            note = reference.get_object()
            uri = str(note.get("/A", {}).get("/URI", ""))
            if uri.startswith("file:"):
                path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlsplit(uri).path))
                name = path.relative_to(SITE).with_suffix("").as_posix() if path.is_relative_to(SITE) else ""
                if name not in first:
                    continue
                del note["/A"]
                target = book.pages[first[name]].indirect_reference
                note[NameObject("/Dest")] = ArrayObject([target, NameObject("/Fit")])
            kept.append(reference)
        if "/Annots" in page:
            page[NameObject("/Annots")] = kept
    book.add_metadata({"/Title": "The Loss Book", "/Author": "The Loss Book authors"})
    return book


def main(target: pathlib.Path, names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        raise SystemExit("printing needs Chromium, which is not installed (apt install chromium)")
    depths = {name: depth for depth, name in contents()}
    names = names or list(depths)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        made = sheets(names, browser)
        browser.close()
    with target.open("wb") as file:
        bind(made, depths).write(file)
    print(f"{target}: {len(PdfReader(target).pages)} pages")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if sys.argv[1:] else ROOT / "_build" / "loss-book.pdf", sys.argv[2:])
