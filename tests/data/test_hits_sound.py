"""The sounds of hits: heard when they should be, one pitch a thing, pitch by size, levels and rooms."""

from dataclasses import replace

import numpy as np
import pytest

from cmmd.data.world.clip import SAMPLE_RATE
from cmmd.data.world.difficulty import Difficulty
from cmmd.data.world.hits import soundtrack as module
from cmmd.data.world.hits.bodies import blow, draw_body, pitch_of
from cmmd.data.world.hits.filters import passed
from cmmd.data.world.hits.materials import MATERIALS, METAL, WATER, WOOD
from cmmd.data.world.hits.rooms import (
    CEILING,
    LOUDEST,
    QUIETEST,
    Recording,
    background,
    draw_recording,
    limited,
    recorded,
)
from cmmd.data.world.hits.scene import draw_scene
from cmmd.data.world.hits.setting import Sounding
from cmmd.data.world.hits.soundtrack import Heard, soundtrack
from cmmd.data.world.hits.things import draw_thing
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.pitch import dominant_frequency, rank_correlation
from cmmd.measures.sound_onsets import sound_onsets

pytestmark = pytest.mark.slow

CLEAN = Recording(impulse=np.ones(1, np.float32), highpass=20.0, lowpass=16_000.0, level=-20.0, distance=60.0, push=1.0)


def placed(sounds: list[np.ndarray], times: list[float], seconds: float) -> np.ndarray:
    track = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for sound, time in zip(sounds, times, strict=True):
        first = round(time * SAMPLE_RATE)
        track[first : first + len(sound)] += sound[: len(track) - first]
    return track


def test_clean_events_are_heard_when_their_record_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "draw_recording", lambda rng: CLEAN)
    heard, known = [], []
    for seed in range(25):
        scene = draw_scene(
            np.random.default_rng(seed), np.array([0.0, 1.0]), seconds=2.4, size=16, difficulty=Difficulty()
        )
        waveform, events = soundtrack(
            np.random.default_rng(seed), [Heard(soundings=scene.soundings, start=0.0, stop=2.4)], seconds=2.4
        )
        heard.append(sound_onsets(waveform).times)
        known.append(np.array([event.time for event in events]))
    report = measure_alignment(heard, known)
    assert report.at(0.05).f1 > 0.95
    assert report.median_absolute_offset < 0.005


@pytest.mark.parametrize("material", MATERIALS, ids=lambda material: material.name)
def test_a_thing_keeps_its_pitch_and_a_stronger_blow_is_louder(material):
    rng = np.random.default_rng(1)
    for size in (2.0, 6.0, 18.0):
        body = draw_body(rng, material, size)
        blows = [blow(rng, body, strength=strength, hardness=0.8) for strength in (0.3, 0.6, 1.0)]
        levels = [float(np.sqrt(np.mean(sound[:800] ** 2))) for sound in blows]
        assert levels[0] < levels[1] < levels[2]
        assert all(len(sound_onsets(placed([sound], [0.3], 2.5)).times) == 1 for sound in blows[:1])
        if body.pitch:
            track = placed(blows, [0.2, 2.2, 4.2], 6.5)
            found = [dominant_frequency(track, t, sample_rate=SAMPLE_RATE, window=0.1) for t in (0.2, 2.2, 4.2)]
            assert found == pytest.approx([body.pitch] * 3, rel=0.01)


def test_a_blow_begins_at_its_first_sample():
    rng = np.random.default_rng(0)
    for material in MATERIALS:
        sound = blow(rng, draw_body(rng, material, 5.0), strength=1.0, hardness=0.9)
        assert np.abs(sound[:80]).max() > 0.2 * np.abs(sound).max()
        assert np.abs(sound[-1]) < 0.01


def test_a_hard_striker_is_brighter_than_a_soft_one():
    body = draw_body(np.random.default_rng(3), WOOD, 6.0)

    def centre(hardness: float) -> float:
        sound = blow(np.random.default_rng(0), body, strength=0.7, hardness=hardness)[:1600]
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.fft.rfftfreq(1600, 1 / SAMPLE_RATE)).sum() / power.sum())

    assert centre(0.1) < 0.9 * centre(0.95)


