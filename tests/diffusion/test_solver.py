"""DDPM, the solver that adds noise: a known distribution, a step written out, and items that depend on none other."""

import math
from itertools import pairwise

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.item_noise import item_generators, item_noise
from cmmd.diffusion.process import PredictionType, scheduler_config
from cmmd.diffusion.sampling import sample_joint, sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.diffusion.solver import Solver, build_scheduler
from cmmd.models.exchange import Prediction

PROCESS = DDIMScheduler(clip_sample=False, **scheduler_config())


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def of_a_gaussian(steps: int, prediction_type: PredictionType, *, mean: float, std: float) -> torch.Tensor:
    """20,000 values by the network that knows the distribution, in float64."""
    noise = random(50, 4, 10, 10)
    solver = Solver("ddpm", DDIMScheduler(**scheduler_config(prediction_type)), noise, steps=steps)
    x = noise
    for _, timestep, t in solver.steps():
        alpha, sigma = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
        clean = mean + alpha * std**2 / (alpha**2 * std**2 + sigma**2) * (x.double() - alpha * mean)
        said = (x - alpha * clean) / sigma
        if prediction_type == "v_prediction":
            said = alpha * said - sigma * clean
        x = solver.step(said.float(), timestep, x)
    return x


@pytest.mark.parametrize("prediction_type", ["v_prediction", "epsilon"])
def test_a_thousand_steps_reproduce_a_gaussian_whose_denoiser_is_known(prediction_type):
    found = of_a_gaussian(1000, prediction_type, mean=0.7, std=0.5)
    assert found.mean() == pytest.approx(0.7, abs=0.02)
    assert found.std() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("prediction_type", ["v_prediction", "epsilon"])
def test_few_steps_make_a_gaussian_narrower_by_what_the_formula_says(prediction_type):
    """x_s is Gaussian given x_t: its variance follows step by step."""
    times = [step / 25 for step in range(25, -1, -1)]
    variance, std = 1.0, 0.5
    for t, s in pairwise(times):
        a, b = math.cos(math.pi / 2 * t) ** 2, math.cos(math.pi / 2 * s) ** 2
        clean_slope = math.sqrt(a) * std**2 / (a * std**2 + 1 - a)
        slope = math.sqrt(b) * (1 - a / b) / (1 - a) * clean_slope + math.sqrt(a / b) * (1 - b) / (1 - a)
        variance = slope**2 * variance + (1 - b) / (1 - a) * (1 - a / b)
    found = of_a_gaussian(25, prediction_type, mean=0.7, std=0.5)
    assert math.sqrt(variance) < 0.45
    assert found.std() == pytest.approx(math.sqrt(variance), abs=0.01)


def test_a_step_is_that_of_ddpm_written_out():
    """From t = 0.75 to 0.5: mean and variance of x_s given x_t and the clean signal (arXiv 2006.11239, equation 7)."""
    noise, said, x = random(2, 4, 3, 3), random(2, 4, 3, 3, seed=1), 5 * random(2, 4, 3, 3, seed=2)
    solver = Solver("ddpm", PROCESS, noise, steps=4)
    steps = list(solver.steps())
    assert [t for _, _, t in steps] == [1.0, 0.75, 0.5, 0.25]
    found = solver.step(said, steps[1][1], x)
    a, b = math.cos(math.pi / 2 * 0.75) ** 2, math.cos(math.pi / 2 * 0.5) ** 2
    clean = math.sqrt(a) * x - math.sqrt(1 - a) * said
    mean = math.sqrt(b) * (1 - a / b) / (1 - a) * clean + math.sqrt(a / b) * (1 - b) / (1 - a) * x
    added = torch.stack([torch.randn(4, 3, 3, generator=generator) for generator in item_generators(noise, "ddpm")])
    expected = mean + math.sqrt((1 - b) / (1 - a) * (1 - a / b)) * added
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("scheduler", [DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler])
def test_ddpm_neither_clips_nor_has_another_variance_whatever_describes_the_process(scheduler):
    solver = build_scheduler("ddpm", scheduler(**scheduler_config()))
    assert solver.config["clip_sample"] is False and solver.config["variance_type"] == "fixed_small"
    assert solver.config["prediction_type"] == "v_prediction" and solver.config["timestep_spacing"] == "trailing"


def test_what_ddpm_adds_is_the_items_own(unet):
    """Neither batch mates nor the seed of torch change anything, and another noise is another sample."""
    conditions, noise = random(3, 4, 16, 8, 8), random(3, 1, 64, 128, seed=1)
    config = SamplingConfig(steps=4, sampler="ddpm")

    def sample(chosen: list[int]) -> torch.Tensor:
        torch.manual_seed(len(chosen))
        return sample_target(unet, PROCESS, conditions[chosen], noise[chosen], config, target="audio", window=16)

    together = sample([0, 1, 2])
    for item in range(3):
        torch.testing.assert_close(sample([item]), together[[item]], rtol=0, atol=1e-5)
    assert torch.equal(sample([0, 1, 2]), together)
    other = sample_target(unet, PROCESS, conditions[[0]], noise[[1]], config, target="audio", window=16)
    assert not torch.allclose(other, together[[0]], atol=0.1)


def test_ddpm_makes_both_and_holds_what_is_kept(unet):
    noise = Prediction(random(2, 4, 24, 8, 8), random(2, 1, 64, 192, seed=1))
    frames = torch.arange(24) < 6
    kept = FixedFrames(random(1, 4, 24, 8, 8, seed=2), frames), FixedFrames(random(1, 1, 64, 192, seed=3), frames)
    config = SamplingConfig(steps=3, sampler="ddpm")
    found = sample_joint(unet, PROCESS, noise, config, window=16, fixed=kept)
    again = sample_joint(unet, PROCESS, noise, config, window=16, fixed=kept)
    assert torch.equal(found.video, again.video) and torch.equal(found.audio, again.audio)
    assert found.video.isfinite().all() and found.audio.isfinite().all()
    assert torch.equal(found.audio[..., :48], kept[1].latents.expand(2, -1, -1, -1)[..., :48])


def test_further_noise_follows_from_an_items_noise_and_its_use():
    noise = random(3, 2, 4)
    found = item_noise(noise, "condition", shape=(5, 50))
    assert torch.equal(found[[2, 0]], item_noise(noise[[2, 0]], "condition", shape=(5, 50)))
    assert not torch.allclose(found, item_noise(noise, "ddpm", shape=(5, 50)), atol=0.1)
    assert not torch.allclose(found[0], found[1], atol=0.1)
    assert torch.equal(
        item_noise(noise.bfloat16(), "a", shape=(2,)), item_noise(noise.bfloat16().float(), "a", shape=(2,))
    )
    assert abs(found.mean()) < 0.1 and abs(found.std() - 1) < 0.1
