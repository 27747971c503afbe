"""The code exercises of the section "Entropy, cross entropy and KL divergence"."""

import math

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def relative_entropy(p, q):
    """The nats lost by coding p with q; outcomes that never come add nothing."""
    total = p.new_zeros(())
    for a, b in zip(p, q, strict=True):
        if a > 0:
            total = total + a * torch.log(a / b)
    return total


def information_gain(counts):
    """Entropy of the classes before the split, less the mean entropy after it, in bits."""

    def bits(row):
        shares = [n / row.sum() for n in row if n > 0]
        return sum((-s * torch.log2(s) for s in shares), row.new_zeros(()))

    after = sum((row.sum() / counts.sum() * bits(row) for row in counts if row.sum() > 0), counts.new_zeros(()))
    return bits(counts.sum(0)) - after


def _shares(g, n):
    parts = numbers(g, n, 1, 9)
    return parts / parts.sum()


def _split(g, n):
    return (numbers(g, 2 * (n + 1), 1, 20).round().view(2, n + 1),)


def _nats(n):
    """The entropy of each row of counts."""
    p = n / n.sum(-1, keepdim=True).clamp(min=1)
    return -torch.xlogy(p, p).sum(-1)


def _after(counts):
    return _nats(counts) @ counts.sum(1) / counts.sum()


def _gini(n):
    return 1 - (n / n.sum(-1, keepdim=True).clamp(min=1)).square().sum(-1)


EXERCISES = [
    Exercise(
        "relative_entropy",
        relative_entropy,
        cases=[([0.5, 0.5], [0.25, 0.75]), ([0.7, 0.2, 0.1], [0.4, 0.4, 0.2]), ([0.1, 0.9], [0.6, 0.4])],
        draw=lambda g, n: (_shares(g, n + 1), _shares(g, n + 1)),
        edges=[
            Edge("an outcome that never comes (p = 0)", ([0.0, 1.0], [0.25, 0.75])),
            Edge("an outcome impossible for both (p = q = 0)", ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0])),
            Edge("an outcome that q takes for impossible (q = 0 < p)", ([0.5, 0.5], [0.0, 1.0]), "no"),
        ],
        wrong=[
            Wrong(
                lambda p, q: torch.xlogy(q, q / p).sum(),
                "this looks like the other direction: which of the two distributions do the draws come from?",
            ),
            Wrong(
                lambda p, q: -torch.xlogy(p, q).sum(),
                "this looks like the cross entropy. At q = p it is not 0: what is left there?",
            ),
            Wrong(
                lambda p, q: (p * torch.log(p / q)).nansum() / len(p),
                "this looks like a mean over the outcomes, as kl_div's default reduction takes. The weights p are the "
                "mean already.",
            ),
            Wrong(
                lambda p, q: (torch.xlogy(p, p / q) + torch.xlogy(q, q / p)).sum() / 2,
                "this looks like the mean of both directions. That is symmetric, and here one direction is asked for.",
            ),
            Wrong(
                lambda p, q: (torch.xlogy(p, p) - p * q).sum(),
                "this looks as if the logarithm of q were missing: the call of kl_div with probabilities as input "
                "gives the same.",
            ),
            Wrong(
                lambda p, q: (p * torch.log(p / q)).sum(),
                "right where both are positive. With p = 0 it forms 0 times the logarithm of 0, which is NaN.",
            ),
            Wrong(
                lambda p, q: (p * torch.log((p + 1e-12) / (q + 1e-12))).sum(),
                "right to many digits where both are positive, but a small constant inside the logarithm makes finite "
                "what has to be infinite.",
            ),
            Wrong(
                lambda p, q: torch.xlogy(p, p / torch.where(q > 0, q, 1.0)).sum(),
                "right, except that an outcome with q = 0 is passed over even where p draws it. What should it cost?",
            ),
        ],
        gradient=("q",),
    ),
    Exercise(
        "information_gain",
        information_gain,
        cases=[([[4.0, 0.0], [0.0, 4.0]],), ([[3.0, 1.0], [1.0, 3.0]],), ([[6.0, 2.0], [1.0, 1.0]],)],
        draw=_split,
        edges=[Edge("an answer that no row gave", ([[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]],))],
        wrong=[
            Wrong(
                lambda counts: (_nats(counts.sum(0)) - _nats(counts).mean()) / math.log(2),
                "this looks as if each answer weighed the same. An answer that few rows gave should weigh little.",
            ),
            Wrong(
                lambda counts: _after(counts) / math.log(2),
                "this looks like what is still unknown after the answer. The gain is what the answer took away.",
            ),
            Wrong(
                lambda counts: _nats(counts.sum(0)) - _after(counts),
                "this looks right in nats. Bits are asked for.",
            ),
            Wrong(
                lambda counts: _gini(counts.sum(0)) - _gini(counts) @ counts.sum(1) / counts.sum(),
                "this looks like the gain in Gini impurity, 1 − Σ p². Entropy has a logarithm.",
            ),
            Wrong(
                lambda counts: (_nats(counts.sum(0)) - _nats(counts).sum()) / math.log(2),
                "this looks as if the entropies of the answers were added up. Their mean is asked for.",
            ),
            Wrong(
                lambda counts: (_nats(counts.sum(1)) - _after(counts)) / math.log(2),
                "this looks as if the first entropy were that of the answers. Before the split, what is unknown is "
                "the class.",
            ),
            Wrong(
                lambda counts: _nats(counts.flatten()) / math.log(2),
                "this looks like the entropy of answer and class together.",
            ),
            Wrong(
                lambda counts: (_nats(counts.sum(0)) - (_nats(counts) @ counts.sum(1) / counts.sum())) / math.log(10),
                "this looks right in base 10. Bits are logarithms in base 2.",
            ),
        ],
    ),
]
