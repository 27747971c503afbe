"""Losses for classification: of probabilities, of logits, and of margins.

The loss that is trained takes the model's output first and the truth second. A truth is class indices (int64, the
shape of the output without its class dimension), probabilities (floating-point, the shape of the output) or labels of
±1 (floating-point). Nothing is broadcast but the weights that say so. Half-precision inputs are computed in float32 and
returned in their own dtype; under autocast the loss is float32. A NaN in the data comes out as NaN. The mean over an
empty batch is an error; the sum over one is 0. Where everything is ignored or has weight 0 the mean is 0, with a
gradient of 0. Checks of values (an index out of range, probabilities that do not sum to 1) read the tensors and are
skipped under `torch.compile` and `vmap`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_dims,
    check_distributions,
    check_elementwise,
    check_equal_shapes,
    check_indices,
    check_integers,
    check_not_empty,
    check_number,
    check_probabilities,
    check_reduction,
    check_signs,
    check_tensor,
    check_values,
    option,
    reduce,
    upcast,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "cross_entropy",
    "distillation_loss",
    "entropy",
    "js_divergence",
    "kl_divergence",
    "nll_loss",
    "zero_one_loss",
]


# Probabilities and logits


def zero_one_loss(scores: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The 0-1 loss: 1 for a wrong decision, 0 for a right one; its mean is the error rate.

    .. math::
        \ell = [\, \arg\max_c s_c \ne y \,] \quad \text{or, for labels of } \pm 1, \quad
        \ell = [\, y s \le 0 \,]

    What classification is about, and useless for training: it is flat wherever it is continuous. The result is
    detached and has no gradient. :func:`hinge_loss`, :func:`squared_hinge_loss` and :func:`exponential_loss` lie above
    it, and :func:`soft_margin_loss` and :func:`cross_entropy` do after a division by log 2.

    Args:
        scores: logits or any other scores, of each class, or one a sample, whose sign decides.
        target: class indices, or labels of +1 and −1.
        reduction: "none", "mean" or "sum".

    Shape:
        scores (N, C, d…) or (C), the classes in dimension 1 (or 0), and target (N, d…) or () of int64; or scores and
        target (…), equal, of the same dtype. The result has the shape of target for "none", else it is a scalar.

    Convention:
        "mean" divides by the number of samples. Of equal highest scores the first class is the decision. A score of
        exactly 0 decides for neither label and counts as wrong. The result has the dtype of scores.

    Raises:
        TypeError: if scores is not floating-point, or target is neither int64 indices nor labels of the same dtype.
        ValueError: if the shapes do not fit, an index is out of range, a label is not +1 or −1, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        The definition; scikit-learn's `zero_one_loss` is the same for decisions already taken.

    Example:
        >>> import torch
        >>> from lossutils import zero_one_loss
        >>> zero_one_loss(torch.tensor([[2.0, 1.0], [0.5, 0.4]]), torch.tensor([0, 1])).item()
        0.5
        >>> zero_one_loss(torch.tensor([0.3, -0.1, 0.0]), torch.tensor([1.0, 1.0, 1.0]), reduction="none")
        tensor([0., 1., 1.])
    """
    check_reduction(reduction)
    check_tensor("scores", scores)
    dim = min(1, scores.dim() - 1)
    indexed = _takes_indices("scores", scores, target, dim)
    check_not_empty("scores", scores, reduction)
    (s,) = upcast(scores.detach())
    if indexed:
        check_indices("target", target, scores.shape[dim])
        margin, decision = s.max(dim)
        wrong = decision != target
    else:
        check_signs("target", target)
        (y,) = upcast(target.detach())
        margin = s * y
        wrong = margin <= 0
    return reduce(torch.where(margin.isnan(), margin, wrong.to(s.dtype)), reduction, scores)


def entropy(probs: Tensor, *, dim: int = -1) -> Tensor:
    r"""The entropy of each distribution, in nats.

    .. math:: H(p) = -\sum_c p_c \log p_c, \qquad 0 \log 0 = 0

    Between 0, for a certain outcome, and log C, for a uniform distribution. It is the least that
    :func:`categorical_cross_entropy` against p can be: H(p, q) = H(p) + KL(p‖q). Divide by log 2 for bits.

    Args:
        probs: the distributions; they sum to 1 along dim.
        dim: the dimension of the classes.

    Shape:
        probs (…, C, …), with C at dim; the result is without that dimension.

    Convention:
        Not reduced: a penalty or bonus on confidence takes its own mean. At a probability of 0 the true slope is +∞;
        the gradient there is finite, −log of the smallest normal number of the dtype, so that a softmax that
        underflows passes on 0 and not NaN.

    Raises:
        TypeError: if probs is not a floating-point tensor, or dim is not a whole number.
        ValueError: if probs has no dimension, dim is out of range, or the values are no distributions.

    Source:
        Shannon (1948), A mathematical theory of communication, section 6.

    Example:
        >>> import torch
        >>> from lossutils import entropy
        >>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        tensor([0.6931, 0.0000])
    """
    check_tensor("probs", probs)
    dim = _class_dim("probs", probs, dim)
    check_distributions("probs", probs, dim)
    (p,) = upcast(probs)
    return reduce(0 - _XLogY.apply(p, p).sum(dim), "none", probs)


