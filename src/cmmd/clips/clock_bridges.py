"""One time line for all streams of a file whose clock restarts or jumps, as in joined MPEG-TS recordings (ours).

The packets are read once, without decoding. Where the timestamps of a stream are not continuous with its earlier ones,
a new epoch of the file's clock begins, and the other streams follow into it. Each epoch gets one shift, the same for
picture and sound, so that it begins where the previous epoch ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from cmmd.clips.opening import open_media
from cmmd.clips.timeline import LONGEST_GAP, nominal_frame_seconds

RESTARTS = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT: the flag of containers whose clock may jump, such as broadcast formats."""
LONGEST_PAUSE = 600.0
"""s; in a container with `RESTARTS`, a longer pause in which no stream has data is a jump of the clock. (In other
containers: LONGEST_GAP.)"""
BACKWARDS = 0.25
"""s; a larger step back begins an epoch. Smaller steps are damage: the decoder drops frames that come too late."""
INTERLEAVED = 1.0
"""s; initial estimate of how far apart in time the streams are stored. It grows with what the file shows. A stream that
jumps to within this distance of another stream follows it into its epoch."""
RESUMED = 10.0
"""s after the last packet of a stream within which its next packet continues the interrupted epoch."""
STRAYS = 3
"""Up to this number of consecutive packets off the time line are broken timestamps, if the next packet continues where
the stream was before them."""
RECENT = 8
"""Number of latest epochs that a stream may still follow into. The limit bounds the time for a file with many jumps."""
OVERLAP = Fraction(1, 10)
"""s of sound after the last picture of an epoch that may be cut, so that the pictures stay evenly spaced."""


