"""Break a module of lossutils in every small way a mutation tool knows, and see which breaks its tests overlook.

    python tools/mutants.py regression           all of lossutils/regression.py, into tests/mutants/regression.json
    python tools/mutants.py regression --again   of what has changed since, and what survived and has no reason
    python tools/mutants.py regression -k NAME   those of one function; nothing is written

mutmut makes the mutants. Its own runner can't judge them: it calls every function through a wrapper that torch.compile
does not trace. So the tests are collected and run once here, with the functions each of them reaches; then every mutant
gets a fork of this process in which the code of its one function is exchanged, and the tests that reach it run, fastest
first, until one fails. What changes a message, an annotation, a docstring or `__all__` and nothing else is left out.

The result lists the survivors, each as the lines it changes. The reason why nothing need kill it is written there by
hand, under "why"; a rerun keeps the reasons of the mutants that are still the same. The command fails when a reason is
missing or less than 95 % are killed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import gc
import hashlib
import json
import os
import pathlib
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "tests" / "mutants"
BAR = 0.95
SHARED = ("test_core.py", "test_references.py", "test_package.py")  # of these the tests of the module's functions
# and of its own files all, where they are not named test_<module>*.py:
TESTS = {
    "_core": ("test_checks.py",),
    "classification": ("test_probabilities*.py", "test_margins*.py", "test_large_margin*.py"),
    "gan": ("test_gan*.py", "test_gradient_penalty*.py"),
    "overlap": ("test_overlap*.py", "test_masks*.py", "test_boxes*.py"),
}
TEXTS = {"name", "first_name", "message", "wanted", "what"}  # parameters of our checks that only go into messages


class Mutant(NamedTuple):
    function: str  # "l1_loss", "Kernel.forward", or "" for the module's own level
    source: str  # of the function, or of the statement at the module's level, mutated
    diff: list[str]


# What counts


def text_parameters(*trees: ast.Module) -> dict[str, list[str]]:
    """The functions that have parameters of TEXTS, with the names of all their parameters."""
    found = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if TEXTS.intersection(names):
                    found[node.name] = names
    return found


class Meaning(ast.NodeTransformer):
    """Takes out what does not count: annotations, docstrings, `__all__`, what is raised with an error, messages."""

    def __init__(self, texts: dict[str, list[str]]):
        self.texts = texts

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.Pass()
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return ast.Pass() if ast.unparse(node.targets[0]) == "__all__" else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args = []
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        names = self.texts.get(ast.unparse(node.func), [])
        for name, value in zip(names, node.args, strict=False):
            if name in TEXTS and not isinstance(value, ast.Starred):
                node.args[names.index(name)] = ast.Constant("text")
        for keyword in node.keywords:
            if keyword.arg in TEXTS.intersection(names):
                keyword.value = ast.Constant("text")
        return node


def meaning(source: str, texts: dict[str, list[str]]) -> str:
    """The source with everything taken out that does not count: two of equal meaning are no mutants of each other."""
    return ast.dump(Meaning(texts).visit(ast.parse(source)))


# The mutants


def mutants(path: pathlib.Path) -> tuple[list[Mutant], int]:
    """Those of a module, and how many mutmut made that do not count."""
    import libcst as cst
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    source = path.read_text(encoding="utf-8")
    texts = text_parameters(ast.parse(source), ast.parse((path.parent / "_core.py").read_text(encoding="utf-8")))
    tree, mutations, *_ = create_mutations(str(path), source)
    owner = {id(f): f.name.value for f in tree.body if isinstance(f, cst.FunctionDef)}
    for item in tree.body:
        if isinstance(item, cst.ClassDef):
            owner |= {id(f): f"{item.name.value}.{f.name.value}" for f in item.body.body if hasattr(f, "name")}
    found, left_out = [], 0
    for mutation in mutations:
        whole = mutation.contained_by_top_level_function
        if id(whole) not in owner:  # at the module's level, or among the statements of a class
            whole = next(s for s in tree.body if _contains(s, mutation.original_node))
        before = tree.code_for_node(whole.with_changes(leading_lines=[]))
        node = deep_replace(whole.with_changes(leading_lines=[]), mutation.original_node, mutation.mutated_node)
        after = tree.code_for_node(node)
        before, after = (_dedent(text) for text in (before, after))
        mutant = Mutant(owner.get(id(whole), ""), after, _changed(before, after))
        if meaning(before, texts) == meaning(after, texts):
            left_out += 1
        elif mutant not in found:
            found.append(mutant)
    return found, left_out


def _contains(node, part) -> bool:
    return node is part or any(_contains(child, part) for child in node.children)


def _dedent(text: str) -> str:
    """A method as it would stand outside its class; text in it may hang out to the left, so textwrap's won't do."""
    spare = len(text) - len(text.lstrip(" "))
    return "\n".join(line[spare:] if line[:spare].isspace() else line for line in text.split("\n"))


def _changed(before: str, after: str) -> list[str]:
    """The lines of the difference, without their places: the key under which a reason is kept."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line[0] + " " + line[1:].strip() for line in lines if line[:3] not in ("---", "+++") and line[0] in "-+"]


