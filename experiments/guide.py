"""The evidence under each leaf of the guide to choosing a loss: the loss against its runner-up, seed by seed.

    python experiments/guide.py      # writes lossutils/learn/experiments/guide.json

A leaf is a function. Those under "From other records" pick the numbers of one leaf out of the record of another
experiment; a setting that a loss leaves open is then chosen for each seed by the mean of the other seeds. Those under
"Runs of their own" take a seed: they draw rows for training, validation and test anew, and fit linear models, whose
penalty and settings are chosen on the validation rows. Loss and runner-up are treated alike, and their values are
paired: those of one seed share all but the loss. The splits of two seeds have rows in common, so an interval over the
seeds is somewhat too narrow for a new sample. For the section "A guide to choosing".
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import pathlib

import torch
from sklearn.metrics import average_precision_score

import lossutils as lu
from lossutils.learn import data as tables

SEEDS = range(10)
PENALTIES = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
STEPS, RATE = 200, 0.05
LONGER, SHORTER = 600, 50  # steps of the rare digits once more, and of the detector of which a test repeats a run
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments"
LEAVES = {}  # key → what the record says of the leaf, and its function


def leaf(key: str, loss: str, runner_up: str, metric: str, better: str, data: str, record: str = "guide", seeds=SEEDS):
    """Enters a function under its key; ``record`` names the experiment whose record it reads, else it takes a seed."""

    def enter(function):
        words = {"loss": loss, "runner_up": runner_up, "metric": metric, "better": better, "data": data}
        LEAVES[key] = words | {"record": record, "function": function, "seeds": seeds}
        return function

    return enter


# From other records


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def chosen(settings: list[list[float]], better=max) -> list[float]:
    """Of a list of settings with a value a seed: for each seed the value of what is best on average of the others."""

    def others(k: int):
        return lambda values: sum(values[:k] + values[k + 1 :])

    return [better(settings, key=others(k))[k] for k in range(len(settings[0]))]


@leaf(
    "multiclass-wrong-labels", "cross_entropy", "multi_margin_loss", "wrong among unseen digits with right labels, %",
    "lower", "digits 8 × 8, linear model, n = 1,000, of which 40 % have a wrong label; penalty chosen on the other "
    "seeds", record="noisy_digits",
)  # fmt: skip
def wrong_labels(found):
    """Errors on right labels are what the user wants; neither loss counts them. (The sum over rivals is 10 times
    the multi-margin loss.)"""
    rows = {name: table[found["shares"].index(0.4)] for name, table in found["percent_wrong"].items()}
    by_penalty = {name: [list(column) for column in zip(*table, strict=True)] for name, table in rows.items()}
    return chosen(by_penalty["cross entropy"], min), chosen(by_penalty["sum over rivals"], min)


@leaf(
    "multiclass-long-tail", "cross_entropy", "softmax_focal_loss", "mean recall of the ten classes", "higher",
    "MNIST with 200 … 2 digits a class, n = 496, one hidden layer, 80 epochs, the same class weights in both losses",
    record="long_tail",
)  # fmt: skip
def long_tail(found):
    """Each class counts the same, as the user of this leaf wants; both decide by the largest logit."""
    names = ("weighted", "focal, weighted")
    return tuple([sum(run[-1]["recall"]) / 10 for run in found["runs"][name]] for name in names)


@leaf(
    "multiclass-calibration", "cross_entropy", "cross_entropy", "expected calibration error, 15 bins", "lower",
    "MNIST 14 × 14, n = 1,000, one hidden layer, 60 epochs; label smoothing, its ε chosen on the other seeds, against "
    "none", record="label_smoothing",
)  # fmt: skip
def calibration(found):
    """The distance of confidence from the share that is right, on unseen digits; no loss contains it."""
    rows = [row for row in found["rows"] if row["epochs"] == 60]
    return chosen([row["ece"] for row in rows if row["epsilon"] > 0], min), rows[0]["ece"]


@leaf(
    "multiclass-teacher", "distillation_loss", "cross_entropy", "right among unseen digits, share", "higher",
    "MNIST 14 × 14, student of 10 hidden units, n = 100: with the logits of a teacher of 3,000, or with labels; "
    "temperature chosen on the other seeds",
    record="distillation",
)  # fmt: skip
def teacher(found):
    """Accuracy on true labels, though one student never sees a label."""
    ways = [found["rows"][f"100, T={t:g}"]["accuracy"] for t in found["temperatures"]]
    return chosen(ways), found["rows"]["100, labels"]["accuracy"]


@leaf(
    "multilabel", "binary_cross_entropy_with_logits", "multilabel_margin_loss", "sets of labels wholly right, share",
    "higher", "strips of four places with digits 8 × 8, one hidden layer, n = 4,000; cut chosen on validation strips",
    record="many_labels",
)  # fmt: skip
def many_labels(found):
    """The whole set must be right, with the best cut of either head."""
    return tuple([run["strips"][head]["exact"] for run in found["runs"]] for head in ("sigmoid", "margin"))


@leaf(
    "detection-boxes", "complete_box_iou_loss", "smooth_l1_loss",
    "boxes found, mean of the shares with IoU ≥ 0.5, 0.75 and 0.9", "higher",
    "digits on photographs, window of 32 pixels, small convolutional network, windows of 400 scenes",
    record="box_regression",
)  # fmt: skip
def detection_boxes(found):
    """Boxes are counted as found from an overlap on, as detection benchmarks do; neither loss counts them."""
    return tuple([sum(run[name][1:]) / 3 for run in found["digits"]] for name in ("CIoU", "smooth L1 of offsets"))


SCENES = "digits on photographs, small U-Net, n = 500 images, 300 steps"


@leaf(
    "segmentation-overlap", "dice_loss", "binary_cross_entropy_with_logits", "Dice coefficient, mean of the images",
    "higher", SCENES + "; threshold chosen on validation images for both", record="segmentation",
)  # fmt: skip
def overlap(found):
    """Overlap of masks is the goal; a threshold chosen for each network frees cross entropy from ½."""
    return tuple([run["best"]["dice"] for run in found["runs"][name]] for name in ("Dice", "CE"))


@leaf(
    "segmentation-recall", "tversky_loss", "dice_loss", "F2 of the pixels, in which recall counts twice", "higher",
    SCENES + "; α = 0.3 and β = 0.7, threshold ½", record="segmentation",
)  # fmt: skip
def recall(found):
    """Recall alone is won by marking everything; F2 = 5PR / (4P + R) asks for it at a price."""

    def f2(half):
        p, r = half["precision"], half["recall"]
        return 5 * p * r / (4 * p + r)

    return tuple([f2(run["half"]) for run in found["runs"][name]] for name in ("Tversky", "Dice"))


@leaf(
    "segmentation-probabilities", "binary_cross_entropy_with_logits", "dice_loss",
    "Brier score of the pixels' probabilities, each rounded to the mean of its tenth", "lower", SCENES,
    record="segmentation",
)  # fmt: skip
def probabilities(found):
    """A proper score that is neither of the two losses; the record keeps ten bins, hence the rounding."""

    def brier(bins):
        return sum(n * ((p - share) ** 2 + share * (1 - share)) for n, p, share in bins) / sum(n for n, _, _ in bins)

    return tuple([brier(run["bins"]) for run in found["runs"][name]] for name in ("CE", "Dice"))


ENLARGED = "photographs enlarged four times, three convolutions, 400 patches"


@leaf(
    "image-psnr", "mse_loss", "l1_loss", "PSNR, dB", "higher", ENLARGED + ", 900 steps", record="restoration"
)  # fmt: skip
def psnr(found):
    """PSNR is what this user asked for, though it is MSE in other units; the longest runs are compared."""
    return tuple([run["psnr"] for run in found["longer"][pixel]] for pixel in ("L2", "L1"))


@leaf(
    "image-looks", "mse_loss + feature_loss", "mse_loss",
    "distance of the three deeper maps of the network, bicubic = 1", "lower",
    ENLARGED + ", 300 steps; share of the feature loss chosen on the other seeds", record="restoration",
)  # fmt: skip
def looks(found):
    """Features deeper than those in the loss stand for what an eye sees; neither loss contains them."""
    deeper = {
        row["share"]: [sum(run["deeper"]) / 3 for run in row["runs"]] for row in found["rows"] if row["pixel"] == "L2"
    }
    return chosen([values for share, values in deeper.items() if share > 0], min), deeper[0.0]


def frechet(found, regime: str, *names: str):
    """The distance of 1,000 samples from real digits in a judge's features; no loss contains it."""
    return tuple([run[-1] for run in found["runs"][regime][name]["frechet"]] for name in names)


