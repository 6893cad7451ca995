"""What an evaluation leaves behind: `record.json`, from which its report and every figure is drawn (ours).

Times are seconds, files are relative to the record's folder, and what could not be measured is nan (null in JSON).
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter

from cmmd.foreign_files import reading
from cmmd.output_folder import make_folder
from cmmd.plain_json import read_json
from cmmd.unfinished_file import written_beside

FILE = "record.json"
VERSION = 1
Measured = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number, or nan where there was nothing to measure."""
Better = Literal["lower", "higher"]
Direction = Literal["video_to_audio", "audio_to_video"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One figure of one result, with its 95 % bounds and what it must be read against.

    floor: the same distance of real clips to real clips, at the same sizes. chance: with the pairs shuffled. ceiling:
    the same on the true clips. unit: "" for a pure number. samples: clips it was measured on. about: one sentence.
    """

    name: str
    value: Measured
    low: Measured
    high: Measured
    floor: Measured
    chance: Measured
    ceiling: Measured
    unit: str
    better: Better
    samples: int
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRow:
    """One generated clip beside its reference.

    values: metric name to value, those that one clip has by itself. found: times of the events heard (or seen) in the
    generated modality. true: times that they should have, and `true_from` where these come from: "known" (the world, a
    manifest), "sound" (onsets heard in the reference), "picture" (motion seen in the reference). pairs: (index into
    found, index into true) matched within `Protocol.tolerance`. seed: -1 where it is not known. seconds: what each
    part of the generation took, where a model was run.
    """

    name: str
    generated: str
    reference: str
    seed: int
    values: dict[str, Measured]
    found: tuple[float, ...]
    true: tuple[float, ...]
    true_from: Literal["known", "sound", "picture"]
    pairs: tuple[tuple[int, int], ...]
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetDistance:
    """Frechet distances under one backbone: of every clip by itself and of the set (the paper's box plot and cross).

    samples: a clip's own windows against the whole reference, in the order of `Result.clips`. real_samples: the same
    for real clips, each left out of the reference. value and real_value: sets of `size` generated or real clips against
    the same `reference_size` other real clips, means over draws: the two that may be compared. low, high: of `value`.
    whole: all generated clips against the whole reference. at_infinity, real_at_infinity: extrapolated to infinitely
    many samples, nan for fewer than 8 clips. The outliers of a box plot are beyond 1.5 quartile ranges.
    """

    name: str
    backbone: str
    samples: tuple[Measured, ...]
    real_samples: tuple[Measured, ...]
    size: int
    reference_size: int
    value: Measured
    low: Measured
    high: Measured
    real_value: Measured
    whole: Measured
    at_infinity: Measured
    real_at_infinity: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyRow:
    """The training clip nearest to one generated clip. training: its file. flagged: nearer than real clips lie."""

    name: str
    generated: str
    training: str
    distance: float
    flagged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Memorisation:
    """Whether generated clips are copies. real: distances of real test clips to their nearest training clip; what
    lies below `threshold`, a low quantile of them, is flagged. backbone: whose embeddings were compared."""

    backbone: str
    threshold: float
    real: tuple[float, ...]
    rows: tuple[CopyRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One system in one direction on one group of clips. group: a world family, or "" for all clips together.

    seconds: mean of each part of the generation a clip ({} where no model was run).
    """

    direction: Direction
    group: str
    metrics: tuple[Metric, ...]
    clips: tuple[ClipRow, ...]
    distances: tuple[SetDistance, ...]
    memorisation: Memorisation | None
    seconds: dict[str, float]

    def metric(self, name: str) -> Metric:
        """By name. Raises KeyError where it was not measured."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"{name} was not measured; measured: {[metric.name for metric in self.metrics]}")


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """Whatever made the clips: a model, or the folder's name."""

    name: str
    results: tuple[Result, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayCurve:
    """How one metric answers to sound that is late by `DelayResponse.delays`."""

    metric: str
    unit: str
    better: Better
    values: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayResponse:
    """The reference's true sound delayed by known times (seconds): what each metric of alignment makes of it."""

    group: str
    clips: int
    delays: tuple[float, ...]
    curves: tuple[DelayCurve, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedClip:
    """A clip that entered no figure. system: "" for the reference. direction, group: "" where it fails in all."""

    system: str
    direction: str
    group: str
    name: str
    file: str
    kind: Literal["missing", "unreadable", "silent"]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneNote:
    """A network whose embeddings were used. sha256: of its file, or of the files of its folder."""

    name: str
    modality: Literal["audio", "video"]
    sha256: str
    preprocessing: str
    windows: str
    classes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """All that a second run needs to give the same figures.

    model, model_sha256, data, seed, steps, guidance: of the generation, "" and {} where files were given.
    samples: clips asked for a direction and group (0: all that were given). reference_clips: by group. tolerance: of
    matched events, seconds. intervals, resampler, reading: one sentence each. cache: "" where there was none.
    """

    command: str
    model: str
    model_sha256: str
    data: str
    samples: int
    seed: int
    steps: int
    guidance: dict[str, float]
    device: str
    fps: int
    image_size: int
    sample_rate: int
    reference_clips: dict[str, int]
    tolerance: float
    resampler: str
    reading: str
    intervals: str
    backbones: tuple[BackboneNote, ...]
    versions: dict[str, str]
    commit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A whole evaluation."""

    version: int
    protocol: Protocol
    systems: tuple[System, ...]
    delays: tuple[DelayResponse, ...]
    failures: tuple[FailedClip, ...]


def write_record(record: Record, folder: Path) -> Path:
    """Write `record.json` into the folder. Raises InputError where that cannot be written to."""
    make_folder(folder)
    path = folder / FILE
    text = json.dumps(_plain(asdict(record)), indent=1, allow_nan=False) + "\n"
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return path


def read_record(folder: Path) -> Record:
    """Read `record.json` of the folder. Raises InputError where it is missing or not one."""
    path = folder / FILE
    expected = "a record of cmmd evaluate"
    values = read_json(path, expected=expected)
    with reading(path, expected=expected):
        return TypeAdapter(Record).validate_python(values)


def _plain(value: Any) -> Any:
    """JSON knows no nan."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
