"""The cards of ``lossutils.focal``."""

import torch
from torch import Tensor

from lossutils import (
    balanced_binary_cross_entropy_with_logits,
    hard_example_mean,
    sigmoid_focal_loss,
    softmax_focal_loss,
)
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise, Whole

# Of a target y = 0 or 1: the logit towards it, how probable it is, and its weight.
_Z = "((2*y - 1)*x)"
_P = f"(1/(1 + exp(-{_Z})))"
_Q = f"(1/(1 + exp({_Z})))"
_NLL = f"log(1 + exp(-{_Z}))"
_WEIGHT = "(alpha*y + (1 - alpha)*(1 - y))"
_SYMBOLS = r"p_t = \sigma\bigl((2y - 1)\,x\bigr),\ \alpha_t = \alpha y + (1 - \alpha)(1 - y)"

# The steepest slope of the focal loss with weight 1, at γ = ½, 1, 2 and 5: max over p of (1 − p)^γ (1 − p − γ p log p).
_STEEPEST = "Piecewise((1.009, Eq(gamma, 0.5)), (1.046, Eq(gamma, 1)), (1.129, Eq(gamma, 2)), (1.315, Eq(gamma, 5)))"


def _some_ones(generator: torch.Generator) -> Tensor:
    return (torch.rand(200, generator=generator, dtype=torch.float64) < 0.15).double()


def _balanced_logit(targets: Tensor, alpha: float) -> Tensor:
    share = targets.mean()
    return torch.log(alpha * share) - torch.log((1 - alpha) * (1 - share))


def _focal_logit(targets: Tensor, alpha: float, gamma: float) -> Tensor:
    """The constant logit at which the pulls of ones and zeros balance, by bisection."""
    ones, zeros = alpha * targets.mean(), (1 - alpha) * (1 - targets.mean())
    low, high = torch.tensor(-30.0, dtype=torch.float64), torch.tensor(30.0, dtype=torch.float64)
    for _ in range(60):
        p = torch.sigmoid((low + high) / 2)
        up = ones * (1 - p) ** gamma * (1 - p - gamma * p * p.log())
        down = zeros * p**gamma * (p - gamma * (1 - p) * (1 - p).log())
        low, high = ((low + high) / 2, high) if up > down else (low, (low + high) / 2)
    return (low + high) / 2


_CLASS_WEIGHTS = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)


def _draw_classes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    logits = 3 * torch.randn(12, 3, generator=generator, dtype=torch.float64)
    return logits, torch.randint(3, (12,), generator=generator)


def _softmax_focal(x: Tensor, y: Tensor) -> Tensor:
    p = (x.exp() / x.exp().sum(1, keepdim=True)).gather(1, y[:, None]).squeeze(1)
    return -_CLASS_WEIGHTS[y] * (1 - p) ** 2 * p.log()


def _softmax_focal_slope(x: Tensor, y: Tensor) -> Tensor:
    every = x.softmax(1)
    p = every.gather(1, y[:, None])
    one_hot = torch.nn.functional.one_hot(y, 3)
    others = every.masked_fill(one_hot.bool(), 0).sum(1, keepdim=True)  # 1 − p
    return _CLASS_WEIGHTS[y][:, None] * others * (2 * p * p.log() - others) * (one_hot - every)


def _draw_losses(generator: torch.Generator) -> tuple[Tensor, int]:
    losses = 2 * torch.randn(8, generator=generator, dtype=torch.float64)
    return losses, int(torch.randint(1, 5, (), generator=generator))


def _hardest(losses: Tensor, keep: int) -> Tensor:
    return sum(sorted(losses.unbind(), reverse=True)[:keep]) / keep


def _hardest_slope(losses: Tensor, keep: int) -> Tensor:
    rank = (losses[:, None] < losses).sum(1)  # how many are larger
    return (rank < keep).double() / keep


