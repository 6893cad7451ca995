"""Estimates parameters, memory, FLOPs and hours of a training on GPUs. No GPU is needed, and none is measured.

    python benchmarks/budget.py aist.cmmd --peak 400 --share 0.15 --gpus 8

FLOPs and the memory of saved activations are counted in one forward and backward pass on the meta device.
"""

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from cmmd.files.configuration import resolve
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import CoupledRecipe, build_network

BYTES_A_PARAMETER = 4 * 5
"""Weight, gradient, two Adam moments and EMA, all fp32."""
CONTRASTIVE_STEP = 1.5
"""Upper bound of the cost of a contrastive step, in plain steps; benchmarks/contrast.py measures the cost."""


@dataclass(frozen=True, slots=True)
class Budget:
    """flops: FLOPs per clip, forward and backward. kept: bytes per clip saved for the backward pass."""

    parameters: int
    flops: int
    kept: int


def budget(recipe: CoupledRecipe) -> Budget:
    """Counts for one clip, on the meta device, whose tensors have shapes but no values."""
    codec = spectrogram_codec(recipe.codec, recipe.geometry)
    with torch.device("meta"):
        network = build_network(recipe, latent_channels=4, spectrogram_channels=codec.channels, bins=codec.bins)
        frames, size = recipe.geometry.frames, recipe.geometry.latent_size
        video = torch.randn(1, 4, frames, size, size)
        audio = torch.randn(1, codec.channels, codec.bins, 8 * frames)
        t = torch.full((1,), 0.5)
    kept: dict[int, tuple[object, int]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter):
            kept[id(storage)] = storage, tensor.numel()  # a reference, so that no other storage gets the same id
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        made = network(video, audio, t_video=t, t_audio=t)
        (made.video.sum() + made.audio.sum()).backward()
    width = 2 if recipe.loop.execution.precision == "bf16" else 4
    return Budget(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=counter.get_total_flops(),
        kept=width * sum(values for _, values in kept.values()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--peak", type=float, default=400.0, help="TFLOP/s of a GPU's large matrix product")
    parser.add_argument("--share", type=float, default=0.15, help="of it that training reaches")
    parser.add_argument("--gpus", type=int, default=8)
    arguments = parser.parse_args()
    recipe = resolve(load_recipe(arguments.recipe), overrides=arguments.overrides)
    found, loop = budget(recipe), recipe.loop
    micro_batch = loop.batch_size // loop.execution.micro_batches
    fixed, kept = found.parameters * BYTES_A_PARAMETER / 1e9, found.kept * micro_batch / 1e9
    factor = CONTRASTIVE_STEP if recipe.contrastive.weight else 1.0
    rate = arguments.peak * 1e12 * arguments.share * arguments.gpus / (found.flops * factor)
    print(
        f"{arguments.recipe}: {found.parameters / 1e6:.1f} M parameters, {found.flops / 1e9:.1f} GFLOP a clip and step"
    )
    print(f"memory: {fixed:.1f} GB of weights and optimiser, {kept:.1f} GB kept for {micro_batch} clips, a micro-batch")
    hours = loop.steps * loop.batch_size / rate / 3600
    print(
        f"{loop.steps} steps of {loop.batch_size}: {hours:.1f} h on {arguments.gpus} GPUs at {arguments.share:.0%} of"
    )
    print(f"{arguments.peak:g} TFLOP/s, {rate:.0f} clips/s")


if __name__ == "__main__":
    main()
