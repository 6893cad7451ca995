"""The vocoder's spectral losses: their units, and gradients that are finite in silence."""

import math

import pytest
import torch

from cmmd.losses.waveform import RESOLUTIONS, magnitudes, waveform_losses


def noise(*, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 8000, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("window", "hop"), RESOLUTIONS)
def test_white_noise_of_rms_1_has_magnitudes_of_rms_1(window, hop):
    found = magnitudes(noise(), window=window, hop=hop)
    inner = found[:, 1:-1, window // hop : -window // hop]
    assert inner.square().mean().sqrt() == pytest.approx(1, abs=0.05)


def test_equal_sounds_have_no_loss_and_louder_ones_that_of_their_gain():
    assert all((losses == 0).all() for losses in waveform_losses(noise(), noise(), sample_rate=16_000))
    found = waveform_losses(2 * noise(), noise(), sample_rate=16_000)
    for losses, expected in zip(found, (math.log(2), 1.0, math.log(2)), strict=True):
        torch.testing.assert_close(losses, torch.full((2,), expected), rtol=0.01, atol=0)


def test_the_phase_does_not_count_and_the_items_are_apart():
    assert all((losses < 1e-6).all() for losses in waveform_losses(-noise(), noise(), sample_rate=16_000))
    changed = noise().clone()
    changed[1] *= 0.5
    assert all(losses[0] == 0 and losses[1] > 0.4 for losses in waveform_losses(changed, noise(), sample_rate=16_000))


def test_silence_has_finite_losses_and_gradients():
    silent = torch.zeros(2, 4000, requires_grad=True)
    losses = waveform_losses(silent, torch.zeros(2, 4000), sample_rate=16_000)
    torch.stack(losses).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()