GAN = "MNIST 14 × 14, networks of three layers, n = 4,000, 1,000 steps"
LEAST_SQUARES = "lsgan_discriminator_loss + lsgan_generator_loss"


@leaf(
    "generation-free", LEAST_SQUARES, "wgan_critic_loss + wgan_generator_loss + gradient_penalty",
    "Fréchet distance to real digits", "lower", GAN, record="gan_family",
)  # fmt: skip
def generation_free(found):
    """The best and the second of ten; the judge's features are in no loss."""
    return frechet(found, "plain", "least squares", "WGAN-GP")


@leaf(
    "generation-spectral", LEAST_SQUARES, "relativistic_discriminator_loss + relativistic_generator_loss",
    "Fréchet distance to real digits", "lower", GAN + ", spectral normalisation of the discriminator",
    record="gan_family",
)  # fmt: skip
def generation_spectral(found):
    """The best and the second of ten; the judge's features are in no loss."""
    return frechet(found, "spectral", "least squares", "relativistic")


EMBEDDED = "MNIST 14 × 14, 350 images of each of seven digits, one hidden layer, 16 numbers an image, 800 steps"


@leaf(
    "embedding-seen", "info_nce_loss", "triplet_margin_loss",
    "nearest other image shows the same digit, share, digits of the training", "higher",
    EMBEDDED + "; negatives of the own digit masked, temperature 0.1; hardest triplets of the batch",
    record="triplets",
)  # fmt: skip
def embedding_seen(found):
    """Search by example is what embeddings are for; neither loss counts nearest neighbours."""
    arms = ("InfoNCE, 28 pairs, masked", "triplet, batch-hard")
    return tuple([run["quality"][0] for run in found["arms"][arm]] for arm in arms)


