"""Conditions by replacement: against literal loops in float64, with one fixed noise, at any length, item by item."""

import copy
import math
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.item_noise import item_noise
from cmmd.diffusion.process import scheduler_config
from cmmd.diffusion.sampling import sample_joint, sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction

PROCESS = DDIMScheduler(clip_sample=False, **scheduler_config())
TARGETS: tuple[Modality, Modality] = ("audio", "video")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clip(frames: int = 16, *, items: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    return {
        "video": random(items, 4, frames, 8, 8, seed=seed),
        "audio": random(items, 1, 64, 8 * frames, seed=seed + 1),
    }


def at(clean: torch.Tensor, noise: torch.Tensor, t: float) -> torch.Tensor:
    return math.cos(math.pi / 2 * t) * clean + math.sin(math.pi / 2 * t) * noise


def ddim_step(x: torch.Tensor, said: torch.Tensor, t: float, following: float) -> torch.Tensor:
    """One step of DDIM from a velocity, written out."""
    alpha, sigma = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
    return at(alpha * x - sigma * said, sigma * x + alpha * said, following)


def other(target: str) -> str:
    return "video" if target == "audio" else "audio"


def fixed_noise(condition: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    return item_noise(noise, "condition", shape=tuple(condition.shape[1:]))


class Recorder(CoupledUNet):
    """Keeps what it was given, and counts its passes of both networks."""

    seen: list[dict[str, Any]]

    def forward(self, video, audio, *, t_video, t_audio, **rest):
        self.seen.append({"video": video, "audio": audio, "t_video": t_video, "t_audio": t_audio, "rest": rest})
        return super().forward(video, audio, t_video=t_video, t_audio=t_audio, **rest)


@pytest.fixture
def recorder(shared_unet) -> Recorder:
    made = Recorder(**{name: value for name, value in shared_unet.config.items() if not name.startswith("_")})
    made.load_state_dict(shared_unet.state_dict())
    made.eval().seen = []
    return made


@pytest.mark.parametrize("target", TARGETS)
def test_one_window_equals_a_loop_in_float64(shared_unet, target):
    given, noise = clip(items=2), clip(items=2, seed=5)[target]
    condition = given[other(target)]
    config = SamplingConfig(steps=4, sampler="ddim")
    found = sample_target(shared_unet, PROCESS, condition, noise, config, target=target, window=16)
    unet = copy.deepcopy(shared_unet).double()
    clean, fixed, x = condition.double(), fixed_noise(condition, noise).double(), noise.double()
    for t in (1.0, 0.75, 0.5, 0.25):
        beside, times = at(clean, fixed, t), torch.full((2,), t, dtype=torch.float64)
        pair = (beside, x) if target == "audio" else (x, beside)
        said = unet(*pair, t_video=times, t_audio=times)
        x = ddim_step(x, getattr(said, target), t, t - 0.25)
    torch.testing.assert_close(found, x.float(), rtol=0, atol=2e-3)
    assert (found - given[target]).abs().mean() > 0.1


@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "unipc", "ddpm"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_condition_has_one_noise_and_the_targets_time_at_every_step(recorder, target, sampler):
    """By default, that is without guidance, it takes one pass a step."""
    condition, noise = clip()[other(target)], clip(seed=5)[target]
    config = SamplingConfig(steps=5, sampler=sampler)
    steps: list[int] = []
    sample_target(recorder, PROCESS, condition, noise, config, target=target, window=16, on_step=steps.append)
    assert steps == [1, 2, 3, 4, 5] and len(recorder.seen) == 5
    fixed = fixed_noise(condition, noise)
    for t, seen in zip((1.0, 0.8, 0.6, 0.4, 0.2), recorder.seen, strict=True):
        assert torch.equal(seen["t_video"], torch.full((1, 16), t)) and torch.equal(seen["t_audio"], seen["t_video"])
        torch.testing.assert_close(seen[other(target)], at(condition, fixed, t), rtol=0, atol=1e-5)
        assert seen["rest"] == {}


@pytest.mark.parametrize("target", TARGETS)
def test_batch_mates_do_not_matter(shared_unet, target):
    condition, noise = clip(24, items=3)[other(target)], clip(24, items=3, seed=5)[target]
    for sampler in ("unipc", "ddpm"):
        config = SamplingConfig(steps=3, sampler=sampler)
        together = sample_target(shared_unet, PROCESS, condition, noise, config, target=target, window=16)
        for item in range(3):
            chosen = condition[[item]], noise[[item]]
            alone = sample_target(shared_unet, PROCESS, *chosen, config, target=target, window=16)
            torch.testing.assert_close(alone, together[[item]], rtol=0, atol=1e-5)


def test_takes_of_one_condition_have_noises_of_their_own(recorder):
    condition, noise = clip()["video"], clip(items=2, seed=5)["audio"]
    config = SamplingConfig(steps=2)
    shared = sample_target(recorder, PROCESS, condition, noise, config, target="audio", window=16)
    first = recorder.seen[0]["video"]
    assert len(first) == 2 and not torch.allclose(first[0], first[1], atol=0.1)
    each = sample_target(recorder, PROCESS, condition.repeat(2, 1, 1, 1, 1), noise, config, target="audio", window=16)
    assert torch.equal(shared, each)


def test_windows_equal_a_loop_written_out(shared_unet):
    """20 frames are windows from 0 and from 4, weighted by a triangle over each; the noise is the whole clip's."""
    condition, x = clip(20)["video"], clip(20, seed=5)["audio"]
    fixed = fixed_noise(condition, x)
    config = SamplingConfig(steps=2, sampler="ddim")
    found = sample_target(shared_unet, PROCESS, condition, x, config, target="audio", window=16)
    for t in (1.0, 0.5):
        total, weights = torch.zeros_like(x), torch.zeros(160)
        for start in (0, 4):
            beside = at(condition, fixed, t)[:, :, start : start + 16]
            noisy, times = x[..., 8 * start : 8 * start + 128], torch.full((1,), t)
            said = shared_unet(beside, noisy, t_video=times, t_audio=times).audio
            for column in range(128):
                weight = min(column + 0.5, 127.5 - column)
                total[..., 8 * start + column] += weight * said[..., column]
                weights[8 * start + column] += weight
        x = ddim_step(x, total / weights, t, t - 0.5)
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)


# Kept frames


@pytest.mark.parametrize("target", TARGETS)
def test_kept_frames_go_in_noised_and_come_out_clean(shared_unet, target):
    """Frames 3 to 8 are given: a clean stretch beside noise is as unknown to the network as a clean condition."""
    condition, noise, known = clip()[other(target)], clip(seed=5)[target], clip(seed=7)[target]
    frames = torch.zeros(16, dtype=torch.bool)
    frames[3:9] = True
    config = SamplingConfig(steps=4, sampler="ddim")
    kept = FixedFrames(known, frames)
    found = sample_target(shared_unet, PROCESS, condition, noise, config, target=target, window=16, fixed=kept)
    where = (..., slice(24, 72)) if target == "audio" else (slice(None), slice(None), slice(3, 9))
    fixed, x = fixed_noise(condition, noise), noise
    for t in (1.0, 0.75, 0.5, 0.25):
        x = x.clone()
        x[where] = at(known, noise, t)[where]
        beside, times = at(condition, fixed, t), torch.full((1,), t)
        pair = (beside, x) if target == "audio" else (x, beside)
        x = ddim_step(x, getattr(shared_unet(*pair, t_video=times, t_audio=times), target), t, t - 0.25)
    x[where] = known[where]
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)
    assert torch.equal(found[where], known[where])


