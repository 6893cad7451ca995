"""Measures how much guidance a model needs when it is trained with and without the contrastive term.

    python benchmarks/guidance_needed.py FOLDER

Samples the final models of `benchmarks/contrast.py FOLDER --plan long` at many strengths of both kinds of guidance, and
prints one table per family and direction. An interrupted run resumes.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from comparison import by_method
from contrast import LONG, long
from harness import options, stored
from safetensors.torch import load_file
from trainings import MEASURES, SAMPLING_STEPS, TEST_SEED, Training, assembled, encoded, mean_of, row_of, untrained

from cmmd.diffusion.direction import Direction
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.backbones.yamnet import YAMNet
from cmmd.evaluation.samples.true_clips import WorldSet, true_clips
from cmmd.evaluation.samples.world_scores import score_pipeline
from cmmd.runtime.provenance import provenance

STRENGTHS: dict[Direction, tuple[float, ...]] = {
    "video_to_audio": (0.0, 0.25, 0.5, 1.0, 2.0),
    "audio_to_video": (0.0, 0.5, 1.0, 2.0, 3.5),
    "joint": (0.0, 0.5, 1.0, 2.0, 3.5),
}
"""Factor of the added difference from the prediction without condition, or under a wrong one. 0 is the conditional
model alone."""
SHOWN = {
    "video_to_audio": ("f1", "offset", "spectrogram", "fad", "pitch"),
    "audio_to_video": ("f1", "offset", "pictures"),
    "joint": ("f1", "offset", "spectrogram", "fad", "pictures"),
}


def main() -> None:
    parser = options(__doc__, "folder", "--seeds", "--test-clips", "--yamnet", "--workers")
    arguments = parser.parse_args()
    trainings = [one for one in long(arguments.seeds) if one.weights(arguments.folder).exists()]
    scan = partial(scanned, folder=arguments.folder, test_clips=arguments.test_clips, yamnet=arguments.yamnet)
    with ProcessPoolExecutor(arguments.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        records = dict(zip((one.name for one in trainings), pool.map(scan, trainings), strict=True))
    print(tables(trainings, records))


def scanned(training: Training, *, folder: Path, test_clips: int, yamnet: Path | None) -> list[dict[str, Any]]:
    """Returns one row per family, direction, kind of guidance and strength.

    The result is stored in the folder and not measured again.
    """

    def measure() -> dict[str, Any]:
        recipe, clips = training.recipe, encoded(training.recipe, folder)
        unet = untrained(recipe, clips)
        unet.load_state_dict(load_file(training.weights(folder)))
        pipeline = assembled(unet, recipe, clips)
        world = WorldSet(split=recipe.clips.data.split, clips=test_clips, seed=TEST_SEED)
        truths = true_clips(world, backbone=YAMNet(yamnet) if yamnet else None)
        rows = []
        for direction, kind, strength, sampling in samplings():
            scores = score_pipeline(pipeline, world, [direction], sampling, truths=truths)
            rows += [{"kind": kind, "strength": strength} | row_of(score) for score in scores]
        return provenance({"training": training.name, "test_clips": test_clips}, seed=TEST_SEED) | {"rows": rows}

    return stored(folder / f"guidance-{training.name}.json", measure)["rows"]


def samplings() -> list[tuple[Direction, str, float, SamplingConfig]]:
    """Returns all sampling settings. Contrastive guidance is omitted at strength 0, where both kinds are equal, and for
    joint generation, which has no condition to mismatch."""
    found: list[tuple[Direction, str, float, SamplingConfig]] = []
    for direction, strengths in STRENGTHS.items():
        for strength in strengths:
            free = SamplingConfig(steps=SAMPLING_STEPS, guidance=1 + strength)
            found.append((direction, "classifier-free", strength, free))
            if strength and direction != "joint":
                contrastive = SamplingConfig(steps=SAMPLING_STEPS, guidance=1.0, contrast=strength)
                found.append((direction, "contrastive", strength, contrastive))
    return found


def tables(trainings: list[Training], records: dict[str, list[dict[str, Any]]]) -> str:
    """Returns Markdown: means over the seeds, one table per family and direction."""
    parts = []
    methods = by_method(trainings, "long-500-")
    places = dict.fromkeys((row["family"], row["direction"]) for rows in records.values() for row in rows)
    for family, direction in places:
        rows = []
        for name, seeds in methods.items():
            for kind, strength in dict.fromkeys((k, s) for d, k, s, _ in samplings() if d == direction):
                wanted = (family, direction, kind, strength)
                found = [
                    row
                    for training in seeds.values()
                    for row in records[training.name]
                    if (row["family"], row["direction"], row["kind"], row["strength"]) == wanted
                ]
                cells = [
                    mean_of({k: row[measure] for k, row in enumerate(found) if row[measure] is not None}, measure)
                    for measure in SHOWN[direction]
                ]
                rows.append((name, kind, f"{strength:g}", *cells))
        head = ("", "guidance", "strength", *(MEASURES[measure] for measure in SHOWN[direction]))
        parts += [f"{family}, {direction.replace('_', ' ')}, after {LONG[-1]} steps:", markdown_table(rows, head=head)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
