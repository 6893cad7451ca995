"""What a film holds beside its picture and sound: kept where the container takes it, else told."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame
from made_film import CHAPTERS, FONT, SUBTITLES, TITLE, chapters_of, make_film, subtitles_of
from made_media import MadeSound, MadeVideo, click, click_time, grey_frames, make_media, steady_times, tone

from cmmd.clips.reading import read_clip
from cmmd.clips.side_streams import SideStreams
from cmmd.clips.writing import Muxed, write_sound_under_video

OLD_SOUND = "left out: the old sound (flac)"
WORDS = [(start / 1000, words) for start, _, words in SUBTITLES]
PARTS = [(name, start / 1000, end / 1000) for name, start, end in CHAPTERS]
SOUND = click(1, 0.5, rate=16000)[0]


def make_clip(path: Path, *, start: Fraction | int = 0, codec: str = "libx264", cover: bool = False) -> Path:
    """A second of picture and sound (which, unlike AAC, begins where it says), and a cover if wanted."""
    options = {} if codec == "mpeg4" else {"crf": "12", "preset": "ultrafast", "bf": "0"}
    picture = MadeVideo(grey_frames(25), steady_times(25, start=start), codec=codec, options=options)
    sound = MadeSound(tone(1, 440, rate=48000), rate=48000, start=Fraction(start), codec="flac", sample_format="s16")
    art = MadeVideo(grey_frames(1), [Fraction(0)], codec="mjpeg", pix_fmt="yuvj420p", options={}, disposition=1024)
    return make_media(path, picture, sound, *([art] if cover else []))


@pytest.fixture
def commentary(tmp_path: Path) -> Path:
    sound = MadeSound(tone(1, 880, rate=48000), rate=48000, codec="flac", sample_format="s16")
    return make_media(tmp_path / "commentary.mka", sound)


def put(source: Path, out: Path, **options: bool) -> Muxed:
    return write_sound_under_video(source, SOUND, out, sample_rate=16000, **options)


def kinds_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


def metadata_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return dict(container.metadata)


def test_a_film_keeps_all_that_is_not_replaced(tmp_path: Path, commentary: Path) -> None:
    clip, out = make_clip(tmp_path / "clip.mkv"), tmp_path / "out.mkv"
    film = make_film(tmp_path / "film.mkv", clip, font=True, sounds=[commentary], extra={"MOOD": "glad"})
    result = put(film, out)
    assert result.copied
    assert result.notes == (OLD_SOUND,)
    assert result.video_packet_hash_in == result.video_packet_hash_out
    assert chapters_of(out) == PARTS
    assert subtitles_of(out) == WORDS
    assert metadata_of(out).items() >= {("title", TITLE), ("MOOD", "glad")}
    with av.open(str(out)) as container:
        assert container.streams.subtitles[0].language == "fin"
        (font,) = container.streams.attachments
        assert (font.data, font.metadata["filename"]) == (FONT, "font.ttf")
        assert [bool(stream.disposition & Disposition.default) for stream in container.streams.audio] == [True, False]
        with av.open(str(commentary)) as before:
            packets = [bytes(packet) for packet in before.demux(audio=0) if packet.size]
        assert [bytes(packet) for packet in container.demux(container.streams.audio[1]) if packet.size] == packets
    made = read_clip(out).waveform
    assert made is not None
    assert click_time(made, 16000) == pytest.approx(0.5, abs=0.002)


def test_times_are_counted_from_the_first_picture(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", make_clip(tmp_path / "clip.mkv", start=Fraction(1, 4)))
    put(film, tmp_path / "out.mkv")
    assert chapters_of(tmp_path / "out.mkv") == [("one", 0, 0.15), ("two", 0.15, 0.75)]
    # What had begun before begins with the picture.
    assert subtitles_of(tmp_path / "out.mkv") == [(0, "first"), (0.25, "second")]


def test_what_mp4_does_not_take_is_told(tmp_path: Path, commentary: Path) -> None:
    clip, out = make_clip(tmp_path / "clip.mkv"), tmp_path / "out.mp4"
    film = make_film(tmp_path / "film.mkv", clip, font=True, sounds=[commentary], extra={"MOOD": "glad"})
    result = put(film, out)
    assert result.copied
    assert result.notes == (f"{OLD_SOUND}, subtitles (subrip), attachment (font.ttf), metadata (MOOD)",)
    assert chapters_of(out) == PARTS
    assert metadata_of(out)["title"] == TITLE
    assert kinds_of(out) == ["video", "audio", "audio", "data"]  # the data are the chapters


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_subtitles_and_chapters_of_mp4_are_there_once(tmp_path: Path, suffix: str) -> None:
    clip, out = (
        make_media(tmp_path / "clip.mp4", MadeVideo(grey_frames(25), steady_times(25))),
        tmp_path / f"o.{suffix}",
    )
    result = put(make_film(tmp_path / f"film.{suffix}", clip, subtitles="mov_text"), out)
    assert result.notes == ()
    assert kinds_of(out) == ["video", "audio", "subtitle", "data"]
    assert (chapters_of(out), subtitles_of(out)) == (PARTS, WORDS)


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_the_time_code_of_a_camera_is_kept(tmp_path: Path, suffix: str) -> None:
    """QuickTime has a track for it, which the container writes anew from the words beside the picture."""
    clip, film, out = make_clip(tmp_path / "clip.mp4"), tmp_path / "film.mov", tmp_path / f"out.{suffix}"
    with av.open(str(clip)) as source, av.open(str(film), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.metadata["timecode"], stream.codec_context.framerate = "10:20:30:05", Fraction(25)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    assert kinds_of(film) == ["video", "data"]
    assert put(film, out).notes == ()
    assert kinds_of(out) == ["video", "audio", "data"]
    with av.open(str(out)) as container:
        assert container.streams.video[0].metadata["timecode"] in ("10:20:30:05", "10:20:30:5")


def test_the_rest_goes_along_when_the_video_is_encoded_again(tmp_path: Path) -> None:
    film, out = make_film(tmp_path / "film.mkv", make_clip(tmp_path / "clip.mkv", codec="mpeg4")), tmp_path / "out.mkv"
    result = put(film, out, for_browsers=True)
    assert (result.codec, result.notes) == ("H.264", (OLD_SOUND,))
    assert (chapters_of(out), subtitles_of(out), metadata_of(out)["title"]) == (PARTS, WORDS, TITLE)


@pytest.mark.parametrize(("suffix", "told"), [("mp4", False), ("mkv", False), ("mov", True)])
def test_a_cover_picture_stays_one(tmp_path: Path, suffix: str, told: bool) -> None:
    clip, out = make_clip(tmp_path / "clip.mp4", cover=True), tmp_path / f"out.{suffix}"
    assert put(clip, out).notes == (OLD_SOUND + (", a cover picture (mjpeg)" if told else ""),)
    with av.open(str(clip)) as before, av.open(str(out)) as after:
        covers = [stream for stream in after.streams.video if stream.disposition & Disposition.attached_pic]
        assert len(covers) == (0 if told else 1)
        for cover in covers:
            picture, original = (
                next(bytes(packet) for packet in container.demux(stream) if packet.size)
                for container, stream in ((after, cover), (before, before.streams[2]))
            )
            assert picture == original
    assert read_clip(out).seconds == pytest.approx(1, abs=0.002)


def test_a_further_picture_is_told(tmp_path: Path) -> None:
    frames = grey_frames(25)
    clip = make_media(
        tmp_path / "clip.mkv", MadeVideo(frames, steady_times(25)), MadeVideo(frames[:, ::2, ::2], steady_times(25))
    )
    assert put(clip, tmp_path / "out.mkv").notes == ("left out: a further picture (h264)",)


def test_streams_that_break_the_file_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture and its new sound are written all the same."""
    film, out = make_film(tmp_path / "film.mkv", make_clip(tmp_path / "clip.mkv")), tmp_path / "out.mkv"

    def broken(self: SideStreams, seconds: object) -> None:
        if self._targets:
            raise ValueError("the container refuses a packet")

    monkeypatch.setattr(SideStreams, "write_until", broken)
    result = put(film, out)
    assert result.copied
    assert result.notes == (f"{OLD_SOUND}, subtitles (subrip), 2 chapters, metadata (title)",)


