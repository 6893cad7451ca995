"""Reads any media file as frames at a constant rate and mono sound on one time line (ours).

Files are decoded as a stream. Only a small picture per frame of the target rate and the resampled sound are retained,
so memory grows only with the result.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path
from typing import Literal

import numpy as np

from cmmd.clips.channel_mix import ChannelMix
from cmmd.clips.decoding import Damage, decode_pictures, decode_sound
from cmmd.clips.picture_fit import Fit, Region, fit_picture
from cmmd.clips.probing import MediaInfo, probe
from cmmd.clips.stream_choice import Streams, choose_streams
from cmmd.clips.timeline import Holds, SoundLine
from cmmd.errors import InputError

__all__ = ["Clip", "MediaInfo", "probe", "read_clip"]

Want = Literal["video", "audio", "both"]
ROUNDING = Fraction(1, 2000)  # s; rounding error of containers with a millisecond clock
WORTH_A_NOTE = Fraction(50, 1000)  # s by which picture and sound may differ in length without a note


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on its own time line. Time zero is the first video frame (without video, the start of the sound).

    frames: uint8 (f, h, w, 3); frame k is the picture visible at start + k / fps. None without video, or if not
    requested. waveform: float32 (s,), mono. None without sound, or if not requested. fps, sample_rate: the requested
    rates in Hz. seconds: length of the span read, at most the requested length. notes: problems that the reader
    repaired, one sentence each.
    """

    frames: np.ndarray | None
    waveform: np.ndarray | None
    fps: float
    sample_rate: int
    seconds: float
    source: Path
    notes: tuple[str, ...] = ()


def read_clip(
    path: str | Path,
    *,
    fps: float | int = 10,
    image_size: int = 64,
    sample_rate: int = 16000,
    fit: Fit | Region = "crop",
    start: float | int = 0.0,
    seconds: float | int | None = None,
    want: Want = "both",
) -> Clip:
    """Reads `seconds` (default: all) of a media file from `start` seconds after its time zero.

    Frame k is the last one presented at or before start + k / fps, with a tolerance of 0.5 ms for rounding in the
    container. There are ceil(seconds * fps) frames: upright squares of `image_size` pixels in ordinary dynamic range.
    `fit` selects the largest centred square, the whole picture with bars, or a region.

    The sound is the mean of the channels (a single channel if they cancel), resampled to `sample_rate` Hz and aligned
    by its timestamps: silence fills a late start, sound before time zero is cut. It has round(seconds * sample_rate)
    samples.

    With want="both", a file without video or without sound gives None for the missing one, and the span is that of the
    video if there is any. Raises InputError if a setting is invalid, or if the file cannot be read, lacks the wanted
    modality, ends before `start`, or has no new picture or sound for more than half an hour in total (see
    `timeline.Holds`).
    """
    source = Path(path)
    _check(fps=fps, image_size=image_size, sample_rate=sample_rate, fit=fit, start=start, seconds=seconds, want=want)
    streams = choose_streams(source)
    _require(want, streams, source)
    begin, limit = _exact(start), None if seconds is None else _exact(seconds)
    frames = waveform = span = None
    notes = [*streams.notes, *streams.remarks]
    if want != "audio" and streams.video is not None:
        frames, span = _read_frames(source, streams, begin, limit, fps=fps, image_size=image_size, fit=fit, notes=notes)
    if want != "video" and streams.audio is not None:
        waveform, span = _read_sound(source, streams, begin, limit, span, sample_rate=sample_rate, notes=notes)
    assert span is not None
    return Clip(frames, waveform, float(fps), sample_rate, float(span), source, tuple(notes))


def _require(want: Want, streams: Streams, source: Path) -> None:
    """Raises InputError if the file lacks the only modality that is wanted."""
    for kind, index in (("video", streams.video), ("audio", streams.audio)):
        if want == kind and index is None:
            raise InputError.about(source, found=f"no {kind} that can be decoded", expected=f"a file with {kind}")


def _read_frames(
    source: Path,
    streams: Streams,
    begin: Fraction,
    limit: Fraction | None,
    *,
    fps: float | int,
    image_size: int,
    fit: Fit | Region,
    notes: list[str],
) -> tuple[np.ndarray, Fraction]:
    """Returns frames, uint8 (f, h, w, 3), from `begin` on, and the span in seconds that they cover."""
    assert streams.video is not None
    damage, step, zero, holds = Damage(), 1 / _exact(fps), streams.origin + begin, Holds()
    most = None if limit is None else max(1, ceil(limit / step))
    pixels, count = bytearray(), 0  # grows in place; stacking a list of frames would double the memory
    picture, end = None, Fraction(0)
    fitting = partial(fit_picture, size=image_size, fit=fit, pixel_aspect=streams.pixel_aspect, turn=streams.turn)
    for picture in decode_pictures(source, streams.video, begin=zero if begin else None, damage=damage):
        end = picture.time - zero + picture.duration
        holds.add(picture.duration if limit is None else min(picture.duration, limit))
        holds.check(source, "picture")
        due = ceil((end - ROUNDING) / step)  # number of times 0, step, 2 step, ... before the next picture
        due = due if most is None else min(due, most)
        if due > count:
            pixels += fitting(picture.frame).tobytes() * (due - count)
            count = due
        if limit is not None and end >= limit:
            break
    if picture is None or end <= 0:
        found = f"{float(end + begin):.3f} s of video"
        raise InputError.about(source, found=found, expected=f"more than the start at {float(begin)} s")
    span = end if limit is None else min(end, limit)
    needed = max(1, ceil(span / step))
    if needed > count:  # the last picture ends less than ROUNDING after a sampling time
        pixels += fitting(picture.frame).tobytes() * (needed - count)
    notes += damage.notes("video")
    return np.frombuffer(pixels, np.uint8).reshape(-1, image_size, image_size, 3)[:needed], span


