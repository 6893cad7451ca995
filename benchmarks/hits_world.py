"""Measures clips of hits and procedural pictures: speed on one core, and audibility of onsets. Can draw a sheet.

    python benchmarks/hits_world.py --sheet hits.png

Seconds are processor seconds of this process. The fastest of several runs is reported, because other load on the
machine slows the others.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from cmmd.data.pictures.picture import picture, pictures
from cmmd.data.world.families import world_clip
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets

SECONDS = 4.8


def fastest(call: Callable[[int], object], *, stretches: int, each: int) -> float:
    """Returns the processor seconds per call in the fastest of `stretches` runs of `each` calls, after a warm-up."""
    call(0)
    best = np.inf
    for stretch in range(stretches):
        started = time.process_time()
        for number in range(each):
            call(1 + stretch * each + number)
        best = min(best, (time.process_time() - started) / each)
    return best


def speed(stretches: int) -> None:
    for size in (64, 128):
        seconds = fastest(partial(picture, size=size), stretches=4 * stretches, each=25)
        print(f"pictures of {size} px: {1 / seconds:.0f} a second")
    for fps, size in ((10, 64), (20, 64), (10, 128)):
        clip = partial(world_clip, "hits", frames=round(SECONDS * fps), fps=fps, image_size=size)
        seconds = fastest(clip, stretches=stretches, each=4)
        print(f"clips of {SECONDS} s, {fps} fps, {size} px: {60 / seconds:.0f} a minute, {seconds:.2f} s each")


def heard(count: int) -> None:
    clips = [world_clip("hits", seed, frames=24) for seed in range(count)]
    levels = [20 * np.log10(np.sqrt(np.mean(clip.waveform.astype(float) ** 2)) + 1e-9) for clip in clips if clip.events]
    report = measure_alignment([sound_onsets(clip.waveform).times for clip in clips], [c.event_times for c in clips])
    events = np.array([len(clip.events) for clip in clips])
    print(f"{count} clips of 2.4 s: {events.mean():.1f} events a clip, {np.mean(events == 0):.2f} without any")
    print(f"levels {min(levels):.0f} to {max(levels):.0f} dB RMS, median {np.median(levels):.0f}")
    at = report.at(0.05)
    offset = 1000 * report.median_absolute_offset
    print(f"onsets heard at known times: F1@50 {at.f1:.3f}, chance {at.chance:.3f}, median offset {offset:.1f} ms")


def sheet(path: Path, *, rows: int, first: int) -> None:
    """Writes an image: rows with six frames of each of two clips, then one row of pictures."""
    lines = []
    for row in range(rows):
        frames = [world_clip("hits", first + 2 * row + half, frames=12).frames[4:10] for half in range(2)]
        lines.append(np.concatenate([np.concatenate(list(part), axis=1) for part in frames], axis=1))
    lines.append(np.concatenate(list(pictures(range(12))), axis=1))
    Image.fromarray(np.concatenate(lines)).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", type=Path, help="write a sheet of frames")
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--stretches", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.sheet is not None:
        sheet(arguments.sheet, rows=arguments.rows, first=arguments.first)
        return
    speed(arguments.stretches)
    heard(arguments.count)


if __name__ == "__main__":
    main()
