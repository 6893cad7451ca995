"""The model that a training starts from, also with another event encoder than its own, or its first one (ours)."""

from typing import TYPE_CHECKING

import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor, nn

from cmmd.data.statistics import Statistics
from cmmd.data.training_clips import TrainingClips
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.inline_groups import as_dict
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.video_autoencoder import VideoAutoencoder, latent_channels, load_autoencoder, weights_hash
from cmmd.latents.waveform_decoder import codec_with, load_waveform_decoder
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


def load_starting_model(config: CoupledRecipe) -> "CMMDPipeline | None":
    """Loads the model to start from; returns None if `config.initial.start` is None.

    Raises InputError, with every setting that differs, if the model does not fit the recipe.
    """
    if config.initial.start is None:
        return None
    from cmmd.pipelines.loading import load_pipeline

    model = load_pipeline(None if config.initial.start == "shipped" else config.initial.start, device="cpu")
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
        message = "; ".join(f"{name} is {found[name]}, expected {wanted[name]}" for name in different)
        raise InputError(f"{config.initial.start}: {message}")
    return model


def starting_autoencoder(config: CoupledRecipe, start: "CMMDPipeline") -> VideoAutoencoder:
    """Returns the autoencoder of the starting model, or that of the recipe if it only adds to it: further latent
    channels after the same first ones, an event encoder, or another one.

    Raises InputError for any other autoencoder: the network knows only the latents that it was trained on.
    """
    known = start.video_autoencoder
    if config.initial.autoencoder is None:
        return known
    chosen = load_autoencoder(config.initial.autoencoder).eval()
    if weights_hash(chosen) == weights_hash(known):
        return known
    if isinstance(chosen, EventAutoencoder) and _begins_with(chosen, known):
        return chosen
    raise InputError.about(
        config.initial.autoencoder,
        found="another autoencoder than that of the model to start from",
        expected="the same, or one that adds latent channels or an event encoder to it",
    )


@torch.no_grad()
def _begins_with(chosen: EventAutoencoder, known: VideoAutoencoder) -> bool:
    """Whether the latents of pictures begin with those of the known autoencoder."""
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    channels = latent_channels(known)
    if not isinstance(known, EventAutoencoder | AutoencoderTiny) or channels > latent_channels(chosen):
        return False
    (first,), (latents,) = (one.encode(pictures, return_dict=False) for one in (known, chosen))
    return torch.allclose(first[:, :channels], latents[:, :channels], atol=1e-4)


def starting_decoder(config: CoupledRecipe, start: "CMMDPipeline | None") -> nn.Module | None:
    """Returns the waveform decoder of the recipe, or else that of the starting model, or None.

    Raises InputError if it cannot be loaded or does not fit the geometry.
    """
    if config.initial.waveform_decoder is None:
        return None if start is None else start.waveform_decoder
    decoder = load_waveform_decoder(config.initial.waveform_decoder)
    with reading(f"waveform_decoder {config.initial.waveform_decoder}", expected="one for the geometry of the recipe"):
        codec_with(decoder, config.codec, config.geometry)
    return decoder


def start_from(
    start: "CMMDPipeline", network: CoupledUNet, autoencoder: VideoAutoencoder, *clips: TrainingClips | None
) -> list[TrainingClips | None]:
    """Copies the weights of the starting model into the network. Returns the clips with the model's statistics.

    Weights that the model does not have are those of the network, and zero where they read or predict latent channels
    that it does not have. autoencoder: result of `starting_autoencoder`. The statistics of channels that are not those
    of the model's autoencoder are those of the clips.
    """
    network.load_state_dict(network.state_dict() | _widened(start.unet, network))
    known, audio = start.statistics["video"], start.statistics["audio"]
    before, after = latent_channels(start.video_autoencoder), latent_channels(autoencoder)

    def video(of_clips: Statistics) -> Statistics:
        if autoencoder is start.video_autoencoder:
            return known
        same_events = _same_events(autoencoder, start.video_autoencoder)
        events, first = (known, before) if same_events else (of_clips, after)
        return Statistics(
            mean=known.mean[:before] + of_clips.mean[before:after] + events.mean[first:],
            std=known.std[:before] + of_clips.std[before:after] + events.std[first:],
        )

    return [
        None if some is None else some.standardised_as(video=video(some.video_statistics), audio=audio)
        for some in clips
    ]


def _widened(known: CoupledUNet, network: CoupledUNet) -> dict[str, Tensor]:
    """The weights of a known network in the shapes of `network`, zero for latent channels that it does not have."""
    shapes = {name: weight.shape for name, weight in network.state_dict().items()}
    widened = {}
    for name, weight in known.state_dict().items():
        widened[name] = weight.new_zeros(shapes[name])
        widened[name][tuple(map(slice, weight.shape))] = weight
    return widened


def _same_events(one: VideoAutoencoder, other: VideoAutoencoder) -> bool:
    both = isinstance(one, EventAutoencoder) and isinstance(other, EventAutoencoder)
    return both and weights_hash(one.events) == weights_hash(other.events)


def blended(network: CoupledUNet, start: "CMMDPipeline | None", share: float) -> CoupledUNet:
    """Moves the trained weights towards those of the starting model, which keeps more of what that model could do
    (Wortsman et al., arXiv 2109.01903). Weights that the starting model does not have stay as they are.

    share: of the starting weights in the result; 0 leaves the network unchanged. Returns the same network.
    """
    if start is not None and share:
        mixed = network.state_dict()
        for name, known in start.unet.state_dict().items():
            shared = mixed[name][tuple(map(slice, known.shape))]  # a view, without the weights of added latent channels
            shared.lerp_(known.to(shared), share)
    return network


def train_events_only(network: CoupledUNet) -> None:
    """Excludes all weights from training except those of `EventMessages`. Raises InputError if there are none."""
    if network.event_messages is None:
        found = "an autoencoder without an event encoder"
        raise InputError.about("trained=events", found=found, expected="an EventAutoencoder")
    network.requires_grad_(False)
    network.event_messages.requires_grad_(True)
