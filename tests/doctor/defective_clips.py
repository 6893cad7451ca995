"""Clips that nothing is wrong with, so that each test can spoil one thing: a moving square and a melody of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from made_media import MadeSound, MadeVideo, make_media, steady_times

SECONDS = 2.4
RATE = 25


def moving_frames(seed: int = 0, *, seconds: float = SECONDS, size: tuple[int, int] = (72, 96)) -> np.ndarray:
    """A square that wanders over a coarse pattern, both drawn from the seed. uint8 (f, h, w, 3)."""
    generator = np.random.default_rng(seed)
    height, width = size
    pattern = generator.integers(40, 216, (6, 8, 3)).repeat(height // 6, 0).repeat(width // 8, 1).astype(np.uint8)
    frames = np.repeat(pattern[None], round(seconds * RATE), axis=0)
    side = height // 3
    turns = generator.uniform(0, 2 * np.pi, 2)
    for number, frame in enumerate(frames):
        phase = 2 * np.pi * number / RATE
        top = round((height - side) * (0.5 + 0.5 * np.sin(phase + turns[0])))
        left = round((width - side) * (0.5 + 0.5 * np.sin(0.7 * phase + turns[1])))
        frame[top : top + side, left : left + side] = 250
    return frames


def melody(seed: int = 0, *, seconds: float = SECONDS, rate: int = 44100) -> np.ndarray:
    """Tones of random pitch and loudness, eight a second, that die away. float32 (1, s)."""
    generator = np.random.default_rng(1000 + seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time))
    for start in np.arange(0, seconds, 0.125):
        after = np.clip(time - start, 0, None)
        pitch, loudness = generator.uniform(150, 3000), generator.uniform(0.05, 0.3)
        sound += loudness * np.sin(2 * np.pi * pitch * after) * np.exp(-after / 0.08) * (time >= start)
    return sound.astype(np.float32)[None]


def video(frames: np.ndarray | None = None, **changes) -> MadeVideo:
    """H.264 at 25 Hz."""
    frames = moving_frames() if frames is None else frames
    return replace(MadeVideo(frames, steady_times(len(frames), RATE)), **changes)


def sound(waveform: np.ndarray | None = None, **changes) -> MadeSound:
    """AAC, mono."""
    return replace(MadeSound(melody() if waveform is None else waveform), **changes)


def good_clip(path: Path, seed: int = 0) -> Path:
    """A file that nothing is wrong with."""
    return make_media(path, video(moving_frames(seed)), sound(melody(seed)))
