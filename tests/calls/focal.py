"""The calls of lossutils.focal."""

from functools import partial

import torch
import torch.nn.functional as F

import lossutils as lu
from calls import Call, bits, indices, normal, uniform


def _pair(g):
    return 2 * normal(g, 4, 3), bits(g, 4, 3)


def _classes(*shape):
    return lambda g: (2 * normal(g, shape[0], 3, *shape[1:]), indices(g, 3, *shape))


def _binary(name, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    divisor = options.get("normalizer", 12)
    return Call(name, loss, _pair, divisor=lambda x, y: divisor)


def _softmax(name, draw, **options):
    loss = partial(lu.softmax_focal_loss, **options)
    ignored = options.get("ignore_index", -100)
    return Call(name, loss, draw, divisor=lambda x, y: (y != ignored).sum(), per=lambda x, y: y.shape)


def _normalized(x, y, *, reduction="mean"):
    """Only the mean takes a normalizer."""
    options = {"normalizer": 5} if reduction == "mean" else {}
    return lu.sigmoid_focal_loss(x, y, reduction=reduction, **options)


def _weighted(x, y, **options):
    """The weights where the input is and in its dtype; they are exact in half precision."""
    alpha = torch.tensor([0.25, 0.5, 2.0])
    alpha = alpha.to(x) if isinstance(x, torch.Tensor) and x.is_floating_point() else alpha
    return lu.softmax_focal_loss(x, y, alpha=alpha, **options)


def _ignoring(x):
    """Half of them left out, by a mask where the input is."""
    device = x.device if isinstance(x, torch.Tensor) else None
    return lu.hard_example_mean(x, keep=6, ignore=torch.tensor([[True, False, True, False]] * 2, device=device))


CALLS = [
    _binary("balanced_binary_cross_entropy_with_logits", alpha=0.3),
    _binary("sigmoid_focal_loss"),
    _binary("sigmoid_focal_loss, without alpha", alpha=None, gamma=0.5),
    _binary("sigmoid_focal_loss, gamma 0", gamma=0.0),
    Call("sigmoid_focal_loss, normalized", _normalized, _pair, divisor=lambda x, y: 5),
    _softmax("softmax_focal_loss", _classes(5)),
    _softmax("softmax_focal_loss, pixels", _classes(2, 4), gamma=0.5, ignore_index=1),
    _softmax("softmax_focal_loss, gamma 0", _classes(5), gamma=0),
    Call(
        "softmax_focal_loss, weights",
        _weighted,
        _classes(5),
        divisor=lambda x, y: len(y),
        per=lambda x, y: y.shape,
    ),
    Call("hard_example_mean", partial(lu.hard_example_mean, keep=3), lambda g: (uniform(g, 8),)),
    Call("hard_example_mean, ignoring", _ignoring, lambda g: (uniform(g, 2, 4),)),
]


def _monai(x, y, *, to_onehot_y, alpha=None, weight=None, use_softmax=False, reduction="mean"):
    """MONAI's inputs are (N, C, H, W), its targets (N, 1, H, W) classes or a mask like the input; gamma is 2.

    Its softmax form gives class 0 the weight 1 − alpha and the others alpha, and divides by the classes too.
    """
    classes = x.shape[1]
    if use_softmax:
        weights = None if alpha is None else x.new_tensor([1 - alpha] + [alpha] * (classes - 1))
        return lu.softmax_focal_loss(x, y[:, 0], alpha=weights, reduction=reduction) / classes
    y = F.one_hot(y[:, 0], classes).movedim(-1, 1) if to_onehot_y else y
    if weight is not None:
        values = lu.sigmoid_focal_loss(x, y.to(x.dtype), alpha=alpha, reduction="none")
        return values * x.new_tensor(weight).reshape(-1, 1, 1)
    return lu.sigmoid_focal_loss(x, y.to(x.dtype), alpha=alpha, reduction=reduction)


REFERENCES = {
    "focal_binary": lu.sigmoid_focal_loss,
    "focal_monai": _monai,
}

NOT_APPLICABLE = {}
