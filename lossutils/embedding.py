"""Losses of distances and similarities between embeddings, and of the order of two scores.

Labels say how the two of a pair are related: +1 and −1 (a label of 0, which torch takes in silence, is an error), or,
for the contrastive loss, the same class or not. Shapes must be equal; nothing is broadcast. Half-precision inputs are
computed in float32 and returned in their own dtype; under autocast the loss is float32. A NaN in the data comes out as
NaN. The mean over an empty batch is an error; the sum over one is 0. Checks of values (labels, negative distances) read
the tensors and are skipped under `torch.compile` and `vmap`.
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
    check_flag,
    check_not_empty,
    check_number,
    check_reduction,
    check_signs,
    check_tensor,
    check_values,
    no_autocast,
    reduce,
    restore,
    scalar_option,
    upcast,
)

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "info_nce_loss",
    "margin_ranking_loss",
    "pairwise_contrastive_loss",
    "triplet_margin_loss",
]


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    r"""The hinge on the difference of two scores: which of the two should rank higher, and by how much.

    .. math:: \ell = \max(0, \; m - y \, (x_1 - x_2)), \qquad y = \pm 1

    y = +1 wants x₁ above x₂, y = −1 the reverse: swapping the scores and the sign of y changes nothing. It is
    :func:`hinge_loss` of x₁ − x₂ for margin 1. Only the difference counts, so a constant added to all scores is free.
    Never negative; 0 once the right one leads by the margin. With margin 0, two equal scores cost nothing: constant
    scores are a minimum. At the kink, a lead of exactly the margin, the gradient is that of the sloped side, ±1.

    Args:
        input1: the first scores, x₁.
        input2: the second scores, x₂.
        target: +1 where the first should rank higher, −1 where the second.
        margin: the lead m that costs nothing, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input1, input2 and target (N) or (…), equal; the result is that for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs, those without cost included. torch also takes a label of 0, with which
        every pair costs max(0, margin) and teaches nothing; here it is an error.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or margin is not a number.
        ValueError: if the shapes differ, a label is not ±1, margin is negative, infinite or NaN, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        Herbrich, Graepel and Obermayer (2000), Large margin rank boundaries for ordinal regression; as
        `torch.nn.functional.margin_ranking_loss`, which has no kernel of its own, and no rule for `vmap`.

    Example:
        >>> import torch
        >>> from lossutils import margin_ranking_loss
        >>> first, second = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 2.0])
        >>> margin_ranking_loss(first, second, torch.ones(2), margin=0.5, reduction="none")
        tensor([0.0000, 1.5000])
    """
    check_number("margin", margin, "of at least 0 and finite", lambda m: 0 <= m < math.inf)
    check_elementwise(reduction, input1=input1, input2=input2, target=target)
    check_signs("target", target)
    first, second, sign = upcast(input1, input2, target)
    return reduce((margin - sign * (first - second)).clamp(min=0), reduction, input1)


def hinge_embedding_loss(distance: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""The distance itself for pairs that belong together, the hinge of the distance for those that do not.

    .. math::
        \ell = \begin{cases} d & y = +1 \\ \max(0, \; m - d) & y = -1 \end{cases}

    Not :func:`hinge_loss`: the input is a distance between two embeddings, ≥ 0, not a score. Like
    :func:`pairwise_contrastive_loss` without the squares. Never negative. At d = m, the kink, a negative pair has the
    gradient of the sloped side, −1.

    Args:
        distance: the distances, ≥ 0.
        target: +1 for pairs that belong together, −1 for others.
        margin: the distance m from which on a negative pair costs nothing, > 0.
        reduction: "none", "mean" or "sum".

    Shape:
        distance and target (N) or (…), equal; the result is that for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs, those without cost included. torch takes negative inputs too and, with a
        label other than ±1, adds both branches; these are errors here.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or margin is not a number.
        ValueError: if the shapes differ, a label is not ±1, a distance is negative, margin is not positive and finite,
            the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        `torch.nn.functional.hinge_embedding_loss`, which is also the kernel.

    Example:
        >>> import torch
        >>> from lossutils import hinge_embedding_loss
        >>> distance = torch.tensor([0.25, 0.25, 2.0])
        >>> hinge_embedding_loss(distance, torch.tensor([1.0, -1.0, -1.0]), reduction="none")
        tensor([0.2500, 0.7500, 0.0000])
    """
    check_number("margin", margin, "above 0 and finite", lambda m: 0 < m < math.inf)
    check_elementwise(reduction, distance=distance, target=target)
    check_signs("target", target)
    _check_distances(distance)
    values = F.hinge_embedding_loss(*upcast(distance, target), margin=margin, reduction=reduction)
    return restore(values, distance)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    r"""One minus the cosine for pairs that belong together, the cosine above a margin for those that do not.

    .. math::
        \ell = \begin{cases} 1 - \cos(x_1, x_2) & y = +1 \\ \max(0, \; \cos(x_1, x_2) - m) & y = -1 \end{cases}
        \qquad \cos(x_1, x_2) = \frac{x_1 \cdot x_2}{\|x_1\| \, \|x_2\|}

    Only directions count: the loss does not change when an embedding is scaled, and its gradient is orthogonal to the
    embedding. Between 0 and 2. 1 − cos is half the squared distance of the two unit vectors, and is computed as that:
    it keeps its digits for a small angle and is exactly 0 for equal vectors. A zero vector has no direction: its cosine
    is 0 and so is its gradient and that of its partner. At the kink, cos = m, the gradient is that of the sloped side.

    Args:
        input1: the first embeddings.
        input2: the second embeddings.
        target: +1 for pairs that belong together, −1 for others.
        margin: the largest cosine m that costs a negative pair nothing, from −1 to 1.
        reduction: "none", "mean" or "sum".

    Shape:
        input1 and input2 (N, D), target (N); the result is (N) for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs, those without cost included. torch adds 1e-12 to each squared length,
        which drags the cosine of vectors shorter than about 1e-5 towards 0; here their length does not matter. A label
        of 0, for which torch gives 0 in silence, is an error. Keras' `CosineSimilarity` is −cos.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or margin is not a number.
        ValueError: if the shapes do not fit, a label is not ±1, margin is outside [−1, 1], the reduction is unknown,
            or the batch is empty and the reduction "mean".

    Source:
        As `torch.nn.functional.cosine_embedding_loss`, but for tiny and huge vectors.

    Example:
        >>> import torch
        >>> from lossutils import cosine_embedding_loss
        >>> a, b = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [3.0, 0.0]])
        >>> cosine_embedding_loss(a, b, torch.tensor([1.0, -1.0]), margin=0.5, reduction="none")
        tensor([1.0000, 0.5000])
    """
    check_number("margin", margin, "from -1 to 1", lambda m: -1 <= m <= 1)
    check_reduction(reduction)
    check_alike(input1=input1, input2=input2, target=target)
    _check_rows(input1=input1, input2=input2)
    if target.shape != input1.shape[:1]:
        raise ValueError(f"target must have the shape (N,) = {tuple(input1.shape[:1])}, got {tuple(target.shape)}")
    check_not_empty("input1", input1, reduction)
    check_signs("target", target)
    first, second, target = upcast(input1, input2, target)
    gap = _CosineGap.apply(first, second)[0].squeeze(-1)
    values = torch.where(target > 0, gap, (1 - margin - gap).clamp(min=0))
    return reduce(values, reduction, input1)


