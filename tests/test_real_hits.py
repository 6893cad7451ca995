"""The sound for real clips with visible hits is in time more often than its onsets are after shifts in time."""

import csv
import sys
from pathlib import Path

import pytest

from cmmd.clips.reading import read_clip
from cmmd.pipeline import CMMDPipeline

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import real_hits


@pytest.mark.slow
def test_sound_for_a_stick_on_things_is_in_time(data_folder):
    folder = data_folder / "hits"
    with (folder / "MANIFEST.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "stick"]
    pipeline, takes = CMMDPipeline.from_pretrained(), []
    for row in rows:
        clip = read_clip(folder / row["file"], seconds=4)
        assert clip.frames is not None and clip.waveform is not None
        true = real_hits.clear_onsets(clip.waveform, clip.sample_rate)
        (take,) = pipeline.video_to_audio(clip.frames, steps=5)
        found = real_hits.clear_onsets(take.waveform, take.sample_rate)
        takes.append(real_hits.judged(found, true, clip.seconds, row))
    assert len(takes) > 10 and real_hits.gain(takes)[0] > 0.05
