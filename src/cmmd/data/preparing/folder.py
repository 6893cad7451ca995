"""A folder of clips: each media file is its own source, labelled by the first folder of its path (ours)."""

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
"""Names of top-level folders that define a split."""


def media_files(folder: Path) -> list[Path]:
    """Returns all media files below a folder, sorted by relative path. Files without video are included; they are
    reported when they are cut. Raises InputError when `folder` is not a folder or has no media files."""
    if not folder.is_dir():
        raise InputError.about(folder, found="no such folder" if not folder.exists() else "a file", expected="a folder")
    files = sorted(
        (p for p in folder.rglob("*") if _is_named_as_media(p) and p.is_file()),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if not files:
        others = "".join(f" ({name}: {reason})" for name, reason in unusable(folder)[:1])
        raise InputError.about(folder, found=f"no media file in it{others}", expected="video files with sound")
    return files


def unusable(folder: Path) -> list[tuple[str, str]]:
    """Returns (name, reason) of paths with a media suffix that are not files (broken links, pipes), and of folders that
    are empty or unreadable."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            try:
                if not any(path.iterdir()):
                    found.append((f"{name}/", "an empty folder"))
            except OSError as error:
                found.append((f"{name}/", f"a folder that cannot be read ({error.strerror})"))
        elif _is_named_as_media(path) and not path.is_file():
            found.append((name, "a link that leads nowhere" if path.is_symlink() else "no file"))
    return found


def _is_named_as_media(path: Path) -> bool:
    return path.suffix.lower() in MEDIA_SUFFIXES and path.name[0] != "."


def list_folder(folder: Path) -> Listing:
    """Lists one request per file. The first folder of the path is the label; if it is named train, validation (val) or
    test, it is the split, and the second folder is the label. Raises InputError as `media_files`."""
    requests = []
    for file in media_files(folder):
        name = file.relative_to(folder).as_posix()
        folders = PurePosixPath(name).parts[:-1]
        split = SPLIT_FOLDERS.get(folders[0].lower()) if folders else None
        labels = folders[1:2] if split else folders[:1]
        requests.append(ClipRequest(file=file, name=name, group=name, split=split, labels=labels))
    return Listing(folder, tuple(requests), tuple(unusable(folder)))
