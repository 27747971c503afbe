"""Every page of the site, from a folder, visited once: wide, then at 375 px; its figures, its questions, and axe.

A visit is dear, for a page has up to 20,000 nodes; so one serves all tests of a page. It is made from a folder, which
forbids more than a server does. A script in the page (``by_script.js``) moves the figures and answers the questions:
what a figure shows and what a question says is the page's own. How hand and keys reach them is the same code on all
pages, and is proved on one page a chapter: figures here, questions in ``test_questions.py``, there over http, too.
"""

import functools
import gzip
import pathlib
import re
import urllib.parse

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import FEW, PHONE, SITE, check_page, check_phone, open_page, pages, questions, saved_specs, words

from lossutils.learn import ask

pytestmark = pytest.mark.browser
SCRIPT = (pathlib.Path(__file__).parent / "by_script.js").read_text(encoding="utf-8")
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module", params=pages())
def visited(request, browser, site):
    """One visit to a page, shared by all tests of this file."""
    with open_page(browser, (site / request.param).as_uri(), request.param) as here:
        yield here


def test_nothing_leaves_and_nothing_fails(visited):
    """Protects the offline reader: no third party, no failed request, no error, every formula set."""
    check_page(visited)


LOADING = """new Promise(done => {
    let paint = 0, shift = 0, frames = 0;
    const watch = (type, each) => new PerformanceObserver(list => list.getEntries().forEach(each))
        .observe({type, buffered: true});
    watch("layout-shift", entry => { shift += entry.value; });
    watch("largest-contentful-paint", entry => { paint = entry.startTime; });
    const wait = () => {
        frames += 1;
        if ((paint && frames > 3) || frames > 200) done([paint, shift]);
        else requestAnimationFrame(wait);
    };
    requestAnimationFrame(wait);
})"""
OWN = re.compile(rb'<script type="application/vnd.jupyter.widget-state.*?</script>|data:image/[^"]*', re.DOTALL)


@functools.cache
def weight(path):
    """Bytes decoded and gzipped, of a page without its own figures; a font is compressed already."""
    data = path.read_bytes()
    if path.suffix == ".html":
        data = OWN.sub(b"", data)
    return len(data), len(data if path.suffix in (".woff2", ".png", ".jpg") else gzip.compress(data, 6))


def test_the_page_is_light_and_stands_still(visited, record_property):
    """Protects slow lines and old phones: at most 2.2 MB decoded and 700 kB gzipped beside its own figures; what
    stands on the screen appears early and does not jump. `make test` prints the measurements."""
    files = {pathlib.Path(urllib.parse.unquote(path)) for path in visited.loaded if "/_images/" not in path}
    files = [path for path in files if path.is_relative_to(SITE) and path.is_file()]
    assert SITE / visited.name in files, "the page itself"
    decoded, gzipped = (sum(sizes) for sizes in zip(*map(weight, files), strict=True))
    paint, shift = visited.page.evaluate(LOADING)
    if shift >= 0.1:  # a jump that is the page's own comes again
        visited.page.reload(wait_until="load")
        shift = min(shift, visited.page.evaluate(LOADING)[1])
    for name, value in (("decoded", decoded), ("gzipped", gzipped), ("paint", paint), ("shift", shift)):
        record_property(name, value)
    record_property("page", visited.name)
    assert decoded < 2_200_000 and gzipped < 700_000
    assert shift < 0.1 and paint > 0


def test_a_phone_shows_it_without_sideways_scrolling(visited):
    """Protects narrow screens, thumbs and eyes: controls of at least 24 px inside the screen, text of at least 9 px in
    the figures. The figures and questions watch their room; that they draw alike when they wake in it, with a touch
    screen, is proved on one page a chapter in test_questions.py."""
    tab = visited.page
    tab.set_viewport_size({"width": 375, "height": 740})
    tab.evaluate(FRAMES)
    shown = tab.evaluate(PHONE)
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.evaluate(FRAMES)
    check_phone(shown)
    assert visited.faults == []


def test_every_slider_moves_its_figure_and_carries_the_parameters_values(visited):
    """Protects the live figures: each slider changes what is drawn, says its value, and where its grid is even its
    native value is the parameter itself, for assistive technology."""
    visited.page.evaluate(SCRIPT)
    for figure, spec in zip(visited.page.evaluate("moveSliders()"), saved_specs(visited.name), strict=True):
        for slider, wanted in zip(figure["sliders"], spec["sliders"], strict=True):
            assert slider["looks"] >= 2, f"{figure['title']}: the slider changes nothing"
            assert all(text == output != "" for text, output in slider["said"])
            assert len({text for text, _ in slider["said"]}) >= 2
            values = wanted["values"] if wanted["even"] else [0, len(wanted["values"]) - 1]
            assert (slider["low"], slider["high"]) == pytest.approx((values[0], values[-1]))
            if "labels" in wanted:
                assert all(text in wanted["labels"] for text, _ in slider["said"])
    assert visited.faults == []


