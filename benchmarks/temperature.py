"""Measures sound for video over the temperature: timing, the pitch of one object over its hits, variety and FAD.

    python benchmarks/temperature.py 1 0.5 0.25 0 --yamnet YAMNET [--guidance 1] [--clips 100]

A row per temperature: FAD-YAMNet of the clips of impacts and of dance against 200 other true ones; of impacts F1@50,
the spread of the pitch of one object, the share of objects whose pitch spreads by less than 3 %, the rank correlation
of generated and true pitch over all events, and how much takes differ; last, F1@50 of hits.

Pitch is the dominant frequency after an event. Its spread is the standard deviation of its logarithm over the events of
one object that are 0.15 s or more apart from all others. Takes differ by the mean absolute difference in log-mel
between two takes of a clip.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from decoders import REFERENCES, SEED, Embedded
from harness import options

from cmmd.data.world.clip import PLAIN_FAMILIES, WorldClip
from cmmd.data.world.families import world_clip
from cmmd.documents.markdown import markdown_table
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.pitch import dominant_frequency, rank_correlation
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress

APART = 0.15
"""Seconds between an event and all others for its pitch to count: the window of `dominant_frequency`."""
SAME_PITCH = 0.03
HEAD = (
    "temperature",
    *(f"FAD {family}" for family in PLAIN_FAMILIES),
    "F1@50 impacts",
    "spread of the pitch of one object, median",
    "within 3 %",
    "rank correlation of pitch",
    "takes differ",
    "F1@50 hits",
)


def main() -> None:
    parser = options(__doc__, "--model", "--yamnet")
    parser.add_argument("temperatures", type=float, nargs="+")
    parser.add_argument("--guidance", type=float, help="default: that of the model")
    parser.add_argument("--clips", type=int, default=100, help="a family")
    arguments = parser.parse_args()
    count = arguments.clips
    clips = {family: [world_clip(family, SEED + i) for i in range(count)] for family in (*PLAIN_FAMILIES, "hits")}
    references = range(SEED + count, SEED + count + REFERENCES)
    embedded = arguments.yamnet and Embedded(
        arguments.yamnet,
        {family: [world_clip(family, seed).waveform for seed in references] for family in PLAIN_FAMILIES},
    )
    pipeline = load_pipeline(arguments.model, device="cpu")
    rows = [
        row(pipeline, clips, embedded, temperature=temperature, guidance=arguments.guidance)
        for temperature in progress(arguments.temperatures, "temperatures", unit="temperature")
    ]
    print(markdown_table(rows, head=HEAD))


def row(
    pipeline: CMMDPipeline,
    clips: dict[str, list[WorldClip]],
    embedded: Embedded | None,
    *,
    temperature: float,
    guidance: float | None,
) -> tuple[str, ...]:
    """Measures the sound of all clips at one temperature, from the same noise at each."""

    def generated(family: str, takes: int = 1) -> list[list[np.ndarray]]:
        """Waveforms of the takes of every clip."""
        of = [
            pipeline.video_to_audio(clip.frames, seed=SEED + i, takes=takes, guidance=guidance, temperature=temperature)
            for i, clip in enumerate(clips[family])
        ]
        return [[take.waveform for take in takes] for takes in of]

    impacts, dance, hits = generated("impacts", takes=2), generated("dance"), generated("hits")
    first = {"impacts": [takes[0] for takes in impacts], "dance": [takes[0] for takes in dance]}
    spreads = np.array(
        [spread for pair in zip(clips["impacts"], first["impacts"], strict=True) for spread in spread_of_pitch(*pair)]
    )
    return (
        f"{temperature:g}",
        *("-" if embedded is None else f"{embedded.distance(family, first[family]):.1f}" for family in PLAIN_FAMILIES),
        f"{f1(first['impacts'], clips['impacts']):.3f}",
        f"{100 * np.median(spreads):.1f} %",
        f"{100 * (spreads < SAME_PITCH).mean():.0f} %",
        f"{pitch_correlation(first['impacts'], clips['impacts']):.3f}",
        f"{np.mean([difference(pipeline, *takes) for takes in impacts]):.3f}",
        f"{f1([takes[0] for takes in hits], clips['hits']):.3f}",
    )


def spread_of_pitch(clip: WorldClip, sound: np.ndarray) -> Iterator[float]:
    """Yields the standard deviation of the logarithm of the pitch, for every object with two or more events that no
    other event is near."""
    by_object = defaultdict(list)
    for event in clip.events:
        alone = all(abs(other.time - event.time) >= APART for other in clip.events if other is not event)
        if event.frequency > 0 and alone:
            by_object[event.source].append(np.log(dominant_frequency(sound, event.time)))
    yield from (float(np.std(pitches)) for pitches in by_object.values() if len(pitches) > 1)


def pitch_correlation(sounds: list[np.ndarray], clips: list[WorldClip]) -> float:
    pairs = [
        (dominant_frequency(sound, event.time), event.frequency)
        for sound, clip in zip(sounds, clips, strict=True)
        for event in clip.events
        if event.frequency > 0
    ]
    generated, true = np.array(pairs).T
    return rank_correlation(generated, true)


def f1(sounds: list[np.ndarray], clips: list[WorldClip]) -> float:
    onsets = [sound_onsets(sound).times for sound in sounds]
    return measure_alignment(onsets, [clip.event_times for clip in clips]).at(0.05).f1


def difference(pipeline: CMMDPipeline, one: np.ndarray, other: np.ndarray) -> float:
    encode = pipeline.spectrogram_codec.encode
    log_mels = [encode(torch.from_numpy(sound)[None]) for sound in (one, other)]
    return (log_mels[0] - log_mels[1]).abs().mean().item()


if __name__ == "__main__":
    main()
