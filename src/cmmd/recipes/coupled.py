"""A coupled U-Net and its training as one configuration: what every recipe of such a model is an example of (ours)."""

from dataclasses import dataclass, field
from typing import Literal

import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.prepared_clips import PreparedConfig
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.easy_fusion import FusionKind, Reduction
from cmmd.training.loop import LoopConfig

FEWEST_HELD_OUT = 3
"""Clips: of as many, two are of one direction, and a wrong condition for one is the other's."""


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
    the network starts at random. autoencoder: a diffusers folder or hub name, or `shipped`; without one that of the
    prepared clips. codec: of the spectrogram. data: clips of the world, where no clips are prepared. held_out: share of
    them that is not trained on; training then keeps the step at which the model tells their conditions from wrong ones
    best, as it does with prepared clips to validate on. copies: samples a direction to compare with the world's
    training clips at the end. The rest is grouped. Raises ValueError.
    """

    start: str | None = None
    autoencoder: str | None = None
    codec: Literal["log_mel", "complex_stft"] = "log_mel"
    prediction_type: PredictionType = "v_prediction"
    geometry: Geometry = field(default_factory=Geometry)
    prepared: PreparedConfig = field(default_factory=PreparedConfig)
    data: WorldConfig = field(default_factory=WorldConfig)
    held_out: float = 0.0
    copies: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    conditioning: ConditioningConfig = field(default_factory=ConditioningConfig)
    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=3000, batch_size=16))

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}, expected a share of at least 0 and less than 1")
        if self.prepared.folders and (self.held_out or self.copies):
            raise ValueError("held_out and copies are for clips of the world, expected 0 with prepared.folders")
        total = self.data.clips * len(self.data.families)
        kept = round(self.held_out * total)
        if self.held_out and not FEWEST_HELD_OUT <= kept <= total - 2:
            raise ValueError(
                f"held_out is {self.held_out}, {kept} of {total} clips, expected {FEWEST_HELD_OUT} to {total - 2}"
            )
        if self.copies < 0 or (self.copies and not self.held_out):
            raise ValueError(f"copies is {self.copies} with held_out {self.held_out}, expected conditions held out")


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
