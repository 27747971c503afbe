"""What is compared: for each loss its inputs, and the same function elsewhere.

A rival is "torch" (its own function), "textbook" (the formula as an article writes it, without care for extremes) or a
peer. Where conventions differ the rival is given the options, or the factor, that make it the same function; run.py
checks that it is before it measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import lossutils as lu
from benchmarks.peers import peer


class Case(NamedTuple):
    """One call of one loss."""

    name: str  # the function's, and after a comma what is special
    ours: Callable
    draw: Callable[[Sizes], tuple]  # the positional arguments
    rivals: dict[str, Callable]
    learn: tuple[int, ...] = (0,)  # the positions of the arguments with a gradient

    @property
    def function(self) -> str:
        return self.name.split(",")[0]


class Sizes(NamedTuple):
    """The sizes of the inputs."""

    elements: int = 10**6
    rows: int = 65536  # with 10 classes or 64 dimensions
    wide_rows: int = 8192  # with 1000 classes
    masks: tuple[int, ...] = (8, 1, 512, 512)
    boxes: int = 250_000
    pairs: int = 4096  # of which all similarities are computed
    images: tuple[int, ...] = (8, 3, 256, 256)
    frames: int = 150


FULL = Sizes()
TINY = Sizes(600, 40, 8, (2, 1, 16, 16), 50, 128, (2, 3, 24, 24), 20)


def peers(name: str, module: str, call: Callable) -> Callable:
    """A rival that imports its library at its first call."""
    load = cache(lambda: peer(name, module))
    return lambda *arguments: call(load(), *arguments)


# Inputs


def normal(*shape: int) -> Tensor:
    return torch.randn(shape)


def bits(*shape: int) -> Tensor:
    return (torch.rand(shape) < 0.3).float()


def signs(*shape: int) -> Tensor:
    return 2 * bits(*shape) - 1


def pair(s: Sizes) -> tuple:
    return normal(s.elements), normal(s.elements)


def pair_and_signs(s: Sizes) -> tuple:
    return normal(s.elements), signs(s.elements)


def logits_and_bits(s: Sizes) -> tuple:
    return normal(s.elements), bits(s.elements)


def logits_and_classes(s: Sizes) -> tuple:
    return normal(s.rows, 10), torch.randint(10, (s.rows,))


def wide_logits_and_classes(s: Sizes) -> tuple:
    return normal(s.wide_rows, 1000), torch.randint(1000, (s.wide_rows,))


def distributions(s: Sizes) -> tuple:
    return normal(s.rows, 10).softmax(1), normal(s.rows, 10).softmax(1)


def masks(s: Sizes) -> tuple:
    return normal(*s.masks), bits(*s.masks)


def boxes(s: Sizes) -> tuple:
    def one() -> Tensor:
        corner = 10 * torch.rand(s.boxes, 2)
        return torch.cat((corner, corner + 0.5 + 5 * torch.rand(s.boxes, 2)), 1)

    return one(), one()


def images(s: Sizes) -> tuple:
    return torch.rand(s.images), torch.rand(s.images)


def features(s: Sizes) -> tuple:
    n, _, h, w = s.images
    shapes = (n, 64, h // 4, w // 4), (n, 128, h // 8, w // 8)
    return [normal(*shape) for shape in shapes], [normal(*shape) for shape in shapes]


def sequences(s: Sizes) -> tuple:
    log_probs = normal(s.frames, 32, 40).log_softmax(2)
    lengths = torch.full((32,), s.frames), torch.full((32,), s.frames // 5)
    return log_probs, torch.randint(1, 40, (32, s.frames // 5)), *lengths


# The formulas as articles write them


def cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    return -x.softmax(1).log().gather(1, y.unsqueeze(1)).mean()


def binary_cross_entropy(p: Tensor, y: Tensor) -> Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def sigmoid_focal(x: Tensor, y: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    p = x.sigmoid()
    p_t = y * p + (1 - y) * (1 - p)
    alpha_t = y * alpha + (1 - y) * (1 - alpha)
    return -(alpha_t * (1 - p_t) ** gamma * p_t.log()).mean()


def softmax_focal(x: Tensor, y: Tensor) -> Tensor:
    p = x.softmax(1).gather(1, y.unsqueeze(1))
    return -((1 - p) ** 2 * p.log()).mean()


def kl(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p / q).log()).sum(1).mean()


def js(p: Tensor, q: Tensor) -> Tensor:
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def distillation(z: Tensor, teacher: Tensor, y: Tensor) -> Tensor:
    kd = F.kl_div((z / 4).log_softmax(1), (teacher / 4).softmax(1), reduction="batchmean")
    return 0.7 * 16 * kd + 0.3 * F.cross_entropy(z, y)


def l_softmax(x: Tensor, w: Tensor, y: Tensor) -> Tensor:
    norms = x.norm(dim=1, keepdim=True) * w.norm(dim=1)
    logits = x @ w.T
    cosine = (logits / norms).gather(1, y.unsqueeze(1))
    k = (2 * cosine.detach().clamp(-1, 1).acos() / math.pi).floor()
    right = ((-1) ** k * (2 * cosine**2 - 1) - 2 * k) * norms.gather(1, y.unsqueeze(1))
    return F.cross_entropy(logits.scatter(1, y.unsqueeze(1), right), y)


def multi_margin(x: Tensor, y: Tensor) -> Tensor:
    right = x.gather(1, y.unsqueeze(1))
    margins = (1 - right + x).clamp(min=0)
    return ((margins.sum(1) - 1) / x.shape[1]).mean()


def multilabel_margin(x: Tensor, y: Tensor) -> Tensor:
    known = y >= 0
    is_label = torch.zeros_like(x).scatter_add(1, y.clamp(min=0), known.float()) > 0
    right = x.gather(1, y.clamp(min=0))
    costs = (1 - right.unsqueeze(2) + x.unsqueeze(1)).clamp(min=0)
    return ((costs * known.unsqueeze(2) * ~is_label.unsqueeze(1)).sum((1, 2)) / x.shape[1]).mean()


def rho(r: Tensor, alpha: float) -> Tensor:
    b = abs(alpha - 2)
    return b / alpha * ((r**2 / b + 1) ** (alpha / 2) - 1)


def tversky(x: Tensor, y: Tensor, alpha: float, beta: float, smooth: float = 0.0) -> Tensor:
    p = x.sigmoid()
    tp, fp, fn = (v.sum((2, 3)) for v in (p * y, p * (1 - y), (1 - p) * y))
    return 1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)


def dice(x: Tensor, y: Tensor) -> Tensor:
    p = x.sigmoid()
    return (1 - 2 * (p * y).sum((2, 3)) / (p.sum((2, 3)) + y.sum((2, 3)))).mean()


def soft_iou(x: Tensor, y: Tensor) -> Tensor:
    p = x.sigmoid()
    both = (p * y).sum((2, 3))
    return (1 - both / (p.sum((2, 3)) + y.sum((2, 3)) - both)).mean()


def lovasz_hinge(x: Tensor, y: Tensor) -> Tensor:
    total = 0
    for logits, labels in zip(x.flatten(1), y.flatten(1), strict=True):  # as the authors' code does
        errors, order = (1 - logits * (2 * labels - 1)).sort(descending=True)
        hits = labels[order]
        jaccard = 1 - (hits.sum() - hits.cumsum(0)) / (hits.sum() + (1 - hits).cumsum(0))
        steps = torch.cat((jaccard[:1], jaccard[1:] - jaccard[:-1]))
        total = total + errors.relu() @ steps
    return total / len(x)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    corners = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    both = corners.prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both
    hull = torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])
    return both / (union + 1e-7), union, hull


def giou(a: Tensor, b: Tensor) -> Tensor:
    iou, union, hull = overlap(a, b)
    area = hull.prod(1)
    return (1 - iou + (area - union) / (area + 1e-7)).mean()


def diou(a: Tensor, b: Tensor) -> Tensor:
    iou, _, hull = overlap(a, b)
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) ** 2).sum(1) / 4
    return 1 - iou + apart / ((hull**2).sum(1) + 1e-7)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    (w1, h1), (w2, h2) = (a[:, 2:] - a[:, :2]).T, (b[:, 2:] - b[:, :2]).T
    v = 4 / math.pi**2 * ((w2 / h2).atan() - (w1 / h1).atan()) ** 2
    with torch.no_grad():
        alpha = v / (1 - overlap(a, b)[0] + v + 1e-7)
    return (diou(a, b) + alpha * v).mean()


def cosine_embedding(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return torch.where(y > 0, 1 - cosine, cosine.clamp(min=0)).mean()


def info_nce(q: Tensor, k: Tensor) -> Tensor:
    return F.cross_entropy(F.normalize(q) @ F.normalize(k).T / 0.1, torch.arange(len(q)))


def gram(f: Tensor) -> Tensor:
    _, c, h, w = f.shape
    return torch.einsum("nchw,ndhw->ncd", f, f) / (c * h * w)


def style(f: list[Tensor], g: list[Tensor]) -> Tensor:
    return sum(((gram(a) - gram(b)) ** 2).sum((1, 2)).mean() for a, b in zip(f, g, strict=True))


def feature(f: list[Tensor], g: list[Tensor]) -> Tensor:
    return sum(((a - b) ** 2).mean() for a, b in zip(f, g, strict=True))


def total_variation(x: Tensor) -> Tensor:
    return ((x[..., 1:, :] - x[..., :-1, :]).abs().sum() + (x[..., 1:] - x[..., :-1]).abs().sum()) / len(x)


def ssim(x: Tensor, y: Tensor) -> Tensor:
    line = torch.exp(-((torch.arange(11.0) - 5) ** 2) / 4.5)
    window = (line[:, None] * line / line.sum() ** 2).expand(3, 1, 11, 11)
    mx, my, xx, yy, xy = (F.conv2d(v, window, groups=3) for v in (x, y, x * x, y * y, x * y))
    vx, vy, cov = xx - mx**2, yy - my**2, xy - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return 1 - ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def penalty(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    mixed = (real + torch.rand(len(real), 1) * (fake - real)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(weight)(mixed).sum(), mixed, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


def critic(weight: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: (x @ weight).tanh().sum(1)


def uncertainty(losses: Tensor, log_vars: Tensor) -> Tensor:
    return (losses * torch.tensor([0.5, 1.0, 1.0]) * (-log_vars).exp() + log_vars / 2).sum()


# Peers whose functions need a word


def large_margin_peer(pml, x: Tensor, w: Tensor, y: Tensor) -> Tensor:
    loss = pml.LargeMarginSoftmaxLoss(len(w), w.shape[1], margin=2)
    del loss._parameters["W"]
    loss.cast_types = lambda dtype, device: None  # it would detach the weights
    loss.W = w.T
    return loss(x, y)


def nt_xent_peer(pml, q: Tensor, k: Tensor) -> Tensor:
    labels = torch.arange(len(q))
    return pml.NTXentLoss(temperature=0.1)(q, labels, ref_emb=k, ref_labels=labels.clone())


def ssim_peer(kornia, x: Tensor, y: Tensor) -> Tensor:
    return 2 * kornia.ssim_loss(x, y, 11, padding="valid")


def heatmaps(call: Callable) -> Callable:
    """For kornia, whose distributions have the shape (H, W)."""
    return lambda p, q: call(p[:, None, None], q[:, None, None])


# The cases


def elementwise(name: str, textbook: Callable, draw: Callable = pair, learn=(0,), **rivals: Callable) -> Case:
    return Case(name, getattr(lu, name), draw, {**rivals, "textbook": textbook}, learn)


def gan(name: str, textbook: Callable, sides: int, **options) -> Case:
    """A GAN loss of so many sides, of which the gradient flows to all."""
    learn = tuple(range(sides))
    loss = partial(getattr(lu, name), **options)
    return Case(name, loss, lambda s: tuple(normal(s.elements) for _ in learn), {"textbook": textbook}, learn)


CLASSIFICATION = [
    Case(
        "zero_one_loss",
        lu.zero_one_loss,
        wide_logits_and_classes,
        {"textbook": lambda x, y: (x.argmax(1) != y).float().mean()},
        learn=(),
    ),
    Case(
        "entropy",
        lambda p: lu.entropy(p).sum(),
        lambda s: distributions(s)[:1],
        {"torch": lambda p: torch.special.entr(p).sum(1).sum(), "textbook": lambda p: -(p * p.log()).sum(1).sum()},
    ),
    Case(
        "categorical_cross_entropy",
        lu.categorical_cross_entropy,
        lambda s: (normal(s.rows, 10).softmax(1), torch.randint(10, (s.rows,))),
        {"textbook": lambda p, y: -p.gather(1, y.unsqueeze(1)).log().mean()},
    ),
    Case(
        "categorical_cross_entropy, probabilities",
        lu.categorical_cross_entropy,
        distributions,
        {"textbook": lambda q, p: -(p * q.log()).sum(1).mean()},
    ),
    Case(
        "kl_divergence",
        lu.kl_divergence,
        distributions,
        {
            "torch": lambda p, q: F.kl_div(q.log(), p, reduction="batchmean"),
            "textbook": kl,
            "kornia": peers("kornia", "losses", lambda m, p, q: heatmaps(m.kl_div_loss_2d)(q, p)),
        },
        learn=(1,),
    ),
    Case(
        "js_divergence",
        lu.js_divergence,
        distributions,
        {"textbook": js, "kornia": peers("kornia", "losses", lambda m, p, q: heatmaps(m.js_div_loss_2d)(p, q))},
    ),
    *(
        Case(f"cross_entropy, {shape}", lu.cross_entropy, draw, {"torch": F.cross_entropy, "textbook": cross_entropy})
        for shape, draw in {"10 classes": logits_and_classes, "1000 classes": wide_logits_and_classes}.items()
    ),
    Case(
        "cross_entropy, smoothed",
        partial(lu.cross_entropy, label_smoothing=0.1),
        wide_logits_and_classes,
        {
            "torch": partial(F.cross_entropy, label_smoothing=0.1),
            "textbook": lambda x, y: 0.9 * F.cross_entropy(x, y) - 0.1 * x.log_softmax(1).mean(),
            "smp": peers("smp", "losses", lambda m, x, y: m.SoftCrossEntropyLoss(smooth_factor=0.1)(x, y)),
        },
    ),
    Case(
        "cross_entropy, probabilities",
        lu.cross_entropy,
        lambda s: (normal(s.rows, 10), normal(s.rows, 10).softmax(1)),
        {"torch": F.cross_entropy, "textbook": lambda x, p: -(p * x.softmax(1).log()).sum(1).mean()},
    ),
    Case(
        "nll_loss",
        lu.nll_loss,
        lambda s: (normal(s.rows, 10).log_softmax(1), torch.randint(10, (s.rows,))),
        {"torch": F.nll_loss, "textbook": lambda x, y: -x.gather(1, y.unsqueeze(1)).mean()},
    ),
    Case(
        "binary_cross_entropy",
        lu.binary_cross_entropy,
        lambda s: (0.01 + 0.98 * torch.rand(s.elements), bits(s.elements)),
        {"torch": F.binary_cross_entropy, "textbook": binary_cross_entropy},
    ),
    elementwise(
        "binary_cross_entropy_with_logits",
        lambda x, y: binary_cross_entropy(x.sigmoid(), y),
        logits_and_bits,
        torch=F.binary_cross_entropy_with_logits,
        smp=peers("smp", "losses", lambda m, x, y: m.SoftBCEWithLogitsLoss()(x, y)),
    ),
    Case(
        "distillation_loss",
        partial(lu.distillation_loss, temperature=4.0, alpha=0.7),
        lambda s: (normal(s.wide_rows, 1000), normal(s.wide_rows, 1000), torch.randint(1000, (s.wide_rows,))),
        {"textbook": distillation},
    ),
    Case(
        "large_margin_softmax_loss",
        lu.large_margin_softmax_loss,
        lambda s: (normal(s.rows, 64), normal(10, 64), torch.randint(10, (s.rows,))),
        {"textbook": l_softmax, "pml": peers("pml", "losses", large_margin_peer)},
        learn=(0, 1),
    ),
    elementwise("hinge_loss", lambda x, y: (1 - y * x).clamp(min=0).mean(), pair_and_signs),
    elementwise("squared_hinge_loss", lambda x, y: (1 - y * x).clamp(min=0).square().mean(), pair_and_signs),
    elementwise("exponential_loss", lambda x, y: (-y * x).exp().mean(), pair_and_signs),
    elementwise(
        "soft_margin_loss", lambda x, y: (1 + (-y * x).exp()).log().mean(), pair_and_signs, torch=F.soft_margin_loss
    ),
    elementwise("multi_margin_loss", multi_margin, logits_and_classes, torch=F.multi_margin_loss),
    Case(
        "multi_margin_loss, 1000 classes",
        lu.multi_margin_loss,
        wide_logits_and_classes,
        {"torch": F.multi_margin_loss, "textbook": multi_margin},
    ),
    elementwise(
        "multilabel_margin_loss",
        multilabel_margin,
        lambda s: (normal(s.rows, 10), torch.tensor([3, 0, 7, *[-1] * 7]).repeat(s.rows, 1)),
        torch=F.multilabel_margin_loss,
    ),
    elementwise(
        "multilabel_soft_margin_loss",
        lambda x, y: binary_cross_entropy(x.sigmoid(), y),
        lambda s: (normal(s.rows, 10), bits(s.rows, 10)),
        torch=F.multilabel_soft_margin_loss,
    ),
]


def robust(word: str, alpha: float, textbook: Callable, function: str) -> Case:
    return Case(
        f"general_robust_loss, {word}",
        partial(lu.general_robust_loss, alpha=alpha, scale=1.0),
        pair,
        {
            "textbook": lambda x, y: textbook(x - y).mean(),
            "kornia": peers("kornia", "losses", lambda m, x, y: getattr(m, function)(x, y, reduction="mean")),
        },
    )


REGRESSION = [
    elementwise("l1_loss", lambda x, y: (x - y).abs().mean(), torch=F.l1_loss),
    elementwise("mse_loss", lambda x, y: ((x - y) ** 2).mean(), torch=F.mse_loss),
    elementwise("rmse_loss", lambda x, y: F.mse_loss(x, y).sqrt()),
    elementwise("log_cosh_loss", lambda x, y: (x - y).cosh().log().mean()),
    elementwise(
        "smooth_l1_loss",
        lambda x, y: torch.where((x - y).abs() < 1, (x - y) ** 2 / 2, (x - y).abs() - 0.5).mean(),
        torch=F.smooth_l1_loss,
    ),
    elementwise(
        "huber_loss",
        lambda x, y: torch.where((x - y).abs() < 1, (x - y) ** 2 / 2, (x - y).abs() - 0.5).mean(),
        torch=F.huber_loss,
    ),
    Case(
        "quantile_loss",
        partial(lu.quantile_loss, q=0.9),
        pair,
        {"textbook": lambda x, y: torch.max(0.9 * (y - x), -0.1 * (y - x)).mean()},
    ),
    robust("Charbonnier", 1.0, lambda r: (r**2 + 1).sqrt() - 1, "charbonnier_loss"),
    robust("Cauchy", 0.0, lambda r: (r**2 / 2 + 1).log(), "cauchy_loss"),
    robust("Geman-McClure", -2.0, lambda r: 2 * r**2 / (r**2 + 4), "geman_mcclure_loss"),
    robust("Welsch", -math.inf, lambda r: 1 - (-(r**2) / 2).exp(), "welsch_loss"),
    Case(
        "general_robust_loss, learned",
        lambda x, y, alpha, scale: lu.general_robust_loss(x, y, alpha=alpha, scale=scale),
        lambda s: (*pair(s), torch.tensor(0.7), torch.tensor(1.3)),
        {"textbook": lambda x, y, alpha, scale: rho((x - y) / scale, alpha).mean()},
        learn=(0, 2, 3),
    ),
    Case(
        "adaptive_robust_loss",
        partial(lu.adaptive_robust_loss, alpha=1.0, scale=2.0),
        pair,
        # log(2e K₁(1)), the partition function at alpha = 1, is given to the formula as a number.
        {"textbook": lambda x, y: rho((x - y) / 2, 1.0).mean() + math.log(2) + 1.1854951},
    ),
    elementwise(
        "poisson_nll_loss",
        lambda x, y: (x.exp() - y * x).mean(),
        lambda s: (normal(s.elements), torch.rand(s.elements).mul(5).floor()),
        torch=F.poisson_nll_loss,
    ),
    elementwise(
        "gaussian_nll_loss",
        lambda x, y, v: ((v.log() + (x - y) ** 2 / v) / 2).mean(),
        lambda s: (*pair(s), 0.1 + torch.rand(s.elements)),
        learn=(0, 2),
        torch=F.gaussian_nll_loss,
    ),
]

PERCEPTUAL = [
    Case("feature_loss", lu.feature_loss, features, {"textbook": feature}),
    Case(
        "gram_matrix",
        lambda f: lu.gram_matrix(f).square().sum(),
        lambda s: (features(s)[0][0],),
        {"textbook": lambda f: gram(f).square().sum()},
    ),
    Case("style_loss", lu.style_loss, features, {"textbook": style}),
    Case(
        "total_variation_loss",
        lu.total_variation_loss,
        lambda s: images(s)[:1],
        {
            "textbook": total_variation,
            "kornia": peers("kornia", "losses", lambda m, x: m.total_variation(x).sum() / len(x)),
        },
    ),
    Case(
        "ssim_loss",
        lu.ssim_loss,
        images,
        {
            "textbook": ssim,
            "kornia": peers("kornia", "losses", ssim_peer),
            "monai": peers("monai", "losses", lambda m, x, y: m.SSIMLoss(spatial_dims=2)(x, y)),
        },
    ),
]

GAN = [
    gan("minimax_discriminator_loss", lambda r, f: -r.sigmoid().log().mean() - (1 - f.sigmoid()).log().mean(), 2),
    gan("minimax_generator_loss", lambda f: (1 - f.sigmoid()).log().mean(), 1),
    gan("nonsaturating_generator_loss", lambda f: -f.sigmoid().log().mean(), 1),
    gan("wgan_critic_loss", lambda r, f: f.mean() - r.mean(), 2),
    gan("wgan_generator_loss", lambda f: -f.mean(), 1),
    gan("lsgan_discriminator_loss", lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, 2),
    gan("lsgan_generator_loss", lambda f: ((f - 1) ** 2).mean() / 2, 1),
    Case(
        "loss_sensitive_critic_loss",
        partial(lu.loss_sensitive_critic_loss, weight=2.0),
        lambda s: (*pair(s), torch.rand(s.elements)),
        {"textbook": lambda r, f, margin: r.mean() + 2 * (margin + r - f).clamp(min=0).mean()},
        learn=(0, 1),
    ),
    gan("loss_sensitive_generator_loss", lambda f: f.mean(), 1),
    gan("gan_hinge_discriminator_loss", lambda r, f: (1 - r).relu().mean() + (1 + f).relu().mean(), 2),
    gan("gan_hinge_generator_loss", lambda f: -f.mean(), 1),
    gan(
        "relativistic_discriminator_loss",
        lambda r, f: -(r - f.mean()).sigmoid().log().mean() - (1 - (f - r.mean()).sigmoid()).log().mean(),
        2,
    ),
    gan(
        "relativistic_generator_loss",
        lambda r, f: -(f - r.mean()).sigmoid().log().mean() - (1 - (r - f.mean()).sigmoid()).log().mean(),
        2,
    ),
    gan(
        "f_gan_discriminator_loss",
        lambda r, f: -(1 - (-r).exp()).mean() + (f.exp() - 1).mean(),
        2,
        divergence="squared_hellinger",
    ),
    gan("f_gan_generator_loss", lambda f: -(f.exp() - 1).mean(), 1, divergence="squared_hellinger"),
    Case(
        "gradient_penalty",
        lambda real, fake, weight: seeded(lambda: lu.gradient_penalty(critic(weight), real, fake)),
        lambda s: (normal(s.rows, 64), normal(s.rows, 64), normal(64, 16) / 8),
        {"textbook": lambda real, fake, weight: seeded(lambda: penalty(fake, real, weight))},
        learn=(2,),
    ),
]


def seeded(call: Callable[[], Tensor]) -> Tensor:
    """The loss with the same random mixtures for everyone."""
    torch.manual_seed(0)
    return call()


FOCAL = [
    Case(
        "balanced_binary_cross_entropy_with_logits",
        partial(lu.balanced_binary_cross_entropy_with_logits, alpha=0.25),
        logits_and_bits,
        {"textbook": partial(sigmoid_focal, gamma=0)},
    ),
    Case(
        "sigmoid_focal_loss",
        lu.sigmoid_focal_loss,
        logits_and_bits,
        {
            "textbook": sigmoid_focal,
            "torchvision": peers(
                "torchvision", "ops.focal_loss", lambda m, x, y: m.sigmoid_focal_loss(x, y, reduction="mean")
            ),
            "kornia": peers(
                "kornia",
                "losses",
                lambda m, x, y: m.binary_focal_loss_with_logits(x[:, None], y[:, None], 0.25, 2.0, "mean"),
            ),
            "monai": peers(
                "monai", "losses", lambda m, x, y: m.FocalLoss(gamma=2.0, alpha=0.25)(x[:, None], y[:, None])
            ),
            "smp": peers("smp", "losses", lambda m, x, y: m.FocalLoss("binary", 0.25, 2.0)(x, y)),
        },
    ),
    *(
        Case(
            f"softmax_focal_loss, {shape}",
            lu.softmax_focal_loss,
            draw,
            {
                "textbook": softmax_focal,
                "kornia": peers("kornia", "losses", lambda m, x, y: m.focal_loss(x, y, None, 2.0, "sum") / len(x)),
                "monai": peers(
                    "monai",
                    "losses",
                    lambda m, x, y: m.FocalLoss(use_softmax=True, to_onehot_y=True)(x, y[:, None]) * x.shape[1],
                ),
            },
        )
        for shape, draw in {"10 classes": logits_and_classes, "1000 classes": wide_logits_and_classes}.items()
    ),
    Case(
        "hard_example_mean",
        lambda losses: lu.hard_example_mean(losses, keep=len(losses) // 4),
        lambda s: (torch.rand(s.elements),),
        {"textbook": lambda losses: losses.topk(len(losses) // 4).values.mean()},
    ),
]

WHOLE = dict(from_logits=True, dims=(0, 2, 3))


OVERLAP = [
    Case(
        "dice_loss",
        partial(lu.dice_loss, from_logits=True, smooth=1.0),
        masks,
        {
            "textbook": lambda x, y: tversky(x, y, 0.5, 0.5, 0.5).mean(),
            "monai": peers(
                "monai", "losses", lambda m, x, y: m.DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)(x, y)
            ),
        },
    ),
    Case(
        "dice_loss, whole batch",
        partial(lu.dice_loss, **WHOLE),
        masks,
        {
            "textbook": lambda x, y: dice(x.flatten()[None, None, None], y.flatten()[None, None, None]),
            "smp": peers("smp", "losses", lambda m, x, y: m.DiceLoss("binary")(x, y)),
            "monai": peers("monai", "losses", lambda m, x, y: m.DiceLoss(sigmoid=True, batch=True)(x, y)),
        },
    ),
    Case(
        "soft_iou_loss",
        partial(lu.soft_iou_loss, from_logits=True),
        masks,
        {
            "textbook": soft_iou,
            "monai": peers("monai", "losses", lambda m, x, y: m.DiceLoss(sigmoid=True, jaccard=True)(x, y)),
        },
    ),
    Case(
        "soft_iou_loss, whole batch",
        partial(lu.soft_iou_loss, **WHOLE),
        masks,
        {
            "textbook": lambda x, y: soft_iou(x.flatten()[None, None, None], y.flatten()[None, None, None]),
            "smp": peers("smp", "losses", lambda m, x, y: m.JaccardLoss("binary")(x, y)),
        },
    ),
    Case(
        "tversky_loss",
        partial(lu.tversky_loss, alpha=0.3, beta=0.7, from_logits=True, smooth=1e-5),
        masks,
        {
            "textbook": lambda x, y: tversky(x, y, 0.3, 0.7).mean(),
            "monai": peers("monai", "losses", lambda m, x, y: m.TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7)(x, y)),
        },
    ),
    Case(
        "tversky_loss, whole batch",
        partial(lu.tversky_loss, alpha=0.3, beta=0.7, **WHOLE),
        masks,
        {"smp": peers("smp", "losses", lambda m, x, y: m.TverskyLoss("binary", alpha=0.3, beta=0.7)(x, y))},
    ),
    Case(
        "focal_tversky_loss",
        partial(lu.focal_tversky_loss, alpha=0.3, beta=0.7, gamma=4 / 3, from_logits=True),
        masks,
        {"textbook": lambda x, y: (tversky(x, y, 0.3, 0.7) ** 0.75).mean()},
    ),
    Case(
        "focal_tversky_loss, whole batch",
        partial(lu.focal_tversky_loss, alpha=0.3, beta=0.7, gamma=4 / 3, **WHOLE),
        masks,
        {"smp": peers("smp", "losses", lambda m, x, y: m.TverskyLoss("binary", alpha=0.3, beta=0.7, gamma=0.75)(x, y))},
    ),
    Case(
        "lovasz_hinge_loss",
        lu.lovasz_hinge_loss,
        masks,
        {
            "textbook": lovasz_hinge,
            "kornia": peers("kornia", "losses", lambda m, x, y: m.lovasz_hinge_loss(x, y[:, 0].long())),
            "smp": peers(
                "smp", "losses", lambda m, x, y: m.LovaszLoss("binary", per_image=True, from_logits=True)(x, y)
            ),
        },
    ),
    Case("box_iou_loss", lu.box_iou_loss, boxes, {"textbook": lambda a, b: (1 - overlap(a, b)[0]).mean()}),
    Case(
        "generalized_box_iou_loss",
        lu.generalized_box_iou_loss,
        boxes,
        {
            "textbook": giou,
            "torchvision": peers(
                "torchvision", "ops.giou_loss", lambda m, a, b: m.generalized_box_iou_loss(a, b, reduction="mean")
            ),
            "monai": peers("monai", "losses.giou_loss", lambda m, a, b: m.BoxGIoULoss()(a, b)),
        },
    ),
    Case(
        "distance_box_iou_loss",
        lu.distance_box_iou_loss,
        boxes,
        {
            "textbook": lambda a, b: diou(a, b).mean(),
            "torchvision": peers(
                "torchvision", "ops.diou_loss", lambda m, a, b: m.distance_box_iou_loss(a, b, reduction="mean")
            ),
        },
    ),
    Case(
        "complete_box_iou_loss",
        lu.complete_box_iou_loss,
        boxes,
        {
            "textbook": ciou,
            "torchvision": peers(
                "torchvision", "ops.ciou_loss", lambda m, a, b: m.complete_box_iou_loss(a, b, reduction="mean")
            ),
        },
    ),
]

EMBEDDING = [
    elementwise(
        "margin_ranking_loss",
        lambda a, b, y: (-y * (a - b)).clamp(min=0).mean(),
        lambda s: (*pair(s), signs(s.elements)),
        learn=(0, 1),
        torch=F.margin_ranking_loss,
    ),
    elementwise(
        "hinge_embedding_loss",
        lambda d, y: torch.where(y > 0, d, (1 - d).clamp(min=0)).mean(),
        lambda s: (torch.rand(s.elements) * 2, signs(s.elements)),
        torch=F.hinge_embedding_loss,
    ),
    elementwise(
        "cosine_embedding_loss",
        cosine_embedding,
        lambda s: (normal(s.rows, 64), normal(s.rows, 64), signs(s.rows)),
        learn=(0, 1),
        torch=F.cosine_embedding_loss,
    ),
    elementwise(
        "pairwise_contrastive_loss",
        lambda d, y: (y * d**2 + (1 - y) * (1 - d).clamp(min=0) ** 2).mean() / 2,
        lambda s: (torch.rand(s.elements) * 2, bits(s.elements)),
    ),
    elementwise(
        "triplet_margin_loss",
        lambda a, p, n: (1 + (a - p).norm(dim=1) - (a - n).norm(dim=1)).clamp(min=0).mean(),
        lambda s: (normal(s.rows, 64), normal(s.rows, 64), normal(s.rows, 64)),
        learn=(0, 1, 2),
        torch=F.triplet_margin_loss,
    ),
    Case(
        "info_nce_loss",
        lu.info_nce_loss,
        lambda s: (normal(s.pairs, 64), normal(s.pairs, 64)),
        {"textbook": info_nce},
        learn=(0, 1),
    ),
    Case(
        "info_nce_loss, 256 rows",  # the peer's memory grows with the cube of the rows
        lu.info_nce_loss,
        lambda s: (normal(s.pairs // 16, 64), normal(s.pairs // 16, 64)),
        {"textbook": info_nce, "pml": peers("pml", "losses", nt_xent_peer)},
        learn=(0, 1),
    ),
]

SEQUENCE = [Case("ctc_loss", lu.ctc_loss, sequences, {"torch": F.ctc_loss})]

COMBINE = [
    Case(
        "uncertainty_weighted_loss",
        partial(lu.uncertainty_weighted_loss, kinds=("regression", "classification", "classification")),
        lambda s: (torch.rand(3), normal(3)),
        {"textbook": uncertainty},
        learn=(0, 1),
    )
]

CASES = [*CLASSIFICATION, *REGRESSION, *PERCEPTUAL, *GAN, *FOCAL, *OVERLAP, *EMBEDDING, *SEQUENCE, *COMBINE]
