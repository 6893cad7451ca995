"""Sounds of struck objects: partials and noise of each body, and blows of any force on it (ours: decision 12).

A body has the same partials in all its blows. Force determines level and brightness: a short contact excites high
frequencies, as does a hard striker.
"""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import SAMPLE_RATE
from cmmd.data.world.hits.filters import passed
from cmmd.data.world.hits.materials import Material

LOWEST, HIGHEST = 160.0, 4200.0
"""Frequencies (Hz) of objects of LARGEST and SMALLEST units, before the material's factor."""
LARGEST, SMALLEST = 28.0, 1.2
LONGEST = 1.6
"""Maximum duration of a blow (s)."""
NEPERS = 6.9
"""60 dB in nepers."""
DULL = 0.3
"""Fraction of objects that are too damped to have a pitch, whatever their material."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """frequencies: of the partials (Hz), (k,), the strongest first. levels, decays (s for 60 dB): of the partials,
    (k,). noise: level of the contact noise; band: its range (Hz); noise_decay: its seconds for 60 dB. grains, bubbles:
    it crackles (earth), it splashes (water)."""

    frequencies: np.ndarray
    levels: np.ndarray
    decays: np.ndarray
    noise: float
    band: tuple[float, float]
    noise_decay: float
    grains: bool
    bubbles: bool

    @property
    def pitch(self) -> float:
        """Frequency of the strongest partial (Hz), 0 for a body without partials."""
        return float(self.frequencies[0]) if len(self.frequencies) else 0.0


def pitch_of(size: float, material: Material) -> float:
    """Frequency (Hz) of the lowest partial of an object of this size (half extent, units). Equal ratios of size give
    equal ratios of pitch."""
    fraction = np.log(LARGEST / np.clip(size, SMALLEST, LARGEST)) / np.log(LARGEST / SMALLEST)
    return float(material.timbre.pitch * LOWEST * (HIGHEST / LOWEST) ** fraction)


def draw_body(rng: np.random.Generator, material: Material, size: float) -> Body:
    """Draws the body of an object of this size (units). Its partials deviate slightly from those of the material. A
    dull body has only noise, which is lower for a larger size."""
    timbre = material.timbre
    dull = not timbre.ratios or rng.random() < DULL
    ratios = np.array(() if dull else timbre.ratios)
    ratios[1:] *= np.exp(rng.normal(0, 0.05, max(len(ratios) - 1, 0)))
    frequencies = np.sort(ratios) * pitch_of(size, material) * np.exp(rng.normal(0, 0.06))
    frequencies = frequencies[frequencies < 0.45 * SAMPLE_RATE]
    order = np.arange(len(frequencies))
    damping = rng.uniform(0.3, 1.5) if material.name != "metal" else rng.uniform(0.1, 0.6)
    low, high = timbre.band
    shift = np.exp(rng.normal(0, 0.25)) * (8.0 / np.clip(size, 2.0, 20.0)) ** (0.6 if dull else 0.3)
    return Body(
        frequencies=frequencies,
        levels=np.where(order == 0, 1.0, rng.uniform(0.3, 0.9, len(order)) / np.maximum(order, 1) ** 0.5),
        decays=np.exp(rng.uniform(*np.log(timbre.decay))) / (1 + damping * order),
        noise=1.2 if dull else timbre.noise * rng.uniform(0.5, 1.6),
        band=(low * shift, high * shift),
        noise_decay=float(np.exp(rng.uniform(*np.log(timbre.noise_decay)))),
        grains=timbre.grains,
        bubbles=timbre.bubbles,
    )


def blow(rng: np.random.Generator, body: Body, *, strength: float, hardness: float) -> np.ndarray:
    """One blow, float32 (s,), with its onset at the first sample. strength, hardness: in [0, 1]."""
    longest = max([body.noise_decay, *body.decays.tolist()])
    t = np.arange(int(min(1.1 * longest, LONGEST) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    # Duration of the contact (s). It excites little above the inverse of its duration.
    contact = 0.003 * (1 - hardness) ** 1.8 * (1.3 - 0.6 * strength) + 0.00008
    sound = np.zeros_like(t)
    for index, (frequency, level, decay) in enumerate(zip(body.frequencies, body.levels, body.decays, strict=True)):
        dull = (1 + (body.pitch * contact) ** 2) / (1 + (frequency * contact) ** 2)
        place = 1.0 if index == 0 else rng.uniform(0.6, 1.2)
        phase = rng.uniform(0, 2 * np.pi)
        wave = np.sin((2 * np.pi * frequency) * t + phase)
        sound += np.float32(level * dull * place) * np.exp((-NEPERS / decay) * t) * wave
    sound += np.float32(body.noise) * _noise(rng, body, t, contact)
    if body.bubbles:
        sound += _bubbles(rng, t)
    fade = np.minimum(t / np.float32(min(0.2 * contact + 0.0005, 0.002)), 1) * np.minimum((t[-1] - t) / 0.01, 1)
    return (np.float32(0.5 * strength) * sound * fade).astype(np.float32)


def _noise(rng: np.random.Generator, body: Body, t: np.ndarray, contact: float) -> np.ndarray:
    """Burst of noise within the body's band, duller for a long contact. For earth it continues as single grains."""
    white = rng.standard_normal(len(t), dtype=np.float32)
    burst = white * np.exp((-NEPERS / body.noise_decay) * t)
    if body.grains:
        grains = (rng.random(len(t)) < 0.02) * rng.exponential(0.5, len(t))
        burst += white * _smeared(grains.astype(np.float32)) * np.exp((-NEPERS / (2 * body.noise_decay)) * t)
    low, high = body.band
    shaped = passed(burst, above=low, below=(high, 1 / contact))
    early = shaped[: SAMPLE_RATE // 100]
    return shaped / max(2.5 * float(np.sqrt(np.mean(early**2))), 1e-9)


def _smeared(grains: np.ndarray) -> np.ndarray:
    """Spreads each grain over two milliseconds."""
    length = SAMPLE_RATE // 500
    kernel = np.exp(-4 * np.arange(length, dtype=np.float32) / length)
    return np.convolve(grains, kernel)[: len(grains)]


def _bubbles(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
    """Trapped air bubbles ring, and their pitch rises as they come up (van den Doel 2005)."""
    sound = np.zeros_like(t)
    for _ in range(int(rng.integers(2, 7))):
        frequency, decay = np.exp(rng.uniform(np.log(500), np.log(2600))), rng.uniform(0.03, 0.1)
        after = t - rng.uniform(0, 0.05)
        wave = np.sin(2 * np.pi * frequency * after * (1 + 2 * np.maximum(after, 0)))
        sound += rng.uniform(0.03, 0.18) * wave * np.exp(-NEPERS / decay * np.maximum(after, 0)) * (after > 0)
    return sound.astype(np.float32)
