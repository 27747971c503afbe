r"""Predictions and quizzes: the reader commits to an answer before the book gives its own.

Each function returns a widget that needs no kernel: it answers in Jupyter, on Colab and on a static page alike.

    from lossutils.learn import ask

    ask.quiz("huber-clip", r"What does $\psi_\delta$ do with a residual of $3\delta$?", [
        ask.Choice("keeps it", "That is L2: its gradient is the residual itself."),
        ask.Choice(r"clips it to $\delta$", r"Beyond $\delta$ every residual pulls the same.", right=True),
    ])

Texts may hold paragraphs, `code`, *emphasis*, **strong**, [links](https://example.org) and formulas between dollar
signs. The formulas become MathML here, in Python, because Jupyter and Colab give a widget no MathJax; one that can't
be read raises. Where no script runs, a Markdown text with the answer folded stands in the widget's place.
"""

from __future__ import annotations

import functools
import html
import math
import pathlib
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import anywidget
import numpy as np
import traitlets

from lossutils.learn.live import data_uri, front_end

_HERE = pathlib.Path(__file__).parent

#: The book's own commands; KaTeX gets the same on the site, from ``_config.yml``.
MACROS = {"E": r"\mathbb{E}", "R": r"\mathbb{R}", "sign": r"\operatorname{sign}"}

#: A sketch that is on average so far from the curve, as a share of the panel's height, has 0 points.
CURVE_SPREAD = 0.15
GRID = 101  # abscissas at which sketch and curve are compared
MOST_POINTS = 201  # of a curve that a page carries


@dataclass
class Choice:
    """One possible answer.

    Args:
        text: the answer, one paragraph.
        feedback: shown to who chose it: for a wrong one why, as a hint that does not give the right one away.
        right: whether it is right.
    """

    text: str
    feedback: str
    right: bool = False


@dataclass
class Item:
    """One thing to put in order.

    Args:
        text: its name, one paragraph.
        image: a picture (H, W) or (H, W, 3) with values in [0, 1], or None.
    """

    text: str
    image: object = None


class Question(anywidget.AnyWidget):
    """A question with the reader's state in ``value``, in both directions.

    ``value`` is a dict: ``committed`` (a quiz: answered rightly), ``guess`` (a number, a list of the choices' indices
    or of the handles' heights, or the items' indices in order; of a prediction the first, which counts), ``score`` (0
    to 10, of that guess; an order has none), ``tries``, and ``latest``, the last guess. ``answer`` holds the truth: a
    number, or the indices of the right choices; a curve has ``x`` and ``y``; of an order it holds the measures' orders.
    """

    _esm = front_end("ask")
    _css = _HERE / "ask.css"

    _ipython_display_ = None  # as in live.LiveFigure: the bundle below speaks

    question = traitlets.Dict().tag(sync=True)
    value = traitlets.Dict().tag(sync=True)

    def __init__(self, question: dict | None = None, markdown: str = "", answer=None, x=None, y=None):
        fresh = {"committed": False, "guess": None, "score": None, "tries": 0, "latest": None}
        super().__init__(question=question or {}, value=fresh)
        self.markdown, self.answer, self.x, self.y = markdown, answer, x, y

    @property
    def name(self) -> str:
        """The question's name, unique in the book."""
        return self.question["name"]

    def __repr__(self) -> str:
        # A digest of what the widget carries, so that a notebook whose question has changed shows another text.
        carried = "".join(_flat(self.question)).encode()
        return f"Question({self.question.get('name')!r}, {self.question.get('kind')}, {zlib.crc32(carried):08x})"

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/markdown": self.markdown}, metadata


