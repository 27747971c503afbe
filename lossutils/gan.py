"""Losses of generative adversarial networks: of a discriminator's or critic's raw outputs on real and fake samples.

Every function is minimised, the generator's as well as the discriminator's. The outputs are raw: no sigmoid first. They
may have any shape with the batch first, one value a sample, (N) or (N, 1), or a map of patches, (N, 1, H, W). Each side
is averaged on its own, so `real` and `fake` may differ in size, except with reduction="none", which adds the two sides
element by element. In the discriminator's step, detach the fake samples.

Half-precision outputs are computed in float32 and returned in their own dtype; under autocast the loss is float32. A
NaN in the data comes out as NaN. The mean over an empty side is an error; the sum over one is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_choice,
    check_dims,
    check_elementwise,
    check_equal_shapes,
    check_not_empty,
    check_number,
    check_reduction,
    check_tensor,
    check_values,
    reduce,
    restore,
    upcast,
)

__all__ = [
    "f_gan_discriminator_loss",
    "f_gan_generator_loss",
    "gan_hinge_discriminator_loss",
    "gan_hinge_generator_loss",
    "gradient_penalty",
    "loss_sensitive_critic_loss",
    "loss_sensitive_generator_loss",
    "lsgan_discriminator_loss",
    "lsgan_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "nonsaturating_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "wgan_critic_loss",
    "wgan_generator_loss",
]


def minimax_discriminator_loss(real: Tensor, fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The discriminator's loss of the original GAN: binary cross entropy, real samples labelled 1 and fake ones 0.

    .. math::
        L = -\mathbb{E}_r[\log \sigma(r)] - \mathbb{E}_f[\log(1 - \sigma(f))]
        = \mathbb{E}_r[\log(1 + e^{-r})] + \mathbb{E}_f[\log(1 + e^{f})]

    with r the outputs on real samples and f those on fake ones. Never negative. An undecided discriminator (r = f = 0)
    has 2 log 2; the best possible one has 2 log 2 − 2 JS(real, fake), with the Jensen-Shannon divergence in nats. It is
    the sum, not the mean, of :func:`binary_cross_entropy_with_logits` of the two sides, and
    :func:`f_gan_discriminator_loss` of the divergence "gan". The generator's part is :func:`minimax_generator_loss` or,
    as everyone trains, :func:`nonsaturating_generator_loss`.

    Args:
        real: the raw outputs of the discriminator on real samples.
        fake: those on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        "mean" divides each side by its own number of elements, and then adds them. Much code halves the sum.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ and the reduction is "none", the reduction is unknown, or a side is empty and
            the reduction "mean".

    Source:
        Goodfellow et al. (2014), Generative adversarial nets, equation 1.

    Example:
        >>> import torch
        >>> from lossutils import minimax_discriminator_loss
        >>> minimax_discriminator_loss(torch.tensor([9.0, 1e4]), torch.tensor([-1e4, 1e4])).item()  # half of 1e4
        5000.0
    """
    wide_real, wide_fake = _sides(real, fake, reduction)
    return _add_sides(-F.logsigmoid(wide_real), _softplus(wide_fake), reduction, real)


