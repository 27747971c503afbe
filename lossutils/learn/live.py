"""Live figures: curves and fits that are computed once, by torch, and drawn in the browser.

A :class:`LiveFigure` carries every curve it can show, so it needs no kernel: the same object answers in Jupyter, on
Colab and on a static page. What a slider shows is always a row of the grid that was computed, never an interpolation.

Build one with :func:`figure` from panels, layers and sliders, with :func:`curves` from losses, or with
:func:`your_loss` where the reader types a loss of their own.
"""

from __future__ import annotations

import base64
import html
import inspect
import io
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets

from . import style

_HERE = pathlib.Path(__file__).parent


def front_end(name: str) -> str:
    """The front end of a widget, as one module: what all of them draw with, then its own."""
    return "".join((_HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("draw", name))


@dataclass
class Slider:
    """One parameter of a live figure.

    Args:
        name: identifier, the key in ``LiveFigure.value``.
        label: what the reader sees, e.g. ``"δ"``.
        values: the increasing real values the figure was computed for. Evenly spaced values give a slider that
            carries the real value; uneven ones, or any with ``labels``, give a slider with numbered stops whose
            value is read out in words.
        start: the first value shown; default the first of ``values``.
        labels: what to show for each value, e.g. ``["−∞", "−2", …]``.
    """

    name: str
    label: str
    values: Sequence[float]
    start: float | None = None
    labels: Sequence[str] | None = None

    def __post_init__(self):
        self.values = [float(v) for v in self.values]
        if len(self.values) < 2 or any(not b > a for a, b in zip(self.values, self.values[1:], strict=False)):
            raise ValueError(f"slider {self.name!r}: expected at least two increasing values, got {self.values}")
        if self.labels is not None and len(self.labels) != len(self.values):
            raise ValueError(
                f"slider {self.name!r}: expected {len(self.values)} labels, one a value, got {len(self.labels)}"
            )

    @property
    def index(self) -> int:
        """The position of ``start`` among the values (the nearest one)."""
        start = self.values[0] if self.start is None else float(self.start)
        finite = [v if math.isfinite(v) else math.copysign(1e300, v) for v in self.values]
        target = start if math.isfinite(start) else math.copysign(1e300, start)
        return int(np.argmin([abs(v - target) for v in finite]))

    @property
    def even(self) -> bool:
        """Whether the values are evenly spaced, so that a native slider can carry them."""
        steps = np.diff(self.values)
        return self.labels is None and bool(np.all(np.isfinite(steps))) and bool(np.ptp(steps) < 1e-6 * steps.mean())


@dataclass
class Line:
    """A curve. ``x`` has shape (n,) or (*grid, n), ``y`` (*grid, n); the grid's axes are the sliders in ``over``."""

    label: str
    x: object
    y: object
    over: Sequence[str] = ()
    color: int | None = None
    dash: bool = False
    width: float = 2.0
    kind: str = field(default="line", init=False)


@dataclass
class Points:
    """Samples as dots; shapes as in :class:`Line`. ``color=None`` draws them in grey."""

    label: str
    x: object
    y: object
    over: Sequence[str] = ()
    color: int | None = None
    size: float = 3.0
    kind: str = field(default="points", init=False)


@dataclass
class Rule:
    """A vertical (``x=``) or horizontal (``y=``) line across the panel; the value is a number or one a grid point."""

    label: str
    x: object = None
    y: object = None
    over: Sequence[str] = ()
    color: int | None = None
    dash: bool = True
    kind: str = field(default="rule", init=False)


@dataclass
class Readout:
    """A number under the figure, one a grid point. ``unit`` is written behind it."""

    label: str
    values: object
    over: Sequence[str] = ()
    digits: int = 3
    unit: str = ""


@dataclass
class Panel:
    """One pair of axes.

    ``drag=(a, b)`` puts a handle on the panel that moves sliders: ``a`` is the name of the slider for the horizontal
    position, ``b`` for the vertical one; a number in place of a name holds the handle at that coordinate. Where the
    vertical axis measures nothing (dots spread out to be seen), ``y_label=""`` leaves its numbers out.
    """

    title: str
    x_label: str
    y_label: str
    layers: Sequence[Line | Points | Rule]
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    drag: tuple[str | float, str | float] | None = None


@dataclass
class Picture:
    """A panel that holds one picture a grid point, in place of axes.

    Args:
        title: stands above it.
        images: (*grid, H, W) grey or (*grid, H, W, 3), values in [0, 1]; the grid's axes are the sliders in ``over``.
        over: the names of the sliders.
        alt: what is seen, for who can't see it.
        quality: of the JPEG that the page carries. Pictures of at most 64 pixels a side are kept exactly, and drawn
            with square pixels.
    """

    title: str
    images: object
    over: Sequence[str] = ()
    alt: str = ""
    quality: int = 88


class LiveFigure(anywidget.AnyWidget):
    """A figure that answers its sliders with no kernel behind it.

    ``value`` is a dict of the sliders' current values, in both directions: read it in a live kernel, or set it.
    Build one with :func:`figure` or :func:`curves`.
    """

    _esm = front_end("live")
    _css = _HERE / "live.css"

    # ipywidgets 7 has this method, which would cut the text and leave the picture out; None lets the bundle speak.
    _ipython_display_ = None

    spec = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)
    value = traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:
        # The numbers' count and mean size stand here so that a notebook whose figure has changed shows another text.
        sliders = ", ".join(f"{s['label']} ({len(s['values'])} values)" for s in self.spec["sliders"])
        numbers = np.abs(np.frombuffer(self.data, dtype="<f4").astype(float))
        finite = numbers[np.isfinite(numbers)]
        size = f"{finite.mean():.3g}" if finite.size else "0"
        text = f"LiveFigure({self.spec['title']!r}; {sliders or 'no slider'}; {numbers.size} numbers, mean size {size}"
        pictures = [p for p in self.spec["panels"] if "images" in p]
        count, light = sum(len(p["images"]) for p in pictures), sum(p["mean"] for p in pictures)
        return text + (f"; {count} pictures, mean light {light / len(pictures):.2f})" if pictures else ")")

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return bundle | _picture(self), metadata

    def array(self, ref: Mapping) -> np.ndarray:
        """The array behind a reference of the spec, with its shape."""
        flat = np.frombuffer(self.data, dtype="<f4")
        return flat[ref["at"] : ref["at"] + math.prod(ref["shape"])].reshape(ref["shape"])

    def png(self) -> bytes:
        """The figure at its present values as a PNG, drawn by matplotlib."""
        return _png(self)


