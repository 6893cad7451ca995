"""Whether sound and picture of a set of files are in time, from the correlation of loudness and motion (ours).

The correlation of a single file carries almost no information: most sounds do not come from what moves. The mean over
many files shows by how much all of them are late, and whether sounds and pictures are mixed up. `docs/doctor.md` has
the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.doctor.fingerprint import FLOOR, segment_means
from cmmd.doctor.picture_trace import SAMPLED_HZ, PictureTrace
from cmmd.doctor.sound_trace import HOPS, SoundTrace

LONGEST_LAG = 20
"""Samples at SAMPLED_HZ: two seconds."""
SHORTEST = 3 * LONGEST_LAG // 2
"""Samples at SAMPLED_HZ: three seconds. Shorter clips are not compared."""
CUT_AT = 0.98
"""Quantile at which motion is clipped: a change of scene is not motion."""
FEWEST = 20
"""Smallest number of clips that gives a result."""
SURE = 4.0
"""Standard errors required; of 300 random re-pairings, one reached it at any lag."""
IN_TIME = 0.2
"""s; two samples at SAMPLED_HZ. Loudness lags motion by about 0.1 s, because sound decays."""


def lag_correlations(pictures: PictureTrace, sound: SoundTrace) -> Float[np.ndarray, " lags"] | None:
    """Correlation of motion with loudness at lags from -LONGEST_LAG to LONGEST_LAG samples; positive: late sound.

    Returns None for a clip shorter than SHORTEST, or if its motion or its loudness does not vary.
    """
    heard = min(len(pictures.motion), int(len(sound.bands) / HOPS * SAMPLED_HZ))
    if heard < SHORTEST:
        return None
    bands = sound.bands[: heard * HOPS // SAMPLED_HZ]
    loudness = np.log(bands + FLOOR * bands.max() + 1e-12).mean(axis=1, keepdims=True)
    # Motion k is the change during the 0.1 s before sample k, loudness k the level during the 0.1 s after it.
    loudness, motion = segment_means(loudness, heard)[:-1, 0], pictures.motion[1:heard].astype(np.float64)
    motion = np.minimum(motion, np.quantile(motion, CUT_AT))
    if min(motion.std(), loudness.std()) < 1e-6:
        return None
    motion, loudness = ((x - x.mean()) / x.std() for x in (motion, loudness))
    lags = range(-LONGEST_LAG, LONGEST_LAG + 1)
    overlaps = [(motion[: len(motion) - max(0, lag)][max(0, -lag) :], loudness[max(0, lag) :]) for lag in lags]
    return np.array([np.mean(seen * heard[: len(seen)]) for seen, heard in overlaps], np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Synchrony:
    """Agreement of motion and loudness over `clips` clips.

    lag: s of the sound after the picture, where the mean correlation is highest. correlation: the mean correlation at
    that lag. strength: its difference from the mean over all lags, in standard errors.
    """

    clips: int
    lag: float
    correlation: float
    strength: float

    @property
    def says(self) -> str:
        """The conclusion in one line."""
        agree = f"motion and loudness of {self.clips} clips agree"
        if self.strength < SURE:
            return f"{agree} at no lag ({self.strength:.1f} standard errors, {SURE:g} needed); this proves nothing"
        if abs(self.lag) <= IN_TIME:
            return f"{agree} in time ({self.strength:.1f} standard errors); as a set, sound belongs to picture"
        side = "after" if self.lag > 0 else "before"
        return f"{agree} best with the sound {abs(self.lag):.1f} s {side} the picture; is the whole set out of time?"


def synchrony(correlations: Sequence[Float[np.ndarray, " lags"]]) -> Synchrony | None:
    """Combines the `lag_correlations` of a set of clips; returns None for fewer than FEWEST clips."""
    if len(correlations) < FEWEST:
        return None
    every = np.stack(correlations).astype(np.float64)
    mean, error = every.mean(axis=0), every.std(axis=0, ddof=1) / np.sqrt(len(every))
    best = int(mean.argmax())
    return Synchrony(
        clips=len(every),
        lag=(best - LONGEST_LAG) / SAMPLED_HZ,
        correlation=float(mean[best]),
        strength=float((mean[best] - mean.mean()) / max(error[best], 1e-9)),
    )
