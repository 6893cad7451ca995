"""Camera model: illumination, focus, exposure, tone, colour and noise (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.pictures.blur import blurred

MOST_GAIN = 2.5
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """Settings of one camera.

    light, contrast: target mean and standard deviation of luminance, [0, 1], of the automatic exposure. pull: fraction
    of the way to these targets. gamma: of the tone curve. saturation: factor on colour. tint: white balance, (3,).
    gradient: change of the log light across the picture in x and y, (2,). vignette: loss of light at the corners.
    focus: blur in 64ths of the side. crisp: strength of sharpening by the camera. noise: standard deviation of sensor
    noise.
    """

    light: float
    contrast: float
    pull: float
    gamma: float
    saturation: float
    tint: np.ndarray
    gradient: np.ndarray
    vignette: float
    focus: float
    crisp: float
    noise: float


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draws the settings of an ordinary camera. About an eighth of the scenes are dark, a few are in black and
    white."""
    dark = rng.random() < 0.12
    return Exposure(
        light=rng.uniform(0.1, 0.27) if dark else float(np.clip(rng.normal(0.45, 0.09), 0.2, 0.8)),
        contrast=float(np.clip(rng.normal(0.22, 0.055), 0.06, 0.36)) * (0.7 if dark else 1.0),
        pull=rng.uniform(0.75, 1.0),
        gamma=float(np.exp(rng.normal(0, 0.2))),
        saturation=0.0 if rng.random() < 0.03 else float(np.exp(rng.normal(-0.2, 0.35))),
        tint=np.exp(rng.normal(0, 0.07) * np.array([1, 0, -1]) + rng.normal(0, 0.02, 3)).astype(np.float32),
        gradient=rng.normal(0, 0.35, 2) * (rng.random() < 0.7),
        vignette=rng.uniform(0, 0.5) * (rng.random() < 0.4),
        focus=rng.exponential(0.2) if rng.random() < 0.92 else rng.uniform(0.5, 1.5),
        crisp=rng.uniform(0.0, 0.9) if rng.random() < 0.7 else 0.0,
        noise=rng.uniform(0.01, 0.04) if dark and rng.random() < 0.6 else rng.exponential(0.008),
    )


def illuminate(field: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Applies the light gradient and the vignette to float32 (..., h, w, 3)."""
    h, w = field.shape[-3:-1]
    y, x = np.linspace(-0.5, 0.5, h, dtype=np.float32)[:, None], np.linspace(-0.5, 0.5, w, dtype=np.float32)
    light = np.exp(exposure.gradient[0] * x + exposure.gradient[1] * y) - exposure.vignette * 2 * (x * x + y * y)
    return field * light.astype(np.float32)[..., None]


def expose(field: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """Exposes float32 (f, h, w, 3) to uint8 of the same shape. All frames share the settings; each has different
    noise."""
    light = field @ LUMINANCE
    mean, deviation = float(light.mean()), float(light.std(axis=(-2, -1)).mean())
    gain = (exposure.contrast / max(deviation, 0.02)) ** exposure.pull
    gain = min(gain, MOST_GAIN)
    aim = mean + exposure.pull * (exposure.light - mean)
    grey = light[..., None]
    field = aim + gain * (exposure.tint * (grey + exposure.saturation * (field - grey)) - mean)
    field = np.clip(field, 0, 1) ** np.float32(exposure.gamma)
    if exposure.noise > 0.002:
        field = field + np.float32(exposure.noise) * rng.standard_normal(field.shape, dtype=np.float32)
    return (np.clip(field, 0, 1) * 255 + 0.5).astype(np.uint8)


def focus(field: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Applies lens blur and camera sharpening to float32 (h, w, 3)."""
    unit = field.shape[0] / 64
    field = blurred(field, exposure.focus * unit)
    return field + np.float32(exposure.crisp) * (field - blurred(field, unit)) if exposure.crisp else field
