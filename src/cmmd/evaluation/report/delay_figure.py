"""Figure of how each alignment metric responds to true sound that is delayed by a known time (ours).

A metric that does not change cannot detect asynchrony; one that reaches chance at 40 ms is precise. All metrics share
one scale: 0 is the value without delay, 1 the value of shuffled pairs. For metrics in seconds, whose chance value can
be any time, 1 is a change by the longest delay. For metrics of unknown chance, 1 is their largest change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cmmd.evaluation.report.palette import SYSTEMS, TRUTH, colour, in_style, new_figure, short
from cmmd.evaluation.report.pictures import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.2  # inches, height of a label
MARKERS = ("o", "s", "^")  # the marker changes when the colours repeat


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One metric. values: one per delay. chance: value of shuffled pairs, nan if unknown."""

    name: str
    values: Sequence[float]
    unit: str = ""
    chance: float = float("nan")


@dataclass(frozen=True, slots=True)
class Response:
    """A curve on the common scale. one: the meaning of the value 1."""

    values: np.ndarray
    one: Literal["chance", "longest delay", "largest change"]


def respond(curve: Curve, delays: Sequence[float]) -> Response:
    """Scales a curve's change from its first value; nan for a curve that has no chance and never changes."""
    values = np.asarray(curve.values, dtype=float)
    moved = values - values[0]
    if curve.unit == "s":
        return Response(moved / max(delays), "longest delay")
    if np.isfinite(curve.chance) and curve.chance != values[0]:
        return Response(moved / (curve.chance - values[0]), "chance")
    known = moved[np.isfinite(moved)]
    largest = known[np.argmax(np.abs(known))] if len(known) else 0.0
    return Response(moved / largest if largest else np.full_like(moved, np.nan), "largest change")


@in_style
def figure_delay_response(delays: Sequence[float], curves: Sequence[Curve]) -> "Figure":
    """Draws all curves over the delays (seconds)."""
    figure = new_figure(max(3.4, 0.27 * len(curves) + 0.5))
    axes = figure.add_axes((0.09, 0.5 / figure.get_figheight(), 0.60, 1 - 0.6 / figure.get_figheight()))
    milliseconds = 1000 * np.asarray(delays)
    endings = {"chance": "", "longest delay": f" / {milliseconds.max():.0f} ms", "largest change": " *"}
    labels = []
    for index, curve in enumerate(curves):
        response = respond(curve, delays)
        style = "-" if response.one == "chance" else (0, (4, 2))
        marker = MARKERS[index // len(SYSTEMS) % len(MARKERS)]
        line = {"linestyle": style, "marker": marker, "markersize": 4, "color": colour(index), "gid": curve.name}
        axes.plot(milliseconds, response.values, **line)
        known = response.values[np.isfinite(response.values)]
        label = f"{short(curve.name, 30)}{endings[response.one]}"
        labels.append((float(known[-1]) if len(known) else 0.0, label, colour(index), marker))
    _draw_levels(axes)
    axes.set_xlabel("delay of the sound (ms)")
    axes.set_ylabel("response")
    axes.set_xlim(0, 1.015 * milliseconds.max())
    _draw_labels(axes, labels, gap=LINE / axes.get_position().height / figure.get_figheight())
    return figure


def _draw_levels(axes: "Axes") -> None:
    """Draws the levels of no change (0) and chance (1), and labels chance."""
    axes.axhline(0, color=TRUTH, linewidth=0.8)
    axes.axhline(1, color=TRUTH, linewidth=0.8, linestyle=":", gid="chance")
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, -0.3), min(max(top, 1.15), 1.8))
    axes.text(2, 1.015, "as bad as chance", fontsize=8, color=TRUTH, va="bottom")


def _draw_labels(axes: "Axes", labels: list[tuple[float, str, str, str]], *, gap: float) -> None:
    """Writes labels at the right edge, near the ends of the curves, each with a line to its curve."""
    bottom, top = axes.get_ylim()
    ends = [min(max((value - bottom) / (top - bottom), 0.02), 0.98) for value, *_ in labels]
    for position, end, (_, name, shade, marker) in zip(spread_positions(ends, gap=gap), ends, labels, strict=True):
        shared = {"color": shade, "transform": axes.transAxes, "clip_on": False}
        axes.plot([1.0, 1.03], [end, position], linewidth=0.8, **shared)
        axes.plot([1.03], [position], marker=marker, markersize=4, **shared)
        axes.text(1.05, position, name, transform=axes.transAxes, va="center", fontsize=8, color=INK)


def spread_positions(positions: Sequence[float], *, gap: float) -> list[float]:
    """Shifts positions (0 to 1) as little as possible until they differ by at least `gap`; retains their order."""
    order = np.argsort(positions, kind="stable")
    result = np.asarray(positions, dtype=float)[order]
    for _ in range(200):
        overlap = gap - np.diff(result)
        if len(overlap) == 0 or overlap.max() <= 1e-6:
            break
        push = np.maximum(overlap, 0) / 2
        result[:-1] -= push
        result[1:] += push
        result = np.clip(result, 0.02, 0.98) if gap * (len(result) - 1) < 0.96 else result
    back = np.empty_like(result)
    back[order] = result
    return back.tolist()