def minimax_generator_loss(fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of the original GAN, which saturates: it has no gradient where the fakes are found out.

    .. math:: L = \mathbb{E}_f[\log(1 - \sigma(f))] = -\mathbb{E}_f[\log(1 + e^{f})]

    The fake part of :func:`minimax_discriminator_loss` with the sign turned. Never positive, and without a lower bound:
    about −f for large f. Its slope is −σ(f), which vanishes for f → −∞, where fakes are found out: at f = −8 it is
    −3.4e-4. :func:`nonsaturating_generator_loss` has the slope −(1 − σ(f)), −0.9997 there.

    Args:
        fake: the raw outputs of the discriminator on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements. The part of the real samples, which does not depend on the generator,
        is left out.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Goodfellow et al. (2014), Generative adversarial nets, equation 1.

    Example:
        >>> import torch
        >>> from lossutils import minimax_generator_loss
        >>> minimax_generator_loss(torch.tensor([1e4, 0.0]), reduction="none")
        tensor([-1.0000e+04, -6.9315e-01])
    """
    return reduce(-_softplus(_side(fake, reduction)), reduction, fake)


def nonsaturating_generator_loss(fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss that GANs are trained with: −log D, the cross entropy of fakes labelled as real.

    .. math:: L = -\mathbb{E}_f[\log \sigma(f)] = \mathbb{E}_f[\log(1 + e^{-f})]

    Never negative. Its slope −(1 − σ(f)) is near −1 as long as the fakes are found out, where that of
    :func:`minimax_generator_loss` vanishes. It has another meaning, too: with the discriminator held at its optimum for
    the current fakes, its *gradient* is that of KL(fake ‖ real) − 2 JS(fake, real); its value is not that.

    Args:
        fake: the raw outputs of the discriminator on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Goodfellow et al. (2014), Generative adversarial nets, section 3; Arjovsky and Bottou (2017), Towards principled
        methods for training generative adversarial networks, theorem 2.5, on its gradient.

    Example:
        >>> import torch
        >>> from lossutils import nonsaturating_generator_loss
        >>> nonsaturating_generator_loss(torch.tensor([-1e4, 0.0]), reduction="none")
        tensor([1.0000e+04, 6.9315e-01])
    """
    return reduce(-F.logsigmoid(_side(fake, reduction)), reduction, fake)


def wgan_critic_loss(real: Tensor, fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The critic's loss of the Wasserstein GAN: the mean score of fakes less that of real samples.

    .. math:: L = \mathbb{E}_f[f] - \mathbb{E}_r[r]

    If the critic is 1-Lipschitz and the best of those, −L is the Wasserstein-1 (earth mover's) distance of the two
    distributions. Without the constraint L has no lower bound: add :func:`gradient_penalty`, or clip the weights. Takes
    any sign. The scores are no logits: a sigmoid first would be no Wasserstein distance, and would saturate.

    Args:
        real: the critic's scores of real samples.
        fake: those of generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        "mean" divides each side by its own number of elements. The paper writes the negative, which is maximised.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ and the reduction is "none", the reduction is unknown, or a side is empty and
            the reduction "mean".

    Source:
        Arjovsky, Chintala and Bottou (2017), Wasserstein generative adversarial networks, equation 3 and algorithm 1.

    Example:
        >>> import torch
        >>> from lossutils import wgan_critic_loss
        >>> wgan_critic_loss(torch.tensor([2.0, 4.0]), torch.tensor([-1.0, 1.0])).item()
        -3.0
    """
    wide_real, wide_fake = _sides(real, fake, reduction)
    return restore(reduce(wide_fake, reduction, wide_fake) - reduce(wide_real, reduction, wide_real), real)


def wgan_generator_loss(fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of the Wasserstein GAN: the negative mean score of the fakes.

    .. math:: L = -\mathbb{E}_f[f]

    The fake part of :func:`wgan_critic_loss` with the sign turned. :func:`gan_hinge_generator_loss` is the same
    function. The slope is −1 everywhere. Takes any sign: only its changes mean something.

    Args:
        fake: the critic's scores of generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Arjovsky, Chintala and Bottou (2017), Wasserstein generative adversarial networks, algorithm 1.

    Example:
        >>> import torch
        >>> from lossutils import wgan_generator_loss
        >>> wgan_generator_loss(torch.tensor([-1.0, 3.0])).item()
        -1.0
    """
    return -reduce(_side(fake, reduction), reduction, fake)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    target_norm: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""The penalty that keeps a critic near 1-Lipschitz: its gradient's norm between real and fake samples should be 1.

    .. math::
        L = \mathbb{E}\left[\left(\|\nabla_{\hat{x}} C(\hat{x})\|_2 - t\right)^2\right], \qquad
        \hat{x} = \varepsilon x_{\text{real}} + (1 - \varepsilon) x_{\text{fake}}, \qquad \varepsilon \sim U(0, 1)

    with one ε a sample and the target norm t. Add it to :func:`wgan_critic_loss`, times the paper's λ = 10. Never
    negative. It is a loss of the critic's weights: the gradient flows to them, through the gradient inside (double
    backward), and real and fake are detached, so that the generator gets none. Where the inner gradient is 0 its norm
    has no derivative; the gradient of the penalty is 0 there, not NaN.

    With t = 0 and the real samples on both sides it is the mean squared gradient norm on real data, of which the R1
    penalty of Mescheder et al. (2018) is γ/2 times.

    Args:
        critic: the critic, a callable from a batch of samples to its outputs on them.
        real: real samples.
        fake: generated samples.
        target_norm: t, the norm aimed at, ≥ 0.
        generator: where ε comes from; None for torch's global one. It must be on the device of real.

    Shape:
        real and fake (N, …), equal; critic maps (N, …) to (N) or (N, …). Of several outputs a sample, such as a map of
        patches, the gradient of their sum is taken. The result is a scalar.

    Convention:
        The mean over the N samples of the two-sided penalty: norms below t cost as well. The norm is over all of a
        sample's elements. A critic with batch normalisation mixes the samples, and the penalty no longer is one a
        sample. Under `torch.no_grad` the value comes without a graph. Under `torch.func` transforms and `torch.compile`
        the critic may not write to its buffers, and one that does not depend on its input is no error but has slopes of
        0; in `vmap`, say randomness="different" or "same"; `torch.compile` in one graph takes no generator.

    Raises:
        TypeError: if the critic is not callable or returns no floating-point tensor, a tensor is not floating-point,
            the dtypes differ, target_norm is not a number, or generator is no torch.Generator.
        ValueError: if the shapes differ or have no batch dimension, the batch is empty, target_norm is negative,
            infinite or NaN, or the critic's output has not N rows or does not depend on its input.

    Source:
        Gulrajani et al. (2017), Improved training of Wasserstein GANs, equation 3.

    Example:
        >>> import torch
        >>> from lossutils import gradient_penalty
        >>> critic = torch.nn.Linear(2, 1)
        >>> _ = torch.nn.init.constant_(critic.weight, 3.0)
        >>> loss = gradient_penalty(critic, torch.zeros(5, 2), torch.ones(5, 2))
        >>> round(loss.item(), 4)  # (√18 − 1)²
        10.5147
    """
    check_number("target_norm", target_norm, "of at least 0 and finite", lambda t: 0 <= t < math.inf)
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator or None, got {type(generator).__name__}")
    if not callable(critic):
        raise TypeError(f"critic must be a callable from samples to outputs, got {type(critic).__name__}")
    check_alike(real=real, fake=fake)
    check_dims("real", real, "(N, …)", lambda dims: dims > 0)
    check_equal_shapes(real=real, fake=fake)
    check_not_empty("real", real, "mean")
    wide_real, wide_fake = upcast(real.detach(), fake.detach())
    each = (len(real), *(1 for _ in real.shape[1:]))
    # torch.compile cannot draw numbers for a batch of changing size if a generator is named, even None.
    source = {} if generator is None else {"generator": generator}
    epsilon = torch.rand(each, dtype=wide_real.dtype, device=real.device, **source)
    samples = restore(torch.lerp(wide_fake, wide_real, epsilon), real)
    (slopes,) = upcast(_slopes(critic, samples))
    # The norm's own gradient at 0 is 0 in torch, where the root of a sum of squares would give NaN.
    norms = torch.linalg.vector_norm(slopes.reshape(len(real), -1), dim=1)
    return restore((norms - target_norm).square().mean(), real)


def lsgan_discriminator_loss(
    real: Tensor, fake: Tensor, *, a: float = 0.0, b: float = 1.0, reduction: str = "mean"
) -> Tensor:
    r"""The discriminator's loss of the least-squares GAN: the squared distance to the labels b (real) and a (fake).

    .. math:: L = \tfrac12 \mathbb{E}_r[(r - b)^2] + \tfrac12 \mathbb{E}_f[(f - a)^2]

    Never negative. Unlike in :func:`minimax_discriminator_loss`, a sample right but far beyond its label costs, and so
    pulls the generator in. The best discriminator is (b p + a q)/(p + q), with p the density of real and q that of fake
    samples. If b − c = 1 and b − a = 2, the value of :func:`lsgan_generator_loss` with the real samples' part
    ½ E[(r − c)²] is then ½ ∫(p − q)²/(p + q), which is not the Pearson χ² of p and q. The labels 0 and 1 are not such a
    choice, and yet have the same divergence: with c = 1 the value is ¼ + ⅛ ∫(p − q)²/(p + q).

    Args:
        real: the raw outputs of the discriminator on real samples.
        fake: those on generated samples.
        a: the label of fakes.
        b: the label of real samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        "mean" divides each side by its own number of elements, adds them and keeps the paper's ½, which much code
        drops.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or a label is not a number.
        ValueError: if the shapes differ and the reduction is "none", a label is infinite or NaN, the reduction is
            unknown, or a side is empty and the reduction "mean".

    Source:
        Mao et al. (2017), Least squares generative adversarial networks, equation 2.

    Example:
        >>> import torch
        >>> from lossutils import lsgan_discriminator_loss
        >>> lsgan_discriminator_loss(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])).item()
        2.0
    """
    _check_label("a", a)
    _check_label("b", b)
    wide_real, wide_fake = _sides(real, fake, reduction)
    return _add_sides(_half_square(wide_real, b), _half_square(wide_fake, a), reduction, real)


def lsgan_generator_loss(fake: Tensor, *, c: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of the least-squares GAN: the squared distance of the outputs on fakes to the label c.

    .. math:: L = \tfrac12 \mathbb{E}_f[(f - c)^2]

    Half :func:`mse_loss` to c, which is what the discriminator should take fakes for. Never negative, and its slope
    f − c grows with the distance, on both sides. :func:`lsgan_discriminator_loss` names the divergence that is its
    value at the best discriminator, the same for all labels a ≠ b but for constants. A step with the discriminator held
    does not follow that value: for c ≥ b > a it descends another f-divergence, and with a, b, c = −1, 1, 0 it may lead
    away from q = p.

    Args:
        fake: the raw outputs of the discriminator on generated samples.
        c: the label that the generator aims at.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements and keeps the paper's ½, which much code drops.

    Raises:
        TypeError: if fake is not a floating-point tensor, or c is not a number.
        ValueError: if c is infinite or NaN, the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Mao et al. (2017), Least squares generative adversarial networks, equation 2.

    Example:
        >>> import torch
        >>> from lossutils import lsgan_generator_loss
        >>> lsgan_generator_loss(torch.tensor([1.0, 3.0])).item()
        1.0
    """
    _check_label("c", c)
    return reduce(_half_square(_side(fake, reduction), c), reduction, fake)


