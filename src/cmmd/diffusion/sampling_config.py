"""How a sample is drawn from noise: steps, guidance, contrast and solver (ours)."""

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from cmmd.diffusion.direction import TRAINING_STEPS, Direction

Sampler = Literal["ddim", "dpm++", "unipc", "ddpm"]
DEFAULT_GUIDANCE: dict[Direction, float] = {"video_to_audio": 1.0, "audio_to_video": 4.5, "joint": 3.0}
"""Where onset F1 on the world stopped rising. Sound needs none after contrastive training (docs/results.md)."""
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
    is the conditional model alone, None the default of the direction. contrast: strength of the condition against the
    same condition at the wrong time; 0 is none. gradient: of a network with `shared_time`, how far every step is moved
    to where the condition is denoised better, as a share of the step; 0 is none. sampler: the solver; `ddpm` adds noise
    at every step.

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

    def guidance_for(self, direction: Direction, *, shared_time: bool = False) -> float:
        """The strength to sample a direction with. A network with `shared_time` was trained without dropout: by default
        it has none, as it cannot do without hearing."""
        usual = 1.0 if shared_time else DEFAULT_GUIDANCE[direction]
        return float(usual if self.guidance is None else self.guidance)
