"""A U-Net as a flat list of stages, so that two run side by side and meet after each stage (ours)."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import Attended, Resample, ResidualBlock, SelfAttention, TimeEmbedding
from cmmd.models.network_config import NetworkConfig


class StagePlan(NamedTuple):
    """Where one stage stands in a U-Net: its level, its channel counts and what happens before its residual block."""

    level: int
    channels_in: int
    channels_skip: int
    channels_out: int
    resample: Literal["down", "up", "none"]
    keeps_skip: bool

    @property
    def is_middle(self) -> bool:
        """Between the ways down and up."""
        return not self.keeps_skip and not self.channels_skip


def plan_stages(widths: tuple[int, ...], blocks_per_level: int) -> list[StagePlan]:
    """The stages of a U-Net in order: down, one in the middle, up; as many for any widths of equal number."""
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
    """One stage of a U-Net: resample, join the skip, residual block, attention."""

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
    """What a U-Net carries from stage to stage: its features, the skips still to be joined, the time embedding."""

    features: Tensor
    skips: tuple[Tensor, ...]
    embedding: Tensor


class StagedUNet(nn.Module):
    """What both U-Nets share: the time embedding and the stages.

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
        """From latents of any floating dtype to the state before the first stage, in the dtype of the weights."""
        raise NotImplementedError

    def finish(self, state: UNetState) -> Float[Tensor, "b c ..."]:
        """The prediction from the state after the last stage."""
        raise NotImplementedError

    def stage(self, index: int, state: UNetState) -> UNetState:
        """Run one stage; what the other stream says is added to the features between stages."""
        stage = self.stages[index]
        assert isinstance(stage, Stage)
        skips, skip = state.skips, None
        if stage.plan.channels_skip:
            skips, skip = skips[:-1], skips[-1]
        return state._replace(features=stage(state.features, skip, state.embedding), skips=skips)

    def keep_skip(self, index: int, state: UNetState) -> UNetState:
        """Store the features if a later stage joins them; after fusion, so that a skip carries what was heard."""
        stage = self.stages[index]
        assert isinstance(stage, Stage)
        return state._replace(skips=(*state.skips, state.features)) if stage.plan.keeps_skip else state