def pairwise_contrastive_loss(
    distance: Tensor, same: Tensor, *, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    r"""Half the squared distance for pairs of the same class, half the squared shortfall from a margin for others.

    .. math::
        \ell = \begin{cases} \tfrac12 d^2 & \text{same} \\ \tfrac12 \max(0, \; m - d)^2 & \text{not same} \end{cases}

    The pairwise loss of siamese networks. :func:`hinge_embedding_loss` is the one without squares; here the gradient
    falls to 0 where a pair is where it should be, so there is no kink. Never negative.

    Args:
        distance: the Euclidean distances of the pairs, ≥ 0.
        same: whether a pair is of the same class: a bool tensor, or 0 and 1 in the dtype of distance.
        margin: the distance m from which on a pair of different classes costs nothing, > 0.
        reduction: "none", "mean" or "sum".

    Shape:
        distance and same (N) or (…), equal; the result is that for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs, those without cost included. The paper's Y is 0 for the same class; here
        and in TensorFlow Addons 1 means the same. TensorFlow Addons has no ½, so its loss is twice this one. The
        gradient of the Euclidean norm is not defined for two equal points: a pair of different classes at distance 0
        is pushed apart only if the distance you pass has a gradient there.

    Raises:
        TypeError: if distance is not floating-point, same is neither bool nor of the dtype of distance, or margin is
            not a number.
        ValueError: if the shapes differ, same holds something else than 0 and 1, a distance is negative, margin is not
            positive and finite, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Hadsell, Chopra and LeCun (2006), Dimensionality reduction by learning an invariant mapping, equation 4.

    Example:
        >>> import torch
        >>> from lossutils import pairwise_contrastive_loss
        >>> distance = torch.tensor([0.5, 0.5, 2.0])
        >>> pairwise_contrastive_loss(distance, torch.tensor([True, False, False]), margin=1.5, reduction="none")
        tensor([0.1250, 0.5000, 0.0000])
    """
    check_number("margin", margin, "above 0 and finite", lambda m: 0 < m < math.inf)
    check_reduction(reduction)
    if isinstance(same, Tensor) and same.dtype == torch.bool:
        check_tensor("distance", distance)
        check_device("same", same, "distance", distance)
    else:
        check_alike(distance=distance, same=same)
    check_equal_shapes(distance=distance, same=same)
    check_not_empty("distance", distance, reduction)
    if same.dtype != torch.bool:
        check_values("same must hold 0 and 1", same, lambda s: (s != 0) & (s != 1))
    _check_distances(distance)
    (wide,) = upcast(distance)
    values, _ = _Contrastive.apply(wide, same.to(wide.dtype), margin)
    return reduce(values, reduction, distance)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""The hinge on two distances: the negative must be farther from the anchor than the positive, by a margin.

    .. math::
        \ell = \max(0, \; m + \|a - p\| - \|a - n\|)

    :func:`margin_ranking_loss` of two distances. Never negative; the margin is what it costs when all embeddings are
    equal (collapse), so a loss that stays at the margin is a warning. The distance is not squared. A distance of 0,
    where the norm has no derivative, has the gradient 0. At the kink, a lead of exactly the margin, the gradient is
    that of the sloped side; where swap finds both distances equal each gets half of it.

    Args:
        anchor: the embeddings a.
        positive: embeddings p of the anchors' classes.
        negative: embeddings n of other classes.
        margin: the lead m that costs nothing, > 0.
        p: the exponent of the norm, ≥ 1; 2 is Euclidean, ∞ the largest difference.
        swap: let the negative be compared with whichever is nearer to it, the anchor or the positive.
        reduction: "none", "mean" or "sum".

    Shape:
        anchor, positive and negative (N, D), equal; the result is (N) for "none", else a scalar.

    Convention:
        "mean" divides by the number of triplets, those without cost included. FaceNet squares the distances and has
        margin 0.2. torch adds 1e-6 to every difference to keep its gradient finite; here the distance is exact, also
        of vectors whose squares overflow.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, margin or p is not a number or swap not a bool.
        ValueError: if the shapes do not fit, margin is not positive and finite, p is below 1 or NaN, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        Balntas et al. (2016), Learning local feature descriptors with triplets and shallow convolutional neural
        networks, which has swap; as `torch.nn.functional.triplet_margin_loss` without its 1e-6. FaceNet is Schroff,
        Kalenichenko and Philbin (2015).

    Example:
        >>> import torch
        >>> from lossutils import triplet_margin_loss
        >>> a, p, n = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[1.5, 0.0]])
        >>> triplet_margin_loss(a, p, n).item()  # 1 + 1 − 1.5
        0.5
    """
    check_number("margin", margin, "above 0 and finite", lambda m: 0 < m < math.inf)
    check_number("p", p, "of at least 1", lambda v: v >= 1)
    check_flag("swap", swap)
    check_reduction(reduction)
    check_alike(anchor=anchor, positive=positive, negative=negative)
    _check_rows(anchor=anchor, positive=positive, negative=negative)
    check_not_empty("anchor", anchor, reduction)
    a, b, c = upcast(anchor, positive, negative)
    far = _length(a - c, p)
    if swap:
        far = torch.minimum(far, _length(b - c, p))
    return reduce((margin + _length(a - b, p) - far).clamp(min=0), reduction, anchor)


def info_nce_loss(
    query: Tensor,
    key: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    symmetric: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""The cross entropy of finding a query's own key among the keys of the whole batch.

    .. math::
        \ell_i = -\log \frac{\exp(s_{ii})}{\sum_{j=1}^{N} \exp(s_{ij})},
        \qquad s_{ij} = \frac{\cos(q_i, k_j)}{\tau}

    :func:`cross_entropy` of the matrix s with the targets 0, 1, …, N − 1. Row i of key is the positive of row i of
    query; the other rows are the negatives. Between 0 and log(1 + (N − 1) e^(2/τ)): log N when all cosines are equal,
    and not 0 for a perfect match, because a cosine is at most 1: log(1 + (N − 1) e^(−1/τ)) when all others are
    orthogonal. A batch of one has no negatives and costs 0. It is computed from the negatives alone, log(1 + Σ_j
    exp(s_ij − s_ii)), so that a loss much smaller than 1 keeps its digits.

    Args:
        query: the embeddings q; only their directions count.
        key: the embeddings k; only their directions count.
        temperature: τ > 0; a number, or a tensor of shape () that may be learned.
        symmetric: the mean of both directions, also asking for the query of each key (CLIP).
        reduction: "none", "mean" or "sum".

    Shape:
        query and key (N, D), equal; the result is (N) for "none", else a scalar.

    Convention:
        "mean" divides by N. The rows are normalised here, so normalised ones may be passed too. A row of zeros has no
        direction: its cosines are 0 and so is its gradient. SimCLR's NT-Xent is another loss: to the N − 1 other keys
        it adds the N − 1 other queries as negatives. One matrix (N, N) is kept for the gradient (symmetric: three more
        for a moment): 4 GB for N = 32768 in float32.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, temperature is neither a number nor a tensor
            or symmetric not a bool.
        ValueError: if the shapes do not fit, temperature is not positive and finite, so small that its inverse is
            infinite in the dtype of query, or not a scalar, the reduction is unknown, or the batch is empty and the
            reduction "mean".

    Source:
        van den Oord, Li and Vinyals (2018), Representation learning with contrastive predictive coding, equation 4;
        the cosine and the temperature as in Chen et al. (2020), A simple framework for contrastive learning; symmetric
        as in Radford et al. (2021), Learning transferable visual models from natural language supervision.

    Example:
        >>> import torch
        >>> from lossutils import info_nce_loss
        >>> loss = info_nce_loss(torch.eye(256), torch.eye(256), temperature=1.0)
        >>> round(loss.item(), 3)  # log(1 + 255/e): a perfect match
        4.552
    """
    check_flag("symmetric", symmetric)
    check_reduction(reduction)
    check_alike(query=query, key=key)
    _check_rows(query=query, key=key)
    check_not_empty("query", query, reduction)
    wide_query, wide_key = upcast(query, key)
    temperature = scalar_option("temperature", temperature, wide_query, "above 0 and finite", _positive)
    check_values("temperature must have a finite inverse in its dtype", temperature, lambda t: (1 / t).isinf())
    if len(query) == 0:
        return reduce(wide_query.sum(1) + wide_key.sum(1), reduction, query)
    unit_query, unit_key = _Polar.apply(wide_query)[0] / temperature, _Polar.apply(wide_key)[0]
    own = (unit_query * unit_key).sum(-1)
    with no_autocast(query):
        rows, columns, _ = _Others.apply(unit_query, unit_key, symmetric)
    values = -F.logsigmoid(own - rows)  # log(1 + exp(rows − own))
    if symmetric:
        values = 0.5 * (values - F.logsigmoid(own - columns))
    return reduce(values, reduction, query)


