"""Losses for classification: of probabilities, of logits, and of margins."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_dims,
    check_elementwise,
    check_equal_shapes,
    check_indices,
    check_integers,
    check_not_empty,
    check_number,
    check_reduction,
    check_signs,
    check_tensor,
    check_values,
    no_autocast,
    reduce,
    restore,
    upcast,
)

__all__ = [
    "exponential_loss",
    "hinge_loss",
    "large_margin_softmax_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "squared_hinge_loss",
]


# Probabilities and logits


# Margins


def hinge_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The loss of the support vector machine: what the margin lacks to 1.

    .. math:: \ell = \max(0, 1 - m), \qquad m = \text{target} \cdot \text{input}

    Never negative, 0 from a margin of 1 on, convex, and never below the 0-1 loss: a right answer with margin 0.3 still
    costs 0.7. It grows like |m| for wrong answers, where :func:`squared_hinge_loss`, its square, grows like m², and has
    no gradient for the samples beyond the margin, where :func:`soft_margin_loss` still has a small one. Its minimiser
    is the sign of the more likely class, not a probability. At m = 1, where it has no derivative, the gradient is 0.

    Args:
        input: the raw scores, before any sigmoid; the sign is the decision.
        target: the labels, +1 or −1, as floating-point numbers.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.
    Convention:
        "mean" divides by the number of elements. Keras' `Hinge` is the same, but also takes labels of 0 and 1, which
        are an error here: use 2 * target - 1. `torch.nn.functional.hinge_embedding_loss` is another loss, of distances.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, a label is neither +1 nor −1, the reduction is unknown, or the batch is empty
            and the reduction "mean".
    Source:
        Cortes and Vapnik (1995), Support-vector networks: the slack of the soft margin.

    Example:
        >>> import torch
        >>> from lossutils import hinge_loss
        >>> hinge_loss(torch.tensor([0.25, 2.0, -1.0]), torch.tensor([1.0, 1.0, 1.0]), reduction="none")
        tensor([0.7500, 0.0000, 2.0000])
    """
    return reduce(_shortfall(input, target, reduction), reduction, input)


