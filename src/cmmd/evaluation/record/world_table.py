"""The table of world samples: F1 with ceiling and chance, offsets and lag, pitch and distances (ours)."""

from collections.abc import Sequence

from cmmd.evaluation.record.schema import WorldScore

HEAD = (
    *("", "clips", "F1@50", "ceiling", "chance", "F1@100", "ceiling", "chance", "offset", "median", "lag", "pitch"),
    *("spectrogram", "floor", "pictures", "floor"),
)


def world_rows(scores: Sequence[WorldScore]) -> list[list[str]]:
    """One row per family and direction, under `HEAD`; offsets and lag in ms."""
    return [_row(score) for score in scores]


def _row(score: WorldScore) -> list[str]:
    cells = [f"{score.family}, {score.direction.replace('_', ' ')}", str(score.clips)]
    metrics = {metric.name: metric for metric in score.metrics}
    for name in ("onset F1 at 50 ms", "onset F1 at 100 ms"):
        f1 = metrics[name]
        cells += [f"{f1.value:.3f} ({f1.low:.3f}-{f1.high:.3f})", f"{f1.ceiling:.3f}", f"{f1.chance:.3f}"]
    cells.append(f"{1000 * metrics['median absolute offset'].value:.1f} ms")
    cells += [f"{1000 * metrics[name].value:+.1f} ms" for name in ("median offset", "lag")]
    cells.append(f"{metrics['pitch'].value:.3f}" if "pitch" in metrics else "-")
    for name in ("spectrogram distance", "picture distance"):
        distance = metrics.get(name)
        cells += ["-", "-"] if distance is None else [f"{distance.value:.2f}", f"{distance.floor:.2f}"]
    return cells
