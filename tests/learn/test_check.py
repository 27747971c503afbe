"""The checker of exercises: every branch of its diagnosis, on toy exercises; a sentence is known by its core words."""

import functools
import re
import shutil
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

import lossutils
from lossutils.learn import check as checker
from lossutils.learn.check import check, completion_code, diagnose
from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def half_mse(input, target):
    total = 0.0
    for x, y in zip(input, target, strict=True):
        total = total + (x - y) ** 2 / 2
    return total / len(input)


TOY = Exercise(
    "half_mse",
    half_mse,
    cases=[([2.0], [1.0]), ([0.0, 2.0], [1.0, 1.0])],
    draw=lambda g, n: (numbers(g, n, -3, 3), numbers(g, n, -3, 3, 0.05)),
    edges=[Edge("a residual of 1e200", ([1e200], [0.0]), "no")],
    wrong=[
        Wrong(lambda input, target: (input - target).abs().mean(), "Is that the square?"),
        Wrong(lambda input, target: (input - target).square().max() / 2, "One sample alone."),
        Wrong(lambda input, target: (input - target).mean() ** 2 / 2, "First the square, then the mean."),
    ],
    gradient=("input",),
)
"""A scalar with a gradient. Its only edge overflows in the spec too, so that nothing there is compared but inf."""


def logs(p, y):
    return torch.where(y > 0, y * torch.log(torch.where(y > 0, p, 1.0)), torch.zeros_like(y)) + p


EACH = Exercise(
    "logs",
    logs,
    cases=[([1.0], [2.0]), ([1.0, 0.5], [2.0, 1.0])],
    draw=lambda g, n: (numbers(g, n, 0.5, 3), numbers(g, n, 0.5, 3)),
    edges=[Edge("p of 0 and y of 0", ([0.0], [0.0]))],
    wrong=[],
    gradient=("p",),
)
"""One number an element, with an edge."""

STEP = Exercise(
    "step",
    lambda v: v.sign() * 2,
    cases=[([1.0],), ([1.0, -2.0],)],
    draw=lambda g, n: (numbers(g, n, -3, 3),),
    wrong=[],
)
"""No gradient asked for."""


TOTAL = Exercise("total", lambda v: v.sum(), [([1.0, 2.0],)], lambda g, n: (numbers(g, n, 1, 3),), wrong=[])


def says(answer, *words):
    flat = re.sub(r"\s+", " ", answer)
    for word in words:
        assert word in flat, answer
    assert "Completion code" not in answer


def test_a_right_answer_is_praised_with_what_was_tried_and_its_code():
    answer = diagnose(TOY, lambda input, target: (input - target).square().mean() / 2)
    assert answer.startswith("half_mse: right.") and completion_code("half_mse") in answer
    assert "22 ordinary inputs, 1 at the edge; the gradient by input" in answer


def test_an_unsolved_exercise_is_not_yet():
    """Protects Run-All: a stub in any of its usual forms prints one stable line."""

    def dots(input, target):
        """A docstring."""
        ...

    def passes(input, target):
        pass

    def raises(input, target):
        raise NotImplementedError

    def says_so(input, target):
        raise NotImplementedError("to do")

    for stub in (dots, passes, raises, says_so, lambda input, target: ...):
        assert diagnose(TOY, stub) == "half_mse: not yet.\nWrite your lines in place of the dots."


def test_a_dtype_that_torch_does_not_implement_is_no_stub():
    says(diagnose(TOY, lambda input, target: input.to_sparse().mean()), "raises NotImplementedError", "your line")


def test_a_forgotten_return_is_no_stub():
    def forgot(input, target):
        r = input - target
        r.square().mean()

    says(diagnose(TOY, forgot), "returns nothing", "return?")


def test_what_is_handed_over_must_be_the_function():
    says(diagnose(TOY, torch.tensor(1.0)), "the function itself", "Tensor")
    says(diagnose(TOY, None), "the function itself", "NoneType")