def loss_sensitive_critic_loss(
    real: Tensor, fake: Tensor, margin: Tensor, *, weight: float, reduction: str = "mean"
) -> Tensor:
    r"""The loss of the loss-sensitive GAN, which learns a *loss function* that is small on real samples.

    .. math:: L = \mathbb{E}[r] + \lambda \, \mathbb{E}[\max(0, \Delta + r - f)]

    Here r and f are themselves losses, so that low is real: the reverse of every other function of this module. The
    loss of a fake should exceed that of its real partner by the margin Δ, the distance of the two samples; a fake that
    is close needs little margin, and one beyond its margin has no gradient ("on demand"). Only its margin part is never
    negative: L is unbounded below unless the critic is. At exactly r + Δ = f the gradient of that part is 0.

    Args:
        real: the critic's losses of real samples.
        fake: those of generated samples, a partner for each real one.
        margin: Δ ≥ 0, the distance of each pair, such as the L1 distance of the two images. It is given, not learned:
            make it without a graph.
        weight: λ ≥ 0, of the margin part.
        reduction: "none", "mean" or "sum".

    Shape:
        real, fake and margin (…), equal; the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of pairs. The paper has a real and a fake sample in a pair, so the sizes may not
        differ. Not to be taken for the least-squares GAN, which shares the letters.

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, or weight is not a number.
        ValueError: if the shapes differ, a margin is negative, weight is negative, infinite or NaN, the reduction is
            unknown, or the batch is empty and the reduction "mean".

    Source:
        Qi (2017), Loss-sensitive generative adversarial networks on Lipschitz densities, arXiv:1701.06264.

    Example:
        >>> import torch
        >>> from lossutils import loss_sensitive_critic_loss
        >>> real, fake, margin = torch.tensor([1.0, 1.0]), torch.tensor([1.5, 9.0]), torch.tensor([2.0, 2.0])
        >>> loss_sensitive_critic_loss(real, fake, margin, weight=10.0, reduction="none")
        tensor([16.,  1.])
    """
    check_number("weight", weight, "of at least 0 and finite", lambda w: 0 <= w < math.inf)
    check_elementwise(reduction, real=real, fake=fake, margin=margin)
    check_values("margin must hold distances of at least 0", margin, lambda m: m < 0)
    wide_real, wide_fake, margin = upcast(real, fake, margin)
    return reduce(wide_real + weight * F.relu(margin + wide_real - wide_fake), reduction, real)


