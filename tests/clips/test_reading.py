"""The reader against files with known content: every pitfall of real media files, made small."""

import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame
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

from cmmd.clips.picture_fit import Orientation, upright_rgb
from cmmd.clips.reading import probe, read_clip
from cmmd.clips.stream_choice import choose_streams
from cmmd.doctor.picture_trace import watch
from cmmd.errors import InputError

RGB = {"codec": "libx264rgb", "pix_fmt": "rgb24", "options": {"crf": "0", "preset": "ultrafast", "bf": "0"}}
B_FRAMES = {"preset": "veryfast", "bf": "3", "x264-params": "b-adapt=0:keyint=12", "crf": "12"}


def _plain(count: int = 25, **settings) -> MadeVideo:
    return MadeVideo(grey_frames(count), steady_times(count), **settings)


class TestFrames:
    def test_the_last_frame_shown_at_each_time_is_taken(self, tmp_path: Path) -> None:
        """Variable frame rate, also exactly on and just beside the sampling times of 10 Hz."""
        times = [Fraction(n, 1000) for n in (0, 20, 90, 100, 101, 299, 301, 390, 399, 410)]
        clip = read_clip(make_media(tmp_path / "v.mp4", MadeVideo(grey_frames(10), times)), fps=10)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == [0, 3, 4, 5, 8]
        assert clip.waveform is None

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "flv", "ts"])
    def test_reordered_frames(self, tmp_path: Path, suffix: str) -> None:
        clip = read_clip(make_media(tmp_path / f"v.{suffix}", _plain(options=B_FRAMES)), fps=25)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == list(range(25))

    @pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
    def test_avi_with_b_frames_goes_by_the_order_of_decoding(self, tmp_path: Path, codec: str) -> None:
        """AVI has no presentation times; those that FFmpeg makes up are out of order."""
        options = B_FRAMES if codec == "libx264" else {"bf": "2", "q": "2"}
        video = _plain(codec=codec, options=options)
        clip = read_clip(
            make_media(tmp_path / "v.avi", video, MadeSound(click(1, 0.5), codec="mp2", sample_format="s16")), fps=25
        )
        assert clip.frames is not None
        assert clip.waveform is not None
        shown = (clip.frames.mean(axis=(1, 2, 3)) - 16) / 8
        assert np.abs(shown - np.arange(25)).max() < 0.8  # MPEG-4 blurs a step of the ramp, but keeps the order
        assert np.diff(shown).min() > -0.1
        assert clip.seconds == 1.0

    def test_a_stated_rate_of_1000_changes_nothing(self, tmp_path: Path) -> None:
        video = MadeVideo(grey_frames(25), steady_times(25), rate=Fraction(1000))
        path = make_media(tmp_path / "v.mkv", video)
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == list(range(25))
        assert clip.seconds == pytest.approx(1, abs=0.002)
        assert probe(path).video.frame_rate == pytest.approx(25, abs=0.1)

    def test_a_wrong_duration_in_the_header_changes_nothing(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "v.mp4", _plain())
        data = bytearray(path.read_bytes())
        for box, offset in ((b"mvhd", 16), (b"mdhd", 16)):
            place = data.index(box) + 4 + offset
            data[place : place + 4] = (231 * 90000).to_bytes(4, "big")
        path.write_bytes(data)
        assert read_clip(path).seconds == pytest.approx(1)
        assert probe(path).seconds == pytest.approx(1)

    def test_hidden_frames_of_an_edit_list_stay_hidden(self, tmp_path: Path) -> None:
        """Frames before time zero are needed for decoding only."""
        path = make_media(tmp_path / "v.mp4", MadeVideo(grey_frames(25), steady_times(25, start=Fraction(-10, 25))))
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == list(range(10, 25))

    @pytest.mark.parametrize("suffix", ["mp4", "mkv"])
    @pytest.mark.parametrize("start", [0.36, 5.0, 7.92])
    def test_a_part_is_what_the_whole_has_there(self, tmp_path: Path, suffix: str, start: float) -> None:
        video = MadeVideo(grey_frames(200, step=1), steady_times(200), options=B_FRAMES)
        path = make_media(tmp_path / f"v.{suffix}", video, MadeSound(tone(8, 440)))
        whole, part = read_clip(path, fps=25), read_clip(path, fps=25, start=start, seconds=0.4)
        assert whole.frames is not None
        assert part.frames is not None
        assert whole.waveform is not None
        assert part.waveform is not None
        first = round(start * 25)
        assert np.array_equal(part.frames, whole.frames[first : first + 10])
        begin, length = round(start * 16000), len(part.waveform)
        shifts = range(-8, 9) if suffix == "mkv" else [0]  # Matroska rounds the first block's time to 1 ms
        slices = [whole.waveform[begin + shift :][:length] for shift in shifts if begin + shift + length <= 128000]
        assert min(np.abs(part.waveform - same).max() for same in slices) < 0.06  # half a sample of 440 Hz
        assert part.seconds == pytest.approx(min(0.4, 8 - start), abs=1e-6)

    def test_frames_are_as_many_as_the_span_needs(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "v.mp4", _plain(), MadeSound(tone(1, 440)))
        clip = read_clip(path, fps=10, seconds=0.8)
        assert clip.frames is not None
        assert clip.waveform is not None
        assert len(clip.frames) == 8
        assert len(clip.waveform) == 12800


