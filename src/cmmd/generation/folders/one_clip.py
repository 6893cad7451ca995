"""Generates one clip: from its file to the files of its takes and their lines in the record (ours).

Clips are not denoised in batches: on a CPU the last bits of a clip would then depend on the other items of its batch
(docs/generating.md).
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cmmd import __version__
from cmmd.clips.cutting_out import cut_out
from cmmd.errors import InputError, printable
from cmmd.files.unfinished_file import flush, sweep, temporary_path
from cmmd.generation.clip_generation import Written, level, make_takes, write_take
from cmmd.generation.folders.making import Making
from cmmd.generation.folders.plan import PlannedClip
from cmmd.generation.folders.record import (
    Fingerprint,
    Generator,
    Processing,
    Record,
    RecordLine,
    ResultFiles,
    ResultMeasures,
    Stretch,
)
from cmmd.generation.output_plan import make_writable

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

UNFINISHED = "generating"
"""Base name of the temporary folder in which results are written, see `temporary_path`."""
STRETCH = ".stretch"
"""Stem of the file that is cut out of a clip in the same folder; no result has it."""


class Finished(NamedTuple):
    """The record line of a result, and the RMS of its waveform in dB relative to full scale."""

    line: RecordLine
    level: float


def make_clip(
    pipeline: "CMMDPipeline", one: PlannedClip, making: Making, record: Record, *, on_step: Callable[[int], None]
) -> list[Finished]:
    """Generates all takes of a clip. They get their final names together, after their record lines are on disk.

    Raises InputError for a clip that cannot be used and for results that cannot be written, OSError if the record
    cannot be written or a file cannot be renamed.
    """
    with _unfinished(record.folder) as folder:
        finished = make_files(pipeline, one, making, folder, out=record.folder, on_step=on_step)
        name_files(one, making, record, folder, finished)
    return finished


def name_files(one: PlannedClip, making: Making, record: Record, folder: Path, finished: Sequence[Finished]) -> None:
    """Writes the record lines of a clip and moves its files from `folder` to their final names.

    Raises InputError or OSError if the record cannot be written or a file cannot be renamed.
    """
    make_writable(one.outs[0].parent)
    record.append([line for line, _ in finished])
    for file in one.files(making.options)[::-1]:  # pictures first: a result without its picture is unfinished
        (folder / file.name).replace(file)


def make_files(
    pipeline: "CMMDPipeline",
    one: PlannedClip,
    making: Making,
    folder: Path,
    *,
    out: Path,
    on_step: Callable[[int], None],
) -> list[Finished]:
    """Writes the results of a clip to `folder`, flushed to disk, under their file names in `out`.

    Does not depend on other clips and changes nothing outside `folder`, so that any process can run it.
    """
    clip, options = one.clip, making.options
    input_file = _fingerprint(clip.source)
    source = clip.source
    if clip.is_stretch:
        source = cut_out(source, folder / STRETCH, start=clip.start or 0.0, end=clip.end)
    try:
        takes = make_takes(pipeline, source, one.target, options, on_step=on_step)
    except InputError as error:  # the message names the file that was cut out
        raise InputError(str(error).replace(printable(str(source)), str(clip.source))) from error
    finished = []
    for take, result in zip(takes, one.outs, strict=True):
        written = write_take(take, folder / result.name, options, for_browsers=one.container_chosen)
        flush(written.file)
        name = result.relative_to(out).as_posix()
        finished.append(Finished(_line(written, one, name, making, input_file), level(take)))
    return finished


def clear_unfinished(folder: Path) -> None:
    """Removes what a killed run left. The caller must hold the folder's lock."""
    sweep(folder, UNFINISHED)


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    folder = temporary_path(out / UNFINISHED)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fingerprint(source: Path) -> Fingerprint:
    try:
        return Fingerprint.of(source)
    except OSError as error:
        raise InputError.about(source, found=f"an error ({error.strerror})", expected="a file to read") from error


def _line(written: Written, one: PlannedClip, name: str, making: Making, input_file: Fingerprint) -> RecordLine:
    take, clip = written.take, one.clip
    lufs, true_peak = written.loudness or (None, None)
    return RecordLine(
        files=ResultFiles(
            result=name,
            result_file=Fingerprint.of(written.file),
            input=os.path.realpath(clip.source),
            input_file=input_file,
        ),
        made=one.target,
        seed=take.seed,
        settings=making.settings,
        generator=Generator(model=making.model, model_sha256=making.model_sha256, version=__version__),
        stretch=Stretch(start=clip.start, end=clip.end),
        to=making.options.to,
        guidance=take.guidance,
        measures=ResultMeasures(alignment=take.alignment, loudness=lufs, true_peak=true_peak, seconds=take.duration),
        processing=Processing(
            took={stage: round(seconds, 3) for stage, seconds in written.seconds.items()},
            device=making.options.model.device,
            notes=list(written.notes),
        ),
        said=clip.said,
    )
