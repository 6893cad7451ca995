"""Compares kinds of fusion with easy fusion, and the baseline's training with ours, at equal steps and at equal time.

    python benchmarks/ablation.py FOLDER

Trains the recipes world.ablation and world.mm_diffusion, and prints the tables. An interrupted run resumes.
"""

from dataclasses import replace
from typing import Any

from comparison import Comparison, cost_table, costs
from harness import options
from trainings import do, do_missing

from cmmd.data.world.difficulty import Split
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import WEIGHT, ContrastiveConfig
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.world import world_ablation, world_mm_diffusion

STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""Training steps per split. On the harder split no model is better than chance after 300 steps."""
LONGEST = 2.0
"""Limit of the base's equal-time training, as a multiple of `STEPS`, even if another method is slower than that."""
KINDS: dict[str, dict[str, Any]] = {
    "easy": {},
    "low rank": {"message_reduction": "low_rank"},
    "a tenth": {"message_reduction": "low_rank", "message_width": 8},
    "mean": {"message_reduction": "mean"},
    "random shift": {"fusion": "random_shift"},
    "attention": {"fusion": "attention"},
    "none": {"fusion": "none"},
}
"""Network settings by kind of fusion. `a tenth` has a tenth of the parameters of easy fusion."""
RIVALS = ("easy", "random shift", "attention", "none")
"""Kinds compared on the harder split. Trainings take long there, so the reductions of easy fusion are omitted."""


def fusions(split: Split) -> dict[str, CoupledRecipe]:
    """Returns the recipe of each kind of fusion, with the contrastive term."""
    base = on_split(world_ablation(), split)
    base = replace(base, contrastive=ContrastiveConfig(weight=WEIGHT))
    kinds = {name: kind for name, kind in KINDS.items() if split == "standard" or name in RIVALS}
    return {name: replace(base, network=replace(base.network, **kind)) for name, kind in kinds.items()}


def baselines(split: Split) -> dict[str, CoupledRecipe]:
    """Returns two recipes for the baseline's network, both without the contrastive term: conditional training, and the
    baseline's training with one time for both modalities and conditions by replacement."""
    base = on_split(world_ablation(), split)
    conditional = replace(base, network=replace(base.network, fusion="random_shift"))
    return {"conditional": conditional, "mm-diffusion": on_split(world_mm_diffusion(), split)}


def rounded(ratio: float) -> float:
    """Rounds to multiples of 0.05, at most `LONGEST`, so that similar ratios share one measurement of the base."""
    return min(LONGEST, round(20 * ratio) / 20)


def on_split(recipe: CoupledRecipe, split: Split) -> CoupledRecipe:
    return replaced(recipe, data=replace(recipe.clips.data, split=split))


def main() -> None:
    parser = options(__doc__, "folder", "--seeds", "--test-clips", "--yamnet", "--workers", "--only")
    parser.add_argument("--splits", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="to train on")
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
