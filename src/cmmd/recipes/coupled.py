"""The configuration of a coupled U-Net and its training, which all recipes of such models return (ours)."""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.prepared_clips import PreparedConfig
from cmmd.data.world.clip import Family
from cmmd.data.world.encoding import require_world
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.diffusion.sampling_config import UsualGuidance, UsualTemperature
from cmmd.files.inline_groups import inline
from cmmd.latents.level import check_levels
from cmmd.latents.spectrogram import CodecName, spectrogram_codec
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.recipes.memory_need import require_memory
from cmmd.training.batch import BatchConfig
from cmmd.training.loop_config import LoopConfig

AFTER_CONTRAST = UsualGuidance(video_to_audio=1.0, audio_to_video=1.5, joint=2.0)
"""Guidance for models that are trained with wrong targets as negatives. Such training acts as guidance itself, so that
less is needed in sampling (decision 07, docs/results.md)."""
MOST_COPIES = 10_000
"""Largest value of `copies`. All samples of a direction are generated at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InitialModel:
    """What training begins with.

    start: model (folder, hub:ORG/NAME or `shipped`) whose weights, autoencoder and statistics training starts from;
    None for random weights. start_share: share of its weights in the result, with trained ones as the rest. trained:
    `events` trains only the weights that read the events of a given video; the other directions then stay those of the
    starting model, bit for bit. autoencoder: folder, hub:ORG/NAME or `shipped`; None for that of the prepared clips, or
    the shipped one for world clips. waveform_decoder: folder, hub:ORG/NAME or `shipped`; None for that of the starting
    model, or Griffin-Lim alone. Raises ValueError for a share that is out of range, or of no model.
    """

    start: str | None = None
    start_share: float = 0.0
    trained: Literal["all", "events"] = "all"
    autoencoder: str | None = None
    waveform_decoder: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_share <= 1 or (self.start_share and self.start is None):
            raise ValueError(
                f"start_share is {self.start_share} with start {self.start}, expected 0 to 1, and 0 without a start"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipsConfig:
    """The clips that are trained on, and those that are not.

    prepared: prepared clips. data: world clips, used if prepared.folders is empty. sound_only: families of the world
    whose videos are never generated: their clips are drawn for video to audio only.

    held_out: share of the world clips that is not trained on. With held_out or prepared.validate, the result is the
    step at which the model best distinguishes the conditions of these clips from wrong ones. copies: samples per
    direction that are compared with the training clips of the world at the end.

    Raises ValueError, with the values, if settings do not fit together.
    """

    prepared: PreparedConfig = field(default_factory=PreparedConfig)
    data: WorldConfig = field(default_factory=WorldConfig)
    sound_only: tuple[Family, ...] = ()
    held_out: float = 0.0
    copies: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}, expected a share of at least 0 and less than 1")
        if self.prepared.folders and (self.held_out or self.copies):
            raise ValueError("held_out and copies are for clips of the world, expected 0 with prepared.folders")
        held_out, total = self.held_out_count, self.data.clips * len(self.data.families)
        if self.held_out and not 1 <= held_out < total:
            raise ValueError(f"held_out is {self.held_out}, {held_out} of {total} clips, expected some, and not all")
        if self.copies < 0 or (self.copies and not self.held_out):
            raise ValueError(f"copies is {self.copies} with held_out {self.held_out}, expected conditions held out")
        if self.copies > MOST_COPIES:
            raise ValueError(f"copies is {self.copies}, expected {MOST_COPIES} at most")
        if not self.prepared.folders:
            self._check_world()

    def _check_world(self) -> None:
        """Raises ValueError for settings of world clips that do not fit each other."""
        families, sound_only = list(self.data.families), list(self.sound_only)
        if sound_only and not set(families) > set(sound_only):
            raise ValueError(f"sound_only is {sound_only}, expected some of data.families, {families}, and not all")
        last, total = self.held_out_count, self.data.clips * len(families)
        if sound_only and self.held_out and min(last, total - last) < len(families):
            raise ValueError(
                f"held_out is {self.held_out} with sound_only, expected a clip of every family on each side"
            )
        if self.data.levels is not None:
            check_levels(self.data.levels)

    @property
    def held_out_count(self) -> int:
        """Number of world clips that are not trained on."""
        return round(self.held_out * (self.data.clips * len(self.data.families)))

    @property
    def measured(self) -> bool:
        """Whether the conditions of clips that are not trained on are measured."""
        return bool(self.held_out or self.prepared.validate)


@inline("initial", "clips")
@dataclass(frozen=True, kw_only=True, slots=True)
class CoupledRecipe:
    """codec: spectrogram codec. guidance, temperature: defaults of the trained model. The other fields group further
    settings; `initial` and `clips` are inline.

    Raises ValueError, with the values, if settings do not fit together.
    """

    initial: InitialModel = field(default_factory=InitialModel)
    codec: CodecName = "log_mel"
    prediction_type: PredictionType = "v_prediction"
    geometry: Geometry = field(default_factory=Geometry)
    clips: ClipsConfig = field(default_factory=ClipsConfig)
    guidance: UsualGuidance = field(default_factory=UsualGuidance)
    temperature: UsualTemperature = field(default_factory=UsualTemperature)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    conditioning: ConditioningConfig = field(default_factory=ConditioningConfig)
    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=3000, batch_size=16))

    def __post_init__(self) -> None:
        if self.clips.held_out_count == 1 and self.contrastive.mismatches == ("other_clip",):
            raise ValueError("1 clip is held out, expected 2 or more to tell the condition from that of another clip")
        if not self.clips.prepared.folders:
            self._check_world()
        bins = spectrogram_codec(self.codec, self.geometry).bins
        self.network.check_clip(frames=self.geometry.frames, latent_size=self.geometry.latent_size, mels=bins)
        sizes = {"batch_size": self.loop.batch_size, "micro_batches": self.loop.execution.micro_batches, "bins": bins}
        require_memory(self.network, self.geometry, **sizes)
        if self.network.shared_time and self.clips.measured:
            raise ValueError(
                f"held_out is {self.clips.held_out} and prepared.validate {self.clips.prepared.validate}, expected 0 "
                "and False with network.shared_time: clean conditions are measured there"
            )
        if self.network.shared_time and self.temperature != UsualTemperature():
            raise ValueError(f"temperature is {self.temperature}, expected 1 everywhere with network.shared_time")
        batch = self.batch_config()
        batch.check_micro_batches(self.loop.execution.micro_batches)
        if self.clips.measured:  # held-out gaps need negatives, even with weight 0
            replace(batch, contrastive=replace(self.contrastive, weight=1.0, negatives="conditions"))

    def _check_world(self) -> None:
        """Raises ValueError for world clips that do not fit the geometry."""
        data = self.clips.data
        require_world(self.geometry, data.families)
        if data.frames < self.geometry.frames:
            raise ValueError(
                f"data.frames is {data.frames}, expected at least the {self.geometry.frames} of the geometry"
            )

    def batch_config(self) -> BatchConfig:
        """The settings of a training batch of this recipe."""
        return BatchConfig(
            size=self.loop.batch_size,
            frames=self.geometry.frames,
            network=self.network,
            conditioning=self.conditioning,
            contrastive=self.contrastive,
        )


def build_network(
    config: CoupledRecipe, *, latent_channels: int, spectrogram_channels: int, bins: int, event_channels: int = 0
) -> CoupledUNet:
    """The untrained network of a recipe, initialised from the seed of the loop."""
    torch.manual_seed(config.loop.seed)
    return CoupledUNet(
        frames=config.geometry.frames,
        latent_channels=latent_channels,
        event_channels=event_channels,
        latent_size=config.geometry.latent_size,
        spectrogram_channels=spectrogram_channels,
        mels=bins,
        network=config.network,
    )
