"""The sound that a video had, kept as a second track on request; what becomes of it without."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from made_media import MadeSound, MadeVideo, click, click_time, grey_frames, make_media, steady_times

from cmmd.clips.sound_tracks import OLD_SOUND
from cmmd.clips.writing import write_sound_under_video

NEW = click(1.2, 0.9, rate=16_000)[0]


def make_clip(path: Path, sound: str = "flac", start: Fraction = Fraction(0), **picture) -> Path:
    """Clicks at 0.3 s (left) and 0.6 s (right) of the sound's own time."""
    sides = np.concatenate([click(1.2, at, rate=48_000) for at in (0.3, 0.6)])
    formats = {"flac": "s16", "aac": "fltp", "pcm_s16le": "s16", "libopus": "flt", "wmav2": "fltp"}
    track = MadeSound(sides, rate=48_000, layout="stereo", codec=sound, sample_format=formats[sound])
    return make_media(
        path, MadeVideo(grey_frames(12), steady_times(12, 10, start=start), rate=Fraction(10), **picture), track
    )


def tracks(path: Path) -> list[tuple[str, int, bool, str]]:
    """Codec, channels, whether it is played by default, and title of every sound."""
    with av.open(str(path)) as container:
        return [
            (
                stream.codec_context.name,
                stream.codec_context.channels,
                bool(stream.disposition & Disposition.default),
                stream.metadata.get("title", stream.metadata.get("name", "")),
            )
            for stream in container.streams.audio
        ]


def packets(path: Path, track: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[track]) if packet.size]


def heard(path: Path, track: int) -> list[float]:
    """When the click of each channel of a track is heard, s."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        packer = av.AudioResampler(format="fltp", layout=stream.codec_context.layout)
        frames = [part for frame in container.decode(stream) for part in packer.resample(frame)]
        rate, first = stream.codec_context.sample_rate, float((frames[0].pts or 0) * (frames[0].time_base or 0))
    wave = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    return [click_time(side, rate) + first for side in wave]


def put(source: Path, out: Path, **options) -> tuple[str, ...]:
    return write_sound_under_video(source, NEW, out, sample_rate=16_000, **options).notes


def test_without_a_request_it_is_left_out_and_told(tmp_path):
    source = make_clip(tmp_path / "a.mkv")
    assert put(source, tmp_path / "out.mkv") == ("left out: the old sound (flac)",)
    assert len(tracks(tmp_path / "out.mkv")) == 1


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mkv", "flac"), ("mp4", "aac"), ("mov", "pcm_s16le"), ("webm", "libopus")]
)
def test_it_is_a_second_track_whose_packets_are_untouched(tmp_path, suffix, codec):
    picture = {"codec": "libvpx-vp9", "options": {}} if suffix == "webm" else {}
    source = make_clip(tmp_path / f"a.{suffix}", codec, **picture)
    out = tmp_path / f"out.{suffix}"
    assert put(source, out, keep_sound=True) == ()
    found = tracks(out)
    assert [default for _, _, default, _ in found] == [True, False]
    assert [channels for _, channels, _, _ in found] == [1, 2]
    assert found[1][3] == OLD_SOUND
    assert packets(out, 1) == packets(source, 0)[-len(packets(out, 1)) :]
    assert len(packets(out, 1)) >= len(packets(source, 0)) - (suffix == "webm")  # its first one is before zero
    assert heard(out, 0) == pytest.approx([0.9], abs=0.005)
    assert heard(out, 1) == pytest.approx([0.3, 0.6], abs=0.005)


@pytest.mark.parametrize(
    ("source", "sound", "codec", "out"),
    [("a.mkv", "flac", "libvpx-vp9", "out.webm"), ("a.avi", "pcm_s16le", "mpeg4", "out.mp4")],
)
def test_where_the_container_does_not_take_it_it_is_encoded(tmp_path, source, sound, codec, out):
    """Whether it says so (WebM), or fails at the end of the file (PCM in MP4)."""
    given = make_clip(tmp_path / source, sound, codec=codec, options={})
    notes = put(given, tmp_path / out, keep_sound=True)
    assert not any("old sound" in note for note in notes)
    found = tracks(tmp_path / out)
    assert [channels for _, channels, _, _ in found] == [1, 2] and found[1][2:] == (False, OLD_SOUND)
    assert heard(tmp_path / out, 1) == pytest.approx([0.3, 0.6], abs=0.005)


def test_it_stays_in_time_with_a_picture_that_begins_later(tmp_path):
    source = make_clip(tmp_path / "a.mkv", start=Fraction(1, 5))
    put(source, tmp_path / "out.mkv", keep_sound=True)
    assert heard(tmp_path / "out.mkv", 1) == pytest.approx(
        [0.1, 0.4], abs=0.03
    )  # whole packets before zero are dropped


def test_it_goes_along_when_the_picture_is_encoded_again(tmp_path):
    source = make_clip(tmp_path / "a.avi", "pcm_s16le", codec="mpeg4", options={})
    put(source, tmp_path / "out.mp4", keep_sound=True, for_browsers=True)
    assert [channels for _, channels, _, _ in tracks(tmp_path / "out.mp4")] == [1, 2]
    assert heard(tmp_path / "out.mp4", 1) == pytest.approx([0.3, 0.6], abs=0.03)


def test_a_silent_video_gets_one_track(tmp_path):
    source = make_media(tmp_path / "a.mkv", MadeVideo(grey_frames(12), steady_times(12, 10), rate=Fraction(10)))
    assert put(source, tmp_path / "out.mkv", keep_sound=True) == ()
    assert len(tracks(tmp_path / "out.mkv")) == 1


def test_a_stereo_sound_is_written_in_both_channels(tmp_path):
    sides = np.concatenate([click(1.2, at, rate=48_000) for at in (0.4, 0.8)])
    source = make_clip(tmp_path / "a.mkv")
    for name in ("out.mp4", "out.mkv", "out.mov"):
        write_sound_under_video(source, sides, tmp_path / name, sample_rate=48_000)
        assert heard(tmp_path / name, 0) == pytest.approx([0.4, 0.8], abs=0.005), name


def test_three_channels_are_a_mistake(tmp_path):
    source, three = make_clip(tmp_path / "a.mkv"), np.zeros((3, 100), np.float32)
    with pytest.raises(ValueError, match=r"expected float \(s,\) or \(2, s\)"):
        write_sound_under_video(source, three, tmp_path / "b.mkv", sample_rate=48_000)
