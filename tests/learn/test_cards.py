"""The loss cards: every claim that a computer can check, held against the code.

Each test runs over all cards. What is drawn is named in the card itself; how far a variable may go follows from the
range that the card draws it from (see ``Pointwise.variables``).
"""

import contextlib
import importlib
import inspect
import itertools
import json
import math
import pathlib
import re

import card_references
import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from torch import nn

import lossutils
from lossutils.learn import cards
from lossutils.learn.cards import INFLUENCES, INPUTS, ORIGINS, SMOOTHNESS, TASKS, Pointwise, Whole

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NO_LOSSES = {"entropy", "gram_matrix", "gradient_penalty"}
ALL = cards.every()
BOUND = 1e-9  # relative error of one float64 computation against another

every_card = pytest.mark.parametrize("card", ALL, ids=[card.name for card in ALL])


def of(kind):
    chosen = [card for card in ALL if isinstance(card.form, kind)]
    return pytest.mark.parametrize("card", chosen, ids=[card.name for card in chosen])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# -- drawing and computing ---------------------------------------------------------------------------------------------


def settings(form):
    """Every combination of the parameters, as plain numbers."""
    values = [form.variables[name] for name in form.parameters]
    return [dict(zip(form.parameters, chosen, strict=True)) for chosen in itertools.product(*values)]


def first(form):
    return next(iter(form.variables))


def draw(form, n=200, seed=0):
    """Random values of the variables that are no parameters: name → (n,)."""
    g, drawn = generator(seed), {}
    for name, source in form.variables.items():
        if name in form.parameters:
            continue
        if isinstance(source, tuple):
            low, high = source
            drawn[name] = low + (high - low) * torch.rand(n, generator=g, dtype=torch.float64)
        else:
            drawn[name] = torch.tensor(source, dtype=torch.float64)[torch.randint(len(source), (n,), generator=g)]
    return drawn


def domain(source):
    """The values that a variable may take: those of its list, or the interval that its range lies in."""
    if not isinstance(source, tuple):
        return None
    low, high = source
    if low >= 0:
        return (0.0, 1.0 if high <= 1 else math.inf)
    if high <= 0:
        return (-math.inf, 0.0)
    return (-1.0, 1.0) if low >= -1 and high <= 1 else (-math.inf, math.inf)


def extremes(form, n=40):
    """Draws whose first variable goes to the ends of its domain, or far out, or to where a target is met."""
    name, drawn = first(form), draw(form, n, seed=1)
    where = domain(form.variables[name])
    if where is None:
        return drawn
    sizes = [0.0, 1e-9, 1e-6, 1e-3, 0.1, 0.5, 1.0, 2.0, 10.0, 30.0, 100.0, 1e3, 1e6]
    tried = [sign * size for size in sizes for sign in (1, -1)] + [1 - 1e-9, 1 - 1e-6, 1 - 1e-3]
    tried = [value for value in tried if where[0] <= value <= where[1]]
    far = {key: values.repeat(len(tried)) for key, values in drawn.items()}
    far[name] = torch.tensor(tried, dtype=torch.float64).repeat_interleave(n)
    for other, source in form.variables.items():  # the target met, if it may be
        if other in drawn and other != name and domain(source) == where:
            far = {key: torch.cat([values, values[:n]]) for key, values in far.items()}
            far[name][-n:] = far[other][-n:]
    return far


def compute(form, drawn, setting):
    """The losses, or those where the function takes the values."""
    try:
        return form.call(**drawn, **setting)
    except ValueError:  # an end of the domain that is not allowed: element by element
        kept = []
        for k in range(len(drawn[first(form)])):
            with contextlib.suppress(ValueError):
                kept.append(form.call(**{name: values[k : k + 1] for name, values in drawn.items()}, **setting))
        return torch.cat(kept)


def slope(form, drawn, setting):
    """The gradient of the losses by the first variable; 0 where the loss has none."""
    x = drawn[first(form)].clone().requires_grad_()
    losses = form.call(**{**drawn, first(form): x}, **setting)
    if not losses.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(losses.sum(), x)[0]


