"""The command that tries the mutants: what it counts, what it asks of a result, and what it left in tests/mutants."""

import ast
import importlib.util
import json
import pathlib

import mutants
import pytest

ROOT = pathlib.Path(mutants.__file__).resolve().parent.parent
MODULES = sorted(path.stem for path in (ROOT / "lossutils").glob("*.py") if path.stem != "__init__")
TEXTS = mutants.text_parameters(ast.parse((ROOT / "lossutils" / "_core.py").read_text(encoding="utf-8")))


def counts(before, after):
    return mutants.meaning(before, TEXTS) != mutants.meaning(after, TEXTS)


@pytest.mark.parametrize(
    "before, after",
    [
        ('raise ValueError(f"{name} is wrong")', "raise ValueError(None)"),
        ('raise ValueError("a" + f"{x.shape}")', 'raise ValueError("a" - f"{x.shape}")'),
        ('check_number("q", q, "above 0", lambda v: v > 0)', 'check_number("XXqXX", q, "above 0", lambda v: v > 0)'),
        ('check_number("q", q, "above 0", lambda v: v > 0)', 'check_number("q", q, None, lambda v: v > 0)'),
        ('check_integers("y", y, "x", x, what="labels")', 'check_integers("y", y, "x", x, what="LABELS")'),
        ('__all__ = ["l1_loss"]', "__all__ = None"),
        ('def f(x: int = 1) -> int:\n    "Says."', 'def f(x: float | None = 1) -> None:\n    "says."'),
        ("x: int = 1", "x: float = 1"),
    ],
)
def test_messages_and_annotations_do_not_count(before, after):
    """Protects the score from being filled up with mutants that change no number: they are left out by these rules."""
    assert not counts(before, after)


@pytest.mark.parametrize(
    "before, after",
    [
        ('check_number("q", q, "above 0", lambda v: v > 0)', 'check_number("q", q, "above 0", lambda v: v >= 0)'),
        ('check_number("q", q, "above 0", lambda v: v > 0)', 'check_number("q", None, "above 0", lambda v: v > 0)'),
        ('check_number("q", q, "above 0", lambda v: v > 0)', 'check_number(q, "above 0", lambda v: v > 0)'),
        ('check_choice("absent", a, ("ignore",))', 'check_choice("absent", a, ("IGNORE",))'),
        ('check_not_empty("input", x, "mean")', 'check_not_empty("input", x, "MEAN")'),
        ('reduce(x, "mean", y)', 'reduce(x, "MEAN", y)'),
        ("raise ValueError(1)", "raise TypeError(1)"),
        ("def f(x: int = 1): pass", "def f(x: int = 2): pass"),
        ("x: int = 1", "x: int = 2"),
        ('REDUCTIONS = ("none",)', 'REDUCTIONS = ("NONE",)'),
    ],
)
def test_what_changes_numbers_or_checks_counts(before, after):
    """Protects the score from a filter that takes out too much."""
    assert counts(before, after)


def test_the_score_and_what_it_asks():
    """Protects the bar: 95 % and a reason for every survivor; a test that never ends has noticed the mutant."""
    why = "The two are the same number for every input."
    survivor = {"function": "f", "diff": ["- a", "+ b"], "why": why}
    result = {"killed": 18, "timeout": 1, "survived": 1, "survivors": [survivor]}
    assert mutants.score(result) == 0.95 and mutants.faults(result) == []
    assert len(mutants.faults(result | {"killed": 17})) == 1
    fresh = result | {"survivors": [survivor | {"why": ""}, survivor | {"why": "", "diff": ["- a", "+ c"]}]}
    assert len(mutants.faults(fresh)) == 2
    kept = mutants.with_reasons(fresh, result)["survivors"]
    assert [s["why"] for s in kept] == [why, ""]


def test_again_tries_what_has_changed_and_what_has_no_reason():
    """Protects the short cut: nothing else may be taken from an older result, and a docstring changes nothing."""
    before = "N = 1\ndef f(x): 'Says.'\ndef g(x): return x\nclass C:\n    def h(self): return 1\n"
    after = before.replace("f(x): 'Says.'", "f(x: int): 'Tells.'").replace("return 1", "return 2")
    then, now = (mutants.digests(ast.parse(text)) for text in (before, after))
    assert {name for name in now if then[name] == now[name]} == {"", "g", "f"}
    survivors = [{"function": "f", "diff": ["+ a"], "why": "Equal."}, {"function": "g", "diff": ["+ b"], "why": ""}]
    trial = mutants.Trial("m", 1, None, {"survivors": survivors, "digests": then})
    found = [mutants.Mutant(*m) for m in (("f", "", ["+ a"]), ("f", "", ["+ c"]), ("g", "", ["+ b"]), ("C.h", "", []))]
    assert trial.known(found, now) == {0: "survived", 1: "killed"}


def test_a_mutant_replaces_its_function_wherever_it_was_imported(tmp_path):
    """Protects against mutants that no test ever meets, so that it survives for no reason."""
    path = tmp_path / "victim.py"
    path.write_text(
        "N = 1\ndef f(x, *, k=1): return x + k + N\n"
        "class C:\n    @staticmethod\n    def g(x): return x + N\n    def h(self, x): return x\n"
    )
    spec = importlib.util.spec_from_file_location("victim", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    f, g, c = module.f, module.C.g, module.C()
    for mutant, results in [
        (("f", "def f(x, *, k=2): return x - k + N"), (0, 2, 1)),
        (("C.g", "@staticmethod\ndef g(x): return x * 5 + N"), (0, 6, 1)),
        (("C.h", "def h(self, x): return None"), (0, 6, None)),
        (("", "N = 3"), (2, 8, None)),
    ]:
        mutants.put_in(module, mutants.Mutant(*mutant, []))
        assert (f(1), g(1), c.h(1)) == results


@pytest.mark.parametrize("module", MODULES)
def test_the_result_of_a_module(module):
    """Protects against survivors that nobody looked at, and a result older than the code it speaks of."""
    result = json.loads((mutants.RESULTS / f"{module}.json").read_text(encoding="utf-8"))
    assert mutants.faults(result) == []
    assert result["survived"] == len(result["survivors"])
    lines = {line.strip() for line in (ROOT / "lossutils" / f"{module}.py").read_text(encoding="utf-8").splitlines()}
    for survivor in result["survivors"]:
        for line in survivor["diff"]:
            assert line.startswith("+") or line[2:] in lines, "gone from the module: run `make mutants` again"
