"""How a sample is drawn from noise: steps, guidance, contrast and solver (ours)."""

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from cmmd.diffusion.direction import DIRECTIONS, TRAINING_STEPS, Direction

Sampler = Literal["ddim", "dpm++", "unipc", "ddpm"]
UNSURE_GUIDANCE = 0.2
"""For sound that would be inaudible: nearer to what the model makes without a picture."""
STRONGEST = 100
"""Of guidance, contrast and gradient: far beyond it a sample is no number."""


class SamplingSettings(TypedDict, total=False):
    """The fields of `SamplingConfig` as keyword arguments, none of them required."""

    steps: int
    guidance: float | int | None
    contrast: float | int
    gradient: float | int
    sampler: Sampler


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """steps: passes of the solver from noise to the sample. guidance: strength of the condition against no condition; 1
    is the conditional model alone, None the model's own for the direction. contrast: strength of the condition against
    the same condition at the wrong time; 0 is none. gradient: of a network with `shared_time`, how far every step is
    moved to where the condition is denoised better, as a share of the step; 0 is none. sampler: the solver; `ddpm` adds
    noise at every step.

    Raises ValueError for values outside these.
    """

    steps: int = 25
    guidance: float | int | None = None
    contrast: float | int = 0.0
    gradient: float | int = 0.0
    sampler: Sampler = "unipc"

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or not 1 <= self.steps <= TRAINING_STEPS:
            raise ValueError(f"steps is {self.steps}, expected a whole number from 1 to {TRAINING_STEPS}")
        for name in ("guidance", "contrast", "gradient"):
            value = getattr(self, name)
            if value is None and name == "guidance":
                continue
            if not isinstance(value, float | int) or not abs(value) <= STRONGEST:  # nan too
                raise ValueError(f"{name} is {value!r:.60}, expected a finite number of at most {STRONGEST}")
        if self.sampler not in get_args(Sampler):
            raise ValueError(f"sampler is {self.sampler!r}, expected one of {', '.join(get_args(Sampler))}")

    def guidance_for(self, direction: Direction, usual: "UsualGuidance | None" = None) -> float:
        """The strength to sample a direction with. usual: that of the model."""
        usual = usual or UsualGuidance()
        return float(usual.of(direction) if self.guidance is None else self.guidance)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsualGuidance:
    """The guidance of a model, by direction, where a user asks for none; a model folder says it.

    The defaults are those of models without an entry, as the shipped one: where onset F1 on the world stopped rising.
    Raises ValueError for values that `SamplingConfig` refuses.
    """

    video_to_audio: float = 1.0
    audio_to_video: float = 4.5
    joint: float = 3.0

    def __post_init__(self) -> None:
        for direction in DIRECTIONS:
            SamplingConfig(guidance=self.of(direction))

    def of(self, direction: Direction) -> float:
        """The strength of a direction."""
        return getattr(self, direction)


NO_GUIDANCE = UsualGuidance(video_to_audio=1.0, audio_to_video=1.0, joint=1.0)
