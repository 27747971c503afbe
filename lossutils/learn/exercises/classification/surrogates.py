"""The code exercises of the section "The 0-1 loss and its surrogates"."""

import math

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, signs


def logistic_bits(scores, labels):
    """log2(1 + exp(−margin)), one value a sample."""
    return torch.stack([torch.logaddexp(-y * s, 0 * s) / math.log(2) for s, y in zip(scores, labels, strict=True)])


def probability_from_exponential(scores):
    """The p whose best score under the exponential loss, ½ log(p / (1 − p)), is the score."""
    return torch.stack([one.exp() / (one.exp() + (-one).exp()) for one in scores])


def adaboost_weights(scores, labels):
    """Each sample's share of the pull of the exponential loss."""
    margins = [y * s for s, y in zip(scores, labels, strict=True)]
    least = min(margins)  # any constant cancels, and this one keeps every exponential at most 1
    pulls = [torch.exp(least - m) for m in margins]
    return torch.stack(pulls) / sum(pulls)


def _shares(pulls):
    return pulls / pulls.sum()


EXERCISES = [
    Exercise(
        "logistic_bits",
        logistic_bits,
        cases=[([0.0], [1.0]), ([2.0, -1.0], [1.0, 1.0]), ([1.0, 3.0], [-1.0, 1.0])],
        draw=lambda g, n: (numbers(g, n, -4, 4, 0.033), signs(g, n)),
        edges=[Edge("a margin of −1000", ([-1000.0], [1.0])), Edge("a margin of 1000", ([-1000.0], [-1.0]))],
        wrong=[
            Wrong(
                lambda scores, labels: -F.logsigmoid(labels * scores),
                "this looks like the loss in nats: at a margin of 0 it costs 0.69, less than the 0-1 loss.",
            ),
            Wrong(
                lambda scores, labels: -F.logsigmoid(labels * scores) * math.log(2),
                "this looks like a multiplication by log 2. At a margin of 0 it costs 0.48, and the step is 1 high.",
            ),
            Wrong(
                lambda scores, labels: -F.logsigmoid(-labels * scores) / math.log(2),
                "this looks like a loss that punishes right decisions. What is the sign of the exponent?",
            ),
            Wrong(
                lambda scores, labels: -F.logsigmoid(scores) / math.log(2),
                "this looks right for the label +1, and the label never enters.",
            ),
            Wrong(
                lambda scores, labels: (F.softplus(scores) - labels * scores) / math.log(2),
                "this looks like the form for labels 0 and 1. Here they are −1 and +1, and a margin is their product "
                "with the score.",
            ),
            Wrong(
                lambda scores, labels: torch.log2(1 + torch.exp(-labels * scores)),
                "right, until the exponential overflows. The logarithm comes too late to save it.",
            ),
        ],
        gradient=("scores",),
    ),
    Exercise(
        "probability_from_exponential",
        probability_from_exponential,
        cases=[([0.0],), ([1.0],), ([-0.5, 2.0],)],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.033),),
        wrong=[
            Wrong(
                lambda scores: torch.sigmoid(scores),
                "this looks like the probability behind a logistic score. The exponential loss asks for half as much.",
            ),
            Wrong(
                lambda scores: torch.sigmoid(scores / 2),
                "this looks as if the score were halved once more. It is already half the log odds.",
            ),
            Wrong(
                lambda scores: ((1 + scores) / 2).clamp(0, 1),
                "this looks like the probability behind a score of the squared hinge.",
            ),
            Wrong(
                lambda scores: torch.tanh(scores),
                "this looks like 2p − 1, from −1 to 1. A probability lies between 0 and 1.",
            ),
            Wrong(
                lambda scores: torch.exp(2 * scores),
                "this looks like the odds p / (1 − p). One step is missing.",
            ),
            Wrong(
                lambda scores: torch.sigmoid(-2 * scores),
                "this looks like the probability of the other label.",
            ),
        ],
        gradient=("scores",),
    ),
    Exercise(
        "adaboost_weights",
        adaboost_weights,
        cases=[([0.0, 1.0], [1.0, 1.0]), ([1.0, 1.0, 2.0], [1.0, -1.0, 1.0])],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.033), signs(g, n + 1)),
        edges=[Edge("margins near −1000", ([-1000.0, -999.0], [1.0, 1.0]))],
        wrong=[
            Wrong(
                lambda scores, labels: torch.exp(-labels * scores),
                "this looks like the pulls themselves: they do not sum to 1.",
            ),
            Wrong(
                lambda scores, labels: torch.softmax(labels * scores, dim=0),
                "this looks as if the samples that are right got the large weights.",
            ),
            Wrong(
                lambda scores, labels: torch.softmax(-scores, dim=0),
                "this looks as if every label were +1.",
            ),
            Wrong(
                lambda scores, labels: _shares(torch.sigmoid(-labels * scores)),
                "this looks like the weights of the logistic loss, where no sample pulls harder than 1.",
            ),
            Wrong(
                lambda scores, labels: torch.exp(-labels * scores) / len(scores),
                "this looks like the pulls divided by their number. What makes them sum to 1?",
            ),
            Wrong(
                lambda scores, labels: _shares(torch.exp(-labels * scores)),
                "right, until the exponentials overflow: then it is ∞/∞.",
            ),
        ],
    ),
]
