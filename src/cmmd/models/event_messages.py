"""Events of a given video as a part of its messages to the audio U-Net (ours: decision 14)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import zero_initialised

WIDTH = 64


class EventMessages(nn.Module):
    """Maps the event logits of a clip to an addition to the video's easy-fusion message after each stage.

    Starts at zero, so that a network that was trained without events is unchanged. channels: logits per video frame.
    width: of a message.
    """

    def __init__(self, channels: int, *, width: int, stages: int):
        super().__init__()
        self.conv = nn.Conv1d(channels, WIDTH, 3, padding=1, bias=False)
        self.projections = nn.ModuleList(
            zero_initialised(nn.Conv1d(WIDTH, width, 3, padding=1, bias=False)) for _ in range(stages)
        )

    def features(self, events: Float[Tensor, "b e f h w"], t: Float[Tensor, "b f"]) -> Float[Tensor, "b width f"]:
        """Returns what all messages share. Events are equal at every position, and absent on noisy frames."""
        clean = torch.where((t == 0)[:, None], events.mean((3, 4)), 0.0)
        return F.silu(self.conv(clean.to(self.conv.weight.dtype)))

    def message(self, index: int, features: Float[Tensor, "b width f"]) -> Float[Tensor, "b d f"]:
        """Returns the addition to the message after stage `index`. It is zero where there are no events."""
        return self.projections[index](features)