def _positive(value: float | Tensor) -> bool | Tensor:
    return (value > 0) & (value < math.inf)


def _check_distances(distance: Tensor) -> None:
    check_values("distance must hold distances of at least 0", distance, lambda d: d < 0)


def _check_rows(**tensors: Tensor) -> None:
    """Raise ValueError unless all have one shape (N, D)."""
    name, first = next(iter(tensors.items()))
    check_dims(name, first, "(N, D)", lambda n: n == 2)
    check_equal_shapes(**tensors)


def _length(x: Tensor, p: float) -> Tensor:
    """The p-norm of the rows, without overflow, with the gradient 0 for a row of zeros."""
    if p == 2:
        return _Length.apply(x)
    largest = x.detach().abs().amax(-1, keepdim=True)
    scale = torch.where((largest > 0) & largest.isfinite(), largest, 1)  # cancels, so it needs no gradient
    return scale.squeeze(-1) * torch.linalg.vector_norm(x / scale, p, -1)


def _scaled(x: Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
    """The rows of x, their lengths (N, 1), and the scale (N, 1) that both of these bear.

    The scale is a power of 2 for rows whose squares would leave the range of the dtype (Blue's algorithm), else 1.
    Such rows are rare: where values can be read and there are none, x is returned as it is.
    """
    bits = math.log2(torch.finfo(x.dtype).max)  # 128 or 1024
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    tiny, huge = length < 2.0 ** (-0.3125 * bits), length > 2.0 ** (0.3125 * bits)
    if not _some(tiny | huge):
        return x, length, 1.0
    scale = torch.ones_like(length).masked_fill(tiny, 2.0 ** (0.75 * bits)).masked_fill(huge, 2.0 ** (-0.75 * bits))
    x = x * scale
    return x, torch.linalg.vector_norm(x, dim=-1, keepdim=True), scale


def _some(mask: Tensor) -> bool:
    """Whether any is true, or that can't be told."""
    try:
        return torch.compiler.is_compiling() or bool(mask.any())
    except RuntimeError:
        return True


def _divisor(length: Tensor) -> Tensor:
    """The length as a divisor that makes 0 of a row of zeros."""
    return torch.where(length == 0, math.inf, length)


class _Length(torch.autograd.Function):
    """The Euclidean length of each row of x (N, D), with one pass over x for the gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        _, length, scale = _scaled(x)
        return (length / scale).squeeze(-1)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, to_length: Tensor) -> Tensor:
        x, length = ctx.saved_tensors
        return x / _divisor(length).unsqueeze(-1) * to_length.unsqueeze(-1)


class _Polar(torch.autograd.Function):
    """The direction of each row of x (N, D), 0 for a row of zeros, and its length (N, 1)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        x, length, scale = _scaled(x)
        return x / _divisor(length), length / scale

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx, to_direction: Tensor, to_length: Tensor) -> Tensor:
        direction, length = ctx.saved_tensors
        along = (direction * to_direction).sum(-1, keepdim=True)
        return (to_direction - direction * along) / _divisor(length) + direction * to_length


