"""`make model`: the chain of trainings from nothing to the shipped weights, on tiny settings."""

import json
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cmmd.cli import main
from cmmd.pipeline import CMMDPipeline
from cmmd.pretrained import SHIPPED_MODEL

ROOT = Path(__file__).parents[1]
RECIPES = (
    *("autoencoder", "decoder", "visual_events", "cmmd", "events", "event_messages", "hits"),
    *("wider_autoencoder", "wider_latents"),
)
SETTINGS = ("loop.steps=2", "loop.batch_size=4", "data.clips=2", "data.frames=24")


def make_model(runs: Path, preloaded: Path, target: str = "model") -> str:
    """Runs `make model` or a part of it with the Python in `preloaded`, without installing; returns what it prints."""
    variables = {
        "MODEL_RUNS": runs,
        "MODEL_SETTINGS": " ".join(SETTINGS),
        "MODEL_EVALUATION": "--clips 2 --steps 1",
        "BIN": preloaded,
    }
    words = ["make", target, "--old-file=.venv/installed", *(f"{name}={value}" for name, value in variables.items())]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def pretrained_files(folder: Path) -> dict[str, object]:
    """The files of models in a folder: shapes and dtypes of weights, and settings but for statistics and versions."""
    found: dict[str, object] = {}
    for file in folder.rglob("*.safetensors"):
        found[str(file.relative_to(folder))] = {name: (w.shape, w.dtype) for name, w in load_file(file).items()}
    for file in folder.rglob("*.json"):
        settings = json.loads(file.read_text())
        known = settings.keys() - {"statistics", "_diffusers_version"}
        found[str(file.relative_to(folder))] = {name: settings[name] for name in known}
    return found


@pytest.mark.slow
def test_one_command_trains_everything_once_and_writes_what_is_shipped(preloaded, tmp_path):
    runs = tmp_path / "runs"
    # A training that was interrupted after its first step.
    words = [word for setting in (*SETTINGS, "loop.steps=1") for word in ("--set", setting)]
    assert main(["train", "world.vocoder", *words, "--out", str(runs / "decoder")]) == 0
    (runs / "decoder" / "model").rename(tmp_path / "of the first step")
    # One that was trained with other settings.
    calls = make_model(runs, preloaded, f"{runs}/events/model").count("-m cmmd train")
    settings = (*SETTINGS, "pictures=8", f"start={runs / 'events/model'}")
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["train", "world.wider_autoencoder", *words, "--out", str(runs / "wider_autoencoder")]) == 0

    assert calls + 1 + make_model(runs, preloaded).count("-m cmmd train") == len(RECIPES)
    for name in RECIPES:
        run = runs / name
        assert (run / "step-00000002").is_dir() and "shipped" not in (run / "config.yaml").read_text()
    first_line = json.loads((runs / "decoder" / "log.jsonl").read_text().splitlines()[0])
    assert first_line["config"]["loop"]["steps"] == 1  # resumed, not begun again
    rows = json.loads((runs / "evaluation" / "record.json").read_text())["world"]
    assert {row["direction"] for row in rows} == {"video_to_audio", "audio_to_video", "joint"}

    written = runs / "pretrained"
    assert pretrained_files(written) == pretrained_files(SHIPPED_MODEL.parent)
    assert sum(file.stat().st_size for file in written.rglob("*") if file.is_file()) < 25e6
    model, shipped_before = CMMDPipeline.from_pretrained(written / "world"), CMMDPipeline.from_pretrained()
    assert model.usual_guidance == shipped_before.usual_guidance
    assert model.usual_temperature == shipped_before.usual_temperature
    assert model.unet.event_messages is not None and model.waveform_decoder is not None
    names = ("cmmd", "event_messages", "hits", "wider_latents")
    before, after, hits, last = (CMMDPipeline.from_pretrained(runs / n / "model").unet.state_dict() for n in names)
    assert all(torch.equal(after[name], known) for name, known in before.items())
    assert {name.split(".")[0] for name in after.keys() - before.keys()} == {"event_messages"}
    assert all(after[name].abs().max() > 0 for name in after.keys() - before.keys())
    assert any(not torch.equal(hits[name], known) for name, known in before.items())
    assert {name for name, known in hits.items() if last[name].shape != known.shape} == {
        *("video_unet.stem.weight", "video_unet.head.weight", "video_unet.head.bias"),
    }
    shipped = model.unet.state_dict()
    assert all(torch.equal(shipped[name], weight) for name, weight in last.items())

    times = {file: file.stat().st_mtime_ns for file in runs.rglob("*")}
    assert "cmmd" not in make_model(runs, preloaded).replace(str(runs), "")
    assert {file: file.stat().st_mtime_ns for file in runs.rglob("*")} == times
