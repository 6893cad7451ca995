"""Answers of one rater, read from the file that the page saves (ours)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_json import read_json
from cmmd.study.key import Key
from cmmd.study.questions import FIRST, NO_PREFERENCE, RATINGS, SECOND


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answers on one screen.

    shown: opaque ids of the clips from left to right. values: question -> 1 (A), 2 (no preference) or 3 (B) for a pair,
    1 to 5 for a rating. broken: the browser could not play a clip; the page stores no values then.
    """

    shown: tuple[str, ...]
    values: dict[str, int]
    broken: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ToneAnswer:
    """One trial of the headphone check. quiet: index of the quietest tone. picked: index of the chosen one, or None."""

    quiet: int
    picked: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RaterAnswers:
    """All answers of one rater. asked: the trials of the rater's list; trials without an answer were not reached."""

    format: Literal["cmmd study answers 1"]
    study: str
    rater: str
    asked: tuple[str, ...]
    headphones: tuple[ToneAnswer, ...]
    answers: dict[str, Answer]

    @property
    def missing(self) -> int:
        """Number of trials in the rater's list without an answer."""
        return sum(trial not in self.answers for trial in self.asked)

    @property
    def broken(self) -> int:
        """Number of trials that could not be played."""
        return sum(answer.broken for answer in self.answers.values())


def read_all(files: tuple[Path, ...], key: Key) -> list[RaterAnswers]:
    """Read the answers of all raters, in the order of `files`.

    Raises InputError, naming the file, if a file cannot be used or if its rater already occurred in an earlier file.
    """
    raters: dict[str, tuple[Path, RaterAnswers]] = {}
    for file in files:
        answers = read_answers(file, key)
        if answers.rater in raters:
            found = f"rater {answers.rater}, who is in {raters[answers.rater][0]} already"
            raise InputError.about(file, found=found, expected="one file a rater")
        raters[answers.rater] = file, answers
    return [answers for _, answers in raters.values()]


def read_answers(file: Path, key: Key) -> RaterAnswers:
    """Read one file. Raises InputError, naming it, if it is malformed or does not match the study of `key`."""
    expected = "the file that the study's page saved"
    values = read_json(file, expected=expected)
    with reading(file, expected=expected):
        answers = TypeAdapter(RaterAnswers).validate_python(values)
    if answers.study != key.study:
        raise InputError.about(file, found=f"answers to study {answers.study}", expected=f"study {key.study}")
    for name in answers.asked:
        if name not in key.trials:
            raise InputError.about(file, found=f"the trial {name}", expected="one that the key knows")
    for name, answer in answers.answers.items():
        if problem := _problem(name, answer, answers, key):
            raise InputError.about(file, found=f"in trial {name} {problem}", expected=expected)
    return answers


def _problem(name: str, answer: Answer, answers: RaterAnswers, key: Key) -> str | None:
    if name not in answers.asked:
        return "an answer that was not asked for"
    trial = key.trials[name]
    if answer.shown not in (trial.media, trial.media[::-1]):
        return f"clips {' and '.join(answer.shown)}"
    if answer.broken:
        return None
    if set(answer.values) != set(key.questions):
        return f"answers to {', '.join(sorted(answer.values)) or 'nothing'}"
    choices = (FIRST, SECOND) if key.forced else (FIRST, NO_PREFERENCE, SECOND)
    allowed = choices if trial.kind == "pair" else RATINGS
    wrong = [value for value in answer.values.values() if value not in allowed]
    return f"the answer {wrong[0]}" if wrong else None
