"""The latent level of the pipeline: encodes clips, denoises latents and decodes them (ours)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.data.statistics import Statistics
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.sampling import sample_joint, sample_target
from cmmd.diffusion.sampling_config import NO_GUIDANCE, SamplingConfig, UsualGuidance, UsualTemperature
from cmmd.diffusion.solver import OnStep, Scheduler
from cmmd.errors import InputError
from cmmd.latents.level import check_levels, gain_into
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.latents.video_autoencoder import (
    VideoAutoencoder,
    decode_frames,
    encode_frames,
    event_channels,
    latent_channels,
)
from cmmd.latents.waveform_decoder import codec_with
from cmmd.measures import seen_events
from cmmd.measures.agreement import UNKNOWN_BELOW, agreement
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction

LOUDEST = 0.95
"""Largest peak of a generated waveform: files clip at 1, and AAC overshoots a little."""


class LatentPipeline(DiffusionPipeline):
    """The networks of a model with its codecs and statistics. Sampling takes and returns standardised latents.

    geometry, codec, statistics, guidance, temperature, levels: plain values, stored in model_index.json (see
    `assemble`). waveform_decoder: decodes log-mel; None for Griffin-Lim alone.
    """

    _optional_components = ["waveform_decoder"]  # noqa: RUF012 - diffusers' name and type

    unet: CoupledUNet
    video_autoencoder: VideoAutoencoder
    scheduler: Scheduler
    waveform_decoder: nn.Module | None

    def __init__(
        self,
        unet: CoupledUNet,
        video_autoencoder: VideoAutoencoder,
        scheduler: Scheduler,
        # The defaults are needed: diffusers treats an argument without one as a component with its own folder.
        geometry: dict[str, int] | None = None,
        codec: str = "log_mel",
        statistics: dict[str, dict[str, Any]] | None = None,
        guidance: Mapping[str, float] | None = None,
        temperature: Mapping[str, float] | None = None,
        levels: Sequence[float] | None = None,
        waveform_decoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if geometry is None or statistics is None:
            raise ValueError("geometry and statistics are missing, expected those that the model was trained with")
        self.register_modules(
            unet=unet, video_autoencoder=video_autoencoder, scheduler=scheduler, waveform_decoder=waveform_decoder
        )
        # A network with shared_time supports neither: see `check_sampling`.
        usual = UsualGuidance.of_values("guidance", guidance), UsualTemperature.of_values("temperature", temperature)
        unguided = NO_GUIDANCE, UsualTemperature()
        self.usual_guidance, self.usual_temperature = unguided if unet.network.shared_time else usual
        self.levels = None if levels is None else check_levels(levels)
        self.register_to_config(
            geometry=geometry,
            codec=codec,
            statistics=statistics,
            guidance=asdict(self.usual_guidance),
            temperature=asdict(self.usual_temperature),
            levels=self.levels and list(self.levels),
        )
        self.geometry = Geometry(**geometry)
        self.spectrogram_codec = codec_with(waveform_decoder, codec, self.geometry)  # pyright: ignore[reportArgumentType]
        self.statistics: dict[Modality, Statistics] = {
            "video": Statistics.of_values(statistics["video"]),
            "audio": Statistics.of_values(statistics["audio"]),
        }
        self._check_components()

    def _check_components(self) -> None:
        """Raise ValueError, naming both numbers, for components that do not fit together."""
        config, codec = self.unet.config, self.spectrogram_codec
        of = {modality: len(statistics.mean) for modality, statistics in self.statistics.items()}
        for name, found, expected in (
            ("latent channels", config["latent_channels"], latent_channels(self.video_autoencoder)),
            ("event channels", config["event_channels"], event_channels(self.video_autoencoder)),
            ("latent size", config["latent_size"], self.geometry.latent_size),
            ("spectrogram channels", config["spectrogram_channels"], codec.channels),
            ("spectrogram bins", config["mels"], codec.bins),
            ("latent channels", config["latent_channels"] + config["event_channels"], of["video"]),
            ("spectrogram channels", config["spectrogram_channels"], of["audio"]),
        ):
            if found != expected:
                raise ValueError(f"the network has {found} {name} and the rest of the model {expected}")
        self.unet.network.check_clip(frames=self.geometry.frames)

    @torch.no_grad()
    def encode_video(self, frames: UInt8[np.ndarray, "f h w 3"]) -> Float[Tensor, "1 c f lh lw"]:
        """Encodes frames as standardised latents, float32 on the model's device."""
        latents = encode_frames(self.video_autoencoder, torch.from_numpy(frames))[None]
        return self.statistics["video"].standardise(latents.to(self.device))

    @property
    def unknown_below(self) -> float:
        """Own score of the best take below which a condition counts as unlike the training data."""
        return seen_events.UNKNOWN_BELOW if event_channels(self.video_autoencoder) else UNKNOWN_BELOW

    def event_probabilities(self, video: Float[Tensor, "1 c f lh lw"]) -> Float[np.ndarray, " bins"]:
        """Returns the probability of an event in every spectrogram frame of an encoded video; of a model with an event
        encoder."""
        logits = self.statistics["video"].restore(video)[0, self.unet.config["latent_channels"] :]
        return logits.mean((2, 3)).T.flatten().sigmoid().cpu().numpy()  # equal at every position

    @torch.no_grad()
    def encode_audio(self, waveform: Float[np.ndarray, " s"]) -> Float[Tensor, "1 c m n"]:
        """Encodes a waveform of whole hops, scaled by `gain`, as a standardised spectrogram, float32 on the model's
        device."""
        known = waveform * np.float32(self.gain(waveform))
        spectrogram = self.spectrogram_codec.encode(torch.from_numpy(known)[None])
        return self.statistics["audio"].standardise(spectrogram.to(self.device))

    def gain(self, waveform: Float[np.ndarray, " s"]) -> float:
        """Returns the factor that scales a sound into the range of the training levels.

        1 for a model without levels or with a codec other than log-mel.
        """
        codec = self.spectrogram_codec
        if self.levels is None or not isinstance(codec, LogMelCodec):
            return 1.0
        return gain_into(codec, waveform, self.levels)

    def sample(
        self,
        condition: Float[Tensor, "one_or_b c ..."],
        noise: Float[Tensor, "b ct ..."],
        direction: Literal["video_to_audio", "audio_to_video"],
        config: SamplingConfig | None = None,
        *,
        fixed: FixedFrames | None = None,
        on_step: OnStep | None = None,
    ) -> Float[Tensor, "b ct ..."]:
        """Denoises a batch to float32 latents.

        condition: encoded, one for each batch item or one that all items share. fixed: given frames of the target.
        """
        return sample_target(
            self.unet,
            self.scheduler,
            condition,
            noise.to(self.device),
            self._with_defaults(config, direction),
            target="audio" if direction == "video_to_audio" else "video",
            window=self.geometry.frames,
            fixed=fixed,
            on_step=on_step,
        )

    def sample_joint(
        self,
        noise: Prediction,
        config: SamplingConfig | None = None,
        *,
        fixed: tuple[FixedFrames, FixedFrames] | None = None,
        on_step: OnStep | None = None,
    ) -> Prediction:
        """Denoises a batch of both modalities together. fixed: given frames of video and of audio."""
        noise = Prediction(*(tensor.to(self.device) for tensor in noise))
        window, config = self.geometry.frames, self._with_defaults(config, "joint")
        return sample_joint(self.unet, self.scheduler, noise, config, window=window, fixed=fixed, on_step=on_step)

    def agreement(
        self,
        condition: Float[Tensor, "one c ..."],
        generated: Float[Tensor, "b ct ..."],
        direction: Literal["video_to_audio", "audio_to_video"],
    ) -> list[float]:
        """Returns for each batch item how well the generated latents agree with their encoded condition, at most 1: see
        measures/agreement.py."""
        target = "audio" if direction == "video_to_audio" else "video"
        kind = self.scheduler.config["prediction_type"]
        found = agreement(
            self.unet, condition, generated, target=target, window=self.geometry.frames, prediction_type=kind
        )
        return found.tolist()

    def strength(self, config: SamplingConfig, direction: Direction) -> float:
        """Returns the guidance for a direction: that of the settings, or the model's own if they have none."""
        return config.guidance_for(direction, self.usual_guidance)

    def temperature(self, config: SamplingConfig, direction: Direction) -> float:
        """Returns the temperature for a direction: that of the settings, or the model's own if they have none."""
        return config.temperature_for(direction, self.usual_temperature)

    def _with_defaults(self, config: SamplingConfig | None, direction: Direction) -> SamplingConfig:
        config = config or SamplingConfig()
        return replace(
            config,
            guidance=self.strength(config, direction),
            guided_above=config.guided_above_for(direction, self.usual_guidance),
            temperature=self.temperature(config, direction),
        )

    def noise(self, modality: Modality, frames: int, *, seed: int, items: int) -> Float[Tensor, "b c ..."]:
        """Draws noise for a batch. Item i is drawn on the CPU from seed + i: it depends neither on the other items nor
        on the device.

        Raises ValueError for fewer than one item and for a seed outside [0, 2**62).
        """
        if not isinstance(items, int) or items < 1:
            raise ValueError(f"takes is {items}, expected at least 1")
        if not isinstance(seed, int) or not 0 <= seed < 2**62:
            raise ValueError(f"seed is {seed}, expected a whole number from 0 to 2**62")
        config = self.unet.config
        if modality == "video":
            size = self.geometry.latent_size
            shape = (config["latent_channels"], frames, size, size)
        else:
            shape = (config["spectrogram_channels"], config["mels"], self.geometry.spectrogram_frames_of(frames))
        # The noise of both modalities must not start with the same numbers.
        offset = 0 if modality == "video" else 1
        generators = [torch.Generator().manual_seed(2 * (seed + item) + offset) for item in range(items)]
        return torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(self.device)

    @torch.no_grad()
    def decode_audio(self, standardised: Float[Tensor, "b c m n"], *, seed: int) -> Float[Tensor, "b s"]:
        """Decodes standardised spectrograms to waveforms whose peak is at most `LOUDEST`.

        The initial phases and the comfort noise of item i are drawn from seed + i. Raises InputError if a waveform is
        not finite.
        """
        waveforms = []
        for index, spectrogram in enumerate(self.statistics["audio"].restore(standardised.float().cpu())):
            generator = torch.Generator().manual_seed(seed + index)
            waveforms.append(_limited(self.spectrogram_codec.decode(spectrogram[None], generator=generator)[0]))
        return _finite(torch.stack(waveforms), "sound")

    @torch.no_grad()
    def decode_video(self, standardised: Float[Tensor, "b c f lh lw"]) -> list[np.ndarray]:
        """Decodes standardised latents of pictures to frames, uint8 (f, h, w, 3), one array per item. Raises InputError
        if the latents are not finite."""
        statistics = self.statistics["video"].of_first(standardised.shape[1])
        latents = _finite(statistics.restore(standardised.float()), "a picture")
        return [decode_frames(self.video_autoencoder, item).numpy() for item in latents]


def _finite(generated: Tensor, what: str) -> Tensor:
    if not generated.isfinite().all():
        raise InputError.about("the model", found=f"{what} of numbers that are not finite", expected="a trained model")
    return generated


def _limited(waveform: Float[Tensor, " s"]) -> Float[Tensor, " s"]:
    peak = float(waveform.abs().max())
    return waveform if peak <= LOUDEST else waveform * (LOUDEST / peak)
