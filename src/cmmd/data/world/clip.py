"""What the world hands out: frames, sound, and the exact times of its events (ours)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

FPS = 10
SAMPLE_RATE = 16_000
IMAGE_SIZE = 64
PIXEL_BLOCK = 8
"""Every size of a picture is a multiple of it."""

Family = Literal["impacts", "dance", "hits"]
FAMILIES: tuple[Family, ...] = get_args(Family)
PLAIN_FAMILIES: tuple[Family, ...] = ("impacts", "dance")
"""Drawn with plain shapes, at 10 fps and 64 pixels only; the shipped model knows them."""

PLAIN_LEVELS = (-4.1, -2.6)
"""Between these is the mean log-mel of the plain families (nepers): -4.06 to -2.65 in 480 clips of both splits."""

EDGE = 0.06
"""No event lies closer than this to either end of a clip (s): half-heard events have no well-defined onset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A sound that starts at `time` (s) with its strongest partial at `frequency` (Hz; 0: it has no pitch), made by
    object `source`."""

    time: float
    frequency: float
    strength: float
    source: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldClip:
    """frames: uint8 (f, size, size, 3) at `fps`. waveform: float32 (f * 16000 / fps,), peak below 1. events by time."""

    frames: np.ndarray
    waveform: np.ndarray
    events: tuple[Event, ...]
    family: Family
    seed: int
    fps: int = FPS

    @property
    def event_times(self) -> np.ndarray:
        """Seconds, ascending."""
        return np.array([event.time for event in self.events])


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The stretch of world time that a clip shows."""

    start: float
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / FPS

    @property
    def frame_times(self) -> np.ndarray:
        """World time of every frame, (f,)."""
        return self.start + np.arange(self.frames) / FPS

    @property
    def samples(self) -> int:
        return self.frames * SAMPLE_RATE // FPS


def choose_span(event_times: np.ndarray, frames: int, rng: np.random.Generator) -> Span:
    """A start in [0, 1) s that keeps every event off both edges; the last draw stands if none does."""
    seconds = frames / FPS
    start = 0.0
    for _ in range(50):
        start = float(rng.uniform(0.0, 1.0))
        if all(np.abs(event_times - edge).min(initial=np.inf) > EDGE for edge in (start, start + seconds)):
            break
    return Span(start=start, frames=frames)


def check_sizes(families: Iterable[Family], *, fps: int, image_size: int, sample_rate: int = SAMPLE_RATE) -> None:
    """Raise ValueError for rates and sizes that clips of these families do not have."""
    plain = [family for family in families if family in PLAIN_FAMILIES]
    if plain and (fps, image_size, sample_rate) != (FPS, IMAGE_SIZE, SAMPLE_RATE):
        found, expected = (fps, image_size, sample_rate), (FPS, IMAGE_SIZE, SAMPLE_RATE)
        raise ValueError(f"fps, image_size, sample_rate are {found}, the world has {expected} for {', '.join(plain)}")
    if sample_rate != SAMPLE_RATE or SAMPLE_RATE % fps or image_size % PIXEL_BLOCK:
        raise ValueError(
            f"fps, image_size, sample_rate are {fps}, {image_size}, {sample_rate}, the world has an fps that divides "
            f"{SAMPLE_RATE}, a multiple of {PIXEL_BLOCK}, and {SAMPLE_RATE}"
        )