@leaf(
    "embedding-unseen", "cross_entropy", "info_nce_loss",
    "nearest other image shows the same digit, share, three digits not in the training", "higher",
    EMBEDDED + "; softmax over a linear layer, dropped afterwards; temperature 0.1; raw pixels reach 0.973",
    record="triplets",
)  # fmt: skip
def embedding_unseen(found):
    """The same count, on classes that no loss has seen."""
    arms = ("softmax", "InfoNCE, 28 pairs, masked")
    return tuple([run["quality"][2] for run in found["arms"][arm]] for arm in arms)


@leaf(
    "embedding-pairs", "pairwise_contrastive_loss", "cosine_embedding_loss",
    "pair of one digit nearer than pair of two, share (AUC)", "higher",
    "MNIST 14 × 14, 350 images of each of seven digits, two hidden layers, 16 numbers an image, 300 steps; margin "
    "chosen on the other seeds", record="digit_pairs",
)  # fmt: skip
def embedding_pairs(found):
    """The AUC needs no threshold, and each loss is judged by the distance that it trains."""
    runs = found["trained"]["16"]
    seen = {name: [[seen for seen, _ in row] for row in runs[name]] for name in runs}
    return chosen(seen["contrastive"]), chosen(seen["cosine embedding"])


def reading(found, *names: str):
    return tuple([run["cer"][-1] for run in found["runs"][name]] for name in names)