def _flat(value):
    if isinstance(value, dict):
        for key in sorted(value):
            yield key
            yield from _flat(value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    else:
        yield f"{value:.3g}" if isinstance(value, float) else str(value)


# The four questions


def quiz(name: str, question: str, choices: Sequence[Choice]) -> Question:
    """A question with feedback for the choice made, which may be tried again until it is right.

    Args:
        name: lower-case letters, digits and hyphens; unique in the book.
        question: what is asked.
        choices: two or more. One right choice shows radio buttons, several check boxes ("choose all that hold").

    Raises:
        ValueError: no right choice, no wrong one, a choice without feedback, a bad name, or a formula that can't be
            read.
    """
    return _choices("quiz", name, question, choices, "")


def predict_choice(name: str, question: str, choices: Sequence[Choice], *, because: str = "") -> Question:
    """A prediction by choice: the verdict shows once the reader has committed. 10 points or 0.

    Args:
        name, question, choices: as in :func:`quiz`.
        because: what one sees below; shown with the verdict.
    """
    return _choices("predict-choice", name, question, choices, because)


def predict_number(
    name: str,
    question: str,
    *,
    answer: float,
    low: float,
    high: float,
    unit: str = "",
    digits: int = 2,
    spread: float | None = None,
    because: str = "",
) -> Question:
    """A prediction of a number: guess and truth show together on a line, with the points of :func:`score_number`.

    Args:
        name, question: as in :func:`quiz`.
        answer: the truth, as the experiment gives it; ``.answer`` lets a later cell assert that.
        low, high: the ends of the slider.
        unit: written behind the numbers.
        digits: decimal places that can be guessed and are shown.
        spread: the error from which on there are no points; default a quarter of ``high − low``.
        because: what one sees below; shown with the verdict.

    Raises:
        ValueError: an answer outside low…high, a spread or digits that make no sense, and as in :func:`quiz`.
    """
    numbers = {"answer": answer, "low": low, "high": high} | ({} if spread is None else {"spread": spread})
    for key, number in numbers.items():
        if isinstance(number, bool) or not math.isfinite(number):
            raise ValueError(f"{name}: {key}: expected a finite number, got {number!r}")
    if not low < high:
        raise ValueError(f"{name}: expected low below high, got {low} and {high}")
    if not low <= answer <= high:
        raise ValueError(f"{name}: expected an answer between {low} and {high}, got {answer}")
    if spread is not None and not spread > 0:
        raise ValueError(f"{name}: spread: expected a number above 0, got {spread}")
    if not isinstance(digits, int) or not 0 <= digits <= 6:
        raise ValueError(f"{name}: digits: expected an integer from 0 to 6, got {digits!r}")
    spread = (high - low) / 4 if spread is None else spread
    spec = _spec("predict-number", name, question, because) | {"unit": unit, "digits": digits}
    spec |= {"answer": float(answer), "low": float(low), "high": float(high), "spread": float(spread)}
    space = f" {unit}" if unit else ""
    ask = f"A number from {_number(low)} to {_number(high)}{space}."
    truth = f"**{_number(round(float(answer), digits), digits)}{space}.** {because}".strip()
    return Question(spec, _fallback("Predict", question, ask, truth), float(answer))


def predict_curve(
    name: str,
    question: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    handles: int = 6,
    x_label: str = "x",
    y_label: str = "y",
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    because: str = "",
) -> Question:
    """A curve to sketch by dragging points at fixed abscissas; once committed, the true one is drawn over it.

    The points are those of :func:`score_curve`: by the mean vertical distance between sketch and curve.

    Args:
        name, question: as in :func:`quiz`.
        x, y: the true curve, ``x`` increasing; arrays, tensors or lists.
        handles: how many points can be dragged, evenly spaced over ``xlim``.
        x_label, y_label: what the axes show.
        xlim, ylim: the axes' ends; default the curve's, with room above and below. Choose ``ylim`` so that the middle,
            where the handles begin, does not give the answer away.
        because: what one sees; shown with the verdict.

    Raises:
        ValueError: x and y of different or wrong shapes, x not increasing, values that are not finite, empty limits or
            limits that the curve does not span, fewer than 2 or more than 12 handles, and as in :func:`quiz`.
    """
    x, y = _vector(name, "x", x), _vector(name, "y", y)
    if x.shape != y.shape or len(x) < 2:
        raise ValueError(f"{name}: expected x and y of one length, two at least, got {x.shape} and {y.shape}")
    if not np.all(np.diff(x) > 0):
        raise ValueError(f"{name}: expected x to increase")
    if isinstance(handles, bool) or not isinstance(handles, int) or not 2 <= handles <= 12:
        raise ValueError(f"{name}: handles: expected an integer from 2 to 12, got {handles!r}")
    pad = 0.15 * (np.ptp(y) or 1.0)
    xlim = (float(x[0]), float(x[-1])) if xlim is None else tuple(map(float, xlim))
    ylim = (float(y.min() - pad), float(y.max() + pad)) if ylim is None else tuple(map(float, ylim))
    for key, limits in (("xlim", xlim), ("ylim", ylim)):
        if len(limits) != 2 or not (all(map(math.isfinite, limits)) and limits[0] < limits[1]):
            raise ValueError(f"{name}: {key}: expected two increasing numbers, got {limits}")
    if xlim[0] < x[0] - 1e-9 or xlim[1] > x[-1] + 1e-9:
        raise ValueError(f"{name}: xlim {xlim} goes beyond the curve, which runs from {x[0]} to {x[-1]}")
    thin = np.linspace(*xlim, MOST_POINTS)
    kept = (x, y) if len(x) <= MOST_POINTS else (thin, np.interp(thin, x, y))
    spec = _spec("predict-curve", name, question, because)
    spec |= {"x": _short(kept[0]), "y": _short(kept[1]), "xLabel": x_label, "yLabel": y_label}
    spec |= {"xlim": list(xlim), "ylim": list(ylim), "handles": _short(np.linspace(*xlim, handles))}
    ask = (
        f"A curve to sketch: {y_label} against {x_label}, from {_number(xlim[0])} to {_number(xlim[1])}, "
        f"on a scale from {_number(ylim[0])} to {_number(ylim[1])}."
    )
    return Question(spec, _fallback("Predict", question, ask, because), None, x, y)


def predict_rank(
    name: str,
    question: str,
    items: Sequence[Item],
    *,
    orders: Mapping[str, Sequence[int]],
    ends: tuple[str, str] = ("best", "worst"),
    because: str = "",
) -> Question:
    """Things to put in order by one's own judgement; then the orders by several measures show beside it.

    No order is the right one, and there are no points: what shows is in how many pairs a measure agrees with the
    reader (:func:`agreeing_pairs`).

    Args:
        name, question: as in :func:`quiz`.
        items: three to twelve, in the order in which they are first shown.
        orders: a measure's name → the indices of the items in its order.
        ends: what the first and the last place mean.
        because: what one sees; shown with the verdict.

    Raises:
        ValueError: too few or too many items, equal texts, pictures on some of them only, no orders or one that is not
            a permutation, and as in :func:`quiz`.
    """
    if not 3 <= len(items) <= 12:
        raise ValueError(f"{name}: expected 3 to 12 items, got {len(items)}")
    texts = [item.text.strip() for item in items]
    if not all(texts) or len(set(texts)) < len(texts) or any("\n\n" in text for text in texts):
        raise ValueError(f"{name}: expected items with different texts of one paragraph, got {texts}")
    if len({item.image is None for item in items}) > 1:
        raise ValueError(f"{name}: expected a picture on every item or on none")
    if not orders:
        raise ValueError(f"{name}: expected the order by one measure at least")
    for label, order in orders.items():
        if sorted(order) != list(range(len(items))):
            raise ValueError(
                f"{name}: {label!r}: expected each of the indices 0 to {len(items) - 1} once, got {list(order)}"
            )
    spec = _spec("predict-rank", name, question, because) | {"ends": list(ends)}
    spec["items"] = [
        {"html": _inline(name, text), "text": text, "image": None if item.image is None else data_uri(item.image)}
        for text, item in zip(texts, items, strict=True)
    ]
    spec["orders"] = [{"label": label, "order": [int(k) for k in order]} for label, order in orders.items()]
    ask = f"From {ends[0]} to {ends[1]}: " + "; ".join(texts) + "."
    lines = [f"**{label}:** " + ", ".join(texts[k] for k in order) + "." for label, order in orders.items()]
    answer = "\n\n".join(lines + ([because.strip()] if because.strip() else []))
    return Question(spec, _fallback("Predict", question, ask, answer), {k: list(v) for k, v in orders.items()})


# Points


def agreeing_pairs(one: Sequence[int], other: Sequence[int]) -> int:
    """In how many pairs of items two orders agree; of n items there are n (n − 1) / 2 pairs."""
    place = {item: k for k, item in enumerate(other)}
    return sum(place[a] < place[b] for k, a in enumerate(one) for b in one[k + 1 :])


def score_number(guess: float, answer: float, spread: float) -> int:
    """Points out of 10: ``10 · max(0, 1 − error / spread)``, rounded, halves up."""
    return math.floor(10 * max(0.0, 1 - abs(guess - answer) / spread) + 0.5)


def score_choice(guess: Sequence[int], right: Sequence[int]) -> int:
    """10 points for exactly the right choices, else 0."""
    return 10 if sorted(guess) == sorted(right) else 0


def curve_distance(guess: Sequence[float], question: dict) -> float:
    """The mean vertical distance of a sketch from the curve, as a share of the panel's height.

    The sketch joins the handles by straight lines. Both are compared at 101 evenly spaced abscissas from one end of
    the axis to the other, the curve held inside the panel.
    """
    (left, right), (low, high) = question["xlim"], question["ylim"]
    at = np.linspace(left, right, GRID)
    curve = np.interp(at, question["x"], question["y"]).clip(low, high)
    return float(np.abs(np.interp(at, question["handles"], guess) - curve).mean() / (high - low))


def score_curve(guess: Sequence[float], question: dict) -> int:
    """Points out of 10: :func:`score_number` of the distance, 0 points from 15 % of the panel's height on."""
    return score_number(curve_distance(guess, question), 0.0, CURVE_SPREAD)


# Parts of a question


def _spec(kind: str, name: str, question: str, because: str) -> dict:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"expected a name of lower-case letters, digits and hyphens, got {name!r}")
    if not question.strip():
        raise ValueError(f"{name}: expected a question")
    spec = {"kind": kind, "name": name, "html": _html(name, question)}
    return spec | {"because": _html(name, because) if because.strip() else ""}


