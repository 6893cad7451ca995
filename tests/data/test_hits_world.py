"""Clips of the family `hits`: seeded, exactly timed, one scene at any rate and size, silent where nothing touches."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import EDGE, WorldClip
from cmmd.data.world.difficulty import Difficulty
from cmmd.data.world.families import world_clip
from cmmd.data.world.files import write_world
from cmmd.data.world.hits import scene
from cmmd.data.world.hits.hits import hits_clip
from cmmd.data.world.hits.rhythm import LEAST
from cmmd.data.world.hits.slamming import slam
from cmmd.files.inline_groups import replaced
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.recipes.world import world_tiny

pytestmark = pytest.mark.slow

CLIPS = 24


@pytest.fixture(scope="module")
def clips() -> list[WorldClip]:
    return [world_clip("hits", seed, frames=12) for seed in range(CLIPS)]


def loudness(waveform: np.ndarray) -> float:
    """RMS in dB of full scale."""
    return float(10 * np.log10(np.mean(waveform.astype(float) ** 2) + 1e-12))


def test_same_seed_same_clip_and_another_seed_another(clips):
    again = world_clip("hits", 3, frames=12)
    assert np.array_equal(clips[3].frames, again.frames) and np.array_equal(clips[3].waveform, again.waveform)
    assert clips[3].events == again.events
    assert not np.array_equal(clips[3].frames, clips[4].frames)
    assert not np.array_equal(clips[3].waveform, clips[4].waveform)


def test_shapes_and_peaks(clips):
    for clip in clips:
        assert clip.frames.shape == (12, 64, 64, 3) and clip.frames.dtype == np.uint8
        assert clip.waveform.shape == (19_200,) and clip.waveform.dtype == np.float32
        assert np.isfinite(clip.waveform).all() and np.abs(clip.waveform).max() < 1


def test_events_lie_apart_and_off_the_edges(clips):
    times = [clip.event_times for clip in clips]
    assert min(np.diff(one).min(initial=1) for one in times) > LEAST - 1e-3
    edges = [min(one.min(initial=9), 1.2 - one.max(initial=0)) for one in times if len(one)]
    assert np.mean(np.array(edges) > 0.95 * EDGE) > 0.9


def test_most_events_of_whole_clips_are_heard_when_their_record_says(clips):
    """With rooms, noise and levels as they come; clean ones are in test_hits_sound.py."""
    missed = sum(
        np.abs(sound_onsets(clip.waveform).times - time).min(initial=9) > 0.05
        for clip in clips
        for time in clip.event_times
    )
    assert missed < 0.2 * sum(len(clip.events) for clip in clips)


def test_clips_are_loud_and_soft_dense_and_sparse(clips):
    sounding = [clip for clip in clips if clip.events]
    levels = [loudness(clip.waveform) for clip in sounding]
    assert min(levels) < -32 and max(levels) > -18 and min(levels) > -60
    counts = [len(clip.events) for clip in sounding]
    assert min(counts) <= 1 and max(counts) >= 5


def test_one_thing_has_one_pitch(clips):
    for clip in clips:
        for source in {event.source for event in clip.events}:
            assert len({event.frequency for event in clip.events if event.source == source}) == 1
        strengths = [event.strength for event in clip.events]
        assert len(strengths) < 4 or len(set(strengths)) > 1


@pytest.fixture
def nothing_touches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "NOTHING", 1.0)


@pytest.mark.usefixtures("nothing_touches")
def test_where_nothing_touches_nothing_is_heard_and_much_moves():
    silent = [world_clip("hits", seed, frames=8) for seed in range(4)]
    assert all(not clip.events for clip in silent)
    assert all(loudness(clip.waveform) < -40 for clip in silent)
    # In the first 60 ms there is no past to rise above: there noise alone is heard as an onset in 0.5 % of such clips.
    heard = np.concatenate([sound_onsets(clip.waveform).times for clip in silent])
    assert not (heard > EDGE).any()
    moving = [np.abs(np.diff(clip.frames.astype(float), axis=0)).mean() for clip in silent]
    assert np.median(moving) > 0.3


def test_decoys_are_seen_and_not_heard():
    def clip(decoys: int) -> WorldClip:
        sizes = {"frames": 8, "fps": 10, "image_size": 64}
        return hits_clip(np.random.default_rng(5), seed=5, difficulty=Difficulty(decoys=decoys), **sizes)

    plain, with_decoys = clip(0), clip(2)
    assert plain.events and plain.events == with_decoys.events
    assert np.array_equal(plain.waveform, with_decoys.waveform)
    assert not np.array_equal(plain.frames, with_decoys.frames)


@pytest.mark.parametrize("seed", range(3))
def test_the_scene_and_its_sound_are_the_same_at_other_rates_and_sizes(seed):
    usual = world_clip("hits", seed, frames=8)
    faster = world_clip("hits", seed, frames=16, fps=20)
    larger = world_clip("hits", seed, frames=16, fps=20, image_size=128)
    assert faster.fps == 20 and larger.frames.shape == (16, 128, 128, 3)
    assert usual.events == faster.events == larger.events
    assert np.array_equal(usual.waveform, faster.waveform) and np.array_equal(usual.waveform, larger.waveform)
    reduced = larger.frames.reshape(16, 64, 2, 64, 2, 3).mean((2, 4))
    assert np.corrcoef(reduced.ravel(), faster.frames.ravel())[0, 1] > 0.8
    assert np.corrcoef(usual.frames.ravel(), faster.frames[::2].ravel())[0, 1] > 0.8


def test_a_large_picture_is_drawn():
    assert world_clip("hits", 1, frames=2, image_size=256).frames.shape == (2, 256, 256, 3)


@pytest.mark.parametrize(("sizes", "words"), [({"fps": 7}, "divides 16000"), ({"image_size": 60}, "a multiple of 8")])
def test_sizes_that_do_not_divide_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        world_clip("hits", 0, **sizes)


def test_the_plain_families_have_one_rate_and_size():
    with pytest.raises(ValueError, match="for impacts"):
        world_clip("impacts", 0, fps=20)


def test_the_unseen_split_has_a_movement_of_its_own(monkeypatch: pytest.MonkeyPatch):
    assert slam not in scene.ACTS
    drawn = []
    monkeypatch.setattr(scene, "slam", lambda rng, setting: drawn.append(1) or slam(rng, setting))
    assert world_clip("hits", 0, frames=6, split="unseen").frames.shape == (6, 64, 64, 3)
    assert drawn


def test_the_hard_split_is_paler():
    contrast = [
        np.mean([world_clip("hits", seed, frames=2, split=split).frames.astype(float).std() for seed in range(8)])
        for split in ("hard", "standard")
    ]
    assert contrast[0] < 0.85 * contrast[1]


def test_a_recipe_may_have_hits_at_another_rate_and_size():
    recipe = world_tiny()
    faster = Geometry(fps=20, frames=16, image_size=128)
    hits = replaced(recipe, data=replace(recipe.clips.data, families=("hits",)), geometry=faster)
    assert hits.geometry.fps == 20
    with pytest.raises(ValueError, match="the world has"):
        replace(recipe, geometry=faster)


def test_files_of_hits_tell_their_rate(tmp_path: Path):
    write_world("hits", tmp_path, clips=1, seed=2, frames=6, fps=20, image_size=32)
    record = json.loads((tmp_path / "hits-0000002.json").read_text())
    clip = world_clip("hits", 2, frames=6, fps=20, image_size=32)
    assert record["fps"] == 20 and [event["time"] for event in record["events"]] == list(clip.event_times)
    assert (tmp_path / "hits-0000002.mp4").exists()
