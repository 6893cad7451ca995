"""Small inline drawings of the page: intervals on a common scale, and the events of a clip (ours)."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from cmmd.evaluation.record.schema import ClipRow, Metric
from cmmd.evaluation.report.markup import element, join
from cmmd.evaluation.report.quantities import quantity

WIDTH, ROW, EDGE = 220, 14, 8
MARKS = 4  # number of distinct shapes


def interval_strip(metrics: Sequence[Metric | None]) -> Markup:
    """Draws one row per system with its value and interval; floor, chance and ceiling are vertical lines.

    Empty if no value is finite or all are equal.
    """
    known = [metric for metric in metrics if metric is not None]
    limits = {
        name: [value for value in (getattr(metric, name) for metric in known) if math.isfinite(value)]
        for name in ("floor", "chance", "ceiling")
    }
    ends = [x for metric in known for x in (metric.value, metric.low, metric.high) if math.isfinite(x)]
    values = ends + [x for xs in limits.values() for x in xs]
    if not ends or min(values) == max(values):
        return Markup("")
    low, span = min(values), max(values) - min(values)
    height = ROW * len(metrics) + 4

    def x_of(value: float) -> float:
        return round(EDGE + (value - low) / span * (WIDTH - 2 * EDGE), 1)

    drawn = [
        element("line", element("title", f"{name} {quantity(x)}"), x1=x_of(x), x2=x_of(x), y1=0, y2=height, class_=name)
        for name, xs in limits.items()
        for x in dict.fromkeys(xs)
    ]
    for index, metric in enumerate(metrics):
        if metric is not None and math.isfinite(metric.value):
            y = ROW * index + ROW / 2 + 2
            if math.isfinite(metric.low) and math.isfinite(metric.high):
                line = {"x1": x_of(metric.low), "x2": x_of(metric.high), "y1": y, "y2": y}
                drawn.append(element("line", **line, class_=f"range {system_class(index)}"))
            drawn.append(system_mark(index, x_of(metric.value), y))
    said = "values and intervals on one scale"
    return element(
        "svg", *drawn, viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height, role="img", aria_label=said
    )


def system_class(index: int) -> str:
    return f"s{index % 6}"


def system_mark(index: int, x: float, y: float) -> Markup:
    """Mark of a system (circle, square, diamond, triangle): systems differ in shape as well as in colour."""
    paths = (
        f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        f"M{x - 4} {y - 4}h8v8h-8z",
        f"M{x} {y - 5}l5 5l-5 5l-5 -5z",
        f"M{x} {y - 5}l5 9h-10z",
    )
    return element("path", d=paths[index % MARKS], class_=f"mark {system_class(index)}")


def legend_mark(index: int) -> Markup:
    """The mark of a system as a separate drawing, for headings and legends."""
    return element("svg", system_mark(index, 6, 6), width=12, height=12, viewBox="0 0 12 12", aria_hidden="true")


def event_strip(row: ClipRow, *, seconds: float) -> Markup:
    """Draws true events above, found ones below, and lines between matches. seconds: length of the time axis."""
    met_found, met_true = {i for i, _ in row.pairs}, {j for _, j in row.pairs}

    def x_of(time: float) -> float:
        return round(EDGE + time / seconds * (WIDTH - 2 * EDGE), 1)

    drawn = [element("line", x1=EDGE, x2=WIDTH - EDGE, y1=y, y2=y, class_="axis") for y in (6, 24)]
    drawn += [
        element("line", x1=x_of(row.true[j]), x2=x_of(row.found[i]), y1=6, y2=24, class_="met") for i, j in row.pairs
    ]
    for times, reached, y in ((row.true, met_true, 6), (row.found, met_found, 24)):
        for index, time in enumerate(times):
            word = "met" if index in reached else "missed" if y == 6 else "extra"
            drawn.append(_event(word, x_of(time), y, f"{word} at {time:.3f} s"))
    return element(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDTH} 30",
        class_="events",
        role="img",
        aria_label=f"{len(row.pairs)} of {len(row.true)} true events met, {len(row.found)} found",
    )


def _event(word: str, x: float, y: float, said: str) -> Markup:
    """Draws one event. word: "met" is a disc, "missed" a ring, "extra" (no true event) a cross."""
    title = element("title", said)
    if word == "extra":
        return element("path", title, d=f"M{x - 4} {y - 4}l8 8M{x - 4} {y + 4}l8 -8", class_=word)
    return element("circle", title, cx=x, cy=y, r=4, class_=word)


def cards_seconds(rows: Sequence[ClipRow]) -> float:
    """Length (s) of a time axis that contains every event of the rows; positive without events."""
    return 1.05 * max([time for row in rows for time in (*row.true, *row.found)], default=1.0) or 1.0


def legend(systems: Sequence[str]) -> Markup:
    """Legend of the systems' marks and of the vertical lines."""
    names = [element("span", legend_mark(index), name, class_="key") for index, name in enumerate(systems)]
    lines = [
        element(
            "span",
            element(
                "svg", element("line", x1=6, x2=6, y1=0, y2=12, class_=name), width=12, height=12, aria_hidden="true"
            ),
            name,
            class_="key",
        )
        for name in ("floor", "chance", "ceiling")
    ]
    return element("p", join(*names, *lines), class_="legend")
