"""Claims about the figures: marks are the matching's, whiskers the 1.5 IQR rule's, the cross is the set's value."""

import math
from typing import Any

import numpy as np
import pytest
from flashing_clips import FPS, RATE, clip_of
from made_record import made_record
from matplotlib.figure import Figure

from cmmd.evaluation.report.box_plot import Box, figure_box_plot
from cmmd.evaluation.report.charts import box_panels, delay_curves
from cmmd.evaluation.report.delay_figure import Curve, figure_delay_response, respond, spread_positions
from cmmd.evaluation.report.event_figures import (
    Sound,
    Strip,
    figure_sounds_under_video,
    figure_videos_under_sound,
    judge,
)
from cmmd.evaluation.report.examples import examples
from cmmd.evaluation.report.palette import png, short
from cmmd.evaluation.report.tables import Section, by_direction
from cmmd.measures.alignment import match_events

TRUE = (0.2, 0.5, 0.9, 1.3)
FOUND = ((0.21, 0.42, 1.1, 1.28), (0.55, 0.58))
IMPACTS = Section("video_to_audio", "impacts")


def marks(figure: Figure, gid: str) -> list[list[float]]:
    """Of every row of a figure that has such marks, their places on the time axis."""
    rows = [[line for line in axes.lines if line.get_gid() == gid] for axes in figure.axes]
    return [np.asarray(line.get_xdata(), float).tolist() for lines in rows for line in lines]


def drawn(kind: str) -> Figure:
    frames, waveform = clip_of(TRUE)
    shared: dict[str, Any] = {"sample_rate": RATE, "tolerance": 0.1}
    if kind == "sounds":
        made = [Sound(f"system {index}", clip_of(found)[1], found) for index, found in enumerate(FOUND)]
        return figure_sounds_under_video(frames, FPS, true=Sound("true", waveform, TRUE), generated=made, **shared)
    strips = [Strip(f"system {index}", clip_of(found)[0], found) for index, found in enumerate(FOUND)]
    return figure_videos_under_sound(
        Sound("sound", waveform, TRUE), true=Strip("true", frames, TRUE), generated=strips, fps=FPS, **shared
    )


@pytest.mark.parametrize("kind", ["sounds", "videos"])
def test_marks_are_those_of_the_matching(kind: str) -> None:
    figure = drawn(kind)
    for row, found in enumerate(FOUND):
        pairs = match_events(found, TRUE, tolerance=0.1).pairs
        met, reached = {i for i, _ in pairs}, {j for _, j in pairs}
        assert marks(figure, "met")[row] == [found[i] for i in sorted(met)]
        assert marks(figure, "extra")[row] == [time for i, time in enumerate(found) if i not in met]
        assert marks(figure, "missed")[row] == [time for j, time in enumerate(TRUE) if j not in reached]
    assert marks(figure, "true") == [list(TRUE)] * (1 if kind == "sounds" else 2)
    assert all(axes.get_xlim() == (0, 1.6) for axes in figure.axes)


def test_a_verdict_names_every_event_once() -> None:
    verdict = judge((0.3, 0.34, 1.0), (0.32, 0.7), tolerance=0.1)
    assert verdict == type(verdict)(met=(0.3,), extra=(0.34, 1.0), missed=(0.7,))


def test_matching_and_mismatching_marks_differ_in_shape_and_colour() -> None:
    figure = drawn("sounds")
    looks = set()
    for gid in ("true", "met", "extra", "missed"):
        line = next(line for axes in figure.axes for line in axes.lines if line.get_gid() == gid)
        looks.add((line.get_marker(), line.get_markerfacecolor()))
    assert len(looks) == 4


def test_whiskers_follow_the_rule_and_the_cross_is_at_the_set() -> None:
    samples = np.random.default_rng(0).gamma(2, 1, 50)
    boxes = [
        Box(name="real", samples=(*samples[:20], math.nan), value=0.4, truth=True),
        Box(name="model", samples=tuple(samples), value=0.9, low=0.7, high=1.2),
    ]
    axes = figure_box_plot([("all", boxes)], name="FAD").axes[0]
    for place, box in enumerate(boxes):
        known = np.array([sample for sample in box.samples if not math.isnan(sample)])
        low, high = np.quantile(known, (0.25, 0.75))
        reach = 1.5 * (high - low)
        inside = known[(known >= low - reach) & (known <= high + reach)]
        whiskers = [line for line in axes.lines if line.get_gid() == "whiskers"][2 * place : 2 * place + 2]
        ends = [np.asarray(line.get_xdata(), float).tolist() for line in whiskers]
        assert ends == [pytest.approx([low, inside.min()]), pytest.approx([high, inside.max()])]
        fliers = [line for line in axes.lines if line.get_gid() == "fliers"][place]
        assert sorted(np.asarray(fliers.get_xdata())) == sorted(set(known) - set(inside))
        cross = [line for line in axes.lines if line.get_gid() == "set"][place]
        assert (list(np.asarray(cross.get_xdata())), list(np.asarray(cross.get_ydata()))) == ([box.value], [place])
    assert [np.size(line.get_xdata()) for line in axes.lines if line.get_gid() == "fliers"] != [
        0,
        0,
    ]  # or it claims little


