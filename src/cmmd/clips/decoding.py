"""Decodes one stream of a media file, damaged or not, to timed pictures or timed mono sound (ours).

Damaged packets are counted and skipped, as players do, so that the rest of the clip stays at its time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cmmd.clips.channel_mix import ChannelMix
from cmmd.clips.clock_bridges import Shifter, clock_bridges
from cmmd.clips.opening import EXPECTED, SEEKABLE, keeps_no_times, open_media
from cmmd.clips.timeline import PictureClock
from cmmd.errors import InputError

SEEK_MARGIN = Fraction(1)  # s decoded before the requested time, so that sound decoders have settled
SOUND_RATES = range(1_000, 768_001)  # Hz; at a lower rate a few bytes would last for hours
MOST_PIXELS = 2**25  # per picture, 8K: decoders allocate memory before they have seen the data
LARGE = 2**23  # pixels, 4K
FREE_PIXELS, PIXELS_A_BYTE = 2**30, 2**17  # of all pictures: a still in H.264 has about 70,000 a byte, a bomb millions


@dataclass
class Damage:
    """Problems found while decoding one stream."""

    packets: int = 0  # packets that could not be decoded
    cut: bool = False  # the file ends earlier than the container states
    jumps: int = 0  # broken timestamps bridged
    stale: int = 0  # frames that came after later ones and were dropped

    def notes(self, what: str) -> list[str]:
        """Returns one sentence per problem. what: name of the stream in these sentences."""
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
    """A decoded frame, its presentation time (s, on the container's clock) and its duration (s)."""

    frame: VideoFrame
    time: Fraction
    duration: Fraction


class Sound(NamedTuple):
    """Mono float32 samples, their rate in Hz, and their start (s, on the container's clock; None: directly after the
    previous block)."""

    samples: np.ndarray
    rate: int
    time: Fraction | None


def decode_pictures(
    path: Path, index: int, *, begin: Fraction | None = None, damage: Damage | None = None, patience: int | None = None
) -> Iterator[Picture]:
    """Decodes video stream `index` in presentation order; no two pictures have the same time.

    begin: s on the container's clock. Earlier pictures are skipped if the container can seek reliably; the first
    picture is still at or before `begin`. patience: decoding stops if the first `patience` packets yield no frame.
    Raises InputError if the file is not a media file, or if its frames have more pixels in total than is plausible for
    its size.
    """
    damage, bridges = damage if damage is not None else Damage(), clock_bridges(path)
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        # Frame threading holds one frame per processor in memory, too much for large pictures.
        stream.thread_type = "AUTO" if context.width * context.height <= LARGE else "SLICE"
        context.options = {"max_pixels": str(MOST_PIXELS)}
        clock = PictureClock(stream, by_order=keeps_no_times(container))
        moved = not bridges.jumps and _seek(container, stream, begin)
        held: tuple[VideoFrame, Fraction] | None = None
        frames = _frames(container, stream, damage, bridges.of(index), on_packet=clock.saw_packet, patience=patience)
        left = FREE_PIXELS + PIXELS_A_BYTE * path.stat().st_size
        for frame in frames:
            assert isinstance(frame, VideoFrame)
            left -= frame.width * frame.height
            if left < 0:
                raise InputError.about(path, found="many more pictures than so few bytes can tell", expected=EXPECTED)
            time = clock.presentation_time(frame)
            if time is None:
                continue
            if moved and held is None and begin is not None and time > begin:
                yield from decode_pictures(path, index, damage=damage)  # the index was wrong: decode from the start
                return
            if held is not None and time > held[1]:
                yield Picture(*held, time - held[1])
            held = frame, time
        damage.stale = clock.stale
        if held is not None:
            yield Picture(*held, clock.last_duration(held[0]))


def decode_sound(
    path: Path,
    index: int,
    *,
    begin: Fraction | None = None,
    damage: Damage | None = None,
    patience: int | None = None,
    mix: ChannelMix | None = None,
) -> Iterator[Sound]:
    """Decodes audio stream `index` at its own rate to one channel: by `mix`, or by the mean if none is given.

    The other arguments are those of `decode_pictures`. Raises InputError if the file is not a media file.
    """
    damage, mix = damage if damage is not None else Damage(), mix or ChannelMix()
    bridges = clock_bridges(path)
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, AudioStream)
        moved = not bridges.jumps and _seek(container, stream, begin)
        first, packer = True, _Packer()
        for frame in _frames(container, stream, damage, bridges.of(index), patience=patience):
            assert isinstance(frame, AudioFrame)
            if frame.sample_rate not in SOUND_RATES:
                damage.packets += 1
                continue
            time = None if frame.pts is None else frame.pts * Fraction(frame.time_base or stream.time_base or 1)
            if not first and keeps_no_times(container):
                time = None  # AVI counts chunks or bytes, which are not proportional to time at a variable bit rate
            if first and moved and (time is None or begin is None or time > begin):
                yield from decode_sound(path, index, damage=damage, mix=mix)
                return
            first = False
            try:
                blocks = packer.pack(frame)
            except (FFmpegError, ValueError):  # damaged data with a nonsensical layout or rate
                damage.packets += 1
                continue
            for packed in blocks:
                yield Sound(mix.mix(_unpacked(packed)), packed.sample_rate, time)
                time = None


class _Packer:
    """Converts the frames of a stream, whose layout and rate may change, to packed float.

    The resampler only changes the sample format: mixing in it would add 3 dB to stereo. The format must be packed: PyAV
    looks for a null pointer after the last plane, and a planar frame of eight channels has none, which crashes the
    process.
    """

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler = av.AudioResampler(format="flt")

    def pack(self, frame: AudioFrame) -> list[AudioFrame]:
        """Raises FFmpegError or ValueError for a frame that cannot be converted."""
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        self._kind = None  # a resampler that fails is not used again
        blocks = self._resampler.resample(frame)
        self._kind = kind
        return blocks


def _unpacked(frame: AudioFrame) -> np.ndarray:
    """Converts a packed float frame to float32 (samples, channels)."""
    channels = frame.layout.nb_channels
    packed = np.frombuffer(bytes(frame.planes[0]), np.float32, count=frame.samples * channels)
    return packed.reshape(frame.samples, channels)


def _frames(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    damage: Damage,
    shifter: Shifter,
    *,
    on_packet: Callable[[Packet], None] | None = None,
    patience: int | None = None,
) -> Iterator[VideoFrame | AudioFrame]:
    """Yields all frames that can be decoded, on the time line of the file. Failures are recorded in `damage`."""
    packets = container.demux(stream)
    flushed = False
    while not flushed:
        try:
            packet = next(packets, None)
        except (FFmpegError, ValueError):
            damage.cut, packet = True, None
        flushed = packet is None or (packet.size == 0 and packet.dts is None and packet.pts is None)
        if packet is not None:
            shifter.move(packet)
            if on_packet is not None:
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
    """Seeks to a point shortly before `begin` if the container can; otherwise stays at the start. Returns whether it
    moved."""
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
