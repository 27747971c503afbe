"""The package as a whole: what an import loads, what it offers, and that the docstrings tell the truth."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lossutils

# API.md's tables: every function's signature, by module.
SIGNATURES = {
    "classification": {
        "zero_one_loss": "(scores, target, *, reduction='mean')",
        "entropy": "(probs, *, dim=-1)",
        "categorical_cross_entropy": "(probs, target, *, dim=-1, reduction='mean')",
        "kl_divergence": "(p, q, *, dim=-1, reduction='mean')",
        "js_divergence": "(p, q, *, dim=-1, reduction='mean')",
        "cross_entropy": "(input, target, *, weight=None, ignore_index=-100, label_smoothing=0.0, reduction='mean')",
        "nll_loss": "(log_probs, target, *, weight=None, ignore_index=-100, reduction='mean')",
        "binary_cross_entropy": "(input, target, *, weight=None, reduction='mean')",
        "binary_cross_entropy_with_logits": "(input, target, *, weight=None, pos_weight=None, reduction='mean')",
        "distillation_loss": "(student_logits, teacher_logits, target=None, *, temperature, alpha=1.0, "
        "reduction='mean')",
        "large_margin_softmax_loss": "(features, weight, target, *, margin=2, reduction='mean')",
        "hinge_loss": "(input, target, *, reduction='mean')",
        "squared_hinge_loss": "(input, target, *, reduction='mean')",
        "exponential_loss": "(input, target, *, reduction='mean')",
        "soft_margin_loss": "(input, target, *, reduction='mean')",
        "multi_margin_loss": "(input, target, *, p=1, margin=1.0, weight=None, reduction='mean')",
        "multilabel_margin_loss": "(input, target, *, reduction='mean')",
        "multilabel_soft_margin_loss": "(input, target, *, weight=None, reduction='mean')",
    },
    "regression": {
        "l1_loss": "(input, target, *, reduction='mean')",
        "mse_loss": "(input, target, *, reduction='mean')",
        "log_cosh_loss": "(input, target, *, reduction='mean')",
        "smooth_l1_loss": "(input, target, *, beta=1.0, reduction='mean')",
        "huber_loss": "(input, target, *, delta=1.0, reduction='mean')",
        "quantile_loss": "(input, target, *, q, reduction='mean')",
        "rmse_loss": "(input, target)",
        "general_robust_loss": "(input, target, *, alpha, scale, reduction='mean')",
        "adaptive_robust_loss": "(input, target, *, alpha, scale, reduction='mean')",
        "poisson_nll_loss": "(input, target, *, log_input=True, full=False, eps=1e-08, reduction='mean')",
        "gaussian_nll_loss": "(input, target, var, *, full=False, eps=1e-06, reduction='mean')",
    },
    "perceptual": {
        "feature_loss": "(features, target_features, *, weights=None, reduction='mean')",
        "gram_matrix": "(features)",
        "style_loss": "(features, target_features, *, weights=None, reduction='mean')",
        "total_variation_loss": "(image, *, reduction='mean')",
        "ssim_loss": "(input, target, *, data_range=1.0, window_size=11, sigma=1.5, reduction='mean')",
    },
    "gan": {
        "minimax_discriminator_loss": "(real, fake, *, reduction='mean')",
        "minimax_generator_loss": "(fake, *, reduction='mean')",
        "nonsaturating_generator_loss": "(fake, *, reduction='mean')",
        "wgan_critic_loss": "(real, fake, *, reduction='mean')",
        "wgan_generator_loss": "(fake, *, reduction='mean')",
        "gradient_penalty": "(critic, real, fake, *, target_norm=1.0, generator=None)",
        "lsgan_discriminator_loss": "(real, fake, *, a=0.0, b=1.0, reduction='mean')",
        "lsgan_generator_loss": "(fake, *, c=1.0, reduction='mean')",
        "loss_sensitive_critic_loss": "(real, fake, margin, *, weight, reduction='mean')",
        "loss_sensitive_generator_loss": "(fake, *, reduction='mean')",
        "gan_hinge_discriminator_loss": "(real, fake, *, reduction='mean')",
        "gan_hinge_generator_loss": "(fake, *, reduction='mean')",
        "relativistic_discriminator_loss": "(real, fake, *, reduction='mean')",
        "relativistic_generator_loss": "(real, fake, *, reduction='mean')",
        "f_gan_discriminator_loss": "(real, fake, *, divergence, reduction='mean')",
        "f_gan_generator_loss": "(fake, *, divergence, reduction='mean')",
    },
    "focal": {
        "balanced_binary_cross_entropy_with_logits": "(input, target, *, alpha, reduction='mean')",
        "sigmoid_focal_loss": "(input, target, *, alpha=0.25, gamma=2.0, normalizer=None, reduction='mean')",
        "softmax_focal_loss": "(input, target, *, alpha=None, gamma=2.0, ignore_index=-100, reduction='mean')",
        "hard_example_mean": "(losses, *, keep, ignore=None)",
    },
    "overlap": {
        "dice_loss": "(input, target, *, from_logits, smooth=0.0, dims=None, absent='ignore', reduction='mean')",
        "soft_iou_loss": "(input, target, *, from_logits, smooth=0.0, dims=None, absent='ignore', reduction='mean')",
        "tversky_loss": "(input, target, *, alpha, beta, from_logits, smooth=0.0, dims=None, absent='ignore', "
        "reduction='mean')",
        "focal_tversky_loss": "(input, target, *, alpha, beta, gamma, from_logits, smooth=0.0, dims=None, "
        "absent='ignore', reduction='mean')",
        "lovasz_hinge_loss": "(logits, target, *, reduction='mean')",
        "box_iou_loss": "(boxes1, boxes2, *, eps=1e-07, reduction='mean')",
        "generalized_box_iou_loss": "(boxes1, boxes2, *, eps=1e-07, reduction='mean')",
        "distance_box_iou_loss": "(boxes1, boxes2, *, eps=1e-07, reduction='mean')",
        "complete_box_iou_loss": "(boxes1, boxes2, *, eps=1e-07, reduction='mean')",
    },
    "embedding": {
        "margin_ranking_loss": "(input1, input2, target, *, margin=0.0, reduction='mean')",
        "hinge_embedding_loss": "(distance, target, *, margin=1.0, reduction='mean')",
        "cosine_embedding_loss": "(input1, input2, target, *, margin=0.0, reduction='mean')",
        "pairwise_contrastive_loss": "(distance, same, *, margin=1.0, reduction='mean')",
        "triplet_margin_loss": "(anchor, positive, negative, *, margin=1.0, p=2.0, swap=False, reduction='mean')",
        "info_nce_loss": "(query, key, *, temperature=0.1, symmetric=False, reduction='mean')",
    },
    "sequence": {
        "ctc_loss": "(log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False, "
        "reduction='mean')",
    },
    "combine": {
        "uncertainty_weighted_loss": "(losses, log_vars, *, kinds)",
    },
}
FUNCTIONS = {name: signature for family in SIGNATURES.values() for name, signature in family.items()}
ROOT = Path(lossutils.__file__).parent
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def test_import_loads_torch_and_nothing_else():
    """The losses are for training jobs: no plotting, no widgets, not even numpy on our account."""
    script = (
        "import sys, torch; before = set(sys.modules); import lossutils; "
        "print(sorted({m for m in set(sys.modules) - before}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    modules = [m for m in re.findall(r"'([\w.]+)'", loaded) if m.split(".")[0] not in sys.stdlib_module_names]
    assert modules and all(m == "lossutils" or m.startswith(("lossutils.", "torch.")) for m in modules)
    assert not any(m.startswith("lossutils.learn") for m in modules)


def test_losses_import_torch_only():
    """The same, read from the source: torch may itself have loaded what we would import."""
    for path in ROOT.glob("*.py"):
        for package in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.M):
            assert package in {"torch", "lossutils"} | sys.stdlib_module_names, f"{path.name} imports {package}"
        assert "lossutils.learn" not in path.read_text()


def test_exports():
    """A function added and not exported, or exported and not in the table."""
    for module, functions in SIGNATURES.items():
        assert sorted(importlib.import_module(f"lossutils.{module}").__all__) == sorted(functions)
    assert sorted(lossutils.__all__) == sorted(FUNCTIONS)
    assert all(callable(getattr(lossutils, name)) for name in FUNCTIONS)


@every_function
def test_signature(name):
    """The signature is the promise to every reader's code."""
    signature = inspect.signature(getattr(lossutils, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == FUNCTIONS[name]
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())
    assert signature.return_annotation == "Tensor"


@every_function
def test_docstring(name):
    """Every docstring has its parts, in one order, and names each argument."""
    doc = inspect.getdoc(getattr(lossutils, name))
    parts = [".. math::", "Args:", "Shape:", "Convention:", "Raises:", "Source:", "Example:"]
    places = [doc.find(part) for part in parts]
    assert min(places) > 0 and places == sorted(places)
    assert doc.splitlines()[0].endswith(".") and doc.splitlines()[1] == ""
    described = re.findall(r"^ {4}(\w+): ", doc[doc.index("Args:") : doc.index("Shape:")], flags=re.M)
    assert described == list(inspect.signature(getattr(lossutils, name)).parameters)


@pytest.mark.parametrize("module", SIGNATURES)
def test_examples_run(module):
    """The examples in the docstrings are true."""
    results = doctest.testmod(importlib.import_module(f"lossutils.{module}"))
    assert results.failed == 0 and results.attempted >= 3 * len(SIGNATURES[module])


def test_typed():
    """Type checkers read the annotations only if the marker is shipped."""
    assert (ROOT / "py.typed").exists()
