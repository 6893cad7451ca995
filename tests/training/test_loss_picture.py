"""Claims about the pictures of a run: drawn from its log alone, of what it holds."""

import json
from pathlib import Path

import pytest
from matplotlib.axes import Axes

from cmmd.training.loss_picture import draw_gaps


def write_log(folder: Path, *, held_out: bool, contrast: bool = True) -> Path:
    lines = []
    for step in range(10, 200, 10):
        line = {"step": step, "loss": 1 / step}
        if contrast:
            line |= {"gap_time_shift": 0.1, "gap_time_shift_noise1": 0.05, "gap_time_shift_noise4": 0.2}
        lines.append(line)
        if held_out and step % 50 == 0:
            names = ("gap_time_shift", "gap_time_shift_noise4")
            lines.append({"step": step} | {f"held_out_{name}": step / 1000 for name in names})
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return log


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Of every line that is drawn; None for one without."""
    drawn: list[str | None] = []
    plot = Axes.plot

    def noted(axes, *values, **style):
        drawn.append(style.get("label"))
        return plot(axes, *values, **style)

    monkeypatch.setattr(Axes, "plot", noted)
    return drawn


def test_a_line_a_noise_level_that_was_met(tmp_path, labels):
    draw_gaps(write_log(tmp_path, held_out=False), tmp_path / "gaps.png")
    assert labels == ["0 to 0.25", "0.75 to 1"]
    assert (tmp_path / "gaps.png").read_bytes().startswith(b"\x89PNG")


def test_lines_of_held_out_clips_are_named_and_those_of_training_are_not(tmp_path, labels):
    draw_gaps(write_log(tmp_path, held_out=True), tmp_path / "gaps.png")
    assert labels == [None, None, "0.75 to 1"]


def test_held_out_gaps_are_drawn_where_training_has_none(tmp_path, labels):
    draw_gaps(write_log(tmp_path, held_out=True, contrast=False), tmp_path / "gaps.png")
    assert labels == ["0.75 to 1"]


def test_wrong_targets_have_a_panel_and_a_scale_of_their_own(tmp_path, monkeypatch):
    named: dict[str, list[str]] = {"set_title": [], "set_ylabel": []}
    for name, told in named.items():
        monkeypatch.setattr(Axes, name, lambda axes, text, told=told: told.append(text))
    log = tmp_path / "log.jsonl"
    gaps = {"target_gap_time_shift": 1.0, "target_gap_time_shift_noise4": 1.0, "gap_time_shift": 0.1}
    log.write_text(json.dumps({"step": 1} | gaps) + "\n")
    draw_gaps(log, tmp_path / "gaps.png")
    assert named["set_title"] == ["time shift", "time shift"]
    assert named["set_ylabel"] == ["gap of the distance to targets", "gap of the denoising error"]


def test_no_gaps_no_picture(tmp_path):
    draw_gaps(write_log(tmp_path, held_out=False, contrast=False), tmp_path / "gaps.png")
    assert not (tmp_path / "gaps.png").exists()
