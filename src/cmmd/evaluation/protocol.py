"""The protocol of an evaluation: everything that a second run needs to reproduce the figures (ours)."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.evaluation.backbones.backbone import Backbone, sha256_of
from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips, GivenClips
from cmmd.evaluation.measuring.clip_features import ClipMeasurer
from cmmd.evaluation.measuring.event_agreement import DRAWN
from cmmd.evaluation.measuring.media import RESAMPLER, SAMPLE_RATE
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.evaluation.record.protocol import BackboneNote, ClipFormat, Generation, Methods, Protocol, Software
from cmmd.pipeline import CMMDPipeline
from cmmd.pretrained import SHIPPED_MODEL
from cmmd.runtime.provenance import commit

PACKAGES = ("cmmd", "torch", "diffusers", "numpy", "av", "soxr")
INTERVALS = (
    "95 %; means, medians, counts and lags by a bootstrap over clips (1000 draws, lags 200), distances of sets by "
    "random halves of the clips without replacement (40 draws, extrapolations 20, discrepancies and inception scores "
    "100)"
)


def protocol_of(
    options: EvaluateOptions,
    measurer: ClipMeasurer,
    references: Sequence[ListedClip],
    *,
    pipeline: CMMDPipeline | None,
) -> Protocol:
    """The protocol of an evaluation with these options. pipeline: None if the clips were given and not generated."""
    reading = measurer.reading
    return Protocol(
        command=command_of(options),
        generation=_generation(options, pipeline),
        clip_format=ClipFormat(fps=reading.fps, image_size=reading.image_size, sample_rate=SAMPLE_RATE),
        reference_clips=dict(sorted(Counter(clip.group for clip in references).items())),
        tolerance=DRAWN,
        methods=Methods(resampler=RESAMPLER, reading=str(reading), intervals=INTERVALS),
        backbones=tuple(map(_note, measurer.backbones)),
        software=Software(versions={package: version(package) for package in PACKAGES}, commit=commit() or ""),
    )


def _generation(options: EvaluateOptions, pipeline: CMMDPipeline | None) -> Generation:
    clips = options.clips
    generated = clips if isinstance(clips, GeneratedClips) else None
    guidance, temperature = {}, {}
    if generated is not None and pipeline is not None:
        for direction in options.all_directions:
            guidance[direction] = pipeline.strength(generated.sampling, direction)
            temperature[direction] = pipeline.temperature(generated.sampling, direction)
    return Generation(
        model="" if generated is None else generated.model or "shipped",
        model_sha256="" if generated is None else _model_hash(generated.model),
        data=clips.data if isinstance(clips, GeneratedClips) else str(clips.reference),
        samples=0 if generated is None else generated.samples,
        seed=0 if generated is None else generated.seed,
        steps=0 if generated is None else generated.sampling.steps,
        guidance=guidance,
        temperature=temperature,
        device=options.placement.device,
    )


def command_of(options: EvaluateOptions) -> str:
    """The command line that gives these options, without the options that do not change a figure (cache, workers)."""
    words, clips = ["cmmd", "evaluate"], options.clips
    if isinstance(clips, GivenClips):
        words += [str(clips.reference), *(f"--system={name}={path}" for name, path in clips.systems.items())]
    else:
        words += [*(["--model", clips.model] if clips.model is not None else []), "--data", clips.data]
        words += ["--samples", str(clips.samples), "--seed", str(clips.seed), "--steps", str(clips.sampling.steps)]
        chosen = {"family": clips.family, "split": clips.split, "dtype": clips.dtype} | asdict(clips.sampling)
        usual = {"family": "both", "split": "standard", "dtype": "float32"} | asdict(SamplingConfig())
        words += [f"--{name}={value}" for name, value in chosen.items() if name != "steps" and value != usual[name]]
    words += ["--direction", options.direction, "--device", options.placement.device]
    words += [f"--backbone={text}" for text in options.backbones]
    words += [] if options.detector is None else [f"--detector={options.detector}"]
    words += [] if options.training is None else ["--training", str(options.training)]
    return shlex.join([*words, "--out", str(options.out)])


def _model_hash(model: str | None) -> str:
    """sha256 of the weights in a model folder (None: the shipped model); "" for a hub name, which names a revision."""
    folder = SHIPPED_MODEL if model is None else Path(model)
    return sha256_of(folder.rglob("*.safetensors")) if folder.is_dir() else ""


def _note(backbone: Backbone) -> BackboneNote:
    return BackboneNote(
        name=backbone.name,
        modality=backbone.modality,
        sha256=backbone.sha256,
        preprocessing=backbone.preprocessing,
        windows=backbone.windows,
        classes=backbone.classes,
    )
