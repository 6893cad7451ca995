"""Encodes pictures and sound into an open container; the same input always gives the same bytes (ours).

Encoders write no dates or versions (bitexact). x264 gets a fixed number of threads, because its result depends on it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from cmmd.clips.tone_mapping import TRANSFERS
from cmmd.errors import InputError

TICK = Fraction(1, 90000)  # s; the clock of MPEG, fine enough for any frame rate
BLOCK = 1024  # samples handed to the sound encoder at a time, the frame of AAC


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerKind:
    """How files of one suffix are written: FFmpeg's format, the sound codec, and the video codec for video that is
    encoded."""

    format: str
    sound_codec: str = "aac"
    video_codec: str = "libx264"
    sound_rate: int | None = None  # Hz; None: the rate of the waveform
    negative_times: bool = True  # can hold packets that are decoded but not shown (edit list)


MP4, MOV = ContainerKind(format="mp4"), ContainerKind(format="mov")
# Matroska adds the delay of the sound encoder to the length of the file: 64 ms for AAC at 16 kHz, 21 ms at 48 kHz.
MATROSKA = ContainerKind(format="matroska", sound_rate=48000, negative_times=False)
WEBM = ContainerKind(format="webm", sound_codec="libopus", video_codec="libvpx-vp9", negative_times=False)
CONTAINERS = {".mp4": MP4, ".m4v": MP4, ".mov": MOV, ".mkv": MATROSKA, ".webm": WEBM}
CODEC_TITLES = {"libx264": "H.264", "libvpx-vp9": "VP9"}
VIDEO_OPTIONS = {
    # Without mbtree: with it, 3 of 16 encodings of the same frames differed on a processor with AVX-512.
    "libx264": {"crf": "18", "preset": "medium", "threads": "2", "x264-params": "mbtree=0"},
    "libvpx-vp9": {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "threads": "1"},
}
# Hz that the encoders accept; any other rate is resampled to 48 kHz.
SOUND_RATES = {
    "aac": {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350},
    "libopus": {48000, 24000, 16000, 12000, 8000},
}


def container_kind(out: Path) -> ContainerKind:
    """Returns the kind for the suffix of `out`. Raises InputError for a suffix that is not supported."""
    kind = CONTAINERS.get(out.suffix.lower())
    if kind is None:
        found, expected = f"the suffix {out.suffix!r}", f"one of {', '.join(CONTAINERS)}"
        raise InputError.about(out, found=found, expected=expected)
    return kind


def takes(kind: ContainerKind, stream: Stream) -> bool:
    """Whether a file of this kind accepts a copy of `stream`: its header can be written."""
    try:
        with av.open(io.BytesIO(), "w", format=kind.format) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


@contextmanager
def open_output(temporary: Path, format_name: str) -> Iterator[OutputContainer]:
    """Opens a container for writing. The format is explicit because the suffix of `temporary` does not determine it."""
    options = {"fflags": "+bitexact"}
    if format_name in ("mp4", "mov"):
        options["movflags"] = "+faststart"  # playback can start before the whole file is loaded
        options["strict"] = "unofficial"  # otherwise the boxes of Dolby Vision and 360 degree video are left out
    elif format_name in ("matroska", "webm"):
        # The file states the encoder's delay; without this the video starts late by it. No autobsf: VP9 stays as it is.
        options |= {"avoid_negative_ts": "disabled", "fflags": "+bitexact-autobsf"}
    with av.open(f"file:{temporary}", mode="w", format=format_name, container_options=options) as container:
        yield container


class SoundEncoder:
    """Encodes a waveform, float32 (s,) or stereo (2, s) at `sample_rate` Hz, in pieces, so that it interleaves with
    video.

    encoded_rate: Hz of the encoded sound; default: `sample_rate` if the codec supports it, otherwise 48 kHz. title:
    title of an additional track, which is not played by default.
    """

    def __init__(
        self,
        container: OutputContainer,
        codec: str,
        waveform: np.ndarray,
        sample_rate: int,
        *,
        encoded_rate: int | None = None,
        title: str | None = None,
    ):
        if encoded_rate is None:
            encoded_rate = sample_rate if sample_rate in SOUND_RATES.get(codec, {sample_rate}) else 48000
        sound = np.atleast_2d(waveform).T
        if encoded_rate != sample_rate:
            sound, sample_rate = soxr.resample(sound, sample_rate, encoded_rate), encoded_rate
        self._layout = "mono" if sound.shape[1] == 1 else "stereo"
        stream = container.add_stream(codec, rate=sample_rate, options={"flags": "+bitexact"}, layout=self._layout)
        assert isinstance(stream, AudioStream)
        if title is None:
            stream.disposition = Disposition.default
        else:
            stream.metadata["title"] = title
        if codec != "flac":
            # AAC accepts at most six bits per sample and channel.
            stream.bit_rate = min(128_000, 6 * sample_rate) * sound.shape[1]
        self._container, self._stream = container, stream
        self._sound, self._rate = np.asarray(sound, np.float32), sample_rate
        self._format = "s16" if codec == "flac" else "flt"
        self._done = 0

    def encode_until(self, seconds: Fraction | float) -> None:
        """Writes the sound up to about `seconds` after its start."""
        while self._done < len(self._sound) and self._done < seconds * self._rate:
            block = self._sound[self._done : self._done + BLOCK]
            if self._format == "s16":
                block = to_16_bit(block)
            packed = np.ascontiguousarray(block).reshape(1, -1)
            frame = AudioFrame.from_ndarray(packed, format=self._format, layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._done, Fraction(1, self._rate)
            self._container.mux(self._stream.encode(frame))
            self._done += len(block)

    def finish(self) -> None:
        """Writes the rest of the sound and flushes the encoder."""
        self.encode_until(float("inf"))
        self._container.mux(self._stream.encode(None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """The colour space of red, green and blue, as code points of ITU-T H.273; BT.709 by default."""

    primaries: int = int(ColorPrimaries.BT709)
    transfer: int = int(ColorTrc.BT709)

    @classmethod
    def of(cls, frame: VideoFrame) -> "Colours":
        """Returns the values that a decoded frame states. BT.709 replaces unspecified values, and both values of a high
        dynamic range frame, which has been tone-mapped to BT.709."""
        primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
        if transfer in TRANSFERS:
            return cls()
        unknown = (0, 2, 3)  # reserved and unspecified
        return cls(
            primaries=cls().primaries if primaries in unknown else primaries,
            transfer=cls().transfer if transfer in unknown else transfer,
        )


class PictureEncoder:
    """Encodes upright pictures with arbitrary times as 4:2:0 video. Odd sizes are padded by repeating the edge: 4:2:0
    needs even sizes.

    The file states the colour space: always the matrix of BT.709 in limited range, with the primaries and transfer
    function of `colours`.
    """

    def __init__(
        self,
        container: OutputContainer,
        codec: str,
        *,
        width: int,
        height: int,
        rate: Fraction,
        colours: Colours | None = None,
    ):
        options = VIDEO_OPTIONS[codec] | {"flags": "+bitexact"}
        stream = container.add_stream(codec, rate=rate.limit_denominator(1001), options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.time_base = TICK
        colours = colours or Colours()
        context = stream.codec_context
        context.colorspace, context.color_range = int(Colorspace.ITU709), int(ColorRange.MPEG)
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        self._container, self._stream = container, stream
        self._size = width, height
        self._durations: dict[int, int] = {}  # by time; encoders assume a constant rate and state its duration

    def add(self, picture: np.ndarray, time: Fraction, duration: Fraction) -> None:
        """Encodes a picture, uint8 (h, w, 3), shown from `time` for `duration` (s)."""
        width, height = self._size
        rgb = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        if picture.shape[:2] != (height, width):
            rgb = rgb.reformat(width=width, height=height, interpolation="AREA", threads=1)
        if width % 2 or height % 2:
            pixels = np.asarray(rgb.to_ndarray(), np.uint8)
            padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            rgb = VideoFrame.from_ndarray(padded, format="rgb24")
        space, limits = Colorspace.ITU709, ColorRange.MPEG
        frame = rgb.reformat(format="yuv420p", dst_colorspace=space, dst_color_range=limits, threads=1)
        frame.time_base, frame.pts = TICK, round(time / TICK)
        frame.duration = self._durations[frame.pts] = max(1, round((time + duration) / TICK) - frame.pts)
        self._write(self._stream.encode(frame))

    def finish(self) -> None:
        """Flushes the encoder and writes its remaining packets."""
        self._write(self._stream.encode(None))

    def _write(self, packets: list[Packet]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            self._container.mux_one(packet)


def to_16_bit(waveform: np.ndarray) -> np.ndarray:
    """Float in [-1, 1] to int16, rounded to the nearest step."""
    return np.rint(waveform * 32767).astype(np.int16)
