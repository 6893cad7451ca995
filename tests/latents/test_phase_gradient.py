"""Phases that are integrated from the gradients of the magnitudes: those of the benchmark of waveform decoders."""

import pytest
import torch
from phase_gradient import PhaseGradient

from cmmd.data.world.families import world_clip
from cmmd.latents.waveform import GriffinLim, stft

SIZES = {"fft_size": 1024, "window": 512, "hop": 200}


def inconsistency(kind: type[GriffinLim], iterations: int, seed: int) -> float:
    """dB of the difference between magnitudes and those of the waveform that is made from them."""
    magnitude = stft(torch.from_numpy(world_clip("impacts", seed).waveform)[None], **SIZES).abs()
    found = stft(kind(**SIZES, iterations=iterations)(magnitude), **SIZES).abs()
    return 20 * torch.log10((found - magnitude).norm() / magnitude.norm()).item()


@pytest.mark.parametrize("seed", [0, 2])
def test_they_are_nearly_those_of_a_sound(seed):
    assert inconsistency(GriffinLim, 0, seed) > -5
    assert inconsistency(PhaseGradient, 0, seed) < -12
    assert inconsistency(PhaseGradient, 16, seed) < inconsistency(GriffinLim, 32, seed) - 5
