"""Claims about the visual event detector: picking is exact, any length works, training learns to see an impact."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd.data.world.clip import PLAIN_FAMILIES, Family
from cmmd.data.world.families import world_clip
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import (
    BINS_PER_FRAME,
    VisualEventDetector,
    damage,
    event_targets,
    load_visual_event_detector,
    pick_events,
)
from cmmd.pretrained import VISUAL_EVENT_DETECTOR

RATE = 10 * BINS_PER_FRAME


def small_detector() -> VisualEventDetector:
    torch.manual_seed(0)
    return VisualEventDetector(image_size=32, fps=10, width=32, depth=1).eval()


@pytest.mark.parametrize("times", [[], [0.4], [0.123, 0.7, 1.11], [0.05, 0.25, 1.55]])
def test_targets_are_picked_back_to_two_milliseconds(times: list[float]) -> None:
    target = event_targets(times, bins=128, bins_per_second=RATE).numpy()
    np.testing.assert_allclose(pick_events(target, bins_per_second=RATE).times, times, atol=0.002)


def test_an_event_of_uncertain_time_is_one_event_in_the_middle() -> None:
    probability = np.zeros(128)
    probability[40:47] = 3 / 7  # as much in all as the bump of one event
    times = pick_events(probability, bins_per_second=RATE).times
    np.testing.assert_allclose(times, [43.5 / RATE], atol=1e-6)


def test_a_probability_spread_over_everything_is_no_event() -> None:
    assert len(pick_events(np.full(128, 0.05), bins_per_second=RATE).times) == 0


@pytest.mark.parametrize("frames", [1, 2, 7, 33])
def test_any_number_of_frames_has_eight_bins_a_frame(frames: int) -> None:
    detector = small_detector()
    assert detector(torch.zeros(2, 3, frames, 32, 32)).shape == (2, 8 * frames)
    assert detector.times(np.zeros((frames, 32, 32, 3), dtype=np.uint8)).ndim == 1


def test_a_clip_is_read_alike_alone_and_in_a_batch() -> None:
    detector, video = small_detector(), torch.rand(3, 3, 8, 32, 32)
    torch.testing.assert_close(detector(video)[1:2], detector(video[1:2]), atol=1e-5, rtol=1e-4)


def test_frames_of_another_size_are_seen_at_its_own() -> None:
    detector = load_visual_event_detector()
    frames = world_clip("impacts", 3).frames
    doubled = frames.repeat(2, axis=1).repeat(2, axis=2)
    assert np.allclose(detector.times(doubled), detector.times(frames), atol=1e-3)
    assert detector.times(np.zeros((5, 40, 48, 3), np.uint8)).shape == (0,)


def test_damage_follows_its_seed_and_stays_in_range() -> None:
    video = torch.rand(4, 3, 6, 32, 32) * 2 - 1
    first, again = (damage(video, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.abs().max() <= 1
    assert not torch.equal(first, damage(video, torch.Generator().manual_seed(6)))


def test_a_saved_detector_sees_the_same(tmp_path: Path) -> None:
    detector, video = small_detector(), torch.rand(1, 3, 8, 32, 32)
    detector.save_pretrained(tmp_path / "detector")
    loaded = load_visual_event_detector(tmp_path / "detector")
    assert torch.equal(loaded(video), detector(video))
    assert not loaded.training


def test_a_folder_without_a_detector_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config\.json, expected a folder with a visual event detector"):
        load_visual_event_detector(tmp_path)


@pytest.mark.skipif(not (VISUAL_EVENT_DETECTOR / "config.json").is_file(), reason="no shipped detector")
@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_the_shipped_detector_sees_events_of_unseen_world_clips(family: Family) -> None:
    detector = load_visual_event_detector()
    clips = [world_clip(family, 700_000 + seed) for seed in range(20)]
    report = measure_alignment([detector.times(clip.frames) for clip in clips], [clip.event_times for clip in clips])
    assert report.at(0.1).f1 > 0.85
