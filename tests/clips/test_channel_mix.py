"""Stereo whose channels cancel each other is heard, and ordinary stereo is the plain mean."""

from pathlib import Path

import numpy as np
import pytest
from made_media import MadeSound, MadeVideo, grey_frames, make_media, steady_times, tone

from cmmd.clips.channel_mix import ChannelMix
from cmmd.clips.reading import read_clip
from cmmd.doctor.diagnosis import diagnose
from cmmd.doctor.examination import examine

RATE = 16_000
OPPOSITE = np.array([[1], [-1]], np.float32)


def _stereo(path: Path, waveform: np.ndarray, *, codec: str = "pcm_s16le") -> Path:
    sample_format = "s16" if codec == "pcm_s16le" else "fltp"
    sound = MadeSound(waveform.astype(np.float32), rate=RATE, layout="stereo", codec=codec, sample_format=sample_format)
    return make_media(path, MadeVideo(grey_frames(20), steady_times(20, 10)), sound)


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
def test_opposite_phase_is_heard_and_told(tmp_path: Path, codec: str) -> None:
    sine = tone(2, 440, rate=RATE)
    path = _stereo(tmp_path / "s.mkv", sine * OPPOSITE, codec=codec)
    clip = read_clip(path)
    assert clip.waveform is not None
    assert np.abs(clip.waveform[800:-800] - sine[0, 800:-800]).max() < 0.04  # AAC is lossy
    assert "the channels cancel each other (opposite phase): channel 1 alone is heard" in clip.notes
    examined = examine(path, shortest=1.6)
    assert examined.sound is not None
    assert examined.sound.peak == pytest.approx(0.5, abs=0.02)
    put_right = [found.text for found in diagnose(examined, path, shortest=1.6) if found.kind == "put right"]
    assert put_right == list(clip.notes)


def test_the_second_half_alone_may_cancel(tmp_path: Path) -> None:
    """The whole file is mixed one way: neither half becomes silent, and nothing jumps where they meet."""
    sine = tone(2, 440, rate=RATE)
    both = np.concatenate([sine, sine])
    both[1, RATE:] *= -1
    clip = read_clip(_stereo(tmp_path / "s.mkv", both))
    assert clip.waveform is not None
    assert np.abs(clip.waveform[800:-800] - sine[0, 800:-800]).max() < 0.02


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_wide_stereo_stays_the_mean(tmp_path: Path, share: float) -> None:
    """Channels of noise that have `share` of their energy in opposite phase and the rest in common with nothing."""
    noise = np.random.default_rng(0).normal(size=(3, 2 * RATE)) * 0.1
    both = np.sqrt(share) * noise[:1] * OPPOSITE + np.sqrt(1 - share) * noise[1:]
    clip = read_clip(_stereo(tmp_path / "s.mkv", both))
    assert clip.waveform is not None
    assert clip.notes == ()
    assert np.abs(clip.waveform - both.mean(axis=0)).max() < 1e-3


def test_the_loudest_channel_is_taken() -> None:
    """The first one of those that are about as loud; here the third of four."""
    sine = tone(1, 440, rate=RATE)[0]
    block = np.stack([0.1 * sine, -0.1 * sine, -sine, 0.99 * sine], axis=1)
    mix = ChannelMix()
    mix.mix(block)
    instead = mix.instead
    assert instead is not None
    assert np.array_equal(instead.mix(block), block[:, 2])
    assert instead.instead is None


def test_silence_and_damage_are_no_reason() -> None:
    mix = ChannelMix()
    assert not mix.mix(np.zeros((100, 2), np.float32)).any()
    assert not mix.mix(np.full((100, 2), np.nan, np.float32)).any()
    assert mix.instead is None
