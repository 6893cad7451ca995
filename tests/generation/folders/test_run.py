"""`cmmd generate` into a folder: every clip once, a bad one passed over, the same bytes as one call a clip."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cmmd.cli import main
from cmmd.clips.loudness import measure_loudness
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip
from cmmd.errors import InputError
from cmmd.files.folder_lock import locked_folder
from cmmd.generation.folders import run as running
from cmmd.generation.folders.one_clip import make_clip
from cmmd.generation.folders.record import RECORD
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress


@pytest.fixture(scope="module")
def model(pipeline, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """Two videos, one with sound, and a sound, in two folders."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "deep").mkdir()
    clip = world_clip("dance", 3)
    write_video(clip.frames, folder / "a.mp4", fps=10, waveform=clip.waveform, sample_rate=16_000)
    write_video(clip.frames[:8], folder / "deep/b.mkv", fps=10)
    write_sound(clip.waveform, folder / "deep/c.wav", sample_rate=16_000)
    return folder


@pytest.fixture
def clips(media, tmp_path) -> Path:
    shutil.copytree(media, tmp_path / "clips")
    return tmp_path / "clips"


@pytest.fixture
def run(model):
    def run(*words: object) -> int:
        return main([str(word) for word in ("generate", *words, "--steps", 1, "--model", model)])

    return run


RESULTS = ["a_cmmd.mp4", "deep/b_cmmd.mkv", "deep/c_cmmd.mp4"]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder) if name != RECORD}


def reports(told: str) -> list[str]:
    """The lines about clips, without those that a bar writes on a slow machine."""
    return [line for line in told.splitlines() if line.startswith("cmmd: ")]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]


def test_every_clip_is_made_once_and_a_bad_one_passed_over(run, clips, tmp_path, capsys, monkeypatch):
    (clips / "bad.mp4").write_text("no film")
    made = tmp_path / "made"
    assert run(clips, "-o", made) == 2
    printed, told = capsys.readouterr()
    assert files(made) == sorted([*RESULTS, RECORD])
    (report,) = reports(told)
    assert "bad.mp4: found 7 bytes that are no known media format" in report
    assert "a_cmmd.mp4: left out: the old sound (aac)" in printed.splitlines()
    rows = [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("|")]
    assert rows[2:] == ["a.mp4", "deep/b.mkv", "deep/c.wav", "bad.mp4"]
    assert printed.splitlines()[-1].startswith("3 made (")
    assert printed.splitlines()[-1].endswith(" s), 0 done before, 1 failed")
    before = contents(made), [(made / name).stat().st_mtime_ns for name in RESULTS]
    monkeypatch.setattr(running, "load_pipeline", lambda *_, **__: pytest.fail("the model was loaded"))
    assert run(clips, "-o", made) == 2
    printed, told = capsys.readouterr()
    assert printed.splitlines()[-1].endswith("3 done before, 1 failed") and len(reports(told)) == 1
    assert (contents(made), [(made / name).stat().st_mtime_ns for name in RESULTS]) == before
    assert len(lines(made)) == 3
    (clips / "bad.mp4").unlink()
    assert run(clips, "-o", made) == 0


def test_the_model_is_loaded_once_and_the_files_are_those_of_single_calls(run, clips, tmp_path, monkeypatch):
    loaded: list[int] = []
    monkeypatch.setattr(running, "load_pipeline", lambda *a, **k: loaded.append(1) or load_pipeline(*a, **k))
    assert run(clips, "-o", tmp_path / "made", "--seed", 5) == 0
    assert len(loaded) == 1
    for source, result in zip(("a.mp4", "deep/b.mkv", "deep/c.wav"), RESULTS, strict=True):
        single = (tmp_path / source).with_suffix(Path(result).suffix).name
        assert run(clips / source, "-o", tmp_path / single, "--seed", 5) == 0
        assert (tmp_path / single).read_bytes() == (tmp_path / "made" / result).read_bytes()


