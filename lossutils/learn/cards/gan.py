"""The cards of ``lossutils.gan``: r are the outputs on real samples, f those on fakes."""

from __future__ import annotations

import torch
from torch import Tensor

from lossutils import (
    f_gan_discriminator_loss,
    f_gan_generator_loss,
    gan_hinge_discriminator_loss,
    gan_hinge_generator_loss,
    loss_sensitive_critic_loss,
    loss_sensitive_generator_loss,
    lsgan_discriminator_loss,
    lsgan_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    nonsaturating_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    wgan_critic_loss,
    wgan_generator_loss,
)
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise, Whole


def _labels(generator: torch.Generator) -> Tensor:
    """What comes at one point of the sample space, where p : q is about 3 : 7: 1 for a real sample, 0 for a fake."""
    return (torch.rand(400, generator=generator, dtype=torch.float64) < 0.3).double()


def _at_a_point(loss):
    """The mean loss at one point, where real and fake samples get one and the same output."""

    def mean(output: Tensor, labels: Tensor) -> Tensor:
        reals = int(labels.sum())
        return loss(output.expand(reals), output.expand(len(labels) - reals), reduction="sum") / len(labels)

    return mean


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# f-GAN: the paper's output activation g, the conjugate f*, and their slopes, all written as its tables write them.
_ACTIVATIONS = {
    "kl": lambda v: v,
    "reverse_kl": lambda v: -torch.exp(-v),
    "pearson": lambda v: v,
    "squared_hellinger": lambda v: 1 - torch.exp(-v),
    "jensen_shannon": lambda v: torch.tensor(2.0).double().log() - torch.log(1 + torch.exp(-v)),
    "gan": lambda v: -torch.log(1 + torch.exp(-v)),
    "total_variation": lambda v: torch.tanh(v) / 2,
}
_CONJUGATES = {
    "kl": lambda t: torch.exp(t - 1),
    "reverse_kl": lambda t: -1 - torch.log(-t),
    "pearson": lambda t: t**2 / 4 + t,
    "squared_hellinger": lambda t: t / (1 - t),
    "jensen_shannon": lambda t: -torch.log(2 - torch.exp(t)),
    "gan": lambda t: -torch.log(1 - torch.exp(t)),
    "total_variation": lambda t: t,
}
_REAL_SLOPES = {
    "kl": lambda v: -torch.ones_like(v),
    "reverse_kl": lambda v: -torch.exp(-v),
    "pearson": lambda v: -torch.ones_like(v),
    "squared_hellinger": lambda v: -torch.exp(-v),
    "jensen_shannon": lambda v: -1 / (1 + torch.exp(v)),
    "gan": lambda v: -1 / (1 + torch.exp(v)),
    "total_variation": lambda v: -1 / (2 * torch.cosh(v) ** 2),
}
_FAKE_SLOPES = {
    "kl": lambda v: torch.exp(v - 1),
    "reverse_kl": torch.ones_like,
    "pearson": lambda v: v / 2 + 1,
    "squared_hellinger": torch.exp,
    "jensen_shannon": lambda v: 1 / (1 + torch.exp(-v)),
    "gan": lambda v: 1 / (1 + torch.exp(-v)),
    "total_variation": lambda v: 1 / (2 * torch.cosh(v) ** 2),
}


def _draw_divergence(generator: torch.Generator) -> str:
    return list(_CONJUGATES)[int(torch.randint(len(_CONJUGATES), (), generator=generator))]


