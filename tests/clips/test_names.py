"""Names of clips: what is media, what a result was made of, and names that never lead out of a folder."""

import pytest

from cmmd.clips.names import MEDIA_SUFFIXES, media_in, plain_name, source_name, unique_names
from cmmd.errors import InputError


@pytest.mark.parametrize(
    ("stem", "expected"),
    [("clip_cmmd", "clip"), ("clip_cmmd_12", "clip"), ("clip", "clip"), ("_cmmd", "_cmmd"), ("a_cmmd_b", "a_cmmd_b")],
)
def test_a_result_tells_its_source(stem, expected):
    assert source_name(stem) == expected


def test_hidden_files_folders_and_others_are_no_clips(tmp_path):
    for name in ("b.MP4", "a.opus", ".c.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.mp4").mkdir()
    assert [file.name for file in media_in(tmp_path)] == ["a.opus", "b.MP4"]


def test_files_of_one_stem_are_told_apart_by_their_suffixes(tmp_path):
    files = [tmp_path / name for name in ("a.mp4", "a.mkv", "b.wav")]
    assert unique_names(files) == {"a_mp4": files[0], "a_mkv": files[1], "b": files[2]}
    with pytest.raises(InputError, match=r"found a\.mp4 and a_mp4\.wav, expected one clip named a_mp4"):
        unique_names([*files, tmp_path / "a_mp4.wav"])


def test_what_is_written_is_read():
    assert {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".wav", ".flac"} <= MEDIA_SUFFIXES


@pytest.mark.parametrize("name", ["clip", "a b", "ü.1", "..a", "C3PO", "x" * 245])
def test_plain_names_stay(name):
    assert plain_name(name, "list.csv") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\nb", "a\0b", "\x1b[2J", "x" * 246, 7, None, ["a"]]
)
def test_names_that_lead_elsewhere_are_refused_in_a_line(name):
    with pytest.raises(InputError, match=r"^list\.csv, row 3: found the name .* expected") as caught:
        plain_name(name, "list.csv, row 3")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 160
