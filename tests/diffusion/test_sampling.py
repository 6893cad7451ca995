"""Sampling: against literal loops, a known distribution, the cached path against the plain one, takes on their own."""

import math
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.guidance import guided_target
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import scheduler_config, time_of_timestep
from cmmd.diffusion.sampling import sample_joint, sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.diffusion.solver import build_scheduler
from cmmd.errors import InputError
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction

PROCESS = DDIMScheduler(clip_sample=False, **scheduler_config())


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ddim_step(x: torch.Tensor, said: torch.Tensor, t: float, following: float) -> torch.Tensor:
    """One step of DDIM from a velocity, written out."""
    alpha, sigma = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
    clean, noise = alpha * x - sigma * said, sigma * x + alpha * said
    return math.cos(math.pi / 2 * following) * clean + math.sin(math.pi / 2 * following) * noise


def item_times(t: float, frames: int = 16) -> torch.Tensor:
    return torch.full((1, frames), t)


@pytest.mark.parametrize(("sampler", "tolerance"), [("ddim", 0.05), ("dpm++", 0.01), ("unipc", 0.01)])
def test_solvers_reproduce_a_gaussian_whose_denoiser_is_known(sampler, tolerance):
    mean, std = 0.7, 0.5
    solver: Any = build_scheduler(sampler, PROCESS)
    solver.set_timesteps(25)
    x = random(50, 4, 10, 10)
    for timestep in solver.timesteps:
        t = torch.as_tensor(float(time_of_timestep(timestep)))
        alpha, sigma = torch.cos(math.pi / 2 * t), torch.sin(math.pi / 2 * t)
        clean = mean + alpha * std**2 / (alpha**2 * std**2 + sigma**2) * (x - alpha * mean)
        noise = (x - alpha * clean) / sigma
        x = solver.step(alpha * noise - sigma * clean, timestep, x, return_dict=False)[0]
    assert x.mean() == pytest.approx(mean, abs=0.02)
    assert x.std() == pytest.approx(std, abs=tolerance)


@pytest.mark.parametrize(("guidance", "above"), [(1.0, None), (2.5, None), (2.5, 0.6)])
@pytest.mark.parametrize("target", ["audio", "video"])
def test_one_window_equals_a_loop_written_out(unet, target, guidance, above):
    video, audio = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    condition, x = (video, audio) if target == "audio" else (audio, video)
    config = SamplingConfig(steps=4, guidance=guidance, guided_above=above, sampler="ddim")
    found = sample_target(unet, PROCESS, condition, x, config, target=target, window=16)
    for t in (1.0, 0.75, 0.5, 0.25):
        times, clean = torch.tensor([t]), torch.zeros(1)
        deaf = torch.tensor([False])
        if target == "audio":
            heard = unet(video, x, t_video=clean, t_audio=times).audio
            alone = unet(video, x, t_video=clean, t_audio=times, audio_hears=deaf).audio
        else:
            heard = unet(x, audio, t_video=times, t_audio=clean).video
            alone = unet(x, audio, t_video=times, t_audio=clean, video_hears=deaf).video
        strength = guidance if above is None or t > above else 1.0
        x = ddim_step(x, alone + strength * (heard - alone), t, t - 0.25)
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)
    assert (found - (video if target == "video" else audio)).abs().mean() > 0.1


@pytest.mark.parametrize("target", ["audio", "video"])
def test_a_temperature_scales_the_initial_noise(unet, target):
    video, audio = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    condition, x = (video, audio) if target == "audio" else (audio, video)

    def sampled(noise: torch.Tensor, temperature: float | None) -> torch.Tensor:
        config = SamplingConfig(steps=2, guidance=1.0, temperature=temperature)
        return sample_target(unet, PROCESS, condition, noise, config, target=target, window=16)

    assert torch.equal(sampled(x, 0.5), sampled(0.5 * x, None))
    assert torch.equal(sampled(x, 1), sampled(x, None))
    assert torch.equal(sampled(x, 0), sampled(torch.zeros_like(x), None))


