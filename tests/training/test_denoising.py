"""A training step: what it reports, that contrast leaves the rest of a step alone, and that its gradient is right."""

import pytest
import torch

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.order import batch_indices
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.training.denoising import NOISE_LEVELS, denoising_step
from cmmd.training.loop import Part, step_generator

FRAMES, BATCH = 8, 16
BOTH = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)


@pytest.fixture(scope="module")
def clips() -> EncodedClips:
    generator = torch.Generator().manual_seed(0)
    return EncodedClips.of(
        torch.randn(BATCH, 2, 12, 4, 4, generator=generator), torch.randn(BATCH, 1, 16, 96, generator=generator)
    )


@pytest.fixture
def unet() -> CoupledUNet:
    torch.manual_seed(0)
    unet = CoupledUNet(
        frames=FRAMES, latent_channels=2, latent_size=4, mels=16, video_widths=(16, 24), audio_widths=(16, 24), heads=2
    )
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return unet


def terms(unet: CoupledUNet, clips: EncodedClips, contrastive: ContrastiveConfig | None, modes=BOTH, step: int = 3):
    losses = denoising_step(clips, modes, frames=FRAMES, batch_size=BATCH, seed=0, contrastive=contrastive)
    return losses(unet, Part(step), step_generator(0, step))


def test_contrast_adds_its_term_and_changes_nothing_else(unet, clips):
    without = terms(unet, clips, None)
    config = ContrastiveConfig(weight=0.5, mismatches=("other_clip", "time_shift", "segment_swap", "speed"))
    with_contrast = terms(unet, clips, config)
    assert "contrastive" not in without
    for name in ("video", "audio", "video_to_audio", "audio_to_video"):
        assert torch.equal(without[name], with_contrast[name])
    torch.testing.assert_close(with_contrast["loss"], without["loss"] + 0.5 * with_contrast["contrastive"])
    for kind in config.mismatches:
        levels = [with_contrast.get(f"gap_{kind}_noise{level + 1}") for level in range(NOISE_LEVELS)]
        assert f"gap_{kind}" in with_contrast
        assert any(level is not None for level in levels)


def test_before_it_begins_there_is_no_contrast(unet, clips):
    assert "contrastive" not in terms(unet, clips, ContrastiveConfig(weight=1.0, begin=4))
    assert "contrastive" in terms(unet, clips, ContrastiveConfig(weight=1.0, begin=3))


def test_a_batch_without_conditions_has_no_contrast(unet, clips):
    modes = ConditioningConfig(video_to_audio=0.0, audio_to_video=0.0, joint=1.0)
    dropped = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=1.0)
    for conditioning in (modes, dropped):
        found = terms(unet, clips, ContrastiveConfig(weight=1.0), conditioning)
        assert found["contrastive"] == 0 and not any(name.startswith("gap_") for name in found)


def test_parts_of_a_batch_hold_each_of_its_clips_once(clips):
    whole = batch_indices(len(clips), BATCH, seed=0, step=5)
    assert torch.equal(torch.cat([Part(5, index, 4).of(whole) for index in range(4)]), whole)


@pytest.mark.parametrize("direction", ["video_to_audio", "audio_to_video"])
def test_contrast_trains_the_speaker_and_the_hearer(unet, clips, direction):
    modes = ConditioningConfig(**({"video_to_audio": 0.0, "audio_to_video": 0.0, "joint": 0.0} | {direction: 1.0}))
    loss = terms(unet, clips, ContrastiveConfig(weight=1.0, fraction=1.0), modes)["loss"]
    loss.backward()
    for part in (unet.video_unet, unet.audio_unet):
        stem = part.stem.weight
        assert isinstance(stem, torch.nn.Parameter)
        assert stem.grad is not None
        assert stem.grad.abs().max() > 0


def test_contrast_opens_the_gap(clips, unet):
    """Trained on the term alone, the model learns to be worse under the wrong condition than under the right one."""
    config = ContrastiveConfig(weight=1.0, fraction=1.0, temperature=0.02)
    losses = denoising_step(clips, BOTH, frames=FRAMES, batch_size=BATCH, seed=0, contrastive=config)
    optimizer = torch.optim.Adam(unet.parameters(), lr=3e-3)
    gaps = []
    for step in range(60):
        found = losses(unet, Part(step), step_generator(0, step))
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
        gaps.append((found["gap_other_clip"] + found["gap_time_shift"]).item())
    assert sum(gaps[-10:]) / 10 > sum(gaps[:10]) / 10 + 0.02
