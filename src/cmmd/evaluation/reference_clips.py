"""The real clips of an evaluation: a folder or manifest, or the world's clips, whose event times are known (ours)."""

from pathlib import Path

from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.files import write_world
from cmmd.evaluation.pairing import ListedClip, list_clips

WORLD = "world"
WORLD_SEED = 1_000_000
"""Of the first clip: far from those that recipes train on."""
REFERENCES_A_SAMPLE = 3
"""World clips written for every sample asked for, so that real clips can be held against others as many times over."""
FEWEST = 16


def world_references(folder: Path, *, samples: int) -> tuple[ListedClip, ...]:
    """Both plain families as files in `folder`; those of an earlier run with the same numbers stay as they are."""
    count = max(FEWEST, REFERENCES_A_SAMPLE * samples)
    for family in PLAIN_FAMILIES:
        write_world(family, folder, clips=count, seed=WORLD_SEED)
    names = {f"{family}-{WORLD_SEED + number:07d}" for family in PLAIN_FAMILIES for number in range(count)}
    return tuple(clip for clip in list_clips(folder) if clip.name in names)


def groups_of(clips: tuple[ListedClip, ...]) -> tuple[str, ...]:
    """The groups there are, in alphabetical order."""
    return tuple(sorted({clip.group for clip in clips}))
