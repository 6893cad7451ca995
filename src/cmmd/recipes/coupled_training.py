"""Trains a coupled U-Net, from the clips to a folder that the pipeline loads (ours)."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.training_clips import TrainingClips
from cmmd.files.inline_groups import replaced
from cmmd.latents.spectrogram import SpectrogramCodec, spectrogram_codec
from cmmd.latents.video_autoencoder import VideoAutoencoder, absolute_name, event_channels, latent_channels
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective, held_out_gaps
from cmmd.recipes.model_folder import save_model
from cmmd.recipes.recipe_clips import recipe_autoencoder, recipe_clips
from cmmd.recipes.starting_model import (
    blended,
    load_starting_model,
    start_from,
    starting_autoencoder,
    starting_decoder,
    train_events_only,
)
from cmmd.training.distributed import Ranks
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL
from cmmd.weights.safe_weights import quiet_diffusers

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


def run(config: CoupledRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the pipeline to `out/model`, for `CMMDPipeline.from_pretrained`.

    Raises InputError if the clips, the starting model or the waveform decoder do not fit the recipe, and as
    `run_training`.
    """
    config = _with_absolute_folders(config)
    start = load_starting_model(config)
    decoder = starting_decoder(config, start)
    autoencoder = recipe_autoencoder(config) if start is None else starting_autoencoder(config, start)
    codec = spectrogram_codec(config.codec, config.geometry)
    # Encoded world clips are cached in the parent folder, where all runs on the same clips share them.
    clips, held_out = recipe_clips(config, autoencoder=autoencoder, codec=codec, folder=out.parent, ranks=ranks)
    network = _network(config, autoencoder, codec)
    if start is not None:
        clips, held_out = start_from(start, network, autoencoder, clips, held_out)
        assert clips is not None
    if config.initial.trained == "events":
        train_events_only(network)
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
    if ranks.is_main:
        assert isinstance(trained, CoupledUNet)
        unet = blended(trained, start, config.initial.start_share)
        pipeline = _pipeline(config, clips, unet=unet, autoencoder=autoencoder, decoder=decoder)
        save_model(pipeline, out / MODEL)
        if config.clips.copies:
            from cmmd.recipes.copies import report_copies

            assert isinstance(clips, EncodedClips) and isinstance(held_out, EncodedClips)
            report_copies(pipeline, clips, held_out, samples=config.clips.copies, seed=config.loop.seed, out=out)


def _network(config: CoupledRecipe, autoencoder: VideoAutoencoder, codec: SpectrogramCodec) -> CoupledUNet:
    channels = {"latent_channels": latent_channels(autoencoder), "event_channels": event_channels(autoencoder)}
    return build_network(config, **channels, spectrogram_channels=codec.channels, bins=codec.bins)


def _pipeline(
    config: CoupledRecipe,
    clips: TrainingClips,
    *,
    unet: CoupledUNet,
    autoencoder: VideoAutoencoder,
    decoder: nn.Module | None,
) -> "CMMDPipeline":
    """Assembles the pipeline of a trained network, in half precision, on the CPU."""
    from cmmd.pipeline import CMMDPipeline  # imported here, so that --show does not load diffusers' pipelines

    with quiet_diffusers():
        # Half precision halves the size on disk. Checkpoints are not rounded.
        unet = unet.cpu().half()
        decoder = decoder and decoder.half()
    return CMMDPipeline.assemble(
        unet=unet,
        video_autoencoder=autoencoder,
        geometry=config.geometry,
        codec=config.codec,
        video_statistics=clips.video_statistics,
        audio_statistics=clips.audio_statistics,
        prediction_type=config.prediction_type,
        guidance=config.guidance,
        temperature=config.temperature,
        levels=None if config.clips.prepared.folders else config.clips.data.levels,
        waveform_decoder=decoder,
    )


def _with_absolute_folders(config: CoupledRecipe) -> CoupledRecipe:
    """Replaces the names of existing folders by absolute paths, because the run may be resumed from another folder."""
    initial, prepared = config.initial, config.clips.prepared
    return replaced(
        config,
        start=initial.start and absolute_name(initial.start),
        autoencoder=initial.autoencoder and absolute_name(initial.autoencoder),
        waveform_decoder=initial.waveform_decoder and absolute_name(initial.waveform_decoder),
        prepared=replace(prepared, folders=tuple(map(absolute_name, prepared.folders))),
    )
