"""Measures the contents of a media file instead of trusting its header (ours)."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from cmmd.clips.opening import open_media
from cmmd.clips.packet_scan import scan_packets
from cmmd.clips.stream_choice import choose_streams


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaInfo:
    """The chosen streams of a media file.

    seconds: from time zero (first video frame; without video, the start of the sound) to the end of the video (or of
    the sound). width, height: pixels as shown, after turning and with square pixels. rotation: counter-clockwise
    rotation in degrees that a player applies, followed by a left-right flip if `mirrored`. These three are None without
    video. sound_offset: start of the sound, in seconds after time zero. frame_rate: mean, in Hz.
    """

    container: str
    has_video: bool
    has_audio: bool
    seconds: float
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    mirrored: bool = False
    frame_rate: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    sound_offset: float | None = None


def probe(path: str | Path) -> MediaInfo:
    """Describes a media file without decoding all of it. Raises InputError if nothing in it can be decoded."""
    source = Path(path)
    streams = choose_streams(source)
    main = streams.video if streams.video is not None else streams.audio
    assert main is not None
    scan = scan_packets(source, main)
    seconds = float(scan.end_seconds - streams.origin) if scan else 0.0
    found: dict = {}
    with open_media(source) as container:
        if streams.first_picture is not None and streams.video is not None:
            video = container.streams[streams.video]
            assert isinstance(video, VideoStream)
            frame = streams.first_picture.frame
            turn = streams.turn
            size = round(frame.width * streams.pixel_aspect), frame.height
            width, height = size[::-1] if turn.transpose else size
            found |= {"width": width, "height": height, "rotation": turn.rotation, "mirrored": turn.mirrored}
            found |= {"video_codec": video.codec_context.name}
            found |= {"frame_rate": len(scan.pts) / seconds if scan and seconds > 0 else None}
        if streams.first_sound is not None and streams.audio is not None:
            audio = container.streams[streams.audio]
            assert isinstance(audio, AudioStream)
            start = streams.first_sound.time
            found |= {"audio_codec": audio.codec_context.name, "channels": audio.codec_context.channels}
            found |= {"sample_rate": streams.first_sound.rate}
            found |= {"sound_offset": None if start is None else float(start - Fraction(streams.origin))}
        return MediaInfo(
            container=container.format.name,
            has_video=streams.video is not None,
            has_audio=streams.audio is not None,
            seconds=seconds,
            **found,
        )
