"""Trains the shipped waveform decoder, a magnitude network, on the sounds of the world (ours: decision 03)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.data.order import batch_indices
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.encoding import levelled
from cmmd.data.world.rendering import WorldConfig, render
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.losses.magnitude import magnitude_losses
from cmmd.recipes.model_folder import save_model
from cmmd.runtime.progress import progress
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import ExecutionConfig, LoopConfig, OptimizerConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL
from cmmd.weights.safe_weights import quiet_diffusers

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


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderRecipe:
    """data: clips whose sounds are trained on. crop: video frames of a training crop. gains: range in dB of the random
    gain of a crop. mels: bands of the log-mel. width, hidden, depth: of the network. loop: settings of the training
    loop.

    Raises ValueError as `check_sounds`.
    """

    data: WorldConfig = field(default_factory=lambda: WorldConfig(families=FAMILIES, clips=250, frames=16))
    crop: int = 10
    gains: tuple[float, float] = (-12.0, 3.0)
    mels: int = 64
    width: int = 224
    hidden: int = 448
    depth: int = 4
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=2500,
            batch_size=8,
            execution=ExecutionConfig(precision="bf16"),
            optimizer=OptimizerConfig(learning_rate=1.5e-3, weight_decay=0.01, warmup=50),
            ema_decay=0.99,
        )
    )

    def __post_init__(self) -> None:
        check_sounds(self)

    @property
    def geometry(self) -> Geometry:
        """The geometry of the world, with a crop as clip."""
        return Geometry(frames=self.crop, mels=self.mels)


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


def world_decoder() -> DecoderRecipe:
    """The configuration of the shipped decoder."""
    return DecoderRecipe()


class SoundBatch(NamedTuple):
    """The log-mel of sounds, and the magnitudes of the same STFT."""

    log_mel: Float[Tensor, "b m n"]
    magnitude: Float[Tensor, "b bins n"]


def run(config: DecoderRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the network to `out/model`, a diffusers folder in half precision."""
    loop, codec = config.loop, LogMelCodec(config.geometry)
    objective = magnitude_objective(
        training_sounds(config, codec), codec, gains=config.gains, batch_size=loop.batch_size, seed=loop.seed
    )
    torch.manual_seed(loop.seed)
    network = MagnitudeNetwork(
        mels=config.mels,
        sample_rate=codec.geometry.sample_rate,
        hop=codec.geometry.hop,
        fft_size=codec.fft_size,
        window=codec.window_size,
        width=config.width,
        hidden=config.hidden,
        depth=config.depth,
    )
    trained = run_training(
        network, objective, loop=loop, config=config, out=out, resume=resume, recipe=recipe, ranks=ranks
    )
    assert isinstance(trained, MagnitudeNetwork)
    if ranks.is_main:
        with quiet_diffusers():
            half = trained.cpu().half()
        save_model(half, out / MODEL)


def magnitude_objective(
    sounds: Float[Tensor, "clips s"], codec: LogMelCodec, *, gains: tuple[float, float], batch_size: int, seed: int
) -> Objective:
    """Losses of the magnitudes of random crops, as long as a clip of the codec's geometry, with random gains."""
    length = codec.geometry.samples

    def draw(step: int, micro_batch: MicroBatch) -> SoundBatch:
        generator = step_generator(seed, step)
        starts = torch.randint(0, sounds.shape[1] - length + 1, (batch_size,), generator=generator)
        decibels = gains[0] + (gains[1] - gains[0]) * torch.rand(batch_size, 1, generator=generator)
        chosen = batch_indices(len(sounds), batch_size, seed=seed, step=step)
        crops = torch.stack([sounds[clip, start : start + length] for clip, start in zip(chosen, starts, strict=True)])
        crops = (10 ** (decibels / 20) * crops).chunk(micro_batch.count)[micro_batch.index]
        return SoundBatch(codec.encode(crops)[:, 0], codec.magnitude(crops))

    def losses(model: nn.Module, batch: SoundBatch) -> dict[str, Term]:
        found = magnitude_losses(model(batch.log_mel).float(), batch.magnitude)
        count = torch.full((), len(batch.log_mel), device=batch.log_mel.device)
        parts = {"loss": found.logarithm + found.convergence, **found._asdict()}
        return {name: Term(values.sum(), count) for name, values in parts.items()}

    return Objective(draw, losses)


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