class TestPictures:
    @pytest.mark.parametrize(
        "settings",
        [
            {"pix_fmt": "yuv444p"},
            {"pix_fmt": "yuv420p10le"},
            {"pix_fmt": "yuv422p"},
            {"pix_fmt": "yuvj420p"},
            RGB,
        ],
        ids=lambda settings: settings["pix_fmt"],
    )
    def test_colours_and_range_survive(self, tmp_path: Path, settings: dict) -> None:
        """White is white whether the file is full range or not, and so are the other corners."""
        picture = quadrants(size=(128, 128))
        path = make_media(tmp_path / "v.mkv", MadeVideo(np.stack([picture] * 3), steady_times(3), **settings))
        frames = read_clip(path).frames
        assert frames is not None
        for row, column in ((8, 8), (8, 56), (56, 8), (56, 56)):
            assert np.abs(frames[0, row, column].astype(int) - picture[2 * row, 2 * column]).max() <= 8

    @pytest.mark.parametrize("size", [(1, 1), (121, 161), (3, 200), (720, 64)])
    def test_any_size_fits_the_square(self, tmp_path: Path, size: tuple[int, int]) -> None:
        frames = np.full((3, *size, 3), 200, np.uint8)
        path = make_media(tmp_path / "v.mkv", MadeVideo(frames, steady_times(3), pix_fmt="yuv444p"))
        clip = read_clip(path, image_size=32)
        assert clip.frames is not None
        assert clip.frames.shape == (2, 32, 32, 3)
        assert np.abs(clip.frames.astype(int) - 200).max() <= 3
        boxed = read_clip(path, image_size=32, fit="letterbox").frames
        assert boxed is not None
        assert boxed.shape == (2, 32, 32, 3)

    @pytest.mark.parametrize(
        "matrix",
        [
            (1, 0, 0, 1),
            (0, 1, -1, 0),
            (-1, 0, 0, -1),
            (0, -1, 1, 0),
            (-1, 0, 0, 1),
            (1, 0, 0, -1),
            (0, 1, 1, 0),
            (0, -1, -1, 0),
        ],
    )
    def test_all_eight_orientations(self, tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
        """Every corner goes where the matrix sends it, seen from the centre: (x, y) to (a x + c y, b x + d y)."""
        picture = quadrants(size=(64, 96))
        path = make_media(tmp_path / "v.mp4", MadeVideo(np.stack([picture] * 3), steady_times(3), pix_fmt="yuv444p"))
        set_display_matrix(path, matrix)
        frames = read_clip(path).frames
        assert frames is not None
        a, b, c, d = matrix
        for x, y in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            row, column = 32 + 24 * (b * x + d * y), 32 + 24 * (a * x + c * y)
            assert np.abs(frames[0, row, column].astype(int) - picture[32 + 24 * y, 48 + 24 * x]).max() <= 8
        info = probe(path)
        assert (info.video.width, info.video.height) == ((64, 96) if a == 0 else (96, 64))
        assert info.video.mirrored == (a * d - b * c < 0)
        if not info.video.mirrored:
            turned = np.rot90(quadrants(), (info.video.rotation or 0) // 90)
            assert np.abs(frames[0, 8, 8].astype(int) - turned[8, 8]).max() <= 8

    def test_non_square_pixels(self, tmp_path: Path) -> None:
        """64 x 64 pixels twice as wide as high are a picture of 2:1."""
        white = np.full((3, 64, 64, 3), 255, np.uint8)
        white[:, :, 12:16] = 0  # a bar in the outer quarter, which the crop leaves out
        path = make_media(tmp_path / "v.mp4", MadeVideo(white, steady_times(3), pixel_aspect=Fraction(2)))
        cropped, boxed = read_clip(path).frames, read_clip(path, fit="letterbox").frames
        assert cropped is not None
        assert boxed is not None
        assert cropped[0].min() > 230
        rows = np.flatnonzero(boxed[0, :, 40, 0] > 128)
        assert (rows[0], rows[-1]) == (16, 47)
        assert (probe(path).video.width, probe(path).video.height) == (128, 64)

    def test_shrinking_averages(self, tmp_path: Path) -> None:
        """A fine checkerboard becomes grey, not a pattern."""
        board = np.indices((256, 256)).sum(axis=0) % 2 * 255
        frames = np.broadcast_to(board[None, :, :, None], (2, 256, 256, 3)).astype(np.uint8)
        path = make_media(tmp_path / "v.mkv", MadeVideo(frames, steady_times(2), **RGB))
        small = read_clip(path, image_size=60).frames
        assert small is not None
        assert np.abs(small.astype(int) - 127.5).max() < 14


class TestStreams:
    def test_the_largest_video_and_the_default_sound(self, tmp_path: Path) -> None:
        small = MadeVideo(np.full((10, 32, 32, 3), 40, np.uint8), steady_times(10))
        large = MadeVideo(np.full((10, 96, 96, 3), 200, np.uint8), steady_times(10))
        aside = MadeSound(tone(0.4, 3000), disposition=0)
        meant = MadeSound(tone(0.4, 500), disposition=int(Disposition.default))
        clip = read_clip(make_media(tmp_path / "v.mkv", small, aside, large, meant))
        assert clip.frames is not None
        assert clip.waveform is not None
        assert clip.frames.mean() > 180
        assert np.abs(np.fft.rfft(clip.waveform)).argmax() * 16000 / len(clip.waveform) == pytest.approx(500, abs=5)

    def test_of_two_default_sounds_the_one_with_more_channels(self, tmp_path: Path) -> None:
        default = int(Disposition.default)
        one = MadeSound(tone(0.4, 3000), disposition=default)
        two = MadeSound(tone(0.4, 500, channels=2), layout="stereo", disposition=default)
        path = make_media(tmp_path / "v.mkv", one, two)
        assert probe(path).audio.channels == 2

    def test_cover_art_is_not_the_video(self, tmp_path: Path) -> None:
        cover = MadeVideo(
            np.full((1, 480, 640, 3), 255, np.uint8),
            [Fraction(0)],
            codec="mjpeg",
            pix_fmt="yuvj420p",
            options={},
            disposition=int(Disposition.attached_pic),
        )
        path = make_media(tmp_path / "v.mp4", cover, _plain())
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == list(range(25))
        song = make_media(tmp_path / "song.m4a", cover, MadeSound(tone(0.5, 440)), format_name="mp4")
        assert not probe(song).has_video

    def test_a_stream_without_codec_is_skipped(self, tmp_path: Path) -> None:
        """An unknown codec has no codec context."""
        large = MadeVideo(np.full((10, 96, 96, 3), 200, np.uint8), steady_times(10))
        path = make_media(tmp_path / "v.mp4", large, _plain())
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9", 2))
        assert b"avc1" in path.read_bytes()
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        assert frame_numbers(clip.frames) == list(range(25))
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9"))
        with pytest.raises(InputError, match="expected a file with video or sound"):
            read_clip(path)

    def test_what_is_not_wanted_is_not_read(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "v.mp4", _plain(), MadeSound(tone(1.5, 440)))
        assert read_clip(path, want="video").waveform is None
        sound = read_clip(path, want="audio")
        assert sound.frames is None
        assert sound.seconds == pytest.approx(1.5, abs=0.03)


def _plain_picture(colour: tuple[int, int, int], *, kr: float, kb: float, full: bool) -> VideoFrame:
    """4:2:0 of one colour by the equations of BT.601, BT.709 and BT.2020, which differ in kr and kb only."""
    red, green, blue = (value / 255 for value in colour)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    frame = VideoFrame(32, 32, "yuv420p")
    differences = ((blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr))
    levels = [255 * luma if full else 16 + 219 * luma, *(128 + (255 if full else 224) * value for value in differences)]
    for plane, level in zip(frame.planes, levels, strict=True):
        plane.update(bytes([min(255, round(level))]) * plane.buffer_size)
    frame.color_range = 2 if full else 1
    return frame


@pytest.mark.parametrize(
    ("tag", "kr", "kb"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (6, 0.299, 0.114), (9, 0.2627, 0.0593)]
)
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_those_of_the_stated_matrix(tag: int, kr: float, kb: float, full: bool) -> None:
    """BT.709 read as BT.601 would be off by up to 23 levels."""
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 40), (255, 255, 255), (0, 0, 0)):
        frame = _plain_picture(colour, kr=kr, kb=kb, full=full)
        frame.colorspace = tag
        assert np.abs(upright_rgb(frame, Orientation())[16, 16].astype(int) - colour).max() <= 3


