"""Whether sound keeps time with the picture, by loudness and motion: of a whole set, not of a file (ours).

One file's correlation says next to nothing: most sounds are not of what moves. The mean over many files does say by how
much all of them are late, and whether sounds and pictures are mixed up. `docs/doctor.md` has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.doctor.fingerprint import FLOOR, equal_parts
from cmmd.doctor.picture_trace import SAMPLED_HZ, PictureTrace
from cmmd.doctor.sound_trace import HOPS, SoundTrace

LONGEST_LAG = 20
"""Samples at SAMPLED_HZ: two seconds."""
SHORTEST = 3 * LONGEST_LAG // 2
"""Samples of a clip that is compared at all: three seconds."""
CUT_AT = 0.98
"""Quantile of the motion above which it does not count: a change of scene is no motion."""
FEWEST = 20
"""Clips that say something together."""
SURE = 4.0
"""Standard errors; one set of mixed-up pairs in 300 reached it at any lag."""
IN_TIME = 0.2
"""s: two samples at SAMPLED_HZ. Loudness follows motion by about 0.1 s, as sound dies away."""


def lag_correlations(pictures: PictureTrace, sound: SoundTrace) -> Float[np.ndarray, " lags"] | None:
    """Correlation of motion with loudness, the sound heard from -LONGEST_LAG to LONGEST_LAG samples after the picture.

    None for a clip that is too short, or in which nothing moves or sounds.
    """
    heard = min(len(pictures.motion), int(len(sound.bands) / HOPS * SAMPLED_HZ))
    if heard < SHORTEST:
        return None
    bands = sound.bands[: heard * HOPS // SAMPLED_HZ]
    loudness = np.log(bands + FLOOR * bands.max() + 1e-12).mean(axis=1, keepdims=True)
    # Motion k is the change over the tenth of a second before k, loudness k that of the tenth after it.
    loudness, motion = equal_parts(loudness, heard)[:-1, 0], pictures.motion[1:heard].astype(np.float64)
    motion = np.minimum(motion, np.quantile(motion, CUT_AT))
    if min(motion.std(), loudness.std()) < 1e-6:
        return None
    motion, loudness = ((x - x.mean()) / x.std() for x in (motion, loudness))
    lags = range(-LONGEST_LAG, LONGEST_LAG + 1)
    parts = [(motion[: len(motion) - max(0, lag)][max(0, -lag) :], loudness[max(0, lag) :]) for lag in lags]
    return np.array([np.mean(seen * heard[: len(seen)]) for seen, heard in parts], np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeKept:
    """Over `clips` clips: the lag (s, the sound after the picture) at which motion and loudness agree best, their mean
    correlation there, and by how many standard errors it stands above the mean over all lags."""

    clips: int
    lag: float
    correlation: float
    strength: float

    @property
    def says(self) -> str:
        """One line: what follows from it."""
        told = f"motion and loudness of {self.clips} clips"
        if self.strength < SURE:
            return f"{told} agree at no lag ({self.strength:.1f} standard errors, {SURE:g} needed); this proves nothing"
        if abs(self.lag) <= IN_TIME:
            return f"{told} agree in time ({self.strength:.1f} standard errors); as a set, sound belongs to picture"
        side = "after" if self.lag > 0 else "before"
        return (
            f"{told} agree best with the sound {abs(self.lag):.1f} s {side} the picture; is the whole set out of time?"
        )


def time_kept(correlations: Sequence[Float[np.ndarray, " lags"]]) -> TimeKept | None:
    """What the clips of a set say together; None for fewer than FEWEST."""
    if len(correlations) < FEWEST:
        return None
    every = np.stack(correlations).astype(np.float64)
    mean, error = every.mean(axis=0), every.std(axis=0, ddof=1) / np.sqrt(len(every))
    best = int(mean.argmax())
    return TimeKept(
        clips=len(every),
        lag=(best - LONGEST_LAG) / SAMPLED_HZ,
        correlation=float(mean[best]),
        strength=float((mean[best] - mean.mean()) / max(error[best], 1e-9)),
    )
