"""The calls of lossutils.combine."""

from functools import partial

import lossutils as lu
from calls import Call, normal, uniform

_loss = partial(lu.uncertainty_weighted_loss, kinds=("regression", "classification", "regression"))

CALLS = [
    Call("uncertainty_weighted_loss", _loss, lambda g: (uniform(g, 3), normal(g, 3)), (0, 1)),
    Call(
        "uncertainty_weighted_loss, list",
        _loss,
        lambda g: ([uniform(g)[()] for _ in range(3)], normal(g, 3)),
        (0, 1),
    ),
]

REFERENCES = {}

NOT_APPLICABLE = {}
