"""The calls of lossutils.classification."""

from functools import partial

import torch

import lossutils as lu
from calls import Call, bits, indices, normal, signs, uniform

WEIGHT = torch.tensor([0.5, 2.0, 0.0, 1.25], dtype=torch.float64)
IGNORED = -7


def _distributions(g, *shape, dim=-1):
    """Multiples of 1/64 that sum to 1, in half precision too."""
    parts = (64 * (0.5 * normal(g, *shape)).softmax(dim)).round()
    most = parts.argmax(dim, keepdim=True)
    return parts.scatter_add(dim, most, 64 - parts.sum(dim, keepdim=True)) / 64


def _some_ignored(g, *shape):
    """Indices of four classes, the first of which is left out."""
    target = indices(g, 4, *shape)
    target[0] = IGNORED
    return target


def _weighted(loss, weight=WEIGHT, **options):
    """The loss with class weights of the dtype of its input."""

    def call(x, y, **more):
        floating = isinstance(x, torch.Tensor) and x.is_floating_point()
        return loss(x, y, weight=weight.to(x) if floating else weight, **options, **more)

    return call


def _weight_of(x, y):
    kept = y != IGNORED
    return (WEIGHT[y.where(kept, torch.tensor(0))] * kept).sum()


def _kept(x, y):
    return (y != IGNORED).sum()


def _samples(x, *others):
    return x.shape[0]


def _rows(x, *others):
    return x.shape[:1]


def _positions(x, *others):
    return (x.shape[0], *x.shape[2:])


def _elements(x, *others):
    return x.numel()


def _probs_and_indices(g):
    return _distributions(g, 6, 4), indices(g, 4, 6)


def _two_distributions(g):
    return _distributions(g, 6, 4), _distributions(g, 6, 4)


def _logits_and_indices(g):
    return 2 * normal(g, 6, 4), indices(g, 4, 6)


def _logits_and_ignored(g):
    return 2 * normal(g, 6, 4), _some_ignored(g, 6)


def _logits_and_distributions(g):
    return 2 * normal(g, 6, 4), _distributions(g, 6, 4)


def _log_probs_and_ignored(g):
    return normal(g, 6, 4).log_softmax(1), _some_ignored(g, 6)


def _logits_and_labels(g):
    return 2 * normal(g, 4, 3), uniform(g, 4, 3)


POSITIVE = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)

