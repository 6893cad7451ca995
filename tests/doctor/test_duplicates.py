"""The same content is found in another encoding, and told from clips that only look or only sound alike."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from defective_clips import good_clip, melody, moving_frames, sound, video
from made_media import make_media, steady_times

from cmmd.doctor import duplicates
from cmmd.doctor.duplicates import shared_content
from cmmd.doctor.examination import Examination, examine


def kinds(paths: list[Path]) -> list[list[str]]:
    found = shared_content(_examined(paths), [path.name for path in paths])
    return [[finding.kind for finding in findings] for findings in found]


def _examined(paths: list[Path]) -> list[Examination]:
    return [examine(path, shortest=1.6) for path in paths]


def _encoded_again(path: Path, seed: int) -> Path:
    """MPEG-4 at 15 Hz, half the size, half as loud, another sound codec at another rate."""
    frames = moving_frames(seed)[::1, ::2, ::2]
    taken = np.minimum((np.arange(36) * 25 / 15).round().astype(int), len(frames) - 1)
    again = video(frames[taken], codec="mpeg4", options={"b": "300k"}, times=steady_times(36, 15), rate=Fraction(15))
    quieter = 0.5 * melody(seed, rate=22050)
    return make_media(path, again, sound(quieter, rate=22050, codec="mp2", sample_format="s16"))


def test_another_encoding_is_the_same_content(tmp_path: Path) -> None:
    paths = [
        good_clip(tmp_path / "a.mp4", 0),
        good_clip(tmp_path / "b.mp4", 1),
        _encoded_again(tmp_path / "c.avi", 0),
        good_clip(tmp_path / "d.mp4", 2),
    ]
    assert kinds(paths) == [["same content"], [], ["same content"], []]


def test_bytes_are_compared_first(tmp_path: Path) -> None:
    first = good_clip(tmp_path / "a.mp4")
    names = ["a.mp4", "b.mp4", "c.mp4"]
    for name in names[1:]:
        (tmp_path / name).write_bytes(first.read_bytes())
    found = shared_content(_examined([tmp_path / name for name in names]), names)
    assert [[finding.kind for finding in findings] for findings in found] == [["identical file"]] * 3
    assert found[0][0].text.startswith("byte for byte b.mp4 (and 1 more)")
    assert found[2][0].text.startswith("byte for byte a.mp4 (and 1 more)")


def test_one_scene_with_other_words_is_no_duplicate(tmp_path: Path) -> None:
    """Talking heads: the same picture but for a little motion, each with a sound of its own."""
    still = moving_frames(0)[:1].repeat(60, axis=0)
    paths = []
    for seed in range(3):
        frames = still.copy()
        frames[:, 30:42, 40:52] = moving_frames(10 + seed)[:, 30:42, 40:52]
        paths.append(make_media(tmp_path / f"{seed}.mp4", video(frames), sound(melody(seed))))
    assert kinds(paths) == [[], [], []]


def test_one_sound_under_two_pictures(tmp_path: Path) -> None:
    paths = [
        good_clip(tmp_path / "a.mp4", 0),
        make_media(tmp_path / "b.mp4", video(moving_frames(5)), sound(melody(0))),
        good_clip(tmp_path / "c.mp4", 1),
    ]
    assert kinds(paths) == [["same sound"], ["same sound"], []]


@pytest.mark.parametrize("other", [lambda: sound(melody(7)), None], ids=["another sound", "no sound"])
def test_one_picture_with_two_sounds(tmp_path: Path, other) -> None:
    second = [video(moving_frames(0))] + ([other()] if other else [])
    paths = [
        good_clip(tmp_path / "a.mp4", 0),
        make_media(tmp_path / "b.mp4", *second),
        good_clip(tmp_path / "c.mp4", 1),
    ]
    assert kinds(paths) == [["same picture"], ["same picture"], []]


def test_files_without_sound_or_without_picture(tmp_path: Path) -> None:
    paths = [
        make_media(tmp_path / "a.mp4", video(moving_frames(0))),
        make_media(tmp_path / "b.mkv", video(moving_frames(0))),
        make_media(tmp_path / "c.mp4", video(moving_frames(1))),
        make_media(tmp_path / "d.mp4", sound(melody(0))),
        make_media(tmp_path / "e.mkv", sound(melody(0))),
        make_media(tmp_path / "f.mp4", sound(melody(1))),
    ]
    assert kinds(paths) == [["same content"], ["same content"], [], ["same content"], ["same content"], []]


def test_the_blocks_of_rows_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [good_clip(tmp_path / f"{number}.mp4", seed) for number, seed in enumerate((0, 1, 2))]
    paths += [make_media(tmp_path / "3.mp4", video(moving_frames(1)), sound(melody(1, rate=48000), rate=48000))]
    paths += [make_media(tmp_path / "4.mp4", video(moving_frames(0)), sound(melody(8)))]
    examined, names = _examined(paths), [path.name for path in paths]
    whole = shared_content(examined, names)
    monkeypatch.setattr(duplicates, "ROWS", 2)
    assert shared_content(examined, names) == whole
    assert [bool(found) for found in whole] == [True, True, False, True, True]


def test_nothing_is_compared_with_nothing() -> None:
    assert shared_content([], []) == []
