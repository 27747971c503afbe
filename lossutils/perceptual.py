"""Losses of images that look beyond the single pixel: features of a network, textures, smoothness, local structure.

Images and feature maps are (N, C, H, W), the batch first. "none" gives one value an image, and "mean" divides by N.
Half-precision inputs are computed in float32 and returned in their own dtype; under autocast the loss is float32. A NaN
in the data comes out as NaN in its image. The mean over an empty batch is an error; the sum over one is 0.

The feature losses take the feature maps, not a network: any callable that returns a list of maps will do, such as the
first layers of a classifier, and nothing is downloaded here. Let its weights be frozen, and the maps of the target be
computed once, under `torch.no_grad()`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lossutils._core import (
    check_alike,
    check_dims,
    check_equal_shapes,
    check_not_empty,
    check_number,
    check_reduction,
    check_tensor,
    no_autocast,
    reduce,
    restore,
    upcast,
)

__all__ = [
    "feature_loss",
    "gram_matrix",
    "ssim_loss",
    "style_loss",
    "total_variation_loss",
]


def feature_loss(
    features: Sequence[Tensor],
    target_features: Sequence[Tensor],
    *,
    weights: Sequence[float] | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The perceptual loss: the squared distance of two images in the feature maps of a network.

    .. math:: \ell = \sum_j \frac{w_j}{C_j H_j W_j} \, \|\phi_j(x) - \phi_j(y)\|_2^2

    with layer j of the network φ, of C_j channels. Never negative; 0 for equal images, and for all images that φ can't
    tell apart. With φ the identity it is :func:`mse_loss`. It compares place by place; :func:`style_loss` forgets
    places.

    Args:
        features: φ(x), a list with one map a layer.
        target_features: φ(y), a list of maps of the same shapes.
        weights: a list with one number a layer, ≥ 0; None for 1 each.
        reduction: "none", "mean" or "sum".

    Shape:
        features and target_features: lists of (N, C_j, H_j, W_j), with one N for all layers; the result is (N) for
        "none", else a scalar.

    Convention:
        "mean" divides by N, for each layer's part is itself a mean over the elements of its map. The layers are added,
        not averaged. No normalisation of channels, as LPIPS has it.

    Raises:
        TypeError: if an argument is no list, a map is not a floating-point tensor, the dtypes differ, or a weight is
            not a number.
        ValueError: if the lists are empty or of unequal lengths, shapes differ or are not (N, C, H, W), a map has no
            pixels, a weight is negative, infinite or NaN, the reduction is unknown, or the batch is empty and the
            reduction "mean".

    Source:
        Johnson, Alahi and Fei-Fei (2016), Perceptual losses for real-time style transfer and super-resolution,
        equation 2.

    Example:
        >>> import torch
        >>> from lossutils import feature_loss
        >>> def network(image):  # any callable that returns a list of maps
        ...     edges = torch.nn.functional.relu(image.diff(dim=-1))
        ...     return [edges, torch.nn.functional.avg_pool2d(edges, 2)]
        >>> image, target = torch.zeros(1, 1, 2, 3), torch.tensor([[[[0.0, 1.0, 3.0], [0.0, 0.0, 0.0]]]])
        >>> feature_loss(network(image), network(target), weights=[1.0, 0.5]).item()  # 5/4 + 0.5 · (3/4)²
        1.53125
    """
    check_reduction(reduction)
    weights = _check_layers(features, target_features, weights, reduction)
    for j, (map_, target) in enumerate(zip(features, target_features, strict=True)):
        check_equal_shapes(**{f"features[{j}]": map_, f"target_features[{j}]": target})
    values = 0.0
    for map_, target, weight in zip(features, target_features, weights, strict=True):
        size = math.prod(map_.shape[1:])
        distances = F.mse_loss(*upcast(map_, target), reduction="none").sum((1, 2, 3))
        values = values + weight / size * distances
    return reduce(values, reduction, features[0])


