"""Agreement of detected with true events: F1, offsets, lag and chance (paper: the question; ours: the numbers).

Beat-hit scores accept music in anti-phase, and AV-Align cannot distinguish 0 from 160 ms at 10 fps. F1 against known
event times can.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

Times = np.ndarray | Sequence[float]

OFFSET_TOLERANCE = 0.1  # seconds; offsets are taken from pairs matched within it
LAG_WIDTH = 0.02  # seconds, standard deviation of the Gaussian of an event in the cross-correlation


@dataclass(frozen=True, kw_only=True, slots=True)
class Matching:
    """Pairs (index found, index true) of one clip, and the number of events on each side."""

    pairs: tuple[tuple[int, int], ...]
    offsets: tuple[float, ...]  # found minus true, seconds, in the order of `pairs`
    found: int
    true: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OnsetScore:
    """Counts summed over all clips at one tolerance (seconds), and the scores derived from them.

    low, high: 95 % bounds of the F1 (bootstrap over clips). clip_mean: mean F1 of single clips; a clip without events
    on either side counts as 1. chance: F1 of the events of clip i against the true events of another clip j. Scores are
    nan when there is nothing to count.
    """

    tolerance: float
    matched: int
    found: int
    true: int
    low: float
    high: float
    clip_mean: float
    chance: float

    @property
    def precision(self) -> float:
        return self.matched / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        return self.matched / self.true if self.true else float("nan")

    @property
    def f1(self) -> float:
        return _f1(self.matched, self.found, self.true)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentReport:
    """Agreement of detected with true events over many clips. Times are in seconds, nan when no pair matched."""

    clips: int
    scores: tuple[OnsetScore, ...]
    median_absolute_offset: float
    median_offset: float  # positive: detected late
    lag: float  # peak of the cross-correlation of detected and true events; positive: detected late

    def at(self, tolerance: float) -> OnsetScore:
        """Returns the score at a measured tolerance. Raises ValueError for another tolerance."""
        for score in self.scores:
            if abs(score.tolerance - tolerance) < 1e-9:
                return score
        raise ValueError(f"tolerance {tolerance} s was not measured; measured: {[s.tolerance for s in self.scores]}")


def match_events(found: Times, true: Times, *, tolerance: float) -> Matching:
    """Matches events one to one within `tolerance`: the maximum number of pairs, then the smallest total offset.

    Of the matchings with the smallest total offset, one without crossing pairs is returned.
    """
    a, b = np.asarray(found, dtype=float), np.asarray(true, dtype=float)
    offsets = np.abs(a[:, None] - b)
    # One more pair is worth more than all offsets within the tolerance together.
    pair = 1 + tolerance * min(offsets.shape)
    rows, columns = linear_sum_assignment(np.where(offsets <= tolerance, pair - offsets, 0), maximize=True)
    near = offsets[rows, columns] <= tolerance
    rows, columns = rows[near], columns[near]
    # On a line, pairing the same events in ascending order increases neither the total offset nor the largest one.
    rows = rows[np.argsort(a[rows], kind="stable")].tolist()
    columns = columns[np.argsort(b[columns], kind="stable")].tolist()
    return Matching(
        pairs=tuple(zip(rows, columns, strict=True)),
        offsets=tuple(float(a[i] - b[j]) for i, j in zip(rows, columns, strict=True)),
        found=len(a),
        true=len(b),
    )


def measure_alignment(
    found: Sequence[Times],
    true: Sequence[Times],
    *,
    tolerances: Sequence[float] = (0.05, 0.1),
    shuffles: int = 10,
    seed: int = 0,
) -> AlignmentReport:
    """Returns the report over all clips. found[i], true[i]: event times (s) of clip i. Raises ValueError when `found`
    and `true` differ in length."""
    if len(found) != len(true):
        raise ValueError(f"events found for {len(found)} clips, true events for {len(true)}: expected equal numbers")
    found, true = [np.sort(np.asarray(x, float)) for x in found], [np.sort(np.asarray(x, float)) for x in true]
    scores = tuple(_score(found, true, tolerance, shuffles, seed) for tolerance in tolerances)
    pairs = zip(found, true, strict=True)
    offsets = np.array([o for f, t in pairs for o in match_events(f, t, tolerance=OFFSET_TOLERANCE).offsets])
    return AlignmentReport(
        clips=len(found),
        scores=scores,
        median_absolute_offset=float(np.median(np.abs(offsets))) if len(offsets) else float("nan"),
        median_offset=float(np.median(offsets)) if len(offsets) else float("nan"),
        lag=event_lag(found, true),
    )


def _score(found: list[np.ndarray], true: list[np.ndarray], tolerance: float, shuffles: int, seed: int) -> OnsetScore:
    counts = _counts(found, true, tolerance)
    matched, n_found, n_true = counts.sum(0).tolist()
    low, high = bootstrap_f1(counts, seed=seed)
    own = [_f1(*row) if row[1] + row[2] else 1.0 for row in counts.tolist()]
    return OnsetScore(
        tolerance=float(tolerance),
        matched=matched,
        found=n_found,
        true=n_true,
        low=low,
        high=high,
        clip_mean=float(np.mean(own)) if own else float("nan"),
        chance=chance_f1(found, true, tolerance=tolerance, shuffles=shuffles, seed=seed),
    )


def _counts(found: Sequence[np.ndarray], true: Sequence[np.ndarray], tolerance: float) -> np.ndarray:
    """Returns counts per clip, (clips, 3): matched, found, true."""
    matchings = [match_events(f, t, tolerance=tolerance) for f, t in zip(found, true, strict=True)]
    return np.array([(len(m.pairs), m.found, m.true) for m in matchings], dtype=int).reshape(-1, 3)


def _f1(matched: int, found: int, true: int) -> float:
    return 2 * matched / (found + true) if found + true else float("nan")


def bootstrap_f1(counts: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Returns 95 % bounds of the pooled F1, from clips drawn with replacement; nan for fewer than two clips.

    counts: (clips, 3): matched, found, true.
    """
    if len(counts) < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(counts), size=(resamples, len(counts)))
    matched, found, true = counts[drawn].sum(1).T
    total = found + true
    values = (2 * matched / np.maximum(total, 1))[total > 0]
    if len(values) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def chance_f1(
    found: Sequence[Times], true: Sequence[Times], *, tolerance: float, shuffles: int = 10, seed: int = 0
) -> float:
    """F1 of clip i's events against the true events of another clip j, pooled over `shuffles` random derangements; nan
    for a single clip."""
    if len(found) < 2:
        return float("nan")
    generator = np.random.default_rng(seed)
    total = np.zeros(3, dtype=int)
    for _ in range(shuffles):
        other = derangement(len(true), generator)
        total += _counts([np.asarray(x) for x in found], [np.asarray(true[j]) for j in other], tolerance).sum(0)
    return _f1(*total.tolist())


