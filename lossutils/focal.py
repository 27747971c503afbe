"""Losses for rare positives: balanced and focal cross entropy, and the mean of the hardest examples.

Logits come first, then 0/1 targets or class indices. Shapes must fit; nothing is broadcast. Half-precision inputs are
computed in float32 and returned in their own dtype; under autocast the loss is float32. A NaN in the data comes out as
NaN. The mean over an empty batch is an error; the sum over one is 0. Checks of values (targets, class weights) read the
tensors and are skipped under `torch.compile` and `vmap`. No gradient flows to the targets, which are labels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_device,
    check_dims,
    check_elementwise,
    check_equal_shapes,
    check_indices,
    check_integers,
    check_not_empty,
    check_number,
    check_reduction,
    check_tensor,
    check_values,
    log_softmax,
    reduce,
    scalar_option,
    upcast,
)

__all__ = [
    "balanced_binary_cross_entropy_with_logits",
    "hard_example_mean",
    "sigmoid_focal_loss",
    "softmax_focal_loss",
]


def balanced_binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, *, alpha: float, reduction: str = "mean"
) -> Tensor:
    r"""The binary cross entropy with the weight alpha for positives and 1 − alpha for negatives.

    .. math::
        \ell = -\alpha_t \log p_t, \qquad
        (p_t, \alpha_t) = \begin{cases} (\sigma(x), \; \alpha) & y = 1 \\ (1 - \sigma(x), \; 1 - \alpha) & y = 0
        \end{cases}

    :func:`sigmoid_focal_loss` with gamma = 0. At alpha = 0.5 it is half :func:`binary_cross_entropy_with_logits`; in
    general (1 − alpha) times that with pos_weight = alpha/(1 − alpha). The gradient is α_t (σ(x) − y). Never negative.

    Args:
        input: the logits x.
        target: 1 for positives, 0 for negatives.
        alpha: the weight of the positives, from 0 to 1; often the share of the negatives.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements, not by the sum of the weights, so it is smaller than the unweighted
        loss: with a share π of positives and alpha = 1 − π the weights average 2π(1 − π), half at most. A weight of 0
        makes 0 of an infinite loss too. A target between 0 and 1 is an error: no weight is defined for it.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or alpha is not a number.
        ValueError: if the shapes differ, a target is not 0 or 1, alpha is outside [0, 1], the reduction is unknown, or
            the batch is empty and the reduction "mean".

    Source:
        Lin et al. (2017), Focal loss for dense object detection, equation 3.

    Example:
        >>> import torch
        >>> from lossutils import balanced_binary_cross_entropy_with_logits
        >>> logits, target = torch.tensor([-100.0, 100.0]), torch.tensor([1.0, 0.0])
        >>> balanced_binary_cross_entropy_with_logits(logits, target, alpha=0.75, reduction="none")
        tensor([75., 25.])
    """
    check_number("alpha", alpha, "from 0 to 1", lambda a: 0 <= a <= 1)
    return reduce(_sigmoid_focal(input, target, alpha, 0, reduction), reduction, input)


def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    normalizer: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The binary cross entropy, faded out where the prediction is right already.

    .. math::
        \ell = -\alpha_t (1 - p_t)^\gamma \log p_t, \qquad
        (p_t, \alpha_t) = \begin{cases} (\sigma(x), \; \alpha) & y = 1 \\ (1 - \sigma(x), \; 1 - \alpha) & y = 0
        \end{cases}

    With gamma = 0 it is :func:`balanced_binary_cross_entropy_with_logits`, and with alpha = None as well
    :func:`binary_cross_entropy_with_logits`. Never negative, and never above the one with gamma = 0. The gradient is

    .. math:: \frac{d\ell}{dx} = \pm \alpha_t (1 - p_t)^\gamma (\gamma p_t \log p_t + p_t - 1),
        \qquad + \text{ for } y = 1, \; - \text{ for } y = 0

    A well-classified example (p_t → 1) costs about α_t (1 − p_t)^(γ + 1); a badly misclassified one costs
    α_t :math:`|x|`, with the gradient ∓α_t.

    Args:
        input: the logits x.
        target: 1 for positives, 0 for negatives.
        alpha: the weight of the positives, from 0 to 1; negatives weigh 1 − alpha; None switches both off.
        gamma: the focusing exponent γ ≥ 0; the paper tries 0 to 5.
        normalizer: what "mean" divides the sum by instead of the number of elements, such as the number of positives; a
            number or a tensor of shape (). 0 counts as 1, so that a batch without positives still teaches.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements, as torchvision's `sigmoid_focal_loss` does, whose default is "none".
        The paper divides by the number of anchors assigned to an object: pass normalizer=target.sum(). alpha weighs the
        positives: 0.25 with gamma = 2 weighs them less than negatives, because the focusing has faded these out. A
        target between 0 and 1 is an error: torchvision interpolates p_t there, which is no likelihood.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or an option is not a number.
        ValueError: if the shapes differ, a target is not 0 or 1, alpha is outside [0, 1], gamma is negative or not
            finite, normalizer is negative, not finite, not a scalar or given for another reduction than "mean", the
            reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Lin et al. (2017), Focal loss for dense object detection, equations 4 and 5, the gradient in appendix B.

    Example:
        >>> import torch
        >>> from lossutils import sigmoid_focal_loss
        >>> logits, target = torch.tensor([-100.0, 0.0, 4.0]), torch.tensor([1.0, 1.0, 1.0])
        >>> sigmoid_focal_loss(logits, target, alpha=None, reduction="none")
        tensor([1.0000e+02, 1.7329e-01, 5.8716e-06])
    """
    if alpha is not None:
        check_number("alpha", alpha, "from 0 to 1", lambda a: 0 <= a <= 1)
    check_number("gamma", gamma, "of at least 0 and finite", lambda g: 0 <= g < math.inf)
    check_reduction(reduction)
    if normalizer is not None and reduction != "mean":
        raise ValueError(f'normalizer divides the mean: expected reduction="mean", got {reduction!r}')
    values = _sigmoid_focal(input, target, alpha, gamma, reduction)
    if normalizer is not None:
        if isinstance(normalizer, Tensor) and normalizer.dtype == torch.int64:
            normalizer = normalizer.to(values.dtype)
        wanted = "of at least 0 and finite"
        normalizer = scalar_option("normalizer", normalizer, values, wanted, lambda n: (n >= 0) & (n < math.inf))
    return reduce(values, reduction, input, total=normalizer)


