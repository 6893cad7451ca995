"""Reads clips for measuring, in worker processes that may crash; unreadable clips become failures (ours)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Literal

import numpy as np

from cmmd.clips.reading import read_clip
from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure, map_in_workers

SAMPLE_RATE = 16_000
"""Hz, for onset detection and spectrogram distances; backbones may read other rates."""
RESAMPLER = "soxr HQ, channels kept and then averaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Settings for reading clips. rates: further sample rates (Hz), with the model's if it is not `SAMPLE_RATE`."""

    fps: int = 10
    image_size: int = 64
    rates: tuple[int, ...] = ()
    model_rate: int = SAMPLE_RATE

    def __str__(self) -> str:
        size = f"{self.image_size} x {self.image_size}"
        return (
            f"whole clips from the first frame: {self.fps} fps, centre crop to {size}; sound mono at {SAMPLE_RATE} Hz"
        )


@dataclass(frozen=True, slots=True)
class Media:
    """frames: uint8 (f, h, w, 3) or None. sounds: waveform (s,) by sample rate (Hz), {} without sound."""

    frames: np.ndarray | None
    sounds: dict[int, np.ndarray]
    seconds: float


def read_all(files: Iterable[Path], reading: Reading, *, workers: int | None) -> Iterator[Media | Failure]:
    """Yields one result per file, in order. A Failure holds the reason in one line; see `failure_kind`."""
    return map_in_workers(partial(_read, reading=reading), files, workers=workers)


def failure_kind(reason: str) -> Literal["missing", "unreadable", "silent"]:
    """Classifies a failure by its reason, from `read_all` or `lacking`."""
    if "found no file" in reason:
        return "missing"
    return "silent" if "found digital silence" in reason else "unreadable"


def digest_of(file: Path) -> str:
    """sha256 of a file, "" if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _read(file: Path, *, reading: Reading) -> Media:
    if not file.is_file():
        raise InputError.about(file.name, found="no file", expected="a clip")
    fps, size = reading.fps, reading.image_size
    clip = read_clip(file, fps=fps, image_size=size, sample_rate=SAMPLE_RATE)
    sounds = {}
    if clip.waveform is not None:
        sounds[SAMPLE_RATE] = clip.waveform
        for rate in reading.rates:
            # Reads the frames again, too: time zero is that of the video, which is unknown if only sound is read.
            sounds[rate] = again = read_clip(file, fps=fps, image_size=size, sample_rate=rate).waveform
            assert again is not None
    return Media(clip.frames, sounds, clip.seconds)