def categorical_cross_entropy(probs: Tensor, target: Tensor, *, dim: int = -1, reduction: str = "mean") -> Tensor:
    r"""The cross entropy of predicted probabilities: minus the log probability of the true class.

    .. math:: \ell = -\log q_y \quad \text{or} \quad \ell = H(p, q) = -\sum_c p_c \log q_c, \qquad 0 \log 0 = 0

    q = probs, p = target. Not negative; least at q = p, where it is :func:`entropy` of the target, and so
    not 0 for soft targets. It is :func:`kl_divergence` (p, q) plus that entropy. From logits use
    :func:`cross_entropy`, which is exact where a softmax in between underflows; from log-probabilities,
    :func:`nll_loss`.

    Args:
        probs: the predicted distributions; they sum to 1 along dim.
        target: class indices, or distributions (soft labels, one-hot).
        dim: the dimension of the classes.
        reduction: "none", "mean" or "sum".

    Shape:
        probs (…, C, …), with C at dim; target of that shape without dim, int64, or of that shape, of the same dtype.
        The result is of the shape without dim for "none", else a scalar.

    Convention:
        "mean" divides by the number of distributions. Nothing is clipped: where the truth has probability 0 the loss
        is +∞ (Keras rescales the predictions to sum to 1 and clips them at 1e-7). The gradient is −p/q, with q at
        least the smallest normal number of the dtype, and so finite.

    Raises:
        TypeError: if probs is not floating-point, target is neither int64 nor of the same dtype, or dim is not a whole
            number.
        ValueError: if the shapes do not fit, dim is out of range, the values are no distributions, an index is out of
            range, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Good (1952), Rational decisions, for the logarithm of the probability of what happened; scikit-learn's
        `log_loss` is its mean.

    Example:
        >>> import torch
        >>> from lossutils import categorical_cross_entropy
        >>> q = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
        >>> categorical_cross_entropy(q, torch.tensor([1, 2]), reduction="none")
        tensor([1.3863,    inf])
    """
    check_reduction(reduction)
    check_tensor("probs", probs)
    dim = _class_dim("probs", probs, dim)
    indexed = _takes_indices("probs", probs, target, dim)
    check_not_empty("probs", probs, reduction)
    check_distributions("probs", probs, dim)
    (q,) = upcast(probs)
    if indexed:
        check_indices("target", target, probs.shape[dim])
        picked = q.gather(dim, target.unsqueeze(dim)).squeeze(dim)
        return reduce(0 - _XLogY.apply(torch.ones_like(picked), picked), reduction, probs)
    check_distributions("target", target, dim)
    (p,) = upcast(target)
    return reduce(0 - _XLogY.apply(p, q).sum(dim), reduction, probs)


def kl_divergence(p: Tensor, q: Tensor, *, dim: int = -1, reduction: str = "mean") -> Tensor:
    r"""The Kullback-Leibler divergence of q from p: the nats lost by describing p with q.

    .. math:: \mathrm{KL}(p \,\|\, q) = \sum_c p_c \log \frac{p_c}{q_c}, \qquad 0 \log 0 = 0

    Not negative, up to rounding, and 0 only where the two are equal; not symmetric, and without bound. It is
    :func:`categorical_cross_entropy` (q, p) less :func:`entropy` (p). Its symmetric, bounded relative is
    :func:`js_divergence`.

    Args:
        p: the distributions that the expectation is under, usually the truth; they sum to 1 along dim.
        q: the distributions compared with them, usually the model.
        dim: the dimension of the classes.
        reduction: "none", "mean" or "sum".

    Shape:
        p and q (…, C, …), equal, with C at dim; the result is without that dimension for "none", else a scalar.

    Convention:
        "mean" divides by the number of distributions, as torch's "batchmean" does for (N, C). The order is that of
        the formula and of `torch.distributions.kl_divergence`; `torch.nn.functional.kl_div` takes log q first and then
        p, and its "mean" divides by all elements. A class with p = 0 adds 0; one with q = 0 < p makes the
        result +∞. Gradients flow to both: log p/q + 1 and −p/q, with p and q taken as at least the smallest normal
        number of the dtype in the logarithms and the denominator, and so finite.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or dim is not a whole number.
        ValueError: if the shapes differ, dim is out of range, the values are no distributions, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        Kullback and Leibler (1951), On information and sufficiency.

    Example:
        >>> import torch
        >>> from lossutils import kl_divergence
        >>> p, q = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]])
        >>> kl_divergence(p, q).item(), kl_divergence(q, p).item()
        (0.6931471824645996, inf)
    """
    p, q, first, dim = _pair_of_distributions(p, q, dim, reduction)
    return reduce(_KLTerms.apply(p, q).sum(dim), reduction, first)


