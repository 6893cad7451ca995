"""The camera: its motion, its frame times and its exposures (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.hits.backdrops import MARGIN
from cmmd.data.world.hits.sprites import UNITS
from cmmd.data.world.hits.wobble import wobble

RATES = (15, 24000 / 1001, 25, 30000 / 1001, 30000 / 1001, 30, 30, 30, 50, 60)
"""Frame rates of cameras (Hz), repeated by their frequency in recordings."""
FINEST = 0.007
"""Maximum time between two moments of an exposure (s), unless that takes more than MOST_MOMENTS."""
MOST_MOMENTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Shutter:
    """rate: frames per second of the camera. phase: of the first camera frame, in frames. exposure: seconds."""

    rate: float
    phase: float
    exposure: float

    @property
    def moments(self) -> int:
        """Number of moments that are averaged for one exposure."""
        return int(np.clip(np.ceil(self.exposure / FINEST), 1, MOST_MOMENTS))

    def times(self, frames: int, fps: float) -> np.ndarray:
        """Times of all moments (s), (frames * moments,). Frame k shows the last camera frame up to time k / fps."""
        taken = (np.floor(np.arange(frames) / fps * self.rate + self.phase + 1e-6) - self.phase) / self.rate
        inside = (np.arange(self.moments) + 0.5) / self.moments * self.exposure
        return (taken[:, None] + inside).ravel()


def draw_shutter(rng: np.random.Generator, *, dark: bool) -> Shutter:
    """Draws a shutter. Exposures are longer in dark scenes."""
    rate = float(rng.choice(RATES))
    share = rng.uniform(0.7, 0.98) if dark else np.exp(rng.uniform(np.log(0.08), np.log(0.95)))
    return Shutter(rate=rate, phase=rng.uniform(), exposure=float(share) / rate)


def draw_camera(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
    """Draws the camera motion as affine maps from scene units to picture units, (n, 2, 3). The camera is on a tripod or
    hand-held; in some clips it pans or zooms."""
    how = rng.random()
    size = np.exp(rng.uniform(np.log(0.1), np.log(2.2)))
    shake, roll = wobble(rng, t, size, slowest=0.2, fastest=4.0), 0.02 * wobble(rng, t, size)[:, 0]
    pan, near = rng.normal(0, 3, 2) * (t[:, None] - t.mean()), rng.normal(0, 0.04) * (t - t.mean())
    if how < 0.45:
        shake, roll = 0 * shake, 0 * roll
    if how < 0.8:
        pan = 0 * pan
    if how < 0.9:
        near = 0 * near
    limit = 0.5 * MARGIN
    moved = np.clip(shake + pan, -limit, limit)
    zoom = np.exp(np.clip(near, -0.1, 0.3))
    cosine, sine = np.cos(roll) * zoom, np.sin(roll) * zoom
    turn = np.stack([np.stack([cosine, -sine], 1), np.stack([sine, cosine], 1)], axis=1)
    centre = np.full(2, UNITS / 2)
    return np.concatenate([turn, (centre + moved - turn @ centre)[:, :, None]], axis=2)


def view_of(rng: np.random.Generator) -> np.ndarray:
    """Draws another view of the same scene after a cut, an affine map (2, 3): nearer, shifted, slightly sheared, in
    half of the draws mirrored."""
    zoom, centre = rng.uniform(1.1, 1.6), np.full(2, UNITS / 2)
    turn = zoom * np.array([[rng.choice([-1.0, 1.0]), rng.normal(0, 0.05)], [rng.normal(0, 0.05), 1.0]])
    return np.concatenate([turn, (centre + rng.normal(0, 4, 2) - turn @ centre)[:, None]], axis=1)
