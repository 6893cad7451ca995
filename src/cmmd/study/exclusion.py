"""Who is left out of the analysis and why: headphone check (Woods et al. 2017) and attention checks (ours)."""

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from cmmd.study.answers import RaterAnswers
from cmmd.study.key import Key

Check = Literal["attention", "headphones"]
TONES_RIGHT = 5 / 6
"""The share that passes: five of six in Woods, Siegel, Traer and McDermott (2017), figure 3."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One rater's checks. failed: which of them; used: whether the answers count all the same."""

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

    Attention fails with more than `misses` wrong checks, or without any check reached although the study has some:
    nothing is known then. A check is right when every question has the answer it asks for. Headphones fail below five
    in six, tones not reached being wrong. Checks in `keep` do not exclude.
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
