"""Losses of overlap: of masks (Dice, Jaccard, Tversky, Lovász) and of boxes (IoU and its successors).

The losses of masks take `(input, target, *, …, reduction="mean")`, the prediction first; those of boxes take two sets
of boxes and do not mind which is the prediction. Shapes must be equal; nothing is broadcast. Half-precision inputs are
computed in float32 and returned in their own dtype; under autocast the loss is float32. A NaN in the data comes out as
NaN, and so does a box with an infinite side. The mean over an empty batch is an error; the sum over one is 0. Checks of
values (a probability above 1, a box with x2 < x1) read the tensors and are skipped under `torch.compile` and `vmap`.
The losses of masks refuse forward-mode derivatives (`torch.func.jvp`, `hessian`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_choice,
    check_dims,
    check_equal_shapes,
    check_flag,
    check_not_empty,
    check_number,
    check_probabilities,
    check_reduction,
    check_values,
    reduce,
    upcast,
)

__all__ = [
    "box_iou_loss",
    "complete_box_iou_loss",
    "dice_loss",
    "distance_box_iou_loss",
    "focal_tversky_loss",
    "generalized_box_iou_loss",
    "lovasz_hinge_loss",
    "soft_iou_loss",
    "tversky_loss",
]


# Masks


def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    from_logits: bool,
    smooth: float = 0.0,
    dims: Sequence[int] | None = None,
    absent: str = "ignore",
    reduction: str = "mean",
) -> Tensor:
    r"""One minus the Dice coefficient (the F1 score) of soft masks, of each class of each sample.

    .. math::
        \ell = 1 - \frac{2 \sum p t + s}{\sum p + \sum t + s}
        = \frac{\sum p (1 - t) + \sum (1 - p) t}{\sum p + \sum t + s},
        \qquad p = \sigma(\text{input}) \text{ or input}, \quad t = \text{target}, \quad s = \text{smooth}

    Lies in [0, 1]. With half the smooth, :func:`tversky_loss` of alpha = beta = ½ is the same, and if
    :func:`soft_iou_loss` is j, this is j/(2 − j). The loss does not see the true negatives, so that a small object
    counts as much as a large one. With soft targets the best prediction is not p = t: at p = t = ½ the loss is ½.

    We compute the second form; the three sums leave it an error of about 1e-7 in float32, however small the loss. A
    float32 logit above 16.7 has p = 1 and, by the factor p (1 − p), no gradient.

    Args:
        input: the predicted masks: logits (from_logits=True; the sigmoid is taken here) or probabilities. For classes
            that exclude each other, pass the softmax and from_logits=False.
        target: the true masks, 0 and 1 or soft values between; a channel a class (one-hot), as in input.
        from_logits: whether input holds logits. There is no default: probabilities taken for logits give a plausible
            number, and so do logits that happen to lie in [0, 1] taken for probabilities.
        smooth: s ≥ 0, added to the numerator and the denominator of the coefficient.
        dims: the dimensions that the sums run over; None means all but the first two, (N, C). dims=(0, 2, 3) sums over
            the batch too ("batch Dice"), and dims=(1, 2, 3) over the classes.
        absent: "ignore" leaves a class without a target pixel in the sums' dimensions out of the mean; "count" keeps
            it. Then its loss with smooth=0 is 1, with a gradient of 0, if anything is predicted, else 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C, d…), equal, or any shape if dims is given; the result has the shape of input without
        dims for "none", (N, C) by default, else it is a scalar. Masks (N, H, W) without a channel need dims=(1, 2):
        by default their rows would be taken for classes.

    Convention:
        "mean" divides by the number of classes present, counted over all samples; "none" and "sum" give 0 for the
        others. With every class absent the mean is 0 and its gradient 0. Where prediction and target are both empty
        and smooth is 0, the coefficient is 0/0, and the loss 0 (its limit for a vanishing smooth); sums below 1e-31
        (float64: 1e-292), which a softmax reaches, count as 0, since their reciprocals overflow. The denominator
        holds sums, not the sums of squares of V-Net (Milletari et al. 2016; MONAI's `squared_pred=True`). MONAI counts
        absent classes and smooths by 1e-5; its `smooth_nr` and `smooth_dr`, if equal, are our smooth.
        segmentation-models-pytorch sums over the batch and keeps an absent class in the mean as a 0; its smooth is
        half of ours in version 0.6, and ours in older ones.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, from_logits is not a bool, smooth not a number
            or dims holds something else than whole numbers.
        ValueError: if the shapes differ or do not fit dims, a target or a probability is outside [0, 1], an option is
            out of range, or the batch is empty and the reduction "mean".

    Source:
        Dice (1945); as a loss Drozdzal et al. (2016), The importance of skip connections in biomedical image
        segmentation.

    Example:
        >>> import torch
        >>> from lossutils import dice_loss
        >>> p = torch.tensor([[[0.5, 0.5, 0.0, 0.0]]])
        >>> dice_loss(p, torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]), from_logits=False).item()  # 1 − 2·0.5/(1 + 1)
        0.5
    """
    return _mask_loss(input, target, (0.5, 0.5), from_logits, smooth, 0.5, dims, absent, reduction)


def soft_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    from_logits: bool,
    smooth: float = 0.0,
    dims: Sequence[int] | None = None,
    absent: str = "ignore",
    reduction: str = "mean",
) -> Tensor:
    r"""One minus the intersection over union (the Jaccard index) of soft masks, of each class of each sample.

    .. math::
        \ell = 1 - \frac{\sum p t + s}{\sum p + \sum t - \sum p t + s},
        \qquad p = \sigma(\text{input}) \text{ or input}, \quad t = \text{target}, \quad s = \text{smooth}

    Lies in [0, 1]. It is :func:`tversky_loss` with alpha = beta = 1. With smooth = 0 the index is J = D/(2 − D) of the
    Dice coefficient D, so that both order two predictions alike, and the loss is never below :func:`dice_loss`.
    :func:`lovasz_hinge_loss` is another surrogate of the same index, and :func:`box_iou_loss` takes it of boxes.

    Args:
        input: the predicted masks, logits or probabilities.
        target: the true masks, 0 and 1 or soft values between.
        from_logits: whether input holds logits, of which the sigmoid is taken here.
        smooth: s ≥ 0, added to the numerator and the denominator of the index.
        dims: the dimensions that the sums run over; None means all but the first two.
        absent: "ignore" leaves a class without a target pixel out of the mean, "count" keeps it.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C, d…), equal, or any shape if dims is given; the result has the shape of input without
        dims for "none", (N, C) by default, else it is a scalar.

    Convention:
        As in :func:`dice_loss`. MONAI's `DiceLoss(jaccard=True)` doubles the sums, so its smoothing is twice ours.

    Raises:
        TypeError: as in :func:`dice_loss`.
        ValueError: as in :func:`dice_loss`.

    Source:
        Jaccard (1901); as a loss Rahman and Wang (2016), Optimizing intersection-over-union in deep neural networks
        for image segmentation.

    Example:
        >>> import torch
        >>> from lossutils import soft_iou_loss
        >>> p = torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
        >>> soft_iou_loss(p, torch.tensor([[[0.0, 1.0, 1.0, 1.0]]]), from_logits=False).item()  # 1 − 2/4
        0.5
    """
    return _mask_loss(input, target, (1.0, 1.0), from_logits, smooth, 1.0, dims, absent, reduction)


def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float,
    beta: float,
    from_logits: bool,
    smooth: float = 0.0,
    dims: Sequence[int] | None = None,
    absent: str = "ignore",
    reduction: str = "mean",
) -> Tensor:
    r"""One minus the Tversky index of soft masks, which prices false positives and false negatives apart.

    .. math::
        \ell = 1 - \frac{\text{TP} + s}{\text{TP} + \alpha \, \text{FP} + \beta \, \text{FN} + s}, \quad
        \text{TP} = \sum p t, \quad \text{FP} = \sum p (1 - t), \quad \text{FN} = \sum (1 - p) t

    with p = σ(input) or input, t = target and s = smooth. Lies in [0, 1]. alpha = beta = ½ is :func:`dice_loss` (with
    half its smooth), alpha = beta = 1 is :func:`soft_iou_loss`, and alpha + beta = 1 gives F scores; beta > alpha asks
    for recall, as small lesions need it. alpha = 0 leaves false positives free, so that p = 1 everywhere is best.

    Args:
        input: the predicted masks, logits or probabilities.
        target: the true masks, 0 and 1 or soft values between.
        alpha: the weight of false positives, ≥ 0.
        beta: the weight of false negatives, ≥ 0.
        from_logits: whether input holds logits, of which the sigmoid is taken here.
        smooth: s ≥ 0, added to the numerator and the denominator of the index.
        dims: the dimensions that the sums run over; None means all but the first two.
        absent: "ignore" leaves a class without a target pixel out of the mean, "count" keeps it.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C, d…), equal, or any shape if dims is given; the result has the shape of input without
        dims for "none", (N, C) by default, else it is a scalar.

    Convention:
        As in :func:`dice_loss`. alpha weighs the false positives, as in Salehi et al., MONAI and kornia. Other code has
        it the other way round, among it that of :func:`focal_tversky_loss`'s authors and of Keras 3.15, whose docstring
        says what ours does. An index of 0/0, which beta = 0 also makes of an empty prediction, gives a loss of 0.

    Raises:
        TypeError: as in :func:`dice_loss`, or if alpha or beta is not a number.
        ValueError: as in :func:`dice_loss`, or if alpha or beta is negative or infinite.

    Source:
        Tversky (1977); as a loss Salehi, Erdogmus and Gholipour (2017), Tversky loss function for image segmentation
        using 3D fully convolutional deep networks.

    Example:
        >>> import torch
        >>> from lossutils import tversky_loss
        >>> p, t = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 1.0, 1.0]]])
        >>> loss = tversky_loss(p, t, alpha=0.3, beta=0.7, from_logits=False)
        >>> round(loss.item(), 4)  # 1 − 1/(1 + 0.3 + 2·0.7)
        0.6296
    """
    weights = _weights(alpha, beta)
    return _mask_loss(input, target, weights, from_logits, smooth, 1.0, dims, absent, reduction)


def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float,
    beta: float,
    gamma: float,
    from_logits: bool,
    smooth: float = 0.0,
    dims: Sequence[int] | None = None,
    absent: str = "ignore",
    reduction: str = "mean",
) -> Tensor:
    r"""The Tversky loss raised to the power 1/gamma, of each class of each sample.

    .. math::
        \ell = (1 - \text{TI})^{1 / \gamma}, \qquad
        \text{TI} = \frac{\text{TP} + s}{\text{TP} + \alpha \, \text{FP} + \beta \, \text{FN} + s}

    with the sums of :func:`tversky_loss`, which gamma = 1 gives back. Lies in [0, 1]. For gamma > 1 the slope grows
    without bound as the loss goes to 0, so that the classes segmented well are pushed on; for gamma < 1 it is the
    classes with a small index that are. At a loss of exactly 0, where the derivative for gamma > 1 is infinite,
    the gradient is 0. The power magnifies rounding too: where the Tversky loss of float32 is wrong by 1e-7, that of
    gamma = 4/3 is by up to 6e-6, and that of gamma = 3 by 5e-3.

    Args:
        input: the predicted masks, logits or probabilities.
        target: the true masks, 0 and 1 or soft values between.
        alpha: the weight of false positives, ≥ 0.
        beta: the weight of false negatives, ≥ 0.
        gamma: the inverse of the exponent, > 0. The paper takes it from 1 to 3 and finds 4/3 best.
        from_logits: whether input holds logits, of which the sigmoid is taken here.
        smooth: s ≥ 0, added to the numerator and the denominator of the index.
        dims: the dimensions that the sums run over; None means all but the first two.
        absent: "ignore" leaves a class without a target pixel out of the mean, "count" keeps it.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C, d…), equal, or any shape if dims is given; the result has the shape of input without
        dims for "none", (N, C) by default, else it is a scalar.

    Convention:
        As in :func:`tversky_loss`; the paper sums over the classes, which is the mean times their number. The exponent
        is 1/gamma, as in the paper; much code, that of the authors included, writes the exponent itself as gamma,
        0.75 for the paper's 4/3. The authors' alpha weighs the false negatives (0.7), so theirs is our beta.

    Raises:
        TypeError: as in :func:`tversky_loss`, or if gamma is not a number.
        ValueError: as in :func:`tversky_loss`, or if gamma is not positive and finite.

    Source:
        Abraham and Khan (2019), A novel focal Tversky loss function with improved attention U-Net for lesion
        segmentation.

    Example:
        >>> import torch
        >>> from lossutils import focal_tversky_loss
        >>> p, t = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 1.0, 1.0]]])
        >>> loss = focal_tversky_loss(p, t, alpha=0.3, beta=0.7, gamma=4 / 3, from_logits=False)
        >>> round(loss.item(), 4)  # 0.6296 ** 0.75
        0.7068
    """
    weights = _weights(alpha, beta)
    check_number("gamma", gamma, "above 0 and finite", lambda g: 0 < g < math.inf)
    return _mask_loss(input, target, weights, from_logits, smooth, 1.0, dims, absent, reduction, 1 / gamma)


def lovasz_hinge_loss(logits: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The Lovász hinge: the convex extension of the Jaccard loss to the hinge errors of one image's pixels.

    .. math::
        \ell = \sum_{i=1}^{P} \max(0, m_{\pi_i}) \left( \Delta(\pi_1 \ldots \pi_i) - \Delta(\pi_1 \ldots \pi_{i-1})
        \right), \qquad m_i = 1 - (2 t_i - 1) x_i, \quad m_{\pi_1} \ge m_{\pi_2} \ge \ldots

    where x are the logits, t the target, and Δ of a set of pixels is the Jaccard loss 1 − ∩/∪ of the prediction
    that errs on them and nowhere else. Convex, not negative, and 0 where every margin (2t − 1) x is at least 1. At
    logits of ±1 it is twice the Jaccard loss of their signs. It sees the index itself, where :func:`soft_iou_loss`
    puts probabilities into its formula. The gradient is that of the order the sort finds: at ties one of several, and
    at m = 0 it is 0.

    Args:
        logits: the scores of the foreground; their sign is the prediction. Not probabilities.
        target: the true masks, 0 and 1. No gradient flows to it.
        reduction: "none", "mean" or "sum".

    Shape:
        logits and target (N, d…), equal; the result is (N) for "none", else a scalar. A channel dimension counts as
        one of d…: for several classes, move it into the batch. One image (H, W) alone would be H images of a row.

    Convention:
        "mean" divides by N: the index is taken of each image, as by `per_image=True` in the authors' code. An image
        without a foreground pixel costs its largest hinge error (any false positive makes the index 0).

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ or have no d…, a target is not 0 or 1, the reduction is unknown, or the batch
            is empty and the reduction "mean".

    Source:
        Yu and Blaschko (2015), Learning submodular losses with the Lovász hinge; Berman, Rannen Triki and Blaschko
        (2018), The Lovász-softmax loss, algorithm 1.

    Example:
        >>> import torch
        >>> from lossutils import lovasz_hinge_loss
        >>> x, t = torch.tensor([[1.0, 1.0, -1.0, -1.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        >>> lovasz_hinge_loss(x, t).item()  # 2 (1 − 1/2)
        1.0
    """
    check_reduction(reduction)
    check_alike(logits=logits, target=target)
    check_equal_shapes(logits=logits, target=target)
    check_dims("logits", logits, "(N, d…)", lambda n: n >= 2)
    check_not_empty("logits", logits, reduction)
    check_values("target must hold 0 and 1", target, lambda t: (t != 0) & (t != 1) & (t == t))
    values, _ = _LovaszHinge.apply(*upcast(logits.flatten(1), target.detach().flatten(1)))
    return reduce(values, reduction, logits)


