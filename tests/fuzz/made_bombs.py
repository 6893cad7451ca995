"""Small media files that ask for much: sizes, lengths, rates, streams and times that they only claim, or that compress
well."""

import struct
import wave
import zlib
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from made_media import MadeSound, MadeVideo, grey_frames, make_media, steady_times, tone


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _zeros(rows: int, row: int) -> bytes:
    """Compressed."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(row)) for _ in range(rows)), packer.flush()])


def png(width: int, height: int, *, full: bool, frames: int = 1) -> bytes:
    """Of one colour; with hardly any data unless `full`. Several frames are an APNG."""
    data = _zeros(height, 1 + (width + 7) // 8) if full else zlib.compress(bytes(1000))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", header]
    parts += [_chunk(b"acTL", struct.pack(">II", frames, 0))] if frames > 1 else []
    number = 0
    for frame in range(frames):
        if frames > 1:
            control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0)
            parts.append(_chunk(b"fcTL", control))
            number += 1
        parts.append(_chunk(b"IDAT", data) if not frame else _chunk(b"fdAT", struct.pack(">I", number) + data))
        number += bool(frame)
    return b"".join([*parts, _chunk(b"IEND", b"")])


def gif(width: int, height: int, *, frames: int, delay: int = 10) -> bytes:
    """A canvas of any size on which single pixels are drawn."""
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, 0x80, 0, 0), bytes((0, 0, 0, 255, 255, 255))]
    for _ in range(frames):
        parts.append(b"\x21\xf9\x04\x04" + struct.pack("<H", delay) + b"\x00\x00")
        parts.append(b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00")
    return b"".join([*parts, b"\x3b"])


def wav(rate: int, *, channels: int = 1, claimed: int | None = None) -> bytes:
    """A tenth of a megabyte of silence; the header claims another length."""
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(100_000 // (2 * channels) * 2 * channels))
    data = buffer.getvalue()
    return data if claimed is None else data[:40] + struct.pack("<I", claimed) + data[44:]


def jpeg(width: int, height: int) -> bytes:
    """A true one, whose header says another size."""
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width = encoder.height = 16  # pyright: ignore[reportAttributeAccessIssue]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 1)  # pyright: ignore[reportAttributeAccessIssue]
    data = bytearray(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))  # pyright: ignore
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _made(folder: Path, name: str, *streams: MadeVideo | MadeSound) -> bytes:
    return make_media(folder / f"made-{name}", *streams).read_bytes()


def slideshow(folder: Path) -> bytes:
    return _made(folder, "slow.mp4", MadeVideo(grey_frames(12), [Fraction(500 * number) for number in range(12)]))


def gap(folder: Path) -> bytes:
    """Two pictures of a tenth of a second each, eleven days apart."""
    return _made(folder, "gap.mkv", MadeVideo(grey_frames(2), [Fraction(0), Fraction(1_000_000)]))


def many_streams(folder: Path) -> bytes:
    sounds = [
        MadeSound(tone(0.1, 440, rate=8000), rate=8000, codec="pcm_s16le", sample_format="s16") for _ in range(300)
    ]
    return _made(folder, "many.mkv", *sounds)


def silence(folder: Path) -> bytes:
    """Half an hour in FLAC."""
    path = folder / "made-silence.flac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=48_000, layout="mono", format="s16")
        for number in range(30):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 60 * 48_000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
            frame.pts = number * 60 * 48_000
            for part in av.AudioResampler(format="s16", layout="mono", rate=48_000, frame_size=4096).resample(frame):
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path.read_bytes()


def patched(folder: Path, name: str, box: bytes, offset: int, number: int) -> bytes:
    """A short clip with a 32-bit number in a box of its header made another."""
    streams = MadeVideo(grey_frames(8), steady_times(8)), MadeSound(tone(0.4, 440))
    data = bytearray(_made(folder, name, *streams))
    place = data.index(box) + 4 + offset
    data[place : place + 4] = struct.pack(">I", number)
    return bytes(data)


def constant_sizes(folder: Path) -> bytes:
    """Says that it has 200 million samples of one byte each."""
    streams = MadeVideo(grey_frames(8), steady_times(8)), MadeSound(tone(0.4, 440))
    data = bytearray(_made(folder, "constant.mp4", *streams))
    for box, numbers in ((b"stsz", (1, 200_000_000)), (b"stsc", (1, 1, 200_000_000)), (b"stts", (1, 200_000_000))):
        place = data.index(box) + 8
        data[place : place + 4 * len(numbers)] = struct.pack(f">{len(numbers)}I", *numbers)
    return bytes(data)


def comment(folder: Path) -> bytes:
    """Ten megabytes of one tag."""
    path = folder / "made-comment.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = "x" * 10_000_000
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 99, np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path.read_bytes()


BOMBS: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "pictures 500 s apart": ("slow.mp4", slideshow),
    "a gap of eleven days": ("gap.mkv", gap),
    "PNG of 30,000 x 30,000": ("full.png", lambda folder: png(30_000, 30_000, full=True)),
    "PNG of 5,600 x 5,600": ("large.png", lambda folder: png(5600, 5600, full=True)),
    "PNG header of 60,000 x 60,000": ("claimed.png", lambda folder: png(60_000, 60_000, full=False)),
    "APNG of 8 pictures, 5,600 x 5,600": ("large.apng", lambda folder: png(5600, 5600, full=True, frames=8)),
    "JPEG header of 65,500 x 65,500": ("claimed.jpg", lambda folder: jpeg(65_500, 65_500)),
    "JPEG header of 5,700 x 5,700": ("claimed2.jpg", lambda folder: jpeg(5700, 5700)),
    "GIF of 16,384 x 16,384, 100 pictures": ("large.gif", lambda folder: gif(16_384, 16_384, frames=100)),
    "GIF of 5,600 x 5,600, 300 pictures": ("canvas.gif", lambda folder: gif(5600, 5600, frames=300)),
    "GIF, 200 pictures of 655 s": ("slow.gif", lambda folder: gif(16, 16, frames=200, delay=65_535)),
    "WAV of 1 Hz": ("slow.wav", lambda folder: wav(1)),
    "WAV of 2 GHz": ("fast.wav", lambda folder: wav(2**30)),
    "WAV that claims 4 GB": ("claimed.wav", lambda folder: wav(8000, claimed=2**32 - 1)),
    "WAV of 1,000 channels": ("channels.wav", lambda folder: wav(8000, channels=1000)),
    "FLAC of half an hour of silence": ("silence.flac", silence),
    "300 streams": ("many.mkv", many_streams),
    "MP4 that claims 200 million samples": ("constant.mp4", constant_sizes),
    "MP4 that claims 4 billion samples": ("stsz.mp4", lambda folder: patched(folder, "a.mp4", b"stsz", 8, 2**32 - 1)),
    "MP4 that claims 4 billion times": ("stts.mp4", lambda folder: patched(folder, "b.mp4", b"stts", 8, 2**32 - 1)),
    "MP4 with times of 2 billion ticks": ("ticks.mp4", lambda folder: patched(folder, "c.mp4", b"stts", 12, 2**31 - 1)),
    "MP4 that is 65,535 wide": ("wide.mp4", lambda folder: patched(folder, "d.mp4", b"avc1", 24, 0xFFFFFFFF)),
    "a tag of ten megabytes": ("comment.mkv", comment),
}