def evaluated(form, text):
    """A function of the variables that computes the expression on the card, in float64."""
    names = list(form.variables)
    ready = {"DiracDelta": lambda x: np.zeros_like(x), "Heaviside": lambda x, at=0.5: np.heaviside(x, at)}
    symbols = [sympy.Symbol(name, real=True) for name in names]
    expression = cards.parse(form, text) if isinstance(text, (str, int, float)) else text
    function = sympy.lambdify(symbols, expression, modules=[ready, "scipy", "numpy"])

    def run(drawn, setting):
        with np.errstate(all="ignore"):
            values = function(**{key: v.numpy() for key, v in drawn.items()}, **setting)
        shape = next(iter(drawn.values())).shape
        return torch.from_numpy(np.broadcast_to(np.asarray(values, dtype=np.float64), tuple(shape)).copy())

    return run


def near_a_kink(form, card, drawn, setting, width=1e-6):
    """Which draws lie at a kink."""
    at = torch.zeros(len(drawn[first(form)]), dtype=torch.bool)
    for kink in card.kinks:
        at |= (drawn[first(form)] - evaluated(form, kink)(drawn, setting)).abs() < width
    return at


def close(got, wanted, bound=BOUND, small=1e-11):
    """Whether two results agree, to a relative error; small absolute ones come from differences of large terms."""
    return torch.allclose(got.double(), wanted.double(), rtol=bound, atol=small, equal_nan=True)


def whole_draws(card, n=5):
    return [card.form.draw(generator(seed)) for seed in range(n)]


def whole_slope(card, arguments):
    """The gradient of the summed loss by the first argument."""
    x = arguments[0].clone().requires_grad_()
    losses = card.form.call(x, *arguments[1:])
    if not losses.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(losses.sum(), x)[0]


def whole_extremes(card):
    """Draws whose first argument is made small and large, as far as the function takes it."""
    for arguments in whole_draws(card, 6):
        for factor in (1, 0, 1e-3, 10, 1e3, 1e6, -1, -1e3):
            yield (arguments[0] * factor, *arguments[1:])
        for other in arguments[1:]:  # the target met
            if torch.is_tensor(other) and other.shape == arguments[0].shape and other.dtype == arguments[0].dtype:
                yield (other, *arguments[1:])


def values_of(card):
    """Many values of the loss, finite or infinite, over draws and extremes."""
    form, found = card.form, []
    if isinstance(form, Pointwise):
        for setting in settings(form):
            for drawn in (draw(form), extremes(form)):
                found.append(compute(form, drawn, setting).flatten())
    else:
        for arguments in whole_extremes(card):
            with contextlib.suppress(ValueError):
                found.append(form.call(*arguments).flatten())
    return torch.cat([values.detach().double() for values in found])


# -- the register ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", sorted(cards.FAMILIES))
def test_every_loss_has_a_card_in_its_family(family):
    """Protects the atlas: no loss without a card, no card without a loss, none twice."""
    losses = set(importlib.import_module(f"lossutils.{family}").__all__) - NO_LOSSES
    names = [card.name for card in cards.family_cards(family)]
    assert sorted(names) == sorted(losses)
    assert losses <= set(lossutils.__all__)


def test_every_family_of_lossutils_has_a_module_of_cards():
    """Protects the order of the atlas: a family that is not named there would stand nowhere."""
    assert set(cards.families()) == set(cards.FAMILIES)
    modules = {getattr(lossutils, name).__module__.rpartition(".")[2] for name in lossutils.__all__}
    assert modules == set(cards.FAMILIES)


def test_an_unknown_card_is_an_error_that_names_it():
    with pytest.raises(KeyError, match="no_such_loss"):
        cards.find("no_such_loss")


@every_card
def test_the_words_of_the_filter_are_known(card):
    """Protects the filter: a task or an input spelled otherwise would be found by nobody."""
    assert card.origin in ORIGINS and card.smoothness in SMOOTHNESS and card.influence in ("", *INFLUENCES)
    assert card.tasks and set(card.tasks) <= set(TASKS) and len(set(card.tasks)) == len(card.tasks)
    assert card.inputs and set(card.inputs) <= set(INPUTS) and len(set(card.inputs)) == len(card.inputs)


def texts(card):
    """Every text that the card shows."""
    shown = [text for _, text in cards.rows(card) if text]
    return [*shown, card.title, card.chinese]


