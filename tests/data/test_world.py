"""The world: seeded, exactly timed, seen where it is heard, and of no use to a generator that ignores its condition."""

import hashlib
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cmmd.data.world.clip import EDGE, PLAIN_FAMILIES
from cmmd.data.world.difficulty import Difficulty, worsen
from cmmd.data.world.families import world_clip
from cmmd.data.world.files import write_world
from cmmd.data.world.impacts import (
    HIGHEST,
    LARGEST,
    LOWEST,
    SMALLEST,
    Thing,
    _draw_roll,
    frequency_of,
    impacts_clip,
)
from cmmd.data.world.scene import Scene
from cmmd.data.world.sounds import MATERIALS
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets

GOLDEN = (
    ("impacts", 0, "standard", "0940a942896bda61", 402.326044, 2.4070625),
    ("impacts", 7, "hard", "a601f0b3b5b48ca6", 163.523423, 1.632),
    ("impacts", 3, "unseen", "736b09a0195fd1e5", 384.023585, 1.53825),
    ("dance", 0, "standard", "138a509d0b76181c", 438.39543, 2.39),
    ("dance", 7, "hard", "7e0c3d662e300ff4", 133.162988, 1.607875),
    ("dance", 3, "unseen", "5a2e3ae88d2b825a", 173.709774, 1.664125),
)
"""Family, seed, split; first digits of the SHA-256 of the frames, energy of the sound, sum of the event times (s).
Shipped models and detectors are trained and measured on these clips."""


@pytest.mark.parametrize(("family", "seed", "split", "digest", "energy", "times"), GOLDEN)
def test_the_plain_families_keep_their_clips(family, seed, split, digest, energy, times):
    clip = world_clip(family, seed, split=split)
    assert hashlib.sha256(clip.frames.tobytes()).hexdigest()[:16] == digest
    assert np.square(clip.waveform, dtype=float).sum() == pytest.approx(energy, rel=1e-6)
    assert clip.event_times.sum() == pytest.approx(times)


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_same_seed_same_clip(family):
    first, again, other = world_clip(family, 5), world_clip(family, 5), world_clip(family, 6)
    assert np.array_equal(first.frames, again.frames) and np.array_equal(first.waveform, again.waveform)
    assert first.events == again.events
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_shapes_and_levels(family):
    clip = world_clip(family, 0, frames=20)
    assert clip.frames.shape == (20, 64, 64, 3) and clip.frames.dtype == np.uint8
    assert clip.waveform.shape == (32_000,) and clip.waveform.dtype == np.float32
    assert 0.01 < np.abs(clip.waveform).max() < 1


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_gaps_are_mostly_above_350_ms_and_events_off_the_edges(family):
    clips = [world_clip(family, seed) for seed in range(80)]
    gaps = np.concatenate([np.diff(clip.event_times) for clip in clips])
    assert np.mean(gaps > 0.35) > 0.9
    inside = [EDGE * 0.99 < time < 1.6 - EDGE * 0.99 for clip in clips for time in clip.event_times]
    assert np.mean(inside) > 0.99


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_every_event_is_heard_when_its_record_says(family):
    clips = [world_clip(family, 500 + seed) for seed in range(40)]
    heard = [sound_onsets(clip.waveform).times for clip in clips]
    report = measure_alignment(heard, [clip.event_times for clip in clips])
    assert report.at(0.05).f1 > 0.9
    assert report.median_absolute_offset < 0.01


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_a_generator_that_ignores_its_condition_scores_at_chance(family):
    """The best it can do is to make perfect sound for some other clip."""
    clips = [world_clip(family, seed) for seed in range(100)]
    others = [world_clip(family, 10_000 + seed) for seed in range(100)]
    report = measure_alignment([clip.event_times for clip in others], [clip.event_times for clip in clips])
    assert report.at(0.05).f1 < 0.45
    assert abs(report.at(0.05).f1 - report.at(0.05).chance) < 0.08


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_the_hard_split_is_as_exact_and_moves_less(family):
    hard = [world_clip(family, seed, split="hard") for seed in range(40)]
    assert np.array_equal(hard[3].frames, world_clip(family, 3, split="hard").frames)
    heard = [sound_onsets(clip.waveform).times for clip in hard]
    report = measure_alignment(heard, [clip.event_times for clip in hard])
    assert report.at(0.05).f1 > 0.85
    standard = [world_clip(family, seed) for seed in range(40)]
    contrast = [np.mean([clip.frames.astype(float).std() for clip in clips]) for clips in (hard, standard)]
    assert contrast[0] < 0.8 * contrast[1]


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_the_unseen_split_is_clear_and_of_its_own(family):
    unseen = [world_clip(family, seed, split="unseen") for seed in range(40)]
    heard = [sound_onsets(clip.waveform).times for clip in unseen]
    assert measure_alignment(heard, [clip.event_times for clip in unseen]).at(0.05).f1 > 0.95
    assert {len({event.source for event in clip.events}) for clip in unseen} == {1}


