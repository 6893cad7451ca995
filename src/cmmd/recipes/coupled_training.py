"""Trains a coupled U-Net by its configuration, from clips to a folder that the pipeline loads (ours)."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from cmmd.configuration import as_dict
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.training_clips import TrainingClips
from cmmd.errors import InputError
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.model_folder import save_model
from cmmd.recipes.recipe_clips import recipe_autoencoder, recipe_clips
from cmmd.training.batch import BatchConfig, TrainingBatch, draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.distributed import Ranks
from cmmd.training.held_out import HeldOut
from cmmd.training.objective import MicroBatch, Objective, Terms
from cmmd.training.run import run_training

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


def run(config: CoupledRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into `out`; the result is `out/model`, a folder for `CMMDPipeline.from_pretrained`."""
    config = _with_absolute_folders(config)
    start = _starting_model(config)
    autoencoder = recipe_autoencoder(config) if start is None else start.video_autoencoder
    codec = spectrogram_codec(config.codec, config.geometry)
    # Beside the run, not in it: every run on the same clips of the world shares them.
    clips, held_out = recipe_clips(config, autoencoder=autoencoder, codec=codec, folder=out.parent, ranks=ranks)
    channels = len(clips.video_statistics.mean)
    network = build_network(config, latent_channels=channels, spectrogram_channels=codec.channels, bins=codec.bins)
    if start is not None:
        network.load_state_dict(start.unet.state_dict())
        # The network knows clips as its own training standardised them.
        known = {"video": start.statistics["video"], "audio": start.statistics["audio"]}
        clips, held_out = clips.standardised_as(**known), held_out and held_out.standardised_as(**known)
    trained = run_training(
        network,
        cmmd_objective(config, clips),
        loop=config.loop,
        config=config,
        out=out,
        resume=resume,
        recipe=recipe,
        held_out=None if held_out is None else held_out_gaps(config, held_out),
        ranks=ranks,
    )
    if not ranks.is_main:
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
    save_model(pipeline, out / "model")
    if config.copies:
        from cmmd.recipes.copies import report_copies

        assert isinstance(clips, EncodedClips) and isinstance(held_out, EncodedClips)
        report_copies(pipeline, clips, held_out, samples=config.copies, seed=config.loop.seed, out=out)


def cmmd_objective(config: CoupledRecipe, clips: TrainingClips, batch: BatchConfig | None = None) -> Objective:
    """What a recipe minimises on these clips, in the recipe's batches or in others."""
    batch = batch or config.batch_config()

    def draw(step: int, micro_batch: MicroBatch) -> TrainingBatch:
        return draw_batch(clips, batch, seed=config.loop.seed, step=step, micro_batch=micro_batch)

    def losses(model: nn.Module, drawn: TrainingBatch) -> Terms:
        assert isinstance(model, CoupledUNet)
        return cmmd_losses(model, drawn, contrastive=batch.contrastive, prediction_type=config.prediction_type)

    return Objective(draw, losses)


def held_out_gaps(config: CoupledRecipe, clips: TrainingClips) -> HeldOut:
    """How much worse a wrong condition is than the right one on these clips: the loss is lowest where that is most.

    Denoising alone keeps improving on what all clips have in common; the gap tells what is understood of these ones.
    A single clip has no other clip. Raises InputError when it has no mismatched condition at all.
    """
    kinds = tuple(kind for kind in config.contrastive.mismatches if kind != "other_clip" or len(clips) > 1)
    if not kinds:
        raise InputError("1 clip is held out, expected 2 or more to tell the condition from that of another clip")
    size = min(config.loop.batch_size, len(clips))
    batch = replace(
        config.batch_config(),
        size=size - size % 2 if size > 1 else size,
        contrastive=replace(config.contrastive, weight=1.0, fraction=1.0, begin=0, ramp=0, mismatches=kinds),
        conditioning=replace(config.conditioning, video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0),
    )

    def loss(terms: dict[str, float]) -> float:
        gaps = [terms[f"gap_{kind}"] for kind in kinds if f"gap_{kind}" in terms]
        return -sum(gaps) / len(gaps)

    return HeldOut(objective=cmmd_objective(config, clips, batch), batch_size=batch.size, loss=loss)


def _with_absolute_folders(config: CoupledRecipe) -> CoupledRecipe:
    """Names of folders that are there as absolute paths: the run may be resumed from another folder."""
    named = {"start": config.start, "autoencoder": config.autoencoder}
    found = {key: str(Path(name).resolve()) for key, name in named.items() if name and Path(name).is_dir()}
    return replace(config, **found)


def _starting_model(config: CoupledRecipe) -> "CMMDPipeline | None":
    """The model to train on from, or None. Raises InputError, naming every setting in which it differs."""
    if config.start is None:
        return None
    from cmmd.loading import load_pipeline

    model = load_pipeline(None if config.start == "shipped" else config.start, device="cpu")
    wanted = as_dict(config.network) | {
        "geometry": as_dict(config.geometry),
        "codec": config.codec,
        "prediction_type": config.prediction_type,
    }
    found = as_dict(model.unet.network) | {
        "geometry": as_dict(model.geometry),
        "codec": model.config["codec"],
        "prediction_type": model.scheduler.config["prediction_type"],
    }
    different = [name for name in wanted if found[name] != wanted[name]]
    if different:
        told = "; ".join(f"{name} is {found[name]}, expected {wanted[name]}" for name in different)
        raise InputError(f"{config.start}: {told}")
    return model
