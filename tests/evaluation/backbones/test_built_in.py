"""Backbones without a network: what stands in their vectors can be said by hand."""

import math

import numpy as np
import pytest
import torch

from cmmd.evaluation.backbones.backbone import Backbone, sha256_of
from cmmd.evaluation.backbones.log_mel import LogMelFrames
from cmmd.evaluation.backbones.thumbnails import Thumbnails
from cmmd.latents.spectrogram import LOG_FLOOR


def test_silence_is_the_floor_and_frames_are_hops():
    backbone = LogMelFrames()
    embedding = backbone.embed(np.zeros(25_550, np.float32))
    assert embedding.vectors.shape == (128, 64) and embedding.classes is None
    assert embedding.vectors.unique().tolist() == pytest.approx([math.log(LOG_FLOOR)])


def test_a_thumbnail_is_the_mean_of_its_areas():
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    frames[1, :2, 2:4, 0] = 255
    vectors = Thumbnails().embed(frames).vectors
    assert vectors.shape == (2, 192) and vectors[0].unique().tolist() == [-1]
    assert torch.nonzero(vectors[1] > 0).flatten().tolist() == [1]


def test_both_are_backbones():
    assert isinstance(LogMelFrames(), Backbone) and isinstance(Thumbnails(), Backbone)


def test_the_hash_of_several_files_depends_on_each(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    both, one = sha256_of([tmp_path / "a", tmp_path / "b"]), sha256_of([tmp_path / "a"])
    assert sha256_of([tmp_path / "b", tmp_path / "a"]) == both != one
    (tmp_path / "b").write_bytes(b"3")
    assert sha256_of([tmp_path / "a", tmp_path / "b"]) != both
