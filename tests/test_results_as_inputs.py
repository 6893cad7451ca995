"""What one command writes, the next one reads: results of `cmmd generate` in `cmmd evaluate` and `cmmd study build`."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_media import MadeSound, MadeVideo, click, make_media, steady_times

from cmmd.cli import main
from cmmd.clips.encoding import CONTAINERS
from cmmd.clips.names import MEDIA_SUFFIXES, VIDEO_SUFFIXES, media_in, result_stems
from cmmd.clips.writing import SOUND_ALONE
from cmmd.evaluation import evaluate as evaluation
from cmmd.evaluation.measuring import media
from cmmd.evaluation.measuring.pairing import list_clips, pair_by_name
from cmmd.evaluation.report.media import TYPES
from cmmd.study.pairing import left_out, pair_clips

FORMATS = {
    ".aac": ("adts", "aac", "fltp"),
    ".flac": ("flac", "flac", "s16"),
    ".m4a": ("ipod", "aac", "fltp"),
    ".mp3": ("mp3", "libmp3lame", "fltp"),
    ".oga": ("ogg", "libopus", "flt"),
    ".ogg": ("ogg", "libopus", "flt"),
    ".opus": ("ogg", "libopus", "flt"),
    ".wav": ("wav", "pcm_s16le", "s16"),
    ".flv": ("flv", "aac", "fltp"),
}


def film(path: Path, *, seed: int = 0) -> Path:
    """0.8 s of moving noise with a click."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.random.default_rng(seed).integers(0, 256, (8, 32, 32, 3), np.uint8)
    return make_media(path, MadeVideo(frames, steady_times(8, 10)), MadeSound(click(0.8, 0.3 + 0.05 * seed)))