def gram_matrix(features: Tensor) -> Tensor:
    r"""The products of every two channels, summed over all places: which features occur together, and not where.

    .. math:: G_{cd} = \frac{1}{C H W} \sum_{h, w} F_{chw} \, F_{dhw}

    Symmetric and positive semidefinite, and the same however the pixels are permuted. :func:`style_loss` compares two.

    Args:
        features: the feature maps of one layer.

    Shape:
        features (N, C, H, W); the result is (N, C, C). H and W may differ from another image's.

    Convention:
        Divided by C·H·W, as Johnson et al. do. Gatys et al. (2015) do not divide, and put 4 C² (H W)² under the squared
        distance instead, so that their layer is (C H W)²/(4 C² (H W)²) = ¼ of ours. The mean is not subtracted: it is
        no covariance.

    Raises:
        TypeError: if features is not a floating-point tensor.
        ValueError: if the shape is not (N, C, H, W), or the map has no pixels.

    Source:
        Johnson, Alahi and Fei-Fei (2016), Perceptual losses for real-time style transfer and super-resolution,
        equation 3.

    Example:
        >>> import torch
        >>> from lossutils import gram_matrix
        >>> gram_matrix(torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]]))
        tensor([[[1.2500, 0.7500],
                 [0.7500, 2.2500]]])
    """
    _check_map("features", features)
    return restore(_gram(features), features)


