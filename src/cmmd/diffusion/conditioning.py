"""What a training item learns: its direction, times, what it hears, what enters the loss (ours: decision 01)."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cmmd.diffusion.process import noisier

Direction = Literal["video_to_audio", "audio_to_video", "joint"]
DIRECTIONS: tuple[Direction, ...] = ("video_to_audio", "audio_to_video", "joint")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditioningConfig:
    """Probabilities of the three directions (they sum to 1), of condition dropout and of a stretch that stays clean.

    audio_noise, video_noise: how many times as high as under uniform times the noise stands over the signal; above 1,
    more of training goes to where the condition decides (decision 08). Raises ValueError for probabilities outside
    [0, 1], directions that do not sum to 1 and factors that are not above 0.
    """

    video_to_audio: float = 0.4
    audio_to_video: float = 0.3
    joint: float = 0.3
    dropout: float = 0.1
    keep_clean: float = 0.1
    audio_noise: float = 1.0
    video_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in (*DIRECTIONS, "dropout", "keep_clean"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a probability between 0 and 1")
        for name in ("audio_noise", "video_noise"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        total = sum(self.direction_probabilities)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"video_to_audio, audio_to_video and joint sum to {total:g}, expected 1")

    @property
    def direction_probabilities(self) -> tuple[float, ...]:
        """In the order of DIRECTIONS."""
        return tuple(getattr(self, name) for name in DIRECTIONS)


class Conditioning(NamedTuple):
    """One batch's draw. Times are 0 where a modality is clean; a loss mask is 1 on the frames that are generated.

    ``direction`` indexes DIRECTIONS. ``video_hears`` is False where the condition was dropped; that a clean stream does
    not hear is the network's own rule and not repeated here.
    """

    t_video: Float[Tensor, "b f"]
    t_audio: Float[Tensor, "b f"]
    video_hears: Bool[Tensor, " b"]
    audio_hears: Bool[Tensor, " b"]
    video_loss: Float[Tensor, "b f"]
    audio_loss: Float[Tensor, "b f"]
    direction: Int[Tensor, " b"]

    def to(self, device: torch.device | str) -> "Conditioning":
        """The same draw on another device (draw on the CPU: then a seed means the same numbers everywhere)."""
        return Conditioning(*(tensor.to(device) for tensor in self))


def draw_modes(
    config: ConditioningConfig, *, batch: int, frames: int, generator: torch.Generator | None = None
) -> Conditioning:
    """Draw what each of ``batch`` items of ``frames`` video frames learns, on the generator's device.

    The number of draws depends on nothing but ``batch``, so that two configurations see the same times and stretches.
    """
    device = generator.device if generator is not None else torch.device("cpu")

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator, device=device)

    edges = torch.tensor(config.direction_probabilities, device=device).cumsum(0)[:-1]
    direction = torch.bucketize(uniform(), edges, right=True)
    makes_audio = direction != DIRECTIONS.index("audio_to_video")
    makes_video = direction != DIRECTIONS.index("video_to_audio")
    # 1 - [0, 1) is (0, 1]: pure noise is trained on, and a generated modality is never taken for a clean one.
    time_video, time_audio = (noisier(1 - uniform(), factor) for factor in (config.video_noise, config.audio_noise))
    hears = uniform() >= config.dropout
    kept = _clean_stretch(config.keep_clean, uniform(), uniform(), uniform(), frames=frames)
    # One stretch for both modalities of a joint item: that is how a joint clip is continued.
    video_loss = (makes_video[:, None] & ~kept).float()
    audio_loss = (makes_audio[:, None] & ~kept).float()
    return Conditioning(
        t_video=time_video[:, None] * video_loss,
        t_audio=time_audio[:, None] * audio_loss,
        video_hears=hears,
        audio_hears=hears.clone(),
        video_loss=video_loss,
        audio_loss=audio_loss,
        direction=direction,
    )


def _clean_stretch(
    probability: float, chosen: Tensor, length: Tensor, start: Tensor, *, frames: int
) -> Bool[Tensor, "b f"]:
    """True on a random stretch of 1 .. frames - 1 frames in a share of the items, from three uniform draws an item."""
    longest = frames - 1
    lengths = 1 + (length * longest).long().clamp(max=max(longest - 1, 0))
    starts = (start * (frames - lengths + 1)).long()
    position = torch.arange(frames, device=chosen.device)
    inside = (position >= starts[:, None]) & (position < (starts + lengths)[:, None])
    # A clip of one frame has no stretch that leaves something to generate.
    return inside & (chosen < probability)[:, None] if longest else torch.zeros_like(inside)
