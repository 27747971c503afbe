"""The cards of ``lossutils.classification``."""

import math

import torch
import torch.nn.functional as F

import lossutils as lu
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise, Whole

# What the cards draw. The rows of a draw go from flat to extreme, so that bounds come into sight.

SPREADS = (0.01, 0.1, 1.0, 1.0, 3.0, 10.0, 30.0, 300.0)
ROWS = len(SPREADS)


def _logits(generator, classes=4):
    spread = torch.tensor(SPREADS, dtype=torch.float64).unsqueeze(1)
    return (spread * torch.randn(ROWS, classes, generator=generator, dtype=torch.float64)).clamp(-300, 300)


def _distributions(generator, classes=4):
    return _logits(generator, classes).softmax(1)


def _indices(generator, classes=4):
    return torch.randint(classes, (ROWS,), generator=generator)


def _one_hot(target, classes=4):
    return F.one_hot(target, classes).double()


def _one_of(generator, *values):
    return values[int(torch.randint(len(values), (), generator=generator))]


def _targets(generator, classes=4):
    """Half the rows are classes, the others soft labels."""
    hard, soft = _one_hot(_indices(generator, classes), classes), _distributions(generator, classes)
    return torch.where(torch.rand(ROWS, 1, generator=generator) < 0.5, hard, soft)


def _multi_margin_draw(generator):
    """Scores of 200 classes; in some rows the right class leads all others, or trails behind them."""
    target = _indices(generator, 200)
    lead = torch.tensor([0.0, 0, 0, 9, 9, -9, -9, 90], dtype=torch.float64).unsqueeze(1)
    scores = torch.randn(ROWS, 200, generator=generator, dtype=torch.float64) + lead * _one_hot(target, 200)
    return scores, target, _one_of(generator, 0.5, 1.0, 2.0)


def _multilabel_margin_draw(generator):
    """The same with lists of labels, of which a row has one to three."""
    lists = torch.stack([torch.randperm(200, generator=generator) for _ in range(ROWS)])
    lists[torch.arange(200) >= torch.randint(1, 4, (ROWS, 1), generator=generator)] = -1
    lead = torch.tensor([0.0, 0, 0, 9, 9, -9, -9, 90], dtype=torch.float64).unsqueeze(1)
    return torch.randn(ROWS, 200, generator=generator, dtype=torch.float64) + lead * _labels_of(lists), lists


def _labels_of(lists):
    """Lists of indices, padded with −1, as rows of 0 and 1."""
    labels = torch.zeros(lists.shape, dtype=torch.float64)
    for row, indices in zip(labels, lists, strict=True):
        row[indices[indices >= 0]] = 1
    return labels


def _yes_or_no_draw(generator):
    """Logits of one class or of three, and labels."""
    classes = _one_of(generator, 1, 3)
    return _logits(generator, classes), (torch.rand(ROWS, classes, generator=generator) < 0.3).double()


def _large_margin_draw(generator):
    """Features, in some rows along the weights of the right class, and weights of several lengths."""
    weight = torch.randn(4, 3, generator=generator, dtype=torch.float64) * _one_of(generator, 0.5, 1.0, 300.0)
    target = _indices(generator)
    lead = torch.tensor([0.0, 0, 0, 0, 0, 30, 30, 30], dtype=torch.float64).unsqueeze(1)
    features = torch.randn(ROWS, 3, generator=generator, dtype=torch.float64) + lead * F.normalize(weight[target])
    return features, weight, target, _one_of(generator, 2, 3, 4)


# References: the formulas, in plain torch.


def _plain_log_softmax(x):
    return x - x.logsumexp(1, keepdim=True)


def _smoothed(p, epsilon):
    return (1 - epsilon) * p + epsilon / p.shape[1]


def _distillation(student, teacher, target, temperature, alpha):
    p_t, log_t = (teacher / temperature).softmax(1), _plain_log_softmax(teacher / temperature)
    divergence = (p_t * (log_t - _plain_log_softmax(student / temperature))).sum(1)
    of_label = _plain_log_softmax(student).gather(1, target.unsqueeze(1)).squeeze(1)
    return alpha * temperature**2 * divergence - (1 - alpha) * of_label


def _distillation_slope(student, teacher, target, temperature, alpha):
    p_s, p_t = (student / temperature).softmax(1), (teacher / temperature).softmax(1)
    return alpha * temperature * (p_s - p_t) + (1 - alpha) * (student.softmax(1) - _one_hot(target))


def _lacks(scores, target, margin):
    """What each wrong class lacks to the margin, before it is cut at 0; the right class lacks nothing."""
    right = scores.gather(1, target.unsqueeze(1))
    return torch.where(_one_hot(target, scores.shape[1]) == 1, -1, margin - right + scores)


def _multi_margin_slope(scores, target, margin):
    active = (_lacks(scores, target, margin) > 0).double()
    return (active - active.sum(1, keepdim=True) * _one_hot(target, scores.shape[1])) / scores.shape[1]


def _pairs(scores, lists):
    """1 − x_j + x_i for each label j (first) and each other class i, −1 for other pairs."""
    labels = _labels_of(lists)
    counts = labels.unsqueeze(2) * (1 - labels).unsqueeze(1)
    return torch.where(counts == 1, 1 - scores.unsqueeze(2) + scores.unsqueeze(1), -1)


def _multilabel_margin_slope(scores, lists):
    active = (_pairs(scores, lists) > 0).double()
    return (active.sum(1) - active.sum(2)) / scores.shape[1]


def _angle(features, weight, target, margin):
    """Angle to the right class's weights, the number k of the multiples of π/m in it, and ψ."""
    theta = (F.normalize(features) * F.normalize(weight)[target]).sum(1).clamp(-1, 1).acos()
    k = (theta * margin / math.pi).floor()
    return theta, k, (-1) ** k * (margin * theta).cos() - 2 * k


def _large_margin_logits(features, weight, target, margin):
    _, _, psi = _angle(features, weight, target, margin)
    own = weight[target].norm(dim=1) * features.norm(dim=1) * psi
    return torch.where(_one_hot(target, len(weight)) == 1, own.unsqueeze(1), features @ weight.T)


def _large_margin(features, weight, target, margin):
    return (
        -_plain_log_softmax(_large_margin_logits(features, weight, target, margin))
        .gather(1, target.unsqueeze(1))
        .squeeze(1)
    )


