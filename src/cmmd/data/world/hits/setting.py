"""The input of an act (Setting) and its output (Sounding) (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import EDGE
from cmmd.data.world.hits.backdrops import View
from cmmd.data.world.hits.bodies import Body
from cmmd.data.world.hits.limbs import Build, draw_build
from cmmd.data.world.hits.materials import Material
from cmmd.data.world.hits.rhythm import clear_of, draw_contacts
from cmmd.data.world.hits.stage import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Input of an act. start, stop: range of contact times (s), from before the clip until after it. edges: start and
    end of the clip (s). view: geometry of the ground; ground: its material. scale: size factor of everything. density:
    pixels of sprites per unit. light: direction that it comes from (radians). reach: factor on every movement."""

    stage: Stage
    start: float
    stop: float
    edges: tuple[float, ...]
    view: View
    ground: Material
    scale: float
    density: float
    light: float
    reach: float

    @property
    def drawn(self) -> dict[str, float]:
        """Drawing settings of every sprite, as keyword arguments."""
        return {"density": self.density, "light": self.light}

    def clear(self, rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
        """Shifts all times by one offset so that no contact is half heard at an end of the clip."""
        return clear_of(rng, times, self.edges, margin=EDGE)

    def contacts(self, rng: np.random.Generator, *, shortest: float, longest: float) -> np.ndarray:
        """Contact times (s) of an act, clear of the ends of the clip; see `draw_contacts`."""
        return self.clear(rng, draw_contacts(rng, self.start, self.stop, shortest=shortest, longest=longest))

    def person(self, rng: np.random.Generator, *, scale: float | None = None) -> Build:
        """Draws a person at the setting's scale, or at another scale."""
        return draw_build(rng, scale=self.scale if scale is None else scale, **self.drawn)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sounding:
    """Blows of one striker on one object. source: index of the object in its scene. times (s), strengths: (k,)."""

    source: int
    body: Body
    hardness: float
    times: np.ndarray
    strengths: np.ndarray
