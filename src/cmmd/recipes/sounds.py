"""What the trainings of waveform decoders share: sounds of the world, and random crops of them (ours)."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import Geometry
from cmmd.data.order import batch_indices
from cmmd.data.world.encoding import levelled
from cmmd.data.world.rendering import WorldConfig, render
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.runtime.progress import progress

MOST_SECONDS = 2**18
"""Largest total length of the sounds: 17 GB."""
LARGEST = {"width": 4096, "hidden": 16_384, "depth": 64}


@runtime_checkable
class SoundRecipe(Protocol):
    """What recipes that train on sounds of the world have in common."""

    @property
    def data(self) -> WorldConfig: ...
    @property
    def crop(self) -> int: ...
    @property
    def gains(self) -> tuple[float, float]: ...
    @property
    def geometry(self) -> Geometry: ...


def check_sounds(config: "SoundRecipe") -> None:
    """Raises ValueError if the crop is not shorter than a clip, the gains are not in order, a size is below 1 or above
    LARGEST, or the sounds do not fit into memory."""
    if not 1 <= config.crop < config.data.frames:
        raise ValueError(f"crop is {config.crop}, expected 1 to {config.data.frames - 1}, below data.frames")
    if not -100 <= config.gains[0] <= config.gains[1] <= 100:
        raise ValueError(f"gains are {list(config.gains)}, expected two in order, from -100 to 100 dB")
    for name, most in LARGEST.items():
        if not 1 <= getattr(config, name) <= most:
            raise ValueError(f"{name} is {getattr(config, name)}, expected 1 to {most}")
    seconds = config.data.total_frames / config.geometry.fps
    if seconds > MOST_SECONDS:
        raise ValueError(f"data has {seconds:.0f} s of sound, expected at most {MOST_SECONDS}")


def training_sounds(config: SoundRecipe, codec: LogMelCodec) -> Float[Tensor, "clips s"]:
    """The sounds of all clips, brought to the levels that encoding gives them."""
    data = config.data
    bar = progress(data.clips * len(data.families), "world clips", unit="clip")
    found = []
    for clip in render(data):
        found.append(levelled(clip.waveform, data, codec))
        bar.update()
    bar.close()
    return torch.from_numpy(np.stack(found))


def random_crops(
    sounds: Float[Tensor, "clips s"],
    length: int,
    *,
    count: int,
    gains: tuple[float, float],
    seed: int,
    step: int,
    generator: torch.Generator,
) -> Float[Tensor, "b length"]:
    """Returns `count` crops of the clips of a step, with random starts and gains (a range in dB)."""
    starts = torch.randint(0, sounds.shape[1] - length + 1, (count,), generator=generator)
    decibels = gains[0] + (gains[1] - gains[0]) * torch.rand(count, 1, generator=generator)
    chosen = batch_indices(len(sounds), count, seed=seed, step=step)
    crops = torch.stack([sounds[clip, start : start + length] for clip, start in zip(chosen, starts, strict=True)])
    return 10 ** (decibels / 20) * crops
