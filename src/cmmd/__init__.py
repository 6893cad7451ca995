"""CMMD: one diffusion model that gives a silent clip its sound, a sound its clip, or makes both.

Public names are imported on first use, so that `import cmmd` and `cmmd --help` do not load torch.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmmd.clips.geometry import Geometry
    from cmmd.clips.mastering import Mastering, mastered
    from cmmd.clips.reading import Clip, read_clip
    from cmmd.clips.take import Take
    from cmmd.clips.writing import write_sound, write_sound_under_video, write_video
    from cmmd.data.world.families import world_clip
    from cmmd.errors import InputError
    from cmmd.latents.spectrogram import ComplexSTFTCodec, LogMelCodec
    from cmmd.models.coupled_unet import CoupledUNet
    from cmmd.pipeline import CMMDPipeline
    from cmmd.pipelines.model_card import ModelCard

__version__ = "0.1.0"

__all__ = [
    "CMMDPipeline",
    "CoupledUNet",
    "Geometry",
    "LogMelCodec",
    "ComplexSTFTCodec",
    "ModelCard",
    "Clip",
    "Take",
    "Mastering",
    "mastered",
    "read_clip",
    "write_video",
    "write_sound",
    "write_sound_under_video",
    "world_clip",
    "InputError",
]

_HOME = {
    "CMMDPipeline": "cmmd.pipeline",
    "CoupledUNet": "cmmd.models.coupled_unet",
    "Geometry": "cmmd.clips.geometry",
    "LogMelCodec": "cmmd.latents.spectrogram",
    "ComplexSTFTCodec": "cmmd.latents.spectrogram",
    "ModelCard": "cmmd.pipelines.model_card",
    "Clip": "cmmd.clips.reading",
    "Take": "cmmd.clips.take",
    "Mastering": "cmmd.clips.mastering",
    "mastered": "cmmd.clips.mastering",
    "read_clip": "cmmd.clips.reading",
    "write_video": "cmmd.clips.writing",
    "write_sound": "cmmd.clips.writing",
    "write_sound_under_video": "cmmd.clips.writing",
    "world_clip": "cmmd.data.world.families",
    "InputError": "cmmd.errors",
}


# The package logs to children of this logger. Nothing is printed unless the application adds a handler.
logging.getLogger("cmmd").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
