"""Memory and time follow what a file holds, and not what it says: small files that ask for much are one line."""

import struct
import wave
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_media import MadeVideo, grey_frames, make_media

from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound_under_video
from cmmd.errors import InputError


def slideshow(path: Path, *, pictures: int, seconds: int) -> Path:
    times = [Fraction(number * seconds) for number in range(pictures)]
    return make_media(path, MadeVideo(grey_frames(pictures), times))


def test_pictures_that_are_held_for_hours_are_refused(tmp_path):
    path = slideshow(tmp_path / "slow.mp4", pictures=12, seconds=500)
    assert path.stat().st_size < 65_536
    with pytest.raises(InputError, match="found more than 30 minutes in which no new picture comes"):
        read_clip(path)
    # A stretch of it is as good as any.
    clip = read_clip(path, start=400, seconds=2)
    assert clip.frames is not None and len(clip.frames) == 20


def test_a_slow_clip_and_a_still_of_eleven_minutes_are_read(tmp_path):
    slow = read_clip(slideshow(tmp_path / "slow.mp4", pictures=30, seconds=9), fps=1)
    assert slow.frames is not None and len(slow.frames) >= 262
    still = read_clip(slideshow(tmp_path / "still.mp4", pictures=2, seconds=660), fps=1)
    assert still.frames is not None
    assert still.seconds == len(still.frames) == 1320  # the last picture stays as long as the one before


@pytest.mark.parametrize(("suffix", "pictures"), [("mp4", 1), ("mkv", 1), ("mp4", 2)])
def test_sound_under_a_still_of_eleven_minutes_is_as_long(tmp_path, suffix, pictures):
    """As reader and as writer see it, also where the picture is one packet with a duration."""
    path, out = tmp_path / f"still.{suffix}", tmp_path / "out.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, pixels in enumerate(grey_frames(pictures)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number * 660 * 25, Fraction(1, 25)
            for packet in [*stream.encode(frame), *(stream.encode(None) if number == pictures - 1 else [])]:
                packet.duration = round((660 if pictures == 1 else 1) / packet.time_base)
                container.mux(packet)
    clip = read_clip(path, fps=1)
    assert clip.seconds >= 660
    assert clip.notes == ()
    made = np.zeros(round(clip.seconds * 8_000), np.float32)
    made[-8_000:] = np.sin(np.arange(8_000) / 3) / 2
    result = write_sound_under_video(path, made, out, sample_rate=8_000)
    assert result.copied, result.reason
    after = read_clip(out, fps=1, sample_rate=8_000)
    assert after.seconds == pytest.approx(clip.seconds, abs=0.05)
    assert after.waveform is not None
    assert np.abs(after.waveform[-8_000:-1_000]).max() > 0.4


def test_pauses_of_hours_are_refused(tmp_path):
    """Five tenths of a second of sound, 500 s apart."""
    path = tmp_path / "pauses.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8_000, layout="mono")
        for index in range(5):
            frame = av.AudioFrame.from_ndarray(np.full((1, 800), 1000, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = 8_000, Fraction(1, 8_000), index * 500 * 8_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="found more than 30 minutes in which no new sound comes"):
        read_clip(path)


def png(width: int, height: int) -> bytes:
    """A picture of one colour as its header says it, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_a_picture_of_impossible_size_is_refused(tmp_path):
    (tmp_path / "huge.png").write_bytes(png(60_000, 60_000))
    with pytest.raises(InputError, match="found no frame that could be decoded"):
        read_clip(tmp_path / "huge.png")


@pytest.mark.parametrize("rate", [1, 20, 999, 2_000_000])
def test_a_sound_of_impossible_rate_is_refused(tmp_path, rate):
    with wave.open(str(tmp_path / "slow.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(60_000))
    with pytest.raises(InputError, match="found no frame that could be decoded"):
        read_clip(tmp_path / "slow.wav")
