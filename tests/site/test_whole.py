"""What holds for the site as a whole, in a real browser: search, missing pages, print, reading order, no scripts."""

import posixpath
import re

import pytest
from conftest import SECTIONS, WITH_FIGURES

pytestmark = pytest.mark.browser
NEXT = re.compile(r'<a[^>]*class="right-next"[^>]*>')


@pytest.mark.parametrize("word", ["huber", "quantile", "泊松分布"])
def test_search_finds_terms_over_http_and_from_a_folder(word, visit, served, site):
    """Protects the search, also offline and in Chinese."""
    for base in (served, site.as_uri()):
        here = visit()
        tab = here.open(f"{base}/search.html?q={word}")
        tab.wait_for_selector("#search-results li", timeout=10_000)
        assert here.faults == []


def test_a_missing_page_answers_with_the_books_own(visit, served):
    """Protects who follows an old link: status 404, and a way home."""
    here = visit()
    response = here.page.goto(f"{served}/no/such/page.html")
    assert response.status == 404
    here.page.locator("#home").click()
    here.page.wait_for_url("**/chapters/index.html")


def test_print_leaves_the_navigation_out(visit, served):
    """Protects the printed page: text and figures without menus."""
    tab = visit().open(f"{served}/{WITH_FIGURES[0]}")
    tab.emulate_media(media="print")
    assert not tab.locator(".bd-sidebar-primary").is_visible() and not tab.locator(".prev-next-footer").is_visible()
    assert tab.locator("h1:visible").count() == 1 and tab.locator("article section > p").first.is_visible()


def test_previous_and_next_lead_through_the_whole_book(visit, served, site):
    """Protects the reading order: from the opening page, `next` reaches every section. The first step is a click."""
    here = visit()
    tab = here.open(f"{served}/chapters/index.html")
    tab.locator("a.right-next").first.click()
    tab.wait_for_load_state("load")
    clicked, page, seen = tab.url.removeprefix(f"{served}/"), "chapters/index.html", []
    while found := NEXT.search((site / page).read_text(encoding="utf-8")):
        href = re.search(r'href="([^"#]*)', found[0])[1]
        page = posixpath.normpath(posixpath.join(posixpath.dirname(page), href))
        assert page not in seen, "round in a circle"
        seen.append(page)
    assert seen[0] == clicked and set(SECTIONS) - {"chapters/index.html"} <= set(seen) and here.faults == []
