"""What the book claims of the perceptual losses, on random images."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossutils import feature_loss, gram_matrix, ssim_loss, style_loss, total_variation_loss

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")

seeds = st.integers(0, 10_000)
sizes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
factors = st.floats(-4, 4)
windows = st.sampled_from([1, 3, 5])


def rand(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(a, b, rtol=1e-11, atol=1e-13):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def permuted(image, seed):
    """The pixels of every channel in another order, the same for all."""
    order = torch.randperm(image[0, 0].numel(), generator=torch.Generator().manual_seed(seed))
    return image.flatten(2)[..., order].reshape(image.shape)


@given(sizes, seeds)
def test_distances(size, seed):
    """Never negative, 0 from an image to itself, the same both ways."""
    f, t = rand(size, seed), rand(size, seed + 1)
    for loss in (feature_loss, style_loss):
        values = loss([f], [t], reduction="none")
        assert values.shape == size[:1] and (values >= 0).all()
        assert torch.equal(values, loss([t], [f], reduction="none"))
        assert not loss([f], [f], reduction="none").any()


@given(sizes, seeds, factors)
def test_scale_laws(size, seed, k):
    """The feature loss is of degree 2, the Gram matrix too, the style loss of degree 4, total variation of degree 1."""
    f, t = rand(size, seed), rand(size, seed + 1)
    close(feature_loss([k * f], [k * t]), k**2 * feature_loss([f], [t]))
    close(gram_matrix(k * f), k**2 * gram_matrix(f))
    close(style_loss([k * f], [k * t]), k**4 * style_loss([f], [t]))
    close(total_variation_loss(k * f), abs(k) * total_variation_loss(f))


@given(sizes, seeds)
def test_style_forgets_places(size, seed):
    """Permuting the pixels changes no Gram matrix; permuting both maps alike changes no feature loss."""
    f, t = rand(size, seed), rand(size, seed + 1)
    close(gram_matrix(permuted(f, seed)), gram_matrix(f))
    close(style_loss([permuted(f, seed)], [t]), style_loss([f], [t]))
    close(feature_loss([permuted(f, seed)], [permuted(t, seed)]), feature_loss([f], [t]))


@given(sizes, seeds)
def test_gram_matrices_are_positive_semidefinite(size, seed):
    """Symmetric, with no negative eigenvalue, and with the mean square over C·H·W as its trace."""
    f = rand(size, seed) - 0.5
    gram = gram_matrix(f)
    close(gram, gram.mT)
    assert (torch.linalg.eigvalsh(gram) >= -1e-14).all()
    close(gram.diagonal(dim1=1, dim2=2).sum(1), f.square().mean((1, 2, 3)))


@given(sizes, seeds, st.lists(st.floats(0, 5), min_size=2, max_size=2))
def test_layers_add_up(size, seed, weights):
    """The loss of two layers is the weighted sum of the losses of each."""
    f, t = [rand(size, seed), rand(size, seed + 1)], [rand(size, seed + 2), rand(size, seed + 3)]
    for loss in (feature_loss, style_loss):
        parts = [w * loss([a], [b]) for w, a, b in zip(weights, f, t, strict=True)]
        close(loss(f, t, weights=weights), parts[0] + parts[1])


@given(sizes, seeds, factors)
def test_total_variation(size, seed, shift):
    """Never negative; blind to a constant and to mirrors; no more than that of two images for their sum."""
    x, y = rand(size, seed), rand(size, seed + 1)
    value = total_variation_loss(x)
    assert value >= 0 and total_variation_loss(torch.full(size, shift)) == 0
    close(total_variation_loss(x + shift), value, atol=1e-12)
    for other in (x.flip(2), x.flip(3), x.mT, -x):
        close(total_variation_loss(other), value)
    assert total_variation_loss(x + y) <= value + total_variation_loss(y) + 1e-12


@given(seeds, windows, st.floats(0.3, 3))
def test_similarity(seed, window, sigma):
    """From 0 to 2, symmetric, exactly 0 for equal images, and above 0 for unequal ones that are not negative."""
    x, y = rand((2, 2, 6, 7), seed), rand((2, 2, 6, 7), seed + 1)
    options = {"window_size": window, "sigma": sigma, "reduction": "none"}
    values = ssim_loss(x, y, **options)
    assert values.shape == (2,) and ((values > 0) & (values <= 2)).all()
    close(values, ssim_loss(y, x, **options))
    assert not ssim_loss(x, x, **options).any()


@given(seeds, windows, st.floats(1e-6, 1e6))
def test_similarity_scales_with_the_range(seed, window, scale):
    """Bytes with data_range 255 are the same images as fractions with 1; channels and mirrors do not matter."""
    x, y = rand((2, 2, 6, 7), seed), rand((2, 2, 6, 7), seed + 1)
    value = ssim_loss(x, y, window_size=window)
    close(ssim_loss(scale * x, scale * y, data_range=scale, window_size=window), value)
    for change in (lambda t: t.flip(2), lambda t: t.flip(3), lambda t: t.mT, lambda t: t.flip(1)):
        close(ssim_loss(change(x), change(y), window_size=window), value)


@given(seeds)
def test_images_of_a_batch_do_not_mix(seed):
    """Each image's loss is the one it has alone."""
    x, y = rand((3, 2, 6, 7), seed), rand((3, 2, 6, 7), seed + 1)
    for loss in (
        lambda a, b: ssim_loss(a, b, window_size=3, reduction="none"),
        lambda a, b: feature_loss([a], [b], reduction="none"),
        lambda a, b: style_loss([a], [b], reduction="none"),
        lambda a, b: total_variation_loss(a, reduction="none"),
    ):
        alone = torch.cat([loss(a, b) for a, b in zip(x.split(1), y.split(1), strict=True)])
        close(loss(x, y), alone)
