"""The sound of a take as it is delivered: mixed with the clip's own, ducked, kept in full, in stereo, at a loudness."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soxr
from made_media import MadeSound, MadeVideo, grey_frames, make_media, steady_times, tone

from cmmd.clips.loudness import measure_loudness
from cmmd.clips.mastering import LOUDEST, Mastering, mastered
from cmmd.clips.reading import probe, read_clip
from cmmd.clips.take import Take

RATE, SECONDS = 48_000, 1.2
LEFT, RIGHT, NEW = 440, 660, 1_500
"""Hz of the two sides of a clip's own sound, and of the generated one."""


def own_sound(amplitude: float = 0.2) -> MadeSound:
    sides = [tone(SECONDS, frequency, rate=RATE, amplitude=amplitude) for frequency in (LEFT, RIGHT)]
    return MadeSound(np.concatenate(sides), rate=RATE, layout="stereo", codec="flac", sample_format="s16")


@pytest.fixture
def source(tmp_path) -> Path:
    picture = MadeVideo(grey_frames(12, size=(64, 64)), steady_times(12, 10), rate=Fraction(10))
    return make_media(tmp_path / "clip.mkv", picture, own_sound())


def take_of(source: Path | None, waveform: np.ndarray | None = None, *, generated: str = "audio", **options) -> Take:
    made = tone(SECONDS, NEW, rate=16_000, amplitude=0.1)[0] if waveform is None else waveform
    return Take(
        frames=grey_frames(12, size=(64, 64)),
        waveform=made.astype(np.float32),
        fps=10,
        sample_rate=16_000,
        seed=0,
        generated=generated,
        guidance=1.0,
        source=source,
        seconds={},
        **options,
    )


def amplitude(waveform: np.ndarray, frequency: float, start: float = 0.2, end: float = 1.0) -> float:
    """Of a sine in a stretch of whole periods of a waveform (s,) at 48 kHz."""
    first, last = round(start * RATE), round(end * RATE)
    time = np.arange(first, last) / RATE
    return 2 * float(np.abs(np.mean(waveform[first:last] * np.exp(-2j * np.pi * frequency * time))))


def test_by_default_a_take_sounds_as_it_is(source):
    take = take_of(source)
    sound = mastered(take, Mastering())
    assert np.array_equal(sound.waveform, take.waveform) and sound.sample_rate == 16_000 and sound.notes == ()


def test_stereo_is_the_same_sound_on_both_sides_at_48_khz(source):
    take = take_of(source)
    sound = mastered(take, Mastering(stereo=True))
    assert sound.sample_rate == RATE and sound.waveform.shape == (2, 57_600)
    for side in sound.waveform:
        np.testing.assert_allclose(side, soxr.resample(take.waveform, 16_000, RATE), atol=1e-6)
    assert amplitude(sound.waveform[0], LEFT) < 1e-4


@pytest.mark.parametrize("level", [0, -12, 6])
def test_the_own_sound_is_mixed_in_at_its_level_and_on_its_sides(source, level):
    sound = mastered(take_of(source), Mastering(mix=level))
    left, right = sound.waveform
    share = 0.2 * 10 ** (level / 20)
    assert [amplitude(left, LEFT), amplitude(right, RIGHT)] == pytest.approx([share, share], rel=0.01)
    assert [amplitude(left, RIGHT), amplitude(right, LEFT)] == pytest.approx([0, 0], abs=1e-3)
    assert [amplitude(side, NEW) for side in sound.waveform] == pytest.approx([0.1, 0.1], rel=0.01)
    assert sound.sample_rate == RATE and sound.notes == ()


