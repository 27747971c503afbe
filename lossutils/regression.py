"""Losses for regression: functions of the residual r = input − target, and the likelihoods of counts and variances.

Every function takes `(input, target, *, …, reduction="mean")`: the prediction first, then the truth, as torch does.
Shapes must be equal; nothing is broadcast. Half-precision inputs are computed in float32 and returned in their own
dtype; under autocast the loss is float32. A NaN in the data comes out as NaN. The mean over an empty batch is an error;
the sum over one is 0. Checks of values (a negative count, a scale of 0) read the tensors and are skipped under
`torch.compile` and `vmap`. RMSE, log-cosh and the robust losses with a number for alpha have a backward pass written by
hand: it can be differentiated again, but not in forward mode (`torch.func.jvp`, `torch.func.hessian`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_elementwise,
    check_flag,
    check_number,
    check_values,
    option,
    reduce,
    restore,
    upcast,
)

__all__ = [
    "adaptive_robust_loss",
    "gaussian_nll_loss",
    "general_robust_loss",
    "huber_loss",
    "l1_loss",
    "log_cosh_loss",
    "mse_loss",
    "poisson_nll_loss",
    "quantile_loss",
    "rmse_loss",
    "smooth_l1_loss",
]


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The absolute error, whose mean is the mean absolute error (MAE).

    .. math:: \ell = |r|, \qquad r = \text{input} - \text{target}

    Elicits the median. Equals :func:`smooth_l1_loss` with beta 0 and twice :func:`quantile_loss` at q = 0.5; it is the
    negative log likelihood of a Laplace distribution of scale 1, up to a constant. At a residual of exactly 0, where
    it has no derivative, the gradient is 0.

    Args:
        input: the predictions.
        target: the true values.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Laplace (1774); the kernel is `torch.nn.functional.l1_loss`.

    Example:
        >>> import torch
        >>> from lossutils import l1_loss
        >>> l1_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])).item()
        2.0
    """
    check_elementwise(reduction, input=input, target=target)
    return restore(F.l1_loss(*upcast(input, target), reduction=reduction), input)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The squared error, whose mean is the mean squared error (MSE).

    .. math:: \ell = r^2, \qquad r = \text{input} - \text{target}

    Elicits the mean. It is twice :func:`huber_loss` for :math:`|r|` ≤ delta, and twice the negative log likelihood of a
    Gaussian of variance 1, up to a constant. "sum" gives the sum of squares, which is the square of the L2 norm. The
    root of the mean, :func:`rmse_loss`, is in the units of the target. There is no factor ½.

    Args:
        input: the predictions.
        target: the true values.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. Optax's `squared_error` is the same and its `l2_loss` is half of it.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Legendre (1805), Gauss (1809); the kernel is `torch.nn.functional.mse_loss`.

    Example:
        >>> import torch
        >>> from lossutils import mse_loss
        >>> mse_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])).item()
        5.0
    """
    check_elementwise(reduction, input=input, target=target)
    return restore(F.mse_loss(*upcast(input, target), reduction=reduction), input)


def rmse_loss(input: Tensor, target: Tensor) -> Tensor:
    r"""The root of the mean squared error, in the units of the target.

    .. math:: L = \sqrt{\frac{1}{n} \sum_{i=1}^{n} r_i^2}, \qquad r = \text{input} - \text{target}

    The root of :func:`mse_loss`, with the same minimiser. Written as a scaled norm, so that the squares can't overflow
    and the gradient at a perfect fit, where there is no derivative, is 0 (`torch.sqrt` of the MSE gives NaN there).

    Args:
        input: the predictions.
        target: the true values.

    Shape:
        input and target (…), equal; the result is a scalar.

    Convention:
        One value for all elements; no reduction to choose, because the mean stands inside the root. The mean of the
        RMSEs of several batches is not the RMSE of all: keep the sum of squares and the count instead.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, or the batch is empty.

    Source:
        The definition; Hodson (2022), doi:10.5194/gmd-15-5481-2022, on when to use it.

    Example:
        >>> import torch
        >>> from lossutils import rmse_loss
        >>> rmse_loss(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0])).item()
        0.0
    """
    residual = _residual(input, target, "mean")
    return restore(_RootMeanSquare.apply(residual), input)


def smooth_l1_loss(input: Tensor, target: Tensor, *, beta: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""The absolute error, rounded off to a parabola for residuals below beta.

    .. math::
        \ell = \begin{cases} r^2 / (2 \beta) & |r| < \beta \\ |r| - \beta / 2 & \text{otherwise} \end{cases}

    Equals :func:`huber_loss` with delta = beta, divided by beta: the slope far out is 1 whatever beta is. For beta → 0
    it becomes :func:`l1_loss` (which beta = 0 is), for beta → ∞ it vanishes.

    Args:
        input: the predictions.
        target: the true values.
        beta: the residual at which the parabola meets the line, ≥ 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. Detection papers sum over the four coordinates of a box and divide by
        the number of boxes or anchors: use "sum" and divide.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or beta is not a number.
        ValueError: if the shapes differ, beta is negative, infinite or NaN, the reduction is unknown, or the batch is
            empty and the reduction "mean".

    Source:
        Girshick (2015), Fast R-CNN, equations 2 and 3, has beta = 1; the kernel is
        `torch.nn.functional.smooth_l1_loss`.

    Example:
        >>> import torch
        >>> from lossutils import smooth_l1_loss
        >>> smooth_l1_loss(torch.tensor([0.5, 4.0]), torch.zeros(2), beta=2.0, reduction="none")
        tensor([0.0625, 3.0000])
    """
    check_number("beta", beta, "of at least 0 and finite", lambda b: 0 <= b < math.inf)
    check_elementwise(reduction, input=input, target=target)
    return restore(F.smooth_l1_loss(*upcast(input, target), beta=beta, reduction=reduction), input)


