"""Reliable presentation times, and sound aligned to them (ours).

Every time is an exact fraction of a second. Stated rates and durations are often wrong, so only presentation timestamps
are used, and without them the decoding order.
"""

from collections import deque
from fractions import Fraction
from pathlib import Path

import numpy as np
import soxr
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cmmd.errors import InputError

LONGEST_GAP = Fraction(1800)  # s; a longer jump is a broken timestamp, not a pause or a held picture
USUAL_HOLD = Fraction(10)  # s of one held picture, or of one pause in the sound, that are not counted
LONGEST_HOLD = Fraction(1800)  # s beyond USUAL_HOLD, in all pictures or pauses of a file together
SOUND_TOLERANCE = Fraction(5, 1000)  # s; millisecond containers jitter by less than this
PASSING = Fraction(40, 1000)  # s; a single block that is off by at most this much is not moved
SAMPLE_BYTES = 4
LEAD_IN = Fraction(1, 10)  # s of sound before and after the result, as context for the resampling filter


def nominal_frame_seconds(stream: VideoStream) -> Fraction:
    """Returns the stated frame period in seconds if it is plausible (1 to 240 frames per second), otherwise 1/25."""
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate and 1 <= rate <= 240:
            return 1 / Fraction(rate)
    return Fraction(1, 25)


class PictureClock:
    """Assigns a presentation time to each decoded frame.

    AVI has no presentation times, and with B-frames FFmpeg reports them out of order. But frames leave the decoder in
    presentation order at a constant rate, so the n-th frame gets the time of the n-th packet (`by_order`).
    """

    def __init__(self, stream: VideoStream, *, by_order: bool):
        self.nominal = nominal_frame_seconds(stream)
        self.stale = 0
        self._time_base = Fraction(stream.time_base or 1)
        self._by_order = by_order
        self._due: deque[Fraction] = deque()
        self._last: Fraction | None = None
        self._gap: Fraction | None = None

    def saw_packet(self, packet: Packet) -> None:
        """Notes a packet before it is decoded."""
        if self._by_order and packet.size and packet.dts is not None:
            self._due.append(packet.dts * self._time_base)

    def presentation_time(self, frame: VideoFrame) -> Fraction | None:
        """Returns the presentation time of `frame` in seconds, or None if the frame is due before the previous one and
        must be dropped.

        (Decoders emit such frames after damage.)
        """
        stated = self._stated(frame)
        if self._last is None:
            self._last = stated or Fraction(0)
            return self._last
        time = self._last + (self._gap or self.nominal) if stated is None else stated
        if time < self._last:
            self.stale += 1
            return None
        self._gap = time - self._last or self._gap
        self._last = time
        return time

    def last_duration(self, frame: VideoFrame) -> Fraction:
        """Returns the duration (s) of the stream's last frame: the stated one, unless it contradicts the previous
        frames."""
        usual = self._gap or self.nominal
        stated = (frame.duration or 0) * Fraction(frame.time_base or self._time_base)
        return stated if usual / 2 <= stated <= LONGEST_GAP else usual

    def _stated(self, frame: VideoFrame) -> Fraction | None:
        if self._by_order:
            return self._due.popleft() if self._due else None
        return None if frame.pts is None else frame.pts * Fraction(frame.time_base or self._time_base)


class Holds:
    """Sums the time for which a file shows or plays nothing new. Such time costs memory in the result but none in the
    file."""

    def __init__(self) -> None:
        self.total = Fraction(0)

    def add(self, seconds: Fraction) -> None:
        """Adds the duration of a picture or of a pause in the sound (s), without its first `USUAL_HOLD`."""
        self.total += max(Fraction(0), seconds - USUAL_HOLD)

    def check(self, source: Path, what: str) -> None:
        """Raises InputError if the sum exceeds `LONGEST_HOLD`. what: the kind of content that is missing."""
        if self.total > LONGEST_HOLD:
            found = f"more than {float(LONGEST_HOLD) / 60:.0f} minutes in which no new {what} comes"
            raise InputError.about(source, found=found, expected="a clip that goes on")