def test_takes_of_ddpm_differ_at_temperature_0(unet):
    """It adds noise at every step, which is seeded by the initial noise before this is scaled."""
    config = SamplingConfig(steps=2, guidance=1.0, temperature=0, sampler="ddpm")
    noise = random(2, 1, 64, 128, seed=1)
    one, other = sample_target(unet, PROCESS, random(1, 4, 16, 8, 8), noise, config, target="audio", window=16)
    assert (one - other).abs().mean() > 0.1


def test_a_temperature_scales_the_initial_noise_of_both_modalities(unet):
    both = Prediction(random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1))
    half = Prediction(*(0.5 * noise for noise in both))
    scaled = sample_joint(unet, PROCESS, both, SamplingConfig(steps=2, temperature=0.5), window=16)
    expected = sample_joint(unet, PROCESS, half, SamplingConfig(steps=2), window=16)
    assert torch.equal(scaled.video, expected.video) and torch.equal(scaled.audio, expected.audio)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_joint_sampling_equals_a_loop_written_out(unet, guidance):
    video, audio = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    config = SamplingConfig(steps=4, guidance=guidance, sampler="ddim")
    found = sample_joint(unet, PROCESS, Prediction(video, audio), config, window=16)
    for t in (1.0, 0.75, 0.5, 0.25):
        times, deaf = torch.tensor([t]), torch.tensor([False])
        heard = unet(video, audio, t_video=times, t_audio=times)
        alone = unet(video, audio, t_video=times, t_audio=times, video_hears=deaf, audio_hears=deaf)
        video = ddim_step(video, alone.video + guidance * (heard.video - alone.video), t, t - 0.25)
        audio = ddim_step(audio, alone.audio + guidance * (heard.audio - alone.audio), t, t - 0.25)
    torch.testing.assert_close(found, Prediction(video, audio), rtol=0, atol=2e-3)


def test_windows_equal_a_loop_written_out(unet):
    """20 frames are windows from 0 and from 4, weighted by a triangle over each; contrast turns with the steps."""
    condition, x = random(1, 4, 20, 8, 8), random(1, 1, 64, 160, seed=1)
    config = SamplingConfig(steps=2, guidance=1.0, contrast=0.5, sampler="ddim")
    found = sample_target(unet, PROCESS, condition, x, config, target="audio", window=16)
    for step, t in enumerate((1.0, 0.5)):
        total, weights = torch.zeros_like(x), torch.zeros(160)
        for start in (0, 4):
            said = unet.encode_condition(condition[:, :, start : start + 16], modality="video")
            wrong = circularly_shifted(said, frames=16, turn=step)
            noisy = x[..., 8 * start : 8 * start + 128]
            right, shifted = (
                unet.predict(noisy, modality="audio", t=item_times(t), condition=heard) for heard in (said, wrong)
            )
            for column in range(128):
                weight = min(column + 0.5, 127.5 - column)
                total[..., 8 * start + column] += weight * (right + 0.5 * (right - shifted))[..., column]
                weights[8 * start + column] += weight
        x = ddim_step(x, total / weights, t, t - 0.5)
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)


@pytest.mark.parametrize("target", ["audio", "video"])
def test_kept_frames_equal_a_masked_loop_written_out(unet, target):
    """Frames 3 to 8 are given: at every step they hold their latents at time 0."""
    video, audio = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    given = {"video": random(1, 4, 16, 8, 8, seed=2), "audio": random(1, 1, 64, 128, seed=3)}[target]
    condition, x = (video, audio) if target == "audio" else (audio, video)
    frames = torch.zeros(16, dtype=torch.bool)
    frames[3:9] = True
    config = SamplingConfig(steps=4, guidance=1.0, sampler="ddim")
    found = sample_target(
        unet, PROCESS, condition, x, config, target=target, window=16, fixed=FixedFrames(given, frames)
    )
    where = (..., slice(24, 72)) if target == "audio" else (slice(None), slice(None), slice(3, 9))
    for t in (1.0, 0.75, 0.5, 0.25):
        x = x.clone()
        x[where] = given[where]
        times, clean = torch.full((1, 16), t), torch.zeros(1, 16)
        times[:, 3:9] = 0
        if target == "audio":
            said = unet(video, x, t_video=clean, t_audio=times).audio
        else:
            said = unet(x, audio, t_video=times, t_audio=clean).video
        x = ddim_step(x, said, t, t - 0.25)
    x[where] = given[where]
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)
    assert torch.equal(found[where], given[where])


