"""What the book claims of the losses of probabilities and logits, on random inputs; and the figures of the pitfalls."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lossutils import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    categorical_cross_entropy,
    cross_entropy,
    distillation_loss,
    entropy,
    js_divergence,
    kl_divergence,
    nll_loss,
    zero_one_loss,
)

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

F64 = torch.float64
LOG2 = math.log(2)
# Multiples of 1/64 below 1000: sums and differences of them are exact.
grid = st.integers(-64_000, 64_000).map(lambda n: n / 64)
small = st.integers(-640, 640).map(lambda n: n / 64)
sizes = st.integers(2, 6)
shares = st.floats(0.0, 1.0)


def t(values, dtype=F64):
    return torch.tensor(values, dtype=dtype)


@st.composite
def distributions(draw, count=2):
    """A few distributions over the same classes, some with classes of probability 0."""
    n = draw(sizes)
    parts = st.lists(st.integers(0, 50), min_size=n, max_size=n).filter(any)
    rows = t([draw(parts) for _ in range(count)])
    return rows / rows.sum(1, keepdim=True)


@st.composite
def rows_of_logits(draw, count=1, values=small):
    n = draw(sizes)
    return t([draw(st.lists(values, min_size=n, max_size=n)) for _ in range(count)])


def close(a, b, rtol=1e-12, atol=1e-13):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


# Entropy and divergences


@given(distributions(1))
def test_entropy_bounds(p):
    """From 0, where one class has all, to log C, where all have the same; classes may change places."""
    (h,) = entropy(p)
    n = p.shape[1]
    assert 0 <= h <= math.log(n) + 1e-12
    assert (h == 0) == (p.max() == 1)
    close(entropy(torch.full((n,), 1 / n, dtype=F64)), t(math.log(n)))
    close(entropy(p.flip(1)), h.unsqueeze(0))


@given(distributions(2))
def test_entropy_of_independent_events_adds(rows):
    """Shannon's and Kullback's additivity: the joint of independent variables."""
    p, q = rows
    joint = (p.unsqueeze(1) * q).flatten()
    close(entropy(joint), entropy(p) + entropy(q))
    close(kl_divergence(joint, joint.flip(0)), kl_divergence(p, p.flip(0)) + kl_divergence(q, q.flip(0)))


@given(distributions(1), shares)
def test_entropy_grouping(rows, share):
    """Shannon's grouping: splitting a class in two adds its probability times the entropy of the split."""
    p = rows[0]
    split = torch.cat([p[:1] * share, p[:1] * (1 - share), p[1:]])
    close(entropy(split), entropy(p) + p[0] * entropy(t([share, 1 - share])))


@given(distributions(2))
def test_cross_entropy_is_entropy_plus_divergence(rows):
    """H(p, q) = H(p) + KL(p‖q), and Gibbs: never below H(p), with equality at q = p."""
    p, q = rows
    h = categorical_cross_entropy(q, p)
    close(h, entropy(p) + kl_divergence(p, q), atol=1e-12)
    assert h >= entropy(p) - 1e-12
    close(categorical_cross_entropy(p, p), entropy(p))


@given(distributions(2))
def test_kl_is_not_negative(rows):
    """Zero for equals, positive otherwise, infinite exactly where q misses a class of p; Pinsker's bound."""
    p, q = rows
    kl = kl_divergence(p, q)
    assert kl_divergence(p, p) == 0
    assert kl >= 0.5 * (p - q).abs().sum() ** 2 - 1e-12
    assert torch.equal(kl.isinf(), ((q == 0) & (p > 0)).any())


@given(distributions(2))
def test_js_bounds(rows):
    """Symmetric to the last bit, from 0 to log 2, H(m) − ½ H(p) − ½ H(q), at most the total variation times log 2."""
    p, q = rows
    js = js_divergence(p, q)
    assert torch.equal(js, js_divergence(q, p))
    assert 0 <= js <= 0.5 * (p - q).abs().sum() * LOG2 + 1e-15
    assert (js == 0) == torch.equal(p, q)
    m = (p + q) / 2
    close(js, entropy(m) - 0.5 * entropy(p) - 0.5 * entropy(q))
    close(js, 0.5 * kl_divergence(p, m) + 0.5 * kl_divergence(q, m))