class Workbench(ipywidgets.VBox):
    """The box of :func:`your_loss`: ``box``, ``button``, ``message`` and the live figure ``live``."""

    _ipython_display_ = None

    def __init__(self, box, button, message, live):
        super().__init__([box, button, message, live])
        self.box, self.button, self.message, self.live = box, button, message, live

    def __repr__(self) -> str:
        return f"Workbench({self.box.value!r}: {self.live!r})"

    def _repr_mimebundle_(self, **kwargs):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view} | _picture(self.live)


def _picture(figure: LiveFigure) -> dict[str, str]:
    """For places where no script runs: GitHub's viewer, a reader without JavaScript, print."""
    return {"image/png": base64.b64encode(figure.png()).decode()}


class _Store:
    """Packs arrays one behind the other as float32, equal ones once."""

    def __init__(self):
        self.parts, self.seen, self.size = [], {}, 0

    def put(self, values, shape: tuple[int, ...]) -> dict:
        array = np.ascontiguousarray(np.asarray(values, dtype="<f4").reshape(shape))
        key = (array.tobytes(), shape)
        if key not in self.seen:
            self.seen[key] = {"at": self.size, "shape": list(shape)}
            self.parts.append(array.tobytes())
            self.size += array.size
        return self.seen[key]


def _numpy(values) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values, dtype=float)


