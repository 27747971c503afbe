"""Check the reader's answer to a code exercise, and say in words what is wrong with it.

    from lossutils.learn.check import check

    def half_mse(input, target):
        ...

    check("half_mse", half_mse)

``check`` prints and returns nothing; it never raises, so that a notebook with unsolved exercises runs to its end. The
exercises are in :mod:`lossutils.learn.exercises`.
"""

from __future__ import annotations

import difflib
import dis
import inspect
import itertools
import linecache
import math
import re
import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lossutils.learn import exercises
from lossutils.learn.exercises import Exercise

DRAWS = 20
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def check(name: str, function: Callable) -> None:
    """Print what is wrong with ``function`` as an answer to the exercise ``name``, or its completion code."""
    exercise = exercises.find(name)
    if exercise is None:
        close = difflib.get_close_matches(str(name), [e.name for e in exercises.every()], n=1)
        print(f'There is no exercise "{name}".' + (f' Do you mean "{close[0]}"?' if close else ""))
        return
    try:
        print(diagnose(exercise, function))
    except Exception as error:  # an answer that nobody thought of must not stop the notebook
        print(_say(f"{name}: this answer could not be judged ({type(error).__name__}). Is it a plain tensor?"))


def completion_code(name: str) -> str:
    """Four letters or digits that follow from the exercise's name: the site's page notes by them what is solved.

    The last 20 bits of the 32-bit FNV-1a hash of the name, five bits a letter. In JavaScript::

        let h = 2166136261;
        for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 16777619) >>> 0;
        [15, 10, 5, 0].map((s) => "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"[(h >>> s) & 31]).join("");
    """
    h = 2166136261
    for byte in name.encode("ascii"):
        h = (h ^ byte) * 16777619 % 2**32
    return "".join(LETTERS[h >> shift & 31] for shift in (15, 10, 5, 0))


# What a function does with an input


@dataclass
class Case:
    """One input; ``label`` is None for an ordinary one, ``gradient`` as in :class:`Edge`."""

    args: tuple
    label: str | None = None
    gradient: str = "equal"


@dataclass
class Outcome:
    """What came of one call: the answer as it came, and as a tensor with its gradients, or the error."""

    answer: object = None
    value: Tensor | None = None
    gradients: tuple[Tensor, ...] = ()
    attached: bool = True
    changed: str | None = None
    borrowed: str | None = None
    error: Exception | None = None
    trace: list = field(default_factory=list)


