"""A folder of clips: every media file below it, its first folder the label, each file a source of its own (ours)."""

from pathlib import Path, PurePosixPath

from cmmd.clips.names import MEDIA_SUFFIXES
from cmmd.data.preparing.request import ClipRequest, Listing, Split
from cmmd.errors import InputError

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Folder names that tell a split, where a data set comes with one."""


def media_files(folder: Path) -> list[Path]:
    """All media files below a folder, in the order of their names: those of sound alone are told later. Raises
    InputError when there are none."""
    if not folder.is_dir():
        raise InputError.about(folder, found="no such folder" if not folder.exists() else "a file", expected="a folder")
    files = sorted(
        (p for p in folder.rglob("*") if p.suffix.lower() in MEDIA_SUFFIXES and p.is_file() and p.name[0] != "."),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if not files:
        raise InputError.about(folder, found="no media file in it", expected="video files with sound")
    return files


def list_folder(folder: Path) -> Listing:
    """A request a file; folders named train, validation (val) or test give the split, the next ones the label."""
    requests = []
    for file in media_files(folder):
        name = file.relative_to(folder).as_posix()
        folders = PurePosixPath(name).parts[:-1]
        split = SPLIT_FOLDERS.get(folders[0].lower()) if folders else None
        labels = folders[1:2] if split else folders[:1]
        requests.append(ClipRequest(file=file, name=name, group=name, split=split, labels=labels))
    return Listing(folder, tuple(requests))