def test_the_arguments_are_those_asked_for():
    says(diagnose(TOY, lambda input: input), "(input, target)", "yours takes (input)")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda input, target: input - torch.zeros(7), ["RuntimeError", "shapes do not fit"]),
        (lambda input, target: input if (input > target) else target, ["has many elements"]),
        (lambda input, target: __import__("math").exp(input), ["take one number"]),
        (lambda input, target: input.numpy(), ["leaves torch's graph"]),
        (lambda input, target: input.mul_(2).sum(), ["writes into a tensor"]),
        (lambda input, target: (input > target).mean(), ["Whole numbers or booleans"]),
        (lambda input, target: torch.exp(2.0), ["given a plain number"]),
        (lambda input, target: 1 / (len(input) - 1), ["size"]),
        (lambda input, target: input[9], ["runs past the end"]),
        (lambda input, target: input @ torch.ones(7, dtype=input.dtype), ["shapes do not fit"]),
        (lambda input, target: inptu.mean(), ["NameError", "misspelt"]),  # noqa: F821
        (lambda input, target: input.men(), ["AttributeError", "type()"]),
        (lambda input, target: torch.zeros(2, 3) @ torch.zeros(4), ["shapes do not fit"]),
        (lambda input, target: torch.mean(input, keep=4), ["arguments that it does not have"]),
    ],
)
def test_whatever_is_raised_is_explained(wrong, words):
    """Type, the reader's own line, the usual cause, and the input on which it happened."""
    says(diagnose(TOY, wrong), "it raises", "your line `(lambda input, target:", "input = [", *words)


def test_the_line_shown_is_the_readers_own():
    """Not the last line of the traceback, which may lie deep in a library."""
    answer = diagnose(TOY, lambda input, target: torch.einsum("ij->i", input))
    says(answer, "your line `answer = diagnose(TOY, lambda input, target: torch.einsum")


def test_endless_recursion_and_unset_names_are_explained():
    def deep(input, target):
        return deep(input, target)

    def unset(input, target):
        if len(input) > 9:
            late = 0
        return late

    says(diagnose(TOY, deep), "RecursionError", "calls itself")
    says(diagnose(TOY, unset), "UnboundLocalError", "a branch that was not taken")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda input, target: ((input - target) ** 2).mean().item() / 2, ["plain float", "gradient"]),
        (lambda input, target: (input, target), ["one tensor; a tuple came"]),
        (
            lambda input, target: (input - target) ** 2 / 2,
            ["a single number (shape ()) is asked for; yours", "of shape (2,)", "mean over them is missing"],
        ),
        (lambda input, target: ((input - target) ** 2).mean().float() / 2, ["float32", "fewer digits"]),
        (lambda input, target: (input > target).sum(), ["int64", "Comparisons and counts"]),
        (lambda input, target: torch.tensor(((input - target) ** 2).mean().item() / 2), ["float32", "made anew"]),
    ],
)
def test_the_kind_of_answer_comes_before_its_numbers(wrong, words):
    says(diagnose(TOY, wrong), *words)


def test_shapes_of_answers_with_one_number_an_element():
    says(diagnose(EACH, lambda p, y: logs(p, y).mean()), "You return the mean")
    both = lambda p, y: logs(p, y).sum()  # noqa: E731
    says(diagnose(EACH, lambda p, y: both(p, y) if len(p) > 1 else logs(p, y)), "You return the sum")
    says(diagnose(EACH, lambda p, y: p[:, None] * y if len(p) > 1 else p * y), "broadcasts to a table")
    says(diagnose(TOTAL, lambda v: v), "sum over them is missing")


def test_an_argument_that_is_changed_is_noticed():
    says(diagnose(STEP, lambda v: v.clamp_(-1, 1) * 2), "changes its argument v")


def test_a_plain_number_is_an_answer_where_no_gradient_is_asked_for():
    assert "total: right" in diagnose(TOTAL, lambda v: v.sum().item())
    says(diagnose(TOTAL, lambda v: True), "a plain bool")


@pytest.mark.parametrize(
    ("borrowed", "name"),
    [
        (lambda input, target: F.mse_loss(input, target) / 2, "torch.nn.functional.mse_loss"),
        (lambda input, target: torch.nn.MSELoss()(input, target) / 2, "torch.nn.functional.mse_loss"),
        (lambda input, target: lossutils.mse_loss(input, target) / 2, "lossutils.mse_loss"),
        (lambda input, target: -0.9189385332046727 - torch.distributions.Normal(target, 1.0).log_prob(input).mean(),
         "log_prob of torch.distributions"),
    ],
)  # fmt: skip
def test_a_borrowed_loss_is_recognised(borrowed, name):
    says(diagnose(TOY, borrowed), name, "does the work", "numbers are right", "formula itself")