def _large_margin_slope(features, weight, target, margin):
    theta, k, psi = _angle(features, weight, target, margin)
    x, w = F.normalize(features), F.normalize(weight)[target]
    turn = ((-1) ** k * margin * (margin * theta).sin() / theta.sin()).unsqueeze(1)
    of_right = weight[target].norm(dim=1, keepdim=True) * (
        psi.unsqueeze(1) * x + turn * (w - theta.cos().unsqueeze(1) * x)
    )
    excess = _large_margin_logits(features, weight, target, margin).softmax(1) - _one_hot(target, len(weight))
    wrong = excess * (1 - _one_hot(target, len(weight)))
    return wrong @ weight + excess.gather(1, target.unsqueeze(1)) * of_right


# Samples for the minimisers: labels of which about a fifth is 1, and what a constant prediction costs on them.


def _zeros_and_ones(generator):
    return (torch.rand(400, generator=generator) < 0.2).double()


def _signs(generator):
    return 2 * _zeros_and_ones(generator) - 1


def _log_odds(labels):
    return labels.mean().logit()


def _share(signs):
    return (signs.mean() + 1) / 2


def _majority(signs):
    return signs.mean().sign()


def _two(probability, labels):
    """The same probabilities of two classes for all labels."""
    return torch.stack([1 - probability, probability]).expand(len(labels), 2)


def _scores(margin, labels):
    """The same scores of two classes for all labels."""
    return torch.stack([torch.zeros_like(margin), margin]).expand(len(labels), 2)


def _js_answer(labels):
    """The root of s log(c / (1 + c)) = (1 − s) log((1 − c) / (2 − c)), by halving."""
    share, low, high = labels.mean().item(), 0.0, 1.0
    for _ in range(60):
        c = (low + high) / 2
        rising = share * math.log(c / (1 + c)) - (1 - share) * math.log((1 - c) / (2 - c))
        low, high = (c, high) if rising < 0 else (low, c)
    return torch.tensor(c, dtype=torch.float64)


