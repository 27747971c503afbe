"""The look of the book's figures: one palette, safe for the colour-blind, and labels beside the lines."""

import itertools

import matplotlib as mpl
from cycler import cycler

PALETTE = ("#0072B2", "#C94F00", "#00795A", "#A8408A", "#8A6200", "#4D4D4D", "#7A4B2A", "#5B50B8")
"""Eight colours after Okabe and Ito, darkened until each has a contrast of 4.5 with white."""

PALETTE_DARK = ("#56B4E9", "#FF8C42", "#2CC99A", "#E38CC4", "#E5BE4B", "#C8C8C8", "#CFA07E", "#A99CF5")
"""The same eight hues for a dark page."""

INK, FAINT, PAPER = "#222222", "#767676", "#FFFFFF"


def use() -> None:
    """Set matplotlib's defaults for the book.

    Figures are drawn on an opaque white card, so that they read the same on a light and on a dark page, and are
    narrow enough (5.2 inches) that their text stays legible on a phone.
    """
    mpl.rcParams.update(
        {
            "figure.figsize": (5.2, 3.2),
            "figure.dpi": 160,
            "figure.facecolor": PAPER,
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "lines.markersize": 4,
            "font.size": 10,
            "font.sans-serif": ["DejaVu Sans"],
            "legend.frameon": False,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def label_lines(ax, *, gap: float = 0.055, pad: float = 4) -> None:
    """Write the label of each labelled line at its right end, in its colour, instead of a legend.

    Labels that would overlap are moved apart vertically.

    Args:
        ax: the axes whose lines have labels.
        gap: least distance between two labels, as a fraction of the height of the axes.
        pad: distance between the axes' edge and the labels, in points.
    """
    ends = []
    for line in ax.get_lines():
        label = line.get_label()
        if not label or label.startswith("_"):
            continue
        x, y = line.get_data()
        low, high = sorted(ax.get_xlim())
        inside = [(a, b) for a, b in zip(x, y, strict=True) if low <= a <= high and b == b]
        if inside:
            _, at = max(inside, key=lambda point: point[0])
            height = ax.transAxes.inverted().transform(ax.transData.transform((low, at)))[1]
            ends.append([min(max(height, 0.0), 1.0), label, line.get_color()])
    ends.sort(key=lambda end: end[0])
    for below, above in itertools.pairwise(ends):
        above[0] = max(above[0], below[0] + gap)
    overshoot = ends[-1][0] - 1.02 if ends else 0
    for end in ends:
        end[0] -= max(overshoot, 0)
    for height, label, color in ends:
        ax.annotate(
            label, (1, height), xycoords="axes fraction", xytext=(pad, 0), textcoords="offset points",
            va="center", ha="left", color=color, annotation_clip=False,
        )  # fmt: skip
