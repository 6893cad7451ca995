"""Plans a run before the model is loaded: which clips are done, which to generate, and all result names (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from cmmd.errors import InputError
from cmmd.generation.clip_generation import GenerateOptions, target_of
from cmmd.generation.folders.given_clips import GivenClip
from cmmd.generation.folders.making import Making
from cmmd.generation.folders.record import Record, RecordLine, Stretch
from cmmd.generation.output_plan import THERE, InputFiles, Target, distinct_results, numbered, result_suffix
from cmmd.runtime.progress import progress

MANY = 100
"""Number of clips from which a progress bar is shown while they are opened."""
CUT_SUFFIX = ".mp4"
"""Suffix of the result for a stretch of a clip, which is always encoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedClip:
    """A clip, its target, and the file of each take. container_chosen: the container is not that of the source. done:
    the record lines of its results if all of them exist, otherwise empty."""

    clip: GivenClip
    target: Target
    outs: tuple[Path, ...]
    container_chosen: bool
    done: tuple[RecordLine, ...] = ()

    def pictures(self, options: GenerateOptions) -> tuple[Path, ...]:
        """PNG files of frames and spectrogram next to the results, if they are requested."""
        return tuple(out.with_suffix(".png") for out in self.outs if options.outputs.picture)

    def files(self, options: GenerateOptions) -> tuple[Path, ...]:
        """All files that are written for the clip."""
        return (*self.outs, *self.pictures(options))


class Plan(NamedTuple):
    """clips: in the given order. unusable: the clips that cannot be used, with the reason."""

    clips: list[PlannedClip]
    unusable: list[tuple[GivenClip, str]]


class _Kind(NamedTuple):
    target: Target
    suffix: str


def plan_clips(clips: Sequence[GivenClip], making: Making, record: Record) -> Plan:
    """Plans all clips. Names depend on all of them, done or not, so that a resumed run uses those of the previous run.

    Raises InputError, without `overwrite`, for the first result that would replace one with other settings, model or
    input, or a file that is not in the record; and for two clips that cannot get different names.
    """
    usable: list[tuple[GivenClip, _Kind]] = []
    unusable: list[tuple[GivenClip, str]] = []
    for clip in progress(clips, "looking at clips", unit="clip", quiet=len(clips) < MANY):
        try:
            _check_source_sound(clip, making.options)
            usable.append((clip, _kind(clip, making.options, record)))
        except InputError as error:
            unusable.append((clip, str(error)))
    inputs, planned = InputFiles(clip.source for clip in clips), []
    for one in _named(usable, record.folder, takes=making.options.outputs.results):
        try:
            for file in one.files(making.options):
                inputs.check_result(file)
        except InputError as error:
            unusable.append((one.clip, str(error)))
        else:
            planned.append(_compared(one, making, record))
    return Plan(planned, unusable)


def _named(usable: Sequence[tuple[GivenClip, _Kind]], out: Path, *, takes: int) -> list[PlannedClip]:
    named = distinct_results(
        [out / clip.result_folder for clip, _ in usable],
        [kind.suffix for _, kind in usable],
        [clip.stems for clip, _ in usable],
        [clip.label for clip, _ in usable],
    )
    return [
        PlannedClip(
            clip=clip,
            target=kind.target,
            outs=numbered(path, takes),
            container_chosen=clip.is_stretch or path.suffix != clip.source.suffix.lower(),
        )
        for (clip, kind), path in zip(usable, named, strict=True)
    ]


def _kind(clip: GivenClip, options: GenerateOptions, record: Record) -> _Kind:
    """Returns the target and suffix of a clip. They are taken from the record if the same was requested for the same
    file, so that it need not be opened."""
    for line in record.lines_about(clip.source):
        same = line.to == options.to and (line.made == "both") == options.joint
        same &= clip.is_stretch == (line.stretch != Stretch())
        if same and line.files.input_file.looks_like(clip.source):
            return _Kind(line.made, Path(line.files.result).suffix)
    target = target_of(clip.source, options)
    return _Kind(target, CUT_SUFFIX if clip.is_stretch else result_suffix(clip.source, target))


def _check_source_sound(clip: GivenClip, options: GenerateOptions) -> None:
    """Raise InputError if an option needs the clip's own sound and the table names another file for it."""
    if clip.other_sound and (options.keep or options.keep_sound or options.mastering.uses_source_sound):
        expected = "none with --keep, --keep-sound and --mix, which take the sound of the video itself"
        raise InputError.about(clip.where, found="a file in the column sound", expected=expected)


def _compared(one: PlannedClip, making: Making, record: Record) -> PlannedClip:
    """Returns the clip with the record lines of its results if all of them exist. Raises InputError, without
    `overwrite`, for a file that a result would replace."""
    options = making.options
    lines: list[RecordLine] = []
    for take, out in enumerate(one.outs):
        seed, differs = options.seed + take, ""
        for line in record.lines_of(out.relative_to(record.folder).as_posix()):
            difference = making.difference(line, one.clip, made=one.target, seed=seed)
            if difference is None:
                lines.append(line)
                break
            differs = differs or difference
        else:
            for file in (out, *one.pictures(options)[take : take + 1]):
                if file.exists() and not options.outputs.overwrite:
                    found = f"a result {differs}" if differs else THERE
                    raise InputError.about(file, found=found, expected="another --out, or --overwrite")
    drawn = all(picture.exists() for picture in one.pictures(options))
    return replace(one, done=tuple(lines)) if drawn and len(lines) == len(one.outs) else one
