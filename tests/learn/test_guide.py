"""The guide: every answer leads to a leaf or a clear error, every leaf to runs, and no verdict is written by hand."""

import inspect
import itertools
import math
import re
import statistics

import notebooks
import pytest
import torch
from scipy import stats

import lossutils
from lossutils.learn import cards, data, guide

ROOT = notebooks.ROOT
PATHS = guide._paths()
each_leaf = pytest.mark.parametrize("key", guide.LEAVES)


def asked(node=guide.TREE):
    """All questions of the tree."""
    yield node
    for _, then in node.answers.values():
        if isinstance(then, guide.Ask):
            yield from asked(then)


ANSWERS = {key: {None} | {a for node in asked() if node.keyword == key for a in node.answers} for key in guide.KEYWORDS}


def walked(said):
    """The leaf by the tree's own words, or None: a second reading of ``choose``."""
    node, used = guide.TREE, set()
    while not isinstance(node, str):
        used.add(node.keyword)
        answer = said[node.keyword] or next(iter(node.answers))
        if answer not in node.answers:
            return None
        node = node.answers[answer][1]
    return None if any(v for k, v in said.items() if k not in used) else node


def test_every_combination_of_answers_gives_a_leaf_or_a_clear_error(monkeypatch):
    """Protects the reader: all products of all answers, wherever they belong, and what the error says."""
    monkeypatch.setattr(guide, "_choice", lambda key, answers: (key, answers))
    reached, refused = set(), 0
    for values in itertools.product(*(sorted(ANSWERS[key], key=str) for key in guide.KEYWORDS[1:])):
        for task in cards.TASKS:
            said = dict(zip(guide.KEYWORDS, (task, *values), strict=True))
            want = walked(said)
            if want is None:
                refused += 1
                if refused % 50 == 0:  # the words of some, the refusal of all
                    with pytest.raises(ValueError, match=r"expected one of|What can be said"):
                        guide.choose(**said)
                    continue
                try:
                    guide.choose(**said)
                except ValueError:
                    continue
                pytest.fail(f"{said} should be refused")
            got, answers = guide.choose(**said)
            assert got == want and all(answers[k] == v for k, v in said.items() if v)
            reached.add(got)
    assert reached == set(guide.LEAVES)


def test_what_cannot_be_said_is_refused_in_words():
    """Protects who mistypes: the error lists what is known at that place."""
    with pytest.raises(ValueError, match=r"task: expected one of 'regression'.*got 'regresion'"):
        guide.choose("regresion")
    with pytest.raises(ValueError, match=r"goal: expected one of 'mean'.*got \['mean'\]"):
        guide.choose("regression", goal=["mean"])
    with pytest.raises(ValueError, match=r"(?s)noise: not asked after task='regression', goal='median'.*outliers"):
        guide.choose("regression", goal="median", noise="outliers")
    with pytest.raises(ValueError, match="task: expected one of"):
        guide.choose(None)
    with pytest.raises(TypeError):
        guide.choose("regression", weather="fine")


def test_defaults_are_the_first_answers():
    """Protects ``choose("regression")``."""
    assert guide.choose("regression").answers == {"task": "regression", "goal": "mean", "noise": "even"}
    assert guide.choose("multi-label").leaf == "multilabel"
    assert tuple(inspect.signature(guide.choose).parameters) == guide.KEYWORDS


def test_the_tree_asks_of_every_task_of_the_cards():
    """Protects the words: the atlas and the guide divide the losses alike."""
    assert set(guide.TREE.answers) == set(cards.TASKS)
    assert len(PATHS) >= 28 and set(PATHS) == set(guide.LEAVES) == set(data.experiment("guide")["leaves"])


@pytest.mark.parametrize("way", guide.ways())
def test_every_way_is_code_that_leads_to_its_leaf(way):
    """Protects the list that an error shows."""
    choice = eval(f"guide.{way}")
    assert PATHS[choice.leaf] == choice.answers and guide.choose(**choice.answers) == choice


@each_leaf
def test_a_verdict_is_computed_from_the_record(key):
    """Protects honesty: at least five pairs, the interval by the statistics module, wins or tie and never loses."""
    found, choice = data.experiment("guide")["leaves"][key], guide.choose(**PATHS[key])
    mine, theirs = found["values"]["loss"], found["values"]["runner_up"]
    assert len(mine) == len(theirs) == len(found["seeds"]) >= 5
    sign = {"lower": 1, "higher": -1}[found["better"]]
    gains = [sign * (b - a) for a, b in zip(mine, theirs, strict=True)]
    half = stats.t.ppf(0.975, len(gains) - 1) * statistics.stdev(gains) / math.sqrt(len(gains))
    low, high = statistics.fmean(gains) - half, statistics.fmean(gains) + half
    assert choice.evidence.interval == pytest.approx((low, high), rel=1e-9, abs=1e-12)
    assert high >= 0, f"{key}: the runner-up is better; exchange the two"
    assert choice.verdict == ("wins" if low > 0 else "tie")
    assert (ROOT / found["source"]).exists() and found["metric"].strip() and found["data"].strip()


