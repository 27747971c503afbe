"""The code exercises of the chapter "Regression"."""

import math

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers, scalar

# Squared and absolute error


def reweighted_step(X, y, beta, eps):
    """The weighted least-squares fit with the weights 1 / max(|r|, eps), r the residuals at beta."""
    left, right = 0.0, 0.0
    for row, target in zip(X, y, strict=True):
        weight = 1 / max(abs((row @ beta - target).item()), eps)
        left, right = left + weight * torch.outer(row, row), right + weight * target * row
    return torch.linalg.solve(left, right)


def proximal_step(w, G, b, eta, lam):
    """A gradient step of length eta on the half-MSE, then the soft threshold with eta lam."""
    moved = [one - eta * slope for one, slope in zip(w, G @ w - b, strict=True)]
    return torch.stack([v.sign() * max(v.abs() - eta * lam, v.new_zeros(())) for v in moved])


def _fit(X, y):
    return torch.linalg.lstsq(X, y[:, None]).solution[:, 0]


def _scaled(X, y, factor):
    return _fit(X * factor[:, None], y * factor)


def _residual(X, y, beta, eps):
    return (X @ beta - y).abs().clamp(min=eps)


def _points(g, n):
    x = torch.arange(n + 2).double()
    X = torch.stack([torch.ones_like(x), x], dim=1)
    return X, numbers(g, n + 2, -5, 5), numbers(g, 2, -1, 1, 0.033), 0.01


def _lasso(g, n):
    half = numbers(g, n * n, -1, 1).view(n, n)
    return numbers(g, n, -3, 3), half @ half.T + torch.eye(n).double(), numbers(g, n, -3, 3), 0.1, 2.0


def _soft(v, lam):
    return v.sign() * (v.abs() - lam).clamp(min=0)


_X = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]

SQUARED_AND_ABSOLUTE = [
    Exercise(
        "reweighted_step",
        reweighted_step,
        cases=[(_X, [1.0, 2.0, 7.0], [0.0, 0.0], 0.01), (_X, [0.0, 3.0, 4.0], [1.0, 1.0], 0.01)],
        draw=_points,
        edges=[Edge("a residual of 0", (_X, [0.0, 1.0, 5.0], [0.0, 1.0], 0.01))],
        wrong=[
            Wrong(
                lambda X, y, beta, eps: _scaled(X, y, 1 / _residual(X, y, beta, eps)),
                "this looks as if each row were multiplied by the weight itself: it then enters the sum of squares "
                "with the weight squared.",
            ),
            Wrong(
                lambda X, y, beta, eps: _scaled(X, y, _residual(X, y, beta, eps).sqrt()),
                "this looks like the weights upside down: a far row gets a large weight here.",
            ),
            Wrong(
                lambda X, y, beta, eps: _fit(X * _residual(X, y, beta, eps).rsqrt()[:, None], y),
                "this looks as if the columns were scaled and the targets not. The residual of the scaled row must be "
                "the scaled residual.",
            ),
            Wrong(
                lambda X, y, beta, eps: _fit(X, y),
                "this looks like the fit without weights. Where do the residuals at beta come in?",
            ),
            Wrong(
                lambda X, y, beta, eps: _scaled(X, y, (X @ beta - y).abs().add(eps).rsqrt()),
                "this looks as if eps were added to every residual. It is a floor: only residuals below it change.",
            ),
            Wrong(
                lambda X, y, beta, eps: _scaled(X, y, (X @ beta - y).abs().clamp(min=1e-300).rsqrt()),
                "right, except where the line goes through a point: its weight is then as good as infinite. What is "
                "eps for?",
            ),
        ],
    ),
    Exercise(
        "proximal_step",
        proximal_step,
        cases=[
            ([1.0], [[1.0]], [3.0], 0.5, 1.0),
            ([2.0, 0.0], [[1.0, 0.0], [0.0, 2.0]], [1.0, 0.5], 0.5, 1.0),
        ],
        draw=_lasso,
        wrong=[
            Wrong(
                lambda w, G, b, eta, lam: _soft(w - eta * (G @ w - b), lam),
                "this looks like a threshold of lam itself. A step of length eta can only pay for a part of the "
                "penalty: which?",
            ),
            Wrong(
                lambda w, G, b, eta, lam: _soft(w + eta * (G @ w - b), eta * lam),
                "this looks like a step uphill. The gradient of the half-MSE is G w − b.",
            ),
            Wrong(
                lambda w, G, b, eta, lam: w - eta * (G @ w - b),
                "this looks like the gradient step alone: nothing becomes exactly 0.",
            ),
            Wrong(
                lambda w, G, b, eta, lam: (lambda u: u - eta * (G @ u - b))(_soft(w, eta * lam)),
                "this looks like the threshold before the step. What comes last decides whether zeros stay zeros.",
            ),
            Wrong(
                lambda w, G, b, eta, lam: w - eta * (G @ w - b + lam * w.sign()),
                "this looks like a subgradient step on both terms: it jumps over 0 and back.",
            ),
            Wrong(
                lambda w, G, b, eta, lam: (lambda v: torch.where(v.abs() > eta * lam, v, 0.0))(w - eta * (G @ w - b)),
                "this looks like a hard threshold: small weights vanish, and large ones stay as they are. The soft one "
                "moves these too.",
            ),
        ],
    ),
]