def test_metadata_that_break_the_file_are_left_out(tmp_path: Path) -> None:
    """Here a time code that is none, which the container would write as a track."""
    film = make_film(tmp_path / "film.mkv", make_clip(tmp_path / "clip.mkv"), extra={"timecode": "noon"})
    result = put(film, tmp_path / "out.mp4")
    assert result.copied
    assert "timecode" in result.notes[0].lower()
    assert read_clip(tmp_path / "out.mp4").seconds == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize(("suffix", "kept"), [("webm", True), ("mkv", True), ("mp4", False)])
def test_transparency_is_kept_or_told(tmp_path: Path, suffix: str, kept: bool) -> None:
    """VP9 has it in a second stream beside each packet."""
    clip, out = tmp_path / "clip.webm", tmp_path / f"out.{suffix}"
    pixels = np.full((64, 64, 4), 200, np.uint8)
    pixels[:, 32:, 3] = 0
    with av.open(str(clip), "w") as container:
        options = {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}
        stream = container.add_stream("libvpx-vp9", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuva420p"
        for number in range(5):
            frame = VideoFrame.from_ndarray(pixels, format="rgba").reformat(format="yuva420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    result = put(clip, out)
    assert result.copied
    assert result.notes == (() if kept else ("left out: transparency",))
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(out)) as container:
        packet = next(packet for packet in container.demux(video=0) if packet.size)
        (frame,) = decoder.decode(packet)
    assert frame.format.name == ("yuva420p" if kept else "yuv420p")
    if kept:
        alpha = frame.to_ndarray(format="rgba")[32, ::8, 3]
        assert np.abs(alpha.astype(int) - pixels[32, ::8, 3]).max() < 20


def test_a_further_sound_follows_a_clock_that_starts_again(tmp_path: Path) -> None:
    """Two recordings in one TS file."""
    sounds = [MadeSound(tone(1, frequency)) for frequency in (440, 880)]
    part = make_media(tmp_path / "part.ts", MadeVideo(grey_frames(25), steady_times(25)), *sounds)
    (tmp_path / "joined.ts").write_bytes(2 * part.read_bytes())
    result = put(tmp_path / "joined.ts", tmp_path / "out.mp4")
    assert result.copied
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [float((packet.pts or 0) * packet.time_base) for packet in container.demux(audio=1) if packet.size]
    assert max(np.diff(times)) < 0.1
    assert times[-1] == pytest.approx(2, abs=0.1)
