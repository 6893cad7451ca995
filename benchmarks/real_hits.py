"""Real clips with visible hits: is generated sound in time with them? Beside the same onsets shifted in time.

    python benchmarks/real_hits.py FOLDER --model MODEL

FOLDER holds clips and their MANIFEST.csv (columns file, source_video_id, kind). There are no known event times: onsets
of the true sound within 25 dB of the loudest stand for them. A clip's gain is its F1 at 100 ms minus the mean F1 of its
generated onsets after circular shifts in time, which keep their number and rhythm. The interval is a bootstrap over
sources. With `--takes 4`, a line compares the take with the best own score with the mean take. The last line has the
shares of energy above 2 kHz of generated and true sound. `--pictures DIR` draws the first ten clips, frames over
generated and true sound, and writes a page of them, DIR/index.html.
"""

import csv
import html
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from harness import options

from cmmd.clips.reading import Clip, read_clip
from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.report.pictures import figure_sound_for_video
from cmmd.measures.alignment import match_events
from cmmd.measures.sound_onsets import RECORDINGS, sound_onsets
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

TOLERANCE = 0.1
CLEAR = 25.0
"""dB below the loudest onset of a clip."""
SHIFTS = 60
LEAST_SHIFT = 0.3
"""Seconds: nearer ones would still be matched in part."""
RESAMPLES = 2000
PICTURES = 10
HIGH = 2000.0
"""Hz."""


class Judged(NamedTuple):
    """One take of one clip. chance: mean F1 of the shifted onsets. score: the model's own, if measured."""

    source: str
    kind: str
    f1: float
    chance: float
    found: int
    true: int
    score: float | None = None


