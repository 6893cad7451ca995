"""What Ray workers return about a clip, and what the process of the command makes of it; without Ray."""

import errno
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cmmd.clips.writing import write_sound
from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.generation.clip_generation import GenerateOptions
from cmmd.generation.folders import on_ray
from cmmd.generation.folders import run as running
from cmmd.generation.folders.given_clips import list_clips
from cmmd.generation.folders.making import Making, model_digest
from cmmd.generation.folders.on_ray import FailedClip, RemoteClips, Unnamed, named
from cmmd.generation.folders.plan import PlannedClip, plan_clips
from cmmd.generation.folders.record import Record
from cmmd.runtime.worker_processes import Failure


@pytest.fixture
def making(model_folder: Path) -> Making:
    options = GenerateOptions(sampling=SamplingConfig(steps=1))
    return Making(options=options, model="m", model_folder=model_folder, model_sha256=model_digest(model_folder))


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (tmp_path / "made").mkdir()
    return Record(tmp_path / "made")


@pytest.fixture
def one(making: Making, record: Record, tmp_path: Path) -> PlannedClip:
    write_sound(world_clip("impacts", 1).waveform[:6400], tmp_path / "clip.wav", sample_rate=16_000)
    clips, _ = list_clips([tmp_path / "clip.wav"], None, out=record.folder)
    return plan_clips(clips, making, record).clips[0]


def from_worker(result: Any) -> Any:
    return pickle.loads(pickle.dumps(result))


def test_a_worker_writes_files_without_a_name_and_the_command_names_them(making, record, one):
    make = from_worker(RemoteClips(making, record.folder))()
    first, second = (from_worker(make(from_worker(one))) for _ in range(2))  # as if the first worker was thought dead
    assert isinstance(first, Unnamed) and isinstance(second, Unnamed) and first.folder != second.folder
    assert not one.outs[0].exists() and not record.lines_about(one.clip.source)
    assert named(one, second, making, record) == second.finished
    assert one.outs[0].is_file() and not second.folder.exists() and len(record.lines_about(one.clip.source)) == 1


def test_a_clip_that_cannot_be_made_leaves_nothing(making, record, one, tmp_path, monkeypatch):
    make = RemoteClips(making, record.folder)()
    (tmp_path / "clip.wav").write_text("no sound")
    error = named(one, from_worker(make(one)), making, record)
    assert isinstance(error, InputError) and str(error).startswith(f"{tmp_path}/clip.wav: found 8 bytes")
    assert list(record.folder.iterdir()) == []

    class Odd(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__("hm")

    def fail(*_: Any, **__: Any) -> None:
        raise Odd(1, 2)

    monkeypatch.setattr(on_ray, "make_files", fail)
    error = named(one, from_worker(make(one)), making, record)
    assert isinstance(error, RuntimeError) and str(error) == "Odd: hm"


def test_a_full_disk_of_a_worker_ends_the_run(making, record, one, monkeypatch):
    def full(*_: Any, **__: Any) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise InputError("made: found an error while writing") from error

    make = RemoteClips(making, record.folder)()
    monkeypatch.setattr(on_ray, "make_files", full)
    error = named(one, from_worker(make(one)), making, record)
    assert isinstance(error, InputError) and running._is_full(error)
    assert not running._is_full(FailedClip(InputError("x"), None).error)


def test_a_defect_has_the_traceback_of_the_worker(making, record, one, monkeypatch):
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("nothing")

    make = RemoteClips(making, record.folder)()
    monkeypatch.setattr(on_ray, "make_files", broken)
    error = named(one, from_worker(make(one)), making, record)
    assert isinstance(error, KeyError) and "in broken" in "".join(error.__notes__)


def test_a_clip_whose_workers_died_is_one_that_failed(making, record, one):
    error = named(one, Failure("ended 3 workers (ActorDiedError: gone)"), making, record)
    found = "found a clip that ended 3 workers (ActorDiedError: gone), expected one to finish"
    assert isinstance(error, InputError) and str(error) == f"{one.clip.source}: {found}"


def test_a_node_with_another_model_is_named(making, record):
    with pytest.raises(InputError, match=r"^model m on node \S+: found other files"):
        RemoteClips(replace(making, model_sha256="0" * 64), record.folder)()