@given(distributions(3))
def test_root_of_js_is_a_distance(rows):
    """Endres and Schindelin (2003): the triangle inequality."""
    a, b, c = rows
    d = [js_divergence(*pair).sqrt() for pair in ((a, b), (b, c), (a, c))]
    assert d[2] <= d[0] + d[1] + 1e-9


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=6), st.integers(1, 20), st.integers(0, 5))
def test_js_of_float32_neighbours_is_not_negative(parts, step, place):
    """Rounding must not turn a divergence below 0, nor swallow it: it is that of float64 to 5 digits."""
    p, q = t(parts), t(parts)
    q[place % len(parts)] *= 1 + step * 1e-4
    p, q = (p / p.sum()).float(), (q / q.sum()).float()
    js = js_divergence(p, q)
    assert js >= 0
    close(js.double(), js_divergence(p.double(), q.double()), rtol=5e-3, atol=1e-14)


@given(distributions(2))
def test_merging_classes_loses_information(rows):
    """The data-processing inequality: what tells fewer classes apart diverges less."""
    p, q = rows
    merged = [torch.cat([r[:1] + r[1:2], r[2:]]) for r in (p, q)]
    for loss in (kl_divergence, js_divergence):
        assert loss(*merged) <= loss(p, q) + 1e-12


# Cross entropy of logits


@given(rows_of_logits(values=grid), grid, st.integers(0, 5), shares)
def test_cross_entropy_only_sees_differences(x, shift, label, smoothing):
    """A shift of all logits changes nothing; classes may change places; not negative."""
    y = torch.tensor([label % x.shape[1]])
    loss = cross_entropy(x, y, label_smoothing=smoothing)
    assert torch.equal(loss, cross_entropy(x + shift, y, label_smoothing=smoothing))
    close(loss, cross_entropy(x.flip(1), x.shape[1] - 1 - y, label_smoothing=smoothing))
    assert loss >= 0


@given(rows_of_logits(3), st.integers(0, 5), shares)
def test_one_idea_under_six_names(x, label, smoothing):
    """Indices, one-hot and smoothed targets; logits, log-probabilities and probabilities: one number."""
    n = x.shape[1]
    y = torch.arange(label, label + 3) % n
    hot = F.one_hot(y, n).double()
    loss = cross_entropy(x, y)
    close(cross_entropy(x, hot), loss)
    close(nll_loss(x.log_softmax(1), y), loss)
    close(categorical_cross_entropy(x.softmax(1), y), loss)
    close(categorical_cross_entropy(x.softmax(1), hot), loss)
    soft = (1 - smoothing) * hot + smoothing / n
    close(cross_entropy(x, y, label_smoothing=smoothing), cross_entropy(x, soft))
    close(cross_entropy(x, hot, label_smoothing=smoothing), cross_entropy(x, soft))
    close(cross_entropy(x, soft) - entropy(soft).mean(), kl_divergence(soft, x.softmax(1)), atol=1e-11)


@given(rows_of_logits(3), st.integers(0, 5), st.lists(st.floats(0.1, 10), min_size=6, max_size=6), st.floats(0.1, 10))
def test_class_weights(x, label, weights, k):
    """Scaling all weights leaves the mean over indices alone and scales the sum; one class alone is not weighed."""
    n = x.shape[1]
    y = torch.arange(label, label + 3) % n
    w = t(weights[:n])
    close(cross_entropy(x, y, weight=k * w), cross_entropy(x, y, weight=w))
    sums = cross_entropy(x, y, weight=k * w, reduction="sum"), cross_entropy(x, y, weight=w, reduction="sum")
    close(sums[0], k * sums[1])
    close(cross_entropy(x[:1], y[:1], weight=w), cross_entropy(x[:1], y[:1]))
    hot = F.one_hot(y, n).double()
    close(cross_entropy(x, hot, weight=w), cross_entropy(x, y, weight=w, reduction="sum") / 3)


@given(rows_of_logits(4), st.integers(0, 5), st.integers(0, 4))
def test_ignored_samples_are_as_if_absent(x, label, kept):
    """The value of the others, and no gradient."""
    y = torch.arange(label, label + 4) % x.shape[1]
    y[kept:] = -1
    x.requires_grad_()
    loss = cross_entropy(x, y, ignore_index=-1)
    (slope,) = torch.autograd.grad(loss, x)
    assert not slope[kept:].any()
    close(loss, cross_entropy(x[:kept], y[:kept]) if kept else t(0.0))


@given(rows_of_logits(2, values=grid), st.integers(0, 5))
def test_gradient_is_p_minus_y(x, label):
    """The gradient of each sample sums to 0 and lies in [−1, 1]."""
    y = torch.arange(label, label + 2) % x.shape[1]
    x.requires_grad_()
    (slope,) = torch.autograd.grad(cross_entropy(x, y, reduction="sum"), x)
    close(slope, x.detach().softmax(1) - F.one_hot(y, x.shape[1]))


