"""The calls of lossutils.embedding."""

from functools import partial

import torch

import lossutils as lu
from calls import Call, bits, normal, signs, uniform


def _scores(g):
    return normal(g, 6), normal(g, 6), signs(g, 6)


def _distances(g):
    return uniform(g, 6, high=2.0), signs(g, 6)


def _pairs(g):
    return normal(g, 5, 3), normal(g, 5, 3), signs(g, 5)


def _rows(count):
    return lambda g: tuple(normal(g, 4, 3) for _ in range(count))


def _call(name, draw, learn, **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, draw, learn, divisor=lambda x, *_: len(x), per=lambda x, *_: (len(x),))


CALLS = [
    _call("margin_ranking_loss", _scores, (0, 1), margin=0.3),
    _call("hinge_embedding_loss", _distances, (0,), margin=0.9),
    _call("cosine_embedding_loss", _pairs, (0, 1), margin=0.1),
    _call("pairwise_contrastive_loss", lambda g: (uniform(g, 6, high=2.0), bits(g, 6)), (0,), margin=0.9),
    _call("triplet_margin_loss", _rows(3), (0, 1, 2)),
    _call("triplet_margin_loss, swap", _rows(3), (0, 1, 2), swap=True, margin=3.0),
    _call("triplet_margin_loss, p = 3", _rows(3), (0, 1, 2), p=3.0, margin=3.0),
    _call("triplet_margin_loss, p = 1", _rows(3), (0, 1, 2), p=1, margin=3.0),
    _call("info_nce_loss", _rows(2), (0, 1), temperature=0.5),
    _call("info_nce_loss, symmetric", _rows(2), (0, 1), temperature=0.5, symmetric=True),
]

REFERENCES = {
    # TensorFlow Addons leaves out the ½.
    "contrastive_pair": lambda d, same, **options: 2 * lu.pairwise_contrastive_loss(d, same.bool(), **options),
    # Keras returns −cos; the case is 1 − cos.
    "cosine_distance": lambda x, y, **options: lu.cosine_embedding_loss(x, y, torch.ones_like(x[:, 0]), **options),
    # With one pair, the two views have no other negatives.
    "nt_xent_simclr": partial(lu.info_nce_loss, symmetric=True),
}

NOT_APPLICABLE = {
    "monai-contrastive-2": "SimCLR's negatives include the other views of the query's own side; InfoNCE's do not",
    "optax-ntxent-2": "a supervised loss with several positives an anchor; InfoNCE has one, given by its row",
}