@every_card
def test_the_texts_fit_a_cell(card):
    """Protects the table: a line break or a bar ends a cell, a lone dollar starts a formula."""
    for text in texts(card):
        assert "\n" not in text and "|" not in text and "\\\\" not in text, text
        assert text.replace(r"\$", "").count("$") % 2 == 0, text
        assert text.count("`") % 2 == 0 and text == text.strip() != "", text
        assert "`" not in "".join(text.split("$")[1::2]), f"code in a formula: {text}"
    assert re.search("[\u4e00-\u9fff]", card.chinese), "no Chinese name"
    for text in (card.story, card.takes, card.minimiser.words, card.scale, card.fails):
        assert len(text) > 3


@every_card
def test_the_card_is_a_table_without_empty_cells(card):
    """Protects Jupyter, Colab and GitHub, which show the Markdown: two cells a row, none empty, no addresses."""
    lines = card._repr_markdown_().splitlines()
    assert lines[1] == "|---|---|"
    for line in (lines[0], *lines[2:]):
        cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
        assert len(cells) == 2 and all(cell.strip() for cell in cells)
    assert repr(card) == f"<card of {card.name}>"


def test_several_cards_stand_one_under_the_other():
    shown = cards.show("huber_loss", "l1_loss")._repr_markdown_()
    assert shown.count("|---|---|") == 2 and "\n\n| **" in shown


# -- what the card points to -------------------------------------------------------------------------------------------


@every_card
def test_the_papers_and_the_section_exist(card):
    """Protects the reader from dead references."""
    known = cards.references()
    assert card.papers and set(card.papers) <= set(known["papers"]), "run tools/card_references.py"
    assert card.section == "" or card.section in known["sections"], "run tools/card_references.py"


def test_the_papers_and_pages_are_those_of_the_book():
    """Protects against drift: authors, titles and pages come from the bibliography and the chapters alone."""
    assert json.loads(card_references.TARGET.read_text(encoding="utf-8")) == card_references.gather(), (
        "run tools/card_references.py"
    )


def calls(text):
    """The names in backticks, with the names of their keyword arguments: "F.huber_loss", ["delta"]."""
    for code in re.findall(r"`([^`]*)`", text):
        for name, arguments in re.findall(r"([A-Za-z_][\w.]*)(?:\(([^()]*)\))?", code):
            yield name, re.findall(r"(\w+)\s*=", arguments)


TORCH = {"F": F, "nn": nn, "torch": torch}
SKLEARN = (
    "metrics", "linear_model", "ensemble", "svm", "neighbors", "neural_network", "preprocessing", "calibration",
    "isotonic", "utils", "dummy", "model_selection", "manifold", "decomposition", "gaussian_process", "multiclass",
    "multioutput", "tree", "discriminant_analysis", "naive_bayes", "cluster", "compose", "pipeline",
)  # fmt: skip


def resolve(name):
    """The object that ``F.name``, ``nn.Name`` or ``torch.name`` means; None if there is none."""
    head, *rest = name.split(".")
    found = TORCH[head]
    for part in rest:
        found = getattr(found, part, None)
    return found


def takes(function, keywords):
    """Whether a function or class takes these keyword arguments."""
    known = inspect.signature(function).parameters
    return all(word in known or any(p.kind is p.VAR_KEYWORD for p in known.values()) for word in keywords)


@every_card
def test_the_names_in_torch_exist(card):
    """Protects who copies a name from the card: F.…, nn.… and torch.… exist and take the arguments shown."""
    for name, keywords in itertools.chain.from_iterable(calls(text) for text in texts(card)):
        if name.split(".")[0] in TORCH and "." in name:
            found = resolve(name)
            assert found is not None, f"{name} is not in torch"
            if keywords and callable(found):
                assert takes(found, keywords), f"{name} does not take {keywords}"


