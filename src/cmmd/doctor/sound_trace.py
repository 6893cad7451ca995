"""Measurement of the sound of a file during decoding, block by block (ours).

The sound is aligned to its time line by the same rules as in reading. Only energy, peak and the energy of a few bands
are retained, for every 40 ms: 4 MB per hour.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cmmd.clips.channel_mix import ChannelMix
from cmmd.clips.decoding import Damage, decode_sound
from cmmd.clips.stream_choice import Streams
from cmmd.clips.timeline import SoundLine

HOPS = 25
"""Hops per second. Figures are retained per hop."""
BANDS = 8
BAND_HZ = 100.0, 4000.0
"""Range of the bands, which any codec retains at any rate from 8 kHz."""
LINE_HZ = 1000
"""Sample rate of the time line. Only its positions are used; its waveform, 4 kB/s, is not."""
CEILING = 0.99
"""Share of full scale from which a sample may be clipped; encoders change clipped samples a little."""
RUN = 3
"""Consecutive samples at the ceiling that count as clipped: a full-scale sine wave has fewer at most pitches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundTrace:
    """Measurements of the sound.

    first, end: seconds after time zero. rate: Hz. gaps: number of gaps in the sound. peak: 1 is full scale. clipped:
    share of samples in runs at the ceiling. damage: decoding errors. notes: how the channels were mixed, if not by
    their mean.

    For every hop from time zero on: energy is the mean square, peaks the largest absolute value, bands the energy in
    BANDS log-spaced bands over BAND_HZ.
    """

    first: float
    end: float
    rate: int
    gaps: int
    peak: float
    clipped: float
    damage: Damage
    energy: Float[np.ndarray, " n"]
    peaks: Float[np.ndarray, " n"]
    bands: Float[np.ndarray, "n 8"]
    notes: tuple[str, ...] = ()


def listen(path: Path, streams: Streams) -> SoundTrace:
    """Decode and measure the chosen sound stream; decode it again from one channel if the channels cancel."""
    mix = ChannelMix()
    trace = _trace(path, streams, mix)
    return trace if mix.instead is None else _trace(path, streams, mix.instead)


def _trace(path: Path, streams: Streams, mix: ChannelMix) -> SoundTrace:
    assert streams.audio is not None
    damage, line, meter = Damage(), SoundLine(LINE_HZ), _Meter()
    for sound in decode_sound(path, streams.audio, damage=damage, mix=mix):
        line.add(sound.samples, sound.rate, None if sound.time is None else sound.time - streams.origin)
        line.pauses.check(path, "sound")
        meter.add(sound.samples, sound.rate, start=line.end - Fraction(len(sound.samples), sound.rate))
    damage.jumps = line.jumps
    energy, peaks, bands = meter.finish()
    return SoundTrace(
        first=float(line.first or 0),
        end=float(line.end),
        rate=meter.rate,
        gaps=line.gaps,
        peak=meter.peak,
        clipped=meter.clipped / max(1, meter.samples),
        damage=damage,
        energy=energy,
        peaks=peaks,
        bands=bands,
        notes=tuple(mix.notes()),
    )


class _Meter:
    """Converts timed blocks of samples to figures per hop."""

    def __init__(self) -> None:
        self.rate = 0
        self.peak = 0.0
        self.samples = self.clipped = 0
        self._begin = Fraction(0)  # s; start of the current run of blocks of one rate
        self._hops = 0  # complete hops of the current run
        self._rest = np.zeros(0, np.float32)  # samples after these hops
        self._figures: list[np.ndarray] = []

    def add(self, block: np.ndarray, rate: int, *, start: Fraction) -> None:
        """Add float32 samples that begin at `start`, in seconds after time zero.

        Samples before time zero only count for peak and clipping.
        """
        self._count(block)
        if rate != self.rate:
            self._begin, self._hops = self._begin + Fraction(self._hops, HOPS), 0
            self._rest, self.rate = np.zeros(0, np.float32), rate
        at = round(self._begin * rate) + self._start(self._hops) + len(self._rest)
        late = round(start * rate) - at
        block = block[-late:] if late < 0 else block
        while late > 0:  # silence, a second at a time
            self._take(np.zeros(min(late, rate), np.float32))
            late -= rate
        self._take(block)

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns energy (n,), peaks (n,) and bands (n, BANDS)."""
        if len(self._rest):
            self._take(np.zeros(self._start(self._hops + 1) - self._start(self._hops), np.float32))
        figures = np.concatenate([*self._figures, np.zeros((0, 2 + BANDS), np.float32)])
        return figures[:, 0], figures[:, 1], figures[:, 2:]

    def _count(self, block: np.ndarray) -> None:
        if not len(block):
            return
        size = np.abs(block)
        self.peak = max(self.peak, float(size.max()))
        self.samples += len(block)
        if size.max() >= CEILING:
            high = np.lib.stride_tricks.sliding_window_view(np.pad(size >= CEILING, RUN - 1), RUN)
            whole = np.lib.stride_tricks.sliding_window_view(high.all(axis=1), RUN)
            self.clipped += int(whole.any(axis=1).sum())

    def _take(self, block: np.ndarray) -> None:
        samples = np.concatenate([self._rest, block])
        first = self._start(self._hops)
        length, hops = self.rate // HOPS, 0
        while self._start(self._hops + hops + 1) - first <= len(samples):
            hops += 1
        if hops and length:
            starts = np.array([self._start(self._hops + number) - first for number in range(hops)])
            self._figures.append(_figures(samples[starts[:, None] + np.arange(length)], self.rate))
        self._hops += hops
        self._rest = samples[self._start(self._hops) - first :]

    def _start(self, hop: int) -> int:
        """First sample of a hop in the current run: not every rate has an integer number of samples per hop."""
        return hop * self.rate // HOPS


def _figures(pieces: np.ndarray, rate: int) -> np.ndarray:
    """Converts hops (n, samples) to (n, 2 + BANDS): energy, peak, and the energy of every band."""
    length = pieces.shape[1]
    power = np.abs(np.fft.rfft(pieces * np.hanning(length + 2)[1:-1].astype(np.float32), axis=1)) ** 2
    edges = np.geomspace(*BAND_HZ, BANDS + 1)
    band_of = np.searchsorted(edges, np.fft.rfftfreq(length, 1 / rate), side="right") - 1
    bands = np.stack([power[:, band_of == band].sum(axis=1) for band in range(BANDS)], axis=1) / length**2
    energy = np.square(pieces, dtype=np.float64).mean(axis=1)
    return np.column_stack([energy, np.abs(pieces).max(axis=1), bands]).astype(np.float32)
