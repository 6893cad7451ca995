"""Response of each alignment metric to true sound that is delayed by a known time (ours).

A metric that does not distinguish 0 from 160 ms does not measure synchronisation.
"""

from collections.abc import Sequence

import numpy as np

from cmmd.evaluation.measuring.clip_features import ClipFeatures, heard_onsets
from cmmd.evaluation.measuring.media import SAMPLE_RATE
from cmmd.evaluation.record.schema import Better, DelayCurve, DelayResponse
from cmmd.measures.alignment import event_lag, measure_alignment
from cmmd.measures.av_align import VARIANTS, av_align
from cmmd.measures.beat_agreement import beat_agreement, beat_times
from cmmd.measures.spectrogram_distance import SpectrogramDistances

DELAYS = (0.0, 0.04, 0.08, 0.16, 0.32)
"""Seconds."""
MOST_CLIPS = 25
LAG_LIMIT = 0.5
"""Seconds; must exceed the largest of `DELAYS`."""
Row = dict[str, float]

MEASURES: dict[str, tuple[str, Better]] = {
    "onset F1 at 50 ms": ("", "higher"),
    "onset F1 at 100 ms": ("", "higher"),
    "median absolute offset": ("s", "lower"),
    "lag": ("s", "lower"),
    **{f"AV-Align, {variant}": ("", "higher") for variant in VARIANTS},
    "beat F1": ("", "higher"),
    "log-mel L1": ("", "lower"),
    "spectral convergence": ("", "lower"),
}
"""(unit, better direction) by metric name."""


def delayed(waveform: np.ndarray, seconds: float, *, sample_rate: int) -> np.ndarray:
    """Delays a waveform by leading silence; the length stays the same, samples beyond the end are dropped."""
    silence = min(len(waveform), round(seconds * sample_rate))
    return np.concatenate([np.zeros(silence, waveform.dtype), waveform[: len(waveform) - silence]])


def delay_response(clips: Sequence[ClipFeatures], *, group: str, fps: int, world: bool) -> DelayResponse | None:
    """Response on the first `MOST_CLIPS` clips with sound, picture and known events; None if there is none."""
    usable = [clip for clip in clips if clip.waveform is not None and clip.moved is not None and clip.clip.events]
    usable = usable[:MOST_CLIPS]
    if not usable:
        return None
    distances = SpectrogramDistances()
    rows = [_row(usable, delay, fps=fps, world=world, distances=distances) for delay in DELAYS]
    curves = tuple(
        DelayCurve(metric=name, unit=unit, better=better, values=tuple(row[name] for row in rows))
        for name, (unit, better) in MEASURES.items()
    )
    return DelayResponse(group=group, clips=len(usable), delays=DELAYS, curves=curves)


def _row(clips: Sequence[ClipFeatures], delay: float, *, fps: int, world: bool, distances: SpectrogramDistances) -> Row:
    heard, events, beats, spectra = [], [], [], []
    aligned: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for clip in clips:
        assert clip.waveform is not None and clip.moved is not None and clip.clip.events is not None
        late = delayed(clip.waveform, delay, sample_rate=SAMPLE_RATE)
        heard.append(heard_onsets(late, world=world))
        events.append(np.array(clip.clip.events))
        if clip.sound_beats is not None:
            beats.append(beat_agreement(beat_times(late, sample_rate=SAMPLE_RATE), clip.sound_beats).f1)
        spectra.append(distances(late, clip.waveform))
        for variant in VARIANTS:
            aligned[variant].append(av_align(heard[-1], clip.moved, fps=fps, variant=variant))
    report = measure_alignment(heard, events, shuffles=0)
    return {
        "onset F1 at 50 ms": report.at(0.05).f1,
        "onset F1 at 100 ms": report.at(0.1).f1,
        "median absolute offset": report.median_absolute_offset,
        "lag": event_lag(heard, events, limit=LAG_LIMIT),
        **{f"AV-Align, {variant}": _mean(values) for variant, values in aligned.items()},
        "beat F1": _mean(beats),
        "log-mel L1": _mean([one.l1 for one in spectra]),
        "spectral convergence": _mean([one.convergence for one in spectra]),
    }


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
