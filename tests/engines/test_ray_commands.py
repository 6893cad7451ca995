"""Commands on two Ray nodes, one of which is killed: the results are those of one process, byte for byte."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_folder import made_clip
from measured_clips import random_model, real_clips

from cmmd.cli import main
from cmmd.clips.writing import write_sound, write_video
from cmmd.data.preparing import prepare as preparation
from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.engines.placement import Placement
from cmmd.evaluation.evaluate import evaluate
from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips
from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.samples import generated_samples
from cmmd.generation.folders import run as running

pytestmark = pytest.mark.slow
pytest.importorskip("ray")
BROKEN = ("cut.mp4", "empty.mp4", "gone.mp4", "noise.mp4", "text.mp4")


@pytest.fixture(scope="module")
def model(pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As a Ray worker has by default."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def forty_files(folder: Path) -> Path:
    """30 sounds and 5 videos, all different, in three folders, and 5 files that are none."""
    sound, frames = world_clip("impacts", 1).waveform, world_clip("dance", 3).frames
    for number in range(35):
        place = folder / f"{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        if number < 30:
            write_sound(sound[100 * number :][:6400], place / f"{number}.wav", sample_rate=16_000)
        else:
            write_video(frames[number - 30 :][:4], place / f"{number}.mkv", fps=10)
    film = (folder / "0/30.mkv").read_bytes()
    for name, content in (("text", b"no film"), ("empty", b""), ("cut", film[:200]), ("noise", film[::-1])):
        (folder / f"{name}.mp4").write_bytes(content)
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    return folder


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file but the record of a generation, which contains times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "made.jsonl"]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def timeless(folder: Path) -> list[dict[str, Any]]:
    """The lines of the record without times, sorted by result: Ray writes them as clips are finished."""
    lines = [json.loads(line) for line in (folder / "made.jsonl").read_text().splitlines()]
    for line in lines:
        del line["took"], line["result_file"]["time_ns"]
    return sorted(lines, key=lambda line: line["result"])


def test_forty_files_killed_and_run_again_on_two_nodes_of_which_one_is_killed(
    two_nodes, cluster, model, tmp_path, monkeypatch, capsys
):
    clips, made = forty_files(tmp_path / "clips"), tmp_path / "made"
    words = ["generate", str(clips), "-o", str(made), "--steps", "1", "--model", str(model), "--engine", "ray"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-m", "cmmd", *words], env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(made.glob("[0-9]/*_cmmd.*"))) < 10:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in made.glob("[0-9]/*_cmmd.*")}
    assert 10 <= len(before) < 30

    names: list[str] = []

    def named(one: Any, *rest: Any) -> Any:
        names.append(one.clip.name)
        if len(names) == 3:  # both nodes are at work
            cluster.remove_node(two_nodes[0], allow_graceful=False)
        return original(one, *rest)

    original = running.named  # pyright: ignore[reportPrivateImportUsage]
    monkeypatch.setattr(running, "named", named)
    assert main(words) == 2
    printed, told = capsys.readouterr()
    assert len(names) == len(set(names)) == 35 - len(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    reports = [line for line in told.splitlines() if line.startswith("cmmd: ")]
    assert sorted(line.split("/clips/")[1].split(":")[0] for line in reports) == list(BROKEN)
    assert printed.splitlines()[-1].startswith(f"{35 - len(before)} made")
    assert printed.splitlines()[-1].endswith(f"{len(before)} done before, 5 failed")
    assert not list(made.glob(".generating*"))

    alone = tmp_path / "alone"
    assert main([*words[:3], str(alone), *words[4:-2]]) == 2
    assert len(digests(made)) == 35 and digests(made) == digests(alone)
    by_result = {line["result"]: line for line in timeless(made)}
    assert [by_result[line["result"]] for line in timeless(alone)] == timeless(alone)
    assert len(by_result) == 35 and len(timeless(made)) <= 36  # a kill may leave one line without its file


def test_shards_on_two_nodes_of_which_one_is_killed(two_nodes, cluster, tmp_path, monkeypatch, capsys):
    media = tmp_path / "media"
    for number in range(6):
        made_clip(media / f"{number}.mkv", seconds=1.6, seed=number)
    (media / "5.mkv").write_text("no film")
    words = ["--seconds", "1.6", "--files-per-shard", "1", "--workers", "1", "--validation", "0.3"]
    original, shown = preparation._show, list[int]()

    def show(bar: Any, shard: Any, *rest: Any, **figures: Any) -> None:
        shown.append(shard.number)
        if len(shown) == 1:
            cluster.remove_node(two_nodes[0], allow_graceful=False)
        original(bar, shard, *rest, **figures)

    monkeypatch.setattr(preparation, "_show", show)
    assert main(["prepare", str(media), str(tmp_path / "ray"), *words, "--engine", "ray"]) == 0
    assert sorted(shown) == list(range(6)) and "6 shards made, 0 were complete" in capsys.readouterr().out
    assert main(["prepare", str(media), str(tmp_path / "alone"), *words]) == 0
    assert len(digests(tmp_path / "ray")) == 13 and digests(tmp_path / "ray") == digests(tmp_path / "alone")
    capsys.readouterr()
    assert main(["prepare", str(media), str(tmp_path / "ray"), *words, "--engine", "ray"]) == 0
    assert "0 shards made, 6 were complete" in capsys.readouterr().out


def without_times(record: Record) -> str:
    systems = [
        replace(
            one,
            results=tuple(
                replace(r, seconds={}, clips=tuple(replace(c, seconds={}) for c in r.clips)) for r in one.results
            ),
        )
        for one in record.systems
    ]
    return repr(replace(record, systems=tuple(systems), protocol=replace(record.protocol, command="")))


def test_samples_on_two_nodes_are_measured_as_those_of_one_process(two_nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(generated_samples, "BATCH", 1)
    model = random_model(tmp_path / "model")
    real = real_clips(tmp_path / "real", clips=2)
    records = {}
    for engine in ("ray", "local"):
        records[engine] = evaluate(
            EvaluateOptions(
                out=tmp_path / engine,
                clips=GeneratedClips(data=str(real), model=str(model), samples=2, sampling=SamplingConfig(steps=1)),
                direction="video_to_audio",
                cache=tmp_path / "cache",
                workers=1,
                placement=Placement(engine=engine),
            )
        )
    assert len(digests(tmp_path / "ray/clips")) == 2
    assert digests(tmp_path / "ray/clips") == digests(tmp_path / "local/clips")
    assert without_times(records["ray"]) == without_times(records["local"])
