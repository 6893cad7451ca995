"""A U-Net as a flat list of stages, so that two U-Nets can run in step and exchange data after each stage (ours)."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import Attended, Resample, ResidualBlock, SelfAttention, TimeEmbedding
from cmmd.models.network_config import NetworkConfig


class StagePlan(NamedTuple):
    """The level of one stage of a U-Net, its channel counts, the resampling before its residual block, and whether its
    features are joined by a later stage as a skip."""

    level: int
    channels_in: int
    channels_skip: int
    channels_out: int
    resample: Literal["down", "up", "none"]
    keeps_skip: bool

    @property
    def is_middle(self) -> bool:
        """Whether the stage lies between the down path and the up path."""
        return not self.keeps_skip and not self.channels_skip


def plan_stages(widths: tuple[int, ...], blocks_per_level: int) -> list[StagePlan]:
    """Returns the stages of a U-Net in order: down, one in the middle, up.

    Their number depends only on the number of widths and on ``blocks_per_level``.
    """
    plans: list[StagePlan] = []
    channels, skips = widths[0], []
    for level, width in enumerate(widths):
        for block in range(blocks_per_level):
            plans.append(StagePlan(level, channels, 0, width, "down" if level and not block else "none", True))
            channels = width
            skips.append(width)
    plans.append(StagePlan(len(widths) - 1, channels, 0, channels, "none", False))
    for level, width in reversed(list(enumerate(widths))):
        for block in range(blocks_per_level):
            resample = "up" if level < len(widths) - 1 and not block else "none"
            plans.append(StagePlan(level, channels, skips.pop(), width, resample, False))
            channels = width
    return plans


class Stage(nn.Module):
    """One stage of a U-Net: resampling, concatenation of the skip, residual block, attention."""

    def __init__(
        self, plan: StagePlan, *, embedding_width: int, attention: tuple[Attended, ...], heads: int, temporal: bool
    ):
        super().__init__()
        self.plan = plan
        width = plan.channels_out
        channels = plan.channels_in
        self.resample = None
        if plan.resample != "none":
            channels = width if plan.resample == "up" else channels
            self.resample = Resample(plan.channels_in, channels, direction=plan.resample)
        self.block = ResidualBlock(channels + plan.channels_skip, width, embedding_width, temporal=temporal)
        self.attention = nn.Sequential(*(SelfAttention(width, heads=heads, over=over) for over in attention))

    def forward(
        self, x: Float[Tensor, "b ..."], skip: Float[Tensor, "b ..."] | None, embedding: Float[Tensor, "b e f"]
    ) -> Float[Tensor, "b ..."]:
        if self.resample is not None:
            x = self.resample(x)
        if skip is not None:
            x = torch.cat([x, skip], dim=1)
        return self.attention(self.block(x, embedding))


class UNetState(NamedTuple):
    """State of a U-Net between stages: features, skips that later stages join, and time embedding."""

    features: Tensor
    skips: tuple[Tensor, ...]
    embedding: Tensor


class StagedUNet(nn.Module):
    """Base class of both U-Nets: the time embedding and the stages.

    A subclass adds the stem (``begin``) and the head (``finish``) of its modality.
    """

    def __init__(
        self, network: NetworkConfig, *, widths: tuple[int, ...], attention: tuple[Attended, ...], temporal: bool
    ):
        super().__init__()
        self.embed_time = TimeEmbedding(widths[-1])
        self.stages = nn.ModuleList(
            Stage(
                plan,
                embedding_width=widths[-1],
                attention=attention if plan.level in network.attention_levels else (),
                heads=network.heads,
                temporal=temporal,
            )
            for plan in plan_stages(widths, network.blocks_per_level)
        )

    def begin(self, x: Float[Tensor, "b c ..."], t: Float[Tensor, "b f"]) -> UNetState:
        """Returns the state before the first stage, in the dtype of the weights, for latents of any floating dtype."""
        raise NotImplementedError

    def finish(self, state: UNetState) -> Float[Tensor, "b c ..."]:
        """Returns the prediction from the state after the last stage."""
        raise NotImplementedError

    def stage(self, index: int, state: UNetState) -> UNetState:
        """Runs one stage. The caller adds the update from the other stream's message between stages."""
        stage = self.stages[index]
        assert isinstance(stage, Stage)
        skips, skip = state.skips, None
        if stage.plan.channels_skip:
            skips, skip = skips[:-1], skips[-1]
        return state._replace(features=stage(state.features, skip, state.embedding), skips=skips)

    def keep_skip(self, index: int, state: UNetState) -> UNetState:
        """Stores the features if a later stage joins them. Called after fusion, so that a skip includes the update."""
        stage = self.stages[index]
        assert isinstance(stage, Stage)
        return state._replace(skips=(*state.skips, state.features)) if stage.plan.keeps_skip else state