def test_a_borrowed_loss_with_other_numbers_is_recognised():
    says(diagnose(TOY, lambda input, target: F.mse_loss(input, target)), "mse_loss does the work", "either")


def test_elementary_functions_are_not_borrowed():
    relu = lambda input, target: (F.relu(input - target) + F.relu(target - input)).square().mean() / 2  # noqa: E731
    assert "half_mse: right" in diagnose(TOY, relu)
    assert sys.getprofile() is None or "note" not in repr(sys.getprofile())


def test_a_known_mistake_gets_its_own_message():
    for wrong in TOY.wrong:
        answer = diagnose(TOY, wrong.function)
        says(answer, wrong.message, "expected", "yours")
        assert sum(other.message in answer for other in TOY.wrong) == 1


def test_a_known_mistake_among_others_is_named_first():
    """A second mistake at the edge does not hide the known one."""
    alone = Exercise("v", lambda v: v.abs(), [([1.0],), ([-2.0],)], lambda g, n: (numbers(g, n, -2, 2, 0.05),),
                     [Wrong(lambda v: v.relu(), "Half is lost.")], [Edge("3", ([3.0],))])  # fmt: skip
    says(diagnose(alone, lambda v: v.relu() + (v == 3) * 9), "Half is lost.", "Something else is wrong")


def test_the_smallest_input_is_shown():
    """The reader can redo it by hand: input, expected, and what came."""
    answer = diagnose(TOY, lambda input, target: (input - target).abs().mean())
    assert "  input     input = [2], target = [1]\n  expected  0.5\n  yours     1" in answer


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (lambda r: -r.square().mean() / 2, "sign is the wrong way round"),
        (lambda r: r.square().sum() / 2, "a sum where a mean"),
        (lambda r: r.square().mean() / 2 / len(r), "once too often"),
        (lambda r: r.square().sum() / 2 / max(len(r) - 1, 1), "n − 1"),
        (lambda r: r.square().mean(), "twice"),
        (lambda r: r.square().mean() / 4, "half of"),
        (lambda r: r.square().mean() / 2 / 0.6931471805599453, "base 2"),
        (lambda r: r.square().mean() / 2 / 2.302585092994046, "base 10"),
        (lambda r: (r.square().mean() / 2).square(), "the square of"),
        (lambda r: (r.square().mean() / 2).sqrt(), "the square root"),
        (lambda r: r.square().mean() / 6, "always 0.3333 times"),
        (lambda r: r.square().sum() / 6, "a sum where a mean is asked for, and always 0.3333 times"),
        (lambda r: r.square().mean() / len(r) * 2, "divided by n once too often, and always 4 times"),
        (lambda r: r.square().mean() / 2 + 1.5, "always +1.5 beside"),
    ],
)
def test_general_mistakes_are_named(factor, words):
    says(diagnose(TOY, lambda input, target: factor(input - target)), words, "expected", "yours")


def test_exchanged_arguments_are_named():
    says(diagnose(EACH, lambda p, y: logs(y, p)), "p and y have changed places")


def test_an_unknown_mistake_shows_where():
    says(diagnose(TOY, lambda input, target: (target - input**2).sqrt().mean()), "NaN comes out", "negative")
    says(diagnose(TOY, lambda input, target: (input**3 - target).square().mean()), "smallest input", "input = [2]")


def test_right_except_at_the_edge():
    late = lambda p, y: y * torch.log(p) + p  # noqa: E731
    says(diagnose(EACH, late), "right on ordinary inputs", "the value", "at p of 0 and y of 0", "NaN", "yours [nan]")
    where = lambda p, y: torch.where(y > 0, y * torch.log(p), 0.0) + p  # noqa: E731
    says(diagnose(EACH, where), "the gradient", "p of 0 and y of 0", "torch.where", "by p yours [nan]")
    infinite = lambda p, y: torch.where(y > 0, logs(p, y), torch.inf)  # noqa: E731
    says(diagnose(EACH, infinite), "the value", "An infinity", "yours [inf]")