def _read_sound(
    source: Path,
    streams: Streams,
    begin: Fraction,
    limit: Fraction | None,
    video_span: Fraction | None,
    *,
    sample_rate: int,
    notes: list[str],
) -> tuple[np.ndarray, Fraction]:
    """Returns the waveform, float32 (s,), from `begin` on, and its span in seconds: `video_span` if given."""
    until, mix = limit if video_span is None else video_span, ChannelMix()
    line, damage = heard(source, streams, begin, until, mix, sample_rate=sample_rate)
    instead = mix.instead
    if instead is not None:
        line, damage = heard(source, streams, begin, until, instead, sample_rate=sample_rate)
        notes += instead.notes()
    if video_span is None and line.end <= 0:
        found = f"{float(line.end + begin):.3f} s of sound"
        raise InputError.about(source, found=found, expected=f"more than the start at {float(begin)} s")
    span = video_span
    if span is None:
        span = line.end if limit is None else min(line.end, limit)
    if video_span is not None:
        _note_offsets(line, begin, video_span, notes, whole=limit is None)
    _note_repairs(line, notes)
    notes += damage.notes("sound")
    return line.finish(span), span


def heard(
    source: Path, streams: Streams, begin: Fraction, until: Fraction | None, mix: ChannelMix, *, sample_rate: int
) -> tuple[SoundLine, Damage]:
    """Returns the sound of a file from `begin` to `until` (s after its time zero; None: the end), mixed to one
    channel."""
    assert streams.audio is not None
    damage, zero, line = Damage(), streams.origin + begin, SoundLine(sample_rate, until=until)
    for sound in decode_sound(source, streams.audio, begin=zero if begin else None, damage=damage, mix=mix):
        line.add(sound.samples, sound.rate, None if sound.time is None else sound.time - zero)
        line.pauses.check(source, "sound")
        if line.full:
            break
    damage.jumps = line.jumps
    return line, damage


def _note_offsets(line: SoundLine, begin: Fraction, video_span: Fraction, notes: list[str], *, whole: bool) -> None:
    """Adds notes on differences between the start and end of sound and picture."""
    first = (line.first or Fraction(0)) + begin
    if abs(first) >= Fraction(5, 1000):
        notes.append(f"sound starts {_milliseconds(first)} {'after' if first > 0 else 'before'} the video")
    if video_span - line.end > WORTH_A_NOTE:
        notes.append(f"sound ends {_milliseconds(video_span - line.end)} before the video; silence fills the rest")
    if whole and line.end - video_span > WORTH_A_NOTE:
        notes.append("sound goes on after the video and is cut")


def _note_repairs(line: SoundLine, notes: list[str]) -> None:
    """Adds notes on gaps that were filled and overlaps that were cut."""
    if line.gaps:
        notes.append(f"{line.gaps} gaps in the sound filled with silence, {float(line.filled):.2f} s in all")
    if line.cuts:
        notes.append(f"{line.cuts} blocks of the sound overlapped and were cut, by {float(line.cut):.2f} s in all")


def _exact(value: float | int) -> Fraction:
    """Returns the decimal number that was meant: exactly 1.6, not the nearest binary number."""
    return Fraction(value).limit_denominator(1_000_000)


def _milliseconds(time: Fraction) -> str:
    return f"{round(abs(time) * 1000)} ms"


def _check(
    *,
    fps: float | int,
    image_size: int,
    sample_rate: int,
    fit: Fit | Region,
    start: float | int,
    seconds: float | int | None,
    want: str,
) -> None:
    """Raises InputError for a setting out of range."""
    for name, value in (("fps", fps), ("image_size", image_size), ("sample_rate", sample_rate), ("seconds", seconds)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError.about(name, found=str(value), expected="a number above 0")
    if not 0 <= start < float("inf"):
        raise InputError.about("start", found=str(start), expected="a number of seconds, 0 or more")
    fits = fit if isinstance(fit, str) else "crop"
    for name, value, allowed in (("fit", fits, ("crop", "letterbox")), ("want", want, ("video", "audio", "both"))):
        if value not in allowed:
            raise InputError.about(name, found=repr(value), expected=" or ".join(map(repr, allowed)))