# Boxes


def box_iou_loss(boxes1: Tensor, boxes2: Tensor, *, eps: float = 1e-7, reduction: str = "mean") -> Tensor:
    r"""One minus the intersection over union of two boxes, of each pair.

    .. math:: \ell = 1 - \text{IoU}, \qquad \text{IoU} = \frac{|A \cap B|}{|A \cup B| + \text{eps}}

    Lies in [0, 1]: 0 where the boxes are the same (up to eps), 1 where they do not overlap. There its gradient is 0
    however far apart they are, which :func:`generalized_box_iou_loss`, :func:`distance_box_iou_loss` and
    :func:`complete_box_iou_loss` mend, each with a term of its own. Does not change if both boxes are shifted, or, but
    for eps, scaled.

    Args:
        boxes1: boxes as x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2, in any units; no "+ 1" is added for pixels.
        boxes2: the boxes to compare with, pair by pair.
        eps: added to the area of the union, in the square of the boxes' units, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        boxes1 and boxes2 (…, 4), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs (torchvision's box losses have reduction="none" by default). UnitBox (Yu
        et al. 2016) takes −log IoU instead. A box without an area overlaps nothing: the loss is 1, and the gradient
        finite. Where sides coincide the gradient is the mean of those to both sides, so at a perfect match it is 0 (up
        to eps); where boxes only touch it is that of disjoint ones. Sides are measured in units of the larger side of
        the box around both, so that areas neither overflow nor underflow.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or eps is not a number.
        ValueError: if the shapes differ or do not end in 4, a box has x2 < x1 or y2 < y1, eps is negative or infinite,
            the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Jaccard (1901); as the loss 1 − IoU Rezatofighi et al. (2019), algorithm 2.

    Example:
        >>> import torch
        >>> from lossutils import box_iou_loss
        >>> loss = box_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
        >>> round(loss.item(), 4)  # 1 − 2/6
        0.6667
    """
    pair = _Pair(boxes1, boxes2, eps, reduction)
    return reduce(1 - pair.iou(), reduction, boxes1)


