"""Copies the side streams of a file, which are all but its chosen picture and sound, into a result (ours).

Subtitles, further sound tracks, attachments, cover pictures, data, chapters and titles are copied where the container
accepts them unchanged; nothing is converted. What is left out is reported.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from cmmd.clips.clock_bridges import clock_bridges
from cmmd.clips.encoding import takes
from cmmd.clips.mux_job import MuxJob
from cmmd.clips.opening import open_media
from cmmd.clips.sound_tracks import OLD_SOUND
from cmmd.clips.stream_choice import COVER_ART

# Metadata about the container or the encoder of the source file.
TECHNICAL = {
    *("major_brand", "minor_version", "compatible_brands", "encoder", "software", "handler_name", "vendor_id"),
    *("duration", "bps", "number_of_frames", "number_of_bytes", "language", "alpha_mode"),
}
# Apple's names for common metadata keys.
ALIASES = {"com.apple.quicktime.location.iso6709": "location", "com.apple.quicktime.title": "title"}
PRIMING = Fraction(1, 10)  # s of a sound track before zero that its decoder may need
IMAGE_TYPES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


class SideStreams:
    """Copies streams, chapters and metadata of one source into a container that already has its main streams.

    left_out: what the result will lack, one phrase each.
    """

    def __init__(self, container: InputContainer, job: MuxJob, out: OutputContainer, *, copied: bool):
        self.left_out: list[str] = []
        self._container, self._job, self._kind, self._out = container, job, job.kind, out
        self._origin, self._bridges = job.streams.origin, clock_bridges(job.source)
        self._targets: dict[int, Stream] = {}
        self._last: dict[int, int] = {}
        if not job.alone:
            out.metadata.update(described_metadata(container.metadata))
            self._add_chapters()
        for stream in container.streams:
            if stream.index == job.streams.video:
                self._describe_picture(stream, copied=copied)
            elif stream.index == job.streams.audio:
                if not self._keeps_old_sound(stream):
                    self.left_out.append(f"the old sound ({_codec(stream)})")
            elif job.alone or not self._add(stream):
                self.left_out.append(f"{_title(stream)} ({_codec(stream)})")
        self._packets = self._shifted_packets()
        self._next = next(self._packets, None)

    def write_until(self, seconds: Fraction | float) -> None:
        """Writes the packets that begin up to `seconds` after the start of the picture."""
        while self._next is not None and self._next[0] <= seconds:
            self._out.mux_one(self._next[1])
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Writes the remaining packets."""
        self.write_until(float("inf"))

    def _add_chapters(self) -> None:
        chapters = []
        for number, chapter in enumerate(_chapters(self._container), start=1):
            zero = round(self._origin / chapter["time_base"])
            start, end = max(0, chapter["start"] - zero), chapter["end"] - zero
            if end > start:
                chapters.append(chapter | {"id": number, "start": start, "end": end})
        if chapters:
            self._out.set_chapters(chapters)

    def _describe_picture(self, stream: Stream, *, copied: bool) -> None:
        target = self._out.streams.video[0]
        target.disposition = Disposition.default
        alpha = "1" in (value for key, value in stream.metadata.items() if key.lower() == "alpha_mode")
        if not self._job.alone:
            _describe(target, stream)
        if alpha and copied and self._kind.format in ("matroska", "webm"):
            target.metadata["alpha_mode"] = "1"
        elif alpha:
            self.left_out.append("transparency")

    def _add(self, stream: Stream) -> bool:
        """Adds a stream to the result. Returns False if the stream must be reported as left out."""
        if isinstance(stream, VideoStream):
            return bool(stream.disposition & COVER_ART) and self._add_cover(stream)
        if isinstance(stream, AttachmentStream):
            if self._kind.format != "matroska":
                return False
            name = stream.metadata.get("filename") or "attachment"
            self._out.add_attachment(name, stream.mimetype or "application/octet-stream", stream.data)
            return True
        if stream.type == "data" and self._is_written_anew():
            return True
        if self._bridges.jumps and stream.type != "audio":
            return False  # its times cannot be bridged
        if not takes(self._kind, stream):
            return False
        target = self._out.add_stream_from_template(stream, opaque=True)
        _describe(target, stream)
        target.disposition = stream.disposition
        if stream.type == "audio":
            target.disposition &= ~Disposition.default
        self._targets[stream.index] = target
        return True

    def _is_written_anew(self) -> bool:
        """Whether a data stream is a chapter or time code track of a QuickTime file. The muxer generates these tracks
        itself."""
        if self._kind.format not in ("mp4", "mov"):
            return bool(_chapters(self._container))
        picture = self._container.streams[self._job.streams.video or 0]
        return "timecode" in picture.metadata or bool(_chapters(self._container))

    def _keeps_old_sound(self, stream: Stream) -> bool:
        """Whether the replaced sound is in the result: copied on request, or encoded as an additional track."""
        if self._job.old_sound is not None:
            return True
        if not self._job.keep_sound or self._job.alone or not self._add(stream):
            return False
        self._targets[stream.index].metadata.setdefault("title", OLD_SOUND)
        return True

    def _add_cover(self, stream: VideoStream) -> bool:
        """Adds a cover picture: in MP4 as a stream of one packet, in Matroska as an attachment. Returns whether it
        did."""
        codec = stream.codec_context.codec.canonical_name
        if self._kind.format == "matroska" and codec in IMAGE_TYPES:
            picture = next((bytes(packet) for packet in self._container.demux(stream) if packet.size), None)
            self._container.seek(0)
            if picture is not None:
                self._out.add_attachment(*IMAGE_TYPES[codec], picture)
            return picture is not None
        if self._kind.format != "mp4" or codec not in IMAGE_TYPES:
            return False
        target = self._out.add_stream_from_template(stream, opaque=True)
        target.disposition = Disposition.attached_pic
        self._targets[stream.index] = target
        return True

    def _shifted_packets(self) -> Iterator[tuple[Fraction, Packet]]:
        """Yields the packets of the copied streams and their start (s after the origin)."""
        if not self._targets:
            return
        shifters = {index: self._bridges.of(index) for index in self._targets}
        packets = self._container.demux([self._container.streams[index] for index in self._targets])
        while (packet := _next_packet(packets)) is not None:
            index, target = packet.stream.index, self._targets[packet.stream.index]
            shifters[index].move(packet)
            if target.disposition & Disposition.attached_pic:
                packet.pts = 0
            elif packet.pts is not None:
                packet.pts -= round(self._origin / packet.time_base)
            if not packet.size or packet.pts is None:
                continue
            if target.type == "subtitle":
                end = packet.pts + (packet.duration or 0)
                packet.pts = max(packet.pts, min(end, 0))
                end = min(end, int(self._job.seconds / packet.time_base))
                packet.duration = max(0, end - packet.pts)
            packet.dts, packet.stream = packet.pts, target
            primed = target.type == "audio" and self._kind.negative_times
            earliest = -PRIMING if primed else Fraction(0)
            rising = packet.dts > self._last.get(index, packet.dts - 1)
            if rising and earliest <= packet.pts * packet.time_base < self._job.seconds:
                self._last[index] = packet.dts
                yield packet.pts * packet.time_base, packet


