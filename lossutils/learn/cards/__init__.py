"""The loss cards of the book, as data: one :class:`Card` a loss, a module a family of losses, with a list ``CARDS``.

    from lossutils.learn import cards

    cards.find("huber_loss")              # the card; a notebook shows it as a table
    cards.show("huber_loss", "l1_loss")   # several in a row
    cards.every()                         # all of them

What a card claims and a computer can check is in a form that a test checks against the code: the formula and the
gradient, the range, convexity, kinks, the steepest slope, the minimiser, homogeneity, influence. The authors and titles
of the papers and pages that it names are read from ``references.json``, which ``tools/card_references.py`` writes from
the book.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import pathlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

INF = float("inf")

FAMILIES = {
    "classification": "Classification",
    "regression": "Regression",
    "perceptual": "Perceptual losses",
    "gan": "Adversarial losses",
    "focal": "Imbalance",
    "overlap": "Overlap",
    "embedding": "Embeddings and ranking",
    "sequence": "Sequences",
    "combine": "Combining losses",
}

ORIGINS = ("likelihood", "decision theory", "information theory", "surrogate", "heuristic")
TASKS = (
    "regression", "counts", "binary", "multi-class", "multi-label", "segmentation", "detection", "ranking",
    "embedding", "sequence", "generation", "image", "multi-task",
)  # fmt: skip
INPUTS = (
    "logit", "log-probability", "probability", "residual", "score", "distance", "embedding", "feature map", "image",
    "box", "critic output", "loss value",
)  # fmt: skip
SMOOTHNESS = ("smooth", "one derivative", "kinks", "steps")
INFLUENCES = ("grows", "bounded", "goes back to 0")


@dataclass(frozen=True)
class Pointwise:
    """The loss of one element, in symbols: what the card shows and what the test evaluates are one thing.

    Attributes:
        formula: the loss as a sympy expression of the variables.
        gradient: its derivative by the first variable, written as the chapter writes it, not as a machine derives it.
        variables: name → what to draw: ``(low, high)``, drawn evenly, or a list of values to draw from. The first one
            is what the model gives; then targets, then parameters (those named in ``parameters``). A range within
            [0, 1] or [−1, 1] says that the variable lives there, one that begins or ends at 0 that it has that sign;
            the tests go up to these limits, and to ±1e6 where there are none.
        call: the function of ``lossutils``, with ``reduction="none"``: float64 tensors of the variables, equal shapes
            (parameters as plain numbers), by keyword → the losses.
        parameters: the variables that the function takes as plain numbers. Each is a list of values.
        symbols: name → LaTeX, for variables that sympy would not write as the book does (``{"yhat": r"\\hat y"}``).
        shown: LaTeX of the formula and of the gradient where sympy's is hard to read; the test still evaluates the
            expressions above, so keep them the same.
    """

    formula: str
    gradient: str
    variables: Mapping[str, tuple[float, float] | list[float]]
    call: Callable[..., Tensor]
    parameters: Sequence[str] = ()
    symbols: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[str, str] | None = None


@dataclass(frozen=True)
class Whole:
    """A loss whose elements depend on each other (a softmax, a batch, a mask), with a reference of a few lines.

    Attributes:
        formula: LaTeX.
        gradient: LaTeX.
        draw: generator → the arguments, float64; the first one is what the model gives.
        call: the function of ``lossutils`` at these arguments → a tensor.
        reference: the same by the formula, in plain torch, slowly and readably.
        slope: the gradient of the sum of the loss by the first argument, by the formula on the card; None where the
            card gives none in closed form (then ``gradient`` says in words what is known).
    """

    formula: str
    gradient: str
    draw: Callable[[torch.Generator], tuple]
    call: Callable[..., Tensor]
    reference: Callable[..., Tensor]
    slope: Callable[..., Tensor] | None = None


@dataclass(frozen=True)
class Minimiser:
    """The constant prediction with the least mean loss on a sample, by a formula, which a grid search confirms.

    Attributes:
        words: which statistic it is: "the mean of the target".
        sample: generator → a sample of targets, skewed, (n,) in float64.
        loss: (constant prediction of shape (), targets) → mean loss.
        statistic: targets → the minimiser.
        grid: ``(low, high)`` to search in.
    """

    words: str
    sample: Callable[[torch.Generator], Tensor] | None = None
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    statistic: Callable[[Tensor], Tensor] | None = None
    grid: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Names:
    """What other libraries call it, and what their arguments mean; Markdown, "" where a library has none.

    ``clash`` says where one name means two things, or one thing hides behind two.
    """

    torch: str = ""
    keras: str = ""
    optax: str = ""
    sklearn: str = ""
    others: str = ""
    clash: str = ""


@dataclass(frozen=True, repr=False)
class Card:
    """One loss. Texts are Markdown with $…$ for formulas, a sentence or two each.

    Attributes:
        name: the function of ``lossutils``.
        title: the loss's usual name; ``chinese`` its Chinese one.
        origin: one of :data:`ORIGINS`; ``story`` says it in a sentence.
        tasks, inputs: from :data:`TASKS` and :data:`INPUTS`; ``takes`` says in words what input and target must be.
        form: formula and gradient.
        minimiser: what it elicits.
        range: the greatest lower and the least upper bound of one value over all inputs and targets allowed, at the
            parameters drawn by the form; ``range_words`` where they depend on something.
        convex: whether the loss is convex in the first argument (the target held).
        smoothness: one of :data:`SMOOTHNESS`: derivatives of all orders; one continuous derivative but not two; a
            gradient that jumps at ``kinks``; a piecewise constant loss. ``shape_words`` adds what convexity,
            smoothness, slope and influence depend on ("convex for α ≥ 1").
        kinks: where the gradient by the first variable jumps, as sympy expressions of the other variables.
        lipschitz: the least upper bound of the gradient's absolute value by one element of the first argument, as a
            number or a sympy expression of the parameters; None if there is none.
        influence: for a loss of a residual, one of :data:`INFLUENCES`, the gradient's size as the residual grows.
        homogeneous: k where multiplying the variables named in ``scaled`` (default: the first) by c > 0 multiplies the
            loss by c^k; for a :class:`Whole`, ``scaled`` holds positions of its arguments (default: the first).
            ``scale`` says in words what a change of units, or of the scale of the logits, does.
        fails: where it fails, and how that looks.
        names: in other libraries.
        papers: keys of the bibliography.
        section: the page that derives it, "regression/robust"; "" until that is written.
    """

    name: str
    title: str
    chinese: str
    origin: str
    story: str
    tasks: Sequence[str]
    inputs: Sequence[str]
    takes: str
    form: Pointwise | Whole
    minimiser: Minimiser
    range: tuple[float, float]
    convex: bool
    smoothness: str
    scale: str
    fails: str
    papers: Sequence[str]
    names: Names = Names()
    range_words: str = ""
    kinks: Sequence[str] = ()
    lipschitz: float | str | None = None
    influence: str = ""
    homogeneous: float | None = None
    scaled: Sequence[str | int] = ()
    shape_words: str = ""
    section: str = ""

    def __repr__(self) -> str:
        return f"<card of {self.name}>"

    def _repr_markdown_(self) -> str:
        return table(self)


def every() -> list[Card]:
    """All cards, family by family, in the order of the book."""
    return [card for family in families() for card in family_cards(family)]


def families() -> list[str]:
    """The families that have cards, in the order of the book."""
    there = {info.name for info in pkgutil.iter_modules(__path__)}
    return [name for name in FAMILIES if name in there] + sorted(there - FAMILIES.keys())


def family_cards(family: str) -> list[Card]:
    """The cards of the losses of ``lossutils.<family>``."""
    return importlib.import_module(f"{__name__}.{family}").CARDS


def find(name: str) -> Card:
    """The card of the loss of that name, or KeyError."""
    for card in every():
        if card.name == name:
            return card
    raise KeyError(f"there is no card of {name!r}; cards.every() lists all")


class Cards(list):
    """Cards that a notebook shows one under the other."""

    def _repr_markdown_(self) -> str:
        return "\n\n".join(table(card) for card in self)


def show(*names: str) -> Cards:
    """The cards of these losses, one under the other."""
    return Cards(find(name) for name in names)


# -- how a card is written ---------------------------------------------------------------------------------------------


def table(card: Card) -> str:
    """The card as a Markdown table of two columns, without empty rows."""
    head = f"| **{card.title}** | {card.chinese} · `{card.name}` |\n|---|---|\n"
    return head + "".join(f"| {name} | {text} |\n" for name, text in rows(card) if text)


def rows(card: Card) -> list[tuple[str, str]]:
    """The rows of the table: name, Markdown text or ""."""
    names = card.names
    return [
        ("From", f"{sentence(card.origin)}. {card.story}"),
        ("Formula", f"$\\displaystyle {formula(card)}$"),
        (gradient_name(card), gradient(card)),
        ("For", ", ".join(card.tasks)),
        ("Takes", f"{sentence(', '.join(card.inputs))}. {card.takes}"),
        ("Elicits", sentence(card.minimiser.words)),
        ("Value", value(card)),
        ("Shape", shape(card)),
        ("Scale", scale(card)),
        ("Fails", card.fails),
        ("PyTorch", names.torch),
        ("Keras", names.keras),
        ("Optax", names.optax),
        ("scikit-learn", names.sklearn),
        ("Elsewhere", names.others),
        ("Beware", names.clash),
        ("Papers", "; ".join(paper(key) for key in card.papers)),
        ("Section", references()["sections"].get(card.section, card.section)),
    ]


def formula(card: Card) -> str:
    """The formula in LaTeX."""
    form = card.form
    if isinstance(form, Whole):
        return form.formula
    return form.shown[0] if form.shown else latex(form, form.formula)


def gradient_name(card: Card) -> str:
    """ "Gradient", and by what, where one element has its own formula."""
    if isinstance(card.form, Whole):
        return "Gradient"
    return f"Gradient by ${latex(card.form, next(iter(card.form.variables)))}$"


def gradient(card: Card) -> str:
    """The gradient as a formula, or in the words of a card whose gradient has none."""
    form = card.form
    if isinstance(form, Pointwise):
        return f"$\\displaystyle {form.shown[1] if form.shown else latex(form, form.gradient)}$"
    return f"$\\displaystyle {form.gradient}$" if form.slope else words_or_formula(form.gradient)


def words_or_formula(text: str) -> str:
    """A formula in dollars; words, which may hold formulas in dollars, as they are."""
    return text if "$" in text or (" " in text and "\\" not in text) else f"$\\displaystyle {text}$"


def value(card: Card) -> str:
    """ "From 0 to ∞", and what that depends on."""
    low, high = card.range
    stop = "." if card.range_words[:1].isupper() else ";"
    return f"From {number(low)} to {number(high)}" + (f"{stop} {card.range_words}" if card.range_words else "")


def shape(card: Card) -> str:
    """Convexity, smoothness, slope and influence in words."""
    form, symbols = card.form, isinstance(card.form, Pointwise)
    at = ", ".join(f"${latex(form, kink) if symbols else kink}$" for kink in card.kinks)
    smoothness = {
        "smooth": "smooth",
        "one derivative": "continuous gradient, whose slope jumps",
        "kinks": f"kink{'s' if len(card.kinks) > 1 else ''} at {at}" if at else "with kinks",
        "steps": "piecewise constant",
    }[card.smoothness]
    if card.lipschitz is None:
        slope = "gradient unbounded"
    elif card.lipschitz == 0:
        slope = "gradient 0"
    else:
        bound = latex(form, card.lipschitz) if symbols and isinstance(card.lipschitz, str) else card.lipschitz
        slope = f"gradient bounded by {f'${bound}$' if isinstance(bound, str) else number(bound)}"
    influence = {
        "": "",
        "grows": "influence grows with the residual",
        "bounded": "influence settles at a bound",
        "goes back to 0": "influence goes back to 0",
    }[card.influence]
    parts = ["convex" if card.convex else "not convex", smoothness, slope, influence, card.shape_words]
    return sentence("; ".join(part for part in parts if part))


def scale(card: Card) -> str:
    """The degree of homogeneity, and what a change of scale does."""
    if card.homogeneous is None:
        return card.scale
    if isinstance(card.form, Whole):
        return f"Degree {number(card.homogeneous)}. {card.scale}"
    names = card.scaled or [next(iter(card.form.variables))]
    of = " and ".join(f"${latex(card.form, name)}$" for name in names)
    return f"Degree {number(card.homogeneous)} in {of}. {card.scale}"


def sentence(words: str) -> str:
    """The words with a capital at the beginning, unless they begin with a symbol, a formula or code."""
    return words[:1].upper() + words[1:] if re.match("[a-z][a-z]|a ", words) else words


def number(value: float) -> str:
    """A number as a reader writes it."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    for name, known in (("log 2", math.log(2)), ("½", 0.5), ("¼", 0.25)):
        if math.isclose(abs(value), known, rel_tol=1e-12):
            return name if value > 0 else f"−{name}"
    return f"{value:.6g}".replace("-", "−")


