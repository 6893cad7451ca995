"""The user-facing pipeline: loads a model and generates sound for video, video for sound, or both (ours)."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from jaxtyping import Float, UInt8

from cmmd.clips.given import Track, as_clip
from cmmd.clips.kept_stretches import KeptStretches, Stretch
from cmmd.clips.picture_fit import Fit
from cmmd.clips.reading import Clip
from cmmd.clips.take import Take
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling import check_sampling
from cmmd.diffusion.sampling_config import SamplingConfig, SamplingSettings
from cmmd.diffusion.solver import OnStep
from cmmd.errors import InputError
from cmmd.measures.agreement import check_judged
from cmmd.pipelines.saved_pipeline import SavedPipeline
from cmmd.pipelines.take_generation import Source, TakeGeneration, TakeOptions

LOGGER = logging.getLogger(__name__)
VideoInput = str | Path | Clip | UInt8[np.ndarray, "f h w 3"]
AudioInput = str | Path | Clip | Float[np.ndarray, " s"]
DEFAULT_SECONDS = 1.6
"""Length in seconds of a joint sample without a clip."""
LONGEST = 86_400
"""Largest length of a joint sample in seconds: a day."""


class CMMDPipeline(SavedPipeline):
    """Generates sound for video, video for sound, or both, at any length."""

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
        with 1 to `steps` for each take. settings: see `SamplingConfig`. judge: measure `Take.alignment`.

        Without a `guidance`, an inaudible take (the model saw no source of sound) is generated again with
        `UNSURE_GUIDANCE`, unless the model has a `shared_time`; `Take.guidance` is the strength that was used.

        Raises InputError for a file that cannot be read and a stretch that cannot be retained, ValueError for a seed,
        `takes` or setting that is out of range or unsupported by the model, TypeError for an unknown setting.
        """
        shared = {"keep": keep, "seed": seed, "takes": takes, "fit": fit, "judge": judge, "on_step": on_step}
        if isinstance(video, list | tuple):
            return tuple(take for clip in video for take in self.video_to_audio(clip, **shared, **settings))
        options = self._options("video_to_audio", settings, **shared)
        return self._takes(options, lambda: self._read_video(video, options))

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
        shared = {"keep": keep, "seed": seed, "takes": takes, "fit": fit, "judge": judge, "on_step": on_step}
        if isinstance(audio, list | tuple):
            return tuple(take for clip in audio for take in self.audio_to_video(clip, **shared, **settings))
        options = self._options("audio_to_video", settings, **shared)
        return self._takes(options, lambda: self._read_audio(audio, options))

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
        shared = {"keep": keep, "seed": seed, "takes": takes, "fit": fit, "judge": judge, "on_step": on_step}
        options = self._options("joint", settings, **shared)
        if (clip is None) != (not keep):
            raise InputError.about("joint", found="clip or keep alone", expected="a clip and what to keep of it")
        return self._takes(options, lambda: self._read_joint(clip, seconds, options))

    def _options(self, direction: Direction, settings: SamplingSettings, *, judge: bool, **shared: Any) -> TakeOptions:
        """Builds the options of a generation and checks its sampling settings before any work.

        Raises TypeError for an unknown setting, ValueError for one that is out of range or unsupported by the model.
        """
        unknown = [name for name in settings if name not in SamplingSettings.__annotations__]
        if unknown:
            known = ", ".join(SamplingSettings.__annotations__)
            raise TypeError(f"found the unknown setting {unknown[0]!r}, expected some of {known}")
        sampling = SamplingConfig(**settings)
        check_sampling(self.unet, sampling, joint=direction == "joint")
        if judge:
            check_judged(self.unet)
        return TakeOptions(direction=direction, sampling=sampling, judge=judge, **shared)

    def _takes(self, options: TakeOptions, read: Callable[[], Source]) -> tuple[Take, ...]:
        """Generates all takes, and logs what was corrected when reading their source."""
        takes = TakeGeneration(self, options).takes(read)
        for note in takes[0].notes:
            LOGGER.warning("%s: %s", takes[0].source or "clip", note)
        return takes

    def _read_video(self, video: VideoInput, options: TakeOptions) -> Source:
        """Reads the clip of `video_to_audio`. The sound is as long as the video."""
        needs: set[Track] = {"video", "audio"} if options.keep else {"video"}
        clip = as_clip(video, geometry=self.geometry, needs=needs, fit=options.fit)
        assert clip.frames is not None
        samples = round(clip.seconds * self.geometry.sample_rate)
        return self._source(clip, options, frames=len(clip.frames), samples=samples)

    def _read_audio(self, audio: AudioInput, options: TakeOptions) -> Source:
        """Reads the clip of `audio_to_video`. The frames cover the whole sound."""
        needs: set[Track] = {"video", "audio"} if options.keep else {"audio"}
        clip = as_clip(audio, geometry=self.geometry, needs=needs, span="audio", fit=options.fit)
        assert clip.waveform is not None
        frames = -(-len(clip.waveform) // self.geometry.samples_per_frame)
        return self._source(clip, options, frames=frames, samples=len(clip.waveform))

    def _read_joint(self, given: str | Path | Clip | None, seconds: float | int | None, options: TakeOptions) -> Source:
        """Reads the clip of `joint`, if any, and determines the length of the result. Raises ValueError for a length
        out of range."""
        clip = None
        if given is not None:
            clip = as_clip(given, geometry=self.geometry, needs={"video", "audio"}, fit=options.fit)
        if seconds is None:
            seconds = DEFAULT_SECONDS if clip is None else clip.seconds
        if not 0 < seconds <= LONGEST:
            raise ValueError(f"seconds is {seconds}, expected more than 0 and at most {LONGEST}")
        frames = max(1, -int(-seconds * self.geometry.fps // 1))
        return self._source(clip, options, frames=frames, samples=self.geometry.samples_of(frames))

    def _source(self, clip: Clip | None, options: TakeOptions, *, frames: int, samples: int) -> Source:
        stays = clip and KeptStretches.of(options.keep, clip, frames=frames, geometry=self.geometry)
        return Source(clip, stays, frames, samples)