@each_leaf
def test_the_leaf_and_the_record_speak_of_the_same_losses(key):
    """Protects the advice: what is recommended is what was run; both exist and belong to the leaf's task."""
    leaf, found = guide.LEAVES[key], data.experiment("guide")["leaves"][key]
    assert leaf.loss in found["loss"].split(" + ") and leaf.rival in found["runner_up"].split(" + ")
    for name in (found["loss"] + " + " + found["runner_up"]).split(" + "):
        assert callable(getattr(lossutils, name))
    assert (found["loss"] + leaf.how) != (found["runner_up"] + leaf.rival_how)
    assert leaf.loss in leaf.code
    known = {card.name for card in cards.every()}
    assert leaf.loss in known


#: Leaves whose section is not the one on the loss's card, and what else there is to see.
ELSEWHERE = {
    "multiclass-long-tail": "the record stands there",
    "multiclass-calibration": "label smoothing is derived there",
    "multiclass-wrong-labels": "the record stands there",
    "multilabel": "the record stands there",
    "binary-decision": "its runner-up is derived there",
    "binary-probabilities": "scores as probabilities are derived there",
    "segmentation-probabilities": "the record stands there",
    "detection-classes": "the record stands there",
    "embedding-unseen": "the record stands there",
    "image-psnr": "the record stands there",
    "image-looks": "the record stands there",
    "multitask-any": "the record stands there",
    "generation-spectral": "the record stands there",
}


@each_leaf
def test_the_section_is_a_page_of_the_book(key):
    """Protects the links: each page is in the table of contents; the card names the section, or it is said why not."""
    leaf = guide.LEAVES[key]
    pages = notebooks.sections()
    for page in (leaf.section, *leaf.also):
        assert f"chapters/{page}" in pages
        text = (ROOT / "chapters" / f"{page}.ipynb").read_text(encoding="utf-8")
        assert f'"# {guide.title(page)}' in text, "the page has another title"
    assert (cards.find(leaf.loss).section == leaf.section) != (key in ELSEWHERE)


def inputs():
    """Small tensors under the names that the lines of code use."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64).requires_grad_()

    boxes = torch.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 4.0, 2.0]], dtype=torch.float64)
    one_hot = torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 1], [1, 1, 1]], dtype=torch.float64)
    maps = [normal(2, 4, 3, 3), normal(2, 8, 2, 2)]
    log_probs = normal(6, 2, 4).log_softmax(-1)
    unit = torch.nn.functional.normalize
    return {
        "prediction": normal(4), "target": normal(4).detach(), "scale": 1.0, "log_var": normal(4),
        "log_rate": normal(4),
        "count": torch.tensor([0.0, 1.0, 4.0, 2.0], dtype=torch.float64), "logit": normal(4),
        "label": torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64), "logits": normal(4, 3),
        "classes": torch.tensor([0, 2, 1, 1]), "weight": torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64),
        "teacher": normal(4, 3).detach(), "labels": one_hot, "mask_logits": normal(2, 1, 4, 4),
        "mask": (normal(2, 1, 4, 4).detach() > 0).double(), "boxes": (boxes + 0.3).requires_grad_(),
        "true_boxes": boxes,
        "score1": normal(4), "score2": normal(4), "order": torch.tensor([1.0, -1, 1, 1], dtype=torch.float64),
        "query": unit(normal(4, 5), dim=1), "key": unit(normal(4, 5), dim=1), "distance": normal(4).abs(),
        "same": torch.tensor([1.0, 0, 0, 1], dtype=torch.float64), "log_probs": log_probs,
        "text": torch.tensor([[1, 2], [3, 3]]), "frames": torch.tensor([6, 5]), "letters": torch.tensor([2, 2]),
        "real": normal(4), "fake": normal(4), "restored": normal(2, 3, 4, 4), "picture": normal(2, 3, 4, 4).detach(),
        "features": maps, "true_features": [m.detach() + 0.1 for m in maps], "loss1": normal().exp(),
        "loss2": normal().exp(), "log_vars": normal(2), "w": 0.1,
    }  # fmt: skip


@each_leaf
def test_the_line_of_code_runs(key):
    """Protects the reader's first step: with the names of lossutils and small tensors the line gives finite losses."""
    choice, given = guide.choose(**PATHS[key]), inputs()
    names = {name: getattr(lossutils, name) for name in dir(lossutils)} | given
    value = eval(choice.loss_call, names)
    for one in value if isinstance(value, tuple) else (value,):
        assert one.shape == () and one.isfinite() and one.requires_grad
        one.backward(retain_graph=True)
    assert choice.given and set(choice.given) <= set(given)
    words = set(re.findall(r"\b[a-z_]\w*\b(?!\s*[=(])", choice.loss_call)) & set(given)
    assert words == set(choice.given)