def drawn(figure):
    """What a figure shows: its curves, dots, pictures and numbers."""
    return figure.evaluate(
        "f => [...f.querySelectorAll('.lf-panel svg g[clip-path]')].map(g => g.innerHTML).join() + "
        "[...f.querySelectorAll('.lf-panel img')].map(i => i.src).join() + "
        "[...f.querySelectorAll('dd')].map(d => d.textContent).join()"
    )


def test_handles_can_be_dragged_and_hands_and_keys_move_sliders(visited):
    """Protects pointer and keyboard: every handle on every page; on one page a chapter each slider by keys and by a
    click on its track, for that is the browser's own, and a curve taken away."""
    tab = visited.page
    for figure in tab.locator("figure.lf").all():
        for grip in figure.locator(".lf-grip").all():
            drag(tab, figure, grip)
        if visited.name not in FEW:
            continue
        for slider in figure.locator("input[type=range]").all():
            slider.focus()
            seen, texts = set(), set()
            for key in ("Home", "ArrowRight", "PageUp", "End"):
                tab.keyboard.press(key)
                seen.add(drawn(figure))
                texts.add(slider.get_attribute("aria-valuetext"))
            assert len(seen) >= 2 and len(texts) >= 2
            slider.scroll_into_view_if_needed()
            box, shown = slider.bounding_box(), []
            for share in (0.05, 0.95):
                tab.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
                shown.append(drawn(figure))
            assert shown[0] != shown[1]
        toggle = figure.locator(".lf-legend button")
        if toggle.count():
            before = drawn(figure)
            toggle.first.click()
            assert toggle.first.get_attribute("aria-pressed") == "false" and drawn(figure) != before
    assert visited.faults == []


def drag(tab, figure, grip):
    grip.evaluate("node => node.scrollIntoView({block: 'center', behavior: 'instant'})")
    tab.evaluate(FRAMES)  # a figure whose room has changed draws itself anew, its handles too
    box = grip.bounding_box()
    assert box["width"] >= 24
    before = drawn(figure)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for by in ((-96, 80), (90, -70)):  # at one end it may stand already
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + by[0], y + by[1], steps=8)
        tab.mouse.up()
        if drawn(figure) != before:
            return
    pytest.fail("dragging changes nothing")


def test_the_figures_use_the_dark_palette_on_a_dark_page(visited):
    """Protects dark mode: curves change colour, text follows the page's."""
    looks = visited.page.evaluate("""() => ["light", "dark"].map(theme => {
        document.documentElement.dataset.theme = theme;
        const [figure, text] = [".lf", ".lf svg text, .lf figcaption"].map(s => document.querySelector(s));
        return figure && getComputedStyle(figure).getPropertyValue("--lf-0") + getComputedStyle(text).color;
    })""")
    assert looks[0] != looks[1] or looks == [None, None]


# The questions, answered by the script


def turns(q):
    """What to answer, one guess after the other; in the script's words."""
    if q["kind"] == "predict-number":
        shares = (0.0, 0.3, 0.55, 1.0)
        return [q["high"] + 1, *(round(q["low"] + s * (q["high"] - q["low"]), q["digits"]) for s in shares)]
    if q["kind"] == "predict-curve":
        return [["ArrowUp", "PageDown"], ["Home"], ["End"]]
    if q["kind"] == "predict-rank":  # the first there and back, the last one up; then the same again
        return [[(0, 0), (0, 1), (1, 0), (len(q["items"]) - 1, 0)], []]
    right = [k for k, c in enumerate(q["choices"]) if c["right"]]
    wrong = [[k] for k in range(len(q["choices"])) if k not in right]
    return wrong + ([right[:1]] if q["several"] else []) + [right]


def judge_choices(q, made):
    quiz, right = q["kind"] == "quiz", [k for k, c in enumerate(q["choices"]) if c["right"]]
    assert "Choose an answer first" in made["nothing"][0]["said"]
    for turn, seen in zip(turns(q), made["turn"], strict=True):
        good = turn == right
        assert seen["said"].startswith("✓" if good else "✗")
        for k, (choice, html) in enumerate(zip(q["choices"], seen["feedback"], strict=True)):
            shown = words(html)
            if k in turn or (not quiz and k in right):
                assert shown.endswith(words(choice["feedback"])) and shown[0] == ("✓" if choice["right"] else "✗")
            else:
                assert shown == "", "feedback for a choice that was not made"
        assert seen["open"] == (quiz and not good)
        assert quiz or f"{ask.score_choice(turn, right)} of 10 points" in seen["said"]
    for seen in made.get("others", []):
        for choice, html in zip(q["choices"], seen["feedback"], strict=True):
            assert words(choice["feedback"]) in words(html)


