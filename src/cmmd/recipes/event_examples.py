"""Frames of world clips with the curves of their events, for the training of networks that detect events (ours)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cmmd.data.world.clip import FPS
from cmmd.data.world.rendering import WorldConfig, render
from cmmd.measures.visual_events import BINS_PER_FRAME, event_targets
from cmmd.runtime.progress import progress


class EventExamples(NamedTuple):
    """curves: event curves, `BINS_PER_FRAME` values per frame, with a bump of height 1 at every event."""

    frames: UInt8[Tensor, "clips f h w 3"]
    curves: Float[Tensor, "clips bins"]


def event_examples(config: WorldConfig, *, fps: int = FPS) -> EventExamples:
    """Renders all clips at a frame rate."""
    bar = progress(config.clips * len(config.families), "world clips", unit="clip")
    frames, curves = [], []
    for clip in render(config, fps=fps):
        frames.append(torch.from_numpy(clip.frames))
        bins = len(clip.frames) * BINS_PER_FRAME
        curves.append(event_targets(clip.event_times, bins=bins, bins_per_second=fps * BINS_PER_FRAME))
        bar.update()
    bar.close()
    return EventExamples(torch.stack(frames), torch.stack(curves))
