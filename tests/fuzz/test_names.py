"""Names that cannot be printed, terminals of another encoding: no run is lost, and no name of a table leads out."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cmmd.cli import main
from cmmd.clips.names import media_in
from cmmd.clips.writing import write_video
from cmmd.errors import InputError
from cmmd.evaluation.measuring.pairing import list_clips
from cmmd.evaluation.record.schema import read_record

pytestmark = pytest.mark.slow

NAMES = (b"\xff\xfe clip.mp4", "голос 🎵.mp4".encode(), b"new\nline.mp4", b"\x1b[2Jwiped.mp4")
TERMINALS = ({"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"})
COMMANDS = (
    ("doctor", "clips", "--page", "page.html", "--json", "record.json", "--workers", "1"),
    ("evaluate", "clips", "other", "--out", "report", "--cache", "cache", "--workers", "1"),
    ("generate", "clips", "--steps", "1", "--out", "made/"),
    ("study", "build", "study", "--system", "ours=clips", "--reference", "other", "--headphones", "0"),
    ("prepare", "clips", "prepared", "--workers", "1"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two folders of the same clips under those names."""
    folder = tmp_path_factory.mktemp("names")
    rng = np.random.default_rng(0)
    write_video(
        rng.integers(0, 255, (17, 32, 32, 3), np.uint8),
        folder / "clip.mp4",
        fps=10,
        waveform=rng.normal(0, 0.1, 27_200).astype(np.float32),
        sample_rate=16_000,
    )
    for place in ("clips", "other"):
        (folder / place).mkdir()
        for name in NAMES:
            (folder / place / os.fsdecode(name)).write_bytes((folder / "clip.mp4").read_bytes())
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_names_and_terminals_lose_no_run(words, folder, preloaded, tmp_path):
    for place in ("clips", "other"):
        (tmp_path / place).symlink_to(folder / place)
    terminal = TERMINALS[COMMANDS.index(words) % len(TERMINALS)]
    run = subprocess.run([preloaded / "cmmd", *words], capture_output=True, cwd=tmp_path, env=os.environ | terminal)
    told = (run.stdout + run.stderr).decode("utf-8", "replace")
    assert run.returncode == 0 and "Traceback" not in told, told
    assert b"\x1b" not in run.stdout
    match words[0]:
        case "doctor":
            named = [file["file"] for file in json.loads((tmp_path / "record.json").read_text())["record"]]
            assert sorted(map(os.fsencode, named)) == sorted(NAMES)
            assert "wiped" in (tmp_path / "page.html").read_text(encoding="utf-8")
        case "evaluate":
            (system,) = read_record(tmp_path / "report").systems
            assert {os.fsencode(f"{clip.name}.mp4") for clip in system.results[0].clips} == set(NAMES)
        case "generate":
            made = {os.fsencode(file.name) for file in media_in(tmp_path / "made")}
            assert made == {name.replace(b".mp4", b"_cmmd.mp4") for name in NAMES}
        case "prepare":
            assert "clips" in json.loads((tmp_path / "prepared/index.json").read_text())["splits"]["train"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
@pytest.mark.parametrize(
    "name", ["../up", "/abs", "a/b", "a\\b", "..", ".", "nul\0", "new\nline", "x" * 300, "\udcff", "\x1b[2J"]
)
def test_a_name_from_a_table_never_leaves_the_folder(name, suffix, tmp_path):
    text = json.dumps({"name": name, "file": "x.mp4"}) if suffix == "jsonl" else f'name,file\n"{name}",x.mp4\n'
    (tmp_path / f"list.{suffix}").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError) as raised:
        list_clips(tmp_path / f"list.{suffix}")
    assert str(raised.value).isprintable()


def test_the_doctor_writes_over_no_clip(tmp_path, capsys):
    (tmp_path / "a.mp4").write_bytes(b"mine")
    for option in ("--json", "--page"):
        assert main(["doctor", str(tmp_path), option, str(tmp_path / "a.mp4")]) == 2
        assert "found the suffix '.mp4'" in capsys.readouterr().err
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"
