"""The forward process x_t = alpha_t x + sigma_t e: cosine schedule, zero terminal SNR, v-prediction (ours).

With alpha = cos(pi t / 2) and sigma = sin(pi t / 2) the process is a rotation of (clean, noise) by the angle pi t / 2,
and the velocity v = alpha e - sigma x (Salimans and Ho, arXiv 2202.00512) is its derivative by that angle. Times are
given per item, ``(b,)``, or per video frame, ``(b, f)``. A spectrogram has eight frames per video frame.
"""

import math
from typing import Any, Literal, overload

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.direction import TRAINING_STEPS

PredictionType = Literal["v_prediction", "epsilon"]


def alpha(t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Coefficient of the clean signal at time t in [0, 1]."""
    return torch.cos(math.pi / 2 * t)


def sigma(t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Coefficient of the noise at time t in [0, 1]."""
    return torch.sin(math.pi / 2 * t)


def noisier(t: Float[Tensor, "..."], factor: float | int) -> Float[Tensor, "..."]:
    """Shifts t so that the noise-to-signal ratio sigma / alpha grows by `factor`; 0 and 1 are unchanged.

    Content that is spread over many values stays visible under noise that hides each single value. The more values, the
    closer to pure noise is the time at which this content is decided (arXiv 2301.11093).
    """
    angle = math.pi / 2 * t
    # atan2, because tan(pi / 2) at t = 1 is not finite.
    return (2 / math.pi * torch.atan2(factor * angle.sin(), angle.cos())).clamp(0, 1)


def over_elements(values: Float[Tensor, "b *f"], x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b ..."]:
    """Views values per item ``(b,)`` or video frame ``(b, f)`` so that they broadcast over latents or a spectrogram.

    Raises ValueError unless the time axis of ``x`` equals f (video latents) or is a multiple of f (spectrogram).
    """
    if values.ndim == 1:
        return values.view(-1, *(1,) * (x.ndim - 1))
    frames = values.shape[1]
    time = x.shape[2] if x.ndim == 5 else x.shape[-1]
    if time % frames or (x.ndim == 5 and time != frames):
        raise ValueError(f"values for {frames} frames do not fit a tensor of {time} time steps")
    if x.ndim == 5:
        return values[:, None, :, None, None]
    values = values.repeat_interleave(time // frames, dim=1)
    return values.view(values.shape[0], *(1,) * (x.ndim - 2), time)


def diffuse(
    clean: Float[Tensor, "b c ..."], noise: Float[Tensor, "b c ..."], t: Float[Tensor, "b *f"]
) -> Float[Tensor, "b c ..."]:
    """Returns the noisy signal x_t = alpha x + sigma e."""
    t = over_elements(t, clean)
    return alpha(t) * clean + sigma(t) * noise


def velocity(
    clean: Float[Tensor, "b c ..."], noise: Float[Tensor, "b c ..."], t: Float[Tensor, "b *f"]
) -> Float[Tensor, "b c ..."]:
    """Returns the target of v-prediction: alpha e - sigma x."""
    t = over_elements(t, clean)
    return alpha(t) * noise - sigma(t) * clean


def prediction_target(
    clean: Float[Tensor, "b c ..."],
    noise: Float[Tensor, "b c ..."],
    t: Float[Tensor, "b *f"],
    *,
    prediction_type: PredictionType = "v_prediction",
) -> Float[Tensor, "b c ..."]:
    """Returns the training target: the velocity or the noise. Raises ValueError for an unknown `prediction_type`."""
    _check_prediction_type(prediction_type)
    return velocity(clean, noise, t) if prediction_type == "v_prediction" else noise


def implied_clean(
    predicted: Float[Tensor, "b c ..."],
    target: Float[Tensor, "b c ..."],
    clean: Float[Tensor, "b c ..."],
    t: Float[Tensor, "b *f"],
    *,
    prediction_type: PredictionType = "v_prediction",
) -> Float[Tensor, "b c ..."]:
    """Returns the clean signal that a prediction implies, given the true target and the true clean signal.

    For v it is alpha x_t - sigma v; x_t cancels out because the truth is known. In pure noise an epsilon prediction
    contains no information about the signal: alpha is clamped to at least 1e-3. Raises ValueError for an unknown
    `prediction_type`.
    """
    _check_prediction_type(prediction_type)
    t = over_elements(t, clean)
    gain = sigma(t) if prediction_type == "v_prediction" else sigma(t) / alpha(t).clamp(min=1e-3)
    return clean + gain * (target - predicted)


def schedule_betas(steps: int = TRAINING_STEPS) -> Float[Tensor, " steps"]:
    """Betas (float64) for diffusers' schedulers: alphas_cumprod[k] = cos^2(pi/2 (k+1)/steps). The last beta is 1."""
    alphas_cumprod = torch.cos(math.pi / 2 * torch.arange(steps + 1, dtype=torch.float64) / steps).square()
    betas = 1 - alphas_cumprod[1:] / alphas_cumprod[:-1]
    betas[-1] = 1.0
    return betas


@overload
def time_of_timestep(timestep: int) -> float: ...
@overload
def time_of_timestep(timestep: Tensor) -> Tensor: ...
def time_of_timestep(timestep: int | Tensor) -> float | Tensor:
    """Converts a diffusers timestep k in 0 .. 999 to the time t = (k + 1) / 1000."""
    return (timestep + 1) / TRAINING_STEPS


def scheduler_config(prediction_type: PredictionType = "v_prediction") -> dict[str, Any]:
    """Keyword arguments that configure diffusers' DDIM, DPM-Solver++ and UniPC schedulers for this process.

    DDIM also needs ``clip_sample=False``, because latents exceed [-1, 1]; the other two have no such argument. With
    epsilon the last beta stays below 1: in pure noise an epsilon prediction contains no information about the signal.
    Raises ValueError for an unknown `prediction_type`.
    """
    _check_prediction_type(prediction_type)
    betas = schedule_betas()
    zero_terminal = prediction_type == "v_prediction"
    return {
        "num_train_timesteps": TRAINING_STEPS,
        "trained_betas": betas.tolist() if zero_terminal else betas.clamp(max=0.999).tolist(),
        "prediction_type": prediction_type,
        "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": zero_terminal,
    }


def _check_prediction_type(prediction_type: str) -> None:
    if prediction_type not in ("v_prediction", "epsilon"):
        raise ValueError(f"prediction_type is {prediction_type!r}, expected 'v_prediction' or 'epsilon'")
