"""The code exercises of the section "One idea under six names"."""

import math

import torch
import torch.nn.functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def stable_cross_entropy(logits, target):
    """log Σ exp(z) − z_y for each row, with the largest logit taken out of the sum."""
    rows = []
    for z, y in zip(logits, target, strict=True):
        top = z.max().detach()
        rows.append(top + torch.log(torch.exp(z - top).sum()) - z[y])
    return torch.stack(rows)


def stable_bce(z, y):
    """log(1 + exp(z)) − y z, with an exponential of numbers below 0 only."""
    return torch.stack([
        torch.where(a > 0, a, 0.0) + torch.log1p(torch.exp(torch.where(a > 0, -a, a))) - b * a
        for a, b in zip(z, y, strict=True)
    ])  # fmt: skip


def undo_pos_weight(p, beta):
    """The probability whose logit is log(beta) below that of p."""
    return torch.stack([a / (a + beta * (1 - a)) for a in p])


def _logits(g, n):
    """n rows of two to four logits, and a class for each."""
    classes = 2 + n % 3
    return numbers(g, n * classes, -3, 3).view(n, classes), torch.randint(classes, (n,), generator=g)


def _rows(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def _picked(table, target):
    return table.gather(1, target[:, None]).squeeze(1)


EXERCISES = [
    Exercise(
        "stable_cross_entropy",
        stable_cross_entropy,
        cases=[
            (_rows([0.0, 1.0]), torch.tensor([1])),
            (_rows([2.0, 0.0], [0.5, 0.5]), torch.tensor([0, 1])),
            (_rows([1.0, 0.0, -1.0]), torch.tensor([2])),
        ],
        draw=_logits,
        edges=[
            Edge("logits of 1000, where exp overflows", (_rows([1000.0, 0.0]), torch.tensor([1]))),
            Edge("logits of −1000, where every exp is 0", (_rows([-1000.0, -1001.0]), torch.tensor([0]))),
        ],
        wrong=[
            Wrong(
                lambda logits, target: torch.log(torch.exp(logits).sum(1)) - _picked(logits, target),
                "right, as long as no exponential overflows. What can be taken out of the sum before exp sees it?",
            ),
            Wrong(
                lambda logits, target: torch.logsumexp(logits.softmax(1), 1) - _picked(logits.softmax(1), target),
                "this looks like softmax taken twice: logits come in, and the logarithm of the sum is the softmax.",
            ),
            Wrong(
                lambda logits, target: _picked(logits, target) - torch.logsumexp(logits, 1),
                "this looks like the log-probability: minus that is the loss.",
            ),
            Wrong(
                lambda logits, target: (
                    torch.log(torch.exp(logits - logits.amax(1, keepdim=True)).sum(1)) - _picked(logits, target)
                ),
                "this looks as if the largest logit had been taken out of the sum and not put back. It cancels only if "
                "it leaves both terms.",
            ),
            Wrong(
                lambda logits, target: logits.amax(1) - _picked(logits, target),
                "this looks like the largest logit in place of the log-sum-exp: without the small ones the loss is 0 "
                "as soon as the class is right.",
            ),
            Wrong(
                lambda logits, target: -_picked(logits.softmax(1), target),
                "this looks like minus the probability. Where is the logarithm?",
            ),
            Wrong(
                lambda logits, target: (torch.logsumexp(logits, 1) - _picked(logits, target)) / math.log(2),
                "this looks like bits: the natural logarithm is asked for.",
            ),
        ],
        gradient=("logits",),
    ),
    Exercise(
        "stable_bce",
        stable_bce,
        cases=[([1.0], [1.0]), ([2.0], [0.0]), ([-1.0, 3.0], [1.0, 0.3])],
        draw=lambda g, n: (numbers(g, n, -4, 4, 0.033), numbers(g, n, 0, 1)),
        edges=[
            Edge("z = 1000 with label 0", ([1000.0], [0.0])),
            Edge("z = −1000 with label 1", ([-1000.0], [1.0])),
            Edge("z = 0", ([0.0], [0.3])),
        ],
        wrong=[
            Wrong(
                lambda z, y: -y * torch.log(torch.sigmoid(z)) - (1 - y) * torch.log(1 - torch.sigmoid(z)),
                "right, until the sigmoid rounds to 0 or 1 and its logarithm is taken. Can sigmoid and log meet on "
                "paper first?",
            ),
            Wrong(
                lambda z, y: z.clamp(min=0) - y * z + torch.log1p(torch.exp(-z.abs())),
                "the values are right everywhere, but not the slope at exactly z = 0: there clamp has slope 1 and abs "
                "has slope 0. Which of the two halves should give ½ + ½?",
            ),
            Wrong(
                lambda z, y: torch.log(1 + torch.exp(z)) - y * z,
                "right, until exp(z) overflows. For large z, log(1 + exp(z)) is nearly z: which exponential is small "
                "there?",
            ),
            Wrong(
                lambda z, y: F.softplus(z) + y * z,
                "this looks like a sign gone wrong: a large z must be good for y = 1.",
            ),
            Wrong(
                lambda z, y: y * F.softplus(-z),
                "this looks as if negatives cost nothing: the term of 1 − y is missing.",
            ),
            Wrong(
                lambda z, y: F.softplus(-y * z),
                "this looks like the form for labels of ±1. Here they are from 0 to 1: what does label 0 give?",
            ),
            Wrong(
                lambda z, y: F.softplus(torch.sigmoid(z)) - y * torch.sigmoid(z),
                "this looks like the sigmoid taken twice: it is inside the formula already.",
            ),
        ],
        gradient=("z",),
    ),
    Exercise(
        "undo_pos_weight",
        undo_pos_weight,
        cases=[([0.5], 3.0), ([0.9], 9.0), ([0.2, 0.8], 2.0)],
        draw=lambda g, n: (numbers(g, n, 0.1, 0.9), (2.0, 5.0, 0.5)[n % 3]),
        edges=[Edge("a probability of 0 and one of 1", ([0.0, 1.0], 4.0))],
        wrong=[
            Wrong(
                lambda p, beta: p / beta,
                "this looks like the probability divided by beta. It is the odds p/(1 − p) that were multiplied.",
            ),
            Wrong(
                lambda p, beta: beta * p / (beta * p + 1 - p),
                "this looks like the weight put on once more: p comes out larger, and it should come out smaller.",
            ),
            Wrong(
                lambda p, beta: p / (1 - p + 1e-300) / beta,
                "this looks like the odds. Odds o belong to the probability o/(1 + o).",
            ),
            Wrong(
                lambda p, beta: p / (p + torch.log(torch.tensor(beta)).to(p) * (1 - p)),
                "this looks as if log(beta) had divided the odds. It is subtracted from the logit; what does "
                "that do to the odds?",
            ),
            Wrong(
                lambda p, beta: torch.sigmoid(p - torch.log(torch.tensor(beta)).to(p)),
                "this looks as if p were a logit. What is the logit of a probability p?",
            ),
        ],
        gradient=(),
    ),
]
