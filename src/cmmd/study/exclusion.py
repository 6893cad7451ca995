"""Exclusion of raters from the analysis: headphone check (Woods et al. 2017) and attention checks (ours)."""

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from cmmd.study.answers import RaterAnswers
from cmmd.study.key import Key

Check = Literal["attention", "headphones"]
TONES_RIGHT = 5 / 6
"""Smallest share of correct tones that passes: 5 of 6 in Woods, Siegel, Traer and McDermott (2017), figure 3."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Check results of one rater.

    tones_right of `tones` headphone trials and checks_right of `checks` played attention checks are correct. missing,
    broken: trials without an answer, trials that could not be played. failed: the failed checks. used: whether the
    answers enter the analysis.
    """

    rater: str
    tones_right: int
    tones: int
    checks_right: int
    checks: int
    missing: int
    broken: int
    failed: tuple[Check, ...]
    used: bool


def judge(answers: RaterAnswers, key: Key, *, misses: int, keep: Set[Check]) -> Verdict:
    """Judge one rater.

    The attention check fails if more than `misses` attention trials are wrong. It also fails if the study has attention
    trials but none was reached and played, because nothing is known about the rater then. An attention trial is correct
    if every question has the requested answer. The headphone check fails below five correct tones in six; tones that
    were not reached count as wrong. A failed check in `keep` does not exclude the rater.
    """
    checks = {name: trial for name, trial in key.trials.items() if trial.asks_for is not None}
    reached = {name: answers.answers[name] for name in checks if name in answers.answers}
    reached = {name: answer for name, answer in reached.items() if not answer.broken}
    right = sum(set(answer.values.values()) == {checks[name].asks_for} for name, answer in reached.items())
    tones = [tone.quiet == tone.picked for tone in answers.headphones[: key.headphones]]
    failed: list[Check] = []
    if len(reached) - right > misses or (checks and not reached):
        failed.append("attention")
    if sum(tones) < math.ceil(TONES_RIGHT * key.headphones - 1e-9):
        failed.append("headphones")
    return Verdict(
        rater=answers.rater,
        tones_right=sum(tones),
        tones=key.headphones,
        checks_right=right,
        checks=len(reached),
        missing=answers.missing,
        broken=answers.broken,
        failed=tuple(failed),
        used=not set(failed) - keep,
    )
