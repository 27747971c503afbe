"""Live figures: the buffers against torch, the shapes, the values both ways, and the notebook's fallback image."""

import base64
import math
import re

import numpy as np
import pytest
import torch

import lossutils
from lossutils.learn import live

DELTAS = np.linspace(0.5, 3, 6)
X = torch.linspace(-4, 4, 33)


def huber(r, delta):
    return lossutils.huber_loss(r, torch.zeros_like(r), delta=delta, reduction="none")


def square(r):
    return lossutils.mse_loss(r, torch.zeros_like(r), reduction="none")


@pytest.fixture
def figure():
    sliders = [live.Slider("delta", "δ", DELTAS, start=1.0)]
    return live.curves({"L2": square, "Huber": huber}, X, sliders, title="Huber")


def layer(figure, panel, label):
    return next(la for la in figure.spec["panels"][panel]["layers"] if la["label"] == label)


def test_the_loss_panel_carries_torchs_values(figure):
    """Protects the grid's order: row k of the buffer is the k-th value of the slider."""
    rows = figure.array(layer(figure, 0, "Huber")["y"])
    for delta, row in zip(DELTAS, rows, strict=True):
        expected = torch.nn.functional.huber_loss(X, torch.zeros_like(X), delta=delta, reduction="none")
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)


def test_the_gradient_panel_carries_the_derivative(figure):
    """Protects the second panel against showing anything but the gradient: Huber's is the clipped residual."""
    rows = figure.array(layer(figure, 1, "Huber")["y"])
    for delta, row in zip(DELTAS, rows, strict=True):
        np.testing.assert_allclose(row, X.clamp(-delta, delta), atol=1e-6)
    np.testing.assert_allclose(figure.array(layer(figure, 1, "L2")["y"]), 2 * X, atol=1e-6)


def test_two_parameters_make_a_two_dimensional_grid():
    """Protects the order of the grid's axes: that of the function's arguments."""
    sliders = [live.Slider("a", "a", [1, 2, 3]), live.Slider("b", "b", [0, 10])]
    figure = live.curves({"plane": lambda r, b, a: a * r + b}, X, sliders, title="plane")
    rows = figure.array(layer(figure, 0, "plane")["y"])
    assert layer(figure, 0, "plane")["over"] == ["b", "a"] and rows.shape == (2, 3, 33)
    np.testing.assert_allclose(rows[1, 2], 3 * X + 10, rtol=1e-6)


def test_a_builtin_of_torch_is_a_loss_like_any_other():
    """Protects `{"L1": torch.abs}`, which has no signature to read."""
    figure = live.curves({"L1": torch.abs}, X, title="t")
    np.testing.assert_allclose(figure.array(layer(figure, 0, "L1")["y"]), X.abs())


def test_equal_arrays_are_stored_once(figure):
    """Protects the page's weight: both panels share the abscissas."""
    places = {layer(figure, p, label)["x"]["at"] for p in (0, 1) for label in ("L2", "Huber")}
    assert places == {0}


def test_the_value_starts_at_the_nearest_of_the_grid(figure):
    """Protects `start`, and that Python sees the slider's real value."""
    assert figure.value == {"delta": 1.0}
    figure.value = {"delta": 2.5}
    assert figure.value["delta"] == 2.5


@pytest.mark.parametrize(
    ("values", "labels", "even"),
    [
        (DELTAS, None, True),
        ([0.1, 1, 10], None, False),
        ([1, 2, 3], ["a", "b", "c"], False),
        ([-math.inf, 0], None, False),
    ],
)
def test_only_even_values_without_labels_give_a_real_valued_slider(values, labels, even):
    """Protects what assistive technology reads: a native slider's value, or the label of a stop."""
    assert live.Slider("s", "s", values, labels=labels).even is even


def test_infinite_values_travel_as_words():
    """Protects JSON: it has no infinities."""
    slider = live.Slider("alpha", "α", [-math.inf, 0, 2], start=-math.inf, labels=["−∞", "0", "2"])
    figure = live.curves({"f": lambda r, alpha: r * 0 + (alpha if alpha > -9 else -9)}, X, [slider], title="t")
    assert figure.spec["sliders"][0]["values"] == ["-Infinity", 0.0, 2.0] and figure.value == {"alpha": "-Infinity"}
    assert figure.png().startswith(b"\x89PNG")


def test_the_limits_hold_every_frame():
    """Protects the axes against jumping: limits are taken over the whole grid."""
    slider = live.Slider("s", "s", [1, 2, 3])
    panel = live.Panel("p", "x", "y", [live.Line("l", [0, 1], [[0, 1], [0, 5], [0, 9]], over=["s"])])
    low, high = live.figure("t", [panel], [slider]).spec["panels"][0]["ylim"]
    assert low < 0 and high > 9


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: live.Slider("s", "s", [1, 1]), "at least two increasing values"),
        (lambda: live.Slider("s", "s", [1, 2], labels=["one"]), "expected 2 labels"),
        (
            lambda: live.figure("t", [live.Panel("p", "x", "y", [live.Line("l", [0, 1], [0, 1], over=["q"])])], []),
            "expected sliders among",
        ),
        (
            lambda: live.figure("t", [live.Panel("p", "x", "y", [live.Line("l", [0, 1, 2], [0, 1])])], []),
            "expected x of shape",
        ),
        (lambda: live.figure("t", [], [], play="s"), "expected the name of a slider"),
        (lambda: live.figure("t", [live.Panel("p", "x", "y", [], drag=("s", 1.0))], []), "drag: expected a slider"),
        (lambda: live.curves({"mean": lambda r: (r**2).mean()}, X), "one value an element"),
    ],
)
def test_a_figure_that_cannot_be_right_is_refused(build, message):
    """Protects the author: every mistake in a figure's description says what was expected."""
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


