"""Random data and comparisons for the tests of the margin losses."""

import math

import mpmath as mp
import torch

F64 = torch.float64


def drawn(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def chosen(classes, *shape, seed=0):
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


def value_and_slope(loss, x, *rest, **options):
    """The loss of each sample and the gradient of their sum in the first argument."""
    x = x.detach().clone().requires_grad_()
    values = loss(x, *rest, reduction="none", **options)
    return values.detach(), torch.autograd.grad(values.sum(), x)[0]


def assert_near(got, wanted, rtol):
    """Hold a tensor against mpmath numbers; where those overflow the dtype, only infinity will do."""
    largest, least = torch.finfo(got.dtype).max, torch.finfo(got.dtype).tiny
    for g, w in zip(got.tolist(), wanted, strict=True):
        if abs(w) > largest:
            assert math.isinf(g) and (g > 0) == (w > 0)
        else:
            assert abs(g - w) <= rtol * abs(w) + least, f"got {g}, wanted {mp.nstr(w, 17)}"
