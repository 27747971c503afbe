"""The questions of the site: answered wrongly and rightly, by mouse and by keyboard, and what the browser keeps."""

import collections
import json
import re

import pytest
from bs4 import BeautifulSoup
from conftest import FEW, PHONE, SITE, WITH_QUESTIONS, check_page, check_phone, open_page, questions, words
from site_figures import contents

from lossutils.learn import ask
from lossutils.learn.check import completion_code

pytestmark = pytest.mark.browser
CHAPTERS = [f"{chapter}.html" for chapter in contents() if (SITE / f"{chapter}.html").exists()]


class Hand:
    """Answers by mouse."""

    def __init__(self, tab):
        self.tab = tab

    def press(self, button):
        button.click()

    def choose(self, box, several):
        box.click()

    def slide(self, slider, share):
        slider.scroll_into_view_if_needed()
        area = slider.bounding_box()
        self.tab.mouse.click(area["x"] + share * area["width"], area["y"] + area["height"] / 2)

    def drag(self, grip, by):
        grip.scroll_into_view_if_needed()
        area = grip.locator(".aq-dot").bounding_box()
        x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
        self.tab.mouse.move(x, y)
        self.tab.mouse.down()
        self.tab.mouse.move(x + 5, y - by, steps=4)
        self.tab.mouse.up()


