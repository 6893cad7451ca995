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

from cmmd.clips.clock_bridges import clock_bridges
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
    digest = hashlib.sha256()
    pts: list[int | None] = []
    dts: list[int | None] = []
    ends: list[int] = []
    hidden = False
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream | AudioStream)
        time_base = Fraction(stream.time_base or Fraction(1, 1_000_000))
        shifter, setups = clock_bridges(path).of(index), set()
        sets = _kinds_of_sets(stream)
        by_order = keeps_no_times(container)
        reordered = by_order and getattr(stream.codec_context, "has_b_frames", False)
        for packet in stored_packets(container, stream):
            digest.update(bytes(packet))
            shifter.move(packet)
            if sets and packet.is_keyframe:
                setups |= _parameter_sets(bytes(packet), sets)
            pts.append(None if reordered else packet.pts)
            dts.append(packet.dts)
            hidden |= packet.is_discard
            shown = packet.dts if by_order else packet.pts
            if shown is not None:
                ends.append(shown + _believable(packet.duration, time_base))
        nominal = round(nominal_frame_seconds(stream) / time_base) if isinstance(stream, VideoStream) else 0
    if not pts:
        return None
    if isinstance(stream, VideoStream) and len(ends) < len(pts):  # raw streams: counting pictures needs decoding
        shown = [picture.time + picture.duration for picture in decode_pictures(path, index)]
        ends.append(round(max(shown, default=Fraction(0)) / time_base))
    times = sorted({time for time in (dts if by_order else pts) if time is not None})
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    single = max(ends, default=0) - times[0] if times else 0  # duration of the only packet
    gap = max(1, gaps[len(gaps) // 2] if gaps else single or nominal)
    end = max(ends, default=0)
    if isinstance(stream, VideoStream) and times and end - times[-1] < gap / 2:
        end = times[-1] + gap  # a duration of a tick or so is not a real one
    return PacketScan(
        time_base=time_base,
        pts=pts,
        dts=dts,
        gap=gap,
        end=end,
        payload_hash=digest.hexdigest(),
        hidden=hidden,
        uniform=len(setups) == len({kind for kind, _ in setups}),
    )


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
