"""The cards of ``lossutils.regression``."""

import math

import torch

from lossutils import (
    adaptive_robust_loss,
    gaussian_nll_loss,
    general_robust_loss,
    huber_loss,
    l1_loss,
    log_cosh_loss,
    mse_loss,
    poisson_nll_loss,
    quantile_loss,
    rmse_loss,
    smooth_l1_loss,
)
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise, Whole


def of_residual(loss):
    """The loss as a function of the residual r."""
    return lambda r, **options: loss(r, torch.zeros_like(r), reduction="none", **options)


def at_constant(loss, **options):
    """The mean loss of a constant prediction."""
    return lambda c, y: loss(c.expand_as(y), y, **options)


def lognormal(g):
    """A skewed sample of an odd size, so that the median is one of its values."""
    return torch.randn(301, generator=g, dtype=torch.float64).exp()


def root(slope):
    """Where the mean of an increasing function of c − y is 0, by bisection."""

    def find(y):
        low, high = y.min(), y.max()
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle - y).mean() < 0 else (low, middle)
        return low

    return find


def rmse_draw(g):
    n = [1, 3, 8][torch.randint(3, (), generator=g).item()]
    return tuple(3 * torch.randn(2, n, generator=g, dtype=torch.float64))


def adaptive_draw(g):
    input, target = 3 * torch.randn(2, 8, generator=g, dtype=torch.float64)
    alpha, scale = torch.rand(2, generator=g, dtype=torch.float64).tolist()
    return input, target, 2 * alpha, 0.2 + 2 * scale


def adaptive_reference(input, target, alpha, scale):
    def rho(z):
        b = abs(alpha - 2)
        return b / alpha * ((z**2 / b + 1) ** (alpha / 2) - 1)

    t = torch.linspace(-40, 40, 40_001, dtype=torch.float64)  # x = sinh t: heavy tails need a far integral
    partition = torch.trapezoid(torch.exp(-rho(t.sinh())) * t.cosh(), t)
    return rho((input - target) / scale) + math.log(scale) + partition.log()


def adaptive_slope(input, target, alpha, scale):
    z = (input - target) / scale
    return z / scale * (z**2 / abs(alpha - 2) + 1) ** (alpha / 2 - 1)