# Their trial


def put_in(module, mutant: Mutant) -> None:
    """Exchange the code of the mutant's function where it stands, so that whoever holds the function has the mutant."""
    code = compile("from __future__ import annotations\n" + mutant.source, module.__file__, "exec")
    if not mutant.function:
        exec(code, vars(module))
        return
    *classes, name = mutant.function.split(".")
    space = dict(vars(module))
    exec(code, space)
    old, new = vars(module), space[name]
    for class_name in classes:
        old = vars(old[class_name])
    old = old[name]
    old, new = getattr(old, "__func__", old), getattr(new, "__func__", new)
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__


class Trial:
    """A plugin of pytest that runs the collected tests once as they are, and then on every mutant."""

    def __init__(self, name: str, jobs: int, only: str | None, old: dict | None):
        self.name, self.jobs, self.only, self.old = name, jobs, only, old
        self.result: dict = {}

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Of the tests of all modules, those whose parameter is a function, a call or a case of this one."""
        from hypothesis import Phase, settings

        import lossutils

        # A failing example need not be made small, nor remembered. Fewer examples make a survivor cheaper, never fewer.
        quick = dict(phases=(Phase.explicit, Phase.generate), database=None, max_examples=20)
        settings.register_profile("mutants", settings.default, **quick)
        settings.load_profile("mutants")
        home = {name: f.__module__.split(".")[-1] for name, f in vars(lossutils).items() if callable(f)}
        # The core is tried by its own tests and by one family, which uses nearly all of it.
        family = "regression" if self.name == "_core" else self.name
        cases = import_module(f"calls.{family}").REFERENCES

        def ours(item) -> bool:
            if item.path.name not in SHARED:
                return True
            given = item.callspec.params if hasattr(item, "callspec") else {}
            if "case" in given:
                return given["case"]["loss"] in cases
            if "call" in given:
                return home[given["call"].function] == family
            return family in (given.get("module"), home.get(given.get("name")))

        items[:] = [item for item in items if ours(item)]

    def pytest_runtestloop(self, session) -> bool:
        module = sys.modules[f"lossutils.{self.name}"]
        found, left_out = mutants(pathlib.Path(module.__file__))
        if self.only is not None:
            found = [m for m in found if m.function == self.only]
        began = time.monotonic()
        reached = self.rehearse(session.items, module)
        print(f"\n{len(session.items)} tests in {time.monotonic() - began:.0f} s, {len(found)} mutants", flush=True)
        gc.freeze()  # or a collection in a fork would copy all there is
        outcomes = dict(self.judge(found, reached, module))
        counts = Counter(outcomes.values())
        self.result = {
            "killed": counts["killed"],
            "timeout": counts["timeout"],
            "survived": counts["survived"],
            "left out": left_out,
            "digests": digests(ast.parse(pathlib.Path(module.__file__).read_text(encoding="utf-8"))),
            "survivors": [
                {"function": m.function, "diff": m.diff, "why": ""}
                for i, m in enumerate(found)
                if outcomes[i] == "survived"
            ],
        }
        print(f"{time.monotonic() - began:.0f} s")
        return True

    def rehearse(self, items: list, module) -> dict:
        """Each test's duration and the lines of the functions of the module that it enters; all must pass."""
        from _pytest.runner import runtestprotocol

        reached = {}
        for item, following in zip(items, [*items[1:], None], strict=True):
            lines = set()

            def note(frame, event, _, lines=lines):
                if event == "call" and frame.f_code.co_filename == module.__file__:
                    lines.add(frame.f_code.co_firstlineno)

            began = time.monotonic()
            sys.settrace(note)
            reports = runtestprotocol(item, log=False, nextitem=following)
            sys.settrace(None)
            for report in reports:
                if report.failed:
                    sys.exit(f"{item.nodeid} fails without a mutant:\n{report.longreprtext}")
            named = getattr(module, item.callspec.params.get("name", ""), None) if hasattr(item, "callspec") else None
            if named is not None:  # a test of its signature does not enter it
                lines.add(named.__code__.co_firstlineno)
            reached[item] = time.monotonic() - began, lines
        return reached

    def judge(self, found: list[Mutant], reached: dict, module) -> Iterator[tuple[int, str]]:
        """The outcome of each mutant, by its number."""
        tree = ast.parse(pathlib.Path(module.__file__).read_text(encoding="utf-8"))
        spans = {name: _lines(node) for name, node in _functions(tree).items()}
        running: dict[int, int] = {}
        known = self.known(found, digests(tree))
        yield from known.items()
        waiting = [(i, m) for i, m in enumerate(found) if i not in known][::-1]
        while waiting or running:
            if waiting and len(running) < self.jobs:
                number, mutant = waiting.pop()
                first, last = spans.get(mutant.function, (0, float("inf")))
                chosen = [item for item, (_, lines) in reached.items() if any(first <= n <= last for n in lines)]
                chosen.sort(key=lambda item: reached[item][0])
                limit = 10 + 5 * sum(reached[item][0] for item in chosen)
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    self.try_one(mutant, chosen, module, limit)
                running[child] = number
                continue
            child, status = os.wait()
            number = running.pop(child)
            code = os.waitstatus_to_exitcode(status)
            outcome = "survived" if code == 0 else "timeout" if code == -signal.SIGALRM else "killed"
            if outcome == "survived":
                where = found[number].function or "the module"
                print(f"survived in {where}", *found[number].diff, sep="\n    ", flush=True)
            yield number, outcome

    def known(self, found: list[Mutant], now: dict[str, str]) -> dict[int, str]:
        """With --again: what the old result says of functions that are as they were, and of survivors with a reason."""
        if self.old is None:
            return {}
        same = {name for name, digest in now.items() if self.old["digests"].get(name) == digest}
        reasons = {key(s): s["why"] for s in self.old["survivors"]}
        outcomes = {i: reasons.get(key(m._asdict()), "killed") for i, m in enumerate(found) if m.function in same}
        return {i: "killed" if why == "killed" else "survived" for i, why in outcomes.items() if why}

    def try_one(self, mutant: Mutant, items: list, module, limit: float) -> None:
        """In the fork: exit with 0 if all tests pass on the mutant, with 1 at the first that fails."""
        from _pytest.runner import runtestprotocol

        code = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, limit)
            resource.setrlimit(resource.RLIMIT_AS, (32 << 30, 32 << 30))  # a mutant may ask for any number of bytes
            put_in(module, mutant)
            for item, following in zip(items, [*items[1:], None], strict=True):
                if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                    break
            else:
                code = 0
        finally:
            os._exit(code)


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Every function and method by its name."""
    bodies = [("", tree.body), *((f"{c.name}.", c.body) for c in tree.body if isinstance(c, ast.ClassDef))]
    return {prefix + f.name: f for prefix, body in bodies for f in body if isinstance(f, ast.FunctionDef)}


def _lines(node: ast.FunctionDef) -> tuple[int, int]:
    """Its first and last line."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno


