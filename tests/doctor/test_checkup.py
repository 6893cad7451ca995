"""The command: a file that kills its reader costs only itself, exit codes, record and page."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from defective_clips import good_clip, melody, moving_frames, sound, video
from made_media import make_media

from cmmd.commands.doctor import doctor
from cmmd.doctor.checkup import check
from cmmd.doctor.examination import Examination, examine
from cmmd.errors import InputError


def examine_or_die(path: Path, *, shortest: float, drawn: bool) -> Examination:
    """In a worker: what a decoder does to some files."""
    if path.stem == "deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    return examine(path, shortest=shortest, drawn=drawn)


def run(*words: str) -> int:
    return doctor.main(list(words), standalone_mode=False)


def test_a_crash_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("a", "deadly", "z")):
        good_clip(tmp_path / f"{name}.mp4", seed)
    monkeypatch.setattr("cmmd.doctor.checkup.examine", examine_or_die)
    checkup = check(tmp_path, shortest=1.6, workers=1)
    assert [(file.name, file.verdict) for file in checkup.files] == [
        ("deadly.mp4", "unusable"),
        ("a.mp4", "fine"),
        ("z.mp4", "fine"),
    ]
    assert "ended the process that read it (signal 11)" in checkup.files[0].findings[0].text


def test_exit_codes_and_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "clips"
    (folder / "drum").mkdir(parents=True)
    good_clip(folder / "drum" / "good.mp4")
    assert run(str(folder)) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("fine      drum/good.mp4  2.40 s, 96x72 25 Hz h264, 44.1 kHz aac")
    assert table[2] == "1 file, 2.4 s: 0 unusable, 0 with warnings, 0 with notes only, 1 fine"
    assert run(str(folder), "--seconds", "5") == 1
    assert "unusable  drum/good.mp4  too short: 2.40 s, expected at least 5 s" in capsys.readouterr().out
    make_media(folder / "mute.mp4", video())
    assert run(str(folder)) == 1
    assert "unusable: 1 no sound" in capsys.readouterr().out
    assert run(str(folder / "drum" / "good.mp4")) == 0


def test_bad_input(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no clip")
    for path, found in ((tmp_path, "no media file"), (tmp_path / "missing", "no such file or folder")):
        with pytest.raises(InputError, match=found):
            run(str(path))


def test_record_and_page(tmp_path: Path) -> None:
    folder = tmp_path / "<b>clips"
    folder.mkdir()
    good_clip(folder / "z & good.mp4")
    make_media(folder / "mute.mp4", video(moving_frames(1)))
    make_media(folder / "sound.mp4", sound(melody(2)))
    (folder / "text.mp4").write_text("no clip")
    run(str(folder), "--json", str(tmp_path / "out.json"), "--page", str(tmp_path / "out.html"))
    record = json.loads((tmp_path / "out.json").read_text())
    assert [(file["file"], file["verdict"]) for file in record["record"]] == [
        ("mute.mp4", "unusable"),
        ("sound.mp4", "unusable"),
        ("text.mp4", "unusable"),
        ("z & good.mp4", "fine"),
    ]
    assert record["verdicts"] == {"unusable": 3, "warning": 0, "note": 0, "fine": 1}
    measured = record["record"][-1]["measured"]
    assert measured["pictures"]["count"] == 60
    assert measured["info"]["video_codec"] == "h264"
    assert record["record"][2]["measured"] is None
    page = (tmp_path / "out.html").read_text()
    assert page.count("<article") == 4
    assert page.count('<img src="data:image/jpeg;base64,') == page.count("<path") == 2
    assert page.index("mute.mp4") < page.index("z &amp; good.mp4")
    assert "<b>clips" not in page
    assert not re.search(r"https?:|//\w|url\(|@import", page.replace("data:image/jpeg;base64,", "").split("<main>")[0])
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