def clear_onsets(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Onset times whose loudest 20 ms within the next 100 ms are within CLEAR of those of the loudest onset, s."""
    times = sound_onsets(waveform, sample_rate=sample_rate, settings=RECORDINGS).times
    if not len(times):
        return times
    window = round(0.02 * sample_rate)
    power = np.convolve(np.square(waveform, dtype=np.float64), np.ones(window) / window, mode="full")[window - 1 :]
    levels = np.array([power[round(t * sample_rate) :][: round(0.1 * sample_rate)].max(initial=1e-12) for t in times])
    return times[10 * np.log10(levels / levels.max()) >= -CLEAR]


def judged(
    found: np.ndarray, true: np.ndarray, seconds: float, row: dict[str, str], score: float | None = None
) -> Judged:
    shifts = np.linspace(LEAST_SHIFT, seconds - LEAST_SHIFT, SHIFTS)
    chance = statistics.mean(f1(np.sort((found + shift) % seconds), true) for shift in shifts)
    return Judged(row["source_video_id"], row["kind"], f1(found, true), chance, len(found), len(true), score)


def f1(found: np.ndarray, true: np.ndarray) -> float:
    total = len(found) + len(true)
    return 2 * len(match_events(found, true, tolerance=TOLERANCE).pairs) / total if total else 1.0


def gain(takes: Iterable[Judged]) -> tuple[float, float, float]:
    """Mean gain over sources, and its 95 % interval."""
    return over_sources((take.source, take.f1 - take.chance) for take in takes)


def gain_of_best(takes: list[Judged], count: int) -> tuple[float, float, float]:
    """F1 of the take with the best own score minus the mean F1 of the `count` takes of its clip, mean over sources."""
    clips = [takes[first : first + count] for first in range(0, len(takes), count)]
    best = [max(clip, key=lambda take: take.score or 0.0) for clip in clips]
    means = [statistics.mean(take.f1 for take in clip) for clip in clips]
    return over_sources((take.source, take.f1 - mean) for take, mean in zip(best, means, strict=True))


def over_sources(values: Iterable[tuple[str, float]]) -> tuple[float, float, float]:
    """Mean over sources, and its 95 % interval."""
    sources: dict[str, list[float]] = {}
    for source, value in values:
        sources.setdefault(source, []).append(value)
    means = np.array([statistics.mean(values) for values in sources.values()])
    drawn = np.random.default_rng(0).choice(means, size=(RESAMPLES, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(means.mean()), float(low), float(high)


def draw(clip: Clip, waveform: np.ndarray, true: np.ndarray, found: np.ndarray, path: Path) -> None:
    """Draws the frames over the generated sound with its onsets, and the true sound. The true onsets are the marks on
    the frames."""
    assert clip.frames is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    marks = {"events_seen": true, "events_heard": found}
    figure_sound_for_video(
        clip.frames, clip.fps, waveform, sample_rate=clip.sample_rate, reference=clip.waveform, **marks, path=path
    )


def write_page(folder: Path, captions: dict[str, str]) -> None:
    """Writes index.html. captions: by the name of the picture."""
    shown = [
        f'<figure><figcaption>{html.escape(text)}</figcaption><img src="{html.escape(name)}" width="100%"></figure>'
        for name, text in captions.items()
    ]
    about = "Frames with the true onsets marked, over generated sound with its onsets, and the true sound."
    page = f'<!doctype html>\n<meta charset="utf-8">\n<title>Real clips with hits</title>\n<p>{about}</p>\n'
    (folder / "index.html").write_text(page + "\n".join(shown) + "\n")


def share_above(waveform: np.ndarray, sample_rate: int, hertz: float = HIGH) -> float:
    """Share of the energy that lies above a frequency."""
    energy = np.square(np.abs(np.fft.rfft(waveform)))
    return float(energy[np.fft.rfftfreq(len(waveform), 1 / sample_rate) > hertz].sum() / max(energy.sum(), 1e-12))


def row_of(name: str, takes: list[Judged]) -> tuple[str, ...]:
    mean, low, high = gain(takes)
    ratio = statistics.median((take.found + 0.5) / (take.true + 0.5) for take in takes)
    return (
        name,
        str(len(takes)),
        f"{statistics.mean(take.f1 for take in takes):.3f}",
        f"{statistics.mean(take.chance for take in takes):.3f}",
        f"{mean:+.3f} ({low:+.3f} to {high:+.3f})",
        f"{ratio:.2f}",
    )


def main() -> None:
    parser = options(__doc__, "folder", "--model")
    parser.add_argument("--detector", help="of visual events, on the same frames; default: the shipped one")
    parser.add_argument("--takes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model, device="cpu")
    detector = load_visual_event_detector(arguments.detector)
    with (arguments.folder / "MANIFEST.csv").open() as file:
        clips = list(csv.DictReader(file))
    generated: list[Judged] = []
    seen: list[Judged] = []
    captions: dict[str, str] = {}
    shares: list[tuple[float, float]] = []
    for row in progress(clips, "clips", unit="clip"):
        path = arguments.folder / row["file"]
        clip = read_clip(path)
        assert clip.frames is not None and clip.waveform is not None
        seconds = clip.seconds
        true = clear_onsets(clip.waveform, clip.sample_rate)
        takes = pipeline.video_to_audio(path, takes=arguments.takes, steps=arguments.steps, judge=True)
        onsets = [clear_onsets(take.waveform, take.sample_rate) for take in takes]
        for take, found in zip(takes, onsets, strict=True):
            generated.append(judged(found, true, seconds, row, take.alignment))
            shares.append((share_above(take.waveform, take.sample_rate), share_above(clip.waveform, clip.sample_rate)))
        if arguments.pictures and len(seen) < PICTURES:
            draw(clip, takes[0].waveform, true, onsets[0], arguments.pictures / f"{path.stem}.png")
            judgement = generated[-len(takes)]
            figures = f"F1@100 {judgement.f1:.2f}, shifted in time {judgement.chance:.2f}"
            captions[f"{path.stem}.png"] = f"{path.stem} ({row.get('shows', row['kind'])}): {figures}"
        seen.append(judged(detector.times(clip.frames), true, seconds, row))
    rows = []
    kinds: dict[str, Callable[[Judged], bool]] = {
        "all": lambda take: True,
        "a stick on things": lambda take: take.kind == "stick",
    }
    for name, belongs in kinds.items():
        rows.append(row_of(f"generated sound, {name}", list(filter(belongs, generated))))
        rows.append(row_of(f"detector of visual events, {name}", list(filter(belongs, seen))))
    head = ("", "takes", "F1@100", "shifted in time", "gain (95 % over sources)", "found : true onsets, median")
    print(markdown_table(rows, head=head))
    mean, low, high = gain_of_best(generated, arguments.takes)
    print(f"\nbest of {arguments.takes} by own score against a mean take: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
    scores = [take.score for take in generated if take.score is not None]
    print(f"own score: median {statistics.median(scores):.2f}")
    made, real = np.maximum(np.array(shares).T, 1e-4)
    ratio = np.exp(np.mean(np.log(made / real)))
    print(f"energy above 2 kHz: {made.mean():.2f}, true {real.mean():.2f}; geometric mean of the ratios {ratio:.2f}")
    if arguments.pictures:
        write_page(arguments.pictures, captions)


if __name__ == "__main__":
    main()
