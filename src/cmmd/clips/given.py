"""Converts user input - a file, a clip or an array - to a clip at a model's rates (ours)."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from cmmd.clips.geometry import Geometry
from cmmd.clips.picture_fit import Fit
from cmmd.clips.reading import Clip, read_clip
from cmmd.clips.stream_choice import choose_streams, refuse_single_picture
from cmmd.errors import InputError

Track = Literal["video", "audio"]
LOUDEST = 100.0
"""Largest accepted peak of a waveform. Mixes exceed 1 slightly; integer samples converted to float without scaling
exceed it by thousands."""
OVERRUN = 0.5
"""Seconds read beyond the largest allowed length, to see that a file is longer."""
Given = str | Path | Clip | np.ndarray


def as_clip(
    given: Given,
    *,
    geometry: Geometry,
    needs: Collection[Track],
    span: Track = "video",
    fit: Fit = "crop",
    longest: float | None = None,
) -> Clip:
    """Returns a clip with all modalities in `needs`. longest: largest length of a file in seconds; no more is read.

    An array holds frames, uint8 (f, h, w, 3), or a mono waveform, float (s,) between -1 and 1. If `needs` names both
    modalities, the clip of a file lasts as long as the one that `span` names.

    Raises InputError if a file cannot be read or is too long, a needed modality is missing or empty, a single picture
    is given as video, rates or sizes differ from `geometry`, frames or waveform have another shape, dtype or range, or
    `given` has another type.
    """
    if isinstance(given, (str, Path)):
        clip = _of_file(given, geometry, needs, span, fit, longest)
    elif isinstance(given, Clip):
        clip = given
    elif isinstance(given, np.ndarray):
        clip = _of_array(given, geometry)
    else:
        raise InputError.about("the clip", found=type(given).__name__, expected="a file, a Clip or an array")
    _check(clip, geometry, needs)
    frames = None if clip.frames is None else np.ascontiguousarray(clip.frames)
    waveform = None if clip.waveform is None else np.ascontiguousarray(clip.waveform, np.float32)
    return replace(clip, frames=frames, waveform=waveform)


def _of_file(
    path: str | Path, geometry: Geometry, needs: Collection[Track], span: Track, fit: Fit, longest: float | None
) -> Clip:
    if "video" in needs:
        refuse_single_picture(Path(path), choose_streams(Path(path)))
    read = partial(
        read_clip,
        path,
        fps=geometry.fps,
        image_size=geometry.image_size,
        sample_rate=geometry.sample_rate,
        fit=fit,
        seconds=None if longest is None else longest + OVERRUN,
    )
    if len(needs) == 1:
        clip = read(want=next(iter(needs)))
        _check_length(path, clip, longest)
        return clip
    clip = read(want="both")
    if span == "audio" and clip.frames is not None and clip.waveform is not None:
        # Read together, both end with the picture. Read alone, the sound has the same start and its full length.
        sound = read(want="audio")
        clip = replace(clip, waveform=sound.waveform, seconds=sound.seconds, notes=sound.notes)
    _check_length(path, clip, longest)
    return clip


def _check_length(path: str | Path, clip: Clip, longest: float | None) -> None:
    if longest is not None and clip.seconds > longest:
        raise InputError.about(path, found=f"more than {longest:g} s", expected=f"at most {longest:g} s")


def _of_array(given: np.ndarray, geometry: Geometry) -> Clip:
    if given.ndim not in (1, 4):
        raise InputError.about("the array", found=f"{given.ndim} axes", expected="frames, 4 axes, or a waveform")
    video = given.ndim == 4
    seconds = len(given) / (geometry.fps if video else geometry.sample_rate)
    frames, waveform = (given, None) if video else (None, given)
    return Clip(frames, waveform, float(geometry.fps), geometry.sample_rate, seconds, Path())


def _check_numbers(name: str | Path, clip: Clip) -> None:
    """Raises InputError for another dtype, shape or range. It would be silently read as wrong colours or as noise."""
    frames, waveform = clip.frames, clip.waveform
    if frames is not None and (frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3):
        found = f"frames {frames.dtype} {frames.shape}"
        raise InputError.about(name, found=found, expected="uint8 (f, h, w, 3)")
    if waveform is None:
        return
    if not np.issubdtype(waveform.dtype, np.floating) or waveform.ndim != 1:
        found = f"a waveform {waveform.dtype} {waveform.shape}"
        raise InputError.about(name, found=found, expected="float32 (s,) between -1 and 1, one channel")
    peak = float(np.abs(waveform).max(initial=0))
    if not peak <= LOUDEST:  # also catches NaN
        raise InputError.about(name, found=f"samples up to {peak:g}", expected="samples between -1 and 1")


def _check(clip: Clip, geometry: Geometry, needs: Collection[Track]) -> None:
    name = "the clip" if clip.source == Path() else clip.source
    for track, data in (("video", clip.frames), ("audio", clip.waveform)):
        if track in needs and (data is None or not len(data)):
            raise InputError.about(name, found=f"no {track}", expected=f"a clip with {' and '.join(sorted(needs))}")
    _check_numbers(name, clip)
    if "video" in needs and clip.frames is not None:
        size = geometry.image_size
        found = (*clip.frames.shape[1:3], clip.fps)
        if found != (size, size, geometry.fps):
            given_format = f"frames of {found[1]} x {found[0]} at {found[2]:g} fps"
            raise InputError.about(name, found=given_format, expected=f"{size} x {size} at {geometry.fps} fps")
    if "audio" in needs and clip.sample_rate != geometry.sample_rate:
        raise InputError.about(name, found=f"{clip.sample_rate} Hz", expected=f"{geometry.sample_rate} Hz")
