"""The plan of a study: blinded clips, trials, attention checks and balanced lists, all from one seed (ours)."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from cmmd.study.questions import FIRST, SECOND
from cmmd.study.schedule import balanced_lists

Kind = Literal["pair", "rating"]
KINDS: tuple[Kind, ...] = ("pair", "rating")
REAL, MISMATCHED = "real", "mismatched"
"""The ceiling (the reference) and the floor (the reference's picture with another clip's sound)."""

ASKED_FOR: dict[Kind, tuple[int, ...]] = {"pair": (FIRST, SECOND), "rating": (2, 4)}
"""Answers that attention checks ask for, in turn; somebody who always presses one key misses every other check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Medium:
    """One clip of the page. item, system: where it is from; an attention check has neither but asks for an answer."""

    item: str = ""
    system: str = ""
    kind: Kind | None = None
    asks_for: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One screen of the page: two clips to compare or one to rate.

    media, systems: in the order in which results are told, whatever side they are shown on. asks_for: the answer to an
    attention check, None for any other trial.
    """

    kind: Kind
    media: tuple[str, ...]
    item: str = ""
    systems: tuple[str, ...] = ()
    asks_for: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A study without its files. media, trials: by opaque id. lists: of each kind, (trial, swapped) in any order."""

    media: dict[str, Medium]
    trials: dict[str, Trial]
    lists: dict[Kind, list[list[tuple[str, bool]]]]


def plan_study(
    items: Sequence[str], systems: Sequence[str], *, pairs: int, ratings: int, checks: int, seed: int
) -> Plan:
    """Plan a study of `items` as made by `systems`.

    A rater gets `pairs` comparisons and `ratings` single clips (fewer if there are fewer), and `checks` attention
    checks in each of the two parts that is not empty.
    """
    rng = random.Random(seed)
    items, systems = rng.sample(items, len(items)), rng.sample(systems, len(systems))
    ids = _opaque_ids(rng)
    media = {next(ids): Medium(item=item, system=system) for item in items for system in systems}
    of = {(medium.item, medium.system): name for name, medium in media.items()}
    groups: dict[Kind, list[tuple[str, ...]]] = {
        "pair": list(combinations(systems, 2)),
        "rating": [(system,) for system in systems],
    }
    trials: dict[str, Trial] = {}
    lists: dict[Kind, list[list[tuple[str, bool]]]] = {}
    for kind in KINDS:
        length = pairs if kind == "pair" else ratings
        grid = [
            _add(trials, ids, Trial(kind=kind, media=tuple(of[item, s] for s in group), item=item, systems=group))
            for group in groups[kind]
            for item in items
        ]
        fixed = [_check(kind, number, media, trials, ids) for number in range(checks if length and grid else 0)]
        lists[kind] = [
            [(grid[cell.group * len(items) + cell.item], cell.swapped and kind == "pair") for cell in cells]
            + [(name, False) for name in fixed]
            for cells in balanced_lists(len(groups[kind]), len(items), length=length)
        ]
    shown = {name for kind in KINDS for row in lists[kind] for name, _ in row}
    trials = {name: trials[name] for name in sorted(shown)}
    used = sorted({name for trial in trials.values() for name in trial.media})
    return Plan(media={name: media[name] for name in used}, trials=trials, lists=lists)


def _opaque_ids(rng: random.Random) -> Iterator[str]:
    """Ten hexadecimal digits, never the same twice."""
    seen: set[str] = set()
    while True:
        name = f"{rng.getrandbits(40):010x}"
        if name not in seen:
            seen.add(name)
            yield name


def _add(trials: dict[str, Trial], ids: Iterator[str], trial: Trial) -> str:
    name = next(ids)
    trials[name] = trial
    return name


def _check(kind: Kind, number: int, media: dict[str, Medium], trials: dict[str, Trial], ids: Iterator[str]) -> str:
    """An attention check; both sides of a pair show the same clip. Checks that ask for the same share it."""
    answer = ASKED_FOR[kind][number % len(ASKED_FOR[kind])]
    medium = Medium(kind=kind, asks_for=answer)
    name = next((name for name, known in media.items() if known == medium), None) or next(ids)
    media[name] = medium
    return _add(trials, ids, Trial(kind=kind, media=(name,) * (2 if kind == "pair" else 1), asks_for=answer))
