"""Preparation: the same bytes however it runs, clips where they belong, a reason for what is left out."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from made_folder import made_clip, made_folder, small_config
from safetensors import safe_open

from cmmd.cli import main
from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.prepare import prepare
from cmmd.data.preparing.request import with_splits
from cmmd.data.shards import read_index, read_manifest, shard_file
from cmmd.errors import InputError

RUN = """
import sys
from pathlib import Path
from made_folder import small_config
from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.prepare import prepare
from cmmd.data.preparing.request import with_splits
if __name__ == "__main__":
    listing = with_splits(list_folder(Path(sys.argv[1])), validation=0.2)
    prepare(listing, Path(sys.argv[2]), small_config(), workers=1)
"""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(tmp_path_factory.mktemp("media"))


def listing(media: Path):
    return with_splits(list_folder(media), validation=0.2)


@pytest.fixture(scope="module")
def whole(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    prepared = prepare(listing(media), out, small_config(), workers=2)
    assert prepared.encoded == 3 and prepared.found == 0 and prepared.missing == ()
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_clip_is_where_the_index_says(whole):
    index = json.loads((whole / "index.json").read_text())
    manifests = [read_manifest(whole, number) for number in range(3)]
    clips = [clip for manifest in manifests if manifest for clip in manifest.clips]
    # 2.0, 2.4 and 2.8 s are one clip of 1.6 s each; 3.2 to 4.4 s two, the rest at the end being too short.
    assert [sum(clip.source == f"{n}.mkv" for clip in clips) for n in range(7)] == [1, 1, 1, 2, 2, 2, 2]
    assert sum(index["splits"][split]["clips"] for split in ("train", "validation", "test")) == len(clips) == 11
    assert index["skipped"] == [["mute.mkv", f"{index['skipped'][0][1]}"]] and "no sound" in index["skipped"][0][1]
    second = next(clip for clip in clips if clip.source == "3.mkv" and clip.start)
    assert second.start == 1.6 and second.frames == 16
    with safe_open(shard_file(whole, 1), framework="pt") as shard:
        assert shard.get_tensor("video.0").shape == (20, 16, 8, 8)
        assert shard.get_tensor("audio.0").shape == (1, 64, 128)


def test_statistics_are_those_of_the_training_clips(whole):
    index = read_index(whole)
    values = []
    for number in range(3):
        manifest = read_manifest(whole, number)
        assert manifest is not None
        with safe_open(shard_file(whole, number), framework="pt") as shard:
            rows = [row for row, clip in enumerate(manifest.clips) if clip.split == "train"]
            values += [shard.get_tensor(f"video.{row}").double().flatten(1) for row in rows]
    every = torch.cat(values, dim=1)
    assert index.video_statistics.mean == pytest.approx(every.mean(1).tolist(), rel=1e-9)
    assert index.video_statistics.std == pytest.approx(every.std(1, correction=0).tolist(), rel=1e-9)


def test_what_is_complete_is_not_made_again(media, whole):
    before = {path.name: path.stat().st_mtime_ns for path in whole.glob("shard-*")}
    again = prepare(listing(media), whole, small_config(), workers=1)
    assert (again.encoded, again.found) == (0, 3)
    assert {path.name: path.stat().st_mtime_ns for path in whole.glob("shard-*")} == before


def test_three_parts_make_what_one_run_makes(media, whole, tmp_path):
    for job_index in (2, 0, 1):
        prepared = prepare(listing(media), tmp_path, small_config(), job_index=job_index, job_count=3, workers=1)
        assert prepared.encoded == 1 and (tmp_path / "index.json").exists() == (job_index == 1)
    assert contents(tmp_path) == contents(whole)


def test_a_run_that_is_killed_goes_on_to_the_same_bytes(media, whole, tmp_path):
    out = tmp_path / "out"
    search = os.pathsep.join(str(path) for path in sys.path if path)
    command = [sys.executable, str(tmp_path / "run.py"), str(media), str(out)]
    (tmp_path / "run.py").write_text(RUN)
    run = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": search}, start_new_session=True)
    until = time.monotonic() + 120
    while not shard_file(out, 0).with_suffix(".json").exists() and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (out / "index.json").exists() and read_manifest(out, 0) is not None
    prepared = prepare(listing(media), out, small_config(), workers=1)
    assert prepared.found >= 1 and prepared.encoded >= 1
    assert contents(out) == contents(whole)


def test_a_finished_folder_is_not_mixed_with_other_settings(media, whole):
    with pytest.raises(InputError, match=r"clips prepared with seconds 1\.6, not 2"):
        prepare(listing(media), whole, small_config(seconds=2.0), workers=1)


def test_a_file_that_changed_is_prepared_again(media, tmp_path):
    changed = tmp_path / "media"
    for file in sorted(media.glob("[0-3].mkv")):
        made_clip(changed / file.name, seed=1)
    prepare(listing(changed), tmp_path / "out", small_config(), workers=1)
    made_clip(changed / "3.mkv", seconds=3.3)
    prepared = prepare(listing(changed), tmp_path / "out", small_config(), workers=1)
    assert (prepared.encoded, prepared.found) == (1, 1)


def test_nothing_to_train_on_is_told_with_the_first_reason(tmp_path):
    made_clip(tmp_path / "media/a.mkv", sound=False)
    with pytest.raises(InputError, match=r"found no clip to train on, 1 left out; the first: a\.mkv: .*no sound"):
        prepare(listing(tmp_path / "media"), tmp_path / "out", small_config(), workers=1)


def test_long_files_are_cut_block_by_block_without_seams(tmp_path, monkeypatch):
    made_clip(tmp_path / "media/a.mkv", seconds=8.0, seed=4, clicks=(0.7,))
    prepare(listing(tmp_path / "media"), tmp_path / "one", small_config(), workers=1)
    monkeypatch.setattr("cmmd.data.preparing.cutting.BLOCK_SECONDS", 3.2)
    from cmmd.data.preparing.cutting import CutJob, cut

    (request,) = listing(tmp_path / "media").requests
    blocks = [cut(CutJob(request, block, small_config().cutting)) for block in range(4)]
    assert [[clip.start for clip in block.clips] for block in blocks] == [[0.0], [], [], []]
    assert [len(block.skipped) for block in blocks] == [1, 2, 1, 0]  # silent but for the first: one click
    assert [block.goes_on for block in blocks] == [True, True, False, False]
    manifest = read_manifest(tmp_path / "one", 0)
    assert manifest is not None and manifest.clips[0].digest == blocks[0].clips[0].digest


def test_the_command_reports_and_refuses(media, tmp_path, capsys):
    out = str(tmp_path / "out")
    small = ["--seconds", "1.6", "--files-per-shard", "3", "--workers", "1", "--validation", "0.2"]
    assert main(["prepare", str(media), out, *small, "--shard", "1/2"]) == 0
    assert "2 shards of other parts are missing: 0, 2" in capsys.readouterr().out
    assert main(["prepare", str(media), out, *small]) == 0
    told = capsys.readouterr().out
    assert "2 shards made, 1 were complete" in told and "left out: 1 (1 no sound)" in told and "mute.mkv" in told
    for words, message in (
        (["--shard", "2/2"], "--shard: found '2/2', expected I/N"),
        (["--class", "water"], "--class: goes with --kind epic-sounds, found folder"),
        (["--seconds", "1"], "clips of 1 s, expected at least 1.6 s"),
        (["--device", "nowhere"], "device nowhere: found Expected one of cpu, cuda"),
        (["--autoencoder", str(tmp_path)], "no config.json, expected a diffusers autoencoder"),
    ):
        assert main(["prepare", str(media), str(tmp_path / "none"), *words]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_odd_files_are_clips_or_reasons_and_only_a_worker_dies(data_folder, tmp_path):
    found = list_folder(data_folder / "odd")
    prepare(with_splits(found, validation=0.1), tmp_path, small_config(requests_per_shard=64), workers=2)
    manifest = read_manifest(tmp_path, 0)
    assert manifest is not None
    used = {clip.source for clip in manifest.clips}
    reasons = dict(manifest.skipped)
    told = used | {name.partition("@")[0] for name in reasons}
    assert told == {request.name for request in found.requests}
    assert {"edit_list.mp4", "multi_stream_2v_2a.mp4", "derived_audio_starts_200ms_late.mp4"} <= used
    assert all("\n" not in reason and str(data_folder) not in reason for reason in reasons.values())