def test_ducking_lowers_the_own_sound_only_while_the_new_one_is_heard(source):
    waveform = tone(SECONDS, NEW, rate=16_000, amplitude=0.1)[0]
    waveform[: 16_000 * 6 // 10] = 0
    left = mastered(take_of(source, waveform), Mastering(mix=-6, duck=12)).waveform[0]
    before, during = amplitude(left, LEFT, 0.05, 0.35), amplitude(left, LEFT, 0.65, 1.15)
    assert before == pytest.approx(0.2 * 10 ** (-6 / 20), rel=0.01)
    assert during == pytest.approx(0.2 * 10 ** (-18 / 20), rel=0.02)
    steps = np.abs(np.diff(left - np.pad(soxr.resample(waveform, 16_000, RATE), (0, 0))))
    assert steps.max() < 0.02  # no click where it goes down


def test_what_is_kept_is_the_own_sound_in_full_and_not_mixed_twice(source):
    waveform = read_clip(source).waveform
    assert waveform is not None
    made = tone(SECONDS, NEW, rate=16_000, amplitude=0.1)[0]
    made[:8_000] = waveform[:8_000]
    for mix in (None, -12):
        left, right = mastered(take_of(source, made, keep=((0, 0.5),)), Mastering(mix=mix, stereo=True)).waveform
        kept = (
            amplitude(left, LEFT, 0.05, 0.45),
            amplitude(right, RIGHT, 0.05, 0.45),
            amplitude(left, RIGHT, 0.05, 0.45),
        )
        assert kept == pytest.approx((0.2, 0.2, 0), abs=2e-3)
        share = 0 if mix is None else 0.2 * 10 ** (mix / 20)
        assert amplitude(left, LEFT, 0.55, 1.15) == pytest.approx(share, abs=2e-3)
        assert amplitude(left, NEW, 0.55, 1.15) == pytest.approx(0.1, rel=0.02)


def test_a_mix_that_is_too_loud_is_turned_down_and_told(tmp_path):
    picture = MadeVideo(grey_frames(12, size=(64, 64)), steady_times(12, 10), rate=Fraction(10))
    loud = make_media(tmp_path / "loud.mkv", picture, own_sound(0.9))
    sound = mastered(take_of(loud), Mastering(mix=6))
    assert np.abs(sound.waveform).max() == pytest.approx(LOUDEST, abs=1e-5)
    (note,) = sound.notes
    assert note.startswith("turned down by 6.") and note.endswith("dB, so that no peak is cut off")
    assert amplitude(sound.waveform[0], LEFT) / amplitude(sound.waveform[0], NEW) == pytest.approx(18, rel=0.02)


def test_a_clip_without_a_sound_has_nothing_to_mix_and_that_is_told(tmp_path):
    silent = make_media(tmp_path / "a.mkv", MadeVideo(grey_frames(12), steady_times(12, 10), rate=Fraction(10)))
    for source in (silent, None):
        sound = mastered(take_of(source), Mastering(mix=-6))
        assert sound.notes == ("no sound of its own to mix in",) and amplitude(sound.waveform[0], NEW) > 0.09


def test_a_generated_video_has_the_own_sound_in_stereo(source):
    sound = mastered(take_of(source, generated="video"), Mastering(stereo=True, mix=-6))
    assert [amplitude(sound.waveform[0], LEFT), amplitude(sound.waveform[1], RIGHT)] == pytest.approx(
        [0.2, 0.2], rel=0.01
    )
    assert sound.notes == ("nothing is mixed in: the sound is the clip's own",)
    mono = mastered(take_of(source, generated="video"), Mastering())
    assert mono.sample_rate == RATE and amplitude(mono.waveform, LEFT) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("settings", [{}, {"stereo": True}, {"mix": -6}])
def test_the_loudness_is_that_of_all_and_told(source, settings):
    sound = mastered(take_of(source), Mastering(loudness=-23, **settings))
    assert sound.loudness is not None and sound.loudness.lufs == pytest.approx(-23, abs=0.1)
    assert measure_loudness(sound.waveform, sound.sample_rate).lufs == pytest.approx(-23, abs=0.1)


def test_a_saved_file_is_at_its_loudness_in_stereo(source, tmp_path):
    take = take_of(source)
    sound = mastered(take, Mastering(mix=-6, loudness=-20))
    for name in ("a.mp4", "a.mkv", "a.webm", "a.wav", "a.flac"):
        take.save(tmp_path / name, sound=sound)
        found = probe(tmp_path / name)
        assert (found.audio.channels, found.audio.sample_rate) == (2, RATE), name
        wave = read_clip(tmp_path / name, sample_rate=RATE, want="audio").waveform
        assert wave is not None and amplitude(wave, NEW) / amplitude(wave, LEFT) == pytest.approx(2, rel=0.05), name


def test_impossible_settings_are_refused():
    for mix, duck in ((None, 6), (0, -1)):
        with pytest.raises(ValueError, match="expected 0 or more, and a mix"):
            Mastering(mix=mix, duck=duck)
