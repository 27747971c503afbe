"""The perceptual losses: values against loops written from the papers, extremes, and every error."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from lossutils import feature_loss, gram_matrix, mse_loss, ssim_loss, style_loss, total_variation_loss
from lossutils.perceptual import _blur, _half_dissimilarity

F64 = torch.float64


def rand(*shape, seed=0, dtype=F64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def maps(seed, *, n=3):
    """Two layers of other channels and sizes, with both signs."""
    return [rand(n, 2, 4, 3, seed=seed) - 0.5, rand(n, 5, 2, 2, seed=seed + 1) - 0.5]


def slope(loss, *leaves):
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    return torch.autograd.grad(loss(*leaves), leaves)


# Features and styles


def feature_loss_by_hand(features, targets, weights):
    """Johnson et al. (2016), equation 2, layer by layer and number by number."""
    totals = []
    for n in range(len(features[0])):
        total = 0.0
        for f, t, w in zip(features, targets, weights, strict=True):
            a, b = f[n].flatten().tolist(), t[n].flatten().tolist()
            total += w * sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
        totals.append(total)
    return torch.tensor(totals, dtype=F64)


def gram_by_hand(f):
    """Equation 3 with its three sums."""
    c, h, w = f.shape
    products = [[sum(f[i, y, x] * f[j, y, x] for y in range(h) for x in range(w)) for j in range(c)] for i in range(c)]
    return torch.tensor(products, dtype=F64) / (c * h * w)


def style_loss_by_hand(features, targets, weights):
    """Equation 4: squared Frobenius norms."""
    totals = []
    for n in range(len(features[0])):
        distances = [(gram_by_hand(f[n]) - gram_by_hand(t[n])) ** 2 for f, t in zip(features, targets, strict=True)]
        totals.append(sum(w * sum(d.flatten().tolist()) for w, d in zip(weights, distances, strict=True)))
    return torch.tensor(totals, dtype=F64)


@pytest.mark.parametrize("weights", [None, [0.5, 3], (2.0, 0.0)])
def test_feature_loss_is_the_papers(weights):
    """The mean over C·H·W, not over H·W; weights in the order of the layers, 1 by default; the sum of the layers."""
    f, t = maps(1), maps(7)
    got = feature_loss(f, t, weights=weights, reduction="none")
    torch.testing.assert_close(got, feature_loss_by_hand(f, t, weights or [1, 1]))


@pytest.mark.parametrize("weights", [None, [0.5, 3], (2.0, 0.0)])
def test_style_loss_is_the_papers(weights):
    """G by C·H·W, squared Frobenius norms summed over C×C; the style image may have another size."""
    f, t = maps(1), [rand(3, 2, 2, 5, seed=8), rand(3, 5, 1, 3, seed=9)]
    got = style_loss(f, t, weights=weights, reduction="none")
    torch.testing.assert_close(got, style_loss_by_hand(f, t, weights or [1, 1]))


def test_gram_matrix_by_hand():
    """The products of channels of one image, divided by C·H·W."""
    f = maps(1)[0]
    torch.testing.assert_close(gram_matrix(f), torch.stack([gram_by_hand(image) for image in f]))


def test_gatys_is_a_quarter():
    """Gatys et al. (2015): no division in G, and 4 N² M² under the distance, with N channels and M pixels."""
    f, t = maps(1)[0], maps(7)[0]
    n, m = 2, 12
    raw = (n * m) * (gram_matrix(f) - gram_matrix(t))
    gatys = raw.square().sum((1, 2)) / (4 * n**2 * m**2)
    torch.testing.assert_close(style_loss([f], [t], reduction="none"), 4 * gatys)


def test_feature_loss_of_pixels_is_the_mean_squared_error():
    """With the identity for a network."""
    x, y = rand(2, 3, 4, 5, seed=1), rand(2, 3, 4, 5, seed=2)
    torch.testing.assert_close(feature_loss([x], [y]), mse_loss(x, y))


def test_features_of_a_network():
    """Any callable that returns a list: the gradient reaches the image through it."""
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Conv2d(2, 3, 3)).double()

    def features(image):
        collected = []
        for layer in network:
            image = layer(image)
            collected.append(image)
        return collected

    image, target = rand(2, 1, 7, 7, seed=1).requires_grad_(), rand(2, 1, 7, 7, seed=2)
    with torch.no_grad():
        wanted = features(target)
    for loss in (feature_loss, style_loss):
        (steps,) = torch.autograd.grad(loss(features(image), wanted), image)
        assert steps.isfinite().all() and steps.abs().sum() > 0


def test_maps_of_half_precision_and_large_features():
    """Sums over 10⁵ pixels in float16 would overflow; under autocast a product would be rounded to bfloat16."""
    big = torch.full((1, 2, 256, 256), 20.0, dtype=torch.float16)
    assert gram_matrix(big).tolist() == [[[200, 200], [200, 200]]]
    assert style_loss([big], [0 * big]).item() == math.inf  # 160 000, more than float16 holds
    assert style_loss([big], [0 * big], weights=[0.25]).item() == 40_000
    assert feature_loss([big], [0 * big]).item() == 400
    f = rand(1, 2, 8, 8, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(gram_matrix(f), gram_matrix(f)) and gram_matrix(f).dtype == torch.float32
        inside = gram_matrix(f)
    assert torch.equal(inside, gram_matrix(f))


def test_half_precision_layers_are_added_in_float32():
    """1 + 2⁻¹¹ · 2 of two layers, rounded once."""
    one, small = torch.ones(1, 1, 1, 1, dtype=torch.float16), torch.full((1, 1, 1, 1), 0.022, dtype=torch.float16)
    zero = torch.zeros_like(one)
    wanted = (1 + 2 * small.double() ** 2).half().item()
    assert feature_loss([one, small, small], [zero] * 3).item() == wanted


def test_large_features():
    """±1e4 in float32 and ±1e20 in float64 square without overflow."""
    for size, dtype in ((1e4, torch.float32), (1e20, F64)):
        x = torch.full((1, 1, 2, 2), size, dtype=dtype)
        assert feature_loss([x], [-x]).item() == pytest.approx(4 * size**2, rel=1e-6)
        assert style_loss([x], [0 * x]).item() == pytest.approx(size**4, rel=1e-6)
        assert total_variation_loss(x * torch.tensor([1.0, -1.0], dtype=dtype)).item() == 4 * size


def test_nan_stays_in_its_image():
    """One broken image of a batch shows, and does not hide the others."""
    bad = maps(1)
    bad[1][0, 0, 0, 0] = math.nan
    for loss in (feature_loss, style_loss):
        assert loss(bad, maps(7), reduction="none").isnan().tolist() == [True, False, False]
    image = rand(2, 1, 12, 12)
    image[1, 0, 6, 6] = math.nan
    assert total_variation_loss(image, reduction="none").isnan().tolist() == [False, True]
    assert ssim_loss(image, rand(2, 1, 12, 12, seed=1), reduction="none").isnan().tolist() == [False, True]
    assert gram_matrix(image).isnan().flatten().tolist() == [False, True]


# Total variation


def total_variation_by_hand(image):
    c, h, w = image.shape
    down = sum(abs(image[k, i + 1, j] - image[k, i, j]) for k in range(c) for i in range(h - 1) for j in range(w))
    across = sum(abs(image[k, i, j + 1] - image[k, i, j]) for k in range(c) for i in range(h) for j in range(w - 1))
    return down + across


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 1, 5), (2, 2, 4, 1), (1, 1, 1, 1)])
def test_total_variation_is_a_double_sum(shape):
    """Every pair of neighbours once; a single row or column has none across, and its gradient is there nevertheless."""
    image = (rand(*shape) - 0.5).requires_grad_()
    got = total_variation_loss(image, reduction="none")
    wanted = torch.stack([torch.as_tensor(total_variation_by_hand(x), dtype=F64) for x in image])
    torch.testing.assert_close(got, wanted)
    weights = torch.linspace(0.5, 2, len(image), dtype=F64)
    (slopes,) = torch.autograd.grad((got * weights).sum(), image)
    steps = torch.zeros(shape, dtype=F64)
    if wanted.requires_grad:
        (steps,) = torch.autograd.grad((wanted * weights).sum(), image)
    torch.testing.assert_close(slopes, steps)


def test_total_variation_at_equal_neighbours():
    """The kink: the gradient of a flat image is 0, that of one raised pixel is the number of its neighbours."""
    image = torch.zeros(1, 1, 3, 3, requires_grad=True)
    total_variation_loss(image).backward()
    assert not image.grad.any()
    raised = torch.zeros(1, 1, 3, 3)
    raised[0, 0, 1, 1] = 1e-30
    (slopes,) = slope(total_variation_loss, raised)
    assert slopes[0, 0].tolist() == [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]


def test_total_variation_of_no_pixels():
    """An image without pixels has no neighbours: "none" is 0, while the mean over nothing stays an error."""
    image = torch.zeros(2, 3, 0, 4)
    assert total_variation_loss(image, reduction="none").tolist() == [0, 0]
    assert total_variation_loss(image, reduction="sum").item() == 0
    with pytest.raises(ValueError, match=r"undefined, got image of shape \(2, 3, 0, 4\)"):
        total_variation_loss(image)


# Structural similarity


def ssim_by_hand(x, y, data_range=1.0, window_size=11, sigma=1.5):
    """Wang et al. (2004), equations 13 to 17, window by window, with centred variances: (N, C, H', W')."""
    offsets = torch.arange(window_size, dtype=F64) - (window_size - 1) / 2
    window = torch.exp(-((offsets[:, None] / sigma) ** 2 + (offsets / sigma) ** 2) / 2)
    window = window / window.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    rows = []
    for i in range(x.shape[2] - window_size + 1):
        row = []
        for j in range(x.shape[3] - window_size + 1):
            a, b = (t[:, :, i : i + window_size, j : j + window_size] for t in (x, y))
            mean_a, mean_b = ((window * t).sum((2, 3), keepdim=True) for t in (a, b))
            of = lambda t: (window * t).sum((2, 3))  # noqa: E731
            var_a, var_b = of((a - mean_a) ** 2), of((b - mean_b) ** 2)
            cov = of((a - mean_a) * (b - mean_b))
            mean_a, mean_b = mean_a[..., 0, 0], mean_b[..., 0, 0]
            luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            row.append(luminance * (2 * cov + c2) / (var_a + var_b + c2))
        rows.append(torch.stack(row, -1))
    return torch.stack(rows, -2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data_range": 255.0},
        {"data_range": 2.0},
        {"data_range": 0.1, "window_size": 3},
        {"window_size": 7, "sigma": 0.7},
        {"window_size": 1},
        {"sigma": 1e-200},
        {"sigma": 1e6, "window_size": 5},
    ],
    ids=str,
)
def test_ssim_is_the_papers(options):
    """The constants, the window, the valid region; values and gradients against loops over the windows."""
    scale = options.get("data_range", 1.0)
    x, y = scale * rand(2, 2, 13, 12, seed=1), scale * rand(2, 2, 13, 12, seed=2)
    wanted = partial(ssim_by_hand, **options)
    got = ssim_loss(x, y, reduction="none", **options)
    torch.testing.assert_close(got, 1 - wanted(x, y).mean((1, 2, 3)), rtol=1e-11, atol=1e-13)
    ours = slope(partial(ssim_loss, **options), x, y)
    theirs = slope(lambda a, b: 1 - wanted(a, b).mean(), x, y)
    torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10 / scale)


def test_ssim_defaults():
    """Window 11, σ 1.5, range 1: each default is the value spelled out, and matters."""
    x, y = rand(1, 1, 12, 12, seed=1), rand(1, 1, 12, 12, seed=2)
    default = ssim_loss(x, y)
    assert torch.equal(default, ssim_loss(x, y, data_range=1.0, window_size=11, sigma=1.5))
    for other in ({"data_range": 1.1}, {"window_size": 9}, {"sigma": 1.6}):
        assert not torch.isclose(default, ssim_loss(x, y, **other), rtol=1e-6, atol=0)


def test_ssim_of_skimage():
    """scikit-image 0.26: structural_similarity(x, y, data_range=1, gaussian_weights=True,
    use_sample_covariance=False) of the two images gives this number, and so do MONAI 1.6.1 and pytorch-msssim 1.0.0.
    """
    i, j = torch.meshgrid(torch.arange(16, dtype=F64), torch.arange(20, dtype=F64), indexing="ij")
    x, y = torch.sin(0.3 * i + 0.5 * j) / 2 + 0.5, torch.cos(0.2 * i * j / 4) / 2 + 0.5
    assert ssim_loss(x[None, None], y[None, None]).item() == pytest.approx(1 - -0.15233490586307202, abs=1e-12)


def test_ssim_of_flat_images():
    """Black and white: luminance is all, 1 − c1/(1 + c1); equal images: exactly 0, with gradient 0."""
    black, white = torch.zeros(1, 1, 12, 12), torch.ones(1, 1, 12, 12)
    assert ssim_loss(black, white).item() == pytest.approx(1 - 1e-4 / (1 + 1e-4), rel=1e-6)
    for image in (black, white, rand(1, 1, 12, 12, dtype=torch.float32)):
        assert ssim_loss(image, image).item() == 0
        assert all(not s.any() for s in slope(ssim_loss, image, image))


def test_ssim_of_a_negative():
    """The largest loss is near 2: a checkerboard against its negative. About the mean 0 two wrong signs cancel."""
    i, j = torch.meshgrid(torch.arange(14), torch.arange(14), indexing="ij")
    x = ((i + j) % 2).to(F64)[None, None]
    assert 1.99 < ssim_loss(x, 1 - x).item() <= 2
    around_0 = 100 * (rand(1, 1, 14, 14, seed=1) - 0.5)
    assert ssim_loss(around_0, -around_0).item() < 1e-3


@pytest.mark.parametrize("level", [0.5, 200.0, 3000.0])
@pytest.mark.parametrize("contrast", [1.0, 1e-3])
def test_ssim_keeps_its_digits_in_float32(level, contrast):
    """A mean far above the contrast, where E[x²] − μ² has no digits left; and losses down to 1e-9."""
    x, noise = (contrast * rand(1, 2, 16, 16, seed=s, dtype=torch.float32) for s in (1, 2))
    x, y = level + x, level + (x + noise / 100)
    got, wanted = ssim_loss(x, y), ssim_loss(x.double(), y.double())
    assert got.item() == pytest.approx(wanted.item(), rel=2e-3 if level < 1000 else 0.02, abs=1e-12)
    exact = 1 - ssim_by_hand(x.double(), y.double()).mean()
    assert wanted.item() == pytest.approx(exact.item(), rel=1e-5, abs=1e-12)


def test_ssim_small_losses():
    """1 − SSIM as a difference of two numbers near 1 has no digits below 1e-7 in float32."""
    x = rand(1, 1, 16, 16, seed=1, dtype=torch.float32)
    y = x + 1e-5 * rand(1, 1, 16, 16, seed=2, dtype=torch.float32)
    exact = (1 - ssim_by_hand(x.double(), y.double()).mean()).item()
    assert 0 < exact < 1e-8
    assert ssim_loss(x, y).item() == pytest.approx(exact, rel=1e-3)


def test_ssim_far_out_of_range():
    """Values of 1e4 in float32 and 1e20 in float64 where 1 was announced: no overflow, no NaN."""
    for size, dtype in ((1e4, torch.float32), (1e20, F64)):
        x, y = (size * rand(1, 1, 12, 12, seed=s, dtype=dtype) for s in (1, 2))
        assert 0 < ssim_loss(x, y).item() < 2
        assert all(s.isfinite().all() for s in slope(ssim_loss, x, y))
    tiny = torch.full((1, 1, 12, 12), 1e-30)
    assert ssim_loss(tiny, 0 * tiny, data_range=1e-30).item() == pytest.approx(1 - 1e-4 / (1 + 1e-4), rel=1e-5)


def test_ssim_is_nowhere_negative():
    """Rounding leaves the variance of a flat patch a little below 0, which bright images would turn into a gain."""
    x = torch.full((1, 1, 30, 40), 1000.0)
    for cut in (7, 13):
        for step in (0.7, 1.37, 3.3):
            y = x + torch.where(torch.arange(40) < cut, step, -0.61)
            assert (_half_dissimilarity(x, y, 1.0, 11, 1.5) >= 0).all()


def test_ssim_window_sums_to_one():
    """The mean of a constant is the constant; each image is filtered by itself."""
    images = torch.stack([torch.full((9, 8), float(v), dtype=F64) for v in range(6)]).reshape(3, 2, 9, 8)
    blurred = _blur(images, 5, 1.5)
    assert blurred.shape == (3, 2, 5, 4)
    torch.testing.assert_close(blurred, images[..., :5, :4])
    assert _blur(images[:0], 5, 1.5).shape == (0, 2, 5, 4)


def test_ssim_under_autocast_is_float32():
    """A convolution in bfloat16 would leave the variances no digits."""
    x, y = rand(1, 1, 12, 12, seed=1, dtype=torch.float32), rand(1, 1, 12, 12, seed=2, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = ssim_loss(x, y)
    assert torch.equal(inside, ssim_loss(x, y))


def test_shapes_on_the_meta_device():
    """For planning a model without data: autocast does not know the device."""
    image = torch.zeros(2, 3, 12, 12, device="meta")
    assert gram_matrix(image).shape == (2, 3, 3)
    for loss in (partial(style_loss, [image]), partial(feature_loss, [image])):
        assert loss([image], reduction="none").shape == (2,)
    assert ssim_loss(image, image, reduction="none").shape == (2,)


def test_ssim_is_0_for_equal_images_only():
    """Of any sign, for the luminance and the structure cannot both be -1: the two constants are above 0."""
    x = 2 * rand(1, 1, 12, 12, seed=1) - 1
    for y in (-x, x + 1e-6, 0 * x, 100 * x):
        assert ssim_loss(x, y).item() > 0


# Errors


def raises(kind, message, function, *arguments, **options):
    with pytest.raises(kind, match=message):
        function(*arguments, **options)


LAYERS = [feature_loss, style_loss]
LAYER = [torch.zeros(2, 3, 4, 5)]


@pytest.mark.parametrize("loss", LAYERS)
def test_lists(loss):
    """A tensor is a sequence too, of images: it must not pass for a list of layers."""
    f = LAYER[0]
    raises(TypeError, r"^features must be a list with one map a layer, got a tensor$", loss, f, [f])
    raises(TypeError, r"^target_features must be a list with one map a layer, got a tensor$", loss, [f], f)
    raises(TypeError, r"^features must be a list with one map a layer, got dict$", loss, {0: f}, [f])
    raises(ValueError, r"^features must hold the map of at least one layer, got an empty list$", loss, [], [])
    raises(ValueError, r"^features and target_features must have equal lengths, got 1 and 2$", loss, [f], [f, f])
    assert loss((f,), (f,)).item() == 0


@pytest.mark.parametrize("loss", LAYERS)
def test_weights(loss):
    """One weight a layer, named by its place."""
    f = LAYER
    raises(TypeError, r"^weights must be a list with one number a layer, or None, got float$", loss, f, f, weights=1.0)
    raises(TypeError, r"^weights must be a list .* got a tensor$", loss, f, f, weights=torch.ones(1))
    raises(ValueError, r"^features and weights must have equal lengths, got 1 and 2$", loss, f, f, weights=[1, 1])
    raises(ValueError, r"^features and weights must have equal lengths, got 1 and 0$", loss, f, f, weights=[])
    raises(TypeError, r"^weights\[1\] must be a number .* got str$", loss, 2 * f, 2 * f, weights=[1, "1"])
    for value in (-1e-9, math.inf, math.nan):
        message = r"^weights\[1\] must be a number of at least 0 and finite, got"
        raises(ValueError, message, loss, 2 * f, 2 * f, weights=[1, value])


@pytest.mark.parametrize("loss", LAYERS)
def test_maps_that_do_not_fit(loss):
    """The error names the layer."""
    f = LAYER[0]
    raises(TypeError, r"^features\[1\] must be a torch.Tensor, got list", loss, [f, [0.0]], [f, f])
    raises(TypeError, r"^target_features\[0\] must be a floating-point tensor, got torch.int64", loss, [f], [f.long()])
    raises(
        TypeError, r"^features\[0\] and target_features\[1\] must have the same dtype", loss, [f, f], [f, f.double()]
    )
    raises(ValueError, r"^features\[0\] must have the shape \(N, C, H, W\), got \(3, 4, 5\)$", loss, [f[0]], [f[0]])
    raises(ValueError, r"^features\[1\] must have channels and pixels.*\(2, 3, 0, 5\)", loss, [f, f[:, :, :0]], [f, f])
    raises(ValueError, r"^target_features\[0\] must have channels and pixels", loss, [f], [f[:, :0]])
    raises(
        ValueError, r"^features\[1\] must hold as many images as features\[0\], got 1 and 2$", loss, [f, f[:1]], [f, f]
    )
    raises(ValueError, r"^target_features\[0\] must hold as many images as features\[0\]", loss, [f], [f[:1]])
    raises(
        ValueError, r"^features\[0\] and target_features\[0\] must have equal .*\(2, 2, 4, 5\)", loss, [f], [f[:, :2]]
    )
    raises(ValueError, r"undefined, got features\[0\] of shape \(0, 3, 4, 5\)", loss, [f[:0]], [f[:0]])


def test_only_features_must_agree_in_size():
    """The Gram matrices of two sizes compare; the maps do not."""
    f, wide = LAYER[0], torch.zeros(2, 3, 4, 6)
    raises(
        ValueError, r"^features\[1\] and target_features\[1\] must have equal shapes", feature_loss, [f, f], [f, wide]
    )
    assert style_loss([f, f], [f, wide]).item() == 0


def test_images():
    """A single image without a batch would be read as a batch of channels."""
    image = torch.zeros(3, 12, 12)
    raises(ValueError, r"^image must have the shape \(N, C, H, W\), got \(3, 12, 12\)$", total_variation_loss, image)
    raises(ValueError, r"^features must have the shape \(N, C, H, W\), got \(3, 12, 12\)$", gram_matrix, image)
    raises(
        ValueError,
        r"^features must have channels and pixels, got .*\(2, 0, 3, 3\)",
        gram_matrix,
        torch.zeros(2, 0, 3, 3),
    )
    raises(ValueError, r"^input must have the shape \(N, C, H, W\), got \(3, 12, 12\)$", ssim_loss, image, image)
    five = torch.zeros(1, 1, 1, 12, 12)
    raises(ValueError, r"^input must have the shape", ssim_loss, five, five)
    none = torch.zeros(2, 0, 12, 12)
    raises(ValueError, r"^input must have channels and pixels", ssim_loss, none, none, reduction="sum")
    assert gram_matrix(torch.zeros(0, 2, 3, 3)).shape == (0, 2, 2)


def test_images_and_the_window():
    """The least image is the window itself."""
    x = torch.zeros(1, 1, 11, 11)
    assert ssim_loss(x, x).item() == 0
    for small in (x[:, :, 1:], x[..., 1:]):
        message = r"^input must be at least as high and wide as window_size = 11, got \(1, 1, 1[01], 1[01]\): choose"
        raises(ValueError, message, ssim_loss, small, small)
    for value in (0, -1, 2, 10):
        message = rf"^window_size must be a whole number that is odd and above 0, got {value}$"
        raises(ValueError, message, ssim_loss, x, x, window_size=value)
    raises(TypeError, r"^window_size must be a whole number .* got float$", ssim_loss, x, x, window_size=11.0)
    for name in ("data_range", "sigma"):
        for value in (0, -1.0, math.inf, math.nan):
            message = rf"^{name} must be a number above 0 and finite, got {value}$"
            raises(ValueError, message, ssim_loss, x, x, **{name: value})
        raises(
            TypeError, rf"^{name} must be a number above 0 and finite, got NoneType$", ssim_loss, x, x, **{name: None}
        )


def test_equal_mse_unequal_ssim():
    """Chapter 4: a brighter image and a noisy one at the same squared error; SSIM calls the noise far worse."""
    x = 0.4 + 0.2 * F.interpolate(rand(1, 1, 6, 6, seed=1), size=(24, 24), mode="bilinear")
    brighter = x + 0.1
    noisy = x + 0.1 * (2 * torch.randint(2, x.shape, generator=torch.Generator().manual_seed(2)) - 1)
    torch.testing.assert_close(mse_loss(brighter, x), mse_loss(noisy, x))
    assert ssim_loss(noisy, x) > 10 * ssim_loss(brighter, x)
