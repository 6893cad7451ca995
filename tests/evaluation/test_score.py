"""Claims about the table of `cmmd score`: every figure beside its ceiling and its chance, in its unit."""

from pathlib import Path

import numpy as np
import torch

from cmmd.cli import main
from cmmd.evaluation.score import Score, ScoreOptions, table, true_clips
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import VisualEventDetector


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_shows_ceiling_and_chance_beside_the_score() -> None:
    rng = np.random.default_rng(0)
    true = [np.cumsum(rng.uniform(0.4, 0.8, size=2)) for _ in range(8)]
    late = Score(
        family="impacts",
        direction="video_to_audio",
        found=measure_alignment([times + 0.06 for times in true], true),
        ceiling=measure_alignment(true, true),
        pitch=0.5,
        spectrogram=None,
        spectrogram_floor=None,
        pictures=3.25,
        pictures_floor=0.5,
        backbone=None,
        backbone_floor=None,
        seconds=1.0,
    )
    head, _, row = table([late]).splitlines()
    assert cells(head)[-4:] == ["spectrogram", "floor", "pictures", "floor"]
    assert cells(row)[-4:] == ["-", "-", "3.25", "0.50"]
    found = dict(zip(cells(head), cells(row), strict=True))  # of columns with one name the last one
    assert cells(row)[:2] == ["impacts, video to audio", "8"]
    assert found["F1@50"].startswith("0.000")
    assert found["F1@100"].startswith("1.000")
    assert found["ceiling"] == "1.000"
    assert 0 <= float(found["chance"]) < 1
    assert (found["offset"], found["median"], found["lag"]) == ("60.0 ms", "+60.0 ms", "+60.0 ms")
    assert found["pitch"] == "0.500"


def test_a_given_detector_measures_in_place_of_the_shipped_one(tmp_path: Path) -> None:
    blind = VisualEventDetector(image_size=64, fps=10, width=16, depth=1)
    assert blind.head.bias is not None
    torch.nn.init.constant_(blind.head.bias, -100.0)
    blind.save_pretrained(tmp_path)
    found = [
        true_clips(ScoreOptions(family="impacts", clips=2, detector=detector))["impacts"].seen
        for detector in (None, tmp_path)
    ]
    assert [sum(map(len, seen)) > 0 for seen in found] == [True, False]


def test_a_folder_without_a_detector_is_told_in_one_line(tmp_path: Path, capsys) -> None:
    assert main(["score", "--detector", str(tmp_path), "--clips", "2"]) == 2
    message = capsys.readouterr().err.strip()
    assert message.endswith(f"{tmp_path}: no config.json, expected a folder with a visual event detector")
    assert len(message.splitlines()) == 1
