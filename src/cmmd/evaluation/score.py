"""`cmmd score`: how well a model keeps time, on world clips whose event times are known to the sample (ours).

Video to audio: events heard in the generated sound against the known times; the ceiling is the same detector on the
true sound. Audio to video: events seen in the generated frames; the ceiling is the detector on the true frames. Joint:
events heard against events seen in the same generated clip; the ceiling is the same on true clips. Chance is the same
measure with the pairs shuffled.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tqdm import tqdm

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import FAMILIES, SAMPLE_RATE, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.families import world_clip
from cmmd.diffusion.conditioning import DIRECTIONS, Direction
from cmmd.diffusion.sampling import check_contrast
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.loading import load_pipeline
from cmmd.markdown import markdown_table
from cmmd.measures.alignment import AlignmentReport, measure_alignment
from cmmd.measures.frechet import frechet_distance
from cmmd.measures.pitch import dominant_frequency, rank_correlation
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import VisualEventDetector, load_visual_event_detector
from cmmd.models.exchange import Prediction
from cmmd.output_folder import make_folder
from cmmd.pipeline import CMMDPipeline
from cmmd.progress import progress
from cmmd.provenance import provenance
from cmmd.unfinished_file import written_beside

BATCH = 20
"""Clips denoised together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreOptions:
    """The options of the command; see `cmmd score --help`. A contrast does not apply where both are made."""

    model: str | None = None
    family: Literal["impacts", "dance", "both"] = "both"
    split: Split = "standard"
    clips: int = 300
    direction: Literal["video_to_audio", "audio_to_video", "joint", "all"] = "all"
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 1_000_000
    device: str = "cpu"
    out: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One row. family: that of the clips, or `any`. found, ceiling: alignment of the model, and of true clips.

    pitch: Spearman correlation of true and generated dominant frequency (impacts, video to audio). spectrogram: Frechet
    distance of generated and true log-mel frames; its floor is that of one half of the true clips and the other.
    seconds: a clip.
    """

    family: str
    direction: Direction
    found: AlignmentReport
    ceiling: AlignmentReport
    pitch: float | None
    spectrogram: float | None
    spectrogram_floor: float | None
    seconds: float


def score(options: ScoreOptions) -> tuple[Score, ...]:
    """Score, print the table, and write the record if asked. Raises InputError where it cannot be written."""
    if options.out is not None:
        make_folder(options.out.parent)  # now, and not after minutes of work
    scores = score_pipeline(load_pipeline(options.model, device=options.device), options)
    print(table(scores))
    if options.out is not None:
        record = provenance(_plain(options), seed=options.seed) | {"scores": [asdict(row) for row in scores]}
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(record, indent=1) + "\n")
    return scores


def score_pipeline(pipeline: CMMDPipeline, options: ScoreOptions) -> tuple[Score, ...]:
    """Score a model that is loaded; `model`, `device` and `out` of the options are not looked at.

    Raises InputError for a contrast with a model that encodes no condition.
    """
    check_contrast(pipeline.unet, options.sampling.contrast)
    detector = load_visual_event_detector()
    families = FAMILIES if options.family == "both" else (options.family,)
    directions = DIRECTIONS if options.direction == "all" else (options.direction,)
    seeds = range(options.seed, options.seed + options.clips)
    worlds = {family: [world_clip(family, seed, split=options.split) for seed in seeds] for family in families}
    scores, truths = [], []
    for family, clips in worlds.items():
        truths.append(_Truth.of(clips, detector))
        for direction in directions:
            if direction != "joint":
                scores.append(_score(pipeline, detector, clips, truths[-1], direction, options, name=family))
    if "joint" in directions:
        # What is made from nothing belongs to no family: it is made once, under the ceiling of all families.
        scores.append(
            _score(pipeline, detector, worlds[families[0]], _Truth.join(truths), "joint", options, name="any")
        )
    return tuple(scores)


def table(scores: Sequence[Score]) -> str:
    """Markdown: a row a family and direction; every figure beside its ceiling and its chance, offsets and lag in ms."""
    head = ["", "clips", *("F1@50", "ceiling", "chance"), *("F1@100", "ceiling", "chance")]
    return markdown_table(
        [_row(score) for score in scores],
        head=[*head, "offset", "median", "lag", "pitch", "spectrogram", "floor"],
    )


def _row(score: Score) -> list[str]:
    cells = [f"{score.family}, {score.direction.replace('_', ' ')}", str(score.found.clips)]
    for tolerance in (0.05, 0.1):
        found = score.found.at(tolerance)
        cells.append(f"{found.f1:.3f} ({found.low:.3f}-{found.high:.3f})")
        cells.append(f"{score.ceiling.at(tolerance).f1:.3f}")
        cells.append(f"{found.chance:.3f}")
    cells.append(f"{1000 * score.found.median_absolute_offset:.1f} ms")
    cells += [f"{1000 * offset:+.1f} ms" for offset in (score.found.median_offset, score.found.lag)]
    rest = ((score.pitch, 3), (score.spectrogram, 2), (score.spectrogram_floor, 2))
    return [*cells, *("-" if value is None else f"{value:.{places}f}" for value, places in rest)]


@dataclass(frozen=True, slots=True)
class _Truth:
    """Per clip: its sound, known times, what the detectors find on the true sound and on the true frames."""

    waveforms: list[np.ndarray]
    known: list[np.ndarray]
    heard: list[np.ndarray]
    seen: list[np.ndarray]

    @classmethod
    def join(cls, truths: list["_Truth"]) -> "_Truth":
        return cls(*([item for truth in truths for item in getattr(truth, name)] for name in cls.__slots__))

    @classmethod
    def of(cls, clips: list[WorldClip], detector: VisualEventDetector) -> "_Truth":
        return cls(
            waveforms=[clip.waveform for clip in clips],
            known=[clip.event_times for clip in clips],
            heard=[sound_onsets(clip.waveform, sample_rate=SAMPLE_RATE).times for clip in clips],
            seen=[detector.times(clip.frames) for clip in clips],
        )


def _score(
    pipeline: CMMDPipeline,
    detector: VisualEventDetector,
    clips: list[WorldClip],
    truth: _Truth,
    direction: Direction,
    options: ScoreOptions,
    *,
    name: str,
) -> Score:
    started = time.perf_counter()
    bar = progress(len(clips), f"{name} {direction}", unit="clip")
    waveforms, frames = _generate(pipeline, clips, direction, options, bar)
    bar.close()
    seconds = (time.perf_counter() - started) / len(clips)
    heard = [sound_onsets(waveform, sample_rate=SAMPLE_RATE).times for waveform in waveforms]
    seen = [detector.times(take) for take in frames]
    pitch = None
    if direction == "video_to_audio":
        found, expected, ceiling = heard, truth.known, (truth.heard, truth.known)
        pitch = pitch_follows(clips, waveforms) if name == "impacts" else None
    elif direction == "audio_to_video":
        found, expected, ceiling = seen, truth.known, (truth.seen, truth.known)
    else:
        found, expected, ceiling = heard, seen, (truth.heard, truth.seen)
    return Score(
        family=name,
        direction=direction,
        found=measure_alignment(found, expected),
        ceiling=measure_alignment(*ceiling),
        pitch=pitch,
        spectrogram=_spectrogram_distance(waveforms, truth.waveforms) if waveforms else None,
        spectrogram_floor=_spectrogram_distance(truth.waveforms[::2], truth.waveforms[1::2]) if waveforms else None,
        seconds=seconds,
    )


def _spectrogram_distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Frechet distance of log-mel frames, each a vector of 64 bins, whatever codec the model has."""
    codec = LogMelCodec(Geometry())
    frames = (
        torch.cat([codec.encode(torch.from_numpy(waveform)[None])[0, 0].T for waveform in waveforms])
        for waveforms in (a, b)
    )
    return frechet_distance(*frames)


