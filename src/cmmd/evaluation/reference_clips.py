"""Real clips of an evaluation from the synthetic world, whose event times are known, and their groups (ours)."""

from pathlib import Path

from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.files import write_world
from cmmd.evaluation.pairing import ListedClip, list_clips

WORLD = "world"
WORLD_SEED = 1_000_000
"""Seed of the first clip, far from the seeds that the recipes train on."""
REFERENCES_A_SAMPLE = 3
"""World clips per requested sample: a held-out set as large as the samples leaves twice as many for reference."""
FEWEST = 16


def world_references(folder: Path, *, samples: int) -> tuple[ListedClip, ...]:
    """Writes clips of both plain families to `folder` and lists them; skips complete clips of an earlier run.

    Raises InputError if the folder cannot be written.
    """
    count = max(FEWEST, REFERENCES_A_SAMPLE * samples)
    for family in PLAIN_FAMILIES:
        write_world(family, folder, clips=count, seed=WORLD_SEED)
    names = {f"{family}-{WORLD_SEED + number:07d}" for family in PLAIN_FAMILIES for number in range(count)}
    return tuple(clip for clip in list_clips(folder) if clip.name in names)


def groups_of(clips: tuple[ListedClip, ...]) -> tuple[str, ...]:
    """The distinct groups, in alphabetical order."""
    return tuple(sorted({clip.group for clip in clips}))