def test_kept_frames_of_both_equal_a_masked_loop_written_out(unet):
    x = [random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)]
    given = random(1, 4, 16, 8, 8, seed=2), random(1, 1, 64, 128, seed=3)
    frames = torch.arange(16) < 5
    config = SamplingConfig(steps=4, guidance=1.0, sampler="ddim")
    kept = FixedFrames(given[0], frames), FixedFrames(given[1], frames)
    found = sample_joint(unet, PROCESS, Prediction(*x), config, window=16, fixed=kept)
    for t in (1.0, 0.75, 0.5, 0.25):
        x = [part.clone() for part in x]
        x[0][:, :, :5], x[1][..., :40] = given[0][:, :, :5], given[1][..., :40]
        times = torch.full((1, 16), t)
        times[:, :5] = 0
        said = unet(*x, t_video=times, t_audio=times)
        x = [ddim_step(part, spoken, t, t - 0.25) for part, spoken in zip(x, said, strict=True)]
    torch.testing.assert_close(found.video[:, :, 5:], x[0][:, :, 5:], rtol=0, atol=2e-3)
    torch.testing.assert_close(found.audio[..., 40:], x[1][..., 40:], rtol=0, atol=2e-3)
    assert torch.equal(found.video[:, :, :5], given[0][:, :, :5])
    assert torch.equal(found.audio[..., :40], given[1][..., :40])


def test_each_modality_has_its_own_kept_frames(unet):
    """Picture is given at the beginning, sound at the end."""
    x = [random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)]
    given = random(1, 4, 16, 8, 8, seed=2), random(1, 1, 64, 128, seed=3)
    kept = FixedFrames(given[0], torch.arange(16) < 5), FixedFrames(given[1], torch.arange(16) >= 12)
    config = SamplingConfig(steps=2, guidance=1.0, sampler="ddim")
    found = sample_joint(unet, PROCESS, Prediction(*x), config, window=16, fixed=kept)
    for t in (1.0, 0.5):
        x = [part.clone() for part in x]
        x[0][:, :, :5], x[1][..., 96:] = given[0][:, :, :5], given[1][..., 96:]
        t_video, t_audio = torch.full((1, 16), t), torch.full((1, 16), t)
        t_video[:, :5], t_audio[:, 12:] = 0, 0
        said = unet(*x, t_video=t_video, t_audio=t_audio)
        x = [ddim_step(part, spoken, t, t - 0.5) for part, spoken in zip(x, said, strict=True)]
    torch.testing.assert_close(found.video[:, :, 5:], x[0][:, :, 5:], rtol=0, atol=2e-3)
    torch.testing.assert_close(found.audio[..., :96], x[1][..., :96], rtol=0, atol=2e-3)


def test_ddim_does_not_clip_whatever_solver_describes_the_process():
    """Its own default is to clip at 1, and the configuration of another solver does not speak of it."""
    solver = build_scheduler("ddim", UniPCMultistepScheduler(**scheduler_config()))
    solver.set_timesteps(4)
    said, x = 3 * random(1, 4, 2, 2), 5 * random(1, 4, 2, 2, seed=1)
    found = solver.step(said, solver.timesteps[1], x, return_dict=False)[0]  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(found, ddim_step(x, said, 0.75, 0.5), rtol=0, atol=2e-3)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "unipc"])