# Robust losses


def huber_nll(r, s, k=1.345):
    """Minus the log-density whose shape is exp(−Huber(r/s)), for each residual."""
    z = math.sqrt(2 * math.pi) * math.erf(k / math.sqrt(2)) + 2 / k * math.exp(-(k**2) / 2)
    u = [one / s for one in r]
    return torch.stack([
        (v**2 / 2 if v.abs() <= k else k * (v.abs() - k / 2)) + torch.log(s) + math.log(z) for v in u
    ])  # fmt: skip


def shrink_l1(v, lam):
    """The theta that minimises (theta − v)²/2 + lam |theta|."""
    return torch.stack([one - lam if one > lam else one + lam if one < -lam else 0 * one for one in v])


def shrink_smooth_l1(v, lam, beta):
    """The theta that minimises (theta − v)²/2 + lam smooth_l1(theta; beta)."""
    return torch.stack([
        one / (1 + lam / beta) if one.abs() < beta + lam else one - lam * one.sign() for one in v
    ])  # fmt: skip


def _huber(u, k):
    return torch.where(u.abs() <= k, u**2 / 2, k * (u.abs() - k / 2))


def _log_z(k, arms=1.0):
    return math.log(math.sqrt(2 * math.pi) * math.erf(k / math.sqrt(2)) + arms * 2 / k * math.exp(-(k**2) / 2))


