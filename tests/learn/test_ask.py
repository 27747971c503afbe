"""Questions: what the author may write, the formulas, the points, the state both ways, the text without scripts."""

import math
import pathlib
import re
from xml.etree import ElementTree

import notebooks
import numpy as np
import pytest
import site_figures
import torch
import yaml

from lossutils.learn import ask

ROOT = pathlib.Path(notebooks.__file__).resolve().parent.parent
CHOICES = [
    ask.Choice("keeps it", "Then it would be L2."),
    ask.Choice(r"clips it to $\delta$", "As its name says.", right=True),
]

ITEMS = [ask.Item(text, np.full((8, 8), light)) for text, light in (("dark", 0.1), ("grey", 0.5), ("light", 0.9))]


def make(kind="quiz", name="a-name", question="What?", **changes):
    """A question of each kind with one thing changed."""
    if kind in ("quiz", "predict_choice"):
        return getattr(ask, kind)(name, question, changes.pop("choices", CHOICES), **changes)
    if kind == "predict_number":
        return ask.predict_number(name, question, **{"answer": 2.75, "low": 0.0, "high": 10.0, **changes})
    if kind == "predict_rank":
        given = {"items": ITEMS, "orders": {"length": [2, 0, 1]}, **changes}
        return ask.predict_rank(name, question, given.pop("items"), **given)
    x = torch.linspace(-3, 3, 61)
    given = {"x": x, "y": x.clamp(-1, 1), **changes}
    return ask.predict_curve(name, question, given.pop("x"), given.pop("y"), **given)


KINDS = ("quiz", "predict_choice", "predict_number", "predict_curve", "predict_rank")


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_carries_all_that_its_script_needs(kind):
    """Protects the static page: kind, name, question as HTML, and a fresh state."""
    widget = make(kind, question="Does $x < 1$ & <b>?")
    spec = widget.question
    assert (spec["kind"], spec["name"]) == (kind.replace("_", "-"), "a-name") and widget.name == "a-name"
    assert spec["html"].startswith("<p>Does <math") and "&amp; &lt;b&gt;?</p>" in spec["html"]
    assert widget.value == {"committed": False, "guess": None, "score": None, "tries": 0, "latest": None}
    widget.value = {**widget.value, "committed": True, "guess": [1]}
    assert widget.value["committed"] and widget.get_state(["value"])["value"]["guess"] == [1]


def test_the_answer_stays_readable():
    """Protects the cell further down that asserts the prediction's truth."""
    assert make("predict_number").answer == 2.75 and make().answer == [1]
    curve = make("predict_curve")
    assert np.allclose(curve.y, np.clip(curve.x, -1, 1)) and curve.y.shape == (61,)