def _choices(kind: str, name: str, question: str, choices: Sequence[Choice], because: str) -> Question:
    spec = _spec(kind, name, question, because)
    right = [k for k, choice in enumerate(choices) if choice.right]
    if len(choices) < 2 or len(choices) > 26:
        raise ValueError(f"{name}: expected two choices at least, got {len(choices)}")
    if not right:
        raise ValueError(f"{name}: expected a right choice (right=True), got none")
    if len(right) == len(choices):
        raise ValueError(f"{name}: expected a wrong choice, got none")
    for choice in choices:
        if not choice.text.strip() or "\n\n" in choice.text.strip():
            raise ValueError(f"{name}: expected each choice to be one paragraph, got {choice.text!r}")
        if not choice.feedback.strip():
            raise ValueError(f"{name}: expected feedback for the choice {choice.text!r}")
    if len({choice.text.strip() for choice in choices}) < len(choices):
        raise ValueError(f"{name}: expected choices that differ")
    spec["several"] = len(right) > 1
    spec["choices"] = [
        {"html": _inline(name, c.text.strip()), "feedback": _html(name, c.feedback), "right": c.right} for c in choices
    ]
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = [f"({letter}) {c.text.strip()}" for letter, c in zip(letters, choices, strict=False)]
    ask = "\n\n".join((["Choose all that hold."] if spec["several"] else []) + lines)
    order = sorted(range(len(choices)), key=lambda k: not choices[k].right)
    verdicts = [f"**({letters[k]})** {'✓' if choices[k].right else '✗'} {choices[k].feedback.strip()}" for k in order]
    answer = "\n\n".join(verdicts + ([because.strip()] if because.strip() else []))
    return Question(spec, _fallback("Quiz" if kind == "quiz" else "Predict", question, ask, answer), right)


