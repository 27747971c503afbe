"""What all functions share: reductions, checks, dtypes, gradients, empty batches, autocast, torch.compile and vmap."""

import inspect
from functools import partial

import pytest
import torch
from calls import all_calls, cast, each_tensor, generator
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, vmap
from torch.utils import _pytree as pytree

import lossutils

CALLS = all_calls()
FLOATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def every(holds=lambda call: True):
    calls = [call for call in CALLS if holds(call)]
    return pytest.mark.parametrize("call", calls, ids=[call.name for call in calls])


every_call = every()
every_reducing = every(lambda call: call.divisor is not None)
every_learning = every(lambda call: call.learn)


def learning(call, arguments):
    """The arguments, those to learn as leaves of a fresh graph; and the leaves."""
    arguments = each_tensor(lambda t: t.detach().clone(), arguments)
    leaves = pytree.tree_leaves([arguments[i] for i in call.learn])
    for leaf in leaves:
        leaf.requires_grad_()
    return arguments, leaves


def value_and_gradients(call, arguments):
    """A scalar of the call's result, and its gradients; the weights tell the elements of a result apart."""
    arguments, leaves = learning(call, arguments)
    value = call.loss(*arguments)
    weights = (torch.arange(value.numel()) % 8 / 8 + 0.5).to(value.dtype).reshape(value.shape)  # exact in any dtype
    return value.detach(), torch.autograd.grad((value * weights).sum(), leaves)


def names(call):
    """The names of the positional arguments."""
    return list(inspect.signature(getattr(lossutils, call.function)).parameters)


def test_every_function_has_a_call():
    """A function that none of the tests below would see."""
    assert {call.function for call in CALLS} == set(lossutils.__all__)
    assert len({call.name for call in CALLS}) == len(CALLS)


# Reductions


@every_reducing
def test_reductions(call):
    """ "mean" is the default and divides by what API.md says, "sum" is the sum of "none"."""
    arguments = call.draw(generator())
    values = call.loss(*arguments, reduction="none")
    assert values.shape == (call.per(*arguments) if call.per else arguments[0].shape)
    torch.testing.assert_close(call.loss(*arguments, reduction="sum"), values.sum())
    torch.testing.assert_close(call.loss(*arguments, reduction="mean"), values.sum() / call.divisor(*arguments))
    assert torch.equal(call.loss(*arguments), call.loss(*arguments, reduction="mean"))


@every_reducing
@pytest.mark.parametrize("reduction", [None, "Mean", "batchmean", True, 0])
def test_unknown_reduction(call, reduction):
    """PITFALLS: reduction=None means "none" in some libraries; here the word must be right."""
    with pytest.raises(ValueError, match=f'^reduction must be "none", "mean" or "sum", got {reduction!r}$'):
        call.loss(*call.draw(generator()), reduction=reduction)


# Shapes, dtypes, devices


def replaced(call, arguments, change):
    """Each positional tensor in turn changed, with its name."""
    for i, (name, value) in enumerate(zip(names(call), arguments, strict=False)):
        if isinstance(value, Tensor):
            yield name, value, (*arguments[:i], change(value), *arguments[i + 1 :])


@every_call
def test_other_types(call):
    """What is no tensor, or one of the wrong kind of numbers, is named, and the message says how to convert it."""
    arguments = call.draw(generator())
    for name, value, wrong in replaced(call, arguments, lambda t: t.tolist()):
        with pytest.raises(TypeError, match=f"^{name} must be a .*got {type(value.tolist()).__name__}"):
            call.loss(*wrong)
    for name, _, wrong in replaced(call, arguments, lambda t: t.to(torch.complex64)):
        with pytest.raises(TypeError, match=rf"^{name} must .*got torch.complex64"):
            call.loss(*wrong)
    for name, value, wrong in replaced(call, arguments, lambda t: t.long() if t.is_floating_point() else t.double()):
        cure = "float" if value.is_floating_point() else "long"
        with pytest.raises(TypeError, match=rf"^{name} must .*{name}.{cure}\(\)"):
            call.loss(*wrong)


