"""What the book claims of the margin losses, on random inputs."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import lossutils as lu

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64

# Multiples of 1/64 below 100: sums and differences of them are exact, and so are the equalities below.
grid = st.integers(-6_400, 6_400).map(lambda n: n / 64)
margins = st.lists(grid, min_size=1, max_size=8)
SIGNED = [lu.hinge_loss, lu.squared_hinge_loss, lu.exponential_loss, lu.soft_margin_loss]
signed = st.sampled_from(SIGNED)


@st.composite
def scored(draw):
    """Scores of N samples and C classes, and a seed for their targets."""
    n, c = draw(st.integers(1, 4)), draw(st.integers(2, 6))
    rows = st.lists(grid, min_size=n * c, max_size=n * c)
    x = torch.tensor(draw(rows), dtype=F64).reshape(n, c)
    return x, torch.Generator().manual_seed(draw(st.integers(0, 999)))


def targets(x, g):
    return torch.randint(x.shape[1], x.shape[:1], generator=g)


def index_lists(x, g):
    order = torch.rand(x.shape, generator=g).argsort(1)
    size = torch.randint(x.shape[1] + 1, (len(x), 1), generator=g)
    return torch.where(torch.arange(x.shape[1]) < size, order, -1)


def bits(x, g):
    return torch.randint(2, x.shape, generator=g).double()


CLASSES = [
    (lu.multi_margin_loss, targets),
    (lambda x, y, **o: lu.multi_margin_loss(x, y, p=2, margin=0.5, **o), targets),
    (lu.multilabel_margin_loss, index_lists),
    (lu.multilabel_soft_margin_loss, bits),
]
classes = st.sampled_from(CLASSES)


def of(loss, m, label=1.0):
    """The loss at each margin, for one of the two labels."""
    m = torch.as_tensor(m, dtype=F64)
    return loss(label * m, torch.full_like(m, label), reduction="none")


def slope_of(loss, m, label=1.0):
    m = torch.as_tensor(m, dtype=F64).requires_grad_()
    return torch.autograd.grad(of(loss, m, label).sum(), m)[0]


def close(a, b, rtol=1e-12, atol=1e-14):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


# One score and a label of ±1


@given(signed, margins)
def test_only_the_margin_matters(loss, m):
    """Both labels are treated alike: swapping them with the sign of the score changes nothing."""
    assert torch.equal(of(loss, m), of(loss, m, -1.0))
    assert torch.equal(slope_of(loss, m), slope_of(loss, m, -1.0))


@given(signed, margins)
def test_never_negative_falling_and_convex(loss, m):
    """A larger margin never costs more, and the slope never falls; a wrong answer always pulls."""
    m = torch.tensor(m, dtype=F64).sort().values
    values, slopes = of(loss, m), slope_of(loss, m)
    assert (values >= 0).all() and (values.diff() <= 0).all()
    assert (slopes <= 0).all() and (slopes.diff() >= 0).all() and (slopes[m < 0] < 0).all()


@given(margins)
def test_bounds_of_the_zero_one_loss(m):
    """Hinge, its square and the exponential are never below it, the logistic loss only divided by log 2."""
    m = torch.tensor(m, dtype=F64)
    wrong = (m <= 0).double()
    for loss in SIGNED[:3]:
        assert (of(loss, m) >= wrong).all()
    assert (of(lu.soft_margin_loss, m) / math.log(2) >= wrong - 1e-15).all()


@given(margins)
def test_relations_between_the_signed_losses(m):
    """The square of the hinge; log(1 + the exponential); BCE with labels of 0 and 1; bounds −m and −m + log 2."""
    m = torch.tensor(m, dtype=F64)
    hinge, logistic = of(lu.hinge_loss, m), of(lu.soft_margin_loss, m)
    assert torch.equal(of(lu.squared_hinge_loss, m), hinge.square())
    close(logistic, of(lu.exponential_loss, m).log1p())
    close(logistic, F.binary_cross_entropy_with_logits(m, torch.ones_like(m), reduction="none"), atol=1e-13)
    assert (logistic >= (-m).clamp(min=0)).all() and (logistic <= (-m).clamp(min=0) + math.log(2) + 1e-15).all()
    assert (hinge >= -m).all() and (hinge <= 1 + m.abs()).all()


@given(margins)
def test_slopes_far_out(m):
    """How much a wrong label pulls: at most 1 by hinge and logistic, m by the square, e^(−m) by the exponential."""
    m = torch.tensor(m, dtype=F64)
    assert (slope_of(lu.hinge_loss, m).abs() <= 1).all() and (slope_of(lu.soft_margin_loss, m).abs() <= 1).all()
    close(slope_of(lu.squared_hinge_loss, m), -2 * (1 - m).clamp(min=0))
    close(slope_of(lu.exponential_loss, m), -of(lu.exponential_loss, m))
    close(slope_of(lu.soft_margin_loss, m), -torch.sigmoid(-m))


@given(st.floats(0.02, 0.98), grid)
def test_what_each_elicits(p, rival):
    """With +1 of probability p: the sign by hinge, 2p − 1 by its square, half the log odds, the log odds."""
    odds = math.log(p / (1 - p))
    best = [math.copysign(1, odds), 2 * p - 1, odds / 2, odds]
    for loss, score in zip(SIGNED, best, strict=True):
        at = torch.tensor([score, rival], dtype=F64)
        risk = p * of(loss, at) + (1 - p) * of(loss, -at)
        assert risk[0] <= risk[1] * (1 + 1e-12)


# Several classes


@given(classes, scored())
def test_samples_are_independent(kind, data):
    """No value depends on the others of the batch, nor on their order; "sum" and "mean" add them up."""
    (loss, draw), (x, g) = kind, data
    y = draw(x, g)
    values = loss(x, y, reduction="none")
    for i in range(len(x)):
        close(loss(x[i : i + 1], y[i : i + 1], reduction="none")[0], values[i])
    close(loss(x.flip(0), y.flip(0), reduction="none"), values.flip(0))
    close(loss(x, y, reduction="mean"), values.sum() / len(x))


@given(st.sampled_from(CLASSES[:3]), scored(), grid)
def test_only_differences_of_scores_matter(kind, data, shift):
    """Adding a number to all scores of a sample changes nothing, and so the gradient sums to 0; never negative."""
    (loss, draw), (x, g) = kind, data
    y = draw(x, g)
    values = loss(x, y, reduction="none")
    assert torch.equal(loss(x + shift, y, reduction="none"), values) and (values >= 0).all()
    x.requires_grad_()
    (slope,) = torch.autograd.grad(loss(x, y, reduction="sum"), x)
    close(slope.sum(1), torch.zeros(len(x), dtype=F64), atol=1e-10)


@given(scored())
def test_names_of_classes_do_not_matter(data):
    """Renaming the classes, in scores, targets and weights, changes nothing; nor does the order of a list."""
    x, g = data
    renamed = torch.randperm(x.shape[1], generator=g)
    place = renamed.argsort()  # class c is now class place[c]
    y, listed, labels = targets(x, g), index_lists(x, g), bits(x, g)
    weight = torch.rand(x.shape[1], generator=g, dtype=F64)
    for p in (1, 2):
        a = lu.multi_margin_loss(x, y, p=p, weight=weight)
        close(lu.multi_margin_loss(x[:, renamed], place[y], p=p, weight=weight[renamed]), a)
    a = lu.multilabel_margin_loss(x, listed)
    close(lu.multilabel_margin_loss(x[:, renamed], torch.where(listed < 0, -1, place[listed])), a)
    count = (listed >= 0).sum(1, keepdim=True)
    turned = torch.where(
        torch.arange(x.shape[1]) < count, listed.gather(1, (count - 1 - torch.arange(x.shape[1])) % x.shape[1]), -1
    )
    close(lu.multilabel_margin_loss(x, turned), a)
    a = lu.multilabel_soft_margin_loss(x, labels, weight=weight)
    close(lu.multilabel_soft_margin_loss(x[:, renamed], labels[:, renamed], weight=weight[renamed]), a)


@given(scored())
def test_zero_only_where_the_lead_is_large_enough(data):
    """multi_margin is 0 exactly where the right class leads all others by the margin."""
    x, g = data
    y = targets(x, g)
    right = x.gather(1, y[:, None])
    others = x.scatter(1, y[:, None], -math.inf).amax(1, keepdim=True)
    led = (right - others >= 0.5).flatten()
    for p in (1, 2):
        values = lu.multi_margin_loss(x, y, p=p, margin=0.5, reduction="none")
        assert torch.equal(values == 0, led)


@given(scored())
def test_two_classes_are_half_a_hinge(data):
    """PITFALLS 6: the binary hinge by way of multi_margin comes out halved, its square too."""
    x, g = data
    y = targets(x[:, :2], g)
    gap, sign = x[:, 1] - x[:, 0], 2 * y.double() - 1
    for p, hinge in ((1, lu.hinge_loss), (2, lu.squared_hinge_loss)):
        close(lu.multi_margin_loss(x[:, :2], y, p=p, reduction="none"), hinge(gap, sign, reduction="none") / 2)


@given(scored())
def test_one_label_is_multi_margin(data):
    """A list of one index is that index."""
    x, g = data
    y = targets(x, g)
    listed = torch.cat([y[:, None], torch.full_like(x[:, 1:], -1).long()], 1)
    close(lu.multilabel_margin_loss(x, listed, reduction="none"), lu.multi_margin_loss(x, y, reduction="none"))


@given(scored())
def test_multilabel_soft_margin_is_soft_margin_of_each_class(data):
    """No competition between the classes; PITFALLS 8: without weights it is the mean of BCE with logits."""
    x, g = data
    y = bits(x, g)
    values = lu.multilabel_soft_margin_loss(x, y, reduction="none")
    close(values, lu.soft_margin_loss(x, 2 * y - 1, reduction="none").mean(1))
    close(values.mean(), F.binary_cross_entropy_with_logits(x, y), atol=1e-13)
    weight = torch.arange(x.shape[1], dtype=F64)
    each = lu.soft_margin_loss(x, 2 * y - 1, reduction="none")
    close(lu.multilabel_soft_margin_loss(x, y, weight=weight, reduction="none"), (each * weight).mean(1))
    x.requires_grad_()
    (slope,) = torch.autograd.grad(lu.multilabel_soft_margin_loss(x, y, reduction="sum"), x)
    close(slope * x.shape[1], torch.sigmoid(x.detach()) - y)


# Large-margin softmax


@st.composite
def layers(draw):
    """Features, weights and targets."""
    n, c, d = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    g = torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    x, w = torch.randn(n, d, generator=g, dtype=F64), torch.randn(c, d, generator=g, dtype=F64)
    return x, w, torch.randint(c, (n,), generator=g)


@given(layers(), st.integers(1, 5))
def test_a_larger_margin_never_costs_less(layer, margin):
    """ψ falls as m grows, from cos θ at m = 1; so the loss is at least cross entropy and never negative."""
    values = [lu.large_margin_softmax_loss(*layer, margin=m, reduction="none") for m in (1, margin, margin + 1)]
    assert (values[0] >= 0).all() and (values[1] >= values[0] - 1e-12).all() and (values[2] >= values[1] - 1e-9).all()


@given(layers(), st.integers(1, 4), st.floats(0.01, 100))
def test_lengths_and_rotations(layer, margin, k):
    """What features gain in length weights may lose, and turning both changes nothing: only angles and ‖w‖‖x‖ count."""
    x, w, y = layer
    values = lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="none")
    close(lu.large_margin_softmax_loss(k * x, w / k, y, margin=margin, reduction="none"), values, 1e-9, 1e-9)
    turn = torch.linalg.qr(torch.randn(x.shape[1], x.shape[1], dtype=F64, generator=torch.Generator().manual_seed(1))).Q
    close(lu.large_margin_softmax_loss(x @ turn, w @ turn, y, margin=margin, reduction="none"), values, 1e-9, 1e-9)


@given(st.floats(0, math.pi), st.floats(0, math.pi), st.integers(1, 6))
def test_the_loss_grows_with_the_angle(a, b, margin):
    """ψ falls all the way from θ = 0 to π, through the joints, where cos mθ alone would turn back."""
    theta = torch.tensor(sorted((a, b)), dtype=F64)
    x = torch.stack([theta.cos(), theta.sin(), torch.zeros_like(theta)], 1)
    w = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=F64)
    low, high = lu.large_margin_softmax_loss(x, w, torch.tensor([0, 0]), margin=margin, reduction="none")
    assert low <= high + 1e-12 * margin**2