def _fallback(word: str, question: str, ask: str, answer: str) -> str:
    """The question as Markdown, for places where no script runs; the answer is folded."""
    text = _markdown(f"**{word}.** {question.strip()}\n\n{ask}")
    if answer.strip():
        text += f"\n\n<details><summary>Answer</summary>\n\n{_markdown(answer)}\n\n</details>"
    return text


def _markdown(text: str) -> str:
    """The author's text for a Markdown reader that knows neither the book's macros nor that ``<`` is meant."""
    parts = re.split(r"(`[^`]+`|(?<!\\)\$\$?(?:\\\$|[^$])+\$\$?)", text.strip())
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(_expand(part) if part.startswith("$") else part for part in parts)


def _vector(name: str, what: str, values) -> np.ndarray:
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: {what}: expected one row of finite numbers, got shape {array.shape}")
    return array


def _short(values: np.ndarray) -> list[float]:
    """Six significant digits are more than a screen shows."""
    return [float(f"{v:.6g}") for v in values]


def _number(value: float, digits: int | None = None) -> str:
    return (f"{value:.6g}" if digits is None else f"{value:.{digits}f}").replace("-", "−")


# Markdown to HTML

_TOKEN = re.compile(
    r"""(?P<escape>\\[\\`*\[\]$_]) | (?P<code>`[^`]+`) | \$\$(?P<block>[^$]+)\$\$ | \$(?P<math>(?:\\\$|[^$])+)\$
    | \*\*(?P<strong>\S(?:.*?\S)?)\*\* | \*(?P<em>\S(?:[^*]*?\S)?)\* | \[(?P<text>[^\]]+)\]\((?P<url>[^()\s]+)\)""",
    re.VERBOSE | re.DOTALL,
)


