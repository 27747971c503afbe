"""Several losses as one.

Half-precision losses are combined in float32 and returned in their own dtype; under autocast the result is float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lossutils._core import check_alike, check_choice, check_dims, check_equal_shapes, check_tensor, restore, upcast

__all__ = ["uncertainty_weighted_loss"]

KINDS = ("regression", "classification")


def uncertainty_weighted_loss(losses: Tensor | Sequence[Tensor], log_vars: Tensor, *, kinds: Sequence[str]) -> Tensor:
    r"""The sum of the losses of several tasks, each weighted by a noise level that is learned with it.

    .. math::
        L = \sum_{t=1}^{T} \left( w_t \, e^{-s_t} L_t + \tfrac12 s_t \right), \qquad s_t = \log \sigma_t^2, \quad
        w_t = \begin{cases} \tfrac12 & \text{regression} \\ 1 & \text{classification} \end{cases}

    That is L/(2σ²) + log σ for a regression, where L is a squared error, and L/σ² + log σ for a classification, where L
    is a cross entropy. A task with a large loss gets a small weight, and log σ keeps all weights from shrinking to 0:
    for fixed losses the best s_t is log L_t for a regression and log 2L_t for a classification. The units of the losses
    then cancel: a loss multiplied by c shifts its best s_t by log c and adds ½ log c to the sum. May be negative: L =
    0.01 at its best s gives −1.80 for a regression. With a loss of 0 the sum falls without bound as s_t → −∞.

    Args:
        losses: one scalar a task, already reduced.
        log_vars: s_t = log σ_t², to be learned; start at 0.
        kinds: "regression" or "classification" for each task.

    Shape:
        losses (T), or a list of T tensors of shape (); log_vars (T), T ≥ 1; the result is a scalar.

    Convention:
        A sum, not a mean, and so no reduction. A learned log variance can take any value, and e^(−s) never divides by
        0; a parameter σ could pass 0. For a regression with D outputs take the mean of the squares over them: the
        likelihood is D times that term, with the same best σ. Other versions write L/σ² + log σ² for every task, which
        is twice this for a regression, or log(1 + σ²), which is never negative.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, losses is neither a tensor nor a sequence of
            them, or kinds is a string or no sequence.
        ValueError: if losses is not (T) or a loss not a scalar, there are none, log_vars or kinds are not as many, or
            a kind is unknown.

    Source:
        Kendall, Gal and Cipolla (2018), Multi-task learning using uncertainty to weigh losses for scene geometry and
        semantics, equations 7 and 10.

    Example:
        >>> import torch
        >>> from lossutils import uncertainty_weighted_loss
        >>> losses, log_vars = torch.tensor([4.0, 0.5]), torch.zeros(2, requires_grad=True)
        >>> uncertainty_weighted_loss(losses, log_vars, kinds=["regression", "classification"]).item()  # 4/2 + 0.5
        2.5
    """
    if isinstance(kinds, str) or not isinstance(kinds, Sequence):
        raise TypeError(f"kinds must be a list of strings, one a task, got {type(kinds).__name__}")
    for i, kind in enumerate(kinds):
        check_choice(f"kinds[{i}]", kind, KINDS)
    losses = _stacked(losses)
    check_alike(losses=losses, log_vars=log_vars)
    check_dims("losses", losses, "(T,) with T of at least 1", lambda n: n == 1 and len(losses) > 0)
    check_equal_shapes(losses=losses, log_vars=log_vars)
    if len(kinds) != len(losses):
        raise ValueError(f"kinds must name one kind a loss, expected {len(losses)}, got {len(kinds)}")
    loss, log_var = upcast(losses, log_vars)
    factor = loss.new_tensor([0.5 if kind == "regression" else 1.0 for kind in kinds])
    return restore((factor * _times_exp(loss, -log_var) + 0.5 * log_var).sum(), losses)


def _stacked(losses: Tensor | Sequence[Tensor]) -> Tensor:
    """The losses as one tensor (T)."""
    if isinstance(losses, Tensor):
        return losses
    wanted = "losses must be a torch.Tensor or a list of tensors of shape ()"
    if not isinstance(losses, Sequence):
        raise TypeError(f"{wanted}, got {type(losses).__name__}")
    if not losses:
        raise ValueError(f"losses must hold at least one loss, got {losses}")
    for i, loss in enumerate(losses):
        if not isinstance(loss, Tensor):
            raise TypeError(f"{wanted}, got {type(losses).__name__} of {type(loss).__name__}")
        check_tensor(f"losses[{i}]", loss)
        check_dims(f"losses[{i}]", loss, "()", lambda n: n == 0)
    check_alike(**{f"losses[{i}]": loss for i, loss in enumerate(losses)})
    return torch.stack(tuple(losses))


def _times_exp(x: Tensor, t: Tensor) -> Tensor:
    """x · e^t wherever that is representable, though e^t may not be; 0 for x = 0 and ∞ for x = ∞ whatever t is."""
    info = torch.finfo(t.dtype)
    t = torch.where((x == 0) | x.isinf(), t.clamp(0.99 * math.log(info.tiny), 0.99 * math.log(info.max)), t)
    root = (0.5 * t).exp()
    return x * root * root
