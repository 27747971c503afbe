"""The site on a desk: every page over http, wide; its live figures by keyboard and by mouse."""

import functools
import gzip
import json
import pathlib
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SITE, check_page, open_page, pages
from site_figures import specs

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=pages())
def desk(request, browser, served):
    """One visit to a page, shared by all tests of this file."""
    with open_page(browser, f"{served}/{request.param}", request.param) as here:
        yield here


def drawn(figure):
    """What a figure shows: its curves, dots, pictures and numbers."""
    return figure.evaluate(
        "f => [...f.querySelectorAll('.lf-panel svg g[clip-path]')].map(g => g.innerHTML).join() + "
        "[...f.querySelectorAll('.lf-panel img')].map(i => i.src).join() + "
        "[...f.querySelectorAll('dd')].map(d => d.textContent).join()"
    )


def saved_specs(page):
    """The live figures' descriptions in the order in which the page shows them."""
    html = (SITE / page).read_text(encoding="utf-8")
    states = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', html, re.DOTALL)
    state = json.loads(states[0])["state"] if states else {}
    views = re.findall(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', html, re.DOTALL)
    return [spec for view in views for spec in specs(json.loads(view)["model_id"], state)]


def test_nothing_leaves_and_nothing_fails(desk):
    """Protects the offline reader: no third party, no failed request, no error, every formula set."""
    check_page(desk)


LOADING = """new Promise(done => {
            let paint = 0, shift = 0;
            const watch = (type, each) => new PerformanceObserver(list => list.getEntries().forEach(each))
                .observe({type, buffered: true});
            watch("layout-shift", entry => { shift += entry.value; });
            watch("largest-contentful-paint", entry => { paint = entry.startTime; });
            setTimeout(() => done([paint, shift]), 100);
        })"""
OWN = re.compile(rb'<script type="application/vnd.jupyter.widget-state.*?</script>|data:image/[^"]*', re.DOTALL)


@functools.cache
def weight(path):
    """Bytes decoded and gzipped, of a page without its own figures; a font is compressed already."""
    data = path.read_bytes()
    if path.suffix == ".html":
        data = OWN.sub(b"", data)
    return len(data), len(data if path.suffix in (".woff2", ".png", ".jpg") else gzip.compress(data, 6))


def test_the_page_is_light_and_stands_still(desk, record_property):
    """Protects slow lines and old phones: at most 2.2 MB decoded and 700 kB gzipped beside its own figures; what
    stands on the screen appears early and does not jump. `make test` prints the measurements."""
    files = [SITE / path.removeprefix("/") for path in desk.loaded if "/_images/" not in path]
    decoded, gzipped = (sum(sizes) for sizes in zip(*map(weight, filter(pathlib.Path.is_file, files)), strict=True))
    paint, shift = desk.page.evaluate(LOADING)
    if shift >= 0.1:  # a jump that is the page's own comes again
        desk.page.reload(wait_until="load")
        shift = min(shift, desk.page.evaluate(LOADING)[1])
    for name, value in (("decoded", decoded), ("gzipped", gzipped), ("paint", paint), ("shift", shift)):
        record_property(name, value)
    record_property("page", desk.name)
    assert decoded < 2_200_000 and gzipped < 700_000
    assert shift < 0.1 and paint > 0


def test_every_slider_moves_its_figure_by_keyboard(desk):
    """Protects the live figures: each slider, moved from end to end, changes what is drawn, and says its value."""
    tab = desk.page
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
    assert desk.faults == []


def test_a_slider_carries_the_parameters_real_value(desk):
    """Protects assistive technology: where the grid is even the native value is the parameter itself."""
    tab = desk.page
    for figure, spec in zip(tab.locator("figure.lf").all(), saved_specs(desk.name), strict=True):
        for slider, wanted in zip(figure.locator("input[type=range]").all(), spec["sliders"], strict=True):
            low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
            values = wanted["values"] if wanted["even"] else [0, len(wanted["values"]) - 1]
            assert (low, high) == pytest.approx((values[0], values[-1]))
            if "labels" in wanted:
                assert slider.get_attribute("aria-valuetext") in wanted["labels"]


def test_the_figures_use_the_dark_palette_on_a_dark_page(desk):
    """Protects dark mode: curves change colour, text follows the page's."""
    tab = desk.page
    look = """(style => style(".lf").getPropertyValue("--lf-0") + style(".lf svg text, .lf figcaption").color)(
        selector => getComputedStyle(document.querySelector(selector)))"""
    if not tab.locator(".lf").count():
        return
    tab.evaluate("document.documentElement.dataset.theme = 'light'")
    light = tab.evaluate(look)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert tab.evaluate(look) != light


def test_the_mouse_moves_sliders_and_handles(desk):
    """Protects the pointer: a click on a slider's track moves it, a handle can be dragged, a curve taken away."""
    tab = desk.page
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


THIN = """() => {
    for (const node of document.querySelectorAll(".katex-html")) node.textContent = "x";
    const seen = new Set();
    for (const pre of document.querySelectorAll(".bd-article pre")) {
        const fresh = [...pre.querySelectorAll("[class]")].filter(n => !seen.has(n.className));
        if (!fresh.length) pre.textContent = pre.textContent;
        for (const node of fresh) seen.add(node.className);
    }
    dispatchEvent(new Event("resize"));
}"""


def test_axe_finds_nothing_in_either_theme(desk):
    """Protects readers with assistive technology: all rules of axe-core, and the contrast once more in the dark.

    It is the visit's last test, for it thins the page: of a formula stays the MathML, which is what such a reader gets,
    and one letter to see, and of code the first cells with each colour.
    """
    tab, found = desk.page, []
    tab.evaluate(THIN)
    for theme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        tab.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        tab.wait_for_timeout(400)  # colours fade over
        answer = Axe().run(tab, options={"resultTypes": ["violations"], **options}).response
        found += [(theme, v["id"], [node["html"][:100] for node in v["nodes"][:3]]) for v in answer["violations"]]
    assert found == []
