"""Measures are those of the file that was made, whatever its blocks, its container and its length."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from defective_clips import RATE, SECONDS, good_clip, melody, moving_frames, sound, video
from hypothesis import given
from hypothesis import strategies as st
from made_media import click, make_media, quadrants, set_display_matrix, steady_times, tone

from cmmd.clips.stream_choice import choose_streams
from cmmd.doctor.examination import WAVE_PARTS, examine
from cmmd.doctor.fingerprint import segment_means
from cmmd.doctor.sound_trace import HOPS, listen
from cmmd.doctor.thumbnails import SHOWN, SIZE


def test_a_good_clip(tmp_path: Path) -> None:
    examined = examine(good_clip(tmp_path / "clip.mp4"), shortest=1.6)
    assert examined.pictures is not None and examined.sound is not None
    assert examined.seconds == pytest.approx(SECONDS)
    assert examined.pictures.count == round(SECONDS * RATE)
    assert examined.pictures.usual_gap == pytest.approx(1 / RATE)
    assert examined.pictures.uneven == 0
    assert examined.sound.level == pytest.approx(np.sqrt(np.square(melody()).mean()), rel=0.02)
    assert examined.sound.peak == pytest.approx(np.abs(melody()).max(), rel=0.05)
    assert examined.sound.first == pytest.approx(0, abs=0.001)
    assert (examined.drawing.strip, examined.drawing.wave) == (None, None)


@pytest.mark.parametrize("container", ["mp4", "mkv", "avi", "mov"])
def test_a_click_is_where_it_is(tmp_path: Path, container: str) -> None:
    """On the time line that begins with the picture, also where the sound begins late."""
    late = Fraction(0) if container == "avi" else Fraction(3, 10)
    video_only = video(codec="mpeg4", options={}) if container == "avi" else video()
    codec = {"codec": "mp2", "sample_format": "s16"} if container == "avi" else {}
    path = make_media(tmp_path / f"clip.{container}", video_only, sound(click(2, 1.0), start=late, **codec))
    trace = listen(path, choose_streams(path))
    assert int(trace.energy.argmax()) / HOPS == pytest.approx(1.0 + float(late), abs=2 / HOPS)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 48000])
def test_hops_do_not_drift(tmp_path: Path, rate: int) -> None:
    """11025 Hz has no whole number of samples a hop."""
    waveform = tone(20, 1000, rate=rate)
    waveform[:, : 19 * rate] *= 0.01
    path = make_media(tmp_path / "tone.wav", sound(waveform, rate=rate, codec="pcm_s16le", sample_format="s16"))
    energy = listen(path, choose_streams(path)).energy
    assert len(energy) == 20 * HOPS
    assert int(np.argmax(energy > 0.05)) == 19 * HOPS
    assert energy[-1] == pytest.approx(0.125, rel=0.02)


def test_clipped_samples_are_counted(tmp_path: Path) -> None:
    """A sine twice too loud is cut for two thirds of its time; one that just fits is not."""
    for amplitude, share in ((2.0, 2 / 3), (1.0, 0.0)):
        waveform = np.clip(tone(2, 441, amplitude=amplitude), -1, 1)
        path = make_media(tmp_path / "tone.wav", sound(waveform, codec="pcm_s16le", sample_format="s16"))
        assert listen(path, choose_streams(path)).clipped == pytest.approx(share, abs=0.1)


def test_thumbnails_are_upright_and_in_order(tmp_path: Path) -> None:
    frames = np.stack([quadrants(size=(72, 96))] * 40)
    frames[20:] = 255 - frames[20:]
    path = make_media(tmp_path / "clip.mp4", video(frames), sound(melody(seconds=1.6)))
    set_display_matrix(path, (0, 1, -1, 0))
    examined = examine(path, shortest=1.6, drawn=True)
    assert examined.drawing.strip is not None and examined.drawing.wave is not None
    (tmp_path / "strip.jpg").write_bytes(examined.drawing.strip)
    with av.open(str(tmp_path / "strip.jpg")) as container:
        strip = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert strip.shape == (SIZE, SIZE * SHOWN, 3)
    quarter = SIZE // 4
    # Turned by a quarter clockwise: blue, which was below on the left, is above on the left.
    assert np.abs(strip[quarter, quarter].astype(int) - [0, 0, 255]).max() < 60
    assert np.abs(strip[quarter, SIZE * (SHOWN - 1) + quarter].astype(int) - [255, 255, 0]).max() < 60
    assert len(examined.drawing.wave) == WAVE_PARTS


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path) -> None:
    """A long clip leaves no more behind than a short one but 64 bytes a tenth of a second."""
    import tracemalloc

    def peak(seconds: int) -> int:
        frames = np.broadcast_to(moving_frames(seconds=1, size=(240, 320)), (seconds, 25, 240, 320, 3)).reshape(
            -1, 240, 320, 3
        )
        path = make_media(tmp_path / f"{seconds}.mp4", video(frames, times=steady_times(len(frames), RATE)))
        tracemalloc.start()
        examine(path, shortest=1.6)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(12) - peak(3) < 200_000  # nine seconds of frames are 52 MB


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 100))
def test_segment_means_keep_the_mean(rows: int, parts: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, 3))
    assert segment_means(values, parts).mean(axis=0) == pytest.approx(values.mean(axis=0), abs=1e-9)
    if parts == rows:
        assert segment_means(values, parts) == pytest.approx(values)
