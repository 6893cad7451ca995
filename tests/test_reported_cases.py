"""Situations that users reported, with their own files, by the command (CMMD_TEST_DATA/cases: cmd.sh, expect.txt).

Each kind is tested again on made media beside the code that it is about; this is the commands as a user types them.
"""

import hashlib
import io
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from cmmd.cli import main
from cmmd.clips.reading import read_clip

pytestmark = pytest.mark.slow
TESTED = {
    "01-two-suffixes-one-name", "03-out-is-the-source-sound", "05-video-asked-into-wav", "06-bad-suffix-told-late",
    "07-ts-timestamps-start-again", "10-animated-gif", "12-one-photo", "14-hdr-pq", "16-hevc-into-mp4",
    "20-ascii-terminal", "23-stereo-out-of-phase", "24-subtitles-chapters-title", "26-raw-streams",
    "28-evaluate-own-results", "29-evaluate-opus-aac-flv", "30-evaluate-one-pair", "32-resume-a-finished-run",
    "34-readonly-folder-told-late", "38-shortest", "41-prepare-24-fps-44100", "43-out-folder-with-a-dot",
    "45-iphone-hvc1-mp4", "46-raw-h264-sound", "48-picture-over-the-source",
}  # fmt: skip
REPORT = ("--workers", "1", "--out", "report")


