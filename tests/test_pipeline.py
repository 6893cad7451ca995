"""The user's API on a small random model: lengths, seeds, takes, folders; then the shipped model's claims."""

from typing import Any

import numpy as np
import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.statistics import Statistics
from cmmd.data.world.families import world_clip
from cmmd.errors import InputError
from cmmd.latents.video_autoencoder import small_autoencoder
from cmmd.loading import load_pipeline
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.pipeline import DEFAULT_GUIDANCE, UNSURE_GUIDANCE, CMMDPipeline


@pytest.fixture(scope="module")
def pipeline() -> CMMDPipeline:
    torch.manual_seed(0)
    unet = CoupledUNet(
        network=NetworkConfig(video_widths=(8, 8, 16), audio_widths=(8, 16, 16), message_width=8, heads=2)
    )
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return CMMDPipeline.assemble(
        unet=unet,
        video_autoencoder=small_autoencoder(),
        geometry=Geometry(),
        codec="log_mel",
        video_statistics=Statistics(mean=(0.0,) * 4, std=(1.0,) * 4),
        audio_statistics=Statistics(mean=(-5.0,), std=(2.0,)),
    )


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 16, 37])
def test_sound_is_exactly_as_long_as_the_video(pipeline, count):
    take = pipeline.video_to_audio(frames(count), steps=2)[0]
    assert take.waveform.shape == (1600 * count,)
    assert np.abs(take.waveform).max() < 1
    assert take.frames.shape == (count, 64, 64, 3)


@pytest.mark.parametrize("samples", [500, 25_600, 40_001])
def test_video_covers_the_sound_in_whole_frames(pipeline, samples):
    waveform = np.random.default_rng(0).normal(size=samples).astype(np.float32) * 0.1
    take = pipeline.audio_to_video(waveform, steps=2)[0]
    assert take.frames.shape == (-(-samples // 1600), 64, 64, 3)
    assert np.array_equal(take.waveform, waveform)


def test_joint_makes_both(pipeline):
    take = pipeline.joint(seconds=2.05, steps=2)[0]
    assert take.frames.shape == (21, 64, 64, 3) and take.waveform.shape == (21 * 1600,)
    assert set(take.seconds) == {"denoising", "decoding"}
    with pytest.raises(ValueError, match="seconds is 0"):
        pipeline.joint(seconds=0)


def test_same_seed_same_sound_and_takes_are_seeds_in_a_row(pipeline):
    three = pipeline.video_to_audio(frames(16), steps=2, seed=4, takes=3)
    last = pipeline.video_to_audio(frames(16), steps=2, seed=6)[0]
    again = pipeline.video_to_audio(frames(16), steps=2, seed=6)[0]
    assert [take.seed for take in three] == [4, 5, 6]
    assert np.array_equal(last.waveform, again.waveform)
    assert np.allclose(three[2].waveform, last.waveform, atol=1e-3)
    assert not np.allclose(three[0].waveform, last.waveform, atol=1e-3)


def test_a_take_that_would_be_inaudible_is_made_again(pipeline, monkeypatch):
    """Here the take of seed 1 is silent under the usual guidance, as when nothing that the model knows is seen."""
    usual_strength = DEFAULT_GUIDANCE["video_to_audio"]
    strengths: list[float] = []
    sample, decode = pipeline.sample, pipeline.decode_audio

    def sampled(*words: Any, guidance: float, **options: Any) -> torch.Tensor:
        strengths.append(guidance)
        return sample(*words, guidance=guidance, **options)

    def decoded(audio: torch.Tensor, *, seed: int) -> torch.Tensor:
        return decode(audio, seed=seed) * (0 if seed == 1 and strengths[-1] == usual_strength else 1)

    usual = pipeline.video_to_audio(frames(16), steps=2, takes=2)
    monkeypatch.setattr(pipeline, "sample", sampled)
    monkeypatch.setattr(pipeline, "decode_audio", decoded)
    made = pipeline.video_to_audio(frames(16), steps=2, takes=2)
    assert [take.guidance for take in made] == strengths == [usual_strength, UNSURE_GUIDANCE]
    assert np.array_equal(made[0].waveform, usual[0].waveform) and made[1].waveform.any()
    told = pipeline.video_to_audio(frames(16), steps=2, takes=2, guidance=usual_strength)
    assert not told[1].waveform.any() and told[1].guidance == usual_strength


def test_a_saved_pipeline_loads_to_the_same_one(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = CMMDPipeline.from_pretrained(tmp_path)
    assert loaded.geometry == pipeline.geometry and loaded.statistics == pipeline.statistics
    first = pipeline.video_to_audio(frames(16), steps=2)[0].waveform
    assert np.array_equal(first, loaded.video_to_audio(frames(16), steps=2)[0].waveform)
    assert not list(tmp_path.rglob("*.bin")) and not list(tmp_path.rglob("*.pt"))


def test_files_in_and_out(pipeline, tmp_path):
    write_video(frames(12), tmp_path / "clip.mp4", fps=10)
    take = pipeline.video_to_audio(tmp_path / "clip.mp4", steps=2)[0]
    take.save(tmp_path / "out.mp4")
    assert read_clip(tmp_path / "out.mp4").seconds == pytest.approx(1.2, abs=0.05)
    write_sound(0.1 * np.ones(8000, np.float32), tmp_path / "sound.wav", sample_rate=16_000)
    pipeline.audio_to_video(tmp_path / "sound.wav", steps=2)[0].save(tmp_path / "made.mp4")
    made = read_clip(tmp_path / "made.mp4").frames
    assert made is not None and len(made) == 5


def test_models_that_cannot_be_loaded_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"found no model_index\.json, expected a folder that cmmd train wrote"):
        load_pipeline(str(tmp_path), device="cpu")
    with pytest.raises(InputError) as raised:
        load_pipeline("no/such", device="cpu")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.slow
def test_the_shipped_model_is_heard_when_it_is_seen():
    """A small sample of docs/results.md, far above chance and below what was measured there."""
    pipeline = CMMDPipeline.from_pretrained()
    clips = [world_clip("impacts", 5_000_000 + seed) for seed in range(12)]
    heard = [sound_onsets(pipeline.video_to_audio(clip.frames)[0].waveform).times for clip in clips]
    report = measure_alignment(heard, [clip.event_times for clip in clips])
    assert report.at(0.05).f1 > 0.5 > 2 * report.at(0.05).chance