def test_kept_frames_stay_in_windows_under_any_solver_and_guidance(unet, sampler):
    condition, noise, given = random(1, 4, 40, 8, 8), random(2, 1, 64, 320, seed=1), random(1, 1, 64, 320, seed=2)
    frames = (torch.arange(40) < 20) | (torch.arange(40) > 35)  # whole windows are given
    config = SamplingConfig(steps=3, guidance=2.0, contrast=0.5, sampler=sampler)
    free = sample_target(unet, PROCESS, condition, noise, config, target="audio", window=16)
    found = sample_target(
        unet, PROCESS, condition, noise, config, target="audio", window=16, fixed=FixedFrames(given, frames)
    )
    columns = frames.repeat_interleave(8)
    assert torch.equal(found[..., columns], given.expand(2, -1, -1, -1)[..., columns])
    assert torch.isfinite(found).all() and not torch.allclose(found[..., ~columns], free[..., ~columns], atol=1e-3)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("target", ["audio", "video"])
def test_condition_encoded_once_equals_encoded_at_every_step(unet, target, guidance):
    video, audio = random(1, 4, 40, 8, 8), random(1, 1, 64, 320, seed=1)
    condition, noise = (video, audio) if target == "audio" else (audio, video)
    noise = noise.repeat(2, *[1] * (noise.ndim - 1))
    config = SamplingConfig(steps=3, guidance=guidance)
    once, again = (
        sample_target(unet, PROCESS, condition, noise, config, target=target, window=16, encode_once=encode_once)
        for encode_once in (True, False)
    )
    assert (once - again).abs().max() < 1e-5


@pytest.mark.parametrize("target", ["audio", "video"])
def test_a_condition_that_hears_goes_through_both_networks(hearing_unet, target):
    video, audio = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    condition, x = (video, audio) if target == "audio" else (audio, video)
    config = SamplingConfig(steps=2, guidance=2.0, sampler="ddim")
    found = sample_target(hearing_unet, PROCESS, condition, x, config, target=target, window=16)
    for t in (1.0, 0.5):
        times, clean, deaf = torch.tensor([t]), torch.zeros(1), torch.tensor([False])
        if target == "audio":
            heard = hearing_unet(video, x, t_video=clean, t_audio=times).audio
            alone = hearing_unet(video, x, t_video=clean, t_audio=times, video_hears=deaf, audio_hears=deaf).audio
        else:
            heard = hearing_unet(x, audio, t_video=times, t_audio=clean).video
            alone = hearing_unet(x, audio, t_video=times, t_audio=clean, video_hears=deaf, audio_hears=deaf).video
        x = ddim_step(x, alone + 2 * (heard - alone), t, t - 0.5)
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)


def test_guidance_and_contrast_push_away_from_silence_and_from_the_shifted_condition(unet):
    condition, noise = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    times = torch.full((1,), 0.5)
    said = unet.encode_condition(condition, modality="video")
    wrong = circularly_shifted(said, frames=16, turn=1)
    right, shifted = (unet.predict(noise, modality="audio", t=times, condition=c) for c in (said, wrong))
    silent = unet.predict(noise, modality="audio", t=times, condition=None)
    for guidance, contrast in ((1, 0), (2, 0), (1, 0.5), (2, 0.5)):
        found = guided_target(
            unet,
            noise,
            modality="audio",
            t=item_times(0.5),
            condition=said,
            guidance=guidance,
            mismatched=wrong,
            contrast=contrast,
        )
        expected = silent + guidance * (right - silent) + contrast * (right - shifted)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_contrast_without_an_encoded_condition_is_refused(unet, hearing_unet):
    condition, noise = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    config = SamplingConfig(steps=1, contrast=1)
    with pytest.raises(InputError, match="contrast is 1, expected 0 when the condition is not encoded once"):
        sample_target(unet, PROCESS, condition, noise, config, target="audio", window=16, encode_once=False)
    with pytest.raises(InputError, match="contrast is 1, expected 0 for a model with clean_hears"):
        sample_target(hearing_unet, PROCESS, condition, noise, config, target="audio", window=16)
    with pytest.raises(InputError, match="contrast is 1, expected 0 when both are made"):
        sample_joint(unet, PROCESS, Prediction(condition, noise), config, window=16)


