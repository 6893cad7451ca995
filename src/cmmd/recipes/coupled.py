"""A coupled U-Net and its training as one configuration: what every recipe of such a model is an example of (ours)."""

from dataclasses import dataclass, field, replace

import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.prepared_clips import PreparedConfig
from cmmd.data.world.encoding import require_world
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.diffusion.sampling_config import UsualGuidance
from cmmd.latents.spectrogram import CodecName, spectrogram_codec
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.recipes.memory_need import require_memory
from cmmd.training.batch import BatchConfig
from cmmd.training.loop_config import LoopConfig

AFTER_CONTRAST = UsualGuidance(video_to_audio=1.0, audio_to_video=1.5, joint=2.0)
"""Of models that are trained with targets as negatives, which is guidance trained in (decision 07, docs/results.md)."""
MOST_COPIES = 10_000
"""Samples that are made at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CoupledRecipe:
    """start: a model (folder, hub:ORG/NAME or `shipped`) to train on from, with its autoencoder and statistics; without
    one the network starts at random. autoencoder: a folder, hub:ORG/NAME or `shipped`; without one that of the
    prepared clips. codec: of the spectrogram. data: clips of the world, where no clips are prepared. held_out: share of
    them that is not trained on; training then keeps the step at which the model tells their conditions from wrong ones
    best, as it does with prepared clips to validate on. copies: samples a direction to compare with the world's
    training clips at the end. guidance: what the trained model is sampled with where a user asks for none. The rest is
    grouped. Raises ValueError, naming the values, for settings that do not fit together.
    """

    start: str | None = None
    autoencoder: str | None = None
    codec: CodecName = "log_mel"
    prediction_type: PredictionType = "v_prediction"
    geometry: Geometry = field(default_factory=Geometry)
    prepared: PreparedConfig = field(default_factory=PreparedConfig)
    data: WorldConfig = field(default_factory=WorldConfig)
    held_out: float = 0.0
    copies: int = 0
    guidance: UsualGuidance = field(default_factory=UsualGuidance)
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
        held_out = round(self.held_out * total)
        if self.held_out and not 1 <= held_out < total:
            raise ValueError(f"held_out is {self.held_out}, {held_out} of {total} clips, expected some, and not all")
        if held_out == 1 and self.contrastive.mismatches == ("other_clip",):
            raise ValueError("1 clip is held out, expected 2 or more to tell the condition from that of another clip")
        if self.copies < 0 or (self.copies and not self.held_out):
            raise ValueError(f"copies is {self.copies} with held_out {self.held_out}, expected conditions held out")
        if self.copies > MOST_COPIES:
            raise ValueError(f"copies is {self.copies}, expected {MOST_COPIES} at most")
        if not self.prepared.folders:
            require_world(self.geometry, self.data.families)
            if self.data.frames < self.geometry.frames:
                raise ValueError(
                    f"data.frames is {self.data.frames}, expected at least the {self.geometry.frames} of the geometry"
                )
        bins = spectrogram_codec(self.codec, self.geometry).bins
        self.network.check_clip(frames=self.geometry.frames, latent_size=self.geometry.latent_size, mels=bins)
        sizes = {"batch_size": self.loop.batch_size, "micro_batches": self.loop.micro_batches, "bins": bins}
        require_memory(self.network, self.geometry, **sizes)
        if self.network.shared_time and (self.held_out or self.prepared.validate):
            raise ValueError(
                f"held_out is {self.held_out} and prepared.validate {self.prepared.validate}, expected 0 and False "
                "with network.shared_time: clean conditions are measured there"
            )
        batch = self.batch_config()
        batch.check_micro_batches(self.loop.micro_batches)
        if self.held_out or self.prepared.validate:  # gaps are measured there, whatever the weight is
            replace(batch, contrastive=replace(self.contrastive, weight=1.0, negatives="conditions"))

    def batch_config(self) -> BatchConfig:
        """What a training batch of this recipe is."""
        return BatchConfig(
            size=self.loop.batch_size,
            frames=self.geometry.frames,
            network=self.network,
            conditioning=self.conditioning,
            contrastive=self.contrastive,
        )


def build_network(config: CoupledRecipe, *, latent_channels: int, spectrogram_channels: int, bins: int) -> CoupledUNet:
    """The untrained network of a recipe; its random start is that of the loop's seed."""
    torch.manual_seed(config.loop.seed)
    return CoupledUNet(
        frames=config.geometry.frames,
        latent_channels=latent_channels,
        latent_size=config.geometry.latent_size,
        spectrogram_channels=spectrogram_channels,
        mels=bins,
        network=config.network,
    )