def generalized_box_iou_loss(boxes1: Tensor, boxes2: Tensor, *, eps: float = 1e-7, reduction: str = "mean") -> Tensor:
    r"""The IoU loss plus the share of the box around both that neither covers (GIoU).

    .. math:: \ell = 1 - \text{IoU} + \frac{|C| - |A \cup B|}{|C| + \text{eps}}

    where C is the smallest box around A and B. Lies in [0, 2]: 0 where the boxes are the same, and growing towards 2
    as two disjoint ones move apart, where :func:`box_iou_loss` stays at 1. Never below :func:`box_iou_loss`, and equal
    to it where one box lies in the other. Does not change if both boxes are shifted, or, but for eps, scaled.

    Args:
        boxes1: boxes as x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2, in any units.
        boxes2: the boxes to compare with, pair by pair.
        eps: added to the areas of the union and of C, in the square of the boxes' units, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        boxes1 and boxes2 (…, 4), equal; the result is (…) for "none", else a scalar.

    Convention:
        As in :func:`box_iou_loss`. The values are those of torchvision's `generalized_box_iou_loss`, whose reduction
        is "none" by default. Two boxes with C of no area (points, or lines in one row) cost 1.

    Raises:
        TypeError: as in :func:`box_iou_loss`.
        ValueError: as in :func:`box_iou_loss`.

    Source:
        Rezatofighi et al. (2019), Generalized intersection over union, algorithm 2.

    Example:
        >>> import torch
        >>> from lossutils import generalized_box_iou_loss
        >>> a, b = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[3.0, 0.0, 4.0, 1.0]])
        >>> round(generalized_box_iou_loss(a, b).item(), 4)  # 1 − 0 + 2/4
        1.5
    """
    pair = _Pair(boxes1, boxes2, eps, reduction)
    around = _area(pair.around)
    return reduce(1 - pair.iou() + _ratio(around - pair.union, around + pair.eps), reduction, boxes1)


