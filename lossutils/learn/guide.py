"""A guide to choosing a loss, as code: some answers lead to a loss, its runner-up, and the runs that compared the two.

    from lossutils.learn import guide

    guide.choose("regression", noise="outliers")   # a Choice: loss, line of code, reason, runner-up, verdict, evidence
    guide.show()                                   # the same as a widget that needs no kernel
    guide.every()                                  # all leaves, as a table
    guide.compare(run, {"L1": l1_loss, "L2": mse_loss}, seeds=range(10))   # the same comparison on your own data

The questions and reasons stand here; the numbers are read from the record that ``experiments/guide.py`` writes. A
verdict is never written down: :func:`verdict` computes it from the paired differences over the seeds.
"""

from __future__ import annotations

import functools
import math
import pathlib
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import anywidget
import numpy as np
import traitlets

from lossutils.learn import ask, cards, data
from lossutils.learn.live import front_end

_HERE = pathlib.Path(__file__).parent

LEVEL = 0.95


# -- the questions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """One question: the keyword of :func:`choose`, its words, and answer → (in words, the next question or a leaf).

    The first answer is the default.
    """

    keyword: str
    question: str
    answers: Mapping[str, tuple[str, Ask | str]]


TREE = Ask("task", "What shall the model give?", {
    "regression": ("a number", Ask("goal", "Which number is wanted?", {
        "mean": ("the mean of what can happen", Ask("noise", "What is wrong with the training targets?", {
            "even": ("nothing more than noise", "regression-mean"),
            "outliers": ("about one in ten is far off", "regression-outliers"),
            "many outliers": ("a third or more are far off", "regression-many-outliers"),
        })),
        "median": ("the median: as often above as below", "regression-median"),
        "quantile": ("a quantile, such as a value that 9 in 10 stay below", "regression-quantile"),
        "spread": ("the mean, and how far off it may be", "regression-spread"),
    })),
    "counts": ("a count: 0, 1, 2, …", "counts"),
    "binary": ("yes or no", Ask("imbalance", "How rare is a yes?", {
        "none": ("not rare", Ask("goal", "What is done with the output?", {
            "probabilities": ("somebody acts on the probability", "binary-probabilities"),
            "decision": ("only the decision counts", "binary-decision"),
        })),
        "rare": ("one in a hundred, and the yes shall be found", "binary-rare"),
    })),
    "multi-class": ("one of several classes", Ask("goal", "What is wanted?", {
        "labels": ("the right class", Ask("noise", "What of the labels?", {
            "clean": ("nearly all are right", Ask("imbalance", "How are the classes filled?", {
                "none": ("about alike", Ask("labels", "Who labelled the training data?", {
                    "hard": ("people: one class a sample", "multiclass-clean"),
                    "teacher": ("a good network, whose logits are at hand", "multiclass-teacher"),
                })),
                "long tail": ("a few are common, many are rare", "multiclass-long-tail"),
            })),
            "wrong labels": ("many are wrong", "multiclass-wrong-labels"),
        })),
        "calibration": ("a confidence that can be believed", "multiclass-calibration"),
    })),
    "multi-label": ("any number of labels at once", "multilabel"),
    "segmentation": ("a mask: yes or no for each pixel", Ask("goal", "What is done with the mask?", {
        "overlap": ("it shall cover the object", "segmentation-overlap"),
        "recall": ("a missed pixel is worse than a false one", "segmentation-recall"),
        "probabilities": ("somebody acts on each pixel's probability", "segmentation-probabilities"),
    })),
    "detection": ("objects in a picture, with their boxes", Ask("goal", "Which part of the detector?", {
        "classes": ("the scores: object or background", "detection-classes"),
        "boxes": ("the corners of the boxes", "detection-boxes"),
    })),
    "ranking": ("an order: which of two comes first", "ranking"),
    "embedding": ("a vector, near for what is alike", Ask("labels", "What is known of the training data?", {
        "classes": ("the class of each sample", Ask("goal", "Which classes will be searched?", {
            "seen": ("those of the training data", "embedding-seen"),
            "unseen": ("new ones", "embedding-unseen"),
        })),
        "pairs": ("only of pairs whether they are alike", "embedding-pairs"),
    })),
    "sequence": ("a text, from a signal", Ask("labels", "Is it known where each symbol stands?", {
        "unaligned": ("no, only the text", "sequence-unaligned"),
        "aligned": ("yes", "sequence-aligned"),
    })),
    "generation": ("new samples like the data, from a GAN", Ask("limits", "Is the discriminator's slope limited?", {
        "free": ("no", "generation-free"),
        "spectral": ("yes, by spectral normalisation", "generation-spectral"),
    })),
    "image": ("a picture restored", Ask("goal", "Who judges it?", {
        "psnr": ("the pixels: PSNR", "image-psnr"),
        "looks": ("a network's features, as a stand-in for the eye", "image-looks"),
    })),
    "multi-task": ("several of these from one network", Ask("parts", "What are the losses of the parts?", {
        "likelihoods": ("negative log-likelihoods, in units that suit them", "multitask-likelihoods"),
        "any": ("of any kind, in any units", "multitask-any"),
    })),
})  # fmt: skip

KEYWORDS = ("task", "goal", "noise", "imbalance", "labels", "limits", "parts")


# -- the leaves --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leaf:
    """What the guide says at one end of its tree; the numbers come from the record.

    Attributes:
        loss: the loss, a name in ``lossutils``.
        rival: the runner-up, another one, or the same in another use.
        code: a line that runs, once the names in :data:`GIVEN` hold tensors.
        reason: why, from what the loss elicits or how it pulls, not from the score.
        section: the page that shows the evidence at length, or derives the loss.
        beware: where the advice ends.
        also: further pages.
        how, rival_how: what follows the names, where they alone do not tell the two apart.
    """

    loss: str
    rival: str
    code: str
    reason: str
    section: str
    beware: str = ""
    also: Sequence[str] = ()
    how: str = ""
    rival_how: str = ""


#: The names in the lines of code.
GIVEN = {
    "prediction": "float (N,)",
    "target": "float (N,)",
    "scale": "the size of an ordinary residual",
    "log_var": "float (N,), a second output",
    "log_rate": "float (N,)",
    "count": "float (N,)",
    "logit": "float (N,)",
    "label": "0 or 1, float (N,)",
    "logits": "float (N, K)",
    "classes": "integers (N,)",
    "weight": "float (K,), one over the class's count",
    "teacher": "the teacher's logits (N, K)",
    "labels": "0 or 1, float (N, K)",
    "mask_logits": "float (N, 1, H, W)",
    "mask": "0 or 1, float (N, 1, H, W)",
    "boxes": "corners x1, y1, x2, y2, float (N, 4)",
    "true_boxes": "the same",
    "score1": "float (N,), of the one",
    "score2": "of the other",
    "order": "+1 where the first belongs above, else −1",
    "query": "float (N, D), of length 1",
    "key": "row i belongs to query i",
    "distance": "float (N,), of each pair",
    "same": "1 where the pair is alike, else 0, float (N,)",
    "log_probs": "float (T, N, C), blank first",
    "text": "integers (N, S)",
    "frames": "integers (N,)",
    "letters": "integers (N,)",
    "real": "the discriminator's scores of real samples (N,)",
    "fake": "its scores of generated ones (N,)",
    "restored": "float (N, 3, H, W)",
    "picture": "float (N, 3, H, W)",
    "features": "a list of the network's maps of the restored picture",
    "true_features": "of the true one",
    "loss1": "the cross entropy of one task",
    "loss2": "the squared error of the other",
    "w": "the weight",
    "log_vars": "float (2,), trained",
}

LEAVES: dict[str, Leaf] = {
    "regression-mean": Leaf(
        "mse_loss", "huber_loss", "mse_loss(prediction, target)",
        "The mean is what the squared error elicits. With noise that has no long tails nothing is to be gained by "
        "trusting large residuals less.",
        "regression/squared_and_absolute",
        "One target typed with its decimal point in the wrong place can own the fit.", ["regression/robust"],
    ),
    "regression-outliers": Leaf(
        "huber_loss", "mse_loss", "huber_loss(prediction, target, delta=1.345 * scale)",
        "Beyond δ a residual pulls with a constant force, so that a wild target counts as one vote. It stays convex.",
        "regression/robust",
        "On skewed targets it pulls the mean towards the median. δ carries the target's unit.",
    ),
    "regression-many-outliers": Leaf(
        "general_robust_loss", "huber_loss", "general_robust_loss(prediction, target, alpha=-2.0, scale=scale)",
        "A third of votes on one side moves any loss that keeps pulling. Below α = 0 the pull of a far target goes "
        "back to 0.",
        "regression/robust",
        "Not convex: the start matters, and good points that are far off at the start are ignored for ever.",
    ),
    "regression-median": Leaf(
        "l1_loss", "mse_loss", "l1_loss(prediction, target)",
        "The absolute error elicits the median, and is the metric itself: a skewed target pulls no harder for being "
        "far away.",
        "regression/squared_and_absolute",
        "Its gradient has the same size at every error, so the last steps need a falling learning rate.",
    ),
    "regression-quantile": Leaf(
        "quantile_loss", "gaussian_nll_loss", "quantile_loss(prediction, target, q=0.9)",
        "It elicits the quantile without a word on the shape of the distribution; a Gaussian's quantile is right "
        "only where the noise is Gaussian.",
        "regression/quantiles_and_variance",
        "Few samples lie beyond an extreme quantile, and there even a wrong shape may estimate as well as none.",
        rival_how=", its quantile",
    ),
    "regression-spread": Leaf(
        "gaussian_nll_loss", "mse_loss", "gaussian_nll_loss(prediction, target, log_var.exp())",
        "A second output learns where the noise is large. One variance for all samples is too wide here and too "
        "narrow there.",
        "regression/quantiles_and_variance",
        "A sample with a large predicted variance hardly moves its mean; watch the variance on unseen data.",
        rival_how=", one variance",
    ),
    "counts": Leaf(
        "poisson_nll_loss", "mse_loss", "poisson_nll_loss(log_rate, count)",
        "By the logarithm of the rate its gradient is rate − count. A squared error multiplies that by the rate once "
        "more, and the few persons with many visits own the fit.",
        "regression/counts",
        "More zeros, or more spread than the mean, leave the mean right and the intervals too narrow. Judged by the "
        "squared error, plain least squares was no worse.",
    ),
    "binary-probabilities": Leaf(
        "binary_cross_entropy_with_logits", "squared_hinge_loss", "binary_cross_entropy_with_logits(logit, label)",
        "A proper score: the expected loss is least at the true probability, and a confident error is expensive.",
        "classification/surrogates",
        "Wrong labels pull every probability towards one half.", ["classification/cross_entropy"],
    ),
    "binary-decision": Leaf(
        "binary_cross_entropy_with_logits", "hinge_loss", "binary_cross_entropy_with_logits(logit, label)",
        "Both lead to the right side of the boundary. The cross entropy gives a probability beside the decision, so "
        "that the threshold can follow the costs later.",
        "classification/margins",
        "Hinge lets go of every sample beyond the margin, so that its fit depends on those near the boundary alone.",
    ),
    "binary-rare": Leaf(
        "balanced_binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits",
        "balanced_binary_cross_entropy_with_logits(logit, label, alpha=0.99)",
        "Twenty cases of yes among two thousand have a small share in the gradient; with a weight they count as much "
        "as the rest together, and what sets them apart is learned in fewer steps.",
        "focal/the_imbalance",
        "With three times the steps the two were level: a weight does not change the best possible order. The output "
        "is no longer the probability of a yes, and ½ no longer its threshold.",
    ),
    "multiclass-clean": Leaf(
        "cross_entropy", "multi_margin_loss", "cross_entropy(logits, classes)",
        "The likelihood of the labels: it gives probabilities, and its gradient, p − y, is simple and never explodes.",
        "classification/cross_entropy",
        "It is never content: a long training ends in overconfidence.", ["classification/margins"],
    ),
    "multiclass-wrong-labels": Leaf(
        "cross_entropy", "multi_margin_loss", "cross_entropy(logits, classes)",
        "Wrong labels at random leave the right class the most probable one, and a likelihood looks for that. The "
        "penalty on the weights matters more than the loss here: choose it on other data.",
        "classification/margins",
        "The gain is small. With 20 % of wrong labels, or with 50 % and more, it is lost in the noise; a hinge that "
        "looks at the largest rival alone falls far behind from 40 % on.",
    ),
    "multiclass-long-tail": Leaf(
        "cross_entropy", "softmax_focal_loss", "cross_entropy(logits, classes, weight=weight)",
        "If every class counts alike in the metric, let every class count alike in the loss. The focal factor weighs "
        "by difficulty, which is another question.",
        "focal/detector",
        "The probabilities are then those of a world in which all classes are as common. Plain cross entropy with the "
        "decision moved by the classes' shares does better still here.",
        how=", weighted", rival_how=", weighted",
    ),
    "multiclass-calibration": Leaf(
        "cross_entropy", "cross_entropy", "cross_entropy(logits, classes, label_smoothing=0.01)",
        "Smoothed labels leave something to doubt, and the logits stop growing. Small, and chosen on held-out data.",
        "classification/softmax_variants",
        "The usual 0.1 makes this network doubt what it knows. The section's other way is to choose ε for the accuracy "
        "and to fit one temperature afterwards, which leaves an error of 0.016 to 0.020.",
        how=", smoothed labels",
    ),
    "multiclass-teacher": Leaf(
        "distillation_loss", "cross_entropy", "distillation_loss(logits, teacher, temperature=4.0)",
        "A teacher's probabilities say which classes are alike, for every sample, labelled or not.",
        "classification/softmax_variants",
        "With many labels the gain shrinks. A teacher trained with smoothed labels teaches less.",
    ),
    "multilabel": Leaf(
        "binary_cross_entropy_with_logits", "multilabel_margin_loss",
        "binary_cross_entropy_with_logits(logits, labels)",
        "One probability a label: none, one or all can be present, and ½ is a threshold that means something.",
        "classification/many_labels",
        "Each label is judged alone: what excludes what, the model must learn in its layers.",
    ),
    "segmentation-overlap": Leaf(
        "dice_loss", "binary_cross_entropy_with_logits", "dice_loss(mask_logits, mask, from_logits=True)",
        "Empty pixels that stay empty have no part in the overlap; in the mean of a cross entropy they are 98 of 100 "
        "votes here.",
        "focal/masks",
        "Its outputs are no probabilities, and an image without an object needs a rule. Trained twice as long, cross "
        "entropy with a threshold of its own came near.",
    ),
    "segmentation-recall": Leaf(
        "tversky_loss", "dice_loss", "tversky_loss(mask_logits, mask, alpha=0.3, beta=0.7, from_logits=True)",
        "β above α makes a missed pixel more expensive than a false one.",
        "focal/masks",
        "Precision pays for it, and in the metric that counts recall twice the two are level. A lower threshold buys "
        "recall as well.",
    ),
    "segmentation-probabilities": Leaf(
        "binary_cross_entropy_with_logits", "dice_loss", "binary_cross_entropy_with_logits(mask_logits, mask)",
        "A proper score pixel by pixel. Dice drives nearly every pixel to 0 or 1.",
        "focal/masks",
        "Its own metric, the log loss, shows a clear gain and the Brier score does not: with a rare object nearly all "
        "pixels are easy for both.",
    ),
    "detection-classes": Leaf(
        "sigmoid_focal_loss", "balanced_binary_cross_entropy_with_logits",
        "sigmoid_focal_loss(logit, label, alpha=0.75, gamma=0.5, normalizer=label.sum())",
        "Thousands of easy places of the background must not drown a few objects: the factor in front of the "
        "logarithm turns them down. Divide by the number of objects, not of places.",
        "focal/detector",
        "With α and γ of the paper, not tuned, it was behind a weight that was. Tune both, or take the weight alone.",
        ["focal/from_ce_to_focal", "focal/the_imbalance"],
    ),
    "detection-boxes": Leaf(
        "complete_box_iou_loss", "smooth_l1_loss", "complete_box_iou_loss(boxes, true_boxes)",
        "The metric is an overlap: two pixels off are much for a small object and little for a large one. Smooth L1 "
        "of four offsets does not know which four make a good overlap.",
        "focal/boxes",
        "Plain IoU has no gradient for boxes that do not meet; where they met, the four IoU losses were level here, "
        "and little ahead of smooth L1.",
    ),
    "ranking": Leaf(
        "margin_ranking_loss", "soft_margin_loss", "margin_ranking_loss(score1, score2, order, margin=1.0)",
        "Only the difference of two scores matters, and a pair in the right order by a margin is left alone.",
        "embeddings/pairs",
        "Without a margin all scores alike cost nothing. Where the targets are numbers in a fair unit, least squares "
        "on them orders as well.",
    ),
    "embedding-seen": Leaf(
        "info_nce_loss", "triplet_margin_loss", "info_nce_loss(query, key, temperature=0.1)",
        "Every other key of the batch is a negative, and the temperature puts the pull on the nearest: no mining.",
        "embeddings/triplets",
        "Two samples of one class in a batch are each other's negatives unless they are masked.",
    ),
    "embedding-unseen": Leaf(
        "cross_entropy", "info_nce_loss", "cross_entropy(logits, classes)",
        "New classes need features that were not needed to tell the old ones apart. A softmax asks only that the old "
        "ones can be told apart, not that each lies close together, so more may be left.",
        "embeddings/triplets",
        "Try the raw input first: on these digits it finds more of the new classes than any trained embedding.",
    ),
    "embedding-pairs": Leaf(
        "pairwise_contrastive_loss", "cosine_embedding_loss", "pairwise_contrastive_loss(distance, same, margin=1.0)",
        "Alike pairs are drawn together, others pushed apart up to the margin and then left alone.",
        "embeddings/pairs",
        "On classes that it had never seen it was no better than the cosine of the plain pixels.",
    ),
    "sequence-unaligned": Leaf(
        "ctc_loss", "cross_entropy", "ctc_loss(log_probs, text, frames, letters)",
        "It sums the probability of every alignment that reads as the text; cutting the signal into equal pieces "
        "teaches wrong places.",
        "embeddings/ctc",
        "A text that is longer than the signal allows has an infinite loss.",
        rival_how=", equal pieces",
    ),
    "sequence-aligned": Leaf(
        "ctc_loss", "cross_entropy", "ctc_loss(log_probs, text, frames, letters)",
        "What is asked for is the text, and the places are one more thing to get right. They help at the start of the "
        "training only.",
        "embeddings/ctc",
        "If the places themselves are wanted, train on them: CTC's peaks need not stand over the symbols.",
        rival_how=", true places",
    ),
    "generation-free": Leaf(
        "lsgan_generator_loss", "wgan_critic_loss",
        "lsgan_discriminator_loss(real, fake), lsgan_generator_loss(fake)",
        "A square still pulls on fakes that the discriminator already tells apart, and it costs no second gradient "
        "as a penalty does.",
        "gan/least_squares",
        "The spread between seeds is as large as that between losses: compare several of each.", ["gan/family"],
    ),
    "generation-spectral": Leaf(
        "lsgan_generator_loss", "relativistic_generator_loss",
        "lsgan_discriminator_loss(real, fake), lsgan_generator_loss(fake)",
        "Once the slope is limited most losses work, and the limit is worth more than the choice.",
        "gan/family",
        "A gradient penalty on top of spectral normalisation asks for two slopes at once, and fails here.",
    ),
    "image-psnr": Leaf(
        "mse_loss", "l1_loss", "mse_loss(restored, picture)",
        "PSNR is a logarithm of the squared error.",
        "perceptual/restoration",
        "After a third of the steps it was ahead of L1, after all of them they are level. Both blur.",
        ["perceptual/pixels_and_the_eye"],
    ),
    "image-looks": Leaf(
        "feature_loss", "mse_loss", "mse_loss(restored, picture) + w * feature_loss(features, true_features)",
        "A texture that is a pixel off is a large error of pixels and a small one of features, so that the network "
        "may draw it.",
        "perceptual/restoration",
        "On maps that it was not trained on the gain vanishes here, and part of what looks sharper is a grid. Look at "
        "the pictures.",
        ["perceptual/feature_and_style", "perceptual/pixels_and_the_eye"],
    ),
    "multitask-likelihoods": Leaf(
        "uncertainty_weighted_loss", "cross_entropy",
        'uncertainty_weighted_loss([loss1, loss2], log_vars, kinds=["classification", "regression"])',
        "A likelihood has a noise level, and one that is learned brings the right unit along.",
        "choosing/combining",
        "The noise levels are learned by small steps: from a start of the wrong size they arrive late.",
        rival_how=", equal weights",
    ),
    "multitask-any": Leaf(
        "mse_loss", "uncertainty_weighted_loss", "cross_entropy(logits, classes) + w * mse_loss(prediction, target)",
        "A weight carries a unit, and no formula knows yours. A dozen weights, a factor of three apart, tried on "
        "validation data, settle it.",
        "choosing/combining",
        "The grid costs a training a weight, and more than two losses need more than a grid. Learned noise levels that "
        "began at the size of the first losses were level with it.",
        how=", weight from a grid",
    ),
}  # fmt: skip


# -- evidence ----------------------------------------------------------------------------------------------------------


def interval(differences: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """The t-interval of the mean: mean ± t · s / √n, where s divides by n − 1.

    It covers what changes with the seed (splits, starting values, batches of these data), and no other data set.

    Raises:
        ValueError: fewer than two differences, or one that is not finite.
    """
    from scipy import stats

    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or len(d) < 2 or not np.all(np.isfinite(d)):
        raise ValueError(f"differences: expected two or more finite numbers, got {differences!r}")
    half = float(stats.t.ppf((1 + level) / 2, len(d) - 1) * d.std(ddof=1) / math.sqrt(len(d)))
    return float(d.mean()) - half, float(d.mean()) + half


def verdict(low: float, high: float) -> str:
    """ "wins" where the interval of the gain lies above 0, "loses" where it lies below, else "tie"."""
    return "wins" if low > 0 else "loses" if high < 0 else "tie"


@dataclass(frozen=True)
class Evidence:
    """Two losses on the same seeds.

    Attributes:
        names: what was compared, the loss first.
        metric: in words, with its unit.
        better: "lower" or "higher".
        values: two rows, one number a seed; column i of both has the same data, split and start.
        data: what was trained on what.
        source: the file that ran it.
    """

    names: tuple[str, str]
    metric: str
    better: str
    values: tuple[tuple[float, ...], tuple[float, ...]]
    data: str = ""
    source: str = ""

    @property
    def gains(self) -> tuple[float, ...]:
        """By how much the first was better, seed by seed: positive is better, in the metric's unit."""
        sign = 1 if self.better == "higher" else -1
        return tuple(sign * (a - b) for a, b in zip(*self.values, strict=True))

    @property
    def n(self) -> int:
        """The number of seeds."""
        return len(self.values[0])

    @property
    def means(self) -> tuple[float, float]:
        """The mean metric of either."""
        return tuple(sum(row) / len(row) for row in self.values)

    @property
    def gain(self) -> float:
        """The mean of the gains."""
        return sum(self.gains) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean gain."""
        return interval(self.gains)

    @property
    def verdict(self) -> str:
        """ "wins", "tie" or "loses", of the first."""
        return verdict(*self.interval)

    def __repr__(self) -> str:
        return "\n".join(_evidence_lines(self))

    def _repr_markdown_(self) -> str:
        return "\n".join(f"* {line}" for line in _evidence_lines(self, tick=True))


def _evidence_lines(found: Evidence, tick: bool = False) -> list[str]:
    first, second = (f"`{name}`" if tick and name.isidentifier() else name for name in found.names)
    (one, two), (low, high) = found.means, found.interval
    says = {"wins": f"{first} wins", "tie": "tie", "loses": f"{second} wins"}[found.verdict]
    return [
        f"{found.metric} ({found.better} is better)",
        f"{first} {short(one)}, {second} {short(two)}: means of {found.n} seeds",
        f"gain {short(found.gain)}, 95 % interval {short(low)} to {short(high)}: {says}",
    ] + ([found.data] if found.data else [])


def short(value: float) -> str:
    """Three significant digits."""
    text = f"{value:#.3g}".rstrip(".") if value else "0"
    if "e" in text:
        text = f"{float(text):.0f}" if abs(value) >= 1 else f"{value:.1e}"
    return text.replace("-", "−")


@functools.cache
def _record() -> dict:
    return data.experiment("guide")["leaves"]


def evidence(key: str) -> Evidence:
    """What the record holds of a leaf."""
    found = _record()[key]
    values = tuple(tuple(map(float, found["values"][side])) for side in ("loss", "runner_up"))
    names = found["loss"] + LEAVES[key].how, found["runner_up"] + LEAVES[key].rival_how
    return Evidence(names, found["metric"], found["better"], values, found["data"], found["source"])


def compare(
    run: Callable[[object, int], float],
    losses: Mapping[str, object],
    seeds: Iterable[int],
    *,
    metric: str = "metric",
    better: str = "lower",
) -> Evidence:
    """Two losses on your own data, paired by seed.

    Args:
        run: ``run(loss, seed)`` → the metric on data that was not trained on. Everything that is drawn, the split, the
            start, the batches, must follow from ``seed`` alone, so that both losses meet the same.
        losses: two, by name: functions, or whatever ``run`` takes; the first is the one that must show a gain.
        seeds: two or more; with fewer than five an interval is very wide.
        metric: what ``run`` returns, in words.
        better: "lower" or "higher".

    Raises:
        ValueError: not two losses, fewer than two different seeds, or a metric that is not finite.
    """
    seeds = list(seeds)
    if len(losses) != 2:
        raise ValueError(f"losses: expected two, by name, got {len(losses)}")
    if len(set(seeds)) < max(2, len(seeds)):
        raise ValueError(f"seeds: expected two or more that differ, got {seeds}")
    if better not in ("lower", "higher"):
        raise ValueError(f"better: expected 'lower' or 'higher', got {better!r}")
    table = {name: [float(run(loss, seed)) for seed in seeds] for name, loss in losses.items()}
    for name, row in table.items():
        for seed, value in zip(seeds, row, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"run({name}, {seed}): expected a finite number, got {value}")
    return Evidence(tuple(table), metric, better, tuple(map(tuple, table.values())))


# -- choosing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What the guide says.

    Attributes:
        leaf: its key, which ``experiments/guide.py`` uses too.
        answers: what was said or taken as default.
        loss: the loss as the experiment names it.
        loss_call: a line of code that runs, with names of ``lossutils``.
        reason: why this one.
        runner_up: what it was compared with.
        verdict: "wins", or "tie" where the interval of the gain holds 0.
        evidence: the numbers.
        section: the page that tells more.
        see_also: further pages.
    """

    leaf: str
    answers: Mapping[str, str]
    loss: str
    loss_call: str
    reason: str
    runner_up: str
    verdict: str
    evidence: Evidence
    section: str
    beware: str = ""
    see_also: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        said = ", ".join(f"{k}={v}" for k, v in self.answers.items())
        head = f"{self.loss}: {self.verdict if self.verdict == 'tie' else 'wins'} against {self.runner_up}"
        if self.verdict == "tie":
            head = f"{self.loss}, a tie with {self.runner_up}"
        parts = [head, f"  for      {said}", f"  code     {self.loss_call}", f"  reason   {_bare(self.reason)}"]
        parts += [f"  {'evidence' if k == 0 else '':8} {line}" for k, line in enumerate(_evidence_lines(self.evidence))]
        parts += [f"  beware   {_bare(self.beware)}"] if self.beware else []
        return "\n".join([*parts, f"  section  {title(self.section)}"])

    def _repr_markdown_(self) -> str:
        rows = [
            ("Because", self.reason),
            ("Code", f"`{self.loss_call}`"),
            ("With", "; ".join(f"`{name}`: {words}" for name, words in self.given.items())),
            ("Verdict", _outcome(self)),
            ("Evidence", "; ".join(_evidence_lines(self.evidence, tick=True)[:3])),
            ("Data", self.evidence.data),
            ("Beware", self.beware),
            ("Section", ", ".join(f"[{title(page)}](../{page}.ipynb)" for page in (self.section, *self.see_also))),
        ]
        said = ", ".join(f"{k} = {v}" for k, v in self.answers.items())
        head = f"| Loss | **{self.loss}** for {said} |\n|---|---|\n"
        return head + "".join(f"| {name} | {text} |\n" for name, text in rows if text)