def loss_sensitive_generator_loss(fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of the loss-sensitive GAN: the mean of the critic's losses of the fakes.

    .. math:: L = \mathbb{E}_f[f]

    f is a loss, low where a sample looks real, so it is minimised as it is: :func:`wgan_generator_loss` has the other
    sign, because its critic scores. See :func:`loss_sensitive_critic_loss`. Takes any sign.

    Args:
        fake: the critic's losses of generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Qi (2017), Loss-sensitive generative adversarial networks on Lipschitz densities, arXiv:1701.06264.

    Example:
        >>> import torch
        >>> from lossutils import loss_sensitive_generator_loss
        >>> loss_sensitive_generator_loss(torch.tensor([0.0, 3.0])).item()
        1.5
    """
    return reduce(_side(fake, reduction), reduction, fake).clone()  # "none" must not be the input itself


def gan_hinge_discriminator_loss(real: Tensor, fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The discriminator's hinge loss: real samples should score above 1, fakes below −1, and beyond that is no gain.

    .. math:: L = \mathbb{E}_r[\max(0, 1 - r)] + \mathbb{E}_f[\max(0, 1 + f)]

    The sum of :func:`hinge_loss` of the two sides, labelled +1 and −1. Never negative; 2 for an undecided discriminator
    (r = f = 0). At exactly r = 1 or f = −1, where it has no derivative, the gradient is 0. The generator's part is
    :func:`gan_hinge_generator_loss`.

    Args:
        real: the raw outputs of the discriminator on real samples.
        fake: those on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        "mean" divides each side by its own number of elements, and then adds them. Much code halves the sum.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ and the reduction is "none", the reduction is unknown, or a side is empty and
            the reduction "mean".

    Source:
        Lim and Ye (2017), Geometric GAN, arXiv:1705.02894; Miyato et al. (2018), Spectral normalization for generative
        adversarial networks.

    Example:
        >>> import torch
        >>> from lossutils import gan_hinge_discriminator_loss
        >>> gan_hinge_discriminator_loss(torch.tensor([0.5, 7.0]), torch.tensor([0.0, -7.0])).item()
        0.75
    """
    wide_real, wide_fake = _sides(real, fake, reduction)
    return _add_sides(F.relu(1 - wide_real), F.relu(1 + wide_fake), reduction, real)


def gan_hinge_generator_loss(fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss that goes with the discriminator's hinge: the negative mean output on fakes, no hinge.

    .. math:: L = -\mathbb{E}_f[f]

    The same function as :func:`wgan_generator_loss`; only :func:`gan_hinge_discriminator_loss` is clipped. The slope is
    −1 everywhere. Takes any sign.

    Args:
        fake: the raw outputs of the discriminator on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Lim and Ye (2017), Geometric GAN, arXiv:1705.02894; Miyato et al. (2018), Spectral normalization for generative
        adversarial networks.

    Example:
        >>> import torch
        >>> from lossutils import gan_hinge_generator_loss
        >>> gan_hinge_generator_loss(torch.tensor([-1.0, 3.0])).item()
        -1.0
    """
    return -reduce(_side(fake, reduction), reduction, fake)


def relativistic_discriminator_loss(real: Tensor, fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The discriminator's loss of the relativistic average GAN: which side looks more real than the other's average.

    .. math::
        L = -\mathbb{E}_r[\log \sigma(r - \mathbb{E}_f[f])] - \mathbb{E}_f[\log(1 - \sigma(f - \mathbb{E}_r[r]))]

    :func:`minimax_discriminator_loss` of outputs that are measured from the mean of the other side, so a constant added
    to both sides changes nothing. Never negative; 2 log 2 if all outputs are equal. The gradient flows through the
    means, too.

    Args:
        real: the raw outputs of the discriminator on real samples.
        fake: those on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        The average form (RaSGAN), with the mean over all elements of a side; the paired form takes r − f of each pair.
        "mean" divides each side by its own number of elements, and then adds them; much code halves the sum.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ and the reduction is "none", the reduction is unknown, one side is empty and
            the other is not, or both are and the reduction is "mean".

    Source:
        Jolicoeur-Martineau (2019), The relativistic discriminator: a key element missing from standard GAN.

    Example:
        >>> import torch
        >>> from lossutils import relativistic_discriminator_loss
        >>> loss = relativistic_discriminator_loss(torch.tensor([7.0, 7.0]), torch.tensor([7.0, 7.0]))
        >>> round(loss.item(), 4)  # 2 log 2
        1.3863
    """
    above, below = _relative(real, fake, reduction)
    return _add_sides(-F.logsigmoid(above), _softplus(below), reduction, real)


def relativistic_generator_loss(real: Tensor, fake: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of the relativistic average GAN: fakes should look more real than real samples on average.

    .. math::
        L = -\mathbb{E}_f[\log \sigma(f - \mathbb{E}_r[r])] - \mathbb{E}_r[\log(1 - \sigma(r - \mathbb{E}_f[f]))]

    :func:`relativistic_discriminator_loss` with the sides exchanged. Unlike in the other GANs, the real samples belong
    to the generator's loss: its gradient comes through both terms. Never negative; 2 log 2 if all outputs are equal.

    Args:
        real: the raw outputs of the discriminator on real samples.
        fake: those on generated samples.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        The average form, as in :func:`relativistic_discriminator_loss`. "mean" divides each side by its own number of
        elements, and then adds them; much code halves the sum.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the shapes differ and the reduction is "none", the reduction is unknown, one side is empty and
            the other is not, or both are and the reduction is "mean".

    Source:
        Jolicoeur-Martineau (2019), The relativistic discriminator: a key element missing from standard GAN.

    Example:
        >>> import torch
        >>> from lossutils import relativistic_generator_loss
        >>> relativistic_generator_loss(torch.tensor([1e4]), torch.tensor([0.0])).item()
        20000.0
    """
    above, below = _relative(real, fake, reduction)
    return _add_sides(_softplus(above), -F.logsigmoid(below), reduction, real)


def f_gan_discriminator_loss(real: Tensor, fake: Tensor, *, divergence: str, reduction: str = "mean") -> Tensor:
    r"""The discriminator's loss of an f-GAN, whose negative is a lower bound of an f-divergence of real from fake.

    .. math::
        -L = \mathbb{E}_r[g(r)] - \mathbb{E}_f[f^*(g(f))] \le D_f(P \| Q) = \int q \, f(p/q) \, dx

    with P (density p) real, Q (density q) fake, f* the convex conjugate of f, and g the paper's output activation,
    which brings any output into the domain of f*. The best discriminator makes it an equality:

    ===================  ================================  ================  ====================
    divergence           f(u)                              g(v)              f*(g(v))
    ===================  ================================  ================  ====================
    "kl"                 u log u                           v                 e^(v − 1)
    "reverse_kl"         −log u                            −e^(−v)           v − 1
    "pearson"            (u − 1)²                          v                 v²/4 + v
    "squared_hellinger"  (√u − 1)²                         1 − e^(−v)        e^v − 1
    "jensen_shannon"     u log u − (u + 1) log((1 + u)/2)  log 2 + log σ(v)  log(1 + e^v) − log 2
    "gan"                u log u − (u + 1) log(u + 1)      log σ(v)          log(1 + e^v)
    "total_variation"    ½ abs(u − 1)                      ½ tanh v          ½ tanh v
    ===================  ================================  ================  ====================

    With "gan" it is :func:`minimax_discriminator_loss`; "jensen_shannon" is that less 2 log 2. Takes any sign. For
    "kl", "reverse_kl" and "squared_hellinger" the exponential overflows to infinity, as the true value does, near ±88
    in float32. At the optimum v is an increasing function of p/q; 0 is no threshold for all: see the paper.

    Args:
        real: the raw outputs v of the discriminator on real samples, before the activation g.
        fake: those on generated samples.
        divergence: one of the names in the table.
        reduction: "none", "mean" or "sum".

    Shape:
        real and fake (…), equal for "none", whose result has that shape; else they may differ and the result is a
        scalar.

    Convention:
        "mean" divides each side by its own number of elements. KL(real ‖ fake) is "kl", KL(fake ‖ real) "reverse_kl";
        "pearson" is ∫ (p − q)²/q, "squared_hellinger" ∫ (√p − √q)², "total_variation" ½ ∫ :math:`|p - q|`,
        "jensen_shannon" twice :func:`js_divergence`, which is what its f gives, and "gan" that less 2 log 2.

    Raises:
        TypeError: if a tensor is not floating-point, or the dtypes differ.
        ValueError: if the divergence is unknown, the shapes differ and the reduction is "none", the reduction is
            unknown, or a side is empty and the reduction "mean".

    Source:
        Nowozin, Cseke and Tomioka (2016), f-GAN: Training generative neural samplers using variational divergence
        minimization, equation 6, with the activations and conjugates of its tables.

    Example:
        >>> import torch
        >>> from lossutils import f_gan_discriminator_loss
        >>> f_gan_discriminator_loss(torch.tensor([1.0]), torch.tensor([1.0]), divergence="kl").item()
        0.0
        >>> f_gan_discriminator_loss(torch.tensor([2.0]), torch.tensor([-2.0]), divergence="pearson").item()
        -3.0
    """
    check_choice("divergence", divergence, _F_GAN)
    wide_real, wide_fake = _sides(real, fake, reduction)
    of_real, of_fake = _F_GAN[divergence]
    return _add_sides(of_real(wide_real), of_fake(wide_fake), reduction, real)


def f_gan_generator_loss(fake: Tensor, *, divergence: str, reduction: str = "mean") -> Tensor:
    r"""The generator's loss of an f-GAN: the part of the bound on the divergence that depends on the fakes.

    .. math:: L = -\mathbb{E}_f[f^*(g(f))]

    The fake part of :func:`f_gan_discriminator_loss` with the sign turned; f* ∘ g is in the table there. With "gan" it
    is :func:`minimax_generator_loss`, and saturates as that does. The paper trains with −E[g(f)] instead (section 3.2),
    as :func:`nonsaturating_generator_loss` does: that function is it for "gan", and :func:`wgan_generator_loss` for
    "kl" and "pearson". There is no lower bound, except −½ for "total_variation".

    Args:
        fake: the raw outputs v of the discriminator on generated samples, before the activation g.
        divergence: "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon", "gan" or "total_variation".
        reduction: "none", "mean" or "sum".

    Shape:
        fake (…); the result is (…) for "none", else a scalar.

    Convention:
        "mean" divides by the number of elements.

    Raises:
        TypeError: if fake is not a floating-point tensor.
        ValueError: if the divergence or the reduction is unknown, or the batch is empty and the reduction "mean".

    Source:
        Nowozin, Cseke and Tomioka (2016), f-GAN: Training generative neural samplers using variational divergence
        minimization, equation 6, with the activations and conjugates of its tables.

    Example:
        >>> import torch
        >>> from lossutils import f_gan_generator_loss
        >>> f_gan_generator_loss(torch.tensor([3.0]), divergence="reverse_kl").item()
        -2.0
    """
    check_choice("divergence", divergence, _F_GAN)
    return reduce(-_F_GAN[divergence][1](_side(fake, reduction)), reduction, fake)


def _side(fake: Tensor, reduction: str) -> Tensor:
    """Check the outputs of one side and bring them to the precision to compute in."""
    check_elementwise(reduction, fake=fake)
    return upcast(fake)[0]


def _sides(real: Tensor, fake: Tensor, reduction: str) -> tuple[Tensor, ...]:
    """The same for two sides, which need equal shapes only where they are added element by element."""
    check_reduction(reduction)
    check_alike(real=real, fake=fake)
    if reduction == "none":
        check_equal_shapes(real=real, fake=fake)
    check_not_empty("real", real, reduction)
    check_not_empty("fake", fake, reduction)
    return upcast(real, fake)


def _add_sides(real: Tensor, fake: Tensor, reduction: str, input: Tensor) -> Tensor:
    """Reduce each side's values on its own and add them, in the dtype of the input."""
    return restore(reduce(real, reduction, real) + reduce(fake, reduction, fake), input)


def _check_label(name: str, value: float) -> None:
    check_number(name, value, "that is finite", lambda v: -math.inf < v < math.inf)


def _half_square(input: Tensor, label: float) -> Tensor:
    return F.mse_loss(input, input.new_tensor(label).expand_as(input), reduction="none") / 2


def _softplus(input: Tensor) -> Tensor:
    """log(1 + e^x). torch takes x itself for it above 20, which is too early for float64; e^40 fits float32 as well."""
    return F.softplus(input, threshold=40)


def _relative(real: Tensor, fake: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Check both sides and measure each from the mean of the other."""
    wide_real, wide_fake = _sides(real, fake, reduction)
    if (real.numel() == 0) != (fake.numel() == 0):
        raise ValueError(
            "real and fake must both have samples, since each side is measured from the mean of the other, "
            f"got shapes {tuple(real.shape)} and {tuple(fake.shape)}"
        )
    return wide_real - wide_fake.mean(), wide_fake - wide_real.mean()


def _slopes(critic: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    """The gradient of the critic's outputs in its samples, itself differentiable in the critic's weights."""
    if torch.compiler.is_compiling():
        return _slopes_by_transform(critic, samples)
    graph = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        samples = samples.clone()  # one made under inference_mode could not require a gradient
        try:
            samples.requires_grad_()
        except RuntimeError:  # inside a transform of torch.func, where torch.autograd.grad does not work
            return _slopes_by_transform(critic, samples)
        outputs = critic(samples)
        _check_outputs(outputs, samples)
        slopes = None
        if outputs.requires_grad:
            (slopes,) = torch.autograd.grad(outputs.sum(), samples, create_graph=graph, allow_unused=True)
    if slopes is None:
        raise ValueError("critic must depend on its input, got outputs that torch cannot differentiate in the samples")
    return slopes


def _slopes_by_transform(critic: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    """The same by torch.func, which works under torch.compile and vmap but lets the critic write to no buffer."""
    outputs, pull_back = torch.func.vjp(critic, samples)
    _check_outputs(outputs, samples)
    return pull_back(torch.ones_like(outputs))[0]


def _check_outputs(outputs: Tensor, samples: Tensor) -> None:
    check_tensor("the critic's output", outputs)
    if outputs.shape[:1] != samples.shape[:1]:
        raise ValueError(
            f"critic must return a row of outputs for each of the {len(samples)} samples, "
            f"got the shape {tuple(outputs.shape)}: do not average inside the critic"
        )


# Of each divergence, −g of the outputs on real samples and f* ∘ g of those on fakes, simplified so that nothing
# overflows before its time.
_F_GAN = {
    "kl": (lambda v: -v, lambda v: (v - 1).exp()),
    "reverse_kl": (lambda v: (-v).exp(), lambda v: v - 1),
    "pearson": (lambda v: -v, lambda v: v * (v / 4 + 1)),
    "squared_hellinger": (lambda v: (-v).expm1(), torch.expm1),
    "jensen_shannon": (lambda v: -F.logsigmoid(v) - math.log(2), lambda v: _softplus(v) - math.log(2)),
    "gan": (lambda v: -F.logsigmoid(v), _softplus),
    "total_variation": (lambda v: -0.5 * v.tanh(), lambda v: 0.5 * v.tanh()),
}
