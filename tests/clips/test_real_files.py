"""The real clips and the odd files: each ends in a result or in one line, in time, in a process of its own."""

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
from made_media import click, click_time

from cmmd.clips.reading import probe, read_clip
from cmmd.clips.writing import write_sound_under_video

BRING_THROUGH = """
import sys, numpy as np
from cmmd.clips.reading import read_clip
from cmmd.clips.writing import write_sound_under_video
from cmmd.errors import InputError
try:
    clip = read_clip(sys.argv[1])
    assert clip.frames is not None or clip.waveform is not None
    if clip.frames is not None:
        write_sound_under_video(sys.argv[1], np.zeros(16000, np.float32), sys.argv[2], sample_rate=16000)
    print("result", clip.seconds)
except InputError as error:
    print("refused", error)
"""
TIME_LIMIT = 240  # s; far more than any needs, but a hang ends


def _manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "MANIFEST.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_clips_are_as_long_as_their_frames(data_folder: Path) -> None:
    """One in five, because decoding pictures takes long."""
    wrong = []
    for row in _manifest(data_folder / "clips")[::5]:
        path, rate = data_folder / "clips" / Path(row["file"]).name, float(row["avg_fps"])
        clip = read_clip(path)
        assert clip.frames is not None, path
        assert clip.waveform is not None, path
        right = {
            "length": clip.seconds == pytest.approx(int(row["frames"]) / rate, abs=1 / rate),
            "samples": len(clip.waveform) == round(clip.seconds * 16000),
            "probe": probe(path).seconds == pytest.approx(clip.seconds, abs=1e-3),
        }
        wrong += [f"{path.name}: {what}" for what, is_right in right.items() if not is_right]
    assert not wrong


def test_sound_of_clips_has_its_level(data_folder: Path) -> None:
    for row in _manifest(data_folder / "clips"):
        waveform = read_clip(data_folder / "clips" / Path(row["file"]).name, want="audio").waveform
        assert waveform is not None
        level = np.sqrt((waveform.astype(np.float64) ** 2).mean())
        assert level == pytest.approx(float(row["a_rms"]), rel=0.1), row["file"]


@pytest.mark.slow
def test_odd_files_end_in_a_result_or_one_line(data_folder: Path, preloaded: Path, tmp_path: Path) -> None:
    refused, wrong = set(), {}
    for row in _manifest(data_folder / "odd"):
        path = data_folder / "odd" / Path(row["file"]).name
        command = [preloaded / "python", "-c", BRING_THROUGH, str(path), str(tmp_path / "out.mp4")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        if done.returncode != 0 or len(done.stdout.splitlines()) != 1:
            wrong[path.name] = done.stderr[-500:]
        if done.stdout.startswith("refused"):
            refused.add(path.name)
    assert not wrong
    assert refused == {
        "chunk_out_of_range.mp4",
        "derived_truncated_half.mp4",
        "encrypted.webm",
        "header_only.avi",
        "invalid_userdata.mp4",
        "no_streams.mp4",
    }


@pytest.mark.parametrize(
    ("name", "after"),
    [("aist_motivation_gt.mp4", -0.0454), ("vllama_applausing.mp4", -0.0667), ("water_biDn0Gi6V8U.mp4", 0.012)],
)
def test_offsets_between_sound_and_video(data_folder: Path, name: str, after: float) -> None:
    assert probe(data_folder / "clips" / name).audio.sound_offset == pytest.approx(after, abs=1e-4)


@pytest.mark.parametrize("name", ["vllama_applausing.mp4", "decord_flipping_a_pancake.mkv", "grid_lwbsza.mpg"])
def test_video_packets_of_real_clips_are_untouched(data_folder: Path, tmp_path: Path, name: str) -> None:
    source = data_folder / "clips" / name
    result = write_sound_under_video(source, click(4, 1.25, rate=16000)[0], tmp_path / "out.mp4", sample_rate=16000)
    assert result.copied
    assert result.video_packet_hash_in == result.video_packet_hash_out
    sound = read_clip(tmp_path / "out.mp4", want="audio").waveform
    assert sound is not None
    assert click_time(sound, 16000) == pytest.approx(1.25, abs=0.002)
