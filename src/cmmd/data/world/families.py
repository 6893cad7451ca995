"""A clip of the world from its family and its seed (ours)."""

import numpy as np

from cmmd.data.world.clip import FAMILIES, Family, WorldClip
from cmmd.data.world.dance import dance_clip
from cmmd.data.world.difficulty import Split, draw_difficulty
from cmmd.data.world.impacts import impacts_clip


def world_clip(family: Family, seed: int, *, frames: int = 16, split: Split = "standard") -> WorldClip:
    """Clip number `seed` of a family: same arguments, same clip, bit for bit. Raises ValueError for bad arguments."""
    if frames < 1:
        raise ValueError(f"frames is {frames}, expected at least 1")
    if family not in FAMILIES:
        raise ValueError(f"family is {family!r}, expected one of {', '.join(FAMILIES)}")
    rng = np.random.default_rng([FAMILIES.index(family), seed])
    difficulty = draw_difficulty(split, rng)
    make = impacts_clip if family == "impacts" else dance_clip
    return make(rng, seed=seed, frames=frames, difficulty=difficulty)