def test_a_box_without_samples_and_one_without_a_value_are_drawn() -> None:
    boxes = [Box(name="a", samples=(math.nan,), value=1.0), Box(name="b", samples=(1.0, 2.0), value=math.nan)]
    axes = figure_box_plot([("", boxes)], name="FAD").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a\nn = 0", "b\nn = 2"]
    assert len([line for line in axes.lines if line.get_gid() == "set"]) == 1


def test_the_boxes_are_the_records() -> None:
    record = made_record()
    panels = box_panels(record, by_direction(record)["video_to_audio"], "FAD-YAMNet")
    assert [title for title, _ in panels] == ["impacts", "dance"]
    assert [(box.name, box.value, box.truth) for box in panels[0][1]] == [
        ("real clips", 0.6, True),
        ("cmmd", 1.5, False),
        ("baseline", 2.5, False),
    ]
    assert panels[0][1][0].samples == (1.0, 1.1, 1.2, 6.0)


def test_a_response_goes_from_no_delay_to_chance() -> None:
    delays = (0.0, 0.1, 0.2)
    falling = respond(Curve(name="F1", values=(0.9, 0.6, 0.3), chance=0.3), delays)
    assert falling.one == "chance" and falling.values.tolist() == pytest.approx([0, 0.5, 1])
    late = respond(Curve(name="lag", values=(0.001, 0.101, math.nan), unit="s", chance=0.0), delays)
    assert late.one == "longest delay" and late.values[:2].tolist() == pytest.approx([0, 0.5])
    unknown = respond(Curve(name="L1", values=(1.0, 5.0, 3.0)), delays)
    assert unknown.one == "largest change" and unknown.values.tolist() == pytest.approx([0, 1, 0.5])
    assert np.isnan(respond(Curve(name="deaf", values=(1.0, 1.0, 1.0)), delays).values).all()


def test_the_delay_figure_has_every_curve_and_the_line_of_chance() -> None:
    response = made_record().delays[0]
    curves = delay_curves(made_record(), response)
    assert [(curve.name, curve.chance) for curve in curves][1] == ("onset F1 at 100 ms", 0.3)
    (axes,) = figure_delay_response(response.delays, curves).axes
    lines = {line.get_gid(): line for line in axes.lines}
    assert list(np.asarray(lines["chance"].get_ydata())) == [1, 1]
    f1 = np.asarray(lines["onset F1 at 100 ms"].get_ydata(), float)
    assert f1.tolist() == pytest.approx([0, 0, 0.05 / 0.65, 1, 0.7 / 0.65])
    assert np.asarray(lines["lag"].get_xdata()).tolist() == [0, 40, 80, 160, 320]


def test_labels_are_pushed_apart_and_keep_their_order() -> None:
    positions = spread_positions([0.5, 0.5, 0.9, 0.52], gap=0.1)
    assert np.diff(sorted(positions)).min() >= 0.1 - 1e-5
    assert np.argsort(positions, kind="stable").tolist() == [0, 1, 3, 2]
    assert spread_positions([0.2, 0.8], gap=0.1) == [0.2, 0.8]


def test_examples_are_worst_middle_and_best_by_rule() -> None:
    chosen = {example.rank: example for example in examples(made_record(), IMPACTS)}
    assert set(chosen) == {"middle", "worst", "best"}
    assert all(set(example.rows) == {"cmmd", "baseline"} for example in chosen.values())
    assert all(example.agreement == 0.5 for example in chosen.values())


def test_figures_leave_no_state_and_are_the_same_each_time() -> None:
    import matplotlib as mpl
    from matplotlib import pyplot

    before, open_before = dict(mpl.rcParams), pyplot.get_fignums()
    assert png(drawn("sounds")) == png(drawn("sounds"))
    assert (dict(mpl.rcParams), pyplot.get_fignums()) == (before, open_before)


@pytest.mark.parametrize(("name", "text"), [("cmmd", "cmmd"), ("runs/contrastive/model", "runs/c..e/model")])
def test_long_names_keep_their_ends(name: str, text: str) -> None:
    assert short(name, 15) == text
