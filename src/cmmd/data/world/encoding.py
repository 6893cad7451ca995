"""Encodes world clips into latents and spectrograms while worker processes render them (ours)."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.clip import PLAIN_FAMILIES, Family, check_sizes
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig, render
from cmmd.latents.level import check_levels, gain_into
from cmmd.latents.spectrogram import LogMelCodec, SpectrogramCodec
from cmmd.latents.video_autoencoder import VideoAutoencoder, encode_frames
from cmmd.runtime.progress import progress


def encode_world(
    config: WorldConfig, *, geometry: Geometry, autoencoder: VideoAutoencoder, codec: SpectrogramCodec
) -> EncodedClips:
    """Renders and encodes all clips. Raises ValueError if the families do not have the rates and sizes of the
    geometry."""
    require_world(geometry, config.families)
    total = config.clips * len(config.families)
    video, audio = [], []
    bar = progress(total, "world clips", unit="clip")
    # Torch threads compete with the rendering processes: one thread is three times as fast as two.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for clip in render(config, fps=geometry.fps, image_size=geometry.image_size):
        video.append(encode_frames(autoencoder, torch.from_numpy(clip.frames)).half())
        audio.append(codec.encode(torch.from_numpy(levelled(clip.waveform, config, codec))[None])[0].half())
        bar.update()
    torch.set_num_threads(threads)
    bar.close()
    return EncodedClips.of(torch.stack(video), torch.stack(audio))


def levelled(waveform: np.ndarray, config: WorldConfig, codec: SpectrogramCodec) -> np.ndarray:
    """Scales a sound (s,) into the levels of the configuration. Codecs other than log-mel leave it unchanged."""
    if config.levels is None or not isinstance(codec, LogMelCodec):
        return waveform
    return waveform * np.float32(gain_into(codec, waveform, check_levels(config.levels)))


def require_world(geometry: Geometry, families: tuple[Family, ...] = PLAIN_FAMILIES) -> None:
    """Raises ValueError if clips of these families do not have the rates and sizes of the geometry."""
    check_sizes(families, fps=geometry.fps, image_size=geometry.image_size, sample_rate=geometry.sample_rate)


def world_key(
    config: WorldConfig, *, geometry: Geometry, autoencoder: VideoAutoencoder, codec: SpectrogramCodec
) -> str:
    """SHA-256 (hex) of everything that encoded clips depend on.

    It covers the configuration, the geometry, the first clip of each family (up to 8 frames, its pixels and
    spectrogram) and the weights of the autoencoder.
    """
    digest = hashlib.sha256(json.dumps([asdict(config), asdict(geometry)]).encode())
    for family in config.families:
        sizes = {"fps": geometry.fps, "image_size": geometry.image_size}
        clip = world_clip(family, config.seed, frames=min(config.frames, 8), split=config.split, **sizes)
        spectrogram = codec.encode(torch.from_numpy(levelled(clip.waveform, config, codec))[None])
        digest.update(clip.frames.tobytes() + spectrogram.numpy().tobytes())
    for name, tensor in sorted(autoencoder.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
