"""Pairing of the clips of several systems by file name stem; a result has the stem of its source (ours)."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cmmd.clips.names import (
    VIDEO_SUFFIXES,
    media_in,
    name_of_source,
    source_name,
    sources_of_results,
    unique_names,
)
from cmmd.errors import InputError
from cmmd.study.plan import REAL

Clips = dict[str, Path]
"""Name -> file."""


def pair_clips(folders: Mapping[str, Path]) -> dict[str, Clips]:
    """Returns, for every name that all folders share, the file of each system.

    Raises InputError if no name is shared, if a folder is missing or has no video files, or if two files of a folder
    have the same name.
    """
    found = _named_alike(folders)
    names = sorted(set.intersection(*(set(clips) for clips in found.values())))
    if not names:
        counts = ", ".join(f"{len(clips)} in {folders[system]}" for system, clips in found.items())
        raise InputError.about("clips", found=f"no file name common to all ({counts})", expected="the same stems")
    return {name: {system: clips[name] for system, clips in found.items()} for name in names}


def left_out(folders: Mapping[str, Path], names: Mapping[str, object]) -> dict[str, int]:
    """Returns the number of clips without a partner per system; systems without such clips are omitted."""
    counts = {system: len(set(clips) - set(names)) for system, clips in _named_alike(folders).items()}
    return {system: count for system, count in counts.items() if count}


def _named_alike(folders: Mapping[str, Path]) -> dict[str, Clips]:
    """The clips of every system, keyed by the name of the real clip that they were generated from.

    Without a folder of real clips, the key is the source name in the file name of the result.
    """
    real = unique_names(_files(folders[REAL])) if REAL in folders else {}
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
