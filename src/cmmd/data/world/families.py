"""Generates a clip of the world from its family and seed (ours)."""

import numpy as np

from cmmd.data.world.clip import FAMILIES, FPS, IMAGE_SIZE, Family, WorldClip, check_sizes
from cmmd.data.world.dance import dance_clip
from cmmd.data.world.difficulty import Split, draw_difficulty
from cmmd.data.world.hits.hits import hits_clip
from cmmd.data.world.impacts import impacts_clip


def world_clip(
    family: Family,
    seed: int,
    *,
    frames: int = 16,
    split: Split = "standard",
    fps: int = FPS,
    image_size: int = IMAGE_SIZE,
) -> WorldClip:
    """Clip number `seed` of a family; the same arguments give the same clip, bit for bit.

    fps, image_size: any supported value for hits; the plain families have 10 and 64. Raises ValueError if `frames` is
    below 1, if the family or split is unknown, or if the family does not have these sizes.
    """
    if frames < 1:
        raise ValueError(f"frames is {frames}, expected at least 1")
    if family not in FAMILIES:
        raise ValueError(f"family is {family!r}, expected one of {', '.join(FAMILIES)}")
    check_sizes((family,), fps=fps, image_size=image_size)
    rng = np.random.default_rng([FAMILIES.index(family), seed])
    difficulty = draw_difficulty(split, rng)
    if family == "hits":
        sizes = {"frames": frames, "fps": fps, "image_size": image_size}
        return hits_clip(rng, seed=seed, difficulty=difficulty, **sizes)
    make = impacts_clip if family == "impacts" else dance_clip
    return make(rng, seed=seed, frames=frames, difficulty=difficulty)