def _html(name: str, text: str) -> str:
    """Paragraphs of Markdown as HTML."""
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", text.strip()) if p.strip()]
    return "".join(f"<p>{_inline(name, p)}</p>" for p in paragraphs)


def _inline(name: str, text: str) -> str:
    """Markdown inside a paragraph as HTML; everything that is not Markdown is escaped."""
    out, at = [], 0
    for found in _TOKEN.finditer(text):
        out.append(_plain(name, text[at : found.start()]))
        at = found.end()
        kind, inside = found.lastgroup, found[found.lastgroup]
        if kind == "escape":
            out.append(html.escape(inside[1]))
        elif kind == "code":
            out.append(f"<code>{html.escape(inside[1:-1])}</code>")
        elif kind in ("math", "block"):
            try:
                out.append(mathml(inside, display=kind == "block"))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        elif kind == "url":
            if not re.match(r"https?://|[\w./#-]+$", inside) or inside.lower().startswith("javascript"):
                raise ValueError(f"{name}: expected a link to a page, got {inside!r}")
            out.append(f'<a href="{html.escape(inside)}">{_inline(name, found["text"])}</a>')
        else:
            out.append(f"<{kind}>{_inline(name, inside)}</{kind}>")
    return "".join(out) + _plain(name, text[at:])


def _plain(name: str, text: str) -> str:
    if re.search(r"\{[a-z:]+\}$", text):
        raise ValueError(f"{name}: a role such as {text[-12:]!r} has no meaning here; write the words, or a link")
    if "$" in text:
        raise ValueError(f"{name}: a dollar sign without its partner in {text!r}; write \\$ for the currency")
    return html.escape(text, quote=False)


# TeX to MathML


def _expand(tex: str) -> str:
    return re.sub(r"\\([A-Za-z]+)", lambda found: MACROS.get(found[1], found[0]), tex)


#: Letters of MathML's old mathvariant, which browsers no longer draw: the code points of A,
#: a, 0, Α, α. Those that Unicode had named before are in _HOLES.
_ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2),
    "bold-italic": (0x1D468, 0x1D482, 0x1D7CE, 0x1D71C, 0x1D736),
    "double-struck": (0x1D538, 0x1D552, 0x1D7D8, None, None),
    "script": (0x1D49C, 0x1D4B6, None, None, None),
    "fraktur": (0x1D504, 0x1D51E, None, None, None),
    "sans-serif": (0x1D5A0, 0x1D5BA, 0x1D7E2, None, None),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6, None, None),
}
_HOLES = {
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
}
_STARTS = (("A", "Z", 0), ("a", "z", 1), ("0", "9", 2), ("Α", "Ω", 3), ("α", "ω", 4))
_ENVIRONMENTS = {"aligned", "align", "align*", "split", "array", "cases", "matrix", "pmatrix", "bmatrix", "vmatrix"}
_PARTS = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3, "mroot": 2}


def _letter(letter: str, variant: str) -> str:
    if letter in _HOLES.get(variant, {}):
        return _HOLES[variant][letter]
    for first, last, column in _STARTS:
        start = _ALPHABETS[variant][column]
        if first <= letter <= last and start is not None:
            return chr(start + ord(letter) - ord(first))
    return letter


