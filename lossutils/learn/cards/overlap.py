"""The cards of ``lossutils.overlap``."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

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
from lossutils.learn.cards import INF, Card, Minimiser, Names, Whole

# Masks: logits and targets (N, C, pixels) and the smoothing s.


def _draw_masks(generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    logits = 2 * torch.randn(3, 5, 6, generator=generator, dtype=torch.float64)
    target = (torch.rand(3, 5, 6, generator=generator) < 0.3).double()
    target[..., 0] = 1  # every class is present
    # One pixel of foreground, the rest settled: where these losses are steepest.
    target[0, :, 1:] = 0
    logits[0, :, 1:] = -30
    logits[0, :, 0] = torch.linspace(-1, 0.4, 5)
    # A prediction that is nearly right.
    logits[1] = 12 * (2 * target[1] - 1)
    return logits, target, float(torch.randint(2, (), generator=generator))


def _counts(p: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, false positives, false negatives, (N, C, 1)."""
    return (p * t).sum(2, True), (p * (1 - t)).sum(2, True), ((1 - p) * t).sum(2, True)


def _dice(x: Tensor, t: Tensor, s: float) -> Tensor:
    p = x.sigmoid()
    return 1 - (2 * (p * t).sum(2) + s) / (p.sum(2) + t.sum(2) + s)


def _dice_slope(x: Tensor, t: Tensor, s: float) -> Tensor:
    p = x.sigmoid()
    top, bottom = 2 * (p * t).sum(2, True) + s, (p + t).sum(2, True) + s
    return p * (1 - p) * (top - 2 * t * bottom) / bottom**2


def _iou(x: Tensor, t: Tensor, s: float) -> Tensor:
    p = x.sigmoid()
    both = (p * t).sum(2)
    return 1 - (both + s) / (p.sum(2) + t.sum(2) - both + s)


def _iou_slope(x: Tensor, t: Tensor, s: float) -> Tensor:
    p = x.sigmoid()
    top, bottom = (p * t).sum(2, True) + s, (p + t - p * t).sum(2, True) + s
    return p * (1 - p) * ((1 - t) * top - t * bottom) / bottom**2


def _tversky(x: Tensor, t: Tensor, s: float) -> Tensor:
    hits, alarms, misses = _counts(x.sigmoid(), t)
    return (1 - (hits + s) / (hits + 0.3 * alarms + 0.7 * misses + s)).squeeze(2)


def _tversky_slope(x: Tensor, t: Tensor, s: float) -> Tensor:
    p = x.sigmoid()
    hits, alarms, misses = _counts(p, t)
    errors = 0.3 * alarms + 0.7 * misses
    each = 0.3 * (1 - t) - 0.7 * t
    return p * (1 - p) * (each * (hits + s) - t * errors) / (hits + errors + s) ** 2


def _focal_tversky(x: Tensor, t: Tensor, s: float) -> Tensor:
    hits, alarms, misses = _counts(x.sigmoid(), t)
    errors = 0.3 * alarms + 0.7 * misses
    return (errors / (hits + errors + s)).squeeze(2) ** (3 / 4)


def _focal_tversky_slope(x: Tensor, t: Tensor, s: float) -> Tensor:
    hits, alarms, misses = _counts(x.sigmoid(), t)
    errors = 0.3 * alarms + 0.7 * misses
    return 3 / 4 * (errors / (hits + errors + s)) ** (-1 / 4) * _tversky_slope(x, t, s)


def _chances(generator: torch.Generator) -> Tensor:
    """How probable it is that a pixel is foreground, for many pixels."""
    return torch.rand(20_000, generator=generator, dtype=torch.float64) ** 3


def _threshold(chances: Tensor, alpha: float, beta: float) -> Tensor:
    """The chance above which a pixel belongs to the mask with the best Tversky index, by trying all such masks."""
    hits = chances.sort(descending=True).values.cumsum(0)
    alarms, misses = torch.arange(1, len(chances) + 1) - hits, chances.sum() - hits
    best = (hits / (hits + alpha * alarms + beta * misses)).max()
    return alpha * best / (1 - (1 - alpha - beta) * best)