@dataclass(frozen=True, slots=True)
class Bridges:
    """The jumps of a file's clock.

    jumps: number of jumps. seconds: sum of their sizes. shifts: per stream, for every stretch, the number of its first
    packet with data (rising) and the ticks to add to its timestamps.
    """

    jumps: int = 0
    seconds: float = 0.0
    shifts: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Returns one sentence if there are jumps, otherwise an empty list."""
        if not self.jumps:
            return []
        times = "once" if self.jumps == 1 else f"{self.jumps} times"
        return [f"the file's clock jumps {times}, by {self.seconds:.2f} s in all: bridged, for picture and sound alike"]

    def of(self, stream: int) -> "Shifter":
        """Returns the shifter for the packets of one stream, which expects them from the first packet on."""
        return Shifter(self.shifts.get(stream, ()))


class Shifter:
    """Moves the packets of one stream onto the time line, in stored order."""

    def __init__(self, shifts: tuple[tuple[int, int], ...]) -> None:
        self._ahead = list(reversed(shifts))
        self._count = self._shift = 0

    def move(self, packet: Packet) -> None:
        """Changes the timestamps of the next packet in place. Packets without data are ignored."""
        if not packet.size:
            return
        while self._ahead and self._ahead[-1][0] <= self._count:
            self._shift = self._ahead.pop()[1]
        self._count += 1
        if self._shift:
            packet.pts = None if packet.pts is None else packet.pts + self._shift
            packet.dts = None if packet.dts is None else packet.dts + self._shift


def clock_bridges(path: Path) -> Bridges:
    """Finds the jumps of a file's clock.

    The file is read once; the result is cached until its size or modification time changes. Raises InputError if the
    file is not a media file.
    """
    state = path.stat() if path.is_file() else None
    return _found(path, (state.st_mtime_ns, state.st_size) if state else None)


@lru_cache(maxsize=256)
def _found(path: Path, _state: tuple[int, int] | None) -> Bridges:
    with open_media(path) as container:
        streams = [
            stream
            for stream in (*container.streams.video, *container.streams.audio)
            if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
        ]
        if not streams or _index_goes_on(container, streams):
            return Bridges()
        epochs = _Epochs(streams, longest=LONGEST_PAUSE if container.format.flags & RESTARTS else float(LONGEST_GAP))
        for packet in _stored(container, streams):
            epochs.add(packet)
        return epochs.bridges()


def _stored(container: InputContainer, streams: list[VideoStream | AudioStream]) -> Iterator[Packet]:
    """Yields the packets with data, up to the first that cannot be read: the decoders stop there, too."""
    try:
        yield from (packet for packet in container.demux(*streams) if packet.size)
    except (FFmpegError, ValueError):
        return


def _index_goes_on(container: InputContainer, streams: list[VideoStream | AudioStream]) -> bool:
    """Whether the packet index of an MP4 file shows a clock without jumps. Reading the index is cheaper than reading
    the packets."""
    if not {"mov", "mp4"} & set(container.format.name.split(",")):
        return False
    for stream in streams:
        longest = float(LONGEST_GAP / (stream.time_base or 1))
        entries = getattr(stream, "index_entries", ())  # only in recent versions of PyAV
        times = pairwise(entry.timestamp for entry in entries)
        if not len(entries) or not all(0 <= later - earlier <= longest for earlier, later in times):
            return False
    return True


@dataclass
class _Epoch:
    """One epoch of the file's clock.

    first, end: per stream, the earliest start and the latest end of presentation, in ticks. last: per stream, the last
    decoding time, in seconds. broken: set if the epoch holds only stray packets: the epoch that they interrupt and
    their shift against it, in ticks.
    """

    first: dict[int, int] = field(default_factory=dict)
    end: dict[int, int] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    packets: int = 0
    broken: tuple[int, int] | None = None


class _Epochs:
    """Assigns every packet to an epoch of the file's clock."""

    def __init__(self, streams: list[VideoStream | AudioStream], *, longest: float) -> None:
        self._longest = longest
        self._bases = {stream.index: Fraction(stream.time_base or 1) for stream in streams}
        self._ticks = {index: float(base) for index, base in self._bases.items()}
        self._videos = [stream.index for stream in streams if isinstance(stream, VideoStream)]
        self._steps = {
            stream.index: round(nominal_frame_seconds(stream) / self._bases[stream.index])
            for stream in streams
            if isinstance(stream, VideoStream)
        }
        self._epochs = [_Epoch()]
        self._current = 0  # epoch for the first packet of a stream
        self._interleaving = INTERLEAVED
        self._counts = dict.fromkeys(self._bases, 0)
        self._stretches: dict[int, list[tuple[int, int]]] = {index: [] for index in self._bases}

    def add(self, packet: Packet) -> None:
        """Assigns the next packet with data to an epoch."""
        index = packet.stream.index
        number = self._counts[index]
        self._counts[index] += 1
        shown = packet.pts if packet.pts is not None else packet.dts
        if shown is None:
            return
        stretches = self._stretches[index]
        epoch_index = stretches[-1][1] if stretches else self._current
        if packet.dts is not None:  # the first packets of Matroska files may have none
            epoch_index = self._epoch_of(index, epoch_index, packet.dts * self._ticks[index])
            self._epochs[epoch_index].last[index] = packet.dts * self._ticks[index]
        if not stretches or stretches[-1][1] != epoch_index:
            stretches.append((number, epoch_index))
        seconds = (packet.duration or 0) * self._ticks[index]
        lasts = packet.duration if packet.duration and 0 < seconds <= LONGEST_GAP else self._steps.get(index, 0)
        epoch = self._epochs[epoch_index]
        epoch.first[index] = min(epoch.first.get(index, shown), shown)
        epoch.end[index] = max(epoch.end.get(index, shown), shown + lasts)
        epoch.packets += 1

    def _epoch_of(self, index: int, epoch_index: int, time: float) -> int:
        """Returns the epoch of a packet of stream `index` due at `time` (s). The previous packet of the stream is in
        the epoch `epoch_index`."""
        epoch, stretches = self._epochs[epoch_index], self._stretches[index]
        step = time - epoch.last.get(index, time)
        # If another stream has continued, this stream has only paused.
        pause = min(time - last for last in epoch.last.values()) if step > 0 else 0
        if step >= -BACKWARDS and pause <= self._longest:
            behind = max(epoch.last.values(), default=time) - time
            self._interleaving = min(max(self._interleaving, 1.5 * behind), RESUMED)
            return epoch_index
        if len(stretches) > 1 and epoch.packets <= STRAYS and list(epoch.first) == [index]:
            before = stretches[-2][1]
            if -BACKWARDS <= time - self._epochs[before].last.get(index, time) <= RESUMED:
                epoch.broken = before, self._epochs[before].end[index] - epoch.first[index]
                self._current = before
                return before
        for other in range(max(epoch_index + 1, len(self._epochs) - RECENT), len(self._epochs)):
            latest = self._epochs[other].last.values()
            if not self._epochs[other].broken and any(abs(time - last) <= self._interleaving for last in latest):
                return other
        self._epochs.append(_Epoch())
        self._current = len(self._epochs) - 1
        return self._current

    def bridges(self) -> Bridges:
        """Returns the shifts that line the epochs up one after another."""
        shifts, seconds, before = [Fraction(0)], Fraction(0), Fraction(0)
        ends = {index: end * self._bases[index] for index, end in self._epochs[0].end.items()}
        for epoch in self._epochs[1:]:
            if epoch.broken:
                (index,), (interrupted, ticks) = epoch.first, epoch.broken
                shifts.append(shifts[interrupted] + ticks * self._bases[index])
                seconds += abs(shifts[-1] - shifts[interrupted])
                continue
            shifts.append(self._joined(epoch, ends))
            seconds, before = seconds + abs(shifts[-1] - before), shifts[-1]
            for index, end in epoch.end.items():
                moved = end * self._bases[index] + before
                ends[index] = max(ends.get(index, moved), moved)
        stretched = {
            index: tuple((number, round(shifts[epoch_index] / self._bases[index])) for number, epoch_index in stretches)
            for index, stretches in self._stretches.items()
        }
        return Bridges(len(shifts) - 1, float(seconds), stretched if len(shifts) > 1 else {})

    def _joined(self, epoch: _Epoch, ends: dict[int, Fraction]) -> Fraction:
        """Returns the shift (s) that makes the pictures of `epoch` continue where the earlier ones end. If another
        stream needs a shift that is larger by more than `OVERLAP`, returns the largest shift."""
        wanted = {
            index: ends[index] - first * self._bases[index] for index, first in epoch.first.items() if index in ends
        }
        if not wanted:
            return Fraction(0)
        video = next((wanted[index] for index in self._videos if index in wanted), None)
        latest = max(wanted.values())
        return video if video is not None and latest - video <= OVERLAP else latest
