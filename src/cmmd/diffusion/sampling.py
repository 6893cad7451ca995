"""From noise to latents: both directions and joint generation, at any length, with diffusers' solvers (ours)."""

import copy
from collections.abc import Callable
from typing import Literal, get_args

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.guidance import guided_pair, guided_target
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import time_of_timestep
from cmmd.diffusion.windows import WindowAverage, Windows
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Prediction

Sampler = Literal["ddim", "dpm++", "unipc"]
Scheduler = DDIMScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler
OnStep = Callable[[int], None]

WINDOW_BATCH = 8
"""Windows that go through the network together: more would cost memory, fewer time."""


def build_scheduler(sampler: Sampler, scheduler: Scheduler) -> Scheduler:
    """The solver by its short name, on the process that `scheduler` describes. Raises ValueError for other names."""
    classes = {"ddim": DDIMScheduler, "dpm++": DPMSolverMultistepScheduler, "unipc": UniPCMultistepScheduler}
    if sampler not in classes:
        raise ValueError(f"sampler is {sampler!r}, expected one of {', '.join(get_args(Sampler))}")
    # Latents of our autoencoders are not confined to [-1, 1], to which DDIM would clip them.
    options = {"clip_sample": False} if sampler == "ddim" else {}
    solver = classes[sampler].from_config(scheduler.config, **options)
    assert isinstance(solver, Scheduler)
    return solver


@torch.no_grad()
def sample_target(
    unet: CoupledUNet,
    scheduler: Scheduler,
    condition: Float[Tensor, "one_or_b c ..."],
    noise: Float[Tensor, "b ct ..."],
    *,
    target: Modality,
    window: int,
    steps: int,
    guidance: float | int,
    contrast: float | int = 0,
    encode_once: bool = True,
    on_step: OnStep | None = None,
) -> Float[Tensor, "b ct ..."]:
    """Denoise `noise` into the target under clean, standardised condition latents of the same length, or of one item
    that all share. `window` is the network's clip length in video frames; `encode_once` False runs the condition's
    U-Net again at every step (same result, for comparison; ValueError with a contrast, which needs the messages)."""
    if contrast and not encode_once:
        raise ValueError(f"contrast is {contrast}, expected 0 when the condition is not encoded once")
    windows = Windows(_frames(condition, OTHER[target]), window)
    batch = len(noise)
    if encode_once:
        encoded = [
            (starts, unet.encode_condition(windows.cut(condition, OTHER[target], starts), modality=OTHER[target]))
            for starts in windows.batches(WINDOW_BATCH)
        ]
    else:
        encoded = [(starts, None) for starts in windows.batches(WINDOW_BATCH)]

    def predict(x: Tensor, t: float, step: int) -> Tensor:
        average = WindowAverage(x, windows, target)
        for starts, messages in encoded:
            noisy = windows.cut(x, target, starts)
            if messages is None:
                clean = _spread(windows.cut(condition, OTHER[target], starts), len(starts), batch)
                predictions = _plain(unet, noisy, clean, target=target, t=t, guidance=guidance)
            else:
                heard = messages.repeat(batch // len(condition))
                wrong = circularly_shifted(heard, frames=window, turn=step) if contrast else None
                predictions = guided_target(
                    unet,
                    noisy,
                    modality=target,
                    t=t,
                    condition=heard,
                    guidance=guidance,
                    mismatched=wrong,
                    contrast=contrast,
                )
            average.add(predictions, starts)
        return average.mean()

    solver = copy.deepcopy(scheduler)
    solver.set_timesteps(steps)
    x = noise
    for index, timestep in enumerate(solver.timesteps):
        x = _step(solver, predict(x, float(time_of_timestep(timestep)), index), timestep, x)
        if on_step:
            on_step(index + 1)
    return x


@torch.no_grad()
def sample_joint(
    unet: CoupledUNet,
    scheduler: Scheduler,
    noise: Prediction,
    *,
    window: int,
    steps: int,
    guidance: float | int,
    on_step: OnStep | None = None,
) -> Prediction:
    """Denoise both modalities together; each has its own solver over the same times."""
    windows = Windows(_frames(noise.video, "video"), window)
    solvers: dict[Modality, Scheduler] = {"video": copy.deepcopy(scheduler), "audio": copy.deepcopy(scheduler)}
    for solver in solvers.values():
        solver.set_timesteps(steps)
    video, audio = noise
    for index, timestep in enumerate(solvers["video"].timesteps):
        t = float(time_of_timestep(timestep))
        averages = WindowAverage(video, windows, "video"), WindowAverage(audio, windows, "audio")
        for starts in windows.batches(WINDOW_BATCH):
            cut = windows.cut(video, "video", starts), windows.cut(audio, "audio", starts)
            predicted = guided_pair(unet, *cut, t_video=t, t_audio=t, guidance=guidance)
            for average, prediction in zip(averages, predicted, strict=True):
                average.add(prediction, starts)
        video = _step(solvers["video"], averages[0].mean(), timestep, video)
        audio = _step(solvers["audio"], averages[1].mean(), timestep, audio)
        if on_step:
            on_step(index + 1)
    return Prediction(video, audio)


def _step(solver: Scheduler, prediction: Tensor, timestep: Tensor, x: Tensor) -> Tensor:
    # diffusers annotates time steps as int and takes the tensors that it hands out.
    return solver.step(prediction, timestep, x, return_dict=False)[0]  # pyright: ignore[reportArgumentType]


def _plain(unet: CoupledUNet, noisy: Tensor, clean: Tensor, *, target: Modality, t: float, guidance: float) -> Tensor:
    """Both U-Nets at every step, with the condition at time 0."""
    if target == "audio":
        return guided_pair(unet, clean, noisy, t_video=0.0, t_audio=t, guidance=guidance).audio
    return guided_pair(unet, noisy, clean, t_video=t, t_audio=0.0, guidance=guidance).video


def _spread(condition: Tensor, windows: int, batch: int) -> Tensor:
    """Windows of a condition that all items share, once for every item, in the order of `Windows.cut`."""
    return condition.repeat_interleave(windows * batch // len(condition), dim=0)


def _frames(x: Tensor, modality: Modality) -> int:
    return x.shape[2] if modality == "video" else x.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
