"""Checks the device that a user names, before a model is loaded (ours)."""

import torch

from cmmd.errors import InputError


def existing_device(name: str) -> torch.device:
    """Returns a device by its name: cpu, cuda, cuda:1, mps. Raises InputError if this machine does not have it."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:  # torch raises all of these
        found = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError.about(f"device {name}", found=found, expected="a device of this machine") from error
    return device
