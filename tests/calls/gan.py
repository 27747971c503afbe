"""The calls of lossutils.gan."""

from functools import partial

import torch

import lossutils as lu
from calls import Call, generator, normal, uniform

DIVERGENCES = (
    "kl",
    "reverse_kl",
    "pearson",
    "squared_hellinger",
    "jensen_shannon",
    "gan",
    "total_variation",
)


def _two_sides(g):
    return normal(g, 5, 1), normal(g, 5, 1)


def _one_side(g):
    return (normal(g, 5, 1),)


def _sides(name, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, _two_sides, (0, 1), divisor=lambda r, f: 5, pairs=False)


def _side(name, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, _one_side, divisor=lambda f: 5)


def quadratic_critic(x):
    """A gradient that differs from sample to sample."""
    return x.square().flatten(1).sum(1)


CALLS = [
    _sides("minimax_discriminator_loss"),
    _side("minimax_generator_loss"),
    _side("nonsaturating_generator_loss"),
    _sides("wgan_critic_loss"),
    _side("wgan_generator_loss"),
    # ε would differ from call to call: real and fake are equal here. tests/test_gradient_penalty.py has the gradients.
    Call(
        "gradient_penalty",
        lu.gradient_penalty,
        lambda g: (quadratic_critic, *(2 * (normal(g, 5, 2, 3),))),
        learn=(),
        vmaps=False,
    ),
    _sides("lsgan_discriminator_loss"),
    _sides("lsgan_discriminator_loss, labels", a=-1.0, b=2.0),
    _side("lsgan_generator_loss"),
    _side("lsgan_generator_loss, label", c=0.5),
    Call(
        "loss_sensitive_critic_loss",
        partial(lu.loss_sensitive_critic_loss, weight=2.0),
        lambda g: (normal(g, 5, 1), normal(g, 5, 1), uniform(g, 5, 1)),
        (0, 1, 2),
        divisor=lambda r, f, m: 5,
    ),
    _side("loss_sensitive_generator_loss"),
    _sides("gan_hinge_discriminator_loss"),
    _side("gan_hinge_generator_loss"),
    _sides("relativistic_discriminator_loss"),
    _sides("relativistic_generator_loss"),
    *(_sides(f"f_gan_discriminator_loss, {name}", divergence=name) for name in DIVERGENCES),
    *(_side(f"f_gan_generator_loss, {name}", divergence=name) for name in DIVERGENCES),
]


def _wgan_gp(real, fake, critic, target, one_sided, penalty_weight):
    """Their one-sided penalty is ours where the norm exceeds the target, as it does in the case."""
    assert critic == "D(x)=2*sum(x)" and one_sided and 2 * real.shape[1] ** 0.5 > target
    weight = torch.full((real.shape[1],), 2.0, dtype=real.dtype, requires_grad=True)
    penalty = lu.gradient_penalty(lambda x: x @ weight, real, fake, target_norm=target, generator=generator())
    return penalty_weight * penalty


REFERENCES = {
    "wgan_gp": _wgan_gp,
}

NOT_APPLICABLE = {}
