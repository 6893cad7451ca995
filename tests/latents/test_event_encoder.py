"""The event encoder: its input by a literal computation, its reach in time, and the autoencoder that contains it."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from cmmd.latents import event_encoder, video_autoencoder
from cmmd.latents.event_autoencoder import LARGEST_LOGIT, SMALLEST_LOGIT, EventAutoencoder
from cmmd.latents.event_encoder import REACH, EventEncoder, motion_input
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.latents.video_autoencoder import (
    decode_frames,
    encode_frames,
    event_channels,
    frames_to_pixels,
    latent_channels,
    load_autoencoder,
    weights_hash,
)

WIDTHS = (4, 8, 8, 12)


def random_frames(count: int, *, side: int = 64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=generator)


def joined(seed: int = 0) -> EventAutoencoder:
    torch.manual_seed(seed)
    events = EventEncoder(widths=WIDTHS)
    nn.init.normal_(events.head.weight, std=3.0)  # so that some logits are clamped
    return EventAutoencoder.of(small_autoencoder(latent_channels=8, width=16), events)


def test_the_input_is_normalised_pictures_and_differences():
    frames = random_frames(5).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    grey = np.einsum("cfhw,c->fhw", frames[0].double().numpy(), [0.299, 0.587, 0.114])
    before = np.concatenate([0 * grey[:1], grey[1:] - grey[:-1]])
    after = np.concatenate([grey[1:] - grey[:-1], 0 * grey[:1]])
    scale = np.sqrt((after**2).mean()) + 0.008
    expected = [(grey - grey.mean()) / (grey.std(ddof=1) + 0.04), 0.6 * before / scale, 0.6 * after / scale]
    np.testing.assert_allclose(motion_input(frames)[0], expected, atol=1e-5)


def test_a_faint_movement_looks_like_a_strong_one():
    torch.manual_seed(0)
    encoder = EventEncoder(widths=WIDTHS).eval()
    frames = torch.rand(1, 3, 12, 64, 64) - 0.5
    with torch.no_grad():
        strong, faint, still = encoder(frames), encoder(0.7 * frames + 0.1), encoder(frames[:, :, :1].expand_as(frames))
    assert strong.shape == (1, 96)
    assert (strong - faint).abs().max() < 0.25 * (strong - still).abs().max()


def test_an_item_does_not_depend_on_its_batch_mates():
    torch.manual_seed(0)
    encoder, frames = EventEncoder(widths=WIDTHS).eval(), torch.rand(2, 3, 6, 32, 32)
    with torch.no_grad():
        assert torch.allclose(encoder(frames)[1:], encoder(frames[1:]), atol=1e-5)


@pytest.fixture
def unnormalised(monkeypatch) -> EventAutoencoder:
    """An autoencoder without the normalisations, which are the only parts that see a whole chunk."""
    monkeypatch.setattr(event_encoder, "motion_input", lambda frames: frames)
    autoencoder = joined()
    for name, module in list(autoencoder.events.named_modules()):
        if isinstance(module, nn.GroupNorm):
            parent, _, child = name.rpartition(".")
            setattr(autoencoder.events.get_submodule(parent), child, nn.Identity())
    return autoencoder


def test_an_output_depends_on_frames_within_reach(unnormalised):
    video = (torch.rand(1, 3, 60, 32, 32) - 0.5).requires_grad_()
    unnormalised.events(video)[0, 8 * 30 : 8 * 31].sum().backward()
    assert video.grad is not None
    frames = video.grad.abs().amax((0, 1, 3, 4)).nonzero().flatten()
    assert 30 - REACH <= frames.min() < 20 and 40 < frames.max() <= 30 + REACH


def test_a_long_clip_is_encoded_in_chunks(unnormalised, monkeypatch):
    frames = random_frames(70, side=32)
    whole = encode_frames(unnormalised, frames)
    monkeypatch.setattr(video_autoencoder, "CLIP_CHUNK", 20)
    parts = encode_frames(unnormalised, frames)
    assert whole.shape == (16, 70, 4, 4)
    assert torch.allclose(whole, parts, atol=1e-4)


def test_latents_are_those_of_the_pictures_and_then_the_logits():
    autoencoder, frames = joined(), random_frames(6)
    latents = encode_frames(autoencoder, frames)
    assert torch.allclose(latents[:8], encode_frames(autoencoder.pictures, frames), atol=1e-5)
    with torch.no_grad():
        logits = autoencoder.events(frames_to_pixels(frames).transpose(0, 1)[None])[0].view(6, 8)
    assert logits.min() < SMALLEST_LOGIT or logits.max() > LARGEST_LOGIT
    expected = logits.clamp(SMALLEST_LOGIT, LARGEST_LOGIT)
    for row, column in ((0, 0), (3, 7)):
        assert torch.allclose(latents[8:, :, row, column].T, expected, atol=1e-4)


def test_decoding_ignores_the_logits():
    autoencoder, frames = joined(), random_frames(3)
    latents = encode_frames(autoencoder, frames)
    other = torch.cat([latents[:8], torch.randn_like(latents[8:])])
    assert torch.equal(decode_frames(autoencoder, latents), decode_frames(autoencoder, other))
    assert torch.equal(decode_frames(autoencoder, latents), decode_frames(autoencoder.pictures, latents[:8]))


def test_it_is_saved_and_loaded_as_one(tmp_path):
    autoencoder = joined(seed=1)
    autoencoder.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "EventAutoencoder"
    loaded = load_autoencoder(str(tmp_path)).eval()
    frames = random_frames(4)
    assert isinstance(loaded, EventAutoencoder)
    assert (latent_channels(loaded), event_channels(loaded)) == (8, 8)
    assert torch.equal(encode_frames(loaded, frames), encode_frames(autoencoder, frames))
    assert weights_hash(loaded) == weights_hash(autoencoder) != weights_hash(joined(seed=2))
