"""Placing sound and pictures in time, without any file."""

from fractions import Fraction

import numpy as np
import pytest
from made_media import click_time, tone

from cmmd.clips.timeline import LONGEST_GAP, SoundLine


def _line(
    blocks: list[tuple[float, np.ndarray]], *, rate: int = 8000, seconds: float = 2
) -> tuple[SoundLine, np.ndarray]:
    line = SoundLine(16000)
    for time, block in blocks:
        line.add(block, rate, Fraction(time).limit_denominator(1000000))
    return line, line.finish(Fraction(seconds))


def _impulse(samples: int, at: int) -> np.ndarray:
    block = np.zeros(samples, np.float32)
    block[at] = 1
    return block


@pytest.mark.parametrize("start", [-0.4, -0.0301, 0, 0.0021, 0.7])
def test_a_block_goes_where_its_time_says(start: float) -> None:
    """To within half a sample of the source."""
    _, sound = _line([(start, _impulse(8000, 4000))])
    assert len(sound) == 32000
    assert click_time(sound, 16000) == pytest.approx(start + 0.5, abs=0.5 / 8000 + 1e-5)


def test_overlap_is_cut_and_jitter_is_not() -> None:
    ones = np.ones(800, np.float32)
    line, _ = _line([(0, ones), (0.1 - 0.004, ones), (0.2 + 0.004, ones)])
    assert line.end == Fraction(3, 10)
    assert line.cuts == 0
    line, _ = _line([(0, ones), (0.05, ones)])
    assert line.end == Fraction(15, 100)
    assert (line.cuts, line.cut) == (1, Fraction(5, 100))


def test_pieces_join_without_a_seam() -> None:
    """Block by block is the same as at once."""
    sine = tone(1, 440, rate=8000)[0]
    _, whole = _line([(0, sine)], seconds=1)
    _, pieces = _line([(start / 8000, sine[start : start + 777]) for start in range(0, 8000, 777)], seconds=1)
    assert np.abs(whole - pieces).max() < 1e-6


def test_a_change_of_rate_keeps_the_place() -> None:
    line = SoundLine(16000)
    line.add(np.zeros(8000, np.float32), 8000, Fraction(0))
    line.add(_impulse(44100, 22050), 44100, Fraction(1))
    assert click_time(line.finish(Fraction(2)), 16000) == pytest.approx(1.5, abs=1e-4)


def test_a_broken_timestamp_does_not_fill_the_memory() -> None:
    line = SoundLine(16000)
    line.add(np.ones(800, np.float32), 8000, Fraction(0))
    line.add(np.ones(800, np.float32), 8000, LONGEST_GAP * 1000)
    assert line.end == Fraction(2, 10)
    assert line.jumps == 1


def test_a_line_ends_where_it_is_told() -> None:
    line = SoundLine(16000, until=Fraction(1, 2))
    for number in range(100):
        line.add(np.ones(800, np.float32), 8000, Fraction(number, 10))
    assert line.full
    assert line.end < 1


def test_a_block_that_is_off_for_once_stays_in_line() -> None:
    """Ogg states some short blocks of Vorbis 10 ms late; silence before them and a cut after them would be heard."""
    sine = tone(0.4, 440, rate=8000)[0]
    times = [0, 0.1, 0.211, 0.3]
    line, sound = _line([(time, sine[800 * n : 800 * n + 800]) for n, time in enumerate(times)], seconds=0.4)
    assert line.gaps == 0
    assert np.abs(sound - _line([(0, sine)], seconds=0.4)[1]).max() < 1e-6
    line, _ = _line([(time, sine[:800]) for time in (0, 0.1, 0.22, 0.32)], seconds=0.4)
    assert (line.gaps, line.filled) == (1, Fraction(2, 100))  # a second one says that it is true
