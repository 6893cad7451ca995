"""Compares the speed of reading shards with the speed of training steps, in clips per second, in one run.

    python benchmarks/loading.py [FOLDER]

FOLDER is an output folder of `cmmd prepare`. Without it, clips of noise in the sizes of the recipe are written to a
temporary folder. Reading is timed in three rounds. A round may be slower if its files are not yet in the system's
memory.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from speed import median_seconds

from cmmd.data.prepared_clips import PreparedClips
from cmmd.data.shards import ClipRecord, EncodedClip, write_index, write_shard
from cmmd.files.configuration import resolve
from cmmd.latents.spectrogram import spectrogram_codec
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.runtime.progress import progress
from cmmd.training.objective import MicroBatch

FRAMES = 48
"""Frames per clip of noise: 4.8 s at 10 fps."""
CLIPS_PER_SHARD = 500


def write_noise(folder: Path, recipe: CoupledRecipe, *, clips: int) -> None:
    """Writes shards of noise and an index, in the format of `cmmd prepare`."""
    codec = spectrogram_codec(recipe.codec, recipe.geometry)
    generator = torch.Generator().manual_seed(0)
    shards = -(-clips // CLIPS_PER_SHARD)
    size = recipe.geometry.latent_size
    for number in progress(range(shards), "writing clips of noise", unit="shard"):
        made = []
        for row in range(min(CLIPS_PER_SHARD, clips - number * CLIPS_PER_SHARD)):
            name = f"{number}/{row}"
            record = ClipRecord(
                name=name, source=name, start=0.0, frames=FRAMES, labels=(), split="train", group=name, digest=name
            )
            video = torch.randn(4, FRAMES, size, size, generator=generator).half()
            audio = torch.randn(codec.channels, codec.bins, 8 * FRAMES, generator=generator).half()
            made.append(EncodedClip(record, video, audio))
        write_shard(folder, number, made, [], key=str(number))
    write_index(folder, shards=shards, settings={"mirror": False}, skipped=[])


def reading(clips: PreparedClips, recipe: CoupledRecipe, *, first: int, batches: int) -> float:
    """Returns the clips read per second in one thread, for `batches` batches from step `first`."""
    size = recipe.loop.batch_size
    started = time.perf_counter()
    for step in range(first, first + batches):
        indices = clips.batch(size, seed=0, step=step)
        start = torch.rand(size, generator=torch.Generator().manual_seed(step))
        clips.crops(indices, frames=recipe.geometry.frames, start=start)
    return batches * size / (time.perf_counter() - started)


def training(clips: PreparedClips, recipe: CoupledRecipe, *, repeats: int) -> float:
    """Returns the clips per second of a forward and backward pass, including the reading of its clips."""
    codec = spectrogram_codec(recipe.codec, recipe.geometry)
    channels = len(clips.video_statistics.mean)
    network = build_network(
        recipe, latent_channels=channels, spectrogram_channels=codec.channels, bins=codec.bins
    ).train()
    objective = cmmd_objective(recipe, clips)

    def once() -> None:
        objective.losses(network, objective.draw(0, MicroBatch()))["loss"].total.backward()

    return recipe.loop.batch_size / median_seconds(once, repeats=repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--recipe", default="folder.cmmd")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    recipe = resolve(load_recipe(arguments.recipe), overrides=arguments.overrides)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if arguments.folder is None:
            write_noise(folder, recipe, clips=arguments.clips)
        clips = PreparedClips.open(folder)
        rates = [reading(clips, recipe, first=k * arguments.batches, batches=arguments.batches) for k in range(3)]
        trained = training(clips, recipe, repeats=arguments.repeats)
    print(f"{len(clips)} clips, batches of {recipe.loop.batch_size}")
    print(f"reading, one thread: {', '.join(f'{rate:.0f}' for rate in rates)} clips/s")
    print(f"training step of {arguments.recipe}, {torch.get_num_threads()} threads: {trained:.1f} clips/s")
    print(f"reading takes {trained / min(rates):.2%} of a step's time")


if __name__ == "__main__":
    main()
