"""Event channels of a given video: heard from clean frames only, never predicted, absent where they are zero."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import Clip
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.statistics import Statistics
from cmmd.data.world.families import world_clip
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.event_encoder import EventEncoder
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.losses.denoising import denoising_errors
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Listening
from cmmd.pipeline import CMMDPipeline
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.recipes.world import world_tiny
from cmmd.training.objective import MicroBatch

NETWORK = {"video_widths": [8, 16], "audio_widths": [16, 16], "heads": 2, "attention_levels": [1], "message_width": 8}


def network(*, event_channels: int = 8, trained: bool = True) -> CoupledUNet:
    torch.manual_seed(0)
    unet = CoupledUNet(event_channels=event_channels, network=NETWORK).eval()
    for name, weight in unet.named_parameters():
        if trained and not weight.any():  # zero-initialised, as they are in an untrained network
            nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(len(name)))
    return unet


def inputs(channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    video = torch.randn(2, 12, 16, 8, 8, generator=generator)[:, :channels]
    return video, torch.randn(2, 1, 64, 128, generator=generator)


@torch.no_grad()
def test_events_of_clean_frames_are_heard_and_those_of_noisy_frames_are_not():
    unet, (video, audio) = network(), inputs(12)
    without = torch.cat([video[:, :4], torch.zeros(2, 8, 16, 8, 8)], dim=1)
    for t_video, effect in ((torch.zeros(2), True), (torch.full((2,), 0.01), False)):
        times = {"t_video": t_video, "t_audio": torch.full((2,), 0.5)}
        found, expected = (unet(x, audio, **times) for x in (video, without))
        assert found.video.shape == (2, 4, 16, 8, 8)
        assert torch.allclose(found.audio, expected.audio, atol=1e-6) is not effect
    # Per frame: the first half is given, the second half is generated.
    t_video = torch.cat([torch.zeros(2, 8), torch.full((2, 8), 0.5)], dim=1)
    for frames, effect in ((slice(0, 8), True), (slice(8, 16), False)):
        changed = without.clone()
        changed[:, 4:, frames] = video[:, 4:, frames]
        times = {"t_video": t_video, "t_audio": torch.full((2,), 0.5)}
        found, expected = (unet(x, audio, **times).audio for x in (changed, without))
        assert torch.allclose(found, expected, atol=1e-6) is not effect


@torch.no_grad()
def test_absent_events_are_events_of_zero():
    unet, video = network(), inputs(4)[0]
    zeros = torch.cat([video, torch.zeros(2, 8, 16, 8, 8)], dim=1)
    found, expected = (unet.encode_condition(x, modality="video").messages for x in (video, zeros))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    with pytest.raises(ValueError, match="expected"):
        unet.encode_condition(zeros[:, :9], modality="video")


@torch.no_grad()
def test_untrained_event_messages_leave_a_network_unchanged():
    known, wider = network(event_channels=0), network(trained=False)
    wider.load_state_dict(wider.state_dict() | known.state_dict())
    video, audio = inputs(12)
    times = {"t_video": torch.zeros(2), "t_audio": torch.full((2,), 0.5)}
    assert torch.equal(wider(video, audio, **times).audio, known(video[:, :4], audio, **times).audio)


@torch.no_grad()
def test_other_fusion_kinds_ignore_events():
    torch.manual_seed(0)
    unet, (video, audio) = CoupledUNet(event_channels=8, network=NETWORK | {"fusion": "attention"}).eval(), inputs(12)
    times = {"t_video": torch.zeros(2), "t_audio": torch.full((2,), 0.5)}
    assert torch.equal(unet(video, audio, **times).audio, unet(video[:, :4], audio, **times).audio)
    with pytest.raises(ValueError, match="event_channels is -1"):
        CoupledUNet(event_channels=-1, network=NETWORK)


@torch.no_grad()
def test_an_encoded_condition_and_a_reordered_one_hold_the_events():
    """`predict` on an encoded condition equals `forward`, and wrong conditions have the wrong times of events too."""
    unet, (video, audio) = network(), inputs(12)
    times = {"t_video": torch.zeros(2), "t_audio": torch.full((2,), 0.5)}
    together = unet(video, audio, **times).audio
    condition = unet.encode_condition(video, modality="video")
    alone = unet.predict(audio, modality="audio", t=times["t_audio"], condition=condition)
    assert torch.allclose(together, alone, atol=1e-5)
    order = torch.tensor([[1, 2, 3, 0]]).expand(2, -1)
    listening = Listening(2, torch.tensor([0, 1]), order)
    reordered = unet.denoise(
        video, audio, t_video=times["t_video"], t_audio=times["t_audio"], audio_listening=listening
    ).audio
    expected = unet.predict(audio, modality="audio", t=times["t_audio"], condition=condition.reordered(order))
    assert torch.allclose(reordered, expected, atol=1e-5) and not torch.allclose(reordered, together, atol=1e-3)


def test_errors_ignore_channels_that_are_not_predicted():
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randn(3, 4, 5, 2, 2, generator=generator)
    target = torch.randn(3, 12, 5, 2, 2, generator=generator)
    errors = denoising_errors(predicted, target, mask=torch.ones(3, 5))
    assert torch.allclose(errors, (predicted - target[:, :4]).square().mean((1, 2, 3, 4)))


def test_a_training_step_has_gradients_to_the_event_messages():
    """Of the conditional items, with the contrastive term: all losses are finite, and events are learnt from."""
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(6, 12, 16, 8, 8, generator=generator).half()
    clips = EncodedClips.of(video, torch.randn(6, 1, 64, 128, generator=generator).half())
    recipe = world_tiny()
    recipe = replace(recipe, contrastive=replace(recipe.contrastive, weight=0.3))
    objective, unet = cmmd_objective(recipe, clips), network().train()
    terms = objective.losses(unet, objective.draw(0, MicroBatch()))
    (terms["loss"].total / terms["loss"].count).backward()
    assert unet.event_messages is not None
    for name, weight in unet.event_messages.named_parameters():
        assert weight.grad is not None and weight.grad.abs().amax() > 0, name
    assert "target_gap_time_shift" in terms and terms["loss"].total.isfinite()


@pytest.fixture
def pipeline() -> CMMDPipeline:
    torch.manual_seed(0)
    events = EventEncoder(widths=(4, 4, 4, 4))
    statistics = Statistics(mean=(0.1,) * 12, std=(0.8,) * 12)
    return CMMDPipeline.assemble(
        unet=network(),
        video_autoencoder=EventAutoencoder.of(small_autoencoder(width=16), events),
        geometry=Geometry(),
        codec="log_mel",
        video_statistics=statistics,
        audio_statistics=Statistics(mean=(-3.0,), std=(1.0,)),
    )


def test_all_directions_run_and_kept_pictures_come_back(pipeline, tmp_path):
    world = world_clip("impacts", 3)
    clip = Clip(world.frames, world.waveform, 10.0, 16_000, 1.6, tmp_path)
    assert pipeline.encode_video(world.frames).shape == (1, 12, 16, 8, 8)
    assert pipeline.video_to_audio(world.frames, steps=1)[0].waveform.shape == (25_600,)
    (take,) = pipeline.audio_to_video(clip, keep=[(0.0, 0.8)], steps=2, judge=True)
    assert np.array_equal(take.frames[:8], world.frames[:8]) and take.frames.shape == (16, 64, 64, 3)
    (both,) = pipeline.joint(seconds=2.4, steps=1, judge=True)
    assert both.frames.shape == (24, 64, 64, 3) and both.alignment is not None
    pipeline.save_pretrained(tmp_path / "model")
    again = CMMDPipeline.from_pretrained(tmp_path / "model")
    assert torch.equal(again.encode_video(world.frames), pipeline.encode_video(world.frames))


def test_a_network_without_the_events_of_its_autoencoder_is_refused(pipeline):
    with pytest.raises(ValueError, match="the network has 0 event channels and the rest of the model 8"):
        CMMDPipeline(
            unet=network(event_channels=0),
            video_autoencoder=pipeline.video_autoencoder,
            scheduler=pipeline.scheduler,
            geometry=pipeline.config["geometry"],
            statistics=pipeline.config["statistics"],
        )