CARDS = [
    Card(
        name="balanced_binary_cross_entropy_with_logits",
        section="focal/the_imbalance",
        title="Balanced cross entropy",
        chinese="平衡交叉熵",
        origin="likelihood",
        story="The Bernoulli likelihood with one weight for the positives and another for the negatives, so that a rare "
        "class is not outvoted; it is the baseline that the focal loss starts from.",
        tasks=["binary", "multi-label", "segmentation", "detection"],
        inputs=["logit"],
        takes="A logit and a target of exactly 0 or 1, equal shapes; α from 0 to 1 weighs the positives, 1 − α the "
        "negatives.",
        form=Pointwise(
            formula=f"{_WEIGHT}*{_NLL}",
            gradient=f"{_WEIGHT}*(1/(1 + exp(-x)) - y)",
            variables={"x": (-8, 8), "y": [0.0, 1.0], "alpha": [0.1, 0.25, 0.5, 0.75]},
            call=lambda x, y, alpha: balanced_binary_cross_entropy_with_logits(x, y, alpha=alpha, reduction="none"),
            parameters=["alpha"],
            shown=(rf"-\alpha_t \log p_t,\quad {_SYMBOLS}", r"\alpha_t\,(\sigma(x) - y)"),
        ),
        minimiser=Minimiser(
            words="the log odds of the share π of ones, shifted by $\\log\\frac{\\alpha}{1 - \\alpha}$; so the "
            "probability is $\\alpha\\pi / (\\alpha\\pi + (1 - \\alpha)(1 - \\pi))$, not π unless α = ½",
            sample=_some_ones,
            loss=lambda c, t: balanced_binary_cross_entropy_with_logits(c.expand_as(t), t, alpha=0.75),
            statistic=lambda t: _balanced_logit(t, 0.75),
            grid=(-5, 3),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz="Max(alpha, 1 - alpha)",
        scale="In the logits: for a wrong one far out it grows in proportion to the logit, for a right one it falls "
        "exponentially. A common factor on both weights would only be a learning rate.",
        fails="The probabilities are shifted: with α = 1 − π every prediction is read as if half of the data were "
        "positive. You see good recall, poor precision and a calibration curve that bends to one side.",
        names=Names(
            torch="`F.binary_cross_entropy_with_logits(pos_weight=α/(1 − α))` times 1 − α",
            keras="`losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=α, gamma=0)`; its input is a "
            "probability unless `from_logits=True`",
            optax="`sigmoid_focal_loss(alpha=α, gamma=0)`; no reduction",
            sklearn="`LogisticRegression(class_weight={1: α, 0: 1 − α})`: the sum, plus a penalty",
            clash="Torch's `pos_weight` is a ratio and leaves the negatives at 1; α moves both. Blogs write BCE for "
            "this loss as well as for the binary cross entropy.",
        ),
        papers=["lin2017focal"],
    ),
    Card(
        name="sigmoid_focal_loss",
        section="focal/from_ce_to_focal",
        title="Focal loss (sigmoid)",
        chinese="焦点损失（Focal Loss）",
        origin="heuristic",
        story="The cross entropy times $(1 - p_t)^\\gamma$, so that the many easy negatives of a dense detector do not "
        "drown its few objects.",
        tasks=["binary", "multi-label", "segmentation", "detection"],
        inputs=["logit"],
        takes="A logit and a target of exactly 0 or 1, equal shapes; α from 0 to 1 weighs the positives (None: no "
        "weights), γ ≥ 0 fades out what is right already.",
        form=Pointwise(
            formula=f"{_WEIGHT}*{_Q}**gamma*{_NLL}",
            gradient=f"(2*y - 1)*{_WEIGHT}*{_Q}**gamma*(gamma*{_P}*log({_P}) - {_Q})",
            variables={"x": (-8, 8), "y": [0.0, 1.0], "alpha": [0.25, 0.75], "gamma": [0.5, 1.0, 2.0, 5.0]},
            call=lambda x, y, alpha, gamma: sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma, reduction="none"),
            parameters=["alpha", "gamma"],
            shown=(
                rf"-\alpha_t (1 - p_t)^\gamma \log p_t,\quad {_SYMBOLS}",
                r"(2y - 1)\,\alpha_t (1 - p_t)^\gamma \,(\gamma p_t \log p_t + p_t - 1)",
            ),
        ),
        minimiser=Minimiser(
            words="no simple statistic: without α a probability between the share of ones and ½ (a share of 0.1 gives "
            "0.31 at γ = 2); the order of probabilities is kept, their size is not",
            sample=_some_ones,
            loss=lambda c, t: sigmoid_focal_loss(c.expand_as(t), t, alpha=0.25, gamma=2.0),
            statistic=lambda t: _focal_logit(t, 0.25, 2.0),
            grid=(-5, 3),
        ),
        range=(0, INF),
        convex=False,
        smoothness="smooth",
        lipschitz=f"Max(alpha, 1 - alpha)*{_STEEPEST}",
        shape_words="convex for γ = 0 alone",
        scale="In the logits z towards the target: about $\\alpha_t \\lvert z \\rvert$ if far on the wrong side, about "
        "$\\alpha_t e^{-(\\gamma + 1) z}$ on the right one. The steepest slope lies between: above $\\alpha_t$, more so "
        "for a large γ.",
        fails="Its sigmoid is no probability: predictions crowd towards ½. Labels that are wrong are the examples it "
        "weighs most. Divided by all anchors rather than by the positives, its mean is many times smaller, and training hardly moves.",
        names=Names(
            keras="`losses.BinaryFocalCrossentropy(gamma=2.0)`: α counts only with `apply_class_balancing=True`; the "
            "input is a probability unless `from_logits=True`, and is clipped, so that a logit far on the wrong side "
            "gets hardly any gradient",
            optax="`sigmoid_focal_loss(alpha=None, gamma=2.0)`; no reduction, soft labels allowed",
            others='`torchvision.ops.sigmoid_focal_loss(alpha=0.25, gamma=2, reduction="none")`; α = −1 means none',
            clash="α = 0.25 weighs the *positives* by 0.25. Blog code takes $p_t$ as exp of minus a mean or weighted "
            "cross entropy, which is another loss.",
        ),
        papers=["lin2017focal", "charoenphakdee2021focal"],
    ),
    Card(
        name="softmax_focal_loss",
        section="focal/detector",
        title="Focal loss (softmax)",
        chinese="多分类焦点损失",
        origin="heuristic",
        story="The focal loss for classes that exclude each other: the factor $(1 - p_y)^\\gamma$ on the cross entropy. "
        "Its paper gives it one sentence.",
        tasks=["multi-class", "segmentation"],
        inputs=["logit"],
        takes="Logits (N, C, d…) and class indices (N, d…) as int64; α is a weight for each class, γ ≥ 0.",
        form=Whole(
            formula=r"-\alpha_y (1 - p_y)^\gamma \log p_y, \quad p = \operatorname{softmax}(x)",
            gradient=r"\frac{\partial \ell}{\partial x_j} = \alpha_y (1 - p_y)^{\gamma - 1} "
            r"\,(\gamma p_y \log p_y + p_y - 1)\,([j = y] - p_j)",
            draw=_draw_classes,
            call=lambda x, y: softmax_focal_loss(x, y, alpha=_CLASS_WEIGHTS, gamma=2.0, reduction="none"),
            reference=_softmax_focal,
            slope=_softmax_focal_slope,
        ),
        minimiser=Minimiser(
            words="no simple statistic: with two classes that of the sigmoid form, nearer ½ than the shares; the most "
            "probable class stays on top if the weights are equal",
            sample=_some_ones,
            loss=lambda c, t: softmax_focal_loss(
                torch.stack((torch.zeros_like(t), c.expand_as(t)), 1), t.long(), gamma=2.0
            ),
            statistic=lambda t: _focal_logit(t, 0.5, 2.0),
            grid=(-5, 3),
        ),
        range=(0, INF),
        convex=False,
        smoothness="smooth",
        lipschitz=1.129,
        shape_words="the bound is for γ = 2 and weights up to 1",
        scale="A constant added to all logits changes nothing. The bound of the gradient grows slowly with γ, and in "
        "proportion to the largest weight.",
        fails="The confidence is no probability: mostly too small, with many classes at times too large, so a "
        "calibration plot leaves the diagonal. A single number for α would only scale the loss.",
        names=Names(
            torch="none; `F.cross_entropy(weight=)` is γ = 0, whose mean divides by the sum of the weights",
            keras="`losses.CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0)`: one-hot targets; the input is a "
            "probability unless `from_logits=True`; the default α scales all classes alike",
            others="`kornia.losses.focal_loss`, `monai.losses.FocalLoss(use_softmax=True)`",
            clash="Ours divides the mean by the number of targets, kornia's by N·C, the weighted `F.cross_entropy` by "
            "the sum of the weights.",
        ),
        papers=["lin2017focal", "charoenphakdee2021focal"],
    ),
    Card(
        name="hard_example_mean",
        section="focal/the_imbalance",
        title="Hard example mean (OHEM, top-k)",
        chinese="在线难例挖掘（OHEM）",
        origin="heuristic",
        story="Train on the hardest samples of each batch only: the mean of the k largest losses, here without the "
        "non-maximum suppression that the detector of the paper needs first.",
        tasks=["binary", "multi-class", "segmentation", "detection", "regression"],
        inputs=["loss value"],
        takes='One loss per sample, from any function with `reduction="none"`; the number k to keep; a mask of samples to '
        "leave out.",
        form=Whole(
            formula=r"\frac{1}{k} \sum_{i=1}^{k} \ell_{(i)}, \quad \ell_{(1)} \ge \ell_{(2)} \ge \dots",
            gradient=r"\frac{\partial L}{\partial \ell_i} = \tfrac{1}{k} \text{ if } \ell_i \text{ is among the } k "
            r"\text{ largest, else } 0",
            draw=_draw_losses,
            call=lambda losses, keep: hard_example_mean(losses, keep=keep),
            reference=_hardest,
            slope=_hardest_slope,
        ),
        minimiser=Minimiser(
            words="depends on the losses: of squared errors the mean if all are kept, and half the sum of the least and "
            "the greatest target if one is",
            sample=lambda generator: torch.empty(60, dtype=torch.float64).exponential_(generator=generator),
            loss=lambda c, t: hard_example_mean((c - t).square(), keep=1),
            statistic=lambda t: (t.min() + t.max()) / 2,
            grid=(0, 12),
        ),
        range=(-INF, INF),
        range_words="that of the losses put in, so never negative if they are not",
        convex=True,
        smoothness="kinks",
        lipschitz=1.0,
        shape_words="the bound is 1/k for k samples; convex in a prediction if each loss is",
        homogeneous=1,
        scale="All losses times c > 0: the result times c. The gradient by one "
        "loss jumps where it enters or leaves the k largest.",
        fails="Wrong labels are the hardest examples, and it trains on them alone: the loss stops falling while the rest "
        "of the data gets worse. Its value is no mean of the batch: do not compare it with a validation loss.",
        names=Names(
            torch="`losses.topk(k).values.mean()`",
            clash="OHEM also names the rule that keeps all losses above a threshold, and SSD's three negatives for "
            "each positive.",
        ),
        papers=["shrivastava2016training", "fan2017learning"],
    ),
]
