"""`cmmd score`: temporal alignment of a model, on world clips whose event times are known to the sample (ours).

Video to audio compares onsets detected in the generated sound with the known times; the ceiling is the same detector on
the true sound. Audio to video compares events detected in the generated frames; the ceiling is the detector on the true
frames. Joint compares heard events with seen events of the same generated clip; the ceiling is the same on true clips.
Chance is the same measure with shuffled pairs.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from cmmd.data.world.clip import FPS, IMAGE_SIZE, PLAIN_FAMILIES, SAMPLE_RATE, Family, WorldClip
from cmmd.data.world.difficulty import Split
from cmmd.data.world.encoding import require_world
from cmmd.data.world.families import world_clip
from cmmd.diffusion.direction import DIRECTIONS, Direction
from cmmd.diffusion.sampling import check_sampling
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.errors import InputError
from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.evaluation.truth import Truth, embeddings
from cmmd.loading import DType, load_pipeline
from cmmd.markdown import markdown_table
from cmmd.measures.alignment import AlignmentReport, measure_alignment
from cmmd.measures.frame_distances import picture_distance, spectrum_distance
from cmmd.measures.frechet import frechet_distance
from cmmd.measures.pitch import dominant_frequency, rank_correlation
from cmmd.measures.sound_onsets import sound_onsets
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.models.exchange import Prediction
from cmmd.output_folder import make_folder
from cmmd.pipeline import CMMDPipeline
from cmmd.progress import progress
from cmmd.provenance import provenance
from cmmd.unfinished_file import written_beside

Distance = Callable[[list, list], float]
"""Distance between two sets of waveforms, frames or vectors."""
BATCH = 20
"""Number of clips denoised in one batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreOptions:
    """Options of the command; see `cmmd score --help`. The family `both` is impacts and dance. Contrast and gradient do
    not apply to joint generation. detector: folder of a visual event detector; None for the shipped one."""

    model: str | None = None
    detector: Path | None = None
    family: Literal["impacts", "dance", "hits", "both"] = "both"
    split: Split = "standard"
    clips: int = 300
    direction: Literal["video_to_audio", "audio_to_video", "joint", "all"] = "all"
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 1_000_000
    device: str = "cpu"
    dtype: DType = "float32"
    out: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One row of the table. family: that of the clips, or `any`. found, ceiling: alignment of the model, of true clips.

    pitch: Spearman correlation of true and generated dominant frequency (impacts, hits; video to audio). spectrogram,
    pictures: Frechet distances between generated and true frames of sound and of video. backbone: the same for the
    embeddings of an audio network. Each floor is the distance between two halves of the true clips. Distances are None
    if the modality was not generated. seconds: per clip.
    """

    family: str
    direction: Direction
    found: AlignmentReport
    ceiling: AlignmentReport
    pitch: float | None
    spectrogram: float | None
    spectrogram_floor: float | None
    pictures: float | None
    pictures_floor: float | None
    backbone: float | None
    backbone_floor: float | None
    seconds: float


def score(options: ScoreOptions) -> tuple[Score, ...]:
    """Scores a model, prints the table, and writes the record if `out` is set.

    Raises InputError if the record cannot be written, there is no such detector, or the model's frame rate, image size
    or sample rate differ from those of the world.
    """
    if options.out is not None:
        make_folder(options.out.parent)  # fails early, before minutes of work
    pipeline = load_pipeline(options.model, device=options.device, dtype=options.dtype)
    try:
        require_world(pipeline.geometry, scored_families(options))
    except ValueError as error:
        expected = "a model of the world's sizes; cmmd evaluate measures any"
        raise InputError.about(options.model or "shipped", found=str(error), expected=expected) from error
    scores = score_pipeline(pipeline, options)
    print(table(scores))
    if options.out is not None:
        record = provenance(_plain(options), seed=options.seed) | {"scores": [asdict(row) for row in scores]}
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(record, indent=1) + "\n")
    return scores


def score_pipeline(
    pipeline: CMMDPipeline, options: ScoreOptions, *, truths: Mapping[str, Truth] | None = None
) -> tuple[Score, ...]:
    """Scores a loaded model; ignores `model`, `device`, `dtype` and `out` of the options.

    truths: result of `true_clips`, to reuse when several models are scored on the same clips. Raises InputError if the
    model does not support the sampling settings.
    """
    check_sampling(pipeline.unet, options.sampling)
    geometry = pipeline.geometry
    truths = truths or true_clips(options, fps=geometry.fps, image_size=geometry.image_size)
    directions = DIRECTIONS if options.direction == "all" else (options.direction,)
    scores = [
        _score(pipeline, truth, direction, options, name=family)
        for family, truth in truths.items()
        for direction in directions
        if direction != "joint"
    ]
    if "joint" in directions:
        # Joint generation has no condition, hence no family: it runs once, with the clips of all families as ceiling.
        scores.append(_score(pipeline, Truth.join(list(truths.values())), "joint", options, name="any"))
    return tuple(scores)


def scored_families(options: ScoreOptions) -> tuple[Family, ...]:
    """The families that the options select."""
    return PLAIN_FAMILIES if options.family == "both" else (options.family,)


def true_clips(
    options: ScoreOptions, *, backbone: Backbone | None = None, fps: int = FPS, image_size: int = IMAGE_SIZE
) -> dict[str, Truth]:
    """Returns the true clips of each selected family. backbone: an audio network at the world's sample rate; its
    embeddings give an additional Frechet distance. Raises InputError if the detector cannot be loaded."""
    make = partial(world_clip, split=options.split, fps=fps, image_size=image_size)
    seeds = range(options.seed, options.seed + options.clips)
    detector = load_visual_event_detector(options.detector)
    return {
        family: Truth.of([make(family, seed) for seed in seeds], detector, backbone)
        for family in scored_families(options)
    }


def table(scores: Sequence[Score]) -> str:
    """Markdown table with one row per family and direction; F1 with ceiling and chance, offsets and lag in ms."""
    head = ["", "clips", *("F1@50", "ceiling", "chance"), *("F1@100", "ceiling", "chance")]
    return markdown_table(
        [_row(score) for score in scores],
        head=[*head, "offset", "median", "lag", "pitch", "spectrogram", "floor", "pictures", "floor"],
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
    distances = (score.spectrogram, score.spectrogram_floor, score.pictures, score.pictures_floor)
    rest = ((score.pitch, 3), *((distance, 2) for distance in distances))
    return [*cells, *("-" if value is None else f"{value:.{places}f}" for value, places in rest)]


def _score(pipeline: CMMDPipeline, truth: Truth, direction: Direction, options: ScoreOptions, *, name: str) -> Score:
    started, clips = time.perf_counter(), truth.clips[: truth.count]
    bar = progress(len(clips), f"{name} {direction}", unit="clip")
    waveforms, frames = _generate(pipeline, clips, direction, options, bar)
    bar.close()
    seconds = (time.perf_counter() - started) / len(clips)
    heard = [sound_onsets(waveform, sample_rate=SAMPLE_RATE).times for waveform in waveforms]
    seen = [truth.detector.times(take, fps=pipeline.geometry.fps) for take in frames]
    vectors = embeddings(waveforms, truth.backbone)
    pitch = None
    if direction == "video_to_audio":
        found, expected, ceiling = heard, truth.known, (truth.heard, truth.known)
        pitch = pitch_follows(clips, waveforms) if name in ("impacts", "hits") else None
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
        spectrogram=_to(truth.waveforms, waveforms, spectrum_distance),
        spectrogram_floor=_floor(truth.waveforms, waveforms, spectrum_distance),
        pictures=_to(truth.frames, frames, picture_distance),
        pictures_floor=_floor(truth.frames, frames, picture_distance),
        backbone=_to(truth.vectors, vectors, _vector_distance),
        backbone_floor=_floor(truth.vectors, vectors, _vector_distance),
        seconds=seconds,
    )


def _to(true: list, made: list, distance: Distance) -> float | None:
    """Distance of the generated items to the true ones; None if nothing was generated."""
    return distance(made, true) if made else None


def _floor(true: list, made: list, distance: Distance) -> float | None:
    return distance(true[::2], true[1::2]) if made else None


def _vector_distance(found: list[Tensor], true: list[Tensor]) -> float:
    return frechet_distance(torch.cat(found), torch.cat(true))


def _generate(
    pipeline: CMMDPipeline, clips: list[WorldClip], direction: Direction, options: ScoreOptions, bar: tqdm
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns the generated waveforms and frames; a modality that is not generated gives [].

    Item i has seed options.seed + i, independent of the batch size.
    """
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
            video, audio = pipeline.sample_joint(noise, replace(options.sampling, contrast=0, gradient=0))
            frames += pipeline.decode_video(video)
            waveforms += list(pipeline.decode_audio(audio, seed=seed).numpy())
        bar.update(len(batch))
    return waveforms, frames


def pitch_follows(clips: list[WorldClip], waveforms: list[np.ndarray]) -> float:
    """Spearman correlation of the true frequency and the dominant frequency in the 0.1 s after the event, over all
    known events that have a pitch."""
    true, found = [], []
    for clip, waveform in zip(clips, waveforms, strict=True):
        for event in (event for event in clip.events if event.frequency):
            true.append(event.frequency)
            found.append(dominant_frequency(waveform, event.time, sample_rate=SAMPLE_RATE, window=0.1))
    return rank_correlation(np.array(found), np.array(true))


def _plain(options: ScoreOptions) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
