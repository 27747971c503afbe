"""The exercises: each has its known mistakes told apart, and the notebook, the data and the solution say the same."""

import ast
import functools
import inspect
import pathlib
import re
import subprocess
import sys

import nbformat
import notebooks
import pytest
import torch
from also_right import ALSO_RIGHT

import lossutils.learn.check  # noqa: F401 (the module; the package has a function of that name)
from lossutils.learn import exercises
from lossutils.learn.check import agree, completion_code, diagnose

EVERY = exercises.every()
PAGES = notebooks.all_notebooks()
each = pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.name)
every_section = pytest.mark.parametrize(
    "path", [p for p in PAGES if p.parent.name != "chapters"], ids=lambda p: f"{p.parent.name}/{p.stem}"
)


# A diagnosis runs the spec and every known mistake on every input, and the tests ask for a thousand diagnoses. What the
# exercise's own functions answer to its own inputs, which are always the same, is computed once; the functions under
# judgement are called each time.
CHECK = sys.modules["lossutils.learn.check"]
make_inputs, afresh, inputs, answers = CHECK.inputs_of, CHECK.run, {}, {}


def inputs_of(exercise):
    if exercise.name not in inputs:
        inputs[exercise.name] = make_inputs(exercise)
    return inputs[exercise.name]


def run(exercise, function, case):
    own = function is exercise.spec or any(function is wrong.function for wrong in exercise.wrong)
    if not own or not any(case is known for known in inputs_of(exercise)):
        return afresh(exercise, function, case)
    key = (exercise.name, function, id(case))
    if key not in answers:
        answers[key] = afresh(exercise, function, case)
    return answers[key]


@pytest.fixture(autouse=True)
def remembered(monkeypatch):
    monkeypatch.setattr(CHECK, "inputs_of", inputs_of)
    monkeypatch.setattr(CHECK, "run", run)


def flat(text):
    return re.sub(r"\s+", " ", text)


def test_names_and_completion_codes_are_unique():
    """Protects the look-up by name, and the reader's progress."""
    names = [e.name for e in EVERY]
    assert len(set(names)) == len(names) and all(n.isidentifier() and n.isascii() for n in names)
    assert len({completion_code(n) for n in names}) == len(names)
    assert exercises.find(names[-1]) is EVERY[-1] and exercises.find("nothing") is None


@each
def test_the_spec_answers_its_own_inputs(exercise):
    """Protects the checker: the reference is finite on ordinary inputs, in float64, and no other loss does its work."""
    assert diagnose(exercise, exercise.spec).startswith(f"{exercise.name}: right.")
    assert set(exercise.gradient) <= set(inspect.signature(exercise.spec).parameters)
    for case in inputs_of(exercise):
        out = run(exercise, exercise.spec, case)
        assert out.error is None and out.borrowed is None and out.changed is None and out.value.dtype == torch.float64
        assert case.label or bool(out.value.isfinite().all())
        if case.gradient != "no":
            assert all(bool(g.isfinite().all()) for g in out.gradients)
            assert case.gradient == "equal" or case.label, "an ordinary input lies on a kink"


@each
def test_the_first_input_is_small(exercise):
    """Protects the counter-example that a reader redoes by hand."""
    assert all(a.numel() <= 9 for a in inputs_of(exercise)[0].args if isinstance(a, torch.Tensor))
    assert len(exercise.cases) >= 2


@each
def test_each_known_mistake_gets_its_own_message(exercise):
    """Each is wrong, differs from every other, and gets its own message and nobody else's."""
    assert len(exercise.wrong) >= 3
    messages = [flat(wrong.message) for wrong in exercise.wrong]
    assert len(set(messages)) == len(messages)
    cases = inputs_of(exercise)
    right = [run(exercise, exercise.spec, case) for case in cases]
    for wrong, message in zip(exercise.wrong, messages, strict=True):
        theirs = [run(exercise, wrong.function, case) for case in cases]
        assert all(t.error is None and t.value.shape == r.value.shape for t, r in zip(theirs, right, strict=True))
        assert not all(agree(t, r, c) for t, r, c in zip(theirs, right, cases, strict=True)), message
        answer = flat(diagnose(exercise, wrong.function))
        assert [m for m in messages if m in answer] == [message], answer
        assert "besides" not in answer and "expected" in answer and "Completion code" not in answer
        assert inspect.signature(wrong.function).parameters.keys() == inspect.signature(exercise.spec).parameters.keys()


