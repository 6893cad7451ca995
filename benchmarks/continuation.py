"""Continuation: are events in a generated second half as well in time as where the whole clip is generated?

    python benchmarks/continuation.py --clips 60 --model MODEL

Clips of 1.6 s of each family, whose first 0.8 s are retained; only events of the second half are counted. The last
column is the level of the 10 ms around the seam over the louder of the 50 ms before and after it.
"""

from pathlib import Path

import numpy as np
import torch
from harness import options

from cmmd.clips.reading import Clip
from cmmd.clips.take import Take
from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table
from cmmd.measures.alignment import AlignmentReport, measure_alignment
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import VisualEventDetector, load_visual_event_detector
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

FIRST_SEED = 5_000_000
HALF = 0.8
RATE = 16_000


def clip_of(family: str, index: int) -> tuple[Clip, np.ndarray]:
    """A world clip as given by a user, and its event times."""
    world = world_clip(family, FIRST_SEED + index)  # pyright: ignore[reportArgumentType]
    return Clip(world.frames, world.waveform, 10.0, RATE, 1.6, Path()), world.event_times


def generated(pipeline: CMMDPipeline, direction: str, clip: Clip, *, continued: bool, seed: int) -> Take:
    keep = ((0.0, HALF),) if continued else ()
    if direction == "joint":
        return (pipeline.joint(clip=clip, keep=keep, seed=seed) if continued else pipeline.joint(seed=seed))[0]
    return getattr(pipeline, direction)(clip, keep=keep, seed=seed)[0]


def late(times: np.ndarray) -> np.ndarray:
    return times[times >= HALF]


def measured(found: list[tuple[np.ndarray, np.ndarray]], known: list[np.ndarray], direction: str) -> AlignmentReport:
    """found: heard and seen events of each take."""
    heard, seen = [late(one) for one, _ in found], [late(one) for _, one in found]
    if direction == "joint":
        return measure_alignment(heard, seen)
    return measure_alignment(heard if direction == "video_to_audio" else seen, [late(times) for times in known])


def jump(waveform: np.ndarray) -> float:
    """dB by which the 10 ms around the seam are louder than the louder of the 50 ms before and after it."""
    seam = round(HALF * RATE)

    def level(first: int, last: int) -> float:
        return float(np.sqrt(np.mean(waveform[seam + first : seam + last] ** 2))) + 1e-4

    return 20 * np.log10(level(-80, 80) / max(level(-880, -80), level(80, 880)))


def row(pipeline: CMMDPipeline, detector: VisualEventDetector, direction: str, family: str, clips: int) -> list[str]:
    tolerance = 0.05 if direction == "video_to_audio" else 0.1
    cells, jumps = [direction.replace("_", " "), family, f"{1000 * tolerance:.0f} ms"], []
    for continued in (False, True):
        known, found = [], []
        for index in progress(range(clips), f"{direction} {family}", unit="clip"):
            clip, times = clip_of(family, index)
            take = generated(pipeline, direction, clip, continued=continued, seed=index)
            known.append(times)
            found.append((sound_onsets(take.waveform).times, detector.times(take.frames)))
            if continued:
                jumps.append(jump(take.waveform))
        score = measured(found, known, direction).at(tolerance)
        cells += [f"{score.f1:.3f} ({score.low:.3f}-{score.high:.3f})"]
        chance = score.chance
    return [*cells, f"{chance:.3f}", f"{np.median(jumps):+.1f} dB, at most {max(jumps):+.1f}"]


def main() -> None:
    parser = options(__doc__, "--model")
    parser.add_argument("--clips", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pipeline, detector = load_pipeline(arguments.model, device="cpu"), load_visual_event_detector()
    rows = [
        row(pipeline, detector, direction, family, arguments.clips)
        for direction in ("video_to_audio", "audio_to_video", "joint")
        for family in PLAIN_FAMILIES
    ]
    head = ("direction", "family", "tolerance", "whole clip generated", "second half continued", "chance", "seam")
    print(markdown_table(rows, head=head))


if __name__ == "__main__":
    main()
