"""Data types of the procedural world: frames, sound and exact event times of a clip (ours)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

FPS = 10
SAMPLE_RATE = 16_000
IMAGE_SIZE = 64
PIXEL_BLOCK = 8
"""Image sizes are multiples of this (pixels)."""

Family = Literal["impacts", "dance", "hits"]
FAMILIES: tuple[Family, ...] = get_args(Family)
PLAIN_FAMILIES: tuple[Family, ...] = ("impacts", "dance")
"""Families drawn with plain shapes, at 10 fps and 64 pixels only. The shipped model was trained on them."""

PLAIN_LEVELS = (-0.8, -2.6)
"""Smallest loudest moment and largest mean of the log-mel (nepers) of the plain families. In 480 clips of both splits
the loudest moment is -0.76 or more, except for one clip of the hard split, and the mean is at most -2.65."""

EDGE = 0.06
"""Minimum distance of events from either end of a clip (s). A half-heard event has no well-defined onset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A sound event. time: onset (s from the first frame). frequency: of its strongest partial (Hz), 0 for an unpitched
    sound. strength: force. source: index of the object that makes the sound."""

    time: float
    frequency: float
    strength: float
    source: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldClip:
    """frames: uint8 (f, size, size, 3) at `fps` Hz. waveform: float32 (f * 16000 / fps,), peak below 1. events: ordered
    by time."""

    frames: np.ndarray
    waveform: np.ndarray
    events: tuple[Event, ...]
    family: Family
    seed: int
    fps: int = FPS

    @property
    def event_times(self) -> np.ndarray:
        """Onset times of all events (s), ascending."""
        return np.array([event.time for event in self.events])


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The interval of world time that a clip shows. start: seconds. frames: number of frames at 10 fps."""

    start: float
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / FPS

    @property
    def frame_times(self) -> np.ndarray:
        """World time of each frame (s), (f,)."""
        return self.start + np.arange(self.frames) / FPS

    @property
    def samples(self) -> int:
        return self.frames * SAMPLE_RATE // FPS


def choose_span(event_times: np.ndarray, frames: int, rng: np.random.Generator) -> Span:
    """Draws a start in [0, 1) s at which no event is within EDGE of either end of the clip. If none of 50 draws
    qualifies, the last one is used."""
    seconds = frames / FPS
    start = 0.0
    for _ in range(50):
        start = float(rng.uniform(0.0, 1.0))
        if all(np.abs(event_times - edge).min(initial=np.inf) > EDGE for edge in (start, start + seconds)):
            break
    return Span(start=start, frames=frames)


def check_sizes(families: Iterable[Family], *, fps: int, image_size: int, sample_rate: int = SAMPLE_RATE) -> None:
    """Raises ValueError if clips of these families do not have these rates and sizes.

    Plain families have 10 fps, 64 pixels and 16 kHz. The others have 16 kHz, an fps that divides 16000, and a side that
    is a multiple of 8 pixels.
    """
    plain = [family for family in families if family in PLAIN_FAMILIES]
    if plain and (fps, image_size, sample_rate) != (FPS, IMAGE_SIZE, SAMPLE_RATE):
        found, expected = (fps, image_size, sample_rate), (FPS, IMAGE_SIZE, SAMPLE_RATE)
        raise ValueError(f"fps, image_size, sample_rate are {found}, the world has {expected} for {', '.join(plain)}")
    if sample_rate != SAMPLE_RATE or SAMPLE_RATE % fps or image_size % PIXEL_BLOCK:
        raise ValueError(
            f"fps, image_size, sample_rate are {fps}, {image_size}, {sample_rate}, the world has an fps that divides "
            f"{SAMPLE_RATE}, a multiple of {PIXEL_BLOCK}, and {SAMPLE_RATE}"
        )
