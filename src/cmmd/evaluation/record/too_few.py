"""Explains which figures are missing because there are too few clips: an empty cell could look like a bug (ours)."""

from cmmd.evaluation.record.schema import Record, Result

FEWEST_REAL = 4
"""Minimum number of real clips for a set distance."""


def too_few(result: Result) -> str:
    """The explanation for one result; "" if there are enough clips."""
    if len(result.clips) == 1:
        return "Of a single pair no interval, no chance and no distance of sets can be told: give two or more."
    if not result.distances:
        return f"Of fewer than two pairs or {FEWEST_REAL} real clips no distance of sets can be told."
    return ""


def too_few_in(record: Record) -> tuple[str, ...]:
    """The explanations for all results of a record, without duplicates."""
    found = (too_few(result) for system in record.systems for result in system.results)
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))