def squared_hinge_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The square of what the margin lacks to 1: a hinge without a kink.

    .. math:: \ell = \max(0, 1 - m)^2, \qquad m = \text{target} \cdot \text{input}

    The square of :func:`hinge_loss`: never negative, 0 from a margin of 1 on, convex, with a continuous gradient, which
    is 0 at m = 1. Wrong answers far out cost m², so one bad label weighs more. The expected loss is least at the score
    2p − 1, from which the probability p of +1 can be read, where p is neither 0 nor 1.

    Args:
        input: the raw scores, before any sigmoid; the sign is the decision.
        target: the labels, +1 or −1, as floating-point numbers.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.
    Convention:
        "mean" divides by the number of elements. There is no factor ½. Keras' `SquaredHinge` and scikit-learn's
        `LinearSVC(loss="squared_hinge")` use the same square.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, a label is neither +1 nor −1, the reduction is unknown, or the batch is empty
            and the reduction "mean".
    Source:
        Cortes and Vapnik (1995), Support-vector networks, the slack to the power 2; Chang, Hsieh and Lin (2008) on
        training with it.

    Example:
        >>> import torch
        >>> from lossutils import squared_hinge_loss
        >>> squared_hinge_loss(torch.tensor([0.5, 2.0, -1.0]), torch.tensor([1.0, 1.0, 1.0]), reduction="none")
        tensor([0.2500, 0.0000, 4.0000])
    """
    return reduce(_shortfall(input, target, reduction).square(), reduction, input)


def exponential_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The exponential of minus the margin, which AdaBoost minimises.

    .. math:: \ell = e^{-m}, \qquad m = \text{target} \cdot \text{input}

    Positive, convex, and never below the 0-1 loss. Its gradient is as large as the loss, so that one wrong label far
    out outweighs all other samples; :func:`soft_margin_loss`, which is log(1 + ℓ), tames it to a slope of at most 1.
    The expected loss is least at half the log odds, ½ log(p / (1 − p)).

    It is infinite where its value is beyond the largest number of the dtype (below a margin of about −88.7 in float32
    and bfloat16, −11.1 in float16, −709.8 in float64), and so is its gradient.

    Args:
        input: the raw scores, before any sigmoid; the sign is the decision.
        target: the labels, +1 or −1, as floating-point numbers.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.
    Convention:
        "mean" divides by the number of elements. In AdaBoost the input is the weighted sum of the votes so far.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, a label is neither +1 nor −1, the reduction is unknown, or the batch is empty
            and the reduction "mean".
    Source:
        Freund and Schapire (1997), the bound that AdaBoost lowers; Friedman, Hastie and Tibshirani (2000), Additive
        logistic regression, on it as a loss.

    Example:
        >>> import torch
        >>> from lossutils import exponential_loss
        >>> exponential_loss(torch.tensor([0.0, 1.0, -1.0]), torch.tensor([1.0, 1.0, 1.0]), reduction="none")
        tensor([1.0000, 0.3679, 2.7183])
    """
    _check_signed(input, target, reduction)
    scores, labels = upcast(input, target)
    return reduce((scores * -labels).exp(), reduction, input)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The logistic loss of a margin: the negative log likelihood of labels ±1.

    .. math:: \ell = \log(1 + e^{-m}) = -\log \sigma(m), \qquad m = \text{target} \cdot \text{input}

    Positive, convex, between −m and −m + log 2 for wrong answers. It is `binary_cross_entropy_with_logits` for labels
    ±1 instead of 0 and 1, a smooth kin of :func:`hinge_loss`, and log(1 + ℓ) of :func:`exponential_loss`. The expected
    loss is least at the log odds, so σ(input) is a probability. At m = 0 it is log 2: only divided by log 2 does it
    bound the 0-1 loss.

    Args:
        input: the raw scores, before any sigmoid; the sign is the decision.
        target: the labels, +1 or −1, as floating-point numbers.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.
    Convention:
        "mean" divides by the number of elements. `torch.nn.functional.soft_margin_loss` is the same where it does not
        overflow: its loss is infinite and its gradient NaN from m = −89 on in float32, and a label of 0 silently costs
        log 2 there, without a gradient.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, a label is neither +1 nor −1, the reduction is unknown, or the batch is empty
            and the reduction "mean".
    Source:
        Cox (1958), The regression analysis of binary sequences: the likelihood; Friedman, Hastie and Tibshirani (2000),
        Additive logistic regression, in terms of margins.

    Example:
        >>> import torch
        >>> from lossutils import soft_margin_loss
        >>> soft_margin_loss(torch.tensor([0.0, 2.0, -100.0]), torch.ones(3), reduction="none")
        tensor([  0.6931,   0.1269, 100.0000])
    """
    _check_signed(input, target, reduction)
    scores, labels = upcast(input, target)
    # logsigmoid has all digits on both sides of 0; softplus drops e^(−m) beyond its threshold of 20.
    return 0 - reduce(F.logsigmoid(scores * labels), reduction, input)  # −0 would print as -0.


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The hinge loss of several classes: every wrong class that comes within the margin of the right one costs.

    .. math::
        \ell_n = \frac{w_{y_n}}{C} \sum_{i \ne y_n} \max(0, \text{margin} - x_{n y_n} + x_{n i})^p

    with the scores x and the classes y. Never negative; 0 where the right class leads all others by the margin; adding
    a number to all scores of a sample changes nothing. For C = 2 it is half :func:`hinge_loss` (or, for p = 2, half
    :func:`squared_hinge_loss`) of the difference of the two scores. For p = 1 a class exactly at the margin, where
    there is no derivative, has the gradient 0.

    Args:
        input: the scores of the classes.
        target: the right classes, as indices.
        p: the exponent, 1 or 2.
        margin: the lead that the right class should have, ≥ 0.
        weight: a weight ≥ 0 for each class, which multiplies the loss of the samples of that class.
        reduction: "none", "mean" or "sum".

    Shape:
        input (N, C), target (N), weight (C); the result is (N) for "none", else a scalar.

    Convention:
        As in torch, the sum is over all wrong classes and divided by the number C of classes, although there are C − 1
        of them, and "mean" divides by N, also with weights. Crammer and Singer's multiclass hinge, which
        scikit-learn's `hinge_loss` computes, has only the largest term of the sum, without 1/C. torch's kernel reads a
        NaN as 0, sums an empty batch to an arbitrary number, and has no second derivative.

    Raises:
        TypeError: if input or weight is not floating-point, their dtypes differ, target is not int64, p is not a whole
            number or margin not a number.
        ValueError: if the shapes do not fit, a target is no class, p is neither 1 nor 2, margin or a weight is negative
            or not finite, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Weston and Watkins (1999), Support vector machines for multi-class pattern recognition, up to the margin, which
        is 2 there, and 1/C; as `torch.nn.functional.multi_margin_loss`.

    Example:
        >>> import torch
        >>> from lossutils import multi_margin_loss
        >>> multi_margin_loss(torch.tensor([[0.5, 0.25, -2.0, 1.0]]), torch.tensor([0])).item()  # (0.75 + 0 + 1.5) / 4
        0.5625
    """
    check_number("p", p, "that is 1 or 2", lambda v: v in (1, 2), whole=True)
    check_number("margin", margin, "of at least 0 and finite", lambda m: 0 <= m < math.inf)
    check_reduction(reduction)
    check_alike(input=input, **({} if weight is None else {"weight": weight}))
    check_integers("target", target, "input", input)
    _check_scores(input)
    _check_one_index_a_row(target, "input", input)
    _check_class_weights(weight, input)
    check_not_empty("input", input, reduction)
    check_indices("target", target, input.shape[1])
    (scores,) = upcast(input)
    values, _ = _MultiMargin.apply(scores, target, p, margin)
    if weight is not None:
        values = values * weight.to(values.dtype)[target]
    return reduce(values, reduction, input)


