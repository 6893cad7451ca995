"""A trained model as a folder that appears under its name only when it is complete (ours)."""

import shutil
from pathlib import Path
from typing import Protocol, runtime_checkable

from cmmd.output_folder import share_as_folder


@runtime_checkable
class Savable(Protocol):
    """A diffusers model or pipeline."""

    def save_pretrained(self, save_directory: Path) -> object: ...


def save_model(model: Savable, folder: Path) -> None:
    """Write under a temporary name, then rename; a folder of an earlier run is replaced whole."""
    temporary = folder.with_name(f".{folder.name}.partial")
    replaced = folder.with_name(f".{folder.name}.replaced")
    for leftover in (temporary, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    model.save_pretrained(temporary)
    for file in temporary.rglob("*.safetensors"):
        share_as_folder(file)
    if folder.exists():
        folder.rename(replaced)
    temporary.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