STRIPS = "strips of two to five MNIST digits with random gaps, small convolutional network, 250 batches of 32"


@leaf(
    "sequence-unaligned", "ctc_loss", "cross_entropy", "edits to a right reading, a digit of the text", "lower",
    STRIPS + "; cross entropy on equal pieces", record="ctc_digits",
)  # fmt: skip
def sequence_unaligned(found):
    """The edit distance of the greedy reading counts what a reader would correct; neither loss contains it."""
    return reading(found, "CTC", "equal pieces")


@leaf(
    "sequence-aligned", "ctc_loss", "cross_entropy", "edits to a right reading, a digit of the text", "lower",
    STRIPS + "; cross entropy on three frames in the true middle of each digit, which CTC is not told",
    record="ctc_digits",
)  # fmt: skip
def sequence_aligned(found):
    """The same reading of both; CTC is given less."""
    return reading(found, "CTC", "true places")


def both_tasks(found):
    """Rule → for each seed the mean, as a ratio, of the two tasks' errors over those of networks with one task."""
    place = {name: k for k, name in enumerate(found["names"])}

    def ratio(run, name):
        wrong, rmse = run["wrong"][-1], run["rmse"][-1]
        alone = wrong[place["class alone"]] * rmse[place["angle alone"]]
        return (wrong[place[name]] * rmse[place[name]] / alone) ** 0.5

    return {name: [ratio(run, name) for run in found["runs"]] for name in place}


BOTH = "error over that of a network with one task, geometric mean of the two tasks"
TURNED = "MNIST digits turned by up to 45°: class and angle, 24 shared units, n = 8,000"


@leaf(
    "multitask-likelihoods", "uncertainty_weighted_loss", "cross_entropy + mse_loss", BOTH, "lower",
    TURNED + "; angle in radians, against equal weights", record="two_tasks",
)  # fmt: skip
def multitask_likelihoods(found):
    """Both tasks count alike in percent of what each could have; no rule minimises it."""
    ratios = both_tasks(found)
    return ratios["uncertainty, radians"], ratios["1"]


@leaf(
    "multitask-any", "cross_entropy + mse_loss", "uncertainty_weighted_loss", BOTH, "lower",
    TURNED + "; angle in degrees, weight from a grid, chosen on the other seeds", record="two_tasks",
)  # fmt: skip
def multitask_any(found):
    """The same measure; in degrees one part is thousands of times the other at the start."""
    ratios = both_tasks(found)
    return chosen([ratios[name] for name in found["names"][: len(found["grid"])]], min), ratios["uncertainty, degrees"]


# Runs of their own


def standard(parts, least: float = 1e-9):
    """The parts (x, y) with columns of mean 0 and spread 1 in the first, or at most 1 / ``least`` of it; 1 is added."""
    first = parts[0][0]
    mean, spread = first.mean(0), first.std(0).clamp(min=least)
    return [(torch.cat([(x - mean) / spread, torch.ones(len(x), 1, dtype=x.dtype)], 1), y) for x, y in parts]


def split(x, y, sizes, seed: int, **options):
    """(x, y) to train, to validate and to test, drawn at random, standard."""
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))[: sum(sizes)]
    return standard([(x[rows], y[rows]) for rows in order.split(sizes)], **options)


