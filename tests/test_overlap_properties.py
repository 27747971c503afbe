"""What the book claims of the overlap losses, on random masks and boxes."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossutils import (
    box_iou_loss,
    complete_box_iou_loss,
    dice_loss,
    distance_box_iou_loss,
    focal_tversky_loss,
    generalized_box_iou_loss,
    lovasz_hinge_loss,
    soft_iou_loss,
    tversky_loss,
)

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

share = st.integers(0, 64).map(lambda n: n / 64)
bit = st.sampled_from([0.0, 1.0])
weight = st.floats(0, 4)
mask_losses = st.one_of(
    st.sampled_from([dice_loss, soft_iou_loss]),
    st.tuples(weight, weight).map(lambda v: partial(tversky_loss, alpha=v[0], beta=v[1])),
    st.tuples(weight, weight, st.floats(0.3, 3)).map(
        lambda v: partial(focal_tversky_loss, alpha=v[0], beta=v[1], gamma=v[2])
    ),
)
smooth = st.sampled_from([0.0, 0.5, 1.0])
soft_pairs = st.lists(st.tuples(share, share), min_size=1, max_size=8)
hard_pairs = st.lists(st.tuples(share, bit), min_size=1, max_size=8)
score_pairs = st.lists(st.tuples(st.integers(-256, 256).map(lambda n: n / 64), bit), min_size=1, max_size=8)

coordinate = st.integers(-640, 640).map(lambda n: n / 64)
length = st.integers(1, 640).map(lambda n: n / 64)
box = st.tuples(coordinate, coordinate, length, length).map(lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3]))
box_losses = st.sampled_from(
    [box_iou_loss, generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss],
)


def columns(pairs):
    return torch.tensor(pairs, dtype=torch.float64).T


def of(loss, pairs, **options):
    p, t = columns(pairs)
    return loss(p[None, None], t[None, None], from_logits=False, absent="count", **options).item()


def of_boxes(loss, a, b, **options):
    return loss(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64), **options).item()


def near(value):
    return pytest.approx(value, rel=1e-10, abs=1e-12)


# Masks


@given(mask_losses, soft_pairs, smooth)
def test_between_0_and_1(loss, pairs, s):
    """An overlap is a share."""
    assert 0 <= of(loss, pairs, smooth=s) <= 1


@given(mask_losses, st.lists(bit, min_size=1, max_size=8), smooth)
def test_zero_at_a_perfect_hard_mask(loss, t, s):
    """An empty mask predicted empty is perfect too."""
    assert of(loss, list(zip(t, t, strict=True)), smooth=s) == 0


@given(mask_losses, soft_pairs, smooth, st.randoms(use_true_random=False))
def test_order_of_pixels_does_not_matter(loss, pairs, s, random):
    """Nor do true negatives added: background predicted as background."""
    shuffled = pairs + [(0.0, 0.0)] * 3
    random.shuffle(shuffled)
    assert of(loss, shuffled, smooth=s) == near(of(loss, pairs, smooth=s))


@given(soft_pairs, weight, weight, smooth)
def test_exchanging_the_masks_exchanges_the_weights(pairs, alpha, beta, s):
    """False alarms become misses; Dice and Jaccard are symmetric."""
    turned = [(t, p) for p, t in pairs]
    a = of(partial(tversky_loss, alpha=alpha, beta=beta), pairs, smooth=s)
    assert a == near(of(partial(tversky_loss, alpha=beta, beta=alpha), turned, smooth=s))
    for loss in (dice_loss, soft_iou_loss):
        assert of(loss, pairs, smooth=s) == near(of(loss, turned, smooth=s))


@given(mask_losses, soft_pairs)
def test_repeating_the_image_changes_nothing(loss, pairs):
    """Without smooth the size of the image drops out."""
    assert of(loss, pairs * 3) == near(of(loss, pairs))


@given(soft_pairs)
def test_jaccard_of_dice(pairs):
    """J = D/(2 − D), and so the loss of Jaccard is never below that of Dice."""
    dice, iou = of(dice_loss, pairs), of(soft_iou_loss, pairs)
    assert 1 - iou == near((1 - dice) / (1 + dice))
    assert dice == near(iou / (2 - iou))
    assert iou >= dice


@given(hard_pairs, weight, weight, st.floats(0.01, 1))
def test_smoothing_lowers_a_loss(pairs, alpha, beta, s):
    """s/s = 1 is mixed in."""
    loss = partial(tversky_loss, alpha=alpha, beta=beta)
    assert of(loss, pairs, smooth=s) <= of(loss, pairs) + 1e-15


@given(mask_losses, hard_pairs, st.data())
def test_a_better_pixel_never_costs_more(loss, pairs, data):
    """Of hard targets: moving one probability to its target."""
    i = data.draw(st.integers(0, len(pairs) - 1))
    better = [(t, t) if j == i else (p, t) for j, (p, t) in enumerate(pairs)]
    assert of(loss, better, smooth=0.5) <= of(loss, pairs, smooth=0.5) + 1e-15


# The Lovász hinge


def lovasz(x, t):
    return lovasz_hinge_loss(x[None], t[None]).item()


@given(score_pairs, st.randoms(use_true_random=False))
def test_lovasz_is_between_the_mean_and_the_largest_hinge(pairs, random):
    """Not negative, at most the largest hinge (the steps sum to at most 1), and blind to the order of the pixels."""
    x, t = columns(pairs)
    largest = (1 - (2 * t - 1) * x).max().clamp(min=0).item()
    assert 0 <= lovasz(x, t) <= largest + 1e-12
    random.shuffle(pairs)
    assert lovasz(*columns(pairs)) == near(lovasz(x, t))


@given(score_pairs, st.lists(st.integers(-256, 256).map(lambda n: n / 64), min_size=8, max_size=8), st.floats(0, 1))
def test_lovasz_is_convex(pairs, others, mix):
    """The extension of a submodular loss is convex, and the hinge keeps it so."""
    x, t = columns(pairs)
    y = torch.tensor(others[: len(pairs)], dtype=torch.float64)
    between = lovasz(mix * x + (1 - mix) * y, t)
    assert between <= mix * lovasz(x, t) + (1 - mix) * lovasz(y, t) + 1e-12


@given(score_pairs)
def test_lovasz_bounds_the_jaccard_loss(pairs):
    """A margin below 0 has a hinge above 1, so the loss is at least the Jaccard loss of the signs."""
    x, t = columns(pairs)
    hard = (x > 0).double()
    union = torch.maximum(hard, t).sum()
    jaccard = 1 - (hard * t).sum() / union if union > 0 else torch.tensor(0.0)
    assert lovasz(x, t) >= jaccard.item() - 1e-12


# Boxes


@given(box_losses, box, box)
def test_boxes_are_interchangeable(loss, a, b):
    """Within its bounds, 0 at a match only, and symmetric."""
    value = of_boxes(loss, a, b, eps=0.0)
    upper = {box_iou_loss: 1, complete_box_iou_loss: 2.5}.get(loss, 2)
    assert 0 <= value <= upper and (value == 0) == (a == b)
    assert of_boxes(loss, b, a, eps=0.0) == near(value)


@given(box_losses, box, box, coordinate, coordinate, st.sampled_from([0.25, 0.7, 3.0, 1e6]))
def test_shifts_and_scales_change_nothing(loss, a, b, x, y, scale):
    """A shift of both, a change of units, and (but for CIoU, with the ratios turned) x and y exchanged."""
    value = of_boxes(loss, a, b, eps=0.0)
    moved = [(c[0] + x, c[1] + y, c[2] + x, c[3] + y) for c in (a, b)]
    assert of_boxes(loss, *moved, eps=0.0) == near(value)
    assert of_boxes(loss, *([scale * v for v in c] for c in (a, b)), eps=0.0) == near(value)
    assert of_boxes(loss, *((c[1], c[0], c[3], c[2]) for c in (a, b)), eps=0.0) == near(value)


@given(box, box)
def test_each_adds_a_penalty(a, b):
    """GIoU, DIoU and CIoU are never below IoU; GIoU is equal where one box holds the other."""
    iou, giou, diou, ciou = (
        of_boxes(loss, a, b, eps=0.0)
        for loss in (box_iou_loss, generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss)
    )
    assert giou >= iou - 1e-15 and diou >= iou and ciou >= diou
    around = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    assert of_boxes(generalized_box_iou_loss, a, around, eps=0.0) == near(of_boxes(box_iou_loss, a, around, eps=0.0))


@given(box, length, length)
def test_moving_apart(a, gap, further):
    """Of disjoint boxes IoU stays at 1, and GIoU and DIoU grow."""
    width = a[2] - a[0]
    near_box, far_box = ((a[0] + width + g, a[1], a[2] + width + g, a[3]) for g in (gap, gap + further))
    assert of_boxes(box_iou_loss, a, near_box) == of_boxes(box_iou_loss, a, far_box) == 1
    for loss in (generalized_box_iou_loss, distance_box_iou_loss):
        assert 1 < of_boxes(loss, a, near_box) < of_boxes(loss, a, far_box) < 2


def soft_iou_of(a, b):
    """The boxes painted as masks of 20 × 20 pixels."""
    masks = torch.zeros(2, 1, 1, 20, 20, dtype=torch.float64)
    for mask, (x1, y1, x2, y2) in zip(masks, (a, b), strict=True):
        mask[0, 0, y1:y2, x1:x2] = 1
    return soft_iou_loss(*masks, from_logits=False).item()


corner = st.integers(0, 10)
whole_box = st.tuples(corner, corner, st.integers(1, 10), st.integers(1, 10)).map(
    lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3])
)


@given(whole_box, whole_box)
def test_box_iou_is_the_iou_of_painted_masks(a, b):
    """Counting pixels: the two losses are one."""
    assert of_boxes(box_iou_loss, a, b, eps=0.0) == near(soft_iou_of(a, b))
