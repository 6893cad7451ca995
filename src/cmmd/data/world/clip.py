"""What the world hands out: frames, sound, and the exact times of its events (ours)."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

FPS = 10
SAMPLE_RATE = 16_000
IMAGE_SIZE = 64

Family = Literal["impacts", "dance"]
FAMILIES: tuple[Family, ...] = get_args(Family)

EDGE = 0.06
"""No event lies closer than this to either end of a clip (s): half-heard events have no well-defined onset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A sound that starts at `time` (s) with its strongest partial at `frequency` (Hz), made by object `source`."""

    time: float
    frequency: float
    strength: float
    source: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldClip:
    """frames: uint8 (f, 64, 64, 3) at 10 fps. waveform: float32 (f * 1600,) at 16 kHz, peak below 1. events by time."""

    frames: np.ndarray
    waveform: np.ndarray
    events: tuple[Event, ...]
    family: Family
    seed: int

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