def parse(form: Pointwise, text: str):
    """The text as a sympy expression that stands as it was written."""
    import sympy

    names = {name: sympy.Symbol(name, real=True) for name in form.variables}
    with sympy.evaluate(False):
        return sympy.parse_expr(str(text), local_dict=names, evaluate=False)


def latex(form: Pointwise, text: str) -> str:
    """The LaTeX of an expression, fit for a cell of a table: no bars, no double backslashes."""
    import sympy

    symbols = {sympy.Symbol(name, real=True): written for name, written in form.symbols.items()}
    settings = {"symbol_names": symbols, "order": "none", "fold_func_brackets": True}
    made = _printer()(settings).doprint(_tidy(parse(form, text)))
    return made.replace(r"\\", r"\cr ").replace(r"\text{for}\: ", "")


def _tidy(expression):
    """Products without the 1 of 1/x and with their sign in front, which is how they are read."""
    import sympy

    if not expression.args or isinstance(expression, sympy.logic.boolalg.Boolean):
        return expression
    parts = [_tidy(part) for part in expression.args]
    if isinstance(expression, sympy.functions.elementary.piecewise.ExprCondPair):
        return expression.func(*parts)
    if not expression.is_Mul:
        return expression.func(*parts, evaluate=False)
    flat = [factor for part in parts for factor in (part.args if part.is_Mul else [part])]
    minus = sum(factor == -1 for factor in flat) % 2
    rest = [factor for factor in flat if factor not in (1, -1)]
    return sympy.Mul(*([-1] if minus else []), *(rest or [sympy.S.One]), evaluate=False)


@functools.cache
def _printer() -> type:
    from sympy.printing.latex import LatexPrinter

    class Printer(LatexPrinter):
        def _print_Abs(self, expression, exp=None):
            inside = rf"\left\lvert {self._print(expression.args[0])} \right\rvert"
            return inside if exp is None else f"{inside}^{{{exp}}}"

        def _print_Heaviside(self, expression, exp=None):
            return rf"\left[ {self._print(expression.args[0])} > 0 \right]"

    return Printer


@functools.cache
def references() -> dict:
    """What the book's bibliography and pages are called: {"papers": {key: …}, "sections": {page: title}}."""
    text = (pathlib.Path(__file__).parent / "references.json").read_text(encoding="utf-8")
    return json.loads(text)


def paper(key: str) -> str:
    """Author, year and title, linked where the paper has an address; the key while the bibliography lacks it."""
    known = references()["papers"].get(key)
    if known is None:
        return f"`{key}`"
    title = f"[{known['title']}]({known['url']})" if known["url"] else f"*{known['title']}*"
    return f"{known['authors']} ({known['year']}), {title}"
