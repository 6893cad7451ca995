"""The gradient towards a condition: against a literal loop, its strength independent of all else, and its use."""

import copy
import math

import pytest
import torch
from correlated_network import WINDOW, Correlated, correlated, correlated_video, frame_means
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.item_noise import item_noise
from cmmd.diffusion.process import scheduler_config
from cmmd.diffusion.sampling import sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.diffusion.zero_shot import sample_by_replacement
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction

PROCESS = DDIMScheduler(clip_sample=False, **scheduler_config())
EPSILON = DDIMScheduler(clip_sample=False, **scheduler_config("epsilon"))
TARGETS: tuple[Modality, Modality] = ("audio", "video")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair(target: Modality, *, items: int = 1, frames: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Condition and noise of the small network."""
    video, audio = random(items, 4, frames, 8, 8), random(items, 1, 64, 8 * frames, seed=1)
    return (video, audio) if target == "audio" else (audio, video)


def at(clean: torch.Tensor, noise: torch.Tensor, t: float) -> torch.Tensor:
    return math.cos(math.pi / 2 * t) * clean + math.sin(math.pi / 2 * t) * noise


def moved(
    unet: CoupledUNet, condition: torch.Tensor, noise: torch.Tensor, target: Modality, **settings
) -> torch.Tensor:
    """What a gradient changes in two steps of DDIM."""
    with_it, without = (
        sample_target(
            unet,
            PROCESS,
            condition,
            noise,
            SamplingConfig(steps=2, sampler="ddim", gradient=gradient),
            target=target,
            window=unet.config["frames"],
            **settings,
        )
        for gradient in (1.5, 0)
    )
    return with_it - without


def literal(
    unet: CoupledUNet, condition: torch.Tensor, noise: torch.Tensor, target: Modality, gradient: float, kept: int
) -> torch.Tensor:
    """Equation 7 of Ho et al. in float64 on the implied clean signals, for the first `kept` frames of the target given
    as the noise itself, in four steps of DDIM."""
    unet = copy.deepcopy(unet).double()
    fixed = item_noise(noise, "condition", shape=tuple(condition.shape[1:])).double()
    clean, x, start = condition.double(), noise.double(), noise.double()
    per_frame = {"video": 4 * 64, "audio": 64 * 8}
    values, others = per_frame[target], per_frame["video" if target == "audio" else "audio"]
    known = (..., slice(0, 8 * kept)) if target == "audio" else (slice(None), slice(None), slice(0, kept))
    for t in (1.0, 0.75, 0.5, 0.25):
        alpha, sigma = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
        x[known] = at(start, start, t)[known]
        x = x.detach().requires_grad_()
        beside, times = at(clean, fixed, t), torch.full((1,), t, dtype=torch.float64)
        said = unet(*((beside, x) if target == "audio" else (x, beside)), t_video=times, t_audio=times)
        own, of_condition = (said.audio, said.video) if target == "audio" else (said.video, said.audio)
        implied = alpha * beside - sigma * of_condition
        of_target = alpha * x - sigma * own
        distance = ((clean - implied) ** 2).sum() / others + ((start - of_target)[known] ** 2).sum() / values
        slope = torch.autograd.grad(distance, x)[0] * values
        slope[known] = 0
        with torch.no_grad():
            guided = of_target - gradient * alpha / 2 * slope
            x = at(guided, (x - alpha * guided) / sigma, t - 0.25)
    x[known] = start[known]
    return x.float()


@pytest.mark.parametrize("kept", [0, 5])
@pytest.mark.parametrize("target", TARGETS)
def test_one_window_equals_a_loop_in_float64(shared_unet, target, kept):
    condition, noise = pair(target)
    config = SamplingConfig(steps=4, sampler="ddim", gradient=1.5)
    stays = FixedFrames(noise, torch.arange(16) < kept) if kept else None
    found = sample_target(shared_unet, PROCESS, condition, noise, config, target=target, window=16, fixed=stays)
    expected = literal(shared_unet, condition, noise, target, 1.5, kept)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)
    assert (expected - literal(shared_unet, condition, noise, target, 0.0, kept)).abs().max() > 0.05


@pytest.mark.parametrize("target", TARGETS)
def test_the_strength_does_not_depend_on_the_batch(shared_unet, target):
    condition, noise = pair(target, items=3, frames=24)
    together = moved(shared_unet, condition, noise, target)
    for item in range(3):
        alone = moved(shared_unet, condition[[item]], noise[[item]], target)
        assert alone.abs().max() > 0.01
        torch.testing.assert_close(alone, together[[item]], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "largest"), [(torch.float64, 1e-3), (torch.bfloat16, 0.1), (torch.float16, 0.02)], ids=str
)
def test_the_strength_does_not_depend_on_the_dtype(shared_unet, dtype, largest):
    condition, noise = pair("audio")
    usual = moved(shared_unet, condition, noise, "audio")
    found = moved(copy.deepcopy(shared_unet).to(dtype), condition, noise, "audio")
    assert found.dtype == torch.float32
    assert (found - usual).norm() / usual.norm() < largest
    assert abs(found.norm() / usual.norm() - 1) < largest / 2


def test_the_strength_does_not_depend_on_the_length_of_the_clip():
    """This network looks at each frame by itself: frames of a clip of three windows move as those of a short one."""
    video, noise = correlated_video(2, 12), Prediction(random(2, 2, 12, 4, 4, seed=1), random(2, 1, 16, 96, seed=2))
    config = SamplingConfig(steps=5, gradient=2)

    def sampled(first: int, last: int) -> torch.Tensor:
        part = Prediction(noise.video[:, :, first:last], noise.audio[..., 8 * first : 8 * last])
        given = FixedFrames(video[:, :, first:last], torch.ones(last - first, dtype=torch.bool)), None
        return sample_by_replacement(correlated(), PROCESS, part, config, given=given, window=WINDOW).audio

    whole = sampled(0, 12)
    for first in (0, 4, 8):
        torch.testing.assert_close(whole[..., 8 * first : 8 * first + 32], sampled(first, first + 4), rtol=0, atol=1e-4)


class OfTheMean(CoupledUNet):
    """Says of every value of the picture twice the mean of the frame's sound, whatever the resolutions are."""

    def forward(self, video, audio, *, t_video, t_audio, **rest):
        means = 2 * frame_means(audio)[:, None, :, None, None]
        return Prediction(means + 0 * video, torch.zeros_like(audio))


def test_the_strength_does_not_depend_on_the_number_of_values():
    """The same clip with every value of the picture four times, and with every bin of the sound twice."""
    network = correlated().network
    video, noise = random(1, 2, 4, 4, 4), Prediction(random(1, 2, 4, 4, 4, seed=1), random(1, 1, 16, 32, seed=2))
    config = SamplingConfig(steps=3, gradient=1.5)
    found = []
    for finer, bins in ((1, 1), (2, 1), (1, 2)):
        unet = OfTheMean(frames=4, latent_channels=2, latent_size=4 * finer, mels=16 * bins, network=network)
        fine = [x.repeat_interleave(finer, 3).repeat_interleave(finer, 4) for x in (video, noise.video)]
        given = FixedFrames(fine[0], torch.ones(4, dtype=torch.bool)), None
        part = Prediction(fine[1], noise.audio.repeat_interleave(bins, 2))
        sampled = sample_by_replacement(unet, PROCESS, part, config, given=given, window=4)
        found.append(sampled.audio[:, :, ::bins])
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(found[2], found[0], rtol=0, atol=1e-4)


def test_a_network_that_does_not_listen_is_not_moved(shared_unet):
    class Deaf(CoupledUNet):
        def forward(self, video, audio, *, t_video, t_audio, **rest):
            return Prediction(0.5 * video, 0.5 * audio)

    deaf = Deaf(**{name: value for name, value in shared_unet.config.items() if not name.startswith("_")})
    assert not moved(deaf, *pair("audio"), "audio").any()


# What it is good for: sound whose mean in a frame should be that of the picture, and a network that is exact


class Watched(Correlated):
    """Keeps the mean squared distance of the picture to the one implied, at every step."""

    video: torch.Tensor
    distances: list[float]

    def forward(self, video, audio, *, t_video, t_audio, **rest):
        said = super().forward(video, audio, t_video=t_video, t_audio=t_audio, **rest)
        angle = math.pi / 2 * t_video[:, None, :, None, None]
        implied = angle.cos() * video - angle.sin() * said.video
        self.distances.append(float((implied.detach() - self.video).square().mean()))
        return said


@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "unipc", "ddpm"])
def test_the_gradient_moves_sound_and_implied_picture_to_the_true_picture(sampler):
    video, noise = correlated_video(64), random(64, 1, 16, 32, seed=1)
    unet = Watched(frames=4, latent_channels=2, latent_size=4, mels=16, network=correlated().network)
    unet.video, away, distance = video, {}, {}
    for gradient in (0, 1, 2):
        unet.distances = []
        config = SamplingConfig(steps=25, sampler=sampler, gradient=gradient)
        made = sample_target(unet, PROCESS, video, noise, config, target="audio", window=WINDOW)
        away[gradient] = float((frame_means(made) - video.mean((1, 3, 4))).square().mean().sqrt())
        distance[gradient] = sum(unet.distances) / 25
        assert 0.8 < made.std() < 1.1
    assert away[0] > 0.4 and away[1] < 0.25 and away[2] < 0.15
    assert distance[2] < distance[1] < distance[0]


