"""A folder that results are written to (ours)."""

from pathlib import Path

from cmmd.errors import InputError


def share_as_folder(path: Path) -> None:
    """Adds the read permissions of its folder to a file: safetensors writes files that only their owner can read."""
    path.chmod(path.stat().st_mode | (path.parent.stat().st_mode & 0o444))


def make_folder(folder: Path) -> Path:
    """Creates a folder with its parents if it does not exist, and returns it. Raises InputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"an error ({error.strerror})"
        raise InputError.about(folder, found=found, expected="a folder to write to") from error
    return folder
