"""Publishing of a model: the card says what it should, and the folder that is uploaded is a model that loads."""

import shutil
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cmmd import CMMDPipeline, ModelCard

CARD = ModelCard(data="Clips of my own drums (CC0).", figures="F1 0.5", limits="Only drums.", license="cc0-1.0")


@pytest.fixture
def uploaded(monkeypatch, tmp_path) -> dict[str, object]:
    """Replaces the hub by a folder. Returns what it was told."""
    told: dict[str, object] = {}

    class Hub:
        def __init__(self, token: str | None) -> None:
            told["token"] = token

        def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> SimpleNamespace:
            told.update(repo_id=repo_id, private=private, exist_ok=exist_ok)
            return SimpleNamespace(repo_id=f"me/{repo_id}")

        def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> str:
            told.update(uploaded=repo_id, message=commit_message)
            shutil.copytree(folder_path, tmp_path / "hub")
            return "address"

    monkeypatch.setattr("cmmd.pipelines.saved_pipeline.HfApi", Hub)
    return told


def test_a_published_model_has_its_card_and_loads(uploaded, tmp_path):
    pipeline = CMMDPipeline.from_pretrained()
    assert pipeline.push_to_hub("drums", CARD, private=True, token="secret", commit_message="First") == "address"
    assert uploaded == {
        "token": "secret",
        "repo_id": "drums",
        "private": True,
        "exist_ok": True,
        "uploaded": "me/drums",
        "message": "First",
    }
    text = Path(tmp_path, "hub", "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "cc0-1.0" and "video-to-audio" in yaml.safe_load(front)["tags"]
    for heading, content in (("Training data", CARD.data), ("Figures", CARD.figures), ("Limits", CARD.limits)):
        assert f"## {heading}\n\n{content}\n" in body
    millions = sum(weight.numel() for weight in pipeline.unet.parameters()) / 1e6
    assert f"{millions:.1f} M parameters" in body and "64 x 64 pixels at 10 frames per second, 16000 Hz" in body
    assert 'from_pretrained("hub:me/drums")' in body and "secret" not in text
    again = CMMDPipeline.from_pretrained(tmp_path / "hub")
    assert again.config["statistics"] == pipeline.config["statistics"]


@pytest.mark.parametrize("name", [field.name for field in fields(ModelCard)])
def test_a_card_without_content_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} of the model card is empty"):
        replace(CARD, **{name: " \n"})
