"""The options of `cmmd evaluate` (ours)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cmmd.engines.placement import LOCAL, Placement
from cmmd.evaluation.record import Direction

DIRECTIONS: tuple[Direction, ...] = ("video_to_audio", "audio_to_video")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateOptions:
    """Options of the command; see `cmmd evaluate --help`. Set either systems and reference, or data (and model).
    placement: where samples are generated."""

    out: Path
    systems: dict[str, Path] = field(default_factory=dict)
    reference: Path | None = None
    model: str | None = None
    data: str | None = None
    direction: Literal["both", "video_to_audio", "audio_to_video"] = "both"
    samples: int = 50
    seed: int = 0
    steps: int = 25
    device: str = "cpu"
    backbones: tuple[str, ...] = ()
    training: Path | None = None
    cache: Path | None = None
    workers: int | None = None
    placement: Placement = LOCAL

    @property
    def directions(self) -> tuple[Direction, ...]:
        return DIRECTIONS if self.direction == "both" else (self.direction,)
