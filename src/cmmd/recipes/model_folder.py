"""A trained model as a folder that appears under its name only when it is complete (ours)."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from diffusers.models.modeling_utils import ModelMixin

from cmmd.files.output_folder import share_as_folder
from cmmd.files.unfinished_folder import atomic_folder
from cmmd.weights.safe_weights import quiet_diffusers


@runtime_checkable
class Savable(Protocol):
    """A diffusers model or pipeline."""

    def save_pretrained(self, save_directory: Path) -> object: ...


def save_model(model: Savable, folder: Path) -> None:
    """Write the model under a temporary name, then rename it to `folder`. Replaces an existing folder as a whole.
    Raises InputError if writing fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as temporary:
        model.save_pretrained(temporary)
        for file in temporary.rglob("*.safetensors"):
            share_as_folder(file)


def save_in_half(model: ModelMixin, folder: Path) -> None:
    """Converts the model to half precision on the CPU and saves it as `save_model`."""
    with quiet_diffusers():
        half = model.cpu().half()
    save_model(half, folder)
