"""The user-facing pipeline: loads a model and generates sound for video, video for sound, or both (ours)."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cmmd.clips.given import Part, as_clip
from cmmd.clips.kept_stretches import KeptStretches, Stretch
from cmmd.clips.picture_fit import Fit
from cmmd.clips.reading import Clip
from cmmd.clips.take import Take
from cmmd.diffusion.kept import Kept
from cmmd.diffusion.sampling import check_sampling
from cmmd.diffusion.sampling_config import UNSURE_GUIDANCE, SamplingConfig, SamplingSettings
from cmmd.diffusion.solver import OnStep
from cmmd.errors import InputError
from cmmd.measures.agreement import check_judged
from cmmd.models.blocks import Modality
from cmmd.models.exchange import Prediction
from cmmd.part_clock import PartClock
from cmmd.saved_pipeline import SavedPipeline

LOGGER = logging.getLogger(__name__)
VideoInput = str | Path | Clip | UInt8[np.ndarray, "f h w 3"]
AudioInput = str | Path | Clip | Float[np.ndarray, " s"]
DEFAULT_SECONDS = 1.6
"""Length in seconds of a joint sample without a clip."""
LONGEST = 86_400
"""Largest length of a joint sample in seconds: a day."""
INAUDIBLE = 10 ** (-50 / 20)
"""RMS below which a waveform counts as silent: 50 dB below full scale, somewhat above the world's quiet rooms."""