def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The hinge loss of several labels a sample: every other class that comes within 1 of a label's score costs.

    .. math::
        \ell_n = \frac{1}{C} \sum_{j \in Y_n} \sum_{i \notin Y_n} \max(0, 1 - x_{n j} + x_{n i})

    with the scores x and the set Y of the labels, given as a list of indices padded with −1. Never negative; 0 where
    every label leads all other classes by 1, and for a sample without labels, or with all of them; adding a number to
    all scores of a sample changes nothing. With one label a sample it is :func:`multi_margin_loss`. A pair exactly at
    the margin, where there is no derivative, has the gradient 0.

    Args:
        input: the scores of the classes.
        target: a row for each sample: the indices of its labels first, in any order, each once, then −1 to the end. A
            row of −1 only is a sample without labels, whose gradient is 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C), equal; the result is (N) for "none", else a scalar.

    Convention:
        As in torch, the sum is over all pairs and divided by the number C of classes, and "mean" divides by N. torch
        stops reading a row at its first −1; here anything else than −1 behind it is an error, because such rows are
        mostly labels of ±1 by mistake, and so is an index twice in a row, because rows of 0 and 1 look like that. Such
        rows can't be told from lists of indices where they hold one 1 in front and then −1 only, or where C is 2 and
        each row has one 0 and one 1. torch's kernel skips NaN and has no second derivative; ours is 0.

    Raises:
        TypeError: if input is not floating-point, or target not int64.
        ValueError: if the shapes are not (N, C), a target is neither a class nor −1, a class stands behind a −1 or
            twice in a row, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Elisseeff and Weston (2001), A kernel method for multi-labelled classification, with 1/C in place of
        their 1/(|Y| (C − |Y|)); the kernel is `torch.nn.functional.multilabel_margin_loss`.

    Example:
        >>> import torch
        >>> from lossutils import multilabel_margin_loss
        >>> scores = torch.tensor([[0.5, 0.25, -2.0, 1.0]])
        >>> multilabel_margin_loss(scores, torch.tensor([[3, 0, -1, -1]])).item()  # (0.25 + 0 + 0.75 + 0) / 4
        0.25
    """
    check_reduction(reduction)
    check_tensor("input", input)
    check_integers("target", target, "input", input, "lists of class indices, not labels of 0 and 1,")
    _check_scores(input)
    check_equal_shapes(input=input, target=target)
    check_not_empty("input", input, reduction)
    classes = input.shape[1]
    check_values(
        f"target must list class indices from 0 to {classes - 1}, and then -1 to the end of the row",
        target,
        lambda t: (t < -1) | (t >= classes),
    )
    check_values(
        "target must hold nothing but -1 behind the first -1 of a row (labels of -1 and +1 are not indices)",
        target[:, 1:],
        lambda t: (t >= 0) & (target[:, :-1] < 0),
    )
    check_values(
        "target must list each class once (a row of 0 and 1 is no list of indices)",
        target,
        lambda t: (t >= 0) & (_occurrences(t, classes) > 1),
    )
    (scores,) = upcast(input)
    values, _ = _MultilabelMargin.apply(scores, target)
    return reduce(values, reduction, input)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    r"""The logistic loss of several labels a sample: one yes or no for each class, averaged over the classes.

    .. math::
        \ell_n = -\frac{1}{C} \sum_{i=1}^{C} w_i
        \left( y_{n i} \log \sigma(x_{n i}) + (1 - y_{n i}) \log \sigma(-x_{n i}) \right)

    with the logits x and the labels y. Positive and convex. The classes do not compete: each has its own sigmoid.
    Without weights its mean is that of `binary_cross_entropy_with_logits` over all elements; for each class it is
    :func:`soft_margin_loss` with the label 2y − 1.

    Args:
        input: the logits of the classes.
        target: the labels, 0 or 1, as floating-point numbers.
        weight: a weight ≥ 0 for each class.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C), equal; weight (C); the result is (N) for "none", else a scalar.

    Convention:
        Each sample's loss is the mean over the classes (some texts sum over them): it is divided by C, not by the sum
        of the weights. "mean" divides by N. torch also takes labels between 0 and 1 here; ours go to
        `binary_cross_entropy_with_logits`.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes do not fit, a label is neither 0 nor 1, a weight is negative or not finite, the
            reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        The likelihood of independent labels; as `torch.nn.functional.multilabel_soft_margin_loss`.

    Example:
        >>> import torch
        >>> from lossutils import multilabel_soft_margin_loss
        >>> loss = multilabel_soft_margin_loss(torch.tensor([[0.0, 100.0, -100.0]]), torch.tensor([[1.0, 1.0, 1.0]]))
        >>> round(loss.item(), 4)  # (log 2 + 0 + 100) / 3
        33.5644
    """
    check_reduction(reduction)
    check_alike(input=input, target=target, **({} if weight is None else {"weight": weight}))
    _check_scores(input)
    check_equal_shapes(input=input, target=target)
    _check_class_weights(weight, input)
    check_not_empty("input", input, reduction)
    check_values(
        "target must hold labels of 0 and 1 (for labels in between use binary_cross_entropy_with_logits)",
        target,
        lambda t: (t != 0) & (t != 1),
    )
    logits, labels = upcast(input, target)
    # One logarithm an element, of the right side: every digit of small losses, and no 0 · ∞.
    values = F.logsigmoid(logits * (2 * labels - 1))
    if weight is not None:
        values = values * weight.to(values.dtype)
    return 0 - reduce(values.mean(1), reduction, input)


def large_margin_softmax_loss(
    features: Tensor, weight: Tensor, target: Tensor, *, margin: int = 2, reduction: str = "mean"
) -> Tensor:
    r"""Softmax cross entropy with the angle to the right class multiplied, so that classes keep apart (L-softmax).

    .. math::
        \ell_n = -\log \frac{e^{\|w_y\| \|x\| \psi(\theta_y)}}
        {e^{\|w_y\| \|x\| \psi(\theta_y)} + \sum_{j \ne y} e^{\|w_j\| \|x\| \cos \theta_j}},
        \qquad \psi(\theta) = (-1)^k \cos(m \theta) - 2k \text{ for } \theta \in
        \left[ \tfrac{k \pi}{m}, \tfrac{(k + 1) \pi}{m} \right]

    where x are the features of sample n, w the weights of the last layer, which has no bias, θ the angle between
    the two, y the class of the sample and m the margin. Never negative. ψ falls from 1 to 1 − 2m and is at most cos θ,
    so the loss is at least the `cross_entropy` of the logits features @ weight.T, and equal to it for margin 1. Use
    these logits to predict.

    Args:
        features: the inputs of the last layer.
        weight: the weights of the last layer, a row for each class. They are trained, so a gradient flows to them.
        target: the right classes, as indices.
        margin: m, a whole number ≥ 1.
        reduction: "none", "mean" or "sum".

    Shape:
        features (N, D), weight (C, D), target (N); the result is (N) for "none", else a scalar.

    Convention:
        "mean" divides by N. A vector of zeros has no angle: its logit is 0, as that of any angle would be, and the
        right class's part of the gradient is 0 there. cos mθ is computed as a polynomial in cos θ, whose gradient is
        finite also where θ is 0 or π. The paper starts training with nearly no margin, by averaging the right class's
        logit with its plain value, weighted by a λ that falls; there is no λ here: start with margin 1.

    Raises:
        TypeError: if features or weight is not floating-point, their dtypes differ, target is not int64, or margin is
            not a whole number.
        ValueError: if the shapes do not fit, a target is no class, margin is below 1, the reduction is unknown, or the
            batch is empty and the reduction "mean".

    Source:
        Liu, Wen, Yu and Yang (2016), Large-margin softmax loss for convolutional neural networks, equations 4 to 6.

    Example:
        >>> import torch
        >>> from lossutils import large_margin_softmax_loss
        >>> features, weight = torch.tensor([[1.0, 1.0]]), torch.tensor([[2.0, 0.0], [0.0, 2.0]])
        >>> loss = large_margin_softmax_loss(features, weight, torch.tensor([0]), margin=2)
        >>> round(loss.item(), 4)  # the angle is 45°, so the logits are 2√2 cos 90° = 0 and 2: log(1 + e²)
        2.1269
    """
    check_number("margin", margin, "of at least 1", lambda m: m >= 1, whole=True)
    check_reduction(reduction)
    check_alike(features=features, weight=weight)
    check_integers("target", target, "features", features)
    check_dims("features", features, "(N, D)", lambda dims: dims == 2)
    check_dims("weight", weight, "(C, D)", lambda dims: dims == 2)
    if weight.shape[1] != features.shape[1] or weight.numel() == 0:
        raise ValueError(
            "features and weight must have the shapes (N, D) and (C, D), with C and D of at least 1, "
            f"got {tuple(features.shape)} and {tuple(weight.shape)}"
        )
    _check_one_index_a_row(target, "features", features)
    check_not_empty("features", features, reduction)
    check_indices("target", target, weight.shape[0])
    x, w = upcast(features, weight)
    with no_autocast(features):
        logits = x @ w.mT
        if margin > 1:
            index = target.unsqueeze(1)
            length = _length(x) * _length(w).index_select(0, target)
            logits = logits.scatter(1, index, _large_margin_logit(logits.gather(1, index), length, margin))
    return restore(F.cross_entropy(logits, target, reduction=reduction), features)


# What the margins share


def _check_signed(input: Tensor, target: Tensor, reduction: str) -> None:
    """The checks of the losses of one score and a label of ±1."""
    check_elementwise(reduction, input=input, target=target)
    check_signs("target", target)


def _shortfall(input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """What the margin lacks to 1, in the precision to compute in."""
    _check_signed(input, target, reduction)
    scores, labels = upcast(input, target)
    return F.relu(1 - scores * labels)


def _check_scores(input: Tensor) -> None:
    """Raise ValueError unless the scores are those of one class or more, a row for each sample."""
    check_dims("input", input, "(N, C)", lambda dims: dims == 2)
    if input.shape[1] == 0:
        raise ValueError(f"input must have the shape (N, C) with at least one class, got {tuple(input.shape)}")


def _check_one_index_a_row(target: Tensor, name: str, rows: Tensor) -> None:
    """Raise ValueError unless there is one target for each row."""
    if target.shape != rows.shape[:1]:
        raise ValueError(
            f"target must have the shape (N), one index for each row of {name} of shape {tuple(rows.shape)}, "
            f"got {tuple(target.shape)}"
        )


def _check_class_weights(weight: Tensor | None, input: Tensor) -> None:
    """Raise ValueError unless there is one weight for each class, none of them negative."""
    if weight is None:
        return
    if weight.shape != input.shape[1:]:
        raise ValueError(
            f"weight must have the shape (C), one weight for each class of input of shape {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}"
        )
    check_values("weight must hold finite numbers of at least 0", weight, lambda w: ~((w >= 0) & (w < math.inf)))


def _occurrences(target: Tensor, classes: int) -> Tensor:
    """How often the index at each place stands in its row; an index of −1 counts as one more class."""
    index = torch.where(target < 0, classes, target)
    count = torch.zeros_like(target[:, :1]).repeat(1, classes + 1).scatter_add(1, index, torch.ones_like(index))
    return count.gather(1, index)


class _MultiMargin(torch.autograd.Function):
    """The values of :func:`multi_margin_loss` without weights, and what each wrong class lacks to the margin.

    By hand, because autograd would keep and add up several tensors of the size of the scores where one will do. The
    second output is there for the second derivative: the backward pass of p = 2 is a function of it.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, p: int, margin: float) -> tuple[Tensor, Tensor]:
        index = target.unsqueeze(1)
        # In this order the difference of large scores that are close is exact.
        lack = (input - input.gather(1, index)).add_(margin).relu_().scatter(1, index, 0)
        total = lack.sum(1) if p == 1 else torch.linalg.vector_norm(lack, dim=1).square()
        return total / input.shape[1], lack

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple) -> None:
        ctx.p = inputs[2]
        ctx.save_for_backward(inputs[1], output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, grad_values: Tensor | None, grad_lack: Tensor | None) -> tuple:
        target, lack = ctx.saved_tensors
        slope = None
        if grad_values is not None:
            share = (grad_values / lack.shape[1]).unsqueeze(1)
            slope = lack.sign() * share if ctx.p == 1 else lack * (2 * share)
        if grad_lack is not None:
            active = lack.sign() * grad_lack
            slope = active if slope is None else slope + active
        if slope is not None:
            # That of the right class is 0 so far; it is minus the sum of all others.
            slope = slope.scatter(1, target.unsqueeze(1), -slope.sum(1, keepdim=True))
        return slope, None, None, None


