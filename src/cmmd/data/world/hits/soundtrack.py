"""The sound of a clip: all blows at their times in one recording, and its events (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import SAMPLE_RATE, Event
from cmmd.data.world.hits.bodies import LONGEST, blow
from cmmd.data.world.hits.rooms import draw_recording, recorded
from cmmd.data.world.hits.setting import Sounding
from cmmd.data.world.sounds import mix_at

FADE = 0.008
"""Duration of the fade at a cut (s)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """The soundings that are heard between `start` and `stop` (s of the clip)."""

    soundings: list[Sounding]
    start: float
    stop: float


def soundtrack(
    rng: np.random.Generator, scenes: list[Heard], *, seconds: float
) -> tuple[np.ndarray, tuple[Event, ...]]:
    """The float32 waveform (s,) and its events by time. Sources of later scenes are numbered after those of earlier
    ones."""
    samples = round(seconds * SAMPLE_RATE)
    recording, mixed = draw_recording(rng), np.zeros(samples, np.float32)
    events: list[Event] = []
    first_source = 0
    for heard in scenes:
        track, known = _track(rng, heard, samples=samples, first_source=first_source)
        mixed += track * _window(heard, samples)
        events += known
        first_source += 1 + max((sounding.source for sounding in heard.soundings), default=-1)
    return recorded(rng, mixed, recording), tuple(sorted(events, key=lambda event: event.time))


def _track(
    rng: np.random.Generator, heard: Heard, *, samples: int, first_source: int
) -> tuple[np.ndarray, list[Event]]:
    """All audible blows, including earlier ones that still sound, and the events from `start` until `stop`."""
    track, events = np.zeros(samples, np.float32), []
    for sounding in heard.soundings:
        for world_time, strength in zip(sounding.times.tolist(), sounding.strengths.tolist(), strict=True):
            time = round(world_time * SAMPLE_RATE) / SAMPLE_RATE
            if not -LONGEST < time < heard.stop:
                continue
            mix_at(track, blow(rng, sounding.body, strength=strength, hardness=sounding.hardness), time)
            if time >= heard.start:
                source, pitch = first_source + sounding.source, sounding.body.pitch
                events.append(Event(time=time, frequency=pitch, strength=strength, source=source))
    return track, events


def _window(heard: Heard, samples: int) -> np.ndarray:
    """1 between start and stop, with soft edges inside the clip, (samples,)."""
    t = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    rise = np.clip((t - heard.start) / FADE + 0.5, 0, 1) if heard.start > 0 else 1.0
    fall = np.clip((heard.stop - t) / FADE + 0.5, 0, 1) if heard.stop < samples / SAMPLE_RATE else 1.0
    return np.asarray(rise * fall, np.float32)
