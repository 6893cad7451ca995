"""The figures of a record as a table for the terminal (ours)."""

import math

from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.record.schema import Metric, Record
from cmmd.evaluation.record.too_few import too_few_in
from cmmd.evaluation.record.world_table import HEAD as WORLD_HEAD
from cmmd.evaluation.record.world_table import world_rows

HEAD = ("system", "clips of", "direction", "metric", "value", "95 %", "floor", "chance", "ceiling", "clips")


def summary(record: Record) -> str:
    """Markdown tables of every metric of every result and of the scores of world samples, followed by the explanations
    of `too_few_in`."""
    rows = [
        (system.name, result.group or "-", result.direction.replace("_", " "), metric.name, *_cells(metric))
        for system in record.systems
        for result in system.results
        for metric in result.metrics
    ]
    tables = [markdown_table(rows, head=HEAD)] if rows else []
    tables += [markdown_table(world_rows(record.world), head=WORLD_HEAD)] if record.world else []
    return "\n".join(["\n\n".join(tables), *too_few_in(record)])


def _cells(metric: Metric) -> tuple[str, ...]:
    unit = "" if not metric.unit else f" {metric.unit}"
    bounds = "-" if math.isnan(metric.low) else f"{metric.low:.4g} to {metric.high:.4g}{unit}"
    limits = (_number(value, unit) for value in (metric.floor, metric.chance, metric.ceiling))
    return (_number(metric.value, unit), bounds, *limits, str(metric.samples))


def _number(value: float, unit: str) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}{unit}"