def js_divergence(p: Tensor, q: Tensor, *, dim: int = -1, reduction: str = "mean") -> Tensor:
    r"""The Jensen-Shannon divergence: how far both distributions are from their average.

    .. math::
        \mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}(p \,\|\, m) + \tfrac12 \mathrm{KL}(q \,\|\, m),
        \qquad m = \tfrac12 (p + q)

    From 0, only where the two are equal, to log 2, for distributions that share no class; symmetric. Its root is a
    distance. It stays finite where :func:`kl_divergence` is infinite. The least that any discriminator can bring
    :func:`minimax_discriminator_loss` to is log 4 − 2 JS of the real and the generated distribution.

    Args:
        p: distributions; they sum to 1 along dim.
        q: the distributions compared with them.
        dim: the dimension of the classes.
        reduction: "none", "mean" or "sum".

    Shape:
        p and q (…, C, …), equal, with C at dim; the result is without that dimension for "none", else a scalar.

    Convention:
        "mean" divides by the number of distributions. In nats; SciPy's `jensenshannon` is the root. Gradients flow to
        both, ½ log p/m and ½ log q/m; where p = 0 < q the true slope in p is −∞, and the gradient is finite: p is
        taken as the smallest normal number of the dtype. Where p = q = 0 both gradients are 0.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or dim is not a whole number.
        ValueError: if the shapes differ, dim is out of range, the values are no distributions, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        Lin (1991), Divergence measures based on the Shannon entropy, with equal weights.

    Example:
        >>> import torch
        >>> from lossutils import js_divergence
        >>> p, q = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> round(js_divergence(p, q).item(), 4), js_divergence(p, p).item()
        (0.6931, 0.0)
    """
    p, q, first, dim = _pair_of_distributions(p, q, dim, reduction)
    return reduce(_JSTerms.apply(p, q).sum(dim), reduction, first)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    r"""The softmax cross entropy of logits.

    .. math::
        \ell = -\sum_c w_c \, \tilde p_c \log \mathrm{softmax}(x)_c, \qquad
        \tilde p_c = (1 - \epsilon) p_c + \frac{\epsilon}{C}

    x = input; p is the target, one-hot for an index; w = weight; ε = label_smoothing. Its gradient in x without
    weights is softmax(x) − p̃. It is log_softmax and :func:`nll_loss` in one; for two classes it is
    :func:`binary_cross_entropy_with_logits` of the difference of the logits. Not negative. Logits go in: a softmax
    before it gives losses that never come near 0 (1.46 for a perfect answer of 10 classes). With smoothing or soft
    targets the least value is not 0 but the entropy of p̃.

    Args:
        input: the logits.
        target: class indices, or distributions over the classes (soft labels).
        weight: a weight for each class, at least 0.
        ignore_index: an index that marks targets to leave out; of no effect on distributions.
        label_smoothing: ε, from 0 to 1: the share of the target that is spread evenly over all C classes, the true one
            included.
        reduction: "none", "mean" or "sum".

    Shape:
        input (N, C, d…) or (C), the classes always in dimension 1 (or 0); target (N, d…) or () of int64, or of the
        shape of input, of the same dtype; weight (C). The result is (N, d…) or () for "none", else a scalar. A language
        model's (N, T, C) must be transposed to (N, C, T); where T = C that mistake can't be seen from the shapes.

    Convention:
        As torch: for indices "mean" divides by the sum of the weights of the targets that are not ignored, so that in a
        batch of one the weight cancels; for distributions by their number, whatever the weights. If all are
        ignored the mean is 0 (torch: NaN). A logit of −∞ without target mass or weight adds 0 (torch: NaN for
        distributions), one with mass makes the loss +∞, with the gradient still softmax(x) − p̃. A logit of +∞, or a row
        of −∞, has no softmax: NaN.

    Raises:
        TypeError: if input is not floating-point, target is neither int64 nor of the same dtype, weight has another
            dtype, or an option is not a number.
        ValueError: if the shapes do not fit, an index is out of range, the target values are no distributions, a weight
            is negative or infinite, label_smoothing is not from 0 to 1, ignore_index is a class and the targets are
            distributions, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Bridle (1990), Probabilistic interpretation of feedforward classification network outputs; smoothing: Szegedy
        et al. (2016), Rethinking the Inception architecture, section 7. Kernels: `torch.nn.functional.cross_entropy`,
        and log_softmax for the cases where that gives NaN.

    Example:
        >>> import torch
        >>> from lossutils import cross_entropy
        >>> x = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> cross_entropy(x, torch.tensor([0, 1]), reduction="none")
        tensor([0.1269, 0.6931])
        >>> cross_entropy(x, torch.tensor([[0.5, 0.5], [0.0, 1.0]]), reduction="none")
        tensor([1.1269, 0.6931])
    """
    check_number("ignore_index", ignore_index, "of any sign", lambda i: True, whole=True)
    check_number("label_smoothing", label_smoothing, "from 0 to 1", lambda e: 0 <= e <= 1)
    check_reduction(reduction)
    dim, indexed = _classes("input", input, target, weight)
    check_not_empty("input", input, reduction)
    (x,) = upcast(input)
    if indexed:
        check_indices("target", target, input.shape[dim], ignore_index)
        if weight is None and label_smoothing == 0:
            inner = "none" if reduction == "none" else "sum"
            values = F.cross_entropy(x, target, ignore_index=ignore_index, reduction=inner)
            return reduce(values, reduction, input, total=_count(target, ignore_index, reduction))
        log_probs = F.log_softmax(x, dim)
        values, scale = _picked(log_probs, target, weight, ignore_index, 1 - label_smoothing)
        if label_smoothing > 0:
            if weight is None:
                spread = -log_probs.sum(dim)
            else:
                spread = -_expected(_along(upcast(weight)[0], log_probs, dim), log_probs, dim)
            kept = target != ignore_index
            values = values + label_smoothing / x.shape[dim] * torch.where(kept, spread, 0)
        return reduce(values, reduction, input, total=scale.sum())
    if ignore_index >= 0:
        raise ValueError(f"ignore_index must be negative with distributions as targets, got {ignore_index}")
    check_distributions("target", target, dim)
    (p,) = upcast(target)
    if label_smoothing > 0:
        p = (1 - label_smoothing) * p + label_smoothing / x.shape[dim]
    if weight is not None:
        p = p * _along(upcast(weight)[0], p, dim)
    return reduce(-_expected(p, F.log_softmax(x, dim), dim), reduction, input)