def huber_loss(input: Tensor, target: Tensor, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""Half the squared error for residuals up to delta, a line of slope delta beyond.

    .. math::
        \ell = \begin{cases} r^2 / 2 & |r| \le \delta \\ \delta \, (|r| - \delta / 2) & \text{otherwise} \end{cases}

    Equals delta times :func:`smooth_l1_loss` with beta = delta. For delta → ∞ it becomes half :func:`mse_loss` (which
    delta = ∞ is), for delta → 0 it vanishes. It grows with delta, so delta is chosen or estimated, never trained on
    the loss itself.

    Args:
        input: the predictions.
        target: the true values.
        delta: the residual at which the parabola meets the line, > 0, in the units of the target.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. scikit-learn's `HuberRegressor` scales the residual by a fitted sigma
        and drops the ½; its epsilon is delta in those units.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or delta is not a number.
        ValueError: if the shapes differ, delta is not positive, the reduction is unknown, or the batch is empty and the
            reduction "mean".

    Source:
        Huber (1964), Robust estimation of a location parameter; the kernel is `torch.nn.functional.huber_loss`.

    Example:
        >>> import torch
        >>> from lossutils import huber_loss
        >>> huber_loss(torch.tensor([0.5, 4.0]), torch.zeros(2), delta=2.0, reduction="none")
        tensor([0.1250, 6.0000])
    """
    check_number("delta", delta, "above 0", lambda d: d > 0)
    check_elementwise(reduction, input=input, target=target)
    return restore(F.huber_loss(*upcast(input, target), delta=delta, reduction=reduction), input)


def log_cosh_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The logarithm of the hyperbolic cosine of the residual: a parabola near 0, a line far out, smooth everywhere.

    .. math:: \ell = \log \cosh r, \qquad \frac{d\ell}{dr} = \tanh r

    Between :math:`|r|` − log 2 and :math:`|r|`, and below r²/2: near 0 it is half :func:`mse_loss`, far out
    :func:`l1_loss` less log 2. Like :func:`huber_loss` with delta = 1, but with all derivatives. Divide the residual by
    a scale to move the turning point.

    Args:
        input: the predictions.
        target: the true values.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Up to scale, the negative log likelihood of the hyperbolic secant distribution (Perks 1932, Talacko 1956).

    Example:
        >>> import torch
        >>> from lossutils import log_cosh_loss
        >>> log_cosh_loss(torch.tensor([0.0, 100.0]), torch.zeros(2), reduction="none")
        tensor([ 0.0000, 99.3069])
    """
    values = _LogCosh.apply(_residual(input, target, reduction))
    return reduce(values, reduction, input)


def quantile_loss(input: Tensor, target: Tensor, *, q: float | Tensor, reduction: str = "mean") -> Tensor:
    r"""The pinball loss (check loss), which elicits the q-quantile.

    .. math:: \ell = q \max(-r, 0) + (1 - q) \max(r, 0), \qquad r = \text{input} - \text{target}

    A prediction too low costs q a unit, one too high 1 − q. At q = 0.5 it is half :func:`l1_loss`. At a residual of
    exactly 0, where it has no derivative, the gradient is 0.

    Args:
        input: the predicted quantiles.
        target: the true values.
        q: the level, 0 < q < 1; a number, or a tensor that broadcasts to the shape of input (one level a column).
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar. Several levels at once: input (N, Q),
        q (Q), target expanded to (N, Q).

    Convention:
        "mean" divides by the number of elements. Papers write u = target − input, so q stands with max(u, 0).
        scikit-learn's `mean_pinball_loss(alpha=q)` is the same.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or q is neither a number nor a tensor.
        ValueError: if the shapes differ, q is not between 0 and 1 or does not broadcast, the reduction is unknown, or
            the batch is empty and the reduction "mean".

    Source:
        Koenker and Bassett (1978), Regression quantiles.

    Example:
        >>> import torch
        >>> from lossutils import quantile_loss
        >>> quantile_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, -1.0]), q=0.75, reduction="none")
        tensor([0.7500, 0.2500])
    """
    residual = _residual(input, target, reduction)
    q = option("q", q, residual, "between 0 and 1", lambda v: (v > 0) & (v < 1))
    values = q * F.relu(-residual) + (1 - q) * F.relu(residual)
    return reduce(values, reduction, input)


def general_robust_loss(
    input: Tensor, target: Tensor, *, alpha: float | Tensor, scale: float | Tensor, reduction: str = "mean"
) -> Tensor:
    r"""A family of robust losses with one shape parameter alpha, from the square to the bounded Welsch loss.

    .. math::
        \ell = \frac{|\alpha - 2|}{\alpha}
        \left( \left( \frac{(r/c)^2}{|\alpha - 2|} + 1 \right)^{\alpha/2} - 1 \right),
        \qquad r = \text{input} - \text{target}

    with its limits where the formula has a hole: alpha = 2 is (r/c)²/2, half :func:`mse_loss` in units of the scale c;
    1 is Charbonnier's, the smooth kin of :func:`huber_loss`; 0 is Cauchy's, log((r/c)²/2 + 1); −2 is Geman and
    McClure's; −∞ is Welsch's, 1 − exp(−(r/c)²/2); +∞ is exp((r/c)²/2) − 1. For every alpha the loss is (r/c)²/2 near
    0. It grows with alpha, so alpha can't be learned from it: use :func:`adaptive_robust_loss`.

    Args:
        input: the predictions.
        target: the true values.
        alpha: the shape, a number from −∞ to ∞ or a tensor that broadcasts to the shape of input; smaller is more
            robust.
        scale: c > 0, the residual at which outliers begin; a number or a tensor that broadcasts to the shape of input.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. Gradients flow to input, target, alpha and scale. At alpha exactly 2
        the true derivative in alpha is +∞ (it grows like −log of the distance); the gradient there is finite, about
        that at the next number below 2. At alpha = ±∞ the gradient in alpha is 0. A number for alpha is much faster
        than a tensor; the number 0 needs r/c below 1e19 in float32, beyond which the square overflows.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or an option is neither a number nor a tensor.
        ValueError: if the shapes differ, alpha is NaN, scale is not positive and finite, an option does not broadcast,
            the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Barron (2019), A general and adaptive robust loss function, equations 1 to 7.

    Example:
        >>> import torch
        >>> from lossutils import general_robust_loss
        >>> r = torch.tensor([1.0, 100.0])
        >>> general_robust_loss(r, torch.zeros(2), alpha=-2.0, scale=1.0, reduction="none")
        tensor([0.4000, 1.9992])
    """
    residual = _residual(input, target, reduction)
    shape = option("alpha", alpha, residual, "from -inf to inf and not NaN", lambda a: a == a)
    c = option("scale", scale, residual, "above 0 and finite", lambda c: (c > 0) & (c < math.inf))
    z = residual if _is_1(scale) else residual / c
    return reduce(_robust(z, alpha, shape), reduction, input)


def adaptive_robust_loss(
    input: Tensor, target: Tensor, *, alpha: float | Tensor, scale: float | Tensor, reduction: str = "mean"
) -> Tensor:
    r"""The general robust loss as a negative log likelihood, so that its shape and scale can be learned.

    .. math::
        \ell = \rho(r, \alpha, c) + \log c + \log Z(\alpha),
        \qquad Z(\alpha) = \int_{-\infty}^{\infty} \exp(-\rho(x, \alpha, 1)) \, dx

    with :math:`\rho` of :func:`general_robust_loss`. Lowering alpha makes outliers cheap and, through Z, everything
    else dear. alpha = 2 is the likelihood of a Gaussian of standard deviation c (:func:`gaussian_nll_loss` with
    var = c² and full=True), alpha = 0 that of a Cauchy distribution of scale √2 c. Below 0 there is no finite Z. May
    be negative.

    Args:
        input: the predictions.
        target: the true values.
        alpha: the shape, in [0, 2]; a number or a tensor that broadcasts to the shape of input.
        scale: c > 0; a number or a tensor that broadcasts to the shape of input.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. Gradients flow to input, target, alpha and scale; what is said of
        alpha = 2 in :func:`general_robust_loss` holds here too. log Z is integrated in float64 on 217 nodes for each
        element of alpha, so keep alpha small (a value, or one a column); the author's code reads it from a spline.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or an option is neither a number nor a tensor.
        ValueError: if the shapes differ, alpha is outside [0, 2], scale is not positive and finite, an option does not
            broadcast, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Barron (2019), A general and adaptive robust loss function: the density whose negative logarithm is the loss.

    Example:
        >>> import torch
        >>> from lossutils import adaptive_robust_loss
        >>> loss = adaptive_robust_loss(torch.zeros(1), torch.zeros(1), alpha=2.0, scale=1.0)
        >>> round(loss.item(), 4)  # ½ log 2π
        0.9189
    """
    residual = _residual(input, target, reduction)
    shape = option("alpha", alpha, residual, "from 0 to 2", lambda a: (a >= 0) & (a <= 2))
    c = option("scale", scale, residual, "above 0 and finite", lambda c: (c > 0) & (c < math.inf))
    z = residual if _is_1(scale) else residual / c
    wide = shape if shape.device.type == "mps" else shape.double()  # Apple's GPU has no float64
    constant = c.log() + _log_partition(wide).to(residual.dtype)
    return reduce(_robust(z, alpha, shape) + constant, reduction, input)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log likelihood of counts under a Poisson distribution of predicted rate.

    .. math::
        \ell = \begin{cases} e^{x} - y x & x = \text{input is the log rate (log\_input)} \\
        x - y \log(x + \text{eps}) & x = \text{input is the rate} \end{cases} \qquad y = \text{target}

    Elicits the mean, of data whose variance grows with the mean, where :func:`gaussian_nll_loss` predicts the variance
    on its own. Negative values are normal, because log y! is left out.

    Args:
        input: the log rates, or the rates if not log_input.
        target: the counts, ≥ 0; they need not be whole.
        log_input: whether input is the logarithm of the rate, which may then take any value.
        full: add Stirling's approximation of log y!, y log y − y + ½ log 2πy, where y > 1 (log y! is 0 at 0 and 1).
        eps: added to the rate inside the logarithm if not log_input, > 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. log_input is True by default, as in torch; Keras' `Poisson` takes
        rates. Twice the loss, less twice its value at input = log y, is the Poisson deviance.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, eps is not a number or a flag not a bool.
        ValueError: if the shapes differ, a target is negative, a rate is negative (log_input=False), eps is not
            positive, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        The Poisson likelihood; as `torch.nn.functional.poisson_nll_loss`, but with finite gradients in target for
        full=True.

    Example:
        >>> import torch
        >>> from lossutils import poisson_nll_loss
        >>> poisson_nll_loss(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 0.0]), reduction="none")
        tensor([1., 1.])
    """
    check_flag("log_input", log_input)
    check_flag("full", full)
    check_number("eps", eps, "above 0 and finite", lambda e: 0 < e < math.inf)
    check_elementwise(reduction, input=input, target=target)
    rate, count = upcast(input, target)
    check_values("target must hold counts of at least 0", count, lambda y: y < 0)
    if log_input:
        values = rate.exp() - count * rate
    else:
        check_values("input must hold rates of at least 0 with log_input=False", rate, lambda x: x < 0)
        values = rate - count * (rate + eps).log()
    if full:
        some = torch.where(count > 1, count, 2)  # keeps log 0 out of the gradient
        stirling = some * some.log() - some + 0.5 * (2 * math.pi * some).log()
        values = values + torch.where(count > 1, stirling, 0)
    return reduce(values, reduction, input)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log likelihood under a Gaussian of predicted mean and predicted variance.

    .. math:: \ell = \frac12 \left( \log v + \frac{r^2}{v} \right), \qquad v = \max(\text{var}, \text{eps})

    With a constant variance it has the minimiser of :func:`mse_loss`. With a predicted one it weighs each residual by
    1/v, and the best v is the squared residual expected there. May be negative, without bound as eps → 0.

    Args:
        input: the predicted means.
        target: the true values.
        var: the predicted variances (not standard deviations), ≥ 0.
        full: add the constant ½ log 2π.
        eps: the least variance. The gradient passes through the clamp, as torch's does, so that a variance below eps
            can still grow.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (…, D), equal; var a number, or of the same shape, (…, 1) or (…) without D, where one variance
        serves a whole row. The result is (…, D) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. torch also takes a var of size 1 in another dimension than the last,
        which is an error here: expand it.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, eps is not a number or full not a bool.
        ValueError: if the shapes do not fit, a variance is negative, eps is not positive, the reduction is unknown, or
            the batch is empty and the reduction "mean".

    Source:
        Nix and Weigend (1994), Estimating the mean and variance of the target probability distribution; as
        `torch.nn.functional.gaussian_nll_loss`.

    Example:
        >>> import torch
        >>> from lossutils import gaussian_nll_loss
        >>> loss = gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([4.0]))
        >>> round(loss.item(), 4)  # ½ (log 4 + 2²/4)
        1.1931
    """
    check_flag("full", full)
    check_number("eps", eps, "above 0 and finite", lambda e: 0 < e < math.inf)
    residual = _residual(input, target, reduction)
    var = _variance(var, input, residual)
    var = var.clone()
    with torch.no_grad():  # the value is clamped, the gradient passes
        var.clamp_min_(eps)
    # r · (r/v) can overflow only where r²/v does.
    values = 0.5 * (var.log() + residual * (residual / var))
    if full:
        values = values + 0.5 * math.log(2 * math.pi)
    return reduce(values, reduction, input)


