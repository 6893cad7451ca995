"""Times a denoising step, the stages of a whole clip, and sampling with the condition encoded once or at every step.

`make bench` runs it. Ratios are within one run; seconds depend on the machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling import sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline


def median_seconds(call: Callable[[], object], *, repeats: int) -> float:
    """Returns the median seconds of `repeats` calls, after a warm-up call."""
    call()
    timings = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        timings.append(time.perf_counter() - started)
    return statistics.median(timings)


def report(name: str, seconds: float, note: str = "") -> None:
    print(f"{name:<52} {seconds * 1000:9.1f} ms  {note}")


def steps_of_the_network(pipeline: CMMDPipeline, repeats: int) -> None:
    """Times a forward pass of both U-Nets, and of each U-Net on an encoded condition, for one clip."""
    unet = pipeline.unet
    video, audio = pipeline.noise("video", 16, seed=0, items=1), pipeline.noise("audio", 16, seed=0, items=1)
    t = torch.full((1,), 0.5)
    with torch.no_grad():
        heard = unet.encode_condition(video, modality="video")
        seen = unet.encode_condition(audio, modality="audio")
        both = median_seconds(lambda: unet(video, audio, t_video=t, t_audio=t), repeats=repeats)
        sound = median_seconds(lambda: unet.predict(audio, modality="audio", t=t, condition=heard), repeats=repeats)
        frames = median_seconds(lambda: unet.predict(video, modality="video", t=t, condition=seen), repeats=repeats)
    report("denoising step, both U-Nets", both)
    report("denoising step, audio U-Net on an encoded video", sound, f"{sound / both:.2f} of both")
    report("denoising step, video U-Net on an encoded sound", frames, f"{frames / both:.2f} of both")


def whole_clips(pipeline: CMMDPipeline, repeats: int) -> None:
    """Times clips of 1.6 s with 25 steps, in total and by stage, for all three directions."""
    clip = world_clip("impacts", 0)
    for name, call in (
        ("video to audio", lambda: pipeline.video_to_audio(clip.frames)),
        ("audio to video", lambda: pipeline.audio_to_video(clip.waveform)),
        ("joint", lambda: pipeline.joint(seconds=1.6)),
    ):
        whole = median_seconds(call, repeats=repeats)
        parts = call()[0].seconds
        report(f"1.6 s clip, 25 steps, {name}", whole, ", ".join(f"{part} {s:.3f} s" for part, s in parts.items()))


def condition_once(pipeline: CMMDPipeline, repeats: int) -> None:
    """Times the same sampling with the condition encoded once and at every step, and compares the results."""
    condition = pipeline.encode_video(world_clip("impacts", 0).frames)
    noise = pipeline.noise("audio", 16, seed=0, items=1)
    config = SamplingConfig(guidance=1.0)

    def sample(encode_once: bool) -> torch.Tensor:
        return sample_target(
            pipeline.unet,
            pipeline.scheduler,
            condition,
            noise,
            config,
            target="audio",
            window=pipeline.geometry.frames,
            encode_once=encode_once,
        )

    once = median_seconds(lambda: sample(True), repeats=repeats)
    every = median_seconds(lambda: sample(False), repeats=repeats)
    difference = (sample(True) - sample(False)).abs().max().item()
    report("25 steps, condition encoded once", once)
    report("25 steps, condition encoded at every step", every, f"{every / once:.2f} times as long")
    print(f"largest difference between the two results: {difference:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="folder of a pipeline (default: the shipped one)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, help="default: torch's own choice")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    pipeline = load_pipeline(arguments.model, device="cpu")
    parameters = sum(parameter.numel() for parameter in pipeline.unet.parameters())
    print(f"{parameters / 1e6:.2f} M parameters, {torch.get_num_threads()} threads, torch {torch.__version__}")
    steps_of_the_network(pipeline, arguments.repeats)
    whole_clips(pipeline, arguments.repeats)
    condition_once(pipeline, arguments.repeats)


if __name__ == "__main__":
    main()