def nll_loss(
    log_probs: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log likelihood of log-probabilities: minus the one of the true class.

    .. math:: \ell = -w_y \, \text{log\_probs}_y

    What is left of :func:`cross_entropy` when log_softmax has been taken already. It takes no logarithm itself: of
    probabilities use :func:`categorical_cross_entropy`. Not negative; its gradient is −w at the true class and
    0 elsewhere, whatever the probability.

    Args:
        log_probs: the log-probabilities.
        target: class indices.
        weight: a weight for each class, at least 0.
        ignore_index: an index that marks targets to leave out.
        reduction: "none", "mean" or "sum".

    Shape:
        log_probs (N, C, d…) or (C), the classes in dimension 1 (or 0); target (N, d…) or () of int64; weight (C). The
        result is (N, d…) or () for "none", else a scalar.

    Convention:
        As torch, "mean" divides by the sum of the weights of the targets that are not ignored; if all are ignored
        the mean is 0 (torch: NaN). A log-probability of −∞ at the target gives +∞, or 0 if its weight is 0. Values
        above 0 by more than 1e-4 (1e-2 in half precision), as probabilities and logits have them, are an error; a
        sum of probabilities other than 1 is not.

    Raises:
        TypeError: if log_probs is not floating-point, target is not int64, weight has another dtype, or ignore_index is
            not a whole number.
        ValueError: if the shapes do not fit, a log-probability is above 0, an index is out of range, a weight is
            negative or infinite, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        The likelihood of a categorical distribution; the kernel is `torch.nn.functional.nll_loss`.

    Example:
        >>> import torch
        >>> from lossutils import nll_loss
        >>> log_probs = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
        >>> nll_loss(log_probs, torch.tensor([0, 1]), reduction="none")
        tensor([1.3863, 0.6931])
    """
    check_number("ignore_index", ignore_index, "of any sign", lambda i: True, whole=True)
    check_reduction(reduction)
    dim, _ = _classes("log_probs", log_probs, target, weight, only_indices=True)
    check_not_empty("log_probs", log_probs, reduction)
    tolerance = 1e-2 if log_probs.dtype.itemsize < 4 else 1e-4
    check_values("log_probs must hold log-probabilities of at most 0", log_probs, lambda v: v > tolerance)
    check_indices("target", target, log_probs.shape[dim], ignore_index)
    (logs,) = upcast(log_probs)
    if weight is None:
        inner = "none" if reduction == "none" else "sum"
        values = F.nll_loss(logs, target, ignore_index=ignore_index, reduction=inner)
        return reduce(values, reduction, log_probs, total=_count(target, ignore_index, reduction))
    values, scale = _picked(logs, target, weight, ignore_index, 1)
    return reduce(values, reduction, log_probs, total=scale.sum())


def binary_cross_entropy(
    input: Tensor, target: Tensor, *, weight: float | Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    r"""The cross entropy of two classes, from the probability of the positive one.

    .. math:: \ell = -w \left( y \log p + (1 - y) \log(1 - p) \right), \qquad \log \ge -100

    p = input, y = target, w = weight. Least at p = y, where it is 0 for a hard label and the entropy of y for a soft
    one. Not negative. Prefer :func:`binary_cross_entropy_with_logits`: a sigmoid in float32 rounds to 1 from
    17 on, and then neither value nor gradient tells how wrong it is.

    Args:
        input: the probabilities.
        target: the labels, from 0 to 1.
        weight: a factor for each element, at least 0; a number or a tensor that broadcasts to the shape of input.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements, whatever the weights. As torch's, each logarithm is clamped to at
        least −100, so that the loss is at most 100 w and not infinite, and the gradient is
        w (p − y) / max(p (1 − p), 1e-12). Keras clips p to 1e-7 from both ends instead. Unlike torch's, a NaN
        comes out as NaN and does not raise.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or weight is neither a number nor a tensor.
        ValueError: if the shapes differ, a probability or a label is outside [0, 1], a weight is negative, infinite or
            does not broadcast, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        The likelihood of a Bernoulli distribution; clamped as `torch.nn.functional.binary_cross_entropy`.

    Example:
        >>> import torch
        >>> from lossutils import binary_cross_entropy
        >>> binary_cross_entropy(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
        tensor([  0.6931, 100.0000])
    """
    check_elementwise(reduction, input=input, target=target)
    factor = _factor("weight", weight, input)
    check_probabilities("input", input)
    check_probabilities("target", target)
    values = _ClampedBCE.apply(*upcast(input, target))
    return reduce(values if factor is None else factor * values, reduction, input)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    *,
    weight: float | Tensor | None = None,
    pos_weight: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The cross entropy of two classes, from the logit of the positive one.

    .. math::
        \ell = w \left( \beta y \log(1 + e^{-x}) + (1 - y) \log(1 + e^{x}) \right)

    x = input, y = target, w = weight, β = pos_weight. The sigmoid and :func:`binary_cross_entropy` in one, exact for
    any logit. Without weights its gradient is σ(x) − y. Not negative. For labels of ±1 it is
    :func:`soft_margin_loss`; the mean over the classes of a sample is :func:`multilabel_soft_margin_loss`.

    Args:
        input: the logits.
        target: the labels, from 0 to 1.
        weight: a factor for each element, at least 0; a number or a tensor that broadcasts to the shape of input.
        pos_weight: β, a factor for the positive term, at least 0 (above 1 it trades precision for recall); a number or
            a tensor that broadcasts to the shape of input, such as one value a class in the last dimension.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements, whatever the weights. Gradients flow to input, target and both
        weights. An infinite logit is an error, because 0 · ∞ would make the loss NaN where the label agrees with it.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or a weight is neither a number nor a tensor.
        ValueError: if the shapes differ, a logit is infinite, a label is outside [0, 1], a weight is negative, infinite
            or does not broadcast, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Cox (1958), The regression analysis of binary sequences. As
        `torch.nn.functional.binary_cross_entropy_with_logits`, which loses the small losses of confident right
        negatives: 0 instead of e^x for x ≪ 0.

    Example:
        >>> import torch
        >>> from lossutils import binary_cross_entropy_with_logits
        >>> x, y = torch.tensor([0.0, 200.0, -200.0]), torch.tensor([1.0, 1.0, 1.0])
        >>> binary_cross_entropy_with_logits(x, y, reduction="none")
        tensor([  0.6931,   0.0000, 200.0000])
    """
    check_elementwise(reduction, input=input, target=target)
    factor, positive = _factor("weight", weight, input), _factor("pos_weight", pos_weight, input)
    check_values("input must hold finite logits", input, torch.isinf)
    check_probabilities("target", target)
    x, y = upcast(input, target)
    values = _LogisticLoss.apply(x, y) if positive is None else _WeightedLogisticLoss.apply(x, y, positive.expand_as(x))
    return reduce(values if factor is None else factor * values, reduction, input)


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    target: Tensor | None = None,
    *,
    temperature: float,
    alpha: float = 1.0,
    reduction: str = "mean",
) -> Tensor:
    r"""Knowledge distillation: the student learns the teacher's softened distribution, and the labels if given.

    .. math::
        \ell = \alpha \, T^2 \, \mathrm{KL}(p_t \,\|\, p_s) + (1 - \alpha) \left( -\log \mathrm{softmax}(z_s)_y \right),
        \qquad p_s = \mathrm{softmax}(z_s / T), \quad p_t = \mathrm{softmax}(z_t / T)

    The second term is :func:`cross_entropy` at temperature 1. The gradient of the first in z_s is α T (p_s − p_t): the
    factor T² keeps its size when T grows, and for T → ∞ it becomes α times the difference of the centred logits over
    C, so that the student regresses on the teacher's logits. Not negative, up to rounding.

    Args:
        student_logits: the logits to train.
        teacher_logits: the logits to imitate; no gradient flows to them.
        target: class indices; may be left out only if alpha is 1, and has no influence then.
        temperature: T > 0.
        alpha: the share of the teacher, from 0 to 1.
        reduction: "none", "mean" or "sum".

    Shape:
        student_logits and teacher_logits (N, C), equal; target (N) of int64. The result is (N) for "none", else a
        scalar.

    Convention:
        "mean" divides by N. The paper takes the cross entropy with the teacher's distribution where we take KL: the
        same gradient, and a value that is 0 at p_s = p_t. A teacher's logit of −∞ adds 0; a student's with teacher's
        mass makes the loss +∞. In float32 the value, not the gradient, loses digits from T ≈ 1000 times the logits on.

    Raises:
        TypeError: if the logits are not floating-point or differ in dtype, target is not int64, or an option is not a
            number.
        ValueError: if the shapes do not fit, an index is out of range, temperature is not positive and finite, alpha is
            not from 0 to 1, target is missing with alpha < 1, the reduction is unknown, or the batch is empty and
            the reduction "mean".

    Source:
        Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network, section 2 and equations 2 to 4.

    Example:
        >>> import torch
        >>> from lossutils import distillation_loss
        >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
        >>> round(distillation_loss(student, teacher, temperature=1.0).item(), 4)
        0.3278
        >>> loss = distillation_loss(student, teacher, torch.tensor([0]), temperature=4.0, alpha=0.5)
        >>> round(loss.item(), 4)
        0.589
    """
    check_number("temperature", temperature, "above 0 and finite", lambda t: 0 < t < math.inf)
    check_number("alpha", alpha, "from 0 to 1", lambda a: 0 <= a <= 1)
    check_reduction(reduction)
    check_alike(student_logits=student_logits, teacher_logits=teacher_logits)
    if target is not None:
        check_integers("target", target, "student_logits", student_logits)
    elif alpha < 1:
        raise ValueError(f"target must be given with alpha below 1, got None and alpha = {alpha}")
    check_equal_shapes(student_logits=student_logits, teacher_logits=teacher_logits)
    check_dims("student_logits", student_logits, "(N, C)", lambda n: n == 2)
    if target is not None:
        _check_index_shape("student_logits", student_logits, target, 1)
    _check_some_class("student_logits", student_logits, 1)
    check_not_empty("student_logits", student_logits, reduction)
    if target is not None:
        check_indices("target", target, student_logits.shape[1])
    student, teacher = upcast(student_logits, teacher_logits.detach())
    values = 0
    if alpha > 0:
        log_student, log_teacher = F.log_softmax(student / temperature, 1), F.log_softmax(teacher / temperature, 1)
        divergence = _weighted_sum(log_teacher.exp(), log_teacher - log_student, 1)
        values = alpha * temperature * temperature * _with_nan_of(divergence, log_teacher[:, 0] + log_student[:, 0])
    if alpha < 1:
        values = values + (1 - alpha) * F.cross_entropy(student, target, reduction="none")
    return reduce(values, reduction, student_logits)


# Helpers of the section above: shapes and weights


def _class_dim(name: str, probs: Tensor, dim: int) -> int:
    """Check the dimension of the classes, and count it from the front."""
    check_number("dim", dim, "that names a dimension", lambda d: True, whole=True)
    check_dims(name, probs, "(…, C, …)", lambda n: n >= 1)
    last = probs.dim() - 1
    if not -last - 1 <= dim <= last:
        raise ValueError(f"dim must be from {-last - 1} to {last} for {name} of shape {tuple(probs.shape)}, got {dim}")
    return dim % probs.dim()


def _takes_indices(name: str, input: Tensor, target: Tensor, dim: int) -> bool:
    """Whether the target holds indices, and not one value for each of `input`; raise if it can hold neither."""
    if isinstance(target, Tensor) and (
        target.shape == input.shape
        or (target.is_floating_point() and (target.shape != _without(input, dim) or input.shape[dim] == 1))
    ):
        check_alike(**{name: input, "target": target})
        check_equal_shapes(**{name: input, "target": target})
        return False
    check_integers("target", target, name, input)
    _check_index_shape(name, input, target, dim)
    return True


def _check_index_shape(name: str, input: Tensor, target: Tensor, dim: int) -> None:
    """Raise ValueError unless there is one index for all classes."""
    if target.shape != _without(input, dim):
        raise ValueError(
            f"target must have the shape of {name} without the classes, {_without(input, dim)}, for {name} of shape "
            f"{tuple(input.shape)}, got {tuple(target.shape)}"
        )
    _check_some_class(name, input, dim)


def _check_some_class(name: str, input: Tensor, dim: int) -> None:
    if input.shape[dim] == 0:
        raise ValueError(f"{name} must have at least one class in dimension {dim}, got {tuple(input.shape)}")


def _without(input: Tensor, dim: int) -> tuple[int, ...]:
    """The shape without one dimension (and that of a scalar as it is)."""
    return (*input.shape[:dim], *input.shape[dim + 1 :]) if input.dim() else ()


def _classes(
    name: str, input: Tensor, target: Tensor, weight: Tensor | None, *, only_indices: bool = False
) -> tuple[int, bool]:
    """Check what has classes in dimension 1; return that dimension, and whether the target holds indices."""
    check_tensor(name, input)
    if weight is not None:
        check_alike(**{name: input, "weight": weight})
    check_dims(name, input, "(N, C, d…) or (C)", lambda n: n >= 1)
    dim = min(1, input.dim() - 1)
    if only_indices:
        check_integers("target", target, name, input)
        _check_index_shape(name, input, target, dim)
    indexed = only_indices or _takes_indices(name, input, target, dim)
    _check_some_class(name, input, dim)
    if weight is not None:
        if weight.shape != (input.shape[dim],):
            raise ValueError(f"weight must have the shape ({input.shape[dim]},), got {tuple(weight.shape)}")
        check_values("weight must hold weights of at least 0 and finite", weight, lambda w: (w < 0) | w.isinf())
    return dim, indexed


def _pair_of_distributions(p: Tensor, q: Tensor, dim: int, reduction: str) -> tuple[Tensor, Tensor, Tensor, int]:
    """Check both; return them in the precision to compute in, the first as it was, and the dimension."""
    check_reduction(reduction)
    check_alike(p=p, q=q)
    dim = _class_dim("p", p, dim)
    check_equal_shapes(p=p, q=q)
    check_not_empty("p", p, reduction)
    check_distributions("p", p, dim)
    check_distributions("q", q, dim)
    return *upcast(p, q), p, dim


def _factor(name: str, value: float | Tensor | None, input: Tensor) -> Tensor | None:
    """A weight that broadcasts to the elements, in the precision to compute in."""
    if value is None:
        return None
    wanted = "of at least 0 and finite"
    return option(name, value, upcast(input)[0], wanted, lambda w: (w >= 0) & (w < math.inf))


def _along(weight: Tensor, input: Tensor, dim: int) -> Tensor:
    """The weights of the classes expanded to the shape of `input`."""
    return weight.reshape(-1, *[1] * (input.dim() - dim - 1)).expand_as(input)


def _count(target: Tensor, ignore_index: int, reduction: str) -> Tensor | None:
    """The number of targets that are not ignored, where it is needed."""
    return (target != ignore_index).sum() if reduction == "mean" else None


# Helpers of the section above: formulas


def _picked(
    log_probs: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, factor: float
) -> tuple[Tensor, Tensor]:
    """factor · weight · nll of each target, where 0 · ∞ = 0; and the weights, 0 for an ignored target."""
    kept = target != ignore_index
    scale = kept.to(log_probs.dtype)
    if weight is not None:
        scale = upcast(weight)[0][torch.where(kept, target, 0)] * scale
    values = F.nll_loss(log_probs, target, ignore_index=ignore_index, reduction="none")
    counts = factor * scale
    return counts * torch.where((counts == 0) & values.isinf(), 0, values), scale


def _expected(weights: Tensor, log_probs: Tensor, dim: int) -> Tensor:
    """Σ weights · log_probs over the classes, where 0 · log 0 = 0; log_probs from a log_softmax."""
    # If one logit is NaN, then all log-probabilities of its row are.
    return _with_nan_of(_weighted_sum(weights, log_probs, dim), log_probs.select(dim, 0))


def _weighted_sum(weights: Tensor, logs: Tensor, dim: int) -> Tensor:
    values = _WeightedSum.apply(weights, logs, dim)
    return _with_nan_of(values, weights.sum(dim))


def _with_nan_of(values: Tensor, other: Tensor) -> Tensor:
    """The values, NaN also where `other` is."""
    return values + torch.where(other.isnan(), other, 0).detach()


class _WeightedSum(torch.autograd.Function):
    """Σ weights · logs along `dim`, where 0 · ∞ = 0 and so, alas, NaN counts as 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weights: Tensor, logs: Tensor, dim: int) -> Tensor:
        return (weights * logs).nan_to_num_(nan=0.0, posinf=math.inf, neginf=-math.inf).sum(dim)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        weights, logs, ctx.dim = inputs
        ctx.save_for_backward(weights, logs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        weights, logs = ctx.saved_tensors
        grad = grad.unsqueeze(ctx.dim)
        to_weights = grad * logs.clamp(min=torch.finfo(logs.dtype).min) if ctx.needs_input_grad[0] else None
        to_logs = grad * weights if ctx.needs_input_grad[1] else None
        return to_weights, to_logs, None


class _XLogY(torch.autograd.Function):
    """x log y for each element, where 0 log 0 = 0; in the gradient y is at least the smallest normal number.

    torch.xlogy has the gradient 0/0 at x = y = 0.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        # The additions of 0 bring back a NaN of the data, taken for 0 log 0 before.
        return (x * y.log()).nan_to_num_(nan=0.0, neginf=-math.inf).add_(x, alpha=0).add_(y, alpha=0)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        y = _at_least_tiny(y)
        to_x = grad * y.log() if ctx.needs_input_grad[0] else None
        to_y = grad * (x / y) if ctx.needs_input_grad[1] else None
        return to_x, to_y


class _KLTerms(torch.autograd.Function):
    """p log(p/q) for each element, where 0 log(0/q) = 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, q: Tensor) -> Tensor:
        # Two logarithms: p/q overflows. The additions of 0 are as above.
        terms = p * (p.log() - q.log())
        return terms.nan_to_num_(nan=0.0, posinf=math.inf).add_(p, alpha=0).add_(q, alpha=0)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        p, q = ctx.saved_tensors
        floor = _at_least_tiny(q)
        to_p = grad * (_at_least_tiny(p).log() - floor.log() + 1) if ctx.needs_input_grad[0] else None
        to_q = -grad * (p / floor) if ctx.needs_input_grad[1] else None
        return to_p, to_q


class _JSTerms(torch.autograd.Function):
    """½ (p log(p/m) + q log(q/m)) for each element, m = (p + q)/2.

    With d = (p − q)/(p + q) it is (p + q)/4 times h(d) = (1 + d) log(1 + d) + (1 − d) log(1 − d), which does not take
    the difference of numbers much larger than itself where p ≈ q.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, q: Tensor) -> Tensor:
        both = p + q
        d = (p - q) / both
        plus, minus = d.log1p(), d.neg().log1p()
        h = (plus - minus).mul_(d).add_(plus.add_(minus))
        # NaN at |d| = 1, where h = 2 log 2, and at p = q = 0, where h does not matter; a NaN of the data is in `both`.
        return h.nan_to_num_(nan=2 * math.log(2)).mul_(both).div_(4)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        p, q = ctx.saved_tensors
        log_m = _at_least_tiny((p + q) / 2).log()
        to_p = grad / 2 * (_at_least_tiny(p).log() - log_m) if ctx.needs_input_grad[0] else None
        to_q = grad / 2 * (_at_least_tiny(q).log() - log_m) if ctx.needs_input_grad[1] else None
        return to_p, to_q