ROBUST = [
    Exercise(
        "huber_nll",
        huber_nll,
        cases=[([0.0], scalar(1.0), 1.345), ([1.0], scalar(2.0), 1.345), ([1.0, -6.0], scalar(2.0), 1.345)],
        draw=lambda g, n: (numbers(g, n, -8, 8, 0.033), numbers(g, 1, 0.5, 3)[0], (1.0, 1.345, 2.0)[n % 3]),
        edges=[Edge("a residual of 10,000 scales", ([1e4], scalar(1.0), 1.345))],
        wrong=[
            Wrong(
                lambda r, s, k=1.345: _huber(r / s, k) + _log_z(k),
                "this looks as if log s were missing. Without it a larger s makes every loss smaller.",
            ),
            Wrong(
                lambda r, s, k=1.345: _huber(r / s, k) + torch.log(s),
                "this looks as if log Z were missing: exp of minus your loss does not integrate to 1.",
            ),
            Wrong(
                lambda r, s, k=1.345: _huber(r / s, k) + torch.log(s) + _log_z(k, arms=0.0),
                "this looks like a Z of the middle piece alone. What do the two arms contribute?",
            ),
            Wrong(
                lambda r, s, k=1.345: _huber(r / s, k) + torch.log(s) + _log_z(k, arms=0.5),
                "this looks like a Z with one arm. There is one on each side.",
            ),
            Wrong(
                lambda r, s, k=1.345: _huber(r / s, k) - torch.log(s) + _log_z(k),
                "this looks like log s with the wrong sign. A wide density is a low one.",
            ),
            Wrong(
                lambda r, s, k=1.345: _huber(r, k) + torch.log(s) + _log_z(k),
                "this looks like Huber's loss of r itself. What is measured in units of s?",
            ),
            Wrong(
                lambda r, s, k=1.345: (r / s) ** 2 / 2 + torch.log(s) + _log_z(k),
                "this looks like the parabola everywhere: beyond k scales Huber's loss goes on as a straight line.",
            ),
        ],
        gradient=("r", "s"),
    ),
    Exercise(
        "shrink_l1",
        shrink_l1,
        cases=[([3.0], 1.0), ([-3.0], 1.0), ([2.0, 0.5], 1.0)],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.033), (0.5, 1.0)[n % 2]),
        edges=[Edge("a value equal to lam", ([1.0, -1.0], 1.0)), Edge("0", ([0.0], 0.5))],
        wrong=[
            Wrong(
                lambda v, lam: torch.where(v.abs() > lam, v, 0.0),
                "this looks like a hard threshold: what is not 0 stays as it is. The penalty pulls at it too.",
            ),
            Wrong(
                lambda v, lam: v - lam * v.sign(),
                "this looks as if small values passed through 0 and came out on the other side. Where do they stop?",
            ),
            Wrong(
                lambda v, lam: (v.abs() - lam).clamp(min=0),
                "this looks right in size, but a negative v comes out positive.",
            ),
            Wrong(
                lambda v, lam: (v - lam).clamp(min=0),
                "this looks right for positive v, and every negative one becomes 0.",
            ),
            Wrong(
                lambda v, lam: v / (1 + lam),
                "this looks like the step for a squared penalty: it shrinks everything in proportion, and nothing "
                "becomes exactly 0.",
            ),
        ],
    ),
    Exercise(
        "shrink_smooth_l1",
        shrink_smooth_l1,
        cases=[([3.0], 1.0, 0.5), ([0.5], 1.0, 0.5), ([-2.0, 1.2], 1.0, 0.5)],
        draw=lambda g, n: (numbers(g, n + 1, -3, 3, 0.033), (0.5, 1.0)[n % 2], (0.2, 0.5, 1.5)[n % 3]),
        edges=[Edge("0", ([0.0], 1.0, 0.5)), Edge("a value equal to beta + lam", ([1.5], 1.0, 0.5))],
        wrong=[
            Wrong(
                lambda v, lam, beta: _soft(v, lam),
                "this looks like the step for L1. Smooth L1 has no kink at 0 that could hold a value there.",
            ),
            Wrong(
                lambda v, lam, beta: torch.where(v.abs() < beta, v / (1 + lam / beta), v - lam * v.sign()),
                "this looks as if the pieces met at |v| = beta. It is theta, not v, that has to lie inside beta.",
            ),
            Wrong(
                lambda v, lam, beta: torch.where(v.abs() < beta + lam, v / (1 + lam), v - lam * v.sign()),
                "this looks like a parabola theta²/2 inside. Smooth L1 divides it by something.",
            ),
            Wrong(
                lambda v, lam, beta: v / (1 + lam / beta),
                "this looks like the inner piece for every v. Far out the pull of smooth L1 is bounded.",
            ),
            Wrong(
                lambda v, lam, beta: torch.where(v.abs() < beta + lam, v / (1 + lam * beta), v - lam * v.sign()),
                "this looks as if beta stood on the wrong side of the fraction: a smaller beta pulls harder near 0.",
            ),
        ],
    ),
]

# Quantiles and predicted variance


def baker_cost(baked, demand):
    """1 franc for each loaf not sold, 3 for each customer sent away."""
    return torch.stack([b - d if b > d else 3 * (d - b) for b, d in zip(baked, demand, strict=True)])


def nll_from_log_var(mean, target, s):
    """The Gaussian negative log-likelihood for the log-variance s, without its constant."""
    return torch.stack([
        (one_s + (m - t) ** 2 * torch.exp(-one_s)) / 2 for m, t, one_s in zip(mean, target, s, strict=True)
    ])  # fmt: skip


