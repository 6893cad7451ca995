"""The kinds of fusion by their names in the settings (ours)."""

from cmmd.models.blocks import Modality
from cmmd.models.easy_fusion import EasyFusion
from cmmd.models.fusion import Fusion
from cmmd.models.network_config import NetworkConfig
from cmmd.models.staged_unet import StagePlan


def build_fusion(network: NetworkConfig, stages: dict[Modality, StagePlan], *, latent_size: int, mels: int) -> Fusion:
    """The fusion module that follows one stage of each U-Net."""
    if network.fusion == "none":
        return Fusion()
    levels: dict[Modality, int] = {name: stage.level for name, stage in stages.items()}
    return EasyFusion(
        channels={name: stage.channels_out for name, stage in stages.items()},
        positions={"video": (latent_size >> levels["video"]) ** 2, "audio": (mels // network.patch) >> levels["audio"]},
        rates={name: network.time_rate(name, level) for name, level in levels.items()},
        width=network.message_width,
        reduction=network.message_reduction,
    )
