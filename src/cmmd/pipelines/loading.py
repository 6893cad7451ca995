"""Loads a model for the command line: no library output, and an error of one line if there is no such model (ours).

torch is imported only when a model is loaded, so that errors of the input are reported before.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cmmd.weights.model_name import SHIPPED, local_folder, require_index

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

DType = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """name: a folder or a name, see model_name.py; None is the shipped model. device, dtype: of the networks."""

    name: str | None = None
    device: str = "cpu"
    dtype: DType = "float32"


def load_pipeline(model: str | None, *, device: str, dtype: DType = "float32") -> "CMMDPipeline":
    """Loads a model onto a device, without progress bars and warnings.

    model: a folder or a name, see model_name.py; None is the shipped model. dtype: dtype of the networks. Raises
    InputError if there is no such model or device.
    """
    folder = None if model is None or model == SHIPPED else local_folder(model)
    if folder is not None:
        require_index(folder)
    from cmmd.runtime.device import existing_device

    chosen = existing_device(device)
    import torch
    from diffusers.utils import logging as diffusers_logging

    from cmmd.pipeline import CMMDPipeline

    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    return CMMDPipeline.from_pretrained(folder, dtype=getattr(torch, dtype)).to(chosen)
