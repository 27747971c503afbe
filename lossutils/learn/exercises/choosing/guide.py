"""The code exercises of the section "A guide to choosing"."""

import math

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def paired_interval(mine, theirs):
    """Low and high end of the 95 % t-interval of the mean of theirs − mine."""
    gains = [b - a for a, b in zip(mine, theirs, strict=True)]
    n = len(gains)
    mean = sum(gains) / n
    variance = sum((gain - mean) ** 2 for gain in gains) / (n - 1)
    half = _t(n) * (variance / n).sqrt()
    return torch.stack([mean - half, mean + half])


def decide_by_cost(p, miss, alarm):
    """1 for each p where saying yes has the smaller expected cost, else 0."""
    out = []
    for one in p:
        cost_of_no, cost_of_yes = one * miss, (1 - one) * alarm
        out.append(1.0 if cost_of_yes < cost_of_no else 0.0)
    return torch.tensor(out, dtype=p.dtype)


def _interval(gains, t, ddof=1, root=True):
    n = len(gains)
    variance = ((gains - gains.mean()) ** 2).sum() / (n - ddof)
    half = t * (variance / n if root else variance).sqrt()
    return torch.stack([gains.mean() - half, gains.mean() + half])


def _t(n, level=0.975, lost=1):
    """The quantile of Student's distribution with n − lost degrees of freedom."""
    from scipy import stats  # `learn` has it; the other exercises need torch alone

    return float(stats.t.ppf(level, n - lost))


def _unpaired(mine, theirs):
    n = len(mine)
    half = _t(n) * ((mine.var() + theirs.var()) / n).sqrt()
    mean = theirs.mean() - mine.mean()
    return torch.stack([mean - half, mean + half])


def _say(p, threshold):
    return (p > threshold).to(p.dtype)


EXERCISES = [
    Exercise(
        "paired_interval",
        paired_interval,
        cases=[
            ([1.0, 2.0], [2.0, 4.0]),
            ([1.0, 3.0, 2.0], [2.0, 3.0, 4.0]),
            ([5.0, 1.0, 3.0, 2.0], [5.5, 2.5, 3.0, 4.0]),
        ],
        draw=lambda g, n: (numbers(g, n + 2, 0, 5, 0.013), numbers(g, n + 2, 1, 7, 0.04)),
        wrong=[
            Wrong(
                _unpaired,
                "this looks like an interval from the spread of each loss by itself. What a seed does to both is still "
                "in it: which difference takes that out?",
            ),
            Wrong(
                lambda mine, theirs: _interval(theirs - mine, _t(len(mine)), ddof=0),
                "this looks as if the squares were divided by n. The mean was fitted to the same numbers, and that "
                "costs one of them.",
            ),
            Wrong(
                lambda mine, theirs: _interval(theirs - mine, 1.96),
                "this looks like a factor of 1.96, which is for a spread that is known. With few seeds it is itself a "
                "guess.",
            ),
            Wrong(
                lambda mine, theirs: _interval(mine - theirs, _t(len(mine))),
                "this looks like mine − theirs. Lower is better: when is the gain of mine positive?",
            ),
            Wrong(
                lambda mine, theirs: _interval(theirs - mine, _t(len(mine)), root=False),
                "this looks like the spread of single seeds. What is asked for is how well their mean is known.",
            ),
            Wrong(
                lambda mine, theirs: _interval(theirs - mine, _t(len(mine), 0.95)),
                "this looks like a quantile that leaves 5 % on each side. How much do both sides together leave out?",
            ),
            Wrong(
                lambda mine, theirs: _interval(theirs - mine, _t(len(mine), lost=0)),
                "this looks like the t-distribution with n degrees of freedom. How many are left once the mean is "
                "known?",
            ),
        ],
    ),
    Exercise(
        "decide_by_cost",
        decide_by_cost,
        cases=[([0.2], 10.0, 1.0), ([0.05, 0.3, 0.95], 10.0, 1.0), ([0.3, 0.6, 0.8], 1.0, 2.0)],
        draw=lambda g, n: (
            numbers(g, n + 2, 0.0, 0.9, 0.0437),
            float(torch.randint(1, 12, (), generator=g)),
            float(torch.randint(1, 12, (), generator=g)),
        ),
        edges=[
            Edge("a miss that costs nothing", ([0.1, 0.9], 0.0, 1.0)),
            Edge("an alarm that costs nothing", ([0.1, 0.9], 1.0, 0.0)),
        ],
        wrong=[
            Wrong(
                lambda p, miss, alarm: _say(p, 0.5),
                "this looks like a threshold of ½. The costs never enter.",
            ),
            Wrong(
                lambda p, miss, alarm: _say(p, miss / (miss + alarm)),
                "this looks as if the two costs had changed places: the dearer the miss, the higher this threshold.",
            ),
            Wrong(
                lambda p, miss, alarm: _say(p, alarm / miss if miss else math.inf),
                "this looks like the ratio of the costs as a threshold of p. It is one of the odds, p / (1 − p).",
            ),
            Wrong(
                lambda p, miss, alarm: 1 - _say(p, alarm / (miss + alarm)),
                "this looks as if yes and no had changed places.",
            ),
            Wrong(
                lambda p, miss, alarm: torch.minimum(p * miss, (1 - p) * alarm),
                "this looks like the expected cost of the better answer. Which answer is it?",
            ),
        ],
    ),
]
