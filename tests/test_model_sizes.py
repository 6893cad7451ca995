"""Models of other sizes, frame rates and sample rates: pictures, marks, the detector of events, evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_media import MadeSound, MadeVideo, click, make_media, steady_times

from cmmd.cli import main
from cmmd.clips.probing import probe
from cmmd.data.world.families import world_clip
from cmmd.measures.visual_events import load_visual_event_detector

SIZES = {
    "128 px": {"image_size": 128},
    "24 fps, 48 kHz": {"fps": 24, "sample_rate": 48_000, "image_size": 32},
    "30 fps, 128 px, 32 mels": {"fps": 30, "sample_rate": 48_000, "image_size": 128, "mels": 32},
}


def film(path: Path, *, seed: int = 0) -> Path:
    """0.7 s of moving noise with a click."""
    path.parent.mkdir(exist_ok=True)
    frames = np.random.default_rng(seed).integers(0, 256, (7, 32, 32, 3), np.uint8)
    return make_media(path, MadeVideo(frames, steady_times(7, 10)), MadeSound(click(0.7, 0.3)))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_picture_is_drawn_of_any_size_and_rate(tmp_path, pipeline_of_sizes, sizes):
    pipeline_of_sizes(**sizes).save_pretrained(tmp_path / "model")
    film(tmp_path / "clip.mp4")
    shared = ("--model", str(tmp_path / "model"), "--steps", "1", "--picture")
    for words in (["--to", "audio", "--out", "sound.mp4"], ["--to", "video", "--out", "video.mp4"]):
        *most, name = words
        assert main(["generate", str(tmp_path / "clip.mp4"), *most, str(tmp_path / name), *shared]) == 0
        assert (tmp_path / name).with_suffix(".png").stat().st_size > 5_000
    made = probe(tmp_path / "video.mp4")
    assert (made.video.width, made.video.height) == (sizes["image_size"],) * 2


def test_the_detector_sees_the_same_in_larger_and_faster_pictures():
    detector, frames = load_visual_event_detector(), world_clip("impacts", 3).frames
    times = detector.times(frames)
    assert len(times) > 0
    large = frames.repeat(3, axis=1).repeat(3, axis=2)
    for rate in (10, 20, 30, 50):
        assert np.allclose(detector.times(large.repeat(rate // 10, axis=0), fps=rate), times, atol=1e-3)
    halved = detector.times(frames[::2], fps=5)  # of every second frame it knows less, on the same time line
    assert all(0 <= time <= len(frames) / 10 for time in halved)
    assert len(detector.times(frames[:1], fps=240)) == 0


def test_a_model_of_another_sample_rate_is_measured_at_its_own(tmp_path, pipeline_of_sizes):
    pipeline_of_sizes(fps=24, sample_rate=48_000, image_size=32).save_pretrained(tmp_path / "model")
    for number in range(2):
        film(tmp_path / "real" / f"{number}.mp4", seed=number)
    words = ["--data", str(tmp_path / "real"), "--model", str(tmp_path / "model"), "--out", str(tmp_path / "report")]
    words += ["--workers", "1", "--cache", str(tmp_path / "cache"), "--steps", "1"]
    assert main(["evaluate", *words]) == 0
    record = json.loads((tmp_path / "report" / "record.json").read_text())
    assert (record["protocol"]["fps"], record["protocol"]["sample_rate"]) == (24, 16_000)
    assert len(record["systems"][0]["results"]) == 2 and record["failures"] == []
    made = probe(tmp_path / "report" / "clips" / "audio_to_video" / "0.mp4")
    # The true sound, read at the model's rate: 0.7 s would be 2.1 s of 16 kHz taken for 48 kHz, or the other way round.
    assert made.seconds == pytest.approx(0.7, abs=0.07)


def test_only_models_of_the_worlds_sizes_are_measured_on_the_world(tmp_path, pipeline_of_sizes, capsys):
    pipeline_of_sizes(image_size=32).save_pretrained(tmp_path / "model")
    assert main(["evaluate", str(tmp_path / "model"), "--data", "world", "--out", str(tmp_path / "report")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the world has (10, 64, 16000)" in line and "--data FOLDER measures any" in line
