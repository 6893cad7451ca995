"""Many world clips in a fixed order, made by worker processes that need no torch (ours)."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from cmmd.data.world.clip import FAMILIES, Family, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip

LARGEST_SEED = 2**31


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldConfig:
    """families: one that is named twice has twice as many clips. clips: of each family named. frames: of a clip, of
    which training crops a stretch. seed: of the first clip. split: how hard they are to understand."""

    families: tuple[Family, ...] = FAMILIES
    clips: int = 1000
    frames: int = 48
    seed: int = 0
    split: Split = "standard"

    def __post_init__(self) -> None:
        if not self.families:
            raise ValueError(f"families is {list(self.families)}, expected one or more of {', '.join(FAMILIES)}")
        if self.clips < 1 or self.frames < 1:
            raise ValueError(f"clips is {self.clips} and frames {self.frames}, expected at least 1 of each")
        if not 0 <= self.seed < LARGEST_SEED:
            raise ValueError(f"seed is {self.seed}, expected 0 or more, and less than 2^31")


def render(config: WorldConfig) -> Iterator[WorldClip]:
    """All clips in a fixed order (families in turn), made in as many processes as there are processors."""
    jobs = [
        (family, config.seed + index + config.families[:place].count(family) * config.clips)
        for index in range(config.clips)
        for place, family in enumerate(config.families)
    ]
    # Fork would copy the threads' locks of a process that has used torch; a fresh server has none.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        yield from pool.map(partial(_render_one, frames=config.frames, split=config.split), jobs, chunksize=8)


def _render_one(job: tuple[Family, int], *, frames: int, split: Split) -> WorldClip:
    return world_clip(*job, frames=frames, split=split)
