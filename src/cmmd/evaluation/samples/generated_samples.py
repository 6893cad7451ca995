"""Samples of a model for real clips, written as files that are then measured like any other system's (ours).

Clips of equal length are generated in one batch, which takes a third of the time on a CPU. A batch is the unit of work
of all engines. Each sample has a separate seed; up to rounding, it equals the result of `cmmd generate` with that seed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cmmd.clips.reading import Clip
from cmmd.clips.take import Take
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.engines.placement import LOCAL, Placement
from cmmd.engines.units import run_units
from cmmd.errors import InputError
from cmmd.evaluation.evaluate_options import GeneratedClips
from cmmd.evaluation.measuring.clip_features import ClipFeatures
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.evaluation.record.schema import Direction
from cmmd.evaluation.samples.batch_generation import Condition, generate_batch
from cmmd.files.output_folder import make_folder
from cmmd.pipeline import CMMDPipeline
from cmmd.pipelines.take_generation import INAUDIBLE
from cmmd.runtime.progress import progress
from cmmd.runtime.worker_processes import Failure

BATCH = 10


@dataclass(frozen=True, slots=True)
class Samples:
    """clips: in the order of the conditions. seeds: by clip name. seconds: by clip name, then by generation stage; the
    time of a batch is divided equally among its clips."""

    clips: tuple[ListedClip, ...]
    seeds: dict[str, int]
    seconds: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Conditions that are generated together. start: number of the first one among all."""

    start: int
    conditions: tuple[ClipFeatures, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleWork:
    """What all samples of a direction share; pickled to Ray workers. folder: of the files, see `generate_samples`."""

    clips: GeneratedClips
    device: str
    direction: Direction
    folder: Path

    def __call__(self) -> Callable[[Batch], list[dict[str, float]]]:
        """Loads the model in a worker; see `maker`."""
        return self.maker(self.clips.pipeline(self.device))

    def maker(self, pipeline: CMMDPipeline) -> Callable[[Batch], list[dict[str, float]]]:
        """Returns the function that writes the files of a batch and returns the seconds of each sample's stages."""

        def make(batch: Batch) -> list[dict[str, float]]:
            conditions = batch.conditions
            together = len(conditions) > 1 and _frames(conditions[0]) >= pipeline.geometry.frames
            takes = (_together if together else _alone)(
                pipeline, conditions, self.direction, config=self.clips.sampling, seed=self.clips.seed + batch.start
            )
            for condition, take in zip(conditions, takes, strict=True):
                with suppress(InputError):
                    take.save(self.file(condition))
            return [take.seconds for take in takes]

        return make

    def file(self, condition: ClipFeatures) -> Path:
        return self.folder / f"{condition.clip.name}.mp4"


def generate_samples(
    pipeline: CMMDPipeline, conditions: Sequence[ClipFeatures], work: SampleWork, placement: Placement = LOCAL
) -> Samples:
    """Writes one sample per condition to `folder/NAME.mp4`; sample i has seed + i. Conditions have sound and picture.

    A sample whose file could not be written, or whose Ray workers died, is listed too; the measurement then reports the
    file as missing.
    """
    make_folder(work.folder)
    for condition in conditions:
        work.file(condition).unlink(missing_ok=True)
    seconds: dict[str, dict[str, float]] = {condition.clip.name: {} for condition in conditions}
    load = work if placement.engine == "ray" else partial(work.maker, pipeline)
    with (
        closing(progress(len(conditions), work.direction.replace("_", " "), unit="clip")) as bar,
        closing(run_units(load, list(_batches(conditions)), placement)) as results,
    ):
        for batch, spent in results:
            if not isinstance(spent, Failure):
                names = (condition.clip.name for condition in batch.conditions)
                seconds |= dict(zip(names, spent, strict=True))
            bar.update(len(batch.conditions))
    listed = tuple(replace(condition.clip, file=work.file(condition)) for condition in conditions)
    return Samples(listed, {clip.name: work.clips.seed + number for number, clip in enumerate(listed)}, seconds)


def save_samples(takes: Mapping[str, Take], references: Sequence[ListedClip], folder: Path) -> Samples:
    """Writes takes, given by the name of their reference, to `folder/NAME.mp4`; lists those that fail, too."""
    make_folder(folder)
    listed = tuple(replace(clip, file=folder / f"{clip.name}.mp4") for clip in references if clip.name in takes)
    sources = {clip.name: clip.file for clip in references}
    for clip in listed:
        clip.file.unlink(missing_ok=True)
        with suppress(InputError):
            replace(takes[clip.name], source=sources[clip.name]).save(clip.file)
    return Samples(
        listed,
        {name: take.seed for name, take in takes.items()},
        {name: take.seconds for name, take in takes.items()},
    )


def _batches(conditions: Sequence[ClipFeatures]) -> Iterator[Batch]:
    """Groups consecutive conditions of equal length, at most `BATCH` per batch."""
    start = 0
    while start < len(conditions):
        stop = start + 1
        while stop < min(len(conditions), start + BATCH) and _length(conditions[stop]) == _length(conditions[start]):
            stop += 1
        yield Batch(start, tuple(conditions[start:stop]))
        start = stop


def _length(condition: ClipFeatures) -> tuple[int, int]:
    return _frames(condition), len(_sound(condition))


def _frames(condition: ClipFeatures) -> int:
    return len(_pictures(condition))


def _pictures(condition: ClipFeatures) -> np.ndarray:
    assert condition.frames is not None, "conditions have a picture"
    return condition.frames


def _sound(condition: ClipFeatures) -> np.ndarray:
    """The waveform at the model's sample rate."""
    assert condition.given is not None, "conditions have sound"
    return condition.given


def _alone(
    pipeline: CMMDPipeline, batch: Sequence[ClipFeatures], direction: Direction, *, config: SamplingConfig, seed: int
) -> list[Take]:
    """Generates the samples one by one, as `cmmd generate` does."""
    geometry, takes = pipeline.geometry, []
    for number, condition in enumerate(batch):
        frames, waveform = condition.frames, condition.given
        rates = float(geometry.fps), geometry.sample_rate
        clip = Clip(frames, waveform, *rates, condition.seconds, condition.clip.file)
        make = pipeline.video_to_audio if direction == "video_to_audio" else pipeline.audio_to_video
        takes += make(clip, seed=seed + number, **asdict(config))
    return takes


def _together(
    pipeline: CMMDPipeline, batch: Sequence[ClipFeatures], direction: Direction, *, config: SamplingConfig, seed: int
) -> list[Take]:
    """Generates a batch. An inaudible clip is generated again alone, to apply the pipeline's retry rule."""
    conditions = [Condition(_pictures(one), _sound(one), one.seconds, one.clip.file) for one in batch]
    takes = generate_batch(pipeline, conditions, direction, config, seed=seed)
    for number, take in enumerate(takes):
        if direction == "video_to_audio" and np.sqrt(np.mean(take.waveform**2)) < INAUDIBLE:
            (takes[number],) = _alone(pipeline, [batch[number]], direction, config=config, seed=take.seed)
    return takes
