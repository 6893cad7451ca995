"""Zero-shot conditioning by replacement and by a reconstruction gradient (the baseline, MM-Diffusion).

A network with `shared_time` denoises both modalities at one time. The given frames (a whole condition, or frames that
stay fixed) are noised to that time, with the same noise at every step, and enter the network with the generated frames.

The gradient is that of reconstruction guidance (Ho et al., arXiv 2204.03458). Let D be the squared distance between the
given frames and the clean signal that the network's prediction implies for them. The clean signal implied by the
prediction moves by `-gradient * alpha / 2` times the gradient of D with respect to the noisy signal. The effect of the
strength is independent of (ours: docs/decisions/10):

- the batch size: distances are summed over the items, so an item's gradient does not depend on the others;
- the clip length: distances are summed over the frames;
- the number of values per frame: distances are averaged over the values of a given frame, and the gradient is
  multiplied by the number of values of a generated frame. At twice the resolution, otherwise equal latents or
  spectrograms move equally far;
- the dtype: only the network computes in it. The gradients that pass back through it have the magnitude of an error,
  never that of a batch mean that half precision would round to 0.

The prediction is moved and not the noisy signal, because multistep solvers continue from the prediction, and UniPC's
corrector recomputes the noisy signal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.fixed_frames import FixedFrames
from cmmd.diffusion.item_noise import item_noise
from cmmd.diffusion.process import PredictionType, alpha, diffuse, over_elements, prediction_target, sigma
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.diffusion.solver import OnStep, Scheduler, Solver
from cmmd.diffusion.windows import WINDOW_BATCH, WindowAverage, Windows
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction

Given = tuple[FixedFrames | None, FixedFrames | None]
"""Given frames of video and of audio."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stream:
    """One modality of a batch. noise: the signal at time 1, and the noise of the given frames at every time. known: 1
    on the given frames. values: number of values per video frame."""

    modality: Modality
    noise: Float[Tensor, "b c ..."]
    given: FixedFrames | None
    known: Float[Tensor, "1 f"]
    values: int
    solver: Solver

    def replaced(self, x: Float[Tensor, "b c ..."], t: float) -> Float[Tensor, "b c ..."]:
        """Returns x with the given frames noised to time t."""
        if self.given is None:
            return x
        return FixedFrames(diffuse(self.clean, self.noise, self.times(t)), self.given.frames).hold(x)

    def aim(self, t: float, prediction_type: PredictionType) -> Float[Tensor, "b c ..."]:
        """Returns the target of the prediction for the given frames at time t; zeros if nothing is given."""
        if self.given is None:
            return torch.zeros_like(self.noise)
        return prediction_target(self.clean, self.noise, self.times(t), prediction_type=prediction_type)

    @property
    def clean(self) -> Float[Tensor, "b c ..."]:
        assert self.given is not None
        return self.given.latents.to(self.noise).expand_as(self.noise)

    def times(self, t: float) -> Float[Tensor, " b"]:
        return self.noise.new_full((len(self.noise),), t)


def replaced_condition(
    condition: Float[Tensor, "one_or_b c ..."],
    noise: Float[Tensor, "b ct ..."],
    *,
    target: Modality,
    fixed: FixedFrames | None,
) -> tuple[Prediction, Given]:
    """Returns the noise of both modalities and the given frames: the whole condition, and the `fixed` frames of the
    target. The condition's noise is seeded by the target's noise, item by item."""
    frames = condition.shape[2] if target == "audio" else noise.shape[2]
    whole = FixedFrames(condition, torch.ones(frames, dtype=torch.bool))
    condition_noise = item_noise(noise, "condition", shape=tuple(condition.shape[1:]))
    if target == "audio":
        return Prediction(condition_noise, noise), (whole, fixed)
    return Prediction(noise, condition_noise), (fixed, whole)


