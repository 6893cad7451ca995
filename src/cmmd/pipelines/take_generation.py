"""The flow of a generation: a clip is read and encoded, then each take is denoised and decoded (ours).

It is the same in all directions. They differ in what is read, in the condition and in the generated modalities.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.clips.kept_stretches import KeptStretches, Stretch
from cmmd.clips.picture_fit import Fit
from cmmd.clips.reading import Clip
from cmmd.clips.take import Take
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.sampling_config import UNSURE_GUIDANCE, SamplingConfig
from cmmd.diffusion.solver import OnStep
from cmmd.latents.video_autoencoder import event_channels
from cmmd.measures.seen_events import agreement_with_events
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.models.blocks import Modality
from cmmd.models.exchange import Prediction
from cmmd.pipelines.latent_pipeline import LatentPipeline
from cmmd.runtime.stage_timer import StageTimer

LOGGER = logging.getLogger(__name__)
INAUDIBLE = 10 ** (-50 / 20)
"""RMS below which a waveform counts as silent: 50 dB below full scale, somewhat above the world's quiet rooms."""
TARGETS: dict[Direction, tuple[Modality, ...]] = {
    "video_to_audio": ("audio",),
    "audio_to_video": ("video",),
    "joint": ("video", "audio"),
}
"""The modalities that are generated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeOptions:
    """The direction, and the arguments that all directions share: see `CMMDPipeline.video_to_audio`."""

    direction: Direction
    sampling: SamplingConfig
    keep: Sequence[Stretch]
    seed: int
    takes: int
    fit: Fit
    judge: bool
    on_step: OnStep | None

    @property
    def targets(self) -> tuple[Modality, ...]:
        return TARGETS[self.direction]


class Source(NamedTuple):
    """What the takes are generated from, and their length.

    clip: None for joint generation from noise alone. stays: its kept stretches, if any. frames: video frames of a take.
    samples: of its sound, if that is generated.
    """

    clip: Clip | None
    stays: KeptStretches | None
    frames: int
    samples: int


class _Encoded(NamedTuple):
    """A source, ready for the network. condition: latents of the given modality; None in joint generation. fixed: by
    target; empty without given frames. noise: of all takes, by target."""

    condition: Tensor | None
    fixed: dict[Modality, FixedFrames]
    noise: dict[Modality, Tensor]


class _Generated(NamedTuple):
    """A take without the facts that all takes share. inaudible: its generated sound is."""

    frames: np.ndarray
    waveform: np.ndarray
    inaudible: bool
    guidance: float
    alignment: float | None


@dataclass(frozen=True, slots=True)
class TakeGeneration:
    """Generates the takes of one call of the pipeline."""

    pipeline: LatentPipeline
    options: TakeOptions

    @torch.no_grad()
    def takes(self, read: Callable[[], Source]) -> tuple[Take, ...]:
        """Generates all takes of the source that `read` returns.

        Raises the errors of `read`, ValueError for a seed or a number of takes out of range, and InputError if the
        model generates numbers that are not finite.
        """
        clock, options = StageTimer(self.pipeline.device), self.options
        with clock("reading"):
            source = read()
        with clock("encoding"):
            encoded = self._encoded(source)

        def generate(take: int, sampling: SamplingConfig) -> _Generated:
            with clock("denoising"):
                latents = self._denoised(encoded, take, sampling)
            with clock("decoding"):
                frames, waveform, inaudible = self._decoded(source, latents, take)
            alignment = None
            if options.judge:
                with clock("scoring"):
                    alignment = self._alignment(latents, frames, waveform)
            strength = self.pipeline.strength(sampling, options.direction)
            return _Generated(frames, waveform, inaudible, strength, alignment)

        generated = [generate(take, options.sampling) for take in range(options.takes)]
        inaudible = [take for take, result in enumerate(generated) if result.inaudible]
        if inaudible and self._guidance_is_free():
            LOGGER.info("%d of %d takes were inaudible and are made again", len(inaudible), options.takes)
            unsure = replace(options.sampling, guidance=UNSURE_GUIDANCE, guided_above=0)
            for take in inaudible:
                generated[take] = generate(take, unsure)
        return tuple(self._take(source, take, result, clock.seconds) for take, result in enumerate(generated))

    def _encoded(self, source: Source) -> _Encoded:
        """Encodes the condition and the kept stretches, and draws the noise, over at least the network's length."""
        pipeline, options, clip, stays = self.pipeline, self.options, source.clip, source.stays
        length = max(source.frames, pipeline.geometry.frames)
        condition = None
        if options.direction == "video_to_audio":
            assert clip is not None and clip.frames is not None
            condition = pipeline.encode_video(_lengthened(clip.frames, length))
        elif options.direction == "audio_to_video":
            assert clip is not None and clip.waveform is not None
            padded = pipeline.geometry.samples_of(length)
            condition = pipeline.encode_audio(np.pad(clip.waveform, (0, padded - len(clip.waveform))))
        fixed: dict[Modality, FixedFrames] = {}
        if stays is not None:
            fixed = {target: self._fixed_frames(target, stays, length) for target in options.targets}
        noise: dict[Modality, Tensor] = {
            target: pipeline.noise(target, length, seed=options.seed, items=options.takes) for target in options.targets
        }
        return _Encoded(condition, fixed, noise)

    def _fixed_frames(self, modality: Modality, stays: KeptStretches, length: int) -> FixedFrames:
        """Encodes the given clip over `length` frames, with the mask of the frames that are retained."""
        if modality == "audio":
            latents = self.pipeline.encode_audio(stays.given_sound(length))
        else:
            # The state of a solver has the channels of a picture, without those of events.
            channels = self.pipeline.unet.config["latent_channels"]
            latents = self.pipeline.encode_video(stays.given_frames(length))[:, :channels]
        return FixedFrames(latents, torch.from_numpy(stays.over(length)))

    def _denoised(self, encoded: _Encoded, take: int, sampling: SamplingConfig) -> Prediction:
        """Returns the latents of both modalities of a take. One that is not generated is the condition."""
        fixed, condition = encoded.fixed, encoded.condition
        noise = {target: noise[[take]] for target, noise in encoded.noise.items()}
        on_step = self.options.on_step
        if self.options.direction == "joint":
            both = Prediction(noise["video"], noise["audio"])
            if fixed:
                return self._around(fixed, both, sampling)
            return self.pipeline.sample_joint(both, sampling, on_step=on_step)
        assert condition is not None
        (target,) = self.options.targets
        latents = self.pipeline.sample(
            condition, noise[target], self.options.direction, sampling, fixed=fixed.get(target), on_step=on_step
        )
        return Prediction(condition, latents) if target == "audio" else Prediction(latents, condition)

    def _around(self, fixed: dict[Modality, FixedFrames], noise: Prediction, sampling: SamplingConfig) -> Prediction:
        """Denoises both modalities around fixed frames, and then the video once more, for the sound. Returns the video
        that agrees better with the sound, by the model's own score.

        In a given scene, joint denoising often lets something be heard that is not seen. A video for a known sound
        shows most of its events (docs/results.md, continuation).
        """
        pipeline, on_pass = self.pipeline, _every_second(self.options.on_step)
        both = pipeline.sample_joint(noise, sampling, fixed=(fixed["video"], fixed["audio"]), on_step=on_pass)
        again = pipeline.sample(
            both.audio, noise.video, "audio_to_video", sampling, fixed=fixed["video"], on_step=on_pass
        )
        if pipeline.unet.network.clean_hears or pipeline.unet.network.shared_time:  # which have no score
            return Prediction(again, both.audio)
        first, second = pipeline.agreement(both.audio, torch.cat([both.video, again]), "audio_to_video")
        return Prediction(both.video if first > second else again, both.audio)

    def _alignment(self, latents: Prediction, frames: np.ndarray, waveform: np.ndarray) -> float:
        """Returns how well the generated latents agree with their condition; in joint generation, the sound with the
        video. With an event encoder, how well the sound agrees with the events that it sees in the video."""
        if event_channels(self.pipeline.video_autoencoder):
            return self._agreement_with_events(latents, frames, waveform)
        if self.options.direction == "audio_to_video":
            (alignment,) = self.pipeline.agreement(latents.audio, latents.video, "audio_to_video")
        else:
            (alignment,) = self.pipeline.agreement(latents.video, latents.audio, "video_to_audio")
        return alignment

    def _agreement_with_events(self, latents: Prediction, frames: np.ndarray, waveform: np.ndarray) -> float:
        pipeline, geometry, video = self.pipeline, self.pipeline.geometry, latents.video
        if "video" in self.options.targets:  # whose latents have no events
            video = pipeline.encode_video(frames)
        bins_per_second = geometry.fps * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
        onsets = sound_onsets(waveform, sample_rate=geometry.sample_rate).times
        return agreement_with_events(onsets, pipeline.event_probabilities(video), bins_per_second=bins_per_second)

    def _decoded(self, source: Source, latents: Prediction, take: int) -> tuple[np.ndarray, np.ndarray, bool]:
        """Returns the frames and the waveform of a take, given or generated, and whether its generated sound is
        inaudible. The kept stretches of generated frames and sound are those of the clip."""
        pipeline, clip, stays, inaudible = self.pipeline, source.clip, source.stays, False
        frames, waveform = (None, None) if clip is None else (clip.frames, clip.waveform)
        if "video" in self.options.targets:
            frames = pipeline.decode_video(latents.video)[0][: source.frames]
            frames = frames if stays is None else stays.into_frames(frames)
        if "audio" in self.options.targets:
            waveform = pipeline.decode_audio(latents.audio, seed=self.options.seed + take)[0, : source.samples].numpy()
            inaudible = _inaudible(waveform, stays)
            waveform = waveform if stays is None else self._with_fixed_sound(waveform, stays)
        assert frames is not None and waveform is not None
        return frames, waveform, inaudible

    def _with_fixed_sound(self, generated: np.ndarray, stays: KeptStretches) -> np.ndarray:
        """Returns a generated waveform at the clip's level, with the retained stretches of the clip's own sound."""
        return stays.into_sound(generated / np.float32(self.pipeline.gain(stays.given_sound(len(stays.frames)))))

    def _guidance_is_free(self) -> bool:
        """Whether an inaudible take may be generated again with another guidance: for a video, if the user gave none
        and the model can generate without its condition."""
        free = self.options.direction == "video_to_audio" and self.options.sampling.guidance is None
        return free and not self.pipeline.unet.network.shared_time

    def _take(self, source: Source, take: int, result: _Generated, seconds: dict[str, float]) -> Take:
        clip, targets = source.clip, self.options.targets
        return Take(
            frames=result.frames,
            waveform=result.waveform,
            fps=self.pipeline.geometry.fps,
            sample_rate=self.pipeline.geometry.sample_rate,
            seed=self.options.seed + take,
            generated="both" if len(targets) == 2 else targets[0],
            guidance=result.guidance,
            source=None if clip is None or clip.source == Path() else clip.source,
            seconds=dict(seconds),
            keep=tuple(self.options.keep),
            notes=() if clip is None else clip.notes,
            alignment=result.alignment,
        )


def _every_second(on_step: OnStep | None) -> OnStep | None:
    """Returns a callback for the steps of two passes, which calls `on_step` with 1, 2, ... after every second one."""
    if on_step is None:
        return None
    passed = count(1)

    def on_pass(_: int) -> None:
        number = next(passed)
        if number % 2 == 0:
            on_step(number // 2)

    return on_pass


def _inaudible(generated: np.ndarray, stays: KeptStretches | None) -> bool:
    """Whether the RMS of the generated samples of a waveform is below `INAUDIBLE`."""
    generated = generated if stays is None else stays.generated_sound(generated)
    return bool(np.sqrt(np.mean(generated**2)) < INAUDIBLE)


def _lengthened(frames: np.ndarray, count: int) -> np.ndarray:
    """Pads a clip to at least `count` frames by repeating its last frame."""
    missing = max(0, count - len(frames))
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames
