"""The options of `cmmd evaluate` (ours)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cmmd.data.world.difficulty import Split
from cmmd.diffusion.direction import Direction as Generated
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.engines.placement import LOCAL, Placement
from cmmd.evaluation.record.schema import Direction
from cmmd.evaluation.samples.true_clips import FamilyChoice, WorldSet
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import DType, load_pipeline

DIRECTIONS: tuple[Direction, ...] = ("video_to_audio", "audio_to_video")
WORLD = "world"


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenClips:
    """Generated clips by the name of their system, and the real clips that they are compared with."""

    systems: dict[str, Path]
    reference: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratedClips:
    """Samples that a model generates from `data`. family, split: of the clips if `data` is `world`."""

    data: str
    model: str | None = None
    samples: int = 50
    seed: int = 0
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    dtype: DType = "float32"
    family: FamilyChoice = "both"
    split: Split = "standard"

    def pipeline(self, device: str) -> CMMDPipeline:
        """Loads the model. Raises InputError as `load_pipeline` does."""
        return load_pipeline(self.model, device=device, dtype=self.dtype)

    @property
    def world(self) -> WorldSet | None:
        """The world clips that samples are generated from; None for other clips."""
        if self.data != WORLD:
            return None
        return WorldSet(family=self.family, split=self.split, clips=self.samples, seed=self.seed)


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateOptions:
    """Options of the command; see `cmmd evaluate --help`. detector: folder of the detector of
    visual events; None for the shipped one. placement: where samples are generated, and its device."""

    out: Path
    clips: GivenClips | GeneratedClips
    direction: Literal["both", "video_to_audio", "audio_to_video", "joint", "all"] = "both"
    backbones: tuple[str, ...] = ()
    detector: Path | None = None
    training: Path | None = None
    cache: Path | None = None
    workers: int | None = None
    placement: Placement = LOCAL

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that are measured on files: all but joint generation, which has no reference."""
        return tuple(one for one in DIRECTIONS if self.direction in (one, "both", "all"))

    @property
    def all_directions(self) -> tuple[Generated, ...]:
        """Those of `directions`, and joint generation if it is asked for."""
        return (*self.directions, *(("joint",) if self.direction in ("joint", "all") else ()))