@pytest.mark.slow
def test_a_thousand_steps_of_ddpm_with_a_gradient_draw_the_conditional_distribution():
    """The mean of a frame's sound is that of its picture times 0.97, but for a deviation of 0.14: by the algebra of 128
    and 32 values of variance 1 whose common part has 0.5."""
    video, noise = correlated_video(64), random(64, 1, 16, 32, seed=1)
    config = SamplingConfig(steps=1000, sampler="ddpm", gradient=1)
    made = sample_target(correlated(), PROCESS, video, noise, config, target="audio", window=WINDOW)
    truth = video.mean((1, 3, 4))
    slope = float((frame_means(made) * truth).sum() / truth.square().sum())
    away = float((frame_means(made) - truth).square().mean().sqrt())
    assert slope == pytest.approx(0.97, abs=0.05)
    assert away == pytest.approx(0.14, abs=0.05)
    assert made.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("gradient", [0, 2])
def test_networks_of_velocity_and_of_noise_that_know_the_same_sample_alike(gradient):
    """But for the first step: noise says nothing about the signal where there is none."""
    video, noise = correlated_video(8), random(8, 1, 16, 32, seed=1)
    config = SamplingConfig(steps=50, sampler="ddim", gradient=gradient)
    velocity, epsilon = (
        sample_target(correlated(epsilon=epsilon), process, video, noise, config, target="audio", window=WINDOW)
        for epsilon, process in ((False, PROCESS), (True, EPSILON))
    )
    assert (velocity - epsilon).square().mean().sqrt() < 0.02
