"""The site on a phone, from a folder: every page at 375 px with a touch screen, without a server."""

import pytest
from conftest import check_page, open_page, pages

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=pages())
def phone(request, browser, site):
    """One visit to a page, shared by all tests of this file."""
    url = (site / request.param).as_uri()
    with open_page(browser, url, request.param, width=375, height=740, has_touch=True) as here:
        yield here


def test_nothing_leaves_and_nothing_fails_from_a_folder(phone):
    """Protects who copied the site to a disk: no request beyond it, no failed one, no error."""
    check_page(phone)


def test_the_page_fits_without_sideways_scrolling(phone):
    """Protects narrow screens."""
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 375


def test_controls_are_large_enough_and_text_stays_readable(phone):
    """Protects thumbs and eyes: controls of at least 24 px inside the screen, text of at least 9 px in the figures."""
    boxes = phone.page.evaluate(
        "[...document.querySelectorAll('.lf input[type=range], .lf button, .aq :is(input, button, .aq-area)')]"
        ".filter(c => c.checkVisibility()).map(c => c.getBoundingClientRect().toJSON())"
    )
    for box in boxes:
        assert box["height"] >= 24 and box["width"] >= 24
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    fonts = phone.page.evaluate(
        "[...document.querySelectorAll('.lf svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)"
        " * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width)"
    )
    assert all(font >= 9 for font in fonts)
