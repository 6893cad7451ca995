"""CLAP: a tiny random model from a folder gives unit vectors in fadtk's windows, and says when it cannot."""

import sys

import numpy as np
import pytest

from cmmd.errors import InputError
from cmmd.evaluation.backbones import load_backbone


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    audio = {
        "spec_size": 256,
        "num_mel_bins": 64,
        "patch_size": 4,
        "patch_embeds_hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "window_size": 8,
        "num_classes": 4,
    }
    text = {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16}
    config = transformers.ClapConfig(audio_config=audio, text_config=text, projection_dim=24)
    place = tmp_path_factory.mktemp("clap")
    transformers.ClapModel(config).save_pretrained(place)
    transformers.ClapFeatureExtractor().save_pretrained(place)
    return place


def test_windows_and_norm(folder):
    clap = load_backbone(f"CLAP={folder}")
    assert (clap.name, clap.distance, clap.sample_rate, len(clap.sha256)) == ("CLAP", "FAD-CLAP", 48_000, 64)
    rng = np.random.default_rng(0)
    for seconds, windows in ((0.5, 1), (1.6, 2), (3.0, 3)):
        sound = rng.normal(size=round(seconds * 48_000)).astype(np.float32)
        vectors = clap.embed(sound).vectors
        assert len(vectors) == windows
        assert np.allclose(vectors.norm(dim=1), 1, atol=1e-5)
        assert np.array_equal(vectors, clap.embed(sound).vectors)  # nothing is cut at random


def test_a_folder_without_a_model_is_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="expected a CLAP model of transformers"):
        load_backbone(f"CLAP={tmp_path}")


def test_without_transformers_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="expected pip install transformers"):
        load_backbone(f"CLAP={tmp_path}")
