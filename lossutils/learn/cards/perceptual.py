"""The cards of ``lossutils.perceptual``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils import feature_loss, ssim_loss, style_loss, total_variation_loss
from lossutils.learn.cards import INF, Card, Minimiser, Names, Whole

_WEIGHTS = [1.0, 0.5]


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _draw_maps(generator: torch.Generator) -> tuple[Tensor, ...]:
    """The maps of two layers, of an image and of its target, which differ much or little."""
    shapes = [(2, 3, 4, 5), (2, 2, 3, 2)]
    apart = 10.0 ** int(torch.randint(-3, 1, (), generator=generator))
    targets = [_normal(generator, *shape) for shape in shapes]
    maps = [target + apart * _normal(generator, *target.shape) for target in targets]
    return maps[0], targets[0], maps[1], targets[1]


def _of_two_layers(loss):
    def call(map1: Tensor, target1: Tensor, map2: Tensor, target2: Tensor) -> Tensor:
        return loss([map1, map2], [target1, target2], weights=_WEIGHTS, reduction="none")

    return call


def _of_one_pixel(loss):
    """The mean loss of maps of one channel and one pixel: a constant against a sample of features."""

    def mean(feature: Tensor, targets: Tensor) -> Tensor:
        maps = targets[:, None, None, None]
        return loss([feature.expand_as(maps)], [maps])

    return mean


def _feature_reference(map1: Tensor, target1: Tensor, map2: Tensor, target2: Tensor) -> Tensor:
    pairs = zip(_WEIGHTS, (map1, map2), (target1, target2), strict=True)
    return sum(weight * (map_ - target).square().mean((1, 2, 3)) for weight, map_, target in pairs)


def _gram(map_: Tensor) -> Tensor:
    return torch.einsum("nchw,ndhw->ncd", map_, map_) / map_[0].numel()


def _style_reference(map1: Tensor, target1: Tensor, map2: Tensor, target2: Tensor) -> Tensor:
    pairs = zip(_WEIGHTS, (map1, map2), (target1, target2), strict=True)
    return sum(weight * (_gram(map_) - _gram(target)).square().sum((1, 2)) for weight, map_, target in pairs)


def _style_slope(map1: Tensor, target1: Tensor, map2: Tensor, target2: Tensor) -> Tensor:
    gap = _gram(map1) - _gram(target1)
    return 4 * _WEIGHTS[0] / map1[0].numel() * torch.einsum("ncd,ndhw->nchw", gap, map1)


def _draw_image(generator: torch.Generator) -> tuple[Tensor]:
    return (10.0 ** int(torch.randint(-6, 1, (), generator=generator)) * _normal(generator, 2, 2, 4, 5),)


def _variation(image: Tensor) -> Tensor:
    values = torch.zeros(len(image), dtype=image.dtype)
    for h in range(image.shape[2]):
        for w in range(image.shape[3]):
            if h > 0:
                values = values + (image[:, :, h, w] - image[:, :, h - 1, w]).abs().sum(1)
            if w > 0:
                values = values + (image[:, :, h, w] - image[:, :, h, w - 1]).abs().sum(1)
    return values


def _variation_slope(image: Tensor) -> Tensor:
    """How many of a pixel's neighbours are below it, less how many are above it."""
    inner = F.pad(image, (1, 1, 1, 1), mode="replicate")
    neighbours = inner[..., :-2, 1:-1], inner[..., 2:, 1:-1], inner[..., 1:-1, :-2], inner[..., 1:-1, 2:]
    return sum(torch.sign(image - neighbour) for neighbour in neighbours)


_SIDE = 11


