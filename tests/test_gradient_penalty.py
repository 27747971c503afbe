"""The gradient penalty: values by hand, double backward, and the critics that people have."""

import math
import re

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from lossutils import gradient_penalty

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


def by_hand(weight, real, fake, epsilon, target_norm=1.0):
    """The penalty of the critic Σ w x³/3, whose gradient is w x²: Gulrajani et al. (2017), equation 3."""
    total = 0.0
    for x, y, e in zip(real.flatten(1), fake.flatten(1), epsilon.flatten(), strict=True):
        point = e * x + (1 - e) * y
        total = total + ((weight * point**2).pow(2).sum().sqrt() - target_norm) ** 2
    return total / len(real)


def cubic(weight):
    return lambda x: (weight * x.flatten(1) ** 3 / 3).sum(1)


@pytest.mark.parametrize("target_norm", [1.0, 0, 2.5])
def test_value_and_gradient_by_hand(target_norm):
    """One ε a sample, weighing the real one; a norm over all of a sample's elements; the mean over samples."""
    real, fake = randn(4, 3, 2, seed=1), randn(4, 3, 2, seed=2)
    weight = randn(6, seed=3).requires_grad_()
    got = gradient_penalty(cubic(weight), real, fake, target_norm=target_norm, generator=seeded(5))
    epsilon = torch.rand(4, 1, 1, generator=seeded(5), dtype=F64)
    wanted = by_hand(weight, real, fake, epsilon, target_norm)
    torch.testing.assert_close(got, wanted)
    slopes = [torch.autograd.grad(v, weight)[0] for v in (got, wanted)]
    torch.testing.assert_close(*slopes)


def test_default_target_is_1_and_epsilon_uniform():
    """A linear critic of slope 3 costs (3 − 1)²; over many samples of 1 against 0 the points are uniform in [0, 1]."""
    assert gradient_penalty(lambda x: 3 * x, randn(4), randn(4)).item() == 4
    points = []
    gradient_penalty(lambda x: (points.append(x.detach()), x)[1], torch.ones(20_000), torch.zeros(20_000))
    ordered = points[0].sort().values
    assert (ordered - torch.linspace(0, 1, 20_000)).abs().max() < 0.02
    gradient_penalty(lambda x: (points.append(x.detach()), x)[1], torch.ones(3, 2, 2), torch.zeros(3, 2, 2))
    assert all(len(sample.unique()) == 1 for sample in points[1]) and len(points[1].unique()) == 3


def test_second_derivatives_in_the_weights():
    """The backward of the penalty is a double backward of the critic; the third and fourth order exist as well."""
    real, fake = randn(3, 2, seed=1), randn(3, 2, seed=2)

    def penalty(weight):
        return gradient_penalty(cubic(weight), real, fake, generator=seeded())

    weight = randn(2, seed=3).requires_grad_()
    assert gradcheck(penalty, (weight,)) and gradgradcheck(penalty, (weight,))


def test_samples_get_no_gradient():
    """It is a loss of the critic alone: a fake with a graph must not pull the generator."""
    real, fake = randn(3, 2, seed=1).requires_grad_(), randn(3, 2, seed=2).requires_grad_()
    weight = randn(2, seed=3).requires_grad_()
    gradient_penalty(cubic(weight), real, fake).backward()
    assert real.grad is None and fake.grad is None and weight.grad.isfinite().all()
    assert real.requires_grad and real.is_leaf


@pytest.mark.parametrize("target_norm", [0.0, 1.0])
def test_a_gradient_of_zero_is_no_nan(target_norm):
    """The norm has no derivative at 0: a root of a sum of squares gives NaN weights there."""
    weight = torch.zeros(2, requires_grad=True)
    loss = gradient_penalty(lambda x: x @ weight, torch.zeros(3, 2), torch.ones(3, 2), target_norm=target_norm)
    loss.backward()
    assert loss.item() == target_norm and torch.equal(weight.grad, torch.zeros(2))


def test_r1():
    """Target 0 with real samples on both sides: the mean squared gradient norm on the data, whatever ε is."""
    real, weight = randn(5, 2, seed=1), randn(2, seed=3)
    wanted = (weight * real**2).square().sum(1).mean()
    torch.testing.assert_close(gradient_penalty(cubic(weight), real, real, target_norm=0.0), wanted)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 1, 3, 2)])
