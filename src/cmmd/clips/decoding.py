"""One stream of a media file as timed pictures or as timed mono sound, whatever state the file is in (ours).

Damaged packets are counted and skipped, as players do, so that the rest of a clip keeps its place in time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cmmd.clips.timeline import PictureClock
from cmmd.errors import InputError

EXPECTED = "a media file with video or sound"
SEEKABLE = {"mov", "mp4", "matroska", "webm"}  # their index leads to a key frame before the time asked for
SEEK_MARGIN = Fraction(1)  # s decoded before the time asked for, so that sound decoders have settled
# FFmpeg plays text files as ANSI art, which nobody wants to hear.
TEXT_FORMATS = {"tty", "bin", "xbin", "adf", "idf"}


# Their content names other files, or addresses in a network, which they would open.
OPENS_OTHERS = {
    *("avisynth", "concat", "dash", "hls", "imf", "lavfi"),
    *("rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest"),
}
OPTIONS = {
    "format_whitelist": ",".join(sorted(av.formats_available - OPENS_OTHERS)),
    "pattern_type": "none",  # img%d.png is one picture of that name
}
SOUND_RATES = range(1_000, 768_001)  # Hz; at a lower one a few bytes would last for hours
MOST_PIXELS = 2**26  # of a picture, twice 8K: decoders ask for memory before they have seen the data


@dataclass
class Damage:
    """What went wrong while decoding one stream."""

    packets: int = 0  # could not be decoded
    cut: bool = False  # the file ended before the container said
    jumps: int = 0  # broken timestamps bridged
    stale: int = 0  # frames that came after later ones

    def notes(self, what: str) -> list[str]:
        """One sentence a problem."""
        notes = []
        if self.packets:
            notes.append(f"{self.packets} damaged packets of the {what} skipped")
        if self.cut:
            notes.append(f"the {what} is cut short: the file could not be read to its end")
        if self.jumps:
            notes.append(f"{self.jumps} broken timestamps of the {what} bridged")
        if self.stale:
            notes.append(f"{self.stale} frames of the {what} came too late and were dropped")
        return notes


class Picture(NamedTuple):
    """A decoded frame, when it is shown (s, on the container's clock) and for how long (s)."""

    frame: VideoFrame
    time: Fraction
    duration: Fraction


class Sound(NamedTuple):
    """Mono float32 samples, their rate in Hz, and their start (s, on the container's clock; None: after the last)."""

    samples: np.ndarray
    rate: int
    time: Fraction | None


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a regular file for reading.

    The protocol is spelt out so that a name with a colon is not taken for a URL. Raises InputError for anything that is
    not a media file by itself: a list of other files is none, whatever its name.
    """
    if not path.exists():
        raise InputError.about(path, found="no such file", expected=EXPECTED)
    if not path.is_file():
        raise InputError.about(path, found="a folder" if path.is_dir() else "no regular file", expected=EXPECTED)
    try:
        size = path.stat().st_size
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace", options=OPTIONS)
    except PermissionError:
        raise InputError.about(path, found="a file that may not be read", expected=EXPECTED) from None
    except ArgumentError:
        raise InputError.about(path, found="a list of other files or streams, or no media", expected=EXPECTED) from None
    except (FFmpegError, ValueError) as error:
        found = f"{size} bytes that are no known media format ({reason(error)})" if size else "an empty file"
        raise InputError.about(path, found=found, expected=EXPECTED) from error
    with container:
        if container.format.name in TEXT_FORMATS:
            raise InputError.about(path, found="text", expected=EXPECTED)
        yield container


def keeps_no_times(container: InputContainer) -> bool:
    """Whether the container stores no presentation times, so that the order of decoding has to do."""
    return container.format.name == "avi"


def decode_pictures(
    path: Path, index: int, *, begin: Fraction | None = None, damage: Damage | None = None, patience: int | None = None
) -> Iterator[Picture]:
    """Decode video stream `index` in presentation order; no two pictures have the same time.

    `begin` (s, container's clock) allows to skip what is shown before, where the container can seek reliably; the first
    picture is still at or before it. Gives up after `patience` packets without a picture.
    """
    damage = damage if damage is not None else Damage()
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        clock = PictureClock(stream, by_order=keeps_no_times(container))
        moved = _seek(container, stream, begin)
        held: tuple[VideoFrame, Fraction] | None = None
        for frame in _frames(container, stream, damage, on_packet=clock.saw_packet, patience=patience):
            assert isinstance(frame, VideoFrame)
            time = clock.place(frame)
            if time is None:
                continue
            if moved and held is None and begin is not None and time > begin:
                yield from decode_pictures(path, index, damage=damage)  # the index was wrong: from the start then
                return
            if held is not None and time > held[1]:
                yield Picture(*held, time - held[1])
            held = frame, time
        damage.jumps, damage.stale = clock.jumps, clock.stale
        if held is not None:
            yield Picture(*held, clock.last_duration(held[0]))


def decode_sound(
    path: Path, index: int, *, begin: Fraction | None = None, damage: Damage | None = None, patience: int | None = None
) -> Iterator[Sound]:
    """Decode audio stream `index` to the mean of its channels, at its own rate. Arguments as in `decode_pictures`.

    The resampler only changes the sample format: mixing there would add 3 dB to stereo. It must be *packed* float:
    PyAV looks for a null pointer after the last plane, and a planar frame of eight channels has none, which ends the
    process.
    """
    damage = damage if damage is not None else Damage()
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, AudioStream)
        moved = _seek(container, stream, begin)
        heard = False
        layout: tuple[str, str, int] | None = None
        packer = av.AudioResampler(format="flt")
        for frame in _frames(container, stream, damage, patience=patience):
            assert isinstance(frame, AudioFrame)
            if frame.sample_rate not in SOUND_RATES:
                damage.packets += 1
                continue
            if layout != (frame.format.name, frame.layout.name, frame.sample_rate):
                layout = frame.format.name, frame.layout.name, frame.sample_rate
                packer = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
            time = None if frame.pts is None else frame.pts * Fraction(frame.time_base or stream.time_base or 1)
            if heard and keeps_no_times(container):
                time = None  # AVI counts chunks or bytes, which for a varying bit rate is not time
            heard = True
            if moved and (time is None or begin is None or time > begin):
                yield from decode_sound(path, index, damage=damage)
                return
            moved = False
            for packed in packer.resample(frame):
                yield Sound(_mean_of_channels(packed), packed.sample_rate, time)
                time = None


def _mean_of_channels(frame: AudioFrame) -> np.ndarray:
    """Packed float frame to float32 (samples,); samples a decoder made up of damaged data (nan) become silence."""
    channels = frame.layout.nb_channels
    packed = np.frombuffer(bytes(frame.planes[0]), np.float32, count=frame.samples * channels).reshape(
        frame.samples, channels
    )
    return np.nan_to_num(packed.mean(axis=1), nan=0.0, posinf=0.0, neginf=0.0)


def _frames(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    damage: Damage,
    *,
    on_packet: Callable[[Packet], None] | None = None,
    patience: int | None = None,
) -> Iterator[VideoFrame | AudioFrame]:
    """All frames that can be decoded; whatever cannot is noted in `damage`."""
    packets = container.demux(stream)
    flushed = False
    while not flushed:
        try:
            packet = next(packets, None)
        except (FFmpegError, ValueError):
            damage.cut, packet = True, None
        flushed = packet is None or (packet.size == 0 and packet.dts is None and packet.pts is None)
        if packet is not None and on_packet is not None:
            on_packet(packet)
        try:
            frames = stream.codec_context.decode(None if flushed else packet)
        except (FFmpegError, ValueError, NotImplementedError):
            damage.packets += 1
            frames = []
        if frames:
            patience = None
        elif patience is not None:
            patience -= 1
            if patience <= 0:
                return
        yield from frames


def _seek(container: InputContainer, stream: VideoStream | AudioStream, begin: Fraction | None) -> bool:
    """Move close to, but not past, `begin` if the container can; otherwise stay at its start. Whether it moved."""
    if begin is None or stream.time_base is None or not SEEKABLE & set(container.format.name.split(",")):
        return False
    start = (stream.start_time or 0) * stream.time_base
    if begin - SEEK_MARGIN <= start:
        return False
    try:
        container.seek(int((begin - SEEK_MARGIN) / stream.time_base), stream=stream, backward=True)
    except FFmpegError:
        container.seek(0)
        return False
    return True


def reason(error: Exception) -> str:
    """FFmpeg's words without the file name."""
    return str(getattr(error, "strerror", None) or error)