def style_loss(
    features: Sequence[Tensor],
    target_features: Sequence[Tensor],
    *,
    weights: Sequence[float] | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The style loss: the squared distance of two images' Gram matrices, which hold texture without place.

    .. math:: \ell = \sum_j w_j \, \|G(\phi_j(x)) - G(\phi_j(y))\|_F^2

    with layer j of the network φ and :func:`gram_matrix` G. Never negative; 0 for equal images, and for any permutation
    of the pixels of a map. It is of the fourth degree in the features, so its size varies greatly from layer to layer:
    hence the weights. Style transfer adds it to :func:`feature_loss`, which keeps the content.

    Args:
        features: φ(x), a list with one map a layer.
        target_features: φ(y), of the style image, a list of maps of the same numbers of channels.
        weights: a list with one number a layer, ≥ 0; None for 1 each.
        reduction: "none", "mean" or "sum".

    Shape:
        features and target_features: lists of (N, C_j, H_j, W_j), with one N for all layers. The two images may differ
        in H and W. One style for a batch: expand its maps to N. The result is (N) for "none", else a scalar.

    Convention:
        "mean" divides by N. The sum of squares over the C×C entries, not their mean; G is divided by C·H·W. Gatys et
        al. (2015) have ¼ of it a layer.

    Raises:
        TypeError: if an argument is no list, a map is not a floating-point tensor, the dtypes differ, or a weight is
            not a number.
        ValueError: if the lists are empty or of unequal lengths, shapes are not (N, C, H, W) or differ in N or C, a map
            has no pixels, a weight is negative, infinite or NaN, the reduction is unknown, or the batch is empty and
            the reduction "mean".

    Source:
        Johnson, Alahi and Fei-Fei (2016), Perceptual losses for real-time style transfer and super-resolution,
        equation 4; Gatys, Ecker and Bethge (2015), A neural algorithm of artistic style.

    Example:
        >>> import torch
        >>> from lossutils import style_loss
        >>> stripes = torch.tensor([[[[1.0, 0.0, 1.0, 0.0]]]])
        >>> style_loss([stripes], [stripes.roll(1, -1)]).item(), style_loss([stripes], [2 * stripes]).item()
        (0.0, 2.25)
    """
    check_reduction(reduction)
    weights = _check_layers(features, target_features, weights, reduction)
    for j, (map_, target) in enumerate(zip(features, target_features, strict=True)):
        if map_.shape[:2] != target.shape[:2]:
            raise ValueError(
                f"features[{j}] and target_features[{j}] must have equal numbers of images and channels, got the "
                f"shapes {tuple(map_.shape)} and {tuple(target.shape)}"
            )
    values = 0.0
    for map_, target, weight in zip(features, target_features, weights, strict=True):
        distances = F.mse_loss(_gram(map_), _gram(target), reduction="none").sum((1, 2))
        values = values + weight * distances
    return reduce(values, reduction, features[0])


def total_variation_loss(image: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""The total variation: the sum of the absolute differences of neighbouring pixels, which noise makes large.

    .. math::
        \ell = \sum_{c, h, w} |x_{c, h+1, w} - x_{c, h, w}| + \sum_{c, h, w} |x_{c, h, w+1} - x_{c, h, w}|

    A regulariser of one image, without a target: it prefers flat regions, but a sharp edge costs no more than a slope
    of the same height. Never negative; 0 for flat images only. A constant added to a channel changes nothing. Between
    equal neighbours, where it has no derivative, the gradient is 0.

    Args:
        image: the images.
        reduction: "none", "mean" or "sum".

    Shape:
        image (N, C, H, W), with any H and W: a single row or column has no neighbours across. The result is (N) for
        "none", else a scalar.

    Convention:
        The anisotropic form. A sum over channels and pixels, so that it grows with the size of the image; "mean"
        divides by N. kornia's `total_variation` gives the sum of each channel, and its "mean" adds the mean difference
        down and the one across. Rudin et al. have the isotropic form, the length of each pixel's gradient.

    Raises:
        TypeError: if image is not a floating-point tensor.
        ValueError: if the shape is not (N, C, H, W), the reduction is unknown, or the batch is empty and the reduction
            "mean".

    Source:
        Rudin, Osher and Fatemi (1992), Nonlinear total variation based noise removal algorithms, for the idea; the
        anisotropic form, with absolute values, is what deep learning uses.

    Example:
        >>> import torch
        >>> from lossutils import total_variation_loss
        >>> total_variation_loss(torch.tensor([[[[0.0, 1.0], [5.0, 3.0]]]])).item()  # 5 + 2 + 1 + 2
        10.0
    """
    check_reduction(reduction)
    _check_image("image", image)
    check_not_empty("image", image, reduction)
    (wide,) = upcast(image)
    return reduce(_TotalVariation.apply(wide), reduction, image)


def ssim_loss(
    input: Tensor,
    target: Tensor,
    *,
    data_range: float = 1.0,
    window_size: int = 11,
    sigma: float = 1.5,
    reduction: str = "mean",
) -> Tensor:
    r"""One minus the structural similarity (SSIM), which compares local means, contrasts and patterns.

    .. math::
        \ell = 1 - \frac{1}{C |P|} \sum_{c, p} \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)},
        \qquad c_1 = (0.01 L)^2, \quad c_2 = (0.03 L)^2

    with the means, variances and the covariance of the two images x and y in the Gaussian window around each pixel p of
    each channel c, and L = data_range. Symmetric, and from 0 to 2; only equal images have 0. Images around 0 don't suit
    it: x and −x have opposite means and opposite patterns, and the two signs can cancel to a loss near 0, so shift
    images in [−1, 1] to [0, 1]. Computed by the sum and the difference of the images, so
    that small losses keep their digits: the loss of equal images is exactly 0, with gradient 0. It is not convex.

    Args:
        input: the images.
        target: the images to compare with.
        data_range: L > 0, the difference of the largest and the least value a pixel can take: 1 for images in [0, 1],
            255 for bytes. It only sets the constants c; the images are not checked against it.
        window_size: the side of the window, odd.
        sigma: the standard deviation of the Gaussian window in pixels, > 0.
        reduction: "none", "mean" or "sum".

    Shape:
        input and target (N, C, H, W), equal, with H and W of at least window_size; the result is (N) for "none", else a
        scalar.

    Convention:
        1 − SSIM; kornia's `ssim_loss` is half of it. Only the pixels whose window lies inside the image count, as in
        the authors' code, scikit-image (with gaussian_weights=True, use_sample_covariance=False), MONAI and
        pytorch-msssim; kornia pads the image unless padding="valid". Each channel by itself, then the mean over
        channels and pixels; "mean" divides by N. Variances are those of the window, without n/(n − 1).

    Raises:
        TypeError: if a tensor is not floating-point, the dtypes differ, an option is not a number, or window_size is
            not whole.
        ValueError: if the shapes differ or are not (N, C, H, W), the images are smaller than the window, data_range or
            sigma is not positive and finite, window_size is even or not positive, the reduction is unknown, or the
            batch is empty and the reduction "mean".

    Source:
        Wang, Bovik, Sheikh and Simoncelli (2004), Image quality assessment: from error visibility to structural
        similarity, equations 13 to 17.

    Example:
        >>> import torch
        >>> from lossutils import ssim_loss
        >>> black, white = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
        >>> ssim_loss(black, black).item(), round(ssim_loss(black, white).item(), 4)
        (0.0, 0.9999)
    """
    check_number("data_range", data_range, "above 0 and finite", lambda v: 0 < v < math.inf)
    check_number("window_size", window_size, "that is odd and above 0", lambda n: n > 0 and n % 2 == 1, whole=True)
    check_number("sigma", sigma, "above 0 and finite", lambda v: 0 < v < math.inf)
    check_reduction(reduction)
    check_alike(input=input, target=target)
    _check_map("input", input)
    check_equal_shapes(input=input, target=target)
    if min(input.shape[2:]) < window_size:
        raise ValueError(
            f"input must be at least as high and wide as window_size = {window_size}, got {tuple(input.shape)}: "
            "choose a smaller odd window_size"
        )
    check_not_empty("input", input, reduction)
    halves = _half_dissimilarity(*upcast(input, target), data_range, window_size, sigma)
    return reduce(2 * halves.mean((1, 2, 3)), reduction, input)


def _check_image(name: str, image: Tensor) -> None:
    check_tensor(name, image)
    check_dims(name, image, "(N, C, H, W)", lambda dims: dims == 4)


def _check_map(name: str, map_: Tensor) -> None:
    """An image with pixels and channels: a mean over them is taken."""
    _check_image(name, map_)
    if 0 in map_.shape[1:]:
        raise ValueError(f"{name} must have channels and pixels, got the shape {tuple(map_.shape)}")


def _check_layers(
    features: Sequence[Tensor], target_features: Sequence[Tensor], weights: Sequence[float] | None, reduction: str
) -> Sequence[float]:
    """Check the two lists of maps, but for the shapes of a pair, and return the weights."""
    lists = {"features": features, "target_features": target_features}
    for name, value in lists.items():
        if not isinstance(value, (list, tuple)):
            kind = "a tensor" if isinstance(value, Tensor) else type(value).__name__
            raise TypeError(f"{name} must be a list with one map a layer, got {kind}")
    if weights is not None and not isinstance(weights, (list, tuple)):
        kind = "a tensor" if isinstance(weights, Tensor) else type(weights).__name__
        raise TypeError(f"weights must be a list with one number a layer, or None, got {kind}")
    if not features:
        raise ValueError("features must hold the map of at least one layer, got an empty list")
    for name, value in {"target_features": target_features, "weights": weights}.items():
        if value is not None and len(value) != len(features):
            raise ValueError(f"features and {name} must have equal lengths, got {len(features)} and {len(value)}")
    if weights is None:
        weights = [1.0] * len(features)
    for j, weight in enumerate(weights):
        check_number(f"weights[{j}]", weight, "of at least 0 and finite", lambda w: 0 <= w < math.inf)
    maps = {f"{name}[{j}]": map_ for name, value in lists.items() for j, map_ in enumerate(value)}
    check_alike(**maps)
    for name, map_ in maps.items():
        _check_map(name, map_)
        if len(map_) != len(features[0]):
            raise ValueError(f"{name} must hold as many images as features[0], got {len(map_)} and {len(features[0])}")
    check_not_empty("features[0]", features[0], reduction)
    return weights


def _gram(features: Tensor) -> Tensor:
    (wide,) = upcast(features)
    with no_autocast(features):
        rows = wide.flatten(2)
        return rows @ rows.mT / math.prod(features.shape[1:])


class _TotalVariation(torch.autograd.Function):
    """The total variation of each image.

    A backward by hand adds the signs of the differences up in place; autograd's would make a whole image of zeros for
    each of the four slices. The backward is made of torch operations, which can be differentiated and mapped over.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(image: Tensor) -> Tensor:
        down, across = image.diff(dim=2), image.diff(dim=3)
        return sum(torch.linalg.vector_norm(d, 1, (1, 2, 3)) for d in (down, across))

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, slope: Tensor) -> Tensor:
        (image,) = ctx.saved_tensors
        down, across = image.diff(dim=2).sgn(), image.diff(dim=3).sgn()
        signs = torch.zeros_like(image)
        signs[:, :, 1:] += down
        signs[:, :, :-1] -= down
        signs[..., 1:] += across
        signs[..., :-1] -= across
        return signs * slope[:, None, None, None]


def _half_dissimilarity(input: Tensor, target: Tensor, data_range: float, window_size: int, sigma: float) -> Tensor:
    """(1 − SSIM)/2 around each pixel whose window lies in the image.

    With s the sum and d the difference of the images, the two factors of SSIM are 1 − 2p and 1 − 2q, where

        p = μ_d² / (μ_s² + μ_d² + 2 c1),    q = σ_d² / (σ_s² + σ_d² + 2 c2),

    and so (1 − SSIM)/2 = p + q − 2pq, without the difference of two numbers near 1, and with four images to filter, s,
    d, s² and d², instead of five.
    """
    both = torch.stack((input + target, input - target))
    if data_range != 1:
        both = both / data_range
    # A variance as E[x²] − μ² loses its digits to a large mean. The mean of the image is taken out first; the result
    # does not depend on it, and so it needs no gradient.
    level = both.detach().mean((-2, -1), keepdim=True)
    both.sub_(level)
    # One call for all four: oneDNN convolves channels in blocks of 16, and pads what is less.
    mean, square = _blur(torch.stack((both, both.square())), window_size, sigma).unbind(0)
    variance = F.relu(square - mean.square())  # rounding may leave a little less than 0
    power = (mean + level).square()
    p = power[1] / (power[0] + power[1] + 2 * 0.01**2)
    q = variance[1] / (variance[0] + variance[1] + 2 * 0.03**2)
    return torch.addcmul(p + q, p, q, value=-2)


def _blur(images: Tensor, window_size: int, sigma: float) -> Tensor:
    """The Gaussian means in every window inside the images (…, H, W), by columns and then by rows.

    Each image is a channel of its own in one large image: torch's convolution by channels is several times as fast on
    the CPU as the same one over a batch of images with one channel each.
    """
    offset = torch.arange(window_size, dtype=torch.float64) - window_size // 2
    window = torch.softmax(-0.5 * (offset / sigma).square(), 0).to(images)
    height, width = images.shape[-2:]
    channels = math.prod(images.shape[:-2])
    if channels == 0:  # an empty batch, which a convolution by channels refuses
        return images[..., window_size - 1 :, window_size - 1 :]
    flat = images.reshape(1, channels, height, width)
    with no_autocast(images):
        flat = F.conv2d(flat, window.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
        flat = F.conv2d(flat, window.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return flat.reshape(*images.shape[:-2], *flat.shape[-2:])
