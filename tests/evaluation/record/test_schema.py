"""A record comes back as it was written, and what is no record is told in one line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_record import made_record

from cmmd.errors import InputError
from cmmd.evaluation.record.schema import FILE, read_record, write_record


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = made_record()
    write_record(record, tmp_path)
    assert repr(read_record(tmp_path)) == repr(record)  # nan is not equal to itself, its repr is
    write_record(replace(record, failures=()), tmp_path)
    assert read_record(tmp_path).failures == ()


def test_json_readers_that_know_no_nan_can_read_it(tmp_path: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(write_record(made_record(), tmp_path).read_text(), parse_constant=refuse)


def test_no_half_written_record_stays(tmp_path: Path) -> None:
    write_record(made_record(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", [None, "{}", "no json", '{"version": "one"}'])
def test_what_is_no_record_is_told_in_one_line(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match="expected a record of cmmd evaluate") as told:
        read_record(tmp_path)
    assert "\n" not in str(told.value)


def test_a_metric_is_found_by_its_name() -> None:
    result = made_record().systems[0].results[0]
    assert result.metric("lag").unit == "s"
    with pytest.raises(KeyError, match="was not measured"):
        result.metric("FVD")