def distance_box_iou_loss(boxes1: Tensor, boxes2: Tensor, *, eps: float = 1e-7, reduction: str = "mean") -> Tensor:
    r"""The IoU loss plus the squared distance of the centres, over the squared diagonal of the box around both (DIoU).

    .. math:: \ell = 1 - \text{IoU} + \frac{\rho^2}{c^2 + \text{eps}}

    where ρ is the distance of the centres and c the diagonal of the smallest box around both. Lies in [0, 2]: 0 where
    the boxes are the same, 2 of two points with eps = 0. Equal to :func:`box_iou_loss` where the centres are one;
    disjoint boxes are drawn together, whatever their size. :func:`complete_box_iou_loss` adds the ratio of the sides.

    Args:
        boxes1: boxes as x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2, in any units.
        boxes2: the boxes to compare with, pair by pair.
        eps: added to the area of the union and to c², in the square of the boxes' units, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        boxes1 and boxes2 (…, 4), equal; the result is (…) for "none", else a scalar.

    Convention:
        As in :func:`box_iou_loss`. The values are those of torchvision's `distance_box_iou_loss`, whose reduction is
        "none" by default.

    Raises:
        TypeError: as in :func:`box_iou_loss`.
        ValueError: as in :func:`box_iou_loss`.

    Source:
        Zheng et al. (2020), Distance-IoU loss: faster and better learning for bounding box regression.

    Example:
        >>> import torch
        >>> from lossutils import distance_box_iou_loss
        >>> a, b = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[1.0, 1.0, 2.0, 2.0]])
        >>> round(distance_box_iou_loss(a, b).item(), 4)  # 1 − 0 + 2/8
        1.25
    """
    pair = _Pair(boxes1, boxes2, eps, reduction)
    return reduce(1 - pair.iou() + pair.distance(), reduction, boxes1)