def _bare(text: str) -> str:
    return text.replace("`", "")


def _outcome(choice: Choice) -> str:
    return f"{'wins against' if choice.verdict == 'wins' else 'tie with'} {choice.runner_up}"


def title(page: str) -> str:
    """A page's title."""
    return TITLES.get(page) or cards.references()["sections"][page]


#: Pages without a loss card.
TITLES = {"perceptual/restoration": "Restoration: pixel loss against perceptual loss"}


def choose(
    task: str,
    *,
    goal: str | None = None,
    noise: str | None = None,
    imbalance: str | None = None,
    labels: str | None = None,
    limits: str | None = None,
    parts: str | None = None,
) -> Choice:
    """The loss that the book would take first, why, and what stands against it.

    What is left out takes the first answer of :data:`TREE`. :func:`ways` lists all that can be said.

    Args:
        task: one of ``cards.TASKS``.
        goal: what is wanted of the output.
        noise: what is wrong with the training targets.
        imbalance: how rare the rare ones are.
        labels: what is known of the training data.
        limits: what limits a GAN's discriminator.
        parts: what the losses are that a multi-task network combines.

    Raises:
        ValueError: an answer that is unknown, or to a question that is not asked after the others.
    """
    said = dict(zip(KEYWORDS, (task, goal, noise, imbalance, labels, limits, parts), strict=True))
    node, answers = TREE, {}
    while isinstance(node, Ask):
        answer = said.pop(node.keyword)
        if answer is None and node.keyword != "task":
            answer = next(iter(node.answers))
        if answer not in list(node.answers):
            known = ", ".join(map(repr, node.answers))
            raise ValueError(f"{node.keyword}: expected one of {known}, got {answer!r}")
        answers[node.keyword] = answer
        node = node.answers[answer][1]
    if left := {k: v for k, v in said.items() if v is not None}:
        after = ", ".join(f"{k}={v!r}" for k, v in answers.items())
        more = "\n".join(f"  {way}" for way in ways(task))
        raise ValueError(f"{', '.join(left)}: not asked after {after}. What can be said:\n{more}")
    return _choice(node, answers)


