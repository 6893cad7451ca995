"""Fingerprint of picture and sound that hardly changes with encoder, picture size, rate or level (ours).

It has at most 2,560 numbers. A clip is cut into equal segments, so that a shift of a few hundredths of a second changes
little.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from cmmd.doctor.picture_trace import CELLS, PictureTrace
from cmmd.doctor.sound_trace import HOPS, SoundTrace

PICTURE_PARTS = 16
SOUND_PARTS = 64
SHORTEST_PART = 2
"""Hops per segment at least: encoder delays differ by a hop, so shorter segments would depend on the encoder."""
FLOOR = 1e-3
"""Share of the loudest segment, added to all levels: encoders differ in how much quieter sound they retain."""
END = 0.2
"""s at most that are ignored at the end of the sound, because the end depends on the encoder."""
NO_CHANGE = 0.5
"""Grey levels (RMS) by which the segments of a moving picture differ at least from their mean."""
NO_RISE = 0.1
"""Nepers of energy (RMS) by which the segments of a sound differ at least from their mean: steady tones are alike."""
NO_SOUND = 1e-9
"""Mean square, 90 dB below full scale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Unit vectors. The dot product with the same vector of another clip is their similarity.

    looks: the pictures. moves: changes of the pictures. sounds: rise and fall of the frequency bands. seconds: length.
    A vector is None if there is nothing to compare.
    """

    seconds: float
    looks: Float[np.ndarray, " looks"] | None
    moves: Float[np.ndarray, " looks"] | None
    sounds: Float[np.ndarray, " sounds"] | None


def fingerprint(pictures: PictureTrace | None, sound: SoundTrace | None, *, seconds: float) -> Fingerprint:
    """Returns the fingerprint of a file of `seconds` length."""
    looks = moves = sounds = None
    if pictures is not None:
        segments = segment_means(pictures.cells.reshape(-1, CELLS**2).astype(np.float32), PICTURE_PARTS)
        looks = _unit(segments - segments.mean())
        change = segments - segments.mean(axis=0)
        moves = _unit(change) if np.sqrt(np.square(change).mean()) >= NO_CHANGE else None
    if sound is not None:
        sounds = _rise_and_fall(sound, seconds)
    return Fingerprint(seconds=seconds, looks=looks, moves=moves, sounds=sounds)


def _rise_and_fall(sound: SoundTrace, seconds: float) -> np.ndarray | None:
    """Logarithm of the bands in SOUND_PARTS segments, minus the mean of each band, scaled to length 1.

    The last segments of a short clip are zero. None for silent or steady sound.
    """
    hops = max(1, round((seconds - min(END, seconds / 10)) * HOPS))
    # Padded with silence to the length of the picture, as in training.
    bands = np.pad(sound.bands[:hops], ((0, max(0, hops - len(sound.bands))), (0, 0)))
    if bands.sum(axis=1).mean() < NO_SOUND:
        return None
    count = max(1, min(SOUND_PARTS, hops // SHORTEST_PART))
    segments = segment_means(bands if count == SOUND_PARTS else bands[: count * SHORTEST_PART], count)
    levels = np.log(segments + FLOOR * segments.max())
    rise = levels - levels.mean(axis=0)
    if np.sqrt(np.square(rise).mean()) < NO_RISE:
        return None
    return _unit(np.pad(rise, ((0, SOUND_PARTS - count), (0, 0))))


def segment_means(values: Shaped[np.ndarray, "n k"], count: int) -> Float[np.ndarray, "{count} k"]:
    """Means over `count` equal segments of the first axis: (n, k) to (count, k). Short segments repeat a row."""
    edges = np.linspace(0, len(values), count + 1)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    whole = np.minimum(edges.astype(int), len(values) - 1)
    at_edges = total[whole] + (edges - whole)[:, None] * values[whole]
    return np.diff(at_edges, axis=0) / (len(values) / count)


def _unit(values: np.ndarray) -> np.ndarray | None:
    """The values, flattened and scaled to length 1; None if all are zero."""
    length = np.linalg.norm(values)
    return (values / length).ravel().astype(np.float32) if length > 0 else None