@torch.library.custom_op(
    "lossutils::multilabel_margin", mutates_args=(), schema="(Tensor input, Tensor target) -> (Tensor, Tensor)"
)
def _multilabel_margin(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The values of :func:`multilabel_margin_loss` and their slopes, by torch's kernels.

    An operator of its own keeps `torch.compile` from replacing the kernel by torch's formula for it, which takes every
    −1 for class 0 (torch 2.13) and fills N · C · C numbers.
    """
    values, is_label = torch.ops.aten.multilabel_margin_loss_forward(input, target, 0)
    slope = torch.ops.aten.multilabel_margin_loss_backward(torch.ones_like(values), input, target, 0, is_label)
    return values.masked_fill(input.amax(1).isnan(), math.nan), slope  # the kernel skips NaN


@_multilabel_margin.register_fake
def _(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return input.new_empty(input.shape[:1]), torch.empty_like(input)


class _MultilabelMargin(torch.autograd.Function):
    """The same with its gradient: the values are piecewise linear, so it is the slopes times the incoming one.

    That also gives the second derivative, which torch's kernel lacks.
    """

    @staticmethod
    def forward(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return _multilabel_margin(input, target)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, grad_values: Tensor, _) -> tuple:
        (slope,) = ctx.saved_tensors
        return slope * grad_values.unsqueeze(1), None

    @staticmethod
    def vmap(info, in_dims: tuple, input: Tensor, target: Tensor) -> tuple:
        """One batch of all samples: the kernel has no rule of its own, and would be called once a batch."""
        input, target = (
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((input, target), in_dims, strict=True)
        )
        shape = input.shape
        values, slope = _MultilabelMargin.apply(input.flatten(0, 1), target.flatten(0, 1))
        return (values.reshape(shape[:2]), slope.reshape(shape)), (0, 0)


def _large_margin_logit(logit: Tensor, length: Tensor, margin: int) -> Tensor:
    """‖w‖ ‖x‖ ψ(θ) of the logit ‖w‖ ‖x‖ cos θ and the product of the lengths, which may be 0."""
    cosine = (logit / torch.where(length == 0, 1, length)).clamp(-1, 1)  # rounding may leave [−1, 1]
    before, power = torch.ones_like(cosine), cosine
    for _ in range(margin - 1):  # Chebyshev: cos((n + 1)θ) = 2 cos θ cos nθ − cos((n − 1)θ)
        before, power = power, 2 * cosine * power - before
    joints = cosine.new_tensor([math.cos(j * math.pi / margin) for j in range(1, margin)])
    k = (cosine.detach() <= joints).sum(1, keepdim=True)  # how many multiples of π/m the angle has passed
    return length * ((1 - 2 * (k % 2)) * power - 2 * k)


def _length(vectors: Tensor) -> Tensor:
    """The Euclidean norm of each row, with all derivatives 0 for a row of zeros."""
    square = vectors.square().sum(1, keepdim=True)
    zero = square == 0
    return torch.where(zero, 0, torch.where(zero, 1, square).sqrt())