@pytest.mark.parametrize(
    "kind, changes, said",
    [
        ("quiz", {"name": "A name"}, "lower-case"),
        ("quiz", {"name": "a_name"}, "lower-case"),
        ("quiz", {"question": " "}, "question"),
        ("quiz", {"choices": CHOICES[:1]}, "two choices"),
        ("quiz", {"choices": [CHOICES[0], ask.Choice("a", "b")]}, "right choice"),
        ("quiz", {"choices": [CHOICES[1], ask.Choice("a", "b", right=True)]}, "wrong choice"),
        ("quiz", {"choices": [*CHOICES, ask.Choice("a", " ")]}, "feedback"),
        ("quiz", {"choices": [*CHOICES, ask.Choice("a\n\nb", "c")]}, "one paragraph"),
        ("quiz", {"choices": [*CHOICES, CHOICES[0]]}, "differ"),
        ("quiz", {"question": r"What is $\unheard$?"}, r"a-name: can't read .*\\unheard"),
        ("quiz", {"question": "It costs $5."}, "dollar sign"),
        ("quiz", {"question": "See [this](javascript:x)"}, "link"),
        ("quiz", {"question": "A {term}`loss`?"}, "role"),
        ("predict_number", {"answer": 11.0}, "between"),
        ("predict_number", {"answer": math.nan}, "finite"),
        ("predict_number", {"low": 10.0}, "low below high"),
        ("predict_number", {"spread": 0.0}, "spread"),
        ("predict_number", {"digits": 1.5}, "digits"),
        ("predict_curve", {"x": [0.0, 1.0, 1.0], "y": [0.0, 1.0, 2.0]}, "increase"),
        ("predict_curve", {"x": [0.0, 1.0], "y": [0.0, 1.0, 2.0]}, "one length"),
        ("predict_curve", {"x": [[0.0, 1.0]], "y": [[0.0, 1.0]]}, "one row"),
        ("predict_curve", {"x": [0.0, 1.0], "y": [0.0, math.inf]}, "finite"),
        ("predict_rank", {"items": ITEMS[:2]}, "3 to 12 items, got 2"),
        ("predict_rank", {"items": [*ITEMS, ITEMS[0]]}, "different texts"),
        ("predict_rank", {"items": [*ITEMS, ask.Item("bare")]}, "every item or on none"),
        ("predict_rank", {"orders": {}}, "one measure at least"),
        ("predict_rank", {"orders": {"length": [0, 1, 1]}}, "indices 0 to 2 once"),
        ("predict_curve", {"handles": 1}, "handles"),
        ("predict_curve", {"ylim": (1.0, 1.0)}, "ylim"),
        ("predict_curve", {"xlim": (-4.0, 3.0)}, "xlim"),
    ],
)
def test_bad_arguments_are_refused_in_words(kind, changes, said):
    """Protects the author: a question that can't work never reaches a page."""
    with pytest.raises(ValueError, match=said):
        make(kind, **changes)


FORMULAS = [
    r"\frac{a}{b}", r"\tfrac12 r^2", r"\hat y", r"\mathbb{E}[X]", r"\operatorname{argmin}_\theta f",
    r"\lvert r\rvert", r"\sum_{i=1}^n r_i", r"\begin{cases} r & r \le 1 \\ 1 & r > 1 \end{cases}",
    r"\boldsymbol{\theta}", r"\mathcal{L}", r"\begin{aligned} a &= b \\ &= c \end{aligned}", r"\psi_\delta'(r)",
    r"\R", r"\sign(r)", r"\arg\min_x f(x)", r"\|x\|_2^2", r"\int_{-\infty}^\infty e^{-u^2/2}\,du",
    r"\left(\frac{u^2}{b} + 1\right)^{\alpha/2}", r"p(y \mid x)", r"\mathbf 1[y = k]", r"\text{if } x < 1",
    r"\lfloor x \rfloor", r"50\,\%", r"\sqrt[3]{x}", r"\log\cosh r", r"\underbrace{a + b}_{c}",
]  # fmt: skip


@pytest.mark.parametrize("tex", FORMULAS)
def test_formulas_become_mathml_that_browsers_draw(tex):
    """Protects against TeX left raw, and against attributes that browsers dropped with MathML Core."""
    root = ElementTree.fromstring(ask.mathml(tex))
    assert root.tag == "math" and "\\" not in "".join(root.itertext()) and "".join(root.itertext()).strip()
    for node in root.iter():
        assert node.get("mathvariant") in (None, "normal") and "columnalign" not in node.attrib
        assert len(node) == ask._PARTS.get(node.tag, len(node))


def test_some_formulas_in_full():
    """Protects the reading of the formulas themselves; written by hand after MathML Core's elements."""
    assert ask.mathml(r"\frac12") == '<math display="inline"><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow></math>'
    assert "<mi>𝔼</mi>" in ask.mathml(r"\E X") and "<mi>𝜽</mi>" in ask.mathml(r"\boldsymbol\theta")
    assert "<mi>ℝ</mi>" in ask.mathml(r"\R") and "<mn>𝟏</mn>" in ask.mathml(r"\mathbf 1")
    assert ask.mathml(r"\log Z").count('<mo form="prefix" lspace="0" rspace="0.167em">log</mo>') == 1
    assert "<mtd" in ask.mathml(r"\begin{aligned} a &= b \end{aligned}")
    assert 'display="block"' in make(question="So $$a = b$$").question["html"]


