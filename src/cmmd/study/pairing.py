"""Clips of several systems, paired by the stem of their file names; a result has that of its source (ours)."""

from collections.abc import Mapping
from pathlib import Path

from cmmd.clips.names import VIDEO_SUFFIXES, media_in, source_name
from cmmd.errors import InputError


def pair_clips(folders: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """For every stem that all folders have: the file of each system. Raises InputError if there is none."""
    found = {system: _clips(folder) for system, folder in folders.items()}
    stems = sorted(set.intersection(*(set(clips) for clips in found.values())))
    if not stems:
        counts = ", ".join(f"{len(clips)} in {folders[system]}" for system, clips in found.items())
        raise InputError.about("clips", found=f"no file name common to all ({counts})", expected="the same stems")
    return {stem: {system: clips[stem] for system, clips in found.items()} for stem in stems}


def left_out(folders: Mapping[str, Path], stems: Mapping[str, object]) -> dict[str, int]:
    """How many clips of each system have no partner, for those that have any."""
    counts = {system: len(set(_clips(folder)) - set(stems)) for system, folder in folders.items()}
    return {system: count for system, count in counts.items() if count}


def _clips(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError.about(folder, found="no folder", expected="a folder of video clips")
    clips: dict[str, Path] = {}
    for file in media_in(folder, VIDEO_SUFFIXES):
        stem = source_name(file.stem)
        if stem in clips:
            raise InputError.about(folder, found=f"{clips[stem].name} and {file.name}", expected="one of them")
        clips[stem] = file
    if not clips:
        raise InputError.about(folder, found="no video clip", expected="video files")
    return clips
