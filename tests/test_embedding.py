"""The losses of embeddings: values, gradients and extremes against formulas written from the papers."""

import math
from functools import partial

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from calls import bits, generator, normal, signs, uniform
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacrev, vmap

from lossutils import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    info_nce_loss,
    margin_ranking_loss,
    pairwise_contrastive_loss,
    triplet_margin_loss,
)

F64 = torch.float64
HALVES = [torch.float32, F64]


def t64(*values):
    return torch.tensor(values, dtype=F64)


def slopes(value, *leaves):
    return torch.autograd.grad(value.sum(), leaves)


def close(a, b, rtol=1e-12, atol=1e-13):
    torch.testing.assert_close(a, torch.as_tensor(b, dtype=a.dtype), rtol=rtol, atol=atol)


# Against torch


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("margin", [None, 0.25, 0.5])
def test_torch_has_the_same_three(reduction, margin):
    """The names are torch's, so are the values, the gradients and the default margins."""
    options = {} if margin is None else {"margin": margin}
    g = generator(2)
    y = signs(g, 9)
    pairs = [
        (margin_ranking_loss, F.margin_ranking_loss, (normal(g, 9), normal(g, 9))),
        (hinge_embedding_loss, F.hinge_embedding_loss, (uniform(g, 9, high=2.0),)),
        (cosine_embedding_loss, F.cosine_embedding_loss, (normal(g, 9, 4), normal(g, 9, 4))),
    ]
    for ours, theirs, inputs in pairs:
        leaves = [x.requires_grad_() for x in inputs]
        got = ours(*leaves, y, reduction=reduction, **options)
        wanted = theirs(*leaves, y, reduction=reduction, **options)
        close(got, wanted, rtol=1e-10)
        for a, b in zip(slopes(got, *leaves), slopes(wanted, *leaves), strict=True):
            close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("p", [1, 1.5, 2, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("swap", [False, True])
def test_triplet_is_torchs_without_its_eps(p, swap):
    """torch adds eps to the differences; with eps = 0 the values and gradients are the same, for every norm."""
    a, b, c = (normal(generator(seed), 7, 3).requires_grad_() for seed in range(3))
    for reduction in ("none", "mean", "sum"):
        got = triplet_margin_loss(a, b, c, margin=2.5, p=p, swap=swap, reduction=reduction)
        wanted = F.triplet_margin_loss(a, b, c, margin=2.5, p=p, swap=swap, eps=0.0, reduction=reduction)
        close(got, wanted)
        for x, y in zip(slopes(got, a, b, c), slopes(wanted, a, b, c), strict=True):
            close(x, y)
    close(triplet_margin_loss(a, b, c), F.triplet_margin_loss(a, b, c, eps=0.0))  # the defaults
    assert not torch.equal(got, F.triplet_margin_loss(a, b, c, margin=2.5, p=p, swap=not swap, reduction="sum"))


# Values at chosen points


def test_margin_ranking_at_and_around_the_kink():
    """A lead of exactly the margin costs 0 and has the gradient of the slope; beyond it there is none."""
    x = t64(0.5, 0.25, 0.75).requires_grad_()
    value = margin_ranking_loss(x, torch.zeros(3, dtype=F64), t64(1, 1, 1), margin=0.5, reduction="none")
    close(value, t64(0, 0.25, 0), rtol=0, atol=0)
    assert slopes(value, x)[0].tolist() == [-1, -1, 0]
    close(margin_ranking_loss(t64(1, 1), t64(1, 1), t64(1, -1)), 0.0)  # the default margin is 0


def test_hinge_embedding_at_and_around_the_kink():
    """PITFALLS: the input is a distance; at d = margin the gradient is that of the slope."""
    d = t64(0, 1.0, 0.75, 1.25, 2.0).requires_grad_()
    value = hinge_embedding_loss(d, t64(1, -1, -1, -1, 1), reduction="none")
    close(value, t64(0, 0, 0.25, 0, 2), rtol=0, atol=0)
    assert slopes(value, d)[0].tolist() == [1, -1, -1, 0, 1]


def test_pairwise_contrastive_is_the_papers():
    """Hadsell 2006, equation 4, in loops, for bool and for 0/1 labels; gradients d and d − m."""
    d, same = uniform(generator(), 40, high=2.0), bits(generator(1), 40)
    wanted, wanted_slope = [], []
    for x, s in zip(d.tolist(), same.tolist(), strict=True):
        wanted.append(0.5 * x * x if s else 0.5 * max(0.0, 1.25 - x) ** 2)
        wanted_slope.append(x if s else min(0.0, x - 1.25))
    for labels in (same, same.bool()):
        leaf = d.clone().requires_grad_()
        value = pairwise_contrastive_loss(leaf, labels, margin=1.25, reduction="none")
        close(value, t64(*wanted))
        close(slopes(value, leaf)[0], t64(*wanted_slope))


def test_pairwise_contrastive_at_its_ends():
    """0 and infinite distances, the margin itself (1 by default), and NaN, which must stay."""
    d = t64(0, 0, 1, 1.5, math.inf, math.inf, math.nan, math.nan).requires_grad_()
    same = torch.tensor([1, 0, 0, 0, 1, 0, 1, 0], dtype=torch.bool)
    value = pairwise_contrastive_loss(d, same, reduction="none")
    torch.testing.assert_close(value, t64(0, 0.5, 0, 0, math.inf, 0, math.nan, math.nan), equal_nan=True)
    slope = slopes(value, d)[0]
    torch.testing.assert_close(slope, t64(0, -1, 0, 0, math.inf, 0, math.nan, math.nan), equal_nan=True)
    big = pairwise_contrastive_loss(torch.tensor([2e19]), torch.tensor([True]))
    assert big.item() == pytest.approx(2e38, rel=1e-6)  # the square alone overflows


def test_pairwise_contrastive_second_derivatives():
    """1 where the pair pulls or pushes, 0 where it costs nothing."""
    d = t64(0.5, 0.5, 1.5, 1.5).requires_grad_()
    same = torch.tensor([True, False, True, False])
    (slope,) = torch.autograd.grad(pairwise_contrastive_loss(d, same, reduction="sum"), d, create_graph=True)
    assert slopes(slope, d)[0].tolist() == [1, 1, 1, 0]


# The cosine


def cosine(x, y):
    x, y = [mp.mpf(v) for v in x], [mp.mpf(v) for v in y]
    return mp.fdot(x, y) / mp.sqrt(mp.fdot(x, x) * mp.fdot(y, y))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_cosine_of_any_length(dtype):
    """Squares that overflow or vanish, down to denormal vectors; torch's eps makes a cosine of 0 of the short ones."""
    info = torch.finfo(dtype)
    sizes = [info.tiny, info.tiny**0.75, 1e-12, 1e-6, 1.0, 1e6, info.max**0.45, info.max**0.55, info.max / 4]
    with mp.workdps(50):
        for a in sizes:
            for b in sizes:
                x = (torch.tensor([[1.0, -2.0, 0.5]], dtype=dtype) * a).requires_grad_()
                y = torch.tensor([[0.5, 3.0, -1.0]], dtype=dtype) * b
                for sign in (1.0, -1.0):
                    target = torch.full((1,), sign, dtype=dtype)
                    value = cosine_embedding_loss(x, y, target, margin=-1.0)
                    exact = cosine(x[0].tolist(), y[0].tolist())
                    wanted = 1 - exact if sign > 0 else exact + 1
                    assert value.item() == pytest.approx(float(wanted), rel=20 * info.eps)
                    slope = slopes(value, x)[0]
                    assert slope.isfinite().all()
                    if a <= 1e12:  # below, the slope of 1/a is representable
                        scaled = slope.double() * a
                        assert abs((scaled * x.detach() / a).sum().item()) < 30 * info.eps
                        assert scaled.norm().item() == pytest.approx(
                            float(mp.sqrt(1 - exact**2) / mp.sqrt(mp.mpf("5.25"))), rel=100 * info.eps
                        )


def test_cosine_at_the_borders_of_the_scaled_range():
    """Every power of 2 in float32, so that no length falls between the ranges."""
    powers = 2.0 ** torch.arange(-126, 127)
    x = torch.tensor([1.0, 0.25]) * powers[:, None]
    y = torch.tensor([1.0, -0.5]) * powers[:, None].flip(0)
    wanted = 1 - 0.875 / math.sqrt(1.0625 * 1.25)
    values = cosine_embedding_loss(x, y, torch.ones(len(x)), reduction="none")
    torch.testing.assert_close(values, torch.full_like(values, wanted), rtol=1e-6, atol=0)
    far = triplet_margin_loss(x, x, torch.zeros_like(x), margin=1.0, reduction="none")
    torch.testing.assert_close(far, (1 - math.sqrt(1.0625) * powers).clamp(min=0), rtol=1e-6, atol=1e-6)
    near = triplet_margin_loss(x, torch.zeros_like(x), x, margin=1.0, reduction="none")
    torch.testing.assert_close(near, 1 + math.sqrt(1.0625) * powers, rtol=1e-6, atol=0)


def test_cosine_keeps_the_digits_of_a_small_angle():
    """1 − cos in float32 is 0 or negative below an angle of 1e-4; half the squared chord is not."""
    for angle in (1e-2, 1e-4, 1e-6):
        x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, angle]])
        wanted = 1 - 1 / math.sqrt(1 + angle**2) if angle > 1e-3 else angle**2 / 2
        assert cosine_embedding_loss(x, y, torch.ones(1)).item() == pytest.approx(wanted, rel=1e-5)
    x = torch.randn(50, 7, generator=generator())
    assert cosine_embedding_loss(x, x, torch.ones(50), reduction="none").eq(0).all()


