"""The guide on the static page: all answers give what Python gives; by mouse, by keyboard, without scripts."""

import json
import re

import pytest
from conftest import SITE, open_page

from lossutils.learn import guide

pytestmark = pytest.mark.browser
PAGE = "chapters/choosing/guide.html"
PATHS = guide._paths()


@pytest.fixture
def tab(browser, served):
    """The guide's page, its widget drawn."""
    with open_page(browser, f"{served}/{PAGE}", PAGE) as here:
        here.page.locator(".gd-card").wait_for()
        yield here.page
        assert here.faults == []


def shown(tab):
    """The leaf, the answers in the selects and the card's words."""
    return tab.evaluate(
        "() => ({leaf: document.querySelector('.gd-card').dataset.leaf,"
        " answers: Object.fromEntries([...document.querySelectorAll('.gd select')].map((s) => [s.name, s.value])),"
        " text: document.querySelector('.gd-card').innerText})"
    )


def test_every_answer_gives_the_leaf_that_python_gives(tab):
    """Protects the promise of one guide: each path of answers, set by script in one page, and the card's words."""
    for key, answers in PATHS.items():
        for keyword, answer in answers.items():
            tab.locator(f".gd select[name={keyword}]").select_option(answer)
        found, choice = shown(tab), guide.choose(**answers)
        assert found["leaf"] == choice.leaf == key and found["answers"] == dict(answers)
        low, high = choice.evidence.interval
        for part in (
            choice.loss, choice.runner_up, choice.loss_call, choice.evidence.metric, choice.evidence.data,
            f"95 % interval {guide.short(low)} to {guide.short(high)}, over {choice.evidence.n} seeds",
            "wins against" if choice.verdict == "wins" else "a tie with",
        ):  # fmt: skip
            assert part in found["text"], (key, part)
        dots = tab.locator(".gd-card figure > svg circle").count()
        assert dots == 2 * choice.evidence.n
        for link in tab.locator(".gd-more a").evaluate_all("all => all.map((a) => a.getAttribute('href'))"):
            target, _, anchor = link.partition("#")
            page = (SITE / "chapters" / "choosing" / target).resolve()
            assert page.exists(), link
            assert not anchor or f'id="{anchor}"' in page.read_text(encoding="utf-8"), link


def test_a_task_alone_gives_the_default_of_python(tab):
    """Protects the default: after each change of the task, the other questions begin at their first answer."""
    for task in guide.TREE.answers:
        tab.reload()
        tab.locator(".gd select[name=task]").select_option(task)
        asked = shown(tab)["answers"]
        if task == "regression":  # where the page begins
            continue
        kept = {k: v for k, v in asked.items() if k in ("goal", "noise") and v in ("mean", "outliers")}
        assert not kept and shown(tab)["leaf"] == guide.choose(task).leaf


def test_by_keyboard(tab):
    """Protects who has no mouse: the selects are reached by Tab and answered by arrows, and the answer is announced."""
    task = tab.locator(".gd select[name=task]")
    task.focus()
    tab.keyboard.press("ArrowDown")
    assert task.input_value() == "counts" and shown(tab)["leaf"] == "counts"
    assert "poisson_nll_loss" in tab.locator(".gd-say").text_content()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.name") == "imbalance"
    tab.keyboard.press("ArrowDown")
    assert shown(tab)["leaf"] == "binary-rare" and tab.locator(".gd-row").count() == 2
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "gd-code", "a long line can be scrolled by keyboard"


def test_from_a_folder_on_a_phone_in_the_dark(browser):
    """Protects readers offline: no server, a narrow screen; nothing wider than it, every control large enough."""
    with open_page(browser, (SITE / PAGE).as_uri(), PAGE, width=375) as here:
        tab = here.page
        tab.evaluate("document.documentElement.dataset.theme = 'dark'")
        for key in ("regression-mean", "generation-free", "binary-rare", "multitask-likelihoods"):
            for keyword, answer in PATHS[key].items():
                tab.locator(f".gd select[name={keyword}]").select_option(answer)
            assert shown(tab)["leaf"] == key
            assert tab.evaluate("document.documentElement.scrollWidth") <= 375
            for box in tab.locator(".gd select").evaluate_all(
                "all => all.map((s) => s.getBoundingClientRect().height)"
            ):
                assert box >= 32
        assert here.faults == []


def test_the_drawing_says_in_words_what_it_shows(tab):
    """Protects who can't see it: the picture of the runs has a name with the metric, the losses and the interval."""
    name = tab.locator(".gd-card figure > svg").get_attribute("aria-label")
    assert "huber_loss above, mse_loss below" in name and "95 % interval" in name and "lower is better" in name
    assert tab.locator(".gd label").count() == tab.locator(".gd select").count() == 3


def test_without_scripts_the_table_of_all_leaves_stands_there(browser, served):
    """Protects readers without JavaScript: a row a leaf, with the verdict."""
    with open_page(browser, f"{served}/{PAGE}", PAGE, javascript=False) as here:
        rows = here.page.locator(".gd-fallback tbody tr")
        assert rows.count() == len(PATHS) and rows.first.is_visible()
        verdicts = [text.strip() for text in rows.locator("td:nth-child(4)").all_inner_texts()]
        assert verdicts == [choice.verdict for choice in guide.every()]


def test_the_page_carries_the_guide_once_and_lightly():
    """Protects the weight of the page: the tree, the words and the runs of all leaves."""
    text = (SITE / PAGE).read_text(encoding="utf-8")
    [state] = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', text, re.DOTALL)
    guides = [record["state"]["guide"] for record in json.loads(state)["state"].values() if "guide" in record["state"]]
    assert guides == [json.loads(json.dumps(guide.show().guide))]
    assert len(json.dumps(guides[0], ensure_ascii=False).encode()) <= 80_000
