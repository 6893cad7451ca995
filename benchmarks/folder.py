"""Compares one command for a folder of clips with one command per clip: seconds, and equality of the files (ours).

    python benchmarks/folder.py --clips 20 --threads 1

Uses world clips of 1.6 s, the shipped model and 25 steps. On a busy machine only processor seconds are comparable.
Finally, four clips are denoised in one batch and one by one, to compare latents and time.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from cmmd import CMMDPipeline
from cmmd.clips.writing import write_video
from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling_config import SamplingConfig


def generate(*words: object) -> tuple[float, float]:
    """Runs `cmmd generate` and returns its wall-clock seconds and its processor seconds."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "cmmd", "generate", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def in_a_batch(steps: int = 5, clips: int = 4) -> None:
    """Prints the difference of the latents and the processor time between a batch and single clips, for sound."""
    pipeline = CMMDPipeline.from_pretrained()
    conditions = [pipeline.encode_video(world_clip("impacts", seed).frames) for seed in range(clips)]
    noise = pipeline.noise("audio", conditions[0].shape[2], seed=0, items=clips)
    config = SamplingConfig(steps=steps)
    began = time.process_time()
    alone = [pipeline.sample(conditions[k], noise[[k]], "video_to_audio", config) for k in range(clips)]
    between = time.process_time()
    batch = pipeline.sample(torch.cat(conditions), noise, "video_to_audio", config)
    ended = time.process_time()
    difference = float((batch - torch.cat(alone)).abs().max())
    times = f"{between - began:.2f} s of processors alone, {ended - between:.2f} s in a batch"
    print(f"{clips} clips, {steps} steps: latents differ by up to {difference:.1e}; {times}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clips").mkdir()
        for number in range(arguments.clips):
            write_video(world_clip("impacts", number).frames, folder / f"clips/{number:02}.mp4", fps=10)
        threads = ("--threads", arguments.threads)
        rows = {
            "one command": generate(folder / "clips", "-o", folder / "made", *threads),
            "again, all done": generate(folder / "clips", "-o", folder / "made", *threads),
        }
        (folder / "single").mkdir()
        sources = sorted((folder / "clips").iterdir())
        single = [generate(path, "-o", folder / "single" / f"{path.stem}_cmmd.mp4", *threads) for path in sources]
        rows["a command a clip"] = sum(wall for wall, _ in single), sum(used for _, used in single)
        results = [path.read_bytes() for path in sorted((folder / "single").iterdir())]
        alike = results == [path.read_bytes() for path in sorted((folder / "made").glob("*.mp4"))]
    print(f"{arguments.clips} clips, {arguments.threads} threads; the files are {'' if alike else 'NOT '}the same")
    for name, (wall, used) in rows.items():
        print(f"{name:<18} {wall:7.1f} s, {used:7.1f} s of processors")
    in_a_batch()


if __name__ == "__main__":
    main()
