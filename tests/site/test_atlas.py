"""The atlas of losses, over http and from a folder, the network cut: its filter, its links, its cards."""

import itertools
import re

import pytest
from bs4 import BeautifulSoup
from conftest import SITE, check_page, open_page, pages
from site_atlas import CHOICES, PROPERTIES, record

from lossutils.learn import cards

PAGE = "chapters/atlas.html"
ALL = [record(card) for card in cards.every()]
browser_test = pytest.mark.browser


def wanted(q="", has=(), **chosen):
    """What Python finds: the names of the losses that meet all conditions."""
    return [
        card["name"]
        for card in ALL
        if all(value in card[key] for key, value in chosen.items())
        and set(has) <= set(card["has"])
        and all(word in card["words"] for word in q.lower().split())
    ]


@pytest.fixture(scope="module", params=["http", "folder"])
def atlas(request, browser, served, site):
    """The atlas, wide, over http and from a folder."""
    url = f"{served}/{PAGE}" if request.param == "http" else (site / PAGE).as_uri()
    with open_page(browser, url, PAGE) as here:
        here.url = url
        yield here


# The filter's script is the same over http; what depends on the address is asked of both.
from_a_folder = pytest.mark.parametrize("atlas", ["folder"], indirect=True)


def clear(tab):
    tab.get_by_role("button", name="Clear the filter").click()
    tab.wait_for_timeout(20)


SHOWN = """() => {
    const visible = (selector) => [...document.querySelectorAll(selector)].filter(n => n.checkVisibility());
    return [visible(".atlas-loss").map(n => n.id),
        visible(".atlas-overview tbody tr").map(n => n.querySelector("a").hash.slice(1)),
        document.querySelector("#atlas-count").textContent];
}"""


def shown(tab):
    """The losses that the page shows: as cards, as rows, and as the status says."""
    loose, rows, said = tab.evaluate(SHOWN)
    assert rows == loose
    assert said.startswith(f"{len(loose)} of {len(ALL)} losses" if loose else "No loss has all of this")
    return loose


def test_every_card_is_text_in_the_page_under_a_stable_anchor():
    """Protects readers without JavaScript, search engines and links: heading, formula and open card in the HTML."""
    soup = BeautifulSoup((SITE / PAGE).read_text(encoding="utf-8"), "html.parser")
    found = soup.find_all("section", class_="atlas-loss")
    assert [section["id"] for section in found] == [card["name"] for card in ALL]
    for section, card in zip(found, cards.every(), strict=True):
        assert section.find("h3").get_text().startswith(card.title)
        assert section.find("details").has_attr("open")
        text = section.get_text()
        assert card.chinese in text and f"lossutils.{card.name}" in text
        assert section.find("span", class_="math")
        assert section.find("a", href=re.compile("bibliography"))
    assert "hidden" in soup.find(id="atlas-filter").attrs


def test_the_script_is_on_that_page_only():
    """Protects the weight of the other pages."""
    having = [page for page in pages() if "atlas.js" in (SITE / page).read_text(encoding="utf-8")]
    assert having == [PAGE]


@browser_test
def test_without_javascript_all_cards_stand_there(visit, site):
    tab = visit(javascript=False).page
    tab.goto((site / PAGE).as_uri())
    assert not tab.locator("#atlas-filter").is_visible()
    for card in (ALL[0], ALL[-1]):
        assert tab.locator(f"#{card['name']} table").is_visible()


@browser_test
def test_nothing_leaves_and_nothing_fails_with_all_cards_open(atlas):
    """Protects the offline reader, and every formula of every card."""
    tab = atlas.page
    tab.get_by_role("button", name="Open all cards").click()
    assert tab.locator(".atlas-loss details:not([open])").count() == 0
    check_page(atlas)
    tab.get_by_role("button", name="Open all cards").click()
    assert tab.locator(".atlas-loss details[open]").count() == 0


@browser_test
@from_a_folder
def test_every_choice_shows_what_python_finds(atlas):
    """Protects each filter: task, input, origin, properties; the number is announced."""
    tab = atlas.page
    clear(tab)
    assert shown(tab) == [card["name"] for card in ALL]
    assert tab.locator("#atlas-count").get_attribute("aria-live") == "polite"
    for key, (_, values, _) in CHOICES.items():
        offered = tab.locator(f"#atlas-{key} option").evaluate_all("options => options.map(o => o.value)")
        assert offered == ["", *(value for value in values if wanted(**{key: value}))]
        for value in offered[1:]:
            tab.select_option(f"#atlas-{key}", value)
            assert shown(tab) == wanted(**{key: value}) != []
            count = tab.locator(f"#atlas-{key} option[value='{value}']").inner_text()
            assert count == f"{value} ({len(wanted(**{key: value}))})"
        clear(tab)
    for key in PROPERTIES:
        box = tab.locator(f"[name=has][value={key}]")
        box.check()
        assert shown(tab) == wanted(has=[key]) != []
        box.uncheck()


