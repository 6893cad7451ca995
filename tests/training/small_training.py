"""A small coupled U-Net that listens, clips whose statistics are not those of noise, and batches of both."""

import torch

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.statistics import Statistics
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.mismatch import MISMATCHES
from cmmd.losses.contrastive import ContrastiveConfig, TargetNegatives
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import BatchConfig

FRAMES, SIZE = 8, 16
NETWORK = NetworkConfig(
    video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, patch=2, message_width=16
)
ALL_KINDS = ContrastiveConfig(
    weight=0.5, negatives="both", targets=TargetNegatives(count=2, joint=True), mismatches=MISMATCHES
)


def small_clips(count: int = 24, *, frames: int = 12, seed: int = 0) -> EncodedClips:
    """Clips of noise around means of their own, with statistics that are not theirs."""
    generator = torch.Generator().manual_seed(seed)
    return EncodedClips(
        video=3 + 2 * torch.randn(count, 2, frames, 4, 4, generator=generator),
        audio=-5 + 0.5 * torch.randn(count, 1, 16, 8 * frames, generator=generator),
        video_statistics=Statistics(mean=(2.0, 4.0), std=(1.5, 3.0)),
        audio_statistics=Statistics(mean=(-6.0,), std=(0.7,)),
    )


def small_network(network: NetworkConfig = NETWORK) -> CoupledUNet:
    """No weight is zero, as after some training: both streams listen."""
    torch.manual_seed(0)
    unet = CoupledUNet(frames=FRAMES, latent_channels=2, latent_size=4, mels=16, network=network)
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return unet


def batch_config(
    *,
    size: int = SIZE,
    conditioning: ConditioningConfig | None = None,
    contrastive: ContrastiveConfig = ALL_KINDS,
    network: NetworkConfig = NETWORK,
) -> BatchConfig:
    return BatchConfig(
        size=size,
        frames=FRAMES,
        network=network,
        conditioning=conditioning or ConditioningConfig(dropout=0.25, keep_clean=0.4, audio_noise=3.0),
        contrastive=contrastive,
    )
