"""The result of an evaluation, `record.json`: the source of its report and of every figure (ours).

Times are in seconds, files are relative to the record's folder. A value that could not be measured is nan (null in
JSON).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter

from cmmd.evaluation.record.protocol import Protocol
from cmmd.files.foreign_files import reading
from cmmd.files.inline_groups import as_dict, inline
from cmmd.files.output_folder import make_folder
from cmmd.files.plain_json import read_json
from cmmd.files.unfinished_file import atomic_file

FILE = "record.json"
VERSION = 1
NAN = math.nan
Measured = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number, or nan if there was nothing to measure."""
Better = Literal["lower", "higher"]
Direction = Literal["video_to_audio", "audio_to_video"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One figure of one result, with its 95 % bounds (low, high) and its reference values.

    floor: the same distance between real clips, at the same sizes. chance: the value with shuffled pairs. ceiling: the
    value on the true clips. unit: "" for a pure number. samples: number of measured clips. about: one sentence.
    """

    name: str
    value: Measured
    low: Measured = NAN
    high: Measured = NAN
    floor: Measured = NAN
    chance: Measured = NAN
    ceiling: Measured = NAN
    unit: str = ""
    better: Better
    samples: int
    about: str


class _Measures:
    """Has metrics."""

    __slots__ = ()
    metrics: tuple[Metric, ...]

    def metric(self, name: str) -> Metric:
        """Returns the metric with this name. Raises KeyError if it was not measured."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"{name} was not measured; measured: {[metric.name for metric in self.metrics]}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRow:
    """One generated clip and its reference.

    values: metric name to value, for metrics that are defined per clip. found: times of the events detected in the
    generated modality. true: the true times. true_from: their source, "known" (the world, a manifest), "sound" (onsets
    heard in the reference) or "picture" (motion seen in the reference). pairs: (index into found, index into true)
    matched within `Protocol.tolerance`. seed: -1 if unknown. seconds: duration of each generation stage, {} if no model
    was run.
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
class SplitDistance:
    """Frechet distances of sets of equal size, which are comparable; means over random splits.

    value, real_value: sets of `size` generated or real clips against the same `reference_size` other real clips. low,
    high: bounds of `value`.
    """

    size: int
    reference_size: int
    value: Measured
    low: Measured
    high: Measured
    real_value: Measured


@inline("split")
@dataclass(frozen=True, kw_only=True, slots=True)
class SetDistance:
    """Frechet distances under one backbone: of each clip and of the set (the paper's box plot and cross).

    samples: the windows of one clip against the whole reference, in the order of `Result.clips`. real_samples: the same
    for held-out real clips against the other real clips. split: inline group. whole: all generated clips against the
    whole reference. at_infinity, real_at_infinity: extrapolated to infinitely many samples, nan for fewer than 8 clips.
    The outliers of a box plot are beyond 1.5 quartile ranges.
    """

    name: str
    backbone: str
    samples: tuple[Measured, ...]
    real_samples: tuple[Measured, ...]
    split: SplitDistance
    whole: Measured
    at_infinity: Measured
    real_at_infinity: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyRow:
    """The training clip nearest to one generated clip. training: its file. flagged: distance below the threshold."""

    name: str
    generated: str
    training: str
    distance: float
    flagged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Memorisation:
    """Detection of copied training clips. real: distances of real test clips to their nearest training clip. threshold:
    a low quantile of `real`; generated clips below it are flagged. backbone: the network of the embeddings."""

    backbone: str
    threshold: float
    real: tuple[float, ...]
    rows: tuple[CopyRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result(_Measures):
    """One system in one direction on one group of clips. group: "" if the clips have none.

    seconds: mean duration of each generation stage per clip ({} if no model was run).
    """

    direction: Direction
    group: str
    metrics: tuple[Metric, ...]
    clips: tuple[ClipRow, ...]
    distances: tuple[SetDistance, ...]
    memorisation: Memorisation | None
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The source of generated clips. name: of the model, or the name given to a folder."""

    name: str
    results: tuple[Result, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldScore(_Measures):
    """Samples of world clips in one direction, measured before they are encoded; see world_scores.py.

    family: that of the clips, or `any` for joint generation. seconds: of generation per clip.
    """

    family: str
    direction: Direction | Literal["joint"]
    clips: int
    metrics: tuple[Metric, ...]
    seconds: float

    def value(self, name: str) -> float | None:
        """Returns the value of a metric; None if it was not measured."""
        return next((metric.value for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayCurve:
    """Values of one metric for sound delayed by each of `DelayResponse.delays`."""

    metric: str
    unit: str
    better: Better
    values: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayResponse:
    """Response of each alignment metric to the reference sound delayed by known times (s). clips: their number."""

    group: str
    clips: int
    delays: tuple[float, ...]
    curves: tuple[DelayCurve, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedClip:
    """A clip excluded from all figures. system: "" for the reference. direction, group: "" if it fails in all."""

    system: str
    direction: str
    group: str
    name: str
    file: str
    kind: Literal["missing", "unreadable", "silent"]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A whole evaluation. world: scores of samples of world clips."""

    version: int
    protocol: Protocol
    systems: tuple[System, ...]
    delays: tuple[DelayResponse, ...]
    failures: tuple[FailedClip, ...]
    world: tuple[WorldScore, ...] = ()


def write_record(record: Record, folder: Path) -> Path:
    """Writes `record.json` into the folder and returns its path. Raises InputError if it cannot be written."""
    make_folder(folder)
    path = folder / FILE
    text = json.dumps(_plain(as_dict(record)), indent=1, allow_nan=False) + "\n"
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def read_record(folder: Path) -> Record:
    """Reads `record.json` from the folder. Raises InputError if it is missing or not a valid record."""
    path = folder / FILE
    expected = "a record of cmmd evaluate"
    values = read_json(path, expected=expected)
    with reading(path, expected=expected):
        return TypeAdapter(Record).validate_python(values)


def _plain(value: Any) -> Any:
    """Replaces nan and infinity by None, because JSON has neither."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
