"""A finding about a file, and its severity (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["unusable", "warning", "note"]
Verdict = Literal["unusable", "warning", "note", "fine"]
VERDICTS: tuple[Verdict, ...] = ("unusable", "warning", "note", "fine")
"""Worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about a file.

    severity: unusable (`cmmd prepare` leaves the file out, or training learns nothing from it), warning (check the
    file), note (cmmd handles it, or for information). kind: two or three words, the same for every file. text: the
    observation and its consequence in one line.
    """

    severity: Severity
    kind: str
    text: str


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Returns the findings sorted by severity, worst first; findings of the same severity stay in order."""
    return tuple(sorted(findings, key=lambda finding: VERDICTS.index(finding.severity)))


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Returns the worst severity, or fine if there are no findings."""
    found: set[Verdict] = {finding.severity for finding in findings}
    return min(found, key=VERDICTS.index) if found else "fine"
