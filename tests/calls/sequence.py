"""The calls of lossutils.sequence."""

from functools import partial

import torch
from torch import Tensor

import lossutils as lu
from calls import Call, normal


def _batch_first(log_probs, *arguments, **options):
    """The function with the batch first in every argument, as the tests of all functions have it."""
    log_probs = log_probs.transpose(0, 1) if isinstance(log_probs, Tensor) else log_probs
    return lu.ctc_loss(log_probs, *arguments, **options)


def _draw(g):
    log_probs = normal(g, 3, 5, 4).log_softmax(-1)
    return log_probs, torch.tensor([[1, 2], [3, 3], [2, 1]]), torch.tensor([5, 4, 2]), torch.tensor([2, 2, 2])


def _call(name, loss=_batch_first, draw=_draw):
    return Call(
        name,
        loss,
        draw,
        divisor=lambda log_probs, targets, *lengths: targets.numel(),
        per=lambda log_probs, *rest: (len(log_probs),),
        twice=False,  # torch's kernel has no second derivative
        through=partial(torch.log_softmax, dim=-1),  # the gradient is that of normalised log probabilities
    )


def _draw_last_blank(g):
    log_probs, targets, *lengths = _draw(g)
    return log_probs, targets - 1, *lengths


CALLS = [
    _call("ctc_loss"),
    _call("ctc_loss, last symbol blank", partial(_batch_first, blank=3, zero_infinity=True), _draw_last_blank),
]

REFERENCES = {"ctc_logits": lambda logits, *rest, **options: _batch_first(logits.log_softmax(-1), *rest, **options)}

NOT_APPLICABLE = {}
