"""All measurements of one file, in one pass over its pictures and one over its sound (ours).

A second pass over the sound follows if its channels cancel each other. The readers are those of `cmmd prepare`, so that
both agree on what can be read. Memory grows by at most 13 MB per hour of the file.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float

from cmmd.clips.opening import open_media
from cmmd.clips.probing import MediaInfo, probe
from cmmd.clips.stream_choice import choose_streams
from cmmd.doctor.belonging import lag_correlations
from cmmd.doctor.fingerprint import Fingerprint, fingerprint
from cmmd.doctor.picture_trace import PictureMeasures, watch
from cmmd.doctor.sound_measures import SoundMeasures, sound_measures
from cmmd.doctor.sound_trace import HOPS, SoundTrace, listen
from cmmd.doctor.thumbnails import ThumbnailStrip
from cmmd.errors import InputError
from cmmd.files.inline_groups import inline

SQUARE = 0.01
"""Largest deviation of the pixel aspect ratio from 1 that is invisible."""
WAVE_PARTS = 240
"""Number of peaks that the page draws."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What the file's headers state; None where they state nothing.

    videos, sounds: number of streams. seconds: duration. rate: pictures per second.
    """

    videos: int
    sounds: int
    seconds: float | None
    rate: float | None
    square_pixels: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """size: bytes. digest: sha256 of the file."""

    size: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """strip: thumbnails as JPEG. wave: peaks of the sound in WAVE_PARTS equal segments of the file. Both are None
    without `drawn`."""

    strip: bytes | None = None
    wave: Float[np.ndarray, " parts"] | None = None


@inline("content", "drawing")
@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All measurements of one file; `content` and `drawing` are inline groups.

    seconds: length of the picture, or of the sound if there is no picture. notes: streams that cannot be decoded.
    remarks: what the readers correct. lags: see `lag_correlations`. work: seconds that the examination took.
    """

    content: Content
    seconds: float
    info: MediaInfo
    stated: Stated
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    pictures: PictureMeasures | None
    sound: SoundMeasures | None
    fingerprint: Fingerprint
    lags: Float[np.ndarray, " lags"] | None
    drawing: Drawing
    work: float


def examine(path: Path, *, shortest: float, drawn: bool = False) -> Examination:
    """Measure a file. Raises InputError if nothing in it can be decoded.

    shortest: length of the shortest useful clip in s. drawn: adds `strip` and `wave` for the page.
    """
    started = time.perf_counter()
    streams, info = choose_streams(path), probe(path)
    strip = ThumbnailStrip(streams, info.seconds) if drawn else None
    seen = watch(path, streams, strip=strip) if streams.video is not None else None
    heard = listen(path, streams) if streams.audio is not None else None
    seconds = seen.measures.seconds if seen is not None else heard.end if heard is not None else 0.0
    if seconds <= 0:
        raise InputError.about(path, found=f"{seconds:.3f} s of sound", expected="a file with video or sound")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Examination(
        content=Content(size=path.stat().st_size, digest=digest),
        seconds=seconds,
        info=info,
        stated=_stated(path, streams.video),
        notes=streams.notes,
        remarks=(*streams.remarks, *(heard.notes if heard is not None else ())),
        pictures=seen.measures if seen is not None else None,
        sound=sound_measures(heard, seconds=seconds, shortest=shortest) if heard is not None else None,
        fingerprint=fingerprint(seen, heard, seconds=seconds),
        lags=lag_correlations(seen, heard) if seen is not None and heard is not None else None,
        drawing=Drawing(
            strip=strip.jpeg() if strip is not None else None,
            wave=_wave(heard, seconds) if drawn and heard is not None else None,
        ),
        work=time.perf_counter() - started,
    )


def _stated(path: Path, video: int | None) -> Stated:
    with open_media(path) as container:
        stream = container.streams[video] if video is not None else None
        rate = aspect = None
        if isinstance(stream, VideoStream):
            rate, aspect = stream.average_rate, stream.sample_aspect_ratio
        return Stated(
            videos=len(container.streams.video),
            sounds=len(container.streams.audio),
            seconds=container.duration / av.time_base if container.duration else None,
            rate=float(rate) if rate is not None else None,
            square_pixels=not aspect or abs(aspect - 1) <= SQUARE,
        )


def _wave(sound: SoundTrace, seconds: float) -> np.ndarray:
    """Peaks of WAVE_PARTS equal segments of `seconds`; zero after the end of the sound."""
    wanted = max(1, round(seconds * HOPS))
    peaks = np.pad(sound.peaks[:wanted], (0, max(0, wanted - len(sound.peaks))))
    starts = np.linspace(0, wanted, WAVE_PARTS, endpoint=False).astype(int)
    return np.maximum.reduceat(peaks, starts)
