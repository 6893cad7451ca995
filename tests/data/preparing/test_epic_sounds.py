"""EPIC-Sounds: the rule that turns annotated sounds into clips, by hand, and counted on the published file."""

import pytest
from made_folder import made_clip, small_config

from cmmd.data.preparing.epic_sounds import clip_starts, list_epic_sounds, read_annotations
from cmmd.data.preparing.prepare import prepare
from cmmd.data.preparing.request import with_splits
from cmmd.data.shards import read_manifest
from cmmd.errors import InputError

HEAD = "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,start_sample,stop_sample,description,class"
ROWS = (
    "P01_11_0,P01,P01_11,00:00:00.100,00:00:00.400,0,0,clang,metal-only collision",
    "P01_11_1,P01,P01_11,00:00:01.000,00:00:04.400,0,0,tap,water",
    "P01_11_2,P01,P01_11,00:00:04.900,00:00:05.000,0,0,clang,metal-only collision",
    "P09_99_0,P09,P09_99,00:00:01.000,00:00:02.000,0,0,cut,cut / chop",
)


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "EPIC_Sounds_validation.csv"
    path.write_text("\n".join((HEAD, *ROWS)) + "\n")
    return path


def test_clips_are_cut_around_short_sounds_and_along_long_ones(annotations):
    short, long, late, other = read_annotations(annotations)
    assert clip_starts(short, seconds=1.6) == (0.0,)  # its middle, 0.25 s, is too near the beginning
    assert clip_starts(long, seconds=1.6) == pytest.approx((1.0, 2.6))
    assert clip_starts(late, seconds=1.6) == pytest.approx((4.15,))
    assert clip_starts(other, seconds=1.6) == pytest.approx((0.7,))


def test_listed_clips_carry_every_class_that_sounds_in_them(annotations, tmp_path):
    made_clip(tmp_path / "videos/P01/videos/P01_11.MP4", seconds=5.0)
    found = list_epic_sounds(tmp_path / "videos", [annotations], seconds=1.6)
    assert [r.name for r in found.requests] == ["P01_11/P01_11_0.0", "P01_11/P01_11_1.0", "P01_11/P01_11_1.1",
                                                "P01_11/P01_11_2.0"]  # fmt: skip
    assert found.requests[0].labels == ("metal-only collision", "water")
    assert found.requests[1].labels == ("water",)
    assert {r.split for r in found.requests} == {"validation"} and {r.group for r in found.requests} == {"P01_11"}
    assert found.skipped == (("P09_99", "its video is not there: 1 annotated"),)
    one = list_epic_sounds(tmp_path / "videos", [annotations], seconds=1.6, classes=("water",))
    assert [r.name for r in one.requests] == ["P01_11/P01_11_1.0", "P01_11/P01_11_1.1"]
    with pytest.raises(InputError, match="class 'wind': found none in the annotations"):
        list_epic_sounds(tmp_path / "videos", [annotations], seconds=1.6, classes=("wind",))
    with pytest.raises(InputError, match="found none of 2 videos"):
        list_epic_sounds(tmp_path / "nothing", [annotations], seconds=1.6)


def test_a_clip_that_hangs_over_the_end_is_moved_into_the_video(annotations, tmp_path):
    made_clip(tmp_path / "videos/P01_11.mkv", seconds=5.0, clicks=(4.7,))
    train = tmp_path / "EPIC_Sounds_train.csv"
    train.write_text(annotations.read_text())
    found = with_splits(list_epic_sounds(tmp_path / "videos", [train], seconds=1.6), validation=0.0)
    prepare(found, tmp_path / "out", small_config(requests_per_shard=9), workers=1)
    manifest = read_manifest(tmp_path / "out", 0)
    assert manifest is not None
    assert {clip.name: clip.start for clip in manifest.clips} == {"P01_11/P01_11_2.0": pytest.approx(3.4, abs=0.02)}
    assert dict(manifest.skipped)["P01_11/P01_11_0.0"] == "silent"


