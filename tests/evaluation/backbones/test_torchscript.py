"""TorchScript files: each kind is fed as it says, and what comes back is read whatever its form."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cmmd.errors import InputError
from cmmd.evaluation.backbones import load_backbone
from cmmd.evaluation.backbones.torchscript import TorchScriptBackbone


class TinyI3D(nn.Module):
    """Probabilities unless asked for what comes before them, as the network in use is."""

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        means = x.mean(dim=(2, 3, 4))
        return means if return_features else means.softmax(1)


class TinyVGGish(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean(dim=2).flatten(1), x


class TinyPANNs(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"embedding": x[:, :8], "clipwise_output": x}


def saved(module: nn.Module, path: Path) -> Path:
    torch.jit.script(module).save(str(path))
    return path


def test_i3d_gets_clips_at_224_and_gives_logits(tmp_path):
    i3d = TorchScriptBackbone("I3D", saved(TinyI3D(), tmp_path / "i3d.pt"))
    assert (i3d.distance, i3d.discrepancy) == ("FVD", "KVD")
    clip = np.full((16, 64, 64, 3), (255, 0, 51), np.uint8)
    embedding = i3d.embed(clip)
    assert embedding.vectors[0].tolist() == pytest.approx([1, -1, -0.6], abs=1e-5)  # not a softmax of them
    assert embedding.classes is not None and embedding.classes.sum().item() == pytest.approx(1)
    assert [len(i3d.embed(np.repeat(clip[:1], n, axis=0)).vectors) for n in (9, 15, 16, 31, 32)] == [1, 1, 1, 1, 2]
    with pytest.raises(InputError, match="8 frames, expected 9 or more"):
        i3d.embed(clip[:8])


def test_vggish_gets_patches_and_panns_waveforms(tmp_path):
    vggish = TorchScriptBackbone("VGGish", saved(TinyVGGish(), tmp_path / "vggish.pt"))
    assert vggish.embed(np.zeros(25_600, np.float32)).vectors.shape == (2, 64)
    assert vggish.embed(np.zeros(25_600, np.float32)).vectors.unique().tolist() == pytest.approx([np.log(0.01)])
    panns = TorchScriptBackbone("PANNs", saved(TinyPANNs(), tmp_path / "panns.pt"))
    vectors = panns.embed(np.arange(64_000, dtype=np.float32)).vectors
    assert vectors[:, 0].tolist() == [0, 16_000, 32_000]
    assert panns.embed(np.ones(100, np.float32)).vectors.shape == (1, 8)
    assert (vggish.distance, panns.distance, panns.sample_rate) == ("FAD-VGGish", "FAD-PANNs", 32_000)


def test_by_name_by_folder_and_by_variable(tmp_path, monkeypatch):
    saved(TinyI3D(), tmp_path / "i3d_torchscript.pt")
    by_folder = load_backbone(f"i3d={tmp_path}")
    monkeypatch.setenv("CMMD_BACKBONES", str(tmp_path))
    by_variable = load_backbone("I3D")
    assert by_folder.name == by_variable.name == "I3D" and by_folder.sha256 == by_variable.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Inception", "expected YAMNet, MobileNetV2, I3D, VGGish, PANNs, CLAP"),
        ("YAMNet", "expected YAMNet=PATH, or CMMD_BACKBONES"),
        ("PANNs=nowhere.pt", "expected the weights of PANNs"),
    ],
)
def test_what_is_no_backbone_is_told_in_one_line(monkeypatch, text, message):
    monkeypatch.delenv("CMMD_BACKBONES", raising=False)
    with pytest.raises(InputError, match=message):
        load_backbone(text)


def test_a_file_that_is_no_script_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="expected I3D saved with torch"):
        TorchScriptBackbone("I3D", tmp_path / "weights.pt")
