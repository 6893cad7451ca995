"""Trains a vocoder, with discriminators, on the sounds of the world (ours: decision 03)."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.rendering import WorldConfig
from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec
from cmmd.latents.spectrum_vocoder import SpectrumVocoder
from cmmd.losses.adversarial import Discriminators
from cmmd.losses.waveform import waveform_losses
from cmmd.recipes.model_folder import save_in_half
from cmmd.recipes.sounds import check_sounds, random_crops, training_sounds
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import ExecutionConfig, LoopConfig, OptimizerConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL


@dataclass(frozen=True, kw_only=True, slots=True)
class VocoderRecipe:
    """data: clips whose sounds are trained on. crop: video frames of a training crop. gains: range in dB of the random
    gain of a crop. blur: largest standard deviation, in nepers, of the errors put on the log-mel of a crop. mels: bands
    of the log-mel. width, hidden, depth: of the network. adversarial, features: weights of the discriminators'
    judgement and of the distance of their features. loop: settings of the training loop.

    Raises ValueError as `check_sounds`, and for a negative weight or blur.
    """

    data: WorldConfig = field(default_factory=lambda: WorldConfig(families=FAMILIES, clips=500, frames=16))
    crop: int = 10
    gains: tuple[float, float] = (-12.0, 3.0)
    blur: float = 0.3
    mels: int = 64
    width: int = 192
    hidden: int = 512
    depth: int = 6
    adversarial: float = 0.1
    features: float = 0.3
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=8000,
            batch_size=8,
            execution=ExecutionConfig(precision="bf16"),
            optimizer=OptimizerConfig(learning_rate=1e-3, weight_decay=0.01, warmup=100, clip_norm=5.0),
            ema_decay=0.998,
        )
    )

    def __post_init__(self) -> None:
        check_sounds(self)
        for name in ("blur", "adversarial", "features"):
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 100")

    @property
    def geometry(self) -> Geometry:
        """The geometry of the world, with a crop as clip."""
        return Geometry(frames=self.crop, mels=self.mels)


def world_vocoder() -> VocoderRecipe:
    """The configuration of the shipped vocoder."""
    return VocoderRecipe()


class WaveformBatch(NamedTuple):
    """Sounds, their log-mel with errors as a model makes them, and noise for the vocoder."""

    log_mel: Float[Tensor, "b m n"]
    noise: Float[Tensor, "b n z"]
    waveform: Float[Tensor, "b s"]


class AdversarialVocoder(nn.Module):
    """A vocoder and its discriminators, which are trained at once: each loss reaches the weights of one of them."""

    def __init__(self, vocoder: SpectrumVocoder) -> None:
        super().__init__()
        self.vocoder = vocoder
        self.discriminators = Discriminators()

    def forward(self, batch: WaveformBatch) -> dict[str, Float[Tensor, " b"]]:
        """Returns all loss terms, one value for each item."""
        found = self.vocoder(batch.log_mel, batch.noise)
        spectra = waveform_losses(found, batch.waveform, sample_rate=self.vocoder.config["sample_rate"])
        return {**spectra._asdict(), **self.discriminators(found, batch.waveform)._asdict()}


def run(config: VocoderRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the network to `out/model`, a diffusers folder in half precision."""
    loop, codec = config.loop, LogMelCodec(config.geometry)
    torch.manual_seed(loop.seed)
    vocoder = SpectrumVocoder(
        mels=config.mels,
        sample_rate=codec.geometry.sample_rate,
        hop=codec.geometry.hop,
        width=config.width,
        hidden=config.hidden,
        depth=config.depth,
    )
    objective = vocoder_objective(training_sounds(config, codec), codec, config, noise=vocoder.config["noise_channels"])
    trained = run_training(
        AdversarialVocoder(vocoder),
        objective,
        loop=loop,
        config=config,
        out=out,
        resume=resume,
        recipe=recipe,
        ranks=ranks,
    )
    assert isinstance(trained, AdversarialVocoder)
    if ranks.is_main:
        save_in_half(trained.vocoder, out / MODEL)


def vocoder_objective(
    sounds: Float[Tensor, "clips s"], codec: LogMelCodec, config: VocoderRecipe, *, noise: int
) -> Objective:
    """Losses of random crops, as long as a clip of the codec's geometry, with random gains and signs."""
    length, size = codec.geometry.samples, config.loop.batch_size

    def draw(step: int, micro_batch: MicroBatch) -> WaveformBatch:
        generator = step_generator(config.loop.seed, step)
        crops = random_crops(
            sounds, length, count=size, gains=config.gains, seed=config.loop.seed, step=step, generator=generator
        )
        crops = crops * (2 * torch.randint(0, 2, (size, 1), generator=generator) - 1)
        log_mel = codec.encode(crops)[:, 0]
        log_mel = blurred(log_mel, most=config.blur, generator=generator)
        drawn = torch.randn(size, log_mel.shape[-1], noise, generator=generator)
        return WaveformBatch(*(x.chunk(micro_batch.count)[micro_batch.index] for x in (log_mel, drawn, crops)))

    def losses(model: nn.Module, batch: WaveformBatch) -> dict[str, Term]:
        terms = model(batch)
        spectra = terms["logarithm"] + terms["convergence"] + terms["mel"]
        judged = config.adversarial * terms["generator"] + config.features * terms["features"]
        count = torch.full((), len(batch.log_mel), device=batch.log_mel.device)
        loss = spectra + judged + terms["discriminator"]
        return {name: Term(values.sum(), count) for name, values in {"loss": loss, **terms}.items()}

    return Objective(draw, losses)


def blurred(log_mel: Float[Tensor, "b m n"], *, most: float, generator: torch.Generator) -> Float[Tensor, "b m n"]:
    """Adds errors as those of a generated log-mel: smooth ones of a random size for each item, up to `most` nepers. The
    floor stays the floor."""
    items, bands, frames = log_mel.shape
    sizes = most * torch.rand(items, 1, 1, generator=generator)
    coarse = torch.randn(items, 1, bands // 2 + 1, frames // 2 + 1, generator=generator)
    errors = nn.functional.interpolate(coarse, (bands, frames), mode="bilinear", align_corners=True)[:, 0]
    floor = math.log(LOG_FLOOR)
    return torch.where(log_mel > floor + 1e-3, (log_mel + sizes * errors).clamp_min(floor), log_mel)
