"""`cmmd generate` for folders and tables: generates every clip and skips unusable ones (ours).

The record in the folder of the results lists what is done; a run after a kill continues with the unfinished clip.
"""

import errno
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from cmmd.engines.placement import LOCAL, Placement
from cmmd.engines.units import run_units
from cmmd.errors import InputError, printable
from cmmd.files.folder_lock import locked_folder
from cmmd.generation.clip_generation import GenerateOptions
from cmmd.generation.folders.given_clips import list_clips
from cmmd.generation.folders.making import Making, model_digest
from cmmd.generation.folders.on_ray import RemoteClips, named
from cmmd.generation.folders.one_clip import Finished, clear_unfinished, make_clip
from cmmd.generation.folders.plan import Plan, PlannedClip, plan_clips
from cmmd.generation.folders.record import Record
from cmmd.generation.folders.summary import Outcome, summary
from cmmd.generation.named_files import say
from cmmd.generation.output_plan import make_writable
from cmmd.pipelines.loading import load_pipeline
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.runtime.progress import Progress, progress
from cmmd.runtime.worker_processes import Failure
from cmmd.weights.model_name import SHIPPED, local_folder, require_index

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def generate_folder(
    inputs: Sequence[Path],
    options: GenerateOptions,
    *,
    manifest: Path | None = None,
    placement: Placement = LOCAL,
) -> bool:
    """Generates every given clip into the folder `options.outputs.out`, and prints a table of all results.

    Returns whether a clip failed; the others were processed. A clip that ends in an exception other than InputError
    also counts as failed; the first such exception is raised after the other clips are processed. Raises InputError,
    before the model is loaded, for folders without a clip and results that may not be written. A full disk ends the run
    with InputError or OSError.
    """
    out = options.outputs.out
    assert out is not None, "many clips need a folder for their results"
    started = time.perf_counter()
    clips, left_out = list_clips(inputs, manifest, out=out)
    for line in left_out:
        say(line)
    making = _making(options)
    with locked_folder(out):
        make_writable(out)
        clear_unfinished(out)
        record = Record.read(out)
        plan = plan_clips(clips, making, record)
        for _, message in plan.unusable:
            say(message)
        outcomes, defect = _make_all(plan, making, record, placement)
        clear_unfinished(out)  # of Ray workers that died
    print(summary(outcomes, seconds=time.perf_counter() - started))
    if defect is not None:
        raise defect
    return any(one.state == "failed" for one in outcomes)


def _making(options: GenerateOptions) -> Making:
    name = options.model.name or SHIPPED
    folder = SHIPPED_MODEL if name == SHIPPED else local_folder(name)
    require_index(folder)
    return Making(options=options, model=name, model_folder=folder, model_sha256=model_digest(folder))


def _make_all(
    plan: Plan, making: Making, record: Record, placement: Placement
) -> tuple[list[Outcome], Exception | None]:
    """Generates the clips that are not done. Returns the outcome of every clip, in the order of the plan and then for
    the unusable clips; and the first exception that is not an InputError, or None."""
    to_make = [one for one in plan.clips if not one.done]
    found = {id(one): [Outcome(one.clip.label, "done before", line) for line in one.done] for one in plan.clips}
    defect: Exception | None = None
    steps = making.options.sampling.steps * making.options.outputs.takes
    bar = progress(len(to_make) * steps, "", quiet=not to_make)
    bar.smoothing = 0  # the time left follows from the mean speed, reading and writing included
    with closing(bar), closing(_results(to_make, making, record, placement, bar)) as results:
        for number, (one, result) in enumerate(results, start=1):
            if isinstance(result, Exception):
                if _is_full(result):
                    raise result
                found[id(one)] = [Outcome(one.clip.label, "failed")]
                defect = defect if isinstance(result, InputError) else defect or result
                _print_failure(one, result, bar)
            else:
                found[id(one)] = [Outcome(one.clip.label, "made", line, level) for line, level in result]
            bar.n = number * steps
            bar.total = len(to_make) * steps
    unusable = [Outcome(clip.label, "failed") for clip, _ in plan.unusable]
    return [outcome for one in plan.clips for outcome in found[id(one)]] + unusable, defect


def _results(
    to_make: Sequence[PlannedClip], making: Making, record: Record, placement: Placement, bar: Progress
) -> Generator[tuple[PlannedClip, list[Finished] | Exception], None, None]:
    """Yields each clip with its results, or with the exception of a clip that failed."""
    if placement.engine == "ray":
        bar.set_description_str(f"{len(to_make)} clips", refresh=False)
        for one, result in run_units(RemoteClips(making, record.folder), to_make, placement):
            bar.update(bar.total // len(to_make))  # workers do not report single steps
            yield one, named(one, result, making, record)
        return
    options, numbers = making.options, {id(one): number for number, one in enumerate(to_make, start=1)}

    def load() -> Callable[[PlannedClip], list[Finished] | Exception]:
        model = options.model
        pipeline = load_pipeline(str(making.model_folder), device=model.device, dtype=model.dtype)
        bar.unpause()  # its time starts when the model is loaded

        def make(one: PlannedClip) -> list[Finished] | Exception:
            label = f"clip {numbers[id(one)]} of {len(to_make)}, {printable(one.clip.label)}"
            bar.set_description_str(label, refresh=False)
            try:
                return make_clip(pipeline, one, making, record, on_step=lambda step: _advance(bar))
            except Exception as error:
                return error

        return make

    for one, result in run_units(load, to_make, placement):
        assert not isinstance(result, Failure), "only Ray workers die"
        yield one, result


def _advance(bar: Progress) -> None:
    bar.total = max(bar.total, bar.n + 1)  # takes that are generated again add steps
    bar.update(1)


def _is_full(error: Exception) -> bool:
    """Whether the disk is full or read-only, so that no further clip could be written."""
    return getattr(error, "errno", None) in FULL or (
        isinstance(error.__cause__, Exception) and _is_full(error.__cause__)
    )


def _print_failure(one: PlannedClip, error: Exception, bar: Progress) -> None:
    """Prints the error of a clip on a line that names its file."""
    message = str(error) if isinstance(error, InputError) else f"failed ({type(error).__name__}: {error})"
    message = " ".join(message.split())
    with bar.external_write_mode(file=sys.stderr):
        say(message if printable(str(one.clip.source)) in message else f"{one.clip.source}: {message}")