_PROBABILITIES = [
    Call("zero_one_loss", lu.zero_one_loss, _logits_and_indices, (), divisor=_samples, per=_rows),
    Call("zero_one_loss, signs", lu.zero_one_loss, lambda g: (normal(g, 4, 3), signs(g, 4, 3)), (), divisor=_elements),
    # gradcheck leaves the simplex by 1e-6, which the checks of values allow.
    Call("entropy", lu.entropy, lambda g: (_distributions(g, 6, 4),), (0,), batch=False),
    Call("entropy, dim 1", partial(lu.entropy, dim=1), lambda g: (_distributions(g, 3, 4, 2, dim=1),), (0,)),
    Call("categorical_cross_entropy", lu.categorical_cross_entropy, _probs_and_indices, divisor=_samples, per=_rows),
    Call(
        "categorical_cross_entropy, distributions",
        lu.categorical_cross_entropy,
        _two_distributions,
        (0, 1),
        divisor=_samples,
        per=_rows,
    ),
    Call(
        "categorical_cross_entropy, dim 1",
        partial(lu.categorical_cross_entropy, dim=1),
        lambda g: (_distributions(g, 3, 4, 2, dim=1), indices(g, 4, 3, 2)),
        divisor=lambda p, y: 6,
        per=_positions,
        vmaps=False,  # the mapped function would need dim=0
    ),
    Call("kl_divergence", lu.kl_divergence, _two_distributions, (0, 1), divisor=_samples, per=_rows),
    Call("js_divergence", lu.js_divergence, _two_distributions, (0, 1), divisor=_samples, per=_rows),
    Call("cross_entropy", lu.cross_entropy, _logits_and_indices, divisor=_samples, per=_rows),
    Call(
        "cross_entropy, some ignored",
        partial(lu.cross_entropy, ignore_index=IGNORED),
        _logits_and_ignored,
        divisor=_kept,
        per=_rows,
    ),
    Call(
        "cross_entropy, weighted",
        _weighted(lu.cross_entropy, ignore_index=IGNORED),
        _logits_and_ignored,
        divisor=_weight_of,
        per=_rows,
    ),
    Call(
        "cross_entropy, smoothed",
        partial(lu.cross_entropy, ignore_index=IGNORED, label_smoothing=0.1),
        _logits_and_ignored,
        divisor=_kept,
        per=_rows,
    ),
    Call(
        "cross_entropy, weighted and smoothed",
        _weighted(lu.cross_entropy, ignore_index=IGNORED, label_smoothing=0.1),
        _logits_and_ignored,
        divisor=_weight_of,
        per=_rows,
    ),
    Call(
        "cross_entropy, image",
        _weighted(lu.cross_entropy),
        lambda g: (normal(g, 2, 4, 3, 2), indices(g, 4, 2, 3, 2)),
        divisor=_weight_of,
        per=_positions,
    ),
    Call(
        "cross_entropy, distributions",
        lu.cross_entropy,
        _logits_and_distributions,
        (0, 1),
        divisor=_samples,
        per=_rows,
    ),
    Call(
        "cross_entropy, distributions weighted and smoothed",
        _weighted(lu.cross_entropy, label_smoothing=0.1),
        lambda g: (normal(g, 2, 4, 3), _distributions(g, 2, 4, 3, dim=1)),
        (0, 1),
        divisor=lambda x, p: 6,
        per=_positions,
    ),
    Call(
        "nll_loss",
        lu.nll_loss,
        lambda g: (normal(g, 6, 4).log_softmax(1), indices(g, 4, 6)),
        divisor=_samples,
        per=_rows,
    ),
    Call(
        "nll_loss, weighted",
        _weighted(lu.nll_loss, ignore_index=IGNORED),
        _log_probs_and_ignored,
        divisor=_weight_of,
        per=_rows,
    ),
    Call(
        "binary_cross_entropy",
        lu.binary_cross_entropy,
        lambda g: (uniform(g, 4, 3, low=0.05, high=0.95), uniform(g, 4, 3, low=0.05, high=0.95)),
        (0, 1),
        divisor=_elements,
    ),
    Call(
        "binary_cross_entropy, weighted",
        partial(lu.binary_cross_entropy, weight=POSITIVE),
        lambda g: (uniform(g, 4, 3, low=0.05, high=0.95), bits(g, 4, 3)),
        divisor=_elements,
    ),
    Call(
        "binary_cross_entropy_with_logits",
        lu.binary_cross_entropy_with_logits,
        lambda g: (2 * normal(g, 4, 3), uniform(g, 4, 3, low=0.05, high=0.95)),
        (0, 1),
        divisor=_elements,
    ),
    Call(
        "binary_cross_entropy_with_logits, weighted",
        partial(lu.binary_cross_entropy_with_logits, weight=0.5, pos_weight=POSITIVE),
        lambda g: (2 * normal(g, 4, 3), uniform(g, 4, 3, low=0.05, high=0.95)),
        (0, 1),
        divisor=_elements,
    ),
    Call(
        "distillation_loss",
        partial(lu.distillation_loss, temperature=2.0),
        lambda g: (normal(g, 6, 4), normal(g, 6, 4)),
        divisor=_samples,
        per=_rows,
    ),
    Call(
        "distillation_loss, labels",
        partial(lu.distillation_loss, temperature=2.0, alpha=0.3),
        lambda g: (normal(g, 6, 4), normal(g, 6, 4), indices(g, 4, 6)),
        divisor=_samples,
        per=_rows,
    ),
]


_CLASS_WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5], dtype=torch.float64)


def _signed(name):
    """Scores and labels of ±1, away from a margin of 1."""
    return Call(name, getattr(lu, name), lambda g: (3 * normal(g, 4, 3), signs(g, 4, 3)), divisor=lambda x, y: 12)