def test_outputs_of_any_shape_are_summed(shape):
    """A row a sample, a column, or a map of patches, whose sum is differentiated."""
    size = math.prod(shape[1:])
    critic = lambda x: (2 * x.sum(1)).repeat_interleave(size).reshape(shape)  # noqa: E731
    got = gradient_penalty(critic, randn(5, 4), randn(5, 4, seed=1))
    assert got.item() == pytest.approx((2 * math.sqrt(4) * size - 1) ** 2, rel=1e-12)


class Block(torch.nn.Module):
    """A critic whose training mode writes to buffers, twice, and which recomputes its activations."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 8))
        self.norm = torch.nn.BatchNorm1d(8)
        self.last = torch.nn.Linear(8, 1)

    def forward(self, x):
        return checkpoint(lambda y: self.last(torch.tanh(self.norm(self.first(y)))), x, use_reentrant=False)


def test_critics_that_people_have():
    """Batch and spectral normalisation write to buffers, and checkpointing saves hooks: torch.func takes none of it."""
    critic = Block().train()
    loss = gradient_penalty(critic, torch.randn(6, 3), torch.randn(6, 3))
    loss.backward()
    assert all(p.grad is not None for n, p in critic.named_parameters() if n != "last.bias" and "norm.bias" not in n)


def test_without_a_graph():
    """For a validation curve: under no_grad and inference_mode there is a value, and nothing is kept."""
    weight = randn(2, seed=3).requires_grad_()
    real, fake = randn(3, 2, seed=1), randn(3, 2, seed=2)
    wanted = gradient_penalty(cubic(weight), real, fake, generator=seeded())
    assert wanted.requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            got = gradient_penalty(cubic(weight), real + 0, fake + 0, generator=seeded())
        assert torch.equal(got, wanted) and not got.requires_grad


def test_batch_normalisation_in_inference_mode():
    """A sample made there cannot require a gradient, and torch.func does not let the critic count its batches."""
    critic = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1)).train()
    with torch.inference_mode():
        loss = gradient_penalty(critic, torch.randn(6, 3), torch.randn(6, 3))
    assert loss.isfinite() and critic[0].num_batches_tracked == 1


def test_autocast():
    """The critic runs in half precision under autocast, and the penalty itself in float32."""
    critic = torch.nn.Linear(3, 1)
    real, fake = torch.randn(4, 3), torch.randn(4, 3, dtype=torch.bfloat16)
    seen = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = gradient_penalty(lambda x: (seen.append((x.dtype, critic(x).dtype)), critic(x))[1], real, fake)
    assert seen == [(torch.float32, torch.bfloat16)] and loss.dtype == torch.float32
    loss.backward()
    wanted = (critic.weight.detach().norm() - 1) ** 2
    assert loss.item() == pytest.approx(wanted.item(), abs=2e-2)


def test_half_precision_norms_in_float32():
    """The norm of 10⁵ slopes of 1 is 316; their sum of squares does not fit float16."""
    ones = torch.ones(2, 100_000, dtype=torch.float16)
    loss = gradient_penalty(lambda x: x.sum(1, dtype=torch.float32), ones, 0 * ones, target_norm=300.0)
    assert loss.dtype == torch.float16 and loss.item() == pytest.approx((math.sqrt(1e5) - 300) ** 2, rel=1e-3)


def test_transforms():
    """Per-critic gradients of an ensemble by vmap over grad, compiled and not, against the loop over critics."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    real, fake = randn(4, 3, seed=1), randn(4, 3, seed=1)  # equal, so that ε does not matter

    def penalty(parameters):
        return gradient_penalty(lambda x: functional_call(module, parameters, (x,)), real, fake)

    ensemble = [{k: v + 0.1 * i for k, v in module.named_parameters()} for i in range(3)]
    stacked = {k: torch.stack([e[k] for e in ensemble]).detach() for k in ensemble[0]}
    got = vmap(grad(penalty), randomness="different")(stacked)
    for i, parameters in enumerate(ensemble):
        leaves = {k: v.detach().requires_grad_() for k, v in parameters.items()}
        penalty(leaves).backward()
        for k, leaf in leaves.items():
            slope = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            torch.testing.assert_close(got[k][i], slope)
    torch._dynamo.reset()
    compiled = torch.compile(lambda: gradient_penalty(module, real, fake), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(), gradient_penalty(module, real, fake))
    with pytest.raises(ValueError, match=r"^critic must return a row of outputs"):
        vmap(lambda r: gradient_penalty(lambda x: x.sum(), r, r), randomness="same")(torch.ones(2, 3, 4))