def complete_box_iou_loss(boxes1: Tensor, boxes2: Tensor, *, eps: float = 1e-7, reduction: str = "mean") -> Tensor:
    r"""The DIoU loss plus a term for the ratio of the sides (CIoU).

    .. math::
        \ell = 1 - \text{IoU} + \frac{\rho^2}{c^2 + \text{eps}} + \alpha v, \qquad
        v = \frac{4}{\pi^2} \left( \arctan \frac{w_2}{h_2} - \arctan \frac{w_1}{h_1} \right)^2, \quad
        \alpha = \frac{v}{1 - \text{IoU} + v + \text{eps}}

    with ρ and c of :func:`distance_box_iou_loss`, which it equals where the sides have one ratio. Lies in [0, 2.5],
    since 1 − IoU + α v ≤ 3/2: 0 where the boxes are the same. α is a constant for the gradient, as in torchvision, so
    that the gradient is not the derivative of the value. The paper too gives the derivative of v alone; its
    implementation then replaces the factor 1/(w² + h²) of it by 1, which is not done here.

    Args:
        boxes1: boxes as x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2, in any units.
        boxes2: the boxes to compare with, pair by pair.
        eps: added to the area of the union, to c² and to the denominator of α, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        boxes1 and boxes2 (…, 4), equal; the result is (…) for "none", else a scalar.

    Convention:
        As in :func:`box_iou_loss`. The values are those of torchvision's `complete_box_iou_loss`, whose reduction is
        "none" by default, and whose eps goes into α only: the other two stay at 1e-7. A box with h = 0 has the angle
        π/2; one with w = h = 0 has no ratio, and v is then 0 (where torchvision gives NaN).

    Raises:
        TypeError: as in :func:`box_iou_loss`.
        ValueError: as in :func:`box_iou_loss`.

    Source:
        Zheng et al. (2020), Distance-IoU loss: faster and better learning for bounding box regression.

    Example:
        >>> import torch
        >>> from lossutils import complete_box_iou_loss
        >>> a, b = torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 2.0]])
        >>> round(complete_box_iou_loss(a, b).item(), 4)  # 1 − 1/3 + 0.5/8 + α v
        0.7629
    """
    pair = _Pair(boxes1, boxes2, eps, reduction)
    iou = pair.iou()
    v = pair.shape_gap()
    alpha = _ratio(v, 1 - iou + v + eps).detach()
    return reduce(1 - iou + pair.distance() + alpha * v, reduction, boxes1)