def _draw_sides(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two sides of a batch: mixed, or one far above the other."""
    apart = 30.0 * int(torch.randint(-1, 2, (), generator=generator))
    return 2 * _normal(generator, 5) + apart, 2 * _normal(generator, 5) - apart


def _sigmoid(v: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-v))


def _relativistic(upper: Tensor, lower: Tensor) -> Tensor:
    """−log σ of the upper side over the lower one's mean − log(1 − σ) of the lower side over the upper one's."""
    above, below = upper - lower.mean(), lower - upper.mean()
    return torch.log(1 + torch.exp(-above)) + torch.log(1 + torch.exp(below))


def _relativistic_slope(upper: Tensor, lower: Tensor) -> Tensor:
    return -_sigmoid(lower.mean() - upper) - _sigmoid(lower - upper.mean()).mean()


_BCE = "`F.binary_cross_entropy_with_logits(r, ones_like(r))` + `F.binary_cross_entropy_with_logits(f, zeros_like(f))`"
_FAKES = "The raw outputs of the discriminator on fakes, of any shape, with their graph down to the generator."
_SIDES = "The raw outputs of the discriminator on real samples and on fakes (detached), of any shape; no sigmoid first."

CARDS = [
    Card(
        name="minimax_discriminator_loss",
        section="gan/the_game",
        title="GAN, discriminator",
        chinese="GAN 判别器损失",
        origin="likelihood",
        story="The Bernoulli likelihood of a classifier that tells real samples (label 1) from fakes (label 0).",
        tasks=["generation"],
        inputs=["logit", "critic output"],
        takes=_SIDES,
        form=Pointwise(
            formula="log(1 + exp(-r)) + log(1 + exp(f))",
            gradient="-1/(1 + exp(r))",
            variables={"r": (-12, 12), "f": (-12, 12)},
            call=lambda r, f: minimax_discriminator_loss(r, f, reduction="none"),
            shown=(
                r"\log(1 + e^{-r}) + \log(1 + e^{f})",
                r"-\frac{1}{1 + e^{r}}, \qquad "
                r"\frac{\partial \ell}{\partial f} = \frac{1}{1 + e^{-f}}",
            ),
        ),
        minimiser=Minimiser(
            r"where real samples have the density p and fakes q: the log odds $\log(p/q)$",
            sample=_labels,
            loss=_at_a_point(minimax_discriminator_loss),
            statistic=lambda labels: torch.logit(labels.mean()),
            grid=(-3.0, 2.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale="No power law: outputs are log odds. Undecided ($r = f = 0$) it is $2 \\log 2 = 1.386$; far out on the wrong "
        "side it is the size of the output.",
        fails="If real and fake samples can be told apart without error, it goes to 0. It looks like success, but means "
        "that the generator's gradient is lost (saturating form) or unstable (non-saturating form).",
        names=Names(
            torch=_BCE,
            keras="`losses.BinaryCrossentropy(from_logits=True)`, once per side",
            optax="`sigmoid_binary_cross_entropy(logits, labels)`, once per side",
            others="TF-GAN and torchgan `minimax_discriminator_loss`; MONAI `PatchAdversarialLoss(criterion='bce')`",
            clash="Some code halves the sum of the two sides. TF-GAN smooths by default (`label_smoothing=0.25`, which "
            "makes the real label 0.875), and so 0 is out of reach. Keras takes probabilities unless `from_logits=True`.",
        ),
        papers=["goodfellow2014generative", "arjovsky2017towards"],
    ),
    Card(
        name="minimax_generator_loss",
        section="gan/the_game",
        title="GAN, generator (saturating)",
        chinese="GAN 生成器损失（饱和）",
        origin="information theory",
        story="The other player of a zero-sum game, whose value at the best discriminator is "
        r"$2\,\mathrm{JS}(\text{real}, \text{fake}) - 2 \log 2$.",
        tasks=["generation"],
        inputs=["logit", "critic output"],
        takes=_FAKES,
        form=Pointwise(
            formula="-log(1 + exp(f))",
            gradient="-1/(1 + exp(-f))",
            variables={"f": (-8, 8)},
            call=lambda f: minimax_generator_loss(f, reduction="none"),
            shown=(r"\log(1 - \sigma(f)) = -\log(1 + e^{f})", r"-\sigma(f) = -\frac{1}{1 + e^{-f}}"),
        ),
        minimiser=Minimiser(
            r"none: it falls for ever as $f \to \infty$. Against a discriminator that is always at its best, the real "
            "samples' distribution"
        ),
        range=(-INF, 0),
        convex=False,
        smoothness="smooth",
        lipschitz=1,
        scale=r"No power law: about $-f$ for large $f$, about $-e^{f}$ for very negative ones.",
        fails=r"It saturates: at $f = -8$ the slope is $-0.0003$. In training, the discriminator's loss goes to 0 and the "
        "fakes stay noise. It is concave in the logits, so fakes that do well get most of the gradient.",
        names=Names(
            torch="`-F.binary_cross_entropy_with_logits(f, zeros_like(f))`",
            optax="`-sigmoid_binary_cross_entropy(logits, labels)` with labels 0",
            others="TF-GAN `minimax_generator_loss`; torchgan `minimax_generator_loss(nonsaturating=False)`",
            clash="torchgan's `minimax_generator_loss` is the non-saturating loss by default. TF-GAN's is ours less the "
            r"constant $\log(1 + e^{-1}) = 0.313$, since it feeds ones in place of the real outputs.",
        ),
        papers=["goodfellow2014generative"],
    ),
    Card(
        name="nonsaturating_generator_loss",
        section="gan/the_game",
        title="GAN, generator (non-saturating)",
        chinese="GAN 生成器损失（非饱和）",
        origin="heuristic",
        story="The cross entropy of fakes labelled as real: the same fixed point as the saturating loss, with a slope "
        "where fakes are found out.",
        tasks=["generation"],
        inputs=["logit", "critic output"],
        takes=_FAKES,
        form=Pointwise(
            formula="log(1 + exp(-f))",
            gradient="-1/(1 + exp(f))",
            variables={"f": (-8, 8)},
            call=lambda f: nonsaturating_generator_loss(f, reduction="none"),
            shown=(r"-\log \sigma(f) = \log(1 + e^{-f})", r"-(1 - \sigma(f)) = -\frac{1}{1 + e^{f}}"),
        ),
        minimiser=Minimiser(
            r"none: it nears 0 as $f \to \infty$. At the best discriminator its gradient, not its value, is that of "
            r"$\mathrm{KL}(\text{fake} \Vert \text{real}) - 2\,\mathrm{JS}$"
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale=r"No power law: about $-f$ for very negative $f$, about $e^{-f}$ for large ones.",
        fails="Its value tells nothing of quality: it goes up and down with the discriminator while samples get better. "
        "Missing modes cost little, so samples may all look alike.",
        names=Names(
            torch="`F.binary_cross_entropy_with_logits(f, ones_like(f))`",
            keras="`losses.BinaryCrossentropy(from_logits=True)` with ones",
            optax="`sigmoid_binary_cross_entropy(logits, labels)` with labels 1",
            others="TF-GAN `modified_generator_loss`; torchgan `minimax_generator_loss`",
            clash="“GAN loss”, “minimax loss” and “vanilla” often mean this one.",
        ),
        papers=["goodfellow2014generative", "arjovsky2017towards"],
    ),
    Card(
        name="wgan_critic_loss",
        section="gan/distances",
        title="WGAN, critic",
        chinese="WGAN 评论家损失",
        origin="surrogate",
        story="Optimal transport: by Kantorovich-Rubinstein duality, $-L$ of a 1-Lipschitz critic is a lower bound of the "
        "earth mover's distance, and of the best one is the distance.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The critic's scores of real samples and of fakes (detached), any real numbers; they are no logits: no "
        "sigmoid, no log. The critic must be held near 1-Lipschitz by other means.",
        form=Pointwise(
            formula="f - r",
            gradient="-1",
            variables={"r": (-5, 5), "f": (-5, 5)},
            call=lambda r, f: wgan_critic_loss(r, f, reduction="none"),
            shown=(
                "f - r",
                r"-1, \qquad \frac{\partial \ell}{\partial f} = 1",
            ),
        ),
        minimiser=Minimiser(
            "none without a constraint: it falls without bound. Among 1-Lipschitz critics a Kantorovich potential, and "
            "then $-L$ is the Wasserstein-1 distance"
        ),
        range=(-INF, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale="Scores times c: the loss times c. Only a Lipschitz bound of K gives the scale meaning: then $-L$ is at most "
        "K times the distance.",
        homogeneous=1,
        scaled=["r", "f"],
        fails="Without a gradient penalty or another bound on the slope, scores and loss run off to ±∞. With weight "
        "clipping the distance is only known up to a factor, and training is slow.",
        names=Names(
            torch="`f.mean() - r.mean()`",
            others="TF-GAN and torchgan `wasserstein_discriminator_loss`",
            clash="The paper maximises the negative. Some code mirrors both signs, the critic's and the generator's: the "
            "same game. `scipy.stats.wasserstein_distance` is the distance of two samples of numbers, not this.",
        ),
        papers=["arjovsky2017wasserstein", "gulrajani2017improved"],
    ),
    Card(
        name="wgan_generator_loss",
        section="gan/distances",
        title="WGAN, generator",
        chinese="WGAN 生成器损失",
        origin="surrogate",
        story="The part of the earth mover's distance, in its dual form, that depends on the fakes.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The critic's scores of fakes, with their graph down to the generator; high is real.",
        form=Pointwise(
            formula="-f",
            gradient="-1",
            variables={"f": (-5, 5)},
            call=lambda f: wgan_generator_loss(f, reduction="none"),
        ),
        minimiser=Minimiser(
            r"none: it falls as $f \to \infty$. Against the best 1-Lipschitz critic, the real samples' distribution"
        ),
        range=(-INF, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale="Scores times c: the loss times c. A constant added to the critic shifts it and changes no gradient.",
        homogeneous=1,
        fails="Its value means nothing by itself, since the critic's level is free: it drifts, up or down, while samples "
        "get better. Watch the critic's loss instead.",
        names=Names(
            torch="`-f.mean()`",
            others="TF-GAN and torchgan `wasserstein_generator_loss`",
            clash="The same function as the generator's loss of the hinge GAN.",
        ),
        papers=["arjovsky2017wasserstein"],
    ),
    Card(
        name="lsgan_discriminator_loss",
        section="gan/least_squares",
        title="Least-squares GAN, discriminator",
        chinese="最小二乘 GAN 判别器损失",
        origin="heuristic",
        story="A squared error in place of the cross entropy, so that samples on the right side but far away pull as well.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The raw outputs on real samples and on fakes (detached), no sigmoid; a and b are the labels of fakes and "
        "of real samples.",
        form=Pointwise(
            formula="(r - b)**2/2 + (f - a)**2/2",
            gradient="r - b",
            variables={
                "r": (-3, 4),
                "f": [-3.0, -1.0, 0.0, 0.5, 2.0],
                "a": [0.0, -1.0],
                "b": [1.0],
            },
            call=lambda r, f, a, b: lsgan_discriminator_loss(r, f, a=a, b=b, reduction="none"),
            parameters=["a", "b"],
            shown=(
                r"\tfrac12 (r - b)^2 + \tfrac12 (f - a)^2",
                r"r - b, \qquad \frac{\partial \ell}{\partial f} = f - a",
            ),
        ),
        minimiser=Minimiser(
            "where real samples have the density p and fakes q: $(b\\,p + a\\,q)/(p + q)$, the mean of the labels",
            sample=_labels,
            loss=_at_a_point(lsgan_discriminator_loss),
            statistic=lambda labels: labels.mean(),
            grid=(-1.0, 2.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        influence="grows",
        scale="Outputs and labels times c: the loss times $c^2$.",
        homogeneous=2,
        scaled=["r", "f", "a", "b"],
        fails="The slope grows without bound: a few outputs far from their label own the step, and the loss jumps. Outputs "
        "far on the right side are pulled back as hard as wrong ones.",
        names=Names(
            torch="`F.mse_loss(r, ones_like(r))` + `F.mse_loss(f, zeros_like(f))` is twice it",
            keras="`losses.MeanSquaredError()`, once per side: twice it",
            optax="`l2_loss(predictions, targets)`, once per side, with the ½",
            others="TF-GAN `least_squares_discriminator_loss(real_label=1, fake_label=0)` and torchgan's `(a=0, b=1)`, with "
            "the ½; MONAI `PatchAdversarialLoss(criterion='least_squares')`, without",
            clash="LSGAN is also written for the loss-sensitive GAN (LS-GAN). MONAI puts a leaky ReLU before the square "
            "unless `no_activation_leastsq=True`.",
        ),
        papers=["mao2017least"],
    ),
    Card(
        name="lsgan_generator_loss",
        section="gan/least_squares",
        title="Least-squares GAN, generator",
        chinese="最小二乘 GAN 生成器损失",
        origin="heuristic",
        story="The squared distance of the outputs on fakes to c, the label that the discriminator should give them.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The raw outputs on fakes, no sigmoid, with their graph down to the generator; c is the label aimed at.",
        form=Pointwise(
            formula="(f - c)**2/2",
            gradient="f - c",
            variables={"f": (-3, 4), "c": [0.0, 1.0]},
            call=lambda f, c: lsgan_generator_loss(f, c=c, reduction="none"),
            parameters=["c"],
        ),
        minimiser=Minimiser(
            "$f = c$. With the real part, the value at the best discriminator, if $b - c = 1$ and $b - a = 2$: "
            r"$\tfrac12 \int (p - q)^2/(p + q)$, least at $q = p$, which is not the Pearson $\chi^2$ of p and q"
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        influence="grows",
        scale="Outputs and the label times c: the loss times $c^2$.",
        homogeneous=2,
        scaled=["f", "c"],
        fails="Where real and fake samples don't overlap, the best discriminator is a on all fakes and flat around them, so "
        "that no gradient reaches the generator: the loss stands still at $\\tfrac12 (a - c)^2$.",
        names=Names(
            torch="`F.mse_loss(f, ones_like(f))` is twice it",
            keras="`losses.MeanSquaredError()` is twice it",
            optax="`l2_loss(predictions, targets)`, with the ½",
            others="TF-GAN `least_squares_generator_loss(real_label=1)`; torchgan `least_squares_generator_loss(c=1)`",
            clash="The labels 0 and 1 with c = 1, as most code has them, are not the choice of the $\\chi^2$ theorem; the value "
            "is then $\\tfrac14 + \\tfrac18 \\int (p - q)^2/(p + q)$, the same divergence.",
        ),
        papers=["mao2017least"],
    ),
    Card(
        name="loss_sensitive_critic_loss",
        section="gan/least_squares",
        title="Loss-sensitive GAN, critic",
        chinese="损失敏感 GAN 评论家损失",
        origin="heuristic",
        story="The discriminator is itself a loss function, learned so that a fake costs more than its real partner by the "
        "distance of the two.",
        tasks=["generation"],
        inputs=["critic output", "distance"],
        takes="The critic's losses r and f of pairs of a real and a fake sample, low for real; the margin "
        r"$\Delta \ge 0$ is the distance of the pair, made without a graph.",
        form=Pointwise(
            formula="r + lam*Max(0, Delta + r - f)",
            gradient="Piecewise((1 + lam, f < Delta + r), (1, True))",
            variables={"r": (-5, 5), "f": (-5, 5), "Delta": (0, 3), "lam": [1.0, 10.0]},
            call=lambda r, f, Delta, lam: loss_sensitive_critic_loss(r, f, Delta, weight=lam, reduction="none"),
            parameters=["lam"],
            symbols={"Delta": r"\Delta", "lam": r"\lambda"},
            shown=(
                r"r + \lambda \max(0, \Delta + r - f)",
                r"1 + \lambda\,[f < r + \Delta], \qquad "
                r"\frac{\partial \ell}{\partial f} = -\lambda\,[f < r + \Delta]",
            ),
        ),
        minimiser=Minimiser(
            "none: all outputs lowered by a constant lower it by that constant. The critic must be bounded or penalised"
        ),
        range=(-INF, INF),
        convex=True,
        smoothness="kinks",
        kinks=["f - Delta"],
        lipschitz="1 + lam",
        scale="Outputs and margins times c: the loss times c. The margin ties the critic's scale to the units of the "
        "distance: an L1 distance summed over pixels asks for larger outputs than a mean.",
        homogeneous=1,
        scaled=["r", "f", "Delta"],
        fails="Unbounded below: without weight decay, the losses of real samples run off to −∞ and the total with "
        "them. A distance on the scale of thousands keeps every pair within its margin, and λ alone sets the slope.",
        names=Names(
            torch="`r.mean()` + λ `F.relu(margin + r - f).mean()`; the part with λ is `F.margin_ranking_loss`, which takes "
            "one margin for all",
            clash="LS-GAN here and LSGAN, the least-squares GAN, share letters. Here low is real; in all other GANs "
            "high is.",
        ),
        papers=["qi2017loss"],
    ),
    Card(
        name="loss_sensitive_generator_loss",
        section="gan/least_squares",
        title="Loss-sensitive GAN, generator",
        chinese="损失敏感 GAN 生成器损失",
        origin="heuristic",
        story="The generator minimises the loss function that the critic has learned.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The critic's losses of fakes, with their graph down to the generator; low is real.",
        form=Pointwise(
            formula="f",
            gradient="1",
            variables={"f": (-5, 5)},
            call=lambda f: loss_sensitive_generator_loss(f, reduction="none"),
        ),
        minimiser=Minimiser(r"none: it falls as $f \to -\infty$"),
        range=(-INF, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale="The critic's losses times c: the loss times c.",
        homogeneous=1,
        fails="With a critic that scores (high is real) the sign is wrong: the fakes get worse while the loss falls.",
        names=Names(torch="`f.mean()`", clash="The opposite sign of the generator's loss of the WGAN."),
        papers=["qi2017loss"],
    ),
    Card(
        name="gan_hinge_discriminator_loss",
        section="gan/family",
        title="Hinge GAN, discriminator",
        chinese="铰链 GAN 判别器损失",
        origin="surrogate",
        story="The support vector machine's surrogate of the 0-1 error, with real samples labelled +1 and fakes −1.",
        tasks=["generation"],
        inputs=["score", "critic output"],
        takes="The raw outputs on real samples and on fakes (detached), of any shape; no sigmoid or tanh first.",
        form=Pointwise(
            formula="Max(0, 1 - r) + Max(0, 1 + f)",
            gradient="Piecewise((-1, r < 1), (0, True))",
            variables={"r": (-5, 5), "f": (-5, 5)},
            call=lambda r, f: gan_hinge_discriminator_loss(r, f, reduction="none"),
            shown=(
                r"\max(0, 1 - r) + \max(0, 1 + f)",
                r"-[r < 1], \qquad \frac{\partial \ell}{\partial f} = [f > -1]",
            ),
        ),
        minimiser=Minimiser(
            "where real samples have the density p and fakes q: +1 if $p > q$, −1 if $p < q$",
            sample=_labels,
            loss=_at_a_point(gan_hinge_discriminator_loss),
            statistic=lambda labels: torch.sign(labels.mean() - 0.5),
            grid=(-2.0, 2.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        kinks=["1"],
        lipschitz=1,
        scale="No power law: the margin 1 is fixed, so the scale of the outputs sets how many samples still "
        "count. Undecided ($r = f = 0$) it is 2.",
        fails="Only samples within the margin teach: once all are beyond it, the loss is exactly 0, the discriminator "
        "stands still, and only the generator moves.",
        names=Names(
            torch="`F.relu(1 - r).mean()` + `F.relu(1 + f).mean()`",
            keras="`losses.Hinge()` with labels ±1, once per side",
            optax="`hinge_loss(predictor_outputs, targets)` with targets ±1, once per side",
            others="TF-GAN `wasserstein_hinge_discriminator_loss`; MONAI `PatchAdversarialLoss(criterion='hinge')`",
            clash="`F.hinge_embedding_loss` is a loss of distances, not this. MONAI takes tanh of the outputs first, so "
            "its loss only nears 0. Some code halves the sum.",
        ),
        papers=["lim2017geometric", "miyato2018spectral"],
    ),
    Card(
        name="gan_hinge_generator_loss",
        section="gan/family",
        title="Hinge GAN, generator",
        chinese="铰链 GAN 生成器损失",
        origin="heuristic",
        story="The generator raises the discriminator's outputs on fakes, along the normal of its separating plane; no margin ends it.",
        tasks=["generation"],
        inputs=["score", "critic output"],
        takes=_FAKES,
        form=Pointwise(
            formula="-f",
            gradient="-1",
            variables={"f": (-5, 5)},
            call=lambda f: gan_hinge_generator_loss(f, reduction="none"),
        ),
        minimiser=Minimiser(r"none: it falls as $f \to \infty$"),
        range=(-INF, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=1,
        scale="Outputs times c: the loss times c.",
        homogeneous=1,
        fails="Its value means nothing by itself and drifts with the discriminator's level. Clipped like the "
        "discriminator's it would give no gradient to fakes that are above 1 already.",
        names=Names(
            torch="`-f.mean()`",
            others="TF-GAN `wasserstein_hinge_generator_loss`, which is its `wasserstein_generator_loss`",
            clash="MONAI's `PatchAdversarialLoss(criterion='hinge')` gives the generator $\\max(0, 1 - \\tanh f)$.",
        ),
        papers=["lim2017geometric", "miyato2018spectral"],
    ),
    Card(
        name="relativistic_discriminator_loss",
        section="gan/family",
        title="Relativistic average GAN, discriminator",
        chinese="相对平均 GAN 判别器损失",
        origin="heuristic",
        story="Half the samples that a discriminator sees are real, so it should say which side looks more real than the "
        "average of the other, not which is real.",
        tasks=["generation"],
        inputs=["logit", "critic output"],
        takes="The raw outputs on real samples and on fakes (detached), of any shape; each side is measured from the mean "
        "of the other in the batch.",
        form=Whole(
            formula=r"\ell_i = \log(1 + e^{-(r_i - \bar f)}) + \log(1 + e^{f_i - \bar r})",
            gradient=r"\frac{\partial}{\partial r_j} \sum_i \ell_i = -\sigma(\bar f - r_j) "
            r"- \frac1n \sum_i \sigma(f_i - \bar r)",
            draw=_draw_sides,
            call=lambda real, fake: relativistic_discriminator_loss(real, fake, reduction="none"),
            reference=_relativistic,
            slope=_relativistic_slope,
        ),
        minimiser=Minimiser(
            r"no constant: any has $2 \log 2$, as only differences count. Where a best output exists, it grows with $p/q$"
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=2,
        scale=r"No power law. A constant added to all outputs, real and fake, changes nothing; if all are equal it is "
        r"$2 \log 2 = 1.386$.",
        fails="The means are those of the batch: in small batches they are noise, and so is the loss. With the sides "
        "swapped it is the generator's loss, and the game runs backwards without an error.",
        names=Names(
            torch="`F.binary_cross_entropy_with_logits` of `r - f.mean()` with ones + of `f - r.mean()` with zeros",
            optax="`sigmoid_binary_cross_entropy(logits, labels)` of the differences",
            others="TF-GAN `relativistic_discriminator_loss`",
            clash="“Relativistic” is also the paired form, $-\\log \\sigma(r_i - f_i)$, without means. Some code halves "
            "the sum.",
        ),
        papers=["jolicoeur2019relativistic"],
    ),
    Card(
        name="relativistic_generator_loss",
        section="gan/family",
        title="Relativistic average GAN, generator",
        chinese="相对平均 GAN 生成器损失",
        origin="heuristic",
        story="The discriminator's loss with the sides exchanged: fakes should look more real than real samples do on "
        "average.",
        tasks=["generation"],
        inputs=["logit", "critic output"],
        takes="The raw outputs on real samples and on fakes, the fakes' with their graph down to the generator. Called "
        "as (real, fake), in the discriminator's order.",
        form=Whole(
            formula=r"\ell_i = \log(1 + e^{-(f_i - \bar r)}) + \log(1 + e^{r_i - \bar f})",
            gradient=r"\frac{\partial}{\partial f_j} \sum_i \ell_i = -\sigma(\bar r - f_j) "
            r"- \frac1n \sum_i \sigma(r_i - \bar f)",
            draw=_draw_sides,
            call=lambda fake, real: relativistic_generator_loss(real, fake, reduction="none"),
            reference=_relativistic,
            slope=_relativistic_slope,
        ),
        minimiser=Minimiser(r"none: it nears 0 as the outputs on fakes rise above those on real samples"),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        lipschitz=2,
        scale=r"No power law. A constant added to all outputs, real and fake, changes nothing; if all are equal it is "
        r"$2 \log 2 = 1.386$.",
        fails="It needs the real samples in the generator's step, too: left out or taken from another batch, the means "
        "jump and the loss is noise. The real samples' half sees the fakes only through their mean.",
        names=Names(
            torch="`F.binary_cross_entropy_with_logits` of `f - r.mean()` with ones + of `r - f.mean()` with zeros",
            optax="`sigmoid_binary_cross_entropy(logits, labels)` of the differences",
            others="TF-GAN `relativistic_generator_loss`",
            clash="“Relativistic” is also the paired form, $-\\log \\sigma(f_i - r_i)$, without means.",
        ),
        papers=["jolicoeur2019relativistic"],
    ),
    Card(
        name="f_gan_discriminator_loss",
        section="gan/family",
        title="f-GAN, discriminator",
        chinese="f-GAN 判别器损失",
        origin="information theory",
        story=r"Its negative is a lower bound of an f-divergence $\int q\,f(p/q)$ of real (p) from fake (q), by the convex "
        "conjugate $f^*$ of f; the best discriminator makes it an equality.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The raw outputs $v_r$ on real samples and $v_f$ on fakes (detached), before the activation g, and the name of "
        "one of seven divergences, which fixes g and $f^*$.",
        form=Whole(
            formula=r"\ell = -g(v_r) + f^*(g(v_f))",
            gradient=r"\frac{\partial \ell}{\partial v_r} = -g'(v_r), \quad "
            r"\frac{\partial \ell}{\partial v_f} = (f^* \circ g)'(v_f)",
            draw=lambda generator: (
                2 * _normal(generator, 5),
                2 * _normal(generator, 5),
                _draw_divergence(generator),
            ),
            call=lambda real, fake, divergence: f_gan_discriminator_loss(
                real, fake, divergence=divergence, reduction="none"
            ),
            reference=lambda real, fake, divergence: (
                -_ACTIVATIONS[divergence](real) + _CONJUGATES[divergence](_ACTIVATIONS[divergence](fake))
            ),
            slope=lambda real, fake, divergence: _REAL_SLOPES[divergence](real),
        ),
        minimiser=Minimiser(
            r"$g(v) = f'(p/q)$, which grows with $p/q$: $v = \log(p/q)$ for reverse KL, Jensen-Shannon and GAN, 1 more for "
            "KL, half of it for Hellinger, $2(p/q - 1)$ for Pearson, ±∞ for total variation",
            sample=_labels,
            loss=_at_a_point(
                lambda real, fake, reduction: f_gan_discriminator_loss(
                    real, fake, divergence="pearson", reduction=reduction
                )
            ),
            statistic=lambda labels: 2 * (labels.mean() / (1 - labels.mean()) - 1),
            grid=(-3.0, 2.0),
        ),
        range=(-INF, INF),
        range_words=r"by divergence: GAN above 0, Jensen-Shannon above $-2 \log 2$, squared Hellinger above −2, total "
        "variation between −1 and 1; KL, reverse KL and Pearson without bounds. At $p = q$ and the best discriminator, 0, "
        r"and $2 \log 2$ for GAN.",
        convex=False,
        smoothness="smooth",
        shape_words="convex for all divergences but total variation; the gradient's bound is 1 for GAN and Jensen-Shannon, "
        "½ for total variation, 1 by $v_r$ for KL and Pearson, by $v_f$ for reverse KL",
        scale="No power law. Outputs of one divergence mean nothing to another: real is $v > 1$ for KL, $v > 0$ else.",
        fails="KL, reverse KL and Hellinger hold exponentials: an output of 90 gives infinity in float32, after steps that "
        "grow. Total variation is flat where outputs are large: wrong ones there stay wrong.",
        names=Names(
            clash="The “squared Hellinger” of other texts is half of this; “Jensen-Shannon” here is twice the JS divergence; "
            "“pearson” is $\\int (p - q)^2/q$ with the fakes' density below.",
        ),
        papers=["nowozin2016fgan"],
    ),
    Card(
        name="f_gan_generator_loss",
        section="gan/family",
        title="f-GAN, generator",
        chinese="f-GAN 生成器损失",
        origin="information theory",
        story="The part of the bound on an f-divergence that depends on the fakes.",
        tasks=["generation"],
        inputs=["critic output"],
        takes="The raw outputs v on fakes, before the activation g, with their graph down to the generator, and the "
        "discriminator's divergence.",
        form=Whole(
            formula=r"\ell = -f^*(g(v))",
            gradient=r"-(f^* \circ g)'(v)",
            draw=lambda generator: (2 * _normal(generator, 5), _draw_divergence(generator)),
            call=lambda fake, divergence: f_gan_generator_loss(fake, divergence=divergence, reduction="none"),
            reference=lambda fake, divergence: -_CONJUGATES[divergence](_ACTIVATIONS[divergence](fake)),
            slope=lambda fake, divergence: -_FAKE_SLOPES[divergence](fake),
        ),
        minimiser=Minimiser(
            r"none: it falls as $v \to \infty$, for total variation to $-\tfrac12$. Against the best discriminator, the "
            "real samples' distribution"
        ),
        range=(-INF, INF),
        range_words=r"by divergence: KL and GAN below 0, Jensen-Shannon below $\log 2$, squared Hellinger below 1, Pearson "
        "up to 1, reverse KL without bounds, total variation between −½ and ½.",
        convex=False,
        smoothness="smooth",
        shape_words="concave for all divergences but total variation, linear for reverse KL; the gradient's bound is 1 for "
        "reverse KL, GAN and Jensen-Shannon, ½ for total variation",
        scale="No power law but for reverse KL, where it is $1 - v$.",
        fails="For all but reverse KL and Pearson it saturates where fakes are found out, as the original GAN's does: the "
        "fakes stay noise. For Pearson it turns: below $v = -2$ it pushes fakes down. The paper trains with $-g(v)$.",
        names=Names(
            clash="“f-GAN” code often has $-g(v)$ here, the paper's section 3.2: the non-saturating loss for GAN, that of "
            "the WGAN for KL and Pearson.",
        ),
        papers=["nowozin2016fgan"],
    ),
]
