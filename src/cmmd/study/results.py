"""Results of a study, and the options of its analysis (ours)."""

from collections.abc import Set
from dataclasses import dataclass, field

from cmmd.study.bradley_terry import Strength
from cmmd.study.exclusion import Check, Verdict
from cmmd.study.opinion import Opinion
from cmmd.study.preference import Preference


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalyseOptions:
    """The options of the command; see `cmmd study analyse --help`."""

    keep: Set[Check] = field(default_factory=frozenset)
    misses: int = 0
    resamples: int = 5000
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Krippendorff's alpha of one question: nominal over pairs, ordinal over ratings; nan if it is undefined."""

    question: str
    pairs: float
    ratings: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """All results of a study."""

    study: str
    title: str
    systems: tuple[str, ...]
    questions: tuple[str, ...]
    raters: list[Verdict]
    preferences: list[Preference]
    strengths: list[Strength]
    opinions: list[Opinion]
    agreement: list[Agreement]