# Masks, inside


def _weights(alpha: float, beta: float) -> tuple[float, float]:
    for name, value in (("alpha", alpha), ("beta", beta)):
        check_number(name, value, "of at least 0 and finite", lambda v: 0 <= v < math.inf)
    return alpha, beta


def _mask_loss(
    input: Tensor,
    target: Tensor,
    weights: tuple[float, float],
    from_logits: bool,
    smooth: float,
    smooth_factor: float,
    dims: Sequence[int] | None,
    absent: str,
    reduction: str,
    power: float = 1.0,
) -> Tensor:
    """The Tversky loss to a power; `weights` are of the false positives and of the false negatives.

    `smooth_factor` is ½ for Dice, which adds smooth to twice the hits.
    """
    check_flag("from_logits", from_logits)
    check_number("smooth", smooth, "of at least 0 and finite", lambda s: 0 <= s < math.inf)
    check_choice("absent", absent, ("ignore", "count"))
    check_reduction(reduction)
    check_alike(input=input, target=target)
    check_equal_shapes(input=input, target=target)
    dims = _summed(dims, input)
    check_not_empty("input", input, reduction)
    check_probabilities("target", target)
    if not from_logits:
        check_probabilities("input", input)

    p, t = upcast(input, target)
    hits, false_alarms, misses = _Counts.apply(p.sigmoid() if from_logits else p, t, dims)
    errors = weights[0] * false_alarms + weights[1] * misses
    whole = hits + errors + smooth_factor * smooth
    values = _ratio(errors, whole)
    if power != 1:
        perfect = values == 0  # where the slope of the power is infinite or 0
        values = torch.where(perfect, 0, torch.where(perfect, 1, values) ** power)
    total = None
    if absent == "ignore":
        present = (hits + misses).detach() != 0
        values = torch.where(present, values, 0)
        total = present.sum()
    return reduce(values.squeeze(dims), reduction, input, total=total)