@pytest.mark.parametrize(("transfer", "name", "code"), [("smpte2084", "PQ", 148), ("arib-std-b67", "HLG", 191)])
def test_high_dynamic_range_is_shown_as_ordinary(tmp_path: Path, transfer: str, name: str, code: int) -> None:
    """A grey of 203 cd/m2, 58 % in PQ and 75 % in HLG, is nearly white: 245. Without a tag it is what it says."""
    grey = np.full((3, 48, 64, 3), code, np.uint8)
    tags = {"x264-params": f"transfer={transfer}:colorprim=bt2020:colormatrix=bt2020nc"}
    options = {"crf": "4", "preset": "ultrafast", "bf": "0"}
    video = MadeVideo(grey, steady_times(3), pix_fmt="yuv420p10le", options=options | tags)
    path = make_media(tmp_path / "hdr.mp4", video)
    clip = read_clip(path)
    assert clip.frames is not None
    assert np.abs(clip.frames.astype(int) - 245).max() <= 3
    assert clip.notes == (f"HDR ({name}) is shown as SDR",)
    seen = watch(path, choose_streams(path)).cells
    assert np.abs(seen.astype(int) - 245).max() <= 3
    plain = read_clip(make_media(tmp_path / "sdr.mp4", MadeVideo(grey, steady_times(3), options=options)))
    assert plain.frames is not None
    assert np.abs(plain.frames.astype(int) - code).max() <= 2
    assert plain.notes == ()


