"""TAEF2: real frames keep the quality that its author states, and a saved model is the same one."""

import pytest
import torch

from cmmd.clips.reading import read_clip
from cmmd.errors import InputError
from cmmd.latents.taef2 import TAEF2
from cmmd.latents.video_autoencoder import decode_frames, encode_frames, load_autoencoder, weights_hash


def test_real_frames_come_back(data_folder, tmp_path):
    autoencoder = load_autoencoder(str(data_folder / "weights"))
    clip = read_clip(data_folder / "clips/vas_dog_02677.mp4", fps=2, image_size=128, seconds=4, want="video")
    frames = torch.from_numpy(clip.frames)
    latents = encode_frames(autoencoder, frames)
    assert latents.shape == (32, 8, 16, 16)
    error = (decode_frames(autoencoder, latents).float() - frames.float()) / 255
    assert -10 * error.square().mean().log10() > 29
    assert isinstance(autoencoder, TAEF2)
    autoencoder.save_pretrained(tmp_path)
    again = load_autoencoder(str(tmp_path))
    assert weights_hash(again) == weights_hash(autoencoder)
    assert torch.equal(encode_frames(again, frames), latents)


def test_another_file_of_weights_is_told(tmp_path):
    for name in ("taef2_encoder.pth", "taef2_decoder.pth"):
        torch.save({"0.weight": torch.zeros(1)}, tmp_path / name)
    with pytest.raises(InputError, match=r"taef2_encoder\.pth: .*expected the encoder of TAEF2"):
        load_autoencoder(str(tmp_path))


def test_shapes_and_range_without_weights():
    torch.manual_seed(0)
    model = TAEF2().eval()
    pixels = torch.rand(1, 3, 16, 24) * 2 - 1
    (latents,) = model.encode(pixels)
    assert latents.shape == (1, 32, 2, 3) and model.decode(latents)[0].shape == pixels.shape
    # The decoder's first step bounds latents softly: far outside they are all the same.
    assert torch.allclose(model.decode(latents.sign() * 1e3)[0], model.decode(latents.sign() * 1e4)[0])
