"""Measures time and peak memory of generating sound for a 6 s and a 60 s clip, each in a separate process.

    python benchmarks/long_clip.py CLIP

CLIP is repeated until it is long enough. It is read, given sound and written like a file of a user.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def lengthened(source: Path, target: Path, seconds: float) -> None:
    """Writes the frames of the source, at 25 fps and an image size of 360 pixels, repeated to `seconds`."""
    from cmmd.clips.reading import read_clip
    from cmmd.clips.writing import write_video

    clip = read_clip(source, fps=25, image_size=360, want="video")
    assert clip.frames is not None
    wanted = round(25 * seconds)
    write_video(np.resize(clip.frames, (wanted, *clip.frames.shape[1:])), target, fps=25)


def peak_mib() -> float:
    """Returns the peak memory of this process in MiB (Linux). In a child process getrusage includes the parent."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def one(path: Path) -> None:
    """Generates sound in this process and prints seconds and peak memory as JSON."""
    from cmmd.pipelines.loading import load_pipeline

    pipeline = load_pipeline(None, device="cpu")
    started = time.perf_counter()
    take = pipeline.video_to_audio(path)[0]
    take.save(path.with_stem("out"))
    facts = {"seconds": time.perf_counter() - started, "parts": take.seconds, "samples": len(take.waveform)}
    facts["peak_mib"] = peak_mib()
    print(json.dumps(facts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.clip)
        return
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (6, 60):
            path = Path(folder) / f"clip{seconds}.mp4"
            lengthened(arguments.clip, path, seconds)
            command = [sys.executable, __file__, str(path), "--one"]
            facts = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            measured.append(facts)
            parts = ", ".join(f"{name} {value:.2f} s" for name, value in facts["parts"].items())
            print(f"{seconds:3d} s clip: {facts['seconds']:.1f} s ({parts}), peak memory {facts['peak_mib']:.0f} MiB")
    print(f"memory of 60 s over 6 s: {measured[1]['peak_mib'] / measured[0]['peak_mib']:.3f}")


if __name__ == "__main__":
    main()
