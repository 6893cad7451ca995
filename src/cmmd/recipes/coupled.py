"""Trains the coupled U-Net on the world: the shipped model, and a tiny one to try things with (ours)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.configuration import as_dict
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.process import PredictionType
from cmmd.errors import InputError
from cmmd.evaluation.copies import find_copies
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.easy_fusion import FusionKind, Reduction
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.training.denoising import denoising_step
from cmmd.training.loop import LoopConfig, Losses, Part
from cmmd.training.run import run_training
from cmmd.training.team import Team

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


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
    the network starts at random. autoencoder: a diffusers folder or hub name, or `shipped`. codec: of the spectrogram.
    held_out: share of the clips that is not trained on; training then keeps the step at which the model tells their
    conditions from wrong ones best. copies: samples a direction to compare with the training clips at the end. The rest
    is grouped. Raises ValueError.
    """

    start: str | None = None
    autoencoder: str = "shipped"
    codec: Literal["log_mel", "complex_stft"] = "log_mel"
    prediction_type: PredictionType = "v_prediction"
    geometry: Geometry = field(default_factory=Geometry)
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
        total = self.data.clips * len(self.data.families)
        kept = round(self.held_out * total)
        if self.held_out and not FEWEST_HELD_OUT <= kept <= total - 2:
            raise ValueError(
                f"held_out is {self.held_out}, {kept} of {total} clips, expected {FEWEST_HELD_OUT} to {total - 2}"
            )
        if self.copies < 0 or (self.copies and not self.held_out):
            raise ValueError(f"copies is {self.copies} with held_out {self.held_out}, expected conditions held out")


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


def world_fine_tune() -> CoupledRecipe:
    """The shipped model on 40 clips of a movement that it has not seen: minutes on two cores."""
    return CoupledRecipe(
        start="shipped",
        data=WorldConfig(families=("impacts",), clips=40, split="unseen"),
        held_out=0.2,
        copies=32,
        conditioning=ConditioningConfig(
            video_to_audio=0.5, audio_to_video=0.3, joint=0.2, audio_noise=8.0, video_noise=2.0
        ),
        contrastive=ContrastiveConfig(weight=0.1),
        loop=LoopConfig(
            steps=800,
            batch_size=16,
            learning_rate=3e-4,
            warmup=50,
            average_decay=0.99,
            save_every=100,
            evaluate_every=50,
            patience=5,
        ),
    )


def world_ablation() -> CoupledRecipe:
    """A small network for comparisons over many trainings; its steps can be compared wherever a training stands."""
    return CoupledRecipe(
        data=WorldConfig(clips=500),
        network=NetworkConfig(video_widths=(16, 32, 48), audio_widths=(32, 48, 64), message_width=32),
        conditioning=ConditioningConfig(audio_noise=8.0, video_noise=2.0),
        loop=LoopConfig(
            steps=300, batch_size=16, learning_rate=2e-3, schedule="constant", warmup=30, average_decay=0.98
        ),
    )


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
    clips, held_out = clips.hold_out(config.held_out) if config.held_out else (clips, None)
    network = build_network(
        config, latent_channels=clips.video.shape[1], spectrogram_channels=codec.channels, bins=codec.bins
    )
    if start is not None:
        network.load_state_dict(start.unet.state_dict())
        # The network knows clips as its own training standardised them.
        known = {"video_statistics": start.statistics["video"], "audio_statistics": start.statistics["audio"]}
        clips, held_out = replace(clips, **known), held_out and replace(held_out, **known)
    trained = run_training(
        network,
        _losses(config, clips, batch_size=config.loop.batch_size),
        loop=config.loop,
        config=config,
        out=out,
        resume=resume,
        held_out=None if held_out is None else _gap_as_loss(config, held_out),
    )
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
    if held_out is not None and config.copies:
        _report_copies(pipeline, clips, held_out, samples=config.copies, seed=config.loop.seed, out=out)


def _losses(config: CoupledRecipe, clips: EncodedClips, *, batch_size: int) -> Losses:
    return denoising_step(
        clips,
        config.conditioning,
        frames=config.geometry.frames,
        batch_size=batch_size,
        seed=config.loop.seed,
        prediction_type=config.prediction_type,
        contrastive=config.contrastive,
    )


def _gap_as_loss(config: CoupledRecipe, clips: EncodedClips) -> Losses:
    """How much worse a wrong condition is than the right one on these clips, as a loss: lowest where it is largest.

    Denoising alone keeps improving on what any clip has; the gap is what a model understands of these.
    """
    every_item = replace(config.contrastive, weight=1.0, fraction=1.0, begin=0, ramp=0)
    conditional = replace(config.conditioning, video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)
    # No clip twice in a batch: it would be its own other clip.
    batch_size = min(config.loop.batch_size, len(clips))
    step = _losses(replace(config, contrastive=every_item, conditioning=conditional), clips, batch_size=batch_size)

    def losses(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        terms = dict(step(model, part, generator))
        return terms | {"loss": -torch.stack([terms[f"gap_{kind}"] for kind in every_item.mismatches]).mean()}

    return losses


def _report_copies(
    pipeline: "CMMDPipeline", clips: EncodedClips, conditions: EncodedClips, *, samples: int, seed: int, out: Path
) -> None:
    """Samples under conditions that were held out, compared with the training clips: printed, and in copies.json."""
    pipeline.unet.float()
    frames = pipeline.geometry.frames
    indices = torch.arange(samples) % len(conditions)
    given = conditions.crops(indices, frames=frames, generator=torch.Generator().manual_seed(seed))
    everything = clips.crops(torch.arange(len(clips)), frames=clips.video.shape[2], generator=torch.Generator())
    directions: tuple[tuple[Literal["video_to_audio", "audio_to_video"], Modality], ...] = (
        ("video_to_audio", "audio"),
        ("audio_to_video", "video"),
    )
    record = {}
    for direction, made in directions:
        condition = given.video if made == "audio" else given.audio
        noise = pipeline.noise(made, frames, seed=seed, items=samples)
        sampled = pipeline.sample(condition, noise, direction).float().cpu()
        known = getattr(everything, made)
        if made == "video":  # time last
            sampled, known = (x.movedim(2, -1) for x in (sampled, known))
        report = find_copies(sampled, known)
        print(f"{direction.replace('_', ' ')}: {report}")
        record[direction] = {
            "samples": samples,
            "flagged": report.flagged.tolist(),
            "nearest_clip": report.nearest.tolist(),
            "distances": [round(value, 5) for value in report.distances.tolist()],
            "threshold": report.threshold,
            "between_real_clips": report.typical,
        }
    (out / "copies.json").write_text(json.dumps(record, indent=1) + "\n")


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