def _generate(
    pipeline: CMMDPipeline, clips: list[WorldClip], direction: Direction, options: ScoreOptions, bar: tqdm
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Waveforms and frames as the direction makes them; item i has seed options.seed + i whatever the batch size."""
    waveforms: list[np.ndarray] = []
    frames: list[np.ndarray] = []
    for start in range(0, len(clips), BATCH):
        batch, seed = clips[start : start + BATCH], options.seed + start
        if direction == "video_to_audio":
            condition = torch.cat([pipeline.encode_video(clip.frames) for clip in batch])
            noise = pipeline.noise("audio", condition.shape[2], seed=seed, items=len(batch))
            audio = pipeline.sample(condition, noise, direction, options.sampling)
            waveforms += list(pipeline.decode_audio(audio, seed=seed).numpy())
        elif direction == "audio_to_video":
            condition = torch.cat([pipeline.encode_audio(clip.waveform) for clip in batch])
            noise = pipeline.noise("video", len(batch[0].frames), seed=seed, items=len(batch))
            frames += pipeline.decode_video(pipeline.sample(condition, noise, direction, options.sampling))
        else:
            shape = {"seed": seed, "items": len(batch)}
            noise = Prediction(*(pipeline.noise(name, len(batch[0].frames), **shape) for name in ("video", "audio")))
            video, audio = pipeline.sample_joint(noise, replace(options.sampling, contrast=0))
            frames += pipeline.decode_video(video)
            waveforms += list(pipeline.decode_audio(audio, seed=seed).numpy())
        bar.update(len(batch))
    return waveforms, frames


def pitch_follows(clips: list[WorldClip], waveforms: list[np.ndarray]) -> float:
    """Spearman correlation, over all known events, of true frequency and dominant frequency after the event (0.1 s)."""
    true, found = [], []
    for clip, waveform in zip(clips, waveforms, strict=True):
        for event in clip.events:
            true.append(event.frequency)
            found.append(dominant_frequency(waveform, event.time, sample_rate=SAMPLE_RATE, window=0.1))
    return rank_correlation(np.array(found), np.array(true))


def _plain(options: ScoreOptions) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
