"""The code exercises of the section "The imbalance"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def loss_shares(p, y, line):
    """Shares of the summed cross entropy: positives, hard negatives (p > line), easy negatives."""
    parts = [torch.zeros((), dtype=p.dtype) for _ in range(3)]
    for one, label in zip(p, y, strict=True):
        if label == 1:
            parts[0] = parts[0] - torch.log(one)
        elif one > line:
            parts[1] = parts[1] - torch.log1p(-one)
        else:
            parts[2] = parts[2] - torch.log1p(-one)
    return torch.stack(parts) / sum(parts)


def mined_loss(losses, y):
    """All positives and the hardest negatives, three to one, divided by the number of positives."""
    positives = [loss for loss, label in zip(losses, y, strict=True) if label == 1]
    negatives = sorted((loss for loss, label in zip(losses, y, strict=True) if label == 0), reverse=True)
    return sum(positives + negatives[: 3 * len(positives)]) / len(positives)


def _some(generator, n):
    """Labels with at least one positive."""
    y = torch.randint(0, 2, (n + 2,), generator=generator).double()
    y[0], y[1] = 1, 0
    return y


def _parts(each, p, y, line):
    hard = (y == 0) & (p > line)
    return torch.stack([each[y == 1].sum(), each[hard].sum(), each[(y == 0) & ~hard].sum()])


def _each(p, y):
    return torch.where(y == 1, -torch.log(p), -torch.log1p(-p))


def _hardest(losses, y, k):
    negatives = losses[y == 0]
    return negatives.topk(min(k, len(negatives))).values.sum()


EXERCISES = [
    Exercise(
        "loss_shares",
        loss_shares,
        cases=[
            ([0.3, 0.2, 0.02], [1.0, 0.0, 0.0], 0.1),
            ([0.9, 0.4, 0.7, 0.05], [1.0, 1.0, 0.0, 0.0], 0.1),
        ],
        draw=lambda g, n: (numbers(g, n + 2, 1, 9, 0.037) / 10, _some(g, n), 0.5),
        edges=[Edge("no hard negative", ([0.3, 0.02], [1.0, 0.0], 0.1))],
        wrong=[
            Wrong(
                lambda p, y, line: _parts(_each(p, y), p, y, line),
                "this looks like the three sums. Shares add up to 1.",
            ),
            Wrong(
                lambda p, y, line: _parts(torch.ones_like(p), p, y, line) / len(p),
                "this looks like the shares of the counts. How much of the *loss* is in each group?",
            ),
            Wrong(
                lambda p, y, line: _parts(-torch.log(p), p, y, line) / -torch.log(p).sum(),
                "this looks like −log p for every sample. What does a negative with p near 0 cost?",
            ),
            Wrong(
                lambda p, y, line: _parts(_each(p, y), p, y, line)[[0, 2, 1]] / _each(p, y).sum(),
                "this looks like hard and easy exchanged.",
            ),
            Wrong(
                lambda p, y, line: _parts((p - y).abs(), p, y, line) / (p - y).abs().sum(),
                "this looks like the shares of the pull |p − y|, a good question, and another one.",
            ),
        ],
    ),
    Exercise(
        "mined_loss",
        mined_loss,
        cases=[
            ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 0.0, 0.0, 0.0, 0.0]),
            ([0.5, 0.1, 2.0, 0.2, 0.7, 0.4, 0.3], [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
        ],
        draw=lambda g, n: (
            numbers(g, 2 * n + 6, 0, 5) + torch.arange(2 * n + 6) * 0.003,  # no two are equal
            torch.cat([torch.ones(1), torch.zeros(2 * n + 5)]).double(),
        ),
        edges=[Edge("fewer negatives than three to one", ([1.0, 2.0, 3.0], [1.0, 1.0, 0.0]))],
        wrong=[
            Wrong(
                lambda losses, y: losses.topk(min(4 * int(y.sum()), len(losses))).values.sum() / y.sum(),
                "this looks like the largest losses of all samples: an easy positive is lost, and SSD keeps every one.",
            ),
            Wrong(
                lambda losses, y: (losses[y == 1].sum() + _hardest(losses, y, 3 * int(y.sum()))) / len(losses),
                "this looks like a division by all samples.",
            ),
            Wrong(
                lambda losses, y: (losses[y == 1].sum() + _hardest(losses, y, 3)) / y.sum(),
                "this looks like three negatives in all. It is three for each positive.",
            ),
            Wrong(
                lambda losses, y: (losses[y == 1].sum() - _hardest(-losses, y, 3 * int(y.sum()))) / y.sum(),
                "this looks like the easiest negatives, those with the smallest losses.",
            ),
            Wrong(
                lambda losses, y: (
                    (losses[y == 1].sum() + _hardest(losses, y, 3 * int(y.sum())))
                    / (y.sum() + min(3 * int(y.sum()), int((y == 0).sum())))
                ),
                "this looks like the mean over the samples kept. What is it to be divided by?",
            ),
        ],
        gradient=["losses"],
    ),
]
