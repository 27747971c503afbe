"""The code exercises of the section "Many labels"."""

import torch
from torch import Tensor

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def pair_mean_hinge(x, y):
    """For each row, the mean over pairs (label j, other class i) of max(0, 1 − x_j + x_i); 0 where there is no pair."""
    rows = []
    for scores, labels in zip(x, y, strict=True):
        total, pairs = 0 * scores.sum(), 0
        for j, label in enumerate(labels):
            for i, other in enumerate(labels):
                if label == 1 and other == 0:
                    lack, pairs = 1 - scores[j] + scores[i], pairs + 1
                    total = total + lack if lack > 0 else total
        rows.append(total / max(pairs, 1))
    return torch.stack(rows)


def softmax_with_none(x, y):
    """For each row, the mean of −log softmax(x)_c over its labels c; the last logit is the label of a row without."""
    rows = []
    for logits, labels in zip(x, y, strict=True):
        logs = logits - logits.logsumexp(0)
        own = [log for log, label in zip(logs, labels, strict=False) if label == 1] or [logs[-1]]
        rows.append(-sum(own) / len(own))
    return torch.stack(rows)


def _labelled(g: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """n rows of three to five scores, no two of them exactly 1 apart, and one to C − 1 labels for each."""
    classes = 3 + n % 3
    x = numbers(g, n * classes, -2, 2).view(n, classes) + 0.033 * torch.arange(classes).double()
    order = torch.rand(n, classes, generator=g).argsort(1)
    return x, (order < torch.randint(1, classes, (n, 1), generator=g)).double()


def _lacks(x, y):
    """(N, C, C): 1 − x_j + x_i for label j and other class i, else 0."""
    return (1 - x[:, :, None] + x[:, None, :]).clamp(min=0) * y[:, :, None] * (1 - y[:, None, :])


def _mean_of_pairs(table, y):
    return table.sum((1, 2)) / (y.sum(1) * (1 - y).sum(1)).clamp(min=1)


def _with_none(g: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """The same with one more logit, and every third row without labels."""
    x, y = _labelled(g, n)
    kept = (torch.arange(n) % 3 != 1).double()
    return torch.cat([x, numbers(g, n, -2, 2)[:, None]], 1), y * kept[:, None]


def _logs(x):
    return x - x.logsumexp(1, keepdim=True)


def _none(y):
    """Rows of 0 and 1 with a column that says that nothing else is there."""
    return torch.cat([y, (y.sum(1, keepdim=True) == 0).double()], 1)


EXERCISES = [
    Exercise(
        "pair_mean_hinge",
        pair_mean_hinge,
        cases=[
            ([[0.5, 0.0]], [[1.0, 0.0]]),
            ([[0.5, 0.2, 0.0]], [[1.0, 1.0, 0.0]]),
            ([[0.1, 0.2, 0.4, 0.8], [3.0, 0.0, 0.3, 2.5]], [[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]]),
        ],
        draw=_labelled,
        gradient=["x"],
        edges=[
            Edge("a row without labels", ([[0.3, -0.4, 0.2]], [[0.0, 0.0, 0.0]])),
            Edge("a row with every label", ([[0.3, -0.4, 0.2]], [[1.0, 1.0, 1.0]])),
        ],
        wrong=[
            Wrong(
                lambda x, y: _lacks(x, y).sum((1, 2)) / x.shape[1],
                "this looks like torch's divisor, the number of classes. How many pairs does a row have?",
            ),
            Wrong(
                lambda x, y: _lacks(x, y).sum((1, 2)),
                "this looks like the plain sum over the pairs: the mean is asked for.",
            ),
            Wrong(
                lambda x, y: _lacks(x, y).sum((1, 2)) / (_lacks(x, y) > 0).sum((1, 2)).clamp(min=1),
                "this looks like the mean over the pairs that cost something. A pair that leads by more than 1 costs 0 "
                "and still counts.",
            ),
            Wrong(
                lambda x, y: _mean_of_pairs(
                    (1 + x[:, :, None] - x[:, None, :]).clamp(min=0) * y[:, :, None] * (1 - y[:, None]), y
                ),
                "this looks as if the other classes should lead: which of the two scores must be the higher one?",
            ),
            Wrong(
                lambda x, y: _mean_of_pairs(
                    (x[:, None, :] - x[:, :, None]).clamp(min=0) * y[:, :, None] * (1 - y[:, None]), y
                ),
                "this looks as if the margin were missing: a label that leads by a hair costs nothing here.",
            ),
            Wrong(
                lambda x, y: _lacks(x, y).mean((1, 2)),
                "this looks like a mean over the whole table of classes by classes. Most of its places are no pairs.",
            ),
            Wrong(
                lambda x, y: _lacks(x, y).sum((1, 2)) / (y.sum(1) * (1 - y).sum(1)),
                "right, except for a row that has no pair, where 0/0 gives NaN. Such a row must cost 0.",
            ),
        ],
    ),
    Exercise(
        "softmax_with_none",
        softmax_with_none,
        cases=[
            ([[0.5, 0.0]], [[1.0]]),
            ([[0.5, 0.0]], [[0.0]]),
            ([[1.0, 0.0, -1.0, 0.5]], [[1.0, 0.0, 1.0]]),
            ([[2.0, 0.5, 0.0], [0.0, 1.0, 3.0]], [[1.0, 1.0], [0.0, 0.0]]),
        ],
        draw=_with_none,
        gradient=["x"],
        edges=[Edge("logits of 1000", ([[1000.0, 0.0, 999.0, 998.0]], [[1.0, 0.0, 1.0]]))],
        wrong=[
            Wrong(
                lambda x, y: -(_logs(x)[:, :-1] * y).sum(1) / y.sum(1).clamp(min=1),
                "this looks as if a row without labels cost 0. It has a label: the last class.",
            ),
            Wrong(
                lambda x, y: -(_logs(x) * _none(y)).sum(1),
                "this looks as if the row of 0 and 1 were used as it is: a row with three labels counts three times.",
            ),
            Wrong(
                lambda x, y: -(_logs(x) * _none(y)).mean(1),
                "this looks like a mean over all classes. The labels of a row share the target among themselves.",
            ),
            Wrong(
                lambda x, y: -((_logs(x)[:, :-1] * y).sum(1) + _logs(x)[:, -1]) / (y.sum(1) + 1),
                "this looks as if the last class were a label of every row. When is nothing there?",
            ),
            Wrong(
                lambda x, y: torch.where(
                    y.sum(1) > 0, -(_logs(x[:, :-1]) * y).sum(1) / y.sum(1).clamp(min=1), -_logs(x)[:, -1]
                ),
                "this looks as if the last class took part only where nothing is there. It is one of the classes that "
                "share the 1 in every row.",
            ),
            Wrong(
                lambda x, y: x.logsumexp(1) - x.masked_fill(_none(y) == 0, -1e300).logsumexp(1),
                "this looks like minus the logarithm of the labels' total probability: it is content when one label "
                "takes all of it. Each label should get its share.",
            ),
            Wrong(
                lambda x, y: -((x.exp() / x.exp().sum(1, keepdim=True)).log() * _none(y)).sum(1) / _none(y).sum(1),
                "right, until an exponential overflows. Which function of torch gives the logarithm of a sum of "
                "exponentials safely?",
            ),
        ],
    ),
]