@every_call
def test_unequal_dtypes_and_devices(call):
    """A silent promotion to float64 doubles the memory of a training step."""
    arguments = call.draw(generator())
    floats = [v for v in pytree.tree_leaves(arguments) if isinstance(v, Tensor) and v.is_floating_point()]
    for _, value, wrong in replaced(call, arguments, lambda t: t.float()):
        if value.is_floating_point() and len(floats) > 1:
            with pytest.raises(TypeError, match=r"must have the same dtype, got torch.float(32|64) and torch.float"):
                call.loss(*wrong)
    if len([v for v in arguments if isinstance(v, Tensor)]) > 1:
        for _, _, wrong in replaced(call, arguments, lambda t: t.to("meta")):
            with pytest.raises(ValueError, match=r"must be on the same device, got (cpu|meta) and (cpu|meta)"):
                call.loss(*wrong)


@every_call
def test_another_device(call):
    """A tensor made on the CPU inside a loss fails on a GPU; on the meta device, which has no numbers, it does too."""
    arguments = call.draw(generator())
    wanted = call.loss(*arguments)
    loss = call.loss
    if isinstance(loss, partial):
        loss = partial(loss.func, *loss.args, **each_tensor(lambda t: t.to("meta"), loss.keywords))
    got = loss(*each_tensor(lambda t: t.to("meta"), arguments))
    assert got.is_meta and (got.shape, got.dtype) == (wanted.shape, wanted.dtype)


@every_call
def test_shapes_that_do_not_fit(call):
    """PITFALLS: (4, 1) against (4,) broadcasts to (4, 4) in torch, with only a warning."""
    arguments = call.draw(generator())
    if len([v for v in arguments if isinstance(v, Tensor)]) > 1:
        shorter = [lambda t: t[:-1]] if call.batch else []  # without a common batch, another length may be right
        for change in (lambda t: t.unsqueeze(-1), lambda t: t.unsqueeze(0), *shorter):
            for _, _, wrong in replaced(call, arguments, change):
                with pytest.raises(ValueError, match=r"got .*\("):
                    call.loss(*wrong, **({} if call.pairs else {"reduction": "none"}))


@every_call
def test_strides_do_not_matter(call):
    """A kernel that reads memory in order."""
    arguments = call.draw(generator())
    strided = each_tensor(lambda t: t.repeat_interleave(2, -1)[..., ::2] if t.dim() else t, arguments)
    torch.testing.assert_close(call.loss(*strided), call.loss(*arguments))


@every_call
def test_arguments_stay_as_they_are(call):
    """An operation in place would change the caller's data."""
    arguments = call.draw(generator())
    before = each_tensor(lambda t: t.clone(), arguments)
    if call.learn:
        value_and_gradients(call, arguments)
    call.loss(*arguments)
    for now, then in zip(pytree.tree_leaves(arguments), pytree.tree_leaves(before), strict=True):
        assert torch.equal(now, then) if isinstance(now, Tensor) else now is then


@every_call
def test_without_gradients(call):
    """Under inference_mode a loss is only a number."""
    arguments = call.draw(generator())
    with torch.inference_mode():
        torch.testing.assert_close(call.loss(*arguments), call.loss(*arguments))


# Precision


@every_call
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_dtype_of_result_and_gradient(call, dtype):
    """The dtype comes out that went in; half precision is computed in float32 and rounded once."""
    arguments = cast(call.draw(generator()), dtype)
    if not call.learn:
        assert call.loss(*arguments).dtype == dtype
        return
    value, gradients = value_and_gradients(call, arguments)
    assert {value.dtype, *(g.dtype for g in gradients)} == {dtype}
    assert value.isfinite().all() and all(g.isfinite().all() for g in gradients)
    if dtype.itemsize < 4:
        wide, wide_gradients = value_and_gradients(call, cast(arguments, torch.float32))
        assert torch.equal(value, wide.to(dtype))
        torch.testing.assert_close(gradients, tuple(g.to(dtype) for g in wide_gradients))


