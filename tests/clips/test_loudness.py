"""Loudness by EBU R 128: against known signals and a literal computation of BS.1770-4, and set within half a unit."""

import numpy as np
import pytest
from scipy.signal import lfilter, resample_poly

from cmmd.clips.loudness import CEILING, TOLERANCE, measure_loudness, to_loudness
from cmmd.clips.reading import read_clip
from cmmd.data.world.families import world_clip

RATE = 48_000
# ITU-R BS.1770-4, tables 1 and 2: the two filters of the K weighting at 48 kHz.
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1, -1.69065929318241, 0.73248077421585))
HIGH_PASS = ((1, -2, 1), (1, -1.99004745483398, 0.99007225036621))


def literal_loudness(waveform: np.ndarray) -> float:
    """LUFS of (channels, s) at 48 kHz, as the standard words it."""
    weighted = np.asarray(lfilter(*HIGH_PASS, lfilter(*SHELF, waveform.astype(np.float64))))
    starts = range(0, waveform.shape[1] - RATE * 4 // 10 + 1, RATE // 10)
    blocks = np.array([np.square(weighted[:, start : start + RATE * 4 // 10]).mean(axis=1).sum() for start in starts])
    loudness = -0.691 + 10 * np.log10(np.maximum(blocks, 1e-12))
    gated = blocks[loudness > -70]
    relative = -0.691 + 10 * np.log10(gated.mean()) - 10
    return float(-0.691 + 10 * np.log10(blocks[(loudness > -70) & (loudness > relative)].mean()))


def true_peak(waveform: np.ndarray) -> float:
    """dB of full scale, away from the ends: the filter takes the file for silent beyond them."""
    return 20 * float(np.log10(np.abs(resample_poly(waveform, 8, 1, axis=-1))[..., 400:-400].max()))


def sine(decibels: float, *, channels: int, seconds: float = 3, rate: int = RATE) -> np.ndarray:
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


@pytest.mark.parametrize(("level", "channels", "expected"), [(-23, 2, -23), (-33, 2, -33), (-23, 1, -26.01)])
def test_sines_of_the_standard(level, channels, expected):
    """EBU Tech 3341: a stereo sine of 1 kHz at -23 dB of full scale is -23 LUFS; one channel of it 3 LU less."""
    found = measure_loudness(sine(level, channels=channels), RATE)
    assert found.lufs == pytest.approx(expected, abs=0.05)
    assert found.true_peak == pytest.approx(level, abs=0.05)
    assert literal_loudness(sine(level, channels=channels)) == pytest.approx(expected, abs=0.05)


def test_a_waveform_of_one_axis_is_one_channel():
    wave = sine(-20, channels=1)
    assert measure_loudness(wave[0], RATE) == measure_loudness(wave, RATE)


def test_quiet_stretches_do_not_count():
    wave = np.concatenate([sine(-20, channels=1), np.zeros((1, 5 * RATE), np.float32)], axis=1)
    assert measure_loudness(wave, RATE).lufs == pytest.approx(literal_loudness(wave), abs=0.05)
    assert measure_loudness(wave, RATE).lufs == pytest.approx(-23, abs=0.3)  # blocks at the end are partly silent


def test_other_rates_are_measured_alike():
    low, high = sine(-20, channels=1, rate=16_000), sine(-20, channels=1)
    assert measure_loudness(low, 16_000).lufs == pytest.approx(measure_loudness(high, RATE).lufs, abs=0.1)


@pytest.mark.parametrize("target", [-30, -23, -16, -14])
@pytest.mark.parametrize("family", ["impacts", "dance"])
def test_the_target_is_reached_within_half_a_unit(family, target):
    """Sounds of 1.6 s, knocks among them, whose peaks have to be limited for the louder targets."""
    for seed in range(3):
        wave = world_clip(family, seed).waveform
        levelled = to_loudness(wave, 16_000, target)
        raised = resample_poly(levelled.waveform, 3, 1)[None]
        assert literal_loudness(raised) == pytest.approx(target, abs=TOLERANCE)
        assert levelled.loudness.lufs == pytest.approx(literal_loudness(raised), abs=0.15)
        assert true_peak(levelled.waveform) < CEILING + 0.2
        assert levelled.waveform.shape == wave.shape and levelled.waveform.dtype == np.float32
        assert not any("cannot be reached" in note for note in levelled.notes)


def test_where_peaks_allow_it_loudness_is_a_gain():
    wave = world_clip("impacts", 0).waveform
    levelled = to_loudness(wave, 16_000, -30)
    loud = np.abs(wave) > 0.1
    assert np.ptp(levelled.waveform[loud] / wave[loud]) < 1e-6 and levelled.notes == ()


def test_both_sides_get_the_same_gain():
    wave = sine(-20, channels=2)
    wave[1] *= 0.5
    levelled = to_loudness(wave, RATE, -23).waveform
    np.testing.assert_allclose(levelled[1], levelled[0] * 0.5, atol=1e-6)


def test_the_same_sound_gives_the_same_samples():
    wave = world_clip("dance", 0).waveform
    first, second = (to_loudness(wave, 16_000, -14).waveform for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "wave", [np.zeros(RATE, np.float32), sine(-20, channels=1, seconds=0.3)[0]], ids=["0", "short"]
)
def test_what_has_no_loudness_stays_and_is_told(wave):
    levelled = to_loudness(wave, RATE, -23)
    assert levelled.waveform is wave and levelled.loudness.lufs is None
    assert levelled.notes == ("silent, or shorter than 0.4 s: its loudness is left as it is",)


def test_a_target_that_peaks_do_not_allow_is_told():
    wave = np.zeros(RATE, np.float32)
    wave[[5_000, 20_000]] = 0.5
    levelled = to_loudness(wave, RATE, -6)
    assert levelled.notes[-1] == "-6 LUFS cannot be reached with such peaks"
    assert true_peak(levelled.waveform) < CEILING + 0.2


def test_real_sounds_reach_their_target(data_folder):
    for name in ("vas_hammer_00323", "difffoley_drum", "mdn_stream_of_water"):
        wave = read_clip(data_folder / "clips" / f"{name}.mp4", sample_rate=RATE, want="audio", seconds=4).waveform
        assert wave is not None
        for target in (-23, -16):
            assert literal_loudness(to_loudness(wave, RATE, target).waveform[None]) == pytest.approx(
                target, abs=TOLERANCE
            )
