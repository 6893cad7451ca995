"""Agreement of generated with true events, as metrics with bounds, ceiling and chance (ours)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.measuring.paired_measures import FeaturePair
from cmmd.evaluation.record.schema import Direction, Metric
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
FOUND_IN = {
    "joint": "heard, with those seen in the same clip as true ones,",
    "video_to_audio": "heard in the generated sound",
    "audio_to_video": "seen in the generated frames",
}


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
        return values | {"median absolute offset": _median(np.abs(offsets))}


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
    """The metrics of `timing_metrics` over all pairs."""
    events = [events_of(made, true, direction) for made, true in pairs]
    true, best = [one.true for one in events], [one.best for one in events if one.best is not None]
    ceiling = measure_alignment(best, true) if len(best) == len(events) else None
    return timing_metrics([one.found for one in events], true, ceiling=ceiling, found_in=FOUND_IN[direction])


def timing_metrics(
    found: Sequence[np.ndarray], true: Sequence[np.ndarray], *, ceiling: AlignmentReport | None, found_in: str
) -> list[Metric]:
    """Metrics over all clips: F1 at 50 and 100 ms, median absolute and signed offset (s), lag (s).

    found, true: event times (s) of each clip. ceiling: agreement on the true clips. found_in: where events were found.
    """
    report = measure_alignment(found, true)
    other = derangement(len(true), np.random.default_rng(0)) if len(true) > 1 else None
    chance = None if other is None else measure_alignment(found, [true[j] for j in other], shuffles=0)
    return [_f1(report, ceiling, tolerance, found_in) for tolerance in TOLERANCES] + [
        Metric(
            name=name,
            **asdict(interval),
            chance=NAN if chance is None else getattr(chance, field),
            ceiling=NAN if ceiling is None else getattr(ceiling, field),
            unit="s",
            better="lower",
            samples=len(found),
            about=about,
        )
        for name, interval, field, about in _offsets_and_lag(found, true)
    ]


def _offsets_and_lag(
    found: Sequence[np.ndarray], true: Sequence[np.ndarray]
) -> tuple[tuple[str, Interval, str, str], ...]:
    """Returns name, value with interval, field of `AlignmentReport` and description of each figure in seconds."""
    offsets = [match_events(f, t, tolerance=DRAWN).offsets for f, t in zip(found, true, strict=True)]

    def drawn(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([offsets[i] for i in rows]) if len(rows) else np.zeros(0)

    def lag(rows: np.ndarray) -> float:
        return event_lag([found[i] for i in rows], [true[i] for i in rows])

    return (
        (
            "median absolute offset",
            bootstrap(len(found), lambda rows: _median(np.abs(drawn(rows)))),
            "median_absolute_offset",
            "Of events paired within 100 ms.",
        ),
        (
            "median offset",
            bootstrap(len(found), lambda rows: _median(drawn(rows))),
            "median_offset",
            "Of events paired within 100 ms; positive is late, best is 0.",
        ),
        (
            "lag",
            bootstrap(len(found), lag, resamples=LAG_RESAMPLES),
            "lag",
            "Where events found and true ones correlate most, within 300 ms; positive is late, best is 0.",
        ),
    )


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else NAN


def _f1_name(tolerance: float) -> str:
    return f"onset F1 at {1000 * tolerance:.0f} ms"


def _f1(report: AlignmentReport, ceiling: AlignmentReport | None, tolerance: float, found_in: str) -> Metric:
    score = report.at(tolerance)
    within = f"within {1000 * tolerance:.0f} ms"
    return Metric(
        name=_f1_name(tolerance),
        value=score.f1,
        low=score.low,
        high=score.high,
        chance=score.chance,
        ceiling=NAN if ceiling is None else ceiling.at(tolerance).f1,
        better="higher",
        samples=report.clips,
        about=f"Events {found_in} that pair one to one with true ones {within}, pooled over clips.",
    )
