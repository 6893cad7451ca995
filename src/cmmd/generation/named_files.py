"""`cmmd generate` for named files, or jointly without an input: writes the results and prints a report of each (ours).

`generation/folders/` handles folders and tables.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cmmd.clips.take import Take
from cmmd.clips.writing import Muxed
from cmmd.errors import InputError, printable
from cmmd.generation.clip_generation import GenerateOptions, Written, level, make_takes, target_of, write_take
from cmmd.generation.output_plan import Planned, Target, plan_outputs
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

__all__ = ["GenerateOptions", "generate"]


def generate(inputs: Sequence[Path], options: GenerateOptions) -> bool:
    """Generates for every input, or jointly without one. Returns whether an input failed; the others were processed.

    Raises InputError before the model is loaded for results that cannot be written and for a single input that cannot
    be used.
    """
    wanted, failed = _wanted(inputs, options)
    plan = plan_outputs(wanted, options.outputs, leave_out=say)
    if not plan:
        return failed
    pipeline = load_pipeline(options.model.name, device=options.model.device, dtype=options.model.dtype)
    for one in plan:
        try:
            for take, out in zip(_takes(pipeline, one, options), one.outs, strict=True):
                _report(write_take(take, out, options, for_browsers=one.container_chosen), options)
        except InputError as error:
            if len(inputs) <= 1:
                raise
            say(str(error))
            failed = True
    return failed


def _wanted(inputs: Sequence[Path], options: GenerateOptions) -> tuple[list[tuple[Path | None, Target]], bool]:
    """Returns the usable inputs with the target of each, and whether an input was unusable."""
    if options.joint and not inputs:
        return [(None, "both")], False
    wanted: list[tuple[Path | None, Target]] = []
    for path in inputs:
        try:
            wanted.append((path, target_of(path, options)))
        except InputError as error:
            if len(inputs) == 1:
                raise
            say(str(error))
    return wanted, len(wanted) < len(inputs)


def say(line: str) -> None:
    """Prints a line to stderr with unprintable characters escaped."""
    print(f"cmmd: {printable(line)}", file=sys.stderr)


def _takes(pipeline: "CMMDPipeline", one: Planned, options: GenerateOptions) -> tuple[Take, ...]:
    """Generates the takes of an input, with a progress bar over the steps of all takes."""
    label = printable(one.source.name) if one.source else "joint"
    bar = progress(options.sampling.steps * options.outputs.takes, label)

    def on_step(step: int) -> None:
        bar.total = max(bar.total, bar.n + 1)  # takes that are generated again add steps
        bar.update(1)

    try:
        return make_takes(pipeline, one.source, one.target, options, on_step=on_step)
    finally:
        bar.close()


def _report(written: Written, options: GenerateOptions) -> None:
    print(printable(f"{written.file}: {_described(written.take)}{_muxing(written.muxed)}"))
    if written.loudness is not None and written.loudness.lufs is not None:
        lufs, true_peak = written.loudness
        print(f"  loudness {lufs:.1f} LUFS, true peak {true_peak:.1f} dB of full scale")
    for note in written.notes:
        print(f"  {note}")
    print("  " + ", ".join(f"{stage} {value:.2f} s" for stage, value in written.seconds.items()))
    if options.outputs.picture:
        print(f"  {printable(str(written.file.with_suffix('.png')))}")


def _described(take: Take) -> str:
    seconds = take.duration
    if take.generated == "video":
        height, width = take.frames.shape[1:3]
        return f"{len(take.frames)} frames of {width}x{height} for {seconds:.2f} s of sound, seed {take.seed}"
    peak = float(abs(take.waveform).max())
    what = "sound" if take.generated == "audio" else "video and sound"
    return f"{seconds:.2f} s of {what}, {level(take):.1f} dB RMS, peak {peak:.2f}, seed {take.seed}"


def _muxing(muxed: Muxed | None) -> str:
    if muxed is None:
        return ""
    if not muxed.copied:
        return f"; video encoded again as {muxed.codec} ({muxed.reason})"
    same = "identical" if muxed.video_packet_hash_in == muxed.video_packet_hash_out else "reframed by the container"
    return f"; video packets copied, {same} (sha256 {(muxed.video_packet_hash_out or '')[:12]})"