@every_card
def test_the_names_in_scikit_learn_exist(card):
    """The same for scikit-learn: a name that is followed by arguments, or stands alone in CamelCase or snake_case."""
    modules = (importlib.import_module(f"sklearn.{name}") for name in SKLEARN)  # one by one: an import takes long
    seen = []
    for code in re.findall(r"`([^`]*)`", card.names.sklearn):
        whole = re.fullmatch(r"(?:sklearn\.)?(?:\w+\.)?([A-Za-z]\w*)(?:\(([^()]*)\))?", code)
        if whole is None or not (whole[2] is not None or re.match("[A-Z][a-z]+[A-Z]", whole[1])):
            continue
        found = next((getattr(module, whole[1]) for module in seen if hasattr(module, whole[1])), None)
        for module in modules if found is None else ():
            seen.append(module)
            found = getattr(module, whole[1], None)
            if found is not None:
                break
        assert found is not None, f"{whole[1]} is not in scikit-learn"
        assert takes(found, re.findall(r"(\w+)\s*=", whole[2] or "")), code
    bare = [code for code in re.findall(r"`([^`]*)`", card.names.sklearn) if re.fullmatch(r"\w+", code)]
    assert not card.names.sklearn or bare or "(" in card.names.sklearn or "no" in card.names.sklearn.lower()


# -- formula and gradient ----------------------------------------------------------------------------------------------


@of(Pointwise)
def test_the_formula_is_what_the_function_computes(card):
    """Protects the formula: the symbols on the card, evaluated in float64, give the function's values."""
    form, formula = card.form, evaluated(card.form, card.form.formula)
    for setting in settings(form):
        drawn = draw(form)
        assert close(formula(drawn, setting), form.call(**drawn, **setting)), setting


@of(Pointwise)
def test_the_gradient_is_what_autograd_computes(card):
    """Protects the gradient, and that it is by the variable named."""
    form, gradient = card.form, evaluated(card.form, card.form.gradient)
    for setting in settings(form):
        drawn = draw(form)
        away = ~near_a_kink(form, card, drawn, setting)
        assert close(gradient(drawn, setting)[away], slope(form, drawn, setting)[away]), setting


@of(Whole)
def test_the_reference_is_what_the_function_computes(card):
    """Protects the formula of a loss of many elements: a slow reference of a few lines gives its values."""
    for arguments in whole_draws(card):
        got, wanted = card.form.call(*arguments), card.form.reference(*arguments)
        assert got.shape == wanted.shape and close(got, wanted)


@of(Whole)
def test_the_slope_is_what_autograd_computes(card):
    """Protects the gradient of a loss of many elements."""
    if card.form.slope is None:
        return
    for arguments in whole_draws(card):
        assert close(card.form.slope(*arguments), whole_slope(card, arguments))


# -- range, convexity, smoothness --------------------------------------------------------------------------------------


@every_card
def test_the_range_holds_and_is_reached(card):
    """Protects the range: no value outside, each finite bound approached, each infinite one not in sight."""
    values = values_of(card)
    low, high = card.range
    values = values[~values.isnan()]
    slack = 1e-9
    assert values.min() >= low - slack * max(1, abs(low)) and values.max() <= high + slack * max(1, abs(high))
    if card.range_words:
        return
    assert values.min() <= (low + 1e-3 if math.isfinite(low) else -10), "the lower bound is not approached"
    assert values.max() >= (high - 1e-3 if math.isfinite(high) else 10), "the upper bound is not approached"


def pairs(card, tries=500):
    """Pairs of first arguments with all else equal, and the loss as a function of them."""
    form = card.form
    if isinstance(form, Pointwise):
        where, name = domain(form.variables[first(form)]), first(form)
        for setting, size in itertools.product(settings(form), (1, 0.1, 10)):
            drawn = draw(form, tries)
            a, b = size * drawn[name], size * draw(form, tries, seed=7)[name]
            if where and size > 1:
                a, b = (x.clamp(*(limit for limit in where)) for x in (a, b))
            yield a, b, lambda x, drawn=drawn, setting=setting: compute_all(form, {**drawn, name: x}, setting)
        return
    drawn = ((form.draw(generator(seed)), form.draw(generator(1000 + seed))) for seed in range(200))
    alike = ((one, other) for one, other in drawn if one[0].shape == other[0].shape)
    for arguments, other in itertools.islice(alike, 20 if card.convex else 100):
        for end in (other[0], torch.lerp(arguments[0], other[0], 0.1)):
            yield arguments[0], end, lambda x, rest=arguments[1:]: form.call(x, *rest)


def compute_all(form, drawn, setting):
    with contextlib.suppress(ValueError):
        return form.call(**drawn, **setting)
    return torch.full_like(drawn[first(form)], math.nan)