def test_a_zero_vector_has_no_direction():
    """Cosine 0: it costs 1, or −margin, and neither side has a gradient (torch's is about 1e6)."""
    x = torch.zeros(2, 3, dtype=F64, requires_grad=True)
    y = torch.ones(2, 3, dtype=F64, requires_grad=True)
    value = cosine_embedding_loss(x, y, t64(1, -1), margin=-0.25, reduction="none")
    close(value, t64(1, 0.25), rtol=0, atol=0)
    other = cosine_embedding_loss(y, x, t64(1, -1), margin=-0.25, reduction="none")
    close(other, t64(1, 0.25), rtol=0, atol=0)
    for slope in slopes(value + other, x, y):
        assert slope.eq(0).all()


def test_cosine_of_rows_of_length_1():
    """What is said of rows of length 0 holds of no others."""
    x, y = t64([1, 0], [0.6, 0.8]).requires_grad_(), t64([0, 1], [1, 0]).requires_grad_()
    value = cosine_embedding_loss(x, y, t64(1, 1), reduction="none")
    for slope, wanted in zip(slopes(value, x, y), (t64([0, -1], [-0.64, 0.48]), t64([-1, 0], [0, -0.8])), strict=True):
        close(slope, wanted)


def test_cosine_of_any_length_under_vmap():
    """There no value can be read, so rows of any length are taken for such as need a scale."""
    x, y = t64([[3, 4]], [[3e200, 4e200]], [[3e-200, 4e-200]]), t64([[1, 0]], [[1, 0]], [[1, 0]])
    values = vmap(cosine_embedding_loss)(x, y, torch.ones(3, 1, dtype=F64))
    close(values, t64(0.4, 0.4, 0.4))