def inputs_of(exercise: Exercise) -> list[Case]:
    """The inputs that a check tries: the ordinary ones from small to large, then the edges; always the same."""

    def tensors(args: tuple) -> tuple:
        return tuple(torch.tensor(a, dtype=torch.float64) if isinstance(a, list) else a for a in args)

    generator = torch.Generator().manual_seed(0)
    drawn = [exercise.draw(generator, 1 + 5 * i // DRAWS) for i in range(DRAWS)]
    edges = [Case(tensors(e.args), e.label, e.gradient if exercise.gradient else "no") for e in exercise.edges]
    ordinary = "equal" if exercise.gradient else "no"
    return [Case(tensors(args), None, ordinary) for args in (*exercise.cases, *drawn)] + edges


def run(exercise: Exercise, function: Callable, case: Case) -> Outcome:
    """Call the function on copies of the case's arguments and differentiate the sum of its answer."""
    names = list(inspect.signature(exercise.spec).parameters)
    args = [a.clone() if isinstance(a, Tensor) else a for a in case.args]
    wanted = [a.requires_grad_() for name, a in zip(names, args, strict=False) if name in exercise.gradient]
    out = Outcome()
    try:
        with torch.enable_grad(), _Watch() as watch:
            out.answer = function(*args)
        out.borrowed = watch.found
        out.value = _as_tensor(out.answer, number=not wanted)
        if wanted and out.value is not None and out.value.is_floating_point():
            out.attached = out.value.requires_grad
            found = torch.autograd.grad(out.value.sum(), wanted, allow_unused=True) if out.attached else wanted
            none = (torch.zeros_like(a) for a in wanted)
            out.gradients = tuple(z if g is None or not out.attached else g for g, z in zip(found, none, strict=True))
    except Exception as error:  # whatever the reader's code raises is explained
        out.error, out.trace = error, traceback.extract_tb(error.__traceback__)
    out.value = None if out.value is None else out.value.detach()
    for name, before, after in zip(names, case.args, args, strict=False):
        if isinstance(before, Tensor) and not _same(before, after.detach()):
            out.changed = name
    return out


def _as_tensor(answer: object, number: bool) -> Tensor | None:
    """The answer if it is a tensor; a plain number too, where no gradient is asked for."""
    if isinstance(answer, Tensor):
        return answer
    plain = isinstance(answer, (int, float)) and not isinstance(answer, bool)
    return torch.tensor(answer, dtype=torch.float64) if number and plain else None


class _Watch:
    """Notices the first call of a finished loss, of torch or of lossutils, while it is entered."""

    def __enter__(self):
        self.found, self.before = None, sys.getprofile()
        sys.setprofile(self.note)
        return self

    def __exit__(self, *_):
        sys.setprofile(self.before)

    def note(self, frame, event, _):
        if event != "call" or self.found:
            return
        module, name = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        if module.startswith("lossutils.") and not module.startswith("lossutils.learn") and name[0] != "_":
            self.found = f"lossutils.{name}"
        elif module == "torch.nn.functional" and (name.endswith("_loss") or name in _OTHER_LOSSES):
            self.found = f"torch.nn.functional.{name}"
        elif module.startswith("torch.distributions.") and name == "log_prob":
            self.found = "log_prob of torch.distributions"


_OTHER_LOSSES = {"cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"}


# Comparing


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-6, atol=1e-9, equal_nan=True)


def _finite(outcome: Outcome) -> bool:
    return all(bool(g.isfinite().all()) for g in outcome.gradients)


def _gradients_agree(a: Outcome, b: Outcome, case: Case) -> bool:
    if case.gradient == "equal":
        return all(_same(x, y) for x, y in zip(a.gradients, b.gradients, strict=True))
    return case.gradient == "no" or _finite(a) == _finite(b)


def agree(a: Outcome, b: Outcome, case: Case) -> bool:
    """Whether two calls came to the same: values, and gradients as far as the case compares them."""
    return _same(a.value, b.value) and _gradients_agree(a, b, case)


# The answer in words


def diagnose(exercise: Exercise, function: Callable) -> str:
    """The first thing that is wrong with the function, in words; or praise and the completion code."""
    name, cases = exercise.name, inputs_of(exercise)
    if not callable(function):
        what = type(function).__name__
        return _say(
            f"{name}: hand over the function itself, check({name!r}, {name}), without calling it. A {what} came."
        )
    if problem := _signature(exercise, function):
        return _say(f"{name}: {problem}")
    yours = []
    for case in cases:
        out = run(exercise, function, case)
        if _is_stub(out):
            return f"{name}: {_unfinished(function, out)}"
        yours.append(out)
    for case, out in zip(cases, yours, strict=True):
        if out.error:
            return _say(f"{name}: {_raised(out, function)}", _shown(exercise, case))
    for case, out in sorted(zip(cases, yours, strict=True), key=lambda pair: _size(pair[0]) == 1):
        if problem := _kind(out, exercise, case):  # one element alone would not tell a sum from a mean
            return _say(f"{name}: {problem}", _shown(exercise, case))
    right = [run(exercise, exercise.spec, case) for case in cases]
    differs = [i for i, case in enumerate(cases) if not agree(yours[i], right[i], case)]
    if borrowed := next((out.borrowed for out in yours if out.borrowed), None):
        verdict = "Its numbers are not the ones asked for either." if differs else "Its numbers are right."
        return _say(
            f"{name}: {borrowed} does the work here. {verdict} Write the formula itself, from sums, products and "
            "elementary functions."
        )
    if not differs:
        return _praise(exercise, cases)
    message, at = _known(exercise, cases, yours, right, differs)
    if not message:
        message, at = _generic(exercise, cases, yours, right, differs)
    return _say(f"{name}: {message}", _shown(exercise, cases[at], yours[at], right[at]))


def _say(text: str, example: str = "") -> str:
    return textwrap.fill(text, 76, break_long_words=False, break_on_hyphens=False) + (f"\n{example}" if example else "")


def _praise(exercise: Exercise, cases: list[Case]) -> str:
    edges = sum(case.label is not None for case in cases)
    tried = f"{len(cases) - edges} ordinary inputs"
    if edges:
        tried += f", {edges} at the edge"
    if exercise.gradient:
        tried += f"; the gradient by {' and '.join(exercise.gradient)}"
    return f"{exercise.name}: right.\nTried: {tried}.\nCompletion code: {completion_code(exercise.name)}"


def _signature(exercise: Exercise, function: Callable) -> str:
    wanted = inspect.signature(exercise.spec)
    try:
        inspect.signature(function).bind(*wanted.parameters)
    except ValueError:  # a builtin tells no signature: the call will show
        return ""
    except TypeError:
        came = ", ".join(inspect.signature(function).parameters)
        return f"it must take the arguments ({', '.join(wanted.parameters)}); yours takes ({came})."
    return ""


def _is_stub(out: Outcome) -> bool:
    """Nothing came back. torch too raises NotImplementedError, of a dtype say, but with a message and no raise line."""
    if isinstance(out.error, NotImplementedError):
        return not str(out.error) or (out.trace[-1].line or "").startswith("raise")
    return out.answer is Ellipsis or (out.answer is None and not out.error)


def _unfinished(function: Callable, out: Outcome) -> str:
    """A stub, or a body that was written but returns nothing?"""
    empty = {"RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP", "COPY_FREE_VARS", "POP_TOP"}
    code = getattr(function, "__code__", None)
    if out.error is None and out.answer is None and code is not None:
        if any(step.opname not in empty for step in dis.get_instructions(code)):
            return "it runs to its end but returns nothing.\nIs the last line a return?"
    return "not yet.\nWrite your lines in place of the dots."


def _kind(out: Outcome, exercise: Exercise, case: Case) -> str:
    """What is wrong with the answer before its numbers are looked at."""
    if out.changed:
        return (
            f"it changes its argument {out.changed}. A method with an underscore at its end (clamp_) or an assignment "
            "to elements writes into the caller's tensor: compute a new one."
        )
    if out.value is None:
        kind = type(out.answer).__name__
        if isinstance(out.answer, (int, float)):
            return (
                f"it returns a plain {kind}. A number from .item(), float() or math has lost its gradient: "
                "stay with tensors to the end."
            )
        return f"it must return one tensor; a {kind} came."
    want = run(exercise, exercise.spec, case).value
    if out.value.shape != want.shape:
        return _shapes(out.value, want)
    if out.value.dtype != want.dtype:
        why = "Something inside converts to fewer digits."
        if not out.value.is_floating_point():
            why = "Comparisons and counts give booleans and whole numbers: convert with .to(…) before you compute."
        elif exercise.gradient and not out.attached:
            why = "Was it made anew, by torch.tensor(…) of a number? That cuts off the gradient as well."
        return f"the inputs are {want.dtype}, the answer is {out.value.dtype}. {why}"
    return ""


def _shape(value: Tensor) -> str:
    return f"an answer of shape {tuple(value.shape)}" if value.dim() else "a single number (shape ())"


def _shapes(came: Tensor, want: Tensor) -> str:
    expected = f"{_shape(want)} is asked for; yours is {_shape(came)}."
    value = came.double()
    if came.dim() == 0 and _same(value, want.mean()):
        return f"{expected} You return the mean; one number an element is asked for."
    if came.dim() == 0 and _same(value, want.sum()):
        return f"{expected} You return the sum; one number an element is asked for."
    if want.dim() == 0 and _same(value.mean(), want):
        return f"{expected} The numbers are right; the mean over them is missing."
    if want.dim() == 0 and _same(value.sum(), want):
        return f"{expected} The numbers are right; the sum over them is missing."
    if want.numel() > 1 and came.numel() == want.numel() ** 2:
        return f"{expected} Every element has met every other: a column against a row broadcasts to a table."
    return expected


# What was raised

_CAUSES = (
    (r"must match the size|cannot be multiplied|size mismatch|broadcastable|expand|tensor size|dimension out of range",
     "The shapes do not fit. Print the shape of each piece; the inputs here have few elements, so that a size "
     "written as a fixed number fails too."),
    (r"boolean value of Tensor with more than one value",
     "An `if` decides once, and a tensor has many elements. Choose element by element, with torch.where or clamp."),
    (r"only one element tensors can be converted|cannot be converted to Scalar|only (length-1|0-dimensional) arrays",
     "math.… , float() and .item() take one number. The functions of torch take the whole tensor."),
    (r"numpy\(\) on Tensor that requires grad",
     "NumPy leaves torch's graph, and with it the gradient. torch has a function of the same name for nearly all."),
    (r"leaf Variable that requires grad|modified by an inplace operation",
     "A line writes into a tensor that the gradient still needs. Compute a new tensor instead of changing one."),
    (r"input dtype must be either a floating|can't be cast|expected (scalar type|m1 and m2)|same dtype|\"\w+\" not "
     r"implemented for '(Long|Bool|Int)'|only supported for floating",
     "Whole numbers or booleans meet a function that wants floating-point ones: convert with .to(other.dtype)."),
    (r"must be Tensor, not (float|int)",
     "A function of torch was given a plain number. Use a tensor, or the function of math on that number."),
    (r"maximum recursion depth",
     "The function calls itself without end. Does it have the name of the function that it wants to use?"),
    (r"division by zero", "A plain number is divided by 0. What is the size at this input?"),
    (r"out of (range|bounds)|index .* is out", "An index runs past the end. The inputs have from one element upwards."),
    (r"does not require grad", "Inside, a gradient is taken of something that autograd has not followed."),
    (r"missing \d+ required|unexpected keyword|takes \d+ positional|invalid combination of arguments",
     "A function inside is called with arguments that it does not have."),
    (r"not subscriptable|not callable|unsupported operand|has no attribute",
     "One of the things in that line is not what you take it for: print its type()."),
)  # fmt: skip


def _raised(out: Outcome, function: Callable) -> str:
    error = out.error
    first = (str(error).strip().splitlines() or [""])[0][:200].rstrip(".")
    text = f"it raises {type(error).__name__}{first and ': '}{first}. "
    if line := _own_line(out.trace, function):
        text += f"It happens in your line `{line}`. "
    if isinstance(error, UnboundLocalError):
        return text + "The name gets its value later in the function, or in a branch that was not taken."
    if isinstance(error, NameError):
        return text + "The name is misspelt, or the cell that defines it has not been run."
    causes = (words for pattern, words in _CAUSES if re.search(pattern, str(error), flags=re.I))
    return text + next(causes, "")


def _own_line(trace: list, function: Callable) -> str:
    """The last line that is the reader's: of the file or cell in which the function stands."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [step for step in trace if step.filename == file]
    return (own[-1].line or linecache.getline(file, own[-1].lineno)).strip() if own else ""


# Known mistakes, then general ones


def _known(exercise, cases, yours, right, differs) -> tuple[str, int]:
    """The exercise's own wrong answer that this one equals wherever that one differs from the spec, if there is one."""
    best, message = [], ""
    for wrong in exercise.wrong:
        theirs = [run(exercise, wrong.function, case) for case in cases]
        off = [i for i, case in enumerate(cases) if not agree(theirs[i], right[i], case)]
        if len(off) > len(best) and all(agree(yours[i], theirs[i], cases[i]) for i in off):
            best, message = off, wrong.message
    if best and len(best) < len(differs):
        message += " (Something else is wrong besides; mend this first.)"
    return message, next((i for i in best if not _same(yours[i].value, right[i].value)), (best or [0])[0])


def _generic(exercise, cases, yours, right, differs) -> tuple[str, int]:
    ordinary = [i for i, case in enumerate(cases) if case.label is None]
    value_off = [i for i in differs if not _same(yours[i].value, right[i].value)]
    at = next((i for i in ordinary if i in value_off), None)
    if at is not None:
        pairs = [(yours[i].value, right[i].value, _size(cases[i])) for i in ordinary]
        message = _swapped(exercise, cases, yours, ordinary) or _relation(pairs)
        if bool(yours[at].value.isnan().any()):
            message = "NaN comes out: a logarithm or a root of a negative number, or 0/0. The smallest input:"
        return message or "not right yet. The smallest input that shows it:", at
    at = next((i for i in ordinary if i in differs), None)
    if at is not None:
        return _gradient(exercise, yours[at], right[at]), at
    at = differs[0]
    what = "the value" if at in value_off else "the gradient"
    text = f"right on ordinary inputs, but {what} is not at {cases[at].label}. "
    came = [yours[at].value] if at in value_off else list(yours[at].gradients)
    if any(bool(t.isnan().any()) for t in came):
        text += (
            "NaN comes from 0/0, 0·∞ or ∞ − ∞. torch.where does not protect: autograd differentiates the branch that "
            "is not taken too, and 0 times its infinite slope is NaN. Change the argument before the function sees it."
        )
    elif any(bool(t.isinf().any()) for t in came):
        text += "An infinity comes from a division by 0, a logarithm of 0 or an overflow on the way."
    return text, at


def _size(case: Case) -> int:
    return next((a.shape[0] for a in case.args if isinstance(a, Tensor) and a.dim() > 0), 1)


def _swapped(exercise, cases, yours, ordinary) -> str:
    """Whether the answer is the spec's with two arguments exchanged."""
    names = list(inspect.signature(exercise.spec).parameters)
    args = cases[0].args
    for i, j in itertools.combinations(range(len(args)), 2):
        if type(args[i]) is not type(args[j]):
            continue

        def exchanged(*given, i=i, j=j):
            given = list(given)
            given[i], given[j] = given[j], given[i]
            return exercise.spec(*given)

        theirs = [run(exercise, exchanged, cases[k]) for k in ordinary]
        if all(t.value is not None and _same(t.value, yours[k].value) for t, k in zip(theirs, ordinary, strict=True)):
            return f"{names[i]} and {names[j]} have changed places."
    return ""


_RELATIONS = (
    ("the sign is the wrong way round, everywhere.", lambda s, n: -s),
    ("a sum where a mean is asked for: the size of the batch is a factor of your answer.", lambda s, n: s * n),
    ("divided by the number of elements once too often.", lambda s, n: s / n),
    ("divided by n − 1 where n is asked for.", lambda s, n: s * n / (n - 1) if n > 1 else s),
    ("half of what is asked for, everywhere.", lambda s, n: s / 2),
    ("twice what is asked for, everywhere.", lambda s, n: s * 2),
    ("right in base 2: the natural logarithm is asked for.", lambda s, n: s / math.log(2)),
    ("right in base 10: the natural logarithm is asked for.", lambda s, n: s / math.log(10)),
    ("the square of what is asked for.", lambda s, n: s * s),
    ("the square root of what is asked for.", lambda s, n: s.sqrt()),
)


def _relation(pairs: list[tuple[Tensor, Tensor, int]]) -> str:
    """How all answers relate to the right ones: a factor, a power, a constant."""
    informative = [pair for pair in pairs if bool((pair[1] != 0).any()) and bool(pair[1].isfinite().all())]
    if len(informative) < 3:
        return ""
    sizes = {n for *_, n in pairs}
    for text, law in _RELATIONS:
        depends = text.startswith(("a sum", "divided"))  # one size alone can't tell n from a number
        if all(_same(came, law(want, n)) for came, want, n in pairs) and (len(sizes) > 1 or not depends):
            return text
    came, want = (torch.cat([pair[k].flatten() for pair in informative]) for k in (0, 1))
    if not came.isfinite().all():
        return ""
    size = torch.cat([torch.full_like(w, n).flatten() for _, w, n in informative])
    besides = {0: "", 1: "a sum where a mean is asked for, and ", -1: "divided by n once too often, and "}
    for power, words in besides.items():
        ratio = (came / (want * size**power))[want != 0]
        if ratio.numel() > 2 and _same(ratio, ratio[0].expand_as(ratio)) and not came.eq(0).all():
            return f"{words}always {ratio[0]:.4g} times what is asked for: a constant factor is wrong."
    gap = came - want
    if gap.numel() > 2 and _same(gap, gap[0].expand_as(gap)) and want.unique().numel() > 1:
        return f"always {gap[0]:+.4g} beside what is asked for: a constant term is wrong."
    return ""


def _gradient(exercise: Exercise, came: Outcome, want: Outcome) -> str:
    if not came.attached:
        return (
            "the values are right, but no gradient comes through. Somewhere the graph is cut: by .detach(), .item(), "
            ".data, torch.tensor(…), no_grad or a comparison."
        )
    names = [name for name in inspect.signature(exercise.spec).parameters if name in exercise.gradient]
    for name, g, w in zip(names, came.gradients, want.gradients, strict=True):
        if not _same(g, w):
            text = f"the values are right, but the gradient by {name} is not. "
            if bool(g.isnan().any()):
                return text + "NaN comes from 0·∞ on the way back: a root, a logarithm or a division at 0."
            if not g.any():
                return text + f"It is 0: the graph is cut after {name}, by .detach(), .sign() or a comparison."
            return text + "A part of the formula was taken for a constant, or a rounding or .sign() has no slope."
    return "the values are right, but a gradient is not."


# Numbers for the reader


def _shown(exercise: Exercise, case: Case, came: Outcome | None = None, want: Outcome | None = None) -> str:
    """The input, and what was expected of it and what came."""
    names = inspect.signature(exercise.spec).parameters
    lines = ["  input     " + ", ".join(f"{n} = {_write(a)}" for n, a in zip(names, case.args, strict=False))]
    if came is None or want is None:
        return lines[0]
    rows = [("", want.value, came.value)]
    if _same(came.value, want.value):
        wanted = [name for name in names if name in exercise.gradient]
        rows = [
            (f"by {n} ", w, c)
            for n, w, c in zip(wanted, want.gradients, came.gradients, strict=True)
            if not _same(w, c)
        ]
        lines.append("  the gradient of the answer (or of its sum):")
    for label, w, c in rows:
        lines += [f"  {label}expected  {_write(w)}", f"  {label}yours     {_write(c)}"]
    return "\n".join(lines)


def _write(value: object) -> str:
    if not isinstance(value, Tensor):
        return f"{value:.6g}" if isinstance(value, float) else repr(value)
    if value.dim() == 0:
        return f"{value.item():.6g}"
    return "[" + ", ".join(_write(part) for part in value[:8]) + (", …]" if len(value) > 8 else "]")
