"""The cards of ``lossutils.regression``."""

import torch

from lossutils import huber_loss
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise

CARDS = [
    Card(
        name="huber_loss",
        title="Huber",
        chinese="Huber 损失",
        origin="decision theory",
        story="The best estimate of a location against the worst case: Gaussian noise of which a small share is anything.",
        tasks=["regression"],
        inputs=["residual"],
        takes="A prediction and a target, real numbers in the same units; δ in those units too.",
        form=Pointwise(
            formula="Piecewise((r**2/2, Abs(r) <= delta), (delta*(Abs(r) - delta/2), True))",
            gradient="Piecewise((r, Abs(r) <= delta), (delta*sign(r), True))",
            variables={"r": (-5, 5), "delta": [0.5, 1.0, 2.0]},
            call=lambda r, delta: huber_loss(r, torch.zeros_like(r), delta=delta, reduction="none"),
            parameters=["delta"],
        ),
        minimiser=Minimiser("no simple statistic: between mean and median for many distributions, but not for all"),
        range=(0, INF),
        convex=True,
        smoothness="one derivative",
        lipschitz="delta",
        influence="bounded",
        scale="Residuals and δ times c: the loss times $c^2$.",
        homogeneous=2,
        scaled=["r", "delta"],
        fails="It bounds the pull of a wrong target, not of a wrong input: one point far out in $x$ still owns a line.",
        names=Names(
            torch="`F.huber_loss(delta=)`",
            keras="`losses.Huber(delta=)`",
            optax="`huber_loss(delta=)`",
            sklearn="`HuberRegressor(epsilon=)`: the residual over a fitted σ, without the ½",
            clash="`F.smooth_l1_loss(beta=δ)` is Huber over δ.",
        ),
        papers=["huber1964robust"],
        section="regression/robust",
    ),
]
