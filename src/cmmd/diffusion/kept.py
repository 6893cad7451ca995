"""Frames that are given and stay while the others are generated: continuation and inpainting (ours: decision 01).

Training leaves a stretch of a generated clip clean (`ConditioningConfig.keep_clean`). Sampling does the same: at every
step the kept frames hold their clean latents and have time 0, and the others have the solver's time.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.process import over_elements


@dataclass(frozen=True, slots=True)
class Kept:
    """latents: standardised, of one item or one for each. frames: True on the video frames that stay."""

    latents: Float[Tensor, "one_or_b c ..."]
    frames: Bool[Tensor, " f"]

    def hold(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
        """x with the clean latents on the kept frames."""
        frames = self.frames.to(x).expand(len(x), -1)
        return torch.where(over_elements(frames, x) > 0, self.latents.to(x), x)


def frame_times(t: float, frames: int, kept: Kept | None, *, device: torch.device) -> Float[Tensor, "1 f"]:
    """Time t on every frame, and 0 on those that are kept; float32, where 1 and the steps next to it stay apart."""
    times = torch.full((1, frames), t, dtype=torch.float32, device=device)
    return times if kept is None else times.masked_fill(kept.frames.to(device), 0.0)
