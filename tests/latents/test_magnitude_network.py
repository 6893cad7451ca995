"""The magnitude network: shapes, the frames that it sees, and what the codec makes of its magnitudes."""

import math

import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.world.families import world_clip
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import LOG_FLOOR, SQUELCH, LogMelCodec, mel_filters
from cmmd.latents.waveform import BLOCK


def small_network(**sizes: int) -> MagnitudeNetwork:
    """Random weights, none of them zero."""
    torch.manual_seed(0)
    network = MagnitudeNetwork(**{"width": 16, "hidden": 24, "depth": 2} | sizes).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network


def log_mel(frames: int, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 64, frames, generator=torch.Generator().manual_seed(seed)) - 2.5


@torch.no_grad()
def test_it_turns_bands_into_bins_of_every_frame():
    for sizes in ({}, {"mels": 80, "fft_size": 2048}, {"mels": 1}):
        network = small_network(**sizes)
        given = torch.randn(2, network.config["mels"], 9)
        assert network(given).shape == (2, network.config["fft_size"] // 2 + 1, 9)
        assert torch.allclose(network.estimate(given), network(given).exp())


@torch.no_grad()
def test_a_shift_in_time_shifts_the_magnitudes_and_reach_tells_how_far_it_sees():
    network, given = small_network(), log_mel(60)
    reach = network.reach
    assert reach == 7
    found = network(given)
    shifted = network(given[..., 10:])
    torch.testing.assert_close(shifted[..., reach:], found[..., 10 + reach :])
    changed = given.clone()
    changed[..., 30] += 1
    moved = (network(changed) - found).abs().amax((0, 1)) > 1e-7
    assert moved.nonzero().flatten().tolist() == list(range(30 - reach, 31 + reach))


@torch.no_grad()
def test_without_a_correction_it_interpolates_the_log_mel():
    network, given = small_network(), log_mel(5)
    network.head.weight.zero_()
    network.head.bias.zero_()
    found = network(given)
    centres = mel_filters(64, 1024, 16_000) @ torch.arange(513.0)
    for band in (20, 40):  # far enough apart to have bins between them
        low, high = centres[band].item(), centres[band + 1].item()
        middle = math.ceil(low)
        part = (middle - low) / (high - low)
        expected = (1 - part) * given[:, band] + part * given[:, band + 1]
        torch.testing.assert_close(found[:, middle], expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(found[:, 512], given[:, 63])
    torch.testing.assert_close(network(given + 20).amax(), torch.tensor(7.0))


@torch.no_grad()
def test_the_codec_scales_its_magnitudes_until_the_mel_is_what_is_above_the_floor():
    codec = LogMelCodec(Geometry(), estimator=small_network())
    given = codec.encode(torch.from_numpy(world_clip("impacts", 3).waveform)[None])[:, 0]
    magnitude = codec._estimated(given, slice(0, given.shape[-1]))
    mel, loud = codec.filters @ magnitude, given > math.log(LOG_FLOOR) + SQUELCH
    assert loud.any() and not loud.all()
    above = (given.exp() - LOG_FLOOR).clamp_min(1e-6).log()
    assert ((mel.log() - above).abs()[loud] < 0.2).float().mean() > 0.95
    # A quiet band next to a loud one shares bins with it.
    assert (mel[~loud] < 1.3 * LOG_FLOOR).float().mean() > 0.9


@torch.no_grad()
def test_what_is_just_above_the_floor_or_below_it_is_seen_on_the_floor():
    codec, floor = LogMelCodec(Geometry(), estimator=small_network()), math.log(LOG_FLOOR)
    levels = torch.tensor([-1.0, 0.0, 0.9 * SQUELCH, 1.1 * SQUELCH]).repeat(2, 64, 10)
    expected = codec._estimated(torch.tensor([0.0, 0.0, 0.0, 1.1 * SQUELCH]).repeat(2, 64, 10) + floor, slice(0, 40))
    assert torch.equal(codec._estimated(levels + floor, slice(0, 40)), expected)


@torch.no_grad()
def test_blocks_have_the_magnitudes_of_the_whole():
    codec, given = LogMelCodec(Geometry(), estimator=small_network()), log_mel(BLOCK + 60)
    whole = codec._estimated(given, slice(0, BLOCK + 60))
    for stretch in (slice(0, BLOCK), slice(BLOCK - 6, BLOCK + 60)):
        torch.testing.assert_close(codec._estimated(given, stretch), whole[..., stretch], rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_the_codec_decodes_with_it():
    plain, given = LogMelCodec(Geometry()), log_mel(16)[:, None]
    codec = LogMelCodec(Geometry(), estimator=small_network())
    first, again = (codec.decode(given, generator=torch.Generator().manual_seed(0)) for _ in range(2))
    assert first.shape == (2, 3_200) and torch.equal(first, again)
    assert not torch.allclose(first, plain.decode(given, generator=torch.Generator().manual_seed(0)), atol=1e-2)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"mels": 32}, "mels 64, expected 32"),
        ({"fps": 20}, "hop 200, expected 100"),
        ({"sample_rate": 32_000, "fps": 20}, "sample_rate 16000, expected 32000"),
    ],
)
def test_a_codec_of_other_sizes_is_refused(sizes, told):
    with pytest.raises(ValueError, match=told):
        small_network().check_codec(LogMelCodec(Geometry(**sizes)))


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="width is 0, expected at least 1"):
        MagnitudeNetwork(width=0)


def test_it_is_saved_and_loaded(tmp_path):
    network = small_network()
    network.save_pretrained(tmp_path)
    loaded = MagnitudeNetwork.from_pretrained(tmp_path)
    assert torch.equal(loaded(log_mel(4)), network(log_mel(4)))
