"""Scans the packets of a stream without decoding: a digest of the payload, the times, the span (ours)."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from cmmd.clips.clock_bridges import Shifter, clock_bridges
from cmmd.clips.decoding import decode_pictures
from cmmd.clips.opening import keeps_no_times, open_media
from cmmd.clips.timeline import LONGEST_GAP, nominal_frame_seconds

# First bytes of parameter sets: SPS and PPS (ISO/IEC 14496-10, table 7-1), VPS, SPS and PPS (23008-2, table 7-1).
H264_SETS = {flags | kind for flags in (0x20, 0x40, 0x60) for kind in (7, 8)}
HEVC_SETS = {0x40, 0x42, 0x44}


@dataclass(frozen=True, kw_only=True, slots=True)
class PacketScan:
    """The non-empty packets of one stream in decoding order.

    pts, dts: per packet, in ticks of `time_base` (s), with the jumps of the file's clock bridged; None where the
    container stores none. gap: usual distance between two presentation times, in ticks. end: end of the last
    presentation, in ticks. payload_hash: sha256 over all payload bytes.
    """

    time_base: Fraction
    pts: list[int | None]
    dts: list[int | None]
    gap: int
    end: int
    payload_hash: str
    hidden: bool  # some packets are decoded but not shown (edit list)
    uniform: bool = True  # all packets share one decoder setup: the stream is not joined from different files

    @property
    def end_seconds(self) -> Fraction:
        """End of the last presentation in seconds, on the container's clock."""
        return self.end * self.time_base


def scan_packets(path: Path, index: int) -> PacketScan | None:
    """Reads stream `index` to its end, or to the first packet that cannot be read. Returns None if there are no
    packets.

    Raises InputError if the file is not a media file.
    """
    tally = _Tally()
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream | AudioStream)
        time_base = Fraction(stream.time_base or Fraction(1, 1_000_000))
        tally.count(container, stream, clock_bridges(path).of(index), time_base)
        nominal = round(nominal_frame_seconds(stream) / time_base) if isinstance(stream, VideoStream) else 0
    if not tally.pts:
        return None
    pictured = isinstance(stream, VideoStream)
    if pictured and len(tally.ends) < len(tally.pts):  # raw streams: counting pictures needs decoding
        shown = [picture.time + picture.duration for picture in decode_pictures(path, index)]
        tally.ends.append(round(max(shown, default=Fraction(0)) / time_base))
    times, end = tally.times, max(tally.ends, default=0)
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    single = end - times[0] if times else 0  # duration of the only packet
    gap = max(1, gaps[len(gaps) // 2] if gaps else single or nominal)
    if pictured and times and end - times[-1] < gap / 2:
        end = times[-1] + gap  # a duration of a tick or so is not a real one
    return PacketScan(
        time_base=time_base,
        pts=tally.pts,
        dts=tally.dts,
        gap=gap,
        end=end,
        payload_hash=tally.digest.hexdigest(),
        hidden=tally.hidden,
        uniform=len(tally.setups) == len({kind for kind, _ in tally.setups}),
    )


class _Tally:
    """What the packets of a stream tell, in the units of `PacketScan`. by_order: the container stores an order of
    packets instead of presentation times. setups: the parameter sets, see `_parameter_sets`."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.pts: list[int | None] = []
        self.dts: list[int | None] = []
        self.ends: list[int] = []
        self.hidden = False
        self.by_order = False
        self.setups: set[tuple[int, bytes]] = set()

    def count(
        self, container: InputContainer, stream: VideoStream | AudioStream, shifter: Shifter, time_base: Fraction
    ) -> None:
        """Reads the packets of the stream."""
        sets = _kinds_of_sets(stream)
        self.by_order = keeps_no_times(container)
        reordered = self.by_order and getattr(stream.codec_context, "has_b_frames", False)
        for packet in stored_packets(container, stream):
            self.digest.update(bytes(packet))
            shifter.move(packet)
            if sets and packet.is_keyframe:
                self.setups |= _parameter_sets(bytes(packet), sets)
            self.pts.append(None if reordered else packet.pts)
            self.dts.append(packet.dts)
            self.hidden |= packet.is_discard
            shown = packet.dts if self.by_order else packet.pts
            if shown is not None:
                self.ends.append(shown + _believable(packet.duration, time_base))

    @property
    def times(self) -> list[int]:
        """All different presentation times, ascending."""
        return sorted({time for time in (self.dts if self.by_order else self.pts) if time is not None})


def stored_packets(container: InputContainer, stream: VideoStream | AudioStream) -> Iterator[Packet]:
    """Yields the packets with data, up to the first that cannot be read.

    Only empty packets are skipped: key frames of Matroska files may have no decoding time.
    """
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except (FFmpegError, ValueError):
        return


def _believable(duration: int | None, time_base: Fraction) -> int:
    return duration if duration and 0 < duration * time_base <= LONGEST_GAP else 0


def _kinds_of_sets(stream: VideoStream | AudioStream) -> set[int]:
    """Returns the first bytes of the parameter sets of H.264 or HEVC if the packets hold them between start codes
    (Annex B), otherwise an empty set."""
    context = stream.codec_context
    if context.extradata and context.extradata[0] == 1:  # the setup is in the container, as in MP4
        return set()
    return {"h264": H264_SETS, "hevc": HEVC_SETS}.get(context.name, set())


def _parameter_sets(packet: bytes, kinds: set[int]) -> set[tuple[int, bytes]]:
    """Returns the parameter sets in a packet, joined per kind. They define how this packet and the following ones are
    decoded."""
    found: dict[int, bytes] = {}
    for unit in re.split(b"\0\0\1", packet)[1:]:
        if unit and unit[0] in kinds:
            found[unit[0]] = found.get(unit[0], b"") + unit.rstrip(b"\0")
    return set(found.items())
