"""The extensions that build the site: formulas, the lighter theme, the sheets."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
import site_light
import site_math
import site_page
import site_sheets

MACROS = r'{"\\E": "\\mathbb{E}"}'


def text(html):
    """What a reader of the MathML meets."""
    math = re.search(r"<math.*?</math>", html, re.DOTALL)
    return "".join(ElementTree.fromstring(math[0] if math else html).itertext())


@pytest.mark.parametrize(
    ("tex", "read"),
    [
        (r"\sigma(x) - y", "σ(x)−y"),
        (r"a = b + c", "a=b+c"),
        (r"x", "x"),
        (r"\delta", "δ"),
        (r"\E X", "EX"),
    ],
)
def test_a_formula_is_typeset_whole(tex, read):
    """Protects against a formula of which a part is lost, also where its last piece is a single letter."""
    html = site_math.typeset(tex, False, MACROS)
    assert text(html).replace("\u2062", "") == read
    shown = re.sub(r"<[^>]*>|\u200b", "", html.split('<span class="katex-html" aria-hidden="true">')[-1])
    assert shown == read


def test_a_formula_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="Undefined control sequence"):
        site_math.typeset(r"\nosuch", False, "{}")


def test_only_icons_that_appear_keep_their_rule():
    sheet = '.fa-rocket:before{content:"\\f135"}.fa-map:before,.fa-chart:before{content:"\\f279"}p{color:red}'
    assert site_light.lighter(sheet, {"fa-rocket"}) == '.fa-rocket:before{content:"\\f135"}p{color:red}'


def test_what_the_theme_leaves_without_a_name_gets_one():
    page = '<a class="x" href="y">1. What &amp; why</a><details><summary><span></span></summary>'
    assert 'aria-label="Sections of 1. What &amp; why"' in site_page.opened(page)


def test_chinese_words_name_their_language_and_nothing_else_is_touched():
    page = '<title>熵</title><p title="熵">entropy (熵), 帕累托前沿</p><math><mtext>熵</mtext></math>'
    marked = '<p title="熵">entropy (<span lang="zh-Hans">熵</span>), <span lang="zh-Hans">帕累托前沿</span></p>'
    assert site_page.opened(page) == re.sub("<p.*</p>", marked, page)


@pytest.mark.parametrize(("name", "letter"), [("Dice 损失", "D"), ("焦点损失", "J"), ("熵", "S"), ("0-1 损失", "0–9")])
def test_chinese_names_stand_under_their_pinyin(name, letter):
    assert site_sheets.letter(name) == letter


def test_an_uncommon_first_character_is_an_error():
    with pytest.raises(ValueError, match="OTHERWISE"):
        site_sheets.letter("亍")
