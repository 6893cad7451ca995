"""Sampling of latents from noise: both directions and joint generation, at any length, with diffusers' solvers (ours).

Latents, the solvers' state, times and guidance are float32, whatever the dtype of the network.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.fixed_frames import FixedFrames, frame_times
from cmmd.diffusion.guidance import guided_pair, guided_target
from cmmd.diffusion.hearing import heard, repeat
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.diffusion.solver import OnStep, Scheduler, Solver
from cmmd.diffusion.windows import WINDOW_BATCH, WindowAverage, Windows
from cmmd.diffusion.zero_shot import replaced_condition, sample_by_replacement
from cmmd.errors import InputError
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Condition, Prediction


def check_sampling(unet: CoupledUNet, config: SamplingConfig, *, joint: bool = False, encode_once: bool = True) -> None:
    """Raises InputError for settings that the network or the direction does not support.

    A contrast needs a condition that is encoded once, because it shifts messages. A gradient needs a network that
    denoises its condition, which only one with `shared_time` does. Such a network does not support guidance, because it
    was not trained without a condition, nor a temperature: it would also scale the noise of the given frames.
    Joint generation supports neither contrast nor gradient: it has no condition.
    """
    shared, contrast, gradient = unet.network.shared_time, config.contrast, config.gradient
    for name, value in (("contrast", contrast), ("gradient", gradient)):
        if value and joint:
            raise InputError(f"{name} is {value}, expected 0 when both are made: there is no condition")
    for name in ("clean_hears", "shared_time"):
        if contrast and getattr(unet.network, name):
            raise InputError(f"contrast is {contrast}, expected 0 for a model with {name}: no condition is encoded")
    if contrast and not encode_once:
        raise InputError(f"contrast is {contrast}, expected 0 when the condition is not encoded once")
    if gradient and not shared:
        raise InputError(f"gradient is {gradient}, expected 0 for a model without shared_time: its condition is clean")
    if shared and config.guidance not in (None, 1):
        raise InputError(f"guidance is {config.guidance}, expected 1 for a model with shared_time: it always hears")
    if shared and config.temperature not in (None, 1):
        raise InputError(f"temperature is {config.temperature}, expected 1 for a model with shared_time")


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
    fixed: FixedFrames | None = None,
    encode_once: bool = True,
    on_step: OnStep | None = None,
) -> Float[Tensor, "b ct ..."]:
    """Denoises `noise` into the target modality under a clean condition. Returns float32, on the device of the noise.

    condition: standardised latents of the same duration, one item for the whole batch or one per item. scheduler:
    defines the process. window: clip length of the network, in video frames. fixed: given frames of the target.
    encode_once: if False, the condition's U-Net runs again at every step, as it always does with `clean_hears`; without
    `clean_hears` the result is the same. on_step: called with 1, 2, ... after each step. A network with `shared_time`
    is conditioned by replacement (zero_shot.py).

    Raises InputError as `check_sampling` does, and ValueError for clips shorter than a window.
    """
    config = config or SamplingConfig()
    check_sampling(unet, config, encode_once=encode_once)
    noise = noise.float()
    condition = condition.to(noise)
    if unet.network.shared_time:
        return _by_replacement(unet, scheduler, condition, noise, config, target, fixed, window=window, on_step=on_step)
    windows = Windows(_frames(condition, OTHER[target]), window)
    predictor = _Predictor(unet, config, windows, condition, target=target, encode_once=encode_once)
    solver = Solver(config.sampler, scheduler, noise, steps=config.steps)
    x = _held(noise * config.temperature_for(_direction(target)), fixed)
    for step, timestep, t in solver.steps():
        times = frame_times(t, windows.frames, fixed, device=x.device)
        x = solver.step(predictor.predict(x, times, t, step), timestep, x)
        x = _held(x, fixed)
        if on_step:
            on_step(step + 1)
    return x


class _Predictor:
    """Predicts a target of any length under its condition, which is prepared once for all steps."""

    def __init__(
        self,
        unet: CoupledUNet,
        config: SamplingConfig,
        windows: Windows,
        condition: Float[Tensor, "one_or_b c ..."],
        *,
        target: Modality,
        encode_once: bool,
    ) -> None:
        other: Modality = OTHER[target]
        self.unet, self.config, self.windows = unet, config, windows
        self.target: Modality = target
        direction = _direction(target)
        self.guidance, self.guided_above = config.guidance_for(direction), config.guided_above_for(direction)
        self.items = len(condition)
        self.encoded = [
            (starts, heard(unet, windows.cut(condition, other, starts), modality=other, once=encode_once))
            for starts in windows.batches(WINDOW_BATCH)
        ]

    def predict(
        self, x: Float[Tensor, "b c ..."], times: Float[Tensor, "1 f"], t: float, step: int
    ) -> Float[Tensor, "b c ..."]:
        """Returns the guided prediction of x, averaged over its windows. t: the largest of the times. step: selects the
        shift of the mismatched condition."""
        config, windows = self.config, self.windows
        average = WindowAverage(x, windows, self.target)
        for starts, given in self.encoded:
            # Repeats the windows of a shared condition for every item, in the order of `Windows.cut`.
            given = repeat(given, len(x) // self.items)
            wrong = None
            if config.contrast and isinstance(given, Condition):
                wrong = circularly_shifted(given, frames=windows.length, turn=step)
            predictions = guided_target(
                self.unet,
                windows.cut(x, self.target, starts),
                modality=self.target,
                t=windows.cut_times(times, starts, batch=len(x)),
                condition=given,
                guidance=self.guidance if t > self.guided_above else 1,
                mismatched=wrong,
                contrast=config.contrast,
            )
            average.add(predictions, starts)
        return average.mean()


def _by_replacement(
    unet: CoupledUNet,
    scheduler: Scheduler,
    condition: Tensor,
    noise: Tensor,
    config: SamplingConfig,
    target: Modality,
    fixed: FixedFrames | None,
    *,
    window: int,
    on_step: OnStep | None,
) -> Tensor:
    """Does the work of `sample_target` for a network with `shared_time`."""
    # Replacement puts a video into the state of the solver, which has no event channels.
    known = condition if target == "video" else condition[:, : unet.config["latent_channels"]]
    pair, given = replaced_condition(known, noise, target=target, fixed=fixed)
    both = sample_by_replacement(unet, scheduler, pair, config, given=given, window=window, on_step=on_step)
    return both.audio if target == "audio" else both.video


@torch.no_grad()
def sample_joint(
    unet: CoupledUNet,
    scheduler: Scheduler,
    noise: Prediction,
    config: SamplingConfig | None = None,
    *,
    window: int,
    fixed: tuple[FixedFrames, FixedFrames] | None = None,
    on_step: OnStep | None = None,
) -> Prediction:
    """Denoises both modalities together, with a separate solver for each over the same times.

    Returns float32, on the device of the noise. fixed: given frames of video and of audio. Raises InputError as
    `check_sampling` does, and ValueError for clips shorter than a window.
    """
    config = config or SamplingConfig()
    check_sampling(unet, config, joint=True)
    if unet.network.shared_time:
        given = fixed or (None, None)
        return sample_by_replacement(unet, scheduler, noise, config, given=given, window=window, on_step=on_step)
    guidance, temperature = config.guidance_for("joint"), config.temperature_for("joint")
    noise = Prediction(noise.video.float(), noise.audio.float())
    windows = Windows(_frames(noise.video, "video"), window)
    keep_video, keep_audio = fixed or (None, None)
    solvers = tuple(Solver(config.sampler, scheduler, x, steps=config.steps) for x in noise)
    video, audio = _held(noise.video * temperature, keep_video), _held(noise.audio * temperature, keep_audio)
    for step, timestep, t in solvers[0].steps():
        times = [frame_times(t, windows.frames, part, device=video.device) for part in (keep_video, keep_audio)]
        averages = WindowAverage(video, windows, "video"), WindowAverage(audio, windows, "audio")
        for starts in windows.batches(WINDOW_BATCH):
            t_video, t_audio = (windows.cut_times(part, starts, batch=len(video)) for part in times)
            cut = windows.cut(video, "video", starts), windows.cut(audio, "audio", starts)
            predicted = guided_pair(unet, *cut, t_video=t_video, t_audio=t_audio, guidance=guidance)
            for average, prediction in zip(averages, predicted, strict=True):
                average.add(prediction, starts)
        video = _held(solvers[0].step(averages[0].mean(), timestep, video), keep_video)
        audio = _held(solvers[1].step(averages[1].mean(), timestep, audio), keep_audio)
        if on_step:
            on_step(step + 1)
    return Prediction(video, audio)


def _held(x: Tensor, fixed: FixedFrames | None) -> Tensor:
    return x if fixed is None else fixed.hold(x)


def _direction(target: Modality) -> Direction:
    return "video_to_audio" if target == "audio" else "audio_to_video"


def _frames(x: Tensor, modality: Modality) -> int:
    return x.shape[2] if modality == "video" else x.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
