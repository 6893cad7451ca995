"""From noise to latents: both directions and joint generation, at any length, with diffusers' solvers (ours).

Latents, the solvers' state, times and guidance are float32 whatever the network computes in.
"""

from collections.abc import Callable, Iterator

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.guidance import guided_pair, guided_target
from cmmd.diffusion.hearing import heard, repeat
from cmmd.diffusion.kept import Kept, frame_times
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import time_of_timestep
from cmmd.diffusion.sampling_config import Sampler, SamplingConfig
from cmmd.diffusion.windows import WindowAverage, Windows
from cmmd.errors import InputError
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Condition, Prediction

Scheduler = DDIMScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler
OnStep = Callable[[int], None]

WINDOW_BATCH = 8
"""Windows that go through the network together: more would cost memory, fewer time."""


def build_scheduler(sampler: Sampler, scheduler: Scheduler) -> Scheduler:
    """The solver by its short name, on the process that `scheduler` describes."""
    classes = {"ddim": DDIMScheduler, "dpm++": DPMSolverMultistepScheduler, "unipc": UniPCMultistepScheduler}
    # Latents of our autoencoders are not confined to [-1, 1], to which DDIM would clip them.
    options = {"clip_sample": False} if sampler == "ddim" else {}
    solver = classes[sampler].from_config(scheduler.config, **options)
    assert isinstance(solver, Scheduler)
    return solver


def check_contrast(unet: CoupledUNet, contrast: float | int, *, joint: bool = False, encode_once: bool = True) -> None:
    """Raise InputError for a contrast where no condition is encoded: it shifts encoded messages."""
    if contrast and joint:
        raise InputError(f"contrast is {contrast}, expected 0 when both are made: there is no condition")
    if contrast and unet.clean_hears:
        raise InputError(f"contrast is {contrast}, expected 0 for a model with clean_hears: no condition is encoded")
    if contrast and not encode_once:
        raise InputError(f"contrast is {contrast}, expected 0 when the condition is not encoded once")


@torch.no_grad()
def sample_target(
    unet: CoupledUNet,
    scheduler: Scheduler,
    condition: Float[Tensor, "one_or_b c ..."],
    noise: Float[Tensor, "b ct ..."],
    config: SamplingConfig | None = None,
    *,
    target: Modality,
    window: int,
    kept: Kept | None = None,
    encode_once: bool = True,
    on_step: OnStep | None = None,
) -> Float[Tensor, "b ct ..."]:
    """Denoise `noise` into the target under clean, standardised condition latents of the same length, or of one item
    that all share; float32, on the device of the noise. `scheduler` describes the process, `window` is the network's
    clip length in video frames, `kept` are frames of the target that are given. `encode_once` False runs the
    condition's U-Net again at every step, as for a model with `clean_hears` (without, the same result).

    Raises InputError for a contrast where the condition is not encoded once, ValueError for too short clips.
    """
    config = config or SamplingConfig()
    check_contrast(unet, config.contrast, encode_once=encode_once)
    guidance = config.guidance_for("video_to_audio" if target == "audio" else "audio_to_video")
    x, other = noise.float(), OTHER[target]
    condition = condition.to(x)
    windows = Windows(_frames(condition, other), window)
    encoded = [
        (starts, heard(unet, windows.cut(condition, other, starts), modality=other, once=encode_once))
        for starts in windows.batches(WINDOW_BATCH)
    ]
    solver = build_scheduler(config.sampler, scheduler)
    x = _held(x, kept)
    for step, timestep, t in _steps(solver, config.steps):
        times = frame_times(t, windows.frames, kept, device=x.device)
        average = WindowAverage(x, windows, target)
        for starts, given in encoded:
            # Windows of a condition that all items share, once for every item, in the order of `Windows.cut`.
            given = repeat(given, len(x) // len(condition))
            wrong = None
            if config.contrast and isinstance(given, Condition):
                wrong = circularly_shifted(given, frames=window, turn=step)
            predictions = guided_target(
                unet,
                windows.cut(x, target, starts),
                modality=target,
                t=windows.cut_times(times, starts, batch=len(x)),
                condition=given,
                guidance=guidance,
                mismatched=wrong,
                contrast=config.contrast,
            )
            average.add(predictions, starts)
        x = _step(solver, average.mean(), timestep, x)
        x = _held(x, kept)
        if on_step:
            on_step(step + 1)
    return x


@torch.no_grad()
def sample_joint(
    unet: CoupledUNet,
    scheduler: Scheduler,
    noise: Prediction,
    config: SamplingConfig | None = None,
    *,
    window: int,
    kept: tuple[Kept, Kept] | None = None,
    on_step: OnStep | None = None,
) -> Prediction:
    """Denoise both modalities together; each has its own solver over the same times. `kept`: frames of video and audio
    that are given. Float32, on the device of the noise. Raises InputError for a contrast, as there is no condition."""
    config = config or SamplingConfig()
    check_contrast(unet, config.contrast, joint=True)
    guidance = config.guidance_for("joint")
    video, audio = noise.video.float(), noise.audio.float()
    windows = Windows(_frames(video, "video"), window)
    keep_video, keep_audio = kept or (None, None)
    solvers = tuple(build_scheduler(config.sampler, scheduler) for _ in range(2))
    solvers[1].set_timesteps(config.steps)
    video, audio = _held(video, keep_video), _held(audio, keep_audio)
    for step, timestep, t in _steps(solvers[0], config.steps):
        times = [frame_times(t, windows.frames, part, device=video.device) for part in (keep_video, keep_audio)]
        averages = WindowAverage(video, windows, "video"), WindowAverage(audio, windows, "audio")
        for starts in windows.batches(WINDOW_BATCH):
            t_video, t_audio = (windows.cut_times(part, starts, batch=len(video)) for part in times)
            cut = windows.cut(video, "video", starts), windows.cut(audio, "audio", starts)
            predicted = guided_pair(unet, *cut, t_video=t_video, t_audio=t_audio, guidance=guidance)
            for average, prediction in zip(averages, predicted, strict=True):
                average.add(prediction, starts)
        video = _held(_step(solvers[0], averages[0].mean(), timestep, video), keep_video)
        audio = _held(_step(solvers[1], averages[1].mean(), timestep, audio), keep_audio)
        if on_step:
            on_step(step + 1)
    return Prediction(video, audio)


def _steps(solver: Scheduler, count: int) -> Iterator[tuple[int, Tensor, float]]:
    """Number, timestep and time t of every step."""
    solver.set_timesteps(count)
    for step, timestep in enumerate(solver.timesteps):
        yield step, timestep, float(time_of_timestep(timestep))


def _step(solver: Scheduler, prediction: Tensor, timestep: Tensor, x: Tensor) -> Tensor:
    # diffusers annotates time steps as int and takes the tensors that it hands out.
    return solver.step(prediction, timestep, x, return_dict=False)[0]  # pyright: ignore[reportArgumentType]


def _held(x: Tensor, kept: Kept | None) -> Tensor:
    return x if kept is None else kept.hold(x)


def _frames(x: Tensor, modality: Modality) -> int:
    return x.shape[2] if modality == "video" else x.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
