"""Video that is encoded again: the same colours, said in the file; ordinary range; black behind what is clear."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from made_media import MadeVideo, grey_frames, make_media, quadrants, steady_times

from cmmd.clips.reading import probe
from cmmd.clips.writing import Muxed, write_sound_under_video, write_video

SILENCE = np.zeros(16000, np.float32)
LOSSLESS = {"codec": "libx264rgb", "pix_fmt": "rgb24", "options": {"crf": "0", "preset": "ultrafast", "bf": "0"}}
BT709 = (1, 1, 1, 1)  # transfer, primaries, matrix, limited range: code points of ITU-T H.273
# A middle and a light tone of each, so that no value is clipped.
COLOURS = np.clip(quadrants(size=(64, 64)), 40, 200)
PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited"
MASTERING = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"


def put(source: Path, out: Path, **options: bool) -> Muxed:
    return write_sound_under_video(source, SILENCE, out, sample_rate=16000, **options)


def tags_of(path: Path) -> tuple[int, int, int, int]:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return context.color_trc, context.color_primaries, context.colorspace, context.color_range


def rgb_709(path: Path) -> np.ndarray:
    """The first frame, by the textbook: limited range and the matrix of BT.709. float (h/2, w/2, 3)."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    planes = frame.to_ndarray().astype(float)
    height = frame.height
    y = (planes[:height:2, ::2] - 16) / 219
    u, v = (
        (plane.reshape(height // 2, -1) - 128) / 224
        for plane in (planes[height : height * 5 // 4], planes[height * 5 // 4 :])
    )
    return 255 * np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], axis=-1)


def quarters(pixels: np.ndarray) -> np.ndarray:
    """The means of the four corners, away from their borders. (4, 3)"""
    size = len(pixels)
    near, far = slice(size // 8, size * 3 // 8), slice(size * 5 // 8, size * 7 // 8)
    return np.array([pixels[rows, columns].mean(axis=(0, 1)) for rows in (near, far) for columns in (near, far)])


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_colours_are_those_of_the_source_and_the_file_says_how(tmp_path: Path, suffix: str) -> None:
    path = make_media(tmp_path / "in.mkv", MadeVideo(np.stack([COLOURS] * 5), steady_times(5), **LOSSLESS))
    result = put(path, tmp_path / f"out.{suffix}", for_browsers=True)
    assert not result.copied
    assert result.notes == ()
    assert tags_of(tmp_path / f"out.{suffix}") == BT709
    assert np.abs(quarters(rgb_709(tmp_path / f"out.{suffix}")) - quarters(COLOURS)).max() < 5


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_colours_of_a_made_video(tmp_path: Path, suffix: str) -> None:
    write_video(np.stack([COLOURS] * 5), tmp_path / f"out.{suffix}", fps=10)
    assert tags_of(tmp_path / f"out.{suffix}") == BT709
    assert np.abs(quarters(rgb_709(tmp_path / f"out.{suffix}")) - quarters(COLOURS)).max() < 5


def test_wider_colours_of_ordinary_range_keep_their_names(tmp_path: Path) -> None:
    """Only the matrix changes: red, green and blue mean what they meant."""
    options = {"preset": "ultrafast", "x264-params": "colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc"}
    path = make_media(tmp_path / "in.mp4", MadeVideo(grey_frames(5), steady_times(5), options=options))
    assert tags_of(path)[:3] == (14, 9, 9)
    put(path, tmp_path / "out.webm")
    assert tags_of(tmp_path / "out.webm") == (14, 9, 1, 1)


def make_hdr(path: Path, code: float) -> Path:
    """Grey of a PQ code value from 0 to 1, as HDR10."""
    options = {"preset": "ultrafast", "x265-params": f"log-level=none:crf=8:{PQ}:{MASTERING}:hdr10=1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = 16, 9, 9, 1
        planes = np.full((96, 64), 512, np.uint16)
        planes[:64] = round(64 + 876 * code)
        for number in range(5):
            frame = VideoFrame.from_ndarray(planes, format="yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_high_dynamic_range_is_copied_as_it_is(tmp_path: Path) -> None:
    path = make_hdr(tmp_path / "in.mp4", 0.58)
    for suffix in ("mp4", "mov", "mkv"):
        result = put(path, tmp_path / f"out.{suffix}")
        assert result.copied
        assert result.notes == ()
        assert tags_of(tmp_path / f"out.{suffix}") == tags_of(path) == (16, 9, 9, 1)
        with av.open(str(tmp_path / f"out.{suffix}")) as container:
            frame = next(container.decode(video=0))
            for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
                assert isinstance(frame.side_data.get(kind), SideData)


@pytest.mark.parametrize(("code", "shown"), [(0.508, 190), (0.5807, 245), (0.9, 255)])
def test_high_dynamic_range_is_tone_mapped_when_it_is_encoded_again(tmp_path: Path, code: float, shown: int) -> None:
    """100 cd/m2, the white of a page (203 cd/m2) and a highlight: values of test_tone_mapping."""
    result = put(make_hdr(tmp_path / "in.mp4", code), tmp_path / "out.webm")
    assert result.notes == ("high dynamic range (PQ) became an ordinary one (BT.709)",)
    assert tags_of(tmp_path / "out.webm") == BT709
    assert np.abs(rgb_709(tmp_path / "out.webm") - shown).max() < 4


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_what_is_transparent_becomes_black(tmp_path: Path, alpha: int) -> None:
    """An animated picture, as APNG and GIF are; told only where something is."""
    pixels = np.full((64, 64, 4), 255, np.uint8)
    pixels[..., :3] = COLOURS
    pixels[:32, :, 3] = alpha
    path, out = tmp_path / "in.apng", tmp_path / "out.mp4"
    with av.open(str(path), "w", format="apng") as container:
        stream = container.add_stream("apng", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgba"
        for _ in range(5):
            container.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="rgba")))
        container.mux(stream.encode(None))
    result = put(path, out, for_browsers=True)
    assert result.notes == (() if alpha == 255 else ("what was transparent became black",))
    expected = quarters(COLOURS) * np.array([alpha / 255, alpha / 255, 1, 1])[:, None]
    assert np.abs(quarters(rgb_709(out)) - expected).max() < 6


@pytest.mark.parametrize(
    ("suffix", "settings", "told"),
    [
        ("avi", {"codec": "mpeg4", "options": {}}, "browsers do not play mpeg4"),
        ("avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "options": {}}, "browsers do not play mjpeg"),
        ("mpg", {"codec": "mpeg2video", "options": {}}, "browsers do not play mpeg2video"),
        ("mkv", {"codec": "ffv1", "options": {}}, "browsers do not play ffv1"),
        ("mkv", {"pix_fmt": "yuv444p"}, "browsers do not play h264 of yuv444p"),
        ("mkv", {}, None),
        ("ts", {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}, None),
        ("webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}, None),
    ],
)
def test_what_browsers_do_not_play_is_encoded_again_where_the_user_named_no_container(
    tmp_path: Path, suffix: str, settings: dict, told: str | None
) -> None:
    path = make_media(tmp_path / f"in.{suffix}", MadeVideo(grey_frames(5), steady_times(5), **settings))
    result = put(path, tmp_path / "out.mp4", for_browsers=True)
    assert (result.reason, result.copied, result.codec) == (told, told is None, None if told is None else "H.264")
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0].codec_context
        assert told is None or (video.name, video.pix_fmt) == ("h264", "yuv420p")
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]


def test_a_container_that_was_named_gets_what_it_takes(tmp_path: Path) -> None:
    path = make_media(
        tmp_path / "in.avi", MadeVideo(grey_frames(5), steady_times(5), codec="mpeg4", options={"bf": "0"})
    )
    result = put(path, tmp_path / "out.mp4")
    assert result.copied
    assert result.reason is None


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize(("step", "last"), [(5, 5), (1, 5)])
def test_the_last_picture_is_shown_as_long_as_the_source_says(
    tmp_path: Path, suffix: str, step: int, last: int
) -> None:
    """In tenths of a second. Encoders state the length of a steady rate; animated pictures often hold their end."""
    times = [Fraction(number * step, 10) for number in range(4)]
    video = MadeVideo(grey_frames(4), times, codec="mpeg4", rate=Fraction(10), options={"bf": "0"})
    path = tmp_path / "in.mp4"
    with av.open(str(make_media(tmp_path / "a.mp4", video))) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        packets[-1].duration = round(Fraction(last, 10) / packets[-1].time_base)
        for packet in packets:
            packet.stream = stream
            container.mux(packet)
    result = put(path, tmp_path / f"out.{suffix}", for_browsers=True)
    assert not result.copied
    before, after = (probe(file).seconds for file in (path, tmp_path / f"out.{suffix}"))
    assert before == pytest.approx((3 * step + last) / 10, abs=0.002)
    assert after == pytest.approx(before, abs=0.002)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_raw_streams_become_as_long_as_their_sound(tmp_path: Path, codec: str) -> None:
    options = {"preset": "ultrafast"} | ({"x265-params": "log-level=none"} if codec == "libx265" else {})
    path = make_media(
        tmp_path / ("in.h264" if codec == "libx264" else "in.hevc"),
        MadeVideo(grey_frames(25), steady_times(25), codec=codec, options=options),
    )
    result = put(path, tmp_path / "out.mp4", for_browsers=True)
    assert result.reason == "the source stores no presentation times"
    with av.open(str(tmp_path / "out.mp4")) as container:
        lengths = {stream.type: float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams}
    assert lengths == {"video": pytest.approx(1, abs=0.002), "audio": pytest.approx(1, abs=0.03)}
