"""Builds the tables of a report from its record; the page and the Markdown show the same cells (ours)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cmmd.evaluation.record.schema import DelayResponse, Direction, Metric, Record, Result, SetDistance, System
from cmmd.evaluation.record.too_few import too_few
from cmmd.evaluation.record.world_table import HEAD, world_rows
from cmmd.evaluation.report.quantities import NOTHING, interval, quantity, same_or_each

DIRECTION_NAMES: dict[str, str] = {"video_to_audio": "video to audio", "audio_to_video": "audio to video"}


HOW_TO_READ = (
    "Value and 95 % interval. Floor: the same distance between real clips, at the same sizes. Chance: the same with the"
    " pairs shuffled. Ceiling: the same measured on the true clips. Where systems differ in one of these, their values"
    " follow each other in the order of the columns. Bold is the best of its row; where intervals overlap, the order is"
    " open."
)
"""How to read the headline tables; printed once per report."""


class Cell(NamedTuple):
    """One cell. note: smaller text after `text`. best: whether it is the best of its row."""

    text: str
    note: str = ""
    best: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """head and each row have equal lengths; the first column is the name of the row. about: how to read it."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    about: str = ""


class Section(NamedTuple):
    """One direction on one group of clips: a section of the report."""

    direction: Direction
    group: str

    @property
    def group_name(self) -> str:
        return self.group or "all clips"


def sections(record: Record) -> tuple[Section, ...]:
    """All parts of a record, grouped by direction, then in the order of the record."""
    found = dict.fromkeys(Section(r.direction, r.group) for system in record.systems for r in system.results)
    return tuple(section for direction in DIRECTION_NAMES for section in found if section.direction == direction)


def by_direction(record: Record) -> dict[str, tuple[Section, ...]]:
    """The parts of a record by direction."""
    found = sections(record)
    return {
        d: tuple(section for section in found if section.direction == d)
        for d in unique(section.direction for section in found)
    }


def result_of(system: System, section: Section) -> Result | None:
    return next((r for r in system.results if (r.direction, r.group) == section), None)


def results_of(record: Record, section: Section) -> dict[str, Result]:
    """Results of a part by system name; systems without a result are omitted."""
    pairs = ((system.name, result_of(system, section)) for system in record.systems)
    return {name: result for name, result in pairs if result is not None}


def metric_of(result: Result | None, name: str) -> Metric | None:
    return next((m for m in result.metrics if m.name == name), None) if result else None


def metrics_of(record: Record, section: Section, name: str) -> tuple[Metric | None, ...]:
    """The metric of each system, in the order of the record; None if it was not measured."""
    return tuple(metric_of(result_of(system, section), name) for system in record.systems)


