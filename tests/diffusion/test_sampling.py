"""Sampling: solvers recover a known distribution, the cached path is the plain one, any length, takes on their own."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from cmmd.diffusion.guidance import guided_target
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import scheduler_config, time_of_timestep
from cmmd.diffusion.sampling import build_scheduler, sample_joint, sample_target
from cmmd.diffusion.windows import WindowAverage, Windows
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Prediction


def scheduler(sampler: Any = "unipc") -> Any:
    return build_scheduler(sampler, DDIMScheduler(clip_sample=False, **scheduler_config()))


@pytest.mark.parametrize(("sampler", "tolerance"), [("ddim", 0.05), ("dpm++", 0.01), ("unipc", 0.01)])
def test_solvers_reproduce_a_gaussian_whose_denoiser_is_known(sampler, tolerance):
    mean, std = 0.7, 0.5
    solver = scheduler(sampler)
    solver.set_timesteps(25)
    x = torch.randn(50, 4, 10, 10, generator=torch.Generator().manual_seed(0))
    for timestep in solver.timesteps:
        t = torch.as_tensor(float(time_of_timestep(timestep)))
        alpha, sigma = torch.cos(math.pi / 2 * t), torch.sin(math.pi / 2 * t)
        clean = mean + alpha * std**2 / (alpha**2 * std**2 + sigma**2) * (x - alpha * mean)
        noise = (x - alpha * clean) / sigma
        x = solver.step(alpha * noise - sigma * clean, timestep, x, return_dict=False)[0]
    assert x.mean() == pytest.approx(mean, abs=0.02)
    assert x.std() == pytest.approx(std, abs=tolerance)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("target", ["audio", "video"])
def test_condition_encoded_once_equals_encoded_at_every_step(unet, target, guidance):
    video, audio = torch.randn(1, 4, 40, 8, 8), torch.randn(1, 1, 64, 320)
    condition, noise = (video, audio) if target == "audio" else (audio, video)
    noise = noise.repeat(2, *[1] * (noise.ndim - 1))
    shared = {"target": target, "window": 16, "steps": 3, "guidance": guidance}
    once = sample_target(unet, scheduler(), condition, noise, **shared)
    again = sample_target(unet, scheduler(), condition, noise, encode_once=False, **shared)
    assert (once - again).abs().max() < 1e-5


def test_contrast_pushes_away_from_the_shifted_condition(unet):
    condition, noise = torch.randn(1, 4, 16, 8, 8), torch.randn(1, 1, 64, 128)
    shared = {"target": "audio", "window": 16, "steps": 2}
    plain, guided, both = (
        sample_target(unet, scheduler("ddim"), condition, noise, guidance=g, contrast=c, **shared)
        for g, c in ((1, 0), (1, 0.5), (2, 0.5))
    )
    assert not torch.allclose(plain, guided)
    assert not torch.allclose(guided, both)
    times = torch.full((1,), 0.5)
    said = unet.encode_condition(condition, modality="video")
    wrong = circularly_shifted(said, frames=16, turn=1)
    right, shifted = (unet.predict(noise, modality="audio", t=times, condition=c) for c in (said, wrong))
    silent = unet.predict(noise, modality="audio", t=times, condition=None)
    found = guided_target(
        unet, noisy=noise, modality="audio", t=0.5, condition=said, guidance=2, mismatched=wrong, contrast=0.5
    )
    expected = silent + 2 * (right - silent) + 0.5 * (right - shifted)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_contrast_without_messages_is_refused(unet):
    condition, noise = torch.randn(1, 4, 16, 8, 8), torch.randn(1, 1, 64, 128)
    with pytest.raises(ValueError, match="contrast is 1"):
        sample_target(
            unet,
            scheduler(),
            condition,
            noise,
            target="audio",
            window=16,
            steps=1,
            guidance=1,
            contrast=1,
            encode_once=False,
        )


def test_a_take_does_not_depend_on_the_others(unet):
    condition, noise = torch.randn(1, 4, 24, 8, 8), torch.randn(3, 1, 64, 192)
    shared = {"target": "audio", "window": 16, "steps": 2, "guidance": 1.0}
    together = sample_target(unet, scheduler(), condition, noise, **shared)
    alone = sample_target(unet, scheduler(), condition, noise[1:2], **shared)
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def test_one_condition_an_item_equals_one_after_the_other(unet):
    conditions, noise = torch.randn(2, 4, 24, 8, 8), torch.randn(2, 1, 64, 192)
    shared = {"target": "audio", "window": 16, "steps": 2, "guidance": 2.0}
    together = sample_target(unet, scheduler(), conditions, noise, **shared)
    for item in range(2):
        alone = sample_target(unet, scheduler(), conditions[[item]], noise[[item]], **shared)
        assert torch.allclose(together[[item]], alone, atol=1e-5)


def test_joint_sampling_steps_both_modalities(unet):
    noise = Prediction(torch.randn(1, 4, 20, 8, 8), torch.randn(1, 1, 64, 160))
    made = sample_joint(unet, scheduler(), noise, window=16, steps=2, guidance=1.5)
    assert made.video.shape == noise.video.shape and made.audio.shape == noise.audio.shape
    assert torch.isfinite(made.video).all() and not torch.equal(made.video, noise.video)


@pytest.mark.parametrize("frames", [16, 17, 24, 31, 100])
def test_windows_cover_every_frame_and_average_to_the_identity(frames):
    windows = Windows(frames, 16)
    assert windows.starts[0] == 0 and windows.starts[-1] == frames - 16
    shapes: dict[Modality, tuple[int, ...]] = {"video": (2, 3, frames, 2, 2), "audio": (2, 1, 4, 8 * frames)}
    for modality, shape in shapes.items():
        x = torch.randn(shape)
        average = WindowAverage(x, windows, modality)
        for starts in windows.batches(3):
            average.add(windows.cut(x, modality, starts), starts)
        assert torch.allclose(average.mean(), x, atol=1e-5)


def test_neighbouring_windows_overlap_by_half():
    starts = Windows(100, 16).starts
    assert max(b - a for a, b in pairwise(starts)) <= 8


def test_a_clip_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="clip has 9 frames, expected at least a window of 16"):
        Windows(9, 16)
