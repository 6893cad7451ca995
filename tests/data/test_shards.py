"""Shards: statistics add up, a manifest makes a shard complete, and foreign files are told from ours."""

import json

import pytest
import torch

from cmmd.data.preparing.request import Split
from cmmd.data.shards import (
    ClipRecord,
    EncodedClip,
    Moments,
    read_index,
    read_manifest,
    shard_file,
    write_index,
    write_shard,
)
from cmmd.data.statistics import Statistics
from cmmd.errors import InputError


def clip(name: str, split: Split = "train", *, frames: int = 4) -> EncodedClip:
    record = ClipRecord(
        name=name, source=name, start=0.0, frames=frames, labels=(), split=split, group=name, digest="d"
    )
    return EncodedClip(record, torch.randn(4, frames, 2, 2).half(), torch.randn(1, 8, 8 * frames).half())


def test_moments_of_parts_are_those_of_the_whole():
    parts = [torch.randn(3, 5, 2, dtype=torch.float64) + 2, torch.randn(3, 9, 2, dtype=torch.float64) * 3]
    found = Moments.statistics([Moments.of(parts[:1]), Moments.of(parts[1:])])
    every = torch.cat(parts, dim=1).flatten(1)
    assert found.mean == pytest.approx(every.mean(1).tolist(), rel=1e-9)
    assert found.std == pytest.approx(every.std(1, correction=0).tolist(), rel=1e-9)
    with pytest.raises(ValueError, match="no clips"):
        Moments.statistics([])


def test_statistics_of_a_mixture_are_those_of_all_its_values():
    few, many = torch.randn(40, 2, 6) * 2 + 1, torch.randn(120, 2, 6)
    found = Statistics.mixed([Statistics.of(few), Statistics.of(many)], [40, 120])
    expected = Statistics.of(torch.cat([few, many]))
    assert found.mean == pytest.approx(expected.mean, abs=1e-6) and found.std == pytest.approx(expected.std, rel=1e-5)
    with pytest.raises(ValueError, match=r"sets of \[2, 3\] channels"):
        Statistics.mixed([Statistics.of(few), Statistics.of(torch.randn(4, 3, 6))], [1, 1])


def test_a_shard_without_its_manifest_is_not_complete(tmp_path):
    written = write_shard(tmp_path, 0, [clip("a"), clip("b", "test")], [("c", "silent")], key="k")
    assert read_manifest(tmp_path, 0) == written
    assert read_manifest(tmp_path, 1) is None
    shard_file(tmp_path, 0).with_suffix(".json").unlink()
    assert read_manifest(tmp_path, 0) is None


def test_the_index_counts_and_keeps_reasons(tmp_path):
    write_shard(tmp_path, 0, [clip("a"), clip("b", "test", frames=6)], [("c", "silent")], key="k")
    write_shard(tmp_path, 1, [], [("d", "no sound")], key="k")
    geometry = {"fps": 10, "frames": 16, "sample_rate": 16_000, "mels": 64, "image_size": 64}
    names = {"codec": "log_mel", "autoencoder": "shipped", "autoencoder_sha256": "0"}
    settings = names | {"mirror": False, "geometry": geometry}
    write_index(tmp_path, shards=2, settings=settings, skipped=[("e", "another camera")])
    content = json.loads((tmp_path / "index.json").read_text())
    assert content["splits"]["train"] == {"clips": 1, "frames": 4, "groups": 1}
    assert content["splits"]["test"]["frames"] == 6 and content["splits"]["validation"]["clips"] == 0
    assert content["skipped"] == [["e", "another camera"], ["c", "silent"], ["d", "no sound"]]
    assert read_index(tmp_path).shards == 2


@pytest.mark.parametrize("text", ["not json", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_foreign_index_or_manifest_is_told(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InputError, match="expected the index of prepared clips"):
        read_index(tmp_path)
    shard_file(tmp_path, 0).touch()
    shard_file(tmp_path, 0).with_suffix(".json").write_text(text)
    with pytest.raises(InputError, match="expected the manifest of a shard"):
        read_manifest(tmp_path, 0)
