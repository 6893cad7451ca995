"""The writer: an untouched video stream, sound in its place, the same bytes every time, nothing half-written."""

import hashlib
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_media import (
    MadeSound,
    MadeVideo,
    click,
    click_time,
    frame_numbers,
    grey_frames,
    make_media,
    quadrants,
    set_display_matrix,
    steady_times,
    tone,
)

from cmmd.clips.reading import probe, read_clip
from cmmd.clips.stream_copy import decoding_times
from cmmd.clips.writing import write_sound, write_sound_under_video, write_video
from cmmd.errors import InputError

B_FRAMES = {"preset": "veryfast", "bf": "3", "x264-params": "b-adapt=0:keyint=12", "crf": "12"}
VP9 = {
    "codec": "libvpx-vp9",
    "options": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "5"},
}
SILENCE = np.zeros(16000, np.float32)


def _video(**settings) -> MadeVideo:
    return MadeVideo(grey_frames(25), steady_times(25), **settings)


def _payload_hash(path: Path) -> str:
    """Independent of the package: sha256 of all video payloads as PyAV hands them out."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        return hashlib.sha256(b"".join(bytes(packet) for packet in packets if packet.size)).hexdigest()


class TestSoundUnderVideo:
    @pytest.mark.parametrize(
        ("source", "target"),
        [
            ("mp4", "mp4"),
            ("mp4", "mkv"),
            ("mp4", "mov"),
            ("mkv", "mp4"),
            ("mkv", "mkv"),
            ("flv", "mp4"),
            ("webm", "webm"),
        ],
    )
    def test_video_packets_are_untouched(self, tmp_path: Path, source: str, target: str) -> None:
        """Reordered frames, an old sound to be replaced, a late start: the payload is the same, byte by byte."""
        video = _video(**(VP9 if source == "webm" else {"options": B_FRAMES}))
        video.times = steady_times(25, start=Fraction(1, 10))
        old = MadeSound(tone(1, 440, rate=48000), rate=48000, codec="libopus", sample_format="flt")
        if source != "webm":
            old = MadeSound(tone(1, 440))
        path = make_media(tmp_path / f"in.{source}", video, old)
        out = tmp_path / f"out.{target}"
        new = click(1, 0.5, rate=16000)[0]
        result = write_sound_under_video(path, new, out, sample_rate=16000)
        assert result.copied, result.reason
        assert result.video_packet_hash_in == result.video_packet_hash_out == _payload_hash(path) == _payload_hash(out)
        clip, before = read_clip(out, fps=25), read_clip(path, fps=25)
        assert clip.frames is not None
        assert clip.waveform is not None
        assert before.frames is not None
        assert np.array_equal(clip.frames, before.frames)
        assert clip.seconds == pytest.approx(before.seconds, abs=0.002)
        assert click_time(clip.waveform, 16000) == pytest.approx(0.5, abs=0.002)
        with av.open(str(out)) as container:
            assert len(container.streams) == 2
            assert (container.duration or 0) / 1e6 == pytest.approx(before.seconds, abs=1 / 25)

    def test_lengths_that_look_like_start_codes_change_nothing(self, tmp_path: Path) -> None:
        """MP4 stores the length of a unit before it: 256 to 511 bytes begin like a start code with a set behind it."""
        noise = np.random.default_rng(0).integers(0, 255, (75, 48, 64, 3)).astype(np.uint8)
        options = {"qp": "48", "preset": "ultrafast", "bf": "0", "g": "1"}
        path = make_media(tmp_path / "in.mp4", MadeVideo(noise, steady_times(75), options=options))
        with av.open(str(path)) as container:
            assert sum(bytes(packet).startswith(b"\0\0\1") for packet in container.demux(video=0)) > 5
        assert write_sound_under_video(path, SILENCE, tmp_path / "out.mp4", sample_rate=16000).copied

    @pytest.mark.parametrize(("samples", "target"), [(9000, "mp4"), (30000, "mp4"), (30000, "mkv"), (0, "mp4")])
    def test_the_sound_is_as_long_as_the_video(self, tmp_path: Path, samples: int, target: str) -> None:
        path = make_media(tmp_path / "in.mp4", _video())
        out = tmp_path / f"out.{target}"
        write_sound_under_video(path, tone(2, 440, rate=16000)[0, :samples], out, sample_rate=16000)
        with av.open(str(out)) as container:
            assert (container.duration or 0) / 1e6 == pytest.approx(1, abs=1 / 25)

    def test_turn_and_pixel_shape_are_kept(self, tmp_path: Path) -> None:
        """Also a pixel shape that only the container knows."""
        picture = np.stack([quadrants(size=(64, 96))] * 10)
        path = make_media(tmp_path / "in.mp4", MadeVideo(picture, steady_times(10), pixel_aspect=Fraction(2)))
        set_display_matrix(path, (0, 1, 1, 0))
        for name in ("out.mp4", "out.mkv"):
            assert write_sound_under_video(path, SILENCE, tmp_path / name, sample_rate=16000).copied
            before, after = probe(path), probe(tmp_path / name)
            assert (after.video.width, after.video.height) == (before.video.width, before.video.height) == (64, 192)
            assert (after.video.rotation, after.video.mirrored) == (before.video.rotation, before.video.mirrored)

    @pytest.mark.parametrize("target", ["mp4", "mkv"])
    def test_avi_with_b_frames_is_encoded_again(self, tmp_path: Path, target: str) -> None:
        path = make_media(tmp_path / "in.avi", _video(options=B_FRAMES))
        out = tmp_path / f"out.{target}"
        result = write_sound_under_video(path, click(1, 0.5, rate=16000)[0], out, sample_rate=16000)
        assert not result.copied
        assert result.reason == "the source stores no presentation times"
        assert result.video_packet_hash_in != result.video_packet_hash_out
        clip = read_clip(out, fps=25)
        assert clip.frames is not None
        assert clip.waveform is not None
        assert frame_numbers(clip.frames) == list(range(25))
        assert click_time(clip.waveform, 16000) == pytest.approx(0.5, abs=0.002)

    def test_a_container_that_cannot_hold_the_codec(self, tmp_path: Path) -> None:
        """H.264 in .webm becomes VP9, upright and with square pixels."""
        frames = np.stack([quadrants(size=(64, 96))] * 10)
        path = make_media(tmp_path / "in.mp4", MadeVideo(frames, steady_times(10), pixel_aspect=Fraction(2)))
        set_display_matrix(path, (0, -1, 1, 0))
        result = write_sound_under_video(path, SILENCE, tmp_path / "out.webm", sample_rate=16000)
        assert not result.copied
        before, after = probe(path), probe(tmp_path / "out.webm")
        assert after.video.video_codec == "vp9"
        assert (after.video.width, after.video.height) == (before.video.width, before.video.height)
        assert after.video.rotation == 0
        old, new = read_clip(path).frames, read_clip(tmp_path / "out.webm").frames
        assert old is not None
        assert new is not None
        assert np.abs(old[:, 8:24, 8:24].astype(int) - new[:, 8:24, 8:24]).max() < 25

    def test_hidden_frames_stay_hidden(self, tmp_path: Path) -> None:
        """An edit list survives the copy into mp4; Matroska has none, so there the video is encoded again."""
        path = make_media(tmp_path / "in.mp4", MadeVideo(grey_frames(25), steady_times(25, start=Fraction(-10, 25))))
        for target, copied in (("mp4", True), ("mkv", False)):
            out = tmp_path / f"out.{target}"
            assert write_sound_under_video(path, SILENCE, out, sample_rate=16000).copied == copied
            frames = read_clip(out, fps=25).frames
            assert frames is not None
            assert frame_numbers(frames) == list(range(10, 25))

    @pytest.mark.parametrize("target", ["mp4", "mkv", "webm"])
    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path, target: str) -> None:
        path = make_media(tmp_path / "in.mp4", _video())
        sound = tone(1, 440, rate=16000)[0]
        for name in ("a", "b"):
            write_sound_under_video(path, sound, tmp_path / f"{name}.{target}", sample_rate=16000)
        assert (tmp_path / f"a.{target}").read_bytes() == (tmp_path / f"b.{target}").read_bytes()

    def test_refusals_leave_nothing_behind(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "in.mp4", _video())
        song = make_media(tmp_path / "song.wav", MadeSound(tone(1, 440), codec="pcm_s16le", sample_format="s16"))
        (tmp_path / "link.mp4").symlink_to(path)
        (tmp_path / "folder.mp4").mkdir()
        before, bytes_before = sorted(tmp_path.iterdir()), path.read_bytes()
        for source, out, expected in (
            (path, path, "another file"),
            (path, tmp_path / "link.mp4", "another file"),
            (path, tmp_path / "out.xyz", "one of .mp4"),
            (path, tmp_path / "no" / "out.mp4", "existing folder"),
            (path, tmp_path / "folder.mp4", "name of a file"),
            (song, tmp_path / "out.mp4", "a video to put sound under"),
            (tmp_path / "missing.mp4", tmp_path / "out.mp4", "a media file"),
        ):
            with pytest.raises(InputError, match=expected):
                write_sound_under_video(source, SILENCE, out, sample_rate=16000)
        for wrong in (SILENCE + 1.01, SILENCE[None], np.full(100, np.nan, np.float32), np.zeros(5, np.int16)):
            with pytest.raises(ValueError, match="waveform: found"):
                write_sound_under_video(path, wrong, tmp_path / "out.mp4", sample_rate=16000)
        assert sorted(tmp_path.iterdir()) == before
        assert path.read_bytes() == bytes_before

    def test_an_error_half_way_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = make_media(tmp_path / "in.mp4", _video())
        out = tmp_path / "out.mp4"
        out.write_bytes(b"old")

        def full_disk(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("cmmd.clips.encoding.SoundEncoder.finish", full_disk)
        with pytest.raises(InputError, match="No space left"):
            write_sound_under_video(path, SILENCE, out, sample_rate=16000)
        assert out.read_bytes() == b"old"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


class TestVideo:
    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
    @pytest.mark.parametrize("size", [(64, 64), (33, 47)])
    def test_frames_and_sound_come_back(self, tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
        frames = np.stack([quadrants(size=size)] * 16)
        frames[8:] = 255 - frames[8:]
        out = tmp_path / f"v.{suffix}"
        write_video(frames, out, fps=10, waveform=click(1.6, 0.8, rate=16000)[0], sample_rate=16000)
        info, clip = probe(out), read_clip(out, fps=10)
        assert clip.frames is not None
        assert clip.waveform is not None
        assert (info.video.width, info.video.height) == (size[1] + size[1] % 2, size[0] + size[0] % 2)
        assert info.seconds == pytest.approx(1.6, abs=0.002)
        assert click_time(clip.waveform, 16000) == pytest.approx(0.8, abs=0.002)
        expected = read_clip(make_lossless(tmp_path, frames), fps=10).frames
        assert expected is not None
        inner = (slice(None), slice(8, 20), slice(8, 20))
        assert clip.frames.shape == expected.shape
        assert np.abs(clip.frames[inner].astype(int) - expected[inner]).max() < 20

    def test_h264_yuv420p_with_aac(self, tmp_path: Path) -> None:
        write_video(grey_frames(10), tmp_path / "v.mp4", fps=10, waveform=SILENCE, sample_rate=16000)
        with av.open(str(tmp_path / "v.mp4")) as container:
            video, sound = container.streams.video[0], container.streams.audio[0]
            assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert (sound.codec_context.name, sound.codec_context.sample_rate) == ("aac", 16000)

    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("a.mp4", "b.mp4"):
            write_video(grey_frames(10), tmp_path / name, fps=10, waveform=SILENCE, sample_rate=16000)
        assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()

    def test_wrong_arrays(self, tmp_path: Path) -> None:
        for frames in (grey_frames(3).astype(np.float32), grey_frames(3)[0], grey_frames(0)):
            with pytest.raises(ValueError, match="frames: found"):
                write_video(frames, tmp_path / "v.mp4", fps=10)
        with pytest.raises(ValueError, match="sample_rate"):
            write_video(grey_frames(3), tmp_path / "v.mp4", fps=10, waveform=SILENCE)
        assert not list(tmp_path.iterdir())


class TestSound:
    @pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
    @pytest.mark.parametrize("rate", [8000, 16000, 44100])
    def test_sixteen_bits_come_back(self, tmp_path: Path, suffix: str, rate: int) -> None:
        waveform = np.random.default_rng(0).uniform(-1, 1, 5001).astype(np.float32)
        waveform[:2] = -1, 1
        out = tmp_path / f"s{suffix}"
        write_sound(waveform, out, sample_rate=rate)
        clip = read_clip(out, sample_rate=rate)
        assert clip.waveform is not None
        assert len(clip.waveform) == 5001
        assert np.abs(clip.waveform - waveform).max() < 1e-4
        write_sound(waveform, tmp_path / f"again{suffix}", sample_rate=rate)
        assert out.read_bytes() == (tmp_path / f"again{suffix}").read_bytes()

    def test_refusals(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"expected \.wav or \.flac"):
            write_sound(SILENCE, tmp_path / "s.mp3", sample_rate=16000)
        with pytest.raises(ValueError, match=r"peak of 1\.5"):
            write_sound(SILENCE + 1.5, tmp_path / "s.wav", sample_rate=16000)
        assert not list(tmp_path.iterdir())

    def test_a_folder_that_may_not_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", denied)  # root may write anywhere
        with pytest.raises(InputError, match="Permission denied"):
            write_sound(SILENCE, tmp_path / "s.wav", sample_rate=16000)


@given(st.lists(st.integers(-50, 1000), min_size=1, max_size=40), st.booleans())
def test_decoding_times_are_what_muxers_accept(pts: list[int], known: bool) -> None:
    """Rising, and never after the presentation time, whatever the source states."""
    times = decoding_times(pts, [time - 3 if known else None for time in pts])
    assert len(times) == len(pts)
    assert all(earlier < later for earlier, later in pairwise(times))
    assert all(decoded <= shown for decoded, shown in zip(times, pts, strict=True))


def make_lossless(folder: Path, frames: np.ndarray) -> Path:
    """The frames at 10 Hz without loss, to compare with."""
    even = np.pad(frames, ((0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)), mode="edge")
    options = {"crf": "0", "preset": "ultrafast", "bf": "0"}
    video = MadeVideo(even, steady_times(len(frames), 10), codec="libx264rgb", pix_fmt="rgb24", options=options)
    return make_media(folder / "lossless.mkv", video)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to a core")
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_encoding_does_not_depend_on_the_number_of_cores(tmp_path: Path, suffix: str) -> None:
    """x264 chooses by its number of threads, and that by the number of cores, unless it is told."""
    frames = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    cores = os.sched_getaffinity(0)
    for name, some in (("one", {min(cores)}), ("all", cores)):
        os.sched_setaffinity(0, some)
        try:
            write_video(frames, tmp_path / f"{name}.{suffix}", fps=10, waveform=SILENCE, sample_rate=16000)
        finally:
            os.sched_setaffinity(0, cores)
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"all.{suffix}").read_bytes()