CARDS = [
    Card(
        name="zero_one_loss",
        title="0-1",
        chinese="0-1 损失",
        origin="decision theory",
        story="The cost of a decision where every mistake costs 1: its mean is the error rate, and the Bayes classifier "
        "makes its expectation least. The losses of margins and logits stand in for it in training.",
        tasks=["binary", "multi-class"],
        inputs=["score"],
        takes="One score per sample, whose sign decides, and labels of ±1; or the scores of all classes, of which the "
        "largest decides, and class indices. Not decisions already taken.",
        form=Pointwise(
            formula="Piecewise((1, y*s <= 0), (0, True))",
            gradient="0",
            variables={"s": (-3, 3), "y": [-1, 1]},
            call=lambda s, y: lu.zero_one_loss(s, y, reduction="none"),
            shown=(
                r"[\, y s \le 0 \,] \ \text{ or } \ [\, \arg\max_c s_c \ne y \,]",
                r"0 \ \text{ wherever it exists}",
            ),
        ),
        minimiser=Minimiser("any score that decides for the most probable class: the mode, and no probability"),
        range=(0, 1),
        convex=False,
        smoothness="steps",
        lipschitz=0,
        scale="Scores times any $c > 0$ change nothing: only signs and order count.",
        homogeneous=0,
        fails="There is nothing to descend: our result has no gradient, and `backward()` raises an error. As a metric it "
        "does not see how sure a wrong answer was, and with one rare class it is small for a model that never finds it.",
        names=Names(
            keras="`metrics.SparseCategoricalAccuracy()`, `metrics.BinaryAccuracy(threshold=0.5)`: 1 minus it; for "
            "logits set `threshold=0`",
            sklearn="`metrics.zero_one_loss(y_true, y_pred)`: decisions, truth first; `normalize=False` counts mistakes",
            clash="A score of exactly 0 counts as wrong for both labels here; scikit-learn's linear classifiers decide "
            "for the negative class there.",
        ),
        papers=["bartlett2006convexity"],
        section="classification/surrogates",
    ),
    Card(
        name="categorical_cross_entropy",
        title="Cross entropy of probabilities",
        chinese="多分类交叉熵",
        origin="likelihood",
        story="Minus the log probability of what happened, the negative log likelihood of a categorical distribution. "
        "As a score of forecasts it is called logarithmic.",
        tasks=["multi-class"],
        inputs=["probability"],
        takes="Probabilities, as they come out of a softmax: they sum to 1 along `dim`. The target is class indices, or "
        "distributions of the same shape (one-hot, soft labels).",
        form=Whole(
            formula=r"\ell = -\sum_c p_c \log q_c, \quad \text{for a class } y \colon\ \ell = -\log q_y",
            gradient=r"\frac{\partial \ell}{\partial q_c} = -\frac{p_c}{q_c}",
            draw=lambda g: (_distributions(g), _targets(g)),
            call=lambda q, p: lu.categorical_cross_entropy(q, p, reduction="none"),
            reference=lambda q, p: -(p * q.log()).sum(1),
            slope=lambda q, p: -p / q,
        ),
        minimiser=Minimiser(
            "the probabilities of the classes (of soft targets, their mean); nothing else does as well: strictly proper",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.categorical_cross_entropy(_two(c, y), y.long()),
            statistic=torch.mean,
        ),
        range=(0, INF),
        range_words="for soft targets at least their entropy",
        convex=True,
        shape_words="all this in the probabilities, as they are given",
        smoothness="smooth",
        scale="A probability has no unit. Another base of the logarithm is another unit of the loss: divide by "
        r"$\log 2$ for bits.",
        fails="Where a softmax before it underflows, the true class has probability 0: the loss is `inf`, the gradient "
        "that reaches the logits is 0, and the sample is never learned. From logits take `cross_entropy`.",
        names=Names(
            torch="none takes probabilities: `F.nll_loss(probs.log(), target)`",
            keras="`losses.CategoricalCrossentropy()`: one-hot or soft targets; `losses.SparseCategoricalCrossentropy()`: "
            "indices. Both clip probabilities to [1e-7, 1 − 1e-7] unless `from_logits=True`",
            sklearn="`metrics.log_loss(y_true, y_proba)` (before 1.9 `y_pred`): clipped to within the machine epsilon",
            clash="Keras' cross entropies take probabilities by default, torch's `F.cross_entropy` and optax's logits; the wrong one raises no error and trains badly. Where we give `inf`, Keras gives 16.1.",
        ),
        papers=["good1952rational", "gneiting2007strictly"],
        section="classification/cross_entropy",
    ),
    Card(
        name="kl_divergence",
        title="Kullback-Leibler divergence",
        chinese="KL 散度（相对熵）",
        origin="information theory",
        story="The expected number of nats lost when what comes from $p$ is described with a code made for $q$. It is the "
        "cross entropy less the entropy of $p$.",
        tasks=["multi-class", "generation"],
        inputs=["probability"],
        takes="Two distributions that sum to 1 along `dim`: first $p$, under which the mean is taken, usually the truth; "
        "then $q$, usually the model. This card looks at it as a function of $q$.",
        form=Whole(
            formula=r"\mathrm{KL}(p \,\Vert\, q) = \sum_c p_c \log \frac{p_c}{q_c}",
            gradient=r"\frac{\partial\, \mathrm{KL}}{\partial q_c} = -\frac{p_c}{q_c}, \qquad "
            r"\frac{\partial\, \mathrm{KL}}{\partial p_c} = \log \frac{p_c}{q_c} + 1",
            draw=lambda g: (_distributions(g), _distributions(g)),
            call=lambda q, p: lu.kl_divergence(p, q, reduction="none"),
            reference=lambda q, p: (p * (p.log() - q.log())).sum(1),
            slope=lambda q, p: -p / q,
        ),
        minimiser=Minimiser(
            "for one $q$ and many $p$: their mean; for one $p$ and many $q$ (the reverse direction): their geometric mean, "
            "normalised",
            sample=lambda g: torch.rand(400, generator=g, dtype=torch.float64) ** 4,
            loss=lambda c, t: lu.kl_divergence(torch.stack([1 - t, t], 1), _two(c, t)),
            statistic=torch.mean,
        ),
        range=(0, INF),
        convex=True,
        shape_words="convex even in the pair $(p, q)$",
        smoothness="smooth",
        scale=r"Probabilities have no unit; the value is in nats, divided by $\log 2$ in bits.",
        fails="It is `inf` as soon as some $q_c = 0 < p_c$, however close all else is; written by hand, $0 \\log 0$ gives "
        "NaN first. The direction matters: a $q$ too simple for $p$ covers all of $p$ in this one; in the reverse it settles "
        "on one peak of $p$, but only if the peaks are far apart (a Gaussian for two equal ones of deviation 1: from a "
        "distance of about 5.6 on), and covers nearer ones too.",
        names=Names(
            torch='`F.kl_div(log_q, p, reduction="batchmean")`: $\\log q$ of the model first, then $p$ (with '
            "`log_target=True` $\\log p$); `torch.distributions.kl_divergence(p, q)`: distribution objects",
            keras="`losses.KLDivergence()`: `y_true` is $p$, `y_pred` is $q$, both clipped to [1e-7, 1]",
            optax="`kl_divergence(log_predictions, targets)`: $\\log q$ and $p$",
            others="`scipy.special.rel_entr(p, q)`: each term; `scipy.stats.entropy(p, q)`: normalises both first",
            clash='`F.kl_div` has the arguments in the reverse order, and its default `reduction="mean"` divides by all '
            "elements: with $C$ classes the value is $C$ times too small.",
        ),
        papers=["kullback1951information"],
        section="classification/entropy",
    ),
    Card(
        name="js_divergence",
        title="Jensen-Shannon divergence",
        chinese="JS 散度",
        origin="information theory",
        story="The mean KL divergence of two distributions from their average. The discriminator of the first GAN "
        "estimates it; its square root is a metric.",
        tasks=["multi-class", "generation"],
        inputs=["probability"],
        takes="Two distributions that sum to 1 along `dim`, in any order.",
        form=Whole(
            formula=r"\mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}(p \,\Vert\, m) + \tfrac12 \mathrm{KL}(q \,\Vert\, m), "
            r"\quad m = \tfrac12 (p + q)",
            gradient=r"\frac{\partial\, \mathrm{JS}}{\partial p_c} = \tfrac12 \log \frac{p_c}{m_c}",
            draw=lambda g: (_distributions(g), _distributions(g)),
            call=lambda p, q: lu.js_divergence(p, q, reduction="none"),
            reference=lambda p, q: (p * (2 * p / (p + q)).log() + q * (2 * q / (p + q)).log()).sum(1) / 2,
            slope=lambda p, q: (2 * p / (p + q)).log() / 2,
        ),
        minimiser=Minimiser(
            "no simple statistic, and it is not proper: where 0.2 of the labels are 1, the best constant probability is "
            "0.059",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.js_divergence(_two(c, y), torch.stack([1 - y, y], 1)),
            statistic=_js_answer,
        ),
        range=(0, math.log(2)),
        convex=True,
        shape_words=r"convex even in the pair $(p, q)$; the slope goes to $-\infty$ as $p_c \to 0 < q_c$",
        smoothness="smooth",
        scale=r"Probabilities have no unit; in bits ($\log_2$) the largest value is 1.",
        fails="Distributions that share no class are all $\\log 2$ apart, near or far: a step that leaves them without a "
        "common class leaves the loss at 0.693, so it does not say which way is nearer. As a loss for labels it pushes probabilities too far out.",
        names=Names(
            others="`scipy.spatial.distance.jensenshannon(p, q, base=None)`: the square root, of both normalised",
            clash="The Jensen-Shannon distance is the square root of the divergence. With base 2 it ends at 1, with base "
            "$e$ the divergence ends at 0.693.",
        ),
        papers=["lin1991divergence", "endres2003metric"],
        section="classification/entropy",
    ),
    Card(
        name="cross_entropy",
        title="Softmax cross entropy",
        chinese="交叉熵（softmax）",
        origin="likelihood",
        story="The negative log likelihood of a categorical distribution, with the softmax built in: the logits are its "
        "log probabilities up to a constant in each row.",
        tasks=["multi-class", "segmentation"],
        inputs=["logit"],
        takes="Logits of all classes, in dimension 1, with no softmax before; the target is class indices (int64) or "
        "distributions of the shape of the logits.",
        form=Whole(
            formula=r"\ell = -\sum_c \tilde p_c \log \mathrm{softmax}(x)_c, \quad "
            r"\tilde p_c = (1 - \varepsilon)\, p_c + \frac{\varepsilon}{C}",
            gradient=r"\frac{\partial \ell}{\partial x_c} = \mathrm{softmax}(x)_c - \tilde p_c",
            draw=lambda g: (_logits(g), _targets(g), _one_of(g, 0.0, 0.0, 0.1)),
            call=lambda x, p, epsilon: lu.cross_entropy(x, p, label_smoothing=epsilon, reduction="none"),
            reference=lambda x, p, epsilon: -(_smoothed(p, epsilon) * _plain_log_softmax(x)).sum(1),
            slope=lambda x, p, epsilon: x.softmax(1) - _smoothed(p, epsilon),
        ),
        minimiser=Minimiser(
            "logits whose softmax is the probabilities of the classes; for two classes their difference is the log odds",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.cross_entropy(_scores(c, y), y.long()),
            statistic=_log_odds,
            grid=(-5, 5),
        ),
        range=(0, INF),
        range_words=r"for soft targets or smoothing at least the entropy of $\tilde p$",
        convex=True,
        shape_words="all this in the logits; class weights multiply the bound",
        smoothness="smooth",
        lipschitz=1,
        scale="A number added to all logits of a row changes nothing. Logits times $c > 1$ sharpen the softmax: mistakes "
        "cost more, and the slope in the old logits is up to $c$.",
        fails="With a softmax before it (softmax twice) ten classes never cost less than 1.46. On data that the model can "
        "separate the logits grow without end: the test loss rises while the accuracy stands, and the probabilities are "
        "too sure.",
        names=Names(
            torch='`F.cross_entropy(weight=, ignore_index=, label_smoothing=)`: for indices "mean" divides by the sum of '
            "the targets' weights",
            keras="`losses.CategoricalCrossentropy(from_logits=True, label_smoothing=)`, "
            "`losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=)`: classes last",
            optax="`softmax_cross_entropy(logits, labels)`: distributions; "
            "`softmax_cross_entropy_with_integer_labels(logits, labels)`: indices; classes last, not reduced",
            sklearn="`LogisticRegression(C=)` minimises its sum, with a penalty on the weights",
            clash="Keras' default `from_logits=False` takes the logits for probabilities, without an error. Keras' "
            "arguments are truth first.",
        ),
        papers=["bridle1990probabilistic", "szegedy2016rethinking", "guo2017calibration"],
        section="classification/cross_entropy",
    ),
    Card(
        name="nll_loss",
        title="Negative log likelihood of classes",
        chinese="负对数似然损失",
        origin="likelihood",
        story="What is left of the softmax cross entropy when log_softmax has been taken: it picks one log-probability and "
        "turns its sign.",
        tasks=["multi-class", "segmentation"],
        inputs=["log-probability"],
        takes="Log-probabilities (out of `log_softmax`), the classes in dimension 1, and class indices (int64). Numbers above 0, up to rounding, are an error here.",
        form=Whole(
            formula=r"\ell = -z_y, \quad z = \log q",
            gradient=r"\frac{\partial \ell}{\partial z_c} = -[\, c = y \,]",
            draw=lambda g: (_plain_log_softmax(_logits(g)), _indices(g)),
            call=lambda z, y: lu.nll_loss(z, y, reduction="none"),
            reference=lambda z, y: torch.stack([-row[index] for row, index in zip(z, y, strict=True)]),
            slope=lambda z, y: -_one_hot(y),
        ),
        minimiser=Minimiser(
            "among log-probabilities that are normalised, those of the classes; without that condition it has no use",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.nll_loss(_two(c, y).log(), y.long()),
            statistic=torch.mean,
        ),
        range=(0, INF),
        convex=True,
        shape_words="linear in what it is given; class weights multiply the bound",
        smoothness="smooth",
        lipschitz=1,
        scale="Linear: log-probabilities times $c$ cost $c$ times as much. The base of their logarithm is the unit of the "
        "loss.",
        homogeneous=1,
        fails="It takes no logarithm and does not normalise. In torch probabilities give a loss between −1 and 0 that "
        "looks as if training went well, and logits one that falls without end; ours raises an error as soon as a number is above 0.",
        names=Names(
            torch='`F.nll_loss(weight=, ignore_index=)`, `nn.NLLLoss()`: "mean" divides by the sum of the targets\' weights',
            clash="The name promises a logarithm that is not in it. `F.gaussian_nll_loss` and `F.poisson_nll_loss` take "
            "parameters of a distribution instead of log-probabilities.",
        ),
        papers=["good1952rational"],
        section="classification/cross_entropy",
    ),
    Card(
        name="binary_cross_entropy",
        title="Binary cross entropy",
        chinese="二元交叉熵",
        origin="likelihood",
        story="The negative log likelihood of a Bernoulli distribution, from the probability of a 1.",
        tasks=["binary", "multi-label", "segmentation"],
        inputs=["probability"],
        takes="Probabilities from 0 to 1, as they come out of a sigmoid, and labels from 0 to 1, as floating-point numbers.",
        form=Pointwise(
            formula="-(y*log(p) + (1 - y)*log(1 - p))",
            gradient="(p - y)/(p*(1 - p))",
            variables={"p": (0.001, 0.999), "y": [0, 1, 0.3]},
            call=lambda p, y: lu.binary_cross_entropy(p, y, reduction="none"),
            shown=(r"-\left( y \log p + (1 - y) \log(1 - p) \right)", r"\frac{p - y}{p (1 - p)}"),
        ),
        minimiser=Minimiser(
            "the probability of a 1 (of soft labels, their mean); nothing else does as well: strictly proper",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.binary_cross_entropy(c.expand(len(y)), y),
            statistic=torch.mean,
        ),
        range=(0, 100),
        range_words="100 because logarithms are cut at −100, as in torch; the formula has no upper bound. For a soft "
        "label the least value is its entropy",
        convex=True,
        shape_words="all this in the probability, where no logarithm is cut; with the cut the gradient computed is at most 1e12",
        smoothness="smooth",
        scale="A probability has no unit.",
        fails="In float32 a sigmoid is exactly 1 from the logit 17 on: a wrong label then costs 100 whatever the logit is, "
        "and no gradient comes back through the sigmoid. From logits take `binary_cross_entropy_with_logits`.",
        names=Names(
            torch="`F.binary_cross_entropy(weight=)`: the same cut at −100; a probability outside [0, 1] raises, NaN too",
            keras="`losses.BinaryCrossentropy(label_smoothing=)`: clips to [1e-7, 1 − 1e-7], so that it ends at about 16; "
            "labels are smoothed towards ½; the mean over the last axis comes first",
            sklearn="`metrics.log_loss(y_true, y_proba)`: clipped to within the machine epsilon",
            clash="Some texts use the letters BCE for balanced cross entropy, which weighs the two classes.",
        ),
        papers=["cox1958regression", "gneiting2007strictly"],
        section="classification/cross_entropy",
    ),
    Card(
        name="binary_cross_entropy_with_logits",
        title="Binary cross entropy of logits",
        chinese="带 logits 的二元交叉熵",
        origin="likelihood",
        story="The negative log likelihood of a Bernoulli distribution whose log odds the model gives: logistic regression. "
        r"$\beta$ (`pos_weight`) counts each 1 as $\beta$ of them.",
        tasks=["binary", "multi-label", "segmentation"],
        inputs=["logit"],
        takes="Finite logits with no sigmoid before, and labels from 0 to 1, as floating-point numbers of the same shape.",
        form=Pointwise(
            formula="beta*y*log(1 + exp(-x)) + (1 - y)*log(1 + exp(x))",
            gradient="(1 - y)/(1 + exp(-x)) - beta*y/(1 + exp(x))",
            variables={"x": (-8, 8), "y": [0, 1, 0.3], "beta": [1.0, 0.5, 3.0]},
            call=lambda x, y, beta: lu.binary_cross_entropy_with_logits(x, y, pos_weight=beta, reduction="none"),
            parameters=["beta"],
            shown=(
                r"\beta y \log(1 + e^{-x}) + (1 - y) \log(1 + e^{x})",
                r"(1 - y)\, \sigma(x) - \beta y\, \sigma(-x), \quad \text{for } \beta = 1 \colon\ \sigma(x) - y",
            ),
        ),
        minimiser=Minimiser(
            r"the log odds of the share of ones plus $\log \beta$: for $\beta = 1$, $\sigma(x)$ is the probability of a 1",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.binary_cross_entropy_with_logits(c.expand(len(y)), y, pos_weight=2.0),
            statistic=lambda y: _log_odds(y) + math.log(2),
            grid=(-5, 5),
        ),
        range=(0, INF),
        range_words="for a soft label more than 0",
        convex=True,
        shape_words="all this in the logit",
        smoothness="smooth",
        lipschitz="Max(1, beta)",
        scale="Logits times $c > 1$ are surer: right answers cost less, wrong ones about $c$ times as much.",
        fails="A sigmoid before it leaves logits between 0 and 1: a 1 never costs less than 0.313, a 0 never less than "
        r"0.693. With $\beta \ne 1$, $\sigma(x)$ is no probability until $\log \beta$ is taken off the logit: the share of "
        "predicted ones is wrong.",
        names=Names(
            torch="`F.binary_cross_entropy_with_logits(weight=, pos_weight=)`",
            keras="`losses.BinaryCrossentropy(from_logits=True)`: no `pos_weight`; the mean over the last axis comes first",
            optax="`sigmoid_binary_cross_entropy(logits, labels)`: not reduced",
            sklearn='`LogisticRegression(C=)` and `SGDClassifier(loss="log_loss")`, both with a penalty on the weights',
            clash="For labels of ±1 torch calls it `F.soft_margin_loss`. A `weight` multiplies both terms, `pos_weight` "
            "only that of $y$; neither changes what the mean divides by.",
        ),
        papers=["cox1958regression"],
        section="classification/cross_entropy",
    ),
    Card(
        name="distillation_loss",
        title="Knowledge distillation",
        chinese="知识蒸馏损失",
        origin="heuristic",
        story="A KL divergence from a teacher's softened distribution, mixed with the cross entropy of the labels. The "
        "factor $T^2$ keeps the size of its gradient when $T$ grows.",
        tasks=["multi-class"],
        inputs=["logit"],
        takes="Logits (N, C) of student and teacher, both with no softmax before, and class indices unless $\\alpha = 1$. No "
        "gradient goes to the teacher.",
        form=Whole(
            formula=r"\ell = \alpha T^2\, \mathrm{KL}(p_t \,\Vert\, p_s) - (1 - \alpha) \log \mathrm{softmax}(z_s)_y, \quad "
            r"p_s = \mathrm{softmax}(z_s / T),\ p_t = \mathrm{softmax}(z_t / T)",
            gradient=r"\frac{\partial \ell}{\partial z_{s,c}} = \alpha T (p_{s,c} - p_{t,c}) "
            r"+ (1 - \alpha) \left( \mathrm{softmax}(z_s)_c - [\, c = y \,] \right)",
            draw=lambda g: (_logits(g), _logits(g), _indices(g), 2.0, 0.5),
            call=lambda s, t, y, temperature, alpha: lu.distillation_loss(
                s, t, y, temperature=temperature, alpha=alpha, reduction="none"
            ),
            reference=_distillation,
            slope=_distillation_slope,
        ),
        minimiser=Minimiser(
            r"for $\alpha = 1$, logits whose softmax at $T$ is the mean of the teacher's softened probabilities; else a "
            "compromise between teacher and labels",
            sample=lambda g: torch.randn(400, generator=g, dtype=torch.float64).exp() - 1,
            loss=lambda c, t: lu.distillation_loss(
                _scores(c, t), torch.stack([torch.zeros_like(t), t], 1), temperature=3.0
            ),
            statistic=lambda t: 3 * (t / 3).sigmoid().mean().logit(),
            grid=(-5, 5),
        ),
        range=(0, INF),
        range_words=r"with labels ($\alpha < 1$) 0 is only approached, where both are right and sure",
        convex=True,
        shape_words=r"all this in the student's logits; the bound is $\alpha T + 1 - \alpha$, here at $T = 2$, $\alpha = \tfrac12$",
        smoothness="smooth",
        lipschitz=1.5,
        scale=r"For large $T$ the first term tends to $\tfrac{\alpha}{2 C}$ times the squared distance of the centred logits: "
        "the student regresses on the teacher's.",
        fails="Without the factor $T^2$ the teacher's gradient falls like $1 / T^2$: raising $T$ looks as if the teacher did "
        "not help. A teacher that is sure and wrong is copied, mistakes and all.",
        names=Names(
            torch='none: `F.kl_div(F.log_softmax(z_s / T, 1), F.softmax(z_t / T, 1), reduction="batchmean") * T**2`',
            keras="`distillation.LogitsDistillation(temperature=3.0)`, with the factor $T^2$, in "
            "`distillation.Distiller(student_loss_weight=0.5)`, which is $1 - \\alpha$",
            clash=r"Some texts swap $\alpha$ and $1 - \alpha$. The paper has the cross entropy with $p_t$ in place of KL: the "
            "same gradient, and a value that is not 0 at a perfect copy.",
        ),
        papers=["hinton2015distilling"],
        section="classification/softmax_variants",
    ),
    Card(
        name="hinge_loss",
        title="Hinge",
        chinese="合页损失（铰链损失）",
        origin="surrogate",
        story="What the margin $y x$ lacks to 1, the slack of the support vector machine: a convex loss that lies on or above "
        "the 0-1 loss.",
        tasks=["binary"],
        inputs=["score"],
        takes="Raw scores with no sigmoid before, whose sign decides, and labels of +1 and −1, as floating-point numbers.",
        form=Pointwise(
            formula="Max(0, 1 - y*x)",
            gradient="Piecewise((-y, y*x < 1), (0, True))",
            variables={"x": (-5, 5), "y": [-1, 1]},
            call=lambda x, y: lu.hinge_loss(x, y, reduction="none"),
            shown=(r"\max(0,\, 1 - y x)", r"-y\, [\, y x < 1 \,]"),
        ),
        minimiser=Minimiser(
            "the more probable label, +1 or −1: the decision, and no probability",
            sample=_signs,
            loss=lambda c, y: lu.hinge_loss(c.expand(len(y)), y),
            statistic=_majority,
            grid=(-3, 3),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        kinks=["y"],
        lipschitz=1,
        scale=r"The 1 is the unit of the scores: $\max(0, 1 - c\, y x)$ is $c$ times a hinge of margin $1/c$. Only a penalty on "
        "the weights gives the margin a meaning.",
        fails="A sigmoid of its score is no probability. A sigmoid before it makes every −1 cost at least 1: the loss "
        "never falls below the share of −1 among the labels. Once all margins are past 1 the loss is exactly 0 and training stops.",
        names=Names(
            torch="none for labels of ±1",
            keras="`losses.Hinge()`: truth first; labels of 0 and 1 are turned into ±1, the mean over the last axis comes "
            "first",
            optax="`hinge_loss(predictor_outputs, targets)`: ±1, not reduced; shapes are broadcast",
            sklearn="`metrics.hinge_loss(y_true, pred_decision)`: truth first; trained by `SVC(C=)`, "
            '`LinearSVC(loss="hinge", C=)`, `SGDClassifier(loss="hinge")`',
            clash="`F.hinge_embedding_loss` is another loss, of distances. Papers on solvers call the hinge the L1 loss of "
            "the SVM, and its square the L2 loss.",
        ),
        papers=["cortes1995support", "bartlett2006convexity"],
        section="classification/margins",
    ),
    Card(
        name="squared_hinge_loss",
        title="Squared hinge",
        chinese="平方合页损失",
        origin="surrogate",
        story="The square of what the margin lacks to 1: a hinge without a kink, on or above the 0-1 loss.",
        tasks=["binary"],
        inputs=["score"],
        takes="Raw scores with no sigmoid before, whose sign decides, and labels of +1 and −1, as floating-point numbers.",
        form=Pointwise(
            formula="Max(0, 1 - y*x)**2",
            gradient="-2*y*Max(0, 1 - y*x)",
            variables={"x": (-5, 5), "y": [-1, 1]},
            call=lambda x, y: lu.squared_hinge_loss(x, y, reduction="none"),
            shown=(r"\max(0,\, 1 - y x)^2", r"-2 y \max(0,\, 1 - y x)"),
        ),
        minimiser=Minimiser(
            "$2 s - 1$ where $s$ is the share of +1, so that $(1 + x) / 2$ is a probability; for $s = 1$ any score from 1 on, for $s = 0$ any up to −1",
            sample=_signs,
            loss=lambda c, y: lu.squared_hinge_loss(c.expand(len(y)), y),
            statistic=torch.mean,
            grid=(-2, 2),
        ),
        range=(0, INF),
        convex=True,
        smoothness="one derivative",
        scale="The 1 is the unit of the scores, as in the hinge; far on the wrong side the loss grows with the square of the "
        "score.",
        fails="One wrong label far out rules: at the margin −10 it costs 121, as much as thirty at −1. It pulls the boundary "
        "towards itself until its margin is better.",
        names=Names(
            torch="none",
            keras="`losses.SquaredHinge()`: truth first; labels of 0 and 1 are turned into ±1",
            sklearn='`LinearSVC(loss="squared_hinge", C=)`, its default; `SGDClassifier(loss="squared_hinge")`',
            clash="Neither Keras nor scikit-learn has a factor ½. What solvers call the L2 loss of the SVM is this; the L2 penalty is another "
            "thing.",
        ),
        papers=["chang2008coordinate", "bartlett2006convexity"],
        section="classification/margins",
    ),
    Card(
        name="exponential_loss",
        title="Exponential",
        chinese="指数损失",
        origin="surrogate",
        story="The bound on the 0-1 loss that AdaBoost lowers with each weak learner.",
        tasks=["binary"],
        inputs=["score"],
        takes="Raw scores with no sigmoid before (in AdaBoost the weighted sum of votes), and labels of +1 and −1, as "
        "floating-point numbers.",
        form=Pointwise(
            formula="exp(-y*x)",
            gradient="-y*exp(-y*x)",
            variables={"x": (-5, 5), "y": [-1, 1]},
            call=lambda x, y: lu.exponential_loss(x, y, reduction="none"),
        ),
        minimiser=Minimiser(
            r"half the log odds of +1: $\tfrac12 \log \tfrac{s}{1 - s}$, so that $\sigma(2x)$ is a probability",
            sample=_signs,
            loss=lambda c, y: lu.exponential_loss(c.expand(len(y)), y),
            statistic=lambda y: _share(y).logit() / 2,
            grid=(-3, 3),
        ),
        range=(0, INF),
        convex=True,
        smoothness="smooth",
        scale="Scores times $c$ raise the loss to the power $c$.",
        fails="The gradient is as large as the loss: one wrong label at the margin −10 outweighs 22,000 samples at 0, and "
        "boosting spends its rounds on it. In float32 it is `inf` below the margin −88.7.",
        names=Names(
            torch="none",
            sklearn='`GradientBoostingClassifier(loss="exponential")`; `AdaBoostClassifier` lowers it stage by stage',
            clash=r"In scikit-learn's gradient boosting the raw score is half the log odds with this loss, and the log odds with "
            "`log_loss`.",
        ),
        papers=["freund1997decision", "friedman2000additive"],
        section="classification/surrogates",
    ),
    Card(
        name="soft_margin_loss",
        title="Soft margin (logistic)",
        chinese="软间隔损失（逻辑损失）",
        origin="likelihood",
        story="The negative log likelihood of labels of ±1 whose log odds the score is: logistic regression written with a "
        "margin.",
        tasks=["binary"],
        inputs=["logit"],
        takes="Raw scores with no sigmoid before, and labels of +1 and −1, as floating-point numbers.",
        form=Pointwise(
            formula="log(1 + exp(-y*x))",
            gradient="-y/(1 + exp(y*x))",
            variables={"x": (-8, 8), "y": [-1, 1]},
            call=lambda x, y: lu.soft_margin_loss(x, y, reduction="none"),
            shown=(r"\log\left( 1 + e^{-y x} \right)", r"-y\, \sigma(-y x)"),
        ),
        minimiser=Minimiser(
            r"the log odds of +1, so that $\sigma(x)$ is a probability: strictly proper",
            sample=_signs,
            loss=lambda c, y: lu.soft_margin_loss(c.expand(len(y)), y),
            statistic=lambda y: _share(y).logit(),
            grid=(-5, 5),
        ),
        range=(0, INF),
        convex=True,
        shape_words=r"a bound of the 0-1 loss only when divided by $\log 2$",
        smoothness="smooth",
        lipschitz=1,
        scale="Scores times $c > 1$ are surer: far on the wrong side the loss grows $c$ times; for large $c$ it "
        "comes close to $c \\max(0, -y x)$, a hinge without a margin.",
        fails="It is never 0: on data that the model can separate the weights grow without end, and the loss creeps down. "
        "Written as $\\log(1 + e^{-y x})$ it overflows: in torch's own, the loss is `inf` and the gradient NaN from the "
        "margin −89 on in float32.",
        names=Names(
            torch="`F.soft_margin_loss`: a label of 0 costs $\\log 2$ without a gradient and without an error",
            keras="none for ±1: `losses.BinaryCrossentropy(from_logits=True)` with the labels (y + 1) / 2",
            optax="none for ±1: `sigmoid_binary_cross_entropy(logits, labels)` with the labels (y + 1) / 2",
            sklearn='`LogisticRegression(C=)`, `SGDClassifier(loss="log_loss")`, both with a penalty on the weights',
            clash="The soft margin of a support vector machine is the hinge; torch gives the name to the logistic loss.",
        ),
        papers=["cox1958regression", "friedman2000additive"],
        section="classification/surrogates",
    ),
    Card(
        name="multi_margin_loss",
        title="Multi-class hinge",
        chinese="多分类合页损失",
        origin="surrogate",
        story="A support vector machine for several classes at once: every wrong class that comes within the margin of the "
        "right one costs.",
        tasks=["multi-class"],
        inputs=["score"],
        takes="Raw scores (N, C) with no softmax before, and class indices (N) of int64.",
        form=Whole(
            formula=r"\ell = \frac1C \sum_{i \ne y} \max(0,\, m - x_y + x_i)^p \quad \text{with margin } m;\ p = 1 \text{ or } 2",
            gradient=r"\frac{\partial \ell}{\partial x_i} = \frac{a_i}{C}, \quad \frac{\partial \ell}{\partial x_y} = "
            r"-\frac1C \sum_{i \ne y} a_i, \quad a_i = [\, x_i + m > x_y \,] \quad (p = 1)",
            draw=_multi_margin_draw,
            call=lambda x, y, margin: lu.multi_margin_loss(x, y, margin=margin, reduction="none"),
            reference=lambda x, y, margin: _lacks(x, y, margin).clamp(min=0).sum(1) / x.shape[1],
            slope=_multi_margin_slope,
        ),
        minimiser=Minimiser(
            "no probability. For two classes a lead of the margin for the more probable one; without a class of more than "
            "one half the best scores may tie: for 0.40, 0.35 and 0.25 the first two do",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.multi_margin_loss(_scores(c, y), y.long()),
            statistic=lambda y: _majority(2 * y - 1),
            grid=(-3, 3),
        ),
        range=(0, INF),
        convex=True,
        shape_words="all this for $p = 1$, where the bound is $(C - 1)/C$ with $C$ classes; for $p = 2$ the gradient is continuous and unbounded",
        smoothness="kinks",
        kinks=["x_i = x_y - m"],
        lipschitz=1,
        scale="A number added to all scores of a row changes nothing. Scores and margin times $c$: the loss times $c^p$.",
        fails="The sum is divided by $C$: with 1,000 classes one close rival costs a thousandth, and training looks as if the "
        "learning rate were too small. Softmax of the scores is no probability.",
        names=Names(
            torch="`F.multi_margin_loss(p=, margin=, weight=)`: `p` is the exponent; a NaN among the scores is passed over",
            keras="`losses.CategoricalHinge()`: one-hot truth first; only the best wrong class, no 1/C, and a rival "
            "counts with at least the score 0",
            optax="`multiclass_hinge_loss(scores, labels)`: only the best wrong class, no 1/C",
            sklearn='`metrics.hinge_loss(y_true, pred_decision)`, `LinearSVC(multi_class="crammer_singer")`: only the best '
            "wrong class, no 1/C",
            clash="Two losses share the name: Weston and Watkins sum over the wrong classes (torch), Crammer and Singer take "
            "the largest (Keras, optax, scikit-learn).",
        ),
        papers=["weston1999support", "crammer2001algorithmic", "tewari2007consistency"],
        section="classification/margins",
    ),
    Card(
        name="multilabel_margin_loss",
        title="Multi-label hinge",
        chinese="多标签合页损失",
        origin="surrogate",
        story="A hinge for each pair of a class that is a label and one that is not: labels should be ranked above all other classes, "
        "by 1.",
        tasks=["multi-label", "ranking"],
        inputs=["score"],
        takes="Raw scores (N, C), and int64 rows (N, C) that list the indices of the labels, then −1 to the end. Not rows of "
        "0 and 1.",
        form=Whole(
            formula=r"\ell = \frac1C \sum_{j \in Y} \sum_{i \notin Y} \max(0,\, 1 - x_j + x_i)",
            gradient=r"\frac{\partial \ell}{\partial x_j} = -\frac1C \sum_{i \notin Y} a_{ij}, \quad \frac{\partial \ell}"
            r"{\partial x_i} = \frac1C \sum_{j \in Y} a_{ij}, \quad a_{ij} = [\, x_i + 1 > x_j \,]",
            draw=_multilabel_margin_draw,
            call=lambda x, lists: lu.multilabel_margin_loss(x, lists, reduction="none"),
            reference=lambda x, lists: _pairs(x, lists).clamp(min=0).sum((1, 2)) / x.shape[1],
            slope=_multilabel_margin_slope,
        ),
        minimiser=Minimiser(
            "an order of the classes, not always the best one, and no probability; for two classes with one label each, a lead "
            "of 1 for the more probable",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.multilabel_margin_loss(
                _scores(c, y), torch.stack([y.long(), torch.full_like(y, -1).long()], 1)
            ),
            statistic=lambda y: _majority(2 * y - 1),
            grid=(-3, 3),
        ),
        range=(0, INF),
        convex=True,
        shape_words=r"with labels $Y$ the bound is the larger of $\lvert Y \rvert$ and $C - \lvert Y \rvert$, over $C$",
        smoothness="kinks",
        kinks=["x_i = x_j - 1"],
        lipschitz=1,
        scale="A number added to all scores of a row changes nothing: the scores give an order, and no threshold between yes "
        "and no.",
        fails="Rows of 0 and 1 or of ±1 are read as lists of indices. In torch that raises nothing: a row of ±1 ends at its "
        "first −1, so one that begins with −1 costs 0 and trains nothing. A sample without labels has no gradient.",
        names=Names(
            torch="`F.multilabel_margin_loss`: the same lists of indices; what stands behind the first −1 is not read",
            clash="`F.multilabel_soft_margin_loss` is another loss (logistic, no pairs) and takes another target (0 and 1). "
            "Elisseeff and Weston divide by the number of pairs, not by $C$.",
        ),
        papers=["elisseeff2001kernel", "gao2013consistency"],
        section="classification/many_labels",
    ),
    Card(
        name="multilabel_soft_margin_loss",
        title="Multi-label soft margin (logistic)",
        chinese="多标签软间隔损失",
        origin="likelihood",
        story="The negative log likelihood of $C$ independent yes-or-no labels, averaged over them: a logistic regression for "
        "each class.",
        tasks=["multi-label"],
        inputs=["logit"],
        takes="Logits (N, C) with no sigmoid before, and labels of 0 and 1 (N, C), as floating-point numbers.",
        form=Whole(
            formula=r"\ell = -\frac1C \sum_{i=1}^{C} \left( y_i \log \sigma(x_i) + (1 - y_i) \log \sigma(-x_i) \right)",
            gradient=r"\frac{\partial \ell}{\partial x_i} = \frac{\sigma(x_i) - y_i}{C}",
            draw=_yes_or_no_draw,
            call=lambda x, y: lu.multilabel_soft_margin_loss(x, y, reduction="none"),
            reference=lambda x, y: (y * torch.logaddexp(x * 0, -x) + (1 - y) * torch.logaddexp(x * 0, x)).mean(1),
            slope=lambda x, y: (1 / (1 + (-x).exp()) - y) / x.shape[1],
        ),
        minimiser=Minimiser(
            r"for each class the log odds of its label, so that $\sigma(x_i)$ is its probability",
            sample=_zeros_and_ones,
            loss=lambda c, y: lu.multilabel_soft_margin_loss(c.expand(len(y), 1), y.unsqueeze(1)),
            statistic=_log_odds,
            grid=(-5, 5),
        ),
        range=(0, INF),
        convex=True,
        shape_words="all this in the logits; with $C$ classes the bound is $1/C$",
        smoothness="smooth",
        lipschitz=1,
        scale="The mean over the classes divides by $C$: the gradient at each logit falls as classes are added.",
        fails="With many classes and few labels each, the cheap answer is no everywhere: the loss looks small (0.098 where 2 % "
        "of the labels are 1) and no class is found.",
        names=Names(
            torch="`F.multilabel_soft_margin_loss(weight=)`: the mean over classes; `weight` does not change the divisor",
            keras="`losses.BinaryCrossentropy(from_logits=True)`: the same, with the mean over the last axis",
            optax="`sigmoid_binary_cross_entropy(logits, labels)`: an element each; take the mean",
            sklearn="`OneVsRestClassifier` of a `LogisticRegression` fits the same, class by class, with a penalty",
            clash="Some texts sum over the classes. `F.multilabel_margin_loss` takes lists of indices in place of 0 and 1.",
        ),
        papers=["cox1958regression"],
        section="classification/many_labels",
    ),
    Card(
        name="large_margin_softmax_loss",
        title="Large-margin softmax (L-softmax)",
        chinese="大间隔 softmax 损失",
        origin="heuristic",
        story=r"Softmax cross entropy in which the angle $\theta_y$ to the right class's weights counts about $m$ times, so that "
        "classes keep apart.",
        tasks=["multi-class", "embedding"],
        inputs=["embedding"],
        takes="Features (N, D) that enter the last layer, the weights (C, D) of that layer, which has no bias, and class "
        "indices.",
        form=Whole(
            formula=r"\ell = -\log \frac{e^{f_y}}{e^{f_y} + \sum_{j \ne y} e^{w_j^\top x}}, \quad f_y = \lVert w_y \rVert "
            r"\lVert x \rVert\, \psi(\theta_y), \quad \psi(\theta) = (-1)^k \cos m\theta - 2k, \quad "
            r"k = \lfloor m \theta / \pi \rfloor",
            gradient=r"\frac{\partial \ell}{\partial x} = \sum_{j \ne y} s_j w_j - (1 - s_y) \lVert w_y \rVert \left( \psi\, "
            r"\hat x + (-1)^k m \frac{\sin m\theta_y}{\sin \theta_y} (\hat w_y - \cos \theta_y\, \hat x) \right), \quad "
            r"s \text{ the softmax}, \ \hat v = v / \lVert v \rVert",
            draw=_large_margin_draw,
            call=lambda x, w, y, margin: lu.large_margin_softmax_loss(x, w, y, margin=margin, reduction="none"),
            reference=_large_margin,
            slope=_large_margin_slope,
        ),
        minimiser=Minimiser(
            "no simple statistic: for $m > 1$ the softmax of the plain logits $w_j^\\top x$ is no longer the probabilities"
        ),
        range=(0, INF),
        convex=False,
        shape_words="all this in the features; away from 0 one continuous derivative; the slope grows with the weights and $m$",
        smoothness="kinks",
        kinks=["x = 0"],
        scale=r"Features times $c > 1$ sharpen the softmax, as in the cross entropy: the lengths $\lVert w \rVert$ and "
        r"$\lVert x \rVert$ are not normalised away.",
        fails="From a random start training with a large $m$ may not converge: the loss stays near its first value. The paper "
        "mixes in plain logits at first; start with $m = 1$. The training loss is no cross entropy: compare models by the one of plain logits.",
        names=Names(
            torch="none",
            others="pytorch-metric-learning: `LargeMarginSoftmaxLoss(num_classes, embedding_size, margin=4, scale=1)`, which "
            "holds the weights itself",
            clash="SphereFace (A-softmax) is this with weights of length 1; CosFace subtracts the margin from the "
            "cosine, ArcFace adds it to the angle.",
        ),
        papers=["liu2016large"],
        section="classification/softmax_variants",
    ),
]
