"""The model's own score of its takes: is the best take by it better in time, and does it tell clips that it cannot do?

    python benchmarks/own_score.py --clips 60 --real FOLDER...

On the harder world, where event times are known: F1@50 of the take that `--keep best` keeps against the mean of all,
beside the best one there is. With folders of real clips: their scores against those of clips of the standard world.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import options
from jaxtyping import Float

from cmmd.data.world.clip import PLAIN_FAMILIES, Family
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip
from cmmd.diffusion.direction import Direction
from cmmd.documents.markdown import markdown_table
from cmmd.errors import InputError
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

FIRST_SEED = 4_000_000
TAKES = 4
STEPS = 12
RESAMPLES = 2000
CASES: tuple[tuple[Direction, Family], ...] = (
    ("video_to_audio", "impacts"),
    ("video_to_audio", "dance"),
    ("audio_to_video", "impacts"),
    ("audio_to_video", "dance"),
    ("joint", "impacts"),
)
"""Joint generation is of no family."""


class Judged(NamedTuple):
    """Score and F1@50 of every take."""

    scores: Float[np.ndarray, "clips takes"]
    f1: Float[np.ndarray, "clips takes"]

    @property
    def gains(self) -> Float[np.ndarray, " clips"]:
        """F1 of the take with the best score minus the mean."""
        best = np.take_along_axis(self.f1, self.scores.argmax(axis=1)[:, None], axis=1)[:, 0]
        return best - self.f1.mean(axis=1)

    @property
    def possible(self) -> Float[np.ndarray, " clips"]:
        return self.f1.max(axis=1) - self.f1.mean(axis=1)


def judged(pipeline: CMMDPipeline, direction: Direction, family: Family, count: int, split: Split) -> Judged:
    """The given clips are those of the family; joint generation has none, and its heard events are compared with its
    seen ones. A take without any event has an F1 of 0."""
    detector, scores, found = load_visual_event_detector(), [], []
    shared: dict[str, Any] = {"takes": TAKES, "steps": STEPS, "judge": True}
    for index in progress(range(count), f"{direction}, {family}, {split}", unit="clip"):
        clip, seed = world_clip(family, FIRST_SEED + index, split=split), 1000 * index
        if direction == "video_to_audio":
            takes = pipeline.video_to_audio(clip.frames, seed=seed, **shared)
            pairs = [(sound_onsets(take.waveform).times, clip.event_times) for take in takes]
        elif direction == "audio_to_video":
            takes = pipeline.audio_to_video(clip.waveform, seed=seed, **shared)
            pairs = [(detector.times(take.frames), clip.event_times) for take in takes]
        else:
            takes = pipeline.joint(seed=seed, **shared)
            pairs = [(sound_onsets(take.waveform).times, detector.times(take.frames)) for take in takes]
        scores.append([take.alignment for take in takes])
        found.append([measure_alignment([one], [other], shuffles=1).at(0.05).f1 for one, other in pairs])
    return Judged(np.array(scores, dtype=float), np.nan_to_num(np.array(found)))


def with_interval(values: np.ndarray) -> str:
    drawn = np.random.default_rng(0).choice(values, size=(RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def area_under_curve(higher: np.ndarray, lower: np.ndarray) -> float:
    """The chance that one of `higher` is above one of `lower`."""
    return float(np.mean(higher[:, None] > lower[None]) + 0.5 * np.mean(higher[:, None] == lower[None]))


def spread(name: str, scores: np.ndarray, limit: float) -> tuple[str, ...]:
    low, high = np.quantile(scores, (0.1, 0.9))
    below = f"{np.mean(scores < limit):.0%}"
    return name, str(len(scores)), f"{np.median(scores):.3f}", f"{low:.2f} to {high:.2f}", below


def real_scores(pipeline: CMMDPipeline, folder: Path) -> np.ndarray:
    """Of one take of every clip that has a picture."""
    scores = []
    for path in progress(sorted(folder.iterdir()), folder.name, unit="clip"):
        try:
            clip = pipeline.video_to_audio(path, steps=STEPS, judge=True, seed=0)
        except InputError:
            continue
        scores.append(clip[0].alignment)
    return np.array(scores, dtype=float)


def row_of(takes: Judged) -> tuple[str, ...]:
    between = np.corrcoef(takes.scores.mean(axis=1), takes.f1.mean(axis=1))[0, 1]
    return f"{takes.f1.mean():.3f}", with_interval(takes.gains), with_interval(takes.possible), f"{between:.2f}"


def main() -> None:
    parser = options(__doc__, "--model")
    parser.add_argument("--clips", type=int, default=60, help="a family")
    parser.add_argument("--real", nargs="*", type=Path, default=[], help="folders of real clips")
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model, device="cpu")
    rows, sound = [], []
    for direction, family in CASES:
        takes = judged(pipeline, direction, family, arguments.clips, "hard")
        rows.append((f"{direction}, {'any' if direction == 'joint' else family}", *row_of(takes)))
        if direction == "video_to_audio":
            sound.append(takes)
    both = Judged(*map(np.concatenate, zip(*sound, strict=True)))
    rows.insert(len(sound), ("video_to_audio, both", *row_of(both)))
    head = ("", "F1@50 of all takes", "gain of the best by score", "of the best there is", "correlation between clips")
    print(markdown_table(rows, head=head))
    if not arguments.real:
        return
    standard = [judged(pipeline, "video_to_audio", family, arguments.clips, "standard") for family in PLAIN_FAMILIES]
    known = np.concatenate([takes.scores[:, 0] for takes in standard])
    limit = pipeline.unknown_below
    rows = [(*spread("world", known, limit), "")]
    for folder in arguments.real:
        scores = real_scores(pipeline, folder)
        rows.append((*spread(folder.name, scores, limit), f"{area_under_curve(known, scores):.3f}"))
    head = (
        "clips",
        "number",
        "median score",
        "10 to 90 %",
        f"below {limit}",
        "area under the curve, world against them",
    )
    print("\n" + markdown_table(rows, head=head))


if __name__ == "__main__":
    main()
