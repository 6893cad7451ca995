"""Small media files with known content and known times, and what makes real files awkward, made with PyAV."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

VIDEO_CLOCK = Fraction(1, 90000)
FRAME_CLOCKED = ("mpeg4", "mjpeg", "mpeg2video", "wmv2")  # codecs that count frames


@dataclass
class MadeVideo:
    """Frames uint8 (f, h, w, 3) shown at `times` (s)."""

    frames: np.ndarray
    times: list[Fraction]
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    rate: Fraction = Fraction(25)  # what the stream states
    options: dict[str, str] = field(default_factory=lambda: {"crf": "12", "preset": "ultrafast", "bf": "0"})
    pixel_aspect: Fraction | None = None
    disposition: int | None = None


@dataclass
class MadeSound:
    """Waveform float32 (channels, s) at `rate` Hz from `start` (s) on."""

    waveform: np.ndarray
    rate: int = 44100
    start: Fraction = Fraction(0)
    codec: str = "aac"
    layout: str = "mono"
    sample_format: str = "fltp"
    disposition: int | None = None


def make_media(path: Path, *streams: MadeVideo | MadeSound, format_name: str | None = None, **options: str) -> Path:
    """Write the streams, in this order, to one file."""
    with av.open(str(path), "w", format=format_name, options=options) as container:
        added = [(_add(container, stream), stream) for stream in streams]
        packets: list[Any] = []
        for out, stream in added:
            if isinstance(out, VideoStream):
                assert isinstance(stream, MadeVideo)
                packets += _encode_video(out, stream)
            else:
                assert isinstance(stream, MadeSound)
                packets += _encode_sound(out, stream)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)
    return path


def _add(container: Any, stream: MadeVideo | MadeSound) -> VideoStream | AudioStream:
    if isinstance(stream, MadeVideo):
        out = container.add_stream(stream.codec, rate=stream.rate, options=stream.options)
        out.height, out.width = stream.frames.shape[1:3]
        out.pix_fmt = stream.pix_fmt
        if stream.codec not in FRAME_CLOCKED:
            out.codec_context.time_base = VIDEO_CLOCK
        if stream.pixel_aspect:
            out.codec_context.sample_aspect_ratio = stream.pixel_aspect
    else:
        out = container.add_stream(stream.codec, rate=stream.rate, layout=stream.layout, format=stream.sample_format)
    if stream.disposition is not None:
        out.disposition = stream.disposition
    return out


def _encode_video(out: VideoStream, video: MadeVideo) -> list[Any]:
    clock = VIDEO_CLOCK if video.codec not in FRAME_CLOCKED else 1 / video.rate
    packets = []
    for pixels, time in zip(video.frames, video.times, strict=True):
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        limits = ColorRange.JPEG if video.pix_fmt.startswith("yuvj") else None
        frame = frame.reformat(format=video.pix_fmt, dst_color_range=limits)
        frame.pts, frame.time_base = round(time / clock), clock
        packets += out.encode(frame)
    return packets + out.encode(None)


def _encode_sound(out: AudioStream, sound: MadeSound) -> list[Any]:
    frame = AudioFrame(format="flt", layout=sound.layout, samples=sound.waveform.shape[1])
    frame.planes[0].update(np.ascontiguousarray(sound.waveform.T, np.float32).tobytes())
    frame.sample_rate, frame.time_base = sound.rate, Fraction(1, sound.rate)
    frame.pts = round(sound.start * sound.rate)
    resampler = av.AudioResampler(
        format=sound.sample_format,
        layout=sound.layout,
        rate=sound.rate,
        frame_size=1024 if sound.codec == "aac" else 960,
    )
    packets = []
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += out.encode(part)
    return packets + out.encode(None)


def steady_times(count: int, rate: int | Fraction = 25, start: Fraction | int = 0) -> list[Fraction]:
    """Times (s) of `count` frames at `rate` Hz."""
    return [start + Fraction(number) / rate for number in range(count)]


def grey_frames(count: int, *, size: tuple[int, int] = (48, 64), step: int = 8) -> np.ndarray:
    """Frame k is plain grey of level 16 + step * k, so that a frame tells its number. uint8 (count, h, w, 3)."""
    levels = (16 + step * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, *size, 3)).copy()


def frame_numbers(frames: np.ndarray, *, step: int = 8) -> list[int]:
    """The numbers that `grey_frames` put into frames, uint8 (f, h, w, 3)."""
    return [round((float(frame.mean()) - 16) / step) for frame in frames]


def quadrants(*, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """A picture whose corners are red, green (right), blue (below) and white. uint8 (h, w, 3)."""
    height, width = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = 255, 0, 0
    picture[: height // 2, width // 2 :] = 0, 255, 0
    picture[height // 2 :, : width // 2] = 0, 0, 255
    picture[height // 2 :, width // 2 :] = 255, 255, 255
    return picture


def click(seconds: float, at: float, *, rate: int = 44100, channels: int = 1) -> np.ndarray:
    """Silence with one short burst centred at `at` seconds, float32 (channels, s)."""
    time = np.arange(round(seconds * rate)) / rate - at
    burst = 0.8 * np.exp(-((time / 0.002) ** 2)) * np.cos(2 * np.pi * 1500 * time)
    return np.tile(burst.astype(np.float32), (channels, 1))


def click_time(waveform: np.ndarray, rate: int) -> float:
    """Where the energy of a waveform (s,) is centred, in seconds."""
    energy = waveform.astype(np.float64) ** 2
    return float((energy * np.arange(len(energy))).sum() / energy.sum() / rate)


def tone(
    seconds: float, frequency: float, *, rate: int = 44100, amplitude: float = 0.5, channels: int = 1
) -> np.ndarray:
    """A sine, float32 (channels, s)."""
    sine = amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.tile(sine.astype(np.float32), (channels, 1))


def set_display_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Put (a, b, c, d), each -1, 0 or 1, into the header of the first track of an mp4 file."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    numbers = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    data[place : place + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)
    path.write_bytes(data)