class _CosineGap(torch.autograd.Function):
    """1 − cos of the rows of x and y, (N, 1), and what its gradient needs: both directions and lengths.

    Half the squared distance of the directions, which keeps the digits of a small angle; 1 if one is a row of zeros.
    The gradient in closed form takes fewer passes than autograd's.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        x, length_x = _Polar.forward(x)
        y, length_y = _Polar.forward(y)
        return _gap(x, length_x, y, length_y), x, length_x, y, length_y

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)  # no zeros for what has no gradient
        ctx.save_for_backward(*inputs, *output)

    @staticmethod
    def backward(ctx, to_gap: Tensor | None, *_) -> tuple[Tensor | None, ...]:
        if to_gap is None:
            return None, None
        x, y, gap, *polar = ctx.saved_tensors
        if torch.is_grad_enabled():  # for a second derivative, all from x and y again
            polar = *_Polar.apply(x), *_Polar.apply(y)
            gap = _gap(*polar)
        x, length_x, y, length_y = polar
        to_gap = torch.where((length_x == 0) | (length_y == 0), 0, to_gap)
        apart, to_x, to_y = x - y, None, None
        if ctx.needs_input_grad[0]:
            to_x = torch.addcmul(apart, x, gap, value=-1) * (to_gap / _divisor(length_x))
        if ctx.needs_input_grad[1]:
            to_y = torch.addcmul(apart, y, gap) * (-to_gap / _divisor(length_y))
        return to_x, to_y


class _Contrastive(torch.autograd.Function):
    """Half the square of the miss, and the miss, which is its gradient: d where same is 1, min(0, d − margin) where 0.

    A minimum and no `torch.where`, which costs ten times as much on a mask without runs.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(distance: Tensor, same: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        other = 1 - same
        miss = torch.minimum(distance - other * margin, same / other)  # at most 1/0 = ∞ or 0/1 = 0
        return miss * (0.5 * miss), miss

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        distance, same, ctx.margin = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # no zeros for what has no gradient
        ctx.save_for_backward(distance, same, output[1])

    @staticmethod
    def backward(ctx, to_values: Tensor | None, _) -> tuple[Tensor | None, ...]:
        if to_values is None:
            return None, None, None
        distance, same, miss = ctx.saved_tensors
        if torch.is_grad_enabled():  # for a second derivative, which is 0 where the miss is
            miss = torch.where(same > 0, distance, (distance - ctx.margin).clamp(max=0))
        return miss * to_values, None, None


def _gap(x: Tensor, length_x: Tensor, y: Tensor, length_y: Tensor) -> Tensor:
    gap = 0.5 * (x - y).pow_(2).sum(-1, keepdim=True)
    return torch.where((length_x == 0) | (length_y == 0), 1, gap)


class _Others(torch.autograd.Function):
    """For s = q kᵀ, the log-sum-exp of s_ij over j ≠ i, and of s_ji if `both` (else 0); of no others, the least number.

    One (N, N) matrix is made and kept for the gradient: s itself if `both`, else exp(s − the maximum of its row).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(q: Tensor, k: Tensor, both: bool) -> tuple[Tensor, Tensor, Tensor]:
        matrix = q @ k.mT
        matrix.diagonal().fill_(torch.finfo(q.dtype).min)  # not −∞: for N = 1 that would be ∞ − ∞
        if both:
            return matrix.logsumexp(1), matrix.logsumexp(0), matrix
        largest = matrix.amax(1, keepdim=True)
        matrix.sub_(largest).exp_()
        rows = largest.squeeze(1) + matrix.sum(1).log()
        return rows, torch.zeros_like(rows), matrix

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        q, k, ctx.both = inputs
        rows, columns, matrix = output
        ctx.mark_non_differentiable(matrix)
        ctx.set_materialize_grads(False)  # no zeros for what has no gradient
        ctx.save_for_backward(q, k, rows, columns, matrix)

    @staticmethod
    def backward(ctx, to_rows: Tensor | None, to_columns: Tensor | None, _) -> tuple[Tensor | None, ...]:
        if to_rows is None:
            return None, None, None
        q, k, rows, columns, matrix = ctx.saved_tensors
        to_rows = to_rows.unsqueeze(1)
        with no_autocast(q):
            if torch.is_grad_enabled():  # for a second derivative, all from q and k again
                matrix = q @ k.mT
                matrix = matrix.diagonal_scatter(torch.full_like(rows, torch.finfo(q.dtype).min))
                slope = matrix.softmax(1) * to_rows
                if ctx.both:
                    slope = slope + matrix.softmax(0) * to_columns
                return slope @ k, slope.mT @ q, None
            if ctx.both:
                slope = (matrix - rows.unsqueeze(1)).exp_() * to_rows
                slope = slope + (matrix - columns).exp_() * to_columns
                return slope @ k, slope.mT @ q, None
            to_rows = to_rows / matrix.sum(1, keepdim=True)
            return (matrix @ k) * to_rows, matrix.mT @ (q * to_rows), None
