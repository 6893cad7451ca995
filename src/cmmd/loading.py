"""A model for the command line: quiet, and an error of one line where there is none (ours)."""

from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging

from cmmd.errors import InputError
from cmmd.pipeline import CMMDPipeline


def load_pipeline(model: str | None, *, device: str) -> CMMDPipeline:
    """A model on a device, quietly. Raises InputError when there is no such model or device."""
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    if model is not None and Path(model).exists() and not (Path(model) / "model_index.json").exists():
        raise InputError(f"{model}: found no model_index.json, expected a folder that cmmd train wrote")
    try:
        return CMMDPipeline.from_pretrained(model).to(torch.device(device))
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise InputError(f"{model or 'shipped model'} on {device}: {str(error).strip().splitlines()[0]}") from error
