"""Clips from shards: aligned crops of what was prepared, mirrors only when asked, mixtures by weight."""

import shutil
from pathlib import Path

import pytest
import torch
from made_folder import made_folder, small_config

from cmmd.data.prepared_clips import MixedClips, PreparedClips, PreparedConfig
from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.prepare import prepare
from cmmd.data.preparing.request import with_splits
from cmmd.data.shards import shard_file
from cmmd.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    media = made_folder(tmp_path_factory.mktemp("media"), clips=5)
    out = tmp_path_factory.mktemp("prepared")
    listing = with_splits(list_folder(media), validation=0.2)
    prepare(listing, out, small_config(seconds=2.4, mirror=True), workers=1)
    return out


def test_every_split_has_its_own_clips_and_the_training_statistics(folder):
    train, held_out = PreparedClips.open(folder), PreparedClips.open(folder, split="validation")
    assert len(train) + len(held_out) == 5 and len(held_out) == 1
    assert train.video_statistics == held_out.video_statistics
    with pytest.raises(InputError, match="found no test clips"):
        PreparedClips.open(folder, split="test")


def test_crops_are_standardised_stretches_of_one_time(folder):
    clips = PreparedClips.open(folder)
    generator = torch.Generator().manual_seed(0)
    batch = clips.crops(torch.arange(len(clips)), frames=16, generator=generator)
    assert batch.video.shape == (4, 4, 16, 8, 8) and batch.audio.shape == (4, 1, 64, 128)
    again = clips.crops(torch.arange(len(clips)), frames=16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(batch.video, again.video)
    longest = max(range(4), key=lambda i: clips.places[i].frames)
    # Noise frames are all different: every one of them is drawn.
    video = torch.cat([clips.crops(torch.tensor([longest]), frames=1, generator=generator).video for _ in range(200)])
    assert len(video.flatten(1).unique(dim=0)) == clips.places[longest].frames
    with pytest.raises(ValueError, match=r"clip [01] has 24 frames, expected 99"):
        clips.crops(torch.arange(4), frames=99, generator=generator)


def test_mirrors_come_when_asked_and_were_prepared(folder):
    plain, mirrored = PreparedClips.open(folder), PreparedClips.open(folder, mirror=True)

    def first_frames(clips: PreparedClips) -> torch.Tensor:
        draws = [
            clips.crops(torch.tensor([0]), frames=20, generator=torch.Generator().manual_seed(s)) for s in range(80)
        ]
        return torch.cat([draw.video for draw in draws]).flatten(1).unique(dim=0)

    starts = plain.places[0].frames - 20 + 1
    assert len(first_frames(plain)) <= starts < len(first_frames(mirrored)) <= 2 * starts


def test_an_incomplete_folder_is_told(folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    with shard_file(broken, 1).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(InputError, match="found no complete shard, expected what cmmd prepare left there"):
        PreparedClips.open(broken)
    (broken / "index.json").unlink()
    with pytest.raises(InputError, match=r"found no index\.json, expected a folder that cmmd prepare has finished"):
        PreparedClips.open(broken)


def test_a_mixture_draws_by_weight_and_every_clip_of_a_set_alike(folder):
    train, held_out = PreparedClips.open(folder), PreparedClips.open(folder, split="validation")
    mixed = MixedClips.of([train, held_out], [1.0, 1.0])
    drawn = torch.cat([mixed.batch(5, seed=0, step=step) for step in range(40)])
    counts = torch.bincount(drawn, minlength=5)
    assert (drawn == 4).sum().item() == pytest.approx(100, abs=25)  # the one clip of the second set: half of all
    assert counts[:4].max() - counts[:4].min() <= 1
    assert torch.equal(mixed.batch(5, seed=0, step=7), drawn[35:40])
    batch = mixed.crops(torch.tensor([4, 0]), frames=16, generator=torch.Generator().manual_seed(1))
    alone = held_out.standardised_as(video=mixed.video_statistics, audio=mixed.audio_statistics)
    expected = alone.crops(torch.tensor([0]), frames=16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(batch.video[0], expected.video[0])


def test_weights_fit_the_folders():
    with pytest.raises(ValueError, match=r"weights are \[1\.0\] for 2 folders"):
        PreparedConfig(folders=("a", "b"), weights=(1.0,))