@every_card
def test_convexity(card):
    """Protects "convex" and "not convex": the midpoint inequality holds, or a pair violates it."""
    tested = 0
    for a, b, loss in pairs(card):
        ends, middle = (loss(a) + loss(b)) / 2, loss((a + b) / 2)
        usable = ends.isfinite() & middle.isfinite()
        tested += int(usable.sum())
        above = (middle > ends + 1e-9 * ends.abs().clamp(min=1) * (1e-3 + 1))[usable].any()
        if card.convex:
            assert not above
        elif above:
            return
    assert tested >= 20, "no pair could be tested"
    assert card.convex, "no pair violates convexity"


def jumps(function, low, high, steps=200):
    """Where a function jumps: the places, and the heights, by cutting each step of a grid in two again and again."""
    grid = torch.linspace(low, high, steps + 1, dtype=torch.float64) + (high - low) * 1e-5 * math.e
    left, right = grid[:-1].clone(), grid[1:].clone()
    at_left, at_right = function(left), function(right)
    for _ in range(30):
        middle = (left + right) / 2
        value = function(middle)
        here = (value - at_left).abs() >= (at_right - value).abs()
        right, at_right = torch.where(here, middle, right), torch.where(here, value, at_right)
        left, at_left = torch.where(here, left, middle), torch.where(here, at_left, value)
    height = (at_right - at_left).abs()
    found = height > 1e-5 * torch.maximum(at_left.abs(), at_right.abs()).clamp(min=1)
    return right[found], height[found]


def along(form, drawn, k, function, setting):
    """A function of the first variable alone, at the k-th draw of the others."""
    others = {name: values[k] for name, values in drawn.items() if name != first(form)}

    def run(x):
        return function({first(form): x, **{name: v.expand(len(x)) for name, v in others.items()}}, setting)

    return run, others


def spans(form):
    """The range in which the first variable is watched: as drawn, without its ends if the domain ends there."""
    low, high = form.variables[first(form)]
    inset = 1e-3 * (high - low)
    return low + inset, high - inset


@of(Pointwise)
def test_the_gradient_jumps_at_the_kinks_and_nowhere_else(card):
    """Protects kinks and smoothness: jumps of the gradient and, for one derivative, of its slope."""
    form = card.form
    assert (card.smoothness == "kinks") == bool(card.kinks)
    if not isinstance(form.variables[first(form)], tuple):
        assert card.smoothness == "steps"
        return
    seen = {kink: False for kink in card.kinks}
    curvature = evaluated(
        form, sympy.diff(cards.parse(form, form.gradient).doit(), sympy.Symbol(first(form), real=True))
    )
    bent = False
    for setting in settings(form):
        drawn = draw(form, 4)
        for k in range(4 if len(drawn) > 1 else 1):
            gradient, others = along(form, drawn, k, lambda d, s: slope(form, d, s), setting)
            places, _ = jumps(gradient, *spans(form))
            known = {}
            for kink in card.kinks:
                at = {first(form): torch.zeros(1), **{name: v.reshape(1) for name, v in others.items()}}
                known[kink] = evaluated(form, kink)(at, setting).item()
            for place in places.tolist():
                hit = [kink for kink, value in known.items() if abs(place - value) < 1e-6]
                assert hit, f"the gradient jumps at {place:.6g}, which is no kink, with {others} and {setting}"
                seen.update(dict.fromkeys(hit, True))
            if card.smoothness in ("smooth", "one derivative"):
                second, _ = along(form, drawn, k, curvature, setting)
                bent |= len(jumps(second, *spans(form))[0]) > 0
    assert all(seen.values()), f"no jump of the gradient seen at {[kink for kink, hit in seen.items() if not hit]}"
    assert bent == (card.smoothness == "one derivative"), "a jump of the second derivative" if bent else "smooth"