@given(rows_of_logits(3), st.integers(0, 5))
def test_zero_one_lies_below_the_surrogate(x, label):
    """PITFALLS 23: cross entropy bounds the error rate after a division by log 2."""
    y = torch.arange(label, label + 3) % x.shape[1]
    values = zero_one_loss(x, y, reduction="none")
    assert (values <= cross_entropy(x, y, reduction="none") / LOG2 + 1e-12).all()
    assert torch.equal(values, (x.argmax(1) != y).double())
    margin, sign = x[:, 0], 2.0 * (y % 2).double() - 1
    wrong = zero_one_loss(margin, sign, reduction="none")
    logistic = binary_cross_entropy_with_logits(margin, (sign + 1) / 2, reduction="none") / LOG2
    assert (wrong <= logistic + 1e-12).all()


# Binary cross entropy


@given(st.lists(st.tuples(grid, shares), min_size=1, max_size=6))
def test_binary_is_two_classes(pairs):
    """The logits (0, x); symmetric under swapping the classes; not below the entropy of the label."""
    x, y = t(pairs).T.contiguous()
    loss = binary_cross_entropy_with_logits(x, y, reduction="none")
    two = torch.stack([torch.zeros_like(x), x], 1)
    soft = torch.stack([1 - y, y], 1)
    close(loss, cross_entropy(two, soft, reduction="none"), atol=1e-12)
    close(loss, binary_cross_entropy_with_logits(-x, 1 - y, reduction="none"), atol=1e-12)
    assert (loss >= entropy(soft) - 1e-12).all()
    p = x.clamp(-20, 20).sigmoid()
    close(
        binary_cross_entropy(p, y, reduction="none"),
        binary_cross_entropy_with_logits(x.clamp(-20, 20), y, reduction="none"),
        rtol=1e-9,
        atol=1e-7,  # 1 − p has lost digits at p ≈ 1
    )


@given(shares, shares)
def test_binary_cross_entropy_is_categorical(p, y):
    """Of (1 − p, p), but clamped; least at p = y."""
    loss = binary_cross_entropy(t([p]), t([y]))
    assert 0 <= loss <= 100
    assert loss >= binary_cross_entropy(t([y]), t([y])) - 1e-12
    full = categorical_cross_entropy(t([[1 - p, p]]), t([[1 - y, y]]))
    if 1e-6 < p < 1 - 1e-6:
        close(loss, full, rtol=1e-9)


@given(small, shares, st.floats(0, 10), st.floats(0, 10))
def test_positive_weight(x, y, beta, w):
    """It multiplies the positive term alone; the weight, both."""
    x, y = t([x]), t([y])
    parts = [binary_cross_entropy_with_logits(x, t([label])) for label in (1.0, 0.0)]
    loss = binary_cross_entropy_with_logits(x, y, weight=w, pos_weight=beta)
    close(loss, w * (beta * y * parts[0] + (1 - y) * parts[1]).sum())


# Distillation


@given(rows_of_logits(2), st.floats(0.5, 20), shares)
def test_distillation_mixes_two_terms(rows, temperature, alpha):
    """Linear in alpha; 0 for a student that agrees; only differences of logits count."""
    student, teacher = rows[:1], rows[1:]
    y = torch.tensor([0])
    soft = distillation_loss(student, teacher, temperature=temperature)
    mixed = distillation_loss(student, teacher, y, temperature=temperature, alpha=alpha)
    close(mixed, alpha * soft + (1 - alpha) * cross_entropy(student, y), atol=1e-11)
    p, q = (v.div(temperature).softmax(1) for v in (teacher, student))
    close(soft, temperature**2 * kl_divergence(p, q), rtol=1e-9, atol=1e-10)
    assert soft >= -1e-10 and distillation_loss(teacher, teacher, temperature=temperature) == 0
    close(distillation_loss(student + 8, teacher - 4, temperature=temperature), soft, atol=1e-10)


@given(rows_of_logits(2))
def test_distillation_at_high_temperature(rows):
    """PITFALLS 22: for T → ∞ the gradient is the difference of the centred logits over C."""
    student, teacher = rows[:1].requires_grad_(), rows[1:]
    (slope,) = torch.autograd.grad(distillation_loss(student, teacher, temperature=1e6), student)
    centred = [v.detach() - v.detach().mean() for v in (student, teacher)]
    close(slope, (centred[0] - centred[1]) / student.shape[1], rtol=1e-3, atol=1e-3)


# The figures of the pitfalls


