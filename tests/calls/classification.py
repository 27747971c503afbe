"""The calls of lossutils.classification."""

from functools import partial

import torch

import lossutils as lu
from calls import Call, indices, normal, signs, uniform

_PROBABILITIES = []

_CLASS_WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5], dtype=torch.float64)


def _signed(name):
    """Scores and labels of ±1, away from a margin of 1."""
    return Call(name, getattr(lu, name), lambda g: (3 * normal(g, 4, 3), signs(g, 4, 3)), divisor=lambda x, y: 12)


def _with_class_weights(loss):
    """The loss with one weight a class, of the dtype of the scores."""
    return lambda x, y, **options: loss(x, y, weight=_weights_like(_CLASS_WEIGHTS, x), **options)


def _weights_like(weight, x):
    return weight.to(x) if isinstance(x, torch.Tensor) and x.is_floating_point() else weight


def _classes(name, loss):
    """Scores of 5 classes and the index of one."""
    return Call(
        name,
        loss,
        lambda g: (normal(g, 4, 5), indices(g, 5, 4)),
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    )


def _index_lists(g):
    """Scores of 5 classes and the indices of none to three, and all, of them."""
    listed = torch.rand(4, 5, generator=g).argsort(1)
    return normal(g, 4, 5), torch.where(torch.arange(5) < torch.tensor([[0], [1], [3], [5]]), listed, -1)


def _labels(name, loss):
    """Logits of 5 classes and a label of 0 or 1 for each."""
    return Call(
        name,
        loss,
        lambda g: (3 * normal(g, 4, 5), (signs(g, 4, 5) + 1) / 2),
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    )


def _large_margin(name, **options):
    return Call(
        name,
        partial(lu.large_margin_softmax_loss, **options),
        lambda g: (uniform(g, 4, 3, low=-2, high=2), uniform(g, 5, 3, low=-2, high=2), indices(g, 5, 4)),
        learn=(0, 1),
        divisor=lambda x, w, y: 4,
        per=lambda x, w, y: (4,),
        batch=False,  # the weight has none
    )


_MARGINS = [
    _signed("hinge_loss"),
    _signed("squared_hinge_loss"),
    _signed("exponential_loss"),
    _signed("soft_margin_loss"),
    _classes("multi_margin_loss", lu.multi_margin_loss),
    _classes("multi_margin_loss, squared", partial(lu.multi_margin_loss, p=2, margin=0.7)),
    _classes("multi_margin_loss, weighted", _with_class_weights(lu.multi_margin_loss)),
    Call(
        "multilabel_margin_loss",
        lu.multilabel_margin_loss,
        _index_lists,
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    ),
    _labels("multilabel_soft_margin_loss", lu.multilabel_soft_margin_loss),
    _labels("multilabel_soft_margin_loss, weighted", _with_class_weights(lu.multilabel_soft_margin_loss)),
    _large_margin("large_margin_softmax_loss"),
    _large_margin("large_margin_softmax_loss, margin 1", margin=1),
    _large_margin("large_margin_softmax_loss, margin 4", margin=4),
]

CALLS = [*_PROBABILITIES, *_MARGINS]

REFERENCES = {"hinge": lu.hinge_loss}

NOT_APPLICABLE = {
    "sk-hinge-multiclass": "Crammer and Singer's form, the largest term only; torch's multi-margin sums over classes",
}