def test_right_values_with_a_wrong_gradient():
    square = lambda r: r.square().mean() / 2  # noqa: E731
    says(diagnose(TOY, lambda input, target: square(input.detach() - target)), "no gradient comes through")
    part = lambda input, target: ((input - target) * (input - target).detach()).mean() / 2  # noqa: E731
    says(diagnose(TOY, part), "values are right", "gradient by input", "taken for a constant", "by input expected [1]")
    nan = lambda input, target: square(input - target) + (input - input).sqrt().sum()  # noqa: E731
    says(diagnose(TOY, nan), "gradient by input", "NaN")
    two = Exercise("two", lambda a, b: a * b, [([1.0], [2.0]), ([3.0], [4.0])],
                   lambda g, n: (numbers(g, n, 1, 2), numbers(g, n, 1, 2)), [], gradient=("a", "b"))  # fmt: skip
    says(diagnose(two, lambda a, b: a * b.detach()), "gradient by b", "It is 0")


def test_a_kink_takes_any_finite_gradient():
    """At |0| every slope between −1 and 1 is right, NaN is not."""
    kink = Exercise("size", lambda v: v.abs(), [([1.0],), ([-2.0],)], lambda g, n: (numbers(g, n, -3, 3, 0.05),), [],
                    [Edge("0", ([0.0],), "finite")], ("v",))  # fmt: skip
    assert "size: right" in diagnose(kink, lambda v: torch.where(v > 0, v, -v))
    says(diagnose(kink, lambda v: v.square().sqrt()), "the gradient is not at 0", "NaN")


def test_check_prints_and_never_raises(capsys, monkeypatch):
    """By name; a name that is none is answered as well."""
    monkeypatch.setattr(checker.exercises, "every", lambda: [TOY])
    assert check("half_mse", lambda input, target: ...) is None
    assert "not yet" in capsys.readouterr().out
    check("half_mes", half_mse)
    assert 'no exercise "half_mes". Do you mean "half_mse"?' in capsys.readouterr().out
    check(7, half_mse)
    assert 'no exercise "7".\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    "strange",
    [
        lambda input, target: torch.empty((), device="meta", dtype=torch.float64),
        lambda input, target: input.sum() * 1j,
        lambda input, target: input.to_sparse(),
        torch.nn.Linear(1, 1),
        functools.partial(torch.add, alpha=2),
        torch.nn.MSELoss(),
        print,
    ],
)
def test_strange_answers_are_answered(strange, capsys, monkeypatch):
    """Never an exception, never praise."""
    monkeypatch.setattr(checker.exercises, "every", lambda: [TOY])
    check("half_mse", strange)
    answer = capsys.readouterr().out
    assert "half_mse: " in answer and "right." not in answer and len(answer) < 1000


def test_the_inputs_are_the_same_each_time_and_few():
    """Protects the stored outputs, and the reader's patience."""
    first, second = checker.inputs_of(TOY), checker.inputs_of(TOY)
    assert [str(c.args) for c in first] == [str(c.args) for c in second] and len(first) < 40
    assert {len(c.args[0]) for c in first} == {1, 2, 3, 4, 5}


def test_lines_are_short():
    answer = diagnose(TOY, lambda input, target: input.numpy())
    assert max(map(len, answer.splitlines())) <= 76


def test_the_completion_code_is_the_one_that_the_page_computes():
    """FNV-1a's published values for "a" and "foobar" (Fowler, Noll and Vo), and the JavaScript of the docstring."""
    letters = checker.LETTERS
    for name, full in (("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)):
        assert completion_code(name) == "".join(letters[full >> s & 31] for s in (15, 10, 5, 0))
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run the docstring's JavaScript")
    lines = [ln.strip() for ln in completion_code.__doc__.splitlines() if ln.startswith("        ")]
    script = f'const name = "half_mse"; {lines[0]} {lines[1]} console.log({lines[2].rstrip(";")});'
    out = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == completion_code("half_mse")
