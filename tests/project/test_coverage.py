"""The book against the inventory that it was planned from: every loss and every corrected sentence has its place."""

import functools
import pathlib
import re
from collections import Counter

import nbformat
import notebooks
import pytest
import yaml

import lossutils
from lossutils.learn import cards

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHAPTERS = ROOT / "chapters"

# The losses that the four articles name, and those that the book adds; each with its functions here.
LOSSES = {
    "0-1": "zero_one_loss",
    "exponential": "exponential_loss",
    "logistic": "soft_margin_loss",
    "entropy": "entropy",
    "cross entropy, log loss, softmax loss": "cross_entropy categorical_cross_entropy",
    "KL": "kl_divergence",
    "weighted softmax": "cross_entropy",
    "soft softmax": "distillation_loss",
    "large-margin softmax": "large_margin_softmax_loss",
    "JS": "js_divergence",
    "binary cross entropy": "binary_cross_entropy",
    "sigmoid cross entropy": "binary_cross_entropy_with_logits",
    "NLL": "nll_loss",
    "multi-margin": "multi_margin_loss",
    "multilabel margin": "multilabel_margin_loss",
    "multilabel soft margin": "multilabel_soft_margin_loss",
    "hinge": "hinge_loss",
    "L1": "l1_loss",
    "L2": "mse_loss",
    "RMSE": "rmse_loss",
    "Poisson NLL": "poisson_nll_loss",
    "smooth L1": "smooth_l1_loss",
    "Huber": "huber_loss",
    "log-cosh": "log_cosh_loss",
    "general robust": "general_robust_loss",
    "perceptual": "feature_loss",
    "GAN minimax": "minimax_generator_loss minimax_discriminator_loss",
    "−log D": "nonsaturating_generator_loss",
    "WGAN, WGAN-GP": "wgan_critic_loss wgan_generator_loss gradient_penalty",
    "LSGAN": "lsgan_discriminator_loss lsgan_generator_loss",
    "loss-sensitive GAN": "loss_sensitive_critic_loss loss_sensitive_generator_loss",
    "balanced CE": "balanced_binary_cross_entropy_with_logits",
    "hard example mining": "hard_example_mean",
    "focal": "sigmoid_focal_loss",
    "IoU": "box_iou_loss",
    "Dice": "dice_loss",
    "Tversky": "tversky_loss",
    "combined": "uncertainty_weighted_loss",
    "margin ranking": "margin_ranking_loss",
    "hinge embedding": "hinge_embedding_loss",
    "triplet": "triplet_margin_loss",
    "cosine embedding": "cosine_embedding_loss",
    "CTC": "ctc_loss",
    # added by the book
    "label smoothing": "cross_entropy",
    "squared hinge": "squared_hinge_loss",
    "quantile": "quantile_loss",
    "Gaussian NLL": "gaussian_nll_loss",
    "adaptive robust": "adaptive_robust_loss",
    "style": "style_loss gram_matrix",
    "total variation": "total_variation_loss",
    "SSIM": "ssim_loss",
    "hinge GAN": "gan_hinge_discriminator_loss gan_hinge_generator_loss",
    "relativistic GAN": "relativistic_discriminator_loss relativistic_generator_loss",
    "f-GAN": "f_gan_discriminator_loss f_gan_generator_loss",
    "softmax focal": "softmax_focal_loss",
    "GIoU": "generalized_box_iou_loss",
    "DIoU": "distance_box_iou_loss",
    "CIoU": "complete_box_iou_loss",
    "soft IoU": "soft_iou_loss",
    "focal Tversky": "focal_tversky_loss",
    "Lovász": "lovasz_hinge_loss",
    "contrastive": "pairwise_contrastive_loss",
    "InfoNCE": "info_nce_loss",
}
NO_CARD = {
    "entropy": "classification/entropy",
    "gram_matrix": "perceptual/feature_and_style",
    "gradient_penalty": "gan/distances",
}

# The sentences of the articles that the book sets right, by article and number.
SET_RIGHT = Counter(
    "A§1 A§2.1 A§2.2 A§2.5 A§3 A§3.1 A§3.2 A§3.3 A§3.4 A§4.2 A§4.3 A§4.4 A§4.5 B B B B D D "
    "C1 C2 C3 C4 C6 C7 C10 C11 C13 C14 C15 C16 C17 C18 C19 C21 C22 C23 C24 C25 C26 C27".split()
)


def contents():
    return {name.removeprefix("chapters/") for name in notebooks.sections()}


@functools.cache
def cells(section):
    return nbformat.read(CHAPTERS / f"{section}.ipynb", as_version=4).cells


