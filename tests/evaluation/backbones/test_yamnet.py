"""YAMNet: hears in real clips what the original hears, and its distance tells real fireworks from a generator's."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd.clips.reading import read_clip
from cmmd.data.preparing.vas import sound_of_picture
from cmmd.errors import InputError
from cmmd.evaluation.backbones.audioset_mel import PATCH_SAMPLES, mel_patches
from cmmd.evaluation.backbones.yamnet import YAMNet
from cmmd.measures.frechet import frechet_distance

FEW = 11
"""Clips of each of three equal sets of fireworks."""


@pytest.fixture(scope="module")
def yamnet(data_folder: Path) -> YAMNet:
    return YAMNet(data_folder / "weights" / "yamnet_torch_fp16.pt")


def test_it_hears_in_real_clips_what_the_original_hears(data_folder, yamnet):
    """The manifest holds the four largest mean scores of the TFLite original."""
    with (data_folder / "weights" / "yamnet_class_map.csv").open() as table:
        names = [row["display_name"] for row in csv.DictReader(table)]
    first, errors = [], []
    with (data_folder / "clips" / "MANIFEST.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["heard_yamnet_top4"].strip()]
    for row in rows[::3]:
        clip = read_clip(data_folder / "clips" / Path(row["file"]).name, want="audio")
        scores = yamnet.scores(clip.waveform).mean(0)
        told = [entry.rsplit(" ", 1) for entry in row["heard_yamnet_top4"].split("; ")]
        first.append(names[int(scores.argmax())] == told[0][0])
        errors += [abs(scores[names.index(name)].item() - float(score)) for name, score in told]
    assert len(first) > 10 and np.mean(first) > 0.9
    assert np.mean(errors) < 0.03


@pytest.mark.slow
def test_real_fireworks_are_nearer_to_real_ones_than_a_generators(data_folder, yamnet):
    """At equal size, one clip a source video: the mp4 files carry a GAN's sound, the true log-mel lies beside them."""
    folder = data_folder / "vas_fireworks"
    with (folder / "MANIFEST.csv").open() as table:
        rows = list({row["source_video"]: row for row in csv.DictReader(table)}.values())[: 3 * FEW]
    assert len(rows) == 3 * FEW

    def real(chosen: list[dict[str, str]]) -> torch.Tensor:
        sounds = [sound_of_picture(folder / row["real_logmel_png"], sample_rate=16_000) for row in chosen]
        return torch.cat([yamnet.embed(sound).vectors for sound in sounds])

    sounds = [read_clip(folder / row["video"], want="audio").waveform for row in rows[2 * FEW :]]
    made = torch.cat([yamnet.embed(sound).vectors for sound in sounds if sound is not None])
    reference = real(rows[:FEW])
    floor, distance = frechet_distance(real(rows[FEW : 2 * FEW]), reference), frechet_distance(made, reference)
    print(f"FAD-YAMNet of {FEW} against {FEW} clips: real {floor:.1f}, generated {distance:.1f}")
    assert distance > 1.3 * floor


def test_windows_are_those_that_are_told(yamnet):
    assert [len(yamnet.embed(np.zeros(n, np.float32)).vectors) for n in (1000, PATCH_SAMPLES, 25_600, 48_000)] == [
        1,
        1,
        2,
        5,
    ]
    embedding = yamnet.embed(np.random.default_rng(0).normal(size=25_600).astype(np.float32))
    assert embedding.vectors.shape == (2, 1024) and embedding.classes is not None
    assert embedding.classes.sum().item() == pytest.approx(1, abs=1e-5)
    assert len(yamnet.sha256) == 64


def test_a_tone_is_in_its_mel_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(PATCH_SAMPLES) / 16_000)
    patch = mel_patches(tone, offset=0.001, hop=48)[0]
    edges = 1127 * np.log1p(np.array([125.0, 7500.0]) / 700)
    band = (1127 * np.log1p(1000 / 700) - edges[0]) / (edges[1] - edges[0]) * 65 - 1
    assert abs(int(patch.mean(0).argmax()) - band) < 1


def test_another_file_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"no layers\.0\.weight"):
        YAMNet(tmp_path / "other.pt")
    (tmp_path / "broken.pt").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="expected tensors that torch"):
        YAMNet(tmp_path / "broken.pt")
