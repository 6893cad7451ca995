"""What so few clips cannot tell, in a sentence: an empty cell alone could be a defect (ours)."""

from cmmd.evaluation.record import Record, Result

FEWEST_REAL = 4
"""Real clips of a distance of sets."""


def too_few(result: Result) -> str:
    """Of one result; "" where everything can be told."""
    if len(result.clips) == 1:
        return "Of a single pair no interval, no chance and no distance of sets can be told: give two or more."
    if not result.distances:
        return f"Of fewer than two pairs or {FEWEST_REAL} real clips no distance of sets can be told."
    return ""


def too_few_in(record: Record) -> tuple[str, ...]:
    """Of all results of a record, each sentence once."""
    found = (too_few(result) for system in record.systems for result in system.results)
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))
