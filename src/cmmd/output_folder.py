"""A folder that results are written to (ours)."""

from pathlib import Path

from cmmd.errors import InputError


def share_as_folder(path: Path) -> None:
    """Let those read a file who may read its folder: safetensors writes files for their owner alone."""
    path.chmod(path.stat().st_mode | (path.parent.stat().st_mode & 0o444))


def make_folder(folder: Path) -> Path:
    """Make it with all above it, if it is not there. Raises InputError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"an error ({error.strerror})"
        raise InputError.about(folder, found=found, expected="a folder to write to") from error
    return folder
