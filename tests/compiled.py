"""Every function under torch.compile with inductor, which writes and compiles C++: value, gradients and vmap.

`make compiled` runs this file; its name keeps it out of `make test`, where tests/test_core.py compiles every call up to
the code that inductor would be given.
"""

import torch
from calls import generator
from test_core import every, every_call, stacked, value_and_gradients
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_map_only


def compiled(function):
    """By inductor, in one graph."""
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend="inductor")


@every_call
def test_value_and_gradients(call):
    """A kernel that inductor fuses wrongly, a backward that it can't trace."""
    arguments = call.draw(generator())
    fast = call._replace(loss=compiled(call.loss))
    if call.learn:
        torch.testing.assert_close(value_and_gradients(fast, arguments), value_and_gradients(call, arguments))
    else:
        torch.testing.assert_close(fast.loss(*arguments), call.loss(*arguments))


@every_call
def test_float32(call):
    """The precision of training; values to float32's digits."""
    arguments = call.draw(generator())
    arguments = tree_map_only(Tensor, lambda a: a.float() if a.is_floating_point() else a, arguments)
    torch.testing.assert_close(compiled(call.loss)(*arguments), call.loss(*arguments), rtol=1e-5, atol=1e-6)


@every(lambda call: call.vmaps)
def test_vmap(call):
    """An ensemble as one compiled graph. Mapped gradients are left out: torch 2.13 compiles none of the functions that
    have a backward pass of their own ("You tried to vmap over ApplyTemplate"); uncompiled, test_core.py maps them.
    """
    arguments, axes = stacked([call.draw(generator(seed)) for seed in range(3)])
    mapped = vmap(call.loss, in_dims=axes)
    torch.testing.assert_close(compiled(mapped)(*arguments), mapped(*arguments))
