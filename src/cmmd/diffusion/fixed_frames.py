"""Given frames that stay fixed while the others are generated: continuation and inpainting (ours: decision 01).

Training leaves a stretch of a generated clip clean (`ConditioningConfig.keep_clean`). Sampling does the same: at every
step the given frames have their clean latents and time 0, and the others have the solver's time.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.process import over_elements


@dataclass(frozen=True, slots=True)
class FixedFrames:
    """latents: standardised, one item for the whole batch or one per item. frames: True on the given video frames."""

    latents: Float[Tensor, "one_or_b c ..."]
    frames: Bool[Tensor, " f"]

    def hold(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
        """Returns x with the clean latents on the given frames."""
        frames = self.frames.to(x).expand(len(x), -1)
        return torch.where(over_elements(frames, x) > 0, self.latents.to(x), x)


def frame_times(t: float, frames: int, fixed: FixedFrames | None, *, device: torch.device) -> Float[Tensor, "1 f"]:
    """Returns time t for every frame, and 0 for given frames.

    The times are float32, because half precision cannot distinguish 1 from the steps next to it.
    """
    times = torch.full((1, frames), t, dtype=torch.float32, device=device)
    return times if fixed is None else times.masked_fill(fixed.frames.to(device), 0.0)
