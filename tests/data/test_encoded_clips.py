"""Encoded clips: safe files, the common grid of the world, clips that are held out."""

import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.world.encoding import encode_world, world_key
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig
from cmmd.errors import InputError
from cmmd.latents.level import gain_into
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.latents.spectrogram import LogMelCodec


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


def test_sounds_of_the_world_are_encoded_at_the_levels_asked_for():
    geometry, autoencoder = Geometry(), small_autoencoder().eval()
    codec, levels = LogMelCodec(geometry), (2.5, 2.0)
    sound = world_clip("impacts", 0, frames=4).waveform
    gain = gain_into(codec, sound, levels)
    for chosen, factor in ((levels, gain), (None, 1.0)):
        config = WorldConfig(families=("impacts",), clips=1, frames=4, levels=chosen)
        clips = encode_world(config, geometry=geometry, autoencoder=autoencoder, codec=codec)
        expected = codec.encode(torch.from_numpy(factor * sound)[None])
        torch.testing.assert_close(clips.audio.float(), expected, rtol=0, atol=4e-3)
    assert gain > 2


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


def test_hits_are_encoded_at_the_rate_and_size_of_the_geometry():
    torch.manual_seed(0)
    geometry, autoencoder = Geometry(fps=20, image_size=32), small_autoencoder().eval()
    config, codec = WorldConfig(families=("hits",), clips=1, frames=4), LogMelCodec(geometry)
    clips = encode_world(config, geometry=geometry, autoencoder=autoencoder, codec=codec)
    assert clips.video.shape == (1, 4, 4, 4, 4) and clips.audio.shape == (1, 1, 64, 32)
    keys = {
        world_key(config, geometry=Geometry(fps=fps, image_size=32), autoencoder=autoencoder, codec=codec)
        for fps in (10, 20)
    }
    assert len(keys) == 2