@every_call
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast(call, dtype):
    """Under autocast a half-precision prediction meets targets in float32; the loss is float32."""
    arguments = cast(call.draw(generator()), torch.float32)
    first, *rest = arguments
    mixed = (each_tensor(lambda t: t.to(dtype) if t.is_floating_point() else t, (first,))[0], *rest)
    rounded = cast(mixed, torch.float32)
    with torch.autocast("cpu", dtype=dtype):
        value = call.loss(*mixed)
        assert value.dtype == torch.float32
        torch.testing.assert_close(call.loss(*rounded), call.loss(*mixed), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(value, call.loss(*rounded), rtol=1e-6, atol=1e-6)


# Gradients


@every(lambda call: call.learn and call.exact)
def test_gradients_and_second_derivatives(call):
    """A gradient cut, doubled or of the wrong sign, towards any argument."""
    arguments, leaves = learning(call, call.draw(generator(1)))

    def of(*new):
        new = list(new)
        swap = {id(old): call.through(fresh) for old, fresh in zip(leaves, new, strict=True)}
        return call.loss(*each_tensor(lambda t: swap.get(id(t), t), arguments))

    assert gradcheck(of, tuple(leaves))
    if call.twice:
        # gradgradcheck differentiates what backward gives while it is recorded: the gradient checked above, or another.
        values = of(*leaves)
        weights = torch.linspace(0.5, 1.5, values.numel(), dtype=values.dtype).reshape(values.shape)
        recorded = torch.autograd.grad(values, leaves, weights, create_graph=True)
        slopes = torch.autograd.grad(values, leaves, weights)
        torch.testing.assert_close(tuple(slope.detach() for slope in recorded), slopes, rtol=1e-12, atol=1e-14)
        assert gradgradcheck(of, tuple(leaves), atol=1e-4)


# Empty batches


@every(lambda call: call.divisor is not None and call.batch)
def test_an_empty_batch(call):
    """torch's mean over nothing is a silent NaN; here it is an error, and the sum is a 0 that back-propagates."""
    arguments = each_tensor(lambda t: t[:0], call.draw(generator()))
    with pytest.raises(ValueError, match=r"mean over an empty batch is undefined, got [\w\[\]]+ of shape \(0"):
        call.loss(*arguments)
    arguments, leaves = learning(call, arguments)
    value = call.loss(*arguments, reduction="sum")
    assert value.item() == 0
    for leaf, slope in zip(leaves, torch.autograd.grad(value, leaves) if leaves else (), strict=True):
        assert slope.shape == leaf.shape and not slope.any()


# torch.compile and vmap


def stacked(draws):
    """The draws' tensors stacked, and the axes along which vmap takes them apart again."""
    together = pytree.tree_map(lambda *ts: torch.stack(ts) if isinstance(ts[0], Tensor) else ts[0], *draws)
    return together, pytree.tree_map(lambda t: 0 if isinstance(t, Tensor) else None, together)


@every_call
def test_compiles_without_a_graph_break(call):
    """A check that reads a value would break the graph; the compiled value and gradients are the eager ones."""
    arguments = call.draw(generator())
    torch._dynamo.reset()
    compiled = call._replace(loss=torch.compile(call.loss, fullgraph=True, backend="aot_eager"))
    if call.learn:
        torch.testing.assert_close(value_and_gradients(compiled, arguments), value_and_gradients(call, arguments))
    else:
        torch.testing.assert_close(compiled.loss(*arguments), call.loss(*arguments))


@every(lambda call: call.vmaps)
@pytest.mark.filterwarnings("error")  # torch warns of an operation that it maps by a slow loop
def test_vmap(call):
    """Ensembles and per-sample gradients: mapping over stacked arguments is the loop over them."""
    draws = [call.draw(generator(seed)) for seed in range(3)]
    together, axes = stacked(draws)
    wanted = torch.stack([call.loss(*arguments) for arguments in draws])
    torch.testing.assert_close(vmap(call.loss, in_dims=axes)(*together), wanted)
    if call.learn and isinstance(draws[0][call.learn[0]], Tensor):
        slope = grad(lambda *a: call.loss(*a).sum(), argnums=call.learn[0])
        wanted = torch.stack([slope(*arguments) for arguments in draws])
        torch.testing.assert_close(vmap(slope, in_dims=axes)(*together), wanted)
