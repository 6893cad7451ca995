"""What fusion and conditional training are worth: kinds of fusion against easy fusion, and the baseline's training
against ours, after as many steps and after as much time.

    python benchmarks/ablation.py FOLDER

trains by the recipes world.ablation and world.mm_diffusion, and prints the tables. It goes on where it was interrupted.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from comparison import Comparison, cost_table, costs
from trainings import do, do_missing

from cmmd.data.world.difficulty import Split
from cmmd.losses.contrastive import WEIGHT, ContrastiveConfig
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.world import world_ablation, world_mm_diffusion

STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""After 300 steps on the harder split no model is better than chance."""
LONGEST = 2.0
"""Times the steps: the base is not trained for longer, however slow a rival is."""
KINDS: dict[str, dict[str, Any]] = {
    "easy": {},
    "low rank": {"message_reduction": "low_rank"},
    "a tenth": {"message_reduction": "low_rank", "message_width": 8},
    "mean": {"message_reduction": "mean"},
    "random shift": {"fusion": "random_shift"},
    "attention": {"fusion": "attention"},
    "none": {"fusion": "none"},
}
"""A tenth: of the parameters that easy fusion has."""
RIVALS = ("easy", "random shift", "attention", "none")
"""On the harder split, where a training takes long, reductions of easy fusion are not compared."""


def fusions(split: Split) -> dict[str, CoupledRecipe]:
    """The kinds of fusion, trained with the contrastive term."""
    base = on_split(world_ablation(), split)
    base = replace(base, contrastive=ContrastiveConfig(weight=WEIGHT))
    kinds = {name: kind for name, kind in KINDS.items() if split == "standard" or name in RIVALS}
    return {name: replace(base, network=replace(base.network, **kind)) for name, kind in kinds.items()}


def baselines(split: Split) -> dict[str, CoupledRecipe]:
    """Conditional training of the baseline's network, and the baseline's own: one time for both modalities, conditioned
    by replacement. Neither has the contrastive term."""
    base = on_split(world_ablation(), split)
    conditional = replace(base, network=replace(base.network, fusion="random_shift"))
    return {"conditional": conditional, "mm-diffusion": on_split(world_mm_diffusion(), split)}


def rounded(ratio: float) -> float:
    """To 5 %, so that the base is not measured again a few steps apart."""
    return min(LONGEST, round(20 * ratio) / 20)


def on_split(recipe: CoupledRecipe, split: Split) -> CoupledRecipe:
    return replace(recipe, data=replace(recipe.data, split=split))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--splits", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test-clips", type=int, default=32)
    parser.add_argument("--yamnet", type=Path, help="weights of YAMNet, to measure FAD by")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="to train on")
    parser.add_argument("--only", help="one training, by name, in this process")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    comparisons, parts = [], []
    for what, recipes_of, base in (("fusion", fusions, "easy"), ("training", baselines, "conditional")):
        cost = costs(recipes_of("standard"), base, arguments.folder / f"cost-{what}.json")
        parts += [f"Cost of a step, {what}:", cost_table(cost, base)]
        for split in arguments.splits:
            comparisons.append(
                Comparison(
                    title=f"{what}, {split}",
                    prefix=f"{what}-{split}",
                    recipes=recipes_of(split),
                    base=base,
                    steps=STEPS[split],
                    ratios={name: rounded(cost[name]["ratio"]) for name in recipes_of(split)},
                    retrieval=False,
                )
            )
    trainings = [one for comparison in comparisons for one in comparison.trainings(arguments.seeds)]
    if arguments.only:
        (training,) = (one for one in trainings if one.name == arguments.only)
        measuring = {"test_clips": arguments.test_clips, "yamnet": arguments.yamnet}
        do(training, arguments.folder, device=arguments.device, **measuring)
        return
    do_missing(trainings, arguments.folder, workers=arguments.workers)
    parts += [table for one in comparisons for table in one.tables(arguments.folder, seeds=arguments.seeds)]
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
