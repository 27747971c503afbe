"""Numbers from other libraries' tests; the source of each stands in reference_cases.json."""

import json
from pathlib import Path

import pytest
import torch
from calls import all_not_applicable, all_references

CASES = json.loads((Path(__file__).parent / "reference_cases.json").read_text())["cases"]
ADAPTERS = all_references()
NOT_APPLICABLE = all_not_applicable()


def numbers(value):
    """JSON has no infinity, so there it is a string."""
    return [numbers(v) for v in value] if isinstance(value, list) else float(value) if isinstance(value, str) else value


def tensor(value):
    """Integers stay integers; floats are read in float64, for float32 would round them on the way."""
    whole = torch.tensor(numbers(value))
    return torch.tensor(numbers(value), dtype=torch.float64) if whole.is_floating_point() else whole


@pytest.mark.parametrize("case", [c for c in CASES if c["id"] not in NOT_APPLICABLE], ids=lambda case: case["id"])
def test_reference_case(case):
    """A convention that differs from the one documented, or a wrong formula."""
    inputs = [tensor(value) for value in case["inputs"].values()]
    options = {k: float(v) if v == "-inf" else v for k, v in case["params"].items()}
    if inputs[0].is_floating_point():
        inputs[0].requires_grad_()
    got = ADAPTERS[case["loss"]](*inputs, **options)
    wanted = tensor(case["expected"]).to(got.dtype)
    torch.testing.assert_close(got.detach(), wanted, rtol=case["rtol"], atol=case["atol"])
    if "expected_grad" in case:
        (slope,) = torch.autograd.grad(got.sum(), inputs[0], create_graph=True)
        torch.testing.assert_close(slope.detach(), tensor(case["expected_grad"]))
        if "expected_hess" in case:
            (bend,) = torch.autograd.grad(slope.sum(), inputs[0])
            torch.testing.assert_close(bend, tensor(case["expected_hess"]))


def test_every_case_is_used_or_excused():
    """A case forgotten, or excused although there is none of that name."""
    known = {case["id"] for case in CASES}
    assert len(known) == len(CASES) and set(NOT_APPLICABLE) <= known
    assert {c["loss"] for c in CASES if c["id"] not in NOT_APPLICABLE} == set(ADAPTERS)
    assert all(len(reason) > 20 for reason in NOT_APPLICABLE.values())
