"""Figures of video over true and generated sound, and of generated video under its sound (paper: figures 2, 3).

Generated events are judged one by one: "met" matches a true event within the tolerance, "extra" has no true event, and
"missed" is a true event without a match. The three differ in colour, line and marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from cmmd.evaluation.report.palette import WIDTH, in_style, new_figure, short
from cmmd.evaluation.report.pictures import INK, MATCHED, UNMATCHED, draw_spectrogram, draw_strip, shown_frames
from cmmd.measures.alignment import Times, match_events

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT = 0.135, 0.975
SOUND_HEIGHT, LINE_HEIGHT = 1.15, 0.2  # inches
NAME = 14  # maximum characters of a row label


@dataclass(frozen=True, slots=True)
class Sound:
    """A row of sound: waveform float (s,) and its event times (s)."""

    name: str
    waveform: Float[np.ndarray, " s"]
    events: Times


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of frames: uint8 (f, h, w, 3) and the times (s) of the events seen in them."""

    name: str
    frames: UInt8[np.ndarray, "f h w 3"]
    events: Times


@dataclass(frozen=True, slots=True)
class Verdict:
    """Event times (s) of one generated row: met and extra are times of generated events, missed of true ones."""

    met: tuple[float, ...]
    extra: tuple[float, ...]
    missed: tuple[float, ...]


def judge(events: Times, true: Times, *, tolerance: float) -> Verdict:
    """Classifies events with the same matching as the scores. tolerance: seconds."""
    pairs = match_events(events, true, tolerance=tolerance).pairs
    met, reached = {i for i, _ in pairs}, {j for _, j in pairs}
    return Verdict(
        met=tuple(float(time) for i, time in enumerate(events) if i in met),
        extra=tuple(float(time) for i, time in enumerate(events) if i not in met),
        missed=tuple(float(time) for j, time in enumerate(true) if j not in reached),
    )


@in_style
def figure_sounds_under_video(
    frames: UInt8[np.ndarray, "f h w 3"],
    fps: float | int,
    *,
    true: Sound,
    generated: Sequence[Sound],
    sample_rate: int,
    tolerance: float,
) -> "Figure":
    """Draws figure 2: the video, its true sound, and one spectrogram per system, on a common time axis."""
    strip = _strip_height(frames)
    rows = _rows([strip, *([LINE_HEIGHT, SOUND_HEIGHT] * (1 + len(generated)))])
    seconds = max(len(frames) / fps, *(len(sound.waveform) / sample_rate for sound in (true, *generated)))
    _strip(rows[0], Strip("video", frames, ()), fps)
    for index, sound in enumerate((true, *generated)):
        line, axes = rows[1 + 2 * index : 3 + 2 * index]
        draw_spectrogram(axes, sound.waveform, sample_rate, short(sound.name, NAME))
        if index == 0:
            _mark_true((line, axes), sound.events)
        else:
            _mark((line, axes), judge(sound.events, true.events, tolerance=tolerance))
    return _finish(rows, seconds, tolerance)


@in_style
def figure_videos_under_sound(
    sound: Sound,
    *,
    true: Strip | None,
    generated: Sequence[Strip],
    fps: float | int,
    sample_rate: int,
    tolerance: float,
) -> "Figure":
    """Draws figure 3: the sound with the true events, then one strip of frames per system, on a common time axis."""
    strips = ([true] if true else []) + list(generated)
    pairs = [height for strip in strips for height in (LINE_HEIGHT, _strip_height(strip.frames))]
    rows = _rows([LINE_HEIGHT, SOUND_HEIGHT, *pairs])
    seconds = max(len(sound.waveform) / sample_rate, *(len(strip.frames) / fps for strip in strips))
    draw_spectrogram(rows[1], sound.waveform, sample_rate, short(sound.name, NAME))
    _mark_true((rows[0], rows[1]), sound.events)
    for index, strip in enumerate(strips):
        line, axes = rows[2 + 2 * index : 4 + 2 * index]
        _strip(axes, strip, fps)
        if strip is true:
            _mark_true((line,), strip.events)
        else:
            _mark((line,), judge(strip.events, sound.events, tolerance=tolerance))
    return _finish(rows, seconds, tolerance)


def _strip_height(frames: np.ndarray) -> float:
    """Height (inches) of a strip that preserves the aspect ratio of the frames."""
    return (RIGHT - LEFT) * WIDTH / len(shown_frames(len(frames))) * frames.shape[1] / frames.shape[2]


def _rows(heights: Sequence[float]) -> list["Axes"]:
    figure = new_figure(sum(heights) + 0.06 * len(heights) + 0.72)
    rows = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    height = figure.get_figheight()
    figure.subplots_adjust(left=LEFT, right=RIGHT, top=1 - 0.28 / height, bottom=0.42 / height, hspace=0.05)
    return list(rows)


def _strip(axes: "Axes", strip: Strip, fps: float | int) -> None:
    shown = shown_frames(len(strip.frames))
    draw_strip(axes, strip.frames, shown, len(strip.frames) / fps, short(strip.name, NAME))


def _mark_true(rows: Sequence["Axes"], times: Times) -> None:
    """Draws markers on the first of `rows` and vertical lines through the others."""
    _points(rows[0], times, "v", INK, filled=True, gid="true")
    for axes in rows[1:]:
        for time in times:
            axes.axvline(float(time), color=INK, linewidth=0.8, linestyle=":")


def _mark(rows: Sequence["Axes"], verdict: Verdict) -> None:
    _points(rows[0], verdict.met, "v", MATCHED, filled=True, gid="met")
    _points(rows[0], verdict.extra, "X", UNMATCHED, filled=True, gid="extra")
    _points(rows[0], verdict.missed, "o", UNMATCHED, filled=False, gid="missed")
    for axes in rows[1:]:
        for times, colour, style in ((verdict.met, MATCHED, "-"), (verdict.extra, UNMATCHED, "--")):
            for time in times:
                axes.axvline(time, color=colour, linewidth=1.1, linestyle=style)


def _points(axes: "Axes", times: Times, marker: str, colour: str, *, filled: bool, gid: str) -> None:
    axes.plot(
        times,
        [0.45] * len(times),
        marker,
        color=colour,
        markersize=6.5,
        markerfacecolor=colour if filled else "none",
        markeredgewidth=0 if filled else 1.5,
        clip_on=False,
        gid=gid,
    )
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.tick_params(bottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _finish(rows: list["Axes"], seconds: float, tolerance: float) -> "Figure":
    """Sets up the common time axis and the legend; returns the figure."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    for axes in rows[:-1]:
        axes.tick_params(bottom=False)
    rows[-1].tick_params(bottom=True)
    rows[-1].set_xlim(0, seconds)
    rows[-1].set_xlabel("time (s)")
    kinds = (
        ("v", INK, True, "true event"),
        ("v", MATCHED, True, f"meets one within {1000 * tolerance:.0f} ms"),
        ("X", UNMATCHED, True, "no true event there"),
        ("o", UNMATCHED, False, "missed"),
    )
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", markerfacecolor=colour if filled else "none")
        for marker, colour, filled, _ in kinds
    ]
    figure = rows[0].figure
    assert isinstance(figure, Figure)
    labels = [label for *_, label in kinds]
    figure.legend(
        handles,
        labels,
        loc="upper right",
        ncols=4,
        frameon=False,
        borderaxespad=0.2,
        columnspacing=1.2,
        handletextpad=0.2,
    )
    return figure
