"""All figures of one system in one direction on one group of clips (ours)."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.measuring.denoising_gains import denoising_gains
from cmmd.evaluation.measuring.event_agreement import event_metrics, events_of
from cmmd.evaluation.measuring.paired_measures import FeaturePair, paired_measures
from cmmd.evaluation.measuring.set_distances import class_metrics, set_distance, set_metrics
from cmmd.evaluation.record.schema import ClipRow, CopyRow, Direction, Memorisation, Metric, Result, SetDistance
from cmmd.evaluation.record.too_few import FEWEST_REAL
from cmmd.evaluation.samples.generated_samples import Samples
from cmmd.measures.copies import find_embedded_copies
from cmmd.measures.intervals import bootstrap_mean
from cmmd.pipeline import CMMDPipeline

Rows = list[dict[str, float]]
"""One dict per clip: metric name to value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measuring:
    """Computes results; holds the settings that all results of an evaluation share.

    folder: of the record. pipeline: None if the clips were given. training: features of training clips by name, {} for
    none.
    """

    folder: Path
    fps: int
    backbones: tuple[Backbone, ...]
    pipeline: CMMDPipeline | None
    training: dict[str, ClipFeatures]

    def __call__(
        self,
        pairs: Sequence[FeaturePair],
        real: Sequence[ClipFeatures],
        *,
        direction: Direction,
        group: str,
        samples: Samples | None,
    ) -> Result:
        """Measures generated clips against their references, and as a set against all `real` clips of the group."""
        backbones = [b for b in self.backbones if b.modality == modality_of(direction)]
        metrics = event_metrics(pairs, direction)
        rows: Rows = [events_of(made, true, direction).values() for made, true in pairs]
        for measure in paired_measures(direction, fps=self.fps, group=group, backbones=backbones):
            more, values = measure.of(pairs)
            metrics += more
            rows = [row | value for row, value in zip(rows, values, strict=True)]
        if self.pipeline is not None:
            metrics.append(self._denoising(self.pipeline, pairs, rows, direction))
        distances = []
        for backbone in backbones:
            more, distance = _distances(backbone, pairs, real, rows)
            metrics += more
            distances += distance
        return Result(
            direction=direction,
            group=group,
            metrics=tuple(metrics),
            clips=tuple(
                self._row(made, true, direction, row, samples) for (made, true), row in zip(pairs, rows, strict=True)
            ),
            distances=tuple(distances),
            memorisation=self._memorisation(backbones[-1], pairs, real) if self.training else None,
            seconds=_mean_seconds(samples, [made.clip.name for made, _ in pairs]),
        )

    def _row(
        self,
        made: ClipFeatures,
        true: ClipFeatures,
        direction: Direction,
        values: dict[str, float],
        samples: Samples | None,
    ) -> ClipRow:
        events, name = events_of(made, true, direction), made.clip.name
        return ClipRow(
            name=name,
            generated=self._relative(made.clip.file),
            reference=self._relative(true.clip.file),
            seed=-1 if samples is None else samples.seeds[name],
            values=values,
            found=tuple(events.found.tolist()),
            true=tuple(events.true.tolist()),
            true_from=events.true_from,
            pairs=events.matching().pairs,
            seconds={} if samples is None else samples.seconds[name],
        )

    def _relative(self, file: Path) -> str:
        return Path(os.path.relpath(file.resolve(), self.folder.resolve())).as_posix()

    def _denoising(
        self, pipeline: CMMDPipeline, pairs: Sequence[FeaturePair], rows: Rows, direction: Direction
    ) -> Metric:
        gains = denoising_gains(pipeline, pairs, direction)
        for row, gain in zip(rows, gains, strict=True):
            row["denoising alignment"] = gain
        best = denoising_gains(pipeline, [(true, true) for _, true in pairs], direction)
        return Metric(
            name="denoising alignment",
            **asdict(bootstrap_mean(gains)),
            chance=0.0,
            ceiling=bootstrap_mean(best).value,
            better="higher",
            samples=sum(not math.isnan(gain) for gain in gains),
            about="How much better the model denoises clips under their own condition than another; its own judge.",
        )

    def _memorisation(
        self, backbone: Backbone, pairs: Sequence[FeaturePair], real: Sequence[ClipFeatures]
    ) -> Memorisation | None:
        training = [clip for clip in self.training.values() if backbone.name in clip.embeddings]
        if not training:
            return None
        made = [features for features, _ in pairs]
        report, near = find_embedded_copies(*(_mean_vectors(backbone, these) for these in (made, training, real)))
        rows = tuple(
            CopyRow(
                name=features.clip.name,
                generated=self._relative(features.clip.file),
                training=self._relative(training[int(nearest)].clip.file),
                distance=float(distance),
                flagged=bool(distance < report.threshold),
            )
            for features, distance, nearest in zip(made, report.distances, report.nearest, strict=True)
        )
        return Memorisation(backbone=backbone.name, threshold=report.threshold, real=tuple(near.tolist()), rows=rows)


def modality_of(direction: Direction) -> str:
    """The generated modality."""
    return "audio" if direction == "video_to_audio" else "video"


def _distances(
    backbone: Backbone, pairs: Sequence[FeaturePair], real: Sequence[ClipFeatures], rows: Rows
) -> tuple[list[Metric], list[SetDistance]]:
    """Set metrics and distances of one backbone, ([], []) for too few clips. Adds per-sample distances to `rows`."""
    if len(pairs) < 2 or len(real) < FEWEST_REAL:
        return [], []
    made = [features.embeddings[backbone.name] for features, _ in pairs]
    true = [features.embeddings[backbone.name] for features in real]
    vectors = [item.vectors for item in made], [item.vectors for item in true]
    if sum(map(len, vectors[0])) < 2:
        return [], []
    distance = set_distance(backbone, *vectors)
    for row, value in zip(rows, distance.samples, strict=True):
        row[f"{backbone.distance} per sample"] = value
    metrics = set_metrics(backbone, distance, *vectors)
    if backbone.classes:
        classes = [torch.stack([item.classes for item in items if item.classes is not None]) for items in (made, true)]
        metrics += class_metrics(backbone, *classes)
    return metrics, [distance]


def _mean_vectors(backbone: Backbone, clips: Sequence[ClipFeatures]) -> Tensor:
    return torch.stack([clip.embeddings[backbone.name].vectors.mean(0) for clip in clips])


def _mean_seconds(samples: Samples | None, names: Sequence[str]) -> dict[str, float]:
    if samples is None or not names:
        return {}
    listed = [samples.seconds[name] for name in names]
    parts = dict.fromkeys(part for seconds in listed for part in seconds)
    return {part: float(np.mean([seconds.get(part, 0.0) for seconds in listed])) for part in parts}