def test_cosine_at_the_kink():
    """cos = margin costs 0 and has the gradient of the slope."""
    x = t64([1.0, 0.0]).requires_grad_()
    value = cosine_embedding_loss(x, t64([0.0, 2.0]), t64(-1), margin=0.0)
    assert value.item() == 0
    close(slopes(value, x)[0], t64([0.0, 1.0]))
    assert cosine_embedding_loss(x, t64([3.0, 0.0]), t64(-1), margin=1.0).item() == 0


def test_cosine_second_derivatives_at_any_mixture():
    """Zero rows and scaled rows beside ordinary ones."""
    x, y, target = normal(generator(), 4, 3), normal(generator(1), 4, 3), t64(1, -1, 1, -1)
    loss = partial(cosine_embedding_loss, margin=-1.0, reduction="none")
    leaves = x.clone().requires_grad_(), y.clone().requires_grad_()
    assert gradgradcheck(lambda a, b: loss(a, b, target), leaves)
    x[0] = 0
    x[1] *= 1e-100
    y[1] *= 1e200
    x.requires_grad_()
    (slope,) = torch.autograd.grad(loss(x, y, target).sum(), x, create_graph=True)
    assert slopes(slope[2:], x)[0].isfinite().all()
    (plain,) = slopes(loss(x, y, target), x)
    close(slope.detach(), plain)