def test_the_output_has_a_picture_where_no_script_runs(figure):
    """Protects GitHub's viewer, print and readers without JavaScript."""
    bundle, _ = figure._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(figure) and "0x" not in repr(figure)


def test_the_repr_changes_with_the_numbers(figure):
    """Protects nbval's hold on the buffers: another curve, another text."""
    other = live.curves(
        {"L2": lambda r: 1.1 * square(r), "Huber": huber}, X, [live.Slider("delta", "δ", DELTAS)], title="Huber"
    )
    assert repr(other) != repr(figure)


def test_the_readers_own_loss_is_drawn():
    """Protects the live cell: the box's expression becomes the first curve, with its gradient."""
    bench = live.your_loss("r**2", {"L1": lambda r: r.abs()}, X)
    bench.box.value = "torch.log(torch.cosh(r))"
    bench.button.click()
    gradient = layer(bench.live, 1, "yours")
    np.testing.assert_allclose(bench.live.array(gradient["y"]), torch.tanh(X), atol=1e-6)
    assert bench.message.value == ""


def test_the_readers_own_loss_takes_nobodys_colour():
    """Protects the book's colours: squared error stays blue beside the reader's loss."""
    bench = live.your_loss("r**2", {"L1": lambda r: r.abs(), "L2": lambda r: r**2}, X, colors={"L1": 1, "L2": 0})
    assert {la["label"]: la["color"] for la in bench.live.spec["panels"][0]["layers"]} == {"yours": 7, "L1": 1, "L2": 0}


@pytest.mark.parametrize("typed", ["r +", "undefined_name * r", "3", "r.reshape(3, 11)"])
def test_a_mistake_in_the_readers_loss_is_answered_in_words(typed):
    """Protects the reader: what they type never ends in a traceback, and the figure stays."""
    bench = live.your_loss("r**2", {}, X)
    before = bench.live.data
    bench.box.value = typed
    bench.button.click()
    assert "Error" in bench.message.value and bench.live.data == before


def test_the_script_has_the_one_export_the_site_needs():
    """Protects the site's build: it makes a classic script of the module."""
    script = live.front_end("live")
    assert re.findall(r"^export .*", script, re.MULTILINE) == [
        "export default { render };"
    ] and script.rstrip().endswith("export default { render };")


# Pictures


def photographs(n=3, side=80):
    """n grey ramps of growing light."""
    ramp = np.linspace(0, 1, side)[None, :] * np.ones((side, 1))
    return np.stack([ramp * (k + 1) / n for k in range(n)])


def with_pictures(images, **options):
    slider = live.Slider("k", "k", range(len(images)))
    panels = [live.Picture("seen", images, over=["k"], **options), live.Picture("original", images[-1])]
    return live.figure("t", panels, [slider])


@pytest.mark.parametrize(("side", "kind"), [(32, "png"), (80, "jpeg")])
def test_a_picture_travels_as_it_was_given(side, kind):
    """Protects the pixels: exact where the picture is small, to two of 255 levels by JPEG on a smooth ramp."""
    images = photographs(side=side)
    figure = with_pictures(images)
    panel = figure.spec["panels"][0]
    assert panel["shape"] == [3] and panel["size"] == [side, side]
    assert all(uri.startswith(f"data:image/{kind};base64,") for uri in panel["images"])
    for k in range(3):
        seen = live._shown(panel, {"k": k}) / 255
        assert np.abs(seen - images[k]).max() <= (0.5 if kind == "png" else 2.5) / 255
    np.testing.assert_allclose(live._shown(figure.spec["panels"][1], {}) / 255, images[-1], atol=0.01)


def test_the_order_of_pictures_is_that_of_the_sliders():
    """Protects a grid of two sliders: the first named is the slowest."""
    images = np.arange(6).reshape(2, 3, 1, 1) * np.ones((2, 3, 8, 8)) / 10
    sliders = [live.Slider("b", "b", [1, 2, 3]), live.Slider("a", "a", [1, 2])]
    figure = live.figure("t", [live.Picture("p", images, over=["a", "b"])], sliders)
    assert live._shown(figure.spec["panels"][0], {"a": 1, "b": 2})[0, 0] == round(0.5 * 255)


def test_a_figure_of_pictures_names_their_light_and_draws_itself():
    """Protects nbval: another picture gives another text; and the still picture for places without scripts."""
    bright, dark = with_pictures(photographs()), with_pictures(photographs() / 2)
    assert repr(bright) != repr(dark) and "4 pictures" in repr(dark)
    assert bright.png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (photographs() * 255, r"'seen': expected values in \[0, 1\], got 0 to 85"),
        (np.zeros((3, 8, 8, 4)), r"\(H, W, 3\), got \(8, 8, 4\)"),
        (np.full((3, 8, 8), np.nan), r"expected values in \[0, 1\]"),
    ],
)
def test_what_is_no_picture_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        with_pictures(images)


def test_a_picture_for_each_stop_of_its_slider():
    slider = live.Slider("k", "k", [1, 2])
    with pytest.raises(ValueError, match=r"'seen': expected images of shape \(2, 'H', 'W'\), got \(3, 80, 80\)"):
        live.figure("t", [live.Picture("seen", photographs(), over=["k"])], [slider])
    with pytest.raises(ValueError, match="'seen': expected sliders among"):
        live.figure("t", [live.Picture("seen", photographs(), over=["q"])], [slider])