def test_a_table_that_is_another_is_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("video_id\nP01_101\n")
    with pytest.raises(InputError, match="found no annotation_id, participant_id"):
        read_annotations(path)
    path.write_text("\n".join((HEAD, ROWS[0], "P01_11_1,P01,P01_11,00:00:01.000")))
    with pytest.raises(InputError, match=r"x\.csv line 3: found no stop_timestamp, class"):
        read_annotations(path)
    path.write_text("\n".join((HEAD, ROWS[0].replace("00:00:00.100", "0.1"))))
    with pytest.raises(InputError, match=r"x\.csv line 2: found the time '0\.1', expected HH:MM:SS"):
        read_annotations(path)


def test_the_published_validation_file_by_rule(data_folder):
    """Five rows worked out by hand from their times, and how many clips there are of two lengths."""
    sounds = read_annotations(data_folder / "annotations/EPIC_Sounds_validation.csv")
    assert (len(sounds), len({s.label for s in sounds}), len({s.video for s in sounds})) == (8035, 44, 137)
    by_name = {sound.annotation: sound for sound in sounds}
    by_hand = {
        "P01_11_0": (0.131,),  # 2.069 to 2.993: middle 2.531, less 2.4
        "P01_11_1": (3.065, 7.865),  # 11.382 s: two clips
        "P01_11_2": (16.706, 21.506, 26.306),  # 15.700 s: three
        "P01_11_3": (19.073,),  # 21.163 to 21.783: middle 21.473
        "P01_11_5": (33.953,),  # 8.049 s: one, and the rest is too short for another
    }
    for name, starts in by_hand.items():
        assert clip_starts(by_name[name], seconds=4.8) == pytest.approx(starts, abs=1e-6)
    assert clip_starts(by_name["P01_11_1"], seconds=1.6) == pytest.approx([3.065 + 1.6 * k for k in range(7)])
    assert sum(len(clip_starts(sound, seconds=4.8)) for sound in sounds) == 12_948
    assert sum(len(clip_starts(sound, seconds=1.6)) for sound in sounds) == 26_619


def test_rows_that_give_no_clip_are_told(tmp_path):
    made_clip(tmp_path / "videos/P01_11.mkv", seconds=5.0)
    made_clip(tmp_path / "videos/again/P01_11.mp4.mkv", seconds=1.0)
    touched = tmp_path / "videos/zz/P01_11.avi"
    touched.parent.mkdir()
    touched.touch()
    (tmp_path / "videos/P02_01.mp4").symlink_to(tmp_path / "gone.mp4")
    rows = (
        ROWS[0],
        ROWS[0],
        "P01_11_8,P01,P01_11,00:00:03.000,00:00:02.000,0,0,clang,water",
        "P01_11_9,P01,P01_11,00:00:01.000,277:00:00.000,0,0,hum,water",
        "P02_01_0,P02,P02_01,00:00:01.000,00:00:02.000,0,0,cut,water",
    )
    path = tmp_path / "EPIC_Sounds_validation.csv"
    path.write_bytes(("\ufeff" + "\r\n".join((HEAD, *rows))).encode())
    found = list_epic_sounds(tmp_path / "videos", [path], seconds=1.6)
    assert [r.name for r in found.requests] == [f"P01_11/P01_11_{n}" for n in ("0.0", "9.0", "9.1", "9.2", "9.3")]
    assert dict(found.skipped) == {
        "P02_01.mp4": "a link that leads nowhere",
        "zz/P01_11.avi": "another file is that video: P01_11.mkv",
        "P01_11/P01_11_0": "annotated twice",
        "P01_11/P01_11_8": "stops before it starts",
        "P01_11/P01_11_9": "623245 stretches beyond the end of its file",
        "P02_01": "its video is not there: 1 annotated",
    }
