"""File names of clips: media suffixes, names of results, and validation of names from tables (ours)."""

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
"""Files in a folder are clips if they have one of these suffixes; a file given by name may have any suffix."""
RESULT = "_cmmd"
"""Suffix of the stem of a file that `cmmd generate` writes, before the number of the take."""
LONGEST_NAME = 255
"""Bytes; the limit of nearly every file system."""


def media_in(folder: Path, suffixes: frozenset[str] = MEDIA_SUFFIXES) -> list[Path]:
    """Returns the clips in a folder, sorted by path, without hidden files."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and file.is_file() and not file.name.startswith(".")
    )


def source_name(stem: str) -> str:
    """Returns the stem of the file that a result was generated from; any other stem is returned unchanged."""
    return re.sub(rf"{RESULT}(_\d+)?$", "", stem) or stem


def result_stems(source: Path) -> tuple[str, str, str]:
    """Returns the candidates for the stem of a result, before `RESULT`, from the shortest to the longest: the stem of
    the source, with its suffix, and with its suffix and folder. The caller takes the shortest one that is unique."""
    tells = f"{source.stem}_{source.suffix[1:]}"
    return source.stem, tells, f"{Path(os.path.realpath(source)).parent.name}_{tells}"


def unique_names(files: Iterable[Path]) -> dict[str, Path]:
    """Maps names to the files of one folder. The name is the stem, or stem and suffix if several files share the stem.

    Raises InputError if two names are still equal, for example for a_mp4.wav, a.mp4 and a.mkv.
    """
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
    """Maps every result stem that can belong to only one of `sources` to the name of that source."""
    known: dict[str, str | None] = {}
    for name, file in sources.items():
        for stem in {*result_stems(file), name}:
            known[stem] = None if stem in known else name
    return {stem: name for stem, name in known.items() if name is not None}


def name_of_source(stem: str, sources: Mapping[str, Path], of_results: Mapping[str, str]) -> str:
    """Returns the name of the source that a file with this stem is, or was generated from. Without such a source,
    returns `stem`."""
    source = source_name(stem)
    return stem if stem in sources or source == stem else of_results.get(source, stem)


def plain_name(given: Any, where: str | Path) -> str:
    """Returns a clip's name from a table or manifest, checked for use as a file name.

    Raises InputError, which names `where`, if the name is not text, would lead out of a folder, is not printable, or is
    too long for a suffix to be added.
    """
    if not isinstance(given, str):
        raise InputError.about(where, found=f"the name {given!r:.60}", expected="text")
    safe = given.isprintable() and given not in ("", ".", "..") and not set(given) & {"/", "\\", os.sep}
    if not safe or len(given.encode()) > LONGEST_NAME - 10:
        expected = f"a plain file name of at most {LONGEST_NAME - 10} bytes"
        raise InputError.about(where, found=f"the name {given!r:.60}", expected=expected)
    return given
