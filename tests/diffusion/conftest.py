"""What the tests of this folder share; they may import `correlated_network`, which lies beside them."""

import sys
from pathlib import Path

import pytest
import torch

from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig

sys.path.insert(0, str(Path(__file__).parent))


def small_unet(*, clean_hears: bool = False, shared_time: bool = False) -> CoupledUNet:
    """A small network whose zero-initialised weights are zero no more; nothing here trains it."""
    torch.manual_seed(0)
    network = NetworkConfig(
        video_widths=(8, 8, 16),
        audio_widths=(8, 16, 16),
        message_width=8,
        heads=2,
        clean_hears=clean_hears,
        shared_time=shared_time,
    )
    unet = CoupledUNet(network=network)
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return unet.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def unet() -> CoupledUNet:
    return small_unet()


@pytest.fixture(scope="session")
def hearing_unet() -> CoupledUNet:
    """Its clean condition hears what is generated."""
    return small_unet(clean_hears=True)


@pytest.fixture(scope="session")
def shared_unet() -> CoupledUNet:
    """It knows one time for both modalities."""
    return small_unet(shared_time=True)
