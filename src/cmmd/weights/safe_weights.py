"""Loads a diffusers model from an untrusted folder: safetensors only, every tensor checked, no code run (ours)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import logging as diffusers_logging

from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_json import read_json_object
from cmmd.weights.weights_fit import check_finite, read_headers, shape_of_model

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

Model = TypeVar("Model", bound=ModelMixin)


@contextmanager
def quiet_diffusers() -> Iterator[None]:
    """Suppresses diffusers' warnings, such as those about attributes that it wrote itself or an empty module list."""
    verbosity = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(verbosity)


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object. Raises InputError if the file is missing or holds something else."""
    if not path.exists():
        raise InputError.about(path.parent, found=f"no {path.name}", expected="a model folder")
    return read_json_object(path, expected="a JSON object")


def check_model_files(folder: Path, *, class_name: str) -> list[Path]:
    """Returns the files of the weights. Raises InputError unless config.json names the class without quantisation, and
    the weights are safetensors in this folder."""
    config = read_json(folder / CONFIG)
    if config.get("_class_name") != class_name:
        raise InputError.about(folder / CONFIG, found=f"{config.get('_class_name')!r:.60}", expected=class_name)
    if "quantization_config" in config:  # diffusers would import the package that it names
        raise InputError.about(folder / CONFIG, found="quantization_config", expected="weights that are not quantised")
    if (folder / INDEX).exists():
        return _indexed_files(folder / INDEX)
    if not (folder / WEIGHTS).exists():
        pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLE_SUFFIXES)
        raise InputError.about(folder, found=", ".join(pickles) or "no weights", expected=WEIGHTS)
    return [folder / WEIGHTS]


def _indexed_files(path: Path) -> list[Path]:
    """Returns the files of sharded weights. Raises InputError for those that are not safetensors in the folder, which
    diffusers would unpickle."""
    files = read_json(path).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise InputError.about(path, found="no weight_map", expected="the file of every tensor")
    names = sorted({str(file) for file in files.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors") or not (path.parent / name).exists():
            raise InputError.about(path, found=f"{name!r:.60}", expected="safetensors files beside it")
    return [path.parent / name for name in names]


def load_model(model_class: type[Model], folder: Path, *, check: Callable[[Model], None] = lambda shape: None) -> Model:
    """Loads the model in `folder`, in float32 and for inference.

    check: receives the model as built on torch's meta device, before memory is allocated, and raises if it is unusable.
    Raises InputError for a different class, weights that are not safetensors, tensors that are missing, unknown, of a
    different shape or not finite, and a failed `check`.
    """
    held = read_headers(check_model_files(folder, class_name=model_class.__name__))
    build = partial(model_class.from_config, read_json(folder / CONFIG))  # pyright: ignore[reportAttributeAccessIssue]
    with quiet_diffusers():
        shape = shape_of_model(build, held, folder, name=model_class.__name__)
    with reading(folder / CONFIG, expected=f"the settings of {model_class.__name__}"):
        check(shape)
    # low_cpu_mem_usage needs accelerate and serves models that do not fit into memory.
    options = {"use_safetensors": True, "low_cpu_mem_usage": False, "local_files_only": True}
    with reading(folder, expected=f"the weights of {model_class.__name__}"), quiet_diffusers():
        loaded: Any = model_class.from_pretrained(folder, output_loading_info=True, **options)
    model, report = loaded
    for kind, what in (("missing_keys", "lack"), ("unexpected_keys", "hold the unknown")):
        if names := sorted(report[kind]):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(f"{folder}: the weights {what} {names[0]}{more}, expected those of {model_class.__name__}")
    with quiet_diffusers():
        model.to(torch.float32)  # the tensors of a file may have different dtypes
    check_finite(model, folder)
    model.register_to_config(_name_or_path="")  # diffusers would save the path of this machine with the model
    return model
