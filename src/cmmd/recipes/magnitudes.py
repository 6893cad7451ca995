"""Trains a magnitude network, a waveform decoder, on the sounds of the world (ours: decision 03)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.rendering import WorldConfig
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.losses.magnitude import magnitude_losses
from cmmd.recipes.model_folder import save_in_half
from cmmd.recipes.sounds import check_sounds, random_crops, training_sounds
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import ExecutionConfig, LoopConfig, OptimizerConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL


@dataclass(frozen=True, kw_only=True, slots=True)
class MagnitudesRecipe:
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


def world_magnitudes() -> MagnitudesRecipe:
    """The configuration of a magnitude network for models of the world."""
    return MagnitudesRecipe()


class SoundBatch(NamedTuple):
    """The log-mel of sounds, and the magnitudes of the same STFT."""

    log_mel: Float[Tensor, "b m n"]
    magnitude: Float[Tensor, "b bins n"]


def run(config: MagnitudesRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
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
        save_in_half(trained, out / MODEL)


def magnitude_objective(
    sounds: Float[Tensor, "clips s"], codec: LogMelCodec, *, gains: tuple[float, float], batch_size: int, seed: int
) -> Objective:
    """Losses of the magnitudes of random crops, as long as a clip of the codec's geometry, with random gains."""
    length = codec.geometry.samples

    def draw(step: int, micro_batch: MicroBatch) -> SoundBatch:
        crops = random_crops(
            sounds, length, count=batch_size, gains=gains, seed=seed, step=step, generator=step_generator(seed, step)
        ).chunk(micro_batch.count)[micro_batch.index]
        return SoundBatch(codec.encode(crops)[:, 0], codec.magnitude(crops))

    def losses(model: nn.Module, batch: SoundBatch) -> dict[str, Term]:
        found = magnitude_losses(model(batch.log_mel).float(), batch.magnitude)
        count = torch.full((), len(batch.log_mel), device=batch.log_mel.device)
        parts = {"loss": found.logarithm + found.convergence, **found._asdict()}
        return {name: Term(values.sum(), count) for name, values in parts.items()}

    return Objective(draw, losses)
