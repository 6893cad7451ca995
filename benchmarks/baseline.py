"""Measures the time per clip from the baseline's sampling to ours, with one change at a time.

    python benchmarks/baseline.py FOLDER

The baseline samples with 1000 DDPM steps, each with a gradient towards the condition. Its network works on pixels, and
its streams exchange information by random-shift attention. The changes, in order: latents instead of pixels, no
gradient, fewer steps, easy fusion, and a network trained on conditions, which encodes a condition once. The networks
have the widths of the shipped model and random weights. The rows are timed in turn. The time of a step is the
difference between two samplings of few steps.

If benchmarks/ablation.py has trained models into the same folder, also measures the alignment of these samplings.
"""

import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from ablation import baselines
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from harness import options, stored
from safetensors.torch import load_file
from trainings import TEST_SEED, assembled, encoded, row_of, untrained

from cmmd.clips.geometry import Geometry
from cmmd.diffusion.process import scheduler_config
from cmmd.diffusion.sampling import sample_target
from cmmd.diffusion.sampling_config import Sampler, SamplingConfig
from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.samples.true_clips import WorldSet
from cmmd.evaluation.samples.world_scores import score_pipeline
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.world import world_cmmd
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance

CLIP = 16
"""Frames; 1.6 s, the clip length of the baseline."""
FEW = (2, 6)
"""Numbers of steps of the two samplings that are timed."""
GRADIENT = 1.0
TARGETS: tuple[Modality, ...] = ("audio", "video")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """A sampling method and its network.

    trained: the network is trained on conditions; if False, it is trained jointly, with one time for both modalities.
    pixels: the network works on pixels, not on latents.
    """

    name: str
    steps: int = 1000
    sampler: Sampler = "ddpm"
    gradient: float = 0.0
    fusion: str = "random_shift"
    trained: bool = False
    pixels: bool = False

    def config(self, steps: int | None = None) -> SamplingConfig:
        return SamplingConfig(steps=steps or self.steps, sampler=self.sampler, gradient=self.gradient, guidance=1.0)


OURS = Sampling(name="a condition that is encoded once", steps=25, sampler="unipc", fusion="easy", trained=True)
EASY = replace(OURS, name="easy fusion", trained=False)
FEWER = replace(EASY, name="25 steps of UniPC", fusion="random_shift")
DDPM = replace(FEWER, name="no gradient", steps=1000, sampler="ddpm")
LATENTS = replace(DDPM, name="latents", gradient=GRADIENT)
BASELINE = replace(LATENTS, name="the baseline: pixels, a gradient, 1000 steps", pixels=True)
STAIRS = (BASELINE, LATENTS, DDPM, FEWER, EASY, OURS)
"""From the baseline to ours. Each sampling is named after its difference from the one before."""
ALIGNED = (
    LATENTS,
    DDPM,
    replace(FEWER, name="25 steps of UniPC, a gradient", gradient=GRADIENT),
    FEWER,
    replace(OURS, name="trained on conditions, 25 steps of UniPC", fusion="random_shift"),
)