def metric_names(record: Record, section: Section) -> tuple[str, ...]:
    return unique(m.name for result in results_of(record, section).values() for m in result.metrics)


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Removes duplicates; retains the order of first appearance."""
    return tuple(dict.fromkeys(names))


def headline_table(record: Record, section: Section) -> Table:
    """One row per metric: the systems, then floor, chance, ceiling, better direction, and number of clips."""
    rows = []
    for name in metric_names(record, section):
        metrics = metrics_of(record, section, name)
        known = [metric for metric in metrics if metric is not None]
        best = best_of(metrics)
        systems = [_measured(metric, best=index == best) for index, metric in enumerate(metrics)]
        limits = [
            Cell(same_or_each([quantity(getattr(m, limit), m.unit) for m in known]))
            for limit in ("floor", "chance", "ceiling")
        ]
        clips = Cell(same_or_each([str(m.samples) for m in known]))
        rows.append((Cell(name), *systems, *limits, Cell(known[0].better), clips))
    head = ("", *(system.name for system in record.systems), "floor", "chance", "ceiling", "better", "clips")
    explanations = dict.fromkeys(filter(None, map(too_few, results_of(record, section).values())))
    return Table(head=head, rows=tuple(rows), about=" ".join(explanations))


def best_of(metrics: Sequence[Metric | None]) -> int | None:
    """Index of the best metric; None for fewer than two or a tie. Signed times (s) are compared by absolute value."""
    scored = []
    for index, metric in enumerate(metrics):
        if metric is not None and metric.value == metric.value:
            value = abs(metric.value) if metric.unit == "s" else metric.value
            scored.append((value if metric.better == "lower" else -value, index))
    scored.sort()
    return scored[0][1] if len(scored) > 1 and scored[0][0] < scored[1][0] else None


def _measured(metric: Metric | None, *, best: bool) -> Cell:
    if metric is None:
        return Cell(NOTHING)
    return Cell(quantity(metric.value, metric.unit), interval(metric.low, metric.high, metric.unit), best)


def about_metrics(record: Record, chosen: Sequence[Section]) -> tuple[tuple[str, str], ...]:
    """Every metric name with its description."""
    found: dict[str, str] = {}
    for section in chosen:
        for result in results_of(record, section).values():
            for metric in result.metrics:
                found.setdefault(metric.name, metric.about)
    return tuple(found.items())


def distance_names(record: Record, section: Section) -> tuple[str, ...]:
    return unique(d.name for result in results_of(record, section).values() for d in result.distances)


def distance_of(result: Result, name: str) -> SetDistance | None:
    return next((d for d in result.distances if d.name == name), None)


def distance_table(record: Record, chosen: Sequence[Section]) -> Table:
    """One row per distance, group and system: set and real clips at equal sizes, whole set, and at infinity."""
    rows = []
    for name in unique(name for section in chosen for name in distance_names(record, section)):
        for section in chosen:
            for system, result in results_of(record, section).items():
                distance = distance_of(result, name)
                if distance is not None:
                    rows.append((Cell(name), Cell(section.group_name), Cell(system), *_distance_cells(distance)))
    named = ("distance", "group", "system")
    measured = ("set", "real clips", "sizes", "whole set", "at infinity", "real at infinity")
    about = (
        "Set and real clips have equal sizes (clips compared to reference clips) and may be compared. The whole set is"
        " larger and so biased less; at infinity is what extrapolation to infinitely many clips leaves."
    )
    return Table(head=named + measured, rows=tuple(rows), about=about)


def _distance_cells(distance: SetDistance) -> Iterator[Cell]:
    split = distance.split
    yield Cell(quantity(split.value), interval(split.low, split.high))
    yield Cell(quantity(split.real_value))
    yield Cell(f"{split.size} to {split.reference_size}")
    for value in (distance.whole, distance.at_infinity, distance.real_at_infinity):
        yield Cell(quantity(value))


def speed_table(record: Record, chosen: Sequence[Section]) -> Table:
    """Mean time per clip by generation stage; no rows if no model was run."""
    found = [
        (section, name, r.seconds) for section in chosen for name, r in results_of(record, section).items() if r.seconds
    ]
    stages = unique(stage for *_, seconds in found for stage in seconds)
    rows = []
    for section, name, seconds in found:
        times = [*(seconds.get(stage, float("nan")) for stage in stages), sum(seconds.values())]
        rows.append((Cell(section.group_name), Cell(name), *(Cell(quantity(time, "s")) for time in times)))
    return Table(head=("group", "system", *stages, "total"), rows=tuple(rows), about="Mean time a clip.")


def delay_table(response: DelayResponse) -> Table:
    """Measured values of each metric, with one column per delay."""
    head = ("metric", *(f"{1000 * delay:.0f} ms" for delay in response.delays), "better")
    rows = tuple(
        (Cell(curve.metric), *(Cell(quantity(value, curve.unit)) for value in curve.values), Cell(curve.better))
        for curve in response.curves
    )
    return Table(head=head, rows=rows, about=f"The true sound of {response.clips} clips, delayed.")


def world_table(record: Record) -> Table:
    """Scores of world samples; no rows for other clips."""
    rows = tuple(tuple(map(Cell, row)) for row in world_rows(record.world))
    about = (
        "Samples of world clips before they were encoded. Offset is the median absolute one, median the signed one;"
        " pitch is a rank correlation; spectrogram and pictures are Frechet distances, each with its floor."
    )
    return Table(head=HEAD, rows=rows, about=about)


def failure_table(record: Record) -> Table:
    """Clips that are excluded from all figures, with the reason."""
    rows = []
    for failed in record.failures:
        place = (failed.system or "reference", DIRECTION_NAMES.get(failed.direction, "both"), failed.group or NOTHING)
        rows.append(tuple(map(Cell, (failed.name, *place, failed.kind, failed.reason, failed.file))))
    return Table(head=("clip", "of", "direction", "group", "what", "reason", "file"), rows=tuple(rows))
