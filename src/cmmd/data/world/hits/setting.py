"""What an act is given, and what it says of its sounds (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import EDGE
from cmmd.data.world.hits.backdrops import Place
from cmmd.data.world.hits.bodies import Body
from cmmd.data.world.hits.limbs import Build, draw_build
from cmmd.data.world.hits.materials import Material
from cmmd.data.world.hits.rhythm import clear_of, draw_contacts
from cmmd.data.world.hits.stage import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """start, stop: seconds between which things touch, from before the clip until after it; edges: of the clip. place:
    the ground, and ground: what it is made of. scale: how near everything is. density: pixels of sprites to a unit.
    light: where it comes from. reach: factor on every movement."""

    stage: Stage
    start: float
    stop: float
    edges: tuple[float, ...]
    place: Place
    ground: Material
    scale: float
    density: float
    light: float
    reach: float

    @property
    def drawn(self) -> dict[str, float]:
        """What every sprite is drawn with."""
        return {"density": self.density, "light": self.light}

    def clear(self, rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
        """The times moved together so that none is half heard at an end of the clip."""
        return clear_of(rng, times, self.edges, margin=EDGE)

    def contacts(self, rng: np.random.Generator, *, shortest: float, longest: float) -> np.ndarray:
        """When something is struck, see `draw_contacts`."""
        return self.clear(rng, draw_contacts(rng, self.start, self.stop, shortest=shortest, longest=longest))

    def person(self, rng: np.random.Generator, *, scale: float | None = None) -> Build:
        """Someone as near as everything, or of another scale."""
        return draw_build(rng, scale=self.scale if scale is None else scale, **self.drawn)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sounding:
    """Blows on one thing by one striker. source: number of the thing in its scene. times, strengths: (k,)."""

    source: int
    body: Body
    hardness: float
    times: np.ndarray
    strengths: np.ndarray
