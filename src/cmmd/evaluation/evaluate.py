"""`cmmd evaluate`: measures generated clips against real ones and writes a reproducible record (paper: evaluation)."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cmmd.clips.take import Take
from cmmd.data.world.clip import FAMILIES
from cmmd.data.world.encoding import require_world
from cmmd.diffusion.sampling import check_sampling
from cmmd.errors import InputError
from cmmd.evaluation.backbones import load_backbone
from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.evaluation.backbones.log_mel import LogMelFrames
from cmmd.evaluation.backbones.thumbnails import Thumbnails
from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips, GivenClips
from cmmd.evaluation.measuring.clip_features import ClipFeatures, ClipMeasurer, MeasuredClips, Need, lacking
from cmmd.evaluation.measuring.delay_response import delay_response
from cmmd.evaluation.measuring.embedding_cache import EmbeddingCache, default_cache
from cmmd.evaluation.measuring.failures import NO_CLIP, NO_REFERENCE, Failures
from cmmd.evaluation.measuring.media import SAMPLE_RATE, Reading
from cmmd.evaluation.measuring.pairing import ListedClip, list_clips, named_as_sources, pair_by_name, require_pairs
from cmmd.evaluation.protocol import protocol_of
from cmmd.evaluation.record.schema import (
    VERSION,
    DelayResponse,
    Direction,
    Record,
    Result,
    System,
    WorldScore,
    write_record,
)
from cmmd.evaluation.record.summary import summary
from cmmd.evaluation.results import Measuring
from cmmd.evaluation.samples.generated_samples import Samples, SampleWork, generate_samples, save_samples
from cmmd.evaluation.samples.reference_clips import groups_of, world_references
from cmmd.evaluation.samples.true_clips import WorldSet, true_clips
from cmmd.evaluation.samples.world_scores import scored_takes
from cmmd.measures.visual_events import load_visual_event_detector
from cmmd.pipeline import CMMDPipeline
from cmmd.runtime.progress import progress


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """Generated clips of one system, measured. directions: those to evaluate. samples: None if the clips were given."""

    name: str
    directions: tuple[Direction, ...]
    listed: tuple[ListedClip, ...]
    measured: MeasuredClips
    samples: Samples | None


def evaluate(options: EvaluateOptions) -> Record:
    """Generates samples if `data` is set, measures, and writes the record and the report. Returns the record.

    Raises InputError if inputs cannot be loaded, listed or paired, no pair can be measured, or `out` cannot be written.
    """
    if isinstance(options.clips, GivenClips):
        require_pairs(options.clips.systems.values(), options.clips.reference)
    return _Evaluation(options).run()


class _Evaluation:
    """State of one evaluation: loaded networks, and the failures so far."""

    def __init__(self, options: EvaluateOptions) -> None:
        self.options = options
        self.failures = Failures()
        self.backbones: tuple[Backbone, ...] = (LogMelFrames(), Thumbnails(), *map(load_backbone, options.backbones))
        self.pipeline, self.world, self.scores = None, None, list[WorldScore]()
        if isinstance(options.clips, GeneratedClips):
            self.pipeline = options.clips.pipeline(options.placement.device)
            self.world = options.clips.world
            check_sampling(self.pipeline.unet, options.clips.sampling)  # before all that takes time
            if self.world is not None:
                _require_sizes(self.pipeline, self.world, options.clips)
        self.measurer = ClipMeasurer(
            reading=_reading(self.pipeline, self.backbones),
            detector=load_visual_event_detector(options.detector),
            backbones=self.backbones,
            workers=options.workers,
            cache=EmbeddingCache(options.cache or default_cache()),
        )

    def run(self) -> Record:
        """Runs all steps in order. Raises InputError if no pair can be measured."""
        options = self.options
        references = self._references()
        real = self._measure(references, "reference", cached=True)
        training = {} if options.training is None else self._training(options.training)
        measuring = Measuring(
            folder=options.out,
            fps=self.measurer.reading.fps,
            backbones=self.backbones,
            pipeline=self.pipeline,
            training=training,
        )
        systems = []
        for name, given in self._systems(references, real).items():
            results = [
                result
                for system_clips in given
                for direction in system_clips.directions
                for result in self._results(system_clips, direction, references, real, measuring)
            ]
            systems.append(System(name=name, results=tuple(results)))
        if not self.scores and not any(system.results for system in systems):
            raise InputError.about(
                options.out, found="no pair that can be measured", expected="generated and real clips"
            )
        record = Record(
            version=VERSION,
            protocol=protocol_of(options, self.measurer, references, pipeline=self.pipeline),
            systems=tuple(systems),
            delays=self._delays(references, real),
            failures=tuple(self.failures.clips),
            world=tuple(self.scores),
        )
        return self._written(record)

    def _written(self, record: Record) -> Record:
        from cmmd.evaluation.report.writing import write_report

        path = write_record(record, self.options.out)
        write_report(record, self.options.out)
        print(summary(record))
        for failed in record.failures:
            print(f"cmmd: {failed.kind}: {failed.system or 'reference'}, {failed.reason}", file=sys.stderr)
        print(path)
        return record

    def _references(self) -> tuple[ListedClip, ...]:
        clips = self.options.clips
        if self.world is not None:
            assert self.pipeline is not None
            return world_references(self.options.out / "reference", self.world, self.pipeline.geometry)
        path = clips.reference if isinstance(clips, GivenClips) else Path(clips.data)
        return list_clips(path, unique_names=True)

    def _measure(self, clips: Sequence[ListedClip], what: str, *, cached: bool = False) -> MeasuredClips:
        with closing(progress(len(clips), f"measuring {what}", unit="clip")) as bar:
            return self.measurer(clips, bar, cached=cached)

    def _training(self, path: Path) -> dict[str, ClipFeatures]:
        measured = self._measure(list_clips(path), "training clips", cached=True)
        if not measured.features:
            raise InputError.about(path, found="no clip that can be read", expected="training clips")
        return measured.features

    def _systems(self, references: tuple[ListedClip, ...], real: MeasuredClips) -> dict[str, list[_Given]]:
        """Clips by system. A model generates them now, one entry per direction; other systems have one entry."""
        options = self.options
        if isinstance(options.clips, GeneratedClips):
            name = "cmmd" if options.clips.model is None else Path(options.clips.model).name
            samples = self._samples(options.clips, references, real)
            return {name: [self._generated(name, direction, samples[direction]) for direction in samples]}
        systems: dict[str, list[_Given]] = {}
        for name, path in options.clips.systems.items():
            groups = {clip.name: clip.group for clip in references}
            named = named_as_sources(list_clips(path), references)
            listed = tuple(replace(clip, group=groups.get(clip.name, "")) for clip in named)
            measured = self._measure(listed, name)
            made = measured.features.values()
            has: dict[Direction, bool] = {
                "video_to_audio": any(clip.waveform is not None for clip in made),
                "audio_to_video": any(clip.frames is not None for clip in made),
            }
            directions: tuple[Direction, ...] = tuple(d for d in has if d in options.directions)
            if options.direction == "both":
                directions = tuple(d for d in directions if has[d])
            systems[name] = [_Given(name=name, directions=directions, listed=listed, measured=measured, samples=None)]
        return systems

    def _generated(self, name: str, direction: Direction, samples: Samples) -> _Given:
        measured = self._measure(samples.clips, direction.replace("_", " "))
        return _Given(name=name, directions=(direction,), listed=samples.clips, measured=measured, samples=samples)

    def _scored(self, pipeline: CMMDPipeline, world: WorldSet, clips: GeneratedClips) -> dict[str, dict[str, Take]]:
        """Generates the samples of world clips in all directions, by name, and adds their scores."""
        options, geometry = self.options, pipeline.geometry
        takes: dict[str, dict[str, Take]] = {}
        for score, made in scored_takes(
            pipeline,
            world,
            options.all_directions,
            clips.sampling,
            truths=true_clips(world, detector=self.measurer.detector, fps=geometry.fps, image_size=geometry.image_size),
            load=partial(clips.pipeline, options.placement.device) if options.placement.engine == "ray" else None,
            placement=options.placement,
        ):
            self.scores.append(score)
            named = {f"{score.family}-{take.seed:07d}": take for take in made}
            takes[score.direction] = takes.get(score.direction, {}) | named
        return takes

    def _samples(
        self, clips: GeneratedClips, references: tuple[ListedClip, ...], real: MeasuredClips
    ) -> dict[Direction, Samples]:
        """Generates the samples of all directions, and scores those of world clips."""
        assert self.pipeline is not None
        options, folder = self.options, self.options.out / "clips"
        if self.world is not None:
            takes = self._scored(self.pipeline, self.world, clips)
            return {d: save_samples(takes[d], references, folder / d) for d in options.directions}
        chosen: list[ClipFeatures] = []
        for group in groups_of(references):
            usable = [
                f for f in real.features.values() if f.clip.group == group and not lacking(f, ("sound", "picture"))
            ]
            chosen += usable[: clips.samples]
        if not chosen:
            raise InputError.about(clips.data, found="no clip with sound and picture", expected="at least one")
        device = options.placement.device
        works = [SampleWork(clips=clips, device=device, direction=d, folder=folder / d) for d in options.directions]
        return {work.direction: generate_samples(self.pipeline, chosen, work, options.placement) for work in works}

    def _results(
        self,
        given: _Given,
        direction: Direction,
        references: tuple[ListedClip, ...],
        real: MeasuredClips,
        measuring: Measuring,
    ) -> list[Result]:
        """One result per group that has pairs."""
        need: Need = "sound" if direction == "video_to_audio" else "picture"
        usable = self._usable(references, real, need, system="", direction=direction)
        made = self._usable(given.listed, given.measured, need, system=given.name, direction=direction)
        pairing = pair_by_name(given.listed, references)
        self.failures.unpaired(given.name, direction, pairing.without_reference, NO_REFERENCE)
        if given.samples is None:
            self.failures.unpaired(given.name, direction, pairing.without_clip, NO_CLIP)
        pairs = [
            (made[p.generated.name], usable[p.reference.name])
            for p in pairing.pairs
            if p.generated.name in made and p.reference.name in usable
        ]
        results = []
        for group in groups_of(references):
            members = [pair for pair in pairs if pair[1].clip.group == group]
            if members:
                all_real = [clip for clip in usable.values() if clip.clip.group == group]
                results.append(measuring(members, all_real, direction=direction, group=group, samples=given.samples))
        return results

    def _usable(
        self, listed: Sequence[ListedClip], measured: MeasuredClips, need: Need, *, system: str, direction: Direction
    ) -> dict[str, ClipFeatures]:
        """Returns the clips with the needed modality by name, and adds the others to the failures."""
        usable = {}
        for clip in listed:
            reason = measured.failures.get(clip.name) or lacking(measured.features[clip.name], (need,))
            if reason:
                self.failures.add(system, direction, clip, reason)
            else:
                usable[clip.name] = measured.features[clip.name]
        return usable

    def _delays(self, references: tuple[ListedClip, ...], real: MeasuredClips) -> tuple[DelayResponse, ...]:
        if "video_to_audio" not in self.options.directions:
            return ()
        fps, responses = self.measurer.reading.fps, []
        for group in groups_of(references):
            clips = [clip for clip in real.features.values() if clip.clip.group == group]
            responses.append(delay_response(clips, group=group, fps=fps, world=group in FAMILIES))
        return tuple(response for response in responses if response is not None)


def _require_sizes(pipeline: CMMDPipeline, world: WorldSet, clips: GeneratedClips) -> None:
    try:
        require_world(pipeline.geometry, world.families)
    except ValueError as error:
        expected = "a model of the world's sizes; --data FOLDER measures any"
        raise InputError.about(clips.model or "shipped", found=str(error), expected=expected) from error


def _reading(pipeline: CMMDPipeline | None, backbones: Sequence[Backbone]) -> Reading:
    """Uses the frame rate, image size and sample rate of a model: measured clips then equal its conditions."""
    rates = {backbone.sample_rate for backbone in backbones if backbone.modality == "audio"} - {SAMPLE_RATE}
    if pipeline is None:
        return Reading(rates=tuple(sorted(rates)))
    geometry, model_rate = pipeline.geometry, pipeline.geometry.sample_rate
    rates |= {model_rate} - {SAMPLE_RATE}
    return Reading(fps=geometry.fps, image_size=geometry.image_size, rates=tuple(sorted(rates)), model_rate=model_rate)
