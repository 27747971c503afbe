"""What the losses of embeddings refuse, what the book claims of them on random inputs, and the pitfalls' figures."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from lossutils import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    info_nce_loss,
    margin_ranking_loss,
    pairwise_contrastive_loss,
    triplet_margin_loss,
)

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64
seeds = st.integers(0, 10**6)
factors = st.floats(1e-3, 1e3)


def close(a, b, rtol=1e-11, atol=1e-12):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def rows(seed, count, n=5, d=3):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=g, dtype=F64) for _ in range(count)]


def labels(seed, n=5):
    return 2 * torch.randint(2, (n,), generator=torch.Generator().manual_seed(seed)).double() - 1


# Checks

TWO = torch.ones(2, 3, dtype=F64)
ONE = torch.ones(2, dtype=F64)
FINITE = [
    (lambda **o: margin_ranking_loss(ONE, ONE, ONE, **o), "of at least 0 and finite", (-1e-9, math.inf, math.nan), 0),
    (lambda **o: hinge_embedding_loss(ONE, ONE, **o), "above 0 and finite", (0.0, -1.0, math.inf, math.nan), 1e-9),
    (lambda **o: pairwise_contrastive_loss(ONE, ONE, **o), "above 0 and finite", (0.0, math.inf, math.nan), 1e-9),
    (lambda **o: triplet_margin_loss(TWO, TWO, TWO, **o), "above 0 and finite", (0.0, math.inf, math.nan), 1e-9),
    (lambda **o: cosine_embedding_loss(TWO, TWO, ONE, **o), "from -1 to 1", (-1.001, 1.001, math.nan), -1),
]


@pytest.mark.parametrize("call, wanted, wrong, right", FINITE)
def test_margins_are_checked(call, wanted, wrong, right):
    """An option out of range would give a plausible number."""
    for value in wrong:
        with pytest.raises(ValueError, match=f"^margin must be a number {wanted}, got {value}$"):
            call(margin=value)
    with pytest.raises(TypeError, match=f"^margin must be a number {wanted}, got str$"):
        call(margin="1")
    assert call(margin=right).isfinite() and call(margin=1).isfinite()


def test_labels_are_checked():
    """PITFALLS 20: a label of 0 gives 0, or the sum of both branches, in silence in torch."""
    wrong = torch.tensor([1.0, 0.0], dtype=F64)
    assert F.cosine_embedding_loss(TWO, TWO, wrong, reduction="none")[1] == 0
    assert F.hinge_embedding_loss(ONE, wrong, margin=3.0, reduction="none")[1] == 1 + (3 - 1)
    for call in (
        lambda: margin_ranking_loss(ONE, ONE, wrong),
        lambda: hinge_embedding_loss(ONE, wrong),
        lambda: cosine_embedding_loss(TWO, TWO, wrong),
    ):
        with pytest.raises(ValueError, match=r"^target must hold labels of \+1 and -1, got 0$"):
            call()


def test_distances_are_checked():
    """PITFALLS 5: a score fed as a distance shows by its sign."""
    for loss in (hinge_embedding_loss, pairwise_contrastive_loss):
        with pytest.raises(ValueError, match=r"^distance must hold distances of at least 0, got -0.5$"):
            loss(torch.tensor([0.0, -0.5], dtype=F64), ONE)
        # Values can't be read under vmap.
        assert vmap(loss)(torch.tensor([[0.0, -0.5]], dtype=F64), ONE[None]).shape == (1,)


def test_same_is_checked():
    """Labels of another kind, integers among them, would be read as numbers."""
    for value in (-1.0, 0.5, 2.0, math.nan):
        with pytest.raises(ValueError, match=f"^same must hold 0 and 1, got {value:g}$"):
            pairwise_contrastive_loss(ONE, torch.tensor([1.0, value], dtype=F64))
    with pytest.raises(TypeError, match=r"same must be a floating-point tensor, got torch.int64: .*same.float\(\)"):
        pairwise_contrastive_loss(ONE, torch.ones(2, dtype=torch.int64))
    flags = torch.tensor([True, False])
    with pytest.raises(TypeError, match=r"^distance must be a floating-point tensor, got torch.int64"):
        pairwise_contrastive_loss(torch.ones(2, dtype=torch.int64), flags)
    with pytest.raises(ValueError, match="distance and same must be on the same device, got cpu and meta"):
        pairwise_contrastive_loss(ONE, flags.to("meta"))
    with pytest.raises(ValueError, match=r"distance and same must have equal shapes, got \(2,\) and \(1, 2\)"):
        pairwise_contrastive_loss(ONE, flags[None])
    with pytest.raises(ValueError, match="got distance of shape"):
        pairwise_contrastive_loss(ONE[:0], flags[:0])


def test_rows_are_checked():
    """Only (N, D): one row as a vector, or a stack of matrices, would average over another dimension."""
    for x in (ONE, TWO[None]):
        with pytest.raises(ValueError, match=r"^input1 must have the shape \(N, D\), got"):
            cosine_embedding_loss(x, x, ONE)
        with pytest.raises(ValueError, match=r"^anchor must have the shape \(N, D\), got"):
            triplet_margin_loss(x, x, x)
        with pytest.raises(ValueError, match=r"^query must have the shape \(N, D\), got"):
            info_nce_loss(x, x)
    for other in (TWO[:1], TWO[:, :1]):
        with pytest.raises(ValueError, match=r"^input1 and input2 must have equal shapes"):
            cosine_embedding_loss(TWO, other, ONE)
        with pytest.raises(ValueError, match=r"^query and key must have equal shapes"):
            info_nce_loss(TWO, other)
    for wrong in (ONE[:1], ONE[:, None], ONE[0]):
        with pytest.raises(ValueError, match=r"^target must have the shape \(N,\) = \(2,\), got \("):
            cosine_embedding_loss(TWO, TWO, wrong)


def test_triplet_options_are_checked():
    """p below 1 is no norm; swap is a flag."""
    for p in (0.99, 0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"^p must be a number of at least 1, got {p}$"):
            triplet_margin_loss(TWO, TWO, TWO, p=p)
    with pytest.raises(TypeError, match=r"^p must be a number of at least 1, got NoneType$"):
        triplet_margin_loss(TWO, TWO, TWO, p=None)
    with pytest.raises(TypeError, match=r"^swap must be True or False, got 1$"):
        triplet_margin_loss(TWO, TWO, TWO, swap=1)


def test_info_nce_options_are_checked():
    """A temperature of 0 divides by 0; one a row or column is not what the formula says."""
    for value in (0.0, -0.1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"^temperature must be a number above 0 and finite, got {value}$"):
            info_nce_loss(TWO, TWO, temperature=value)
        with pytest.raises(ValueError, match=f"^temperature must be above 0 and finite, got {value:g}$"):
            info_nce_loss(TWO, TWO, temperature=torch.tensor(value, dtype=F64))
    with pytest.raises(
        ValueError, match=r"^temperature must be a number or a tensor of shape \(\), got the shape \(3,"
    ):
        info_nce_loss(TWO, TWO, temperature=torch.ones(3, dtype=F64))
    with pytest.raises(TypeError, match=r"^temperature must be a number above 0 and finite, got str"):
        info_nce_loss(TWO, TWO, temperature="0.1")
    with pytest.raises(TypeError, match=r"^symmetric must be True or False, got None"):
        info_nce_loss(TWO, TWO, symmetric=None)
    assert info_nce_loss(TWO.float(), TWO.float(), temperature=torch.tensor(0.1)).dtype == torch.float32


def test_nan_in_the_data_stays_visible():
    """A NaN swallowed by a clamp would hide a broken batch."""
    bad = TWO.clone()
    bad[0, 1] = math.nan
    for target in (ONE, -ONE):
        assert margin_ranking_loss(bad[0, 1:], ONE, target, reduction="none").isnan().tolist() == [True, False]
        assert hinge_embedding_loss(bad[0, 1:], target, reduction="none").isnan().tolist() == [True, False]
        for pair in ((bad, TWO), (TWO, bad)):
            assert cosine_embedding_loss(*pair, target, reduction="none").isnan().tolist() == [True, False]
    assert triplet_margin_loss(TWO, TWO, bad, reduction="none").isnan().tolist() == [True, False]
    assert info_nce_loss(bad, TWO, reduction="none").isnan()[0]


# Properties


@given(seeds, st.floats(0, 3))
def test_margin_ranking_is_a_hinge_on_the_difference(seed, margin):
    """Swapping the scores and the label, or a constant added to both, changes nothing."""
    (x,), y = rows(seed, 1, n=2), labels(seed, 3)
    a, b = x
    value = margin_ranking_loss(a, b, y, margin=margin, reduction="none")
    assert (value >= 0).all()
    close(margin_ranking_loss(b, a, -y, margin=margin, reduction="none"), value)
    close(margin_ranking_loss(a + 7, b + 7, y, margin=margin, reduction="none"), value)
    close(margin_ranking_loss(a, b, y, margin=1, reduction="none"), (1 - y * (a - b)).clamp(min=0))


@given(seeds, factors, factors)
def test_cosine_embedding_ignores_lengths(seed, j, k):
    """Symmetric, between 0 and 2, and with a gradient orthogonal to the embedding."""
    (x, y), target = rows(seed, 2), labels(seed)
    x.requires_grad_()
    value = cosine_embedding_loss(x, y, target, reduction="none")
    assert (value >= 0).all() and (value <= 2 + 1e-12).all()
    close(cosine_embedding_loss(j * x, k * y, target, reduction="none"), value)
    close(cosine_embedding_loss(y, x, target, reduction="none"), value)
    (slope,) = torch.autograd.grad(value.sum(), x)
    close((slope * x).sum(1), torch.zeros(5, dtype=F64))
    opposite = cosine_embedding_loss(x, -y, torch.ones_like(target), reduction="none")
    close(cosine_embedding_loss(x, y, torch.ones_like(target), reduction="none") + opposite, 2 * torch.ones(5).double())


@given(seeds, st.floats(0.1, 3), factors)
def test_scale_laws_of_distances(seed, margin, k):
    """In units of the margin: distance and margin times k give k times the loss, k² for the squared one."""
    g = torch.Generator().manual_seed(seed)
    d, y = 4 * torch.rand(5, generator=g, dtype=F64), labels(seed)
    value = hinge_embedding_loss(d, y, margin=margin, reduction="none")
    close(hinge_embedding_loss(k * d, y, margin=k * margin, reduction="none"), k * value, atol=1e-9)
    squared = pairwise_contrastive_loss(d, y > 0, margin=margin, reduction="none")
    close(squared, 0.5 * value.square())
    a, p, n = rows(seed, 3)
    value = triplet_margin_loss(a, p, n, margin=margin, reduction="none")
    close(triplet_margin_loss(k * a, k * p, k * n, margin=k * margin, reduction="none"), k * value, atol=1e-9)


@given(seeds, st.floats(0.1, 3), st.sampled_from([1, 1.5, 2, 3.0, math.inf]))
def test_triplet_depends_on_differences(seed, margin, p):
    """Moving all three changes nothing; never negative; swap never lowers it; a rotation leaves the Euclidean one."""
    a, b, c = rows(seed, 3)
    value = triplet_margin_loss(a, b, c, margin=margin, p=p, reduction="none")
    close(triplet_margin_loss(a + 3, b + 3, c + 3, margin=margin, p=p, reduction="none"), value)
    swapped = triplet_margin_loss(a, b, c, margin=margin, p=p, swap=True, reduction="none")
    assert (value >= 0).all() and (swapped >= value).all()
    q = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed), dtype=F64)).Q
    close(triplet_margin_loss(a @ q, b @ q, c @ q), triplet_margin_loss(a, b, c))
    near, far = torch.linalg.vector_norm(a - b, p, 1), torch.linalg.vector_norm(a - c, p, 1)
    close(margin_ranking_loss(far, near, torch.ones_like(far), margin=margin, reduction="none"), value)


@given(seeds, st.floats(0.05, 5), factors)
def test_info_nce_bounds_and_symmetries(seed, tau, k):
    """From 0 to log(1 + (N − 1) e^(2/τ)); lengths, and one order for both sides, do not matter."""
    query, key = rows(seed, 2)
    value = info_nce_loss(query, key, temperature=tau, reduction="none")
    assert (value >= 0).all() and (value <= math.log(4) + 2 / tau + math.log1p(math.exp(-2 / tau) / 4) + 1e-12).all()
    close(info_nce_loss(k * query, key / k, temperature=tau, reduction="none"), value)
    order = torch.tensor([3, 0, 4, 1, 2])
    close(info_nce_loss(query[order], key[order], temperature=tau, reduction="none"), value[order])
    both = info_nce_loss(query, key, temperature=tau, symmetric=True, reduction="none")
    close(both, (value + info_nce_loss(key, query, temperature=tau, reduction="none")) / 2)


# The figures of the pitfalls


def test_pitfall_hinge_embedding_is_not_hinge():
    """5: [0.3, 2, 2] where the hinge is [0.7, 0, 0]."""
    x = torch.tensor([0.3, 2.0, 2.0])
    y = torch.tensor([1.0, 1.0, 1.0])
    torch.testing.assert_close(hinge_embedding_loss(x, y, reduction="none"), x)
    torch.testing.assert_close((1 - y * x).clamp(min=0), torch.tensor([0.7, 0.0, 0.0]))


def test_pitfall_triplet_squared_or_not():
    """20: distances 0.3 and 0.5 cost 0.8 at margin 1; FaceNet squares them and has margin 0.2: 0.04."""
    a, p, n = torch.zeros(1, 1), torch.full((1, 1), 0.3), torch.full((1, 1), 0.5)
    assert triplet_margin_loss(a, p, n).item() == pytest.approx(0.8)
    assert 0.2 + 0.3**2 - 0.5**2 == pytest.approx(0.04)


def test_pitfall_info_nce_at_chance_and_at_its_best():
    """26: about log N at chance; N = 256 orthogonal pairs cost log(1 + 255/e) at τ = 1 and 5e-7 at τ = 0.05."""
    g = torch.Generator().manual_seed(0)
    query, key = (torch.randn(256, 512, generator=g) for _ in range(2))
    assert info_nce_loss(query, key, temperature=1.0).item() == pytest.approx(math.log(256), abs=0.05)
    eye = torch.eye(256)
    assert info_nce_loss(eye, eye, temperature=1.0).item() == pytest.approx(4.552, abs=5e-4)
    assert info_nce_loss(eye, eye, temperature=0.05).item() == pytest.approx(255 * math.exp(-20), rel=1e-5)


@pytest.mark.parametrize("number", [float, torch.tensor, lambda t: torch.tensor(t, dtype=F64)])
def test_a_temperature_that_vanishes_in_float32_is_refused(number):
    """1e-50 is 0 there, and 1e-40 has no inverse: cosines over it would be NaN. In float64 both are right."""
    eye = torch.eye(3)
    for value in (1e-50, 1e-40):
        if number(value) > 0:
            with pytest.raises(
                ValueError, match=r"^temperature must have a finite inverse in its dtype, got (0|9.9999)"
            ):
                info_nce_loss(eye, eye, temperature=number(value))
        assert info_nce_loss(eye.double(), -eye.double(), temperature=value).item() == pytest.approx(1 / value)
    assert info_nce_loss(eye, -eye, temperature=number(1e-38)).item() == pytest.approx(1e38)
