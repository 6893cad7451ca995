"""What a folder and a table of clips list, and what a table may not say."""

import pytest

from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.manifest import list_manifest
from cmmd.errors import InputError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_folders_name_splits_and_labels(tmp_path):
    touch(tmp_path, "a.mp4", "dog/b.MOV", "train/cat/c.webm", "val/d.mkv", "notes.txt", ".hidden.mp4")
    found = {r.name: (r.split, r.labels) for r in list_folder(tmp_path).requests}
    assert found == {
        "a.mp4": (None, ()),
        "dog/b.MOV": (None, ("dog",)),
        "train/cat/c.webm": ("train", ("cat",)),
        "val/d.mkv": ("validation", ()),
    }


def test_a_folder_without_media_is_told(tmp_path):
    with pytest.raises(InputError, match="found no media file in it"):
        list_folder(tmp_path)
    with pytest.raises(InputError, match="found no such folder"):
        list_folder(tmp_path / "none")
    with pytest.raises(InputError, match="found a file"):
        list_folder(touch(tmp_path, "a.mp4") / "a.mp4")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_are_whole_files_or_stretches_of_them(tmp_path, suffix):
    path = tmp_path / f"clips.{suffix}"
    if suffix == "csv":
        path.write_text("file,start,end,label,split\na.mp4,,,knock,train\nb.mp4,1.5,5,drum,test\nb.mp4,9,,drum,test\n")
    else:
        path.write_text(
            '{"file": "a.mp4", "label": "knock", "split": "train"}\n\n'
            '{"file": "b.mp4", "start": 1.5, "end": 5, "label": "drum", "split": "test"}\n'
            '{"file": "b.mp4", "start": 9, "label": "drum", "split": "test"}\n'
        )
    found = list_manifest(path, seconds=1.6).requests
    assert [(r.name, r.start, r.labels, r.split) for r in found] == [
        ("a.mp4", None, ("knock",), "train"),
        ("b.mp4#0.0", 1.5, ("drum",), "test"),
        ("b.mp4#0.1", 3.1, ("drum",), "test"),
        ("b.mp4#1.0", 9.0, ("drum",), "test"),
    ]
    assert {r.group for r in found} == {"a.mp4", "b.mp4"} and found[0].file == tmp_path / "a.mp4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no rows"),
        ("file,begin\na.mp4,1\n", "line 2: found the columns begin, expected some of file, start, end"),
        ("file,start\n,1\n", "line 2: found no file"),
        (
            "file,start\na.mp4,soon\n",
            "line 2: start: found .*soon.*, expected seconds of 0 or more",
        ),
        ("file,start,end\na.mp4,3,2\n", "line 2: start is 3 and end 2, expected a later end"),
        ("file,split\na.mp4,dev\n", "line 2: split is 'dev', expected one of train, validation, test"),
        ("file,split\na.mp4,train\na.mp4,test\n", r"a\.mp4 is in train and in test"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path, text, message):
    path = tmp_path / "clips.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list_manifest(path, seconds=1.6)


def test_json_lines_that_are_none_are_named(tmp_path):
    path = tmp_path / "clips.jsonl"
    for text, message in (("{", "line 1: found no JSON"), ("[1]", r"line 1: found \[1\], expected an object")):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            list_manifest(path, seconds=1.6)
