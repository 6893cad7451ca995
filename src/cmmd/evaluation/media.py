"""Clips read for measuring, each in a process that may die; what cannot be read is told and never replaced (ours)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Literal

import numpy as np

from cmmd.clips.reading import read_clip
from cmmd.errors import InputError
from cmmd.worker_processes import Failure, map_in_workers

SAMPLE_RATE = 16_000
"""Hz at which events are heard and spectrograms compared; backbones get their own rates besides."""
RESAMPLER = "soxr HQ, channels kept and then averaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How clips are read. rates: further sample rates (Hz) besides `SAMPLE_RATE`, among them that of a model."""

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
    """frames: uint8 (f, h, w, 3) or None. sounds: by sample rate (Hz), {} without sound."""

    frames: np.ndarray | None
    sounds: dict[int, np.ndarray]
    seconds: float


def read_all(files: Iterable[Path], reading: Reading, *, workers: int | None) -> Iterator[Media | Failure]:
    """In the order of the files. A Failure tells what is wrong in one line; see `failure_kind`."""
    return map_in_workers(partial(_read, reading=reading), files, workers=workers)


def failure_kind(reason: str) -> Literal["missing", "unreadable", "silent"]:
    """What sort of failure a reason of `read_all` tells of."""
    if "found no file" in reason:
        return "missing"
    return "silent" if "found digital silence" in reason else "unreadable"


def digest_of(file: Path) -> str:
    """sha256 of a file, "" where it cannot be read."""
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
            # Read whole again: time zero is that of the picture, which a reading of the sound alone would not know.
            sounds[rate] = again = read_clip(file, fps=fps, image_size=size, sample_rate=rate).waveform
            assert again is not None
    return Media(clip.frames, sounds, clip.seconds)