def test_a_take_does_not_depend_on_the_others(unet):
    condition, noise = random(1, 4, 24, 8, 8), random(3, 1, 64, 192, seed=1)
    config = SamplingConfig(steps=2, guidance=1.0)
    together = sample_target(unet, PROCESS, condition, noise, config, target="audio", window=16)
    alone = sample_target(unet, PROCESS, condition, noise[1:2], config, target="audio", window=16)
    assert torch.allclose(together[1:2], alone, atol=1e-5)


@pytest.mark.parametrize("network", ["unet", "hearing_unet"])
def test_one_condition_an_item_equals_one_after_the_other(network, request):
    unet = request.getfixturevalue(network)
    conditions, noise = random(2, 4, 24, 8, 8), random(2, 1, 64, 192, seed=1)
    config = SamplingConfig(steps=2, guidance=2.0)
    together = sample_target(unet, PROCESS, conditions, noise, config, target="audio", window=16)
    for item in range(2):
        alone = sample_target(unet, PROCESS, conditions[[item]], noise[[item]], config, target="audio", window=16)
        assert torch.allclose(together[[item]], alone, atol=1e-5)


def test_without_a_guidance_the_direction_has_its_own(unet):
    condition, noise = random(1, 4, 16, 8, 8), random(1, 1, 64, 128, seed=1)
    cases: tuple[tuple[Modality, torch.Tensor, torch.Tensor, float], ...] = (
        ("audio", condition, noise, 1.0),
        ("video", noise, condition, 4.5),
    )
    for target, given, x, strength in cases:
        usual, told = (
            sample_target(unet, PROCESS, given, x, SamplingConfig(steps=2, guidance=g), target=target, window=16)
            for g in (None, strength)
        )
        assert torch.equal(usual, told)


class Recorder(CoupledUNet):
    """Keeps the dtype and the times that it was given."""

    seen: list[tuple[torch.dtype, torch.Tensor]]

    def predict(self, noisy, *, t, **rest):
        self.seen.append((noisy.dtype, t))
        return super().predict(noisy, t=t, **rest)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_network_gets_latents_and_times_in_float32_and_stays_close(unet, dtype):
    half = Recorder(**{name: value for name, value in unet.config.items() if not name.startswith("_")})
    half.load_state_dict(unet.state_dict())
    half.eval().to(dtype).seen = []
    said = half.encode_condition(random(1, 4, 16, 8, 8), modality="video")
    noisy = random(1, 1, 64, 128, seed=1)
    found = guided_target(half, noisy, modality="audio", t=item_times(0.9995), condition=said, guidance=1.5)
    told = half.seen[-1][1]
    assert found.dtype == half.seen[-1][0] == told.dtype == torch.float32
    assert (told == torch.tensor(0.9995)).all()  # in bfloat16 it would be 1
    condition, noise = random(1, 4, 24, 8, 8).to(dtype), random(1, 1, 64, 192, seed=1).to(dtype)
    config = SamplingConfig(steps=5, guidance=1.5)
    whole, rounded = (
        sample_target(network, PROCESS, condition, noise, config, target="audio", window=16) for network in (unet, half)
    )
    assert rounded.dtype == torch.float32
    assert all(dtype == times.dtype == torch.float32 for dtype, times in half.seen)
    assert {float(times.max()) for _, times in half.seen[1:]} == set(torch.tensor([1, 0.8, 0.6, 0.4, 0.2]).tolist())
    error = (rounded - whole).square().mean().sqrt() / whole.std()
    assert error < {torch.bfloat16: 0.03, torch.float16: 0.004}[dtype]
