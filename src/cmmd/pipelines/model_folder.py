"""Loads the folder of a saved pipeline: all of it is checked before loading, and no code of it is run (ours).

diffusers imports any module that a model_index.json names. This module lists the allowed classes, and the folder can
only choose among them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import nn

from cmmd.diffusion.scheduler_check import check_scheduler_values, check_solvers
from cmmd.diffusion.solver import Scheduler
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.taef2 import TAEF2
from cmmd.latents.video_autoencoder import VideoAutoencoder, check_sizes
from cmmd.latents.waveform_decoder import WAVEFORM_DECODERS
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.weights.model_name import INDEX_FILE, require_index
from cmmd.weights.safe_weights import check_model_files, load_model, quiet_diffusers, read_json

SCHEDULER_FILE = "scheduler_config.json"
CLASSES: dict[str, dict[tuple[str, str], type]] = {
    "unet": {("cmmd.models.coupled_unet", "CoupledUNet"): CoupledUNet},
    "video_autoencoder": {
        ("diffusers", "AutoencoderKL"): AutoencoderKL,
        ("diffusers", "AutoencoderTiny"): AutoencoderTiny,
        ("cmmd.latents.taef2", "TAEF2"): TAEF2,
        ("cmmd.latents.event_autoencoder", "EventAutoencoder"): EventAutoencoder,
    },
    "scheduler": {
        ("diffusers", "DDIMScheduler"): DDIMScheduler,
        ("diffusers", "DDPMScheduler"): DDPMScheduler,
        ("diffusers", "DPMSolverMultistepScheduler"): DPMSolverMultistepScheduler,
        ("diffusers", "UniPCMultistepScheduler"): UniPCMultistepScheduler,
    },
}
"""Library and class that model_index.json may name for each required component."""
DECODER = "waveform_decoder"
"""The optional component; one of `WAVEFORM_DECODERS`, or absent."""
VALUES = ("geometry", "codec", "statistics")
OPTIONAL_VALUES = ("guidance", "temperature", "levels")
BOOKKEEPING = ("_class_name", "_diffusers_version", "_name_or_path")


class ModelComponents(NamedTuple):
    """The components of a pipeline, and its plain values from model_index.json."""

    unet: CoupledUNet
    video_autoencoder: VideoAutoencoder
    scheduler: Scheduler
    waveform_decoder: nn.Module | None
    values: dict[str, Any]


def load_model_folder(folder: Path) -> ModelComponents:
    """Checks the folder, then loads it. Raises InputError, naming the file, if it is not a model of this project."""
    index, classes = _checked_index(folder / INDEX_FILE)
    _check_scheduler(folder / "scheduler" / SCHEDULER_FILE, class_name=classes["scheduler"].__name__)
    load_decoder = _decoder_loader(index, folder / INDEX_FILE)
    for name in ("unet", "video_autoencoder"):
        check_model_files(folder / name, class_name=classes[name].__name__)
    return ModelComponents(
        load_model(classes["unet"], folder / "unet"),
        load_model(classes["video_autoencoder"], folder / "video_autoencoder", check=check_sizes),
        _load_scheduler(classes["scheduler"], folder / "scheduler" / SCHEDULER_FILE),
        None if load_decoder is None else load_decoder(folder / DECODER),
        {name: index[name] for name in (*VALUES, *OPTIONAL_VALUES) if name in index},
    )


def _checked_index(path: Path) -> tuple[dict[str, Any], dict[str, type]]:
    """Returns the index and the class of each component. Raises InputError if an entry is missing, unknown or not
    allowed."""
    require_index(path.parent)
    index = read_json(path)
    if index.get("_class_name") != "CMMDPipeline":
        raise InputError.about(path, found=f"_class_name {index.get('_class_name')!r:.60}", expected="'CMMDPipeline'")
    expected = ", ".join((*CLASSES, *VALUES))
    for name in sorted(index.keys() - {*CLASSES, DECODER, *VALUES, *OPTIONAL_VALUES, *BOOKKEEPING}):
        raise InputError.about(path, found=f"the unknown component {name!r:.60}", expected=expected)
    for name in (*CLASSES, *VALUES):
        if name not in index:
            raise InputError.about(path, found=f"no {name}", expected=expected)
    classes = {}
    for name, allowed in CLASSES.items():
        found = index[name]
        chosen = [allowed[choice] for choice in allowed if found == list(choice)]
        if not chosen:
            choices = ", ".join(".".join(choice) for choice in allowed)
            raise InputError.about(path, found=f"{name} {found!r:.60}", expected=f"one of {choices}")
        classes[name] = chosen[0]
    return index, classes


def _decoder_loader(index: dict[str, Any], path: Path) -> Callable[[Path], nn.Module] | None:
    """Returns the loader of the waveform decoder, or None for a model without one. Raises InputError for a class that
    is not allowed."""
    found = index.get(DECODER)
    if found is None or found == [None, None]:  # diffusers writes two nulls for a component that is None
        return None
    for choice, load in WAVEFORM_DECODERS.items():
        if found == list(choice):
            return load
    choices = ", ".join(".".join(choice) for choice in WAVEFORM_DECODERS)
    raise InputError.about(path, found=f"{DECODER} {found!r:.60}", expected=f"one of {choices}")


def _check_scheduler(path: Path, *, class_name: str) -> None:
    found = read_json(path).get("_class_name")
    if found != class_name:
        raise InputError.about(path, found=f"{found!r:.60}", expected=class_name)


def _load_scheduler(scheduler_class: Any, path: Path) -> Scheduler:
    values = read_json(path)
    with reading(path, expected="the settings of a scheduler"), quiet_diffusers():
        check_scheduler_values(values)
        scheduler = scheduler_class.from_config(values)
        check_solvers(scheduler)
    return scheduler
