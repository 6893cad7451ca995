"""Trains a coupled U-Net, from the clips to a folder that the pipeline loads (ours)."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from cmmd.configuration import as_dict
from cmmd.data.encoded_clips import EncodedClips
from cmmd.errors import InputError
from cmmd.foreign_files import reading
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import absolute_name
from cmmd.latents.waveform_decoder import codec_with, load_waveform_decoder
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective, held_out_gaps
from cmmd.recipes.model_folder import save_model
from cmmd.recipes.recipe_clips import recipe_autoencoder, recipe_clips
from cmmd.safe_weights import quiet_diffusers
from cmmd.training.distributed import Ranks
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


def run(config: CoupledRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the pipeline to `out/model`, for `CMMDPipeline.from_pretrained`.

    Raises InputError if the clips, the starting model or the waveform decoder do not fit the recipe, and as
    `run_training`.
    """
    config = _with_absolute_folders(config)
    start = _starting_model(config)
    decoder = _waveform_decoder(config, start)
    autoencoder = recipe_autoencoder(config) if start is None else start.video_autoencoder
    codec = spectrogram_codec(config.codec, config.geometry)
    # Encoded world clips are cached in the parent folder, where all runs on the same clips share them.
    clips, held_out = recipe_clips(config, autoencoder=autoencoder, codec=codec, folder=out.parent, ranks=ranks)
    channels = len(clips.video_statistics.mean)
    network = build_network(config, latent_channels=channels, spectrogram_channels=codec.channels, bins=codec.bins)
    if start is not None:
        network.load_state_dict(start.unet.state_dict())
        # The starting network was trained on clips that were standardised with its own statistics.
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
    from cmmd.pipeline import CMMDPipeline  # imported here, so that --show does not load diffusers' pipelines

    assert isinstance(trained, CoupledUNet)
    with quiet_diffusers():
        # Half precision halves the size on disk. Checkpoints are not rounded.
        half = trained.cpu().half()
        decoder = decoder and decoder.half()
    pipeline = CMMDPipeline.assemble(
        unet=half,
        video_autoencoder=autoencoder,
        geometry=config.geometry,
        codec=config.codec,
        video_statistics=clips.video_statistics,
        audio_statistics=clips.audio_statistics,
        prediction_type=config.prediction_type,
        guidance=config.guidance,
        levels=None if config.prepared.folders else config.data.levels,
        waveform_decoder=decoder,
    )
    save_model(pipeline, out / MODEL)
    if config.copies:
        from cmmd.recipes.copies import report_copies

        assert isinstance(clips, EncodedClips) and isinstance(held_out, EncodedClips)
        report_copies(pipeline, clips, held_out, samples=config.copies, seed=config.loop.seed, out=out)


def _with_absolute_folders(config: CoupledRecipe) -> CoupledRecipe:
    """Replaces the names of existing folders by absolute paths, because the run may be resumed from another folder."""
    return replace(
        config,
        start=config.start and absolute_name(config.start),
        autoencoder=config.autoencoder and absolute_name(config.autoencoder),
        waveform_decoder=config.waveform_decoder and absolute_name(config.waveform_decoder),
        prepared=replace(config.prepared, folders=tuple(map(absolute_name, config.prepared.folders))),
    )


def _starting_model(config: CoupledRecipe) -> "CMMDPipeline | None":
    """The model to start from, or None if `config.start` is None. Raises InputError, with every setting that differs,
    if the model does not fit the recipe."""
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


def _waveform_decoder(config: CoupledRecipe, start: "CMMDPipeline | None") -> nn.Module | None:
    """The waveform decoder of the trained model. Raises InputError if it cannot be loaded or does not fit."""
    if config.waveform_decoder is None:
        return None if start is None else start.waveform_decoder
    decoder = load_waveform_decoder(config.waveform_decoder)
    with reading(f"waveform_decoder {config.waveform_decoder}", expected="one for the geometry of the recipe"):
        codec_with(decoder, config.codec, config.geometry)
    return decoder
