"""Clips from shards that `cmmd prepare` made: splits, crops, mirrored twins, incomplete folders, mixtures by weight."""

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


def test_crops_are_what_was_prepared(folder):
    clips = PreparedClips.open(folder)
    batch = clips.crops(torch.arange(4), frames=16, start=torch.linspace(0, 0.99, 4))
    assert batch.video.shape == (4, 20, 16, 8, 8) and batch.audio.shape == (4, 1, 64, 128)
    longest = max(range(4), key=lambda i: clips.locations[i].frames)
    frames = clips.locations[longest].frames
    # Noise frames are all different: every one of them is drawn.
    starts = torch.arange(4 * frames) / (4 * frames)
    video = clips.crops(torch.full((4 * frames,), longest), frames=1, start=starts).video
    assert len(video.flatten(1).unique(dim=0)) == frames


def test_a_mirrored_twin_is_the_film_turned_round(folder):
    """Encoded pictures in a mirror, not mirrored latents; the sound is the same."""
    plain, turned = (
        PreparedClips.open(folder, mirror=True).crops(
            torch.arange(4), frames=16, start=torch.zeros(4), mirror=torch.full((4,), draw)
        )
        for draw in (0.9, 0.1)
    )
    assert torch.equal(plain.audio, turned.audio)
    one, other = (clips.video[:, :4] for clips in (turned, plain))  # events are equal at every position
    rows = torch.stack([one.flatten(), other.flip(-1).flatten(), other.flatten()])
    same, apart = torch.corrcoef(rows)[0, 1:].tolist()
    # Latents of noise have little in common with those of its mirror image, and less with those of the image itself.
    assert same > 0.2 > 1.5 * abs(apart)


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
    batch = mixed.crops(torch.tensor([4, 0]), frames=16, start=torch.tensor([0.6, 0.2]))
    alone = held_out.standardised_as(video=mixed.video_statistics, audio=mixed.audio_statistics)
    expected = alone.crops(torch.tensor([0]), frames=16, start=torch.tensor([0.6]))
    assert torch.equal(batch.video[0], expected.video[0])


def test_weights_fit_the_folders():
    with pytest.raises(ValueError, match=r"weights are \[1\.0\] for 2 folders"):
        PreparedConfig(folders=("a", "b"), weights=(1.0,))
