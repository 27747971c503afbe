"""Answers that are right in another way than the spec and the solution: the checker must not ask for one form."""

import math

import torch

from lossutils.learn.exercises import regression

ALSO_RIGHT = {
    "line_risk": [lambda a, b, x, y: torch.linalg.vector_norm(y - a - b * x) ** 2 / len(x),
                  lambda a, b, x, y: torch.dot(a + b * x - y, a + b * x - y) / x.numel()],
    "absolute_gradient": [lambda a, b, x, y: torch.sign(a + b * x - y) @ torch.stack([x**0, x], dim=1) / len(x)],
    "back_transform": [lambda y: (1 + y).log().mean().exp() - 1, lambda y: torch.expm1(torch.log1p(y).mean()).item()],
    "appointment_cost": [lambda c, y: torch.max(c - y, 4 * (y - c)),
                         lambda c, y: (c - y).clamp(min=0) + 4 * (y - c).relu(),
                         lambda c, y: 5 * torch.where(c > y, 0.2 * (c - y), 0.8 * (y - c))],
    "exponential_nll": [lambda mu, y: -torch.log(torch.exp(-y / mu) / mu), lambda mu, y: mu.log() + y * mu**-1],
    "masked_mean": [lambda losses, keep: losses[keep > 0].sum() / max(int(keep.sum()), 1),
                    lambda losses, keep: losses.masked_fill(keep == 0, 0).sum() / (keep.sum() + 1e-12)],
    "micro_batch_parts": [lambda losses, weights, sizes: torch.stack(
        [part.sum() for part in (losses * weights / weights.sum()).split(list(sizes))])],
    "reweighted_step": [lambda X, y, beta, eps: torch.linalg.solve(
        X.T / (X @ beta - y).abs().clamp(min=eps) @ X, X.T / (X @ beta - y).abs().clamp(min=eps) @ y)],
    "proximal_step": [lambda w, G, b, eta, lam: torch.nn.functional.softshrink(w + eta * (b - G @ w), eta * lam)],
    "huber_nll": [lambda r, s, k=1.345: ((r / s).clamp(-k, k) * (r / s) - (r / s).clamp(-k, k) ** 2 / 2 + s.log()
                                         + regression._log_z(k))],
    "shrink_l1": [torch.nn.functional.softshrink, lambda v, lam: v - v.clamp(-lam, lam)],
    "shrink_smooth_l1": [lambda v, lam, beta: v - (v * lam / (beta + lam)).clamp(-lam, lam)],
    "baker_cost": [lambda baked, demand: torch.maximum(baked - demand, 3 * (demand - baked))],
    "nll_from_log_var": [lambda mean, target, s: s / 2 + ((mean - target) * torch.exp(-s / 2)) ** 2 / 2],
    "safe_log_form": [lambda z, y: z.exp() - torch.where(y > 0, y * z, 0.0)],
    "safe_rate_form": [lambda rate, y: rate - torch.xlogy(y, torch.where(y == 0, torch.ones_like(rate), rate))],
    "total_ratio": [lambda rate, y: rate.mean() / y.mean(), lambda rate, y: (rate.sum() / y.sum()).item()],
    "logistic_bits": [lambda scores, labels: torch.nn.functional.softplus(-labels * scores) / math.log(2),
                      lambda scores, labels: torch.logaddexp(torch.zeros_like(scores), -labels * scores) / math.log(2)],
    "probability_from_exponential": [lambda scores: 1 / (1 + torch.exp(-2 * scores)),
                                     lambda scores: (1 + torch.tanh(scores)) / 2],
    "adaboost_weights": [lambda scores, labels: torch.softmax(-labels * scores, dim=0),
                         lambda scores, labels: torch.exp(-labels * scores - torch.logsumexp(-labels * scores, 0))],
    "relative_entropy": [lambda p, q: torch.xlogy(p, p).sum() - torch.xlogy(p, torch.where(p > 0, q, 1.0)).sum(),
                         lambda p, q: (p[p > 0] * (p[p > 0] / q[p > 0]).log()).sum()],
    "information_gain": [lambda counts: (torch.special.entr(counts.sum(0) / counts.sum()).sum()
                                         + torch.special.entr(counts.sum(1) / counts.sum()).sum()
                                         - torch.special.entr(counts / counts.sum()).sum()) / math.log(2)],
    "stable_cross_entropy": [lambda logits, target: -logits.log_softmax(1).gather(1, target[:, None]).squeeze(1),
                             lambda logits, target: torch.logsumexp(logits, 1) - logits[range(len(target)), target]],
    "stable_bce": [lambda z, y: torch.nn.functional.softplus(z) - y * z,
                   lambda z, y: torch.logaddexp(z, torch.zeros_like(z)) - y * z],
    "undo_pos_weight": [lambda p, beta: 1 / (1 + beta * (1 / p - 1)),
                        lambda p, beta: torch.sigmoid(torch.logit(p) - torch.tensor(beta).log())],
    "signed_distance": [lambda x, y, w, b: (
        y * torch.nn.functional.linear(x, w[None], b[None])[:, 0] / torch.dot(w, w).sqrt())],
    "subgradient_step": [lambda w, x, y, lam, eta: (1 - eta * lam) * w + eta * (
        torch.where(y * (x @ w) < 1, y, 0.0)[:, None] * x).mean(0)],
    "largest_rival": [lambda scores, target: torch.relu(1 - scores.gather(1, target[:, None])[:, 0] + torch.where(
        torch.nn.functional.one_hot(target, scores.shape[1]) == 1, -torch.inf, scores).max(1).values)],
    "pair_mean_hinge": [
        lambda x, y: torch.stack([
            (1 - r[c == 1][:, None] + r[c == 0]).relu().sum() / max(int(c.sum() * (1 - c).sum()), 1)
            for r, c in zip(x, y, strict=True)]),
        lambda x, y: (torch.einsum("nj,ni,nji->n", y, 1 - y, (1 - x[:, :, None] + x[:, None]).relu())
                      / (y.sum(1) * (1 - y).sum(1)).clamp(min=1))],
    "softmax_with_none": [
        lambda x, y: x.logsumexp(1) - torch.where(
            y.sum(1) > 0, (x[:, :-1] * y).sum(1) / y.sum(1).clamp(min=1), x[:, -1]),
        lambda x, y: -torch.where(y.sum(1) > 0, (x.log_softmax(1)[:, :-1] * y).sum(1) / y.sum(1).clamp(min=1),
                                  x.log_softmax(1)[:, -1])],
}  # fmt: skip
