"""The user's API: load a model, give a clip its sound, a sound its clip, or make both (ours)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from jaxtyping import Float, UInt8
from torch import Tensor

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import Clip, Fit, read_clip
from cmmd.clips.take import Take
from cmmd.data.statistics import Statistics
from cmmd.diffusion.process import PredictionType, scheduler_config
from cmmd.diffusion.sampling import OnStep, Sampler, Scheduler, build_scheduler, sample_joint, sample_target
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.latents.video_autoencoder import VideoAutoencoder, decode_frames, encode_frames
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet, Prediction
from cmmd.pretrained import SHIPPED_MODEL

LOUDEST = 0.95
"""Largest peak of a generated waveform: files clip at 1, and AAC overshoots a little."""
DEFAULT_GUIDANCE = {"video_to_audio": 1.0, "audio_to_video": 4.5, "joint": 3.0}
"""Where onset F1 on the world stopped rising. Sound needs none after contrastive training (docs/results.md)."""
INAUDIBLE = 10 ** (-50 / 20)
"""RMS of a waveform that is taken for silence: 50 dB below full scale, somewhat above the world's quiet rooms."""
UNSURE_GUIDANCE = 0.2
"""For sound that would be inaudible: nearer to what the model makes without a picture."""


class CMMDPipeline(DiffusionPipeline):
    """Video to sound, sound to video, or both, at any length.

    geometry, codec, statistics: plain values, kept in model_index.json (see `assemble`).
    """

    unet: CoupledUNet
    video_autoencoder: VideoAutoencoder
    scheduler: Scheduler

    def __init__(
        self,
        unet: CoupledUNet,
        video_autoencoder: VideoAutoencoder,
        scheduler: Scheduler,
        # With defaults, because diffusers takes an argument without one for a model with a folder of its own.
        geometry: dict[str, int] | None = None,
        codec: str = "log_mel",
        statistics: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        if geometry is None or statistics is None:
            raise ValueError("geometry and statistics are missing, expected those that the model was trained with")
        self.register_modules(unet=unet, video_autoencoder=video_autoencoder, scheduler=scheduler)
        self.register_to_config(geometry=geometry, codec=codec, statistics=statistics)
        self.geometry = Geometry(**geometry)
        self.spectrogram_codec = spectrogram_codec(codec, self.geometry)  # pyright: ignore[reportArgumentType]
        self.statistics: dict[Modality, Statistics] = {
            "video": _statistics(statistics["video"]),
            "audio": _statistics(statistics["audio"]),
        }

    @classmethod
    def assemble(
        cls,
        *,
        unet: CoupledUNet,
        video_autoencoder: VideoAutoencoder,
        geometry: Geometry,
        codec: str,
        video_statistics: Statistics,
        audio_statistics: Statistics,
        prediction_type: PredictionType = "v_prediction",
    ) -> "CMMDPipeline":
        """A pipeline from trained parts."""
        # diffusers would save where the autoencoder came from: a path of the training machine.
        video_autoencoder.register_to_config(_name_or_path="")
        return cls(
            unet=unet.eval(),
            video_autoencoder=video_autoencoder.eval(),
            scheduler=DDIMScheduler(clip_sample=False, **scheduler_config(prediction_type)),
            geometry=asdict(geometry),
            codec=codec,
            statistics={
                name: asdict(part) for name, part in (("video", video_statistics), ("audio", audio_statistics))
            },
        )

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path | None = None, **options: Any) -> "CMMDPipeline":
        """A model by folder or hub name; the shipped one without a name. Options are those of diffusers."""
        options.setdefault("low_cpu_mem_usage", False)  # the other way needs accelerate, for models that do not fit
        return super().from_pretrained(SHIPPED_MODEL if name_or_folder is None else name_or_folder, **options)

    @torch.no_grad()
    def video_to_audio(
        self,
        video: str | Path | Clip | UInt8[np.ndarray, "f h w 3"],
        *,
        steps: int = 25,
        guidance: float | int | None = None,
        contrast: float | int = 0,
        seed: int = 0,
        takes: int = 1,
        sampler: Sampler = "unipc",
        fit: Fit = "crop",
        on_step: OnStep | None = None,
    ) -> tuple[Take, ...]:
        """Sound for a video file, a clip, or frames uint8 at the model's frame rate and size; as long as the video.

        Take i is that of seed + i, whatever the number of takes. `guidance` strengthens the condition against none,
        `contrast` against the same condition at the wrong time. Without a `guidance`, a take in which the model saw
        nothing that sounds, so that it is inaudible, is made again with `UNSURE_GUIDANCE`; `Take.guidance` tells.
        Raises InputError for a file that cannot be read.
        """
        clock = _Clock()
        with clock("reading"):
            clip = self._read(video, want="video", fit=fit)
            assert clip.frames is not None
        with clock("encoding"):
            condition = self.encode_video(_at_least(clip.frames, self.geometry.frames))
        noise = self.noise("audio", condition.shape[2], seed=seed, items=takes)
        used = [DEFAULT_GUIDANCE["video_to_audio"] if guidance is None else float(guidance)] * takes

        def make(chosen: list[int], strength: float | int) -> Tensor:
            with clock("denoising"):
                audio = self.sample(
                    condition,
                    noise[chosen],
                    "video_to_audio",
                    steps=steps,
                    guidance=strength,
                    contrast=contrast,
                    sampler=sampler,
                    on_step=on_step,
                )
            with clock("decoding"):
                sounds = [self.decode_audio(audio[[row]], seed=seed + take) for row, take in enumerate(chosen)]
            return torch.cat(sounds)[:, : round(clip.seconds * self.geometry.sample_rate)]

        waveforms = make(list(range(takes)), used[0])
        silent = [take for take, sound in enumerate(waveforms) if sound.square().mean().sqrt() < INAUDIBLE]
        if guidance is None and silent:
            waveforms[silent] = make(silent, UNSURE_GUIDANCE)
            used = [UNSURE_GUIDANCE if take in silent else strength for take, strength in enumerate(used)]
        return self._takes(clip.frames, waveforms, clip, seed=seed, generated="audio", guidance=used, clock=clock)

    @torch.no_grad()
    def audio_to_video(
        self,
        audio: str | Path | Clip | Float[np.ndarray, " s"],
        *,
        steps: int = 25,
        guidance: float | int | None = None,
        contrast: float | int = 0,
        seed: int = 0,
        takes: int = 1,
        sampler: Sampler = "unipc",
        on_step: OnStep | None = None,
    ) -> tuple[Take, ...]:
        """Video for a sound file, a clip, or a mono waveform at the model's sample rate; whole frames that cover it."""
        clock = _Clock()
        with clock("reading"):
            clip = self._read(audio, want="audio")
            assert clip.waveform is not None
        with clock("encoding"):
            count = -(-len(clip.waveform) // self.geometry.samples_per_frame)
            padded = self.geometry.samples_of(max(count, self.geometry.frames))
            condition = self.encode_audio(np.pad(clip.waveform, (0, padded - len(clip.waveform))))
        with clock("denoising"):
            noise = self.noise("video", padded // self.geometry.samples_per_frame, seed=seed, items=takes)
            video = self.sample(
                condition,
                noise,
                "audio_to_video",
                steps=steps,
                guidance=guidance,
                contrast=contrast,
                sampler=sampler,
                on_step=on_step,
            )
        with clock("decoding"):
            frames = [take[:count] for take in self.decode_video(video)]
        waveforms = torch.from_numpy(clip.waveform).expand(takes, -1)
        used = [DEFAULT_GUIDANCE["audio_to_video"] if guidance is None else float(guidance)] * takes
        return self._takes(frames, waveforms, clip, seed=seed, generated="video", guidance=used, clock=clock)

    @torch.no_grad()
    def joint(
        self,
        *,
        seconds: float | int = 1.6,
        steps: int = 25,
        guidance: float | int | None = None,
        seed: int = 0,
        takes: int = 1,
        sampler: Sampler = "unipc",
        on_step: OnStep | None = None,
    ) -> tuple[Take, ...]:
        """A video with its sound from nothing; its length is `seconds` rounded up to whole frames."""
        if seconds <= 0:
            raise ValueError(f"seconds is {seconds}, expected more than 0")
        clock = _Clock()
        wanted = max(1, -int(-seconds * self.geometry.fps // 1))
        count = max(wanted, self.geometry.frames)
        with clock("denoising"):
            noise = Prediction(*(self.noise(name, count, seed=seed, items=takes) for name in ("video", "audio")))
            video, audio = self.sample_joint(noise, steps=steps, guidance=guidance, sampler=sampler, on_step=on_step)
        with clock("decoding"):
            frames = [take[:wanted] for take in self.decode_video(video)]
            waveforms = self.decode_audio(audio, seed=seed)[:, : self.geometry.samples_of(wanted)]
        used = [DEFAULT_GUIDANCE["joint"] if guidance is None else float(guidance)] * takes
        return self._takes(frames, waveforms, None, seed=seed, generated="both", guidance=used, clock=clock)

    def _read(self, given: Any, *, want: Any, fit: Fit = "crop") -> Clip:
        geometry = self.geometry
        if isinstance(given, Clip):
            return given
        if isinstance(given, np.ndarray):
            frames = given if want == "video" else None
            waveform = given.astype(np.float32) if want == "audio" else None
            seconds = len(given) / (geometry.fps if want == "video" else geometry.sample_rate)
            return Clip(frames, waveform, float(geometry.fps), geometry.sample_rate, seconds, Path())
        return read_clip(
            given,
            fps=geometry.fps,
            image_size=geometry.image_size,
            sample_rate=geometry.sample_rate,
            fit=fit,
            want=want,
        )

    @torch.no_grad()
    def encode_video(self, frames: UInt8[np.ndarray, "f h w 3"]) -> Float[Tensor, "1 c f lh lw"]:
        """Frames to standardised latents on the model's device."""
        latents = encode_frames(self.video_autoencoder, torch.from_numpy(frames))[None]
        return self.statistics["video"].standardise(latents.to(self.device))

    @torch.no_grad()
    def encode_audio(self, waveform: Float[np.ndarray, " s"]) -> Float[Tensor, "1 c m n"]:
        """A waveform of whole hops to a standardised spectrogram on the model's device."""
        spectrogram = self.spectrogram_codec.encode(torch.from_numpy(waveform)[None])
        return self.statistics["audio"].standardise(spectrogram.to(self.device))

    def sample(
        self,
        condition: Float[Tensor, "one_or_b c ..."],
        noise: Float[Tensor, "b ct ..."],
        direction: Literal["video_to_audio", "audio_to_video"],
        *,
        steps: int = 25,
        guidance: float | int | None = None,
        contrast: float | int = 0,
        sampler: Sampler = "unipc",
        on_step: OnStep | None = None,
    ) -> Float[Tensor, "b ct ..."]:
        """Denoise a batch under encoded conditions, one for each item or one that all share."""
        return sample_target(
            self.unet,
            build_scheduler(sampler, self.scheduler),
            condition,
            noise,
            target="audio" if direction == "video_to_audio" else "video",
            window=self.geometry.frames,
            steps=steps,
            guidance=DEFAULT_GUIDANCE[direction] if guidance is None else guidance,
            contrast=contrast,
            on_step=on_step,
        )

    def sample_joint(
        self,
        noise: Prediction,
        *,
        steps: int = 25,
        guidance: float | int | None = None,
        sampler: Sampler = "unipc",
        on_step: OnStep | None = None,
    ) -> Prediction:
        """Denoise a batch of both modalities together."""
        return sample_joint(
            self.unet,
            build_scheduler(sampler, self.scheduler),
            noise,
            window=self.geometry.frames,
            steps=steps,
            guidance=DEFAULT_GUIDANCE["joint"] if guidance is None else guidance,
            on_step=on_step,
        )

    def noise(self, modality: Modality, frames: int, *, seed: int, items: int) -> Float[Tensor, "b c ..."]:
        """Item i is drawn from seed + i on the CPU: an item depends neither on its batch mates nor on the device."""
        config = self.unet.config
        if modality == "video":
            size = self.geometry.latent_size
            shape = (config["latent_channels"], frames, size, size)
        else:
            shape = (config["spectrogram_channels"], config["mels"], self.geometry.spectrogram_frames_of(frames))
        # The modalities of one seed must not share their first numbers.
        offset = 0 if modality == "video" else 1
        generators = [torch.Generator().manual_seed(2 * (seed + item) + offset) for item in range(items)]
        return torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(self.device)

    @torch.no_grad()
    def decode_audio(self, standardised: Float[Tensor, "b c m n"], *, seed: int) -> Float[Tensor, "b s"]:
        """Spectrograms to waveforms whose peak is below 1; item i starts its phases from seed + i."""
        waveforms = []
        for index, spectrogram in enumerate(self.statistics["audio"].restore(standardised.float().cpu())):
            generator = torch.Generator().manual_seed(seed + index)
            waveforms.append(_limited(self.spectrogram_codec.decode(spectrogram[None], generator=generator)[0]))
        return torch.stack(waveforms)

    @torch.no_grad()
    def decode_video(self, standardised: Float[Tensor, "b c f lh lw"]) -> list[np.ndarray]:
        """Latents to frames uint8 (f, h, w, 3), one array an item."""
        latents = self.statistics["video"].restore(standardised)
        return [decode_frames(self.video_autoencoder, item).numpy() for item in latents]

    def _takes(
        self,
        frames: Any,
        waveforms: Tensor,
        clip: Clip | None,
        *,
        seed: int,
        generated: str,
        guidance: list[float],
        clock: "_Clock",
    ) -> tuple[Take, ...]:
        source = None if clip is None or clip.source == Path() else clip.source
        return tuple(
            Take(
                frames=frames[index] if isinstance(frames, list) else frames,
                waveform=waveform.numpy(),
                fps=self.geometry.fps,
                sample_rate=self.geometry.sample_rate,
                seed=seed + index,
                generated=generated,
                guidance=guidance[index],
                source=source,
                seconds=dict(clock.seconds),
            )
            for index, waveform in enumerate(waveforms)
        )


class _Clock:
    """Seconds spent in each named part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - started


def _statistics(values: dict[str, Any]) -> Statistics:
    return Statistics(mean=tuple(values["mean"]), std=tuple(values["std"]))


def _at_least(frames: np.ndarray, count: int) -> np.ndarray:
    """A clip shorter than a window holds its last frame."""
    missing = max(0, count - len(frames))
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames


def _limited(waveform: Float[Tensor, " s"]) -> Float[Tensor, " s"]:
    peak = float(waveform.abs().max())
    return waveform if peak <= LOUDEST else waveform * (LOUDEST / peak)