class Case:
    """A copy of a case's files as the working folder, and the command run in it."""

    def __init__(self, cases: Path, folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
        self.folder = folder
        self._cases, self._capsys, self._monkeypatch = cases, capsys, monkeypatch

    def open(self, name: str) -> "Case":
        shutil.copytree(self._cases / name, self.folder)
        self._monkeypatch.chdir(self.folder)
        return self

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error; a traceback fails the test by itself."""
        self._capsys.readouterr()
        code = main(list(words))
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def generate(self, *words: str) -> tuple[int, str, str]:
        return self.run("generate", *words, "--steps", "2")

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def case(data_folder, tmp_path, capsys, monkeypatch) -> Case:
    if not (data_folder / "cases").is_dir():
        pytest.skip("no reported cases in CMMD_TEST_DATA")
    return Case(data_folder / "cases", tmp_path / "case", capsys, monkeypatch)


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def loud_until(path: str, rate: int = 16_000) -> float:
    """Seconds at which the last audible sample of a file is."""
    waveform = read_clip(path).waveform
    assert waveform is not None
    audible = np.nonzero(np.abs(waveform) > 1e-4)[0]
    return float(audible[-1]) / rate if len(audible) else 0.0


def video_tag(path: str) -> tuple[str, str]:
    with av.open(path) as container:
        context = container.streams.video[0].codec_context
        return context.name, context.codec_tag


def one_line(error: str) -> bool:
    return len(error.strip().splitlines()) == 1 and error.startswith("cmmd: ")


def test_every_case_that_is_there_is_tested(data_folder):
    folder = data_folder / "cases"
    if not folder.is_dir():
        pytest.skip("no reported cases in CMMD_TEST_DATA")
    assert {path.name for path in folder.iterdir() if path.is_dir()} <= TESTED


def test_two_suffixes_of_one_name_get_two_results(case):
    case.open("01-two-suffixes-one-name")
    code, out, _ = case.generate("clip.mp4", "clip.avi")
    assert code == 0 and len(out.split("packets copied")) + len(out.split("encoded again")) == 4
    assert len({name for name in case.names() if "_cmmd" in name}) == 2


@pytest.mark.parametrize(
    ("name", "words", "kept"),
    [
        ("03-out-is-the-source-sound", ("drums.wav", "--out", "drums.wav"), "drums.wav"),
        ("48-picture-over-the-source", ("ball.png", "--out", "ball.mp4", "--picture"), "ball.png"),
    ],
)
def test_an_input_is_never_written_over(case, name, words, kept):
    case.open(name)
    before, names = digest(kept), case.names()
    code, _, error = case.generate(*words)
    assert code == 2 and one_line(error)
    assert digest(kept) == before and case.names() == names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("05-video-asked-into-wav", ("drums.wav", "--out", "made.wav")),
        ("06-bad-suffix-told-late", ("long.mp4", "--out", "x.gif")),
    ],
)
def test_a_suffix_that_cannot_be_is_told_before_the_model_is_loaded(case, name, words, monkeypatch):
    case.open(name)
    monkeypatch.setattr(
        "cmmd.generation.named_files.load_pipeline", lambda *_, **__: pytest.fail("the model was loaded")
    )
    names = case.names()
    code, _, error = case.generate(*words)
    assert code == 2 and one_line(error) and "suffix" in error
    assert case.names() == names


def test_joined_transport_streams_are_one_clip(case):
    case.open("07-ts-timestamps-start-again")
    assert case.generate("joined.ts")[0] == 0
    (result,) = (name for name in case.names() if "_cmmd" in name)
    read, written = read_clip("joined.ts"), read_clip(result)
    assert read.frames is not None and written.frames is not None
    assert written.seconds == pytest.approx(4.64, abs=0.05) and read.seconds == pytest.approx(4.64, abs=0.05)
    assert len({frame.tobytes() for frame in written.frames[25:]}) > 10  # the second part moves
    assert loud_until(result) > 4


def test_an_animation_gets_sound_in_a_file_that_browsers_play(case):
    case.open("10-animated-gif")
    assert case.generate("ball.gif")[0] == 0
    clip = read_clip("ball_cmmd.mp4")
    assert clip.seconds == pytest.approx(2.4, abs=0.1) and clip.waveform is not None
    with av.open("ball_cmmd.mp4") as container:
        video = container.streams.video[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")


@pytest.mark.parametrize("photo", ["photo.jpg", "photo.png"])
def test_a_photo_is_no_clip(case, photo):
    case.open("12-one-photo")
    names = case.names()
    code, _, error = case.generate(photo)
    assert code == 2 and one_line(error) and "picture" in error
    assert case.names() == names


def test_high_dynamic_range_is_kept_or_converted_and_said(case):
    case.open("14-hdr-pq")
    assert "HDR" in "".join(case.run("doctor", "hdr.mp4")[1:])
    code, out, error = case.generate("hdr.mp4")
    assert code == 0 and "HDR" in out + error
    code, out, error = case.generate("hdr.mp4", "--out", "hdr.webm")
    assert code == 0 and "HDR" in out + error
    transfers = {}
    for name in ("hdr.mp4", "hdr_cmmd.mp4", "hdr.webm"):
        with av.open(name) as container:
            transfers[name] = int(next(container.decode(video=0)).color_trc)
    assert transfers["hdr.mp4"] == transfers["hdr_cmmd.mp4"] == 16  # SMPTE 2084, as FFmpeg numbers it
    assert transfers["hdr.webm"] != 16
    seen, converted = read_clip("hdr.mp4").frames, read_clip("hdr.webm").frames
    assert seen is not None and converted is not None
    assert np.abs(seen.astype(int) - converted).mean() < 6


@pytest.mark.parametrize(
    ("name", "source", "out"),
    [
        ("16-hevc-into-mp4", "phone.mkv", "phone.mp4"),
        ("16-hevc-into-mp4", "phone.ts", "phone2.mp4"),
        ("45-iphone-hvc1-mp4", "IMG_0001.MP4", "new.mp4"),
        ("45-iphone-hvc1-mp4", "IMG_0002.MOV", "new.mov"),
    ],
)
def test_hevc_has_the_tag_that_apple_plays(case, name, source, out):
    case.open(name)
    code, printed, _ = case.generate(source, "--out", out)
    assert code == 0 and "packets copied" in printed
    assert video_tag(out) == ("hevc", "hvc1")
    before, after = read_clip(source).frames, read_clip(out).frames
    assert before is not None and after is not None and np.array_equal(before, after)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_names_that_a_terminal_cannot_show(case, encoding, monkeypatch):
    case.open("20-ascii-terminal")
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    files = sorted(path.name for path in case.folder.glob("*.mp4"))
    assert main(["generate", *files, "--steps", "2", "--out", "made/"]) == 0
    assert main(["doctor", "."]) in (0, 1)
    output.flush()
    assert len(list(Path("made").iterdir())) == len(files)


def test_stereo_in_opposite_phase_is_heard(case):
    case.open("23-stereo-out-of-phase")
    for name in ("phase.wav", "phase.mp4"):
        clip = read_clip(name)
        assert clip.waveform is not None and np.abs(clip.waveform).max() > 0.05
        assert any("phase" in note for note in clip.notes)
    code, out, _ = case.generate("phase.wav")
    assert code == 0 and "phase" in out
    assert "silen" not in "".join(case.run("doctor", "phase.mp4")[1:])


def test_subtitles_chapters_and_title_stay(case):
    case.open("24-subtitles-chapters-title")
    assert case.generate("film.mkv")[0] == 0
    with av.open("film.mkv") as before, av.open("film_cmmd.mkv") as after:
        assert [s.codec_context.name for s in after.streams.subtitles] == [
            s.codec_context.name for s in before.streams.subtitles
        ]
        assert after.metadata.get("title") == before.metadata.get("title")
        assert len(after.chapters()) == len(before.chapters()) > 0


def test_raw_streams_and_old_containers_keep_their_length(case):
    case.open("26-raw-streams")
    names = sorted(path.name for path in case.folder.iterdir() if path.suffix not in (".sh", ".txt"))
    assert case.generate(*names, "--out", "results/")[0] == 0
    results = sorted(Path("results").iterdir())
    assert len(results) == len(names)
    for name, result in zip(names, sorted(results, key=lambda path: path.stem), strict=True):
        read, written = read_clip(name, want="video"), read_clip(result)
        assert abs(read.seconds - written.seconds) < 0.15 and written.waveform is not None, name
        assert read.seconds > 1, name


@pytest.mark.parametrize("name", ["one.h264", "two.hevc"])
def test_a_raw_stream_gets_its_whole_sound(case, name):
    case.open("46-raw-h264-sound")
    assert case.generate(name, "--out", "made.mp4")[0] == 0
    clip = read_clip("made.mp4")
    assert clip.seconds == pytest.approx(2.4, abs=0.1) and clip.waveform is not None
    assert loud_until("made.mp4") > 1.5


def test_evaluate_pairs_what_generate_made(case):
    case.open("28-evaluate-own-results")
    assert case.generate("real/a.mp4", "real/b.mp4", "real/c.mp4", "--out", "made")[0] == 0
    code, _, error = case.run("evaluate", "made", "real", "--direction", "video_to_audio", *REPORT)
    assert code == 0, error


def test_evaluate_reads_what_is_given(case):
    case.open("29-evaluate-opus-aac-flv")
    code, _, error = case.run("evaluate", "made", "real", "--direction", "video_to_audio", *REPORT)
    assert code == 0, error


def test_evaluate_of_one_pair_says_what_cannot_be_told(case):
    case.open("30-evaluate-one-pair")
    code, _, error = case.run("evaluate", "made", "real", *REPORT)
    assert code == 0, error
    text = Path("report/report.md").read_text()
    assert "nan" not in text.lower().split() and "j)" not in text


def test_a_finished_training_says_so_and_goes_on_when_asked(case):
    case.open("32-resume-a-finished-run")
    train = ("train", "world.tiny", "--set", "data.clips=4")
    assert case.run(*train, "--out", "run", "--set", "loop.steps=2")[0] == 0
    code, out, error = case.run(*train, "--out", "run", "--set", "loop.steps=2", "--resume")
    assert code == 0 and "2" in out + error
    assert case.run(*train, "--out", "run", "--set", "loop.steps=4", "--resume")[0] == 0
    Path("run").rename("moved")
    code, _, error = case.run(*train, "--out", "moved", "--set", "loop.steps=2")
    assert code == 2 and one_line(error)
    assert '"step": 4' in Path("moved/log.jsonl").read_text().splitlines()[-1]


def test_a_folder_that_cannot_be_written_to_is_told_before_the_model_is_loaded(case, monkeypatch):
    case.open("34-readonly-folder-told-late")
    monkeypatch.setattr(
        "cmmd.generation.named_files.load_pipeline", lambda *_, **__: pytest.fail("the model was loaded")
    )
    Path("file").write_text("no folder")
    code, _, error = case.generate("long.mp4", "--out", "file/x.mp4")
    assert code == 2 and one_line(error)
    monkeypatch.setattr("os.access", lambda *_: False)  # a read-only mount, also for the administrator
    code, _, error = case.generate("long.mp4", "--out", "x.mp4")
    assert code == 2 and one_line(error)


def test_the_shortest_files_get_a_result_or_a_line_each(case):
    case.open("38-shortest")
    names = ("oneframe.mp4", "onesample.wav", "ten.wav", "empty.wav", "good.wav")
    code, _, error = case.generate(*names, "--out", "results/")
    assert all(line.startswith("cmmd: ") for line in error.strip().splitlines())
    results = {path.name for path in Path("results").iterdir()}
    assert "good_cmmd.mp4" in results
    assert (code == 0) == (len(results) == len(names))
    for name in names:
        stem = Path(name).stem
        assert any(result.startswith(f"{stem}_") for result in results) or name in error, name


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24, 16000), (25, 16000), (30, 16000), (24, 44100), (25, 44100), (10, 44100), (30, 48000)],
)
def test_usual_rates_are_prepared_or_the_line_says_which_go_together(case, fps, rate):
    case.open("41-prepare-24-fps-44100")
    words = f"prepare clips out --fps {fps} --sample-rate {rate} --seconds 1.6 --workers 1"
    code, _, error = case.run(*words.split())
    if code:
        assert code == 2 and one_line(error) and "fps" in error and not Path("out").exists()
    else:
        assert list(Path("out").glob("*.safetensors"))


def test_a_folder_with_a_dot_is_a_folder_or_is_told_how(case):
    case.open("43-out-folder-with-a-dot")
    code, _, error = case.generate("clip.mp4", "--out", "results.v2")
    assert Path("results.v2").is_dir() if code == 0 else one_line(error) and "ends with /" in error
    code, _, error = case.generate("clip.mp4", "clip2.mp4", "--out", "results.v2")
    assert Path("results.v2").is_dir() if code == 0 else one_line(error) and "ends with /" in error
    assert case.generate("clip.mp4", "--out", "newfolder/")[0] == 0
    assert Path("newfolder/clip_cmmd.mp4").exists()