class TestSound:
    CASES = (("mp4", "aac"), ("mov", "pcm_s16le"), ("mkv", "aac"), ("mkv", "flac"), ("webm", "libopus"), ("ts", "aac"))

    @pytest.mark.parametrize(("suffix", "codec"), CASES)
    @pytest.mark.parametrize(
        ("video_start", "sound_start"), [(0, 0), (0, "0.2"), (0, "1.3"), ("0.083", 0), ("0.4", 0), (0, "0.083")]
    )
    def test_a_click_keeps_its_place(
        self, tmp_path: Path, suffix: str, codec: str, video_start: str, sound_start: str
    ) -> None:
        """Late sound, late video and the encoder's priming leave a click within 2 ms of where it belongs."""
        rate = 48000 if codec == "libopus" else 44100
        formats = {"aac": "fltp", "libopus": "flt"}
        sound = MadeSound(
            click(2, 0.7, rate=rate),
            rate=rate,
            start=Fraction(sound_start),
            codec=codec,
            sample_format=formats.get(codec, "s16"),
        )
        video = MadeVideo(grey_frames(60, step=3), steady_times(60, start=Fraction(video_start)))
        if suffix == "webm":
            video.codec, video.options = "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}
        clip = read_clip(make_media(tmp_path / f"v.{suffix}", video, sound))
        assert clip.waveform is not None
        expected = 0.7 + float(Fraction(sound_start) - Fraction(video_start))
        assert click_time(clip.waveform, 16000) == pytest.approx(expected, abs=0.002)
        if Fraction(sound_start) > Fraction(1, 100):
            assert any("after the video" in note for note in clip.notes)

    def test_a_hole_in_the_sound_stays_a_hole(self, tmp_path: Path) -> None:
        """The second click is where its timestamp says, not moved up by what is missing."""
        first = MadeSound(click(0.5, 0.25), codec="pcm_s16le", sample_format="s16")
        path = make_media(tmp_path / "v.mkv", _plain(50), first)
        silence_then_click = MadeSound(click(0.5, 0.25), start=Fraction(1), codec="pcm_s16le", sample_format="s16")
        with av.open(str(path)) as source, av.open(str(tmp_path / "holed.mkv"), "w") as out:
            late = make_media(tmp_path / "late.mkv", silence_then_click)
            with av.open(str(late)) as more:
                video = out.add_stream_from_template(source.streams.video[0], opaque=True)
                sound = out.add_stream_from_template(source.streams.audio[0], opaque=True)
                packets = [(p, video if p.stream.type == "video" else sound) for p in source.demux() if p.size]
                packets += [(p, sound) for p in more.demux() if p.size]
                for packet, stream in sorted(packets, key=lambda item: (item[0].dts or 0) * item[0].time_base):
                    packet.stream = stream
                    out.mux(packet)
        clip = read_clip(tmp_path / "holed.mkv")
        assert clip.waveform is not None
        assert click_time(clip.waveform[:10000], 16000) == pytest.approx(0.25, abs=0.002)
        assert click_time(clip.waveform[16000:], 16000) == pytest.approx(0.25, abs=0.002)
        assert any("gaps" in note for note in clip.notes)

    def test_stereo_becomes_the_mean(self, tmp_path: Path) -> None:
        """Equal channels keep their level (no 3 dB more), and those that have nothing in common lose half of it."""
        both = tone(0.5, 440, amplitude=0.9, channels=2)
        settings: dict[str, Any] = {"layout": "stereo", "codec": "pcm_s16le", "sample_format": "s16"}
        equal = read_clip(make_media(tmp_path / "e.wav", MadeSound(both, **settings))).waveform
        one = read_clip(make_media(tmp_path / "o.wav", MadeSound(both * [[1], [0]], **settings))).waveform
        assert equal is not None
        assert one is not None
        assert np.abs(equal[800:-800]).max() == pytest.approx(0.9, abs=0.01)
        assert np.abs(one[800:-800]).max() == pytest.approx(0.45, abs=0.01)

    @pytest.mark.parametrize("codec", ["aac", "libopus", "pcm_s32le"])
    def test_eight_channels_do_not_end_the_process(self, tmp_path: Path, codec: str) -> None:
        """In a process of its own: PyAV reads past the plane table of planar frames with eight channels."""
        sample_format = {"aac": "fltp", "libopus": "flt"}.get(codec, "s32")
        sound = MadeSound(
            tone(0.5, 440, rate=48000, channels=8), rate=48000, codec=codec, layout="7.1", sample_format=sample_format
        )
        path = make_media(tmp_path / "v.mkv", sound)
        program = (
            "import sys; from cmmd.clips.reading import read_clip; print((read_clip(sys.argv[1]).waveform ** 2).mean())"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) == pytest.approx(0.125 * (7 / 8) ** 2, rel=0.35)  # codecs low-pass the LFE channel

    def test_many_channels_without_a_layout(self, tmp_path: Path) -> None:
        with wave.open(str(tmp_path / "v.wav"), "wb") as file:
            file.setnchannels(16)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(np.full((8000, 16), 8192, "<i2").tobytes())
        waveform = read_clip(tmp_path / "v.wav").waveform
        assert waveform is not None
        assert waveform[2000:6000] == pytest.approx(0.25, abs=1e-3)

    def test_resampling_does_not_alias(self, tmp_path: Path) -> None:
        high = MadeSound(tone(1, 9500, amplitude=0.9), codec="pcm_s16le", sample_format="s16")
        waveform = read_clip(make_media(tmp_path / "h.wav", high)).waveform
        assert waveform is not None
        assert np.abs(waveform[1600:-1600]).max() < 1e-3

    @pytest.mark.parametrize(("seconds", "noted"), [(0.99, None), (1.02, None), (0.6, "fills"), (1.3, "is cut")])
    def test_tracks_of_different_length(self, tmp_path: Path, seconds: float, noted: str | None) -> None:
        """The sound is made as long as the picture; only more than a little is worth a word."""
        sound = MadeSound(tone(seconds, 440), codec="pcm_s16le", sample_format="s16")
        clip = read_clip(make_media(tmp_path / "v.mov", _plain(), sound))
        assert clip.waveform is not None
        assert len(clip.waveform) == 16000
        assert len(clip.notes) == (noted is not None)
        assert all((noted or "") in note for note in clip.notes)