class _ClampedBCE(torch.autograd.Function):
    """−y log p − (1 − y) log(1 − p) with logarithms of at least −100; torch's kernel raises on NaN and is slower."""

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, y: Tensor) -> Tensor:
        positive, negative = p.log().clamp(min=-100), p.neg().log1p_().clamp(min=-100)
        return torch.lerp(negative, positive, y).neg_()

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        p, y = ctx.saved_tensors
        to_p = grad * ((p - y) / (p * (1 - p)).clamp(min=1e-12)) if ctx.needs_input_grad[0] else None
        to_y = grad * (_clamped_log(1 - p) - _clamped_log(p)) if ctx.needs_input_grad[1] else None
        return to_p, to_y


class _LogisticLoss(torch.autograd.Function):
    """log(1 + e^x) − x y, as a sum of terms that are not negative: max(x, 0) − x y and log(1 + e^(−|x|))."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        positive = x.clamp(min=0)
        tail = torch.sub(x, positive, alpha=2).exp_().log1p_()  # the difference is −|x|
        return torch.addcmul(positive, x, y, value=-1).add_(tail)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x = grad * (x.sigmoid() - y) if ctx.needs_input_grad[0] else None
        to_y = -grad * x if ctx.needs_input_grad[1] else None
        return to_x, to_y


class _WeightedLogisticLoss(torch.autograd.Function):
    """weight · y log(1 + e^(−x)) + (1 − y) log(1 + e^x), written as above."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        positive = x.clamp(min=0)
        tail = torch.sub(x, positive, alpha=2).exp_().log1p_()
        if_positive, if_negative = weight * y, 1 - y
        values = torch.addcmul(tail * (if_positive + if_negative), positive, if_negative)
        return torch.addcmul(values, positive.sub_(x), if_positive)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        if_positive = weight * y
        slope = (if_positive + (1 - y)) * x.sigmoid() - if_positive
        to_x = grad * slope if ctx.needs_input_grad[0] else None
        to_y = grad * (F.logsigmoid(-x) - weight * F.logsigmoid(x)) if ctx.needs_input_grad[1] else None
        to_weight = -grad * y * F.logsigmoid(x) if ctx.needs_input_grad[2] else None
        return to_x, to_y, to_weight


def _at_least_tiny(x: Tensor) -> Tensor:
    return x.clamp(min=torch.finfo(x.dtype).tiny)


def _clamped_log(p: Tensor) -> Tensor:
    """log p, at least −100, without a NaN in its derivative at 0."""
    some = p > 0
    return torch.where(some, torch.where(some, p, 1).log(), -100).clamp(min=-100)


# Margins


# Helpers
