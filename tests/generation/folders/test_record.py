"""The record of a folder: lines that describe files, read back whole whatever became of the last one."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd.errors import InputError
from cmmd.files.inline_groups import replaced
from cmmd.generation.folders.record import RECORD, Fingerprint, Generator, Record, RecordLine, ResultFiles


def line(folder: Path, result: str, content: bytes = b"result", **values: Any) -> RecordLine:
    """A line about a file that is there."""
    (folder / result).write_bytes(content)
    files = ResultFiles(
        result=result,
        result_file=Fingerprint.of(folder / result),
        input=os.path.realpath(folder / "in.mp4"),
        input_file=Fingerprint(bytes=1, time_ns=2, sha256="3"),
    )
    made = RecordLine(
        files=files,
        made="audio",
        seed=4,
        settings={"steps": 25, "guidance": None, "keep": [[0.0, 1.5]]},
        generator=Generator(model="shipped", model_sha256="5", version="0"),
    )
    return replaced(made, **values)


def test_lines_come_back_as_they_were_written(tmp_path):
    made = [
        line(tmp_path, "a.mp4", start=0.5, end=2.0, to="audio", guidance=1.0, seconds=1.5, device="cpu"),
        line(tmp_path, "b.mp4", took={"reading": 0.1}, notes=["left out: the old sound"], said={"label": "knock"}),
    ]
    Record(tmp_path).append(made)
    record = Record.read(tmp_path)
    assert [record.lines_of("a.mp4"), record.lines_of("b.mp4")] == [made[:1], made[1:]]
    assert record.lines_about(tmp_path / "in.mp4") == made[::-1]
    assert record.lines_of("c.mp4") == []
    assert len((tmp_path / RECORD).read_text().splitlines()) == 2


def test_a_folder_without_a_record_has_an_empty_one(tmp_path):
    assert Record.read(tmp_path).lines_of("a.mp4") == [] and not (tmp_path / RECORD).exists()


def test_a_line_is_about_the_file_that_it_describes(tmp_path):
    record = Record(tmp_path)
    first = line(tmp_path, "a.mp4", b"first")
    second = line(tmp_path, "a.mp4", b"other")
    record.append([first, second])
    assert record.lines_of("a.mp4") == [second]
    (tmp_path / "a.mp4").write_bytes(b"first")
    assert record.lines_of("a.mp4") == [first]  # as after a kill before the second one got its name
    (tmp_path / "a.mp4").write_bytes(b"mine!")
    assert record.lines_of("a.mp4") == []
    (tmp_path / "a.mp4").unlink()
    assert record.lines_of("a.mp4") == []


def test_a_copy_is_known_by_its_content(tmp_path):
    made = line(tmp_path, "a.mp4")
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    assert made.files.result_file.is_of(tmp_path / "a.mp4") and not made.files.result_file.looks_like(
        tmp_path / "a.mp4"
    )


@pytest.mark.parametrize("torn", [b'{"result": "x', b"\0\0\0\0", b"{}"])
def test_half_a_last_line_is_passed_over_and_cut_off(tmp_path, torn):
    made = line(tmp_path, "a.mp4"), line(tmp_path, "b.mp4")
    Record(tmp_path).append(made[:1])
    with (tmp_path / RECORD).open("ab") as file:
        file.write(torn)
    record = Record.read(tmp_path)
    assert record.lines_of("a.mp4") == [made[0]]
    record.append(made[1:])
    assert [Record.read(tmp_path).lines_of(name)[0] for name in ("a.mp4", "b.mp4")] == [*made]
    assert len((tmp_path / RECORD).read_text().splitlines()) == 2


def test_a_record_that_is_half_a_line_is_an_empty_one(tmp_path):
    (tmp_path / RECORD).write_bytes(b'{"result"')
    record, made = Record.read(tmp_path), line(tmp_path, "a.mp4")
    record.append([made])
    assert Record.read(tmp_path).lines_of("a.mp4") == [made]


def test_names_that_are_not_utf8_come_back(tmp_path):
    name = os.fsdecode(b"\xff\xfe.mp4")
    made = line(tmp_path, "a.mp4", input=f"/x/{name}")
    Record(tmp_path).append([replace(made, said={"label": "Tür"})])
    assert Record.read(tmp_path).lines_about(Path("/x") / name)[0].said == {"label": "Tür"}
    assert (tmp_path / RECORD).read_text().isascii()


def test_a_later_version_may_say_more(tmp_path):
    made = line(tmp_path, "a.mp4")
    values = json.loads(made.to_line()) | {"mood": "glad"}
    (tmp_path / RECORD).write_text(f"{json.dumps(values)}\n")
    assert Record.read(tmp_path).lines_of("a.mp4") == [made]


@pytest.mark.parametrize(
    "text", ["nonsense", "[1]", "{}", '{"result": 3}', '{"result": "a", "result": "b"}', '{"result": "a.mp4"}']
)
def test_what_is_no_record_is_one_line(tmp_path, text):
    (tmp_path / RECORD).write_text(f"{text}\n")
    with pytest.raises(InputError, match=r"made\.jsonl line 1: .*expected a record of cmmd generate") as raised:
        Record.read(tmp_path)
    assert len(str(raised.value).splitlines()) == 1


@given(st.text(max_size=40))
def test_rubbish_is_a_record_or_a_line(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("record")
    (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")
    with suppress(InputError):  # and nothing else
        Record.read(folder)
