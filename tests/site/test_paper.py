"""The book on paper and as a zip."""

import io

import paper
import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.browser
TWO = ["chapters/articles", "chapters/errata"]


@pytest.fixture(scope="module")
def bound(site, browser):
    """Two pages, printed and bound, as a reader opens them."""
    made, file = paper.sheets(TWO, browser), io.BytesIO()
    paper.bind(made, {name: depth for depth, name in paper.contents()}).write(file)
    return PdfReader(file)


def test_the_contents_are_those_of_the_site():
    names = [name for _, name in paper.contents()]
    assert names[0] == "chapters/index" and len(names) == len(set(names))
    assert all((paper.SITE / f"{name}.html").exists() for name in names)


def test_a_printed_page_has_its_text_and_its_place_in_the_outline(bound):
    assert [entry.title for entry in bound.outline] == ["What the articles get wrong", "Errors found so far"]
    assert "what we got wrong ourselves" in bound.pages[-1].extract_text().replace("\n", " ")


def test_links_stay_in_the_book_or_lead_to_the_web(bound):
    """Protects against paths of the machine that printed it, and keeps links between printed pages alive."""
    notes = [note.get_object() for page in bound.pages for note in page.get("/Annots", ())]
    assert any("/Dest" in note for note in notes), "errata and articles name each other"
    assert all(str(note["/A"]["/URI"]).startswith("https://") for note in notes if "/A" in note)


def test_paper_has_no_controls(bound):
    text = " ".join(page.extract_text() for page in bound.pages)
    assert "Report an error on this page" not in text
