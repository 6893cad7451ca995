"""The device that a user names: checked before seconds of loading (ours)."""

import torch

from cmmd.errors import InputError


def existing_device(name: str) -> torch.device:
    """A device of this machine by its name: cpu, cuda, cuda:1, mps. Raises InputError where it is not there."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:  # how torch tells of it
        found = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError.about(f"device {name}", found=found, expected="a device of this machine") from error
    return device
