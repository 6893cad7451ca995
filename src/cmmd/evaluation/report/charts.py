"""Figures that need only the record, with captions: figure 4 and the response to delay (ours)."""

from typing import TYPE_CHECKING

from cmmd.evaluation.record.schema import DelayResponse, Record
from cmmd.evaluation.report.box_plot import Box, figure_box_plot
from cmmd.evaluation.report.delay_figure import Curve, figure_delay_response
from cmmd.evaluation.report.tables import Section, distance_of, results_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOX_CAPTION = (
    "Boxes: the distance of every clip by itself to the whole reference, with quartiles, whiskers at 1.5 quartile"
    " ranges and outliers as circles. Cross: the distance of the set, with its 95 % interval. Look for a cross near"
    " that of the real clips (equal set sizes, so that the bias of size is the same). A box near the real one says that"
    " single clips are plausible; a far cross all the same, that they lack variety."
)
DELAY_CAPTION = (
    "The true sound, delayed by up to {longest:.0f} ms, as every metric of alignment sees it: 0 is its value without"
    " delay, 1 (dotted) the value of shuffled pairs. Look for curves that rise early: they can tell sync from lateness."
    " A curve that stays at 0 cannot. Dashed are those that have no chance to be compared with: of times, 1 is the"
    " longest delay, and with * it is the curve's own largest change. Chance is that of {system}."
)


def box_panels(record: Record, sections: tuple[Section, ...], name: str) -> list[tuple[str, list[Box]]]:
    """One (group name, boxes) per group with a result: the box of the real clips, then one per system."""
    panels = []
    for section in sections:
        found = {system: distance_of(result, name) for system, result in results_of(record, section).items()}
        known = {system: distance for system, distance in found.items() if distance is not None}
        if not known:
            continue
        first = next(iter(known.values()))
        truth = Box(name="real clips", samples=first.real_samples, value=first.split.real_value, truth=True)
        boxes = [
            Box(name=s, samples=d.samples, value=d.split.value, low=d.split.low, high=d.split.high)
            for s, d in known.items()
        ]
        panels.append((section.group_name, [truth, *boxes]))
    return panels


def draw_boxes(record: Record, sections: tuple[Section, ...], name: str) -> "Figure":
    """Draws figure 4 for the distance `name` in one direction."""
    return figure_box_plot(box_panels(record, sections, name), name=name)


def chance_system(record: Record, response: DelayResponse) -> str | None:
    """The first system with a result for the response's group, or None; its chance values scale the curves."""
    return next(iter(results_of(record, Section("video_to_audio", response.group))), None)


def delay_curves(record: Record, response: DelayResponse) -> list[Curve]:
    """All curves, each with the chance of the metric of the same name; nan if there is none."""
    results = results_of(record, Section("video_to_audio", response.group))
    result = results.get(chance_system(record, response) or "")
    known = {metric.name: metric.chance for metric in result.metrics} if result else {}
    return [
        Curve(name=c.metric, values=c.values, unit=c.unit, chance=known.get(c.metric, float("nan")))
        for c in response.curves
    ]


def draw_delays(record: Record, response: DelayResponse) -> "Figure":
    """Draws the response of every metric to delayed sound in one figure."""
    return figure_delay_response(response.delays, delay_curves(record, response))


def delay_caption(record: Record, response: DelayResponse) -> str:
    system = chance_system(record, response) or "no system"
    return DELAY_CAPTION.format(longest=1000 * max(response.delays), system=system)
