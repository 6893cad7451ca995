"""Sound synthesis: struck solids as sums of decaying modes, drums, bass and quiet room noise (ours: decision 04)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """A colour and a sound that belong together.

    hue, saturation: of the colour. ratios: of the partials to the fundamental. decay: time constant of the fundamental
    (s), the time for 60 dB divided by 6.9. click: level of contact noise in the attack.
    """

    name: str
    hue: float
    saturation: float
    ratios: tuple[float, ...]
    decay: float
    click: float


MATERIALS = (
    Material(name="wood", hue=0.08, saturation=0.75, ratios=(1.0, 2.76, 5.40), decay=0.050, click=0.35),
    Material(name="metal", hue=0.55, saturation=0.30, ratios=(1.0, 2.00, 3.01, 4.17), decay=0.130, click=0.15),
    Material(name="skin", hue=0.95, saturation=0.70, ratios=(1.0, 1.59, 2.14), decay=0.080, click=0.25),
    Material(name="glass", hue=0.38, saturation=0.55, ratios=(1.0, 2.32, 4.25), decay=0.090, click=0.20),
)


def struck(
    rng: np.random.Generator, material: Material, frequency: float, *, brightness: float, strength: float
) -> np.ndarray:
    """One blow, float32 (s,). The fundamental is always the strongest partial; brightness in [0, 1] raises the
    others."""
    t = _seconds(6 * material.decay)
    sound = np.zeros_like(t)
    for index, ratio in enumerate(material.ratios):
        partial = frequency * ratio
        if partial > 0.45 * SAMPLE_RATE:
            break
        level = 1.0 if index == 0 else (0.15 + 0.45 * brightness) / index
        decay = material.decay / (1 + 0.5 * index)
        sound += level * np.exp(-t / decay) * np.sin(2 * np.pi * partial * t + rng.uniform(0, 2 * np.pi))
    sound += material.click * _click(rng, t, brightness)
    return (0.6 * strength * sound * _attack(t)).astype(np.float32)


def kick(rng: np.random.Generator, frequency: float, *, strength: float) -> np.ndarray:
    """Bass drum: a sine whose frequency falls to `frequency` (Hz). Returns float32 (s,)."""
    t = _seconds(0.35)
    phase = 2 * np.pi * (frequency * t + 1.5 * frequency * 0.03 * (1 - np.exp(-t / 0.03)))
    sound = np.exp(-t / 0.09) * np.sin(phase) + 0.25 * _click(rng, t, 0.5)
    return (0.7 * strength * sound * _attack(t)).astype(np.float32)


def snare(rng: np.random.Generator, frequency: float, *, strength: float) -> np.ndarray:
    """Snare drum: a tone at `frequency` (Hz) and a burst of noise. Returns float32 (s,)."""
    t = _seconds(0.3)
    noise = rng.standard_normal(len(t))
    sound = 0.6 * np.exp(-t / 0.06) * np.sin(2 * np.pi * frequency * t) + 0.35 * np.exp(-t / 0.05) * noise
    return (0.6 * strength * sound * _attack(t)).astype(np.float32)


def bass(frequency: float, *, seconds: float, brightness: float, strength: float) -> np.ndarray:
    """Plucked bass: decaying harmonics of `frequency` (Hz), more of them for a higher brightness. Returns float32
    (s,)."""
    t = _seconds(min(seconds, 0.5))
    harmonics = 2 + int(6 * brightness)
    sound = sum(np.sin(2 * np.pi * frequency * k * t) * np.exp(-t * (4 + 1.5 * k)) / k for k in range(1, harmonics + 1))
    return (0.35 * strength * sound * _attack(t)).astype(np.float32)


def room(rng: np.random.Generator, samples: int, *, level: float) -> np.ndarray:
    """Quiet coloured noise with RMS `level`, float32 (samples,), because no recording is digitally silent."""
    white = rng.standard_normal(samples).astype(np.float32)
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(1 + np.arange(len(spectrum)) / rng.uniform(50, 400))
    noise = np.fft.irfft(spectrum, samples)
    return (level * noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def mix_at(track: np.ndarray, sound: np.ndarray, time: float) -> None:
    """Adds `sound` to the track in place, starting at `time` (s, rounded to a sample). Samples outside the track are
    dropped."""
    start = round(time * SAMPLE_RATE)
    first, last = max(start, 0), min(start + len(sound), len(track))
    if first < last:
        track[first:last] += sound[first - start : last - start]


def limit_peak(waveform: np.ndarray, *, peak: float = 0.95) -> np.ndarray:
    """Scales down a waveform whose peak is above `peak`."""
    highest = float(np.abs(waveform).max(initial=0.0))
    return waveform if highest <= peak else (waveform * (peak / highest)).astype(np.float32)


def _seconds(duration: float) -> np.ndarray:
    return np.arange(int(duration * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE


def _attack(t: np.ndarray) -> np.ndarray:
    """A rise of one millisecond, because a step would click at every frequency."""
    return np.minimum(t / 0.001, 1.0)


def _click(rng: np.random.Generator, t: np.ndarray, brightness: float) -> np.ndarray:
    """Noise of the first contact, shorter for a higher brightness."""
    return np.exp(-t / (0.006 - 0.004 * brightness)) * rng.standard_normal(len(t))