def _classes(name, loss):
    """Scores of 5 classes and the index of one."""
    return Call(
        name,
        loss,
        lambda g: (normal(g, 4, 5), indices(g, 5, 4)),
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    )


def _index_lists(g):
    """Scores of 5 classes and the indices of none to three, and all, of them."""
    listed = torch.rand(4, 5, generator=g).argsort(1)
    return normal(g, 4, 5), torch.where(torch.arange(5) < torch.tensor([[0], [1], [3], [5]]), listed, -1)


def _labels(name, loss):
    """Logits of 5 classes and a label of 0 or 1 for each."""
    return Call(
        name,
        loss,
        lambda g: (3 * normal(g, 4, 5), (signs(g, 4, 5) + 1) / 2),
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    )


def _large_margin(name, **options):
    return Call(
        name,
        partial(lu.large_margin_softmax_loss, **options),
        lambda g: (uniform(g, 4, 3, low=-2, high=2), uniform(g, 5, 3, low=-2, high=2), indices(g, 5, 4)),
        learn=(0, 1),
        divisor=lambda x, w, y: 4,
        per=lambda x, w, y: (4,),
        batch=False,  # the weight has none
    )


_MARGINS = [
    _signed("hinge_loss"),
    _signed("squared_hinge_loss"),
    _signed("exponential_loss"),
    _signed("soft_margin_loss"),
    _classes("multi_margin_loss", lu.multi_margin_loss),
    _classes("multi_margin_loss, squared", partial(lu.multi_margin_loss, p=2, margin=0.7)),
    _classes("multi_margin_loss, weighted", _weighted(lu.multi_margin_loss, _CLASS_WEIGHTS)),
    Call(
        "multilabel_margin_loss",
        lu.multilabel_margin_loss,
        _index_lists,
        divisor=lambda x, y: 4,
        per=lambda x, y: (4,),
    ),
    _labels("multilabel_soft_margin_loss", lu.multilabel_soft_margin_loss),
    _labels("multilabel_soft_margin_loss, weighted", _weighted(lu.multilabel_soft_margin_loss, _CLASS_WEIGHTS)),
    _large_margin("large_margin_softmax_loss"),
    _large_margin("large_margin_softmax_loss, margin 1", margin=1),
    _large_margin("large_margin_softmax_loss, margin 4", margin=4),
]

CALLS = [*_PROBABILITIES, *_MARGINS]


def _smoothed_bce(x, y, label_smoothing=0.0, **options):
    y = y * (1 - label_smoothing) + label_smoothing / 2
    return lu.binary_cross_entropy_with_logits(x, y, **options)


def _clipped_bce(p, y, clip_eps, **options):
    """Keras clips in float32."""
    return lu.binary_cross_entropy(p.float().clamp(clip_eps, 1 - clip_eps), y.float(), **options)


def _rows_wrong(pred, target, reduction):
    """A row of labels is wrong if any of them is."""
    values = lu.zero_one_loss(2.0 * pred - 1, 2.0 * target - 1, reduction="none").amax(1)
    return values.mean() if reduction == "mean" else values


REFERENCES = {
    "hinge": lu.hinge_loss,
    "softmax_ce": lu.cross_entropy,
    "softmax_ce_int": lu.cross_entropy,
    "bce_with_logits": _smoothed_bce,
    "bce": _clipped_bce,
    "nll_prob": lu.categorical_cross_entropy,
    "zero_one_rows": _rows_wrong,
    "kl_div": lambda log_q, log_p, reduction, log_target: lu.kl_divergence(log_p.exp(), log_q.exp(), reduction="none"),
}

NOT_APPLICABLE = {
    "optax-poly1-eps2": "the poly-1 term beside the cross entropy belongs to no loss of the book",
    "kornia-js-vs-zeros": "q is 0 everywhere and so no distribution, which is an error here",
    "kornia-kl-target-zero": "p is 0 everywhere and so no distribution, which is an error here",
    "sk-hinge-multiclass": "Crammer and Singer's form, the largest term only; torch's multi-margin sums over classes",
}
