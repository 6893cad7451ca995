"""Examples of the page, rendered from the procedural world when the server starts: nothing is downloaded (ours)."""

from dataclasses import dataclass
from pathlib import Path

from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.clip import FPS, SAMPLE_RATE, Family
from cmmd.data.world.families import world_clip

FRAMES = 32
WORLD: tuple[tuple[str, Family, int], ...] = (("Impacts", "impacts", 1_000_004), ("Dance", "dance", 1_000_003))
"""Title, family and seed of each example; the first of `cmmd evaluate`, unknown to the shipped model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A clip in three files. silent: video alone. sound: sound alone. scene: both."""

    title: str
    silent: Path
    sound: Path
    scene: Path


def write_examples(folder: Path) -> tuple[Example, ...]:
    """Renders the examples, 3.2 s each, and writes their files. Raises InputError if the folder cannot be written."""
    return tuple(_write(folder, *clip) for clip in WORLD)


def _write(folder: Path, title: str, family: Family, seed: int) -> Example:
    clip, name = world_clip(family, seed, frames=FRAMES), title.lower()
    example = Example(
        title=title,
        silent=folder / f"{name}-silent.mp4",
        sound=folder / f"{name}.wav",
        scene=folder / f"{name}.mp4",
    )
    write_video(clip.frames, example.silent, fps=FPS)
    write_sound(clip.waveform, example.sound, sample_rate=SAMPLE_RATE)
    write_video(clip.frames, example.scene, fps=FPS, waveform=clip.waveform, sample_rate=SAMPLE_RATE)
    return example
