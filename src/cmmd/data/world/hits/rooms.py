"""The recording: room response, background noise, microphone and level (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.clip import SAMPLE_RATE
from cmmd.data.world.hits.filters import passed

LOUDEST, QUIETEST = -8.0, -40.0
"""Range of the RMS of a clip (dB of full scale)."""
SILENCE = (-80.0, -42.0)
"""Range of the RMS of the background in a silent clip (dB of full scale)."""
CEILING = 0.97


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """impulse: room response; its first sample is the direct sound. highpass, lowpass: cutoffs of the microphone (Hz).
    level: target RMS (dB). distance: of the background below the hits (dB). push: maximum factor of peaks over CEILING
    before limiting."""

    impulse: np.ndarray
    highpass: float
    lowpass: float
    level: float
    distance: float
    push: float


def draw_recording(rng: np.random.Generator) -> Recording:
    """Draws a room or none, a microphone and a level."""
    return Recording(
        impulse=_impulse(rng),
        highpass=float(np.exp(rng.uniform(np.log(20), np.log(250)))),
        lowpass=float(np.exp(rng.uniform(np.log(4500), np.log(30000)))),
        level=rng.uniform(QUIETEST, LOUDEST),
        distance=rng.uniform(10, 22) if rng.random() < 0.2 else rng.uniform(22, 65),
        push=float(np.exp(rng.uniform(0, np.log(16 if rng.random() < 0.5 else 2.5)))),
    )


def _impulse(rng: np.random.Generator) -> np.ndarray:
    """Early reflections and a decaying tail, or only the direct sound (outdoors)."""
    if rng.random() < 0.3:
        return np.ones(1, np.float32)
    seconds = float(np.exp(rng.uniform(np.log(0.12), np.log(0.8))))
    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    tail = rng.standard_normal(len(t), dtype=np.float32) * np.exp(-6.9 * t / seconds)
    tail[: int(rng.uniform(0.002, 0.02) * SAMPLE_RATE)] = 0
    tail = passed(tail, above=150.0, below=(rng.uniform(2000, 9000),))
    tail *= 10 ** (rng.uniform(-20, -2) / 20) / max(float(np.sqrt((tail**2).sum())), 1e-9)
    tail[0] = 1
    for _ in range(int(rng.integers(2, 8))):
        delay = int(rng.uniform(0.001, 0.03) * SAMPLE_RATE)
        tail[min(delay, len(tail) - 1)] += rng.choice([-1, 1]) * rng.uniform(0.02, 0.3) / (1 + delay / 160)
    return tail


def recorded(rng: np.random.Generator, track: np.ndarray, recording: Recording) -> np.ndarray:
    """Applies the room, the background noise, the microphone and the level to a track. Returns float32 (s,), peaks
    below 1."""
    if len(recording.impulse) > 1:
        length = len(track) + len(recording.impulse)
        spectrum = np.fft.rfft(track, length) * np.fft.rfft(recording.impulse, length)
        track = np.fft.irfft(spectrum, length)[: len(track)].astype(np.float32)
    loudness = _rms(track)
    noise = background(rng, len(track))
    if loudness == 0:
        level = 0.0 if rng.random() < 0.15 else 10 ** (rng.uniform(*SILENCE) / 20)
        return (noise * np.float32(level)).astype(np.float32)
    mixed = track / loudness + noise * np.float32(10 ** (-recording.distance / 20))
    mixed = passed(mixed, above=recording.highpass, below=(recording.lowpass,))
    most = CEILING * recording.push / max(float(np.abs(mixed).max()), 1e-9)
    aim = 10 ** (recording.level / 20)
    gain = min(aim / max(_rms(mixed), 1e-9), most)
    for _ in range(3):  # limiting lowers the level, which is compensated here
        gain = min(gain * aim / max(_rms(limited(mixed * np.float32(gain))), 1e-9), most)
    return limited(mixed * np.float32(gain))


def background(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Steady noise of RMS 1, float32 (samples,): coloured noise, in some clips with mains hum, slowly modulated."""
    white = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    colour = (1 + frequency / rng.uniform(50, 500)) ** -rng.uniform(0.0, 1.1)
    noise = np.fft.irfft(white * colour, samples)
    noise /= max(_rms(noise), 1e-9)
    t = np.arange(samples) / SAMPLE_RATE
    if rng.random() < 0.3:
        mains = rng.choice([50.0, 60.0])
        for harmonic in range(1, 6):
            noise += rng.exponential(0.25) / harmonic * np.sin(2 * np.pi * harmonic * mains * t + rng.uniform(0, 6))
    slow = 1 + rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(0.1, 0.8) * t + rng.uniform(0, 6))
    noise = noise * slow
    return (noise / max(_rms(noise), 1e-9)).astype(np.float32)


def limited(waveform: np.ndarray) -> np.ndarray:
    """Bends peaks above 0.6 so that none exceeds 0.97, as in loud recordings."""
    knee = 0.6
    size = np.abs(waveform)
    bent = knee + (CEILING - knee) * np.tanh((size - knee) / (CEILING - knee))
    return np.where(size > knee, np.sign(waveform) * bent, waveform).astype(np.float32)


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
