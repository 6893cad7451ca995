"""The cache: embeddings come back as they were, and another file, network or reading has another place."""

from dataclasses import replace
from pathlib import Path

import torch

from cmmd.evaluation.backbones.backbone import Embedding
from cmmd.evaluation.backbones.log_mel import LogMelFrames
from cmmd.evaluation.measuring.embedding_cache import EmbeddingCache, default_cache
from cmmd.evaluation.measuring.media import Reading
from cmmd.evaluation.measuring.pairing import ListedClip


def listed(folder: Path, **contents: bytes) -> list[ListedClip]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [ListedClip(name=name, file=folder / name, events=None, group="") for name in contents]


def test_embeddings_come_back_as_they_were(tmp_path):
    cache, path = EmbeddingCache(tmp_path / "cache"), tmp_path / "cache" / "set.safetensors"
    made = {"a": Embedding(torch.randn(3, 4), torch.rand(5)), "b/c": Embedding(torch.randn(2, 4), None)}
    assert cache.load(path) == {}
    cache.save(path, made)
    back = cache.load(path)
    assert list(back) == ["a", "b/c"] and back["b/c"].classes is None
    assert torch.equal(back["a"].vectors, made["a"].vectors)
    classes = [one["a"].classes for one in (back, made)]
    assert classes[0] is not None and classes[1] is not None and torch.equal(classes[0], classes[1])
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    path.write_bytes(b"broken")
    assert cache.load(path) == {}


def test_all_that_matters_is_in_the_key(tmp_path, monkeypatch):
    cache, reading, backbone = EmbeddingCache(tmp_path), Reading(), LogMelFrames()
    clips = listed(tmp_path, a=b"one", b=b"two")
    place = cache.path(clips, backbone, reading)
    assert cache.path(listed(tmp_path, a=b"one", b=b"two"), backbone, reading) == place
    others = [
        cache.path(clips[:1], backbone, reading),
        cache.path(clips, backbone, replace(reading, image_size=128)),
        cache.path(listed(tmp_path, a=b"one", b=b"too"), backbone, reading),
    ]
    for field in ("sha256", "preprocessing", "windows"):
        changed = LogMelFrames()
        monkeypatch.setattr(changed, field, "another", raising=False)
        others.append(cache.path(listed(tmp_path, a=b"one", b=b"two"), changed, reading))
    assert len({place, *others}) == 7


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    EmbeddingCache(tmp_path / "file").save(tmp_path / "file" / "set", {"a": Embedding(torch.zeros(1, 1), None)})
    assert (tmp_path / "file").read_bytes() == b""


def test_the_default_is_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "cmmd" / "embeddings"
