"""Real clips of an evaluation from the synthetic world, whose event times are known, and their groups (ours)."""

from pathlib import Path

from cmmd.clips.geometry import Geometry
from cmmd.data.world.files import write_world
from cmmd.evaluation.measuring.pairing import ListedClip, list_clips
from cmmd.evaluation.samples.true_clips import WorldSet

REFERENCES_A_SAMPLE = 3
"""World clips per requested sample: a held-out set as large as the samples leaves twice as many for reference."""
FEWEST = 16


def world_references(folder: Path, world: WorldSet, geometry: Geometry) -> tuple[ListedClip, ...]:
    """Writes clips of all families to `folder` and lists them; skips complete clips of an earlier run.

    Raises InputError if the folder cannot be written.
    """
    count = max(FEWEST, REFERENCES_A_SAMPLE * world.clips)
    sizes = {"fps": geometry.fps, "image_size": geometry.image_size}
    for family in world.families:
        write_world(family, folder, clips=count, seed=world.seed, split=world.split, **sizes)
    names = {f"{family}-{world.seed + number:07d}" for family in world.families for number in range(count)}
    return tuple(clip for clip in list_clips(folder) if clip.name in names)


def groups_of(clips: tuple[ListedClip, ...]) -> tuple[str, ...]:
    """The distinct groups, in alphabetical order."""
    return tuple(sorted({clip.group for clip in clips}))
