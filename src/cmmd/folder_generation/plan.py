"""Which clips are done, which are to be made, and under which names: settled before the model is loaded (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from cmmd.clip_generation import GenerateOptions, target_of
from cmmd.errors import InputError
from cmmd.folder_generation.given_clips import GivenClip
from cmmd.folder_generation.making import Making
from cmmd.folder_generation.record import Made, Record
from cmmd.output_plan import THERE, InputFiles, Target, distinct_results, numbered, result_suffix
from cmmd.progress import progress

MANY = 100
"""Clips from which on it is worth a bar to open them."""
CUT_SUFFIX = ".mp4"
"""Of what is made of a stretch, which is encoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedClip:
    """A clip, what is made of it, and the file of each take. container_chosen: the kind of file is not that of the
    source. done: the lines of its results where all are there, else none."""

    clip: GivenClip
    target: Target
    outs: tuple[Path, ...]
    container_chosen: bool
    done: tuple[Made, ...] = ()

    def pictures(self, options: GenerateOptions) -> tuple[Path, ...]:
        """Of frames and spectrogram, beside the results, where they are asked for."""
        return tuple(out.with_suffix(".png") for out in self.outs if options.outputs.picture)

    def files(self, options: GenerateOptions) -> tuple[Path, ...]:
        """All that is written."""
        return (*self.outs, *self.pictures(options))


class Plan(NamedTuple):
    """clips: in the order in which they are given. unusable: those that cannot be used, and why."""

    clips: list[PlannedClip]
    unusable: list[tuple[GivenClip, str]]


class _Kind(NamedTuple):
    target: Target
    suffix: str


def plan_clips(clips: Sequence[GivenClip], making: Making, record: Record) -> Plan:
    """Names follow from all clips together, done or not, so that a run that goes on has those of the one before.

    Raises InputError, without `overwrite`, for the first result that would take the place of one that was made
    otherwise, or of a file that is none of ours; and for names that cannot be told apart.
    """
    usable: list[tuple[GivenClip, _Kind]] = []
    unusable: list[tuple[GivenClip, str]] = []
    for clip in progress(clips, "looking at clips", unit="clip", quiet=len(clips) < MANY):
        try:
            _check_own_sound(clip, making.options)
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
    """What is made of a clip and the kind of file: as recorded where the same was asked of the same file, which need
    not be opened then."""
    for line in record.lines_about(clip.source):
        same = line.to == options.to and (line.made == "both") == options.joint
        same &= clip.is_stretch == (line.start is not None or line.end is not None)
        if same and line.input_file.looks_like(clip.source):
            return _Kind(line.made, Path(line.result).suffix)
    target = target_of(clip.source, options)
    return _Kind(target, CUT_SUFFIX if clip.is_stretch else result_suffix(clip.source, target))


def _check_own_sound(clip: GivenClip, options: GenerateOptions) -> None:
    """Raise InputError where the clip's own sound is asked for and a table says that it is in another file."""
    if clip.other_sound and (options.keep or options.keep_sound or options.mastering.uses_own_sound):
        expected = "none with --keep, --keep-sound and --mix, which take the sound of the video itself"
        raise InputError.about(clip.place, found="a file in the column sound", expected=expected)


def _compared(one: PlannedClip, making: Making, record: Record) -> PlannedClip:
    """With the lines of what is there, if that is all of it."""
    options = making.options
    lines: list[Made] = []
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
