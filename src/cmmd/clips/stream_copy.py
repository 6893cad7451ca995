"""A video stream moved into another container without touching one byte of its packets (ours)."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from cmmd.clips.encoding import ContainerKind, SoundEncoder
from cmmd.clips.opening import open_media
from cmmd.clips.packet_scan import PacketScan, stored_packets

INTERLEAVE = Fraction(1, 2)  # s by which the sound is written ahead of the video


def obstacle(scan: PacketScan, kind: ContainerKind) -> str | None:
    """Why the packets cannot be copied, or None. (Whether the container takes the codec shows when it is opened.)"""
    if any(pts is None for pts in scan.pts):
        return "the source stores no presentation times"
    if not scan.uniform:
        return "its parts are encoded in different ways"
    if scan.hidden and not kind.negative_times:
        return f"an edit list hides packets, which {kind.format} cannot"
    return None


def copy_with_sound(
    source: Path,
    index: int,
    scan: PacketScan,
    origin: Fraction,
    out: OutputContainer,
    *,
    kind: ContainerKind,
    waveform: np.ndarray,
    sample_rate: int,
) -> None:
    """Mux video stream `index` with a waveform, float32 (s,), that starts at `origin` (s, on the source's clock).

    Times are counted from `origin`. Raises ValueError or av.FFmpegError if the container does not take the codec.
    """
    zero = round(origin / scan.time_base)
    pts = [time - zero for time in scan.pts if time is not None]
    dts = decoding_times(pts, [None if time is None else time - zero for time in scan.dts])
    with open_media(source) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)
        video = out.add_stream_from_template(stream, opaque=True)  # opaque: AV1 has no encoder of its decoder's name
        if stream.sample_aspect_ratio:
            video.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio  # may be known to the container only
        sound = SoundEncoder(out, kind.sound_codec, waveform, sample_rate, encoded_rate=kind.sound_rate)
        for packet, presented, decoded in zip(stored_packets(container, stream), pts, dts, strict=False):
            sound.encode_until(decoded * scan.time_base + INTERLEAVE)
            packet.stream = video
            packet.pts, packet.dts, packet.time_base = presented, decoded, scan.time_base
            if not packet.duration or packet.duration < scan.gap / 2:
                packet.duration = scan.gap  # Matroska files at "1000 frames a second" state one tick
            out.mux_one(packet)
        sound.finish()


def decoding_times(pts: list[int], dts: list[int | None]) -> list[int]:
    """Decoding times a muxer accepts: rising, and none after its presentation time. In ticks, per packet.

    The source's own if they are like that. Otherwise the presentation times in order, moved to the front as far as the
    reordering of the stream demands.
    """
    stated = [time for time in dts if time is not None]
    rising = all(earlier < later for earlier, later in pairwise(stated))
    if len(stated) == len(pts) and rising and all(d <= p for d, p in zip(stated, pts, strict=True)):
        return stated
    times: list[int] = []
    for time in sorted(pts):
        times.append(max(time, times[-1] + 1) if times else time)
    delay = max(time - presented for time, presented in zip(times, pts, strict=True))
    return [time - max(0, delay) for time in times]