def test_joint_sampling_holds_each_modalitys_own_frames(shared_unet):
    """Picture is given at the beginning, sound at the end, of a clip of two windows."""
    noise, known = clip(20), clip(20, seed=5)
    kept = FixedFrames(known["video"], torch.arange(20) < 5), FixedFrames(known["audio"], torch.arange(20) >= 16)
    config = SamplingConfig(steps=3)
    found = sample_joint(shared_unet, PROCESS, Prediction(**noise), config, window=16, fixed=kept)
    free = sample_joint(shared_unet, PROCESS, Prediction(**noise), config, window=16)
    assert torch.equal(found.video[:, :, :5], known["video"][:, :, :5])
    assert torch.equal(found.audio[..., 128:], known["audio"][..., 128:])
    assert found.video.isfinite().all() and found.audio.isfinite().all()
    assert not torch.allclose(found.video[:, :, 5:], free.video[:, :, 5:], atol=1e-3)
    assert not torch.allclose(found.audio[..., :128], free.audio[..., :128], atol=1e-3)


def test_joint_sampling_equals_a_loop_written_out(shared_unet):
    """Without guidance, which other networks have by default."""
    pair = clip()
    config = SamplingConfig(steps=2, sampler="ddim")
    found = sample_joint(shared_unet, PROCESS, Prediction(**pair), config, window=16)
    x = [pair["video"], pair["audio"]]
    for t in (1.0, 0.5):
        times = torch.full((1,), t)
        said = shared_unet(*x, t_video=times, t_audio=times)
        x = [ddim_step(part, spoken, t, t - 0.5) for part, spoken in zip(x, said, strict=True)]
    torch.testing.assert_close(found, Prediction(*x), rtol=0, atol=2e-3)


# What cannot be asked of which network


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contrast": 1}, "contrast is 1, expected 0 for a model with shared_time: no condition is encoded"),
        ({"guidance": 2.5}, "guidance is 2.5, expected 1 for a model with shared_time"),
        ({"guidance": 0}, "guidance is 0, expected 1 for a model with shared_time"),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_what_a_network_of_one_time_cannot_do_is_refused(shared_unet, target, settings, message):
    condition, noise = clip()[other(target)], clip(seed=5)[target]
    with pytest.raises(InputError, match=message):
        sample_target(shared_unet, PROCESS, condition, noise, SamplingConfig(**settings), target=target, window=16)
    with pytest.raises(InputError, match="expected"):
        sample_joint(shared_unet, PROCESS, Prediction(**clip()), SamplingConfig(**settings), window=16)


def test_a_guidance_of_1_is_what_it_has_anyway(shared_unet):
    condition, noise = clip()["audio"], clip(seed=5)["video"]
    usual, told = (
        sample_target(
            shared_unet, PROCESS, condition, noise, SamplingConfig(steps=1, guidance=g), target="video", window=16
        )
        for g in (None, 1)
    )
    assert torch.equal(usual, told)


def test_a_gradient_is_refused_where_there_is_none(unet, hearing_unet, shared_unet):
    condition, noise = clip()["video"], clip(seed=5)["audio"]
    config = SamplingConfig(steps=1, gradient=0.5)
    for network in (unet, hearing_unet):
        with pytest.raises(InputError, match=r"gradient is 0\.5, expected 0 for a model without shared_time"):
            sample_target(network, PROCESS, condition, noise, config, target="audio", window=16)
    for network in (unet, shared_unet):
        with pytest.raises(InputError, match=r"gradient is 0\.5, expected 0 when both are made"):
            sample_joint(network, PROCESS, Prediction(**clip()), config, window=16)