def section_of(function):
    return NO_CARD.get(function) or cards.find(function).section


FUNCTIONS = sorted({name for names in LOSSES.values() for name in names.split()})


def test_every_function_belongs_to_a_loss_of_the_inventory():
    """Protects both directions: nothing of the inventory is missing, nothing is there without a reason."""
    assert FUNCTIONS == sorted(lossutils.__all__)
    assert {card.name for card in cards.every()} == set(FUNCTIONS) - set(NO_CARD)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_loss_has_its_section_with_code_figure_and_exercise(function):
    """Protects the plan: each loss is called, plotted and practised in the section that its card names."""
    section = section_of(function)
    assert section in contents()
    code = [cell for cell in cells(section) if cell.cell_type == "code"]
    assert any(re.search(rf"\b{function}\b", cell.source) for cell in code), "never called"
    kinds = {kind for cell in code for output in cell.outputs for kind in output.get("data", {})}
    assert kinds & {"image/png", "application/vnd.jupyter.widget-view+json"}, "no figure"
    assert any(cell.source.rstrip().splitlines()[-1].startswith("check(") for cell in code if cell.source.strip())
    if function not in NO_CARD:
        shown = re.compile(rf'cards\.\w+\([^)]*"{function}"')
        assert any(shown.search(cell.source) for cell in code), "its card is not shown"


def rows():
    """The rows of the page that sets the articles right: (places, the link's targets)."""
    text = (CHAPTERS / "articles.md").read_text(encoding="utf-8")
    for line in text.splitlines():
        found = re.match(r"\| ([ABCD])\b([^|]*)\|.*\|([^|]*)\|$", line)
        if found:
            article, numbers, links = found.groups()
            places = [article + n.replace("C ", "").strip() for n in re.sub(r"\bC ", "", numbers).split(",")]
            yield places, re.findall(r"\]\(([^)]+)\)", links)


def test_every_sentence_that_was_wrong_is_set_right_once():
    """Protects the page on the articles: all their known mistakes, none invented."""
    assert Counter(place for places, _ in rows() for place in places) == SET_RIGHT


INVENTORY = yaml.safe_load((pathlib.Path(__file__).parent / "inventory.yml").read_text(encoding="utf-8"))
TOPICS = [(page, *topic) for page, topics in INVENTORY.items() for topic in topics]


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def under(page, heading):
    """The text and the code under a heading, named in full or by its anchor, its own subsections among it."""
    text, code, level = [], [], None
    for cell in cells(page):
        parts = re.split(r"^(?=#{1,4} )", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else [""]
        for part in parts:
            if found := re.match(r"(#{1,4}) (.*)", part):
                if level and len(found[1]) <= level:
                    return "\n".join(text), "\n".join(code)
                if heading in (found[2].strip(), slug(found[2].strip())):
                    level = len(found[1])
            if level:
                text.append(part)
        if level and cell.cell_type == "code":
            code.append(cell.source)
    return "\n".join(text), "\n".join(code)


@pytest.mark.parametrize(("page", "topic", "heading", "words"), TOPICS, ids=[f"{t[0]}-{t[1]}" for t in TOPICS])
def test_every_subject_of_the_inventory_is_taught_with_code(page, topic, heading, words):
    """Protects what is not a loss: origins, properties, phenomena, ways of working."""
    assert page in contents()
    text, code = under(page, heading)
    assert text, f"no heading {heading}"
    assert code, f"no code under {heading}"
    missing = [word for word in words.split() if not re.search(word, f"{text}\n{code}", re.IGNORECASE)]
    assert not missing, f"{topic}: {missing} is not said under {heading}"


def test_every_section_stands_in_the_inventory():
    """Protects the list itself: a new section says what it teaches."""
    assert set(INVENTORY) == contents()


@pytest.mark.parametrize("link", sorted({link for _, links in rows() for link in links}))
def test_each_correction_leads_to_its_demonstration(link):
    """Protects "with a cell that shows it": code stands under the heading that the link names."""
    page, _, anchor = link.partition("#")
    assert under(page.removesuffix(".ipynb"), anchor)[1], f"no code under #{anchor}"


def test_every_section_has_its_run_time_and_stays_within_the_bound():
    """Protects the reader's time: each section under 60 s, all of them together under 10 minutes on two cores."""
    text = (ROOT / "benchmarks" / "RUNTIMES.md").read_text(encoding="utf-8")
    seconds = {page: int(s) for page, s in re.findall(r"\]\(([\w/]+)\.ipynb\) \| (\d+) \|", text)}
    assert set(seconds) == contents() | {"index"}
    assert max(seconds.values()) < 60 and sum(seconds.values()) / 2 < 600