def test_the_record_says_what_was_made_from_what(run, clips, model, tmp_path):
    assert run(clips, "-o", tmp_path / "made", "--seed", 5, "--takes", 2, "--guidance", 2) == 0
    found = lines(tmp_path / "made")
    assert [line["result"] for line in found[:2]] == ["a_cmmd_1.mp4", "a_cmmd_2.mp4"]
    assert [line["seed"] for line in found] == [5, 6] * 3
    assert [line["made"] for line in found] == ["audio"] * 4 + ["video"] * 2
    first = found[0]
    assert first["input"] == str(clips / "a.mp4") and first["input_file"]["bytes"] == (clips / "a.mp4").stat().st_size
    assert first["settings"]["steps"] == 1 and first["settings"]["guidance"] == 2 and first["guidance"] == 2
    assert first["model"] == str(model) and len(first["model_sha256"]) == 64
    assert first["seconds"] == pytest.approx(1.6) and set(first["took"]) >= {"reading", "denoising", "writing"}
    assert first["version"] and first["device"] == "cpu"


def test_an_interrupted_run_leaves_nothing_half_made_and_goes_on(run, clips, tmp_path, monkeypatch, capsys):
    made = tmp_path / "made"
    began: list[str] = []

    def interrupted(pipeline, one, *rest, **options):
        began.append(one.clip.name)
        if len(began) == 2:
            raise KeyboardInterrupt
        return make_clip(pipeline, one, *rest, **options)

    monkeypatch.setattr(running, "make_clip", interrupted)
    assert run(clips, "-o", made) == 130
    assert files(made) == ["a_cmmd.mp4", RECORD]
    (made / ".generating.0123abcd.part").mkdir()  # as a kill leaves it
    (made / ".generating.0123abcd.part/b_cmmd.mkv").write_bytes(b"half")
    assert run(clips, "-o", made) == 0
    assert began == ["a.mp4", "deep/b.mkv", "deep/b.mkv", "deep/c.wav"]
    assert files(made) == sorted([*RESULTS, RECORD])
    assert "2 made" in capsys.readouterr().out


def forty_files(folder: Path, media: Path) -> None:
    """30 sounds and 5 videos in three folders, and 5 files that are none: a text, an empty file, a film cut off in its
    header, one whose bytes are reversed, and a link to nowhere."""
    sound, film = world_clip("impacts", 1).waveform[:12_800], (media / "a.mp4").read_bytes()
    for number in range(35):
        place = folder / f"{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        if number < 30:
            write_sound(sound, place / f"{number}.wav", sample_rate=16_000)
        else:
            shutil.copy(media / "deep/b.mkv", place / f"{number}.mkv")
    for name, content in (("text", b"no film"), ("empty", b""), ("cut", film[:200]), ("noise", film[::-1])):
        (folder / f"{name}.mp4").write_bytes(content)
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")


