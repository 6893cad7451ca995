"""Claims about the tables: the record's numbers, in their units, beside the right system."""

import math
from dataclasses import replace

import pytest
from made_record import made_metric, made_record

from cmmd.evaluation.record.schema import Better, Metric
from cmmd.evaluation.report.markdown import markdown_report
from cmmd.evaluation.report.memorisation import copies_table, nearest_table
from cmmd.evaluation.report.protocol import backbone_table, protocol_table
from cmmd.evaluation.report.quantities import interval, quantity
from cmmd.evaluation.report.tables import (
    Section,
    Table,
    best_of,
    by_direction,
    delay_table,
    distance_table,
    failure_table,
    headline_table,
    speed_table,
)

IMPACTS = Section("video_to_audio", "impacts")


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_the_headline_has_the_records_numbers() -> None:
    table = headline_table(made_record(), IMPACTS)
    assert table.head == ("", "cmmd", "baseline", "floor", "chance", "ceiling", "better", "clips")
    assert texts(table) == [
        ["onset F1 at 100 ms", "0.800", "0.700", "-", "0.300", "0.950", "higher", "3"],
        ["lag", "4.0 ms", "4.0 ms", "-", "-", "1.0 ms", "lower", "3"],
        ["FAD-YAMNet", "1.500", "2.500", "0.600", "-", "-", "lower", "3"],
    ]
    assert [row[1].note for row in table.rows] == ["[0.750, 0.850]", "[-46.0, 54.0] ms", "[1.450, 1.550]"]
    assert [[cell.best for cell in row[1:3]] for row in table.rows] == [[True, False], [False, False], [True, False]]


def test_limits_that_differ_are_all_told() -> None:
    record = made_record()
    first, second = record.systems
    changed = replace(second.results[0], metrics=(made_metric("onset F1 at 100 ms", 0.7, chance=0.25),))
    record = replace(record, systems=(first, replace(second, results=(changed, *second.results[1:]))))
    assert texts(headline_table(record, IMPACTS))[0][3:6] == ["-", "0.300 / 0.250", "0.950 / -"]
    assert texts(headline_table(record, IMPACTS))[1][2] == "-"  # the lag was not measured of the second system


@pytest.mark.parametrize(
    ("values", "better", "unit", "best"),
    [
        ((0.1, 0.2), "higher", "", 1),
        ((0.1, 0.2), "lower", "", 0),
        ((-0.05, 0.01), "lower", "s", 1),
        ((-0.05, 0.01), "lower", "", 0),
        ((math.nan, 0.2, 0.3), "higher", "", 2),
        ((0.2, 0.2), "higher", "", None),
        ((0.2,), "higher", "", None),
        ((math.nan, 0.2), "higher", "", None),
    ],
)
def test_the_best_of_a_row(values: tuple[float, ...], better: Better, unit: str, best: int | None) -> None:
    metrics: list[Metric | None] = [made_metric("x", value, better=better, unit=unit) for value in values]
    assert best_of([*metrics, None]) == best


def test_distances_stand_beside_real_clips_at_equal_size() -> None:
    table = distance_table(made_record(), by_direction(made_record())["video_to_audio"])
    assert len(table.rows) == 2 * 2 * 2
    assert texts(table)[1] == [
        "FAD-YAMNet",
        "impacts",
        "baseline",
        "2.500",
        "0.600",
        "3 to 9",
        "2.400",
        "2.100",
        "0.100",
    ]
    assert table.rows[1][3].note == "[2.200, 2.800]"


def test_speed_adds_up() -> None:
    table = speed_table(made_record(), (IMPACTS,))
    assert table.head == ("group", "system", "encoding", "denoising", "decoding", "total")
    assert texts(table)[0] == ["impacts", "cmmd", "10.0 ms", "500.0 ms", "100.0 ms", "610.0 ms"]


def test_delays_failures_copies_and_protocol() -> None:
    record = made_record()
    assert texts(delay_table(record.delays[0])) == [
        ["lag", "0.0 ms", "40.0 ms", "80.0 ms", "160.0 ms", "-", "lower"],
        ["onset F1 at 100 ms", "0.950", "0.950", "0.900", "0.300", "0.250", "higher"],
    ]
    assert texts(failure_table(record))[0][:5] == [
        "impacts-0000009",
        "baseline",
        "video to audio",
        "impacts",
        "missing",
    ]
    assert texts(copies_table(record))[0][2:] == ["cmmd", "YAMNet", "1 of 1", "0.010", "0.300", "0.100"]
    assert texts(nearest_table(record))[0] == [
        "impacts-0000000", "video to audio", "cmmd", "0.010", "flagged", "../train/a.mp4",
    ]  # fmt: skip
    protocol = dict(texts(protocol_table(record.protocol)))
    assert protocol["commit"] == "-" and protocol["guidance"] == "video to audio 1.5"
    assert protocol["temperature"] == "video to audio 0.25"
    assert protocol["reference clips"] == "impacts 12, dance 12" and protocol["events match within"] == "100.0 ms"
    assert texts(backbone_table(record.protocol))[0][-1] == "1" * 64


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (math.nan, "s", "-"),
        (math.inf, "", "-"),
        (0.00425, "s", "4.2 ms"),
        (-0.05, "s", "-50.0 ms"),
        (1.5, "s", "1.50 s"),
        (0.12345, "", "0.123"),
        (12.345, "", "12.35"),
        (1234.5, "", "1234"),
        (3.0, "dB", "3.000 dB"),
    ],
)
def test_a_quantity_in_words(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_an_interval_in_words() -> None:
    assert interval(0.1, 0.2) == "[0.100, 0.200]"
    assert interval(0.001, math.nan, "s") == "[1.0, -] ms"
    assert interval(0.5, 2.0, "s") == "[0.500, 2.000] s"
    assert interval(math.nan, math.nan) == ""


def test_markdown_has_the_same_cells_and_no_nan() -> None:
    text = markdown_report(made_record())
    assert "nan" not in text
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["FAD-YAMNet", "**1.500** [1.450, 1.550]", "2.500 [2.450, 2.550]", "0.600", "-", "-", "lower", "3"] in lines


def test_markdown_escapes_what_would_break_a_table() -> None:
    record = made_record()
    failed = replace(record.failures[0], name="a|b\nc", reason="<b>*x*</b>")
    text = markdown_report(replace(record, failures=(failed,)))
    row = next(line for line in text.splitlines() if line.startswith("| a"))
    assert row.startswith("| a\\|b c ") and "\\<b>\\*x\\*\\</b>" in row