def _mask_of_chances(
    loss: Callable[..., Tensor], weights: tuple[float, float], threshold: str, **options: float
) -> Minimiser:
    """What remains if a pixel is foreground by chance, and the sums run over all data."""
    return Minimiser(
        words="no probabilities: if the sums run over all data, 1 for a pixel whose chance of foreground is above "
        f"{threshold}, else 0. The best constant probability is 1, however small the foreground",
        sample=_chances,
        loss=lambda c, t: loss((t > c).double()[None, None], t[None, None], from_logits=False, **options),
        statistic=lambda t: _threshold(t, *weights),
        grid=(0, 1),
    )


_MASK_TAKES = (
    "Logits or probabilities, as `from_logits` says, and masks of 0 and 1 or between, both (N, C, d…); the sums run "
    "over d…, s is `smooth`."
)


# The Lovász hinge: logits and masks of six pixels. The first image has one pixel of foreground, the most wrong one.


def _draw_images(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    logits = 1.5 * torch.randn(6, 6, generator=generator, dtype=torch.float64)
    target = (torch.rand(6, 6, generator=generator) < 0.4).double()
    target[0] = torch.eye(6, dtype=torch.float64)[0]
    logits[0, 0] = -8
    logits[1] = 2 * (2 * target[1] - 1)
    return logits, target


def _jaccard(target: list[float], wrong: set[int]) -> float:
    """1 − intersection over union of the mask that errs on these pixels."""
    truth = {i for i, t in enumerate(target) if t}
    mask = truth ^ wrong
    return 1 - len(truth & mask) / len(truth | mask) if truth | mask else 0.0


def _lovasz_steps(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The margins' shortfalls m, and by how much each raises the Jaccard loss where it comes in the order of m."""
    short = 1 - (2 * target - 1) * logits
    steps = torch.zeros_like(short)
    for image, truth in enumerate(target.tolist()):
        order = short[image].argsort(descending=True).tolist()
        for rank, pixel in enumerate(order):
            before, after = set(order[:rank]), set(order[: rank + 1])
            steps[image, pixel] = _jaccard(truth, after) - _jaccard(truth, before)
    return short, steps


def _lovasz(logits: Tensor, target: Tensor) -> Tensor:
    short, steps = _lovasz_steps(logits, target)
    return (short.clamp(min=0) * steps).sum(1)


def _lovasz_slope(logits: Tensor, target: Tensor) -> Tensor:
    short, steps = _lovasz_steps(logits, target)
    return -(2 * target - 1) * steps * (short > 0)


# Boxes (x1, y1, x2, y2).

_EPS = 1e-7


def _draw_boxes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    def some(n: int) -> Tensor:
        corner = 2 * torch.rand(n, 2, generator=generator, dtype=torch.float64)
        sides = 0.2 + 2 * torch.rand(n, 2, generator=generator, dtype=torch.float64)
        return torch.cat((corner, corner + sides), 1)

    boxes1, boxes2 = some(8), some(8)
    inner = torch.tensor([0.01, 0.02, -0.03, -0.02], dtype=torch.float64)
    boxes2[0] = boxes1[0] + 1e-3 * inner  # nearly the same
    boxes2[1] = boxes1[1] + inner  # one in the other
    # A flat one and a tall one, small and far apart.
    small = torch.tensor([[0.0, 0.0, 0.01, 1e-6], [900.0, 500.0, 900.0 + 1e-6, 500.01]], dtype=torch.float64)
    boxes1[2], boxes2[2] = small
    return boxes1, boxes2


def _sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    return (boxes[:, 2] - boxes[:, 0]), (boxes[:, 3] - boxes[:, 1])


def _between(a: Tensor, b: Tensor) -> Tensor:
    """The intersection as a box, of side 0 where there is none."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    return torch.cat((low, torch.maximum(low, high)), 1)


def _around(a: Tensor, b: Tensor) -> Tensor:
    """The smallest box around both."""
    return torch.cat((torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])), 1)


def _area(boxes: Tensor) -> Tensor:
    width, height = _sides(boxes)
    return width * height


def _area_slope(boxes: Tensor) -> Tensor:
    """How the area changes with x1, y1, x2, y2."""
    width, height = _sides(boxes)
    return torch.stack((-height, -width, height, width), 1)


def _union(a: Tensor, b: Tensor) -> Tensor:
    return _area(a) + _area(b) - _area(_between(a, b))


def _both_slope(a: Tensor, b: Tensor) -> Tensor:
    """How the area of the intersection changes with the sides of a, which count where they are its sides."""
    inner = _between(a, b)
    overlap = (_area(inner) > 0)[:, None]
    return _area_slope(inner) * (inner == a) * overlap


def _box_iou(a: Tensor, b: Tensor) -> Tensor:
    return 1 - _area(_between(a, b)) / (_union(a, b) + _EPS)


def _box_iou_slope(a: Tensor, b: Tensor) -> Tensor:
    both, union = _area(_between(a, b))[:, None], _union(a, b)[:, None] + _EPS
    of_both = _both_slope(a, b)
    return -(of_both * union - both * (_area_slope(a) - of_both)) / union**2


def _giou(a: Tensor, b: Tensor) -> Tensor:
    hull = _area(_around(a, b))
    return _box_iou(a, b) + (hull - _union(a, b)) / (hull + _EPS)


def _giou_slope(a: Tensor, b: Tensor) -> Tensor:
    outer = _around(a, b)
    hull, union = _area(outer)[:, None] + _EPS, _union(a, b)[:, None]
    of_hull = _area_slope(outer) * (outer == a)
    of_union = _area_slope(a) - _both_slope(a, b)
    return _box_iou_slope(a, b) + (of_hull * (union + _EPS) - of_union * hull) / hull**2


def _centre_gap(a: Tensor, b: Tensor) -> Tensor:
    return ((a[:, :2] + a[:, 2:]) - (b[:, :2] + b[:, 2:])) / 2


def _diou(a: Tensor, b: Tensor) -> Tensor:
    width, height = _sides(_around(a, b))
    return _box_iou(a, b) + _centre_gap(a, b).square().sum(1) / (width**2 + height**2 + _EPS)


def _diou_slope(a: Tensor, b: Tensor) -> Tensor:
    outer, gap = _around(a, b), _centre_gap(a, b)
    width, height = _sides(outer)
    apart, diagonal = gap.square().sum(1)[:, None], (width**2 + height**2 + _EPS)[:, None]
    of_diagonal = 2 * torch.stack((-width, -height, width, height), 1) * (outer == a)
    return _box_iou_slope(a, b) + (torch.cat((gap, gap), 1) * diagonal - apart * of_diagonal) / diagonal**2


def _ratio_gap(a: Tensor, b: Tensor) -> Tensor:
    (w1, h1), (w2, h2) = _sides(a), _sides(b)
    return 2 / math.pi * (torch.atan2(w2, h2) - torch.atan2(w1, h1))


def _ciou_alpha(a: Tensor, b: Tensor) -> Tensor:
    v = _ratio_gap(a, b) ** 2
    return v / (_box_iou(a, b) + v + _EPS)


def _ciou(a: Tensor, b: Tensor) -> Tensor:
    return _diou(a, b) + _ciou_alpha(a, b) * _ratio_gap(a, b) ** 2


def _ciou_slope(a: Tensor, b: Tensor) -> Tensor:
    width, height = _sides(a)
    across = torch.stack((height, -width, -height, width), 1) / (width**2 + height**2)[:, None]
    of_v = 4 / math.pi * _ratio_gap(a, b)[:, None] * across
    return _diou_slope(a, b) + _ciou_alpha(a, b)[:, None] * of_v


def _wide_iou(side: Tensor, sides: Tensor) -> Tensor:
    """Of the boxes [0, 0, side, 1] and [0, 0, t, 1]."""
    zero, one = torch.zeros_like(sides), torch.ones_like(sides)
    mine, theirs = (torch.stack((zero, zero, s, one), 1) for s in (side.expand_as(sides), sides))
    return box_iou_loss(mine, theirs)


_BOX_TAKES = (
    "Two sets of boxes (…, 4) as x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2, pair by pair, in the same unit; ε is in "
    "that unit squared."
)
_BOX_CLASH = "Boxes given as centre and size, or as x, y, width, height, pass unnoticed wherever x1 ≤ x2 and y1 ≤ y2."


CARDS = [
    Card(
        name="dice_loss",
        section="focal/masks",
        title="Dice",
        chinese="Dice 损失",
        origin="surrogate",
        story="One minus the Dice coefficient, which is the F1 score, with probabilities put for the 0 and 1 of the "
        "predicted mask.",
        tasks=["segmentation", "binary"],
        inputs=["logit", "probability"],
        takes=_MASK_TAKES,
        form=Whole(
            formula=r"1 - \frac{2 \sum_i p_i t_i + s}{\sum_i p_i + \sum_i t_i + s}, \quad p_i = \sigma(x_i)",
            gradient=r"\frac{\partial \ell}{\partial x_i} = p_i (1 - p_i) \frac{A - 2 t_i B}{B^2}, \quad "
            r"A = 2 \sum_j p_j t_j + s,\ B = \sum_j p_j + \sum_j t_j + s",
            draw=_draw_masks,
            call=lambda x, t, s: dice_loss(x, t, from_logits=True, smooth=s, reduction="none"),
            reference=_dice,
            slope=_dice_slope,
        ),
        minimiser=_mask_of_chances(dice_loss, (0.5, 0.5), "half the best Dice coefficient"),
        range=(0, 1),
        convex=False,
        smoothness="smooth",
        lipschitz=0.25,
        shape_words="the bound is by a logit, by a probability it is 2",
        scale="A mask twice as large, with its errors, costs the same, so the gradient of a pixel falls with the size.",
        fails="Soft targets: p = t = ½ costs ½, not 0. Empty masks are 0/0. A class that is missed altogether has "
        "hardly a gradient in the logits, so training sticks at 1; and the probabilities end near 0 and 1.",
        names=Names(
            keras="`losses.Dice(axis=None)`: probabilities; by default one sum over batch, pixels and classes",
            optax="`dice_loss(smooth=1., alpha=0.5, beta=0.5, apply_softmax=True)`: classes last, logits in; its "
            "`smooth=1` is 2 of ours. `binary_dice_loss` takes the sigmoid",
            sklearn="none to train with; `metrics.f1_score` is the coefficient of hard masks",
            others="`monai.losses.DiceLoss`, `kornia.losses.dice_loss`, `segmentation_models_pytorch.losses.DiceLoss`",
            clash="V-Net and MONAI's `squared_pred=True` square the terms of the denominator. Libraries differ in what "
            "they sum over, in smoothing, and in whether a class that is absent counts.",
        ),
        papers=["dice1945measures", "drozdzal2016importance", "milletari2016vnet", "lipton2014optimal"],
    ),
    Card(
        name="soft_iou_loss",
        section="focal/masks",
        title="Soft IoU (Jaccard)",
        chinese="软 IoU 损失（Jaccard 损失）",
        origin="surrogate",
        story="One minus the intersection over union of two masks, with probabilities put for the 0 and 1 of the "
        "predicted one.",
        tasks=["segmentation", "binary"],
        inputs=["logit", "probability"],
        takes=_MASK_TAKES,
        form=Whole(
            formula=r"1 - \frac{\sum_i p_i t_i + s}{\sum_i p_i + \sum_i t_i - \sum_i p_i t_i + s}, \quad p_i = "
            r"\sigma(x_i)",
            gradient=r"\frac{\partial \ell}{\partial x_i} = p_i (1 - p_i) \frac{(1 - t_i) A - t_i B}{B^2}, \quad "
            r"A = \sum_j p_j t_j + s,\ B = \sum_j (p_j + t_j - p_j t_j) + s",
            draw=_draw_masks,
            call=lambda x, t, s: soft_iou_loss(x, t, from_logits=True, smooth=s, reduction="none"),
            reference=_iou,
            slope=_iou_slope,
        ),
        minimiser=_mask_of_chances(soft_iou_loss, (1, 1), "$J/(1 + J)$, J the best index"),
        range=(0, 1),
        convex=False,
        smoothness="smooth",
        lipschitz=0.25,
        shape_words="the bound is by a logit, by a probability it is 1",
        scale="With s = 0 it is 2d/(1 + d) of the Dice loss d of the same mask: both put two predictions in the same order.",
        fails="Soft targets: p = t = ½ costs ⅔, not 0. Empty masks are 0/0. A class that is missed altogether has hardly "
        "a gradient in the logits, so training sticks at 1.",
        names=Names(
            sklearn="none to train with; `metrics.jaccard_score` is the index of hard masks",
            others="`segmentation_models_pytorch.losses.JaccardLoss`; `monai.losses.DiceLoss(jaccard=True)`, "
            "where `smooth_nr` and `smooth_dr` of 2s are our s",
            clash="A loss is one minus the index: an IoU loss of 0 means a perfect overlap. Thresholding the mask first "
            "gives the metric, which has no gradient.",
        ),
        papers=["jaccard1901etude", "rahman2016optimizing"],
    ),
    Card(
        name="tversky_loss",
        section="focal/masks",
        title="Tversky",
        chinese="Tversky 损失",
        origin="surrogate",
        story="One minus Tversky's index of similarity, which prices false positives at α and false negatives at β; "
        "from psychology, made a loss for small lesions.",
        tasks=["segmentation", "binary"],
        inputs=["logit", "probability"],
        takes=_MASK_TAKES + " α, β ≥ 0.",
        form=Whole(
            formula=r"1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + E + s}, \quad E = \alpha\,\mathrm{FP} + \beta\,"
            r"\mathrm{FN},\ \mathrm{TP} = \sum_i p_i t_i,\ \mathrm{FP} = \sum_i p_i (1 - t_i),\ "
            r"\mathrm{FN} = \sum_i (1 - p_i) t_i",
            gradient=r"\frac{\partial \ell}{\partial x_i} = p_i (1 - p_i) "
            r"\frac{(\alpha (1 - t_i) - \beta t_i)(\mathrm{TP} + s) - t_i E}{(\mathrm{TP} + E + s)^2}, "
            r"\quad p_i = \sigma(x_i)",
            draw=_draw_masks,
            call=lambda x, t, s: tversky_loss(x, t, alpha=0.3, beta=0.7, from_logits=True, smooth=s, reduction="none"),
            reference=_tversky,
            slope=_tversky_slope,
        ),
        minimiser=_mask_of_chances(
            tversky_loss,
            (0.3, 0.7),
            "$\\alpha T / (1 - (1 - \\alpha - \\beta) T)$, T the best index",
            alpha=0.3,
            beta=0.7,
        ),
        range=(0, 1),
        convex=False,
        smoothness="smooth",
        lipschitz=0.25,
        shape_words="the bound is by a logit, for any α and β > 0",
        scale="α = β = ½ is Dice (with half its s), α = β = 1 the IoU. Only where α + β = 1 is the index an F score; "
        "β > α asks for recall.",
        fails="α = 0 makes false positives free: the mask grows over the whole image. α and β the wrong way round look "
        "like a model of good precision that misses lesions. Empty masks are 0/0.",
        names=Names(
            keras="`losses.Tversky(alpha=0.5, beta=0.5)`: says that α weighs the false positives, but its code "
            "multiplies α with the false *negatives*, $\\sum (1 - p) t$",
            optax="`dice_loss(alpha=, beta=, smooth=1.)`: α on false positives",
            sklearn="none to train with; `metrics.fbeta_score(beta=b)` is the index of hard masks at "
            "$\\alpha = 1/(1 + b^2)$ and $\\beta = b^2/(1 + b^2)$",
            others="`monai.losses.TverskyLoss`, `kornia.losses.tversky_loss`: α on false positives",
            clash="Which of α and β is on which error differs from code to code: try it on a mask that is all ones.",
        ),
        papers=["tversky1977features", "salehi2017tversky"],
    ),
    Card(
        name="focal_tversky_loss",
        section="focal/masks",
        title="Focal Tversky",
        chinese="Focal Tversky 损失",
        origin="heuristic",
        story="The Tversky loss to the power 1/γ: with γ > 1 a class segmented well keeps a strong pull, against the "
        "name's promise to look at the hard ones.",
        tasks=["segmentation", "binary"],
        inputs=["logit", "probability"],
        takes=_MASK_TAKES + " α, β ≥ 0, γ > 0.",
        form=Whole(
            formula=r"\left( \frac{E}{\mathrm{TP} + E + s} \right)^{1/\gamma}, \quad E = \alpha\,\mathrm{FP} + \beta\,"
            r"\mathrm{FN}",
            gradient=r"\frac{\partial \ell}{\partial x_i} = \frac{1}{\gamma}\, u^{1/\gamma - 1} "
            r"\frac{\partial u}{\partial x_i}, \quad u = \frac{E}{\mathrm{TP} + E + s} \text{ the Tversky loss}",
            draw=_draw_masks,
            call=lambda x, t, s: focal_tversky_loss(
                x, t, alpha=0.3, beta=0.7, gamma=4 / 3, from_logits=True, smooth=s, reduction="none"
            ),
            reference=_focal_tversky,
            slope=_focal_tversky_slope,
        ),
        minimiser=_mask_of_chances(
            focal_tversky_loss,
            (0.3, 0.7),
            "$\\alpha T / (1 - (1 - \\alpha - \\beta) T)$, T the best index",
            alpha=0.3,
            beta=0.7,
            gamma=4 / 3,
        ),
        range=(0, 1),
        convex=False,
        smoothness="smooth",
        lipschitz=(7 / 3) ** (-7 / 4),
        shape_words="the bound is by a logit at γ = 4/3, in general $(\\gamma + 1)^{-1 - 1/\\gamma}$; by a probability there "
        "is none for γ > 1",
        scale="As the Tversky loss; the power keeps the order of losses. γ = 1 is the Tversky loss itself.",
        fails="With γ > 1 it does the reverse of focal: by probability, easy classes get the steepest slope, and "
        "rounding near 0 is magnified: where a Tversky loss near 0 is wrong by 1e-7, this one is by up to 6e-6 (γ = 4/3) or "
        "5e-3 (γ = 3).",
        names=Names(
            others="`segmentation_models_pytorch.losses.TverskyLoss(gamma=)`: the exponent itself, and of the mean of "
            "the classes",
            clash="γ here is the paper's: the exponent is 1/γ. Much code, the authors' too, calls the exponent γ: 0.75 "
            "for 4/3. The authors have α on the false negatives.",
        ),
        papers=["abraham2019novel"],
    ),
    Card(
        name="lovasz_hinge_loss",
        section="focal/masks",
        title="Lovász hinge",
        chinese="Lovász hinge 损失",
        origin="surrogate",
        story="The Jaccard loss, as a function of the set of wrong pixels, is submodular, so that its Lovász extension is "
        "convex; this is that extension at the hinge errors of the pixels.",
        tasks=["segmentation", "binary"],
        inputs=["logit", "score"],
        takes="Scores of any size, whose sign is the prediction, and masks of 0 and 1, both (N, d…): one image per row. "
        "No probabilities.",
        form=Whole(
            formula=r"\sum_{i=1}^{P} \max(0, m_{\pi_i}) \bigl( \Delta\{\pi_1 \ldots \pi_i\} - "
            r"\Delta\{\pi_1 \ldots \pi_{i-1}\} \bigr), \quad m_i = 1 - (2 t_i - 1) x_i,\ "
            r"m_{\pi_1} \ge m_{\pi_2} \ge \dots",
            gradient=r"\frac{\partial \ell}{\partial x_{\pi_i}} = -(2 t_{\pi_i} - 1) \bigl( "
            r"\Delta\{\pi_1 \ldots \pi_i\} - \Delta\{\pi_1 \ldots \pi_{i-1}\} \bigr) \text{ where } m_{\pi_i} > 0, "
            r"\text{ else } 0; \quad \Delta(M) = 1 - \mathrm{IoU} \text{ of the mask that errs on } M",
            draw=_draw_images,
            call=lambda x, t: lovasz_hinge_loss(x, t, reduction="none"),
            reference=_lovasz,
            slope=_lovasz_slope,
        ),
        minimiser=Minimiser(
            words="of a constant score on one image: 1 if more than half of it is foreground, 0 if less",
            sample=lambda generator: (torch.rand(50, generator=generator, dtype=torch.float64) < 0.7).double(),
            loss=lambda c, t: lovasz_hinge_loss(c.expand(1, len(t)), t[None]),
            statistic=lambda t: (t.mean() > 0.5).double(),
            grid=(-2, 2),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        lipschitz=1.0,
        scale="The margin is 1, so scores have a scale: larger right ones cost nothing. The gradients of an image add "
        "up to at most 1 in absolute value: a large image gives each pixel little.",
        fails="Probabilities for scores never reach a margin of 1 on the background: the loss stays high. An image "
        "without foreground costs its worst pixel alone, however many others are wrong.",
        names=Names(
            others="`kornia.losses.lovasz_hinge_loss`, `segmentation_models_pytorch.losses.LovaszLoss(mode, "
            "per_image=False)`",
            clash="The index of each image or of the whole batch: ours is per image, segmentation-models-pytorch's "
            "default is the batch. Lovász-softmax is another loss, of probabilities.",
        ),
        papers=["yu2015learning", "berman2018lovasz"],
    ),
    Card(
        name="box_iou_loss",
        section="focal/boxes",
        title="IoU of boxes",
        chinese="IoU 损失",
        origin="surrogate",
        story="One minus the overlap that detectors are judged by, so that a box is fitted as a whole and not as four "
        "numbers, and the same at every size.",
        tasks=["detection"],
        inputs=["box"],
        takes=_BOX_TAKES,
        form=Whole(
            formula=r"1 - \frac{I}{U + \varepsilon}, \quad I = \lvert A \cap B \rvert,\ U = \lvert A \cup B \rvert",
            gradient=r"-\frac{(U + \varepsilon)\,\nabla I - I\,(\nabla \lvert A \rvert - \nabla I)}"
            r"{(U + \varepsilon)^2}, \quad 0 \text{ where the boxes do not meet}",
            draw=_draw_boxes,
            call=lambda a, b: box_iou_loss(a, b, reduction="none"),
            reference=_box_iou,
            slope=_box_iou_slope,
        ),
        minimiser=Minimiser(
            words="no simple statistic; of boxes [0, 0, t, 1] one of the targets: that with the largest mean IoU",
            sample=lambda generator: torch.empty(15, dtype=torch.float64).exponential_(generator=generator) + 0.2,
            loss=_wide_iou,
            statistic=lambda t: t[torch.stack([_wide_iou(side, t) for side in t]).argmin()],
            grid=(0.1, 6),
        ),
        range=(0, 1),
        convex=False,
        smoothness="kinks",
        lipschitz=None,
        scale="Both boxes shifted, or (but for ε) scaled: the same loss. The gradient goes as 1 over the size, so small "
        "boxes have a steep one, without bound.",
        fails="Boxes that do not meet cost 1 with gradient 0, however near: a bad start never moves. Without clamping "
        "the sides at 0, boxes apart both ways count as overlapping.",
        names=Names(
            others="`torchvision.ops.box_iou` is the index of all pairs; its losses begin with GIoU",
            clash="UnitBox's IoU loss is −log IoU. Code for pixels adds 1 to each side, which is wrong for coordinates "
            "from 0 to 1. " + _BOX_CLASH,
        ),
        papers=["jaccard1901etude", "yu2016unitbox", "rezatofighi2019generalized"],
    ),
    Card(
        name="generalized_box_iou_loss",
        section="focal/boxes",
        title="GIoU",
        chinese="GIoU 损失",
        origin="heuristic",
        story="The IoU loss plus the share of the smallest box around both that neither covers, so that boxes apart "
        "have a gradient.",
        tasks=["detection"],
        inputs=["box"],
        takes=_BOX_TAKES,
        form=Whole(
            formula=r"1 - \frac{I}{U + \varepsilon} + \frac{H - U}{H + \varepsilon}, \quad H \text{ the area of the "
            r"smallest box around both}",
            gradient=r"\nabla \ell_{\mathrm{IoU}} + \frac{(U + \varepsilon)\,\nabla H - (H + \varepsilon)\,\nabla U}"
            r"{(H + \varepsilon)^2}, \quad \nabla U = \nabla \lvert A \rvert - \nabla I",
            draw=_draw_boxes,
            call=lambda a, b: generalized_box_iou_loss(a, b, reduction="none"),
            reference=_giou,
            slope=_giou_slope,
        ),
        minimiser=Minimiser(words="no simple statistic of several boxes; of one, the box itself"),
        range=(0, 2),
        convex=False,
        smoothness="kinks",
        lipschitz=None,
        scale="Both boxes shifted, or (but for ε) scaled: the same loss. The gradient goes as 1 over the size.",
        fails="Where one box lies in the other it is the IoU loss. Far apart its slope fades, and a box "
        "lowers the loss by growing as well as by moving. Without the clamp of the intersection, boxes apart in one row or "
        "column may have no gradient.",
        names=Names(
            others='`torchvision.ops.generalized_box_iou_loss(reduction="none", eps=1e-7)`; `monai.losses.BoxGIoULoss`',
            clash="`torchvision.ops.generalized_box_iou` is the index, from −1 to 1, of all pairs. " + _BOX_CLASH,
        ),
        papers=["rezatofighi2019generalized"],
    ),
    Card(
        name="distance_box_iou_loss",
        section="focal/boxes",
        title="DIoU",
        chinese="DIoU 损失",
        origin="heuristic",
        story="The IoU loss plus the squared distance of the centres over the squared diagonal of the box around both, "
        "which pulls the centres of boxes that are apart together.",
        tasks=["detection"],
        inputs=["box"],
        takes=_BOX_TAKES,
        form=Whole(
            formula=r"1 - \frac{I}{U + \varepsilon} + \frac{\rho^2}{c^2 + \varepsilon}, \quad \rho \text{ the distance "
            r"of the centres},\ c \text{ the diagonal of the box around both}",
            gradient=r"\nabla \ell_{\mathrm{IoU}} + \frac{(c^2 + \varepsilon)\,\nabla \rho^2 - \rho^2\,\nabla c^2}"
            r"{(c^2 + \varepsilon)^2}",
            draw=_draw_boxes,
            call=lambda a, b: distance_box_iou_loss(a, b, reduction="none"),
            reference=_diou,
            slope=_diou_slope,
        ),
        minimiser=Minimiser(words="no simple statistic of several boxes; of one, the box itself"),
        range=(0, 2),
        convex=False,
        smoothness="kinks",
        lipschitz=None,
        scale="Both boxes shifted, or (but for ε) scaled: the same loss. The gradient goes as 1 over the size, or over "
        "the distance of boxes far apart.",
        fails="Where the centres agree it is the IoU loss, blind to the ratio of the sides beyond that. Far apart, a box "
        "can lower the loss by growing, since c grows too.",
        names=Names(
            others='`torchvision.ops.distance_box_iou_loss(reduction="none", eps=1e-7)`',
            clash="`torchvision.ops.distance_box_iou` is the index, from −1 to 1, of all pairs. " + _BOX_CLASH,
        ),
        papers=["zheng2020distance"],
    ),
    Card(
        name="complete_box_iou_loss",
        section="focal/boxes",
        title="CIoU",
        chinese="CIoU 损失",
        origin="heuristic",
        story="The DIoU loss plus a term for the ratio of the sides, weighed by α, which grows with the overlap.",
        tasks=["detection"],
        inputs=["box"],
        takes=_BOX_TAKES,
        form=Whole(
            formula=r"\ell_{\mathrm{DIoU}} + \alpha v, \quad v = \frac{4}{\pi^2} \left( \arctan \frac{w_2}{h_2} - "
            r"\arctan \frac{w_1}{h_1} \right)^2,\ \alpha = \frac{v}{1 - \mathrm{IoU} + v + \varepsilon}",
            gradient=r"\nabla \ell_{\mathrm{DIoU}} + \alpha \nabla v, \quad \frac{\partial v}{\partial w_1} = "
            r"-\frac{8}{\pi^2} \left( \arctan \frac{w_2}{h_2} - \arctan \frac{w_1}{h_1} \right) "
            r"\frac{h_1}{w_1^2 + h_1^2} \quad (\alpha \text{ taken as a constant})",
            draw=_draw_boxes,
            call=lambda a, b: complete_box_iou_loss(a, b, reduction="none"),
            reference=_ciou,
            slope=_ciou_slope,
        ),
        minimiser=Minimiser(words="no simple statistic of several boxes; of one, the box itself"),
        range=(0, 2.5),
        convex=False,
        smoothness="kinks",
        lipschitz=None,
        scale="Both boxes shifted, or (but for ε) scaled: the same loss. The gradient goes as 1 over the size.",
        fails="Its gradient is not the derivative of its value, since α is held: a numerical check of gradients fails. "
        "Boxes of one ratio and different size have v = 0.",
        names=Names(
            others='`torchvision.ops.complete_box_iou_loss(reduction="none", eps=1e-7)`, whose eps is that of α alone',
            clash="The paper's code puts 1 for $1/(w^2 + h^2)$ in the gradient; torchvision and we do not. "
            "`torchvision.ops.complete_box_iou` is the index of all pairs. " + _BOX_CLASH,
        ),
        papers=["zheng2020distance"],
    ),
]