@functools.cache
def _paths() -> dict[str, dict[str, str]]:
    """Leaf → the answers that lead to it, in the order of the tree."""
    found = {}

    def walk(node, answers):
        if isinstance(node, str):
            found[node] = answers
            return
        for answer, (_, then) in node.answers.items():
            walk(then, {**answers, node.keyword: answer})

    walk(TREE, {})
    return found


def _choice(key: str, answers: Mapping[str, str]) -> Choice:
    leaf, found = LEAVES[key], evidence(key)
    given = {name: words for name, words in GIVEN.items() if re.search(rf"\b{name}\b(?!=)", leaf.code)}
    return Choice(
        key, dict(answers), found.names[0], leaf.code, leaf.reason, found.names[1], found.verdict, found,
        leaf.section, leaf.beware, tuple(leaf.also), given,
    )  # fmt: skip


def ways(task: str | None = None) -> list[str]:
    """Every call of :func:`choose` that leads to a leaf, of one task or of all, as code."""
    calls = []
    for answers in _paths().values():
        if task in (None, answers["task"]):
            words = [f"{k}={v!r}" for k, v in answers.items() if k != "task"]
            calls.append(f"choose({', '.join([repr(answers['task']), *words])})".replace("'", '"'))
    return calls


class Leaves(list):
    """Choices, shown as a table."""

    def __repr__(self) -> str:
        wins = sum(choice.verdict == "wins" for choice in self)
        return f"{len(self)} leaves: {wins} win, {len(self) - wins} tie"

    def _repr_markdown_(self) -> str:
        head = "| Answers | Loss | Runner-up | Verdict | Gain, 95 % interval | Metric |\n|---|---|---|---|---|---|\n"
        rows = []
        for choice in self:
            said = ", ".join(choice.answers.values())
            low, high = choice.evidence.interval
            gain = f"{short(choice.evidence.gain)} ({short(low)} to {short(high)})"
            cells = [said, choice.loss, choice.runner_up, choice.verdict, gain, choice.evidence.metric]
            rows.append("| " + " | ".join(cells) + " |\n")
        return head + "".join(rows)