def judge_number(q, made):
    assert "Choose a number first" in made["nothing"][0]["said"]
    refused, *taken = made["turn"]
    assert "Choose a number from" in refused["said"] and refused["open"] and refused["marks"] == 0
    points = [ask.score_number(guess, q["answer"], q["spread"]) for guess in turns(q)[1:]]
    for k, (earned, seen) in enumerate(zip(points, taken, strict=True)):
        assert f"{earned} of 10 points" in seen["said"] and seen["marks"] == 2  # guess and truth together
        assert k == 0 or f"The first guess counts: {points[0]} of 10" in seen["said"]


def judge_curve(q, made):
    assert "Move at least one point" in made["nothing"][0]["said"] and made["nothing"][0]["truth"] == ""
    before = made["nothing"][0]["heights"]
    assert len(before) == len(q["handles"])
    assert all(new != old for new, old in zip(made["turn"][0]["heights"], before, strict=True))
    for seen, end in zip(made["turn"], (None, *q["ylim"]), strict=True):
        guess = seen["heights"]
        assert end is None or guess == pytest.approx([end] * len(guess))
        assert f"{ask.score_curve(guess, q)} of 10 points" in seen["said"]
        assert f"{100 * ask.curve_distance(guess, q):.0f} %" in seen["said"]
        assert seen["truth"].count("L") == len(q["x"]) - 1
    assert all(seen["truth"] == "" for seen in made["again"])


def judge_rank(q, made):
    assert "Move at least one" in made["nothing"][0]["said"] and made["nothing"][0]["orders"] == 0
    texts = [item["text"] for item in q["items"]]
    order = [*range(len(texts) - 2), len(texts) - 1, len(texts) - 2]
    pairs = len(order) * (len(order) - 1) // 2
    for seen in made["turn"]:
        assert seen["order"] == [texts[k] for k in order]
        for measure in q["orders"]:
            agree = f"{ask.agreeing_pairs(order, measure['order'])} of {pairs}"
            assert f"{measure['label']}: {agree} pairs" in seen["said"] and "points" not in seen["said"]
        assert seen["orders"] == 1 + len(q["orders"])


JUDGE = {"predict-number": judge_number, "predict-curve": judge_curve, "predict-rank": judge_rank}


def test_every_question_says_what_it_should_is_kept_and_starts_over(visited):
    """Protects feedback for each choice, the points, the reader's progress, and the way back."""
    asked = questions(visited.name)
    if not asked:
        assert visited.page.locator(".aq").count() == 0
        return
    visited.page.evaluate(SCRIPT)
    found = visited.page.evaluate("asked => answerAll(asked)", [{**q, "turns": turns(q)} for q in asked.values()])
    for q, notes in zip(asked.values(), found["notes"], strict=True):
        made = {}
        for note in notes:
            made.setdefault(note["what"], []).append(note)
        JUDGE.get(q["kind"], judge_choices)(q, made)
        assert not notes[-1]["open"] and words(q["because"] or "") == words(notes[-1]["because"])
    assert found["kept"]["version"] == 1 and set(found["kept"]["questions"]) == set(asked)
    assert found["done"] == found["open"] == len(asked) and found["told"] == 0
    assert found["left"]["questions"] == {} and visited.faults == []


THIN = """() => {
    const still = document.createElement("style");
    still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important; }";
    document.head.append(still);
    for (const node of document.querySelectorAll(".katex-html")) node.textContent = "x";
    const seen = new Set();
    for (const pre of document.querySelectorAll(".bd-article pre")) {
        const fresh = [...pre.querySelectorAll("[class]")].filter(n => !seen.has(n.className));
        if (!fresh.length) pre.textContent = pre.textContent;
        for (const node of fresh) seen.add(node.className);
    }
    dispatchEvent(new Event("resize"));
}"""
AXE = """async ([theme, options]) => {
    document.documentElement.dataset.theme = theme;
    const answer = await axe.run(document, {resultTypes: ["violations"], ...options});
    return answer.violations.map(v => [theme, v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 100))]);
}"""


def test_axe_finds_nothing_in_either_theme(visited):
    """Protects readers with assistive technology: all rules of axe-core, those of contrast in light and in dark.

    It is the visit's last test, for it thins the page: of a formula stays the MathML, which is what such a reader gets,
    and one letter to see, and of code the first cells with each colour. Contrast, by far the dearest rule, is asked of
    two texts of each look: colour, type and all grounds under it, in both themes.
    """
    tab = visited.page
    tab.evaluate(THIN)
    tab.evaluate(SCRIPT)
    tab.evaluate(AXE_SCRIPT)
    contrast = {"runOnly": ["color-contrast"]}
    found = tab.evaluate(AXE, ["light", {"rules": {"color-contrast": {"enabled": False}}}])
    assert tab.evaluate("keepOneOfEachLook()") >= 2, "a page has a heading and text"
    found += tab.evaluate(AXE, ["light", contrast]) + tab.evaluate(AXE, ["dark", contrast])
    assert found == []
