"""Lists the given clips: files, folders with their subfolders, and the rows of a table (ours).

The columns of a table are those of `cmmd prepare`.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cmmd.clips.names import MEDIA_SUFFIXES, result_stems, source_name
from cmmd.clips.opening import pictures_in, single_pictures
from cmmd.data.preparing.manifest import ManifestRow, manifest_rows
from cmmd.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenClip:
    """name: path of the source relative to the folder or table that lists it, with forward slashes; only the file name
    if it is outside. start, end: of the stretch to use, s; None: those of the file. said: label, split and group of its
    table row. where: file and line of that row. other_sound: its sound is in another file."""

    source: Path
    name: str
    start: float | None = None
    end: float | None = None
    said: dict[str, str] = field(default_factory=dict)
    where: str = ""
    other_sound: bool = False

    @property
    def is_stretch(self) -> bool:
        return self.start is not None or self.end is not None

    @property
    def label(self) -> str:
        """The name that is shown to the user, with the stretch."""
        return self.name + self._times(" ", "-")

    @property
    def result_folder(self) -> PurePosixPath:
        """Folder of its results, relative to the folder of all results."""
        return PurePosixPath(self.name).parent

    @property
    def stems(self) -> tuple[str, ...]:
        """Possible stems of its results, see `result_stems`."""
        return tuple(stem + self._times("_", "-") for stem in result_stems(self.source))

    def _times(self, before: str, between: str) -> str:
        if not self.is_stretch:
            return ""
        return f"{before}{_plain(self.start or 0.0)}{between}{'' if self.end is None else _plain(self.end)}"


def list_clips(inputs: Sequence[Path], manifest: Path | None, *, out: Path) -> tuple[list[GivenClip], list[str]]:
    """Returns the clips in the given order, those of a folder sorted by name; and a message for each clip that is left
    out: one that is named twice, or a result of `cmmd generate` in the folder of its source.

    Raises InputError for a folder or table without a clip.
    """
    listed: list[GivenClip] = []
    messages: list[str] = []
    for path in inputs:
        if path.is_dir():
            listed += _of_folder(path, out, messages)
        else:
            listed.append(GivenClip(source=path, name=path.name))
    if manifest is not None:
        listed += [_of_row(row, manifest.parent) for row in manifest_rows(manifest)]
    once: dict[tuple[str, float | None, float | None], GivenClip] = {}
    for clip in listed:
        if once.setdefault((os.path.realpath(clip.source), clip.start, clip.end), clip) is not clip:
            messages.append(f"{clip.source}: left out, it is named twice")
    return list(once.values()), messages


def _of_folder(folder: Path, out: Path, messages: list[str]) -> Iterator[GivenClip]:
    """Yields every media file below a folder, except hidden files and folders, the folder of the results, and results
    in the folder of their source. Broken links are included, so that they are reported."""
    files = [path for path in _below(folder, out) if path.suffix.lower() in MEDIA_SUFFIXES and not path.is_dir()]
    stems: dict[Path, set[str]] = defaultdict(set)
    for path in files:
        stems[path.parent] |= set(result_stems(path)[:2])
    found = 0
    for path in files:
        made_of = source_name(path.stem)
        if made_of != path.stem and made_of in stems[path.parent]:
            messages.append(f"{path}: left out, it is a result of {made_of}")
        else:
            found += 1
            yield GivenClip(source=path, name=path.relative_to(folder).as_posix())
    if not found:
        pictures = pictures_in(folder)
        if len(pictures) > 1:
            raise single_pictures(folder, f"a folder of {len(pictures)} pictures", pictures[0])
        raise InputError.about(folder, found="a folder without a clip", expected="audio or video files in it")


def _below(folder: Path, out: Path) -> list[Path]:
    real, real_out = Path(os.path.realpath(folder)), Path(os.path.realpath(out))
    inside = real_out.relative_to(real) if real_out.is_relative_to(real) and real_out != real else None
    below = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts) and not (inside and name.is_relative_to(inside)):
            below.append(path)
    return sorted(below, key=lambda path: path.relative_to(folder).as_posix())


def _of_row(row: ManifestRow, folder: Path) -> GivenClip:
    inside = not Path(row.file).is_absolute() and ".." not in Path(row.file).parts
    said = {"label": row.label, "split": row.split or "", "group": row.group}
    return GivenClip(
        source=folder / row.file,
        name=PurePosixPath(row.file).as_posix() if inside else Path(row.file).name,
        start=row.start,
        end=row.end,
        said={column: value for column, value in said.items() if value},
        where=row.where,
        other_sound=row.sound is not None,
    )


def _plain(seconds: float) -> str:
    """Formats seconds, rounded to microseconds: 2.5, 10, 0.123457."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
