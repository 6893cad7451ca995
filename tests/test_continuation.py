"""Continuation and inpainting through the pipeline: what is given comes back, the rest is generated to fit."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_media import MadeSound, MadeVideo, frame_numbers, grey_frames, make_media, steady_times, tone

from cmmd.clips.reading import Clip, read_clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip
from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.sampling_config import UNSURE_GUIDANCE, SamplingConfig
from cmmd.errors import InputError
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.models.exchange import Prediction
from cmmd.pipeline import CMMDPipeline

SEAM = 160
"""Samples over which given and generated sound are mixed."""


def world(seed: int, *, frames: int = 16, family: Any = "impacts") -> Clip:
    clip = world_clip(family, seed, frames=frames)
    return Clip(clip.frames, clip.waveform, 10.0, 16_000, frames / 10, Path())


@pytest.fixture(scope="module")
def given() -> Clip:
    return world(5_000_000, frames=24)


def test_sound_is_kept_and_the_rest_generated(pipeline, given):
    takes = pipeline.video_to_audio(given, keep=[(0, 0.8), (2, 2.4)], steps=2, takes=2, guidance=1.5, contrast=0.5)
    for take in takes:
        assert take.waveform.shape == given.waveform.shape and take.keep == ((0, 0.8), (2, 2.4))
        for kept in (slice(0, 12_800 - SEAM), slice(32_000 + SEAM, None)):
            assert np.array_equal(take.waveform[kept], given.waveform[kept])
    inside = slice(12_800, 32_000)
    assert not np.allclose(takes[0].waveform[inside], takes[1].waveform[inside], atol=1e-3)
    assert not np.allclose(takes[0].waveform[inside], given.waveform[inside], atol=1e-3)


def test_what_is_generated_beside_a_faint_sound_is_as_faint(pipeline_of_sizes, given):
    model = pipeline_of_sizes(levels=(-0.8, -2.6))
    made = []
    for factor in (0.1, 0.05):
        faint = factor * given.waveform
        quiet = Clip(given.frames, faint, 10.0, 16_000, 2.4, Path())
        made.append(model.video_to_audio(quiet, keep=[(0, 0.8)], steps=2, guidance=1)[0].waveform / factor)
        assert np.array_equal(made[-1][: 12_800 - SEAM] * np.float32(factor), faint[: 12_800 - SEAM])
    level = float(np.sqrt(np.mean(made[0][12_800:] ** 2)))
    assert level > 0.001 and float(np.sqrt(np.mean((made[0] - made[1])[12_800:] ** 2))) < 0.05 * level


def test_a_kept_sound_beyond_full_scale_is_saved_as_players_play_it(pipeline, given, tmp_path):
    """Lossy sound often exceeds 1 when it is decoded."""
    loud = given.waveform * np.float32(1.2 / np.abs(given.waveform).max())
    take = pipeline.video_to_audio(Clip(given.frames, loud, 10.0, 16_000, 2.4, Path()), keep=[(0, 2)], steps=1)[0]
    assert np.array_equal(take.waveform[: 32_000 - SEAM], loud[: 32_000 - SEAM])
    take.save(tmp_path / "take.wav")
    saved = read_clip(tmp_path / "take.wav", want="audio").waveform
    assert saved is not None
    assert np.allclose(saved[: 32_000 - SEAM], loud[: 32_000 - SEAM].clip(-1, 1), atol=1e-3)


def test_picture_is_kept_and_the_rest_generated(pipeline, given):
    takes = pipeline.audio_to_video(given, keep=[(0.5, 1.5)], steps=2, takes=2)
    for take in takes:
        assert np.array_equal(take.frames[5:15], given.frames[5:15]) and len(take.frames) == 24
        assert not np.array_equal(take.frames[15:], given.frames[15:])
        assert np.array_equal(take.waveform, given.waveform)
    assert not np.array_equal(takes[0].frames[:5], takes[1].frames[:5])


@pytest.mark.parametrize(("seconds", "frames"), [(4, 40), (None, 24), (1.2, 12)])
def test_both_are_kept_and_continued(pipeline, given, seconds, frames):
    take = pipeline.joint(clip=given, seconds=seconds, keep=[(0, 1)], steps=2)[0]
    assert take.frames.shape == (frames, 64, 64, 3) and take.waveform.shape == (1600 * frames,)
    assert np.array_equal(take.frames[:10], given.frames[:10])
    assert np.array_equal(take.waveform[: 16_000 - SEAM], given.waveform[: 16_000 - SEAM])
    assert not np.array_equal(take.frames[10:12], given.frames[10:12])


def test_a_whole_clip_is_continued_beyond_its_end(pipeline, given):
    take = pipeline.joint(clip=given, seconds=3, keep=[(0, given.seconds)], steps=2)[0]
    assert np.array_equal(take.frames[:24], given.frames) and len(take.frames) == 30
    assert np.array_equal(take.waveform[: 38_400 - SEAM], given.waveform[:-SEAM])


def test_a_model_whose_condition_hears_keeps_too(hearing_pipeline, given):
    sound = hearing_pipeline.video_to_audio(given, keep=[(0, 0.8)], steps=2)[0]
    assert np.array_equal(sound.waveform[: 12_800 - SEAM], given.waveform[: 12_800 - SEAM])
    assert len(hearing_pipeline.joint(clip=given, seconds=3, keep=[(0, 0.8)], steps=2)[0].frames) == 30


def test_what_is_sampled_holds_the_latents_of_what_is_kept(pipeline, given, monkeypatch):
    """The latents that the pipeline decodes, and those of the clip, frame by frame."""
    sampled: dict[str, torch.Tensor] = {}
    decode_audio, decode_video = pipeline.decode_audio, pipeline.decode_video
    monkeypatch.setattr(
        pipeline, "decode_audio", lambda x, *, seed: sampled.update(audio=x) or decode_audio(x, seed=seed)
    )
    monkeypatch.setattr(pipeline, "decode_video", lambda x: sampled.update(video=x) or decode_video(x))
    audio, video = pipeline.encode_audio(given.waveform), pipeline.encode_video(given.frames)
    pipeline.video_to_audio(given, keep=[(0.4, 1.2)], steps=2, guidance=1)
    assert torch.equal(sampled["audio"][..., 32:96], audio[..., 32:96])
    assert not torch.allclose(sampled["audio"][..., 96:], audio[..., 96:], atol=0.1)
    pipeline.audio_to_video(given, keep=[(0.4, 1.2)], steps=2)
    assert torch.equal(sampled["video"][:, :, 4:12], video[:, :, 4:12])
    pipeline.joint(clip=given, keep=[(0.4, 1.2)], steps=2)
    assert torch.equal(sampled["audio"][..., 32:96], audio[..., 32:96])
    assert torch.equal(sampled["video"][:, :, 4:12], video[:, :, 4:12])


def test_the_pipeline_samples_with_the_noise_of_the_seed(pipeline, given, monkeypatch):
    frames = torch.arange(24) < 8
    config = SamplingConfig(steps=2, guidance=1)
    audio, video = pipeline.encode_audio(given.waveform), pipeline.encode_video(given.frames)
    noise = Prediction(*(pipeline.noise(name, 24, seed=3, items=1) for name in ("video", "audio")))
    kept = FixedFrames(video, frames), FixedFrames(audio, frames)
    made, steps = pipeline.sample_joint(noise, config, fixed=kept), []
    again = pipeline.sample(made.audio, noise.video, "audio_to_video", config, fixed=kept[0])
    assert not torch.allclose(again[:, :, 8:], made.video[:, :, 8:], atol=0.1)
    asked: list[torch.Tensor] = []
    for scores, expected in (((0.2, 0.4), again), ((0.4, 0.2), made.video)):  # the video that agrees with the sound

        def agreement(condition, videos, direction, scores=scores):
            asked.extend([condition, videos])
            return list(scores)

        monkeypatch.setattr(pipeline, "agreement", agreement)
        take = pipeline.joint(clip=given, keep=[(0, 0.8)], seed=3, steps=2, guidance=1, on_step=steps.append)[0]
        assert np.array_equal(take.frames[8:], pipeline.decode_video(expected)[0][8:])
    assert steps == [1, 2, 1, 2]
    assert torch.equal(asked[0], made.audio) and torch.equal(asked[1], torch.cat([made.video, again]))
    assert np.array_equal(take.waveform[12_800:], pipeline.decode_audio(made.audio, seed=3)[0, 12_800:].numpy())


def test_silence_beside_sound_that_is_kept_is_made_again(pipeline, given, monkeypatch):
    """The kept half is loud, in the clip and as it is decoded; what counts is the half that was generated."""
    decode, calls = pipeline.decode_audio, []

    def decoded(audio: torch.Tensor, *, seed: int) -> torch.Tensor:
        calls.append(seed)
        sound = decode(audio, seed=seed)
        sound[:, 12_800:] *= len(calls) > 1
        return sound

    monkeypatch.setattr(pipeline, "decode_audio", decoded)
    take = pipeline.video_to_audio(given, keep=[(0, 0.8)], steps=2)[0]
    assert take.guidance == UNSURE_GUIDANCE and take.waveform[12_800:].any()


@pytest.mark.parametrize("make", ["video_to_audio", "audio_to_video"])
@pytest.mark.parametrize("keep", [(0.5, 0.5), (0.8, 0.2), (-1, 0.5), (0, 9), (0.51, 0.59), (0, 2.4)])
def test_what_cannot_be_kept_is_one_line(pipeline, given, make, keep):
    with pytest.raises(InputError, match="keep: found") as raised:
        getattr(pipeline, make)(given, keep=[keep], steps=1)
    assert len(str(raised.value).splitlines()) == 1


def test_a_clip_without_the_part_to_keep_is_one_line(pipeline, given, tmp_path):
    write_video(given.frames, tmp_path / "silent.mp4", fps=10)
    write_sound(given.waveform, tmp_path / "sound.wav", sample_rate=16_000)
    keep = [(0, 0.8)]
    for make, lacking, part in (
        (lambda clip: pipeline.video_to_audio(clip, keep=keep), tmp_path / "silent.mp4", "audio"),
        (lambda clip: pipeline.video_to_audio(clip, keep=keep), given.frames, "audio"),
        (lambda clip: pipeline.audio_to_video(clip, keep=keep), tmp_path / "sound.wav", "video"),
        (lambda clip: pipeline.audio_to_video(clip, keep=keep), given.waveform, "video"),
        (lambda clip: pipeline.joint(clip=clip, keep=keep), tmp_path / "sound.wav", "video"),
    ):
        with pytest.raises(InputError, match=f"found no {part}, expected a clip with audio and video"):
            make(lacking)
    for options in ({"clip": given}, {"keep": keep}):
        with pytest.raises(InputError, match="joint: found clip or keep alone"):
            pipeline.joint(**options)


def test_a_picture_is_continued_under_a_sound_that_is_late_and_longer(pipeline, tmp_path):
    """1.2 s of grey steps, a tone from 1 to 3 s: the result lasts 3 s and begins with the picture and no sound."""
    picture = MadeVideo(grey_frames(12, size=(64, 64)), steady_times(12, 10), rate=Fraction(10))
    sound = MadeSound(tone(2, 440, channels=1), start=Fraction(1), codec="pcm_s16le", sample_format="s16")
    make_media(tmp_path / "clip.mkv", picture, sound)
    take = pipeline.audio_to_video(tmp_path / "clip.mkv", keep=[(0, 1.2)], steps=1)[0]
    assert len(take.frames) == 30 and frame_numbers(take.frames[:12]) == list(range(12))
    assert not take.waveform[:15_000].any() and np.abs(take.waveform[17_000:47_000]).max() > 0.4
    take.save(tmp_path / "made.mp4")
    made = read_clip(tmp_path / "made.mp4")
    assert made.waveform is not None and made.seconds == pytest.approx(3, abs=0.11)
    assert np.abs(made.waveform[:15_000]).max() < 0.02 < np.abs(made.waveform[17_000:30_000]).max()


@pytest.mark.slow
def test_what_the_shipped_model_continues_in_both_modalities_is_heard_when_it_is_seen():
    model, detector, half = CMMDPipeline.from_pretrained(), load_visual_event_detector(), 0.8
    takes = [model.joint(clip=world(5_000_000 + seed), keep=[(0, half)], steps=10, seed=seed)[0] for seed in range(6)]
    heard, seen = (
        [times[times >= half] for times in found]
        for found in (
            [sound_onsets(take.waveform).times for take in takes],
            [detector.times(take.frames) for take in takes],
        )
    )
    assert sum(map(len, heard)) >= 4
    assert measure_alignment(heard, seen).at(0.1).f1 > 0.75


@pytest.mark.slow
def test_the_shipped_model_goes_on_in_time():
    """The second half of a clip is heard and seen as well beside a given first half as in a clip made as a whole."""
    model, half, clips = CMMDPipeline.from_pretrained(), 0.8, [world(5_000_000 + seed) for seed in range(4)]
    known = [world_clip("impacts", 5_000_000 + seed).event_times for seed in range(4)]
    detector = load_visual_event_detector()
    late = [times[times >= half] for times in known]
    f1: dict[str, list[float]] = {"sound": [], "picture": []}
    for keep in ((), ((0.0, half),)):
        sounds = [model.video_to_audio(clip, keep=keep, steps=10)[0].waveform for clip in clips]
        pictures = [model.audio_to_video(clip, keep=keep, steps=10)[0].frames for clip in clips]
        heard = [sound_onsets(sound).times for sound in sounds]
        seen = [detector.times(picture) for picture in pictures]
        f1["sound"].append(measure_alignment([x[x >= half] for x in heard], late).at(0.05).f1)
        f1["picture"].append(measure_alignment([x[x >= half] for x in seen], late).at(0.1).f1)
    for whole, continued in f1.values():
        assert continued > 0.75 and continued > whole - 0.1