@browser_test
@from_a_folder
def test_choices_combine(atlas):
    """Protects combinations: all conditions hold at once, and the address holds them too."""
    tab = atlas.page
    for task, has in itertools.product(("regression", "counts"), (["convex"], ["smooth", "gradient"])):
        clear(tab)
        tab.select_option("#atlas-task", task)
        for key in has:
            tab.locator(f"[name=has][value={key}]").check()
        assert shown(tab) == wanted(task=task, has=has)
        assert tab.evaluate("location.hash") == f"#task={task}" + "".join(f"&has={key}" for key in has)
    clear(tab)
    assert tab.evaluate("location.hash") == "" and atlas.faults == []


@browser_test
@from_a_folder
@pytest.mark.parametrize("text", ["huber", "均方误差", "泊松", "SmoothL1", "F.l1_loss", "mean pinball", "Huber delta"])
def test_the_text_box_finds_names(atlas, text):
    """Protects the search by name: ours, other libraries', Chinese."""
    tab = atlas.page
    clear(tab)
    tab.fill("#atlas-text", text)
    assert shown(tab) == wanted(q=text) != []


@browser_test
@from_a_folder
def test_no_match_is_said_in_words(atlas):
    tab = atlas.page
    clear(tab)
    tab.fill("#atlas-text", "no such loss")
    assert shown(tab) == []
    assert "clear the filter" in tab.locator("#atlas-count").inner_text()
    assert not tab.locator(".atlas-overview").is_visible()
    clear(tab)
    assert len(shown(tab)) == len(ALL)


@browser_test
def test_a_choice_and_a_card_can_be_linked(atlas, visit):
    """Protects links into the atlas: the hash is a choice, or the name of a card, which opens and comes into view."""
    here = visit()
    tab = here.open(f"{atlas.url}#task=regression&has=convex&has=smooth&q=log")
    names = wanted(q="log", task="regression", has=["convex", "smooth"])
    assert shown(tab) == names and 0 < len(names) < 12
    assert tab.locator("#atlas-task").input_value() == "regression"
    assert tab.locator("[name=has]:checked").count() == 2
    tab.evaluate("location.hash = '#general_robust_loss'")  # not among them: the filter gives way
    tab.wait_for_function("document.getElementById('general_robust_loss').checkVisibility()")
    assert len(shown(tab)) == len(ALL)
    for card in (ALL[0], ALL[len(ALL) // 2], ALL[-1]):
        tab.locator(f".atlas-overview a[href='#{card['name']}']").click()
        tab.wait_for_function(f"document.querySelector('#{card['name']} details').open")
        tab.wait_for_timeout(100)
        assert tab.locator(f"#{card['name']} h3").evaluate(
            "h => h.getBoundingClientRect().top >= 0 && h.getBoundingClientRect().top < innerHeight"
        )
    assert here.faults == []
    tab.goto("about:blank")
    here.open(f"{atlas.url}#{ALL[-1]['name']}")
    assert tab.locator(f"#{ALL[-1]['name']} table").is_visible()


@browser_test
@from_a_folder
def test_the_filter_works_by_keyboard(atlas):
    """Protects who uses no mouse: every control can be reached by Tab, in reading order, and used."""
    tab = atlas.page
    clear(tab)
    tab.locator("#atlas-text").focus()
    for wanted_id in ("atlas-task", "atlas-input", "atlas-origin"):
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.id") == wanted_id
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert shown(tab) == wanted(has=["convex"])
    for _ in range(len(PROPERTIES)):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_timeout(20)
    assert len(shown(tab)) == len(ALL)


@browser_test
@from_a_folder
def test_few_matches_are_opened_and_typeset(atlas):
    tab = atlas.page
    clear(tab)
    tab.fill("#atlas-text", "huber_loss smooth")
    assert shown(tab) == wanted(q="huber_loss smooth") and len(shown(tab)) <= 3
    for name in shown(tab):
        assert tab.locator(f"#{name} details").evaluate("d => d.open")
        tab.wait_for_selector(f"#{name} .katex")


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_sideways_scrolling(visit, site, scheme):
    """Protects narrow screens and dark pages: all cards open at 375 px; controls of 24 px; text against its ground."""
    here = visit(width=375, height=740, has_touch=True, color_scheme=scheme)
    tab = here.open((site / PAGE).as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    tab.get_by_role("button", name="Open all cards").click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    wide = tab.locator(".atlas-loss table").evaluate_all(
        "tables => tables.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.closest('section').id)"
    )
    assert wide == [], "a card that scrolls sideways"
    for control in tab.locator(
        "#atlas-filter :is(select, button, input[type=search], label:has([type=checkbox]))"
    ).all():
        box = control.bounding_box()
        assert box["height"] >= 24 and box["x"] >= 0 and box["x"] + box["width"] <= 375
    shade = """selector => {
        const style = getComputedStyle(document.querySelector(selector));
        const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number); return (r + g + b) / 765; };
        return [light(style.color), light(style.backgroundColor)];
    }"""
    for selector in ("#atlas-text", "#atlas-task", "#atlas-open"):
        text, ground = tab.evaluate(shade, selector)
        assert (text > ground + 0.4) if scheme == "dark" else (ground > text + 0.4)
    assert here.faults == []