@pytest.mark.slow
def test_forty_files_five_of_them_broken_and_a_kill_in_the_middle(run, media, model, tmp_path, capsys, monkeypatch):
    clips, made = tmp_path / "clips", tmp_path / "made"
    forty_files(clips, media)
    words = ["generate", str(clips), "-o", str(made), "--steps", "1", "--model", str(model)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-m", "cmmd", *words], env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(made.glob("[0-9]/*_cmmd.*"))) < 12:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in made.glob("[0-9]/*_cmmd.*")}
    assert 12 <= len(before) < 35
    began: list[str] = []
    monkeypatch.setattr(
        running,
        "make_clip",
        lambda pipeline, one, *a, **k: began.append(one.clip.name) or make_clip(pipeline, one, *a, **k),
    )
    assert run(clips, "-o", made) == 2
    printed, told = capsys.readouterr()
    assert len(began) == len(set(began)) == 35 - len(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(reports(told)) == 5 and all(line.startswith(f"cmmd: {clips}/") for line in reports(told))
    assert printed.splitlines()[-1].startswith(f"{35 - len(before)} made")
    assert printed.splitlines()[-1].endswith(f"{len(before)} done before, 5 failed")
    results = [name for name in files(made) if name != RECORD]
    assert len(results) == 35 == len({line["result"] for line in lines(made)}) and len(lines(made)) <= 36
    for suffix in (".mkv", ".mp4"):
        assert len({(made / name).read_bytes() for name in results if name.endswith(suffix)}) == 1


def test_a_result_whose_line_was_written_but_that_has_no_name_is_made_again(run, clips, tmp_path):
    made = tmp_path / "made"
    assert run(clips / "deep", "-o", made) == 0
    before = contents(made)
    (made / "c_cmmd.mp4").unlink()  # as after a kill between the two
    assert run(clips / "deep", "-o", made) == 0
    assert contents(made) == before and len(lines(made)) == 3


def test_the_best_take_alone_is_written_and_found_again(run, clips, tmp_path, capsys, monkeypatch):
    made = tmp_path / "made"
    assert run(clips / "deep", "-o", made, "--takes", 3, "--keep", "best", "--seed", 5) == 0
    found = lines(made)
    assert len(found) == 2 and all(5 <= line["seed"] < 8 and line["settings"]["best_of"] == 3 for line in found)
    assert all(isinstance(line["alignment"], float) for line in found)
    assert not list(made.rglob("*_cmmd_1.*"))
    monkeypatch.setattr(running, "load_pipeline", lambda *_, **__: pytest.fail("the model was loaded"))
    assert run(clips / "deep", "-o", made, "--takes", 3, "--keep", "best", "--seed", 5) == 0
    assert "2 done before" in capsys.readouterr().out
    assert run(clips / "deep", "-o", made, "--takes", 2, "--keep", "best", "--seed", 5) == 2
    assert any("best_of 3" in line or "of seed" in line for line in reports(capsys.readouterr().err))


def test_other_settings_are_refused_and_with_overwrite_only_those_are_made(run, clips, tmp_path, capsys, monkeypatch):
    made = tmp_path / "made"
    assert run(clips / "deep", "-o", made) == 0
    assert run(clips / "deep", "-o", made, "--seed", 1) == 2
    (line,) = reports(capsys.readouterr().err)
    assert line.endswith("b_cmmd.mkv: found a result of seed 0, expected another --out, or --overwrite")
    assert run(clips / "deep", "-o", made, "--dtype", "bfloat16") == 2
    (line,) = reports(capsys.readouterr().err)
    assert line.endswith('found a result with dtype "float32", expected another --out, or --overwrite')
    before = contents(made)
    assert run(clips / "deep", "-o", made, "--seed", 1, "--overwrite") == 0
    assert all(before[name] != content for name, content in contents(made).items())
    monkeypatch.setattr(running, "load_pipeline", lambda *_, **__: pytest.fail("the model was loaded"))
    assert run(clips / "deep", "-o", made, "--seed", 1, "--overwrite") == 0


def test_a_failure_of_the_program_stops_no_other_clip_and_keeps_its_traceback(
    run, clips, tmp_path, monkeypatch, capsys
):
    def failing(pipeline, one, *rest, **options):
        if one.clip.name == "b.mkv":
            raise RuntimeError("out of memory\nhints")
        return make_clip(pipeline, one, *rest, **options)

    monkeypatch.setattr(running, "make_clip", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(clips / "deep", "-o", tmp_path / "made")
    printed, told = capsys.readouterr()
    assert reports(told) == [f"cmmd: {clips}/deep/b.mkv: failed (RuntimeError: out of memory hints)"]
    assert printed.splitlines()[-1].startswith("1 made") and printed.splitlines()[-1].endswith("1 failed")


def test_a_full_disk_ends_the_run(run, clips, tmp_path, monkeypatch, capsys):
    def full(*_: Any, **__: Any):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise InputError("made: found an error while writing (No space left on device)") from error

    monkeypatch.setattr(running, "make_clip", full)
    assert run(clips, "-o", tmp_path / "made") == 2
    assert capsys.readouterr().err.count("No space left") == 1


def test_what_cannot_be_kept_names_its_file(run, clips, tmp_path, capsys):
    """a.mp4 has a sound of 1.6 s, b.mkv none, and c.wav no picture."""
    assert run(clips, "-o", tmp_path / "made", "--keep", "0-0.8") == 2
    told = reports(capsys.readouterr().err)
    assert len(told) == 2 and "deep/b.mkv: found no audio" in told[0] and "deep/c.wav: found no video" in told[1]
    assert run(clips / "a.mp4", "-o", f"{tmp_path}/other/", "--keep", "0-9") == 2
    (line,) = reports(capsys.readouterr().err)
    assert "a.mp4: keep: found 0 to 9 s, expected times from 0 to 1.6 s" in line
    (clips / "list.csv").write_text("file,start,end\na.mp4,0,0.8\n")
    assert run("--manifest", clips / "list.csv", "--keep", "0-0.8") == 2
    (line,) = reports(capsys.readouterr().err)
    assert f"cmmd: {clips}/a.mp4: keep: found all of the result" in line and "stretch" not in line


def test_one_run_at_a_time(run, clips, tmp_path, capsys):
    with locked_folder(tmp_path / "made"):
        assert run(clips, "-o", tmp_path / "made") == 2
    assert "at work in it, expected one run at a time" in capsys.readouterr().err


def test_a_table_names_clips_and_stretches(run, clips, tmp_path, capsys):
    table = clips / "list.csv"
    table.write_text("file,start,end,label\na.mp4,0.2,1.0,knock\ndeep/c.wav,0.4,,\na.mp4,5,6,\n")
    assert run("--manifest", table) == 2
    made = clips / "list_cmmd"
    assert files(made) == sorted(["a_0.2-1_cmmd.mp4", "deep/c_0.4-_cmmd.mp4", RECORD])
    assert "a.mp4: found an end before 5 s, expected a clip that goes on there" in capsys.readouterr().err
    stretch = read_clip(made / "a_0.2-1_cmmd.mp4")
    assert stretch.seconds == pytest.approx(0.8, abs=1e-3) and stretch.waveform is not None
    line = lines(made)[0]
    assert (line["start"], line["end"], line["said"]) == (0.2, 1.0, {"label": "knock"})
    assert line["input"] == str(clips / "a.mp4")
    capsys.readouterr()
    assert run("--manifest", table) == 2
    assert "2 done before, 1 failed" in capsys.readouterr().out


def test_a_folder_has_its_results_beside_it_by_default(run, clips, monkeypatch, capsys):
    monkeypatch.chdir(clips)
    assert run("deep") == 0
    assert files(clips / "deep_cmmd") == ["b_cmmd.mkv", "c_cmmd.mp4", RECORD]
    monkeypatch.chdir(clips / "deep")
    assert run(".") == 0
    assert "2 done before" in capsys.readouterr().out
    assert run(".", "..") == 2
    assert "expected --out DIR, the folder for the results of all" in capsys.readouterr().err


def test_the_loudness_of_each_result_is_in_the_table_and_the_record(run, clips, tmp_path, capsys):
    assert run(clips, "-o", tmp_path / "made", "--loudness", -20) == 0
    printed = capsys.readouterr().out
    assert sum("LUFS" in line for line in printed.splitlines() if line.startswith("|")) == 3
    for line in lines(tmp_path / "made"):
        wave = read_clip(tmp_path / "made" / line["result"], sample_rate=48_000, want="audio").waveform
        assert wave is not None and measure_loudness(wave, 48_000).lufs == pytest.approx(-20, abs=0.5)
        assert line["loudness"] == pytest.approx(-20, abs=0.1) and line["true_peak"] <= -1


def test_a_picture_is_drawn_beside_each_result(run, clips, tmp_path):
    (clips / "deep/b.mkv").unlink()
    assert run(clips / "deep", "-o", tmp_path / "made", "--picture") == 0
    assert files(tmp_path / "made") == ["c_cmmd.mp4", "c_cmmd.png", RECORD]


def test_for_named_files_a_folder_holds_the_results_alone(run, clips, tmp_path):
    assert run(clips / "deep/b.mkv", "-o", f"{tmp_path}/one/") == 0
    assert files(tmp_path / "one") == ["b_cmmd.mkv"]
    assert run(clips / "deep/b.mkv", clips / "deep/c.wav", "-o", tmp_path / "two") == 0
    assert files(tmp_path / "two") == ["b_cmmd.mkv", "c_cmmd.mp4"]


def test_the_bar_says_which_of_how_many(run, clips, tmp_path, monkeypatch):
    bars: list[Any] = []
    labels: list[str] = []

    def watched(*words, **options):
        bar: Any = progress(*words, **options)
        bar.set_description_str = lambda label, refresh: labels.append(label)
        bars.append(bar)
        return bar

    def counted(*_: Any, on_step: Any) -> list[Any]:
        on_step(1)
        return []

    monkeypatch.setattr(running, "progress", watched)
    monkeypatch.setattr(running, "load_pipeline", lambda *_, **__: None)
    monkeypatch.setattr(running, "make_clip", counted)
    assert run(clips, "-o", tmp_path / "made", "--takes", 2) == 0
    assert labels == ["clip 1 of 3, a.mp4", "clip 2 of 3, deep/b.mkv", "clip 3 of 3, deep/c.wav"]
    (bar,) = bars
    assert bar.n == bar.total == 6 and bar.smoothing == 0