@pytest.mark.parametrize(
    "tex",
    [r"\foo x", r"\frac{a}", r"\frac{a", "a}", "{a", "a_", "", r"\left( x", r"a \\ b", "a & b", r"\begin{foo}a"],
)
def test_a_formula_that_cannot_be_read_raises(tex):
    """Protects the reader from raw TeX: what the converter passes on silently is an error."""
    with pytest.raises(ValueError, match="can't read the formula"):
        ask.mathml(tex)


def test_the_macros_are_the_books():
    """Protects one meaning: KaTeX on the site and MathML in the widgets know the same commands."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    assert config["katex_macros"] == ask.MACROS


def test_markdown_becomes_html_and_nothing_else_does():
    """Protects the page from markup in a text: only what the author's Markdown means becomes a tag."""
    text = "A *b* and **c $x$** with `d<e>` \\* [f](robust.ipynb#g)\n\nh <script>"
    html = make(question=text).question["html"]
    assert re.sub(r"<math.*?</math>", "M", html) == (
        "<p>A <em>b</em> and <strong>c M</strong> with <code>d&lt;e&gt;</code> * "
        '<a href="robust.ipynb#g">f</a></p><p>h &lt;script&gt;</p>'
    )


def test_the_points():
    """Protects the rules that the docstrings state."""
    assert [ask.score_number(g, 5.0, 2.0) for g in (5, 5.5, 6, 4, 6.8, 7, 50)] == [10, 8, 5, 5, 1, 0, 0]
    assert ask.score_choice([2, 0], [0, 2]) == 10 and ask.score_choice([0], [0, 2]) == 0
    pairs = [ask.agreeing_pairs([0, 1, 2, 3], other) for other in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 2, 3])]
    assert pairs == [6, 0, 5]
    curve = make("predict_curve", handles=7, ylim=(-2, 2))
    exact = np.interp(curve.question["handles"], curve.x, curve.y)
    assert ask.curve_distance(exact, curve.question) < 1e-6 and ask.score_curve(exact, curve.question) == 10
    assert ask.curve_distance(exact + 0.4, curve.question) == pytest.approx(0.1)  # of a height of 4
    assert ask.score_curve(exact + 0.4, curve.question) == 3  # 10 (1 - 0.1 / 0.15), rounded
    assert make("predict_number").question["spread"] == 2.5


def test_a_long_curve_is_thinned_for_the_page_only():
    """Protects the page's weight."""
    x = np.linspace(0, 1, 5001)
    curve = make("predict_curve", x=x, y=x**2)
    assert len(curve.question["x"]) == ask.MOST_POINTS and curve.y.shape == (5001,)
    assert np.allclose(np.interp(curve.question["x"], x, x**2), curve.question["y"], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_there_is_the_question_with_a_folded_answer(kind):
    """Protects GitHub's viewer, print and search."""
    extra = {} if kind == "quiz" else {"because": r"Since $x \in \R$."}
    bundle, _ = make(kind, question="Is $a<b$ <b>?", **extra)._repr_mimebundle_()
    text = bundle["text/markdown"]
    before, _, after = text.partition("<details><summary>Answer</summary>\n\n")
    assert before.startswith("**Quiz.**" if kind == "quiz" else "**Predict.**") and "$a<b$ &lt;b>?" in before
    assert after.endswith("\n\n</details>") and "image/png" not in bundle and notebooks.VIEW in bundle
    if kind in ("quiz", "predict_choice"):
        assert "(a) keeps it" in before and "(b) clips" in before and after.startswith("**(b)** ✓")
    if kind == "predict_rank":
        assert "dark; grey; light" in before and "**length:** light, dark, grey." in after
    if kind == "predict_number":
        assert "2.75" in after and "2.75" not in before
    if extra:
        assert r"Since $x \in \mathbb{R}$." in after


def test_the_plain_text_tells_one_question_from_another():
    """Protects nbval's comparison: a changed question shows another text, the same one the same."""
    assert repr(make()) == repr(make()) != repr(make(question="Which?"))


def test_every_name_stands_once_in_the_book():
    """Protects the progress, which is kept by name."""
    names = [
        name
        for path in notebooks.all_notebooks()
        for kind, found in site_figures.tasks(path).items()
        if kind != "exercises"
        for name in found
    ]
    assert len(names) == len(set(names)) and names
