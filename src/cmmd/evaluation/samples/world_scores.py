"""Timing and quality of a model's samples of world clips, whose event times are known to the sample (ours).

Video to audio compares onsets detected in the generated sound with the known times; the ceiling is the same detector on
the true sound. Audio to video compares events detected in the generated frames; the ceiling is the detector on the true
frames. Joint compares heard events with seen events of the same generated clip; the ceiling is the same on true clips.
Chance is the same measure with shuffled pairs. Samples are measured before they are encoded to files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cmmd.clips.take import Take
from cmmd.data.world.clip import SAMPLE_RATE, WorldClip
from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling import check_sampling
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.engines.placement import LOCAL, Placement
from cmmd.engines.units import run_units
from cmmd.errors import InputError
from cmmd.evaluation.measuring.event_agreement import FOUND_IN, timing_metrics
from cmmd.evaluation.record.schema import Metric, WorldScore
from cmmd.evaluation.samples.batch_generation import Condition, generate_batch
from cmmd.evaluation.samples.true_clips import Truth, WorldSet, embeddings, onsets_of, true_clips
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.frame_distances import picture_distance, spectrum_distance
from cmmd.measures.frechet import frechet_distance
from cmmd.measures.pitch import dominant_frequency, rank_correlation
from cmmd.pipeline import CMMDPipeline
from cmmd.runtime.progress import progress
from cmmd.runtime.worker_processes import Failure

BATCH = 20
"""Number of clips denoised in one batch."""
Unit = tuple[int, list[Condition]]
"""Seed of the first sample, and the conditions of a batch."""
Make = Callable[[Unit], list[Take]]
Load = Callable[[], CMMDPipeline]


def score_pipeline(
    pipeline: CMMDPipeline,
    world: WorldSet,
    directions: Sequence[Direction],
    sampling: SamplingConfig,
    *,
    truths: Mapping[str, Truth] | None = None,
) -> tuple[WorldScore, ...]:
    """Scores of a loaded model; the arguments are those of `scored_takes`."""
    return tuple(score for score, _ in scored_takes(pipeline, world, directions, sampling, truths=truths))


def scored_takes(
    pipeline: CMMDPipeline,
    world: WorldSet,
    directions: Sequence[Direction],
    sampling: SamplingConfig,
    *,
    truths: Mapping[str, Truth] | None = None,
    load: Load | None = None,
    placement: Placement = LOCAL,
) -> Iterator[tuple[WorldScore, list[Take]]]:
    """Generates a sample of every clip, with the seed of the clip, and yields the score and the samples of each family
    and direction. Contrast and gradient do not apply to joint generation.

    truths: result of `true_clips`, to reuse when several models are scored on the same clips. load: loads the model in
    a Ray worker. Raises InputError if the model does not support the sampling settings, or workers die.
    """
    check_sampling(pipeline.unet, sampling)
    geometry = pipeline.geometry
    truths = truths or true_clips(world, fps=geometry.fps, image_size=geometry.image_size)
    sets: list[tuple[str, Truth, Direction]] = [
        (family, truth, one) for family, truth in truths.items() for one in directions if one != "joint"
    ]
    if "joint" in directions:
        # Joint generation has no condition, hence no family: it runs once, with the clips of all families as ceiling.
        sets.append(("any", Truth.join(list(truths.values())), "joint"))
    for family, truth, direction in sets:
        make = partial(_maker, load or (lambda: pipeline), direction, sampling)
        takes = _generate(truth.clips[: world.clips], make, placement, seed=world.seed, name=f"{family} {direction}")
        yield _score(takes, truth, direction, family), takes


def _maker(load: Load, direction: Direction, sampling: SamplingConfig) -> Make:
    pipeline = load()
    return lambda unit: generate_batch(pipeline, unit[1], direction, sampling, seed=unit[0])


def _generate(
    clips: list[WorldClip], load: Callable[[], Make], placement: Placement, *, seed: int, name: str
) -> list[Take]:
    """Item i has seed + i, independent of the batch size."""
    conditions = [Condition(clip.frames, clip.waveform, len(clip.waveform) / SAMPLE_RATE) for clip in clips]
    units = [(seed + start, conditions[start : start + BATCH]) for start in range(0, len(clips), BATCH)]
    takes: list[Take] = []
    with closing(progress(len(clips), name, unit="clip")) as bar, closing(run_units(load, units, placement)) as results:
        for (_, batch), made in results:
            if isinstance(made, Failure):
                raise InputError.about(name, found=made.reason, expected="workers that live")
            takes += made
            bar.update(len(batch))
    return sorted(takes, key=lambda take: take.seed)  # Ray yields a batch when it is finished


def _score(takes: list[Take], truth: Truth, direction: Direction, family: str) -> WorldScore:
    waveforms = [] if direction == "audio_to_video" else [take.waveform for take in takes]
    frames = [] if direction == "video_to_audio" else [take.frames for take in takes]
    heard = onsets_of(waveforms)
    seen = [truth.detector.times(take.frames, fps=take.fps) for take in takes] if frames else []
    known = [clip.event_times for clip in truth.clips]
    found, true, ceiling = {
        "video_to_audio": (heard, known, (truth.heard, known)),
        "audio_to_video": (seen, known, (truth.seen, known)),
        "joint": (heard, seen, (truth.heard, truth.seen)),
    }[direction]
    metrics = timing_metrics(found, true, ceiling=measure_alignment(*ceiling), found_in=FOUND_IN[direction])
    if direction == "video_to_audio" and family in ("impacts", "hits"):
        metrics.append(_pitch(truth.clips, waveforms))
    distances: list[tuple[str, list, list, Callable[[list, list], float]]] = [
        ("spectrogram distance", waveforms, [clip.waveform for clip in truth.clips], spectrum_distance),
        ("picture distance", frames, [clip.frames for clip in truth.clips], picture_distance),
    ]
    if truth.backbone is not None:
        vectors = embeddings(waveforms, truth.backbone)
        distances.append((truth.backbone.distance, vectors, truth.vectors, _vector_distance))
    metrics += [_distance(*row) for row in distances if row[1]]
    seconds = float(np.mean([sum(take.seconds.values()) for take in takes]))
    return WorldScore(family=family, direction=direction, clips=len(takes), metrics=tuple(metrics), seconds=seconds)


def _distance(name: str, made: list, true: list, distance: Callable[[list, list], float]) -> Metric:
    return Metric(
        name=name,
        value=distance(made, true),
        floor=distance(true[::2], true[1::2]),
        better="lower",
        samples=len(made),
        about="Frechet distance between generated and true clips; floor: two halves of the true clips.",
    )


def _vector_distance(found: list[Tensor], true: list[Tensor]) -> float:
    return frechet_distance(torch.cat(found), torch.cat(true))


def _pitch(clips: list[WorldClip], waveforms: list[np.ndarray]) -> Metric:
    """Spearman correlation of the true frequency and the dominant frequency in the 0.1 s after the event, over all
    known events that have a pitch."""
    true, found = [], []
    for clip, waveform in zip(clips, waveforms, strict=True):
        for event in (event for event in clip.events if event.frequency):
            true.append(event.frequency)
            found.append(dominant_frequency(waveform, event.time, sample_rate=SAMPLE_RATE, window=0.1))
    return Metric(
        name="pitch",
        value=rank_correlation(np.array(found), np.array(true)),
        better="higher",
        samples=len(clips),
        about="Rank correlation of the true frequency and the dominant frequency after each event.",
    )
