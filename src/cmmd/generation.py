"""`cmmd generate`: files in, files out, and a report of what was done and how long each part took (ours)."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cmmd.clips.names import media_in
from cmmd.clips.opening import pictures_in, single_pictures
from cmmd.clips.picture_fit import Fit
from cmmd.clips.stream_choice import choose_streams, refuse_single_picture
from cmmd.clips.take import Take
from cmmd.clips.writing import Muxed
from cmmd.diffusion.sampling_config import UNSURE_GUIDANCE, SamplingConfig
from cmmd.errors import InputError, printable
from cmmd.loading import load_pipeline
from cmmd.output_plan import OutputOptions, Target, plan_outputs
from cmmd.progress import progress

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerateOptions:
    """The options of the command; see `cmmd generate --help`."""

    to: Literal["audio", "video"] | None = None
    joint: bool = False
    seconds: float = 1.6
    model: str | None = None
    outputs: OutputOptions = field(default_factory=OutputOptions)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 0
    fit: Fit = "crop"
    device: str = "cpu"


def generate(inputs: Sequence[Path], options: GenerateOptions) -> bool:
    """Generate for every input, or jointly without one. Returns whether an input failed; the others were done.

    Raises InputError, before the model is loaded, for results that cannot be written and for a single input that cannot
    be used.
    """
    inputs = [file for path in inputs for file in _files(path)]
    wanted, failed = _wanted(inputs, options)
    plan = plan_outputs(wanted, options.outputs, leave_out=_say)
    if not plan:
        return failed
    pipeline = load_pipeline(options.model, device=options.device)
    for one in plan:
        try:
            takes = _run(pipeline, one.source, one.target, options)
            for take, out in zip(takes, one.outs, strict=True):
                _finish(take, out, options, for_browsers=one.container_chosen)
        except InputError as error:
            if len(inputs) <= 1:
                raise
            _say(str(error))
            failed = True
    return failed


def _files(path: Path) -> list[Path]:
    """A file itself, and the clips in a folder. Raises InputError for a folder without any."""
    if not path.is_dir():
        return [path]
    files = media_in(path)
    if not files and len(pictures := pictures_in(path)) > 1:
        raise single_pictures(path, f"a folder of {len(pictures)} pictures", pictures[0])
    if not files:
        raise InputError.about(path, found="a folder without a clip", expected="audio or video files in it")
    return files


def _wanted(inputs: Sequence[Path], options: GenerateOptions) -> tuple[list[tuple[Path | None, Target]], bool]:
    """Inputs that can be used and what is to be made of each, and whether there were others."""
    if options.joint:
        return [(None, "both")], False
    wanted: list[tuple[Path | None, Target]] = []
    for path in inputs:
        try:
            wanted.append((path, _target(path, options.to)))
        except InputError as error:
            if len(inputs) == 1:
                raise
            _say(str(error))
    return wanted, len(wanted) < len(inputs)


def _target(path: Path, to: Target | None) -> Target:
    """A file with a picture gets sound, one with sound only gets a picture. Raises InputError for a file that cannot be
    read, or lacks what `to` is made of."""
    streams = choose_streams(path)
    target = to or ("audio" if streams.video is not None else "video")
    given, found = ("video", streams.video) if target == "audio" else ("audio", streams.audio)
    if found is None:
        raise InputError.about(path, found=f"no {given} that can be decoded", expected=f"a file with {given}")
    if given == "video":
        refuse_single_picture(path, streams)
    return target


def _say(line: str) -> None:
    print(f"cmmd: {printable(line)}", file=sys.stderr)


def _run(pipeline: "CMMDPipeline", path: Path | None, target: str, options: GenerateOptions) -> tuple[Take, ...]:
    config = options.sampling
    bar = progress(config.steps * options.outputs.takes, printable(path.name) if path else "joint")

    def on_step(step: int) -> None:
        bar.total = max(bar.total, bar.n + 1)  # takes that are made again come on top
        bar.update(1)

    shared = asdict(config) | {"seed": options.seed, "takes": options.outputs.takes, "on_step": on_step}
    try:
        if path is None:
            return pipeline.joint(seconds=options.seconds, **shared)
        if target == "audio":
            return pipeline.video_to_audio(path, fit=options.fit, **shared)
        return pipeline.audio_to_video(path, **shared)
    finally:
        bar.close()


def _finish(take: Take, out: Path, options: GenerateOptions, *, for_browsers: bool) -> None:
    """Write the file and the picture, and say so."""
    started = time.perf_counter()
    muxed = take.save(out, for_browsers=for_browsers)
    seconds = take.seconds | {"writing": time.perf_counter() - started}
    print(printable(f"{out}: {_described(take)}{_kept(muxed)}"))
    for note in (*take.notes, *(muxed.notes if muxed else ())):
        print(f"  {note}")
    if options.sampling.guidance is None and take.guidance == UNSURE_GUIDANCE:
        print(f"  inaudible with the usual guidance, made again with {UNSURE_GUIDANCE:g}")
    print("  " + ", ".join(f"{part} {value:.2f} s" for part, value in seconds.items()))
    if options.outputs.picture:
        picture = out.with_suffix(".png")
        _draw(take, picture)
        print(f"  {printable(str(picture))}")


def _described(take: Take) -> str:
    seconds = len(take.waveform) / take.sample_rate
    if take.generated == "video":
        height, width = take.frames.shape[1:3]
        return f"{len(take.frames)} frames of {width}x{height} for {seconds:.2f} s of sound, seed {take.seed}"
    level = 20 * np.log10(max(float(np.sqrt(np.mean(take.waveform**2))), 1e-9))
    peak = float(np.abs(take.waveform).max())
    what = "sound" if take.generated == "audio" else "video and sound"
    return f"{seconds:.2f} s of {what}, {level:.1f} dB RMS, peak {peak:.2f}, seed {take.seed}"


def _kept(muxed: Muxed | None) -> str:
    if muxed is None:
        return ""
    if not muxed.copied:
        return f"; video encoded again as {muxed.codec} ({muxed.reason})"
    same = "identical" if muxed.video_packet_hash_in == muxed.video_packet_hash_out else "reframed by the container"
    return f"; video packets copied, {same} (sha256 {(muxed.video_packet_hash_out or '')[:12]})"


def _draw(take: Take, picture: Path) -> None:
    from cmmd.evaluation.pictures import figure_sound_for_video, figure_video_for_sound
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
