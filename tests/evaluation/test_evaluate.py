"""Whole evaluations of small sets: figures are right, repeat, name what fails, and fail alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from measured_clips import FIRST, made_sounds, random_model, real_clips, without_events

from cmmd.cli import main
from cmmd.clips.writing import write_sound
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.evaluation.evaluate import evaluate
from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips, GivenClips
from cmmd.evaluation.measuring import delay_response
from cmmd.evaluation.protocol import command_of
from cmmd.evaluation.record.schema import Record, Result, read_record
from cmmd.evaluation.report import page
from cmmd.evaluation.samples.true_clips import WorldSet, true_clips
from cmmd.measures.visual_events import VisualEventDetector, load_visual_event_detector

CLIPS = 6


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    return real_clips(tmp_path_factory.mktemp("sets") / "real", clips=CLIPS)


@pytest.fixture
def measure(tmp_path, monkeypatch) -> Callable[..., Record]:
    """drawn: whether the report has figures, which take as long as all else. Delays are measured on one clip only."""

    def run(clips: GivenClips | GeneratedClips | None = None, *, drawn: bool = False, **options) -> Record:
        defaults = {"out": tmp_path / "out", "cache": tmp_path / "cache", "workers": 1}
        clips = clips or GivenClips(systems=options.pop("systems"), reference=options.pop("reference"))
        with monkeypatch.context() as changed:
            changed.setattr(delay_response, "MOST_CLIPS", 1)
            if not drawn:
                changed.setattr(page, "_figures", lambda *_: ())
            return evaluate(EvaluateOptions(clips=clips, **(defaults | options)))

    return run


def only(record: Record, system: int = 0) -> Result:
    (result,) = record.systems[system].results
    return result


def timeless(record: Record) -> Record:
    """Without what a second run cannot repeat: the time that it took."""
    systems = [
        replace(
            system,
            results=tuple(
                replace(r, seconds={}, clips=tuple(replace(clip, seconds={}) for clip in r.clips))
                for r in system.results
            ),
        )
        for system in record.systems
    ]
    return replace(record, systems=tuple(systems))


@pytest.mark.slow
def test_true_and_late_sound_side_by_side(measure, real, tmp_path):
    """Sound that is the true one, and the same 80 ms late, and noisy."""
    true = made_sounds(tmp_path / "true", clips=CLIPS)
    late = made_sounds(tmp_path / "late", clips=CLIPS, delay=0.08, noise=0.05)
    record = measure(reference=real, systems={"true": true, "late": late}, drawn=True)
    assert [system.name for system in record.systems] == ["true", "late"] and record.failures == ()
    assert (only(record).direction, only(record).group) == ("video_to_audio", "impacts")  # the files have no picture
    for name, better in (
        ("onset F1 at 50 ms", np.greater),
        ("median absolute offset", np.less),
        ("log-mel L1", np.less),
        ("spectral convergence", np.less),
        ("FD-logmel", np.less),
        ("FD-logmel per sample", np.less),
        ("KD-logmel", np.less),
    ):
        assert better(only(record).metric(name).value, only(record, 1).metric(name).value), name
    assert only(record, 1).metric("lag").value == pytest.approx(0.08, abs=0.01)
    best = only(record).metric("onset F1 at 50 ms")
    assert best.value == pytest.approx(best.ceiling, abs=0.05) and best.chance < best.value
    row = only(record).clips[0]
    assert row.true_from == "known" and row.pairs and row.seed == -1
    assert (tmp_path / "out" / row.generated).is_file() and (tmp_path / "out" / row.reference).is_file()
    assert set(row.values) >= {"onset F1 at 50 ms", "AV-Align", "log-mel L1", "FD-logmel per sample"}
    distance = only(record).distances[0]
    assert len(distance.samples) == len(only(record).clips) == CLIPS and distance.split.size == CLIPS // 2
    assert repr(read_record(tmp_path / "out")) == repr(record)
    assert [response.group for response in record.delays] == ["impacts"]


@pytest.mark.slow
def test_a_second_run_gives_the_same_figures_with_and_without_the_cache(measure, real, tmp_path):
    made = made_sounds(tmp_path / "made", clips=CLIPS, noise=0.02)
    first = measure(reference=real, systems={"made": made})
    assert repr(measure(reference=real, systems={"made": made})) == repr(first)
    other = measure(reference=real, systems={"made": made}, cache=tmp_path / "another")
    assert repr(other) == repr(first)


@pytest.mark.slow
def test_what_fails_is_listed_and_changes_no_other_clip(measure, real, tmp_path):
    made = made_sounds(tmp_path / "made", clips=CLIPS)
    whole = only(measure(reference=real, systems={"made": made}))
    names = [f"impacts-{FIRST + number:07d}" for number in range(CLIPS)]
    (made / f"{names[1]}.wav").unlink()
    (made / f"{names[2]}.wav").write_bytes(b"no sound at all")
    write_sound(np.zeros(25_600, np.float32), made / f"{names[3]}.wav", sample_rate=16_000)
    write_sound(np.full(25_600, 0.1, np.float32), made / "stranger.wav", sample_rate=16_000)
    record = measure(reference=real, systems={"made": made})
    told = {failed.name: failed.kind for failed in record.failures}
    assert told == {names[1]: "missing", names[2]: "unreadable", names[3]: "silent", "stranger": "missing"}
    assert all("\n" not in failed.reason and "expected" in failed.reason for failed in record.failures)
    left = {row.name: row for row in only(record).clips}
    assert set(left) == set(names) - set(names[1:4])
    for row in whole.clips:
        if row.name in left:
            assert repr(left[row.name]) == repr(row)
    assert only(record).metric("onset F1 at 50 ms").samples == CLIPS - 3


def test_without_known_times_the_reference_says_when(measure, tmp_path):
    real = real_clips(tmp_path / "real", clips=4)
    without_events(real)
    made = made_sounds(tmp_path / "made", clips=4)
    record = measure(reference=real, systems={"made": made}, drawn=True)
    row = only(record).clips[0]
    assert row.true_from == "sound" and only(record).group == ""
    assert only(record).metric("onset F1 at 50 ms").value > 0.9
    assert np.isnan(only(record).metric("onset F1 at 50 ms").ceiling)  # the same sounds would stand on both sides
    assert record.delays == ()


@pytest.mark.slow
def test_a_model_is_run_and_measured_in_both_directions(measure, real, tmp_path):
    model, sampling = str(random_model(tmp_path / "model")), SamplingConfig(steps=2)
    clips = GeneratedClips(model=model, data=str(real), samples=2, sampling=sampling)
    record = measure(clips, training=real, drawn=True)
    results = record.systems[0].results
    assert [result.direction for result in results] == ["video_to_audio", "audio_to_video"]
    assert record.failures == () and record.protocol.generation.model_sha256
    for result in results:
        assert [row.seed for row in result.clips] == [0, 1]
        assert set(result.seconds) >= {"encoding", "denoising", "decoding"}  # and more of what was made again
        assert all((tmp_path / "out" / row.generated).is_file() for row in result.clips)
        gain = result.metric("denoising alignment")
        assert gain.samples == 2 and gain.chance == 0
        # A random model copies nothing, and the real clips are the training clips.
        assert result.memorisation is not None and max(result.memorisation.real) == pytest.approx(0, abs=1e-6)
        assert not any(row.flagged for row in result.memorisation.rows)
    again = measure(clips, training=real)
    assert repr(timeless(again)) == repr(timeless(record))


def test_what_cannot_be_begun_is_told_in_one_line(measure, real, tmp_path):
    made = made_sounds(tmp_path / "made", clips=2)
    for options, message in (
        ({"reference": tmp_path / "nowhere", "systems": {"made": made}}, "expected a folder of clips"),
        ({"reference": real, "systems": {"made": made}, "backbones": ("VGG",)}, "expected YAMNet"),
        ({"reference": real, "systems": {"real": tmp_path / "none"}}, "expected a folder of clips"),
    ):
        with pytest.raises(InputError, match=message) as told:
            measure(**options)
        assert "\n" not in str(told.value)
    for name in made.iterdir():
        name.write_bytes(b"")
    with pytest.raises(InputError, match="no pair that can be measured"):
        measure(reference=real, systems={"made": made}, direction="video_to_audio")
    assert not (tmp_path / "out" / "record.json").exists()


@pytest.mark.slow
def test_a_manifest_gives_groups_and_times(measure, real, tmp_path):
    names = [f"impacts-{FIRST + number:07d}" for number in range(4)]
    lines = [
        {"name": name, "file": str(real / f"{name}.mp4"), "events": [0.4], "group": group}
        for name, group in zip(names, "abab", strict=True)
    ]
    (tmp_path / "real.jsonl").write_text("\n".join(map(json.dumps, lines)))
    record = measure(reference=tmp_path / "real.jsonl", systems={"made": made_sounds(tmp_path / "made", clips=4)})
    assert [result.group for result in record.systems[0].results] == ["a", "b"]
    assert record.systems[0].results[0].clips[0].true == (0.4,)
    assert record.protocol.reference_clips == {"a": 2, "b": 2}


def test_a_given_detector_measures_in_place_of_the_shipped_one(tmp_path):
    blind = VisualEventDetector(image_size=64, fps=10, width=16, depth=1)
    assert blind.head.bias is not None
    torch.nn.init.constant_(blind.head.bias, -100.0)
    blind.save_pretrained(tmp_path / "blind")
    world = WorldSet(family="impacts", clips=2, seed=FIRST, split="standard")
    detectors = (None, load_visual_event_detector(tmp_path / "blind"))
    found = [true_clips(world, detector=detector)["impacts"].seen for detector in detectors]
    assert [sum(map(len, seen)) > 0 for seen in found] == [True, False]
    options = EvaluateOptions(out=tmp_path, clips=GeneratedClips(data="world"), detector=tmp_path / "blind")
    assert f"--detector={tmp_path / 'blind'}" in command_of(options)


def test_a_folder_without_a_detector_is_one_line(tmp_path, capsys):
    words = ["evaluate", "--data", "world", "--detector", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    message = capsys.readouterr().err.strip()
    assert message.endswith(f"{tmp_path}: no config.json, expected a folder with a visual event detector")
    assert len(message.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_world_clips_are_scored_and_measured_from_one_generation(measure, tmp_path):
    model = str(random_model(tmp_path / "model"))
    clips = GeneratedClips(
        model=model, data="world", samples=2, seed=FIRST, sampling=SamplingConfig(steps=1, temperature=0.5)
    )
    record = measure(clips, direction="all")
    directions = [(score.family, score.direction) for score in record.world]
    both = ("video_to_audio", "audio_to_video")
    assert directions == [*((family, one) for family in ("impacts", "dance") for one in both), ("any", "joint")]
    assert [(r.direction, r.group) for r in record.systems[0].results] == [
        (d, g) for d in both for g in ("dance", "impacts")
    ]
    assert [row.seed for row in record.systems[0].results[0].clips] == [FIRST, FIRST + 1]
    assert record.protocol.generation.seed == FIRST and "--data world --samples 2" in record.protocol.command
    assert record.protocol.generation.temperature == {"video_to_audio": 0.5, "audio_to_video": 0.5, "joint": 0.5}
    sound, joint = record.world[0], record.world[-1]
    assert sound.value("pitch") is not None and sound.value("picture distance") is None
    assert {"spectrogram distance", "picture distance"} <= {metric.name for metric in joint.metrics}
    assert all(score.clips == 2 for score in record.world)
    assert repr(read_record(tmp_path / "out")) == repr(record)
    assert "any, joint" in (tmp_path / "out" / "report.md").read_text()