def touched(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_is_generated_for_measured_and_shown_to_raters(tmp_path, model_folder, capsys):
    real = film(tmp_path / "real" / "a.mp4").parent
    film(real / "a.mkv", seed=1)
    film(real / "b.mov", seed=2)
    made, report, page = tmp_path / "made", tmp_path / "report", tmp_path / "page"
    assert main(["generate", str(real), "--out", str(made), "--steps", "1", "--model", str(model_folder)]) == 0
    assert [path.name for path in media_in(made)] == ["a_mkv_cmmd.mkv", "a_mp4_cmmd.mp4", "b_cmmd.mov"]
    words = ["--direction", "video_to_audio", "--workers", "1", "--cache", str(tmp_path / "cache")]
    assert main(["evaluate", str(made), str(real), "--out", str(report), *words]) == 0
    (result,) = json.loads((report / "record.json").read_text())["systems"][0]["results"]
    pairs = {Path(clip["generated"]).name: Path(clip["reference"]).name for clip in result["clips"]}
    assert pairs == {"a_mkv_cmmd.mkv": "a.mkv", "a_mp4_cmmd.mp4": "a.mp4", "b_cmmd.mov": "b.mov"}
    words = ["--system", f"ours={made}", "--reference", str(real), "--headphones", "0", "--checks", "0"]
    assert main(["study", "build", str(page), *words, "--pairs", "1", "--ratings", "0"]) == 0
    assert json.loads((tmp_path / "page.key.json").read_text())["items"] == ["a_mkv", "a_mp4", "b"]
    assert "no distance of sets can be told" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", sorted(MEDIA_SUFFIXES))
def test_every_suffix_pairs(tmp_path, suffix):
    result = suffix if suffix in CONTAINERS else ".mp4"
    real, made = touched(tmp_path / "real", f"clip{suffix}"), touched(tmp_path / "made", f"clip_cmmd{result}")
    (pair,) = pair_by_name(list_clips(made), list_clips(real, unique_names=True)).pairs
    assert (pair.generated.name, pair.reference.file.suffix) == ("clip", suffix)
    if suffix in VIDEO_SUFFIXES:
        assert set(pair_clips({"ours": made, "real": real})) == {"clip"}


def test_a_result_is_a_suffix_that_is_read():
    assert {*CONTAINERS, *SOUND_ALONE} <= MEDIA_SUFFIXES


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_sounds_that_users_have_are_measured(tmp_path, suffix):
    name, codec, layout = FORMATS[suffix]
    sound = MadeSound(click(0.5, 0.2, rate=48_000), rate=48_000, codec=codec, sample_format=layout)
    file = make_media(tmp_path / f"sound{suffix}", sound, format_name=name)
    (clip,) = list_clips(tmp_path)
    heard = media._read(clip.file, reading=media.Reading()).sounds[media.SAMPLE_RATE]
    assert 0.4 < len(heard) / media.SAMPLE_RATE < 0.6 and np.abs(heard).max() > 0.1
    assert suffix == ".flv" or TYPES[file.suffix].startswith("audio/")


def test_names_that_had_to_tell_a_folder_pair_too(tmp_path):
    """Of `cmmd generate a/clip.mp4 b/clip.mp4 --out made`."""
    sources = [touched(tmp_path / name, "clip.mp4") / "clip.mp4" for name in ("a", "b")]
    made = touched(tmp_path / "made", *(f"{result_stems(source)[-1]}_cmmd.mp4" for source in sources))
    for folder in (tmp_path / "a", tmp_path / "b"):
        pairing = pair_by_name(list_clips(made), list_clips(folder, unique_names=True))
        assert [pair.generated.file.name for pair in pairing.pairs] == [f"{folder.name}_clip_mp4_cmmd.mp4"]
        assert len(pairing.without_reference) == 1
        folders = {"ours": made, "real": folder}
        assert left_out(folders, pair_clips(folders)) == {"ours": 1}


def test_what_could_be_of_two_sources_is_of_none(tmp_path):
    real = touched(tmp_path / "real", "clip.mp4", "clip.mkv", "x.mp4")
    made = touched(tmp_path / "made", "clip_cmmd.mp4", "x_cmmd.mp4")
    pairing = pair_by_name(list_clips(made), list_clips(real, unique_names=True))
    assert [clip.file.name for clip in pairing.without_reference] == ["clip_cmmd.mp4"]


def test_takes_are_told_apart_by_folders_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluation, "_Evaluation", lambda *_: pytest.fail("something was loaded"))
    real, made = touched(tmp_path / "real", "a.mp4"), touched(tmp_path / "made", "a_cmmd_1.mp4", "a_cmmd_2.mp4")
    assert main(["evaluate", str(made), str(real), "--out", str(tmp_path / "report")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "found a_cmmd_1.mp4 and a_cmmd_2.mp4, expected one clip for a: takes go into folders of their own" in line
    other = touched(tmp_path / "other", "b.mp4")
    assert main(["evaluate", str(other), str(real), "--out", str(tmp_path / "report")]) == 2
    assert "found no common name" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_one_pair_says_what_it_cannot_tell(tmp_path, capsys):
    """Identical clips, too: plain numbers, and no interval of one."""
    film(tmp_path / "real" / "a.mp4")
    words = ["--workers", "1", "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "report")]
    assert main(["evaluate", str(tmp_path / "real"), str(tmp_path / "real"), *words]) == 0
    told = "Of a single pair no interval, no chance and no distance of sets can be told: give two or more."
    assert capsys.readouterr().out.count(told) == 1
    assert (tmp_path / "report" / "report.md").read_text().count(told) == 2  # under the table of each direction
    assert told in (tmp_path / "report" / "report.html").read_text()
    record = json.loads((tmp_path / "report" / "record.json").read_text())
    metrics = [metric for result in record["systems"][0]["results"] for metric in result["metrics"]]
    assert metrics and all(metric["low"] is None and metric["high"] is None for metric in metrics)
    assert all(metric["value"] is None or isinstance(metric["value"], (int, float)) for metric in metrics)