def test_compiled_for_batches_of_changing_size():
    """torch.compile makes the size a symbol at the second one, such as the last batch of an epoch."""
    torch._dynamo.reset()
    critic = torch.nn.Linear(3, 1).double()
    compiled = torch.compile(lambda r, f: gradient_penalty(critic, r, f), fullgraph=True, backend="aot_eager")
    for n in (4, 3, 7):
        real, fake = randn(n, 3, seed=n), randn(n, 3)
        torch.testing.assert_close(compiled(real, fake), gradient_penalty(critic, real, fake))


def test_a_critic_of_nothing_under_transforms():
    """There torch.func gives slopes of 0 where torch.autograd can say that there are none."""
    flat = lambda x: x.detach().sum(1)  # noqa: E731
    got = vmap(lambda r: gradient_penalty(flat, r, r, target_norm=3.0), randomness="same")(randn(2, 4, 3))
    assert got.tolist() == [9, 9]


def test_autocast_with_float64():
    """float64 stays as it is under autocast, and is not mixed with float32."""
    critic = lambda x: (2 * x).sum(1)  # noqa: E731
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = gradient_penalty(critic, randn(4, 1), randn(4, 1), target_norm=0.5)
        with pytest.raises(TypeError, match="real and fake must have the same dtype"):
            gradient_penalty(critic, randn(4, 1), randn(4, 1).float())
    assert loss.item() == 2.25 and loss.dtype == F64


def test_critics_in_half_precision():
    """Layers of bfloat16 take no other samples: the points between are mixed in float32 and go back."""
    critic = torch.nn.Linear(3, 1, dtype=torch.bfloat16)
    loss = gradient_penalty(critic, randn(4, 3).bfloat16(), randn(4, 3, seed=1).bfloat16())
    assert loss.dtype == torch.bfloat16 and loss.isfinite()


# Errors

TWO = torch.zeros(2, 3)


def raises(kind, message, *arguments, **options):
    with pytest.raises(kind, match=message):
        gradient_penalty(*arguments, **options)


def test_options():
    """A target below 0 that no norm reaches, and a seed where a generator belongs."""
    for value in (-1e-9, math.inf, math.nan):
        raises(
            ValueError, "^target_norm must be a number of at least 0 and finite, got", sum, TWO, TWO, target_norm=value
        )
    raises(TypeError, "^target_norm must be a number .* got str$", sum, TWO, TWO, target_norm="1")
    raises(TypeError, r"^generator must be a torch.Generator or None, got int$", sum, TWO, TWO, generator=3)
    raises(TypeError, "^critic must be a callable from samples to outputs, got Tensor$", TWO, TWO, TWO)


def test_samples():
    """Unequal or empty batches, and a sample where a batch belongs."""
    critic = torch.nn.Linear(3, 1)
    raises(ValueError, r"^real and fake must have equal shapes, got \(2, 3\) and \(1, 3\)", critic, TWO, TWO[:1])
    raises(ValueError, r"^real must have the shape \(N, …\), got \(\)$", critic, TWO[0, 0], TWO[0, 0])
    raises(ValueError, r"undefined, got real of shape \(0, 3\)", critic, TWO[:0], TWO[:0])


def test_critics():
    """A critic that averages over the batch would shrink the gradient by N; one without a graph has none."""
    for outputs in (lambda x: x.mean(), lambda x: x.sum(0), lambda x: x[:1]):
        raises(
            ValueError,
            "^critic must return a row of outputs for each of the 2 samples, got the shape",
            outputs,
            TWO,
            TWO,
        )
    raises(TypeError, "^the critic's output must be a torch.Tensor, got float", lambda x: 1.0, TWO, TWO)
    raises(TypeError, "^the critic's output must be a floating-point tensor", lambda x: x.long(), TWO, TWO)
    weight = torch.ones(2, requires_grad=True)
    for critic in (lambda x: x.detach().sum(1), lambda x: 2 * weight):
        raises(ValueError, re.escape("critic must depend on its input, got outputs that torch"), critic, TWO, TWO)
