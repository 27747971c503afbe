"""The card of ``lossutils.combine``."""

from __future__ import annotations

import torch
from torch import Tensor

from lossutils import uncertainty_weighted_loss
from lossutils.learn.cards import INF, Card, Minimiser, Names, Whole

_KINDS = ["regression", "classification", "regression"]
_FACTORS = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)


def _draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Log variances and losses, which in one draw of two are all 0."""
    log_vars, noise = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    return 2 * log_vars, noise.exp() * torch.randint(2, (), generator=generator)


def _of_one_task(log_var: Tensor, losses: Tensor) -> Tensor:
    kinds = ["regression"] * len(losses)
    return uncertainty_weighted_loss(losses, log_var.expand(len(losses)), kinds=kinds) / len(losses)


CARDS = [
    Card(
        name="uncertainty_weighted_loss",
        section="choosing/combining",
        title="Uncertainty weighting",
        chinese="不确定性加权损失",
        origin="likelihood",
        story="The Gaussian likelihood of each regression, whose variance is learned along; for a classification, an "
        "approximation to the likelihood of a softmax with a temperature.",
        tasks=["multi-task"],
        inputs=["loss value"],
        takes=r"One reduced loss $L_t \ge 0$ for each task (a mean squared error or a cross entropy, with its graph) and one "
        r"learned $s_t = \log \sigma_t^2$, any real number; w is ½ for a regression and 1 for a classification.",
        form=Whole(
            formula=r"\sum_t \left( w_t\, e^{-s_t} L_t + \tfrac12 s_t \right)",
            gradient=r"\frac{\partial}{\partial s_t} = \tfrac12 - w_t\, e^{-s_t} L_t, \quad "
            r"\frac{\partial}{\partial L_t} = w_t\, e^{-s_t}",
            draw=_draw,
            call=lambda log_vars, losses: uncertainty_weighted_loss(losses, log_vars, kinds=_KINDS),
            reference=lambda log_vars, losses: sum(
                factor * loss / variance + variance.sqrt().log()
                for factor, loss, variance in zip(_FACTORS, losses, log_vars.exp(), strict=True)
            ),
            slope=lambda log_vars, losses: 0.5 - _FACTORS * (-log_vars).exp() * losses,
        ),
        minimiser=Minimiser(
            r"for s: $\log L$ for a regression, $\log 2L$ for a classification, with the mean of a loss that varies",
            sample=lambda generator: torch.randn(200, generator=generator, dtype=torch.float64).exp(),
            loss=_of_one_task,
            statistic=lambda losses: losses.mean().log(),
            grid=(-2.0, 3.0),
        ),
        range=(-INF, INF),
        convex=True,
        smoothness="smooth",
        shape_words="all this in s, for losses of at least 0; linear in L; not convex in both together",
        scale="A task's loss times c: its best s rises by $\\log c$, its weighted loss stays, the sum rises by "
        r"$\tfrac12 \log c$. At the best s a regression adds $\tfrac12 (1 + \log L)$, a classification "
        r"$\tfrac12 (1 + \log 2L)$.",
        fails=r"A loss that can reach 0 or below (a log density, a task fitted perfectly) sends s to −∞: the sum turns "
        "negative and falls on while that task's gradient grows. Noise decides the weights, not which task matters.",
        names=Names(
            clash=r"Other versions write $L/\sigma^2 + \log \sigma^2$ for every task, which is twice ours for a "
            r"regression, or $L/(2\sigma^2) + \log(1 + \sigma^2)$, which is never negative. A parameter called "
            "`log_sigma` is half of s.",
        ),
        papers=["kendall2018multitask"],
    ),
]
