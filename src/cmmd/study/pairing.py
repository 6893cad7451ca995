"""Clips of several systems, paired by the stem of their file names; a result has that of its source (ours)."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cmmd.clips.names import (
    VIDEO_SUFFIXES,
    media_in,
    name_of_source,
    source_name,
    sources_of_results,
    told_apart,
)
from cmmd.errors import InputError
from cmmd.study.plan import REAL

Clips = dict[str, Path]
"""By name."""


def pair_clips(folders: Mapping[str, Path]) -> dict[str, Clips]:
    """For every name that all folders have: the file of each system. Raises InputError if there is none."""
    found = _named_alike(folders)
    names = sorted(set.intersection(*(set(clips) for clips in found.values())))
    if not names:
        counts = ", ".join(f"{len(clips)} in {folders[system]}" for system, clips in found.items())
        raise InputError.about("clips", found=f"no file name common to all ({counts})", expected="the same stems")
    return {name: {system: clips[name] for system, clips in found.items()} for name in names}


def left_out(folders: Mapping[str, Path], names: Mapping[str, object]) -> dict[str, int]:
    """How many clips of each system have no partner, for those that have any."""
    counts = {system: len(set(clips) - set(names)) for system, clips in _named_alike(folders).items()}
    return {system: count for system, count in counts.items() if count}


def _named_alike(folders: Mapping[str, Path]) -> dict[str, Clips]:
    """The clips of every system under the names of the real ones they were made of; without a folder of real ones,
    under the names that results tell."""
    real = told_apart(_files(folders[REAL])) if REAL in folders else {}
    of_results = sources_of_results(real)

    def named(file: Path) -> str:
        return name_of_source(file.stem, real, of_results) if real else source_name(file.stem)

    systems = {system: _by_name(folder, named) for system, folder in folders.items() if system != REAL}
    return {system: systems.get(system, real) for system in folders}


def _by_name(folder: Path, named: Callable[[Path], str]) -> Clips:
    clips: Clips = {}
    for file in _files(folder):
        if (other := clips.setdefault(named(file), file)) is not file:
            raise InputError.about(folder, found=f"{other.name} and {file.name}", expected="one of them")
    return clips


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError.about(folder, found="no folder", expected="a folder of video clips")
    files = media_in(folder, VIDEO_SUFFIXES)
    if not files:
        raise InputError.about(folder, found="no video clip", expected="video files")
    return files
