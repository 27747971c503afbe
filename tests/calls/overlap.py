"""The calls of lossutils.overlap."""

from functools import partial

import torch
import torch.nn.functional as F

import lossutils as lu
from calls import Call, bits, normal, uniform


def _logits_and_mask(g):
    """Of 2 samples, 3 classes and 4 × 2 pixels; each class is present in each sample."""
    target = bits(g, 2, 3, 4, 2)
    target[..., 0, 0], target[..., 0, 1] = 1, 0
    return normal(g, 2, 3, 4, 2), target


def _soft_masks(g):
    return uniform(g, 2, 3, 4, low=0.05, high=0.95), uniform(g, 2, 3, 4, low=0.05, high=0.95)


def _one_class_absent(g):
    logits, target = _logits_and_mask(g)
    target[0, 1] = 0
    return logits, target


def _boxes(g):
    """Pairs of boxes that overlap, and one of disjoint boxes; no two sides in line."""
    corner = uniform(g, 2, 5, 2, low=0.0, high=1.0)
    size = uniform(g, 2, 5, 2, low=1.1, high=3.0)
    corner[1, 4] += 9
    return tuple(torch.cat([corner, corner + size], -1))


def _mask(name, draw=_logits_and_mask, learn=(0,), divisor=6, per=(2, 3), **options):
    options = {"from_logits": True, **options}
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, draw, learn, divisor=lambda *_: divisor, per=lambda *_: per)


def _box(name, **fields):
    return Call(name, getattr(lu, name), _boxes, (0, 1), divisor=lambda *_: 5, per=lambda *_: (5,), **fields)


CALLS = [
    _mask("dice_loss"),
    _mask("dice_loss, smooth", smooth=0.7),
    _mask("dice_loss, soft masks", _soft_masks, (0, 1), from_logits=False),
    _mask("dice_loss, soft targets of logits", lambda g: (normal(g, 2, 3, 4), uniform(g, 2, 3, 4)), (0, 1)),
    _mask("dice_loss, an absent class ignored", _one_class_absent, divisor=5),
    _mask("dice_loss, an absent class counted", _one_class_absent, absent="count", smooth=0.7),
    _mask("dice_loss, of the batch", divisor=3, per=(3,), dims=(0, 2, -1)),
    _mask("soft_iou_loss", smooth=0.7),
    _mask("tversky_loss", alpha=0.3, beta=0.7, smooth=0.7),
    _mask("focal_tversky_loss", alpha=0.3, beta=0.7, gamma=4 / 3),
    Call(
        "lovasz_hinge_loss",
        lu.lovasz_hinge_loss,
        lambda g: (2 * normal(g, 3, 2, 4), bits(g, 3, 2, 4)),
        divisor=lambda *_: 3,
        per=lambda *_: (3,),
    ),
    _box("box_iou_loss"),
    _box("generalized_box_iou_loss"),
    _box("distance_box_iou_loss"),
    _box("complete_box_iou_loss", exact=False),
]


def _monai(loss, factor=1.0):
    """MONAI's masks: class indices as one channel, an activation by name, all classes counted, summed over `batch`."""

    def call(input, target, *, smooth_nr=1e-5, sigmoid=False, softmax=False, to_onehot_y=False, batch=False, **options):
        for word in ("include_background", "smooth_dr", "soft_label", "jaccard", "reduction"):
            options.pop(word, None)
        if to_onehot_y:
            target = F.one_hot(target[:, 0].long(), input.shape[1]).movedim(-1, 1).to(input.dtype)
        if softmax:
            input = input.softmax(1)
        dims = tuple(range(0 if batch else 2, input.dim()))
        dims = tuple(d for d in dims if d != 1)
        return loss(input, target, from_logits=sigmoid, smooth=factor * smooth_nr, dims=dims, absent="count", **options)

    return call


def _dice(input, target, *, jaccard=False, **options):
    """MONAI's Jaccard index smooths a ratio of doubled sums."""
    return (_monai(lu.soft_iou_loss, 0.5) if jaccard else _monai(lu.dice_loss))(input, target, **options)


def _tversky(input, target, *, alpha=0.5, beta=0.5, **options):
    return _monai(partial(lu.tversky_loss, alpha=alpha, beta=beta))(input, target, **options)


def _kornia_dice(logits, target, *, average, eps, weight=None):
    """kornia weighs the classes in the mean; the macro average is ours of the softmax."""
    truth = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    losses = lu.dice_loss(
        logits.softmax(1), truth, from_logits=False, smooth=eps, absent="count", reduction="none"
    ).mean(0)
    weight = torch.ones_like(losses) if weight is None else torch.tensor(weight, dtype=losses.dtype)
    return (losses * weight).sum() / weight.sum()


def _soft_iou(prob, target, *, smooth, eps):
    return lu.soft_iou_loss(prob[None, None], target[None, None], from_logits=False, smooth=smooth)


REFERENCES = {
    "dice": _dice,
    "tversky": _tversky,
    "dice_kornia": _kornia_dice,
    "soft_iou": _soft_iou,
    "giou": lu.generalized_box_iou_loss,
    "diou": lu.distance_box_iou_loss,
    "ciou": lu.complete_box_iou_loss,
}

_NO_GENERALIZED = "generalised Dice, which weighs the classes by their inverse squared volumes, is no loss of ours"
NOT_APPLICABLE = {
    "monai-tversky-5": "MONAI's smooth_nr = 0 with smooth_dr = 0.001; ours adds one smooth to both",
    **{f"monai-generalized_dice-{i}": _NO_GENERALIZED for i in (1, 3, 5, 7, 9, 11)},
    **{f"monai-dice_ce-{i}": "Dice plus cross entropy is the reader's own sum of two losses" for i in (1, 3, 5)},
    "kornia-lovasz-softmax-weight": "the Lovász-softmax is no loss of ours; the Lovász hinge is",
    "keras-dice-unbounded": "probabilities of 4 and 6, which are an error here",
    "keras-tversky": "probabilities of 4 and 6, which are an error here",
}
