"""Chooses and checks the output files of `cmmd generate` for all inputs before any work (ours).

A result never replaces an input or another result, and an existing file only with `overwrite`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cmmd.clips.encoding import CONTAINERS
from cmmd.clips.names import LONGEST_NAME, RESULT, result_stems
from cmmd.clips.stream_copy import takes_video_of
from cmmd.clips.writing import SOUND_ALONE
from cmmd.errors import InputError
from cmmd.files.output_folder import make_folder

Target = Literal["audio", "video", "both"]
THERE = "a file that is there already"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """out: file or folder of the results. folder: `out` is a folder, whatever its name. takes: per input. best: only
    the best take is written. picture: a PNG is written next to each result. overwrite: existing files may be
    replaced."""

    out: Path | None = None
    folder: bool = False
    takes: int = 1
    best: bool = False
    picture: bool = False
    overwrite: bool = False

    @property
    def results(self) -> int:
        """Number of result files per input."""
        return 1 if self.best else self.takes

    @property
    def file(self) -> Path | None:
        """`out` if it names a file, otherwise None."""
        named = self.out is not None and self.out.suffix and not self.folder and not self.out.is_dir()
        return self.out if named else None


@dataclass(frozen=True, slots=True)
class Planned:
    """The target of an input (source None: joint generation without one), and the file of each take.

    container_chosen: the container was chosen by this module; it is neither that of the input nor named by the user.
    """

    source: Path | None
    target: Target
    outs: tuple[Path, ...]
    container_chosen: bool = False

    def files(self, options: OutputOptions) -> list[Path]:
        """All files that are written: the takes and their pictures."""
        return [*self.outs, *(out.with_suffix(".png") for out in self.outs if options.picture)]


def plan_outputs(
    wanted: Sequence[tuple[Path | None, Target]], options: OutputOptions, *, leave_out: Callable[[str], None]
) -> list[Planned]:
    """Plans the results of all inputs and creates missing folders.

    An input that is named twice, or is a result of another one, is left out; `leave_out` receives a message for each.
    Raises InputError for an unsupported suffix, and for results that would share a name, are an input, already exist
    (without `overwrite`), or have a folder that cannot be written to.
    """
    once: dict[Path | None, tuple[Path | None, Target]] = {}
    for source, target in wanted:
        if once.setdefault(source and _real(source), (source, target))[0] is not source:
            leave_out(f"{source}: left out, it is named twice")
    plan = _named(list(once.values()), options)
    results = {_real(out): one.source for one in plan for out in one.outs}
    inputs_left = []
    for one in plan:
        maker = results.get(_real(one.source)) if one.source is not None else None
        if maker is not None and maker != one.source:
            leave_out(f"{one.source}: left out, it is the result of {maker}")
        else:
            inputs_left.append(one)
    inputs = InputFiles(one.source for one in inputs_left if one.source is not None)
    for one in inputs_left:
        for file in one.files(options):
            inputs.check_result(file)
            if file.exists() and not options.overwrite:
                raise InputError.about(file, found=THERE, expected="another name, or --overwrite")
            make_writable(file.parent)
    return inputs_left


class InputFiles:
    """Input files, which no result may replace."""

    def __init__(self, files: Iterable[Path]) -> None:
        paths = list(files)
        self._real = {_real(path) for path in paths}
        # The same files may have other names, such as hard links.
        self._ids = {(found.st_dev, found.st_ino) for path in paths if (found := _stat(path))}

    def check_result(self, file: Path) -> None:
        """Raise InputError for a result that is an input or a folder, or whose name is longer than `LONGEST_NAME`."""
        if (length := len(os.fsencode(file.name))) > LONGEST_NAME:
            raise InputError.about(file, found=f"a name of {length} bytes", expected=f"{LONGEST_NAME} at most")
        found = _stat(file)
        if _real(file) in self._real or (found and (found.st_dev, found.st_ino) in self._ids):
            raise InputError.about(file, found="an input", expected="another file to write")
        if file.is_dir():
            raise InputError.about(file, found="a folder", expected="the name of a file to write")


def make_writable(folder: Path) -> None:
    """Creates a folder for results. Raises InputError if it cannot be created or written to."""
    make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError.about(folder, found="a folder that cannot be written to", expected="a folder to write to")


def _named(wanted: Sequence[tuple[Path | None, Target]], options: OutputOptions) -> list[Planned]:
    """Names the results. Those that would share a name get the suffix of their input in it, then also its folder."""
    if options.file is not None:
        for _, target in wanted:
            _check_suffix(options.file, target)
        return [Planned(source, target, numbered(options.file, options.results)) for source, target in wanted]
    folders = [options.out or (Path() if source is None else source.parent) for source, _ in wanted]
    suffixes = [result_suffix(source, target) for source, target in wanted]
    stems = [("joint",) if source is None else result_stems(source) for source, _ in wanted]
    named = distinct_results(folders, suffixes, stems, [str(source) for source, _ in wanted])
    return [
        Planned(source, target, numbered(path, options.results), source is None or path.suffix != source.suffix.lower())
        for (source, target), path in zip(wanted, named, strict=True)
    ]


def distinct_results(
    folders: Sequence[Path], suffixes: Sequence[str], stems: Sequence[Sequence[str]], sources: Sequence[str]
) -> list[Path]:
    """Returns the result path of each source, in its folder and with its suffix. The name is the first of the source's
    stems that no other result in the folder has. Raises InputError, naming two sources, if all their stems are equal.
    """
    lengths = [0] * len(stems)
    while True:
        named = [
            folder / f"{stem[k]}{RESULT}{suffix}"
            for folder, suffix, stem, k in zip(folders, suffixes, stems, lengths, strict=True)
        ]
        # Compared without suffixes: results of one stem would share the name of their picture, and results are paired
        # by stem.
        real = [_real(path.with_suffix("")) for path in named]
        counts = Counter(real)
        shared = [index for index, path in enumerate(real) if counts[path] > 1]
        if not shared:
            return named
        for index in shared:
            if lengths[index] + 1 == len(stems[index]):
                alike = " and ".join([sources[k] for k in shared if real[k] == real[index]][:2])
                raise InputError.about(alike, found=f"one result {named[index].name}", expected="different names")
            lengths[index] += 1


def result_suffix(source: Path | None, target: Target) -> str:
    """Returns the suffix of the input if its video can be copied into that container, otherwise .mp4, which all
    browsers play."""
    suffix = ".mp4"
    if source is not None and target == "audio" and source.suffix.lower() in CONTAINERS:
        suffix = source.suffix.lower()
        with suppress(InputError, OSError):  # an unreadable file is reported when it is read
            suffix = suffix if takes_video_of(source, CONTAINERS[suffix]) else ".mp4"
    return suffix


def numbered(out: Path, takes: int) -> tuple[Path, ...]:
    """Returns the files of `takes` takes; several takes are numbered from 1."""
    return tuple(out.with_stem(f"{out.stem}_{take + 1}") for take in range(takes)) if takes > 1 else (out,)


def _check_suffix(out: Path, target: Target) -> None:
    allowed = [*CONTAINERS, *(SOUND_ALONE if target == "audio" else ())]
    if out.suffix.lower() not in allowed:
        made = {"audio": "sound", "video": "a video", "both": "a video with sound"}[target]
        expected = f"one of {', '.join(allowed)} for {made}; a folder's name ends with /"
        raise InputError.about(out, found=f"the suffix {out.suffix!r}", expected=expected)


def _stat(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        return path.stat()
    return None


def _real(path: Path) -> Path:
    """Resolves links, so that all spellings of a path become equal."""
    return Path(os.path.realpath(path))
