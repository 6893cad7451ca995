"""Steps and the time left: a mean over the steps after the first, and words for people."""

import pytest

from cmmd.serve.progress_html import stage_html, time_left, waiting_html
from cmmd.serve.stages import Stage, StepClock


def clock_at(times: list[float], *, steps: int, takes: int) -> list[Stage]:
    ticks = iter(times)
    clock = StepClock(steps=steps, takes=takes, now=lambda: next(ticks))
    return [clock.step() for _ in times]


def test_the_time_left_is_the_mean_of_the_steps_after_the_first():
    stages = clock_at([10.0, 12.0, 16.0], steps=5, takes=1)
    assert [stage.seconds_left for stage in stages] == [None, pytest.approx(2 * 3), pytest.approx(3 * 2)]
    assert [stage.done for stage in stages] == [1, 2, 3] and stages[0].total == 5


def test_takes_are_counted_and_added_steps_do_not_exceed_the_bar():
    stages = clock_at([float(k) for k in range(9)], steps=2, takes=3)
    assert [stage.text for stage in stages[:6]] == [f"Take {k} of 3" for k in (1, 1, 2, 2, 3, 3)]
    assert stages[5].seconds_left is None and stages[5].share == 1.0
    assert (stages[8].text, stages[8].done, stages[8].total) == ("Take 3 of 3", 9, 9)


def test_a_single_take_has_no_number():
    clock = StepClock(steps=1, takes=1, now=lambda: 0.0)
    assert clock.step().text == "Take 1" and clock.writing(1).text == "Writing take"


def test_the_bar_tells_steps_and_time_left():
    shown = stage_html(Stage(text="Take 1 of 2", done=3, total=12, seconds_left=65.0))
    assert "step 3 of 12" in shown and "1 min 05 s left" in shown
    assert "width:25.0%" in shown and 'aria-valuenow="25"' in shown


def test_a_bar_without_steps_only_moves():
    assert "cmmd-moving" in stage_html(Stage(text="Reading", total=12)) and "Reading" in stage_html(
        Stage(text="Reading")
    )
    assert "Waiting: 2 before yours" in waiting_html(2) and "Starting" in waiting_html(0)


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min 00 s"), (125, "2 min 05 s")])
def test_a_time_in_words(seconds, words):
    assert time_left(seconds) == words
