"""Lists clips and pairs each generated clip with its reference, by file stem or by manifest (ours)."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from cmmd.clips import names
from cmmd.clips.names import media_in, plain_name
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_json import read_json
from cmmd.files.plain_tables import read_table

COLUMNS = "a name and a file"
LONGEST_GROUP = 100
"""Characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedClip:
    """A listed clip; its file may be missing. events: known times (s), None if unknown. group: "" for none."""

    name: str
    file: Path
    events: tuple[float, ...] | None
    group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A generated clip and its real reference."""

    generated: ListedClip
    reference: ListedClip


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """without_reference: generated clips without a reference. without_clip: references without a generated clip."""

    pairs: tuple[Pair, ...]
    without_reference: tuple[ListedClip, ...]
    without_clip: tuple[ListedClip, ...]


def list_clips(path: Path, *, unique_names: bool = False) -> tuple[ListedClip, ...]:
    """Returns the clips of a folder or of a manifest (.csv, or JSON lines as .jsonl or .json), sorted by name.

    unique_names: files of a folder that share a stem get their suffix in the name, as in `cmmd generate`.

    In a folder, a JSON file with the stem of a clip may hold `events` ([{"time": s}, ...] or [s, ...]) and `family`, as
    `cmmd world` writes it. A manifest has the columns name, file (relative to the manifest) and optionally events (in
    CSV: times separated by spaces) and group. Raises InputError if there is no clip, a name occurs twice, or the folder
    or manifest cannot be read.
    """
    if path.is_dir():
        files = media_in(path)
        named = names.unique_names(files).items() if unique_names else [(file.stem, file) for file in files]
        clips = [_of_folder(file, name=name) for name, file in named]
    elif path.suffix.lower() in (".csv", ".jsonl", ".json"):
        clips = _of_manifest(path)
    else:
        found = "a file" if path.exists() else "nothing"
        raise InputError.about(path, found=found, expected="a folder of clips, or a manifest (.csv, .jsonl)")
    if not clips:
        raise InputError.about(path, found="no clip", expected="audio or video files")
    clips.sort(key=lambda clip: clip.name)
    for one, other in pairwise(clips):
        if one.name == other.name:
            found = f"{one.file.name} and {other.file.name}"
            raise InputError.about(path, found=found, expected=f"one clip named {one.name}")
    return tuple(clips)


def pair_by_name(generated: Sequence[ListedClip], reference: Sequence[ListedClip]) -> Pairing:
    """Pairs clips by name (see `named_as_sources`), in the order of `generated`.

    Raises InputError if the two sides have no name in common, or several generated clips have the same source.
    """
    generated = named_as_sources(generated, reference)
    names_of_generated = {clip.name for clip in generated}
    known = {clip.name: clip for clip in reference}
    pairs = tuple(Pair(generated=clip, reference=known[clip.name]) for clip in generated if clip.name in known)
    if not pairs:
        found = f"no common name ({generated[0].name}, ... and {reference[0].name}, ...)"
        raise InputError.about(
            generated[0].file.parent, found=found, expected="generated clips named as their references"
        )
    return Pairing(
        pairs=pairs,
        without_reference=tuple(clip for clip in generated if clip.name not in known),
        without_clip=tuple(clip for clip in reference if clip.name not in names_of_generated),
    )


def named_as_sources(generated: Sequence[ListedClip], reference: Sequence[ListedClip]) -> tuple[ListedClip, ...]:
    """Returns results of `cmmd generate` renamed to the references that they were generated from.

    Raises InputError if several results belong to the same reference.
    """
    files = {clip.name: clip.file for clip in reference}
    of_results = names.sources_of_results(files)
    named = tuple(replace(clip, name=names.name_of_source(clip.name, files, of_results)) for clip in generated)
    for name, count in Counter(clip.name for clip in named).items():
        if count > 1:
            found = " and ".join(clip.file.name for clip in named if clip.name == name)
            expected = f"one clip for {name}: takes go into folders of their own, each with a --system"
            raise InputError.about(generated[0].file.parent, found=found, expected=expected)
    return named


def require_pairs(systems: Iterable[Path], reference: Path) -> None:
    """Raises InputError if clips cannot be listed or paired; runs before anything is loaded or measured."""
    real = list_clips(reference, unique_names=True)
    for path in systems:
        pair_by_name(list_clips(path), real)


def _of_folder(file: Path, *, name: str) -> ListedClip:
    annotation = file.with_suffix(".json")
    values: dict[str, Any] = {}
    if annotation.is_file():
        values = read_json(annotation, expected=f"the events of {file.name}")
    values = values if isinstance(values, dict) else {}
    events = _events(values.get("events"), annotation)
    return ListedClip(name=name, file=file, events=events, group=_group(values.get("family"), annotation))


def _of_manifest(path: Path) -> list[ListedClip]:
    clips = []
    for where, row in read_table(path, expected="CSV or JSON lines"):
        name, file = row.get("name"), row.get("file")
        if not name or not file:
            raise InputError.about(where, found="none of them", expected=COLUMNS)
        if not isinstance(file, str) or "\0" in file:
            raise InputError.about(where, found=f"the file {file!r:.60}", expected="a path")
        events = _events(row.get("events"), where)
        group = _group(row.get("group") or row.get("family"), where)
        clips.append(ListedClip(name=plain_name(name, where), file=path.parent / file, events=events, group=group))
    return clips


def _group(given: Any, where: str | Path) -> str:
    """Checks a group name. It is printed in tables and charts, and never used as a file name."""
    if given is not None and (not isinstance(given, str) or len(given) > LONGEST_GROUP):
        raise InputError.about(where, found=f"the group {given!r:.60}", expected="a short text")
    return given or ""


def _events(given: Any, where: str | Path) -> tuple[float, ...] | None:
    if given is None:
        return None
    expected = "events as times in seconds"
    with reading(where, expected=expected):
        listed = given.split() if isinstance(given, str) else given
        if not isinstance(listed, list):
            raise InputError.about(where, found=f"events {given!r:.60}", expected=expected)
        times = sorted(float(event["time"] if isinstance(event, dict) else event) for event in listed)
    if not all(math.isfinite(time) for time in times):
        raise InputError.about(where, found=f"events {given!r:.60}", expected=expected)
    return tuple(times)
