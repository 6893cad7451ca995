"""Agreement of generated with true events, as metrics with bounds, ceiling and chance (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cmmd.evaluation.clip_features import ClipFeatures
from cmmd.evaluation.paired_measures import FeaturePair
from cmmd.evaluation.record import Direction, Metric
from cmmd.measures.alignment import (
    AlignmentReport,
    Matching,
    derangement,
    event_lag,
    match_events,
    measure_alignment,
)
from cmmd.measures.intervals import Interval, bootstrap

TOLERANCES = (0.05, 0.1)
DRAWN = 0.1
"""Tolerance (s) of the event pairs in the record."""
LAG_RESAMPLES = 200
NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Events:
    """Events of one pair, times in seconds. best: detections on the true clip, None if `true` already is them."""

    found: np.ndarray
    true: np.ndarray
    true_from: Literal["known", "sound", "picture"]
    best: np.ndarray | None

    def matching(self) -> Matching:
        return match_events(self.found, self.true, tolerance=DRAWN)

    def values(self) -> dict[str, float]:
        """Per-clip metrics: F1 at both tolerances (1 if neither side has an event), median absolute offset (s)."""
        values = {}
        for tolerance in TOLERANCES:
            pairs = len(match_events(self.found, self.true, tolerance=tolerance).pairs)
            events = len(self.found) + len(self.true)
            values[_f1_name(tolerance)] = 2 * pairs / events if events else 1.0
        offsets = self.matching().offsets
        return values | {"median absolute offset": float(np.median(np.abs(offsets))) if offsets else NAN}


def events_of(made: ClipFeatures, true: ClipFeatures, direction: Direction) -> Events:
    """Events of one pair. True times are the known ones, else onsets of the reference sound, else events seen in it."""
    found = made.heard if direction == "video_to_audio" else made.seen
    best = true.heard if direction == "video_to_audio" else true.seen
    assert found is not None, "a clip without the generated modality is a failure"
    if true.clip.events is not None:
        return Events(found=found, true=np.array(true.clip.events, dtype=float), true_from="known", best=best)
    if true.heard is not None:
        best = None if direction == "video_to_audio" else best
        return Events(found=found, true=true.heard, true_from="sound", best=best)
    assert true.seen is not None, "a clip has a sound or a picture"
    best = best if direction == "video_to_audio" else None
    return Events(found=found, true=true.seen, true_from="picture", best=best)


def event_metrics(pairs: Sequence[FeaturePair], direction: Direction) -> list[Metric]:
    """Metrics over all pairs: F1 at 50 and 100 ms, median absolute offset (s), lag (s)."""
    events = [events_of(made, true, direction) for made, true in pairs]
    found, true = [one.found for one in events], [one.true for one in events]
    best = [one.best for one in events if one.best is not None]
    report = measure_alignment(found, true)
    ceiling = measure_alignment(best, true) if len(best) == len(events) else None
    other = derangement(len(true), np.random.default_rng(0)) if len(true) > 1 else None
    chance = None if other is None else measure_alignment(found, [true[j] for j in other], shuffles=0)
    metrics = [_f1(report, ceiling, tolerance, len(pairs), direction) for tolerance in TOLERANCES]
    offsets = [one.matching().offsets for one in events]

    def median(rows: np.ndarray) -> float:
        drawn = np.abs(np.concatenate([offsets[i] for i in rows])) if len(rows) else np.zeros(0)
        return float(np.median(drawn)) if len(drawn) else NAN

    def lag(rows: np.ndarray) -> float:
        return event_lag([found[i] for i in rows], [true[i] for i in rows])

    for name, interval, field, about in (
        (
            "median absolute offset",
            bootstrap(len(events), median),
            "median_absolute_offset",
            "Of events paired within 100 ms.",
        ),
        (
            "lag",
            bootstrap(len(events), lag, resamples=LAG_RESAMPLES),
            "lag",
            "Where events found and true ones correlate most, within 300 ms; positive is late, best is 0.",
        ),
    ):
        metrics.append(_seconds(name, interval, field, about, chance, ceiling, len(pairs)))
    return metrics


def _f1_name(tolerance: float) -> str:
    return f"onset F1 at {1000 * tolerance:.0f} ms"


def _f1(
    report: AlignmentReport, ceiling: AlignmentReport | None, tolerance: float, count: int, direction: Direction
) -> Metric:
    score = report.at(tolerance)
    how = "heard in the generated sound" if direction == "video_to_audio" else "seen in the generated frames"
    return Metric(
        name=_f1_name(tolerance),
        value=score.f1,
        low=score.low,
        high=score.high,
        floor=NAN,
        chance=score.chance,
        ceiling=NAN if ceiling is None else ceiling.at(tolerance).f1,
        unit="",
        better="higher",
        samples=count,
        about=f"Events {how} that pair one to one with true ones within {1000 * tolerance:.0f} ms, pooled over clips.",
    )


def _seconds(
    name: str,
    interval: Interval,
    field: str,
    about: str,
    chance: AlignmentReport | None,
    ceiling: AlignmentReport | None,
    count: int,
) -> Metric:
    return Metric(
        name=name,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        floor=NAN,
        chance=NAN if chance is None else getattr(chance, field),
        ceiling=NAN if ceiling is None else getattr(ceiling, field),
        unit="s",
        better="lower",
        samples=count,
        about=about,
    )
