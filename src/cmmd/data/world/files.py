"""Writes world clips to disk: one MP4 and one JSON file of events per clip (ours)."""

import json
from dataclasses import asdict
from pathlib import Path

from cmmd.clips.writing import write_video
from cmmd.data.world.clip import FPS, IMAGE_SIZE, SAMPLE_RATE, Family, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import atomic_file
from cmmd.runtime.progress import progress


def write_world(
    family: Family,
    folder: Path,
    *,
    clips: int,
    seed: int,
    frames: int = 16,
    split: Split = "standard",
    fps: int = FPS,
    image_size: int = IMAGE_SIZE,
) -> None:
    """Writes clips seed .. seed + clips - 1 as `FAMILY-SEED.mp4` and `.json`; skips clips that are already complete.

    Raises InputError if the folder cannot be written.
    """
    make_folder(folder)
    for number in progress(range(seed, seed + clips), f"{family} clips", unit="clip"):
        record = folder / f"{family}-{number:07d}.json"
        clip = world_clip(family, number, frames=frames, split=split, fps=fps, image_size=image_size)
        text = json.dumps(_record(clip, split), indent=1) + "\n"
        if record.exists() and record.read_text() == text:
            continue
        write_video(clip.frames, record.with_suffix(".mp4"), fps=fps, waveform=clip.waveform, sample_rate=SAMPLE_RATE)
        # The record is written last. If it exists, the clip is complete.
        with atomic_file(record) as temporary:
            temporary.write_text(text)


def _record(clip: WorldClip, split: Split) -> dict:
    """The JSON record of a clip. Times are in seconds from the first frame, frequencies in Hz."""
    return {
        "family": clip.family,
        "split": split,
        "seed": clip.seed,
        "fps": clip.fps,
        "frames": len(clip.frames),
        "sample_rate": SAMPLE_RATE,
        "events": [asdict(event) for event in clip.events],
    }
