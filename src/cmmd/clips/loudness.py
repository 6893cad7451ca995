"""Loudness by EBU R 128 (ITU-R BS.1770-4): FFmpeg's meter, a gain and, if peaks need it, FFmpeg's limiter (ours).

FFmpeg's own normaliser (loudnorm) needs windows of 3 s and does not limit shorter sound: sounds of 1.6 s end up to 10
LU below a target of -14 LUFS (docs/generating.md).
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

CEILING = -1.0
"""dB of full scale; the largest true peak (peak between samples) that R 128 allows."""
LIMIT = -1.6
"""dB of full scale; threshold of the limiter. The filter behind it, back to the sample rate, adds up to 0.5 dB."""
EXACT = 0.1
"""LU; the search for a gain ends within this distance of the target."""
TOLERANCE = 0.5
"""LU; beyond this distance from the target a note reports that it was not reached."""
TRIES = 8
"""Largest number of gains tried in front of the limiter; 4 usually suffice."""
LARGEST_STEP = 12.0
"""dB between two gains that are tried: where a limiter holds all peaks, more gain changes little."""
BLOCK = 48_000
"""Samples handed to a filter at a time."""
LAYOUTS = {1: "mono", 2: "stereo"}


class Loudness(NamedTuple):
    """lufs: integrated loudness; None for sound that is silent by the gate of the standard or shorter than its 0.4 s.
    true_peak: dB of full scale."""

    lufs: float | None
    true_peak: float


class Levelled(NamedTuple):
    """waveform: float32, in the shape of the input. loudness: of this waveform. notes: one sentence each."""

    waveform: np.ndarray
    loudness: Loudness
    notes: tuple[str, ...]


def measure_loudness(waveform: np.ndarray, sample_rate: int) -> Loudness:
    """Measures a waveform (s,) or (channels, s) of one or two channels with FFmpeg's ebur128.

    A single channel counts once, as in the file: played by two speakers it is 3 LU louder.
    """
    lufs, peak = None, 0.0
    for frame in _filtered(np.atleast_2d(waveform), sample_rate, [("ebur128", "metadata=1:peak=true")]):
        measured = frame.metadata  # for every complete 0.1 s
        if "lavfi.r128.I" in measured:
            lufs, peak = float(measured["lavfi.r128.I"]), float(measured["lavfi.r128.true_peak"])
    peak = max(peak, float(np.abs(waveform).max(initial=0)))  # the last tenth of a second may not be complete
    audible = lufs is not None and lufs > -70  # the gate of the standard, and FFmpeg's value for silence
    return Loudness(lufs if audible else None, _decibels(peak))


def to_loudness(waveform: np.ndarray, sample_rate: int, target: float | int) -> Levelled:
    """Returns the waveform, (s,) or (channels, s), with an integrated loudness of `target` LUFS and no peak above
    `CEILING`.

    Applies only a gain if the peaks allow it. Otherwise the peaks are limited, after a gain that gives the target
    loudness behind the limiter. A waveform without a measurable loudness is returned unchanged. Notes report the
    limiting and a missed target.
    """
    before = measure_loudness(waveform, sample_rate)
    if before.lufs is None:
        return Levelled(waveform, before, ("silent, or shorter than 0.4 s: its loudness is left as it is",))
    gain = target - before.lufs
    if before.true_peak + gain <= CEILING:
        levelled = waveform * np.float32(10 ** (gain / 20))
        return Levelled(levelled, measure_loudness(levelled, sample_rate), ())
    levelled, after = _limited_to(waveform, sample_rate, target, gain)
    notes = [f"peaks are limited to {CEILING:g} dB of full scale"]
    if after.lufs is None or abs(after.lufs - target) > TOLERANCE:
        notes.append(f"{target:g} LUFS cannot be reached with such peaks")
    return Levelled(levelled, after, tuple(notes))


def _limited_to(
    waveform: np.ndarray, sample_rate: int, target: float | int, gain: float
) -> tuple[np.ndarray, Loudness]:
    """Searches for the gain in front of the limiter by the secant method, starting with `gain`. Returns the result
    nearest to the target."""
    tried: list[tuple[float, float]] = []
    best: tuple[float, np.ndarray, Loudness] | None = None
    for _ in range(TRIES):
        limited, loudness = _limited(waveform * np.float32(10 ** (gain / 20)), sample_rate)
        found = -70.0 if loudness.lufs is None else loudness.lufs
        if best is None or abs(found - target) < best[0]:
            best = abs(found - target), limited, loudness
        if best[0] <= EXACT:
            break
        slope = 1.0
        if tried and gain != tried[-1][0]:
            slope = min(1.0, max(0.1, (found - tried[-1][1]) / (gain - tried[-1][0])))
        tried.append((gain, found))
        gain += max(-LARGEST_STEP, min(LARGEST_STEP, (target - found) / slope))
    assert best is not None
    return best[1], best[2]


def _limited(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, Loudness]:
    """Returns the waveform with peaks of at most `CEILING`, also between samples, and its loudness. The limiter runs at
    four times the sample rate. The shape stays the same."""
    limit = f"limit={10 ** (LIMIT / 20):.4f}:attack=5:release=50:level=0:latency=1"
    filters = [
        ("aresample", str(4 * sample_rate)),
        ("alimiter", limit),
        ("aresample", str(sample_rate)),
        ("aformat", f"sample_fmts=flt:sample_rates={sample_rate}"),
    ]
    sound = np.atleast_2d(waveform)
    packed = b"".join(
        bytes(frame.planes[0])[: 4 * frame.samples * len(sound)] for frame in _filtered(sound, sample_rate, filters)
    )
    limited = np.frombuffer(packed, np.float32).reshape(-1, len(sound)).T[:, : sound.shape[1]]
    limited = np.pad(limited, ((0, 0), (0, sound.shape[1] - limited.shape[1])))
    limited = np.ascontiguousarray(limited).reshape(waveform.shape)
    loudness = measure_loudness(limited, sample_rate)
    above = loudness.true_peak - CEILING
    if above <= 0:
        return limited, loudness
    # After heavy limiting the filter behind the limiter adds more.
    lower = Loudness(None if loudness.lufs is None else loudness.lufs - above, CEILING)
    return limited * np.float32(10 ** (-above / 20)), lower


def _filtered(sound: np.ndarray, sample_rate: int, filters: list[tuple[str, str]]) -> Iterator[AudioFrame]:
    """Yields the output of a chain of FFmpeg filters, given by name and arguments, for a sound (channels, s)."""
    layout, clock = LAYOUTS[len(sound)], Fraction(1, sample_rate)
    graph = Graph()
    nodes = [graph.add_abuffer(sample_rate=sample_rate, format="flt", layout=layout, time_base=clock)]
    nodes += [graph.add(name, arguments) for name, arguments in filters]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    for start in range(0, sound.shape[1], BLOCK):
        block = np.ascontiguousarray(sound[:, start : start + BLOCK].T, np.float32)
        frame = AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, clock
        graph.push(frame)
        yield from _ready(graph)
    graph.push(None)
    yield from _ready(graph)


def _ready(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # PyAV's errors are subclasses of these
            return
        assert isinstance(frame, AudioFrame)
        yield frame


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-9)))
