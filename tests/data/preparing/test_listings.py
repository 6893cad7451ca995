"""What a folder and a table of clips list, and what a table may not say."""

import json
import os

import pytest
from made_folder import made_clip

from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.manifest import list_manifest
from cmmd.data.preparing.request import with_splits
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


def test_dead_links_and_empty_folders_are_told(tmp_path):
    touch(tmp_path, "a.mp4", "dog/b.mp4")
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog/c.mp4").symlink_to(tmp_path / "gone.mp4")
    (tmp_path / "d.mp4").mkdir()
    (tmp_path / "d.mp4/notes.txt").touch()
    found = list_folder(tmp_path)
    assert [request.name for request in found.requests] == ["a.mp4", "dog/b.mp4"]
    assert found.skipped == (("cat/", "an empty folder"), ("dog/c.mp4", "a link that leads nowhere"))
    (tmp_path / "a.mp4").unlink()
    (tmp_path / "dog/b.mp4").unlink()
    with pytest.raises(InputError, match=r"no media file in it \(cat/: an empty folder\)"):
        list_folder(tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_end_far_beyond_the_file_costs_nothing_and_is_told(tmp_path, suffix):
    made_clip(tmp_path / "a.mkv", seconds=4.0)
    path = tmp_path / f"clips.{suffix}"
    rows = [{"file": name, "start": 0, "end": 999999} for name in ("a.mkv", "gone.mkv")]
    as_csv = ["file,start,end", *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(as_csv if suffix == "csv" else map(json.dumps, rows)))
    found = list_manifest(path, seconds=1.6)
    assert [(r.name, r.start) for r in found.requests if r.file.exists()] == [
        *(("a.mkv#0.0", 0.0), ("a.mkv#0.1", 1.6), ("a.mkv#0.2", 3.2), ("a.mkv#0.3", pytest.approx(4.8)))
    ]
    assert [r.name for r in found.requests if not r.file.exists()] == ["gone.mkv#0.0"]  # its reason is told when read
    assert dict(found.skipped)["a.mkv#0"] == "624995 stretches beyond the end of its file"


@pytest.mark.parametrize(("mark", "ends"), [("", "\r\n"), ("\ufeff", "\n"), ("\ufeff", "\r\n"), ("", "\r")])
def test_tables_of_spreadsheets_are_read(tmp_path, mark, ends):
    path = tmp_path / "clips.csv"
    path.write_bytes(f"{mark}file,label{ends}a.mp4,knock{ends}".encode())
    assert [(r.name, r.labels) for r in list_manifest(path, seconds=1.6).requests] == [("a.mp4", ("knock",))]


def test_a_name_that_is_no_utf8_is_listed_and_split(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).touch()
    touch(tmp_path, "a.mp4")
    found = with_splits(list_folder(tmp_path), validation=0.5)
    assert sorted(request.split or "" for request in found.requests) == ["train", "validation"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "file,label\na.mp4," + "x" * 131_073),
        ("a.csv", f"file,start\na.mp4,{'9' * 5000}"),
        ("a.jsonl", f'{{"file": "a.mp4", "start": {"9" * 5000}}}'),
        ("a.jsonl", f'{{"file": "a.mp4", "start": {"9" * 400}}}'),
        ("a.jsonl", "[" * 100_000),
        ("a.jsonl", '{"file": ["a.mp4"]}'),
    ],
    ids=["long field", "digits in CSV", "digits in JSON", "beyond floats", "nesting", "a list"],
)
def test_what_readers_choke_on_is_a_line(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        list_manifest(tmp_path / name, seconds=1.6)
    assert str(caught.value).startswith(str(tmp_path / name)) and len(str(caught.value)) < 600
