"""Video frames to latents and back, with an image autoencoder in diffusers' interface (ours: decision 03)."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.clips.geometry import AUTOENCODER_DOWNSAMPLING, SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.errors import InputError
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.event_encoder import REACH, EventEncoder
from cmmd.latents.taef2 import FILES, LATENT_CHANNELS, TAEF2
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.weights.model_name import SHIPPED, local_folder
from cmmd.weights.safe_weights import CONFIG, load_model, read_json

VideoAutoencoder = AutoencoderKL | AutoencoderTiny | TAEF2 | EventAutoencoder

CHUNK = 32
"""Frames that an autoencoder of pictures encodes at once; bounds the memory of the network."""
CLIP_CHUNK = 128
"""The same for an autoencoder of clips, which encodes `REACH` more on either side, so that larger chunks waste less."""


def load_autoencoder(name_or_folder: str) -> VideoAutoencoder:
    """Loads a Stable Diffusion autoencoder by hub name or local folder; `shipped` names the one of this project.

    A folder with the encoder file of TAEF2 is loaded as TAEF2. Otherwise the config names the class, and the weights
    are safetensors. Raises InputError when the folder holds none of the supported autoencoders.
    """
    folder = SHIPPED_MODEL / "video_autoencoder" if name_or_folder == SHIPPED else local_folder(name_or_folder)
    if (folder / FILES["encoder"]).exists():
        return TAEF2.of_files(folder)
    if not (folder / CONFIG).exists():
        raise InputError(f"{folder}: no {CONFIG}, expected a diffusers autoencoder")
    name = read_json(folder / CONFIG).get("_class_name")
    kinds = (AutoencoderKL, AutoencoderTiny, TAEF2, EventAutoencoder)
    classes = {kind.__name__: kind for kind in kinds}
    if not isinstance(name, str) or name not in classes:
        raise InputError(f"{folder}: holds {name!r:.60}, expected one of {', '.join(classes)}")
    return load_model(classes[name], folder, check=check_sizes)


def load_embedded(name_or_folder: str) -> tuple[AutoencoderTiny, EventEncoder | None]:
    """Loads an autoencoder of the embedded kind: that of pictures, and its event encoder, if it has one.

    Raises InputError as `load_autoencoder`, and for another kind.
    """
    loaded = load_autoencoder(absolute_name(name_or_folder))
    if isinstance(loaded, EventAutoencoder):
        return loaded.pictures, loaded.events
    if isinstance(loaded, AutoencoderTiny):
        return loaded, None
    raise InputError.about(name_or_folder, found=type(loaded).__name__, expected="AutoencoderTiny or EventAutoencoder")


@torch.no_grad()
def check_sizes(autoencoder: VideoAutoencoder) -> None:
    """Raises ValueError unless an autoencoder, built on torch's meta device, encodes pictures of 64 x 64 pixels to
    latents of 8 x 8 and decodes them to 64 x 64."""
    pixels = torch.empty(1, 3, 8 * AUTOENCODER_DOWNSAMPLING, 8 * AUTOENCODER_DOWNSAMPLING, device="meta")
    (encoded,) = autoencoder.encode(pixels, return_dict=False)  # pyright: ignore[reportArgumentType]
    latents: Any = encoded.mode() if isinstance(autoencoder, AutoencoderKL) else encoded
    (decoded,) = autoencoder.decode(latents, return_dict=False)
    channels = latent_channels(autoencoder) + event_channels(autoencoder)
    if tuple(latents.shape) != (1, channels, 8, 8) or decoded.shape != pixels.shape:
        found = f"pictures of 64 x 64 become {tuple(latents.shape[1:])} and then {tuple(decoded.shape[1:])}"
        raise ValueError(f"{found}, expected {channels} x 8 x 8 and 3 x 64 x 64")


def latent_channels(autoencoder: VideoAutoencoder) -> int:
    """Returns the number of channels of the latents of a picture, which are those that a model generates."""
    if isinstance(autoencoder, EventAutoencoder):
        return autoencoder.config["picture_channels"]
    return LATENT_CHANNELS if isinstance(autoencoder, TAEF2) else autoencoder.config["latent_channels"]


def event_channels(autoencoder: VideoAutoencoder) -> int:
    """Returns the number of channels that follow those of a picture in the latents of a given video."""
    return SPECTROGRAM_FRAMES_PER_VIDEO_FRAME if isinstance(autoencoder, EventAutoencoder) else 0


def absolute_name(name_or_folder: str) -> str:
    """Returns the absolute path of a local folder, which is valid from any working directory; other names unchanged."""
    return str(Path(name_or_folder).resolve()) if Path(name_or_folder).is_dir() else name_or_folder


def weights_hash(autoencoder: nn.Module) -> str:
    """Returns the SHA-256 of weight names and values. Autoencoders with equal hashes give equal latents."""
    digest = hashlib.sha256()
    for name, tensor in sorted(autoencoder.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def frames_to_pixels(frames: UInt8[Tensor, "f h w 3"]) -> Float[Tensor, "f 3 h w"]:
    """Converts bytes to pixels in [-1, 1], channels first."""
    return frames.permute(0, 3, 1, 2).float() / 127.5 - 1


def pixels_to_frames(pixels: Float[Tensor, "f 3 h w"]) -> UInt8[Tensor, "f h w 3"]:
    """Converts pixels in [-1, 1] to bytes, channels last."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)


@torch.no_grad()
def encode_frames(autoencoder: VideoAutoencoder, frames: UInt8[Tensor, "f h w 3"]) -> Float[Tensor, "c f lh lw"]:
    """Encodes the frames of a clip to float32 latents, in chunks, which bounds the memory of the network."""
    chunk, reach = (CLIP_CHUNK, REACH) if isinstance(autoencoder, EventAutoencoder) else (CHUNK, 0)
    latents = []
    for start in range(0, len(frames), chunk):
        first = max(0, start - reach)
        pixels = frames_to_pixels(frames[first : start + chunk + reach]).to(autoencoder.device, autoencoder.dtype)
        (encoded,) = autoencoder.encode(pixels, return_dict=False)  # pyright: ignore[reportArgumentType]
        chunk_latents: Any = encoded.mode() if isinstance(autoencoder, AutoencoderKL) else encoded
        latents.append(chunk_latents[start - first :][:chunk])
    return torch.cat(latents).transpose(0, 1).float()


@torch.no_grad()
def decode_frames(autoencoder: VideoAutoencoder, latents: Float[Tensor, "c f lh lw"]) -> UInt8[Tensor, "f h w 3"]:
    """Decodes latents to frames on the CPU, in chunks."""
    frames = []
    for chunk_latents in latents.transpose(0, 1).split(CHUNK):
        chunk_latents = chunk_latents.to(autoencoder.device, autoencoder.dtype).contiguous()
        (pixels,) = autoencoder.decode(chunk_latents, return_dict=False)  # pyright: ignore[reportArgumentType]
        frames.append(pixels_to_frames(pixels.float()).cpu())
    return torch.cat(frames)
