"""A photo is no clip, a sound with a cover is a sound, and frames by number are told how to be given."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame
from made_media import MadeSound, MadeVideo, grey_frames, make_media, quadrants, steady_times, tone

from cmmd.cli import main
from cmmd.clips.geometry import Geometry
from cmmd.clips.given import as_clip
from cmmd.clips.reading import probe, read_clip
from cmmd.clips.stream_choice import choose_streams
from cmmd.errors import InputError

PIXELS = {"png": "rgb24", "mjpeg": "yuvj420p", "bmp": "bgr24", "tiff": "rgb24", "libwebp": "yuv420p"}
CODECS = {"png": "png", "jpg": "mjpeg", "bmp": "bmp", "tif": "tiff", "webp": "libwebp"}


def _encoded(codec: str, *pictures: np.ndarray) -> list[bytes]:
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pictures[0].shape[:2]
    encoder.pix_fmt, encoder.time_base = PIXELS[codec], Fraction(1, 10)
    packets = []
    for number, picture in enumerate(pictures):
        frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=PIXELS[codec])
        frame.pts = number
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]


def _animation(path: Path, *, codec: str, pix_fmt: str, frames: int = 10) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for number, pixels in enumerate(grey_frames(frames)):
            frame = VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", CODECS)
def test_a_photo_is_no_clip(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / f"photo.{suffix}"
    (picture,) = _encoded(CODECS[suffix], quadrants())
    path.write_bytes(picture)
    assert choose_streams(path).still
    with pytest.raises(InputError, match=r"photo\.\w+: found a single picture, expected a video"):
        as_clip(path, geometry=Geometry(), needs={"video"})
    assert main(["generate", str(path)]) == 2
    assert "found a single picture" in capsys.readouterr().err


def test_a_video_of_one_frame_is_a_video(tmp_path: Path) -> None:
    path = make_media(tmp_path / "v.mp4", MadeVideo(grey_frames(1), steady_times(1)))
    assert not choose_streams(path).still
    assert as_clip(path, geometry=Geometry(), needs={"video"}).seconds == pytest.approx(1 / 25)


@pytest.mark.parametrize("suffix", ["m4a", "mp4", "mkv", "mov"])
@pytest.mark.parametrize("disposition", [None, Disposition.attached_pic])
def test_a_sound_with_a_cover_is_a_sound(tmp_path: Path, suffix: str, disposition: int | None) -> None:
    """Whether the file says that it is a cover or not."""
    cover = MadeVideo(
        grey_frames(1), steady_times(1), codec="mjpeg", pix_fmt="yuvj420p", options={}, disposition=disposition
    )
    name = {"m4a": "mp4", "mkv": "matroska"}.get(suffix, suffix)
    path = make_media(tmp_path / f"song.{suffix}", cover, MadeSound(tone(1, 440)), format_name=name)
    info, clip = probe(path), read_clip(path)
    assert (info.has_video, info.has_audio) == (False, True)
    assert clip.frames is None
    assert clip.seconds == pytest.approx(1, abs=0.05)


def test_an_attachment_of_matroska_is_a_cover(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mka"), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        container.add_attachment("cover.jpg", "image/jpeg", _encoded("mjpeg", quadrants())[0])
        frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 1000, np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read_clip(tmp_path / "song.mka").frames is None


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), [("a.gif", "gif", "rgb8"), ("a.apng", "apng", "rgb24")])
def test_animations_are_clips(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = _animation(tmp_path / name, codec=codec, pix_fmt=pix_fmt)
    clip = read_clip(path)
    assert clip.frames is not None
    assert clip.seconds == pytest.approx(1)
    assert len({frame.tobytes() for frame in clip.frames}) == 10
    assert not choose_streams(path).still
    assert choose_streams(_animation(tmp_path / f"one_{name}", codec=codec, pix_fmt=pix_fmt, frames=1)).still


def test_an_animated_webp_is_told(tmp_path: Path) -> None:
    path = _animation(tmp_path / "a.webp", codec="libwebp_anim", pix_fmt="yuv420p")
    with pytest.raises(
        InputError, match="found an animated WebP, which FFmpeg cannot decode, expected the same as GIF"
    ):
        read_clip(path)


def test_frames_by_number_are_told_how_to_be_given(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, data in enumerate(_encoded("png", *[quadrants()] * 3)):
        (folder / f"img{number:03d}.png").write_bytes(data)
    told = f"ffmpeg -framerate 25 -i {folder}/img%03d.png -crf 12 -pix_fmt yuv420p clip.mp4"
    for given, found in ((folder, "a folder of 3 pictures"), (folder / "img%03d.png", "a pattern for the names")):
        with pytest.raises(InputError) as error:
            read_clip(given)
        assert main(["generate", str(given)]) == 2
        for line in (str(error.value), capsys.readouterr().err):
            assert found in line
            assert told in line
