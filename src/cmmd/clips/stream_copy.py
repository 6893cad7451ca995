"""Copies a video stream into another container without changing the payload of its packets (ours)."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.container import OutputContainer
from av.video.stream import VideoStream

from cmmd.clips.browser_playback import codec_of
from cmmd.clips.encoding import ContainerKind, takes
from cmmd.clips.mux_job import MuxJob, MuxNotes
from cmmd.clips.opening import open_media
from cmmd.clips.packet_scan import PacketScan, stored_packets
from cmmd.clips.parameter_sets import lacks_parameter_sets, with_parameter_sets
from cmmd.clips.side_streams import side_streams
from cmmd.clips.sound_tracks import SoundTracks
from cmmd.clips.stream_choice import choose_streams

INTERLEAVE = Fraction(1, 2)  # s by which the sound is written ahead of the video


def obstacle(scan: PacketScan, kind: ContainerKind) -> str | None:
    """Returns why the packets cannot be copied, or None. (Does not check whether the container accepts the codec.)"""
    if any(pts is None for pts in scan.pts):
        return "the source stores no presentation times"
    if not scan.uniform:
        return "its parts are encoded in different ways"
    if scan.hidden and not kind.negative_times:
        return f"an edit list hides packets, which {kind.format} cannot"
    return None


def takes_video_of(source: Path, kind: ContainerKind) -> bool:
    """Whether a container of this kind accepts the codec of the video, True without video. Raises InputError if the
    file cannot be read."""
    index = choose_streams(source).video
    if index is None:
        return True
    with open_media(source) as container:
        return takes(kind, container.streams[index])


def copy_with_sound(job: MuxJob, out: OutputContainer) -> MuxNotes:
    """Muxes the chosen video stream with the waveform, from its origin on, and with the side streams of the source.

    Returns what was left out. Raises ValueError or av.FFmpegError if the container does not accept the codec.
    """
    streams, scan, kind = job.streams, job.scan, job.kind
    assert streams.video is not None
    zero = round(streams.origin / scan.time_base)
    pts = [time - zero for time in scan.pts if time is not None]
    dts = decoding_times(pts, [None if time is None else time - zero for time in scan.dts])
    with open_media(job.source) as container:
        stream = container.streams[streams.video]
        assert isinstance(stream, VideoStream)
        video = _added(out, job.source, stream, kind)
        sound = SoundTracks(out, job)
        with side_streams(job, out, copied=True) as others:
            for packet, presented, decoded in zip(stored_packets(container, stream), pts, dts, strict=False):
                sound.encode_until(decoded * scan.time_base + INTERLEAVE)
                others.write_until(decoded * scan.time_base + INTERLEAVE)
                packet.stream = video
                packet.pts, packet.dts, packet.time_base = presented, decoded, scan.time_base
                if not packet.duration or packet.duration < scan.gap / 2:
                    packet.duration = scan.gap  # Matroska files at "1000 frames a second" state one tick
                out.mux_one(packet)
            sound.finish()
            others.finish()
    return MuxNotes([], others.left_out)


def _added(out: OutputContainer, source: Path, stream: VideoStream, kind: ContainerKind) -> VideoStream:
    """Adds the video stream to the result, with a setup that all players of the container support."""
    video = out.add_stream_from_template(stream, opaque=True)  # opaque: no AV1 encoder has the name of its decoder
    context, codec = video.codec_context, codec_of(stream)
    if stream.sample_aspect_ratio:
        context.sample_aspect_ratio = stream.sample_aspect_ratio  # may be stored in the container only
    if kind.format in ("mp4", "mov"):
        if "timecode" in stream.metadata and stream.average_rate:
            context.framerate = stream.average_rate  # the unit of the frames in a time code
        if codec == "hevc":
            context.codec_tag = "hvc1"  # Apple's players refuse hev1, which is FFmpeg's choice
        if lacks_parameter_sets(codec, context.extradata):
            with open_media(source) as container:
                same = container.streams[stream.index]
                assert isinstance(same, VideoStream)
                first = next(stored_packets(container, same), b"")
                context.extradata = with_parameter_sets(codec, context.extradata, bytes(first))
            if context.extradata is None:
                raise ValueError("no parameter sets at its beginning")
    return video


def decoding_times(pts: list[int], dts: list[int | None]) -> list[int]:
    """Returns decoding times that a muxer accepts: rising, and none after its presentation time. In ticks, per packet.

    These are the source's times if they satisfy this. Otherwise they are the presentation times in order, shifted
    earlier as far as the reordering of the stream requires.
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
