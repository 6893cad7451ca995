"""Claims about the table of world samples: every figure beside its ceiling and its chance, in its unit."""

import numpy as np

from cmmd.evaluation.measuring.event_agreement import timing_metrics
from cmmd.evaluation.record.schema import Metric, WorldScore
from cmmd.evaluation.record.world_table import HEAD, world_rows
from cmmd.measures.alignment import measure_alignment


def metric(name: str, value: float, floor: float = np.nan) -> Metric:
    return Metric(name=name, value=value, floor=floor, better="lower", samples=8, about="")


def test_the_table_shows_ceiling_and_chance_beside_the_score() -> None:
    rng = np.random.default_rng(0)
    true = [np.cumsum(rng.uniform(0.4, 0.8, size=2)) for _ in range(8)]
    late = [times + 0.06 for times in true]
    timing = timing_metrics(late, true, ceiling=measure_alignment(true, true), found_in="")
    other = [metric("pitch", 0.5), metric("picture distance", 3.25, floor=0.5)]
    score = WorldScore(family="impacts", direction="video_to_audio", clips=8, metrics=(*timing, *other), seconds=1.0)
    (row,) = world_rows([score])
    assert HEAD[-4:] == ("spectrogram", "floor", "pictures", "floor")
    assert row[-4:] == ["-", "-", "3.25", "0.50"]
    found = dict(zip(HEAD, row, strict=True))  # of columns with one name the last one
    assert row[:2] == ["impacts, video to audio", "8"]
    assert found["F1@50"].startswith("0.000")
    assert found["F1@100"].startswith("1.000")
    assert found["ceiling"] == "1.000"
    assert 0 <= float(found["chance"]) < 1
    assert (found["offset"], found["median"], found["lag"]) == ("60.0 ms", "+60.0 ms", "+60.0 ms")
    assert found["pitch"] == "0.500"
