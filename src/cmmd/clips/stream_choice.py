"""Chooses the video and the sound stream of a file and determines its time zero (ours).

The first stream is not always the best: cover art is a video stream, dubbing and commentary are sound streams.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from cmmd.clips.clock_bridges import clock_bridges
from cmmd.clips.decoding import Damage, Picture, Sound, decode_pictures, decode_sound
from cmmd.clips.opening import open_media
from cmmd.clips.picture_fit import Orientation, orientation
from cmmd.clips.single_picture import PICTURE_CODECS, is_animated_webp, is_single_picture
from cmmd.clips.tone_mapping import transfer_of
from cmmd.errors import InputError

COVER_ART = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
SIDE_SOUND = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired
Frame = TypeVar("Frame", Picture, Sound)
PATIENCE = 2000  # packets without a frame after which a stream counts as undecodable


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """The chosen streams of a file, each verified by decoding, and time zero (`origin`, s on the container's clock).

    notes: streams that cannot be decoded. remarks: what is corrected when reading the chosen streams. still: the video
    is one picture in a picture format, such as a photo.
    """

    video: int | None
    audio: int | None
    origin: Fraction
    first_picture: Picture | None
    first_sound: Sound | None
    pixel_aspect: Fraction
    turn: Orientation
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    still: bool = False


def choose_streams(path: Path) -> Streams:
    """Chooses the largest video stream that decodes, and the default sound stream (then most channels, then highest
    sample rate).

    Time zero is the first video frame, or the start of the sound if there is no video. Raises InputError if nothing can
    be decoded.
    """
    with open_media(path) as container:
        videos, sounds = _video_candidates(container), _sound_candidates(container)
        aspects = {index: _pixel_aspect(container, index) for index in videos}
        kinds = [f"{stream.type} ({_codec(stream) or 'unknown codec'})" for stream in container.streams]
    damage, notes = Damage(), []
    video, picture = _first_decodable(decode_pictures, path, videos, "video", damage, notes)
    audio, sound = _first_decodable(decode_sound, path, sounds, "sound", damage, notes)
    if picture is None and sound is None:
        found = f"no frame that could be decoded ({_count(damage.packets, 'damaged or encrypted packet')})"
        if not videos and not sounds:
            found = f"no video and no sound but {', '.join(kinds) or 'no streams'}"
        raise _undecodable(path, found)
    still = picture is not None and video is not None and is_single_picture(path, video)
    remarks = clock_bridges(path).notes()
    if still and sound is not None:
        picture = None
        remarks.append(f"video stream {video} is a single picture: a cover")
    transfer = transfer_of(picture.frame) if picture else None
    if transfer is not None:
        remarks.append(f"HDR ({transfer.upper()}) is shown as SDR")
    first = picture or sound
    return Streams(
        video=video if picture else None,
        audio=audio if sound else None,
        origin=(first and first.time) or Fraction(0),
        first_picture=picture,
        first_sound=sound,
        pixel_aspect=aspects[video] if picture and video is not None else Fraction(1),
        turn=orientation(picture.frame) if picture else Orientation(),
        notes=tuple(notes),
        remarks=tuple(remarks),
        still=still and picture is not None,
    )


def _first_decodable(
    decode: Callable[..., Iterator[Frame]],
    path: Path,
    candidates: list[int],
    kind: str,
    damage: Damage,
    notes: list[str],
) -> tuple[int | None, Frame | None]:
    """Returns the first stream that decodes and its first frame, (None, None) if none does. Adds a note on each stream
    that does not."""
    for index in candidates:
        frame = next(decode(path, index, damage=damage, patience=PATIENCE), None)
        if frame is not None:
            return index, frame
        notes.append(f"{kind} stream {index} cannot be decoded")
    return None, None


def _undecodable(path: Path, found: str) -> InputError:
    if is_animated_webp(path):
        found = "an animated WebP, which FFmpeg cannot decode"
        return InputError.about(path, found=found, expected="the same as GIF, PNG (APNG) or video")
    return InputError.about(path, found=found, expected="a file with video or sound")


def refuse_single_picture(path: Path, streams: Streams) -> None:
    """Raises InputError if the video is a single picture."""
    if streams.still:
        raise InputError.about(path, found="a single picture", expected="a video")


def _video_candidates(container: InputContainer) -> list[int]:
    """Returns the indices of the usable video streams, best first; single pictures come last."""

    def rank(stream: VideoStream) -> tuple[bool, int, bool, int]:
        still = stream.codec_context.name in PICTURE_CODECS and stream.frames <= 1
        area = stream.codec_context.width * stream.codec_context.height
        return still, -area, not stream.disposition & Disposition.default, stream.index

    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & COVER_ART]
    return [stream.index for stream in sorted(streams, key=rank)]


def _sound_candidates(container: InputContainer) -> list[int]:
    """Returns the indices of the usable sound streams, best first."""

    def rank(stream: AudioStream) -> tuple[bool, bool, int, int, int]:
        aside, default = bool(stream.disposition & SIDE_SOUND), bool(stream.disposition & Disposition.default)
        return aside, not default, -stream.codec_context.channels, -stream.codec_context.sample_rate, stream.index

    return [s.index for s in sorted((s for s in container.streams.audio if s.codec_context is not None), key=rank)]


def _pixel_aspect(container: InputContainer, index: int) -> Fraction:
    """Returns width over height of a stored pixel; 1 if unknown or implausible."""
    stream = container.streams[index]
    assert isinstance(stream, VideoStream)
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def _codec(stream: object) -> str | None:
    return getattr(getattr(stream, "codec_context", None), "name", None)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