# Triplets


def test_triplet_values_and_kink():
    """By hand: m + |a − p| − |a − n|; a lead of exactly the margin has the gradient of the slope."""
    a, p = torch.zeros(3, 2, dtype=F64, requires_grad=True), t64([0, 1.0], [0, 1.0], [0, 1.0])
    n = t64([2.0, 0], [1.5, 0], [2.5, 0])
    value = triplet_margin_loss(a, p, n, reduction="none")
    close(value, t64(0, 0.5, 0), rtol=0, atol=0)
    close(slopes(value, a)[0], t64([1, -1], [1, -1], [0, 0]), rtol=0, atol=0)


def test_triplet_of_equal_embeddings():
    """Collapse costs the margin; where a distance is 0 its gradient is 0, for each norm and with swap."""
    for p in (1, 2, 3.0, math.inf):
        for swap in (False, True):
            x = [torch.ones(2, 3, dtype=F64, requires_grad=True) for _ in range(3)]
            value = triplet_margin_loss(*x, margin=0.75, p=p, swap=swap)
            assert value.item() == 0.75
            for slope in slopes(value, *x):
                assert slope.eq(0).all()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("p", [1, 2, 3.0, math.inf])
def test_triplet_of_huge_and_tiny_embeddings(dtype, p):
    """Differences whose squares or cubes overflow or vanish: the true distance, with a finite gradient."""
    for size in (1e-30, 1e-20, 1.0, 1e20, 1e30):
        a = (torch.tensor([[3.0, 4.0]], dtype=dtype) * size).requires_grad_()
        zero = torch.zeros_like(a)
        wanted = {1: 7.0, 2: 5.0, 3.0: 91 ** (1 / 3), math.inf: 4.0}[p] * size
        value = triplet_margin_loss(a, zero, a.detach(), margin=size, p=p)
        assert value.item() == pytest.approx(wanted + size, rel=1e-6)
        wanted = {1: (1, 1), 2: (0.6, 0.8), 3.0: (9 / 91 ** (2 / 3), 16 / 91 ** (2 / 3)), math.inf: (0, 1)}[p]
        close(slopes(value, a)[0], torch.tensor([wanted], dtype=dtype), rtol=1e-5, atol=0)


def test_triplet_swap_takes_the_nearer():
    """Balntas 2016: the negative is compared with the anchor or the positive, whichever is nearer."""
    a, p, n = t64([0.0], [0.0]), t64([2.0], [-2.0]), t64([3.0], [3.0])
    close(triplet_margin_loss(a, p, n, margin=4.0, reduction="none"), t64(3, 3))
    close(triplet_margin_loss(a, p, n, margin=4.0, swap=True, reduction="none"), t64(5, 3))


# InfoNCE


def brute_force(query, key, temperature, symmetric):
    """van den Oord 2018, equation 4, with mpmath's numbers and loops."""
    n = len(query)
    s = [[cosine(q, k) / temperature for k in key] for q in query]
    rows = [-mp.log(mp.exp(s[i][i]) / mp.fsum(mp.exp(s[i][j]) for j in range(n))) for i in range(n)]
    if not symmetric:
        return rows
    columns = [-mp.log(mp.exp(s[i][i]) / mp.fsum(mp.exp(s[j][i]) for j in range(n))) for i in range(n)]
    return [(a + b) / 2 for a, b in zip(rows, columns, strict=True)]


