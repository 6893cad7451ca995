"""What is read of anybody's files: foreign exceptions are a line that names the file, defects of our own show."""

import csv
import json
import os
import struct
from pathlib import Path

import pytest
import safetensors

from cmmd.errors import InputError, printable
from cmmd.files.foreign_files import read_bytes, read_text, reading
from cmmd.files.plain_json import parse_json, read_json_object
from cmmd.files.plain_tables import read_table


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file"), "nothing to read (No such file)"),
        (KeyError("name"), "no name"),
        (ValueError("a\nb"), "a b"),
        (ValueError(), "ValueError"),
        (MemoryError(), "more than the memory holds"),
        (RecursionError("deep"), "too many levels within each other"),
        (OverflowError("large"), "large"),
        (struct.error("short"), "short"),
        (csv.Error("long"), "long"),
        (safetensors.SafetensorError("header"), "header"),
        (TypeError("x" * 1000), "x" * 197 + "..."),
    ],
)
def test_a_foreign_exception_is_a_line_with_the_name(error, told):
    with pytest.raises(InputError) as raised, reading("list.csv", expected="a table"):
        raise error
    assert str(raised.value) == f"list.csv: found {told}, expected a table"
    assert raised.value.__cause__ is error


def test_an_assertion_of_a_library_is_told_and_one_of_ours_shows():
    with pytest.raises(InputError), reading("x", expected="y"):
        raise AssertionError("of this test, which is no part of the package")
    ours: dict = {"__name__": "cmmd.clips.reading"}
    exec("def fail():\n    assert False, 'a defect'", ours)
    with pytest.raises(AssertionError, match="a defect"), reading("x", expected="y"):
        ours["fail"]()
    with pytest.raises(InputError, match=r"^as it is$"), reading("x", expected="y"):
        raise InputError("as it is")


def test_only_regular_files_of_some_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match=r"found (no regular file|a folder), expected text"):
            read_bytes(path, expected="text")
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(InputError, match="found 101 bytes, expected text, 100 at most"):
        read_bytes(tmp_path / "large", expected="text", largest=100)


def test_text_has_one_encoding_and_perhaps_a_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfh\xc3\xa9")
    assert read_text(tmp_path / "a", expected="text") == "hé"
    (tmp_path / "a").write_bytes(b"ab\xff")
    with pytest.raises(InputError, match=r"found no UTF-8 text \(byte 2 is 0xff\)"):
        read_text(tmp_path / "a", expected="text")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ("NaN", "NaN, which is no number"),
        ("9" * 5000, "a number of 5000 digits"),
        ("[" * 100_000, "too many levels"),
    ],
)
def test_json_that_means_nothing_is_told(text, told):
    with pytest.raises(InputError, match=f"^x: found {told}"):
        parse_json(text, "x", expected="settings")


def test_other_json_is_as_it_is(tmp_path):
    value = {"a": [1, 2.5, None, "\u2028", -(10**50)], "b": float("-inf")}
    assert parse_json(json.dumps(value), "x", expected="settings") == value
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(InputError, match=r"JSON of another kind \(list\)"):
        read_json_object(tmp_path / "list", expected="settings")


def test_tables_of_both_kinds_have_rows_with_their_lines(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfname,note\r\none,"of\r\ntwo lines"\r\n\r\nthree\r\n')
    rows = read_table(tmp_path / "a.csv", expected="rows")
    assert [row.values for row in rows] == [{"name": "one", "note": "of\r\ntwo lines"}, {"name": "three"}]
    assert [row.where for row in rows] == [f"{tmp_path / 'a.csv'} line {number}" for number in (3, 5)]
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "\xe2\x80\xa8"}\r\n\r\n{"a": 2}')
    rows = read_table(tmp_path / "a.jsonl", expected="rows")
    assert [row.values for row in rows] == [{"a": "\u2028"}, {"a": 2}]
    assert rows[1].where.endswith("line 3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,a\n1,2\n", "the column 'a' twice"),
        ("a\n1,2\n", "line 2: found 2 cells for 1 columns"),
        ('a\n"open\n', "unexpected end of data"),
        ("a\n" + "x" * 140_000, "field larger than field limit"),
    ],
)
def test_a_csv_file_that_would_be_misread_is_told(tmp_path, text, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        read_table(tmp_path / "a.csv", expected="rows")


def test_messages_move_no_cursor():
    told = str(InputError.about("a\x1b[2J\udcff\n.mp4", found="\u200bnothing", expected="é🎵"))
    assert told == r"a\x1b[2J\udcff .mp4: found \u200bnothing, expected é🎵"
    assert printable("a b\tc") == r"a b\tc" and str(InputError("one\ntwo\x07")) == "one\ntwo\\x07"
