"""Trains the coupled U-Net on the world: the shipped model, and a tiny one to try things with (ours)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from cmmd.clips.geometry import Geometry
from cmmd.configuration import as_dict
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.errors import InputError
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

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


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
    """start: a model (folder, hub name or `shipped`) to train on from, with its autoencoder and statistics; without one
    the network starts at random. autoencoder: a diffusers folder or hub name, or `shipped`. codec: of the spectrogram.
    The rest is grouped.
    """

    start: str | None = None
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
    """The shipped model: both families, all three directions, most of what is harder: impacts, and sound."""
    return CoupledRecipe(
        data=WorldConfig(families=("impacts", "impacts", "dance"), clips=1400),
        conditioning=ConditioningConfig(
            video_to_audio=0.7, audio_to_video=0.15, joint=0.15, audio_noise=8.0, video_noise=2.0
        ),
        loop=LoopConfig(steps=8500, batch_size=16, learning_rate=1.5e-3, save_every=250),
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
    start = _starting_model(config)
    if start is None:
        source = str(SHIPPED_MODEL / "video_autoencoder") if config.autoencoder == "shipped" else config.autoencoder
        autoencoder = load_autoencoder(source).eval()
    else:
        autoencoder = start.video_autoencoder
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
        config, latent_channels=clips.video.shape[1], spectrogram_channels=codec.channels, bins=codec.bins
    )
    if start is not None:
        network.load_state_dict(start.unet.state_dict())
        # The network knows clips as its own training standardised them.
        clips = replace(clips, video_statistics=start.statistics["video"], audio_statistics=start.statistics["audio"])
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
    from cmmd.pipeline import CMMDPipeline  # only here: --show must not wait for diffusers' pipelines

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


def _starting_model(config: CoupledRecipe) -> "CMMDPipeline | None":
    """The model to train on from, or None. Raises InputError, naming every setting in which it differs."""
    if config.start is None:
        return None
    from cmmd.loading import load_pipeline

    model = load_pipeline(None if config.start == "shipped" else config.start, device="cpu")
    network = as_dict(config.network)
    wanted = network | {
        "geometry": as_dict(config.geometry),
        "codec": config.codec,
        "prediction_type": config.prediction_type,
    }
    found = {name: model.unet.config[name] for name in network} | {
        "geometry": as_dict(model.geometry),
        "codec": model.config["codec"],
        "prediction_type": model.scheduler.config["prediction_type"],
    }
    different = [name for name in wanted if found[name] != wanted[name]]
    if different:
        told = "; ".join(f"{name} is {found[name]}, expected {wanted[name]}" for name in different)
        raise InputError(f"{config.start}: {told}")
    return model