@contextmanager
def side_streams(job: MuxJob, out: OutputContainer, *, copied: bool) -> Iterator[SideStreams]:
    """Yields the side streams of the source for `out`, which must already have its main streams.

    copied: whether the picture is copied. The file is opened a second time, so that reading does not depend on the
    picture.
    """
    with open_media(job.source) as container:
        yield SideStreams(container, job, out, copied=copied)


def described_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Returns the metadata about the clip, without those about the file or the encoder."""
    described = {}
    for key, value in metadata.items():
        plain = key.lower()
        base = plain.rsplit("-", 1)[0]  # "title-eng", "bps-eng"
        if base in TECHNICAL or plain.startswith("_statistics"):
            continue
        if base != plain and base in (other.lower() for other in metadata):
            continue  # duplicate: also stored without the language suffix
        described.setdefault(ALIASES.get(plain, key), value)
    return described


def metadata_left_out(source: Path, result: Path) -> list[str]:
    """Returns a phrase each for chapters and metadata of `source` that `result` lacks."""
    with open_media(source) as before, open_media(result) as after:
        kept = {key.lower() for key in (*after.metadata, *described_metadata(after.metadata))}
        lost = sorted(key for key in described_metadata(before.metadata) if key.lower() not in kept)
        chapters = len(_chapters(before)) - len(_chapters(after))
    phrases = [f"{chapters} chapter{'s' if chapters > 1 else ''}"] if chapters > 0 else []
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        phrases.append(f"metadata ({', '.join(lost[:3])}{more})")
    return phrases


def _chapters(container: InputContainer) -> list[Any]:
    return container.chapters()


def _describe(target: Stream, source: Stream) -> None:
    """Copies language, title and similar metadata."""
    language = {"language": source.language} if source.language and source.language != "und" else {}
    target.metadata.update(described_metadata(source.metadata) | language)


def _next_packet(packets: Iterator[Packet]) -> Packet | None:
    """Returns the next packet, or None at the end or where the file can no longer be read."""
    try:
        return next(packets, None)
    except (FFmpegError, ValueError):
        return None


def _codec(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    return stream.name or "unknown"


def _title(stream: Stream) -> str:
    if stream.type == "video" and stream.disposition & COVER_ART:
        return "a cover picture"
    names = {"audio": "a further sound track", "video": "a further picture", "subtitle": "subtitles"}
    return names.get(stream.type, stream.type)
