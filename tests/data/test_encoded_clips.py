"""Encoded clips: statistics, aligned crops, order from (seed, step), safe files."""

import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.order import batch_indices, epoch_order, mixed_batch_indices
from cmmd.data.statistics import Statistics
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.rendering import WorldConfig
from cmmd.errors import InputError
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.latents.video_autoencoder import small_autoencoder


def numbered_clips(clips: int = 5, frames: int = 12) -> EncodedClips:
    """Every value says which frame it belongs to."""
    time = torch.arange(frames, dtype=torch.float32)
    video = time.view(1, 1, frames, 1, 1).expand(clips, 4, frames, 8, 8)
    audio = time.repeat_interleave(8).view(1, 1, 1, 8 * frames).expand(clips, 1, 64, 8 * frames)
    one = {"video": Statistics(mean=(0.0,) * 4, std=(1.0,) * 4), "audio": Statistics(mean=(0.0,), std=(1.0,))}
    return EncodedClips(
        video=video.half(), audio=audio.half(), video_statistics=one["video"], audio_statistics=one["audio"]
    )


def test_crops_cut_the_same_stretch_from_both_modalities(generator):
    batch = numbered_clips().crops(torch.tensor([0, 3, 4]), frames=6, generator=generator)
    assert batch.video.shape == (3, 4, 6, 8, 8) and batch.audio.shape == (3, 1, 64, 48)
    assert torch.equal(batch.video[:, 0, :, 0, 0], batch.audio[:, 0, 0, ::8])


def test_clips_shorter_than_a_crop_are_refused(generator):
    with pytest.raises(ValueError, match="clips have 12 frames, expected at least 16"):
        numbered_clips().crops(torch.tensor([0]), frames=16, generator=generator)


def test_statistics_standardise_and_restore():
    clips = 3.0 + 2.0 * torch.randn(6, 2, 10, 4, 4, dtype=torch.float64)
    clips[:, 1] *= 5
    statistics = Statistics.of(clips)
    standard = statistics.standardise(clips)
    assert standard.mean((0, 2, 3, 4)).abs().max() < 1e-5
    assert (standard.std((0, 2, 3, 4)) - 1).abs().max() < 1e-2
    assert torch.allclose(statistics.restore(standard), clips)
    with pytest.raises(ValueError, match="statistics are of 2 channels, the tensor has 3"):
        statistics.standardise(torch.zeros(1, 3, 4))


def test_an_epoch_sees_every_clip_once_and_batches_reach_over_its_end():
    drawn = torch.cat([batch_indices(10, 4, seed=3, step=step) for step in range(5)])
    assert sorted(drawn[:10].tolist()) == sorted(drawn[10:].tolist()) == list(range(10))
    assert not torch.equal(epoch_order(10, seed=3, epoch=0), epoch_order(10, seed=3, epoch=1))
    assert torch.equal(batch_indices(10, 4, seed=3, step=2), drawn[8:12])


def test_a_mixture_sees_a_set_as_often_as_its_weight_says_and_in_epochs():
    drawn = torch.cat([mixed_batch_indices((6, 30), (3, 1), 8, seed=1, step=step) for step in range(90)])
    small = drawn[drawn < 6]
    assert len(small) / len(drawn) == pytest.approx(0.75, abs=0.02)
    # Each of its clips as often as any other, but for the epoch that has begun; no two epochs in the same order.
    assert torch.bincount(small).max() - torch.bincount(small).min() <= 2
    assert len({tuple(small[start : start + 6].tolist()) for start in range(0, 60, 6)}) > 3
    assert torch.equal(drawn[40:48], mixed_batch_indices((6, 30), (3, 1), 8, seed=1, step=5))
    assert sorted(mixed_batch_indices((9,), (2.0,), 9, seed=0, step=3).tolist()) == list(range(9))
    with pytest.raises(ValueError, match="expected a weight above 0 for each"):
        mixed_batch_indices((6, 30), (1, 0), 8, seed=0, step=0)


def test_files_are_read_back_under_their_key_only(tmp_path):
    path = tmp_path / "clips.safetensors"
    video, audio = torch.randn(3, 4, 8, 8, 8).half(), torch.randn(3, 1, 64, 64).half()
    EncodedClips.of(video, audio).save(path, key="a")
    loaded = EncodedClips.load(path, key="a")
    assert loaded is not None and torch.equal(loaded.video, video) and torch.equal(loaded.audio, audio)
    assert EncodedClips.load(path, key="b") is None
    assert EncodedClips.load(tmp_path / "none.safetensors", key="a") is None
    path.write_bytes(b"not tensors")
    with pytest.raises(InputError, match="not a file of encoded clips"):
        EncodedClips.load(path, key="a")


def test_world_is_encoded_on_the_common_grid_and_keyed_by_all_it_depends_on():
    torch.manual_seed(0)
    geometry, autoencoder = Geometry(), small_autoencoder().eval()
    config = WorldConfig(clips=1, frames=4)
    clips = encode_world(config, geometry=geometry, autoencoder=autoencoder, codec=LogMelCodec(geometry))
    assert clips.video.shape == (2, 4, 4, 8, 8) and clips.audio.shape == (2, 1, 64, 32)
    key = world_key(config, geometry=geometry, autoencoder=autoencoder, codec=LogMelCodec(geometry))
    other = world_key(
        WorldConfig(clips=1, frames=4, seed=1), geometry=geometry, autoencoder=autoencoder, codec=LogMelCodec(geometry)
    )
    assert key != other
    with pytest.raises(ValueError, match="the world has"):
        encode_world(config, geometry=Geometry(fps=20), autoencoder=autoencoder, codec=LogMelCodec(geometry))


def test_held_out_clips_are_the_last_ones_and_do_not_enter_the_statistics():
    video, audio = torch.randn(10, 2, 4, 3, 3), torch.randn(10, 1, 8, 32)
    video[8:] += 100
    trained, held_out = EncodedClips.of(video, audio).hold_out(0.2)
    assert torch.equal(trained.video, video[:8]) and torch.equal(held_out.audio, audio[8:])
    assert (
        held_out.video_statistics == trained.video_statistics == EncodedClips.of(video[:8], audio[:8]).video_statistics
    )
    with pytest.raises(ValueError, match=r"0\.01 of 10 clips held out leaves none on one side"):
        EncodedClips.of(video, audio).hold_out(0.01)
