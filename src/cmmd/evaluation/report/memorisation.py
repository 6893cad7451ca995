"""The tables of what may be a copy of a training clip (ours: measures/copies.py says how copies are found)."""

import numpy as np

from cmmd.evaluation.record import Memorisation, Record
from cmmd.evaluation.report.quantities import quantity
from cmmd.evaluation.report.tables import DIRECTION_NAMES, Cell, Part, Table, parts, results_of

NEAREST_SHOWN = 3
"""Clips a result shows below those that are flagged, so that a reader can judge the threshold."""


def memorisations(record: Record) -> tuple[tuple[Part, str, Memorisation], ...]:
    """Part, system and what was found, wherever it was looked for."""
    return tuple(
        (part, name, result.memorisation)
        for part in parts(record)
        for name, result in results_of(record, part).items()
        if result.memorisation is not None
    )


def copies_table(record: Record) -> Table:
    """A row a result: how many of its clips are flagged, and how near they and real clips lie to training clips."""
    rows = []
    for part, name, found in memorisations(record):
        flagged = sum(row.flagged for row in found.rows)
        numbers = (_median([row.distance for row in found.rows]), _median(found.real), found.threshold)
        where = (DIRECTION_NAMES[part.direction], part.group_name, name, found.backbone)
        row = (*where, f"{flagged} of {len(found.rows)}", *map(quantity, numbers))
        rows.append(tuple(map(Cell, row)))
    head = ("direction", "group", "system", "backbone", "flagged", "median distance", "real clips", "threshold")
    about = (
        "Distance of every generated clip to its nearest training clip. Flagged is what lies nearer than the threshold,"
        " a low quantile of the distances of real test clips: a model that copies nothing has a few flagged, too."
    )
    return Table(head=head, rows=tuple(rows), about=about)


def nearest_table(record: Record) -> Table:
    """The flagged clips, and the few nearest below them, each beside the training clip that it is near to."""
    rows = []
    for part, name, found in memorisations(record):
        ordered = sorted(found.rows, key=lambda row: (not row.flagged, row.distance))
        shown = sum(row.flagged for row in ordered) + NEAREST_SHOWN
        for row in ordered[:shown]:
            where = (row.name, DIRECTION_NAMES[part.direction], name)
            rows.append(
                tuple(map(Cell, (*where, quantity(row.distance), "flagged" if row.flagged else "no", row.training)))
            )
    head = ("clip", "direction", "system", "distance", "flagged", "nearest training clip")
    return Table(head=head, rows=tuple(rows))


def _median(values: list[float] | tuple[float, ...]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
