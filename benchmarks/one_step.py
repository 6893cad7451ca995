"""Times, counts and profiles denoising and training steps of the package on PYTHONPATH.

step_profile.py runs one process of this script per version of the source. It sends one JSON request per line and reads
one JSON answer per line.
"""

import copy
import json
import statistics
import sys
import time
from bisect import bisect
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from long_clip import peak_mib
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.flop_counter import FlopCounterMode

import cmmd
from cmmd.diffusion.guidance import guided_pair, guided_target
from cmmd.diffusion.sampling import sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.pipelines.loading import load_pipeline
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import build_network

BASE = "aist.cmmd"
"""The recipe of the base size."""
KINDS = {
    "convolution": ("conv",),
    "matrix product": ("mm", "addmm", "bmm", "baddbmm"),
    "attention": ("_scaled_dot_product", "_softmax"),
    "normalisation": ("native_group_norm", "native_layer_norm"),
    "pointwise": (
        "silu",
        "add",
        "addcmul",
        "mul",
        "sub",
        "div",
        "where",
        "pow",
        "exp",
        "sin",
        "cos",
        "ne",
        "neg",
        "rsub",
    ),
    "copies": ("copy_", "cat", "index", "fill_", "zero_", "pixel_", "constant_pad", "repeat", "gather", "scatter"),
    "sums and resampling": ("sum", "mean", "avg_pool2d", "upsample", "any"),
}
"""Kinds of operations, by prefixes of their names in torch; the longest matching prefix counts. All other operations
only allocate memory or create views."""
OTHER, PYTHON = "views, allocation", "Python between operations"


class Case(NamedTuple):
    """size: shipped or base. step: sound, picture, both or training. batch: clips."""

    size: str
    step: str
    batch: int


@cache
def network(size: str) -> CoupledUNet:
    """Returns the shipped model, or a model of the base size whose weights are all random, so that none is zero."""
    if size == "shipped":
        return load_pipeline(None, device="cpu").unet
    recipe = load_recipe(BASE)
    model = build_network(recipe, latent_channels=4, spectrogram_channels=1, bins=recipe.geometry.mels).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    return model


def inputs(model: CoupledUNet, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns random video latents and spectrograms, and times of shape (batch, frames)."""
    generator, sizes = torch.Generator().manual_seed(1), model.config
    frames, side = sizes["frames"], sizes["latent_size"]
    video = torch.randn(batch, sizes["latent_channels"], frames, side, side, generator=generator)
    audio = torch.randn(batch, sizes["spectrogram_channels"], sizes["mels"], 8 * frames, generator=generator)
    return video, audio, torch.full((batch, frames), 0.5)


def step_of(model: CoupledUNet, step: str, batch: int, device: str = "cpu") -> Callable[[], object]:
    """Returns a function that runs a step: a denoising step of sampling without guidance, or, for `training`, a forward
    and a backward pass."""
    video, audio, t = (x.to(device) for x in inputs(model, batch))
    if step == "training":

        def train() -> None:
            model.zero_grad()
            both = model(video, audio, t_video=t, t_audio=t)
            (both.video.square().mean() + both.audio.square().mean()).backward()

        return train
    if step == "both":
        return torch.no_grad()(lambda: guided_pair(model, video, audio, t_video=t, t_audio=t, guidance=1.0))
    target, given, modality = (audio, video, "audio") if step == "sound" else (video, audio, "video")
    with torch.no_grad():
        condition = model.encode_condition(given, modality="video" if step == "sound" else "audio")
    return torch.no_grad()(
        lambda: guided_target(model, target, modality=modality, t=t, condition=condition, guidance=1.0)
    )


@cache
def ready(case: Case) -> Callable[[], object]:
    return step_of(network(case.size), case.step, case.batch)


def seconds(run: Callable[[], object]) -> float:
    """Returns the processor seconds of `run` if torch uses one thread, so that other load does not count, else the
    wall-clock seconds."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    run()
    return clock() - started


def flops(case: Case) -> int:
    """Returns the FLOPs of a step, counted on the meta device, where attention is counted too."""
    model = copy.deepcopy(network(case.size))
    model.to_empty(device="meta")
    run = step_of(model, case.step, case.batch, "meta")
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def kind_of(name: str) -> str:
    """Returns the kind of an operation, given its name in the profiler."""
    name = name.removeprefix("aten::").removeprefix("mkldnn_").removeprefix("_slow_")
    fitting = [(len(start), kind) for kind, starts in KINDS.items() for start in starts if name.startswith(start)]
    return max(fitting)[1] if fitting else OTHER


def shares(case: Case, repeats: int) -> dict[str, float]:
    """Returns the share of a step's time by kind of operation, from medians over the steps. The overhead of the
    profiler inflates the shares of small operations."""
    run = ready(case)
    run()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(repeats):
            with record_function(PYTHON):
                run()
    events = list(profiler.events() or ())
    ends = sorted(event.time_range.end for event in events if event.name == PYTHON)
    spent = [Counter[str]() for _ in ends]
    for event in events:
        if event.time_range.start < ends[-1]:
            kind = event.name if event.name == PYTHON else kind_of(event.name)
            spent[bisect(ends, event.time_range.start)][kind] += event.self_cpu_time_total
    medians = {kind: statistics.median(step[kind] for step in spent) for kind in (*KINDS, OTHER, PYTHON)}
    return {kind: median / sum(medians.values()) for kind, median in medians.items()}


def machine() -> dict[str, float]:
    """Returns `peak`, FLOP/s of a matrix product, and `bandwidth`, bytes per second that a copy of 256 MiB reads
    and writes."""
    a, b = torch.randn(2, 1024, 1024)
    source = torch.ones(2**26)
    target = source.clone()
    return {
        "peak": 2 * 1024**3 / min(seconds(lambda: a @ b) for _ in range(20)),
        "bandwidth": 2 * source.nbytes / min(seconds(lambda: target.copy_(source)) for _ in range(5)),
    }


def clip(length: float, steps: int) -> dict[str, float]:
    """Samples sound for `length` seconds of video noise, in windows. Returns the seconds and the peak memory of the
    process in MiB; run it in a fresh process."""
    pipeline = load_pipeline(None, device="cpu")
    frames = round(length * pipeline.geometry.fps)
    condition = pipeline.noise("video", frames, seed=0, items=1)
    noise = pipeline.noise("audio", frames, seed=1, items=1)
    window = pipeline.geometry.frames

    def sample() -> None:
        sample_target(
            pipeline.unet,
            pipeline.scheduler,
            condition,
            noise,
            SamplingConfig(steps=steps),
            target="audio",
            window=window,
        )

    sample()
    return {"seconds": min(seconds(sample) for _ in range(3)), "peak_mib": peak_mib()}


def answer(request: dict[str, Any]) -> Any:
    """Returns the answer to a request of step_profile.py."""
    if request["do"] == "machine":
        return machine()
    if request["do"] == "clip":
        return clip(request["seconds"], request["steps"])
    case = Case(*request["case"])
    if request["do"] == "flops":
        return flops(case)
    if request["do"] == "shares":
        return shares(case, request["repeats"])
    run = ready(case)
    return [seconds(run) for _ in range(request["repeats"])]


def main() -> None:
    source, threads = Path(sys.argv[1]), int(sys.argv[2])
    if not Path(cmmd.__file__).is_relative_to(source):
        sys.exit(f"{source} holds no package cmmd")
    torch.set_num_threads(threads)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
