"""The report as Markdown tables, for a terminal, a pull request or a paper's appendix (ours)."""

from collections.abc import Iterator

from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.report.memorisation import copies_table, nearest_table
from cmmd.evaluation.report.protocol import backbone_table, protocol_table
from cmmd.evaluation.report.tables import (
    DIRECTION_NAMES,
    HOW_TO_READ,
    Cell,
    Table,
    about_metrics,
    by_direction,
    delay_table,
    distance_table,
    failure_table,
    headline_table,
    speed_table,
    world_table,
)


def markdown_report(record: Record) -> str:
    """Returns every table of the page, in the same order; empty tables are omitted."""
    return "\n\n".join(["# Evaluation", *_sections(record)]) + "\n"


def _sections(record: Record) -> Iterator[str]:
    yield HOW_TO_READ
    for direction, in_direction in by_direction(record).items():
        name = DIRECTION_NAMES[direction].capitalize()
        for section in in_direction:
            yield f"## {name}, {_text(section.group_name)}"
            yield from _with_words(headline_table(record, section))
        yield f"## {name}, what was measured"
        yield "\n".join(
            f"- **{_text(metric)}**: {_text(about)}" for metric, about in about_metrics(record, in_direction)
        )
        yield from _with_words(distance_table(record, in_direction))
        yield from _with_words(speed_table(record, in_direction))
    if record.world:
        yield "## World"
        yield from _with_words(world_table(record))
    for response in record.delays:
        yield f"## Sound that is late, {_text(response.group or 'all clips')}"
        yield from _with_words(delay_table(response))
    yield "## Failures"
    yield from _with_words(failure_table(record)) if record.failures else ("None.",)
    if copies_table(record).rows:
        yield "## Memorisation"
        yield from _with_words(copies_table(record))
        yield from _with_words(nearest_table(record))
    yield "## Protocol"
    yield from _with_words(protocol_table(record.protocol))
    yield from _with_words(backbone_table(record.protocol))


def _with_words(table: Table) -> Iterator[str]:
    if table.rows:
        rows = [[_cell(cell) for cell in row] for row in table.rows]
        yield markdown_table(rows, head=[_text(name) for name in table.head])
        if table.about:
            yield table.about


def _cell(cell: Cell) -> str:
    text = f"**{_text(cell.text)}**" if cell.best else _text(cell.text)
    return f"{text} {_text(cell.note)}" if cell.note else text


def _text(text: str) -> str:
    """Folds a text to one line and escapes Markdown syntax (columns, tags, emphasis)."""
    folded = " ".join(text.split())
    for character in "\\|<*_`":
        folded = folded.replace(character, f"\\{character}")
    return folded
