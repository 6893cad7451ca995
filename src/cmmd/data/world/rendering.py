"""Renders many world clips in a fixed order, in worker processes that do not need torch (ours)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from cmmd.data.rendering_pool import in_processes
from cmmd.data.world.clip import FAMILIES, FPS, IMAGE_SIZE, PLAIN_FAMILIES, PLAIN_LEVELS, Family, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip

LARGEST_SEED = 2**31
MOST_FRAMES = 2**24
"""Maximum number of frames of all clips together: 26 GB when encoded, and weeks of rendering."""
MOST_PIXELS = 32 * 10**9
"""Maximum size of all pixels (bytes) where clips are not encoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldConfig:
    """families: a family that is listed twice has twice as many clips. clips: number per listed family. frames: per
    clip; training crops a shorter interval. seed: of the first clip. split: difficulty of the clips. levels: smallest
    loudest moment and largest mean of the log-mel (nepers) to which encoding scales the sounds; None leaves them
    unchanged. Raises ValueError if a value is out of its range."""

    families: tuple[Family, ...] = PLAIN_FAMILIES
    clips: int = 1000
    frames: int = 48
    seed: int = 0
    split: Split = "standard"
    levels: tuple[float, float] | None = PLAIN_LEVELS

    def __post_init__(self) -> None:
        if not self.families:
            raise ValueError(f"families is {list(self.families)}, expected one or more of {', '.join(FAMILIES)}")
        if self.clips < 1 or self.frames < 1:
            raise ValueError(f"clips is {self.clips} and frames {self.frames}, expected at least 1 of each")
        if self.total_frames > MOST_FRAMES:
            raise ValueError(
                f"clips is {self.clips} for each of {len(self.families)} families and frames {self.frames}, expected "
                f"{MOST_FRAMES} frames in all at most"
            )
        if not 0 <= self.seed < LARGEST_SEED:
            raise ValueError(f"seed is {self.seed}, expected 0 or more, and less than 2^31")

    @property
    def total_frames(self) -> int:
        """Number of frames of all clips together."""
        return self.clips * len(self.families) * self.frames


def require_pixels_in_memory(config: WorldConfig, *, every: int = 1) -> None:
    """Raises ValueError if one in `every` frames of all clips takes more than MOST_PIXELS bytes as pixels."""
    size = config.total_frames // every * IMAGE_SIZE**2 * 3
    if size > MOST_PIXELS:
        raise ValueError(
            f"clips is {config.clips} and frames {config.frames}: {size / 1e9:.0f} GB of pixels, expected "
            f"{MOST_PIXELS / 1e9:.0f} GB at most"
        )


def render(config: WorldConfig, *, fps: int = FPS, image_size: int = IMAGE_SIZE) -> Iterator[WorldClip]:
    """Yields all clips in a fixed order (families in turn), rendered by as many processes as there are processors."""
    jobs: list[tuple[Family, int]] = [
        (family, config.seed + index + config.families[:number].count(family) * config.clips)
        for index in range(config.clips)
        for number, family in enumerate(config.families)
    ]
    one = partial(_render_one, frames=config.frames, split=config.split, fps=fps, image_size=image_size)
    yield from in_processes(one, jobs)


def _render_one(job: tuple[Family, int], *, frames: int, split: Split, fps: int, image_size: int) -> WorldClip:
    return world_clip(*job, frames=frames, split=split, fps=fps, image_size=image_size)
