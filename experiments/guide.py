"""The evidence under each leaf of the guide to choosing a loss: the loss against its runner-up, seed by seed.

    python experiments/guide.py      # writes lossutils/learn/experiments/guide.json

A leaf is a function. Those under "From other records" pick the numbers of one leaf out of the record of another
experiment. A setting that a loss leaves open is then chosen for each seed by the mean of the other seeds, for the loss
and for its runner-up alike. Values are paired: those of one seed share data, first weights and batches. For the section
"A guide to choosing".
"""

from __future__ import annotations

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "lossutils" / "learn" / "experiments"
LEAVES = {}  # key → what the record says of the leaf, and its function


def leaf(key: str, loss: str, runner_up: str, metric: str, better: str, data: str, record: str = "guide"):
    """Enters a function under its key; ``record`` names the experiment whose record it reads."""

    def enter(function):
        words = {"loss": loss, "runner_up": runner_up, "metric": metric, "better": better, "data": data}
        LEAVES[key] = words | {"record": record, "function": function}
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
    "MNIST 14 × 14, student of 10 hidden units, n = 100, teacher of 3,000; temperature chosen on the other seeds",
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
    "detection-classes", "sigmoid_focal_loss", "balanced_binary_cross_entropy_with_logits",
    "average precision at IoU 0.5", "higher",
    "digits on photographs, dense detector, n = 160 scenes, 150 steps; α, and γ > 0 of focal loss, chosen on the other "
    "seeds", record="detector_losses",
)  # fmt: skip
def detection_classes(found):
    """The measure of detectors: it knows the order of the scores only. γ = 0 is the balanced cross entropy."""
    grid = {name: [run["precision"] for run in runs] for name, runs in found["grid"].items()}
    focal, balanced = ([v for k, v in grid.items() if (float(k.split()[1]) > 0) == way] for way in (True, False))
    return chosen(focal), chosen(balanced)


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
    STRIPS + "; cross entropy on the true middles of the digits, which CTC is not told", record="ctc_digits",
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


def short(values) -> list[float]:
    return [float(f"{v:.4g}") for v in values]


def entry(key: str) -> dict:
    """What the record says of one leaf."""
    words = dict(LEAVES[key])
    record, function = words.pop("record"), words.pop("function")
    pairs = function(read(record))
    values = {name: short(one) for name, one in zip(("loss", "runner_up"), pairs, strict=True)}
    return words | {"values": values, "source": f"experiments/{record}.py", "seeds": list(range(len(pairs[0])))}


def main() -> None:
    leaves = {key: entry(key) for key in LEAVES}
    text = json.dumps({"leaves": leaves}, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "guide.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
