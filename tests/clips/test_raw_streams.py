"""Streams without a container, and old containers: the right length in reading, and the whole sound in writing."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from made_media import MadeSound, MadeVideo, click, click_time, frame_numbers, grey_frames, make_media, steady_times

from cmmd.clips.reading import probe, read_clip
from cmmd.clips.writing import write_sound_under_video

PLAIN = {"options": {"q": "2"}}
X264 = {"crf": "12", "preset": "ultrafast", "bf": "2"}
X265 = {"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none"}
RAW = {
    "v.h264": {"options": X264},
    "v.hevc": {"codec": "libx265", "options": X265},
    "v.m2v": {"codec": "mpeg2video", **PLAIN},
    "v.mjpeg": {"codec": "mjpeg", "pix_fmt": "yuvj420p", **PLAIN},
}
WITH_SOUND = {
    "v.mpg": ({"codec": "mpeg2video", **PLAIN}, "mp2"),
    "v.wmv": ({"codec": "wmv2", **PLAIN}, "mp2"),
    "v.flv": ({"options": X264}, "aac"),
    "v.3gp": ({"options": X264}, "aac"),
    "v.avi": ({"options": X264}, "mp2"),
}


def _raw(path: Path) -> Path:
    """25 grey frames at 25 Hz."""
    if path.suffix != ".y4m":
        return make_media(path, MadeVideo(grey_frames(25), steady_times(25), **RAW[path.name]))
    frames = [VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv444p") for pixels in grey_frames(25)]
    data = b"".join(b"FRAME\n" + frame.to_ndarray().tobytes() for frame in frames)
    path.write_bytes(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C444\n" + data)
    return path


@pytest.mark.parametrize("name", [*RAW, "v.y4m"])
def test_raw_streams_have_their_length_and_the_whole_sound(tmp_path: Path, name: str) -> None:
    path = _raw(tmp_path / name)
    clip = read_clip(path, fps=25)
    assert clip.frames is not None
    assert clip.seconds == probe(path).seconds == 1
    assert frame_numbers(clip.frames) == list(range(25))
    out = tmp_path / "out.mp4"
    write_sound_under_video(path, click(1, 0.9, rate=16_000)[0], out, sample_rate=16_000)
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    after = read_clip(out, fps=25)
    assert after.frames is not None
    assert after.waveform is not None
    assert after.seconds == probe(out).seconds == pytest.approx(1, abs=0.001)
    assert frame_numbers(after.frames) == list(range(25))
    assert click_time(after.waveform, 16_000) == pytest.approx(0.9, abs=0.002)


def test_a_raw_stream_that_states_its_rate(tmp_path: Path) -> None:
    """In the parameter sets: 25 Hz is only a guess where there is nothing."""
    options = X264 | {"x264-params": "fps=50:force-cfr=1"}
    video = MadeVideo(grey_frames(24), steady_times(24, 50), rate=Fraction(50), options=options)
    path = make_media(tmp_path / "v.h264", video)
    assert probe(path).seconds == pytest.approx(24 / 50, abs=0.001)


@pytest.mark.parametrize("name", WITH_SOUND)
def test_old_containers_have_their_length(tmp_path: Path, name: str) -> None:
    settings, codec = WITH_SOUND[name]
    planar = "s16" if codec == "mp2" else "fltp"
    sound = MadeSound(click(1, 0.5), codec=codec, sample_format=planar)
    video = MadeVideo(grey_frames(25), steady_times(25), **settings)
    clip = read_clip(make_media(tmp_path / name, video, sound), fps=25)
    assert clip.frames is not None
    assert clip.waveform is not None
    assert clip.seconds == pytest.approx(1, abs=0.002)
    assert np.abs((clip.frames.mean(axis=(1, 2, 3)) - 16) / 8 - np.arange(25)).max() < 0.8
    assert click_time(clip.waveform, 16_000) == pytest.approx(0.5, abs=0.03)
    assert not any("gap" in note for note in clip.notes)