@functools.cache
def mathml(tex: str, display: bool = False) -> str:
    r"""A TeX formula as MathML that browsers draw without help.

    latex2mathml does the reading; what it passes on silently (unknown commands, a brace without its partner, an
    argument that is missing) raises here, ``aligned`` is built from an array, and letters such as bold ones, for which
    browsers dropped an attribute, are written as the characters themselves.

    Raises:
        ValueError: the formula can't be read.
    """
    from latex2mathml.converter import convert

    def unreadable(why: str) -> ValueError:
        return ValueError(f"can't read the formula {tex!r}: {why}")

    source = _expand(tex).strip()
    depth = 0
    for brace in re.findall(r"\\.|[{}]", source, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            break
    if depth or not source:
        raise unreadable("its braces do not match" if depth else "it is empty")
    environments = set(re.findall(r"\\begin\{(.*?)\}", source)) - _ENVIRONMENTS
    if environments:
        raise unreadable(f"the environment {min(environments)} is not known")
    source = re.sub(r"\\begin\{(?:aligned|align\*?|split)\}", r"\\begin{array}{rlrlrlrl}", source)
    source = re.sub(r"\\end\{(?:aligned|align\*?|split)\}", r"\\end{array}", source)
    source = re.sub(r"\\arg(?![A-Za-z])", r"\\operatorname{arg}", source)
    try:
        text = convert(source)
        root = ElementTree.fromstring(text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1))
    except Exception as error:  # the library's own errors have no common base
        raise unreadable(type(error).__name__) from None
    for node in root.iter():
        content = node.text or ""
        if node.tag not in ("mtext", "ms") and (command := re.search(r"\\[A-Za-z]*", content)):
            raise unreadable(f"{command[0]} is not known")
        if node.tag == "mi" and content in "&$#" and content:
            raise unreadable(f"{content} stands alone")
        if node.tag == "mspace" and node.get("linebreak"):
            raise unreadable("a line break stands outside of an environment")
        if len(node) != _PARTS.get(node.tag, len(node)):
            raise unreadable("an argument is missing")
        _modern(node)
    root.set("display", "block" if display else "inline")
    return ElementTree.tostring(root, encoding="unicode")


def _core(node):
    """What carries the scripts and accents around it."""
    while node.tag.startswith(("msu", "mo", "mun")) and len(node):
        node = node[0]
    return node


def _modern(node) -> None:
    """Replace what MathML Core dropped."""
    variant = node.attrib.pop("mathvariant", None)
    if variant == "normal":
        node.set("mathvariant", "normal")
    elif variant in _ALPHABETS and node.text:
        node.text = "".join(_letter(letter, variant) for letter in node.text)
    if node.tag == "mo" and node.text in ("|", "‖") and node.get("fence") != "true":
        node.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}
    if node.tag == "mo" and node.text == "/":
        node.attrib |= {"lspace": "0", "rspace": "0"}
    if node.tag == "mi" and node.text in tuple("⌊⌋⌈⌉"):
        node.tag = "mo"
        node.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}
    if node.tag == "mi" and node.text in tuple("±∓⩽⩾≪≫∘⊙∣′"):
        node.tag = "mo"
    # The names of functions, log or max, keep a thin space from what stands beside them.
    for before, child, after in zip([None, *node], [*node], [*node[1:], None], strict=False):
        word = _core(child)
        if word.tag in ("mi", "mo") and "form" not in word.attrib and re.fullmatch(r"[^\W\d]{2,}", word.text or ""):
            word.tag = "mo"
            tight = before is None or before.tag == "mo" or node.tag in _PARTS
            closed = after is None or _core(after).text in ("(", "[", ",", ")") or node.tag in _PARTS
            word.attrib |= {"form": "prefix", "lspace": "0" if tight else "0.167em"}
            word.attrib |= {"rspace": "0" if closed else "0.167em"}
    if node.tag == "mtr":
        for column, cell in enumerate(node):
            side = cell.attrib.pop("columnalign", None)
            if side:
                cell.set("style", f"text-align: {side}")
            if side == "right":
                cell.set("style", "text-align: right; padding-right: 0")
            elif column and node[column - 1].get("style", "").startswith("text-align: right"):
                cell.set("style", "text-align: left; padding-left: 0")
                if len(cell) and cell[0].tag == "mo":
                    cell[0].set("form", "infix")  # as if the left side stood before it