def fit(loss, x, y, outputs: int = 1, steps: int = STEPS):
    """Linear models (column, output), one a penalty, by Adam on all rows; ``loss`` gives one value a row."""
    lam = torch.tensor(PENALTIES, dtype=x.dtype)
    weights = torch.zeros(len(lam), x.shape[1], outputs, dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.Adam([weights], RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    labels = y.repeat(len(lam))
    for _ in range(steps):
        scores = (x @ weights).flatten(0, 1).squeeze(-1)
        risk = loss(scores, labels).view(len(lam), -1).mean(1) + lam / 2 * weights[:, :-1].square().sum((1, 2))
        optimiser.zero_grad()
        risk.sum().backward()
        optimiser.step()
        schedule.step()
    return list(weights.detach())


def each(loss, **options):
    """The loss with its options, one value a row."""
    return functools.partial(loss, reduction="none", **options)


def tuned(models, parts, score, better=min, by=None) -> float:
    """Of the models the one that does best on validation rows, by ``score`` or ``by``: its score on the test rows."""
    _, (held_x, held_y), (x, y) = parts
    best = better(models, key=lambda w: (by or score)((held_x @ w).squeeze(-1), held_y))
    return float(score((x @ best).squeeze(-1), y))


def regression(table, sizes, seed: int, mistyped: float = 0.0):
    """A split, and the target's unit, in which its spread is 1 for a Gaussian; a robust one, from the training rows.

    Of the targets in training and validation a share may be mistyped: ten times too large. The test rows are clean.
    """
    parts, generator = split(table.x, table.y, sizes, seed), torch.Generator().manual_seed(100 + seed)
    for k in (0, 1):
        slips = torch.rand(sizes[k], generator=generator) < mistyped
        parts[k] = parts[k][0], torch.where(slips, 10 * parts[k][1], parts[k][1])
    middle = parts[0][1].median()
    unit = 1.4826 * (parts[0][1] - middle).abs().median()
    return [(x, (y - middle) / unit) for x, y in parts], float(unit)


def rmse(guess, y):
    return (guess - y).square().mean().sqrt()


def mae(guess, y):
    return (guess - y).abs().mean()


def middle_error(guess, y):
    """The median of the absolute errors, which mistyped targets hardly move."""
    return (guess - y).abs().median()


def scaled(loss, name: str, parts, **options):
    """Models with four values of a loss's scale, in units of the target's spread."""
    return [w for v in (0.1, 0.3, 1.0, 3.0) for w in fit(each(loss, **{name: v}, **options), *parts[0])]


PATIENTS, ROWS = "diabetes, linear model, n = 200", (200, 100, 142)
ERROR = "root mean squared error, units of disease progression"


@leaf("regression-mean", "mse_loss", "huber_loss", ERROR, "lower", PATIENTS + "; δ chosen on validation rows")
def regression_mean(seed):
    """The user wants the mean, and squared error is what the mean keeps small, though one of the losses is its own."""
    parts, unit = regression(tables.diabetes(), ROWS, seed)
    square, huber = fit(each(lu.mse_loss), *parts[0]), scaled(lu.huber_loss, "delta", parts)
    return unit * tuned(square, parts, rmse), unit * tuned(huber, parts, rmse)


@leaf(
    "regression-outliers", "huber_loss", "mse_loss", ERROR, "lower",
    PATIENTS + ", of which 10 % have ten times their target; δ chosen on validation rows like them, test rows clean",
)  # fmt: skip
def regression_outliers(seed):
    """Judged on clean rows by the squared error, the runner-up's own; chosen by the median error on mistyped ones."""
    parts, unit = regression(tables.diabetes(), ROWS, seed, mistyped=0.1)
    huber, square = scaled(lu.huber_loss, "delta", parts), fit(each(lu.mse_loss), *parts[0])
    return tuple([unit * tuned(models, parts, rmse, by=middle_error) for models in (huber, square)])


@leaf(
    "regression-many-outliers", "general_robust_loss", "huber_loss", ERROR, "lower",
    PATIENTS + ", of which 35 % have ten times their target; α = −2, scale and δ chosen on validation rows like them, "
    "test rows clean",
)  # fmt: skip
def regression_many_outliers(seed):
    """Judged on clean rows, by the loss of neither; both scales are chosen by the median error on mistyped ones."""
    parts, unit = regression(tables.diabetes(), ROWS, seed, mistyped=0.35)
    models = scaled(lu.general_robust_loss, "scale", parts, alpha=-2.0), scaled(lu.huber_loss, "delta", parts)
    return tuple([unit * tuned(some, parts, rmse, by=middle_error) for some in models])


VISITS = "RAND health insurance, linear model, n = 1,000 person-years"


@leaf("regression-median", "l1_loss", "mse_loss", "mean absolute error, visits", "lower", VISITS)
def regression_median(seed):
    """The user wants the median, and absolute error is what the median keeps small, though one loss is its own."""
    parts, unit = regression(tables.randhie(), (1000, 500, 2000), seed)
    models = (fit(each(loss), *parts[0]) for loss in (lu.l1_loss, lu.mse_loss))
    return tuple([unit * tuned(some, parts, mae) for some in models])


FOOD, HOUSEHOLDS = "food expenditure against income (Engel), linear model, n = 120 households", (120, 45, 70)


def gaussian(guess, y):
    """Of two outputs a row, the mean and the logarithm of the variance."""
    return lu.gaussian_nll_loss(guess[:, 0], y, guess[:, 1].exp(), reduction="none")


def one_variance(w, x, y):
    """A model of the mean with a second output: the logarithm of its mean squared error in training."""
    second = torch.zeros_like(w)
    second[-1] = (x @ w - y[:, None]).square().mean().log()
    return torch.cat([w, second], 1)


@leaf(
    "regression-quantile", "quantile_loss", "gaussian_nll_loss", "pinball error at 0.9, francs", "lower",
    FOOD + "; against the 0.9 quantile of the Gaussian",
)  # fmt: skip
def regression_quantile(seed):
    """The pinball error is what this quantile keeps small, and what was asked for, though one loss is its own."""
    parts, unit = regression(tables.engel(), HOUSEHOLDS, seed)

    def pinball(guess, y):
        if guess.dim() == 2:
            guess = guess[:, 0] + 1.2816 * (guess[:, 1] / 2).exp()
        return lu.quantile_loss(guess, y, q=0.9)

    models = fit(each(lu.quantile_loss, q=0.9), *parts[0]), fit(gaussian, *parts[0], outputs=2)
    return tuple([unit * tuned(some, parts, pinball) for some in models])


@leaf(
    "regression-spread", "gaussian_nll_loss", "mse_loss",
    "continuous ranked probability score of the predicted Gaussian, francs", "lower",
    FOOD + "; against one variance for all rows",
)  # fmt: skip
def regression_spread(seed):
    """A proper score of mean and spread together, in the target's unit, that is neither of the losses."""
    parts, unit = regression(tables.engel(), HOUSEHOLDS, seed)
    normal = torch.distributions.Normal(0.0, 1.0)

    def crps(guess, y):
        spread = (guess[:, 1] / 2).exp()
        z = (y - guess[:, 0]) / spread
        density = normal.log_prob(z).exp()
        return (spread * (z * (2 * normal.cdf(z) - 1) + 2 * density - 1 / math.pi**0.5)).mean()

    one = [one_variance(w, *parts[0]) for w in fit(each(lu.mse_loss), *parts[0])]
    return tuple([unit * tuned(some, parts, crps) for some in (fit(gaussian, *parts[0], outputs=2), one)])


def concordance(guess, y):
    """Of the pairs of rows with different targets, the share in which the higher target has the higher guess."""
    i, j = torch.triu_indices(len(y), len(y), 1)
    apart = (y[i] - y[j]).sign()
    return (((guess[i] - guess[j]).sign() * apart + 1) / 2)[apart != 0].mean()


@leaf(
    "counts", "poisson_nll_loss", "mse_loss", "pairs of people ordered as their visits, share", "higher",
    "RAND health insurance, exponential of a linear model, n = 1,000 person-years",
)  # fmt: skip
def counts(seed):
    """Order is in neither loss; squared error and Poisson deviance would each be one of them."""
    parts = split(tables.randhie().x, tables.randhie().y, (1000, 500, 2000), seed)
    losses = each(lu.poisson_nll_loss), lambda score, y: lu.mse_loss(score.exp(), y, reduction="none")
    return tuple([tuned(fit(loss, *parts[0]), parts, concordance, max) for loss in losses])


def signed(loss):
    """The loss for labels of 0 and 1."""
    return lambda scores, y: loss(scores, 2 * y - 1, reduction="none")


@leaf(
    "binary-probabilities", "binary_cross_entropy_with_logits", "squared_hinge_loss", "Brier score", "lower",
    "breast cancer, linear model, n = 250; the squared hinge's score s is read as (s + 1) / 2, cut to [0, 1]",
)  # fmt: skip
def binary_probabilities(seed):
    """A proper score that is neither of the losses; each output is turned into a probability by its loss's own rule."""
    table = tables.breast_cancer()
    parts = split(table.x, table.y.double(), (250, 119, 200), seed)
    models = fit(each(lu.binary_cross_entropy_with_logits), *parts[0]), fit(signed(lu.squared_hinge_loss), *parts[0])
    links = torch.sigmoid, lambda s: ((s + 1) / 2).clamp(0, 1)
    pairs = zip(models, links, strict=True)
    return tuple([tuned(some, parts, lambda s, y, link=link: (link(s) - y).square().mean()) for some, link in pairs])


def mnist(seed: int, digit: int, rest: list[int]):
    """Rows of MNIST at 14 × 14 pixels in a new order, first those of the digit, then those of the rest."""
    x, y = tables.halved_mnist()
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    wanted = (y[order, None] == torch.tensor(rest)).any(1)
    return x[order[y[order] == digit]], x[order[wanted]]


@leaf(
    "binary-decision", "binary_cross_entropy_with_logits", "hinge_loss", "wrong decisions, %", "lower",
    "MNIST 14 × 14, threes against fives, linear model, n = 400",
)  # fmt: skip
def binary_decision(seed):
    """Decisions are counted, by the sign of the score for both; neither loss counts them."""
    x = torch.cat(mnist(seed, 3, [5]))
    parts = split(x, (torch.arange(1000) < 500).double(), (400, 200, 400), seed, least=0.05)
    models = fit(each(lu.binary_cross_entropy_with_logits), *parts[0]), fit(signed(lu.hinge_loss), *parts[0])
    return tuple([100 * tuned(some, parts, lambda s, y: ((s > 0) != y).double().mean()) for some in models])


@leaf(
    "binary-rare", "balanced_binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits",
    "average precision, positives 1 in 100", "higher",
    "MNIST 14 × 14, one digit (another one each seed) against the rest, linear model, n = 20 + 1,980; α from 0.9 and "
    "0.99",
)  # fmt: skip
def binary_rare(seed, steps=STEPS):
    """Rare cases are to stand first in the list; the order is judged, so no threshold has to be chosen."""
    one, rest = mnist(seed, seed % 10, [c for c in range(10) if c != seed % 10])
    ends = ((0, 20, 0, 1980), (20, 200, 1980, 3000), (200, 500, 3000, 4500))
    drawn = [(torch.cat([one[a:b], rest[c:d]]), (torch.arange(b - a + d - c) < b - a).double()) for a, b, c, d in ends]
    parts = standard(drawn, least=0.05)

    def precision(scores, y):
        weight = torch.where(y > 0, 0.01 / y.sum(), 0.99 / (1 - y).sum())
        return average_precision_score(y, scores, sample_weight=weight)

    plain = fit(each(lu.binary_cross_entropy_with_logits), *parts[0], steps=steps)
    loss = lu.balanced_binary_cross_entropy_with_logits
    balanced = [w for alpha in (0.9, 0.99) for w in fit(each(loss, alpha=alpha), *parts[0], steps=steps)]
    return tuned(balanced, parts, precision, max), tuned(plain, parts, precision, max)


@leaf(
    "multiclass-clean", "cross_entropy", "multi_margin_loss", "wrong decisions, %", "lower",
    "digits 8 × 8, linear model, n = 900",
)  # fmt: skip
def multiclass_clean(seed):
    """Decisions are counted, by the largest score for both; neither loss counts them."""
    table = tables.digits()
    parts = split(table.x / 16, table.y, (900, 300, 597), seed, least=0.05)
    losses = (each(loss) for loss in (lu.cross_entropy, lu.multi_margin_loss))
    models = [fit(loss, *parts[0], outputs=10) for loss in losses]
    return tuple([100 * tuned(some, parts, lambda s, y: (s.argmax(1) != y).double().mean()) for some in models])


@leaf(
    "ranking", "margin_ranking_loss", "soft_margin_loss", "pairs of patients in the right order, share", "higher",
    "diabetes, linear score, 2,000 random pairs of n = 200; soft margin of the difference",
)  # fmt: skip
def ranking(seed):
    """The share of pairs in order is the goal; both losses see only which of two is higher."""
    parts, _ = regression(tables.diabetes(), ROWS, seed)
    (x, y), generator = parts[0], torch.Generator().manual_seed(seed)
    i, j = torch.randint(len(y), (2, 2000), generator=generator)
    i, j = i[y[i] != y[j]], j[y[i] != y[j]]

    def ahead(lead, sign):
        return lu.margin_ranking_loss(lead, torch.zeros_like(lead), sign, margin=1.0, reduction="none")

    models = [fit(loss, x[i] - x[j], (y[i] - y[j]).sign()) for loss in (ahead, each(lu.soft_margin_loss))]
    return tuple([tuned(some, parts, concordance, max) for some in models])


@leaf(
    "detection-classes", "sigmoid_focal_loss", "balanced_binary_cross_entropy_with_logits",
    "average precision at IoU 0.5", "higher",
    "digits on photographs, dense detector, n = 160 scenes, 150 steps; α = 0.75 and γ = 0.5 against α = 0.75 alone, "
    "both chosen from a grid on three other seeds of the same scenes", seeds=range(3, 8),
)  # fmt: skip
def detection_classes(seed):
    """The measure of detectors: it knows the order of the scores only. Ten seconds a run."""
    return tuple(detector(gamma, seed) for gamma in (0.5, 0.0))  # γ = 0 is the balanced cross entropy


def detector(gamma: float, seed: int, steps: int = 150) -> float:
    """The average precision of the detector trained with α = 0.75."""
    spec = importlib.util.spec_from_file_location("detector", pathlib.Path(__file__).with_name("detector_losses.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scenes = module.pictures(False), module.pictures(True, 60)
    return module.run(module.focal(0.75, gamma), seed, *scenes, steps)["precision"]


def short(values) -> list[float]:
    return [float(f"{v:.4g}") for v in values]


def pairs(rows) -> dict[str, list[float]]:
    return {name: short(row) for name, row in zip(("loss", "runner_up"), rows, strict=True)}


def entry(key: str) -> dict:
    """What the record says of one leaf."""
    words = dict(LEAVES[key])
    record, function, seeds = words.pop("record"), words.pop("function"), words.pop("seeds")
    own = record == "guide"
    found = list(zip(*map(function, seeds), strict=True)) if own else function(read(record))
    values = pairs(found)
    seeds = list(seeds) if own else list(range(len(found[0])))
    return words | {"values": values, "source": f"experiments/{record}.py", "seeds": seeds}


def main() -> None:
    leaves = {}
    for key in LEAVES:
        leaves[key] = entry(key)
        print(key, leaves[key]["values"], flush=True)
    found = {
        "leaves": leaves,
        "longer": {"steps": LONGER, "values": pairs(zip(*(binary_rare(seed, LONGER) for seed in SEEDS), strict=True))},
        "shorter": {"steps": SHORTER, "seed": 3, "precision": detector(0.5, 3, SHORTER)},
    }
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "guide.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