def _residual(input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Check the pair and return the residual input − target in the precision to compute in."""
    check_elementwise(reduction, input=input, target=target)
    input, target = upcast(input, target)
    return input - target


def _variance(var: Tensor | float, input: Tensor, residual: Tensor) -> Tensor:
    """Check the variance and bring it to the dtype of the residual and to a shape that broadcasts as documented."""
    if not isinstance(var, Tensor):
        check_number("var", var, "of at least 0 and finite", lambda v: 0 <= v < math.inf)
        return residual.new_tensor(var)
    check_alike(input=input, var=var)
    rows = input.shape[:-1]
    if var.shape not in (input.shape, rows, (*rows, 1)):
        raise ValueError(
            f"var must have the shape of input, {tuple(input.shape)}, or that shape with the last dimension 1 or "
            f"left out, got {tuple(var.shape)}"
        )
    (var,) = upcast(var)
    check_values("var must hold variances of at least 0", var, lambda v: v < 0)
    return var.unsqueeze(-1) if var.dim() < input.dim() else var


class _RootMeanSquare(torch.autograd.Function):
    """√(Σ r²/n) with the derivative r/(n RMS), which is 0 where all residuals are."""

    generate_vmap_rule = True

    @staticmethod
    def forward(residual: Tensor) -> Tensor:
        largest = torch.linalg.vector_norm(residual, math.inf)
        scale = torch.where((largest > 0) & largest.isfinite(), largest, 1)  # 0 and infinity are none to divide by
        return scale * (torch.linalg.vector_norm(residual / scale) / math.sqrt(residual.numel()))

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        residual, rms = ctx.saved_tensors
        some = rms != 0
        return torch.where(some, upstream / torch.where(some, rms, 1) / residual.numel(), 0) * residual


class _LogCosh(torch.autograd.Function):
    """log cosh r with the derivative tanh r, in fewer passes than autograd would take."""

    generate_vmap_rule = True

    @staticmethod
    def forward(residual: Tensor) -> Tensor:
        # cosh r − 1 = 2 sinh²(r/2) keeps the digits of small residuals; beyond ±20, log cosh has slope 1 to the last
        # digit, and nothing overflows.
        near = residual.clamp(-20, 20)
        return (near / 2).sinh_().pow_(2).mul_(2).log1p_().add_(near.sub_(residual).abs_())

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        (residual,) = ctx.saved_tensors
        return upstream * residual.tanh()


def _is_1(scale: float | Tensor) -> bool:
    """Whether dividing by the scale, which takes two passes with its gradient, can be left out."""
    return not isinstance(scale, Tensor) and scale == 1


def _robust(z: Tensor, alpha: float | Tensor, shape: Tensor) -> Tensor:
    """The general robust loss of z; `shape` is alpha as a tensor, and the faster way is for a mere number."""
    if isinstance(alpha, Tensor) or torch.compiler.is_compiling():
        return _rho(z, shape)
    return _RhoOfNumber.apply(z, float(alpha))[0]


class _RhoOfNumber(torch.autograd.Function):
    """The general robust loss for a fixed alpha, which needs no branches, with its derivative.

    The second output, the logarithm or root that value and derivative share, only saves computing it twice.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
        if math.isinf(alpha):
            sign = math.copysign(1, alpha)
            return z.square().mul_(0.5 * sign).expm1_().mul_(sign), z.new_empty(())
        if alpha == 2:
            return z.square().mul_(0.5), z.new_empty(())
        if alpha == 1:
            root = torch.hypot(z, z.new_ones(()))
            return (z / (root + 1)).mul_(z), root
        if alpha == -2:  # Geman-McClure: 2 z² / (z² + 4)
            root = torch.hypot(z, z.new_full((), 2))
            return (z / root).square_().mul_(2), root
        if _is_0(alpha, z):
            return z.square().mul_(0.5).log1p_(), z.new_empty(())
        # The square is cut off where it would overflow, and its logarithm made up for.
        most, root = _most(z, alpha)
        log_base = z.clamp(-most, most).div_(root).pow_(2).log1p_()
        log_base.add_(z.abs().clamp_min_(most).div_(most).log_(), alpha=2)
        if alpha <= 1:
            return (0.5 * alpha * log_base).expm1_().mul_(abs(alpha - 2) / alpha), log_base
        # Towards 2 the power splits into z²/b + 1 and a factor near 1, which keeps the digits of large residuals.
        w = (0.5 * alpha - 1) * log_base
        bend = (0.5 * w).exp_().mul_(z)
        return bend.pow_(2).add_(w.expm1_(), alpha=abs(alpha - 2)).div_(alpha), log_base

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        z, ctx.alpha = inputs
        _, shared = output
        ctx.mark_non_differentiable(shared)
        ctx.save_for_backward(z, shared)

    @staticmethod
    def backward(ctx, upstream: Tensor, _: Tensor) -> tuple[Tensor, None]:
        z, shared = ctx.saved_tensors
        alpha = ctx.alpha
        again = torch.is_grad_enabled()  # a second derivative is wanted, and so what is shared as a function of z
        if math.isinf(alpha):
            return upstream * (z * (math.copysign(0.5, alpha) * z.square()).exp()), None
        if alpha == 2:
            return upstream * z, None
        if alpha == 1:
            root = torch.hypot(z, z.new_ones(())) if again else shared
            return upstream * (z / root), None
        if alpha == -2:
            bend = (2 / (torch.hypot(z, z.new_full((), 2)) if again else shared)).square()
            return upstream * (z * bend * bend), None
        if _is_0(alpha, z):
            return upstream * (z / (0.5 * z.square() + 1)), None
        if again:
            most, root = _most(z, alpha)
            shared = (z.clamp(-most, most) / root).square().log1p() + 2 * (z.abs().clamp(min=most) / most).log()
        bend = ((0.25 * alpha - 0.5) * shared).exp()  # the factor's root, for it may underflow where z times it doesn't
        return upstream * (z * bend * bend), None


def _is_0(alpha: float, z: Tensor) -> bool:
    """Whether alpha is 0 to the last digit of z."""
    return abs(alpha) < torch.finfo(z.dtype).eps / 100


def _most(z: Tensor, alpha: float) -> tuple[float, float]:
    """The largest |z| for which z²/b does not overflow, and the root of b = |alpha − 2|."""
    root = math.sqrt(abs(alpha - 2))
    return math.sqrt(torch.finfo(z.dtype).max) / 8 * min(root, 1), root


def _rho(z: Tensor, alpha: Tensor) -> Tensor:
    """The general robust loss of the residual in units of the scale.

    In terms of b = |alpha − 2| and L = log(z²/b + 1) it is b (exp(alpha L/2) − 1)/alpha, which is fit for small alpha.
    Elsewhere we split exp(alpha L/2) = (z²/b + 1) exp(w), w = (alpha − 2) L/2: that is exact up to alpha = 2, where b
    only has to be kept from 0 inside the logarithm. Every branch is fed harmless values where another one is taken,
    so that its gradient is never 0 · ∞ = NaN.
    """
    infinite = alpha.isinf()
    small = alpha.abs() < 0.5
    shape = torch.where(infinite, 1, alpha)
    b = (shape - 2).abs()
    log_base = _log1p_square(z / b.clamp(min=torch.finfo(alpha.dtype).eps).sqrt())

    near_0 = b * _box_cox(0.5 * log_base, torch.where(small, shape, 0))
    w = 0.5 * (shape - 2) * log_base
    bend = z * torch.exp(0.5 * w)
    away = (bend.square() + b * _expm1(w)) / torch.where(small, 1, shape)

    sign = torch.where(infinite, alpha.sign(), 1)
    limit = sign * _expm1(0.5 * sign * torch.where(infinite, z, 0).square())
    return torch.where(infinite, limit, torch.where(small, near_0, away))


def _log_partition(alpha: Tensor) -> Tensor:
    """log Z(alpha) by the trapezoidal rule in t, x = √b sinh t, which turns z²/b + 1 into cosh² t.

    The integrand is then analytic around the whole real line and falls like e^(−t) or faster, so the rule converges
    exponentially: a step of 1/6 leaves an error below 1e-12 for every alpha in [0, 2]. The nodes have no gradient.
    """
    t = torch.arange(217, dtype=alpha.dtype, device=alpha.device) / 6
    b = (2 - alpha.detach()).clamp(min=torch.finfo(alpha.dtype).eps).unsqueeze(-1)
    weight = b.sqrt() * t.cosh() / 3  # twice the step: the integrand is even
    weight = torch.where(t == 0, weight / 2, weight)
    density = torch.exp(-_rho(b.sqrt() * t.sinh(), alpha.unsqueeze(-1)))
    return (weight * density).sum(-1).log()


def _log1p_square(u: Tensor) -> Tensor:
    """log(1 + u²), which does not overflow with u²."""
    large = u.abs() > 1
    far = torch.where(large, u, 1).abs()
    return torch.where(large, 2 * far.log() + far.pow(-2).log1p(), torch.where(large, 0, u).square().log1p())


def _box_cox(log_x: Tensor, alpha: Tensor) -> Tensor:
    """(x^alpha − 1)/alpha, which is log x at alpha = 0, with all digits of its derivatives in alpha around there."""
    y = alpha * log_x
    close = y.abs() < 0.1
    near = torch.where(close, y, 0)
    series = torch.ones_like(near)
    for k in range(11, 1, -1):  # 1 + y/2 + y²/6 + … + y^10/11!
        series = 1 + near / k * series
    return torch.where(close, log_x * series, _expm1(torch.where(close, 1, y)) / torch.where(close, 1, alpha))


def _expm1(x: Tensor) -> Tensor:
    """exp(x) − 1, whose gradient keeps its digits for x ≪ 0 (torch's expm1 has the gradient result + 1 = 0 there)."""
    return torch.where(x < -1, x.clamp(max=0).exp() - 1, x.clamp(min=-1).expm1())