def every() -> Leaves:
    """All leaves, in the order of the tree."""
    return Leaves(_choice(key, answers) for key, answers in _paths().items())


# -- the widget --------------------------------------------------------------------------------------------------------


class LossGuide(anywidget.AnyWidget):
    """The guide as selects and a card; ``value`` holds the answers, in both directions, and ``choice`` the leaf."""

    _esm = front_end("guide")
    _css = _HERE / "guide.css"

    _ipython_display_ = None  # as in live.LiveFigure: the bundle below speaks

    guide = traitlets.Dict().tag(sync=True)
    value = traitlets.Dict().tag(sync=True)

    def __init__(self, guide: dict | None = None, value: dict | None = None):
        super().__init__(guide=_spec() if guide is None else guide, value=value or {"task": "regression"})

    @property
    def choice(self) -> Choice:
        """The leaf that shows."""
        return choose(**self.value)

    def __repr__(self) -> str:
        # A digest of what the widget carries, so that a notebook whose guide has changed shows another text.
        leaves = self.guide["leaves"]
        carried = "".join(ask._flat(self.guide)).encode()
        return f"LossGuide({len(leaves)} leaves, {zlib.crc32(carried):08x})"

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/markdown": every()._repr_markdown_()}, metadata


def show(task: str = "regression", **answers: str) -> LossGuide:
    """The guide, live; the arguments of :func:`choose` say where it begins."""
    return LossGuide(value=dict(choose(task, **answers).answers))


