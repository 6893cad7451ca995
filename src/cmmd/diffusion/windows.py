"""Clips of any length from a network of fixed length: averages of overlapping windows (arXiv 2302.08113)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.models.blocks import Modality

WINDOW_BATCH = 8
"""Windows per network pass: more need more memory, fewer take longer."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of `length` video frames that cover `frames`. Adjacent ones overlap by at least half if `length` > 1.

    Raises ValueError for a clip shorter than a window: pad it first.
    """

    frames: int
    length: int

    def __post_init__(self) -> None:
        if self.frames < self.length:
            raise ValueError(f"clip has {self.frames} frames, expected at least a window of {self.length}")

    @property
    def starts(self) -> list[int]:
        """First frame of every window. The last window ends at the end of the clip."""
        stride = max(self.length // 2, 1)
        regular = list(range(0, self.frames - self.length, stride))
        return [*regular, self.frames - self.length]

    def batches(self, size: int) -> Iterator[list[int]]:
        """Yields the starts in lists of up to `size`, which bounds the memory of a step."""
        starts = self.starts
        for index in range(0, len(starts), size):
            yield starts[index : index + size]

    def cut(self, x: Float[Tensor, "b c ..."], modality: Modality, starts: list[int]) -> Float[Tensor, "wb c ..."]:
        """Returns the windows that begin at `starts`, concatenated along the batch, window after window."""
        return torch.cat([x[_stretch(modality, start, self.length)] for start in starts])

    def cut_times(self, t: Float[Tensor, "1 f"], starts: list[int], *, batch: int) -> Float[Tensor, "wb window"]:
        """Returns the times of the windows of `cut`, for `batch` items that all have the times t."""
        return torch.cat([t[:, start : start + self.length].expand(batch, -1) for start in starts])


class WindowAverage:
    """Weighted average of the windows' predictions. A window weighs most at its middle and less at its ends."""

    def __init__(self, like: Float[Tensor, "b c ..."], windows: Windows, modality: Modality) -> None:
        self.modality: Modality = modality
        self.length = windows.length
        self.sum = torch.zeros_like(like)
        self.weight = torch.zeros_like(like[:1, :1])
        self.ramp = _ramp(like, modality, windows.length)

    def add(self, predictions: Float[Tensor, "wb c ..."], starts: list[int]) -> None:
        """Adds predictions, which are in the order of `Windows.cut`."""
        for start, prediction in zip(starts, predictions.chunk(len(starts)), strict=True):
            where = _stretch(self.modality, start, self.length)
            self.sum[where] += prediction * self.ramp
            self.weight[where] += self.ramp

    def mean(self) -> Float[Tensor, "b c ..."]:
        return self.sum / self.weight


def _stretch(modality: Modality, start: int, length: int) -> tuple[slice, ...]:
    every = slice(None)
    if modality == "video":
        return every, every, slice(start, start + length)
    each = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    return every, every, every, slice(start * each, (start + length) * each)


def _ramp(like: Tensor, modality: Modality, length: int) -> Tensor:
    """A triangle over the window's time axis that never reaches zero."""
    steps = length if modality == "video" else length * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    position = torch.arange(steps, device=like.device, dtype=like.dtype) + 0.5
    triangle = torch.minimum(position, steps - position) / (steps / 2)
    return triangle[None, None, :, None, None] if modality == "video" else triangle[None, None, None, :]
