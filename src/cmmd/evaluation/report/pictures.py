"""Figures of generated clips: frames above their spectrogram, with marked events (paper: figures 2 and 3).

Matplotlib is imported inside the functions, so that importing this module does not require it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from cmmd.files.unfinished_file import atomic_file
from cmmd.measures.alignment import Times, match_events

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MATCHED, UNMATCHED = "#0072b2", "#d55e00"  # distinguishable for every colour vision (Okabe and Ito)
INK = "#333333"
TOLERANCE = 0.1  # seconds: one frame at 10 fps
FRAMES_SHOWN = 16
WIDTH = 10.0  # inches
PLOT = (0.095, 0.985)  # left and right end of the time axis, as parts of the width
DYNAMIC_RANGE = 65.0  # dB of the spectrogram's grey scale
SPECTROGRAM_HZ = (60, 8000)
STYLE = {
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "cmmd",  # makes SVG files reproducible
}


def figure_sound_for_video(
    frames: UInt8[np.ndarray, "f h w 3"],
    fps: float | int,
    waveform: Float[np.ndarray, " s"],
    *,
    sample_rate: int,
    events_seen: Times,
    events_heard: Times,
    reference: Float[np.ndarray, " r"] | None = None,
    path: Path | str,
) -> Path:
    """Draws generated sound under the video that conditions it (the paper's figure 2).

    reference: the true sound, drawn as a further row. Event times are in seconds. Returns `path`. Raises InputError if
    it cannot be written.
    """
    sounds = [("generated sound", waveform)] + ([("true sound", reference)] if reference is not None else [])
    marks = _marks(events_seen, events_heard)
    return _figure(frames, fps, sounds, sample_rate, marks, "video", marks[1], Path(path))


def figure_video_for_sound(
    frames: UInt8[np.ndarray, "f h w 3"],
    fps: float | int,
    waveform: Float[np.ndarray, " s"],
    *,
    sample_rate: int,
    events_seen: Times,
    events_heard: Times,
    path: Path | str,
) -> Path:
    """Draws generated frames above the sound that conditions them (the paper's figure 3).

    Event times are in seconds. Returns `path`. Raises InputError if it cannot be written.
    """
    marks = _marks(events_seen, events_heard)
    return _figure(frames, fps, [("sound", waveform)], sample_rate, marks, "generated video", marks[0], Path(path))


@dataclass(frozen=True, slots=True)
class _Marks:
    """Events of one modality: times (s), and whether each matches an event of the other modality."""

    times: tuple[float, ...]
    matched: tuple[bool, ...]

    def __iter__(self) -> Iterator[tuple[float, str]]:
        """Yields (time, colour)."""
        return ((time, MATCHED if met else UNMATCHED) for time, met in zip(self.times, self.matched, strict=True))


def _marks(events_seen: Times, events_heard: Times) -> tuple[_Marks, _Marks]:
    seen, heard = tuple(float(t) for t in events_seen), tuple(float(t) for t in events_heard)
    pairs = match_events(heard, seen, tolerance=TOLERANCE).pairs
    met_heard, met_seen = {i for i, _ in pairs}, {j for _, j in pairs}
    return (
        _Marks(seen, tuple(j in met_seen for j in range(len(seen)))),
        _Marks(heard, tuple(i in met_heard for i in range(len(heard)))),
    )


def _figure(
    frames: np.ndarray,
    fps: float | int,
    sounds: list[tuple[str, np.ndarray]],
    sample_rate: int,
    marks: tuple[_Marks, _Marks],
    strip: str,
    generated: _Marks,
    path: Path,
) -> Path:
    """Draws the frames labelled `strip`, a row with the seen and heard events, and one spectrogram per sound. Vertical
    lines in the first spectrogram mark the `generated` events."""
    seconds = max(len(frames) / fps, len(sounds[0][1]) / sample_rate)
    plt = _pyplot()
    with plt.rc_context(STYLE):
        shown = shown_frames(len(frames))
        strip_height = 0.89 * WIDTH / len(shown) * frames.shape[1] / frames.shape[2]
        heights = [strip_height, 0.34, *(1.5 for _ in sounds)]
        figure, rows = plt.subplots(
            len(heights),
            1,
            figsize=(WIDTH, sum(heights) + 0.85),
            sharex=True,
            height_ratios=heights,
            gridspec_kw={"hspace": 0.08, "left": PLOT[0], "right": PLOT[1]},
        )
        figure.subplots_adjust(top=1 - 0.30 / figure.get_figheight(), bottom=0.42 / figure.get_figheight())
        draw_strip(rows[0], frames, shown, len(frames) / fps, strip)
        _draw_event_line(rows[1], *marks)
        for axes, (name, sound) in zip(rows[2:], sounds, strict=True):
            draw_spectrogram(axes, sound, sample_rate, name)
        for time, colour in generated:
            rows[2].axvline(time, color=colour, linewidth=1.0)
        rows[-1].set_xlabel("time (s)")
        rows[-1].set_xlim(0, seconds)
        _draw_legend(figure)
        return _save(figure, path)


def shown_frames(count: int) -> np.ndarray:
    """Indices of at most `FRAMES_SHOWN` evenly spaced frames, starting with the first."""
    step = math.ceil(count / FRAMES_SHOWN)
    return np.arange(0, count, step)


def draw_strip(axes: "Axes", frames: np.ndarray, shown: np.ndarray, seconds: float, name: str) -> None:
    """Draws each frame k of `shown` over its time span, from k / fps until the next frame of `shown`."""
    duration = seconds / len(frames)
    step = int(shown[1] - shown[0]) if len(shown) > 1 else len(frames)
    for index in shown:
        left, right = index * duration, min(index + step, len(frames)) * duration
        columns = max(1, round(frames.shape[2] * (right - left) / (step * duration)))
        axes.imshow(frames[index][:, :columns], extent=(left, right, 0, 1), aspect="auto", interpolation="nearest")
        axes.axvline(left, color="white", linewidth=1.2)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center")
    axes.tick_params(bottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_event_line(axes: "Axes", seen: _Marks, heard: _Marks) -> None:
    """Marks seen events with triangles that point up at the frames, heard events with triangles that point down."""
    for events, height, marker in ((seen, 0.74, "^"), (heard, 0.26, "v")):
        for time, colour in events:
            axes.plot(time, height, marker, color=colour, markersize=6.5, markeredgewidth=0, clip_on=False)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.74, 0.26], ["seen", "heard"], fontsize=8)
    axes.tick_params(left=False, bottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_spectrogram(axes: "Axes", sound: np.ndarray, sample_rate: int, name: str) -> None:
    """Draws a spectrogram on a log-frequency axis, in decibels below its maximum; dark is loud."""
    level, frequency = log_spectrogram(np.asarray(sound, dtype=float), sample_rate=sample_rate)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        vmin=-DYNAMIC_RANGE,
        vmax=0,
        extent=(0, len(sound) / sample_rate, 0, len(frequency)),
        interpolation="bilinear",
    )
    ticks = [hertz for hertz in (100, 300, 1000, 3000, 8000) if frequency[0] <= hertz <= frequency[-1] * 1.01]
    axes.set_yticks(np.interp(np.log(ticks), np.log(frequency), np.arange(len(frequency)) + 0.5))
    axes.set_yticklabels([f"{hertz / 1000:g}k" if hertz >= 1000 else str(hertz) for hertz in ticks])
    axes.set_ylabel(f"{name}\n(Hz)")


def log_spectrogram(
    sound: Float[np.ndarray, " s"], *, sample_rate: int, bins: int = 96
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " m"]]:
    """Returns the level (dB relative to the maximum) with 5 ms per column, and its log-spaced frequencies (Hz)."""
    window, hop = round(0.04 * sample_rate), round(0.005 * sample_rate)
    padded = np.pad(sound, (window // 2, window))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(sound) : hop]
    magnitude = np.abs(np.fft.rfft(pieces * np.hanning(window), 4 * window, axis=1))
    frequency = np.geomspace(SPECTROGRAM_HZ[0], min(SPECTROGRAM_HZ[1], 0.49 * sample_rate), bins)
    nearest = np.round(frequency * 4 * window / sample_rate).astype(int)
    chosen = magnitude[:, nearest].T
    return 20 * np.log10(np.maximum(chosen, 1e-9) / max(chosen.max(), 1e-6)), frequency


def _draw_legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    def mark(colour: str) -> Line2D:
        return Line2D([], [], color=colour, marker="v", linewidth=1.2, markersize=6, markeredgewidth=0)

    labels = [f"seen and heard within {1000 * TOLERANCE:.0f} ms", "only seen, or only heard"]
    figure.legend(
        [mark(MATCHED), mark(UNMATCHED)],
        labels,
        loc="upper right",
        ncols=2,
        frameon=False,
        borderaxespad=0.3,
        fontsize=9,
    )


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: "Figure", path: Path) -> Path:
    """Writes the figure atomically, closes it and returns `path`. Raises InputError if it cannot be written."""
    from matplotlib import pyplot

    try:
        with atomic_file(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor="white", format=path.suffix[1:] or "png")
    finally:
        pyplot.close(figure)
    return path
