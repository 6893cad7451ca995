"""Measures a training step: parameters, kernels, host reads and copies; seconds, items per second, memory.

    python benchmarks/training_step.py aist.cmmd --set loop.batch_size=16 --set loop.micro_batches=1

Measures steps with and without the contrastive term, in each of the given modes, on random latents, so that no data are
needed. Kernels of a step without logging are counted by torch dispatch, without a GPU, and measured if there is a GPU.
Steps with and without the term alternate, so that their ratios are within one run.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from device_work import DeviceWork, dispatched, launched
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from cmmd.data.encoded_clips import EncodedClips
from cmmd.documents.markdown import markdown_table
from cmmd.files.configuration import resolve
from cmmd.files.inline_groups import as_dict, replaced
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance
from cmmd.training.distributed import Ranks
from cmmd.training.loop import TrainedModule, accumulate_gradients, fresh_state, update_weights
from cmmd.training.objective import MicroBatch, moved
from cmmd.training.state import TrainingState
from cmmd.training.throughput import Throughput

MODES = ("fp32", "bf16", "fp32+compile", "bf16+compile")
CLIPS = 64
WARM_UP = 3
HEAD = ("step", "kernels", "host reads", "copies", "time", "spread", "times plain", "items/s", "of peak", "memory")


@dataclass(kw_only=True)
class Variant:
    """A mode, with or without the contrastive term, and its results. spread: interquartile range of the seconds,
    relative to their median. first_losses: losses per item of the warm-up steps."""

    mode: str
    contrast: bool
    parameters: int = 0
    work: DeviceWork | None = None
    seconds: float = 0.0
    spread: float = 0.0
    items_per_second: float = 0.0
    share_of_peak: float = 0.0
    peak_memory_gib: float = 0.0
    first_losses: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.mode}, {'contrast' if self.contrast else 'plain'}"


class Training:
    """The training of a variant; `step` runs one step."""

    def __init__(self, recipe: CoupledRecipe, variant: Variant, clips: EncodedClips, ranks: Ranks) -> None:
        precision = "bf16" if variant.mode.startswith("bf16") else "fp32"
        weight = (recipe.contrastive.weight or 0.1) if variant.contrast else 0.0
        self.recipe = replace(
            recipe,
            contrastive=replaced(recipe.contrastive, weight=weight, begin=0),
            loop=replaced(recipe.loop, precision=precision, compile=variant.mode.endswith("compile")),
        )
        self.loop, self.ranks = self.recipe.loop, ranks
        self.objective = cmmd_objective(self.recipe, clips)
        network = random_network(self.recipe, clips)
        self.throughput = Throughput.of(network, self.objective, self.loop, ranks)
        self.state = fresh_state(network, self.loop, ranks)
        self.module = TrainedModule(self.state.model, self.objective, precision=precision).train()

    def batches(self) -> list[Any]:
        count = self.loop.execution.micro_batches
        drawn = [self.objective.draw(self.state.step, MicroBatch(index, count)) for index in range(count)]
        return [moved(batch, pin=True) for batch in drawn] if self.ranks.device.type == "cuda" else drawn

    def step(self, batches: list[Any]) -> Tensor:
        """Runs a step without logging. Returns the sum of its losses, on the device."""
        terms, _ = accumulate_gradients(self.module, batches, self.loop, self.ranks)
        update_weights(self.state, self.loop)
        return torch.stack([part["loss"].total for part in terms]).sum()


def random_clips(recipe: CoupledRecipe) -> EncodedClips:
    """Returns noise as latents and spectrograms, in the sizes of the recipe."""
    generator = torch.Generator().manual_seed(0)
    geometry = recipe.geometry
    video = torch.randn(CLIPS, 4, geometry.frames, geometry.latent_size, geometry.latent_size, generator=generator)
    audio = torch.randn(CLIPS, 1, geometry.mels, geometry.spectrogram_frames, generator=generator)
    return EncodedClips.of(video, audio)


def random_network(recipe: CoupledRecipe, clips: EncodedClips) -> Any:
    """Returns the initial network with noise added to all weights, so that no zero-initialised weight remains."""
    network = build_network(
        recipe,
        latent_channels=clips.video.shape[1],
        spectrogram_channels=clips.audio.shape[1],
        bins=clips.audio.shape[2],
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    return network


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedWork:
    """Work of one micro-batch, counted without a device. Gradient clipping is excluded: without a GPU, torch clips
    tensor by tensor."""

    forward: DeviceWork
    backward: DeviceWork
    update: DeviceWork
    copies: int

    @property
    def kernels(self) -> int:
        """Kernels of the forward and backward pass."""
        return self.forward.kernels + self.backward.kernels

    @property
    def host_reads(self) -> int:
        return self.forward.host_reads + self.backward.host_reads + self.update.host_reads


def counted(recipe: CoupledRecipe, *, contrast: bool) -> CountedWork:
    """Counts a micro-batch of eight items, the optimiser and EMA, on tensors without values."""
    clips = random_clips(recipe)
    recipe = replace(recipe, loop=replaced(recipe.loop, batch_size=8, micro_batches=1))
    weight = (recipe.contrastive.weight or 0.1) if contrast else 0.0
    recipe = replace(recipe, contrastive=replaced(recipe.contrastive, weight=weight, begin=0))
    objective = cmmd_objective(recipe, clips)
    batch = objective.draw(0, MicroBatch())
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about scalars that the fused optimiser stores
        network = build_network(recipe, latent_channels=4, spectrogram_channels=1, bins=recipe.geometry.mels)
        state = TrainingState.fresh(network, learning_rate=1e-3, weight_decay=0.0, ema_decay=0.99)
        module = TrainedModule(state.model, objective, precision="fp32").train()
        fake = _mapped(batch, mode.from_tensor)
        losses: list[Tensor] = []
        found = {}
        for _ in range(2):  # the first step creates the optimiser's state
            found["forward"] = dispatched(lambda: losses.append(module(fake)["loss"].total))
            found["backward"] = dispatched(losses.pop().backward)
            found["update"] = dispatched(lambda: update_weights(state, recipe.loop))
    return CountedWork(**found, copies=_tensors(batch))


def _mapped(tree: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(tree, Tensor):
        return function(tree)
    return type(tree)(*(_mapped(part, function) for part in tree)) if isinstance(tree, tuple) else tree


def _tensors(tree: Any) -> int:
    """Returns the number of tensors of a batch; each is copied to the device once."""
    if isinstance(tree, Tensor):
        return 1
    return sum(map(_tensors, tree)) if isinstance(tree, tuple) else 0


def measure(recipe: CoupledRecipe, mode: str, ranks: Ranks, *, steps: int) -> list[Variant]:
    """Measures plain and contrastive steps of a mode in turn. Returns both variants."""
    clips = random_clips(recipe)
    cuda = ranks.device.type == "cuda"
    variants = [Variant(mode=mode, contrast=contrast) for contrast in (False, True)]
    trainings = [Training(recipe, variant, clips, ranks) for variant in variants]
    seconds: list[list[float]] = [[] for _ in variants]
    for turn in progress(WARM_UP + steps, mode):
        for variant, training, times in zip(variants, trainings, seconds, strict=True):
            batches = training.batches()
            if cuda:
                torch.cuda.reset_peak_memory_stats()
                torch.cuda.synchronize()
            started = time.perf_counter()
            loss = training.step(batches).item()  # waits for the device
            times.append(time.perf_counter() - started)
            if turn < WARM_UP:
                variant.first_losses += (loss / recipe.loop.batch_size,)
            if cuda:
                variant.peak_memory_gib = torch.cuda.max_memory_allocated() / 2**30
    for variant, training, times in zip(variants, trainings, seconds, strict=True):
        quartiles = statistics.quantiles(times[WARM_UP:], n=4)
        variant.seconds, variant.spread = quartiles[1], (quartiles[2] - quartiles[0]) / quartiles[1]
        figures = training.throughput.figures(0, variant.seconds)
        variant.items_per_second, variant.share_of_peak = figures["items_per_second"], figures["share_of_peak"]
        variant.parameters = sum(parameter.numel() for parameter in training.state.model.parameters())
        if cuda:
            batches = training.batches()
            variant.work = launched(lambda training=training, batches=batches: training.step(batches))
    return variants


def table(variants: Sequence[Variant]) -> str:
    """Returns a Markdown table, one row per variant. Ratios are to the plain step of the same mode."""
    plain = {variant.mode: variant for variant in variants if not variant.contrast}
    rows = []
    for variant in variants:
        work, base = variant.work, plain.get(variant.mode, variant)
        rows.append(
            [
                variant.name,
                *([str(work.kernels), str(work.host_reads), str(work.copies)] if work else ["-"] * 3),
                f"{1000 * variant.seconds:.1f} ms",
                f"{variant.spread:.0%}",
                f"{variant.seconds / base.seconds:.2f}",
                f"{variant.items_per_second:.1f}",
                f"{variant.share_of_peak:.3f}",
                f"{variant.peak_memory_gib:.2f} GiB" if variant.peak_memory_gib else "-",
            ]
        )
    return markdown_table(rows, head=HEAD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="world.cmmd")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--modes", default="fp32", help=f"some of {', '.join(MODES)}")
    parser.add_argument("--steps", type=int, default=20, help="timed ones of each variant; 0 only counts")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", action=argparse.BooleanOptionalAction, default=True, help="without a device")
    parser.add_argument("--out", type=Path, help="JSON file")
    arguments = parser.parse_args()
    recipe = resolve(load_recipe(arguments.recipe), overrides=arguments.overrides)
    for contrast in (False, True) if arguments.count else ():
        work = counted(recipe, contrast=contrast)
        print(
            f"{'contrast' if contrast else 'plain'}: {work.forward.kernels} + {work.backward.kernels} kernels of"
            f" forward and backward pass, {work.update.kernels} of optimiser and EMA, {work.host_reads} host reads,"
            f" {work.copies} copies"
        )
    if not arguments.steps:
        return
    ranks = Ranks.join(arguments.device)
    name = torch.cuda.get_device_name(ranks.device) if ranks.device.type == "cuda" else "CPU"
    loop, variants = recipe.loop, []
    print(f"\n{arguments.recipe} on {name}: batch {loop.batch_size}, micro-batches {loop.execution.micro_batches}\n")
    for mode in arguments.modes.split(","):
        variants += measure(recipe, mode, ranks, steps=arguments.steps)
        print(table(variants[-2:]), flush=True)
    if arguments.out:
        found = {"device": name, "recipe": arguments.recipe, "variants": [asdict(variant) for variant in variants]}
        arguments.out.write_text(json.dumps(found | provenance(as_dict(recipe), seed=loop.seed), indent=1) + "\n")


if __name__ == "__main__":
    main()
