"""One diffusers model from a folder that may come from anybody: safetensors, every tensor, no code (ours)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import logging as diffusers_logging
from huggingface_hub import snapshot_download

from cmmd.errors import InputError

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
DOWNLOADED = ["*.json", "*.safetensors"]
"""Files of a hub repository that are fetched: neither pickles nor code."""

Model = TypeVar("Model", bound=ModelMixin)


@contextmanager
def quiet_diffusers() -> Iterator[None]:
    """Without diffusers' warnings: of attributes that it wrote itself, of an empty list of modules."""
    verbosity = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(verbosity)


class HubOptions(TypedDict, total=False):
    """Options of huggingface_hub's `snapshot_download`: for a name on the hub, without effect on a folder."""

    revision: str | None
    cache_dir: str | Path | None
    token: str | bool | None
    local_files_only: bool


def local_folder(name_or_folder: str | Path, **hub_options: Unpack[HubOptions]) -> Path:
    """A folder as it is, or the local copy of a hub repository.

    Raises InputError when there is neither.
    """
    folder = Path(name_or_folder)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError.about(folder, found="a file", expected="a model folder")
    try:
        return Path(snapshot_download(str(name_or_folder), allow_patterns=DOWNLOADED, **hub_options))
    except (OSError, ValueError) as error:  # no network, no such repository, no valid name
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{name_or_folder}: no such folder, nor a model that the hub gives: {reason}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError for a file that is missing or holds something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError.about(path.parent, found=f"no {path.name}", expected="a model folder") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError.about(path, found=str(error), expected="JSON") from error
    if not isinstance(values, dict):
        raise InputError.about(path, found=type(values).__name__, expected="a JSON object")
    return values


def check_model_files(folder: Path, *, class_name: str) -> None:
    """Raise InputError unless config.json names the class, and the weights are safetensors in this folder."""
    config = read_json(folder / CONFIG)
    if config.get("_class_name") != class_name:
        raise InputError.about(folder / CONFIG, found=repr(config.get("_class_name")), expected=class_name)
    if "quantization_config" in config:  # diffusers would import the package that it names
        raise InputError.about(folder / CONFIG, found="quantization_config", expected="weights that are not quantised")
    if (folder / INDEX).exists():
        _check_index(folder / INDEX)
    elif not (folder / WEIGHTS).exists():
        pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLE_SUFFIXES)
        raise InputError.about(folder, found=", ".join(pickles) or "no weights", expected=WEIGHTS)


def _check_index(path: Path) -> None:
    """Weights in several files: diffusers would unpickle those that are not safetensors."""
    files = read_json(path).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise InputError.about(path, found="no weight_map", expected="the file of every tensor")
    for name in sorted({str(file) for file in files.values()}):
        if Path(name).name != name or not name.endswith(".safetensors") or not (path.parent / name).exists():
            raise InputError.about(path, found=repr(name), expected="safetensors files beside it")


def load_model(model_class: type[Model], folder: Path) -> Model:
    """The model that `folder` holds, in float32 and for inference.

    Raises InputError for another class, weights that are not safetensors, and tensors that are missing, unknown or of
    another shape.
    """
    check_model_files(folder, class_name=model_class.__name__)
    # low_cpu_mem_usage needs accelerate, for models that do not fit into memory.
    options = {"use_safetensors": True, "low_cpu_mem_usage": False, "local_files_only": True}
    try:
        with quiet_diffusers():
            loaded: Any = model_class.from_pretrained(folder, output_loading_info=True, **options)
    except Exception as error:  # diffusers tells of foreign files in many ways
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{folder}: {reason[0]}") from error
    model, report = loaded
    for kind, what in (("missing_keys", "lack"), ("unexpected_keys", "hold the unknown")):
        if names := sorted(report[kind]):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(f"{folder}: the weights {what} {names[0]}{more}, expected those of {model_class.__name__}")
    model.register_to_config(_name_or_path="")  # diffusers would save the path of this machine with the model
    return model
