"""The summary that a run over many clips prints at its end: a table, remarks about the results, and counts (ours)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

from cmmd.documents.markdown import markdown_table
from cmmd.errors import printable
from cmmd.generation.folders.record import RECORD, RecordLine

MOST_ROWS = 100
"""Largest number of rows of the table. With more results only the failed clips are shown; the record lists all."""
MOST_NOTES = 20
HEAD = ("clip", "result", "length", "level", "seed", "time")

State = Literal["made", "done before", "failed"]


class Outcome(NamedTuple):
    """One result, or a clip without one. clip: its label. line: of the record. level: dB RMS, if it was generated in
    this run."""

    clip: str
    state: State
    line: RecordLine | None = None
    level: float | None = None


def summary(outcomes: Sequence[Outcome], *, seconds: float) -> str:
    """Returns the text of the summary, with unprintable characters of names escaped. seconds: duration of the run."""
    shown = outcomes if len(outcomes) <= MOST_ROWS else [one for one in outcomes if one.state == "failed"]
    parts = [markdown_table([_row(one) for one in shown[:MOST_ROWS]], head=HEAD)] if shown else []
    if len(shown) < len(outcomes) or len(shown) > MOST_ROWS:
        parts.append(f"({min(len(shown), MOST_ROWS)} of {len(outcomes)} rows; {RECORD} has all results)")
    parts += _notes(outcomes)
    count = {state: sum(one.state == state for one in outcomes) for state in ("made", "done before", "failed")}
    media = sum(one.line.measures.seconds or 0 for one in outcomes if one.state == "made" and one.line)
    made = f"{count['made']} made ({media:.1f} s of media in {seconds:.1f} s)"
    return "\n".join([*parts, f"{made}, {count['done before']} done before, {count['failed']} failed"])


def _row(one: Outcome) -> tuple[str, ...]:
    if one.line is None:
        return printable(one.clip), one.state, "", "", "", ""
    length = "" if one.line.measures.seconds is None else f"{one.line.measures.seconds:.2f} s"
    level = "" if one.level is None else f"{one.level:.1f} dB"
    level = level if one.line.measures.loudness is None else f"{one.line.measures.loudness:.1f} LUFS"
    time = f"{sum(one.line.processing.took.values()):.1f} s" if one.state == "made" else one.state
    return printable(one.clip), printable(one.line.files.result), length, level, str(one.line.seed), time


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    """Returns the remarks about results of this run, each sentence once, the most frequent ones first."""
    about: dict[str, list[str]] = defaultdict(list)
    for one in outcomes:
        if one.state == "made" and one.line is not None:
            for note in one.line.processing.notes:
                about[note].append(one.line.files.result)
    lines = []
    for note, results in sorted(about.items(), key=lambda item: -len(item[1]))[:MOST_NOTES]:
        where = printable(results[0]) if len(results) == 1 else f"{len(results)} results"
        lines.append(f"{where}: {note}")
    if len(about) > MOST_NOTES:
        lines.append(f"and {len(about) - MOST_NOTES} other remarks, all in {RECORD}")
    return lines