def test_every_name_that_is_explained_is_used():
    """Protects the list of names from growing old."""
    code = " ".join(leaf.code for leaf in guide.LEAVES.values())
    assert [name for name in guide.GIVEN if not re.search(rf"\b{name}\b(?!=)", code)] == []


def test_interval_is_the_t_interval():
    """Protects the rule, against scipy's paired test; and the three verdicts."""
    a, b = [1.0, 2.0, 4.0, 3.0], [1.5, 2.2, 5.0, 3.1]
    theirs = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert guide.interval([y - x for x, y in zip(a, b, strict=True)]) == pytest.approx(tuple(theirs))
    assert guide.interval([0.5] * 5) == (0.5, 0.5)
    assert [guide.verdict(*ends) for ends in ((0.1, 1), (-1, 1), (0, 1), (-1, 0), (-1, -0.1))] == [
        "wins", "tie", "tie", "tie", "loses",
    ]  # fmt: skip
    for bad in ([1.0], [], [1.0, math.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="two or more finite"):
            guide.interval(bad)


def test_compare_pairs_by_seed():
    """Protects who compares on their own data: what the seed adds to both cancels."""
    seen = []

    def run(loss, seed):
        seen.append((loss, seed))
        return 100 * seed + loss + 0.01 * (seed * loss)

    found = guide.compare(run, {"a": 1.0, "b": 2.0}, seeds=range(5), metric="error")
    assert found.names == ("a", "b") and found.n == 5 and found.verdict == "wins"
    assert found.gains == pytest.approx([1.0 + 0.01 * seed for seed in range(5)])
    assert sorted(seen) == sorted((loss, seed) for loss in (1.0, 2.0) for seed in range(5))
    assert guide.compare(run, {"a": 1.0, "b": 2.0}, range(5), better="higher").verdict == "loses"
    assert "b wins" in repr(guide.compare(run, {"a": 1.0, "b": 2.0}, range(5), better="higher"))
    assert "95 % interval" in found._repr_markdown_()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"losses": {"a": 1.0}}, "losses: expected two"),
        ({"seeds": [1]}, "seeds: expected two or more"),
        ({"seeds": [1, 1, 2]}, "seeds: expected two or more that differ"),
        ({"better": "larger"}, "better: expected"),
        ({"run": lambda loss, seed: math.nan}, r"run\(a, 0\): expected a finite number"),
    ],
)
def test_compare_refuses(change, words):
    """Protects from an interval of nothing."""
    given = {"run": lambda loss, seed: seed + loss, "losses": {"a": 1.0, "b": 2.0}, "seeds": range(3)} | change
    with pytest.raises(ValueError, match=words):
        guide.compare(**given)


def test_a_choice_says_all_of_it_in_text_and_in_markdown():
    """Protects Jupyter, Colab and the static page, each with its own form."""
    for choice in guide.every():
        for text in (repr(choice), choice._repr_markdown_()):
            for part in (choice.loss, choice.runner_up, choice.loss_call, choice.evidence.metric):
                assert part in text, (choice.leaf, part)
        assert "\n\n" not in choice._repr_markdown_()
        for words in (choice.reason, choice.beware, *choice.given.values(), choice.evidence.data):
            assert "|" not in words, "a bar would break the table"
    table = guide.every()._repr_markdown_()
    assert table.count("\n") == len(guide.LEAVES) + 2
    assert re.fullmatch(r"\d+ leaves: \d+ win, \d+ tie", repr(guide.every()))


def test_the_widget_follows_its_answers():
    """Protects the notebook: ``choice`` is what ``value`` says, and the digest changes with the record."""
    widget = guide.show("binary", imbalance="rare")
    assert widget.choice.leaf == "binary-rare"
    widget.value = {"task": "image"}
    assert widget.choice.leaf == "image-psnr"
    assert set(widget.get_state()) >= {"guide", "value"}
    changed = guide.LossGuide({**widget.guide, "leaves": {**widget.guide["leaves"], "ranking": {}}})
    assert repr(changed) != repr(widget) and repr(guide.show()) == repr(guide.LossGuide())
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["text/markdown"] == guide.every()._repr_markdown_() and "LossGuide(" in bundle["text/plain"]


def test_the_widget_is_light():
    """Protects the page: tree, texts and runs of all leaves in at most 80 kB."""
    import json

    assert len(json.dumps(guide.show().guide, ensure_ascii=False).encode()) <= 80_000


def test_short_numbers():
    """Protects the sentences: three digits, a real minus sign, no exponent where a reader expects none."""
    said = [guide.short(v) for v in (0.0, 12.345, -0.5, 174.3, 12345.0, 0.000213, 1.0)]
    assert said == ["0", "12.3", "−0.500", "174", "12300", "0.000213", "1.00"]
