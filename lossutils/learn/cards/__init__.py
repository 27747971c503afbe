"""The loss cards of the book, as data: one :class:`Card` a loss, a module a family of losses, with a list ``CARDS``.

    from lossutils.learn import cards

    cards.find("huber_loss")          # the card; a notebook shows it as a table
    cards.every()                     # all of them

What a card claims and a computer can check is in a form that a test checks against the code: the formula and the
gradient, the range, convexity, kinks, the steepest slope, the minimiser, homogeneity, influence.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

INF = float("inf")

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
            is what the model gives; then targets, then parameters (those named in ``parameters``).
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


@dataclass(frozen=True)
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
            gradient that jumps at ``kinks``; a piecewise constant loss.
        kinks: where the gradient by the first variable jumps, as sympy expressions of the other variables.
        lipschitz: the least upper bound of the gradient's absolute value by one element of the first argument, as a
            number or a sympy expression of the parameters; None if there is none.
        influence: for a loss of a residual, one of :data:`INFLUENCES`, the gradient's size as the residual grows.
        homogeneous: k where multiplying the variables named in ``scaled`` (default: the first) by c > 0 multiplies the
            loss by c^k; for a :class:`Whole`, its first argument. ``scale`` says in words what a change of units, or
            of the scale of the logits, does.
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
    scaled: Sequence[str] = ()
    section: str = ""


def every() -> list[Card]:
    """All cards, family by family."""
    families = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return [card for family in families for card in family.CARDS]


def find(name: str) -> Card:
    """The card of the loss of that name, or KeyError."""
    for card in every():
        if card.name == name:
            return card
    raise KeyError(f"there is no card of {name!r}; cards.every() lists all")
