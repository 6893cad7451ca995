"""Trains a coupled U-Net by its configuration, from clips to a folder that the pipeline loads (ours)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cmmd.configuration import as_dict
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.training_clips import TrainingClips
from cmmd.errors import InputError
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.recipe_clips import recipe_autoencoder, recipe_clips
from cmmd.training.denoising import denoising_step
from cmmd.training.loop import Losses, Part
from cmmd.training.run import run_training
from cmmd.training.team import Team

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


def run(config: CoupledRecipe, *, out: Path, resume: bool) -> None:
    """Train into `out`; the result is `out/model`, a folder for `CMMDPipeline.from_pretrained`."""
    start = _starting_model(config)
    autoencoder = recipe_autoencoder(config) if start is None else start.video_autoencoder
    codec = spectrogram_codec(config.codec, config.geometry)
    team = Team.join()
    # Beside the run, not in it: every run on the same clips of the world shares them.
    clips, held_out = recipe_clips(config, autoencoder=autoencoder, codec=codec, beside=out.parent, team=team)
    channels = len(clips.video_statistics.mean)
    network = build_network(config, latent_channels=channels, spectrogram_channels=codec.channels, bins=codec.bins)
    if start is not None:
        network.load_state_dict(start.unet.state_dict())
        # The network knows clips as its own training standardised them.
        known = {"video": start.statistics["video"], "audio": start.statistics["audio"]}
        clips, held_out = clips.standardised_as(**known), held_out and held_out.standardised_as(**known)
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
    if config.copies:
        from cmmd.recipes.copies import report_copies

        assert isinstance(clips, EncodedClips) and isinstance(held_out, EncodedClips)
        report_copies(pipeline, clips, held_out, samples=config.copies, seed=config.loop.seed, out=out)


def _losses(config: CoupledRecipe, clips: TrainingClips, *, batch_size: int) -> Losses:
    return denoising_step(
        clips,
        config.conditioning,
        frames=config.geometry.frames,
        batch_size=batch_size,
        seed=config.loop.seed,
        prediction_type=config.prediction_type,
        contrastive=config.contrastive,
    )


def _gap_as_loss(config: CoupledRecipe, clips: TrainingClips) -> Losses:
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
