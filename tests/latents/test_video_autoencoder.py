"""The frame autoencoder: the shipped one's quality, both diffusers classes by folder, one-line errors."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.errors import InputError
from cmmd.latents import video_autoencoder
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.latents.video_autoencoder import (
    decode_frames,
    encode_frames,
    frames_to_pixels,
    load_autoencoder,
    pixels_to_frames,
)
from cmmd.pretrained import SHIPPED_MODEL


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_shipped_autoencoder_keeps_unseen_world_frames(family):
    autoencoder = load_autoencoder(str(SHIPPED_MODEL / "video_autoencoder")).eval()
    frames = np.concatenate([world_clip(family, 2_000_000 + seed).frames[::5] for seed in range(20)])
    frames = torch.from_numpy(frames)
    error = (decode_frames(autoencoder, encode_frames(autoencoder, frames)).float() - frames.float()) / 255
    psnr = -10 * error.square().flatten(1).mean(1).log10()
    assert psnr.mean() >= 28


def test_frames_and_pixels_are_inverse():
    frames = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(1, 16, 16, 3)
    assert torch.equal(pixels_to_frames(frames_to_pixels(frames)), frames)


def test_chunks_do_not_change_the_latents(monkeypatch):
    torch.manual_seed(0)
    autoencoder = small_autoencoder().eval()
    frames = torch.randint(0, 256, (5, 64, 64, 3), dtype=torch.uint8)
    whole = encode_frames(autoencoder, frames)
    monkeypatch.setattr(video_autoencoder, "CHUNK", 2)
    parts = encode_frames(autoencoder, frames)
    assert whole.shape == (4, 5, 8, 8)
    assert torch.allclose(whole, parts, atol=1e-5)


def test_a_stable_diffusion_autoencoder_loads_from_its_folder(tmp_path):
    sizes: dict[str, Any] = {
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": (8, 8, 8, 8),
        "norm_num_groups": 4,
    }
    original = AutoencoderKL(latent_channels=4, **sizes)
    original.save_pretrained(tmp_path)
    loaded = load_autoencoder(str(tmp_path)).eval()
    frames = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    assert isinstance(loaded, AutoencoderKL)
    assert torch.equal(encode_frames(loaded, frames), encode_frames(original.eval(), frames))
    assert decode_frames(loaded, encode_frames(loaded, frames)).shape == frames.shape


def test_other_folders_are_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"no config\.json, expected a diffusers autoencoder"):
        load_autoencoder(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    with pytest.raises(InputError, match="holds 'UNet2DModel', expected one of AutoencoderKL, AutoencoderTiny, TAEF2"):
        load_autoencoder(str(tmp_path))
