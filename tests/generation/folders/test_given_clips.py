"""Which clips are meant by files, folders and tables, and what each is called."""

from pathlib import Path

import pytest

from cmmd.errors import InputError
from cmmd.generation.folders.given_clips import GivenClip, list_clips


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names(*inputs: Path, out: Path = Path("/nowhere"), manifest: Path | None = None) -> list[str]:
    return [clip.label for clip in list_clips(inputs, manifest, out=out)[0]]


def test_a_folder_is_all_that_lies_below_it_by_name(tmp_path):
    touched(
        tmp_path, "b.mp4", "a/z.wav", "a/c/y.MOV", "notes.txt", "a/list.csv", ".hidden.mp4", ".git/x.mp4", "a/.x/y.mp4"
    )
    (tmp_path / "folder.mp4").mkdir()
    assert names(tmp_path) == ["a/c/y.MOV", "a/z.wav", "b.mp4"]


def test_a_link_that_leads_nowhere_is_listed_so_that_it_is_told(tmp_path):
    (touched(tmp_path, "a.mp4") / "b.mp4").symlink_to(tmp_path / "gone.mp4")
    assert names(tmp_path) == ["a.mp4", "b.mp4"]


def test_files_and_folders_come_in_the_order_in_which_they_are_named(tmp_path):
    touched(tmp_path, "one/b.mp4", "one/a.mp4", "two.strange", "three/c.wav")
    assert names(tmp_path / "three", tmp_path / "two.strange", tmp_path / "one") == [
        *("c.wav", "two.strange", "a.mp4", "b.mp4")
    ]


def test_the_folder_of_the_results_is_no_input(tmp_path):
    touched(tmp_path, "a.mp4", "made/b.mp4", "made/deep/c.mp4", "made.mp4")
    assert names(tmp_path, out=tmp_path / "made") == ["a.mp4", "made.mp4"]
    (tmp_path / "link").symlink_to(tmp_path / "made")
    assert names(tmp_path, out=tmp_path / "link") == ["a.mp4", "made.mp4"]
    # But results may go to where the clips are, or above.
    assert names(tmp_path, out=tmp_path) == ["a.mp4", "made.mp4", "made/b.mp4", "made/deep/c.mp4"]
    assert names(tmp_path / "made", out=tmp_path) == ["b.mp4", "deep/c.mp4"]


def test_a_result_beside_its_source_is_left_out_and_told(tmp_path):
    touched(tmp_path, "a.mp4", "a_cmmd.mp4", "a_mp4_cmmd_2.mp4", "other_cmmd.mp4", "deep/a_cmmd.mp4")
    clips, told = list_clips([tmp_path], None, out=tmp_path)
    assert [clip.name for clip in clips] == ["a.mp4", "deep/a_cmmd.mp4", "other_cmmd.mp4"]
    assert told == [
        f"{tmp_path}/a_cmmd.mp4: left out, it is a result of a",
        f"{tmp_path}/a_mp4_cmmd_2.mp4: left out, it is a result of a_mp4",
    ]


def test_a_clip_that_is_named_twice_is_listed_once(tmp_path):
    touched(tmp_path, "a.mp4")
    clips, told = list_clips([tmp_path, tmp_path / "x" / ".." / "a.mp4"], None, out=Path("/nowhere"))
    assert len(clips) == 1 and told == [f"{tmp_path}/x/../a.mp4: left out, it is named twice"]


def test_a_folder_without_a_clip_is_one_line(tmp_path):
    touched(tmp_path, "notes.txt")
    with pytest.raises(InputError, match="found a folder without a clip, expected audio or video files in it"):
        names(tmp_path)
    touched(tmp_path, "0001.png", "0002.png")
    with pytest.raises(InputError, match="found a folder of 2 pictures, expected one clip"):
        names(tmp_path)


def test_a_row_is_a_clip_or_a_stretch_of_one(tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text(
        "file,start,end,label,split,group\n"
        "deep/a.mp4,,,knock,test,kitchen\n"
        "deep/a.mp4,0,1.6,,,\n"
        "../b.mp4,2.5,,,,\n"
        "deep/a.mp4,0,1.6,,,\n"
    )
    clips, told = list_clips([], table, out=Path("/nowhere"))
    assert [(clip.name, clip.start, clip.end) for clip in clips] == [
        ("deep/a.mp4", None, None),
        ("deep/a.mp4", 0, 1.6),
        ("b.mp4", 2.5, None),
    ]
    assert [clip.label for clip in clips] == ["deep/a.mp4", "deep/a.mp4 0-1.6", "b.mp4 2.5-"]
    assert clips[0].source == tmp_path / "deep/a.mp4" and clips[2].source == tmp_path / "../b.mp4"
    assert clips[0].said == {"label": "knock", "split": "test", "group": "kitchen"} and clips[1].said == {}
    assert len(told) == 1
    assert [clip.stems[0] for clip in clips] == ["a", "a_0-1.6", "b_2.5-"]


def test_a_row_that_is_wrong_is_named(tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text("file,start,end\na.mp4,2,1\n")
    with pytest.raises(InputError, match=r"clips\.csv line 2: start is 2 and end 1, expected a later end"):
        names(manifest=table)
    table.write_text("file,kind\na.mp4,x\n")
    with pytest.raises(InputError, match="line 2: found the columns kind, expected some of file, start, end, label"):
        names(manifest=table)


def test_results_keep_the_folders_of_their_sources():
    assert str(GivenClip(source=Path("/x/a/b/c.mp4"), name="a/b/c.mp4").result_folder) == "a/b"
    assert str(GivenClip(source=Path("c.mp4"), name="c.mp4").result_folder) == "."


def test_times_are_told_to_the_microsecond():
    clip = GivenClip(source=Path("c.mp4"), name="c.mp4", start=1234.567891, end=10000.5)
    assert clip.stems[0] == "c_1234.567891-10000.5"
