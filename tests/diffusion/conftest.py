"""What the tests of this folder share."""

import pytest
import torch

from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig


@pytest.fixture(scope="session")
def unet() -> CoupledUNet:
    """A small network whose zero-initialised weights are zero no more; nothing here trains it."""
    torch.manual_seed(0)
    unet = CoupledUNet(
        network=NetworkConfig(video_widths=(8, 8, 16), audio_widths=(8, 16, 16), message_width=8, heads=2)
    )
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return unet.eval().requires_grad_(False)
