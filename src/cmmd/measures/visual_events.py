"""Detects visual events: a small network estimates event times from frames, far finer than a frame (ours).

At 10 fps an impact falls between two frames; its time follows from the motion before and after. The network is trained
on the world's clips, in which all event times are known and silent distractors move without being events, and on
degraded copies of them, so that it also works on decoded and generated frames.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.errors import InputError
from cmmd.pretrained import VISUAL_EVENT_DETECTOR
from cmmd.weights.safe_weights import CONFIG, load_model

BINS_PER_FRAME = 8
TARGET_WIDTH = 0.015  # seconds, standard deviation of the Gaussian target of an event
MINIMUM_GAP = 0.15
REACH = 4  # bins on either side that belong to one event: 50 ms at 10 fps, the tolerance that matters most
THRESHOLD = 0.45  # minimum probability of an event within REACH; the best threshold is about half of the best F1


class TemporalBlock(nn.Module):
    """Residual 1-D convolution over frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c f"]) -> Float[Tensor, "b c f"]:
        return x + self.conv(F.gelu(self.norm(x)))


class VisualEventDetector(ModelMixin, ConfigMixin):
    """Maps frames in [-1, 1] to eight event logits per frame; logit j is centred on (j + 0.5) / (8 fps) seconds.

    The input of a frame includes its differences to the previous and the next frame. The features retain positions at a
    16th of the side, because what counts as contact depends on its position. Raises ValueError when image_size is not a
    multiple of 16.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, image_size: int, fps: int, width: int, depth: int) -> None:
        super().__init__()
        if image_size % 16:
            raise ValueError(f"image_size is {image_size}, expected a multiple of 16")
        self.stem = nn.Conv2d(4 * 9, width // 4, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(width // 4, width // 2, 3, stride=2, padding=1)
        self.motion = nn.Conv3d(width // 2, width // 2, (3, 1, 1), padding=(1, 0, 0))
        self.last = nn.Conv2d(width // 2, width // 2, 3, stride=2, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(4, c) for c in (width // 4, width // 2, width // 2, width // 2))
        self.gather = nn.Linear(width // 2 * (image_size // 16) ** 2, width)
        self.blocks = nn.Sequential(*(TemporalBlock(width) for _ in range(depth)))
        self.head = nn.Conv1d(width, BINS_PER_FRAME, 3, padding=1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -3.0)  # events are rare: about one bin in twenty

    def forward(self, frames: Float[Tensor, "b 3 f h w"]) -> Float[Tensor, "b bins"]:
        b, _, f = frames.shape[:3]
        before = frames - torch.cat([frames[:, :, :1], frames[:, :, :-1]], dim=2)
        after = torch.cat([frames[:, :, 1:], frames[:, :, -1:]], dim=2) - frames
        seen = torch.cat([frames, 3 * before, 3 * after], dim=1)  # scaled by 3, as differences are small
        x = rearrange(seen, "b c f (h p) (w q) -> (b f) (c p q) h w", p=2, q=2)
        x = F.gelu(self.norms[0](self.stem(x)))
        x = F.gelu(self.norms[1](self.middle(x)))
        x = rearrange(x, "(b f) c h w -> b c f h w", b=b)
        x = rearrange(x + F.gelu(self.norms[2](self.motion(x))), "b c f h w -> (b f) c h w")
        x = F.gelu(self.norms[3](self.last(x)))
        x = rearrange(self.gather(x.flatten(1)), "(b f) c -> b c f", b=b)
        return rearrange(self.head(self.blocks(x)), "b p f -> b (f p)", f=f)

    @torch.no_grad()
    def times(
        self,
        frames: UInt8[np.ndarray, "f h w 3"] | UInt8[Tensor, "f h w 3"],
        *,
        fps: float | int | None = None,
        threshold: float = THRESHOLD,
    ) -> Float[np.ndarray, " events"]:
        """Returns the event times (seconds, ascending) of one clip of any number of frames.

        fps: frame rate of the clip (default: the detector's). A clip of another rate is resampled to the detector's
        rate by taking the frame that is shown at each time; frames of another size are resized.
        """
        rate, size = self.config["fps"], self.config["image_size"]
        seen = torch.as_tensor(frames)
        if fps is not None and fps != rate:
            moments = np.arange(max(1, round(len(seen) * rate / fps)))
            seen = seen[np.minimum((moments * fps / rate + 1e-6).astype(int), len(seen) - 1)]
        video = frames_to_video(seen[None])
        if tuple(seen.shape[1:3]) != (size, size):
            video = F.interpolate(video[0].transpose(0, 1), (size, size), mode="area").transpose(0, 1)[None]
        video = video.to(self.device, self.dtype)
        probability = self(video)[0].float().sigmoid().cpu().numpy()
        return pick_events(probability, bins_per_second=BINS_PER_FRAME * rate, threshold=threshold).times


def frames_to_video(frames: UInt8[Tensor, "b f h w 3"]) -> Float[Tensor, "b 3 f h w"]:
    """Converts uint8 frames to the input range of the network, [-1, 1]."""
    return rearrange(frames, "b f h w c -> b c f h w").float() / 127.5 - 1


class LikelyEvents(NamedTuple):
    """Event times in seconds, ascending, and the probability of each."""

    times: Float[np.ndarray, " events"]
    chances: Float[np.ndarray, " events"]


def pick_events(
    probability: Float[np.ndarray, " bins"], *, bins_per_second: int, threshold: float = THRESHOLD
) -> LikelyEvents:
    """Returns the times at which the probability of an event within `REACH` bins peaks at `threshold` or above.

    No two peaks are closer than `MINIMUM_GAP`. The training targets are Gaussians of a known area, so the sum of the
    probabilities divided by that area counts events: an event of uncertain time scores as high as a sharp one. The time
    is the centroid of the squared probability around the peak.
    """
    area = TARGET_WIDTH * bins_per_second * np.sqrt(2 * np.pi)
    mass = np.convolve(probability, np.ones(2 * REACH + 1), mode="same") / area
    taken = np.zeros(len(mass), dtype=bool)
    gap = round(MINIMUM_GAP * bins_per_second)
    events = []
    for peak in np.argsort(-mass, kind="stable"):
        if mass[peak] < threshold:
            break
        if taken[peak]:
            continue
        taken[max(0, peak - gap + 1) : peak + gap] = True
        bins = np.arange(max(0, peak - REACH), min(len(mass), peak + REACH + 1))
        weight = probability[bins] ** 2  # squaring favours the sharp side of an asymmetric peak
        events.append((((bins + 0.5) * weight).sum() / weight.sum() / bins_per_second, min(1.0, mass[peak])))
    times, chances = np.array(sorted(events), dtype=float).reshape(-1, 2).T
    return LikelyEvents(times, chances)


def event_targets(times: np.ndarray | Sequence[float], *, bins: int, bins_per_second: int) -> Float[Tensor, " bins"]:
    """Returns the training target: a Gaussian of height 1 at every event time (s)."""
    centres = (torch.arange(bins) + 0.5) / bins_per_second
    if len(times) == 0:
        return torch.zeros(bins)
    distance = centres[:, None] - torch.as_tensor(times, dtype=torch.float32)[None]
    return torch.exp(-0.5 * (distance / TARGET_WIDTH) ** 2).amax(1)


def damage(video: Float[Tensor, "b 3 f h w"], generator: torch.Generator) -> Float[Tensor, "b 3 f h w"]:
    """Returns degraded copies, as a decoder or generator might produce them: mirrored, recoloured, blurred, flickering,
    noisy. Half of the clips, drawn at random, remain sharp, because the detector is also used on true frames.
    """
    b = len(video)

    def draw(*shape: int) -> Tensor:
        return torch.rand(b, *shape, generator=generator)

    video = torch.where(draw(1, 1, 1, 1) < 0.5, video, video.flip(-1))
    video = video * (0.8 + 0.4 * draw(3, 1, 1, 1)) + 0.2 * (draw(3, 1, 1, 1) - 0.5)
    flat = rearrange(video, "b c f h w -> b (c f) h w")
    small = F.interpolate(flat, scale_factor=0.5, mode="area")
    blurred = F.interpolate(small, size=flat.shape[-2:], mode="bilinear").view_as(video)
    softness = (2 * draw(1, 1, 1, 1) - 1).clamp_min(0)
    video = video + softness * (blurred - video)
    coarse = torch.randn(b, 3 * video.shape[2], 8, 8, generator=generator)
    flicker = F.interpolate(coarse, size=flat.shape[-2:], mode="bilinear").view_as(video)
    noise = torch.randn(video.shape, generator=generator)
    return (video + softness * (0.06 * flicker + 0.08 * draw(1, 1, 1, 1) * noise)).clamp(-1, 1)


def load_visual_event_detector(folder: Path | str | None = None) -> VisualEventDetector:
    """Loads the shipped detector, or one that `save_pretrained` saved in `folder`.

    Raises InputError if there is none, or if it cannot be loaded.
    """
    path = Path(folder) if folder is not None else VISUAL_EVENT_DETECTOR
    if not (path / CONFIG).is_file():
        raise InputError(f"{path}: no {CONFIG}, expected a folder with a visual event detector")
    return load_model(VisualEventDetector, path)