@each
def test_general_mistakes_are_wrong_too(exercise):
    """Twice, minus, and plus one: the inputs of each exercise tell them from the right answer."""
    for spoil in (lambda v: 2 * v, lambda v: -v, lambda v: v + 1, lambda v: v.detach() if exercise.gradient else 3 * v):
        answer = diagnose(exercise, lambda *args, spoil=spoil: spoil(exercise.spec(*args)))
        assert "right." not in answer.splitlines()[0] and "Completion code" not in answer, answer


@each
def test_another_way_is_right_too(exercise):
    for other in ALSO_RIGHT[exercise.name]:
        assert diagnose(exercise, other).startswith(f"{exercise.name}: right."), diagnose(exercise, other)


# The notebooks


@functools.cache
def cells(path):
    return nbformat.read(path, as_version=4).cells


def called(cell):
    """The names that a cell hands to check, with the functions."""
    return re.findall(r'^check\("(\w+)", (\w+)\)', cell.source, flags=re.M) if cell.cell_type == "code" else []


def functions(source):
    """The functions that a cell defines; magics are no Python."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("%"))
    return {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}


def pure(path):
    """The imports and functions of a notebook, without running anything else: what a solution may stand on."""
    namespace = {}
    for cell in cells(path):
        if cell.cell_type == "code" and not re.search(r"^\s*%", cell.source, flags=re.M):
            kept = [
                n for n in ast.parse(cell.source).body if isinstance(n, (ast.Import, ast.ImportFrom, ast.FunctionDef))
            ]
            exec(compile(ast.Module(kept, []), str(path), "exec"), namespace)
    return namespace


@functools.cache
def places():
    """Exercise → the notebooks in which it is checked."""
    found = {}
    for path in PAGES:
        for cell in cells(path):
            for name, _ in called(cell):
                found.setdefault(name, []).append(path)
    return found


def test_every_exercise_is_checked_in_one_notebook():
    """Protects against data without a page, and a page without data."""
    found = places()
    assert set(found) == {e.name for e in EVERY} and all(len(paths) == 1 for paths in found.values())


@every_section
def test_a_section_has_two_exercises_in_code(path):
    assert len([name for cell in cells(path) for name, _ in called(cell)]) >= 2


@each
def test_statement_stub_hints_and_solution_agree(exercise):
    """The statement names the function, the stub has its signature and is "not yet", a folded solution is right."""
    [path] = places()[exercise.name]
    every_cell = cells(path)
    at = next(i for i, c in enumerate(every_cell) if (exercise.name, exercise.name) in called(c))
    start = max(
        i for i in range(at) if every_cell[i].cell_type == "markdown" and "### Exercise" in every_cell[i].source
    )
    end = next((i for i in range(at, len(every_cell)) if re.match("##", every_cell[i].source)), len(every_cell))
    statement = "\n".join(c.source for c in every_cell[start:at] if c.cell_type == "markdown")
    assert f"`{exercise.name}(" in statement
    stub = functions(every_cell[at].source)[exercise.name]
    wanted = inspect.signature(exercise.spec)
    assert f"({ast.unparse(stub.args)})" == str(wanted)
    namespace = pure(path)
    exec(compile(ast.Module([stub], []), "stub", "exec"), namespace)
    assert "not yet" in diagnose(exercise, namespace[exercise.name])
    assert any("not yet" in o.text for o in every_cell[at].outputs if o.output_type == "stream")

    rest = every_cell[at + 1 : end]
    steps = re.findall(r"<summary>(Hint.*?)</summary>", "\n".join(c.source for c in rest if c.cell_type == "markdown"))
    assert steps[:2] == ["Hint 1", "Hint 2"], f"hints in steps: {steps}"
    [solution] = [c for c in rest if c.cell_type == "code" and exercise.name in functions(c.source)]
    assert solution.source.startswith("#@title Solution") and "hide-cell" in solution.metadata.get("tags", [])
    assert solution.metadata.get("cellView") == "form" and solution.metadata["jupyter"]["source_hidden"]
    exec(compile(ast.Module([functions(solution.source)[exercise.name]], []), "solution", "exec"), namespace)
    assert diagnose(exercise, namespace[exercise.name]).startswith(f"{exercise.name}: right."), exercise.name


def test_the_package_loads_the_exercises_only_when_asked():
    """Protects `import lossutils`, and the exercises' promise to need nothing but torch."""
    found = set()
    for file in pathlib.Path(exercises.__file__).parent.rglob("*.py"):
        found |= set(re.findall(r"^(?:from|import) (\w+)", file.read_text(encoding="utf-8"), flags=re.M))
    assert found - sys.stdlib_module_names == {"torch", "lossutils"}
    script = "import sys, lossutils, lossutils.learn; print([m for m in sys.modules if 'exercises' in m])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"
