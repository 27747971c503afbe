"""The site in a real browser: no request leaves, nothing fails, and the live figures answer."""

import json
import pathlib
import re

import pytest
from conftest import ROOT, SITE, pages

pytestmark = pytest.mark.browser
SECTIONS = [p for p in pages() if (ROOT / p).with_suffix(".ipynb").exists()]
WITH_FIGURES = [p for p in SECTIONS if "widget-view+json" in (SITE / p).read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", pages())
def test_nothing_leaves_and_nothing_fails(page, visit, served, site):
    """Protects the offline reader: over http and from a folder, no third party, no failed request, no error."""
    for url in (f"{served}/{page}", (site / page).as_uri()):
        here = visit()
        tab = here.open(url)
        tab.wait_for_timeout(150)
        assert here.faults == []
        assert tab.locator("mjx-merror").count() == 0, "a formula that MathJax cannot read"
        left = [t for t in tab.locator("article .math").all_inner_texts() if r"\(" in t or r"\[" in t]
        assert left == [], "formulas left raw"
        drawn, wanted = tab.locator(".lf-panel svg").count(), tab.locator(".lf-host").count()
        assert drawn >= wanted


@pytest.mark.parametrize("page", pages())
def test_a_phone_shows_the_page_without_sideways_scrolling(page, visit, served):
    """Protects 375 px: the page fits, sliders and buttons are at least 24 px high."""
    tab = visit(width=375, height=740, has_touch=True).open(f"{served}/{page}")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    for control in tab.locator(".lf input[type=range], .lf button").all():
        box = control.bounding_box()
        assert box["height"] >= 24 and box["width"] >= 24
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    sizes = tab.evaluate("[...document.querySelectorAll('.lf svg text')].map(t => t.getBoundingClientRect().height)")
    assert all(size >= 9 for size in sizes)


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_every_slider_moves_its_figure_by_keyboard(page, visit, served):
    """Protects the live figures: each slider, moved from end to end, changes what is drawn, and says its value."""
    here = visit()
    tab = here.open(f"{served}/{page}")
    for figure in tab.locator("figure.lf").all():
        for slider in figure.locator("input[type=range]").all():
            slider.focus()
            seen, texts = set(), set()
            for key in ("Home", "ArrowRight", "PageUp", "End"):
                tab.keyboard.press(key)
                seen.add(drawn(figure))
                texts.add(slider.get_attribute("aria-valuetext"))
                output = figure.locator(f"output[for='{slider.get_attribute('id')}']").inner_text()
                assert output == slider.get_attribute("aria-valuetext") != ""
            assert len(seen) >= 2, f"{figure.locator('.lf-title').inner_text()}: the slider changes nothing"
            assert len(texts) >= 2
    assert here.faults == []


def drawn(figure):
    """What a figure shows: its curves, dots and numbers."""
    return figure.evaluate(
        "f => [...f.querySelectorAll('.lf-panel svg g[clip-path]')].map(g => g.innerHTML).join() + "
        "[...f.querySelectorAll('dd')].map(d => d.textContent).join()"
    )


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_a_slider_carries_the_parameters_real_value(page, visit, served):
    """Protects assistive technology: where the grid is even the native value is the parameter itself."""
    tab = visit().open(f"{served}/{page}")
    specs = saved_specs(page)
    for figure, spec in zip(tab.locator("figure.lf").all(), specs, strict=True):
        for slider, wanted in zip(figure.locator("input[type=range]").all(), spec["sliders"], strict=True):
            low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
            values = wanted["values"] if wanted["even"] else [0, len(wanted["values"]) - 1]
            assert (low, high) == pytest.approx((values[0], values[-1]))
            if "labels" in wanted:
                assert slider.get_attribute("aria-valuetext") in wanted["labels"]


def saved_specs(page):
    """The live figures' descriptions in the order in which the page shows them."""
    html = (SITE / page).read_text(encoding="utf-8")
    [state] = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', html, re.DOTALL)
    state = json.loads(state)["state"]
    views = re.findall(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', html, re.DOTALL)

    def find(model):
        record = state[model]["state"]
        if "spec" in record:
            return [record["spec"]]
        return [spec for child in record.get("children", []) for spec in find(child.removeprefix("IPY_MODEL_"))]

    return [spec for view in views for spec in find(json.loads(view)["model_id"])]


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_the_mouse_moves_sliders_and_handles(page, visit, served):
    """Protects the pointer: a click on a slider's track moves it, a handle can be dragged, a curve taken away."""
    tab = visit().open(f"{served}/{page}")
    for figure in tab.locator("figure.lf").all():
        for slider in figure.locator("input[type=range]").all():
            slider.scroll_into_view_if_needed()
            box = slider.bounding_box()
            shown = []
            for share in (0.05, 0.95):
                tab.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
                shown.append(drawn(figure))
            assert shown[0] != shown[1]
        for grip in figure.locator(".lf-grip").all():
            grip.scroll_into_view_if_needed()
            box = grip.bounding_box()
            assert box["width"] >= 24
            before = drawn(figure)
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            tab.mouse.move(x, y)
            tab.mouse.down()
            for step in range(1, 9):
                tab.mouse.move(x - 12 * step, y + 10 * step)
            tab.mouse.up()
            if drawn(figure) == before:  # it stood at that end
                tab.mouse.move(x, y)
                tab.mouse.down()
                tab.mouse.move(x + 90, y - 70, steps=8)
                tab.mouse.up()
            assert drawn(figure) != before, "dragging changes nothing"
        toggle = figure.locator(".lf-legend button")
        if toggle.count():
            before = drawn(figure)
            toggle.first.click()
            assert toggle.first.get_attribute("aria-pressed") == "false" and drawn(figure) != before


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_the_figures_use_the_dark_palette_on_a_dark_page(page, visit, served):
    """Protects dark mode: curves change colour, text follows the page's."""
    tab = visit().open(f"{served}/{page}")
    look = """(style => style(".lf").getPropertyValue("--lf-0") + style(".lf svg text").fill)(
        selector => getComputedStyle(document.querySelector(selector)))"""
    tab.evaluate("document.documentElement.dataset.theme = 'light'")
    light = tab.evaluate(look)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert tab.evaluate(look) != light


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_without_javascript_a_picture_stands_in_each_live_figures_place(page, visit, site):
    """Protects readers without scripts, and print."""
    tab = visit(javascript=False).page
    tab.goto((site / page).as_uri())
    hosts = tab.locator(".lf-host")
    assert hosts.count() > 0
    for host in hosts.all():
        assert host.locator(".lf-fallback img").is_visible()


@pytest.mark.parametrize("page", SECTIONS)
def test_the_colab_button_opens_this_notebook(page, visit, served):
    """Protects Colab: the link names this file in the project's repository."""
    url = re.search(r'^Repository = "https://github.com/(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    tab = visit().open(f"{served}/{page}")
    links = tab.locator("a[href*='colab.research.google.com']").evaluate_all("links => links.map(a => a.href)")
    notebook = pathlib.PurePosixPath(page).with_suffix(".ipynb")
    assert set(links) == {f"https://colab.research.google.com/github/{url}/blob/main/{notebook}"}


@pytest.mark.parametrize("word", ["huber", "quantile", "泊松"])
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
    assert tab.locator("h1:visible").count() == 1 and tab.locator("article p").first.is_visible()


def test_previous_and_next_lead_through_the_whole_book(visit, served):
    """Protects the reading order: from the opening page, `next` reaches every section."""
    tab = visit().open(f"{served}/chapters/index.html")
    seen = []
    for _ in range(100):
        link = tab.locator("a.right-next")
        if not link.count():
            break
        tab.goto(link.first.evaluate("a => a.href"))
        seen.append(tab.url.removeprefix(f"{served}/").split("#")[0])
    assert set(SECTIONS) - {"chapters/index.html"} <= set(seen)
