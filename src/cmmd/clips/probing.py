"""Measures the contents of a media file instead of trusting its header (ours)."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from cmmd.clips.opening import open_media
from cmmd.clips.packet_scan import scan_packets
from cmmd.clips.stream_choice import Streams, choose_streams
from cmmd.files.inline_groups import inline


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoInfo:
    """The chosen video stream; None without one.

    width, height: pixels as shown, after turning and with square pixels. rotation: counter-clockwise rotation in
    degrees that a player applies, followed by a left-right flip if `mirrored`. frame_rate: mean, in Hz.
    """

    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    mirrored: bool = False
    frame_rate: float | None = None
    video_codec: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioInfo:
    """The chosen audio stream; None without one. sound_offset: its start, in seconds after time zero."""

    audio_codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    sound_offset: float | None = None


@inline("video", "audio")
@dataclass(frozen=True, kw_only=True, slots=True)
class MediaInfo:
    """The chosen streams of a media file; `video` and `audio` are inline groups.

    seconds: from time zero (first video frame; without video, the start of the sound) to the end of the video (or of
    the sound).
    """

    container: str
    has_video: bool
    has_audio: bool
    seconds: float
    video: VideoInfo
    audio: AudioInfo


def probe(path: str | Path) -> MediaInfo:
    """Describes a media file without decoding all of it. Raises InputError if nothing in it can be decoded."""
    source = Path(path)
    streams = choose_streams(source)
    main = streams.video if streams.video is not None else streams.audio
    assert main is not None
    scan = scan_packets(source, main)
    seconds = float(scan.end_seconds - streams.origin) if scan else 0.0
    with open_media(source) as container:
        return MediaInfo(
            container=container.format.name,
            has_video=streams.video is not None,
            has_audio=streams.audio is not None,
            seconds=seconds,
            video=_video(container, streams, rate=len(scan.pts) / seconds if scan and seconds > 0 else None),
            audio=_audio(container, streams),
        )


def _video(container: InputContainer, streams: Streams, *, rate: float | None) -> VideoInfo:
    if streams.first_picture is None or streams.video is None:
        return VideoInfo()
    stream, frame, turn = container.streams[streams.video], streams.first_picture.frame, streams.turn
    assert isinstance(stream, VideoStream)
    size = round(frame.width * streams.pixel_aspect), frame.height
    width, height = size[::-1] if turn.transpose else size
    return VideoInfo(
        width=width,
        height=height,
        rotation=turn.rotation,
        mirrored=turn.mirrored,
        frame_rate=rate,
        video_codec=stream.codec_context.name,
    )


def _audio(container: InputContainer, streams: Streams) -> AudioInfo:
    if streams.first_sound is None or streams.audio is None:
        return AudioInfo()
    stream, start = container.streams[streams.audio], streams.first_sound.time
    assert isinstance(stream, AudioStream)
    return AudioInfo(
        audio_codec=stream.codec_context.name,
        sample_rate=streams.first_sound.rate,
        channels=stream.codec_context.channels,
        sound_offset=None if start is None else float(start - Fraction(streams.origin)),
    )
