"""Settings of sampling: steps, guidance, temperature, contrast, gradient and solver (ours)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypedDict, TypeVar, get_args

from cmmd.diffusion.direction import DIRECTIONS, TRAINING_STEPS, Direction

Defaults = TypeVar("Defaults", bound="DirectionDefaults")
Sampler = Literal["ddim", "dpm++", "unipc", "ddpm"]
UNSURE_GUIDANCE = 0.2
"""Guidance for sound that would otherwise be inaudible: closer to the unconditional prediction."""
STRONGEST = 100
"""Largest magnitude of guidance, contrast and gradient; far above it samples are not finite."""
HOTTEST = 10
"""Largest temperature."""


class SamplingSettings(TypedDict, total=False):
    """The fields of `SamplingConfig` as keyword arguments, all optional."""

    steps: int
    guidance: float | int | None
    guided_above: float | int | None
    temperature: float | int | None
    contrast: float | int
    gradient: float | int
    sampler: Sampler


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """steps: solver steps from noise to the sample, 1 to `TRAINING_STEPS`. guidance: strength of classifier-free
    guidance; 1 is the conditional model alone, None the default of the model for the direction. guided_above: a time
    from 0 (clean) to 1 (noise); guidance by a condition acts above it, and below it the conditional model alone is
    faster and nearer to the data (Kynkaanniemi et al., arXiv 2404.07724); None is the default of the model.
    temperature: factor of the noise that a solver starts from. Below 1, samples are nearer to what is most likely under
    their condition, and differ less from one another: at 0 only by the noise that `ddpm` adds at every step. None is
    the default of the model. contrast: strength of guidance away from the same condition at the wrong time; 0 turns it
    off. gradient: for networks with `shared_time`, strength of the gradient towards samples under which the condition
    is denoised better (see zero_shot.py); 0 turns it off. sampler: the solver.

    Raises ValueError for unknown samplers and values out of range.
    """

    steps: int = 25
    guidance: float | int | None = None
    guided_above: float | int | None = None
    temperature: float | int | None = None
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
        above = self.guided_above
        if above is not None and not (isinstance(above, float | int) and 0 <= above <= 1):
            raise ValueError(f"guided_above is {above!r:.60}, expected a time from 0 to 1")
        heat = self.temperature
        if heat is not None and not (isinstance(heat, float | int) and 0 <= heat <= HOTTEST):
            raise ValueError(f"temperature is {heat!r:.60}, expected a number from 0 to {HOTTEST}")
        if self.sampler not in get_args(Sampler):
            raise ValueError(f"sampler is {self.sampler!r}, expected one of {', '.join(get_args(Sampler))}")

    def guidance_for(self, direction: Direction, usual: "UsualGuidance | None" = None) -> float:
        """Returns the guidance for a direction: `guidance`, or, if it is None, `usual`, the default of the model."""
        usual = usual or UsualGuidance()
        return float(usual.of(direction) if self.guidance is None else self.guidance)

    def guided_above_for(self, direction: Direction, usual: "UsualGuidance | None" = None) -> float:
        """Returns the time above which a direction is guided: `guided_above`, or, if it is None, that of `usual`."""
        known = (usual or UsualGuidance()).sound_above if direction == "video_to_audio" else 0.0
        return float(known if self.guided_above is None else self.guided_above)

    def temperature_for(self, direction: Direction, usual: "UsualTemperature | None" = None) -> float:
        """Returns the temperature for a direction: `temperature`, or, if it is None, `usual`, the default of the
        model."""
        usual = usual or UsualTemperature()
        return float(usual.of(direction) if self.temperature is None else self.temperature)


class DirectionDefaults:
    """Defaults of a model by direction, for calls that set none. A model folder may define them."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for direction in DIRECTIONS:
            try:
                self._check(direction)
            except ValueError as error:
                raise ValueError(f"{direction}: {error}") from error

    def _check(self, direction: Direction) -> None:
        """Raises ValueError for values of a direction that `SamplingConfig` rejects."""
        raise NotImplementedError

    def of(self, direction: Direction) -> float:
        """Returns the value of a direction."""
        return getattr(self, direction)

    @classmethod
    def of_values(cls: type[Defaults], name: str, values: object) -> Defaults:
        """Returns the defaults that a model folder stores as its entry `name`; None stands for a folder without it.
        Raises ValueError, naming the entry, for anything but numbers by direction."""
        if values is None:
            return cls()
        known = [field.name for field in fields(cls)]  # pyright: ignore[reportArgumentType] - dataclasses
        if not isinstance(values, Mapping) or not set(values) <= set(known):
            raise ValueError(f"{name} {values!r:.60} instead of numbers for {', '.join(known)}")
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, float | int):
                raise ValueError(f"{name}.{key} {value!r:.60} instead of a number")
        return cls(**values)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsualGuidance(DirectionDefaults):
    """Default guidance.

    The values below apply to models without such an entry. They are the strengths at which
    onset F1 on the world stopped rising. sound_above: `guided_above` of sound for video; the other directions are
    guided at all times. Raises ValueError for values that `SamplingConfig` rejects.
    """

    video_to_audio: float = 1.0
    audio_to_video: float = 4.5
    joint: float = 3.0
    sound_above: float = 0.0

    def _check(self, direction: Direction) -> None:
        SamplingConfig(guidance=self.of(direction), guided_above=self.sound_above)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsualTemperature(DirectionDefaults):
    """Default temperature.

    The values below apply to models without such an entry. Raises ValueError for values that `SamplingConfig` rejects.
    """

    video_to_audio: float = 1.0
    audio_to_video: float = 1.0
    joint: float = 1.0

    def _check(self, direction: Direction) -> None:
        SamplingConfig(temperature=self.of(direction))


NO_GUIDANCE = UsualGuidance(video_to_audio=1.0, audio_to_video=1.0, joint=1.0)