@pytest.mark.parametrize("temperature", [None, 0.01, 0.5, 3])
@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_is_the_papers(temperature, symmetric):
    """The formula; the default temperature is 0.1."""
    query, key = normal(generator(), 6, 3), normal(generator(1), 6, 3)
    options = {} if temperature is None else {"temperature": temperature}
    got = info_nce_loss(query, key, symmetric=symmetric, reduction="none", **options)
    with mp.workdps(60):
        wanted = brute_force(query.tolist(), key.tolist(), mp.mpf(temperature or 0.1), symmetric)
    close(got, t64(*map(float, wanted)), rtol=1e-11)
    close(info_nce_loss(query, key, reduction="none"), info_nce_loss(query, key, symmetric=False, reduction="none"))


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_is_the_cross_entropy_of_the_cosines(symmetric):
    """CLIP's loss as people write it; values and all gradients, that of a learned temperature included."""
    query, key = (normal(generator(seed), 6, 4).requires_grad_() for seed in (3, 4))
    tau = torch.tensor(0.3, dtype=F64, requires_grad=True)
    s = F.normalize(query, dim=1) @ F.normalize(key, dim=1).T / tau
    order = torch.arange(6)
    wanted = F.cross_entropy(s, order, reduction="none")
    if symmetric:
        wanted = (wanted + F.cross_entropy(s.T, order, reduction="none")) / 2
    got = info_nce_loss(query, key, temperature=tau, symmetric=symmetric, reduction="none")
    close(got, wanted)
    weight = torch.arange(1.0, 7.0, dtype=F64)
    for a, b in zip(slopes(got * weight, query, key, tau), slopes(wanted * weight, query, key, tau), strict=True):
        close(a, b)
    loss = partial(info_nce_loss, symmetric=symmetric, reduction="none")
    assert gradcheck(lambda q, k, t: loss(q, k, temperature=t), (query, key, tau))
    assert gradgradcheck(lambda q, k, t: loss(q, k, temperature=t), (query, key, tau))


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_of_one_pair_is_0(symmetric):
    """Nothing to tell it from: 0, with gradient 0, once and twice differentiated."""
    q, k = t64([1.0, 2.0]).requires_grad_(), t64([3.0, -1.0]).requires_grad_()
    value = info_nce_loss(q, k, symmetric=symmetric)
    assert value.item() == 0
    first = torch.autograd.grad(value, (q, k), create_graph=True)
    assert all(slope.eq(0).all() for slope in first)
    assert all(slope.eq(0).all() for slope in slopes(first[0] + first[1], q, k))


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_keeps_the_digits_of_small_losses(symmetric):
    """log(1 + 3 e^(−1/τ)) for orthogonal keys; the cross entropy gives 0 for it in float32 from τ = 0.06 on."""
    for dtype, temperatures in ((torch.float32, (1.0, 0.05, 0.02)), (F64, (1.0, 0.05, 0.002))):
        for tau in temperatures:
            eye = torch.eye(4, dtype=dtype, requires_grad=True)
            value = info_nce_loss(eye, torch.eye(4, dtype=dtype), temperature=tau, symmetric=symmetric)
            assert value.item() == pytest.approx(math.log1p(3 * math.exp(-1 / tau)), rel=2e-5, abs=0)
            slope = slopes(value, eye)[0]
            p = math.exp(-1 / tau) / (1 + 3 * math.exp(-1 / tau))
            assert slope[0, 1].item() == pytest.approx(p / tau / 4, rel=2e-5)
    worst = info_nce_loss(eye, -torch.eye(4, dtype=F64), temperature=1e-3, symmetric=symmetric)
    assert worst.item() == pytest.approx(1000 + math.log(3), rel=1e-12)


def test_info_nce_of_rows_of_different_size():
    """Each row's own maximum is taken out: at a low temperature another row's would make e^(s − maximum) 0."""
    query = t64([1, 0], [-1, 0], [1, 0])
    values = info_nce_loss(query, t64([1, 0], [1, 0], [1, 0]), temperature=1e-3, reduction="none")
    close(values, torch.full((3,), math.log(3), dtype=F64))


def test_info_nce_takes_a_temperature_down_to_the_least():
    """Whatever has a finite inverse: 1/7e-309 is 1.4e308."""
    assert info_nce_loss(t64([1, 0]), t64([1, 0]), temperature=7e-309).item() == 0


