"""Progress: a bar on a terminal, lines elsewhere, nothing when quiet."""

import sys
import time

import pytest

from cmmd.runtime import progress as progress_module
from cmmd.runtime.progress import progress

Log = pytest.CaptureFixture[str]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # A hair above zero: tqdm shows at once where the delay is 0, and 1e-9 s has passed by the first step.
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", 1e-9)


@pytest.mark.usefixtures("no_waiting")
def test_without_a_terminal_progress_is_lines_with_speed_and_time_left(capsys: Log) -> None:
    assert list(progress(3, "training")) == [0, 1, 2]
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert lines[-1].startswith("training: 3 of 3 steps, ")
    assert all(part in lines[-1] for part in (" steps/s", " passed, ", " left"))
    assert "\r" not in text


@pytest.mark.usefixtures("no_waiting")
def test_a_resumed_run_counts_from_where_it_stopped(capsys: Log) -> None:
    assert list(progress(5, "training", start=3)) == [3, 4]
    assert capsys.readouterr().err.splitlines()[-1].startswith("training: 5 of 5 steps")


@pytest.mark.usefixtures("no_waiting")
def test_figures_appear_in_the_line(capsys: Log) -> None:
    steps = progress(2, "training")
    for _ in steps:
        steps.set_postfix(loss=0.25)
    assert "loss=0.25" in capsys.readouterr().err


def test_figures_set_at_every_step_do_not_make_a_line_a_step(capsys: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", 0.05)
    steps = progress(10, "training")
    for _ in steps:
        time.sleep(0.02)
        steps.set_postfix(loss=0.25)
    assert 1 <= capsys.readouterr().err.count("\n") <= 6


def test_short_work_is_silent_without_a_terminal(capsys: Log) -> None:
    assert list(progress(["a", "b"], "reading", unit="file")) == ["a", "b"]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_one_redrawn_bar(capsys: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(progress(["a", "b"], "reading", unit="file"))
    text = capsys.readouterr().err
    assert "reading: 100%" in text
    assert "\r" in text
    assert text.count("\n") == 1


def test_quiet_writes_nothing(capsys: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert sum(1 for _ in progress(4, "training", quiet=True)) == 4
    assert capsys.readouterr().err == ""


def test_without_a_loop_the_caller_counts(capsys: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = progress(10, "decoding", unit="frame")
    bar.update(10)
    bar.close()
    assert "10/10" in capsys.readouterr().err