@every_card
def test_the_gradient_keeps_to_its_bound_and_reaches_it(card):
    """Protects the Lipschitz constant: it is the least one, and "unbounded" is seen to be so."""
    form, most = card.form, 0.0
    if isinstance(form, Pointwise):
        if not isinstance(form.variables[first(form)], tuple):
            return
        for setting in settings(form):
            found = []
            for drawn in (draw(form), extremes(form)):
                try:
                    found.append(slope(form, drawn, setting))
                except ValueError:
                    for k in range(len(drawn[first(form)])):
                        with contextlib.suppress(ValueError):
                            found.append(slope(form, {n: v[k : k + 1] for n, v in drawn.items()}, setting))
            reached = torch.cat(found).abs().nan_to_num(0, posinf=math.inf).max().item()
            most = max(most, reached)
            if card.lipschitz is not None:
                at = {name: values[:1] for name, values in draw(form, 1).items()}
                bound = evaluated(form, card.lipschitz)(at, setting).item()
                assert 0.99 * bound <= reached <= bound * (1 + 1e-9), f"{reached} against {bound} at {setting}"
    else:
        if not torch.is_tensor(form.draw(generator())[0]):
            return
        for arguments in whole_extremes(card):
            with contextlib.suppress(ValueError):
                most = max(most, whole_slope(card, arguments).abs().nan_to_num(0, posinf=math.inf).max().item())
        if card.lipschitz is not None:
            assert most <= float(card.lipschitz) * (1 + 1e-9), f"{most} against {card.lipschitz}"
            assert most >= 0.99 * float(card.lipschitz), f"only {most} of {card.lipschitz}"
    if card.lipschitz is None:
        assert most > 100, f"the gradient stays below {most}"


@every_card
def test_the_influence_of_a_far_point(card):
    """Protects the influence: the gradient's size at residuals of 1, 1e3 and 1e6."""
    if not card.influence:
        return
    form = card.form
    for setting in settings(form) if isinstance(form, Pointwise) else [{}]:
        sizes = []
        for residual in (1.0, 1e3, 1e6):
            if isinstance(form, Pointwise):
                drawn = draw(form, 1)
                drawn[first(form)] = torch.tensor([residual], dtype=torch.float64)
                sizes.append(slope(form, drawn, setting).abs().item())
            else:
                arguments = form.draw(generator())
                moved = arguments[0].clone()
                moved.view(-1)[0] = arguments[1].view(-1)[0] + residual
                sizes.append(whole_slope(card, (moved, *arguments[1:])).view(-1)[0].abs().item())
        _, far, farther = sizes
        found = (
            "grows" if farther > 1.5 * far else "goes back to 0" if farther < 0.5 * far else "bounded"
        )  # fmt: skip
        assert card.influence == found, f"{sizes} at {setting}"


@every_card
def test_homogeneity(card):
    """Protects the degree: three times the named variables give 3^k times the loss."""
    if card.homogeneous is None:
        return
    form, factor = card.form, 3.0**card.homogeneous
    if isinstance(form, Whole):
        for arguments in whole_draws(card):
            scaled = [3 * a if k in (card.scaled or (0,)) else a for k, a in enumerate(arguments)]
            assert close(form.call(*scaled), factor * form.call(*arguments))
        return
    names = card.scaled or [first(form)]
    for setting in settings(form):
        drawn = draw(form)
        grown = {name: 3 * v if name in names else v for name, v in drawn.items()}
        larger = {name: 3 * v if name in names else v for name, v in setting.items()}
        assert close(form.call(**grown, **larger), factor * form.call(**drawn, **setting))


@every_card
def test_the_minimiser_is_what_a_search_finds(card):
    """Protects what the loss elicits: of 2,001 constants the best lies within two steps of the statistic.

    Every twentieth constant is tried, then all around the best of these; no tried one may beat the statistic itself.
    """
    said = card.minimiser
    given = [part is not None for part in (said.sample, said.loss, said.statistic)]
    assert all(given) or not any(given)
    if not all(given):
        return
    low, high = said.grid
    grid = torch.linspace(low, high, 2001, dtype=torch.float64)
    for seed in range(2):
        sample = said.sample(generator(seed))
        if isinstance(card.form, Pointwise):
            assert sample.dtype == torch.float64 or not sample.is_floating_point()
        coarse = torch.stack([said.loss(constant, sample) for constant in grid[::20]])
        near = 20 * coarse.argmin().item()
        fine = grid[max(near - 40, 0) : near + 41]
        losses = torch.stack([said.loss(constant, sample) for constant in fine])
        best, wanted = fine[losses.argmin()], said.statistic(sample)
        assert low <= wanted <= high, f"the grid misses {wanted}"
        assert abs(best - wanted) <= 2 * (high - low) / 2000 + 1e-12, f"{best} against {wanted}"
        at_wanted = said.loss(wanted, sample)
        assert at_wanted <= coarse.min() + 1e-9 * max(1, abs(at_wanted)), "a constant far off is better"
