"""Trains the coupled U-Net on the world: the shipped model, and a tiny one to try things with (ours)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.easy_fusion import FusionKind, Reduction
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.training.denoising import denoising_step
from cmmd.training.loop import LoopConfig
from cmmd.training.run import run_training
from cmmd.training.team import Team


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """The settings of CoupledUNet that an ablation varies; its docstring explains them. Sizes: the geometry."""

    video_widths: tuple[int, ...] = (32, 64, 96)
    audio_widths: tuple[int, ...] = (64, 96, 128)
    blocks_per_level: int = 1
    attention_levels: tuple[int, ...] = (1, 2)
    heads: int = 4
    patch: int = 4
    message_width: int = 96
    message_reduction: Reduction = "positions"
    fusion: FusionKind = "easy"
    clean_hears: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CoupledRecipe:
    """autoencoder: a diffusers folder or hub name, or `shipped`. codec: of the spectrogram. The rest is grouped."""

    autoencoder: str = "shipped"
    codec: Literal["log_mel", "complex_stft"] = "log_mel"
    prediction_type: PredictionType = "v_prediction"
    geometry: Geometry = field(default_factory=Geometry)
    data: WorldConfig = field(default_factory=WorldConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    conditioning: ConditioningConfig = field(default_factory=ConditioningConfig)
    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=3000, batch_size=16))


def world_cmmd() -> CoupledRecipe:
    """The shipped model: both families, all three directions."""
    return CoupledRecipe(
        data=WorldConfig(clips=2000), loop=LoopConfig(steps=8500, batch_size=16, learning_rate=1.5e-3, save_every=250)
    )


def world_ncmmd() -> CoupledRecipe:
    """The shipped model's training without the contrastive term: everything else is the same."""
    recipe = world_cmmd()
    return replace(recipe, contrastive=replace(recipe.contrastive, weight=0.0))


def world_tiny() -> CoupledRecipe:
    """Small enough for a test or a first try: the same code in a minute, far from good."""
    network = NetworkConfig(video_widths=(16, 32, 48), audio_widths=(32, 48, 64), message_width=32)
    loop = LoopConfig(steps=60, batch_size=8, warmup=10, average_decay=0.9, save_every=20, log_every=5)
    return CoupledRecipe(data=WorldConfig(clips=24, frames=24), network=network, loop=loop)


def build_network(config: CoupledRecipe, *, latent_channels: int, spectrogram_channels: int, bins: int) -> CoupledUNet:
    """The untrained network of a recipe; its random start is that of the loop's seed."""
    network = config.network
    torch.manual_seed(config.loop.seed)
    return CoupledUNet(
        frames=config.geometry.frames,
        latent_channels=latent_channels,
        latent_size=config.geometry.latent_size,
        spectrogram_channels=spectrogram_channels,
        mels=bins,
        video_widths=network.video_widths,
        audio_widths=network.audio_widths,
        blocks_per_level=network.blocks_per_level,
        attention_levels=network.attention_levels,
        heads=network.heads,
        patch=network.patch,
        message_width=network.message_width,
        message_reduction=network.message_reduction,
        fusion=network.fusion,
        clean_hears=network.clean_hears,
    )


def run(config: CoupledRecipe, *, out: Path, resume: bool) -> None:
    """Train into `out`; the result is `out/model`, a folder for `CMMDPipeline.from_pretrained`."""
    source = str(SHIPPED_MODEL / "video_autoencoder") if config.autoencoder == "shipped" else config.autoencoder
    autoencoder = load_autoencoder(source).eval()
    codec = spectrogram_codec(config.codec, config.geometry)
    key = world_key(config.data, geometry=config.geometry, autoencoder=autoencoder, codec=codec)
    # Beside the run, not in it: every run on the same clips shares them.
    encoded = out.parent / f"clips-{key[:12]}.safetensors"
    team = Team.join()
    with team.leader_first():
        clips = EncodedClips.load(encoded, key=key)
        if clips is None:
            clips = encode_world(config.data, geometry=config.geometry, autoencoder=autoencoder, codec=codec)
            clips.save(encoded, key=key)
    network = build_network(
        config,
        latent_channels=clips.video.shape[1],
        spectrogram_channels=codec.channels,
        bins=codec.bins,
    )
    losses = denoising_step(
        clips,
        config.conditioning,
        frames=config.geometry.frames,
        batch_size=config.loop.batch_size,
        seed=config.loop.seed,
        prediction_type=config.prediction_type,
        contrastive=config.contrastive,
    )
    trained = run_training(network, losses, loop=config.loop, config=config, out=out, resume=resume)
    if not team.leads:
        return
    from cmmd.pipeline import CMMDPipeline

    assert isinstance(trained, CoupledUNet)
    pipeline = CMMDPipeline.assemble(
        # Half precision on disk, where it takes half the space; checkpoints keep every digit.
        unet=trained.cpu().half(),
        video_autoencoder=autoencoder,
        geometry=config.geometry,
        codec=config.codec,
        video_statistics=clips.video_statistics,
        audio_statistics=clips.audio_statistics,
        prediction_type=config.prediction_type,
    )
    pipeline.save_pretrained(out / "model")