def figure(
    title: str,
    panels: Sequence[Panel | Picture],
    sliders: Sequence[Slider],
    readouts: Sequence[Readout] = (),
    *,
    play: str | None = None,
) -> LiveFigure:
    """A live figure from panels of layers over a grid of slider values.

    Args:
        title: says what the figure answers.
        panels: one or two with axes, or up to four with pictures; side by side where there is room, else one below
            the other.
        sliders: the parameters; a layer names those that it depends on in ``over``.
        readouts: numbers under the figure.
        play: the name of the slider that a play button steps through.

    Raises:
        ValueError: a layer names an unknown slider, its array does not have the shape of its grid, or a picture holds
            values outside of [0, 1].
    """
    sizes = {s.name: len(s.values) for s in sliders}
    if play is not None and play not in sizes:
        raise ValueError(f"play: expected the name of a slider ({', '.join(sizes)}), got {play!r}")
    store = _Store()

    def grid(owner) -> tuple[int, ...]:
        unknown = [name for name in owner.over if name not in sizes]
        if unknown:
            name = owner.title if isinstance(owner, Picture) else owner.label
            raise ValueError(f"{name!r}: expected sliders among {list(sizes)}, got {unknown}")
        return tuple(sizes[name] for name in owner.over)

    def put(owner, what, values, shapes) -> dict:
        array = _numpy(values)
        if array.shape not in shapes:
            raise ValueError(
                f"{owner.label!r}: expected {what} of shape {' or '.join(map(str, shapes))}, got {array.shape}"
            )
        return store.put(array, array.shape)

    def layer(item) -> dict:
        shape = grid(item)
        out = {"kind": item.kind, "label": item.label, "over": list(item.over), "color": item.color}
        if item.kind == "rule":
            for axis in ("x", "y"):
                if getattr(item, axis) is not None:
                    out[axis] = put(item, axis, getattr(item, axis), [shape])
            return {**out, "dash": item.dash}
        n = _numpy(item.y).shape[-1]
        out["x"] = put(item, "x", item.x, [(n,), (*shape, n)])
        out["y"] = put(item, "y", item.y, [(*shape, n)])
        return {**out, **({"dash": item.dash, "width": item.width} if item.kind == "line" else {"size": item.size})}

    def panel(p) -> dict:
        if isinstance(p, Picture):
            return {"title": p.title, "alt": p.alt, "over": list(p.over)} | _pictures(p, grid(p))
        spec = {"title": p.title, "xLabel": p.x_label, "yLabel": p.y_label, "drag": p.drag and list(p.drag)}
        spec |= {"layers": [layer(item) for item in p.layers]}
        return spec | {"xlim": p.xlim and list(map(float, p.xlim)), "ylim": p.ylim and list(map(float, p.ylim))}

    spec = {
        "title": title,
        "play": play,
        "sliders": [
            {"name": s.name, "label": s.label, "values": [_json_number(v) for v in s.values], "even": s.even}
            | ({"labels": list(s.labels)} if s.labels is not None else {})
            for s in sliders
        ],
        "panels": [panel(p) for p in panels],
        "readouts": [
            {"label": r.label, "over": list(r.over), "digits": r.digits, "unit": r.unit}
            | {"values": put(r, "values", r.values, [grid(r)])}
            for r in readouts
        ],
    }
    for p in panels:
        for end in getattr(p, "drag", None) or ():
            if isinstance(end, str) and end not in sizes:
                raise ValueError(f"drag: expected a slider among {list(sizes)} or a number, got {end!r}")
    data = b"".join(store.parts)
    _limits(spec, np.frombuffer(data, dtype="<f4"))
    value = {s.name: _json_number(s.values[s.index]) for s in sliders}
    return LiveFigure(spec=spec, data=data, value=value)


EXACT = 64  # pixels a side up to which a picture is stored without loss


def data_uri(image, quality: int = 88) -> str:
    """A picture (H, W) or (H, W, 3) with values in [0, 1] as a data URI: PNG where it is small, else JPEG."""
    from PIL import Image

    pixels = _numpy(image)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3):
        raise ValueError(f"expected a picture of shape (H, W) or (H, W, 3), got {pixels.shape}")
    if not (np.isfinite(pixels).all() and pixels.min() >= -1e-6 and pixels.max() <= 1 + 1e-6):
        raise ValueError(f"expected values in [0, 1], got {pixels.min():.4g} to {pixels.max():.4g}")
    out, small = io.BytesIO(), max(pixels.shape[:2]) <= EXACT
    picture = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
    picture.save(out, **({"format": "PNG", "optimize": True} if small else {"format": "JPEG", "quality": quality}))
    kind = "png" if small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}"


def _pictures(panel: Picture, grid: tuple[int, ...]) -> dict:
    images = _numpy(panel.images)
    if images.shape[: len(grid)] != grid or images.ndim - len(grid) not in (2, 3):
        raise ValueError(f"{panel.title!r}: expected images of shape {(*grid, 'H', 'W')}, got {images.shape}")
    height, width = images.shape[len(grid) : len(grid) + 2]
    try:
        found = [data_uri(one, panel.quality) for one in images.reshape(-1, *images.shape[len(grid) :])]
    except ValueError as error:
        raise ValueError(f"{panel.title!r}: {error}") from None
    return {"images": found, "shape": list(grid), "size": [width, height], "mean": float(images.mean())}


def _json_number(v: float):
    """JSON has no infinities; they travel as the strings that JavaScript's Number() reads."""
    return v if math.isfinite(v) else ("Infinity" if v > 0 else "-Infinity")