def _spec() -> dict:
    """The tree and the leaves as the browser draws them."""

    def tree(node):
        if isinstance(node, str):
            return node
        answers = [[answer, words, tree(then)] for answer, (words, then) in node.answers.items()]
        return {"keyword": node.keyword, "question": node.question, "answers": answers}

    def number(values):
        return [float(f"{v:.5g}") for v in values]

    def leaf(choice: Choice) -> dict:
        found, (low, high) = choice.evidence, choice.evidence.interval
        sentence = (
            f"Gain {short(found.gain)}, 95 % interval {short(low)} to {short(high)}, over {found.n} seeds; "
            f"means {short(found.means[0])} and {short(found.means[1])}."
        )
        return {
            "names": list(found.names),
            "card": LEAVES[choice.leaf].loss,
            "code": choice.loss_call,
            "given": [[name, words] for name, words in choice.given.items()],
            "reason": ask._html(choice.leaf, choice.reason),
            "beware": ask._html(choice.leaf, choice.beware) if choice.beware else "",
            "verdict": choice.verdict,
            "metric": found.metric,
            "better": found.better,
            "values": [number(row) for row in found.values],
            "numbers": sentence,
            "data": found.data,
            "pages": [[page, title(page)] for page in (choice.section, *choice.see_also)],
        }

    return {"tree": tree(TREE), "leaves": {choice.leaf: leaf(choice) for choice in every()}}