def test_pitfall_softmax_before_the_loss():
    """1: a perfect answer of 10 classes scores 1.4612 = log(1 + 9/e), not 0; log_softmax before does no harm."""
    sure = 100 * torch.eye(10, dtype=F64)
    y = torch.arange(10)
    assert cross_entropy(sure.softmax(1), y).item() == pytest.approx(math.log(1 + 9 / math.e), rel=1e-12)
    assert cross_entropy(sure.softmax(1), y).item() == pytest.approx(1.4612, abs=5e-5)
    assert cross_entropy(sure, y).item() < 1e-40
    x = sure.flip(0) / 10 + sure / 7
    close(cross_entropy(x.log_softmax(1), y), cross_entropy(x, y))


def test_pitfall_divergence_arguments():
    """3: F.kl_div takes log q, then p; its "mean" is a third of ours for 3 classes; probabilities make it negative."""
    p, q = t([[0.2, 0.3, 0.5]]), t([[0.6, 0.3, 0.1]])
    kl = kl_divergence(p, q)
    close(kl, F.kl_div(q.log(), p, reduction="batchmean"))
    with pytest.warns(UserWarning, match="batchmean"):
        close(kl, 3 * F.kl_div(q.log(), p, reduction="mean"))
    close(kl, torch.distributions.kl_divergence(*map(torch.distributions.Categorical, (p, q))).mean())
    assert F.kl_div(q, p, reduction="batchmean") < 0
    assert abs(kl - kl_divergence(q, p)) > 0.01


def test_pitfall_sigmoid_before_the_loss():
    """11: at a logit of −200 and the label 1 in float32: 100 with gradient 0; with logits 200 with gradient −1."""
    x, one = torch.tensor([-200.0], requires_grad=True), torch.ones(1)
    loss = binary_cross_entropy(x.sigmoid(), one)
    assert loss.item() == 100 and torch.autograd.grad(loss, x)[0].item() == 0
    loss = binary_cross_entropy_with_logits(x, one)
    assert loss.item() == 200 and torch.autograd.grad(loss, x)[0].item() == -1


def test_pitfall_what_the_least_loss_is():
    """12: 0.82 at p = 0.44 although right; smoothing 0.1 bottoms out at 0.291 (3 classes) and 0.500 (10)."""
    assert categorical_cross_entropy(t([[0.44, 0.28, 0.28]]), torch.tensor([0])).item() == pytest.approx(0.82, abs=5e-3)
    for n, least in ((3, 0.291), (10, 0.500)):
        target = torch.full((n,), 0.1 / n, dtype=F64)
        target[0] += 0.9
        best = cross_entropy(target.log().unsqueeze(0), torch.tensor([0]), label_smoothing=0.1)
        close(best, entropy(target))
        assert best.item() == pytest.approx(least, abs=5e-4)
    sure = t([[100.0, 0.0, 0.0]])
    assert cross_entropy(sure, torch.tensor([0]), label_smoothing=0.1).item() == pytest.approx(6.67, abs=5e-3)


def test_pitfall_what_the_weighted_mean_divides_by():
    """13: the weights of the targets for indices, the number for distributions; alone the weight cancels."""
    x, y, w = t([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]]), torch.tensor([0, 0, 1]), t([1.0, 7.0])
    values = w[y] * cross_entropy(x, y, reduction="none")
    close(cross_entropy(x, y, weight=w), values.sum() / 9)
    close(cross_entropy(x, F.one_hot(y).double(), weight=w), values.sum() / 3)


def test_pitfall_smoothing_over_all_classes():
    """19: ε spreads over all K classes, the true one included, not over the K − 1 others."""
    x, y = t([[2.0, 0.0, -1.0]]), torch.tensor([0])
    logs = x.log_softmax(1)[0]
    close(cross_entropy(x, y, label_smoothing=0.3), -(0.7 + 0.1) * logs[0] - 0.1 * logs[1] - 0.1 * logs[2])


def test_pitfall_naive_logarithms():
    """21: log(softmax) is −∞ in float32 at 200, the loss 200."""
    x = torch.tensor([[0.0, 200.0]])
    assert x.softmax(1).log()[0, 0] == -math.inf
    assert cross_entropy(x, torch.tensor([0])).item() == 200


def test_pitfall_distillation_without_its_factor():
    """22: T² keeps the size of the gradient; without it the gradient falls like 1/T²."""
    student, teacher = t([[1.0, 0.0, -0.5]]), t([[0.0, 2.0, -1.0]])
    norms = []
    for temperature in (1.0, 4.0, 20.0):
        z = student.clone().requires_grad_()
        norms.append(torch.autograd.grad(distillation_loss(z, teacher, temperature=temperature), z)[0].norm().item())
        naive = kl_divergence((teacher / temperature).softmax(1), (z / temperature).softmax(1))
        close(torch.autograd.grad(naive, z)[0].norm() * temperature**2, t(norms[-1]), rtol=1e-9)
    assert max(norms) < 2 * min(norms)