def _limits(spec: dict, flat: np.ndarray) -> None:
    """Fill in the limits that the author left open, over all frames, so that the axes never jump."""
    for panel in spec["panels"]:
        if "images" in panel:
            continue
        for axis, key in (("x", "xlim"), ("y", "ylim")):
            if panel[key]:
                continue
            found = [flat[r["at"] : r["at"] + math.prod(r["shape"])] for la in panel["layers"] if (r := la.get(axis))]
            values = np.concatenate(found) if found else np.array([0.0, 1.0])
            values = values[np.isfinite(values)]
            low, high = float(values.min()), float(values.max())
            pad = (
                0.05 * (high - low or 1.0)
                if axis == "y" or any(la["kind"] == "points" for la in panel["layers"])
                else 0
            )
            panel[key] = [low - pad, high + pad]


def curves(
    losses: Mapping[str, Callable],
    x,
    sliders: Sequence[Slider] = (),
    title: str = "Loss and gradient",
    *,
    x_label: str = "residual r",
    panels: Sequence[str] = ("loss", "gradient"),
    ylim: Mapping[str, tuple[float, float]] | tuple[float, float] | None = None,
    colors: Mapping[str, int] | None = None,
) -> LiveFigure:
    """Loss and gradient against ``x`` for several losses at once.

    Args:
        losses: label → a function of a float64 tensor (and, as keyword arguments, of those sliders that it names)
            that returns one loss an element.
        x: the abscissas, (n,).
        sliders: the parameters.
        panels: ``"loss"``, ``"gradient"`` or both; the gradient is autograd's.
        ylim: limits for both panels, or a dict of them by panel.
        colors: label → index into the palette; default by order.
    """
    x = torch.as_tensor(_numpy(x), dtype=torch.float64)
    by_name = {s.name: s for s in sliders}
    layers = {panel: [] for panel in panels}
    for position, (label, loss) in enumerate(losses.items()):
        over = [name for name in _keywords(loss) if name in by_name]
        grid = [by_name[name].values for name in over]
        value, gradient = _on_grid(loss, x, over, grid)
        color = (colors or {}).get(label, position)
        for panel, y in (("loss", value), ("gradient", gradient)):
            if panel in layers:
                layers[panel].append(Line(label, x, y, over, color))
    limits = ylim if isinstance(ylim, Mapping) else dict.fromkeys(panels, ylim)
    return figure(
        title,
        [Panel(panel.capitalize(), x_label, panel, layers[panel], ylim=limits.get(panel)) for panel in panels],
        sliders or [],
    )


def _keywords(function: Callable) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)[1:]
    except ValueError:  # torch.abs and its like have no signature to read, and no sliders to name
        return []


def _on_grid(loss, x, names, grid) -> tuple[np.ndarray, np.ndarray]:
    """Loss and gradient of every combination of parameters, each (*grid, n)."""
    shape = tuple(len(values) for values in grid)
    value, gradient = np.empty((*shape, len(x))), np.empty((*shape, len(x)))
    for index in np.ndindex(*shape):
        at = x.clone().requires_grad_()
        y = loss(at, **{name: grid[k][index[k]] for k, name in enumerate(names)})
        if y.shape != x.shape:
            raise ValueError(
                f"a loss for live.curves returns one value an element: expected {tuple(x.shape)}, got {tuple(y.shape)}"
            )
        value[index] = y.detach()
        gradient[index] = torch.autograd.grad(y.sum(), at)[0]
    return value, gradient


def your_loss(
    example: str,
    against: Mapping[str, Callable],
    x,
    *,
    title: str = "Your loss beside the others",
    ylim: Mapping[str, tuple[float, float]] | None = None,
    colors: Mapping[str, int] | None = None,
) -> Workbench:
    """A box in which the reader types a loss of the residual ``r`` and sees its curve and gradient beside others.

    In a live kernel this is an ipywidgets box; on a static page the figure stands alone, with the example drawn.

    Args:
        example: a torch expression of ``r``, e.g. ``"torch.sqrt(1 + r**2) - 1"``.
        against: label → loss, as in :func:`curves` without sliders.
        x: the residuals at which to draw.
        colors: label → index into the palette, for the others; default by order. The reader's own has the last colour.
    """
    shades = {label: position for position, label in enumerate(against)} | dict(colors or {}) | {"yours": 7}

    def drawn(expression: str) -> LiveFigure:
        return curves({"yours": _typed(expression), **against}, x, title=title, ylim=ylim, colors=shades)

    box = ipywidgets.Textarea(value=example, layout=ipywidgets.Layout(width="100%", height="4em"))
    box.description = "loss(r) ="
    button = ipywidgets.Button(description="Draw it", button_style="primary")
    message = ipywidgets.HTML("")
    live = drawn(example)

    def draw(_=None):
        try:
            fresh = drawn(box.value)
        except Exception as error:  # whatever the reader typed is answered in words
            message.value = f"<p><b>{type(error).__name__}</b>: {html.escape(str(error))}</p>"
            return
        message.value = ""
        with live.hold_sync():
            live.data, live.spec, live.value = fresh.data, fresh.spec, fresh.value

    button.on_click(draw)
    return Workbench(box, button, message, live)