class Timed:
    """A sampling prepared for timing: a network with random weights, and noise for one clip."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        geometry = Geometry()
        size, channels = (geometry.image_size, 3) if sampling.pixels else (geometry.latent_size, 4)
        network = replace(world_cmmd().network, fusion=sampling.fusion, shared_time=not sampling.trained)
        self.scheduler = DDIMScheduler(clip_sample=False, **scheduler_config())
        torch.manual_seed(0)
        self.unet = CoupledUNet(
            frames=CLIP, latent_size=size, latent_channels=channels, mels=geometry.mels, network=network
        ).eval()
        self.noise = {
            "video": torch.randn(1, channels, CLIP, size, size),
            "audio": torch.randn(1, 1, geometry.mels, geometry.spectrogram_frames_of(CLIP)),
        }

    def seconds(self, target: Modality, steps: int) -> float:
        started = time.perf_counter()
        sample_target(
            self.unet,
            self.scheduler,
            self.noise["audio" if target == "video" else "video"],
            self.noise[target],
            self.sampling.config(steps),
            target=target,
            window=CLIP,
        )
        return time.perf_counter() - started

    def clip(self, target: Modality) -> float:
        """Returns the seconds of a clip with all steps, extrapolated from the samplings of `FEW` steps."""
        few, more = (self.seconds(target, steps) for steps in FEW)
        step = (more - few) / (FEW[1] - FEW[0])
        return few + (self.sampling.steps - FEW[0]) * step


def main() -> None:
    parser = options(__doc__, "folder")
    parser.add_argument("--rounds", type=int, default=5, help="of timing; 0: none")
    parser.add_argument("--clips", type=int, default=8, help="a family, to measure alignment on")
    parser.add_argument("--seed", type=int, default=0, help="of the trainings")
    parser.add_argument("--device", default="cpu", help="that measures alignment")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.rounds:
        print("Seconds for a clip of 1.6 s:", time_table(timed(arguments.folder, arguments.rounds)), sep="\n\n")
    rows = [
        (sampling.name, aligned(sampling, arguments.folder, arguments.clips, arguments.seed, arguments.device))
        for sampling in progress(ALIGNED, "samplings")
        if weights_of(sampling, arguments.folder, arguments.seed).exists()
    ]
    if rows:
        print("F1@50:", alignment_table(rows), sep="\n\n")


def timed(folder: Path, rounds: int) -> list[dict[str, list[float]]]:
    """Returns one row per sampling of `STAIRS`: the seconds of every round, by target.

    The result is stored in the folder and not measured again.
    """

    def measure() -> dict[str, Any]:
        rows = [Timed(sampling) for sampling in STAIRS]
        found: list[dict[str, list[float]]] = [{target: [] for target in TARGETS} for _ in rows]
        for turn in progress(range(rounds + 1), "rounds"):
            for row, own in zip(rows, found, strict=True):
                for target in TARGETS:
                    seconds = row.clip(target)
                    if turn:  # the first round is a warm-up
                        own[target].append(seconds)
        record = provenance({"rounds": rounds, "few": FEW, "threads": torch.get_num_threads()}, seed=0)
        return record | {"rows": found}

    return stored(folder / "baseline-time.json", measure)["rows"]


def time_table(found: list[dict[str, list[float]]]) -> str:
    """Returns a Markdown table: median seconds, and the speed-up over the row before and over the first row. A speed-up
    is the median of the ratios within each round."""
    rows = []
    for number, (sampling, own) in enumerate(zip(STAIRS, found, strict=True)):
        cells = [sampling.name]
        for target in TARGETS:
            before, first = found[max(0, number - 1)][target], found[0][target]
            factor, all_of_it = (
                statistics.median(a / b for a, b in zip(other, own[target], strict=True)) for other in (before, first)
            )
            cells += [f"{statistics.median(own[target]):.2f} s", f"{factor:.2f}", f"{all_of_it:.0f}"]
        rows.append(cells)
    head = [part for target in TARGETS for part in (f"{target}, a clip", "times as fast", "in all")]
    return markdown_table(rows, head=["", *head])


def recipe_of(sampling: Sampling) -> str:
    return "conditional" if sampling.trained else "mm-diffusion"


def weights_of(sampling: Sampling, folder: Path, seed: int) -> Path:
    return folder / f"training-standard-{recipe_of(sampling)}-{seed}.safetensors"


def aligned(sampling: Sampling, folder: Path, clips: int, seed: int, device: str) -> list[dict[str, Any]]:
    """Returns one row per family and direction, with the fields of `row_of` in trainings.py.

    The result is stored in the folder and not measured again.
    """

    def measure() -> dict[str, Any]:
        recipe = baselines("standard")[recipe_of(sampling)]
        training = encoded(recipe, folder)
        unet = untrained(recipe, training)
        unet.load_state_dict(load_file(weights_of(sampling, folder, seed)))
        pipeline = assembled(unet.eval(), recipe, training).to(device)
        world = WorldSet(clips=clips, seed=TEST_SEED)
        rows = [
            row_of(score)
            for direction in ("video_to_audio", "audio_to_video")
            for score in score_pipeline(pipeline, world, [direction], sampling.config())
        ]
        return provenance({"sampling": asdict(sampling), "clips": clips}, seed=seed) | {"rows": rows}

    name = sampling.name.replace(" ", "-").replace(",", "")
    return stored(folder / f"baseline-{name}-{seed}.json", measure)["rows"]


def alignment_table(found: list[tuple[str, list[dict[str, Any]]]]) -> str:
    rows = [(name, *(f"{row['f1']:.3f}" for row in rows)) for name, rows in found]
    return markdown_table(rows, head=("", *(f"{row['family']}, {row['direction']}" for row in found[0][1])))


if __name__ == "__main__":
    main()
