"""The package as a whole: what an import loads, what it offers, and that the docstrings tell the truth."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lossutils

# API.md's table of the regression family; each later family adds its own.
SIGNATURES = {
    "l1_loss": "(input, target, *, reduction='mean')",
    "mse_loss": "(input, target, *, reduction='mean')",
    "log_cosh_loss": "(input, target, *, reduction='mean')",
    "smooth_l1_loss": "(input, target, *, beta=1.0, reduction='mean')",
    "huber_loss": "(input, target, *, delta=1.0, reduction='mean')",
    "quantile_loss": "(input, target, *, q, reduction='mean')",
    "rmse_loss": "(input, target)",
    "general_robust_loss": "(input, target, *, alpha, scale, reduction='mean')",
    "adaptive_robust_loss": "(input, target, *, alpha, scale, reduction='mean')",
    "poisson_nll_loss": "(input, target, *, log_input=True, full=False, eps=1e-08, reduction='mean')",
    "gaussian_nll_loss": "(input, target, var, *, full=False, eps=1e-06, reduction='mean')",
}
MODULES = ["regression"]
ROOT = Path(lossutils.__file__).parent
every_function = pytest.mark.parametrize("name", sorted(SIGNATURES))


def test_import_loads_torch_and_nothing_else():
    """The losses are for training jobs: no plotting, no widgets, not even numpy on our account."""
    script = (
        "import sys, torch; before = set(sys.modules); import lossutils; "
        "print(sorted({m for m in set(sys.modules) - before}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    modules = [m for m in re.findall(r"'([\w.]+)'", loaded) if m.split(".")[0] not in sys.stdlib_module_names]
    assert modules and all(m == "lossutils" or m.startswith(("lossutils.", "torch.")) for m in modules)
    assert not any(m.startswith("lossutils.learn") for m in modules)


def test_losses_import_torch_only():
    """The same, read from the source: torch may itself have loaded what we would import."""
    for path in ROOT.glob("*.py"):
        for package in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.M):
            assert package in {"torch", "lossutils"} | sys.stdlib_module_names, f"{path.name} imports {package}"
        assert "lossutils.learn" not in path.read_text()


def test_exports():
    """A function added and not exported, or exported and not in the table."""
    exported = [name for module in MODULES for name in importlib.import_module(f"lossutils.{module}").__all__]
    assert sorted(lossutils.__all__) == sorted(exported) == sorted(SIGNATURES)
    assert all(callable(getattr(lossutils, name)) for name in SIGNATURES)


@every_function
def test_signature(name):
    """The signature is the promise to every reader's code."""
    signature = inspect.signature(getattr(lossutils, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == SIGNATURES[name]
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())
    assert signature.return_annotation == "Tensor"


@every_function
def test_docstring(name):
    """Every docstring has its parts, in one order, and names each argument."""
    doc = inspect.getdoc(getattr(lossutils, name))
    parts = [".. math::", "Args:", "Shape:", "Convention:", "Raises:", "Source:", "Example:"]
    places = [doc.find(part) for part in parts]
    assert min(places) > 0 and places == sorted(places)
    assert doc.splitlines()[0].endswith(".") and doc.splitlines()[1] == ""
    described = re.findall(r"^ {4}(\w+): ", doc[doc.index("Args:") : doc.index("Shape:")], flags=re.M)
    assert described == list(inspect.signature(getattr(lossutils, name)).parameters)


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    """The examples in the docstrings are true."""
    results = doctest.testmod(importlib.import_module(f"lossutils.{module}"))
    assert results.failed == 0 and results.attempted >= 3 * len(SIGNATURES)


def test_typed():
    """Type checkers read the annotations only if the marker is shipped."""
    assert (ROOT / "py.typed").exists()


@every_function
def test_runs_on_tensors_that_need_no_gradient(name):
    """Under torch.no_grad and inference_mode a loss is only a number."""
    options = {"quantile_loss": {"q": 0.5}, "gaussian_nll_loss": {"var": torch.ones(3)}}.get(name, {})
    if "robust" in name:
        options = {"alpha": torch.tensor(1.0), "scale": 1.0}
    with torch.inference_mode():
        assert getattr(lossutils, name)(torch.ones(3), torch.zeros(3), **options).isfinite()
