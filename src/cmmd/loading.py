"""A model for the command line: quiet, and an error of one line where there is none (ours).

torch is imported when a model is loaded: what is wrong with the input is told before.
"""

from typing import TYPE_CHECKING, Literal

from cmmd.model_name import SHIPPED, local_folder, require_index

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

DType = Literal["float32", "bfloat16"]


def load_pipeline(model: str | None, *, device: str, dtype: DType = "float32") -> "CMMDPipeline":
    """A model on a device, quietly. dtype: what its networks compute in.

    Raises InputError when there is no such model or device.
    """
    folder = None if model is None or model == SHIPPED else local_folder(model)
    if folder is not None:
        require_index(folder)
    from cmmd.device import existing_device

    chosen = existing_device(device)
    import torch
    from diffusers.utils import logging as diffusers_logging

    from cmmd.pipeline import CMMDPipeline

    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    return CMMDPipeline.from_pretrained(folder, dtype=getattr(torch, dtype)).to(chosen)
