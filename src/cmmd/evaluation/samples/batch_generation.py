"""Generates one sample for each of several conditions of equal length, in one batch (ours)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cmmd.clips.take import Take
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.models.exchange import Prediction
from cmmd.pipeline import CMMDPipeline
from cmmd.runtime.stage_timer import StageTimer

GENERATED: dict[Direction, str] = {"video_to_audio": "audio", "audio_to_video": "video", "joint": "both"}


class Condition(NamedTuple):
    """A clip with picture and sound. Joint generation uses only its length.

    frames: uint8 (f, h, w, 3). waveform: (s,) at the model's sample rate. seconds: length of a generated sound.
    """

    frames: np.ndarray
    waveform: np.ndarray
    seconds: float
    source: Path | None = None


@torch.no_grad()
def generate_batch(
    pipeline: CMMDPipeline, batch: Sequence[Condition], direction: Direction, config: SamplingConfig, *, seed: int
) -> list[Take]:
    """Generates a sample per condition; sample i has seed + i. A modality that is not generated is the condition's.

    The conditions have equal lengths. The time of the batch is divided equally among the takes. Contrast and gradient
    do not apply to joint generation.
    """
    clock, shape = StageTimer(pipeline.device), {"seed": seed, "items": len(batch)}
    frames, waveforms = [one.frames for one in batch], [one.waveform for one in batch]
    if direction == "joint":
        with clock("denoising"):
            noise = Prediction(*(pipeline.noise(name, len(frames[0]), **shape) for name in ("video", "audio")))
            video, audio = pipeline.sample_joint(noise, replace(config, contrast=0, gradient=0))
    else:
        with clock("encoding"):
            condition, count = _encoded(pipeline, batch, direction)
            noise = pipeline.noise("audio" if direction == "video_to_audio" else "video", count, **shape)
        with clock("denoising"):
            video = audio = pipeline.sample(condition, noise, direction, config)
    with clock("decoding"):
        if direction != "video_to_audio":
            frames = pipeline.decode_video(video)
        if direction != "audio_to_video":
            samples = round(batch[0].seconds * pipeline.geometry.sample_rate)
            waveforms = list(pipeline.decode_audio(audio, seed=seed)[:, :samples].numpy())
    return [
        Take(
            frames=frames[number],
            waveform=waveforms[number],
            fps=pipeline.geometry.fps,
            sample_rate=pipeline.geometry.sample_rate,
            seed=seed + number,
            generated=GENERATED[direction],
            guidance=pipeline.strength(config, direction),
            source=one.source,
            seconds={part: spent / len(batch) for part, spent in clock.seconds.items()},
        )
        for number, one in enumerate(batch)
    ]


def _encoded(pipeline: CMMDPipeline, batch: Sequence[Condition], direction: Direction) -> tuple[Tensor, int]:
    """Returns the latents of the given modality, and their length in video frames."""
    if direction == "video_to_audio":
        condition = torch.cat([pipeline.encode_video(one.frames) for one in batch])
        return condition, condition.shape[2]
    samples = len(batch[0].waveform)
    count = -(-samples // pipeline.geometry.samples_per_frame)
    missing = pipeline.geometry.samples_of(count) - samples
    return torch.cat([pipeline.encode_audio(np.pad(one.waveform, (0, missing))) for one in batch]), count