def _typed(expression: str) -> Callable:
    """The reader's expression as a function of r, with torch and math in reach."""
    code = compile(expression.strip(), "your loss", "eval")

    def loss(r):
        y = eval(code, {"torch": torch, "math": math, "r": r, "F": torch.nn.functional})
        if not isinstance(y, torch.Tensor):
            raise TypeError(f"expected a tensor computed from r, got {type(y).__name__}")
        return y.expand_as(r) if y.ndim == 0 else y

    return loss


def _row(widget: LiveFigure, item: Mapping, axis: str, index: Mapping[str, int]):
    """What a layer shows on one axis at the sliders' positions; None where a rule has no such axis."""
    if axis not in item:
        return None
    array = widget.array(item[axis])
    constant = array.ndim == 1 and item["kind"] != "rule"
    return array if constant else array[tuple(index[name] for name in item["over"])]


def _shown(panel: Mapping, index: Mapping[str, int]) -> np.ndarray:
    """The pixels of the picture at the sliders' positions."""
    from PIL import Image

    at = np.ravel_multi_index([index[name] for name in panel["over"]], panel["shape"]) if panel["over"] else 0
    encoded = panel["images"][int(at)].partition("base64,")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def _png(widget: LiveFigure) -> bytes:
    """Draw the widget's present state with matplotlib, apart from pyplot's figures."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    spec, sliders = widget.spec, {s["name"]: s for s in widget.spec["sliders"]}
    index = {name: s["values"].index(widget.value[name]) for name, s in sliders.items()}
    with mpl.rc_context():
        mpl.rcdefaults()
        style.use()
        count = len(spec["panels"])
        drawing = Figure(figsize=(5.6, 0.3 + 2.7 * count), dpi=110)
        for panel, ax in zip(spec["panels"], drawing.subplots(count, 1, squeeze=False)[:, 0], strict=True):
            ax.set_title(panel["title"])
            if "images" in panel:
                ax.imshow(_shown(panel, index), cmap="gray", vmin=0, vmax=255)
                ax.set_axis_off()
                continue
            for number, item in enumerate(panel["layers"]):
                x, y = (_row(widget, item, axis, index) for axis in ("x", "y"))
                color = style.PALETTE[(number if item["color"] is None else item["color"]) % len(style.PALETTE)]
                dash = "--" if item.get("dash") else "-"
                if item["kind"] == "line":
                    ax.plot(x, y, dash, color=color, lw=item["width"] * 0.9, label=item["label"])
                elif item["kind"] == "points":
                    grey = style.FAINT if item["color"] is None else color
                    ax.plot(x, y, "o", color=grey, ms=item["size"], alpha=0.7, mec="none", label=item["label"])
                else:
                    (ax.axvline if x is not None else ax.axhline)(
                        float(x if x is not None else y), ls=dash, color=color, lw=1.2, label=item["label"]
                    )
            ax.set(xlim=panel["xlim"], ylim=panel["ylim"], xlabel=panel["xLabel"], ylabel=panel["yLabel"])
            if not panel["yLabel"]:
                ax.set_yticks([])
        handles, labels = {}, []
        for ax in drawing.axes:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        labels = [label for label in handles if label]
        if labels:
            drawing.legend(
                [handles[la] for la in labels], labels, loc="outside upper center", ncols=min(4, len(labels))
            )
        shown = {
            n: s["labels"][index[n]] if "labels" in s else f"{float(widget.value[n]):.4g}" for n, s in sliders.items()
        }
        if shown:
            settings = ", ".join(f"{s['label']} = {shown[n]}" for n, s in sliders.items())
            drawing.supxlabel(settings, fontsize="small")
        out = io.BytesIO()
        drawing.savefig(out, format="png", metadata={"Software": None})
        return out.getvalue()
