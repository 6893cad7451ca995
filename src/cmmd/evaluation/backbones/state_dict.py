"""Loads a backbone's weights from a file of tensors; never executes code from the file (ours)."""

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from cmmd.errors import InputError


def read_state_dict(path: Path, *, expected: Iterable[str]) -> dict[str, Any]:
    """Returns the tensors of a file; floating-point tensors become float32.

    Raises InputError if the file cannot be read or lacks a name in `expected`.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        found = f"no state dict ({str(error).splitlines()[0][:80]})"
        raise InputError.about(path, found=found, expected="tensors that torch.save wrote") from error
    missing = [name for name in expected if not isinstance(state, dict) or name not in state]
    if missing:
        raise InputError.about(path, found=f"no {missing[0]}", expected="the weights of this backbone")
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