def test_a_rolling_ball_touches_one_post_after_the_other_when_it_sounds():
    class Drawn(Scene):
        def __init__(self) -> None:
            self.discs, self.boxes = [], []

        def disc(self, x: Any, *_: Any, **__: Any) -> None:
            self.discs.append(x)

        def box(self, x: Any, *_: Any, **__: Any) -> None:
            self.boxes.append(x)

    times = np.array([0.4, 1.0, 1.5, 2.3])
    thing = Thing(radius=5.0, material=MATERIALS[0], lightness=0.5, home=32.0, times=times, levels=np.ones(4))
    scene = Drawn()
    _draw_roll(np.random.default_rng(0), scene, thing, np.concatenate([times, [0.7, 1.25, 1.9]]))
    (x,), posts = scene.discs, scene.boxes
    reached = np.array([posts[side] + (7 if side == 0 else -7) for side in (1, 0, 1, 0)])
    assert x[:4] == pytest.approx(reached) and x[4:] == pytest.approx(32.0)
    assert posts[1] - posts[0] > 20


def test_decoys_are_seen_and_not_heard():
    plain, with_decoys = (
        impacts_clip(np.random.default_rng(0), seed=0, frames=16, difficulty=Difficulty(decoys=decoys))
        for decoys in (0, 3)
    )
    assert plain.events and np.array_equal(plain.event_times, with_decoys.event_times)
    moving = [np.abs(np.diff(clip.frames.astype(float), axis=0)).mean() for clip in (plain, with_decoys)]
    assert moving[1] > moving[0]


def test_compression_costs_detail_and_the_defaults_cost_nothing():
    frames = world_clip("impacts", 0).frames
    rng = np.random.default_rng(0)
    assert worsen(frames, Difficulty(), rng) is frames
    errors = [np.abs(worsen(frames, Difficulty(compression=c), rng).astype(float) - frames).mean() for c in (0.02, 0.2)]
    assert 0 < errors[0] < errors[1] < 12


def test_pitch_is_a_falling_function_of_size():
    sizes = np.linspace(SMALLEST, LARGEST, 20)
    pitches = [frequency_of(size) for size in sizes]
    assert pitches[0] == pytest.approx(HIGHEST) and pitches[-1] == pytest.approx(LOWEST)
    assert all(a > b for a, b in pairwise(pitches))


def test_an_empty_clip_is_refused():
    with pytest.raises(ValueError, match="frames is 0"):
        world_clip("dance", 0, frames=0)


def test_files_hold_the_events_and_are_not_written_twice(tmp_path):
    write_world("impacts", tmp_path, clips=2, seed=3)
    record = json.loads((tmp_path / "impacts-0000003.json").read_text())
    assert [event["time"] for event in record["events"]] == list(world_clip("impacts", 3).event_times)
    written = (tmp_path / "impacts-0000003.mp4").stat().st_mtime_ns
    write_world("impacts", tmp_path, clips=3, seed=3)
    assert (tmp_path / "impacts-0000003.mp4").stat().st_mtime_ns == written
    assert (tmp_path / "impacts-0000005.mp4").exists()
