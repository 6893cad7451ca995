"""A model for the command line: quiet, and an error of one line where there is none (ours)."""

import torch
from diffusers.utils import logging as diffusers_logging

from cmmd.errors import InputError
from cmmd.pipeline import CMMDPipeline


def load_pipeline(model: str | None, *, device: str) -> CMMDPipeline:
    """A model on a device, quietly. Raises InputError when there is no such model or device."""
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    pipeline = CMMDPipeline.from_pretrained(model)
    try:
        return pipeline.to(torch.device(device))
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
        raise InputError(f"device {device}: {str(error).strip().splitlines()[0]}") from error
