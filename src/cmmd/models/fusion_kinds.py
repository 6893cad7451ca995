"""Builds a fusion module from the name of its kind in the settings (ours)."""

from fractions import Fraction

import torch

from cmmd.models.blocks import Modality
from cmmd.models.cross_attention import CrossAttention, HearKeys
from cmmd.models.easy_fusion import EasyFusion
from cmmd.models.exchange import OTHER
from cmmd.models.fusion import Fusion
from cmmd.models.network_config import NetworkConfig
from cmmd.models.random_shift_attention import WINDOWS, HearShiftedKeys
from cmmd.models.staged_unet import StagePlan


def build_fusion(
    network: NetworkConfig, stages: dict[Modality, StagePlan], *, index: int, latent_size: int, mels: int
) -> Fusion:
    """Builds the fusion module after one stage of each U-Net. index: index of the stage, and seed of random shifts."""
    channels: dict[Modality, int] = {name: plan.channels_out for name, plan in stages.items()}
    rates: dict[Modality, Fraction] = {name: network.time_rate(name, plan.level) for name, plan in stages.items()}
    if network.fusion == "none":
        return Fusion()
    if network.fusion != "easy":
        ears = _attention_ears(network, stages, channels=channels, rates=rates, index=index)
        return CrossAttention(channels=channels, ears=ears)
    video, audio = stages["video"], stages["audio"]
    return EasyFusion(
        channels=channels,
        positions={"video": (latent_size >> video.level) ** 2, "audio": (mels // network.patch) >> audio.level},
        rates=rates,
        width=network.message_width,
        reduction=network.message_reduction,
    )


def _attention_ears(
    network: NetworkConfig,
    stages: dict[Modality, StagePlan],
    *,
    channels: dict[Modality, int],
    rates: dict[Modality, Fraction],
    index: int,
) -> dict[Modality, HearKeys]:
    """Attention modules by hearer. Random-shift attention uses full attention in the middle stage."""
    shifts = network.fusion == "random_shift" and not stages["video"].is_middle
    window = WINDOWS[min(stages["video"].level, len(WINDOWS) - 1)]
    starts = torch.rand(2, generator=torch.Generator().manual_seed(index), device="cpu").tolist()
    ears: dict[Modality, HearKeys] = {}
    for name, start in zip(stages, starts, strict=True):
        grids = {"own_rate": rates[name], "other_rate": rates[OTHER[name]]}
        if shifts:
            ears[name] = HearShiftedKeys(channels[name], heads=network.heads, **grids, window=window, start=start)
        else:
            ears[name] = HearKeys(channels[name], heads=network.heads, **grids)
    return ears
