"""File names of clips: which suffixes are media, what results are called, and names that are safe to write (ours)."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cmmd.errors import InputError

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"),
        *(".ogv", ".ts", ".vob", ".webm", ".wmv"),
    )
)
SOUND_SUFFIXES = frozenset((".aac", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"))
MEDIA_SUFFIXES = VIDEO_SUFFIXES | SOUND_SUFFIXES
"""In a folder these are clips; a file that is named by itself may be called anything."""
RESULT = "_cmmd"
"""Ends the name of what `cmmd generate` made of a file, before the number of its take."""
LONGEST_NAME = 255
"""Bytes, of nearly every file system."""


def media_in(folder: Path, suffixes: frozenset[str] = MEDIA_SUFFIXES) -> list[Path]:
    """The clips in a folder, by name; hidden files are none."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and file.is_file() and not file.name.startswith(".")
    )


def source_name(stem: str) -> str:
    """The name of the file that a result was made of; any other stem as it is."""
    return re.sub(rf"{RESULT}(_\d+)?$", "", stem) or stem


def result_stems(source: Path) -> tuple[str, str, str]:
    """What names a result of this file, before `RESULT`: the plainest that no other result has, which tells its suffix
    and then its folder, too."""
    tells = f"{source.stem}_{source.suffix[1:]}"
    return source.stem, tells, f"{Path(os.path.realpath(source)).parent.name}_{tells}"


def told_apart(files: Iterable[Path]) -> dict[str, Path]:
    """Files of one folder by their stems, and by stem and suffix where several share a stem. Raises InputError for two
    that are still called alike, such as a_mp4.wav beside a.mp4 and a.mkv."""
    files = list(files)
    stems = Counter(file.stem for file in files)
    named: dict[str, Path] = {}
    for file in files:
        name = result_stems(file)[stems[file.stem] > 1]
        if (other := named.setdefault(name, file)) is not file:
            raise InputError.about(
                file.parent, found=f"{other.name} and {file.name}", expected=f"one clip named {name}"
            )
    return named


def sources_of_results(sources: Mapping[str, Path]) -> dict[str, str]:
    """By the stem of a result that is about one of `sources` only: the name of that source."""
    known: dict[str, str | None] = {}
    for name, file in sources.items():
        for stem in {*result_stems(file), name}:
            known[stem] = None if stem in known else name
    return {stem: name for stem, name in known.items() if name is not None}


def name_of_source(stem: str, sources: Mapping[str, Path], of_results: Mapping[str, str]) -> str:
    """The source that a file of this stem is, or was made of; its own stem where that is none of them."""
    told = source_name(stem)
    return stem if stem in sources or told == stem else of_results.get(told, stem)


def plain_name(given: Any, place: str | Path) -> str:
    """A name that a table or manifest gives to a clip, to write files under. Raises InputError, naming the place, for
    what would lead out of a folder, could not be printed, or is too long with a suffix."""
    if not isinstance(given, str):
        raise InputError.about(place, found=f"the name {given!r:.60}", expected="text")
    safe = given.isprintable() and given not in ("", ".", "..") and not set(given) & {"/", "\\", os.sep}
    if not safe or len(given.encode()) > LONGEST_NAME - 10:
        expected = f"a plain file name of at most {LONGEST_NAME - 10} bytes"
        raise InputError.about(place, found=f"the name {given!r:.60}", expected=expected)
    return given