class TestBrokenFiles:
    def test_damage_in_the_middle_keeps_the_rest_in_place(self, tmp_path: Path) -> None:
        options = {"crf": "12", "preset": "ultrafast", "bf": "0", "g": "5"}
        noise = np.random.default_rng(0).integers(0, 255, (50, 48, 64, 3)).astype(np.uint8)
        noise[:, 24:] = grey_frames(50, step=4)[:, 24:]
        path = make_media(tmp_path / "v.mp4", MadeVideo(noise, steady_times(50), options=options))
        whole = read_clip(path, fps=25)
        data = bytearray(path.read_bytes())
        data[len(data) * 4 // 10 : len(data) * 5 // 10] = bytes(len(data) * 5 // 10 - len(data) * 4 // 10)
        path.write_bytes(data)
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        assert whole.frames is not None
        assert clip.seconds == whole.seconds
        assert any("damaged" in note for note in clip.notes)
        assert np.abs(clip.frames[-5:].astype(int) - whole.frames[-5:]).mean() < 1

    def test_a_cut_file_is_read_as_far_as_it_goes(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "v.mkv", _plain(), MadeSound(tone(1, 440)))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        clip = read_clip(path, fps=25)
        assert clip.frames is not None
        numbers = frame_numbers(clip.frames)
        assert 0 < len(numbers) < 25
        assert numbers == list(range(len(numbers)))

    @pytest.mark.parametrize(
        "name", ["text.mp4", "text.txt", "empty.mp4", "random.mp4", "folder", "missing.mp4", "a.srt"]
    )
    def test_what_is_no_media_file(self, tmp_path: Path, name: str) -> None:
        content = {
            "text.mp4": b"hello world\n" * 50,
            "text.txt": b"hello world\n" * 50,
            "empty.mp4": b"",
            "random.mp4": np.random.default_rng(0).bytes(100_000),
            "a.srt": b"1\n00:00:01,000 --> 00:00:02,000\nhi\n\n" * 5,
        }
        path = tmp_path / name
        if name == "folder":
            path.mkdir()
        elif name in content:
            path.write_bytes(content[name])
        for read in (read_clip, probe):
            with pytest.raises(InputError, match=r"found .*, expected ") as caught:
                read(path)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)

    def test_an_mp4_without_its_table(self, tmp_path: Path) -> None:
        path = make_media(tmp_path / "v.mp4", _plain())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError):
            read_clip(path)

    def test_a_name_with_a_colon_is_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        make_media(tmp_path / "v.mp4", _plain()).rename(tmp_path / "http:v.mp4")
        assert read_clip("http:v.mp4").seconds == pytest.approx(1)

    def test_missing_kinds_and_bad_settings(self, tmp_path: Path) -> None:
        silent = make_media(tmp_path / "v.mp4", _plain())
        spoken = make_media(tmp_path / "a.wav", MadeSound(tone(1, 440), codec="pcm_s16le", sample_format="s16"))
        with pytest.raises(InputError, match="no audio"):
            read_clip(silent, want="audio")
        with pytest.raises(InputError, match="no video"):
            read_clip(spoken, want="video")
        for path in (silent, spoken):
            with pytest.raises(InputError, match="expected more than the start"):
                read_clip(path, start=3)
        wrong: list[dict[str, Any]] = [{"fps": 0}, {"seconds": -1}, {"start": float("nan")}, {"image_size": 0}]
        for settings in [*wrong, {"sample_rate": 0}]:
            with pytest.raises(InputError):
                read_clip(silent, **settings)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Beside the result itself, 60 s take at most 20 % more than 6 s, in processes of their own."""
    program = (
        "import sys; from cmmd.clips.reading import read_clip; clip = read_clip(sys.argv[1]);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0],"  # ru_maxrss is inherited
        "(clip.frames.nbytes + clip.waveform.nbytes) // 1024)"
    )
    peaks = []
    for seconds in (6, 60):
        frames = np.broadcast_to(quadrants(size=(240, 320)), (25 * seconds, 240, 320, 3))
        video = MadeVideo(frames, steady_times(25 * seconds))
        path = make_media(tmp_path / f"{seconds}.mp4", video, MadeSound(tone(seconds, 440)))
        done = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=300, check=True
        )
        peak, result = map(int, done.stdout.split())
        peaks.append(peak - result)
    assert peaks[1] <= 1.2 * peaks[0], peaks