def digests(tree: ast.Module) -> dict[str, str]:
    """What tells whether a function is as it was, but for its docstring and annotations."""
    nodes = {name: ast.dump(Meaning({}).visit(node)) for name, node in _functions(tree).items()}
    bodies = [tree.body, *(c.body for c in tree.body if isinstance(c, ast.ClassDef))]
    nodes[""] = str([ast.dump(s) for body in bodies for s in body if isinstance(s, ast.Assign | ast.AnnAssign)])
    return {name: hashlib.sha256(text.encode()).hexdigest()[:8] for name, text in nodes.items()}


# The result


def score(result: dict) -> float:
    """The part of the mutants that the tests notice; a test that does not end has noticed."""
    noticed = result["killed"] + result["timeout"]
    return noticed / (noticed + result["survived"])


def key(survivor: dict) -> tuple:
    """By what it is known again: where it is and what it changes, not its number or line."""
    return survivor["function"], *survivor["diff"]


def with_reasons(result: dict, old: dict) -> dict:
    """The reasons of an older result given to the same survivors."""
    reasons = {key(s): s["why"] for s in old.get("survivors", [])}
    return result | {"survivors": [s | {"why": reasons.get(key(s), "")} for s in result["survivors"]]}


def faults(result: dict) -> list[str]:
    """What is not as asked."""
    found = [] if score(result) >= BAR else [f"{score(result):.1%} are killed, less than {BAR:.0%}"]
    return found + [f"no reason for {s['function']}: {s['diff']}" for s in result["survivors"] if len(s["why"]) < 20]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", help="a module of lossutils, as regression")
    parser.add_argument("-k", dest="only", help="the mutants of one function only; nothing is written")
    parser.add_argument("--again", action="store_true", help="only what has changed or survived without a reason")
    parser.add_argument("-j", dest="jobs", type=int, default=1, help="how many at a time")
    options = parser.parse_args()
    import pytest
    import torch

    torch.set_num_threads(1)  # threads do not survive a fork
    os.chdir(ROOT)
    patterns = TESTS.get(options.module, (f"test_{options.module}*.py",))
    files = [f"tests/{name}" for name in SHARED]
    files += [str(p.relative_to(ROOT)) for pattern in patterns for p in sorted((ROOT / "tests").glob(pattern))]
    path = RESULTS / f"{options.module}.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    trial = Trial(options.module, options.jobs, options.only, old if options.again else None)
    sys.path.insert(0, str(ROOT))
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=short", *files], plugins=[trial])
    if not trial.result:
        return int(code) or 1
    result = with_reasons(trial.result, old)
    if options.only is None:
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{options.module}: {score(result):.1%}", {k: v for k, v in result.items() if isinstance(v, int)})
    print(*faults(result), sep="\n")
    return 1 if faults(result) else 0


if __name__ == "__main__":
    sys.exit(main())