def test_pitch_falls_with_size_over_all_materials_that_have_one():
    rng = np.random.default_rng(0)
    things = [draw_thing(rng, np.zeros(2), size=float(np.exp(rng.uniform(0.7, 2.9)))) for _ in range(300)]
    pairs = [(thing.form.size, thing.body.pitch) for thing in things if thing.body.pitch]
    assert rank_correlation(*(np.array(column) for column in zip(*pairs, strict=True))) < -0.85
    sizes = np.geomspace(1.5, 25, 12)
    pitches = np.array([pitch_of(size, METAL) for size in sizes])
    assert (np.diff(pitches) < 0).all()
    assert np.diff(np.log(pitches)) == pytest.approx(np.diff(np.log(pitches)).mean())


def test_water_and_what_is_soft_has_no_pitch():
    assert draw_body(np.random.default_rng(0), WATER, 6.0).pitch == 0


def test_a_room_adds_to_the_sound_and_does_not_delay_it():
    rng = np.random.default_rng(0)
    click = np.zeros(8000, np.float32)
    click[4000] = 1
    for _ in range(12):
        recording = replace(draw_recording(rng), distance=80.0, level=-60.0, push=100.0)
        sound = np.abs(recorded(np.random.default_rng(1), click, recording))
        assert sound[:4000].max() < 0.02 * sound.max()
        assert np.argmax(sound) < 4000 + 40


def test_levels_are_those_that_are_aimed_at():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(16_000).astype(np.float32)
    for level in (QUIETEST, -25.0, LOUDEST):
        sound = recorded(rng, noise, replace(CLEAN, level=level, push=3.0))
        assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(level, abs=1.0)


def test_peaks_are_bent_below_full_scale_and_small_sounds_kept():
    loud = np.linspace(-4, 4, 801).astype(np.float32)
    bent = limited(loud)
    assert np.abs(bent).max() <= CEILING and (np.diff(bent) >= 0).all()
    assert np.array_equal(bent[np.abs(loud) < 0.6], loud[np.abs(loud) < 0.6])


def test_backgrounds_hold_no_events():
    for seed in range(12):
        noise = background(np.random.default_rng(seed), 48_000)
        assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, rel=0.01)
        assert len(sound_onsets(0.01 * noise)) == 0


def test_a_cut_ends_the_sound_of_one_scene_and_begins_that_of_the_next(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "draw_recording", lambda rng: CLEAN)
    bodies = [draw_body(np.random.default_rng(seed), METAL, size) for seed, size in ((0, 4.0), (1, 12.0))]
    sounding = [
        Sounding(source=0, body=body, hardness=0.9, times=np.array([0.5, 1.5]), strengths=np.ones(2)) for body in bodies
    ]
    scenes = [
        Heard(soundings=[sounding[0]], start=0.0, stop=1.0),
        Heard(soundings=[sounding[1]], start=1.0, stop=2.0),
    ]
    waveform, events = soundtrack(np.random.default_rng(0), scenes, seconds=2.0)
    assert [(event.time, event.source) for event in events] == [(0.5, 0), (1.5, 1)]
    assert [event.frequency for event in events] == [body.pitch for body in bodies]
    found = [dominant_frequency(waveform, t, sample_rate=SAMPLE_RATE, window=0.1) for t in (0.5, 1.5)]
    assert found == pytest.approx([body.pitch for body in bodies], rel=0.02)


def test_filters_pass_their_band_and_nothing_before_its_cause():
    click = np.zeros(4000, np.float32)
    click[1000] = 1
    answer = passed(click, above=200.0, below=(3000.0,))
    assert np.abs(answer[:1000]).max() < 1e-6 and answer[1000] > 0.3
    t = np.arange(16_000) / SAMPLE_RATE
    for frequency, expected in ((20.0, 0.1), (800.0, 0.94), (3000.0, 0.71)):
        tone = np.sin(2 * np.pi * frequency * t).astype(np.float32)
        level = passed(tone, above=200.0, below=(3000.0,))[8000:].std() / tone.std()
        assert level == pytest.approx(expected, rel=0.12)
