"""What a clip looks and sounds like, in a few hundred numbers that survive another encoder, size, rate or level (ours).

A clip is cut into equal parts, so that a shift of a few hundredths of a second changes little.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from cmmd.doctor.picture_trace import CELLS, PictureTrace
from cmmd.doctor.sound_trace import HOPS, SoundTrace

PICTURE_PARTS = 16
SOUND_PARTS = 64
SHORTEST_PART = 2
"""Hops: finer parts would tell encoders apart, whose delays differ by a hop."""
FLOOR = 1e-3
"""Share of the loudest part below which all sound is the same: encoders differ in what they leave of it."""
END = 0.2
"""s, at most, of sound that is left out: how it ends is up to the encoder."""
NO_CHANGE = 0.5
"""Grey levels by which the parts of a moving picture differ from their mean, at least."""
NO_RISE = 0.1
"""Nepers of energy by which parts of a sound differ from their mean, at least: a steady tone is like any other."""
NO_SOUND = 1e-9
"""Mean square, 90 dB below full scale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Vectors of length 1, whose product with those of another clip is how alike they are; None where there is nothing
    to compare.

    looks: the pictures. moves: what changes in them. sounds: how the bands rise and fall. seconds: length.
    """

    seconds: float
    looks: Float[np.ndarray, " looks"] | None
    moves: Float[np.ndarray, " looks"] | None
    sounds: Float[np.ndarray, " sounds"] | None


def fingerprint(pictures: PictureTrace | None, sound: SoundTrace | None, *, seconds: float) -> Fingerprint:
    """Of a file of so many seconds."""
    looks = moves = sounds = None
    if pictures is not None:
        parts = equal_parts(pictures.cells.reshape(-1, CELLS**2).astype(np.float32), PICTURE_PARTS)
        looks = _unit(parts - parts.mean())
        change = parts - parts.mean(axis=0)
        moves = _unit(change) if np.sqrt(np.square(change).mean()) >= NO_CHANGE else None
    if sound is not None:
        sounds = _rise_and_fall(sound, seconds)
    return Fingerprint(seconds=seconds, looks=looks, moves=moves, sounds=sounds)


def _rise_and_fall(sound: SoundTrace, seconds: float) -> np.ndarray | None:
    """Logarithm of the bands in SOUND_PARTS parts, less each band's mean. Of a short clip the last parts stay empty."""
    hops = max(1, round((seconds - min(END, seconds / 10)) * HOPS))
    # As long as the picture, like everything that training sees: silence where there is no sound.
    bands = np.pad(sound.bands[:hops], ((0, max(0, hops - len(sound.bands))), (0, 0)))
    if bands.sum(axis=1).mean() < NO_SOUND:
        return None
    count = max(1, min(SOUND_PARTS, hops // SHORTEST_PART))
    parts = equal_parts(bands if count == SOUND_PARTS else bands[: count * SHORTEST_PART], count)
    levels = np.log(parts + FLOOR * parts.max())
    rise = levels - levels.mean(axis=0)
    if np.sqrt(np.square(rise).mean()) < NO_RISE:
        return None
    return _unit(np.pad(rise, ((0, SOUND_PARTS - count), (0, 0))))


def equal_parts(values: Shaped[np.ndarray, "n k"], count: int) -> Float[np.ndarray, "{count} k"]:
    """Means over `count` equal parts of the first axis: (n, k) to (count, k). A part shorter than a row repeats it."""
    edges = np.linspace(0, len(values), count + 1)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    whole = np.minimum(edges.astype(int), len(values) - 1)
    at_edges = total[whole] + (edges - whole)[:, None] * values[whole]
    return np.diff(at_edges, axis=0) / (len(values) / count)


def _unit(values: np.ndarray) -> np.ndarray | None:
    """Flattened, of length 1; None for nothing but zeros."""
    length = np.linalg.norm(values)
    return (values / length).ravel().astype(np.float32) if length > 0 else None