class SoundLine:
    """Joins timed mono blocks to one waveform at the target rate.

    Gaps are filled with silence and overlaps are cut, both only beyond `SOUND_TOLERANCE`. Only the resampled waveform
    is retained. Times are in seconds after the line's zero. Sound before zero is dropped after it has served as context
    for the filter.
    """

    def __init__(self, sample_rate: int, *, until: Fraction | None = None):
        self.first: Fraction | None = None
        self.gaps = self.cuts = self.jumps = 0
        self.filled = self.cut = Fraction(0)  # seconds in gaps and in cuts
        self.pauses = Holds()
        self._off = False  # the previous block was not at its stated time
        self._sample_rate = sample_rate
        self._until = None if until is None else until + 2 * LEAD_IN
        self._sound = bytearray()  # resampled so far, float32; grows in place
        self._resampler: soxr.ResampleStream | None = None
        self._rate = 0
        self._begin = Fraction(0)  # start of the current run of blocks of one rate, relative to LEAD_IN before zero
        self._fed = 0  # samples fed since then
        self._shift = Fraction(0)

    @property
    def end(self) -> Fraction:
        """End of the sound so far, in seconds after zero."""
        return self._position - LEAD_IN

    @property
    def full(self) -> bool:
        """Whether everything before `until`, and a margin after it, has been added."""
        return self._until is not None and self._position >= self._until

    @property
    def _position(self) -> Fraction:
        return self._begin + (Fraction(self._fed, self._rate) if self._rate else 0)

    def add(self, block: np.ndarray, rate: int, time: Fraction | None) -> None:
        """Adds a block, float32 (samples,), that starts at `time` (s); None: directly after the previous block."""
        if rate != self._rate:
            self._end_run()
            self._rate = rate
            self._resampler = soxr.ResampleStream(rate, self._sample_rate, 1, dtype="float32", quality="HQ")
        begin = self._position if time is None else time + self._shift + LEAD_IN
        if self.first is None:
            self.first = begin - LEAD_IN
        if not self._position and begin + Fraction(len(block), rate) <= 0:
            return  # entirely before zero: the read starts late in the file
        late = begin - self._position
        if not -LONGEST_GAP <= late <= LONGEST_GAP:
            self.jumps += 1
            self._shift -= late
            late = Fraction(0)
        elif self._position and abs(late) <= SOUND_TOLERANCE:
            late, self._off = Fraction(0), False
        elif self._position and abs(late) <= PASSING and not self._off:
            late, self._off = Fraction(0), True
        elif late > 0 and self._sound:
            self.gaps, self.filled = self.gaps + 1, self.filled + late
        if late < 0:
            if self._position:
                self.cuts, self.cut = self.cuts + 1, self.cut + min(-late, Fraction(len(block), rate))
            block = block[round(-late * rate) :]
        elif late > 0:
            self.pauses.add(late)
            self._feed_silence(round(late * rate))
        self._feed(block)

    def finish(self, seconds: Fraction) -> np.ndarray:
        """Returns the waveform from zero, float32, padded with silence or cut to round(seconds * sample_rate)
        samples."""
        self._end_run()
        wanted = round(seconds * self._sample_rate)
        sound = np.frombuffer(self._sound, np.float32)[round(LEAD_IN * self._sample_rate) :][:wanted]
        return np.pad(sound, (0, wanted - len(sound)))

    def _feed_silence(self, samples: int) -> None:
        """Feeds silence in pieces of a second, up to about one second past `until`."""
        if self._until is not None:
            samples = min(samples, max(0, round((self._until - self._position + 1) * self._rate)))
        while samples > 0:
            piece = min(samples, self._rate)
            self._feed(np.zeros(piece, np.float32))
            samples -= piece

    def _feed(self, block: np.ndarray) -> None:
        if len(block) and not self.full:
            assert self._resampler is not None
            self._fed += len(block)
            self._sound += self._resampler.resample_chunk(np.ascontiguousarray(block, np.float32)).tobytes()

    def _end_run(self) -> None:
        """Flushes the resampler and adjusts the waveform to the exact length of the input so far."""
        if self._resampler is None:
            return
        self._sound += self._resampler.resample_chunk(np.zeros(0, np.float32), last=True).tobytes()
        self._begin, self._fed, self._resampler = self._position, 0, None
        expected = SAMPLE_BYTES * round(self._begin * self._sample_rate)
        del self._sound[expected:]
        self._sound += bytes(expected - len(self._sound))
