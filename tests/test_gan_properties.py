"""What the book claims of the GAN losses, on random outputs."""

import math
from functools import partial

import pytest
import torch
from calls.gan import DIVERGENCES
from hypothesis import given, settings
from hypothesis import strategies as st

import lossutils as lu

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

outputs = st.lists(st.floats(-30, 30), min_size=1, max_size=6).map(lambda v: torch.tensor(v, dtype=torch.float64))
output = st.floats(-30, 30)
divergences = st.sampled_from(DIVERGENCES)

DISCRIMINATORS = {
    "minimax": lu.minimax_discriminator_loss,
    "WGAN": lu.wgan_critic_loss,
    "hinge": lu.gan_hinge_discriminator_loss,
    "relativistic": lu.relativistic_discriminator_loss,
    **{name: partial(lu.f_gan_discriminator_loss, divergence=name) for name in DIVERGENCES},
}
every_discriminator = pytest.mark.parametrize("name", DISCRIMINATORS)


def close(a, b, rtol=1e-12, atol=1e-12):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=rtol, atol=atol, check_dtype=False)


@given(outputs, outputs)
def test_never_negative(real, fake):
    """The losses whose docstring says so; the minimax generator's is never positive."""
    assert lu.minimax_discriminator_loss(real, fake) >= 0
    assert lu.gan_hinge_discriminator_loss(real, fake) >= 0
    assert lu.lsgan_discriminator_loss(real, fake) >= 0
    assert lu.relativistic_discriminator_loss(real, fake) >= 0
    assert lu.relativistic_generator_loss(real, fake) >= 0
    assert lu.lsgan_generator_loss(fake) >= 0
    assert lu.nonsaturating_generator_loss(fake) >= 0
    assert lu.minimax_generator_loss(fake) <= 0
    assert lu.f_gan_generator_loss(fake, divergence="total_variation") >= -0.5


@every_discriminator
@given(real=outputs, fake=outputs, step=st.floats(0, 5))
def test_discriminators_like_real_above_fake(name, real, fake, step):
    """A higher output on real samples, or a lower one on fakes, never costs; the quadratic losses differ."""
    loss = DISCRIMINATORS[name]
    value = loss(real, fake)
    slack = 1e-12 * (1 + value.abs())
    assert loss(real + step, fake) <= value + slack
    if name != "pearson":
        assert loss(real, fake - step) <= value + slack
    elif fake.min() - step >= -2:  # v²/4 + v falls to v = −2, and rises before
        assert loss(real, fake - step) <= value + slack


@given(outputs, st.floats(0, 5))
def test_generators_like_high_outputs(fake, step):
    """The sign of every generator's loss: fakes that score higher are better, and in the loss-sensitive GAN lower."""
    for loss in (
        lu.minimax_generator_loss,
        lu.nonsaturating_generator_loss,
        lu.wgan_generator_loss,
        lu.gan_hinge_generator_loss,
        partial(lu.relativistic_generator_loss, torch.zeros(2, dtype=torch.float64)),
    ):
        assert loss(fake + step) <= loss(fake) + 1e-12
    assert lu.loss_sensitive_generator_loss(fake - step) <= lu.loss_sensitive_generator_loss(fake) + 1e-12


@every_discriminator
@given(real=outputs, fake=outputs)
def test_order_and_repetition_do_not_matter(name, real, fake):
    """Each side is a sample of a distribution: its order is nothing, and twice the batch is the same mean."""
    loss = DISCRIMINATORS[name]
    close(loss(real.flip(0), fake), loss(real, fake))
    close(loss(real.repeat(2), fake.repeat(3)), loss(real, fake))


@given(outputs, outputs, output)
def test_translations(real, fake, shift):
    """Only differences of real and fake count for the Wasserstein critic and the relativistic pair."""
    for loss in (lu.wgan_critic_loss, lu.relativistic_discriminator_loss, lu.relativistic_generator_loss):
        close(loss(real + shift, fake + shift), loss(real, fake), atol=1e-11)


@given(outputs, outputs)
def test_exchanging_the_sides(real, fake):
    """Real and fake with their signs exchanged, for the symmetric losses; real and fake exchanged, for the pairs."""
    for loss in (
        lu.minimax_discriminator_loss,
        lu.gan_hinge_discriminator_loss,
        lu.wgan_critic_loss,
        partial(lu.lsgan_discriminator_loss, a=-1.0, b=1.0),
        *(partial(lu.f_gan_discriminator_loss, divergence=n) for n in ("gan", "jensen_shannon", "total_variation")),
        partial(lu.f_gan_discriminator_loss, divergence="squared_hellinger"),
    ):
        close(loss(-fake, -real), loss(real, fake))
    close(lu.wgan_critic_loss(fake, real), -lu.wgan_critic_loss(real, fake))
    assert torch.equal(lu.relativistic_generator_loss(real, fake), lu.relativistic_discriminator_loss(fake, real))


@given(divergences, outputs)
def test_equal_sides_give_no_f_gan_a_gain(divergence, both):
    """A divergence of a distribution from itself is 0, so no critic's loss is below that; for "gan" it is 2 log 2."""
    least = 2 * math.log(2) if divergence == "gan" else 0.0
    assert lu.f_gan_discriminator_loss(both, both, divergence=divergence) >= least - 1e-12


@given(divergences, outputs, outputs)
def test_generator_is_minus_the_fake_part(divergence, real, fake):
    """The generator plays against the discriminator: the sum of the two losses does not depend on the fakes."""
    total = lambda f: (  # noqa: E731
        lu.f_gan_discriminator_loss(real, f, divergence=divergence) + lu.f_gan_generator_loss(f, divergence=divergence)
    )
    scale = 1 + lu.f_gan_generator_loss(fake, divergence=divergence).abs().item()
    close(total(fake), total(torch.zeros_like(fake)), atol=1e-13 * scale)


@given(outputs)
def test_the_two_generators_differ_by_the_mean(fake):
    """log(1 − D) and −log D differ by the raw output itself: log(1 + e^−f) = log(1 + e^f) − f."""
    close(lu.nonsaturating_generator_loss(fake) + lu.minimax_generator_loss(fake), -fake.mean())


@given(outputs, st.floats(0, 5), st.floats(0, 5))
def test_loss_sensitive_is_between_its_bounds(real, weight, margin):
    """At least the mean of the real losses, and that alone where every fake is beyond its margin."""
    loss = partial(lu.loss_sensitive_critic_loss, weight=weight)
    margins = torch.full_like(real, margin)
    assert loss(real, real.flip(0), margins) >= real.mean() - 1e-12
    close(loss(real, real + margin + 1, margins), real.mean())
    close(loss(real, real, margins), real.mean() + weight * margin)


@given(outputs, outputs, output, output)
def test_lsgan_labels(real, fake, a, shift):
    """Shifting the outputs and the labels alike changes nothing."""
    one = lu.lsgan_discriminator_loss(real, fake, a=a, b=a + 1)
    close(lu.lsgan_discriminator_loss(real + shift, fake + shift, a=a + shift, b=a + 1 + shift), one, atol=1e-10)
    close(
        lu.lsgan_discriminator_loss(real, fake, a=a, b=a),
        lu.lsgan_generator_loss(real, c=a) + lu.lsgan_generator_loss(fake, c=a),
    )
