"""The losses of boxes: values and gradients against the papers' formulas box by box, degenerate boxes, every error."""

import math
from functools import partial

import mpmath as mp
import pytest
import torch
from torch.autograd import gradcheck
from torch.func import vmap

from lossutils import box_iou_loss, complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

F64 = torch.float64
LOSSES = {
    "iou": box_iou_loss,
    "giou": generalized_box_iou_loss,
    "diou": distance_box_iou_loss,
    "ciou": complete_box_iou_loss,
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def brute_force(name, a, b, eps=1e-7):
    """One pair, as in Rezatofighi (2019) and Zheng (2020), in mpmath; 0/0 is 0, and a point has no ratio of sides."""

    def over(part, whole):
        return part / whole if whole else mp.mpf(0)

    a, b, eps = [mp.mpf(v) for v in a], [mp.mpf(v) for v in b], mp.mpf(eps)
    width = max(mp.mpf(0), min(a[2], b[2]) - max(a[0], b[0]))
    height = max(mp.mpf(0), min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    iou = over(both, union + eps)
    c_width = max(a[2], b[2]) - min(a[0], b[0])
    c_height = max(a[3], b[3]) - min(a[1], b[1])
    if name == "iou":
        return 1 - iou
    if name == "giou":
        return 1 - iou + over(c_width * c_height - union, c_width * c_height + eps)
    rho2 = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    diou = 1 - iou + over(rho2, c_width**2 + c_height**2 + eps)
    if name == "diou":
        return diou
    v = 4 / mp.pi**2 * (mp.atan2(b[2] - b[0], b[3] - b[1]) - mp.atan2(a[2] - a[0], a[3] - a[1])) ** 2
    if a[:2] == a[2:] or b[:2] == b[2:]:
        return diou
    return diou + over(v, 1 - iou + v + eps) * v


def boxes(n=40, seed=0, scale=1.0):
    """Pairs that overlap, that are apart, and one in the other."""
    g = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, n, 2, generator=g, dtype=F64) * 3
    size = torch.rand(2, n, 2, generator=g, dtype=F64) * 2 + 0.1
    return tuple(scale * torch.cat([corner, corner + size], -1))


def pair(a, b, dtype=F64):
    return torch.tensor([a], dtype=dtype), torch.tensor([b], dtype=dtype)


def value_and_slopes(loss, a, b, **options):
    a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
    value = loss(a, b, **options)
    return value.item(), *torch.autograd.grad(value, (a, b))


# Values and gradients


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("eps", [1e-7, 0.0, 0.5])
def test_values_are_the_papers(name, eps):
    """A factor, a place of eps, a pair of corners exchanged."""
    a, b = boxes()
    got = LOSSES[name](a, b, eps=eps, reduction="none")
    wanted = [float(brute_force(name, x, y, eps)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    torch.testing.assert_close(got, torch.tensor(wanted, dtype=F64), rtol=1e-12, atol=1e-14)
    if eps == 1e-7:
        assert torch.equal(got, LOSSES[name](a, b, reduction="none"))


@pytest.mark.parametrize("name", LOSSES)
def test_small_boxes_feel_eps(name):
    """eps is an area, so that it counts for boxes in shares of the image: sides of 1e-4."""
    a, b = boxes(scale=1e-4)
    wanted = [float(brute_force(name, x, y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    torch.testing.assert_close(LOSSES[name](a, b, reduction="none"), torch.tensor(wanted, dtype=F64))


def test_known_values():
    """By hand; and the book's own: unit squares half a side apart have an IoU of 1/3, unlike 0.143 unclamped."""
    a, b = pair([0.0, 0.0, 1.0, 1.0], [0.5, 0.0, 1.5, 1.0])
    assert box_iou_loss(a, b, eps=0.0).item() == pytest.approx(2 / 3, rel=1e-15)
    a, b = pair([0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0])
    assert box_iou_loss(a, b).item() == 1  # PITFALLS 14: without the clamp, 1 − 1/7
    assert generalized_box_iou_loss(a, b, eps=0.0).item() == pytest.approx(1 + 7 / 9, rel=1e-15)
    assert distance_box_iou_loss(a, b, eps=0.0).item() == pytest.approx(1 + 8 / 18, rel=1e-15)
    assert complete_box_iou_loss(a, b, eps=0.0).item() == pytest.approx(1 + 8 / 18, rel=1e-15)
    near, far = pair([0.0, 0.0, 0.1, 0.1], [0.2, 0.2, 0.3, 0.3])  # PITFALLS 14: "+ 1 pixel" finds an overlap
    assert box_iou_loss(near, far).item() == 1
    assert box_iou_loss(a, a, eps=0.0).item() == 0  # PITFALLS 14: 0.5 without "− intersection"


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name):
    """Against finite differences, of CIoU with α held, which the docstring and torchvision have as a constant."""
    a, b = boxes(12)
    of = partial(LOSSES[name], eps=0.01)
    if name == "ciou":
        with torch.no_grad():
            iou = 1 - box_iou_loss(a, b, eps=0.01, reduction="none")
            extra = complete_box_iou_loss(a, b, eps=0.01, reduction="none")
            extra = extra - distance_box_iou_loss(a, b, eps=0.01, reduction="none")  # α v = v²/(1 − IoU + v + eps)
            rest = 1 - iou + 0.01
            v = (extra + (extra * extra + 4 * extra * rest).sqrt()) / 2
            alpha = v / (rest + v)

        def held(x, y):
            (w1, h1), (w2, h2) = ((z[:, 2:] - z[:, :2]).T for z in (x, y))
            gap = torch.atan(w2 / h2) - torch.atan(w1 / h1)
            return distance_box_iou_loss(x, y, eps=0.01, reduction="none") + alpha * 4 / math.pi**2 * gap**2

        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        got = torch.autograd.grad(of(x, y, reduction="sum"), (x, y))
        torch.testing.assert_close(got, torch.autograd.grad(held(x, y).sum(), (x, y)), rtol=1e-9, atol=1e-10)
    else:
        assert gradcheck(partial(of, reduction="none"), (a.requires_grad_(), b.requires_grad_()))


def test_disjoint_boxes():
    """PITFALLS 14: plain IoU does not say where to go; the others pull box 1 to the right, towards box 2."""
    a, b = pair([0.0, 0.0, 1.0, 1.0], [3.0, 0.25, 4.0, 2.0])
    value, slope, other = value_and_slopes(box_iou_loss, a, b)
    assert value == 1 and not slope.any() and not other.any()
    for loss in (generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss):
        value, slope, other = value_and_slopes(loss, a, b)
        assert value > 1 and slope[0, 2] < 0 and other[0, 0] > 0
        assert slope[0, 0] + slope[0, 2] < 0  # as a whole


@every_loss
def test_a_perfect_match(loss):
    """0, and 0 with no gradient, the mean of the two sides'; eps shows only in the value."""
    a, _ = pair([1.0, 2.0, 4.0, 8.0], [0.0] * 4)
    value, slope, other = value_and_slopes(loss, a, a, eps=0.0)
    assert value == 0 and not slope.any() and not other.any()
    assert loss(a, a).item() == pytest.approx(1e-7 / 18, rel=1e-6, abs=1e-12)


@every_loss
def test_touching_boxes_are_disjoint(loss):
    """Sides in line and corners that meet overlap in nothing: IoU has no gradient there, the others a finite one."""
    for other in ([1.0, 0.0, 2.0, 1.0], [1.0, 1.0, 2.0, 2.0]):
        a, b = pair([0.0, 0.0, 1.0, 1.0], other)
        value, slope, slope2 = value_and_slopes(loss, a, b)
        assert 1 <= value < 2 and slope.isfinite().all() and slope2.isfinite().all()
        if loss is box_iou_loss:
            assert value == 1 and not slope.any() and not slope2.any()


POINT, LINE, TALL, BOX = [0.5, 0.5, 0.5, 0.5], [0.0, 0.5, 1.0, 0.5], [0.5, 0.0, 0.5, 1.0], [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("eps", [1e-7, 0.0])
def test_boxes_without_an_area(name, eps):
    """Points and lines: an IoU of 0, the formula elsewhere, a finite gradient, and no NaN with eps = 0."""
    loss = partial(LOSSES[name], eps=eps)
    for a, b in ((POINT, BOX), (LINE, BOX), (TALL, BOX), (LINE, TALL), (POINT, POINT), (LINE, LINE), (POINT, TALL)):
        for x, y in (pair(a, b), pair(b, a)):
            value, slope, slope2 = value_and_slopes(loss, x, y)
            assert slope.isfinite().all() and slope2.isfinite().all()
            wanted = 1 if a == b else float(brute_force(name, *x.tolist(), *y.tolist(), eps))
            assert value == pytest.approx(wanted, rel=1e-14)
    assert LOSSES["ciou"](*pair(LINE, TALL)).item() == pytest.approx(1 + 1 / (2 + 1e-7), rel=1e-12)


def test_a_line_beside_a_square():
    """h = 0 is the angle π/2: v = 4/π² (π/4)² = ¼, α = ¼/(1 + ¼) = 0.2; the centres agree."""
    assert complete_box_iou_loss(*pair(LINE, BOX), eps=0.0).item() == pytest.approx(1.05, rel=1e-14)
    assert complete_box_iou_loss(*pair(TALL, BOX), eps=0.0).item() == pytest.approx(1.05, rel=1e-14)


# Extremes


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale, dtype", [(1e20, torch.float32), (1e30, torch.float32), (1e180, F64), (1e-200, F64)])
def test_huge_and_tiny_boxes(name, scale, dtype):
    """Areas that overflow, where ∞/∞ would be NaN, and that underflow; eps = 0 leaves the shape only."""
    a, b = boxes(20)
    loss = partial(LOSSES[name], eps=0.0, reduction="none")
    x, y = ((scale * z).to(dtype).requires_grad_() for z in (a, b))
    got = loss(x, y)
    torch.testing.assert_close(got.double(), loss(a, b), rtol=1e-5, atol=2e-6)
    slopes = torch.autograd.grad(got.sum(), (x, y))
    assert all(s.isfinite().all() for s in slopes)
    if scale == 1e-200:
        for p, q in zip(x.detach(), y.detach(), strict=True):  # eps outweighs such areas
            value, slope, _ = value_and_slopes(LOSSES[name], p, q)
            assert value == pytest.approx(float(brute_force(name, p.tolist(), q.tolist())), rel=1e-14)
            assert slope.isfinite().all()


@every_loss
def test_float32_has_its_digits(loss):
    """Boxes of a side of about 1 in an image of 4096 pixels, and in shares of it."""
    for shift in (0.0, 4096.0):
        a, b = ((z + shift).float() for z in boxes(200))
        got = loss(a, b, reduction="none").double()
        torch.testing.assert_close(got, loss(a.double(), b.double(), reduction="none"), rtol=2e-6, atol=2e-6)


def test_ratios_that_hardly_differ():
    """atan − atan loses the digits of a small angle; one atan2 of the difference keeps them."""
    a, b = pair([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0 + 2**-12], torch.float32)
    got = complete_box_iou_loss(a, b).item() - distance_box_iou_loss(a, b).item()
    assert 0 <= got < 1e-6
    from lossutils.overlap import _Pair

    v = _Pair(a, b, 0.0, "none").shape_gap().item()
    assert v == pytest.approx(float(4 / mp.pi**2 * (mp.pi / 4 - mp.atan(1 / (1 + mp.mpf(2) ** -12))) ** 2), rel=1e-5)


@every_loss
def test_nan_comes_out(loss):
    """A coordinate of NaN is no inverted box, and no 0."""
    a, b = boxes(3)
    for i in range(4):
        broken = a.clone()
        broken[1, i] = math.nan
        assert loss(broken, b, reduction="none").isnan().tolist() == [False, True, False]


# Shapes and checks


@every_loss
def test_shapes(loss):
    """One box, a grid of boxes: "none" drops the last dimension, and the mean divides by the pairs."""
    a, b = boxes(6)
    flat = loss(a, b, reduction="none")
    assert loss(a[0], b[0], reduction="none").shape == ()
    torch.testing.assert_close(loss(a[0], b[0]), flat[0])
    grid = loss(a.reshape(2, 3, 4), b.reshape(2, 3, 4), reduction="none")
    assert torch.equal(grid, flat.reshape(2, 3))
    torch.testing.assert_close(loss(a.reshape(2, 3, 4), b.reshape(2, 3, 4)), flat.sum() / 6)


@every_loss
def test_bad_arguments(loss):
    """Inverted boxes (often x, y, w, h) give a plausible number; each argument is named."""
    a, b = boxes(3)
    for i, side in ((2, "-1"), (3, "-1")):
        wrong = a.clone()
        wrong[1, i] = wrong[1, i - 2] - 1
        with pytest.raises(ValueError, match=r"^boxes1 must have x1 <= x2 and y1 <= y2: .* at least 0, got " + side):
            loss(wrong, b)
        with pytest.raises(ValueError, match=r"^boxes2 must have x1 <= x2 and y1 <= y2: .* at least 0, got " + side):
            loss(b, wrong)
        assert vmap(partial(loss, reduction="none"))(wrong, b).shape == (3,)  # values can't be read there
    for shape in ((3, 5), (4, 1), ()):
        t = torch.zeros(shape)
        with pytest.raises(ValueError, match=r"^boxes1 must have the shape \(…, 4\), got \("):
            loss(t, t)
    for eps in (-1e-9, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"^eps must be a number of at least 0 and finite, got {eps}$"):
            loss(a, b, eps=eps)
    with pytest.raises(TypeError, match=r"^eps must be a number of at least 0 and finite, got str$"):
        loss(a, b, eps="0")


@pytest.mark.parametrize("dtype, smallest", [(torch.float32, 38), (F64, 308)])
def test_ciou_of_a_tiny_box_and_a_large_one(dtype, smallest):
    """A side of 1e-20 made the gradient NaN in float32: atan2 squares the products of sides."""
    for exponent in range(1, smallest, 1 + smallest // 40):
        a, b = pair([0.0, 0.0, 10.0**-exponent, 2 * 10.0**-exponent], [0.0, 0.0, 1.0, 1.0], dtype)
        value, slope, other = value_and_slopes(complete_box_iou_loss, a, b, eps=0.0)
        assert 1 <= value < 2.5 and slope.isfinite().all() and other.isfinite().all()
        if 10 <= exponent <= smallest // 2:  # of α v the derivative by the width is 2 α v/angle · h/(w² + h²)
            angle = math.pi / 4 - math.atan(0.5)
            v = 4 / math.pi**2 * angle**2
            wanted = -2 * v * v / (1 + v) / angle * 0.4 * 10.0**exponent
            assert slope[0, 2].item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_forward_mode_holds_alpha_too():
    """no_grad lets forward-mode derivatives through; detach stops both."""
    a, b = boxes(6)
    for loss in LOSSES.values():
        of = partial(loss, boxes2=b, reduction="none")
        torch.testing.assert_close(torch.func.jacfwd(of)(a), torch.func.jacrev(of)(a))


def test_upper_bounds():
    """Reached without an area and with eps = 0 only: two points, and for CIoU nearly by two lines across, far apart."""
    for loss in (generalized_box_iou_loss, distance_box_iou_loss):
        assert loss(*pair([0.0] * 4, [1.0] * 4), eps=0.0).item() == 2
    lines = pair([0.0, 0.0, 1.0, 0.0], [1e4, 1e4, 1e4, 1e4 + 1])
    assert 2.4998 < complete_box_iou_loss(*lines, eps=0.0).item() < 2.5


@every_loss
def test_infinite_sides(loss):
    """∞/∞ is undefined: NaN for that pair, and for no other."""
    a, b = boxes(2)
    a[0, 2] = math.inf
    assert loss(a, b, reduction="none").isnan().tolist() == [True, False]