def derangement(count: int, generator: np.random.Generator) -> np.ndarray:
    """Returns a random permutation of `count` >= 2 clips without fixed points (Sattolo's algorithm: one cycle)."""
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = int(generator.integers(i))
        order[i], order[j] = order[j], order[i]
    return order


def event_lag(found: Sequence[Times], true: Sequence[Times], *, width: float = LAG_WIDTH, limit: float = 0.3) -> float:
    """Returns the seconds by which detected events lag behind true events, searched in steps of 1 ms within `limit`.

    The lag is the peak of the cross-correlation of two trains of Gaussians of deviation `width`. This equals smoothing
    all pairwise differences with a Gaussian sqrt(2) times as wide. nan when no two events are close enough.
    """
    pairs = zip(found, true, strict=True)
    differences = [(np.asarray(f, float)[:, None] - np.asarray(t, float)[None]).ravel() for f, t in pairs]
    near = np.concatenate([*differences, np.zeros(0)])
    near = near[np.abs(near) < limit + 4 * width]
    if len(near) == 0:
        return float("nan")
    lags = np.arange(-round(limit * 1000), round(limit * 1000) + 1) / 1000
    correlation = np.zeros_like(lags)
    for chunk in np.array_split(near, len(near) // 1000 + 1):
        correlation += np.exp(-((lags[:, None] - chunk[None]) ** 2) / (4 * width**2)).sum(1)
    return float(lags[np.argmax(correlation)])


def envelope_lag(found: np.ndarray, true: np.ndarray, *, rate: float, limit: float = 0.3) -> float:
    """Returns the seconds by which envelope `found` lags behind `true`; both have the sampling rate `rate` (Hz).

    The lag is the peak of their normalised cross-correlation within `limit` seconds; nan when either is constant.
    Raises ValueError unless both are vectors of the same length.
    """
    if found.shape != true.shape or found.ndim != 1:
        raise ValueError(f"envelopes of shape {found.shape} and {true.shape}: expected two equally long vectors")
    a, b = found - found.mean(), true - true.mean()
    if np.abs(a).max(initial=0) < 1e-12 or np.abs(b).max(initial=0) < 1e-12:
        return float("nan")
    size = 2 * len(a)
    correlation = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    steps = min(round(limit * rate), len(a) - 1)
    lags = np.arange(-steps, steps + 1)
    return float(lags[np.argmax(correlation[lags])] / rate)