def _draw_images(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images in [0, 1], unlike or nearly equal; of opposite patterns, of a contrast far above 0.03; a steep pair."""
    shape = (2, 2, 13, 12)
    case = int(torch.randint(4, (), generator=generator))
    if case == 2:
        pattern = 3 * _normal(generator, *shape)
        return 100 - pattern, 100 + pattern
    if case == 3:
        return _window_with_peak(-0.00030904, -0.00900523), _window_with_peak(0.00416245, 0.06585922)
    target, noise = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return torch.lerp(target, noise, (1.0, 0.01)[case]), target


def _window_with_peak(mean: float, peak: float) -> Tensor:
    """An image of one window, of a given mean, flat but for its central pixel, which is above the mean by ``peak``."""
    weights = _window()
    centre = torch.arange(len(weights)) == len(weights) // 2
    share = weights[centre]
    return torch.where(centre, mean + peak, mean - peak * share / (1 - share)).view(1, 1, _SIDE, _SIDE)


def _window() -> Tensor:
    """The weights of a window, (11 · 11)."""
    offset = torch.arange(_SIDE, dtype=torch.float64) - _SIDE // 2
    weights = torch.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    return (weights / weights.sum()).flatten()


def _patches(image: Tensor) -> Tensor:
    """The pixels of every window inside the images, (N, C, 11 · 11, P)."""
    return F.unfold(image, _SIDE).unflatten(1, (image.shape[1], -1))


def _factors(input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    """Both factors of SSIM in every window, (N, C, 1, P), the first one of means, and what their slopes need."""
    weights = _window()[:, None]
    x, y = _patches(input), _patches(target)
    mean_x, mean_y = (weights * x).sum(2, keepdim=True), (weights * y).sum(2, keepdim=True)
    x, y = x - mean_x, y - mean_y
    level = mean_x**2 + mean_y**2 + 0.01**2
    contrast = (weights * (x**2 + y**2)).sum(2, keepdim=True) + 0.03**2
    means = (2 * mean_x * mean_y + 0.01**2) / level
    patterns = (2 * (weights * x * y).sum(2, keepdim=True) + 0.03**2) / contrast
    from_means = 2 * weights * (mean_y - means * mean_x) / level
    from_patterns = 2 * weights * (y - patterns * x) / contrast
    return means, patterns, from_means, from_patterns


def _ssim_reference(input: Tensor, target: Tensor) -> Tensor:
    means, patterns, _, _ = _factors(input, target)
    return 1 - (means * patterns).mean((1, 2, 3))


def _ssim_slope(input: Tensor, target: Tensor) -> Tensor:
    means, patterns, from_means, from_patterns = _factors(input, target)
    slopes = patterns * from_means + means * from_patterns
    number = slopes.shape[1] * slopes.shape[3]
    return -F.fold(slopes.flatten(1, 2), input.shape[2:], _SIDE) / number


CARDS = [
    Card(
        name="feature_loss",
        section="perceptual/feature_and_style",
        title="Perceptual loss (features)",
        chinese="感知损失（特征损失）",
        origin="heuristic",
        story="The squared distance between the features that a trained network finds in two images, in place of their "
        "pixels: what the network takes for alike counts as alike.",
        tasks=["image", "generation"],
        inputs=["feature map"],
        takes="Two lists of feature maps (N, C, H, W), one map per layer, of the same shapes: those of a frozen network on the "
        "image and on its target, both normalised as the network was trained.",
        form=Whole(
            formula=r"\sum_j \frac{w_j}{C_j H_j W_j} \lVert \phi_j(x) - \phi_j(y) \rVert_2^2",
            gradient=r"\frac{\partial \ell}{\partial \phi_j(x)} = \frac{2 w_j}{C_j H_j W_j} (\phi_j(x) - \phi_j(y))",
            draw=_draw_maps,
            call=_of_two_layers(feature_loss),
            reference=_feature_reference,
            slope=lambda map1, target1, map2, target2: 2 * _WEIGHTS[0] / map1[0].numel() * (map1 - target1),
        ),
        minimiser=Minimiser(
            "in the features: the mean of the target's features, which need not be the features of any image",
            sample=lambda generator: _normal(generator, 300).exp(),
            loss=_of_one_pixel(feature_loss),
            statistic=lambda features: features.mean(),
            grid=(0.0, 5.0),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        influence="grows",
        shape_words="all this in the features: in the image the network's own shape comes in, and it is hardly ever convex",
        scale="All features times c: the loss times $c^2$, so that layers with large activations own the sum: hence the "
        "weights.",
        homogeneous=2,
        scaled=[0, 1, 2, 3],
        fails="What the network does not see, the loss does not cost: images come out with checkerboards and fine periodic "
        "patterns, and colours shift. An image in the wrong range or normalisation gives a loss that falls and a bad image.",
        names=Names(
            torch="`F.mse_loss` of the two maps, added over the layers, is it for weights of 1",
            keras="`losses.MeanSquaredError()` of the maps, once per layer",
            optax="`squared_error(predictions, targets)` of the maps, and its mean",
            others="MONAI `PerceptualLoss` is LPIPS or features of other networks",
            clash="“Perceptual loss” is this, this with the style loss, or LPIPS (Zhang et al. 2018), which normalises each "
            "place's channels and learns the weights.",
        ),
        papers=["johnson2016perceptual", "zhang2018unreasonable"],
    ),
    Card(
        name="style_loss",
        section="perceptual/feature_and_style",
        title="Style loss (Gram matrices)",
        chinese="风格损失（Gram 矩阵）",
        origin="heuristic",
        story="Texture is which features occur together, wherever: two images of one style have nearly equal Gram matrices.",
        tasks=["image", "generation"],
        inputs=["feature map"],
        takes="Two lists of feature maps, one map per layer, of a frozen network: of the image, and of the style image, which may "
        "have another height and width.",
        form=Whole(
            formula=r"\sum_j w_j \lVert G_j(x) - G_j(y) \rVert_F^2, \quad G = \frac{\phi\,\phi^\top}{C H W}",
            gradient=r"\frac{\partial \ell}{\partial \phi_j(x)} = \frac{4 w_j}{C_j H_j W_j} (G_j(x) - G_j(y))\, \phi_j(x)",
            draw=_draw_maps,
            call=_of_two_layers(style_loss),
            reference=_style_reference,
            slope=_style_slope,
        ),
        minimiser=Minimiser(
            "features whose Gram matrix is the mean of the targets', where there are such (for one channel and one pixel, the root mean square); "
            "never only one: pixels may be permuted, and all signs turned",
            sample=lambda generator: _normal(generator, 300).exp(),
            loss=_of_one_pixel(style_loss),
            statistic=lambda features: features.square().mean().sqrt(),
            grid=(0.0, 10.0),
        ),
        range=(0, INF),
        convex=False,
        smoothness="smooth",
        shape_words="all this in the features, where it is a polynomial of the fourth degree",
        homogeneous=4,
        scaled=[0, 1, 2, 3],
        scale="All features times c: the loss times $c^4$, so it differs by powers of ten between layers, and its weight in "
        "a sum has to be found anew for each network.",
        fails="It has no notion of place: a face's parts come out anywhere. Features of 0 have the gradient 0, whatever the "
        "target. Too small a weight looks as if the style were ignored, too large a one as if the content were.",
        names=Names(
            clash="The divisors differ by orders of magnitude, and so do the weights of recipes: for each layer Gatys et al. (2015) have ¼ "
            "of ours; PyTorch's style transfer tutorial takes the mean over the entries, $1/C^2$ of ours for one image; others "
            "divide the Gram matrix by $HW$ only, or by nothing.",
        ),
        papers=["gatys2015neural", "johnson2016perceptual"],
    ),
    Card(
        name="total_variation_loss",
        section="perceptual/feature_and_style",
        title="Total variation",
        chinese="全变分损失（总变差损失）",
        origin="heuristic",
        story="A regulariser: images are flat regions with edges, and noise is what makes neighbours differ.",
        tasks=["image", "generation"],
        inputs=["image"],
        takes="Images (N, C, H, W), and no target: it is to be added to a loss that has one.",
        form=Whole(
            formula=r"\sum_{c,h,w} \lvert x_{c,h+1,w} - x_{c,h,w} \rvert + \lvert x_{c,h,w+1} - x_{c,h,w} \rvert",
            gradient=r"\frac{\partial \ell}{\partial x_{c,h,w}} = \sum_{\text{neighbours } n} "
            r"\operatorname{sign}(x_{c,h,w} - x_n)",
            draw=_draw_image,
            call=lambda image: total_variation_loss(image, reduction="none"),
            reference=_variation,
            slope=_variation_slope,
        ),
        minimiser=Minimiser("any flat image, of whatever level"),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        lipschitz=4,
        shape_words="it has a kink where two neighbours are equal, and there the code takes 0 for the sign",
        scale="Pixels times c: the loss times c. It is a sum: the same picture with twice the pixels on each side has twice the "
        "loss, and pixel noise four times, so a weight tuned at one size is wrong at another.",
        homogeneous=1,
        fails="Too much of it wipes out fine texture and low contrast first and turns smooth shades into steps: the image "
        "looks painted. Diagonal edges cost up to $\\sqrt 2$ times as much as their length.",
        names=Names(
            torch="`x.diff(dim=-2).abs().sum()` + `x.diff(dim=-1).abs().sum()`",
            others="`tf.image.total_variation`; kornia `total_variation`, one value per channel; `piqa.tv.tv(x, norm='L1')`",
            clash="Rudin et al. have the isotropic form, the length of each pixel's gradient; scikit-image's "
            "`denoise_tv_chambolle` minimises that. Much code squares the differences, which blurs edges. kornia's "
            "`reduction='mean'` adds two means, over the differences down and those across.",
        ),
        papers=["rudin1992nonlinear"],
    ),
    Card(
        name="ssim_loss",
        section="perceptual/pixels_and_the_eye",
        title="SSIM",
        chinese="结构相似性损失（SSIM）",
        origin="heuristic",
        story="A model of what the eye compares in a small window: mean, contrast and pattern, each relative to its size.",
        tasks=["image", "generation"],
        inputs=["image"],
        takes="Images and targets of equal shape, at least as large as the window, with values from 0 up to L = "
        "`data_range`; images in [−1, 1] are to be shifted.",
        form=Whole(
            formula=r"1 - \frac{1}{C \lvert P \rvert} \sum_{c,p} l\,s, \quad "
            r"l = \frac{2 \mu_x \mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}, \quad "
            r"s = \frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}",
            gradient=r"\frac{\partial \ell}{\partial x_q} = -\frac{2}{C \lvert P \rvert} \sum_p g_{q-p} \left( "
            r"s\, \frac{\mu_y - l \mu_x}{\mu_x^2 + \mu_y^2 + c_1} + "
            r"l\, \frac{(y_q - \mu_y) - s\,(x_q - \mu_x)}{\sigma_x^2 + \sigma_y^2 + c_2} \right)",
            draw=_draw_images,
            call=lambda input, target: ssim_loss(input, target, reduction="none"),
            reference=_ssim_reference,
            slope=_ssim_slope,
        ),
        minimiser=Minimiser(
            r"no simple statistic. For flat images it is a relative error, $(v - y)^2/(v^2 + y^2 + c_1)$: dark targets weigh "
            "more than bright ones"
        ),
        range=(0, 2),
        range_words="with all pixels in [0, L] it is at most 1.9964, and above 1 only where patterns are opposite.",
        convex=False,
        smoothness="smooth",
        lipschitz=10.30211,
        shape_words="that bound is for L = 1 and an image of one default window; it is inverse to L, and more pixels or "
        "channels share it",
        scale="Images and L times c: unchanged. Images alone times c: the constants $c_1 = (0.01 L)^2$ and "
        "$c_2 = (0.03 L)^2$ count for more or less.",
        fails="A wrong `data_range` is silent: for images in [0, 1], L = 255 gives 0.004 between two images of mere noise; "
        "for images in [0, 255], L = 1 makes faint noise on a flat area cost nearly 1. Bright areas may shift at little cost: "
        "colours drift.",
        names=Names(
            keras="`1 - ops.image.ssim(image1, image2, max_val=1.0)`",
            others="scikit-image `structural_similarity`, kornia `ssim_loss(window_size, max_val=1.0)`, MONAI "
            "`SSIMLoss(spatial_dims)`, pytorch-msssim `ssim(data_range=255)`, `tf.image.ssim(max_val)`",
            clash="kornia halves it and pads. pytorch-msssim's L is 255 by default. scikit-image gives SSIM, by default with "
            "a uniform 7×7 window and sample variances: it agrees with `gaussian_weights=True, use_sample_covariance=False`.",
        ),
        papers=["wang2004image"],
    ),
]
