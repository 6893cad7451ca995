"""Compares the size of a configured model with its weights, before any memory is allocated (ours).

The model is first built on torch's meta device, where a tensor has a shape and no memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import safe_open
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from cmmd.errors import InputError
from cmmd.files.foreign_files import reading

Model = TypeVar("Model", bound=nn.Module)
FLOATING = ("F64", "F32", "F16", "BF16")
SLACK = 2**20
"""Number of values in parameters and buffers that a model may have beyond twice those of its weights. Within it, a
missing tensor is reported by name when the weights are loaded."""


class HeldWeights(NamedTuple):
    """Number of tensors in a model's files, and total number of values in them."""

    tensors: int
    values: int


def read_headers(files: Sequence[Path]) -> HeldWeights:
    """Counts the tensors and values in safetensors files. Raises InputError for a file that is not safetensors, and for
    a tensor whose dtype is not floating-point."""
    tensors = values = 0
    for path in files:
        if not path.is_file():
            raise InputError.about(path, found="no regular file", expected="safetensors")
        with reading(path, expected="safetensors"), safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - no dictionary
                tensor = file.get_slice(name)
                if tensor.get_dtype() not in FLOATING:
                    found = f"{tensor.get_dtype()} values in {name}"
                    raise InputError.about(path, found=found, expected=f"one of {', '.join(FLOATING)}")
                size = 1
                for length in tensor.get_shape():
                    size *= length
                tensors, values = tensors + 1, values + size
    return HeldWeights(tensors, values)


def shape_of_model(build: Callable[[], Model], held: HeldWeights, folder: Path, *, name: str) -> Model:
    """Builds the model on the meta device. name: of its class. Raises InputError if its configuration is invalid, or
    needs far more tensors or values than the weights hold."""
    too_large = InputError.about(folder, found="a config.json of a larger model", expected="one that fits the weights")
    with (
        reading(folder / "config.json", expected=f"the settings of {name}"),
        _at_most(2 * held.tensors + 100, too_large),
    ):
        with torch.device("meta"):
            model = build()
        asked = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    if asked > 2 * held.values + SLACK:
        raise too_large
    return model


def check_finite(model: nn.Module, folder: Path) -> None:
    """Raise InputError, naming a tensor, if a weight is NaN or infinite."""
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise InputError.about(folder, found=f"a value in {name} that is not finite", expected="numbers")


@contextmanager
def _at_most(parameters: int, error: InputError) -> Iterator[None]:
    """Raises `error` as soon as the modules built in the block have more than `parameters` parameter tensors: a
    configuration may ask for millions."""
    built = 0

    def count(module: nn.Module, name: str, parameter: object) -> None:
        nonlocal built
        built += 1
        if built > parameters:
            raise error

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