QUANTILES = [
    Exercise(
        "baker_cost",
        baker_cost,
        cases=[([5.0], [3.0]), ([3.0], [5.0]), ([4.0, 1.0], [2.0, 2.0])],
        draw=lambda g, n: (numbers(g, n, 0, 9), numbers(g, n, 0, 9, 0.05)),
        edges=[Edge("a day on which all is sold and nobody sent away", ([2.0], [2.0]), "finite")],
        wrong=[
            Wrong(
                lambda baked, demand: torch.where(baked > demand, 3 * (baked - demand), demand - baked),
                "this looks like the prices in each other's place. Bake 5 and sell 3: what is lost?",
            ),
            Wrong(
                lambda baked, demand: torch.where(baked > demand, baked - demand, 3 * (baked - demand)),
                "this looks like a cost that is negative when customers are sent away: it would pay to bake nothing.",
            ),
            Wrong(
                lambda baked, demand: torch.where(baked > demand, (baked - demand) / 4, (demand - baked) * 3 / 4),
                "this looks like the pinball loss with q = 3/4 as it stands. Which constant makes francs of it?",
            ),
            Wrong(
                lambda baked, demand: (baked - demand).abs(),
                "this looks like one franc for either mistake.",
            ),
            Wrong(
                lambda baked, demand: 3 * (demand - baked).clamp(min=0),
                "this looks as if unsold bread were free.",
            ),
        ],
        gradient=("baked",),
    ),
    Exercise(
        "nll_from_log_var",
        nll_from_log_var,
        cases=[([1.0], [0.0], [0.0]), ([2.0], [0.0], [1.0]), ([0.0, 3.0], [1.0, 3.0], [0.0, 2.0])],
        draw=lambda g, n: (numbers(g, n, -2, 2), numbers(g, n, -2, 2, 0.05), numbers(g, n, -2, 2)),
        edges=[Edge("s = 800, where v is infinite", ([1.0], [0.0], [800.0]))],
        wrong=[
            Wrong(
                lambda mean, target, s: (torch.log(s.exp()) + (mean - target) ** 2 / s.exp()) / 2,
                "right, until exp(s) overflows. Can both terms do without v itself?",
            ),
            Wrong(
                lambda mean, target, s: (s + (mean - target) ** 2 / s.exp()) / 2,
                "right on ordinary inputs, but there is a division by exp(s), which is infinite at s = 800: autograd "
                "meets ∞/∞.",
            ),
            Wrong(
                lambda mean, target, s: s + (mean - target) ** 2 * torch.exp(-s),
                "this looks like twice the loss: where does the logarithm of a square root go?",
            ),
            Wrong(
                lambda mean, target, s: s + (mean - target) ** 2 * torch.exp(-2 * s) / 2,
                "this looks as if s were the logarithm of the standard deviation. It is that of the variance.",
            ),
            Wrong(
                lambda mean, target, s: (mean - target) ** 2 * torch.exp(-s) / 2,
                "this looks as if the term of s alone were missing: an ever larger variance would make it ever better.",
            ),
            Wrong(
                lambda mean, target, s: (s + (mean - target) ** 2 * torch.exp(s)) / 2,
                "this looks like the residual times the variance. Does a large variance excuse a large residual here?",
            ),
            Wrong(
                lambda mean, target, s: (torch.log(s) + (mean - target) ** 2 / s) / 2,
                "this looks as if s were the variance. It is the variance's logarithm.",
            ),
        ],
        gradient=("mean", "s"),
    ),
]

# Counts and the Poisson loss


def safe_log_form(z, y):
    """exp(z) − y z, where 0 · (−∞) counts as 0."""
    return torch.stack([torch.exp(a) - (b * a if b > 0 else 0) for a, b in zip(z, y, strict=True)])


def safe_rate_form(rate, y):
    """rate − y log(rate), where 0 · log 0 counts as 0."""
    return torch.stack([a - (b * torch.log(a) if b > 0 else 0) for a, b in zip(rate, y, strict=True)])


def total_ratio(rate, y):
    """The predicted total over the true one."""
    predicted = true = 0.0
    for a, b in zip(rate, y, strict=True):
        predicted, true = predicted + a, true + b
    return predicted / true