def softmax_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: Tensor | None = None,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""The cross entropy of several classes, faded out where the prediction is right already.

    .. math:: \ell = -\alpha_y (1 - p_y)^\gamma \log p_y, \qquad p = \text{softmax}(x)

    With gamma = 0 and no alpha it is :func:`cross_entropy`; with two classes of logits (0, x) it is
    :func:`sigmoid_focal_loss` with alpha (1 − α, α). Never negative. A target of probability 0 (a logit of −∞) costs
    ∞, or 0 if its weight is 0.

    Args:
        input: the logits x.
        target: the class indices y, or ignore_index.
        alpha: a weight for each class, ≥ 0, or None. One number for all would only scale the loss: it is an error.
        gamma: the focusing exponent γ ≥ 0.
        ignore_index: the target that does not count.
        reduction: "none", "mean" or "sum".

    Shape:
        input (N, C, d…), target (N, d…), alpha (C); the result is (N, d…) for "none", with 0 for what is ignored, else
        a scalar.

    Convention:
        "mean" divides by the number of targets that are not ignored, whatever their weights (:func:`cross_entropy`
        divides by the sum of the weights). If all are ignored it is 0, with gradient 0. kornia's `focal_loss` divides
        by N·C instead.

    Raises:
        TypeError: if input is not floating-point, target is not int64, alpha is no tensor of the dtype of input, gamma
            is not a number or ignore_index not a whole one.
        ValueError: if the shapes do not fit, a target is neither a class nor ignore_index, a weight is negative,
            infinite or NaN, gamma is negative or not finite, the reduction is unknown, or the batch is empty and the
            reduction "mean".

    Source:
        Lin et al. (2017), Focal loss for dense object detection, equation 5, which extends it to several classes in a
        sentence.

    Example:
        >>> import torch
        >>> from lossutils import softmax_focal_loss
        >>> logits = torch.tensor([[0.0, 0.0], [0.0, 9.0]])
        >>> softmax_focal_loss(logits, torch.tensor([0, 0]), reduction="none")
        tensor([0.1733, 8.9979])
    """
    check_number("gamma", gamma, "of at least 0 and finite", lambda g: 0 <= g < math.inf)
    check_number("ignore_index", ignore_index, "such as -100", lambda i: True, whole=True)
    check_reduction(reduction)
    check_tensor("input", input)
    check_integers("target", target, "input", input)
    check_dims("input", input, "(N, C, d…)", lambda n: n >= 2)
    wanted = (len(input), *input.shape[2:])
    if target.shape != wanted:
        raise ValueError(f"target must have the shape (N, d…) = {wanted}, got {tuple(target.shape)}")
    classes = input.shape[1]
    if alpha is not None:
        check_alike(input=input, alpha=alpha)
        if alpha.shape != (classes,):
            raise ValueError(f"alpha must have the shape (C,) = ({classes},), got {tuple(alpha.shape)}")
        check_values("alpha must hold weights of at least 0 and finite", alpha, lambda a: ~((a >= 0) & (a < math.inf)))
    check_not_empty("input", input, reduction)
    check_indices("target", target, classes, ignore_index)
    (wide,) = upcast(input)
    values = _focus(F.nll_loss(log_softmax(wide, 1), target, ignore_index=ignore_index, reduction="none"), gamma)
    counts = target != ignore_index
    if alpha is not None:
        (alpha,) = upcast(alpha)
        weight = alpha[torch.where(counts, target, 0)]
        values = values.masked_fill((weight == 0) & values.isinf(), 0) * weight
    return reduce(values, reduction, input, total=counts.sum())


def hard_example_mean(losses: Tensor, *, keep: int, ignore: Tensor | None = None) -> Tensor:
    r"""The mean of the largest losses: online hard example mining (OHEM).

    .. math:: L = \frac{1}{k} \sum_{i=1}^{k} \ell_{(i)},
        \qquad \ell_{(1)} \ge \ell_{(2)} \ge \dots, \quad k = \min(\text{keep}, \text{samples not ignored})

    Where :func:`sigmoid_focal_loss` fades easy examples out, this one cuts them off. The gradient is 1/k for each loss
    kept and 0 for the others; of equal losses at the border as many are kept as there is room for, no matter which.

    Args:
        losses: one loss a sample, from any function here with reduction="none".
        keep: how many to keep, ≥ 1. For a share of the batch compute it: max(1, round(0.25 * losses.numel())).
        ignore: True for samples to leave out (padding, regions without a label); None leaves out none.

    Shape:
        losses and ignore (…), equal; all dimensions are one batch. The result is a scalar.

    Convention:
        Divides by the number kept. If fewer than keep are left, it is the mean of those; if all are ignored, it is 0,
        with gradient 0. Other definitions keep all losses above a threshold, or three negatives a positive (SSD).

    Raises:
        TypeError: if losses is not floating-point, keep is not a whole number, or ignore is not a bool tensor.
        ValueError: if the shapes differ, keep is less than 1, or the batch is empty.

    Source:
        Shrivastava, Gupta and Girshick (2016), Training region-based object detectors with online hard example mining,
        without its non-maximum suppression.

    Example:
        >>> import torch
        >>> from lossutils import hard_example_mean
        >>> hard_example_mean(torch.tensor([1.0, 5.0, 0.0, 3.0]), keep=2).item()
        4.0
    """
    check_number("keep", keep, "of at least 1", lambda k: k >= 1, whole=True)
    check_tensor("losses", losses)
    if ignore is not None:
        if not isinstance(ignore, Tensor) or ignore.dtype != torch.bool:
            kind = ignore.dtype if isinstance(ignore, Tensor) else type(ignore).__name__
            raise TypeError(f"ignore must be a torch.Tensor of torch.bool, got {kind}")
        check_device("ignore", ignore, "losses", losses)
        check_equal_shapes(losses=losses, ignore=ignore)
    check_not_empty("losses", losses, "mean")
    (flat,) = upcast(losses.flatten())
    count = min(keep, flat.numel())
    if ignore is None:
        return reduce(flat.topk(count, sorted=False).values, "mean", losses)
    ignore = ignore.flatten()
    kept = flat.masked_fill(ignore, -math.inf).topk(count, sorted=False)
    # Fewer may be left than there is room for.
    values = kept.values.masked_fill(ignore.gather(0, kept.indices), 0)
    return reduce(values, "mean", losses, total=(~ignore).sum().clamp(max=count))


def _sigmoid_focal(input: Tensor, target: Tensor, alpha: float | None, gamma: float, reduction: str) -> Tensor:
    """Check the pair and return the focal loss of each element, in the precision to compute in."""
    check_elementwise(reduction, input=input, target=target)
    check_values("target must hold 0 and 1", target, lambda y: (y != 0) & (y != 1))
    logits, target = upcast(input, target)
    return _SigmoidFocal.apply(logits, target, alpha, gamma)[0]


def _focus(loss: Tensor, gamma: float) -> Tensor:
    """(1 − p)^gamma · loss of a cross entropy loss = −log p."""
    if gamma == 0:
        return loss
    right = loss == 0  # there the power may have an infinite slope
    some = torch.where(right, 1, loss)
    # 1 − p. Beyond 64 it is 1 to the last digit; the clamp keeps ∞ · 0 out of the gradient.
    wrong = -torch.expm1(-some.clamp(max=64))
    return torch.where(right, 0, wrong.pow(gamma) * some)


class _SigmoidFocal(torch.autograd.Function):
    """The focal loss of each logit, and what its gradient needs: 1 − p_t and −log p_t.

    The gradient in closed form takes fewer passes than autograd's, and no power of 1 − p_t = 0 in it has an infinite
    slope. torch's binary cross entropy with logits would be no base: it takes −log(1 − p) as x − log p, which loses its
    digits for easy negatives, the very ones this loss is about.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, target: Tensor, alpha: float | None, gamma: float) -> tuple[Tensor, ...]:
        against = logits * _signs(target)
        wrong = against.sigmoid()
        # torch's threshold of 20 costs digits in float64.
        loss = F.softplus(against, threshold=50)
        weight = _weights(target, alpha).abs_()
        values = weight * loss if gamma == 0 else wrong.pow(gamma).mul_(loss).mul_(weight)
        if alpha in (0, 1):
            values.masked_fill_((weight == 0) & loss.isinf(), 0)
        return values, wrong, loss

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        logits, target, ctx.alpha, ctx.gamma = inputs
        _, wrong, loss = output
        ctx.mark_non_differentiable(wrong, loss)
        ctx.set_materialize_grads(False)  # no zeros for what has no gradient
        ctx.save_for_backward(logits, target, wrong, loss)

    @staticmethod
    def backward(ctx, to_values: Tensor | None, *_) -> tuple[Tensor | None, ...]:
        if to_values is None:
            return None, None, None, None
        logits, target, wrong, loss = ctx.saved_tensors
        gamma = ctx.gamma
        if torch.is_grad_enabled():  # for a second derivative, all from the logits again
            against = logits * _signs(target)
            wrong, loss = against.sigmoid(), F.softplus(against, threshold=50)
            faded = torch.exp(gamma * F.logsigmoid(against))  # has finite slopes where 1 − p_t is 0
        else:
            faded = wrong.pow(gamma)
        weight = _weights(target, ctx.alpha)
        if gamma == 0:
            return wrong * weight * to_values, None, None, None
        # p_t · (−log p_t) → 0 for a logit of ∞ on the wrong side.
        slope = (1 - wrong).mul_(loss).nan_to_num_(nan=0).mul_(gamma).add_(wrong).mul_(faded).mul_(weight)
        return slope * to_values, None, None, None


def _signs(target: Tensor) -> Tensor:
    """−1 for positives, 1 for negatives: the logit times this is large where the prediction is wrong."""
    return (target * -2).add_(1)


def _weights(target: Tensor, alpha: float | None) -> Tensor:
    """The weight of each element with its sign: −alpha for positives, 1 − alpha for negatives; −1 and 1 without alpha.

    The smaller of the two weights is exact: (1 − alpha) − 1 is not −alpha in float32, and 0 for an alpha of 1e-9.
    """
    if alpha is None:
        return _signs(target)
    return (1 - target).sub_(alpha) if alpha < 0.5 else (1 - alpha) - target
