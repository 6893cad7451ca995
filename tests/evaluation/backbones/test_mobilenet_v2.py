"""MobileNetV2: sees the beagle and strings, and refuses weights without their graph."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd.clips.reading import read_clip
from cmmd.errors import InputError
from cmmd.evaluation.backbones.mobilenet_v2 import GRAPH, MobileNetV2, pictures
from cmmd.evaluation.backbones.same_padding import same_convolution

BEAGLE, BARBELL, DRUM, HARP = 163, 423, 542, 595
"""Classes of ImageNet counted from a background class 0."""


@pytest.fixture(scope="module")
def network(data_folder: Path) -> MobileNetV2:
    return MobileNetV2(data_folder / "weights" / "mobilenet_v2_torch_fp16.pt")


@pytest.mark.parametrize(
    ("file", "expected", "rank"),
    [
        ("vas_dog_02677.mp4", BEAGLE, 1),
        ("anet_GGSY1Qvo990.mp4", BARBELL, 1),
        ("difffoley_drum.mp4", DRUM, 1),
        ("vgg_54bz5yqN2IA.mp4", HARP, 3),  # a double bass, which ImageNet does not know
    ],
)
def test_it_sees_what_a_clip_shows(data_folder, network, file, expected, rank):
    clip = read_clip(data_folder / "clips" / file, image_size=224, fps=1, seconds=4, want="video")
    assert clip.frames is not None
    embedding = network.embed(clip.frames)
    assert embedding.vectors.shape == (len(clip.frames), 1280) and embedding.classes is not None
    assert expected in embedding.classes.topk(rank).indices.tolist()


def test_frames_do_not_depend_on_each_other(network):
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    together, alone = network.embed(frames).vectors, network.embed(frames[1:2]).vectors
    assert torch.allclose(together[1:2], alone, atol=1e-4)


def test_pictures_span_minus_one_to_one():
    x = pictures(np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)]), size=16)
    assert x.shape == (2, 3, 16, 16)
    assert x[0].unique().tolist() == [-1] and x[1].amin().item() == pytest.approx(1, abs=1e-6)


def test_same_padding_puts_the_odd_pixel_at_the_end():
    x = torch.arange(4.0)[None, None, None]
    kernel = torch.ones(1, 1, 1, 3)
    assert same_convolution(x, kernel, torch.zeros(1), stride=2, groups=1).flatten().tolist() == [3, 5]
    assert same_convolution(x, kernel, torch.zeros(1), stride=1, groups=1).flatten().tolist() == [1, 3, 6, 5]


def test_weights_without_their_graph_are_refused(tmp_path):
    torch.save({}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="no list of operations"):
        MobileNetV2(tmp_path / "weights.pt")
    (tmp_path / GRAPH).write_text('{"ops": [["conv", 0, 1, 0, 1, 1, 0]]}')
    with pytest.raises(InputError, match=r"no conv\.0\.weight"):
        MobileNetV2(tmp_path / "weights.pt")