def _summed(dims: Sequence[int] | None, input: Tensor) -> tuple[int, ...]:
    """Check the dimensions to sum over and count them from the front."""
    n = input.dim()
    if dims is None:
        check_dims("input", input, "(N, C, d…) unless dims is given", lambda n: n >= 3)
        return tuple(range(2, n))
    if not isinstance(dims, Sequence) or isinstance(dims, str):
        raise TypeError(f"dims must be a tuple of dimensions or None, got {type(dims).__name__}")
    for d in dims:
        check_number("each of dims", d, f"from {-n} to {n - 1}", lambda d: -n <= d < n, whole=True)
    front = tuple(sorted({d % n for d in dims}))
    if len(front) != len(dims) or not dims:
        raise ValueError(f"dims must name at least one dimension and none twice, got {tuple(dims)}")
    return front


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 with a gradient of 0 where the whole is 0 or so small that its reciprocal overflows."""
    nothing = whole < _least(whole)
    return torch.where(nothing, 0, part / torch.where(nothing, 1, whole))


def _least(values: Tensor) -> float:
    """The least number to divide by: 1e-31 in float32, 1e-292 in float64. A NaN is not below it."""
    info = torch.finfo(values.dtype)
    return info.tiny / info.eps


class _Counts(torch.autograd.Function):
    """Σ p t, Σ p (1 − t) and Σ (1 − p) t over `dims`, which stay as size 1; one pass over the masks back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, t: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
        hits = (p * t).sum(dims, keepdim=True)
        # The differences may come out below 0 by rounding.
        false_alarms = (p.sum(dims, keepdim=True) - hits).clamp(min=0)
        misses = (t.sum(dims, keepdim=True) - hits).clamp(min=0)
        return hits, false_alarms, misses

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx, of_hits: Tensor, of_false_alarms: Tensor, of_misses: Tensor) -> tuple:
        p, t = ctx.saved_tensors
        both = of_hits - of_misses - of_false_alarms
        along_p = torch.addcmul(of_false_alarms, both, t) if ctx.needs_input_grad[0] else None
        along_t = torch.addcmul(of_misses, both, p) if ctx.needs_input_grad[1] else None
        return along_p, along_t, None


