"""Players for every clip, the true one next to those of each system, in an order that the reader selects (ours)."""

import math

from markupsafe import Markup

from cmmd.evaluation.record.schema import ClipRow, Metric, Record
from cmmd.evaluation.report.markup import element, join
from cmmd.evaluation.report.media import Media
from cmmd.evaluation.report.quantities import quantity
from cmmd.evaluation.report.strips import cards_seconds, event_strip, legend_mark
from cmmd.evaluation.report.tables import Section, metrics_of, results_of, unique

Key = tuple[str, str]
"""(system, name of a per-clip value)."""


def players(record: Record, section: Section, media: Media) -> Markup:
    """One card per clip, in the order of the record until the reader selects another order."""
    results = results_of(record, section)
    names = unique(row.name for result in results.values() for row in result.clips)
    by_system = {system: {row.name: row for row in result.clips} for system, result in results.items()}
    keys = tuple(
        (system, value)
        for system, rows in by_system.items()
        for value in unique(value for row in rows.values() for value in row.values)
    )
    units = {name: _unit(record, section, name) for _, name in keys}
    cards = []
    for name in names:
        rows = {system: rows[name] for system, rows in by_system.items() if name in rows}
        cards.append(_card(record, name, rows, keys, units, media))
    return join(_sorting(keys), element("div", *cards, class_="cards"))


def _unit(record: Record, section: Section, name: str) -> str:
    """Unit of the metric with this name, "" if there is none; per-clip values have no unit field."""
    return next((metric.unit for metric in metrics_of(record, section, name) if isinstance(metric, Metric)), "")


def _sorting(keys: tuple[Key, ...]) -> Markup:
    """Controls for sorting the cards; hidden unless scripts run, because they need one."""
    options = [element("option", "order of the record", value="")]
    for system in unique(system for system, _ in keys):
        own = [(index, name) for index, (owner, name) in enumerate(keys) if owner == system]
        entries = [element("option", name, value=f"k{index}") for index, name in own]
        options.append(element("optgroup", *entries, label=system))
    chooser = element("label", "Sort by ", element("select", *options))
    return element("p", chooser, element("button", "lowest first", type="button"), class_="sorting", hidden=True)


def _card(
    record: Record, name: str, rows: dict[str, ClipRow], keys: tuple[Key, ...], units: dict[str, str], media: Media
) -> Markup:
    one = next(iter(rows.values()))
    seconds = cards_seconds(list(rows.values()))
    source = {"known": "known times", "sound": "onsets of its sound", "picture": "motion in its picture"}[one.true_from]
    true = element(
        "figure",
        element("figcaption", element("b", "true clip"), f" {len(one.true)} events, {source}"),
        media.player(one.reference, label=f"true clip {name}"),
    )
    generated = [
        _generated(index, system.name, rows[system.name], units, media, seconds)
        for index, system in enumerate(record.systems)
        if system.name in rows
    ]
    sorted_by: dict[str, str | float | bool | None] = {}
    for index, (system, value) in enumerate(keys):
        number = rows[system].values.get(value, math.nan) if system in rows else math.nan
        sorted_by[f"data_k{index}"] = f"{number:.6g}" if math.isfinite(number) else None
    head = element("h4", name)
    return element("article", head, element("div", true, *generated, class_="row"), class_="card", **sorted_by)


def _generated(index: int, system: str, row: ClipRow, units: dict[str, str], media: Media, seconds: float) -> Markup:
    seed = f" seed {row.seed}" if row.seed >= 0 else ""
    caption = element("figcaption", legend_mark(index), element("b", system), seed)
    values = row.values | ({"time to make": sum(row.seconds.values())} if row.seconds else {})
    units = units | {"time to make": "s"}
    numbers = [
        element("tr", element("th", name, scope="row"), element("td", quantity(value, units.get(name, ""))))
        for name, value in values.items()
    ]
    player = media.player(row.generated, label=f"{row.name} by {system}")
    return element("figure", caption, player, event_strip(row, seconds=seconds), element("table", *numbers))
