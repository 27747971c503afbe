"""The calls of lossutils.perceptual."""

from functools import partial

import lossutils as lu
from calls import Call, normal, uniform


def _maps(g):
    """Two layers of different channels and sizes."""
    return [normal(g, 3, 2, 2, 3), normal(g, 3, 3, 2, 1)]


def _two_maps(g):
    return _maps(g), _maps(g)


def _other_sizes(g):
    """A style image of another height and width."""
    return _maps(g), [normal(g, 3, 2, 2, 2), normal(g, 3, 3, 1, 1)]


def _images(g):
    return uniform(g, 2, 2, 4, 3), uniform(g, 2, 2, 4, 3)


def _layers(name, draw=_two_maps, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, draw, (0, 1), divisor=lambda f, t: 3, per=lambda f, t: (3,))


def _pair(name, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, _images, (0, 1), divisor=lambda x, y: 2, per=lambda x, y: (2,))


CALLS = [
    _layers("feature_loss"),
    _layers("feature_loss, weighted", weights=[0.5, 3]),
    Call("gram_matrix", lu.gram_matrix, lambda g: (normal(g, 3, 2, 4, 5),)),
    _layers("style_loss"),
    _layers("style_loss, weighted", _other_sizes, weights=(0.5, 3.0)),
    Call(
        "total_variation_loss",
        lu.total_variation_loss,
        lambda g: (normal(g, 3, 2, 4, 5),),
        divisor=lambda x: 3,
        per=lambda x: (3,),
    ),
    _pair("ssim_loss, small window", window_size=3),
    _pair("ssim_loss, narrow window", window_size=3, sigma=0.8, data_range=2.0),
]


def _per_channel(image, reduction):
    """kornia sums each channel by itself."""
    assert reduction == "sum"
    channels = image.reshape(-1, 1, *image.shape[2:])
    return lu.total_variation_loss(channels, reduction="none").reshape(image.shape[:2])


REFERENCES = {
    "total_variation": _per_channel,
}

NOT_APPLICABLE = {}
