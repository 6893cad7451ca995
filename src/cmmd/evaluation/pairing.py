"""Which clips there are, and which generated one belongs to which reference: by file stem or by manifest (ours)."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from cmmd.clips.names import media_in, plain_name, source_name
from cmmd.errors import InputError

COLUMNS = "a name and a file"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedClip:
    """A clip that should be there. events: known times (s), None where they are not known. group: "" for none."""

    name: str
    file: Path
    events: tuple[float, ...] | None
    group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A generated clip and the real one it should be like."""

    generated: ListedClip
    reference: ListedClip


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """without_reference: generated clips of no reference. without_clip: references for which nothing was generated."""

    pairs: tuple[Pair, ...]
    without_reference: tuple[ListedClip, ...]
    without_clip: tuple[ListedClip, ...]


def list_clips(place: Path) -> tuple[ListedClip, ...]:
    """The clips of a folder or of a manifest (.csv, .jsonl), by name.

    In a folder a JSON file of the same stem may hold `events` ([{"time": s}, ...] or [s, ...]) and `family`, as
    `cmmd world` writes it. A manifest has a name, a file (relative to it) and perhaps events (in CSV: times with spaces
    between) and a group. Raises InputError where there is no clip, a name comes twice, or a manifest cannot be read.
    """
    if place.is_dir():
        clips = [_of_folder(file) for file in media_in(place)]
    elif place.suffix.lower() in (".csv", ".jsonl", ".json"):
        clips = _of_manifest(place)
    else:
        found = "a file" if place.exists() else "nothing"
        raise InputError.about(place, found=found, expected="a folder of clips, or a manifest (.csv, .jsonl)")
    if not clips:
        raise InputError.about(place, found="no clip", expected="audio or video files")
    clips.sort(key=lambda clip: clip.name)
    for one, other in pairwise(clips):
        if one.name == other.name:
            found = f"{one.file.name} and {other.file.name}"
            raise InputError.about(place, found=found, expected=f"one clip named {one.name}")
    return tuple(clips)


def pair_by_name(generated: Sequence[ListedClip], reference: Sequence[ListedClip]) -> Pairing:
    """In order of name; a result of `cmmd generate` is paired with what it was made of. Raises InputError where no name
    is on both sides, or several results are of one clip."""
    known = {clip.name: clip for clip in reference}
    generated = [_as_its_source(clip, known) for clip in generated]
    made = Counter(clip.name for clip in generated)
    twice = [name for name, count in made.items() if count > 1]
    if twice:
        files = " and ".join(clip.file.name for clip in generated if clip.name == twice[0])
        raise InputError.about(generated[0].file.parent, found=files, expected=f"one clip for {twice[0]}")
    pairs = tuple(Pair(generated=clip, reference=known[clip.name]) for clip in generated if clip.name in known)
    if not pairs:
        found = f"no common name ({generated[0].name}, ... and {reference[0].name}, ...)"
        raise InputError.about(
            generated[0].file.parent, found=found, expected="generated clips named as their references"
        )
    return Pairing(
        pairs=pairs,
        without_reference=tuple(clip for clip in generated if clip.name not in known),
        without_clip=tuple(clip for clip in reference if clip.name not in made),
    )


def _as_its_source(clip: ListedClip, known: Mapping[str, ListedClip]) -> ListedClip:
    name = source_name(clip.name)
    return replace(clip, name=name) if clip.name not in known and name in known else clip


def _of_folder(file: Path) -> ListedClip:
    beside = file.with_suffix(".json")
    told: dict[str, Any] = {}
    if beside.is_file():
        try:
            told = json.loads(beside.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError.about(beside, found="no JSON", expected=f"the events of {file.name}") from error
    told = told if isinstance(told, dict) else {}
    events = _events(told.get("events"), beside)
    return ListedClip(name=file.stem, file=file, events=events, group=str(told.get("family", "")))


def _of_manifest(place: Path) -> list[ListedClip]:
    try:
        text = place.read_text(encoding="utf-8")
        if place.suffix.lower() == ".csv":
            rows: list[Any] = list(csv.DictReader(text.splitlines()))
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError.about(place, found="no rows that can be read", expected="CSV or JSON lines") from error
    clips = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not row.get("name") or not row.get("file"):
            raise InputError.about(f"{place}, row {number}", found="none of them", expected=COLUMNS)
        group = str(row.get("group") or row.get("family") or "")
        events = _events(row.get("events"), place)
        name = plain_name(row["name"], f"{place}, row {number}")
        clips.append(ListedClip(name=name, file=place.parent / row["file"], events=events, group=group))
    return clips


def _events(given: Any, place: Path) -> tuple[float, ...] | None:
    if given is None:
        return None
    try:
        listed = given.split() if isinstance(given, str) else given
        return tuple(sorted(float(event["time"] if isinstance(event, dict) else event) for event in listed))
    except (TypeError, ValueError, KeyError) as error:
        raise InputError.about(place, found=f"events {given!r:.60}", expected="times in seconds") from error
