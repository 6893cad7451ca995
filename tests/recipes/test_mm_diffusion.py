"""The baseline's recipe: what it has in common with the ablation, what it refuses, and a model that is used as any."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_runs import command, train

from cmmd.cli import main
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip
from cmmd.evaluation.report import page
from cmmd.pipeline import CMMDPipeline
from cmmd.recipes import load_recipe

pytestmark = pytest.mark.slow


def test_it_differs_from_the_ablation_in_times_and_directions_alone():
    baseline, ablation = load_recipe("world.mm_diffusion"), load_recipe("world.ablation")
    network = replace(baseline.network, shared_time=False, fusion=ablation.network.fusion)
    assert replace(baseline, network=network, conditioning=ablation.conditioning) == ablation
    times, others = baseline.conditioning, ablation.conditioning
    assert baseline.network.shared_time and (times.joint, times.dropout, times.keep_clean) == (1, 0, 0)
    # One factor for one time: the noise-to-signal ratio between the two, as many times one as the other is it.
    assert times.audio_noise == times.video_noise == (others.audio_noise * others.video_noise) ** 0.5


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("conditioning.dropout=0.1", "conditioning.dropout is 0.1, expected 0 with network.shared_time"),
        ("conditioning.video_noise=2", "conditioning.audio_noise is 4, expected 2 with network.shared_time"),
        ("contrastive.weight=0.3", "contrastive.weight is 0.3, expected 0 with network.shared_time"),
        (
            "held_out=0.25",
            "held_out is 0.25 and prepared.validate False, expected 0 and False with network.shared_time",
        ),
        ("prepared.validate=true", "held_out is 0.0 and prepared.validate True, expected 0 and False with"),
    ],
)
def test_what_it_cannot_have_is_one_line(tmp_path, capsys, setting, message):
    assert main(command("world.mm_diffusion", setting, out=tmp_path / "run", tiny=False)) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("baseline") / "run"
    lines = train("world.mm_diffusion", out=out)
    assert [line["step"] for line in lines] == [1, 2] and "joint" in lines[0] and "video_to_audio" not in lines[0]
    return out


@pytest.fixture
def files(tmp_path):
    clip = world_clip("impacts", 3)
    write_video(clip.frames, tmp_path / "clip.mp4", fps=10)
    write_sound(clip.waveform, tmp_path / "sound.wav", sample_rate=16_000)
    return tmp_path


def test_its_model_generates_in_all_directions(run, files):
    assert json.loads((run / "model/unet/config.json").read_text())["network"]["shared_time"] is True
    words = ["--model", str(run / "model"), "--steps", "2"]
    inputs = [str(files / "clip.mp4"), str(files / "sound.wav")]
    assert main(["generate", *inputs, *words, "--sampler", "ddpm", "--gradient", "1"]) == 0
    assert main(["generate", "--joint", *words, "--out", str(files / "both.mp4")]) == 0
    for name in ("clip_cmmd.mp4", "sound_cmmd.mp4", "both.mp4"):
        made = read_clip(files / name)
        assert made.frames is not None and len(made.frames) == 16 and made.waveform is not None


def test_its_model_is_scored(run, files, monkeypatch):
    monkeypatch.setattr(page, "_figures", lambda *_: ())
    words = ["--data", "world", "--family", "impacts", "--direction", "all", "--clips", "2", "--steps", "2"]
    words += ["--gradient", "1", "--out", str(files / "report")]
    assert main(["evaluate", str(run / "model"), *words]) in (0, 1)  # 1: a generated file that cannot be measured
    scores = json.loads((files / "report" / "record.json").read_text())["world"]
    assert [row["direction"] for row in scores] == ["video_to_audio", "audio_to_video", "joint"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--contrast", "1", "contrast is 1.0, expected 0 for a model with shared_time"),
        ("--temperature", "0.5", "temperature is 0.5, expected 1 for a model with shared_time"),
        ("--guidance", "1.5", "guidance is 1.5, expected 1 for a model with shared_time"),
    ],
)
def test_what_its_model_cannot_do_is_one_line(run, files, capsys, option, value, message):
    measure = ["evaluate", "--data", "world", "--clips", "2", "--out", str(files / "report"), "--model"]
    for words in (["generate", str(files / "clip.mp4"), "--model"], measure):
        assert main([*words, str(run / "model"), option, value]) == 2
        err = capsys.readouterr().err
        assert message in err and err.count("\n") == 1
    assert not (files / "report").exists()
    assert not (files / "clip_cmmd.mp4").exists()


def test_another_model_refuses_the_gradient_in_one_line(model_folder, files, capsys):
    assert main(["generate", str(files / "clip.mp4"), "--model", str(model_folder), "--gradient", "1"]) == 2
    err = capsys.readouterr().err
    assert "gradient is 1.0, expected 0 for a model without shared_time" in err and err.count("\n") == 1


def test_a_folder_of_before_is_of_a_model_with_a_time_a_modality(model_folder):
    file = model_folder / "unet/config.json"
    config = json.loads(file.read_text())
    assert config["network"].pop("shared_time") is False
    file.write_text(json.dumps(config))
    unet = CMMDPipeline.from_pretrained(model_folder).unet
    assert unet.network.shared_time is False and unet.network.message_width == config["network"]["message_width"]


# The pipeline on a model of random weights


def test_the_pipeline_tells_a_guidance_of_1(shared_time_pipeline):
    clip = world_clip("impacts", 3, frames=20)
    sounds = shared_time_pipeline.video_to_audio(clip.frames, steps=2, takes=2, gradient=1)
    assert not np.array_equal(sounds[0].waveform, sounds[1].waveform)
    alone = shared_time_pipeline.video_to_audio(clip.frames, steps=2, seed=1, gradient=1)[0]
    assert np.array_equal(alone.waveform, sounds[1].waveform)
    pictures = shared_time_pipeline.audio_to_video(clip.waveform, steps=2)
    both = shared_time_pipeline.joint(seconds=1.6, steps=2)
    assert [take.guidance for take in (*sounds, *pictures, *both)] == [1.0] * 4


def test_a_silent_take_is_not_made_again(shared_time_pipeline, monkeypatch):
    """There is no model without hearing to fall back on."""
    decode = shared_time_pipeline.decode_audio
    monkeypatch.setattr(shared_time_pipeline, "decode_audio", lambda audio, seed: 0 * decode(audio, seed=seed))
    take = shared_time_pipeline.video_to_audio(world_clip("impacts", 3).frames, steps=1)[0]
    assert not take.waveform.any() and take.guidance == 1.0
