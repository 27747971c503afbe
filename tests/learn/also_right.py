"""Answers that are right in another way than the spec and the solution: the checker must not ask for one form."""

import functools
import math

import torch
from scipy import stats

from lossutils.learn.exercises import regression

ALSO_RIGHT = {
    "line_risk": [
        lambda a, b, x, y: torch.linalg.vector_norm(y - a - b * x) ** 2 / len(x),
        lambda a, b, x, y: torch.dot(a + b * x - y, a + b * x - y) / x.numel(),
    ],
    "absolute_gradient": [lambda a, b, x, y: torch.sign(a + b * x - y) @ torch.stack([x**0, x], dim=1) / len(x)],
    "back_transform": [lambda y: (1 + y).log().mean().exp() - 1, lambda y: torch.expm1(torch.log1p(y).mean()).item()],
    "appointment_cost": [
        lambda c, y: torch.max(c - y, 4 * (y - c)),
        lambda c, y: (c - y).clamp(min=0) + 4 * (y - c).relu(),
        lambda c, y: 5 * torch.where(c > y, 0.2 * (c - y), 0.8 * (y - c)),
    ],
    "exponential_nll": [lambda mu, y: -torch.log(torch.exp(-y / mu) / mu), lambda mu, y: mu.log() + y * mu**-1],
    "masked_mean": [
        lambda losses, keep: losses[keep > 0].sum() / max(int(keep.sum()), 1),
        lambda losses, keep: losses.masked_fill(keep == 0, 0).sum() / (keep.sum() + 1e-12),
    ],
    "micro_batch_parts": [
        lambda losses, weights, sizes: torch.stack(
            [part.sum() for part in (losses * weights / weights.sum()).split(list(sizes))]
        )
    ],
    "reweighted_step": [
        lambda X, y, beta, eps: torch.linalg.solve(
            X.T / (X @ beta - y).abs().clamp(min=eps) @ X, X.T / (X @ beta - y).abs().clamp(min=eps) @ y
        )
    ],
    "proximal_step": [lambda w, G, b, eta, lam: torch.nn.functional.softshrink(w + eta * (b - G @ w), eta * lam)],
    "huber_nll": [
        lambda r, s, k=1.345: (
            (r / s).clamp(-k, k) * (r / s) - (r / s).clamp(-k, k) ** 2 / 2 + s.log() + regression._log_z(k)
        )
    ],
    "shrink_l1": [torch.nn.functional.softshrink, lambda v, lam: v - v.clamp(-lam, lam)],
    "shrink_smooth_l1": [lambda v, lam, beta: v - (v * lam / (beta + lam)).clamp(-lam, lam)],
    "baker_cost": [lambda baked, demand: torch.maximum(baked - demand, 3 * (demand - baked))],
    "nll_from_log_var": [lambda mean, target, s: s / 2 + ((mean - target) * torch.exp(-s / 2)) ** 2 / 2],
    "safe_log_form": [lambda z, y: z.exp() - torch.where(y > 0, y * z, 0.0)],
    "safe_rate_form": [lambda rate, y: rate - torch.xlogy(y, torch.where(y == 0, torch.ones_like(rate), rate))],
    "total_ratio": [lambda rate, y: rate.mean() / y.mean(), lambda rate, y: (rate.sum() / y.sum()).item()],
    "logistic_bits": [
        lambda scores, labels: torch.nn.functional.softplus(-labels * scores) / math.log(2),
        lambda scores, labels: torch.logaddexp(torch.zeros_like(scores), -labels * scores) / math.log(2),
    ],
    "probability_from_exponential": [
        lambda scores: 1 / (1 + torch.exp(-2 * scores)),
        lambda scores: (1 + torch.tanh(scores)) / 2,
    ],
    "adaboost_weights": [
        lambda scores, labels: torch.softmax(-labels * scores, dim=0),
        lambda scores, labels: torch.exp(-labels * scores - torch.logsumexp(-labels * scores, 0)),
    ],
    "relative_entropy": [
        lambda p, q: torch.xlogy(p, p).sum() - torch.xlogy(p, torch.where(p > 0, q, 1.0)).sum(),
        lambda p, q: (p[p > 0] * (p[p > 0] / q[p > 0]).log()).sum(),
    ],
    "information_gain": [
        lambda counts: (
            (
                torch.special.entr(counts.sum(0) / counts.sum()).sum()
                + torch.special.entr(counts.sum(1) / counts.sum()).sum()
                - torch.special.entr(counts / counts.sum()).sum()
            )
            / math.log(2)
        )
    ],
    "stable_cross_entropy": [
        lambda logits, target: -logits.log_softmax(1).gather(1, target[:, None]).squeeze(1),
        lambda logits, target: torch.logsumexp(logits, 1) - logits[range(len(target)), target],
    ],
    "stable_bce": [
        lambda z, y: torch.nn.functional.softplus(z) - y * z,
        lambda z, y: torch.logaddexp(z, torch.zeros_like(z)) - y * z,
    ],
    "undo_pos_weight": [
        lambda p, beta: 1 / (1 + beta * (1 / p - 1)),
        lambda p, beta: torch.sigmoid(torch.logit(p) - torch.tensor(beta).log()),
    ],
    "signed_distance": [
        lambda x, y, w, b: y * torch.nn.functional.linear(x, w[None], b[None])[:, 0] / torch.dot(w, w).sqrt()
    ],
    "subgradient_step": [
        lambda w, x, y, lam, eta: (
            (1 - eta * lam) * w + eta * (torch.where(y * (x @ w) < 1, y, 0.0)[:, None] * x).mean(0)
        )
    ],
    "largest_rival": [
        lambda scores, target: torch.relu(
            1
            - scores.gather(1, target[:, None])[:, 0]
            + torch.where(torch.nn.functional.one_hot(target, scores.shape[1]) == 1, -torch.inf, scores).max(1).values
        )
    ],
    "pair_mean_hinge": [
        lambda x, y: torch.stack(
            [
                (1 - r[c == 1][:, None] + r[c == 0]).relu().sum() / max(int(c.sum() * (1 - c).sum()), 1)
                for r, c in zip(x, y, strict=True)
            ]
        ),
        lambda x, y: (
            torch.einsum("nj,ni,nji->n", y, 1 - y, (1 - x[:, :, None] + x[:, None]).relu())
            / (y.sum(1) * (1 - y).sum(1)).clamp(min=1)
        ),
    ],
    "softmax_with_none": [
        lambda x, y: (
            x.logsumexp(1) - torch.where(y.sum(1) > 0, (x[:, :-1] * y).sum(1) / y.sum(1).clamp(min=1), x[:, -1])
        ),
        lambda x, y: (
            -torch.where(
                y.sum(1) > 0, (x.log_softmax(1)[:, :-1] * y).sum(1) / y.sum(1).clamp(min=1), x.log_softmax(1)[:, -1]
            )
        ),
    ],
    "best_logit": [
        lambda log_p, log_q, real, fake: torch.log(torch.tensor(real / fake, dtype=log_p.dtype)) + log_p - log_q,
        lambda log_p, log_q, real, fake: (log_p + math.log(real)) - (log_q + math.log(fake)),
    ],
    "js_bound": [
        lambda real, fake: max(
            0.0,
            math.log(2)
            - 0.5 * (torch.nn.functional.softplus(-real).mean() + torch.nn.functional.softplus(fake).mean()).item(),
        ),
        lambda real, fake: torch.relu(
            math.log(2)
            + (torch.nn.functional.logsigmoid(real).mean() + torch.nn.functional.logsigmoid(-fake).mean()) / 2
        ),
    ],
    "pulled_to": [
        lambda p, q: ((p + q) * ((p + q) / (2 * p)).log()).sum(),
        lambda p, q: (torch.xlogy(q, q / p) - torch.xlogy(p, 2 * p / (p + q)) - torch.xlogy(q, 2 * q / (p + q))).sum(),
    ],
    "wasserstein_line": [
        lambda x, y: (x.sort().values - y.sort().values).abs().mean(),
        lambda x, y: (torch.sort(x)[0] - torch.sort(y)[0]).norm(p=1) / x.numel(),
    ],
    "penalised_critic_loss": [
        lambda real, fake, slopes, weight: fake.mean() - real.mean() + weight * ((slopes.norm(dim=1) - 1) ** 2).mean(),
        lambda real, fake, slopes, weight: (
            weight / len(slopes) * (1 - slopes.norm(2, dim=-1)).pow(2).sum() - (real.mean() - fake.mean())
        ),
    ],
    "mode_shares": [
        lambda samples, centres, deviation: (torch.cdist(samples, centres) < 3 * deviation).double().mean(0),
        lambda samples, centres, deviation: (
            ((samples[:, None] - centres).square().sum(-1) < (3 * deviation) ** 2).double().mean(dim=0)
        ),
    ],
    "best_output": [
        lambda p, q, a, b: a + (b - a) * p / (p + q),
        lambda p, q, a, b: torch.lerp(torch.full_like(p, a), torch.full_like(p, b), p / (p + q)),
    ],
    "triangular": [
        lambda p, q: 2 - 4 * torch.where(p + q > 0, p * q / torch.where(p + q > 0, p + q, 1), 0).sum(),
        lambda p, q: ((p - q)[p + q > 0] ** 2 / (p + q)[p + q > 0]).sum(),
    ],
    "all_pairs_loss": [
        lambda real, fake, distance, weight: (
            real[:, None] + weight * torch.relu(distance + real[:, None] - fake[None, :])
        ).mean(),
        lambda real, fake, distance, weight: (
            real.mean() + weight * torch.maximum(distance - (fake - real.unsqueeze(1)), torch.zeros(())).mean()
        ),
    ],
    "least_hinge_loss": [lambda p, q: 2 - (p - q).abs().sum(), lambda p, q: (p + q - (p - q).abs()).sum().item()],
    "paired_relativistic": [
        lambda real, fake: torch.nn.functional.softplus(real - fake),
        lambda real, fake: torch.logaddexp(torch.zeros_like(real), real - fake),
    ],
    "kl_bound": [
        lambda real, fake: real.sum() / len(real) - torch.exp(fake).mean() / math.e,
        lambda real, fake: -((fake - 1).exp().mean() - real.mean()),
    ],
    "scale_to_mse": [
        lambda image, distorted, mse: torch.lerp(
            image, distorted, mse**0.5 / (distorted - image).square().mean().sqrt()
        )
    ],
    "ssim_window": [
        lambda x, y: (
            (1 - (x.mean() - y.mean()) ** 2 / (x.mean() ** 2 + y.mean() ** 2 + 1e-4))
            * (1 - (x - y).var(correction=0) / (x.var(correction=0) + y.var(correction=0) + 9e-4))
        )
    ],
    "unit_distance": [
        lambda f, g: (f / (f.norm(dim=0) + 1e-12) - g / (g.norm(dim=0) + 1e-12)).square().sum() / f.shape[1]
    ],
    "gram_of_map": [lambda features: torch.einsum("chw,dhw->cd", features, features) / features.numel()],
    "mmd_of_places": [lambda x, y: (x.T @ x / len(x) - y.T @ y / len(y)).square().sum()],
    "variation_of": [
        lambda image: (
            torch.linalg.vector_norm(image[1:] - image[:-1], 1)
            + torch.linalg.vector_norm(image[:, 1:] - image[:, :-1], 1)
        )
    ],
    "psnr_of": [
        lambda image, target, data_range: 20 * torch.log10(data_range / (image - target).square().mean().sqrt()),
        lambda image, target, data_range: -10 * torch.log10((((image - target) / data_range) ** 2).sum() / len(image)),
    ],
    "mean_psnr": [
        lambda errors: 10 * (1 / errors).log10().mean(),
        lambda errors: -10 * errors.log().mean() / math.log(10),
    ],
    "mean_and_draw": [
        lambda values, chances: (
            (chances @ values**2 - (chances @ values) ** 2) * torch.tensor([1.0, 2.0], dtype=torch.float64)
        ),
        lambda values, chances: (
            ((values[:, None] - values) ** 2 * chances * chances[:, None]).sum()
            * torch.tensor([0.5, 1.0], dtype=torch.float64)
        ),
    ],
    "smoothed_cross_entropy": [
        lambda logits, target, epsilon: (
            -(
                (1 - epsilon) * torch.nn.functional.one_hot(target, logits.shape[1]).to(logits.dtype)
                + epsilon / logits.shape[1]
            )
            .mul(logits.log_softmax(1))
            .sum(1)
        ),
        lambda logits, target, epsilon: (
            logits.logsumexp(1) - (1 - epsilon) * logits.gather(1, target[:, None])[:, 0] - epsilon * logits.mean(1)
        ),
    ],
    "teacher_loss": [
        lambda student, teacher, temperature: (
            temperature**2
            * (
                (teacher / temperature).softmax(1)
                * ((teacher / temperature).log_softmax(1) - (student / temperature).log_softmax(1))
            ).sum(1)
        )
    ],
    "psi": [
        lambda theta, m: (
            torch.where((theta * m / math.pi).floor().clamp(max=m - 1) % 2 == 0, 1.0, -1.0) * torch.cos(m * theta)
            - 2 * (theta * m / math.pi).floor().clamp(max=m - 1)
        )
    ],
    "focal_each": [
        lambda x, y, alpha, gamma: (
            torch.where(y > 0, alpha, 1 - alpha)
            * torch.sigmoid((1 - 2 * y) * x) ** gamma
            * torch.nn.functional.softplus((1 - 2 * y) * x)
        ),
        lambda x, y, alpha, gamma: (
            -(
                alpha * y * torch.sigmoid(-x) ** gamma * torch.nn.functional.logsigmoid(x)
                + (1 - alpha) * (1 - y) * torch.sigmoid(x) ** gamma * torch.nn.functional.logsigmoid(-x)
            )
        ),
    ],
    "prior_bias": [torch.logit, lambda share: -torch.log(1 / share - 1)],
    "share_from_focal": [
        lambda p, gamma: (
            1 / (1 + ((1 - p) / p) ** gamma * (1 - p - gamma * p * p.log()) / (p - gamma * (1 - p) * torch.log1p(-p)))
        )
    ],
    "loss_shares": [
        lambda p, y, line: (
            torch.stack(
                [
                    ((-y * p.log() - (1 - y) * (1 - p).log()) * g).sum()
                    for g in (y, (1 - y) * (p > line), (1 - y) * (p <= line))
                ]
            )
            / -(y * p.log() + (1 - y) * (1 - p).log()).sum()
        )
    ],
    "mined_loss": [
        lambda losses, y: (losses @ y + losses[y == 0].sort(descending=True).values[: 3 * int(y.sum())].sum()) / y.sum()
    ],
    "softmax_focal": [
        lambda z, y, alpha, gamma: (
            -(
                torch.nn.functional.one_hot(y, z.shape[1])
                * alpha
                * (1 - z.softmax(1)) ** gamma
                * (z - z.logsumexp(1, keepdim=True))
            ).sum(1)
        ),
    ],
    "area_from_hits": [
        lambda scores, hit, total: (
            sum(max(hit[scores >= t].mean() for t in scores if t <= s) for s, h in zip(scores, hit, strict=True) if h)
            / total
            + 0 * scores[0]
        ),
    ],
    "shares_from_softmax": [
        lambda p, gamma: torch.softmax(-torch.log(-((1 - p) ** (gamma - 1)) * (gamma * p.log() - (1 - p) / p)), dim=1),
    ],
    "dice_of_mask": [
        lambda p, t: (
            (p * (1 - t) + t * (1 - p)).sum() / (p.sum() + t.sum()) if (p.sum() + t.sum()) > 0 else (p * 0).sum()
        ),
        lambda p, t: (p + t - 2 * p * t).sum() / torch.where((p + t).sum() == 0, 1.0, (p + t).sum()),
    ],
    "iou_of_mask": [
        lambda p, t: 1 - torch.minimum(p, t).sum() / torch.maximum(p, t).sum(),
        lambda p, t: (p + t - 2 * p * t).sum() / (p.sum() + t.sum() - (p * t).sum()),
    ],
    "tversky_of_mask": [
        lambda p, t, alpha, beta: 1 - (p @ t) / (p @ t + alpha * (p @ (1 - t)) + beta * ((1 - p) @ t)),
        lambda p, t, alpha, beta: 1 - (p @ t) / ((1 - alpha - beta) * (p @ t) + alpha * p.sum() + beta * t.sum()),
    ],
    "iou_each": [
        lambda a, b: (lambda i: i / ((a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[:, 2:] - b[:, :2]).prod(-1) - i))(
            (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).relu().prod(-1)
        ),
    ],
    "giou_each": [
        lambda a, b: (lambda i, s, c: 2 - i / (s - i) - (s - i) / c)(
            (torch.min(a, b)[:, 2:] - torch.max(a, b)[:, :2]).clamp(min=0).prod(1),
            (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1),
            (torch.max(a, b)[:, 2:] - torch.min(a, b)[:, :2]).prod(1),
        ),
    ],
    "distance_term": [
        lambda a, b: (
            (a - b)[:, :2].square().sum(1)
            / (
                torch.max(a[:, :2] + a[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2)
                - torch.min(a[:, :2] - a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2)
            )
            .square()
            .sum(1)
        ),
    ],
    "pairs_in_order": [
        lambda scores, labels: torch.heaviside(
            scores[labels > 0][:, None] - scores[labels < 0], torch.tensor(0.5, dtype=scores.dtype)
        ).mean()
    ],
    "contrastive": [
        lambda distance, same, margin: torch.where(same > 0, distance, torch.relu(margin - distance)).square() / 2
    ],
    "cosine_gradient": [lambda x1, x2: (x1 * (x1 @ x2) / (x1 @ x1) - x2) / (x1.norm() * x2.norm())],
    "facenet_loss": [
        lambda anchor, positive, negative, margin: torch.relu(
            margin + ((anchor - positive) ** 2 - (anchor - negative) ** 2).sum(1)
        ).mean(),
    ],
    "info_nce_by_hand": [
        lambda query, key, temperature: (
            -torch.log_softmax(torch.cosine_similarity(query[:, None], key[None], dim=2) / temperature, dim=1)
            .diagonal()
            .mean()
        ),
    ],
    "batch_hard": [
        lambda position, digit, margin: torch.relu(
            margin
            + ((position[:, None] - position).abs() * (digit[:, None] == digit)).max(1).values
            - ((position[:, None] - position).abs() + 1e6 * (digit[:, None] == digit)).min(1).values
        ).mean(),
    ],
    "collapse_path": [
        lambda path: torch.nn.functional.pad(
            torch.unique_consecutive(path)[torch.unique_consecutive(path) != 0],
            (0, len(path) - int((torch.unique_consecutive(path) != 0).sum())),
        ),
    ],
    "ctc_forward": [
        lambda log_probs, target: (
            -functools.reduce(
                lambda row, frame: (
                    torch.stack(
                        (
                            row,
                            torch.nn.functional.pad(row, (1, 0), value=-math.inf)[:-1],
                            torch.nn.functional.pad(row, (2, 0), value=-math.inf)[:-2]
                            + torch.tensor(
                                [-math.inf]
                                + [
                                    0.0 if k and k % 2 and target[k // 2] != target[k // 2 - 1] else -math.inf
                                    for k in range(1, len(row))
                                ],
                                dtype=row.dtype,
                            ),
                        )
                    ).logsumexp(0)
                    + frame[[target[k // 2] if k % 2 else 0 for k in range(len(row))]]
                ),
                log_probs,
                torch.tensor([0.0] + [-math.inf] * (2 * len(target)), dtype=log_probs.dtype),
            )[-2:].logsumexp(0)
        ),
    ],
    "shortest_input": [
        lambda target: len(target) + (target[1:] == target[:-1]).double().sum(),
        lambda target: target.numel() + int((target.diff() == 0).sum()),
    ],
    "character_error_rate": [
        lambda read, truth: torch.tensor(
            (lambda f: f(f, len(read), len(truth)))(
                lambda f, i, j: (
                    max(i, j)
                    if min(i, j) == 0
                    else min(
                        f(f, i - 1, j) + 1, f(f, i, j - 1) + 1, f(f, i - 1, j - 1) + int(read[i - 1] != truth[j - 1])
                    )
                )
            )
            / len(truth),
            dtype=torch.float64,
        ),
    ],
    "common_direction": [
        lambda g1, g2: (
            g1
            if (g1 @ g1) <= (g1 @ g2)
            else g2
            if (g2 @ g2) <= (g1 @ g2)
            else ((g2 @ g2 - g1 @ g2) * g1 + (g1 @ g1 - g1 @ g2) * g2) / ((g1 - g2) @ (g1 - g2))
        ),
        lambda g1, g2: g2 + (g1 - g2) * ((g2 - g1) @ g2 / ((g1 - g2) @ (g1 - g2)).clamp(min=1e-300)).clamp(0, 1),
    ],
    "learned_total": [
        lambda losses, log_sigmas: (losses * torch.exp(-2 * log_sigmas) / 2 + log_sigmas).sum(),
        lambda losses, log_sigmas: (losses / torch.exp(log_sigmas).square()).sum() / 2 + log_sigmas.sum(),
    ],
    "masked_nll": [lambda p, mask: -torch.where(mask > 0, p, torch.ones_like(p)).log().sum() / mask.sum().clamp(min=1)],
    "mended_step": [lambda w, x, y, rate: w - rate * 2 / len(x) * torch.dot(w * x - y, x)],
    "paired_interval": [
        lambda mine, theirs: torch.tensor(stats.ttest_rel(theirs, mine).confidence_interval(0.95)),
        lambda mine, theirs: (
            (theirs - mine).mean()
            + torch.tensor([-1.0, 1.0], dtype=torch.float64)
            * stats.t.isf(0.025, len(mine) - 1)
            * ((theirs - mine).var() / len(mine)).sqrt()
        ),
    ],
    "decide_by_cost": [lambda p, miss, alarm: (p * (miss + alarm) > alarm).double()],
    "best_angle": [
        lambda density, angles: angles[
            (
                torch.rad2deg(torch.acos(torch.cos(torch.deg2rad(angles[:, None] - angles)).clamp(-1, 1))) @ density
            ).argmin()
        ],
        lambda density, angles: angles[
            (density * (180 - ((angles[:, None] - angles).abs() % 360 - 180).abs())).sum(1).argmin()
        ],
    ],
    "antipodal_nll": [
        lambda mu, kappa, logit, target: (
            math.log(2 * math.pi)
            + torch.special.i0e(kappa).log()
            + kappa
            - torch.logsumexp(
                torch.stack(
                    [
                        torch.nn.functional.logsigmoid(logit) + kappa * torch.cos(target - mu),
                        torch.nn.functional.logsigmoid(-logit) + kappa * torch.cos(target - mu - math.pi),
                    ]
                ),
                0,
            )
        ).mean(),
        lambda mu, kappa, logit, target: (
            math.log(2 * math.pi)
            + torch.special.i0e(kappa).log()
            + kappa
            + torch.nn.functional.softplus(-logit)
            - kappa * torch.cos(target - mu)
            - torch.nn.functional.softplus(-logit - 2 * kappa * torch.cos(target - mu))
        ).mean(),
    ],
    "hypergradient": [
        lambda weights, pulls, outer, rate: (
            -rate * (pulls @ outer - weights @ pulls @ outer / weights.sum()) / weights.sum()
        ),
    ],
    "sum_nll": [
        lambda first, second, total: (
            -torch.logsumexp(
                (first[:, None] + second)[torch.arange(len(first))[:, None] + torch.arange(len(second)) == total], 0
            )
        ),
    ],
    "residual_loss": [
        lambda angle, speed, push, friction, square: torch.mean(
            (-push - friction * speed - square * torch.sin(angle)) ** 2
        ),
    ],
}