COUNTS = [
    Exercise(
        "safe_log_form",
        safe_log_form,
        cases=[([0.0], [2.0]), ([1.0], [0.0]), ([-1.0, 2.0], [3.0, 1.0])],
        draw=lambda g, n: (numbers(g, n, -2, 2), numbers(g, n, 0, 6).floor()),
        edges=[
            Edge("a count of 0 at rate 0 (z = −∞)", ([-math.inf], [0.0])),
            Edge("a positive count at rate 0 (z = −∞)", ([-math.inf], [3.0]), "no"),
        ],
        wrong=[
            Wrong(
                lambda z, y: torch.exp(z) - y * z,
                "right, until 0 times −∞ is formed, which is NaN. At a count of 0, what should stand in place of z?",
            ),
            Wrong(
                lambda z, y: torch.exp(z.clamp(min=-30)) - y * z.clamp(min=-30),
                "right, except that a log rate of −∞ is cut off: a positive count at rate 0 must cost ∞.",
            ),
            Wrong(
                lambda z, y: z - y * torch.log(z),
                "this looks like the form for rates. z is the logarithm of the rate, and may be negative.",
            ),
            Wrong(
                lambda z, y: y * torch.where(y > 0, z, 0.0) - torch.exp(z),
                "this looks like the log-likelihood: minus that is the loss.",
            ),
            Wrong(
                lambda z, y: z - y * torch.exp(z),
                "this looks as if exp had gone to the wrong term. In which of them does the rate itself stand?",
            ),
        ],
        gradient=("z",),
    ),
    Exercise(
        "safe_rate_form",
        safe_rate_form,
        cases=[([1.0], [2.0]), ([2.0], [0.0]), ([0.5, 3.0], [1.0, 4.0])],
        draw=lambda g, n: (numbers(g, n, 0.3, 5), numbers(g, n, 0, 6).floor()),
        edges=[
            Edge("a count of 0 at rate 0", ([0.0], [0.0])),
            Edge("a positive count at rate 0", ([0.0], [3.0]), "no"),
        ],
        wrong=[
            Wrong(
                lambda rate, y: rate - y * torch.log(rate),
                "right, until 0 times log 0 is formed, which is NaN. What may stand inside the logarithm where y is 0?",
            ),
            Wrong(
                lambda rate, y: rate - torch.where(y > 0, y * torch.log(rate), 0.0),
                "the values are right everywhere, but the gradient at rate 0 and count 0 is NaN: xlogy's slope y/rate "
                "is 0/0 there, and torch.where goes back through both branches. Choose before the logarithm.",
            ),
            Wrong(
                lambda rate, y: rate - y * torch.log(rate + 1e-9),
                "right, except that an eps inside the logarithm makes a positive count at rate 0 finite.",
            ),
            Wrong(
                lambda rate, y: torch.exp(rate) - y * rate,
                "this looks like the form for log rates. Here the rate itself comes in.",
            ),
            Wrong(
                lambda rate, y: y * torch.log(torch.where(y > 0, rate, 1.0)) - rate,
                "this looks like the log-likelihood: minus that is the loss.",
            ),
        ],
        gradient=("rate",),
    ),
    Exercise(
        "total_ratio",
        total_ratio,
        cases=[([3.0], [2.0]), ([1.0, 3.0], [2.0, 6.0]), ([1.0, 2.0], [1.0, 4.0])],
        draw=lambda g, n: (numbers(g, n + 1, 0.2, 6), numbers(g, n + 1, 1, 8).floor()),
        edges=[Edge("a sample with the count 0", ([1.0, 2.0], [0.0, 4.0]))],
        wrong=[
            Wrong(
                lambda rate, y: (rate / y).mean(),
                "this looks like the mean of the ratios: a count of 0 makes it infinite. First the totals.",
            ),
            Wrong(
                lambda rate, y: y.sum() / rate.sum(),
                "this looks like the true total over the predicted one: too few predicted must give less than 1.",
            ),
            Wrong(
                lambda rate, y: rate.sum() - y.sum(),
                "this looks like the difference of the totals. The ratio is asked for.",
            ),
            Wrong(
                lambda rate, y: rate.exp().sum() / y.sum(),
                "this looks like exp of the prediction. It is a rate already, or claims to be.",
            ),
        ],
    ),
]

EXERCISES = [*SQUARED_AND_ABSOLUTE, *ROBUST, *QUANTILES, *COUNTS]
