"""Shards whose Ray workers died, or whose node has another autoencoder; without Ray."""

from typing import Any

import pytest
from made_folder import made_clip, small_config
from serial_workers import SerialWorkers

from cmmd.cli import main
from cmmd.data.preparing import prepare as preparation
from cmmd.data.preparing.shard_maker import RemoteShards
from cmmd.data.shards import INDEX
from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure


def test_a_shard_that_kills_its_workers_is_reported_after_the_others(tmp_path, monkeypatch, capsys):
    for number in range(3):
        made_clip(tmp_path / "media" / f"{number}.mkv", seconds=1.6, seed=number)
    monkeypatch.setattr(preparation, "Workers", SerialWorkers)
    original = preparation.run_units  # pyright: ignore[reportPrivateImportUsage]

    def units(load: Any, shards: Any, placement: Any):
        for shard, made in original(load, shards, placement):
            yield shard, Failure("ended 3 workers (gone)") if shard.number == 0 else made

    words = ["prepare", str(tmp_path / "media"), str(tmp_path / "out"), "--seconds", "1.6", "--files-per-shard", "1"]
    with monkeypatch.context() as patched:
        patched.setattr(preparation, "run_units", units)
        assert main(words) == 2
    told = "shard-00000.safetensors: found a shard that ended 3 workers (gone), expected it to finish"
    assert capsys.readouterr().err == f"cmmd: {tmp_path}/out/{told}\n"
    assert (tmp_path / "out/shard-00002.json").exists() and not (tmp_path / "out" / INDEX).exists()
    assert main(words) == 0
    assert "0 shards made, 3 were complete" in capsys.readouterr().out


def test_a_node_with_another_autoencoder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"^autoencoder shipped on node \S+: found other weights"):
        RemoteShards(tmp_path, small_config(), "cpu", 1, "0" * 64)()
