"""Together, clips tell the lag of sound behind picture; mixed-up pairs, and too few clips, tell nothing."""

import numpy as np
import pytest

from cmmd.clips.decoding import Damage
from cmmd.doctor.belonging import FEWEST, lag_correlations, synchrony
from cmmd.doctor.fingerprint import segment_means
from cmmd.doctor.picture_trace import PictureMeasures, PictureTrace
from cmmd.doctor.sound_trace import BANDS, HOPS, SoundTrace

CLIPS, SECONDS = 40, 6


def _pictures(events: np.ndarray) -> PictureTrace:
    """Motion in the tenth of a second before each event is shown, over noise. events: (tenths,) of 0 and 1."""
    noise = np.random.default_rng(int(events.sum() * 100) + len(events)).uniform(0, 2, len(events))
    measures = PictureMeasures(
        count=len(events),
        seconds=len(events) / 10,
        usual_gap=0.1,
        uneven=0.0,
        longest_gap=0.1,
        longest_gap_at=0.0,
        contrast=50.0,
        change=100.0,
        flagged=0,
        damage=Damage(),
    )
    motion = (4 * np.roll(events, 1) + noise).astype(np.float32)
    return PictureTrace(measures=measures, cells=np.zeros((len(events), 8, 8), np.uint8), motion=motion)


def _sound(events: np.ndarray, generator: np.random.Generator) -> SoundTrace:
    """Each event is loud for the tenth of a second that it has, over noise."""
    loud = segment_means(events[:, None].astype(float), len(events) * HOPS // 10)
    bands = ((0.02 + loud) * generator.uniform(0.3, 1, (len(loud), BANDS))).astype(np.float32)
    return SoundTrace(
        first=0.0,
        end=len(events) / 10,
        rate=16000,
        gaps=0,
        peak=0.5,
        clipped=0.0,
        damage=Damage(),
        energy=bands.sum(axis=1),
        peaks=np.sqrt(bands.max(axis=1)),
        bands=bands,
    )


def _correlations(*, late: int = 0, mixed: bool = False, clips: int = CLIPS) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    events = [(generator.uniform(size=10 * SECONDS) < 0.12).astype(np.float32) for _ in range(clips)]
    heard = events[1:] + events[:1] if mixed else events
    pairs = [
        lag_correlations(_pictures(seen), _sound(np.concatenate([np.zeros(late, np.float32), sounded]), generator))
        for seen, sounded in zip(events, heard, strict=True)
    ]
    return [pair for pair in pairs if pair is not None]


@pytest.mark.parametrize(("late", "words"), [(0, "in time"), (5, "0.5 s after the picture"), (12, "1.2 s after")])
def test_the_lag_of_a_set_is_found(late: int, words: str) -> None:
    kept = synchrony(_correlations(late=late))
    assert kept is not None
    assert kept.lag == pytest.approx(late / 10, abs=0.11)
    assert words in kept.says


def test_mixed_up_pairs_agree_at_no_lag() -> None:
    kept = synchrony(_correlations(mixed=True))
    assert kept is not None
    assert kept.strength < 4
    assert "proves nothing" in kept.says


def test_a_few_clips_tell_nothing() -> None:
    assert synchrony(_correlations(clips=FEWEST - 1)) is None
    assert synchrony(_correlations(clips=FEWEST)) is not None


def test_clips_in_which_nothing_happens_are_left_out() -> None:
    events = np.zeros(60, np.float32)
    events[[10, 30]] = 1
    generator = np.random.default_rng(0)
    assert lag_correlations(_pictures(events[:20]), _sound(events[:20], generator)) is None  # too short
    still = _pictures(events)
    still.motion[:] = 0
    assert lag_correlations(still, _sound(events, generator)) is None
    assert lag_correlations(_pictures(events), _sound(events, generator)) is not None