class CMMDPipeline(SavedPipeline):
    """Generates sound for video, video for sound, or both, at any length."""

    @torch.no_grad()
    def video_to_audio(
        self,
        video: VideoInput | list[VideoInput] | tuple[VideoInput, ...],
        *,
        keep: Sequence[Stretch] = (),
        seed: int = 0,
        takes: int = 1,
        fit: Fit = "crop",
        judge: bool = False,
        on_step: OnStep | None = None,
        **settings: Unpack[SamplingSettings],
    ) -> tuple[Take, ...]:
        """Generates sound for a video; each of the `takes` takes is as long as the video.

        video: a file, a `Clip`, or frames uint8 (f, h, w, 3) at the model's frame rate and size. A list or tuple of
        them gives the takes of all clips, clip by clip, each as if it were generated alone. keep: stretches,
        (start, end) in seconds, of the clip's own sound that are retained; each is rounded inwards to whole frames.
        Takes are generated one after the other: take i is bit-identical to a single take of seed + i. on_step: called
        with 1 to `steps` for each take. settings: see `SamplingConfig`. judge: measure `Take.alignment`, which takes
        four more passes of the network.

        Without a `guidance`, an inaudible take (the model saw no source of sound) is generated again with
        `UNSURE_GUIDANCE`, unless the model has a `shared_time`; `Take.guidance` is the strength that was used.

        Raises InputError for a file that cannot be read and a stretch that cannot be retained, ValueError for a seed,
        `takes` or setting that is out of range or unsupported by the model, TypeError for an unknown setting.
        """
        if isinstance(video, list | tuple):
            shared = {"keep": keep, "seed": seed, "takes": takes, "fit": fit, "judge": judge, "on_step": on_step}
            return tuple(take for clip in video for take in self.video_to_audio(clip, **shared, **settings))
        config, clock = self._sampling_config(settings, judge=judge), PartClock(self.device)
        with clock("reading"):
            clip = as_clip(video, geometry=self.geometry, needs={"video", "audio"} if keep else {"video"}, fit=fit)
            assert clip.frames is not None
            stays = KeptStretches.of(keep, clip, frames=len(clip.frames), geometry=self.geometry)
        with clock("encoding"):
            condition = self.encode_video(_lengthened(clip.frames, self.geometry.frames))
            kept = stays and self._kept("audio", stays, condition.shape[2])
        noise = self.noise("audio", condition.shape[2], seed=seed, items=takes)
        samples = round(clip.seconds * self.geometry.sample_rate)

        judged: list[float | None] = [None] * takes

        def make(take: int, guidance: float) -> np.ndarray:
            with clock("denoising"):
                strength = replace(config, guidance=guidance)
                audio = self.sample(condition, noise[[take]], "video_to_audio", strength, kept=kept, on_step=on_step)
                if judge:
                    (judged[take],) = self.agreement(condition, audio, "video_to_audio")
            with clock("decoding"):
                return self.decode_audio(audio, seed=seed + take)[0, :samples].numpy()

        used = [self.strength(config, "video_to_audio")] * takes
        waveforms = [make(take, used[0]) for take in range(takes)]
        silent = [take for take, sound in enumerate(waveforms) if _inaudible(sound, stays)]
        if config.guidance is None and silent and not self.unet.network.shared_time:
            LOGGER.info("%d of %d takes were inaudible and are made again", len(silent), takes)
            for take in silent:
                waveforms[take], used[take] = make(take, UNSURE_GUIDANCE), UNSURE_GUIDANCE
        sounds = [self._beside_kept(waveform, stays) for waveform in waveforms]
        frames, told = [clip.frames] * takes, {"guidance": used, "judged": judged}
        return self._takes(frames, sounds, clip, seed=seed, generated="audio", clock=clock, keep=keep, **told)

    @torch.no_grad()
    def audio_to_video(
        self,
        audio: AudioInput | list[AudioInput] | tuple[AudioInput, ...],
        *,
        keep: Sequence[Stretch] = (),
        seed: int = 0,
        takes: int = 1,
        fit: Fit = "crop",
        judge: bool = False,
        on_step: OnStep | None = None,
        **settings: Unpack[SamplingSettings],
    ) -> tuple[Take, ...]:
        """Generates video for a sound: as many whole frames as are needed to cover it.

        audio: a file, a `Clip`, or a mono waveform (s,) at the model's sample rate; or several. keep: stretches of the
        clip's own picture that are retained. The other arguments and the errors are those of `video_to_audio`.
        """
        if isinstance(audio, list | tuple):
            shared = {"keep": keep, "seed": seed, "takes": takes, "fit": fit, "judge": judge, "on_step": on_step}
            return tuple(take for clip in audio for take in self.audio_to_video(clip, **shared, **settings))
        config, clock = self._sampling_config(settings, judge=judge), PartClock(self.device)
        with clock("reading"):
            needs: set[Part] = {"video", "audio"} if keep else {"audio"}
            clip = as_clip(audio, geometry=self.geometry, needs=needs, span="audio", fit=fit)
            assert clip.waveform is not None
            count = -(-len(clip.waveform) // self.geometry.samples_per_frame)
            stays = KeptStretches.of(keep, clip, frames=count, geometry=self.geometry)
        with clock("encoding"):
            length = max(count, self.geometry.frames)
            padded = self.geometry.samples_of(length)
            condition = self.encode_audio(np.pad(clip.waveform, (0, padded - len(clip.waveform))))
            kept = stays and self._kept("video", stays, length)
        frames, judged = [], []
        for noise in self.noise("video", length, seed=seed, items=takes)[:, None]:
            with clock("denoising"):
                video = self.sample(condition, noise, "audio_to_video", config, kept=kept, on_step=on_step)
                judged += self.agreement(condition, video, "audio_to_video") if judge else [None]
            with clock("decoding"):
                made = self.decode_video(video)[0][:count]
                frames.append(stays.into_frames(made) if stays else made)
        sounds = [clip.waveform] * takes
        told = {"guidance": [self.strength(config, "audio_to_video")] * takes, "judged": judged}
        return self._takes(frames, sounds, clip, seed=seed, generated="video", clock=clock, keep=keep, **told)

    @torch.no_grad()
    def joint(
        self,
        *,
        seconds: float | int | None = None,
        clip: str | Path | Clip | None = None,
        keep: Sequence[Stretch] = (),
        seed: int = 0,
        takes: int = 1,
        fit: Fit = "crop",
        judge: bool = False,
        on_step: OnStep | None = None,
        **settings: Unpack[SamplingSettings],
    ) -> tuple[Take, ...]:
        """Generates a video with its sound.

        seconds: length, rounded up to whole frames; by default that of the clip, or 1.6 s without one. clip, keep: a
        clip with picture and sound, and the stretches of both that are retained; give both or neither. `seconds` beyond
        the end of the clip continues it. The other arguments and the errors are those of `video_to_audio`. Also raises
        InputError if only one of clip and keep is given, ValueError for a length that is not above 0 s or exceeds a
        day.
        """
        config, clock = self._sampling_config(settings, joint=True, judge=judge), PartClock(self.device)
        if (clip is None) != (not keep):
            raise InputError.about("joint", found="clip or keep alone", expected="a clip and what to keep of it")
        with clock("reading"):
            source = clip if clip is None else as_clip(clip, geometry=self.geometry, needs={"video", "audio"}, fit=fit)
            if seconds is None:
                seconds = DEFAULT_SECONDS if source is None else source.seconds
            if not 0 < seconds <= LONGEST:
                raise ValueError(f"seconds is {seconds}, expected more than 0 and at most {LONGEST}")
            wanted = max(1, -int(-seconds * self.geometry.fps // 1))
            stays = source and KeptStretches.of(keep, source, frames=wanted, geometry=self.geometry)
        length = max(wanted, self.geometry.frames)
        with clock("encoding"):
            kept = stays and (self._kept("video", stays, length), self._kept("audio", stays, length))
        frames, sounds, judged = [], [], []
        noises = [self.noise(name, length, seed=seed, items=takes) for name in ("video", "audio")]
        for take in range(takes):
            with clock("denoising"):
                noise = Prediction(*(noise[[take]] for noise in noises))
                video, audio = self.sample_joint(noise, config, kept=kept, on_step=on_step)
                judged += self.agreement(video, audio, "video_to_audio") if judge else [None]
            with clock("decoding"):
                picture = self.decode_video(video)[0][:wanted]
                sound = self.decode_audio(audio, seed=seed + take)[0, : self.geometry.samples_of(wanted)].numpy()
            frames.append(picture if stays is None else stays.into_frames(picture))
            sounds.append(self._beside_kept(sound, stays))
        told = {"guidance": [self.strength(config, "joint")] * takes, "judged": judged}
        return self._takes(frames, sounds, source, seed=seed, generated="both", clock=clock, keep=keep, **told)

    def _sampling_config(
        self, settings: SamplingSettings, *, joint: bool = False, judge: bool = False
    ) -> SamplingConfig:
        """Builds the sampling settings and checks them before any work.

        Raises TypeError for an unknown setting, ValueError for one that is out of range or unsupported by the model.
        """
        unknown = [name for name in settings if name not in SamplingSettings.__annotations__]
        if unknown:
            known = ", ".join(SamplingSettings.__annotations__)
            raise TypeError(f"found the unknown setting {unknown[0]!r}, expected some of {known}")
        config = SamplingConfig(**settings)
        check_sampling(self.unet, config, joint=joint)
        if judge:
            check_judged(self.unet)
        return config

    def _kept(self, modality: Modality, stays: KeptStretches, length: int) -> Kept:
        """Encodes the given clip over `length` frames, with the mask of the frames that are retained."""
        encode, given = (
            (self.encode_video, stays.given_frames) if modality == "video" else (self.encode_audio, stays.given_sound)
        )
        # The state of a solver has the channels of a picture, without those of events.
        latents = encode(given(length))[:, : self.unet.config["latent_channels"] if modality == "video" else None]
        return Kept(latents, torch.from_numpy(stays.over(length)))

    def _beside_kept(self, made: np.ndarray, stays: KeptStretches | None) -> np.ndarray:
        """Returns a generated waveform at the clip's level, with the retained stretches of the clip's own sound."""
        if stays is None:
            return made
        return stays.into_sound(made / np.float32(self.gain(stays.given_sound(len(stays.frames)))))

    def _takes(
        self,
        frames: Sequence[np.ndarray],
        sounds: Sequence[np.ndarray],
        clip: Clip | None,
        *,
        seed: int,
        generated: str,
        guidance: list[float],
        judged: list[float | None],
        clock: PartClock,
        keep: Sequence[Stretch],
    ) -> tuple[Take, ...]:
        source = None if clip is None or clip.source == Path() else clip.source
        notes = () if clip is None else clip.notes
        for note in notes:
            LOGGER.warning("%s: %s", source or "clip", note)
        return tuple(
            Take(
                frames=frames[index],
                waveform=waveform,
                fps=self.geometry.fps,
                sample_rate=self.geometry.sample_rate,
                seed=seed + index,
                generated=generated,
                guidance=guidance[index],
                source=source,
                seconds=dict(clock.seconds),
                keep=tuple(keep),
                notes=notes,
                alignment=judged[index],
            )
            for index, waveform in enumerate(sounds)
        )


def _lengthened(frames: np.ndarray, count: int) -> np.ndarray:
    """Pads a clip to at least `count` frames by repeating its last frame."""
    missing = max(0, count - len(frames))
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames


def _inaudible(waveform: np.ndarray, stays: KeptStretches | None) -> bool:
    """Whether the RMS of the generated samples of a waveform is below `INAUDIBLE`."""
    made = waveform if stays is None else stays.generated_sound(waveform)
    return bool(np.sqrt(np.mean(made**2)) < INAUDIBLE)