class _LovaszHinge(torch.autograd.Function):
    """The loss of each row of scores (N, P), and its gradient, which is constant until the order changes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(scores: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        signs = 2 * truth - 1
        margins, order = (1 - signs * scores).sort(dim=1, descending=True)
        steps = _jaccard_steps(truth.gather(1, order)).masked_fill_(margins <= 0, 0)
        margins = margins.masked_fill_(steps == 0, 0)  # an infinite one too
        slopes = torch.zeros_like(steps).scatter(1, order, steps).mul_(signs).neg_()
        return margins.mul_(steps).sum(1), slopes

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # else zeros for the slopes
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, of_values: Tensor, _) -> tuple:
        (slopes,) = ctx.saved_tensors
        return None if of_values is None else of_values.unsqueeze(1) * slopes, None


def _jaccard_steps(truth: Tensor) -> Tensor:
    """By how much the Jaccard loss grows with each further error, the errors in the order of the columns.

    With I and U the sizes of intersection and union after the step, a miss takes 1/U and a false alarm I/(U (U − 1)).
    The difference of two losses would keep few digits of so small a step.
    """
    found = truth.cumsum(1)
    left = found[:, -1:] - found
    union = torch.arange(1, truth.shape[1] + 1, dtype=truth.dtype, device=truth.device) + left
    whole = (truth == 1) | (union == 1)  # also the first false alarm where there is no target
    return (left / (union - 1)).masked_fill_(whole, 1).div_(union)


# Boxes, inside


class _Pair:
    """Two sets of boxes, checked: sides, as (2, …), in units of the larger side of the box around both."""

    def __init__(self, boxes1: Tensor, boxes2: Tensor, eps: float, reduction: str) -> None:
        check_number("eps", eps, "of at least 0 and finite", lambda e: 0 <= e < math.inf)
        check_reduction(reduction)
        check_alike(boxes1=boxes1, boxes2=boxes2)
        check_equal_shapes(boxes1=boxes1, boxes2=boxes2)
        if boxes1.dim() == 0 or boxes1.shape[-1] != 4:
            raise ValueError(f"boxes1 must have the shape (…, 4), got {tuple(boxes1.shape)}")
        check_not_empty("boxes1", boxes1, reduction)
        self.low1, self.high1 = _corners(boxes1)
        self.low2, self.high2 = _corners(boxes2)
        self.sides1 = self.high1 - self.low1
        self.sides2 = self.high2 - self.low2
        for name, sides in (("boxes1", self.sides1), ("boxes2", self.sides2)):
            check_values(
                f"{name} must have x1 <= x2 and y1 <= y2: its sides must be at least 0", sides, lambda s: s < 0
            )

        self.around = torch.maximum(self.high1, self.high2) - torch.minimum(self.low1, self.low2)
        unit = self.around.detach().amax(0)
        self.unit = torch.where(unit > 0, unit, 1)
        self.eps = eps / self.unit / self.unit
        self.around = self.around / self.unit
        self.sides1 = self.sides1 / self.unit
        self.sides2 = self.sides2 / self.unit
        overlap = (torch.minimum(self.high1, self.high2) - torch.maximum(self.low1, self.low2)).relu() / self.unit
        self.intersection = _area(overlap)
        self.union = _area(self.sides1) + _area(self.sides2) - self.intersection

    def iou(self) -> Tensor:
        return _ratio(self.intersection, self.union + self.eps)

    def distance(self) -> Tensor:
        """The squared distance of the centres over the squared diagonal of the box around both."""
        apart = ((self.low1 - self.low2) + (self.high1 - self.high2)) / (2 * self.unit)
        return _ratio(apart.square().sum(0), self.around.square().sum(0) + self.eps)

    def shape_gap(self) -> Tensor:
        """v: the angle between the diagonals, squared, over that of a quarter turn."""
        (w1, h1), (w2, h2) = self.sides1.unbind(), self.sides2.unbind()
        across, along = w2 * h1 - w1 * h2, w1 * w2 + h1 * h2
        size = (along + across.abs()).detach()  # atan2 back squares its arguments, which must not underflow
        defined = size >= _least(size)
        size = torch.where(defined, size, 1)
        angle = torch.atan2(across / size, torch.where(defined, along / size, 1))
        return 4 / math.pi**2 * angle.square()


def _area(sides: Tensor) -> Tensor:
    width, height = sides.unbind()
    return width * height


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """The corners as two tensors (2, …), of x and y: kernels read them in the order of memory."""
    (boxes,) = upcast(boxes)
    return boxes.movedim(-1, 0).contiguous().split(2)
