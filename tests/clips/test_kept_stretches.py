"""Kept stretches: seconds to whole frames inwards, what is refused, and how they are put back into what was made."""

from pathlib import Path

import numpy as np
import pytest

from cmmd.clips.geometry import Geometry
from cmmd.clips.kept_stretches import KeptStretches, kept_frames
from cmmd.clips.reading import Clip
from cmmd.errors import InputError

GEOMETRY = Geometry()


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ([(0, 0.8)], range(8)),
        ([(0.3, 0.7)], range(3, 7)),  # 0.3 * 10 is a little more than 3 in binary
        ([(0.31, 0.69)], range(4, 6)),
        ([(0.25, 0.55)], range(3, 5)),
        ([(0.8, 1.6)], range(8, 16)),
        ([(0.8, 1.6004)], range(8, 16)),  # within a container's rounding
        ([(0, 0.2), (1.4, 1.6)], (0, 1, 14, 15)),
        ([(0, 0.4), (0.2, 0.6)], range(6)),
    ],
)
def test_a_stretch_is_rounded_inwards_to_whole_frames(keep, expected):
    found = kept_frames(keep, seconds=1.6, frames=16, fps=10)
    assert np.flatnonzero(found).tolist() == list(expected)


def test_a_result_that_goes_on_keeps_what_is_given():
    assert np.flatnonzero(kept_frames([(0, 1.6)], seconds=1.6, frames=30, fps=10)).tolist() == list(range(16))


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        ((0.5, 0.5), "keep: found 0.5 to 0.5 s, expected an end after the start"),
        ((0.8, 0.2), "keep: found 0.8 to 0.2 s, expected an end after the start"),
        ((float("nan"), 1), "expected an end after the start"),
        ((0, float("inf")), "expected an end after the start"),
        ((-0.1, 0.5), "found -0.1 to 0.5 s, expected times from 0 to 1.6 s, the clip's end"),
        ((0.5, 1.7), "found 0.5 to 1.7 s, expected times from 0 to 1.6 s, the clip's end"),
        ((5, 6), "found 5 to 6 s, expected times from 0 to 1.6 s"),
        ((0.52, 0.58), "found 0.52 to 0.58 s, expected a whole frame of 0.1 s within the result"),
        ((0.55, 0.65), "expected a whole frame"),
        ((0, 1.6), "keep: found all of the result, expected something left to generate"),
    ],
)
def test_what_cannot_be_kept_is_one_line(keep, told):
    with pytest.raises(InputError) as raised:
        kept_frames([keep], seconds=1.6, frames=16, fps=10)
    assert told in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_a_stretch_beyond_a_shorter_result_is_refused():
    with pytest.raises(InputError, match="within the result"):
        kept_frames([(1.2, 1.6)], seconds=1.6, frames=10, fps=10)


@pytest.fixture
def given() -> Clip:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    return Clip(frames, rng.normal(size=19_200).astype(np.float32), 10.0, 16_000, 1.2, Path())


def test_without_a_stretch_nothing_is_kept(given):
    assert KeptStretches.of((), given, frames=16, geometry=GEOMETRY) is None


def test_frames_come_back_as_they_were_given(given):
    stays = KeptStretches.of([(0.2, 0.5)], given, frames=16, geometry=GEOMETRY)
    assert stays is not None and given.frames is not None
    made = np.zeros((16, 64, 64, 3), np.uint8)
    found = stays.into_frames(made)
    assert np.array_equal(found[2:5], given.frames[2:5])
    assert not found[:2].any() and not found[5:].any() and not made.any()


def test_samples_come_back_as_they_were_given_with_a_short_mix_at_the_seams(given):
    stays = KeptStretches.of([(0, 0.2), (0.5, 0.9)], given, frames=16, geometry=GEOMETRY)
    assert stays is not None and given.waveform is not None
    made = np.random.default_rng(1).normal(size=25_600).astype(np.float32)
    found = stays.into_sound(made)
    expected = made.copy()
    for first, last, begins, ends in ((0, 3_200, False, True), (8_000, 14_400, True, True)):
        for sample in range(first, last):
            share = 1.0
            if begins:
                share = min(share, (sample - first + 0.5) / 160)  # 10 ms
            if ends:
                share = min(share, (last - sample - 0.5) / 160)
            expected[sample] = share * given.waveform[sample] + (1 - share) * made[sample]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    for kept in (slice(0, 3_040), slice(8_160, 14_240)):
        assert np.array_equal(found[kept], given.waveform[kept])
    for generated in (slice(3_200, 8_000), slice(14_400, None)):
        assert np.array_equal(found[generated], made[generated])
    assert len(stays.generated_sound(made)) == 25_600 - 3_200 - 6_400


def test_a_seam_of_two_steady_sounds_does_not_click(given):
    clip = Clip(given.frames, np.full(19_200, 0.5, np.float32), 10.0, 16_000, 1.2, Path())
    stays = KeptStretches.of([(0.2, 0.5)], clip, frames=12, geometry=GEOMETRY)
    assert stays is not None
    assert np.abs(np.diff(stays.into_sound(np.full(19_200, -0.5, np.float32)))).max() < 0.01


def test_what_is_given_is_filled_up_beyond_its_end(given):
    stays = KeptStretches.of([(0, 1.2)], given, frames=20, geometry=GEOMETRY)
    assert stays is not None and given.frames is not None and given.waveform is not None
    assert stays.over(24).tolist() == [True] * 12 + [False] * 12
    frames, sound = stays.given_frames(20), stays.given_sound(20)
    assert np.array_equal(frames[:12], given.frames) and np.array_equal(frames[19], given.frames[11])
    assert np.array_equal(sound[:19_200], given.waveform)
    assert np.array_equal(sound[19_200:20_000], given.waveform[-2:-802:-1])


def test_the_shorter_of_picture_and_sound_ends_what_can_be_kept(given):
    clip = Clip(given.frames, given.waveform[:8_000], 10.0, 16_000, 1.2, Path())
    with pytest.raises(InputError, match=r"times from 0 to 0\.5 s"):
        KeptStretches.of([(0, 0.8)], clip, frames=12, geometry=GEOMETRY)
