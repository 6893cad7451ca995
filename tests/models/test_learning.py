"""Gradients of the coupled U-Net, and that it learns and listens."""

import copy

import pytest
import torch
from small_network import FUSIONS, NETWORK, SIZES, awake, inputs

from cmmd.diffusion.conditioning import ConditioningConfig, draw_conditioning
from cmmd.diffusion.process import diffuse, velocity
from cmmd.losses.denoising import denoising_errors
from cmmd.models.coupled_unet import CoupledUNet


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradient_reaches_every_parameter(fusion):
    model = awake(**FUSIONS[fusion])
    video, audio, t = inputs()
    predicted = model(video, audio, t_video=t, t_audio=t)
    (predicted.video.square().mean() + predicted.audio.square().mean()).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_the_condition_is_trained_through_the_target_alone():
    model = awake()
    video, audio, t = inputs()
    model(video, audio, t_video=0 * t, t_audio=t).audio.square().mean().backward()
    reached = model.video_unet.stem.weight.grad
    assert reached is not None
    assert reached.any()
    assert model.video_unet.head.weight.grad is None


@pytest.mark.slow
def test_it_learns_two_clips_and_listens():
    """Two silent pictures and two sounds: after 100 steps pure noise becomes the sound of the picture that is shown."""
    torch.manual_seed(0)
    model = CoupledUNet(**SIZES, network=NETWORK)
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(2, 2, 4, 4, 4, generator=generator)
    audio = -torch.ones(2, 1, 16, 32)
    audio[0, :, :8, 8:16] = 1.0
    audio[1, :, 8:, 16:24] = 1.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    config = ConditioningConfig(video_to_audio=1.0, audio_to_video=0.0, joint=0.0, dropout=0.2, keep_clean=0.0)
    losses = []
    for _ in range(100):
        items = torch.randint(2, (8,), generator=generator)
        mode = draw_conditioning(config, batch=8, frames=4, generator=generator)
        noise = torch.randn(8, 1, 16, 32, generator=generator)
        noisy = diffuse(audio[items], noise, mode.t_audio)
        predicted = model(video[items], noisy, t_video=mode.t_video, t_audio=mode.t_audio, audio_hears=mode.audio_hears)
        target = velocity(audio[items], noise, mode.t_audio)
        loss = denoising_errors(predicted.audio, target, mask=mode.audio_loss).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    # At pure noise the velocity is minus the clean signal, and only the picture says which of the two sounds it is.
    noise = torch.randn(2, 1, 16, 32, generator=generator)
    condition = model.encode_condition(video, modality="video")
    right, wrong = (
        (model.predict(noise, modality="audio", t=torch.ones(2), condition=heard) + audio).square().mean().item()
        for heard in (condition, condition.select([1, 0]))
    )
    assert right < 0.15
    assert wrong > 0.5


def test_a_copy_trains_like_its_original():
    """Nothing is shared or hidden outside the parameters (the moving average of training is such a copy)."""
    model = awake()
    twin = copy.deepcopy(model)
    video, audio, t = inputs()
    for m in (model, twin):
        m(video, audio, t_video=t, t_audio=t).audio.sum().backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert a is not b
        assert (a.grad is None and b.grad is None) or torch.equal(a.grad, b.grad)  # pyright: ignore