CARDS = [
    Card(
        name="l1_loss",
        title="Absolute error (L1, MAE)",
        chinese="平均绝对误差（L1 损失）",
        origin="likelihood",
        story="The negative log likelihood of a Laplace distribution of scale 1, without its constant.",
        tasks=["regression", "image"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit; $r$ is prediction minus target.",
        form=Pointwise(
            formula="Abs(r)",
            gradient="sign(r)",
            variables={"r": (-5, 5)},
            call=of_residual(l1_loss),
        ),
        minimiser=Minimiser(
            "the median of the target",
            sample=lognormal,
            loss=at_constant(l1_loss),
            statistic=torch.median,
            grid=(0.0, 3.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        kinks=["0"],
        lipschitz=1,
        influence="bounded",
        homogeneous=1,
        shape_words="not strictly convex: for an even number of targets every value between the two middle ones is best",
        scale="The loss has the unit of the target; the gradient does not shrink as the fit gets better.",
        fails="With a fixed learning rate the fit keeps jumping around the minimum, because the gradient stays ±1. It predicts the median: where you need the mean or the sum of skewed targets, the predictions are too low (or too high). It withstands a wrong target, not a wrong input: one point far out in $x$ still owns a line.",
        names=Names(
            torch="`F.l1_loss`, `nn.L1Loss`",
            keras="`losses.MeanAbsoluteError`",
            sklearn="`mean_absolute_error`; to fit a line, `QuantileRegressor(quantile=0.5, alpha=0)`",
            clash="`QuantileRegressor` minimises half of it and adds an L1 penalty of the coefficients, which is on by default: `alpha=1`.",
        ),
        papers=["portnoy1997gaussian"],
        section="regression/squared_and_absolute",
    ),
    Card(
        name="mse_loss",
        title="Squared error (L2, MSE)",
        chinese="均方误差（L2 损失）",
        origin="likelihood",
        story="Twice the negative log likelihood of a Gaussian of variance 1, without its constant.",
        tasks=["regression", "image", "generation"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit; $r$ is prediction minus target.",
        form=Pointwise(
            formula="r**2",
            gradient="2*r",
            variables={"r": (-5, 5)},
            call=of_residual(mse_loss),
        ),
        minimiser=Minimiser(
            "the mean of the target",
            sample=lognormal,
            loss=at_constant(mse_loss),
            statistic=torch.mean,
            grid=(0.0, 4.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        influence="grows",
        homogeneous=2,
        scale="The loss has the unit of the target, squared: metres to centimetres make it 10,000 times as large.",
        fails="A few targets that are far off own the sum, and pull the fit to them. Shapes (N, 1) against (N,) broadcast in torch to (N, N) with only a warning, and the model learns the overall mean.",
        names=Names(
            torch="`F.mse_loss`, `nn.MSELoss`",
            keras="`losses.MeanSquaredError`",
            optax="`squared_error`, not averaged",
            sklearn="`mean_squared_error`",
            clash="Optax's `l2_loss` is half of it. The L2 norm is the root of the sum of squares, not their mean.",
        ),
        papers=["stigler1981gauss"],
        section="regression/squared_and_absolute",
    ),
    Card(
        name="rmse_loss",
        title="Root mean squared error (RMSE)",
        chinese="均方根误差",
        origin="surrogate",
        story="The root of the MSE, which brings it back to the unit of the target; on one batch it has the same minimiser.",
        tasks=["regression"],
        inputs=["residual"],
        takes="All predictions and targets at once, any real numbers in the same unit, because the mean stands inside the root.",
        form=Whole(
            formula=r"\sqrt{\frac{1}{n} \sum_{i=1}^{n} r_i^2}",
            gradient=r"\frac{r_i}{n\,\mathrm{RMSE}}",
            draw=rmse_draw,
            call=rmse_loss,
            reference=lambda input, target: ((input - target) ** 2).mean().sqrt(),
            slope=lambda input, target: (input - target) / (len(input) * ((input - target) ** 2).mean().sqrt()),
        ),
        minimiser=Minimiser(
            "the mean of the target on one full batch; averaged over small batches another constant: over batches of one, the median",
            sample=lognormal,
            loss=at_constant(rmse_loss),
            statistic=torch.mean,
            grid=(0.0, 4.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        lipschitz=1,
        shape_words=r"the only kink is the tip of a cone at a perfect fit, where the gradient here is 0; over one batch the gradient has length $1 / \sqrt n$, and 1 bounds it for every $n$; the elements share it as under the MSE, so one far target owns it",
        homogeneous=1,
        scaled=[0, 1],
        scale="The loss has the unit of the target; the gradient's length does not depend on the size of the residuals.",
        fails="Written as the root of the MSE it gives a NaN gradient at a perfect fit. The mean of the RMSEs of batches is not the RMSE of all.",
        names=Names(
            keras="`metrics.RootMeanSquaredError`, a metric only, which sums the squares over batches before the root",
            sklearn="`root_mean_squared_error`",
            clash="For several columns of targets scikit-learn takes the root for each column and averages these; here there is one root for all.",
        ),
        papers=["hodson2022root"],
        section="regression/squared_and_absolute",
    ),
    Card(
        name="smooth_l1_loss",
        title="Smooth L1",
        chinese="平滑 L1 损失",
        origin="heuristic",
        story="The absolute error with its tip rounded off, made for the coordinates of boxes, whose targets are unbounded: Huber's loss divided by δ.",
        tasks=["regression", "detection"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit, with β ≥ 0 in that unit too; β = 0 is the absolute error.",
        form=Pointwise(
            formula="Piecewise((r**2/(2*beta), Abs(r) < beta), (Abs(r) - beta/2, True))",
            gradient="Piecewise((r/beta, Abs(r) < beta), (sign(r), True))",
            variables={"r": (-5, 5), "beta": [0.5, 1.0, 2.0]},
            call=of_residual(smooth_l1_loss),
            parameters=["beta"],
        ),
        minimiser=Minimiser(
            "Huber's for δ = β: no simple statistic; the median as β → 0, the mean as β → ∞",
            sample=lognormal,
            loss=at_constant(smooth_l1_loss, beta=0.5),
            statistic=root(lambda r: r.clamp(-0.5, 0.5)),
            grid=(0.0, 4.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="one derivative",
        lipschitz=1,
        influence="bounded",
        homogeneous=1,
        scaled=["r", "beta"],
        scale="Far out the slope is 1 whatever β is; the curvature at 0 is 1/β.",
        fails="β is left at 1 though the residuals are all below it (boxes in units of the image): it is then half the squared error. As β grows the loss vanishes, so β can't be learned from it.",
        names=Names(
            torch="`F.smooth_l1_loss(beta=)`, `nn.SmoothL1Loss(beta=)`",
            keras="none; `losses.Huber(delta=β)` divided by β",
            optax="none; `huber_loss(delta=β)` divided by β",
            clash="Not the Huber loss unless β = 1. Detection code in the style of Faster R-CNN has a σ in the place of β, with β = 1/σ².",
        ),
        papers=["girshick2015fast"],
        section="regression/robust",
    ),
    Card(
        name="huber_loss",
        title="Huber",
        chinese="Huber 损失",
        origin="decision theory",
        story="The estimate of a location with the least asymptotic variance in the worst case, where a given small share of Gaussian noise is replaced by any symmetric noise.",
        tasks=["regression"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit, with δ > 0 in that unit too.",
        form=Pointwise(
            formula="Piecewise((r**2/2, Abs(r) <= delta), (delta*(Abs(r) - delta/2), True))",
            gradient="Piecewise((r, Abs(r) <= delta), (delta*sign(r), True))",
            variables={"r": (-5, 5), "delta": [0.5, 1.0, 2.0]},
            call=of_residual(huber_loss),
            parameters=["delta"],
        ),
        minimiser=Minimiser(
            "no simple statistic: the constant whose residuals, cut off at ±δ, sum to 0; between median and mean for many distributions, but not for all",
            sample=lognormal,
            loss=at_constant(huber_loss, delta=0.5),
            statistic=root(lambda r: r.clamp(-0.5, 0.5)),
            grid=(0.0, 4.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="one derivative",
        lipschitz="delta",
        influence="bounded",
        homogeneous=2,
        scaled=["r", "delta"],
        scale="δ has the unit of the target: take it from the spread of the residuals (1.345 σ̂ keeps 95 % of the efficiency under Gaussian noise).",
        fails="It bounds the pull of a wrong target, not of a wrong input: one point far out in $x$ still owns a line. It grows with δ, so that a δ that is trained goes to 0.",
        names=Names(
            torch="`F.huber_loss(delta=)`, `nn.HuberLoss(delta=)`",
            keras="`losses.Huber(delta=)`",
            optax="`huber_loss(delta=)`, not averaged",
            sklearn="`HuberRegressor(epsilon=)`, a model: epsilon is δ in units of a σ that is fitted too",
            others='SciPy `least_squares(loss="huber", f_scale=δ)`',
            clash="`F.smooth_l1_loss(beta=)` is this over δ. `HuberRegressor` leaves the ½ out and adds an L2 penalty, `alpha=0.0001`.",
        ),
        papers=["huber1964robust"],
        section="regression/robust",
    ),
    Card(
        name="log_cosh_loss",
        title="Log-cosh",
        chinese="对数双曲余弦损失",
        origin="likelihood",
        story="Up to scale, the negative log likelihood of the hyperbolic secant distribution; used as a Huber loss that is smooth.",
        tasks=["regression"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers, in units of the residual at which the loss is to bend.",
        form=Pointwise(
            formula="log(cosh(r))",
            gradient="tanh(r)",
            variables={"r": (-5, 5)},
            call=of_residual(log_cosh_loss),
        ),
        minimiser=Minimiser(
            r"no simple statistic: the constant for which $\tanh$ of the residuals sums to 0; for symmetric noise the centre",
            sample=lognormal,
            loss=at_constant(log_cosh_loss),
            statistic=root(torch.tanh),
            grid=(0.0, 4.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        influence="bounded",
        scale=r"It has no δ: near 0 it is $r^2 / 2$, far out $\lvert r \rvert - \log 2$. Divide the residual by a scale (1.205 σ̂ keeps 95 % of the efficiency under Gaussian noise).",
        fails="Written as log(cosh(r)) it is infinite beyond $r$ = 89 in float32. A target in other units turns it into the squared or the absolute error without a word.",
        names=Names(
            keras="`losses.LogCosh`",
            optax="`log_cosh`, not averaged",
        ),
        papers=["holland1977robust"],
        section="regression/robust",
    ),
    Card(
        name="quantile_loss",
        title="Quantile (pinball)",
        chinese="分位数损失（弹球损失）",
        origin="decision theory",
        story="The cost of an error if each unit too low costs $q$ and each unit too high 1 − $q$.",
        tasks=["regression"],
        inputs=["residual"],
        takes="A predicted quantile and a target, any real numbers in the same unit, and a level 0 < $q$ < 1; $r$ is prediction minus target.",
        form=Pointwise(
            formula="q*Max(-r, 0) + (1 - q)*Max(r, 0)",
            gradient="Piecewise((-q, r < 0), (1 - q, True))",
            variables={"r": (-5, 5), "q": [0.1, 0.5, 0.75]},
            call=of_residual(quantile_loss),
            parameters=["q"],
            shown=(r"q \max(-r, 0) + (1 - q) \max(r, 0)", r"\begin{cases} -q & r < 0 \cr 1 - q & r > 0 \end{cases}"),
        ),
        minimiser=Minimiser(
            "the $q$-quantile of the target",
            sample=lognormal,
            loss=at_constant(quantile_loss, q=0.75),
            statistic=lambda y: y.sort().values[math.ceil(0.75 * len(y)) - 1],
            grid=(0.0, 6.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        kinks=["0"],
        lipschitz="Max(q, 1 - q)",
        influence="bounded",
        homogeneous=1,
        scale="The loss has the unit of the target.",
        fails="With the sign of $r$ turned the (1 − $q$)-quantile comes out. Levels fitted one by one may cross: the 90 % line runs below the 80 % line somewhere.",
        names=Names(
            sklearn='`mean_pinball_loss(alpha=q)`, `QuantileRegressor(quantile=q)`, `HistGradientBoostingRegressor(loss="quantile", quantile=q)`, `GradientBoostingRegressor(loss="quantile", alpha=q)`',
            clash="In scikit-learn `alpha` is the level in the loss and in gradient boosting, but an L1 penalty in `QuantileRegressor`, on by default. Papers write $u$ = target − prediction, the other sign.",
        ),
        papers=["koenker1978regression"],
        section="regression/quantiles_and_variance",
    ),
    Card(
        name="general_robust_loss",
        title="General robust (Barron)",
        chinese="通用鲁棒损失",
        origin="heuristic",
        story="One formula that passes through known losses as α falls: squared error (2), Charbonnier (1), Cauchy (0), Geman–McClure (−2), Welsch (−∞).",
        tasks=["regression", "image"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit, a scale $c$ > 0 in that unit, and a shape α from −∞ to ∞; at 0, 2 and ±∞ the formula stands for its limit.",
        form=Pointwise(
            formula="Abs(alpha - 2)/alpha*(((r/c)**2/Abs(alpha - 2) + 1)**(alpha/2) - 1)",
            gradient="r/c**2*((r/c)**2/Abs(alpha - 2) + 1)**(alpha/2 - 1)",
            variables={"r": (-5, 5), "alpha": [-2.0, 0.5, 1.0, 1.5, 3.0], "c": [0.5, 2.0]},
            call=lambda r, alpha, c: general_robust_loss(
                r, torch.zeros_like(r), alpha=alpha, scale=c, reduction="none"
            ),
            parameters=["alpha", "c"],
            shown=(
                r"\frac{\lvert \alpha - 2 \rvert}{\alpha} \left( \left( \frac{(r/c)^2}{\lvert \alpha - 2 \rvert} + 1 \right)^{\alpha/2} - 1 \right)",
                r"\frac{r}{c^2} \left( \frac{(r/c)^2}{\lvert \alpha - 2 \rvert} + 1 \right)^{\alpha/2 - 1}",
            ),
        ),
        minimiser=Minimiser(
            "at α = 2 the mean; else no simple statistic; for symmetric noise with one peak, the centre"
        ),
        range=(0, INF),
        range_words="for finite α < 0 it stays below (α − 2)/α, for α = −∞ below 1",
        convex=False,
        smoothness="smooth",
        shape_words="convex for α ≥ 1 only; gradient bounded for α ≤ 1; influence goes back to 0 for α < 1",
        homogeneous=0,
        scaled=["r", "c"],
        scale="$c$ has the unit of the target; residuals well below it cost $(r / c)^2 / 2$ for every α.",
        fails="For α < 1 a start far from the solution has almost no gradient, and the fit may settle on a minority. α and $c$ can't be learned from it: $c$ runs to ∞, where every residual costs nothing, and α to −∞, where outliers cost least.",
        names=Names(
            others='SciPy `least_squares`: $c^2$ times this is `loss="soft_l1"` (α = 1, `f_scale` = $c$) and `loss="cauchy"` (α = 0, `f_scale` = $\\sqrt 2 \\, c$)',
            clash="In SciPy `f_scale` is not $c$ for every shape.",
        ),
        papers=["barron2019general"],
        section="regression/robust",
    ),
    Card(
        name="adaptive_robust_loss",
        title="Adaptive robust (Barron)",
        chinese="自适应鲁棒损失",
        origin="likelihood",
        story="The general robust loss ρ as the negative log of a density, whose normaliser makes every sample cost more as α falls or $c$ grows, so that both can be learned.",
        tasks=["regression", "image"],
        inputs=["residual"],
        takes="A prediction and a target, any real numbers in the same unit, a scale $c$ > 0 in that unit, and a shape α in [0, 2]: below 0 there is no density.",
        form=Whole(
            formula=r"\rho(r, \alpha, c) + \log c + \log Z(\alpha), \quad Z(\alpha) = \int_{-\infty}^{\infty} e^{-\rho(x, \alpha, 1)} \, dx",
            gradient=r"\frac{r}{c^2} \left( \frac{(r/c)^2}{\lvert \alpha - 2 \rvert} + 1 \right)^{\alpha/2 - 1}",
            draw=adaptive_draw,
            call=lambda input, target, alpha, scale: adaptive_robust_loss(
                input, target, alpha=alpha, scale=scale, reduction="none"
            ),
            reference=adaptive_reference,
            slope=adaptive_slope,
        ),
        minimiser=Minimiser(
            "α, $c$ and location of the family's density nearest to the data, by Kullback–Leibler divergence; at α = 2 the mean"
        ),
        range=(-INF, INF),
        range_words="with α and $c$ held, from $\\log c + \\log Z(\\alpha)$ on, which is negative for small $c$",
        convex=False,
        smoothness="smooth",
        shape_words="convex for α ≥ 1 only; gradient bounded for α ≤ 1; influence goes back to 0 for α < 1",
        scale="Residual and $c$ times $k$: the loss plus $\\log k$.",
        fails="Residuals of exactly 0 (a model that fits every point) drive $c$ to 0 and the loss to −∞. Tails heavier than Cauchy's can't be described: α stops at 0.",
        names=Names(
            others="the author's `robust_loss_pytorch`, class `AdaptiveLossFunction`, which reads $\\log Z$ from a spline",
        ),
        papers=["barron2019general"],
        section="regression/robust",
    ),
    Card(
        name="poisson_nll_loss",
        title="Poisson",
        chinese="泊松负对数似然损失",
        origin="likelihood",
        story="The negative log likelihood of a count under a Poisson distribution, without $\\log y!$.",
        tasks=["counts", "regression"],
        inputs=["score"],
        takes="By default $z$, the logarithm of the rate, any real number (with `log_input=False` the rate itself); targets $y$ ≥ 0, whole or not.",
        form=Pointwise(
            formula="exp(z) - y*z",
            gradient="exp(z) - y",
            variables={"z": (-3, 3), "y": (0, 10)},
            call=lambda z, y: poisson_nll_loss(z, y, reduction="none"),
        ),
        minimiser=Minimiser(
            "the logarithm of the mean of the target, of any distribution on [0, ∞) with a finite mean above 0",
            sample=lognormal,
            loss=at_constant(poisson_nll_loss),
            statistic=lambda y: y.mean().log(),
            grid=(-1.0, 2.0),
        ),
        range=(-INF, INF),
        range_words="for a given target from $y - y \\log y$ on, negative for $y > e$; the least value is not 0",
        convex=True,
        smoothness="smooth",
        shape_words="by the log rate strictly convex; the gradient is linear in the target: one large count pulls without bound",
        scale="$c$ times as long a time of observation adds $\\log c$ to $z$. The rate and the count times $c$: twice the loss, less its least value, is the deviance, and grows $c$ times.",
        fails="A rate that is read as the log rate trains to a low loss and looks healthy; the output is then the logarithm of the mean (in float32 one above 88 costs infinity at once). Where the variance exceeds the mean, the means still fit, but the usual standard errors are too small.",
        names=Names(
            torch="`F.poisson_nll_loss(log_input=, full=, eps=)`, `nn.PoissonNLLLoss(log_input=, full=, eps=)`",
            keras="`losses.Poisson`, of rates",
            sklearn='`mean_poisson_deviance`, of rates; `PoissonRegressor`, `HistGradientBoostingRegressor(loss="poisson")`',
            clash="torch takes log rates by default, Keras and scikit-learn's metric take rates. `full=True` adds Stirling's approximation of $\\log y!$, not its value.",
        ),
        papers=["mccullagh1989generalized", "gourieroux1984poisson"],
        section="regression/counts",
    ),
    Card(
        name="gaussian_nll_loss",
        title="Gaussian negative log-likelihood",
        chinese="高斯负对数似然损失",
        origin="likelihood",
        story="The negative log likelihood of a Gaussian whose mean and variance are both predicted.",
        tasks=["regression"],
        inputs=["residual"],
        takes="A predicted mean, a target, and a predicted variance $v$ (not a standard deviation), which is taken as `eps` where it is less; $r$ is mean minus target.",
        form=Pointwise(
            formula="log(v)/2 + r**2/(2*v)",
            gradient="r/v",
            variables={"r": (-5, 5), "v": (0.1, 4.0)},
            call=lambda r, v: gaussian_nll_loss(r, torch.zeros_like(r), v, reduction="none"),
            shown=(
                r"\frac{1}{2} \left( \log v + \frac{r^2}{v} \right)",
                r"\frac{r}{v}, \qquad \text{by } v \text{: } \frac{v - r^2}{2 v^2}",
            ),
        ),
        minimiser=Minimiser(
            "the mean, and as $v$ the variance, of any distribution with a finite variance above 0",
            sample=lambda g: torch.randn(301, 2, generator=g, dtype=torch.float64).square().sum(1),
            loss=lambda v, y: gaussian_nll_loss(y.mean().expand_as(y), y, v.expand_as(y)),
            statistic=lambda y: y.var(correction=0),
            grid=(0.5, 8.0),
        ),
        range=(math.log(1e-6) / 2, INF),
        range_words="½ log `eps` is the least value, here at the default `eps=1e-6`",
        convex=True,
        smoothness="smooth",
        influence="grows",
        shape_words="in $v$ convex only where $v < 2 r^2$; in $s = \\log v$ convex; in mean and $s$ together not",
        scale="Residual times $k$ and variance times $k^2$: the loss plus $\\log k$.",
        fails="A network whose output is passed as $v$ but read as a standard deviation gives the variance there: wrong by a square. Where the mean fits badly at first, $v$ grows, and 1/$v$ takes the mean's gradient away: it stops learning there.",
        names=Names(
            torch="`F.gaussian_nll_loss(full=, eps=)`, `nn.GaussianNLLLoss(full=, eps=)`",
            clash="The third argument is the variance; many networks give its logarithm or its root. Without `full=True` the constant $\\frac{1}{2} \\log 2 \\pi$ is missing.",
        ),
        papers=["nix1994estimating", "seitzer2022pitfalls"],
        section="regression/quantiles_and_variance",
    ),
]