class Keys(Hand):
    """Answers by keyboard alone."""

    def press(self, button):
        button.focus()
        self.tab.keyboard.press("Enter")

    def choose(self, box, several):
        if box.is_checked() and not several:
            return
        box.focus()
        if not box.is_checked() or several:
            self.tab.keyboard.press("Space")

    def slide(self, slider, share):
        slider.focus()
        self.tab.keyboard.press("Home" if share < 0.5 else "End")
        self.tab.keyboard.press("ArrowRight" if share < 0.5 else "ArrowLeft")

    def drag(self, grip, by):
        grip.focus()
        for _ in range(max(1, abs(by) // 8)):
            self.tab.keyboard.press("ArrowUp" if by > 0 else "ArrowDown")


def feedback(box):
    """What stands beside each choice, asked of the browser at once."""
    return [words(html) for html in box.locator(".aq-feedback").evaluate_all("nodes => nodes.map(n => n.innerHTML)")]


def answer_choices(hand, box, q):
    """The wrong answers, all of them or one, then the right one; returns nothing, asserts all."""
    quiz, right = q["kind"] == "quiz", [k for k, c in enumerate(q["choices"]) if c["right"]]
    inputs, verdict = box.locator("fieldset input").all(), box.locator(".aq-verdict")
    kind = "checkbox" if q["several"] else "radio"
    assert {i.get_attribute("type") for i in inputs} == {kind}
    hand.press(box.locator("button[type=submit]"))
    assert "Choose an answer first" in verdict.inner_text()
    chosen = []
    wrong = [[k] for k in range(len(inputs)) if k not in right]
    for turn in wrong + ([right[:1]] if q["several"] else []) + [right]:
        again = box.get_by_role("button", name="Guess again")
        if again.is_visible():
            hand.press(again)
        if q["several"]:
            for k in set(chosen) ^ set(turn):
                hand.choose(inputs[k], True)
        else:
            hand.choose(inputs[turn[0]], False)
        chosen = turn
        hand.press(box.locator("button[type=submit]"))
        said, good = verdict.inner_text(), turn == right
        assert said.startswith("✓" if good else "✗")
        for k, (choice, shown) in enumerate(zip(q["choices"], feedback(box), strict=True)):
            if k in turn or (not quiz and k in right):
                assert shown.endswith(words(choice["feedback"])) and shown[0] == ("✓" if choice["right"] else "✗")
            else:
                assert shown == "", "feedback for a choice that was not made"
        if quiz:
            assert box.locator("button[type=submit]").is_visible() != good
        else:
            assert f"{ask.score_choice(turn, right)} of 10 points" in said
    others = box.get_by_role("button", name="What the other choices say")
    if others.is_visible():
        hand.press(others)
        assert others.get_attribute("aria-expanded") == "true"
        for choice, shown in zip(q["choices"], feedback(box), strict=True):
            assert words(choice["feedback"]) in shown


def answer_number(hand, box, q):
    field, verdict = box.locator("input[type=number]"), box.locator(".aq-verdict")
    assert box.locator(".aq-result").is_hidden()
    hand.press(box.locator("button[type=submit]"))
    assert "Choose a number first" in verdict.inner_text()
    slider = box.locator("input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "not chosen yet"
    hand.slide(slider, 0.1)
    low = float(field.input_value())
    hand.slide(slider, 0.9)
    assert q["low"] <= low < float(field.input_value()) <= q["high"]
    field.fill(str(q["high"] + 1))
    hand.press(box.locator("button[type=submit]"))
    assert "Choose a number from" in verdict.inner_text()
    first = None
    for share in (0.0, 0.55):
        guess = round(q["low"] + share * (q["high"] - q["low"]), q["digits"])
        if first is not None:
            hand.press(box.get_by_role("button", name="Guess again"))
        field.fill(str(guess))
        hand.press(box.locator("button[type=submit]"))
        points = ask.score_number(guess, q["answer"], q["spread"])
        first = points if first is None else first
        said = verdict.inner_text()
        assert f"{points} of 10 points" in said and (share == 0 or f"The first guess counts: {first} of 10" in said)
        line = box.locator(".aq-result svg")
        assert line.is_visible() and line.locator("path").count() == 2  # guess and truth together


def answer_curve(hand, box, q):
    verdict, truth = box.locator(".aq-verdict"), box.locator("path.aq-truth")
    hand.press(box.locator("button[type=submit]"))
    assert "Move at least one point" in verdict.inner_text() and truth.get_attribute("d") == ""
    grips = box.locator(".aq-grip").all()
    assert len(grips) == len(q["handles"])
    for k, grip in enumerate(grips):
        assert grip.get_attribute("role") == "slider" and q["yLabel"] in grip.get_attribute("aria-label")
        before = grip.get_attribute("aria-valuenow")
        hand.drag(grip, 40 if k % 2 else -25)
        assert grip.get_attribute("aria-valuenow") != before and grip.get_attribute("aria-valuetext")
    grips[0].focus()
    for key, value in (("Home", q["ylim"][0]), ("End", q["ylim"][1])):
        hand.tab.keyboard.press(key)
        assert float(grips[0].get_attribute("aria-valuenow")) == pytest.approx(value)
    hand.press(box.locator("button[type=submit]"))
    guess = [float(grip.get_attribute("aria-valuenow")) for grip in grips]
    said = verdict.inner_text()
    assert f"{ask.score_curve(guess, q)} of 10 points" in said
    assert f"{100 * ask.curve_distance(guess, q):.0f} %" in said
    assert truth.get_attribute("d").count("L") == len(q["x"]) - 1
    hand.press(box.get_by_role("button", name="Guess again"))
    assert truth.get_attribute("d") == ""
    hand.press(box.locator("button[type=submit]"))


def answer_rank(hand, box, q):
    verdict, submit = box.locator(".aq-verdict"), box.locator("button[type=submit]")
    hand.press(submit)
    assert "Move at least one" in verdict.inner_text() and box.locator(".aq-orders").count() == 0
    texts, names = [item["text"] for item in q["items"]], box.locator(".aq-order .aq-text")
    towards = box.get_by_role("button", name=f"Move {texts[0]} towards {q['ends'][0]}")
    assert towards.get_attribute("aria-disabled") == "true"
    for end in reversed(q["ends"]):  # there and back
        hand.press(box.get_by_role("button", name=f"Move {texts[0]} towards {end}"))
    assert names.all_inner_texts() == texts
    hand.press(box.get_by_role("button", name=f"Move {texts[-1]} towards {q['ends'][0]}"))
    order = [*range(len(texts) - 2), len(texts) - 1, len(texts) - 2]
    assert names.all_inner_texts() == [texts[k] for k in order]
    for again in (False, True):
        if again:
            hand.press(box.get_by_role("button", name="Guess again"))
        hand.press(submit)
        pairs = len(order) * (len(order) - 1) // 2
        for measure in q["orders"]:
            agree = f"{ask.agreeing_pairs(order, measure['order'])} of {pairs}"
            assert f"{measure['label']}: {agree} pairs" in verdict.inner_text()
        assert box.locator(".aq-orders tbody tr").count() == 1 + len(q["orders"])
        assert "points" not in verdict.inner_text()


ANSWER = {
    "quiz": answer_choices,
    "predict-choice": answer_choices,
    "predict-number": answer_number,
    "predict-curve": answer_curve,
    "predict-rank": answer_rank,
}


def answer_all(tab, hand, asked):
    """Each of these questions, from a fresh start."""
    for name, q in asked.items():
        box = tab.locator(f'.aq[data-name="{name}"]')
        box.scroll_into_view_if_needed()
        ANSWER[q["kind"]](hand, box, q)
        if q["because"]:
            assert words(q["because"]) in words(box.locator(".aq-because").inner_html())


def kept(tab):
    return json.loads(tab.evaluate("localStorage.getItem('loss-book')") or "null")


def shared_out():
    """For each of these pages the questions to answer by hand: each kind on two pages of the book, one a page."""
    taken, shares = collections.Counter(), {}
    for page in FEW:
        kinds = {q["kind"]: q for q in questions(page).values()}
        fresh = [kind for kind in kinds if taken[kind] < 2] or [min(kinds, key=taken.get)]
        taken.update(fresh)
        shares[page] = {kinds[kind]["name"]: kinds[kind] for kind in fresh}
    return shares


BY_HAND = shared_out()


def test_each_kind_of_question_is_answered_by_hand():
    kinds = collections.Counter(q["kind"] for share in BY_HAND.values() for q in share.values())
    assert set(kinds) == set(ANSWER) and min(kinds.values()) >= 1


@pytest.mark.parametrize("page", FEW)
def test_a_question_by_mouse_then_kept_over_a_reload_and_started_over(page, browser, served):
    """Protects the mouse's way, over http; that what is kept stands there again; and paper, where the answer is folded.
    What each question of each page says is proved in test_visit.py."""
    with open_page(browser, f"{served}/{page}", page) as here:
        tab, asked = here.page, BY_HAND[page]
        answer_all(tab, Hand(tab), asked)
        state = kept(tab)
        assert state["version"] == 1 and set(state["questions"]) == set(asked)
        said = tab.locator(".aq-verdict").all_inner_texts()
        tab.reload()
        assert tab.locator(".aq-verdict").all_inner_texts() == said
        assert tab.locator(".aq.aq-done").count() == len(asked)
        for name in asked:
            box = tab.locator(f'.aq[data-name="{name}"]')
            box.get_by_role("button", name="Start over").click()
            assert box.locator("button[type=submit]").is_visible() and box.locator(".aq-feedback > *").count() == 0
        assert kept(tab)["questions"] == {}
        assert not tab.locator(".aq-fallback").first.is_visible()
        tab.emulate_media(media="print")
        assert tab.locator(".aq-fallback").first.is_visible() and not tab.locator(".aq").first.is_visible()
        assert here.faults == []


@pytest.mark.parametrize("page", FEW)
def test_a_question_by_keyboard_on_a_dark_phone_from_a_folder(page, browser, site):
    """Protects keyboards, the dark palette, and phones that open the page narrow, with a touch screen; test_visit.py
    makes every page narrow."""
    with open_page(browser, (site / page).as_uri(), page, width=375, height=740, has_touch=True) as here:
        tab = here.page
        check_page(here)
        check_phone(tab.evaluate(PHONE))
        look = "getComputedStyle(document.querySelector('.aq')).backgroundColor"
        tab.evaluate("document.documentElement.dataset.theme = 'light'")
        light = tab.evaluate(look)
        tab.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert tab.evaluate(look) != light
        answer_all(tab, Keys(tab), BY_HAND[page])
        assert tab.evaluate("document.documentElement.scrollWidth") <= 375
        assert tab.locator(".aq math").count() == 0 or tab.locator(".aq math").first.bounding_box()["width"] > 0
        assert here.faults == []


@pytest.mark.parametrize("page", FEW)
def test_without_scripts_pictures_and_questions_stand_there_with_the_answer_folded(page, visit, site):
    """Protects readers without scripts; that no page lacks its pictures and questions is proved in test_links.py."""
    tab = visit(javascript=False).page
    tab.goto((site / page).as_uri())
    for host in tab.locator(".lf-host").all():
        assert host.locator(".lf-fallback img").is_visible()
    asked = questions(page)
    for still, q in zip(tab.locator(".aq-fallback").all(), asked.values(), strict=True):
        assert still.is_visible()
        shown = still.inner_text()
        assert ("Quiz." if q["kind"] == "quiz" else "Predict.") in shown and "✓" not in shown
        for choice in q.get("choices", []):
            plain = re.sub(r"<math.*?</math>", "<>", choice["html"])
            assert words(plain.split("<")[0]) in words(shown)


def test_search_knows_the_words_of_a_question(site):
    """Protects the search: what only a question says is found."""
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "compromis" in index  # a choice's feedback in the section on robust losses


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapters_page_counts_what_is_done_and_takes_codes(page, browser, served):
    """Protects the reader's progress: questions answered, codes accepted and refused, everything erased."""
    chapter, book = page.removesuffix(".html"), contents()
    sections = book[chapter]
    with open_page(browser, f"{served}/{page}", page) as here:
        tab = here.page
        rows = tab.locator(".book-progress tbody tr")
        assert rows.count() == len(sections)

        def cells(done):
            for row, tasks in zip(rows.all(), sections.values(), strict=True):
                for kind, names in tasks.items():
                    text = row.locator(f'td[data-kind="{kind}"]').inner_text()
                    k = len(set(names) & done)
                    assert text == (f"{k} of {len(names)}" + (" ✓" if k == len(names) else "") if names else "–")

        cells(set())
        asked = [name for tasks in sections.values() for kind in ("predictions", "quizzes") for name in tasks[kind]]
        exercises = [name for tasks in sections.values() for name in tasks["exercises"]]
        elsewhere = [n for c in book.values() for t in c.values() for n in t["exercises"] if n not in exercises][:1]
        value = {"mark": 0, "value": {"committed": True}}
        tab.evaluate(
            "state => localStorage.setItem('loss-book', JSON.stringify(state))",
            {"version": 1, "questions": dict.fromkeys(asked, value), "exercises": {}},
        )
        tab.reload()
        cells(set(asked))
        field, answer = tab.locator(".bp-codes input"), tab.locator(".bp-answer")

        def enter(text):
            field.fill(text)
            field.press("Enter")
            return answer.inner_text()

        assert "Type or paste a code" in enter("  ")
        assert "is not a code of this book" in enter("0000") and field.input_value() == "0000"
        codes = [completion_code(name) for name in [*exercises, *elsewhere]]
        said = enter(f"Completion code: {', '.join(codes).lower()}".split(": ")[1])
        assert all(f"✓ {code}: {name} (" in said for code, name in zip(codes, [*exercises, *elsewhere], strict=True))
        cells({*asked, *exercises})
        assert "noted before" in enter(codes[0])
        if page == CHAPTERS[0]:  # what is kept stands there again; above it did for the questions
            tab.reload()
            cells({*asked, *exercises})
        tab.get_by_role("button", name="Erase everything").click()
        tab.get_by_role("button", name="No, keep").click()
        cells({*asked, *exercises})
        tab.get_by_role("button", name="Erase everything").click()
        tab.get_by_role("button", name="Yes, erase").click()
        cells(set())
        assert kept(tab) is None and here.faults == []
        assert "nothing is sent" in tab.locator(".bp-note").inner_text()


@pytest.mark.parametrize("page", CHAPTERS)
def test_without_scripts_a_chapters_page_shows_the_plain_counts(page, site):
    """Protects the counts: they come from the notebooks, at build time, and stand in the page itself."""
    table = BeautifulSoup((site / page).read_text(encoding="utf-8"), "html.parser").find(class_="book-progress")
    wanted = [str(len(n) or "–") for tasks in contents()[page.removesuffix(".html")].values() for n in tasks.values()]
    assert [cell.get_text() for cell in table.find_all("td")] == wanted


def test_without_scripts_the_plain_counts_fit_a_phone(visit, site):
    tab = visit(javascript=False, width=375).page
    tab.goto((site / CHAPTERS[0]).as_uri())
    assert tab.locator(".book-progress td").first.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375


def test_the_front_page_counts_by_chapter(visit, served):
    """Protects the book's opening page."""
    tab = visit().open(f"{served}/chapters/index.html")
    assert tab.locator(".book-progress tbody tr").count() == len(contents())
    assert re.fullmatch(r"0 of \d+", tab.locator('td[data-kind="exercises"]').first.inner_text())


def test_where_storage_is_forbidden_everything_else_works(visit, served):
    """Protects strict browsers: no storage, no error."""
    here = visit()
    here.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    tab = here.page
    errors = []
    tab.on("pageerror", lambda e: "widgets/live.js" in (e.stack or "") and errors.append(e.stack))  # not the theme's
    tab.goto(f"{served}/{WITH_QUESTIONS[0]}")
    box = tab.locator(".aq").filter(has=tab.locator("fieldset input")).first
    box.locator("fieldset input").first.click()
    box.locator("button[type=submit]").click()
    assert box.locator(".aq-verdict").inner_text() and errors == []


def test_what_is_stored_may_be_anything(visit, served):
    """Protects against what another version or another program left under the key."""
    for junk in (
        "",
        "null",
        "[]",
        '{"version": 2}',
        '{"version": 1}',
        "{",
        '{"version": 1, "questions": [], "exercises": 3}',
    ):
        here = visit()
        here.page.add_init_script(f"localStorage.setItem('loss-book', {json.dumps(junk)})")
        tab = here.open(f"{served}/{CHAPTERS[0]}")
        assert tab.locator(".bp-codes").count() == 1 and here.faults == []
