"""The forward process: its algebra in float64, and agreement with diffusers' schedulers."""

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from cmmd.diffusion import process

SHAPES = {"video": (3, 4, 6, 2, 2), "audio": (3, 1, 8, 48)}


def pair(modality: str, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    clean, noise = (torch.randn(SHAPES[modality], generator=generator, dtype=torch.float64) for _ in range(2))
    return clean, noise


def test_noisier_times_multiply_the_noise_over_the_signal_and_keep_their_ends():
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    ratio, higher = (process.sigma(x) / process.alpha(x) for x in (t, process.noisier(t, 6)))
    torch.testing.assert_close(higher, 6 * ratio)
    ends = torch.tensor([0.0, 1.0])
    torch.testing.assert_close(process.noisier(ends, 6), ends, rtol=0, atol=1e-6)
    torch.testing.assert_close(process.noisier(t, 1), t)


@pytest.mark.parametrize("modality", SHAPES)
@pytest.mark.parametrize("prediction_type", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("per_frame", [False, True])
def test_clean_and_noise_come_back_from_the_target(modality, prediction_type, per_frame, generator):
    clean, noise = pair(modality, generator)
    t = 0.99 * torch.rand((3, 6) if per_frame else (3,), generator=generator, dtype=torch.float64)
    noisy = process.diffuse(clean, noise, t)
    target = process.prediction_target(clean, noise, t, prediction_type=prediction_type)
    for item in range(3):
        for frame in range(6):
            angle = torch.pi / 2 * (t[item, frame] if per_frame else t[item])
            alpha, sigma = torch.cos(angle), torch.sin(angle)
            # The time axis is 2 of a video, with a step a frame, and 3 of a spectrogram, with eight.
            where = (item, slice(None), frame) if modality == "video" else (item, ..., slice(8 * frame, 8 * frame + 8))
            x, said = noisy[where], target[where]
            if prediction_type == "v_prediction":
                found = alpha * x - sigma * said, sigma * x + alpha * said
            else:
                found = (x - sigma * said) / alpha, said
            torch.testing.assert_close(found, (clean[where], noise[where]), rtol=0, atol=1e-12)
    # What any prediction implies, by the algebra above.
    said = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    angle = torch.pi / 2 * process.over_elements(t, clean)
    if prediction_type == "v_prediction":
        expected = angle.cos() * noisy - angle.sin() * said
    else:
        expected = (noisy - angle.sin() * said) / angle.cos()
    implied = process.implied_clean(said, target, clean, t, prediction_type=prediction_type)
    torch.testing.assert_close(implied, expected, rtol=1e-10, atol=1e-10)


def test_what_epsilon_implies_in_pure_noise_is_finite(generator):
    clean, noise = (x.float() for x in pair("audio", generator))
    implied = process.implied_clean(0.99 * noise, noise, clean, torch.ones(3), prediction_type="epsilon")
    assert implied.abs().max() < 100


def test_ends_are_the_clean_signal_and_pure_noise(generator):
    clean, noise = pair("video", generator)
    ends = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    noisy = process.diffuse(clean, noise, ends)
    assert torch.equal(noisy[0], clean[0])
    torch.testing.assert_close(noisy[1], noise[1], rtol=0, atol=1e-15)


def test_velocity_is_the_derivative_of_the_path(generator):
    clean, noise = pair("audio", generator)
    t = torch.full((3,), 0.3, dtype=torch.float64)
    step = 1e-6
    slope = (process.diffuse(clean, noise, t + step) - process.diffuse(clean, noise, t - step)) / (2 * step)
    torch.testing.assert_close(slope / (torch.pi / 2), process.velocity(clean, noise, t), rtol=0, atol=1e-8)


@pytest.mark.parametrize("modality", SHAPES)
def test_a_frame_has_its_own_time(modality, generator):
    clean, noise = pair(modality, generator)
    t = torch.zeros(3, 6, dtype=torch.float64)
    t[1, 2] = 1.0
    changed = (process.diffuse(clean, noise, t) != clean).movedim(2 if modality == "video" else 3, 1).flatten(2).any(2)
    expected = torch.zeros_like(changed)
    columns = changed.shape[1] // 6
    expected[1, 2 * columns : 3 * columns] = True
    assert torch.equal(changed, expected)


def test_values_for_another_number_of_frames_are_rejected(generator):
    clean, noise = pair("video", generator)
    with pytest.raises(ValueError, match=r"3 frames.*6 time steps"):
        process.diffuse(clean, noise, torch.zeros(3, 3, dtype=torch.float64))


def test_betas_give_the_squared_cosine():
    k = torch.arange(1, 1001, dtype=torch.float64)
    alphas_cumprod = (1 - process.schedule_betas()).cumprod(0)
    torch.testing.assert_close(alphas_cumprod, process.alpha(k / 1000).square(), rtol=0, atol=1e-14)
    assert alphas_cumprod[-1] == 0.0


@pytest.mark.parametrize("scheduler_class", [DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler])
@pytest.mark.parametrize("prediction_type", ["v_prediction", "epsilon"])
def test_schedulers_of_diffusers_hold_the_same_process(scheduler_class, prediction_type):
    scheduler = scheduler_class(**process.scheduler_config(prediction_type))
    assert scheduler.config["prediction_type"] == prediction_type
    times = process.time_of_timestep(torch.arange(1000, dtype=torch.float64))
    # The last entry differs on purpose: some schedulers put a tiny number where ours is zero.
    expected = process.alpha(times).square().float()
    torch.testing.assert_close(scheduler.alphas_cumprod[:-1], expected[:-1], rtol=0, atol=2e-6)
    assert scheduler.alphas_cumprod[-1] < 1e-5


def test_noise_and_velocity_agree_with_diffusers(generator):
    scheduler = DDIMScheduler(**process.scheduler_config())
    clean, noise = (x[:1].float() for x in pair("video", generator))
    for k in (0, 1, 250, 500, 900, 999):
        t = torch.tensor([process.time_of_timestep(k)])
        timestep = torch.tensor([k])
        ours = (process.diffuse(clean, noise, t), process.velocity(clean, noise, t))
        theirs = (
            scheduler.add_noise(clean, noise, timestep),  # pyright: ignore[reportArgumentType]
            scheduler.get_velocity(clean, noise, timestep),  # pyright: ignore[reportArgumentType]
        )
        # Their tables are float32 products of 1000 factors.
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    ("scheduler_class", "own"),
    [(DDIMScheduler, {"clip_sample": False}), (DPMSolverMultistepScheduler, {}), (UniPCMultistepScheduler, {})],
)
def test_sampling_with_the_true_velocity_ends_at_the_clean_signal(scheduler_class, own, generator):
    scheduler = scheduler_class(**own, **process.scheduler_config())
    scheduler.set_timesteps(25)
    clean, noisy = (x.float() for x in pair("audio", generator))
    for k in scheduler.timesteps:
        t = process.time_of_timestep(k.float()).expand(3)
        wide = process.over_elements(t, noisy)
        noise = (noisy - process.alpha(wide) * clean) / process.sigma(wide)
        noisy = scheduler.step(process.velocity(clean, noise, t), k, noisy).prev_sample
    torch.testing.assert_close(noisy, clean, rtol=0, atol=1e-3)


def test_epsilon_starts_where_some_signal_is_left(generator):
    """At pure noise epsilon says nothing about the signal, which is the noisy one without its noise over alpha."""
    scheduler = DDIMScheduler(clip_sample=False, **process.scheduler_config("epsilon"))
    scheduler.set_timesteps(25)
    assert scheduler.config["trained_betas"][-1] == 0.999
    clean, noise = (x.float() for x in pair("audio", generator))
    alpha = scheduler.alphas_cumprod[-1].sqrt()
    noisy = alpha * clean + (1 - alpha.square()).sqrt() * noise
    found = scheduler.step(noise, scheduler.timesteps[0], noisy).pred_original_sample  # pyright: ignore
    torch.testing.assert_close(found, clean, rtol=0, atol=1e-2)
