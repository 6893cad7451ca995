"""Tables of possible copies of training clips (ours: measures/copies.py describes the detection)."""

import numpy as np

from cmmd.evaluation.record.schema import Memorisation, Record
from cmmd.evaluation.report.quantities import quantity
from cmmd.evaluation.report.tables import DIRECTION_NAMES, Cell, Section, Table, results_of, sections

NEAREST_SHOWN = 3
"""Number of unflagged clips listed after the flagged ones, so that a reader can judge the threshold."""


def memorisations(record: Record) -> tuple[tuple[Section, str, Memorisation], ...]:
    """(part, system, memorisation) of every result that was checked for copies."""
    return tuple(
        (section, name, result.memorisation)
        for section in sections(record)
        for name, result in results_of(record, section).items()
        if result.memorisation is not None
    )


def copies_table(record: Record) -> Table:
    """One row per result: number of flagged clips, and median distances of its clips and of real ones to training."""
    rows = []
    for section, name, found in memorisations(record):
        flagged = sum(row.flagged for row in found.rows)
        numbers = (_median([row.distance for row in found.rows]), _median(found.real), found.threshold)
        where = (DIRECTION_NAMES[section.direction], section.group_name, name, found.backbone)
        row = (*where, f"{flagged} of {len(found.rows)}", *map(quantity, numbers))
        rows.append(tuple(map(Cell, row)))
    head = ("direction", "group", "system", "backbone", "flagged", "median distance", "real clips", "threshold")
    about = (
        "Distance of every generated clip to its nearest training clip. Flagged is what lies nearer than the threshold,"
        " a low quantile of the distances of real test clips: a model that copies nothing has a few flagged, too."
    )
    return Table(head=head, rows=tuple(rows), about=about)


def nearest_table(record: Record) -> Table:
    """The flagged clips and the next nearest ones, each with its nearest training clip."""
    rows = []
    for section, name, found in memorisations(record):
        ordered = sorted(found.rows, key=lambda row: (not row.flagged, row.distance))
        shown = sum(row.flagged for row in ordered) + NEAREST_SHOWN
        for row in ordered[:shown]:
            where = (row.name, DIRECTION_NAMES[section.direction], name)
            rows.append(
                tuple(map(Cell, (*where, quantity(row.distance), "flagged" if row.flagged else "no", row.training)))
            )
    head = ("clip", "direction", "system", "distance", "flagged", "nearest training clip")
    return Table(head=head, rows=tuple(rows))


def _median(values: list[float] | tuple[float, ...]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
