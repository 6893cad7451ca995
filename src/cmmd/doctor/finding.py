"""One thing that was found in a file, and how bad it is (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["unusable", "warning", "note"]
Verdict = Literal["unusable", "warning", "note", "fine"]
VERDICTS: tuple[Verdict, ...] = ("unusable", "warning", "note", "fine")
"""Worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """severity: unusable (`cmmd prepare` leaves the file out, or it teaches nothing), warning (look at it), note (dealt
    with, or good to know). kind: two or three words that do not change from file to file. text: what was found, and
    what follows, in one line.
    """

    severity: Severity
    kind: str
    text: str


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """By severity, otherwise as they come."""
    return tuple(sorted(findings, key=lambda finding: VERDICTS.index(finding.severity)))


def verdict(findings: Sequence[Finding]) -> Verdict:
    """The worst severity, or fine."""
    found: set[Verdict] = {finding.severity for finding in findings}
    return min(found, key=VERDICTS.index) if found else "fine"
