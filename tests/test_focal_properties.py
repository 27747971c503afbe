"""What the book claims of the focal family, on random inputs; and the pitfalls' figures."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lossutils import (
    balanced_binary_cross_entropy_with_logits,
    hard_example_mean,
    sigmoid_focal_loss,
    softmax_focal_loss,
)

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64
logits = st.lists(st.floats(-60, 60), min_size=1, max_size=8)
alphas = st.floats(0, 1)
gammas = st.floats(0, 5)


def of(loss, x, y, **options):
    x = torch.tensor(x, dtype=F64)
    return loss(x, torch.full_like(x, y), reduction="none", **options)


def close(a, b, rtol=1e-11, atol=1e-14):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


@given(logits, st.sampled_from([0.0, 1.0]), gammas, gammas)
def test_focusing_only_takes_away(x, y, a, b):
    """Never negative; falls with γ; at γ = 0 the cross entropy, which bounds it."""
    a, b = sorted((a, b))
    more, less = (of(sigmoid_focal_loss, x, y, alpha=None, gamma=g) for g in (a, b))
    assert (less >= 0).all() and (less <= more * (1 + 1e-12)).all()
    entropy = F.softplus((1 - 2 * y) * torch.tensor(x, dtype=F64), threshold=50)
    assert (more <= entropy * (1 + 1e-12)).all()
    close(of(sigmoid_focal_loss, x, y, alpha=None, gamma=0.0), entropy)


@given(logits, alphas, gammas)
def test_both_classes_are_mirror_images(x, alpha, gamma):
    """A positive at x with weight α costs what a negative at −x costs with weight 1 − α."""
    positive = of(sigmoid_focal_loss, x, 1.0, alpha=alpha, gamma=gamma)
    negative = of(sigmoid_focal_loss, [-v for v in x], 0.0, alpha=1 - alpha, gamma=gamma)
    close(positive, negative)
    close(positive, alpha * of(sigmoid_focal_loss, x, 1.0, alpha=None, gamma=gamma))
    close(
        of(sigmoid_focal_loss, x, 0.0, alpha=0.5, gamma=gamma),
        of(sigmoid_focal_loss, x, 0.0, alpha=None, gamma=gamma) / 2,
    )


@given(logits, alphas)
def test_balanced_weights_add_up(x, alpha):
    """α and 1 − α share the cross entropy."""
    shares = [of(balanced_binary_cross_entropy_with_logits, x, 1.0, alpha=a) for a in (alpha, 1 - alpha)]
    close(shares[0] + shares[1], F.softplus(-torch.tensor(x, dtype=F64), threshold=50))


@given(logits, st.floats(0, 5))
def test_the_loss_falls_as_the_prediction_gets_right(x, gamma):
    """The gradient of a positive is never above 0, of size at most α·(1 + γ/e)."""
    leaf = torch.tensor(x, dtype=F64, requires_grad=True)
    value = sigmoid_focal_loss(leaf, torch.ones_like(leaf), alpha=None, gamma=gamma, reduction="sum")
    (slope,) = torch.autograd.grad(value, leaf)
    assert (slope <= 0).all() and (slope >= -(1 + gamma / math.e)).all()


@given(st.integers(0, 10**6), gammas, st.floats(-50, 50))
def test_softmax_focal_ignores_a_constant(seed, gamma, constant):
    """Added to all logits of a sample; and the order of the classes does not matter."""
    g = torch.Generator().manual_seed(seed)
    x, y = torch.randn(4, 3, generator=g, dtype=F64), torch.randint(3, (4,), generator=g)
    value = softmax_focal_loss(x, y, gamma=gamma, reduction="none")
    assert (value >= 0).all()
    close(softmax_focal_loss(x + constant, y, gamma=gamma, reduction="none"), value, rtol=1e-9)
    close(softmax_focal_loss(x.flip(1), 2 - y, gamma=gamma, reduction="none"), value)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.integers(1, 15), st.randoms())
def test_hard_examples_lie_between_mean_and_maximum(losses, keep, random):
    """In any order; falls with keep; a constant added goes through."""
    x = torch.tensor(losses, dtype=F64)
    value = hard_example_mean(x, keep=keep)
    assert x.mean() - 1e-12 * 100 <= value <= x.max() + 1e-12 * 100
    assert hard_example_mean(x, keep=keep + 1) <= value + 1e-12 * 100
    random.shuffle(losses)
    close(hard_example_mean(torch.tensor(losses, dtype=F64), keep=keep), value, atol=1e-12)
    close(hard_example_mean(x + 3, keep=keep), value + 3, atol=1e-12)
    # What is left out counts as if it were not there.
    padded, ignore = torch.cat([x, x + 500]), torch.arange(2 * len(x)) >= len(x)
    close(hard_example_mean(padded, keep=keep, ignore=ignore), value, atol=1e-12)


# The figures of the pitfalls


def test_pitfall_all_anchors_or_positives():
    """13a: α = 0.25 weighs positives by 0.25; dividing by all anchors instead of the positives is N/N₊ smaller."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(1180, generator=g), torch.zeros(1180)
    y[:10] = 1
    right = sigmoid_focal_loss(x, y, normalizer=y.sum())
    assert (right / sigmoid_focal_loss(x, y)).item() == pytest.approx(118, rel=1e-5)
    one = torch.zeros(1)
    assert sigmoid_focal_loss(one, torch.ones(1)).item() == pytest.approx(0.25 * 0.25 * math.log(2))
    assert sigmoid_focal_loss(one, torch.zeros(1)).item() == pytest.approx(0.75 * 0.25 * math.log(2))


def test_pitfall_p_of_the_mean():
    """13b: p_t = exp(−mean CE), or of the weighted CE, is not p_t of each sample."""
    x, y = torch.tensor([4.0, 3.0, -2.0], dtype=F64), torch.ones(3, dtype=F64)
    entropy = F.binary_cross_entropy_with_logits(x, y)
    blog = (1 - torch.exp(-entropy)) ** 2 * entropy
    right = sigmoid_focal_loss(x, y, alpha=None)
    p = torch.sigmoid(x)
    close(right, (-((1 - p) ** 2) * p.log()).mean())
    assert right > 2 * blog
    assert math.exp(-0.25 * 0.0356) == pytest.approx(0.991, abs=5e-4) and math.exp(-0.0356) == pytest.approx(
        0.965, abs=5e-4
    )


def test_pitfall_divided_by_the_classes_too():
    """13c: kornia's mean divides by N·C, so ours is C times as large: 10 for 10 classes."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(6, 10, generator=g, dtype=F64), torch.randint(10, (6,), generator=g)
    one_hot, p = F.one_hot(y, 10), x.softmax(1)
    by_elements = (-one_hot * (1 - p) ** 2 * p.log()).mean()
    assert (softmax_focal_loss(x, y) / by_elements).item() == pytest.approx(10.0, rel=1e-12)
