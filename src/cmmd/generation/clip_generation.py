"""One clip of `cmmd generate`: generates its takes and writes their files (ours).

This module prints nothing and chooses no file names, so that single clips and folders are generated in the same way.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cmmd.clips.kept_stretches import Stretch
from cmmd.clips.loudness import Loudness
from cmmd.clips.mastering import Mastering, mastered
from cmmd.clips.picture_fit import Fit
from cmmd.clips.stream_choice import choose_streams, refuse_single_picture
from cmmd.clips.take import Take
from cmmd.clips.writing import Muxed
from cmmd.diffusion.sampling_config import UNSURE_GUIDANCE, SamplingConfig
from cmmd.errors import InputError, printable
from cmmd.generation.output_plan import OutputOptions, Target
from cmmd.pipelines.loading import ModelOptions

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerateOptions:
    """The options of the command; see `cmmd generate --help`."""

    to: Literal["audio", "video"] | None = None
    joint: bool = False
    seconds: float | None = 1.6
    keep: tuple[Stretch, ...] = ()
    keep_sound: bool = False
    outputs: OutputOptions = field(default_factory=OutputOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    mastering: Mastering = field(default_factory=Mastering)
    seed: int = 0
    fit: Fit = "crop"


@dataclass(frozen=True, slots=True)
class Written:
    """A take that was written to a file. seconds: duration of each stage, writing included. notes: remarks for the
    user, one sentence each. loudness: as measured, if it was set."""

    take: Take
    file: Path
    muxed: Muxed | None
    seconds: dict[str, float]
    notes: tuple[str, ...]
    loudness: Loudness | None = None


def target_of(path: Path, options: GenerateOptions) -> Target:
    """Returns what to generate for a file: `both` with `joint`, else `to`, else sound for a file with a picture and
    video for a file with sound only.

    Raises InputError for a file that cannot be read, or lacks the stream that the target is generated from.
    """
    streams = choose_streams(path)
    if options.joint:
        return "both"
    target = options.to or ("audio" if streams.video is not None else "video")
    given, found = ("video", streams.video) if target == "audio" else ("audio", streams.audio)
    if found is None:
        raise InputError.about(path, found=f"no {given} that can be decoded", expected=f"a file with {given}")
    if given == "video":
        refuse_single_picture(path, streams)
    return target


def make_takes(
    pipeline: "CMMDPipeline",
    source: Path | None,
    target: Target,
    options: GenerateOptions,
    *,
    on_step: Callable[[int], None],
) -> tuple[Take, ...]:
    """Generates all takes of a clip, or jointly without a source; returns only the best one with `outputs.best`.

    on_step: called after each step of each take. The notes of the first take say if the clip is unlike the training
    data. Raises InputError, naming the file, for a clip that cannot be used.
    """
    from cmmd.measures.agreement import can_judge, unknown_condition  # here, as it loads torch

    outputs = options.outputs
    shared = asdict(options.sampling) | {"seed": options.seed, "takes": outputs.takes, "on_step": on_step}
    shared |= {"judge": outputs.best or (target != "both" and can_judge(pipeline.unet))}
    given = {"keep": options.keep, "fit": options.fit}
    try:
        if source is None:
            takes = pipeline.joint(seconds=options.seconds, **shared)
        elif target == "both":
            takes = pipeline.joint(clip=source, seconds=options.seconds, **given, **shared)
        else:
            make = pipeline.video_to_audio if target == "audio" else pipeline.audio_to_video
            takes = make(source, **given, **shared)
        takes = (max(takes, key=lambda take: take.alignment or 0.0),) if outputs.best else takes
        scores, limit = [take.alignment for take in takes], pipeline.unknown_below
        message = None if target == "both" else unknown_condition(scores, limit=limit)
        return takes if message is None else (replace(takes[0], notes=(*takes[0].notes, message)), *takes[1:])
    except InputError as error:
        if source is None or printable(str(source)) in str(error):
            raise
        raise InputError(f"{source}: {error}") from error


def write_take(take: Take, out: Path, options: GenerateOptions, *, for_browsers: bool) -> Written:
    """Write the file of a take, and its PNG with `outputs.picture`. for_browsers: see `Take.save`."""
    started = time.perf_counter()
    sound = mastered(take, options.mastering)
    muxed = take.save(out, for_browsers=for_browsers, sound=sound, keep_sound=options.keep_sound)
    seconds = take.seconds | {"writing": time.perf_counter() - started}
    if options.outputs.picture:
        _draw(take, out.with_suffix(".png"))
    notes = [*take.notes, *sound.notes, *(muxed.notes if muxed else ())]
    if options.keep_sound and muxed is not None and take.source and choose_streams(take.source).audio is None:
        notes.append("no sound of its own to keep")
    if options.outputs.best and take.alignment is not None:
        notes.append(f"the best of {options.outputs.takes} takes by the model's own score, {take.alignment:.3f}")
    if options.sampling.guidance is None and take.guidance == UNSURE_GUIDANCE:
        notes.append(f"inaudible with the usual guidance, made again with {UNSURE_GUIDANCE:g}")
    return Written(take, out, muxed, seconds, tuple(notes), sound.loudness)


def level(take: Take) -> float:
    """Returns the RMS of a take's waveform in dB relative to full scale."""
    return 20 * float(np.log10(max(float(np.sqrt(np.mean(take.waveform**2))), 1e-9)))


def _draw(take: Take, picture: Path) -> None:
    from cmmd.evaluation.report.pictures import figure_sound_for_video, figure_video_for_sound
    from cmmd.measures.sound_onsets import sound_onsets
    from cmmd.measures.visual_events import load_visual_event_detector

    heard = sound_onsets(take.waveform, sample_rate=take.sample_rate).times
    seen = load_visual_event_detector().times(take.frames, fps=take.fps)
    draw = figure_video_for_sound if take.generated == "video" else figure_sound_for_video
    draw(
        take.frames,
        take.fps,
        take.waveform,
        sample_rate=take.sample_rate,
        events_seen=seen,
        events_heard=heard,
        path=picture,
    )