@torch.no_grad()
def sample_by_replacement(
    unet: CoupledUNet,
    scheduler: Scheduler,
    noise: Prediction,
    config: SamplingConfig,
    *,
    given: Given,
    window: int,
    on_step: OnStep | None = None,
) -> Prediction:
    """Denoises both modalities at one time, with the given frames, in one pass of the network per step and batch of
    windows. Returns float32 latents in which the given frames are exact. Their noise is that of `noise` at every step.

    Raises ValueError for clips shorter than a window.
    """
    x = Prediction(*(part.float() for part in noise))
    windows = Windows(x.video.shape[2], window)
    streams = tuple(
        _Stream(
            modality=modality,
            noise=part,
            given=known,
            known=torch.zeros(1, windows.frames).to(part) if known is None else known.frames[None].to(part),
            values=part[0].numel() // windows.frames,
            solver=Solver(config.sampler, scheduler, part, steps=config.steps),
        )
        for modality, part, known in zip(("video", "audio"), x, given, strict=True)
    )
    for step, timestep, t in streams[0].solver.steps():
        x = Prediction(*(stream.replaced(part, t) for stream, part in zip(streams, x, strict=True)))
        predicted = _predicted(unet, x, streams, windows, t, config.gradient, scheduler.config["prediction_type"])
        steps = zip(streams, predicted, x, strict=True)
        x = Prediction(*(stream.solver.step(said, timestep, part) for stream, said, part in steps))
        if on_step:
            on_step(step + 1)
    return Prediction(*(part if known is None else known.hold(part) for part, known in zip(x, given, strict=True)))


def _predicted(
    unet: CoupledUNet,
    x: Prediction,
    streams: tuple[_Stream, ...],
    windows: Windows,
    t: float,
    gradient: float | int,
    prediction_type: PredictionType,
) -> tuple[Tensor, ...]:
    """Returns the predictions of both modalities, averaged over the windows and moved by the gradient if it is not 0.

    The gradients of overlapping windows are averaged in the same way as their predictions.
    """
    said, slopes = (
        [WindowAverage(part, windows, stream.modality) for stream, part in zip(streams, x, strict=True)]
        for _ in range(2)
    )
    aims = [stream.aim(t, prediction_type) for stream in streams] if gradient else []
    for starts in windows.batches(WINDOW_BATCH):
        cut = [windows.cut(part, stream.modality, starts) for stream, part in zip(streams, x, strict=True)]
        times = x.video.new_full((len(cut[0]), windows.length), t)
        with torch.set_grad_enabled(bool(gradient)):
            cut = [part.requires_grad_(bool(gradient)) for part in cut]
            predictions = unet(cut[0], cut[1], t_video=times, t_audio=times)
            if gradient:
                error = _error(predictions, streams, windows, starts, aims)
                _add(slopes, torch.autograd.grad(error, cut), starts)
        _add(said, [part.detach() for part in predictions], starts)
    means = tuple(average.mean() for average in said)
    if not gradient:
        return means
    time = x.video.new_full((1,), t)
    # alpha / 2, converted to the prediction and its error. The given frames also move, but are replaced afterwards.
    share = sigma(time) / 2 * (alpha(time) if prediction_type == "v_prediction" else 1)
    moved = zip(streams, means, slopes, strict=True)
    return tuple(mean + gradient * float(share) * stream.values * slope.mean() for stream, mean, slope in moved)


def _add(averages: list[WindowAverage], parts: Sequence[Tensor], starts: list[int]) -> None:
    for average, part in zip(averages, parts, strict=True):
        average.add(part, starts)


def _error(
    said: Prediction, streams: tuple[_Stream, ...], windows: Windows, starts: list[int], aims: list[Tensor]
) -> Float[Tensor, ""]:
    """Squared error on the given frames: mean over the values of a frame, summed over frames and items."""
    total = torch.zeros((), device=said.video.device)
    for part, stream, aim in zip(said, streams, aims, strict=True):
        known = windows.cut_times(stream.known, starts, batch=len(stream.noise))
        difference = part - windows.cut(aim, stream.modality, starts)
        total = total + (over_elements(known, part) * difference.square()).sum() / stream.values
    return total
