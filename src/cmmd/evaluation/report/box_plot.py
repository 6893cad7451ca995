"""Box plots of per-sample distances, with the distance of the set as a cross (paper: figure 4).

Boxes are quartiles, whiskers end at the last sample within 1.5 quartile ranges, circles are outliers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cmmd.evaluation.report.palette import TRUTH, colour, in_style, new_figure, short
from cmmd.evaluation.report.pictures import INK
from cmmd.evaluation.report.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHISKERS = 1.5
LOG_SPAN = 40.0
"""Ratio of the largest to the smallest value above which the axis is logarithmic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """samples: one distance per clip; nan is not drawn. value: of the set; low, high: its bounds, nan if unknown."""

    name: str
    samples: tuple[float, ...]
    value: float
    low: float = float("nan")
    high: float = float("nan")
    truth: bool = False


@in_style
def figure_box_plot(panels: Sequence[tuple[str, Sequence[Box]]], *, name: str) -> "Figure":
    """Draws one panel per group of clips, with one row per box, on a common axis of the distance `name`."""
    heights = [0.42 * len(boxes) + 0.3 for _, boxes in panels]
    figure = new_figure(sum(heights) + 0.75)
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.20, right=0.90, top=1 - 0.1 / height, bottom=0.5 / height, hspace=0.12)
    for axes, (title, boxes) in zip(rows, panels, strict=True):
        _draw_panel(axes, title, boxes)
    _set_scale(rows[-1], [box for _, boxes in panels for box in boxes])
    rows[-1].set_xlabel(f"{name}: distance to the reference, no unit (left is better)")
    return figure


def _draw_panel(axes: "Axes", title: str, boxes: Sequence[Box]) -> None:
    systems = iter(range(len(boxes)))
    labels = []
    for place, box in enumerate(boxes):
        shade = TRUTH if box.truth else colour(next(systems))
        known = [sample for sample in box.samples if np.isfinite(sample)]
        _draw_box(axes, place, known, shade)
        _draw_set(axes, place, box)
        labels.append(f"{short(box.name, 20)}\nn = {len(known)}")
    axes.set_yticks(range(len(boxes)), labels, fontsize=8)
    axes.set_ylim(len(boxes) - 0.5, -0.75)
    axes.tick_params(left=False)
    axes.text(0.995, 1.0, title, transform=axes.transAxes, ha="right", va="top", fontsize=9, weight="bold", color=INK)


def _draw_box(axes: "Axes", place: int, samples: list[float], shade: str) -> None:
    """Draws one box plot; nothing if there are no samples."""
    if not samples:
        return
    from matplotlib.cbook import boxplot_stats

    drawn = axes.bxp(
        boxplot_stats(samples, whis=WHISKERS),
        positions=[place],
        widths=0.5,
        orientation="horizontal",
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": shade, "alpha": 0.35, "edgecolor": shade},
        medianprops={"color": shade, "linewidth": 2.0},
        whiskerprops={"color": shade},
        capprops={"color": shade},
        flierprops={"marker": "o", "markersize": 4, "markerfacecolor": "none", "markeredgecolor": shade},
    )
    for kind in ("whiskers", "fliers"):
        for artist in drawn[kind]:
            artist.set_gid(kind)


def _draw_set(axes: "Axes", place: int, box: Box) -> None:
    """Draws the set's distance as a cross with a white outline, its interval as a line, and its value at the right."""
    if not np.isfinite(box.value):
        return
    for shade, width in (("white", 5.0), (INK, 2.4)):
        axes.plot([box.low, box.high], [place, place], color=shade, linewidth=width, solid_capstyle="butt", zorder=4)
    axes.plot([box.value], [place], "x", color="white", markersize=9, markeredgewidth=4, zorder=5)
    axes.plot([box.value], [place], "x", color=INK, markersize=8, markeredgewidth=2, zorder=6, gid="set")
    said = f"set {quantity(box.value)}"
    axes.text(1.01, place, said, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=INK)


def _set_scale(axes: "Axes", boxes: Sequence[Box]) -> None:
    values = np.array([value for box in boxes for value in (*box.samples, box.value, box.low, box.high)])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > LOG_SPAN * values.min():
        from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