def test_info_nce_of_an_empty_batch_keeps_its_shape():
    """ "none" gives a value for each of no queries."""
    nothing = torch.ones(0, 3, requires_grad=True)
    assert info_nce_loss(nothing, nothing, reduction="none").shape == (0,)


def test_info_nce_ignores_lengths():
    """Only directions count, from 1e-150 to 1e150; a row of zeros has cosine 0 and gradient 0."""
    q, k = normal(generator(5), 5, 3), normal(generator(6), 5, 3)
    size = 10.0 ** torch.tensor([-150.0, -8, 0, 8, 150], dtype=F64)[:, None]
    close(info_nce_loss(q * size, k * size.flip(0)), info_nce_loss(q, k))
    q[2] = 0
    q.requires_grad_()
    value = info_nce_loss(q, k, reduction="none")
    assert value[2].item() == pytest.approx(math.log(5), rel=1e-14)
    slope = slopes(value, q)[0]
    assert slope.isfinite().all() and slope[2].eq(0).all() and slope[1].any()


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_keeps_one_matrix(symmetric):
    """The memory it documents: one (N, N) tensor is kept for the gradient."""
    q, k = (torch.randn(64, 4, requires_grad=True) for _ in range(2))
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append((t.numel(), t.data_ptr())) or t, lambda t: t):
        info_nce_loss(q, k, symmetric=symmetric)
    assert len({address for size, address in sizes if size >= 64 * 64}) == 1


def test_jacobians():
    """jacrev maps over the gradients that come in; an operation in place on what is not mapped would fail."""
    x, y, target = normal(generator(), 4, 3), normal(generator(1), 4, 3), t64(1, -1, 1, -1)
    d, same = uniform(generator(2), 4), bits(generator(3), 4)
    losses = [
        (lambda a: cosine_embedding_loss(a, y, target, margin=-1.0, reduction="none"), x),
        (lambda a: triplet_margin_loss(a, y, y.flip(0), margin=9.0, reduction="none"), x),
        (lambda a: info_nce_loss(a, y, reduction="none"), x),
        (lambda a: info_nce_loss(y, a, symmetric=True, reduction="none"), x),
        (lambda a: pairwise_contrastive_loss(a, same, reduction="none"), d),
    ]
    for loss, at in losses:
        close(jacrev(loss)(at), torch.autograd.functional.jacobian(loss, at))
    mapped = vmap(lambda a: cosine_embedding_loss(a, y, target))(torch.stack([x, 2 * y]))
    close(mapped, torch.stack([cosine_embedding_loss(a, y, target) for a in (x, 2 * y)]))
    mapped = vmap(lambda b: info_nce_loss(x, b))(torch.stack([x, 2 * y]))
    close(mapped, torch.stack([info_nce_loss(x, b) for b in (x, 2 * y)]))


def test_simclrs_negatives_are_the_other_queries_too():
    """Of 2N views an anchor has 2N − 2 negatives: N − 1 keys, which are InfoNCE's, and N − 1 queries."""
    query, key = normal(generator(), 5, 3), normal(generator(1), 5, 3)
    views = F.normalize(torch.cat([query, key]), dim=1)
    s = (views @ views.T / 0.5).fill_diagonal_(-math.inf)  # Chen 2020, equation 1, for the anchors that are queries
    nt_xent = F.cross_entropy(s[:5], torch.arange(5, 10), reduction="none")
    value = info_nce_loss(query, key, temperature=0.5, reduction="none")
    assert (s[0].isfinite().sum() - 1).item() == 2 * 5 - 2
    queries = s[:5, :5].logsumexp(1)
    close(nt_xent, torch.logaddexp(value, queries - s[:5, 5:].diagonal()))


def test_info_nce_of_equal_cosines_is_log_n():
    """Chance, at any temperature: of keys all alike none can be told from the others."""
    same = torch.ones(6, 3, dtype=F64)
    for temperature in (0.01, 0.1, 1.0):
        close(info_nce_loss(normal(generator(), 6, 3), same, temperature=temperature), math.log(6))
