"""The model's own score of its takes: is the best take by it better in time, and does it tell clips that it cannot do?

    python benchmarks/own_score.py --clips 60 --real FOLDER...

On the harder world, where event times are known: F1@50 of the take that `--keep best` keeps against the mean of all,
beside the best one there is. With folders of real clips: their scores against those of clips of the standard world.
"""

from pathlib import Path

import numpy as np
from harness import options

from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table
from cmmd.errors import InputError
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

FIRST_SEED = 4_000_000
TAKES = 4
STEPS = 12
RESAMPLES = 2000


def judged(pipeline: CMMDPipeline, family: str, count: int, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Score and F1@50 of every take, each (clips, takes)."""
    scores, found = [], []
    for index in progress(range(count), f"{family}, {split}", unit="clip"):
        clip = world_clip(family, FIRST_SEED + index, split=split)  # pyright: ignore[reportArgumentType]
        takes = pipeline.video_to_audio(clip.frames, takes=TAKES, steps=STEPS, seed=1000 * index, judge=True)
        scores.append([take.alignment for take in takes])
        onsets = [sound_onsets(take.waveform).times for take in takes]
        found.append([measure_alignment([one], [clip.event_times], shuffles=1).at(0.05).f1 for one in onsets])
    return np.array(scores, dtype=float), np.array(found)


def with_interval(values: np.ndarray) -> str:
    drawn = np.random.default_rng(0).choice(values, size=(RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def area_under_curve(higher: np.ndarray, lower: np.ndarray) -> float:
    """The chance that one of `higher` is above one of `lower`."""
    return float(np.mean(higher[:, None] > lower[None]) + 0.5 * np.mean(higher[:, None] == lower[None]))


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


def main() -> None:
    parser = options(__doc__, "--model")
    parser.add_argument("--clips", type=int, default=60, help="a family")
    parser.add_argument("--real", nargs="*", type=Path, default=[], help="folders of real clips")
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model, device="cpu")
    rows, gains, most = [], [], []
    for family in PLAIN_FAMILIES:
        scores, found = judged(pipeline, family, arguments.clips, "hard")
        kept = np.take_along_axis(found, scores.argmax(axis=1)[:, None], axis=1)[:, 0]
        gains.append(kept - found.mean(axis=1))
        most.append(found.max(axis=1) - found.mean(axis=1))
        between = np.corrcoef(scores.mean(axis=1), found.mean(axis=1))[0, 1]
        rows.append(
            (family, f"{found.mean():.3f}", with_interval(gains[-1]), with_interval(most[-1]), f"{between:.2f}")
        )
    rows.append(("both", "", with_interval(np.concatenate(gains)), with_interval(np.concatenate(most)), ""))
    head = ("", "F1@50 of all takes", "gain of the best by score", "of the best there is", "correlation between clips")
    print(markdown_table(rows, head=head))
    if not arguments.real:
        return
    known = np.concatenate(
        [judged(pipeline, family, arguments.clips, "standard")[0][:, 0] for family in PLAIN_FAMILIES]
    )
    rows = [("world", str(len(known)), f"{np.median(known):.3f}", "")]
    for folder in arguments.real:
        scores = real_scores(pipeline, folder)
        rows.append(
            (folder.name, str(len(scores)), f"{np.median(scores):.3f}", f"{area_under_curve(known, scores):.3f}")
        )
    print(
        "\n"
        + markdown_table(rows, head=("clips", "number", "median score", "area under the curve, world against them"))
    )


if __name__ == "__main__":
    main()
