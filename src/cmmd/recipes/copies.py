"""Reports at the end of training whether a model generates copies of its training clips (ours)."""

import json
from pathlib import Path
from typing import Literal

import torch

from cmmd.data.encoded_clips import EncodedClips
from cmmd.files.unfinished_file import atomic_file
from cmmd.measures.copies import find_copies
from cmmd.models.blocks import Modality
from cmmd.pipeline import CMMDPipeline
from cmmd.training.run_folder import COPIES


def report_copies(
    pipeline: CMMDPipeline, clips: EncodedClips, conditions: EncodedClips, *, samples: int, seed: int, out: Path
) -> None:
    """Generate `samples` samples per direction under held-out conditions and compare them with the training clips.

    Prints a summary for each direction and writes the distances to copies.json in `out`. Converts the U-Net to float32.
    """
    pipeline.unet.float()
    frames = pipeline.geometry.frames
    indices = torch.arange(samples) % len(conditions)
    start = torch.rand(samples, generator=torch.Generator().manual_seed(seed))
    given = conditions.crops(indices, frames=frames, start=start)
    everything = clips.crops(torch.arange(len(clips)), frames=clips.video.shape[2], start=torch.zeros(len(clips)))
    directions: tuple[tuple[Literal["video_to_audio", "audio_to_video"], Modality], ...] = (
        ("video_to_audio", "audio"),
        ("audio_to_video", "video"),
    )
    record = {}
    for direction, made in directions:
        condition = given.video if made == "audio" else given.audio
        noise = pipeline.noise(made, frames, seed=seed, items=samples)
        sampled = pipeline.sample(condition, noise, direction).float().cpu()
        known = getattr(everything, made)
        if made == "video":  # time must be the last axis
            sampled, known = (x.movedim(2, -1) for x in (sampled, known[:, : sampled.shape[1]]))
        report = find_copies(sampled, known)
        print(f"{direction.replace('_', ' ')}: {report}")
        record[direction] = {
            "samples": samples,
            "flagged": report.flagged.tolist(),
            "nearest_clip": report.nearest.tolist(),
            "distances": [round(value, 5) for value in report.distances.tolist()],
            "threshold": report.threshold,
            "between_real_clips": report.typical,
        }
    with atomic_file(out / COPIES) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")
