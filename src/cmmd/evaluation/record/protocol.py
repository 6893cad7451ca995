"""The protocol of an evaluation as its record stores it: everything that a second run needs (ours)."""

from dataclasses import dataclass, field
from typing import Literal

from cmmd.files.inline_groups import inline


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneNote:
    """A network whose embeddings were used; see `Backbone`. sha256: of its file, or of the files in its folder."""

    name: str
    modality: Literal["audio", "video"]
    sha256: str
    preprocessing: str
    windows: str
    classes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """The generated clips, and the real ones that they were generated from.

    model, model_sha256, seed, steps, guidance, temperature: settings of the generation; "", 0 and {} if clips were
    given. data: the source of the real clips. samples: clips requested per direction and group (0: all given clips).
    """

    model: str
    model_sha256: str
    data: str
    samples: int
    seed: int
    steps: int
    guidance: dict[str, float]
    device: str
    temperature: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFormat:
    """The form in which clips are compared. image_size: pixels. sample_rate: Hz."""

    fps: int
    image_size: int
    sample_rate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Methods:
    """One sentence each."""

    resampler: str
    reading: str
    intervals: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Software:
    """versions: by package. commit: "" outside a checkout."""

    versions: dict[str, str]
    commit: str


@inline("generation", "clip_format", "methods", "software")
@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Everything that a second run needs to reproduce the figures.

    reference_clips: number by group. tolerance: of matched events, seconds. The others are inline groups.
    """

    command: str
    generation: Generation
    clip_format: ClipFormat
    reference_clips: dict[str, int]
    tolerance: float
    methods: Methods
    backbones: tuple[BackboneNote, ...]
    software: Software
