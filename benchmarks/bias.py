"""Measures the bias of the contrastive term: change over time and range of samples, relative to true clips.

    python benchmarks/bias.py FOLDER

Samples the final models of `benchmarks/contrast.py FOLDER --plan long` without guidance, and prints a table of ratios
between statistics of the standardised latents of samples and of true clips. The ideal ratio is 1.
"""

import statistics
from pathlib import Path

import torch
from contrast import FULL, long
from harness import options
from safetensors.torch import load_file
from torch import Tensor
from trainings import SAMPLING_STEPS, TEST_SEED, Training, assembled, encoded, untrained

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling import sample_target
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.documents.markdown import markdown_table
from cmmd.models.blocks import Modality
from cmmd.models.exchange import OTHER
from cmmd.pipeline import CMMDPipeline
from cmmd.runtime.progress import progress

BATCH = 8
FAR = 0.999
"""Quantile of the distances from the mean that is reported as `farthest`."""


MEASURES = ("change", "spread", "farthest")


def main() -> None:
    parser = options(__doc__, "folder", "--seeds", "--test-clips")
    arguments = parser.parse_args()
    trainings = [one for one in long(arguments.seeds) if one.weights(arguments.folder).exists()]
    found: dict[str, list[list[float]]] = {}
    for training in progress(trainings, "trainings"):
        name = training.name.removeprefix(f"long-{FULL}-").rpartition("-")[0]
        found.setdefault(name, []).append(ratios(training, arguments.folder, arguments.test_clips))
    rows = [
        (name, str(len(seeds)), *(f"{statistics.mean(column):.2f}" for column in zip(*seeds, strict=True)))
        for name, seeds in found.items()
    ]
    columns = [f"{family}, {target}: {what}" for family in PLAIN_FAMILIES for target in OTHER for what in MEASURES]
    print(markdown_table(rows, head=("", "seeds", *columns)))


@torch.no_grad()
def ratios(training: Training, folder: Path, test_clips: int) -> list[float]:
    """Returns the figures of samples divided by those of the true clips, in the order of the columns."""
    clips = encoded(training.recipe, folder)
    unet = untrained(training.recipe, clips)
    unet.load_state_dict(load_file(training.weights(folder)))
    pipeline = assembled(unet, training.recipe, clips)
    found = []
    for family in PLAIN_FAMILIES:
        worlds = [world_clip(family, seed) for seed in range(TEST_SEED, TEST_SEED + test_clips)]
        true: dict[Modality, Tensor] = {
            "video": torch.cat([pipeline.encode_video(clip.frames) for clip in worlds]),
            "audio": torch.cat([pipeline.encode_audio(clip.waveform) for clip in worlds]),
        }
        for target, other in OTHER.items():
            made = sampled(pipeline, true[other], target)
            found += [own / aim for own, aim in zip(figures(made), figures(true[target]), strict=True)]
    return found


def sampled(pipeline: CMMDPipeline, condition: Tensor, target: Modality) -> Tensor:
    """Samples latents ``(b, c, ...)`` of `target` under a condition, without guidance."""
    frames = condition.shape[2] if target == "audio" else condition.shape[-1] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    noise = pipeline.noise(target, frames, seed=TEST_SEED, items=len(condition))
    config = SamplingConfig(steps=SAMPLING_STEPS, guidance=1.0)
    window = pipeline.geometry.frames
    parts = zip(condition.split(BATCH), noise.split(BATCH), strict=True)
    made = [
        sample_target(pipeline.unet, pipeline.scheduler, given, part, config, target=target, window=window)
        for given, part in parts
    ]
    return torch.cat(made)


def figures(latents: Tensor) -> tuple[float, ...]:
    """Returns the values of ``MEASURES``: mean absolute change between consecutive time steps, standard deviation, and
    the ``FAR`` quantile of the distances from the mean."""
    time = 2 if latents.ndim == 5 else 3
    distance = (latents - latents.mean()).abs().flatten()
    farthest = distance.kthvalue(round(FAR * len(distance))).values
    return tuple(float(value) for value in (latents.diff(dim=time).abs().mean(), latents.std(), farthest))


if __name__ == "__main__":
    main()
