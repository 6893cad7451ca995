"""What the contrastive term is worth: forms of it against nCMMD, over seeds, splits, amounts of data and steps.

    python benchmarks/contrast.py FOLDER

trains by the recipe world.ablation, again and again, and prints the tables; `--plan` does one part of them, or none. It
may be interrupted at any time and goes on where it was. nCMMD is measured after as many steps as the other forms, and
after as much time, by the cost of their steps in one run. The control has the pull of the term towards the own target,
and no push away from others.
"""

import argparse
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bounded_form import bounded_objective
from comparison import Comparison, by_method, cost_table, costs
from matplotlib.figure import Figure
from trainings import (
    GUIDANCES,
    MEASURES,
    ROWS,
    Place,
    Seeds,
    Training,
    do,
    do_missing,
    encoded,
    mean_of,
    paired,
    told,
    values,
)

from cmmd.data.world.difficulty import Split
from cmmd.diffusion.mismatch import MISMATCHES, Mismatch
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.markdown import markdown_table
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.world import world_ablation

FULL, SMALL = 500, 50
"""Training clips a family, of 4.8 s."""
STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""After 300 steps on the harder split no model is better than chance."""
LONG = (150, 300, 600, 1000, 1500, 2000, 3000)
"""Steps after which a long training is measured."""
TARGETS = ContrastiveConfig(weight=0.3)
MIXED: tuple[Mismatch, ...] = ("other_clip", "time_shift")
METHODS: dict[str, ContrastiveConfig] = {
    "ncmmd": ContrastiveConfig(),
    "conditions": ContrastiveConfig(negatives="conditions", weight=0.1, mismatches=MIXED),
    "control": replace(TARGETS, form="pull"),
    "targets": TARGETS,
    "both": replace(TARGETS, negatives="both"),
}
LEVELS = (0.5, 0.8, 0.9)
"""Of F1, that long trainings reach or do not."""
COLORS = ("tab:gray", "tab:blue", "tab:orange", "tab:green", "tab:red")
LONG_METHODS = {
    "ncmmd": METHODS["ncmmd"],
    "targets": TARGETS,
    "falling": replace(TARGETS, end=LONG[-1], fall=LONG[-1] - LONG[-2]),
    "settled": replace(TARGETS, end=LONG[-2], fall=LONG[-2] - LONG[-3]),
}
"""The weight of `falling` comes to 0 with the last step, that of `settled` at two thirds: what is learned should stay,
and the bias of the samples should go."""
COSTLY = ("conditions", "both")
"""A pass more for every negative: nCMMD of equal time has more steps than for the others."""
SWEPT = replace(TARGETS, mismatches=MIXED, count=4)
"""What the sweep changes one setting of."""
SWEEP: dict[str, ContrastiveConfig] = {
    "mixed": SWEPT,
    **{f"weight-{weight:g}": replace(SWEPT, weight=weight) for weight in (1.0, 3.0, 0.1)},
    **{f"temperature-{value:g}": replace(SWEPT, temperature=value) for value in (0.5, 0.1, 0.05)},
    "noise-above-half": replace(SWEPT, least_noise=0.5),
    "noise-below-0.9": replace(SWEPT, most_noise=0.9),
    "joint": replace(SWEPT, joint=True),
    "joint-weight-1": replace(SWEPT, joint=True, weight=1.0),
    "joint-time_shift": replace(SWEPT, joint=True, mismatches=("time_shift",)),
    "falling": replace(SWEPT, weight=1.0, end=300, fall=299),
    **{f"only-{kind}": replace(SWEPT, mismatches=(kind,)) for kind in ("time_shift", *MISMATCHES)},
    "only-time_shift-count-8": TARGETS,
    "all-kinds": replace(SWEPT, mismatches=MISMATCHES),
    "all-kinds-count-1": replace(SWEPT, mismatches=MISMATCHES, count=1),
    **{f"count-{count}": replace(SWEPT, count=count) for count in (1, 2, 8)},
    "from-the-middle": replace(SWEPT, begin=150),
    "bounded-from-the-middle": replace(SWEPT, begin=150),
    "linear": replace(SWEPT, form="linear"),
    "conditions-fraction-0.25": replace(METHODS["conditions"], fraction=0.25),
    "conditions-weight-0.3": replace(METHODS["conditions"], weight=0.3),
    "conditions-from-the-middle": replace(METHODS["conditions"], begin=150),
}


def recipe(contrastive: ContrastiveConfig, *, split: Split = "standard", clips: int = FULL, seed: int) -> CoupledRecipe:
    base = world_ablation()
    return replace(
        base,
        data=replace(base.data, split=split, clips=clips),
        contrastive=contrastive,
        loop=replace(base.loop, seed=seed),
    )


def comparison(split: Split, clips: int, cost: Mapping[str, float]) -> Comparison:
    """All methods against nCMMD. Methods that take further passes share one number of steps of equal time, and so do
    the others."""
    slowest = {costly: max(cost[name] for name in METHODS if (name in COSTLY) == costly) for costly in (True, False)}
    return Comparison(
        title=f"{split}, {clips} clips",
        prefix=f"{split}-{clips}",
        recipes={name: recipe(config, split=split, clips=clips, seed=0) for name, config in METHODS.items()},
        base="ncmmd",
        steps=STEPS[split],
        ratios={name: slowest[name in COSTLY] for name in METHODS},
        less=("targets",),
    )


def long(seeds: int) -> list[Training]:
    """To the end of a training, measured on the way."""
    return [
        Training(
            name=f"long-{FULL}-{name}-{seed}",
            recipe=recipe(config, seed=seed),
            marks=LONG,
            retrieval=False,
            less=True,
        )
        for seed in range(seeds)
        for name, config in LONG_METHODS.items()
    ]


def sweep(seeds: int) -> list[Training]:
    return [
        Training(
            name=f"sweep-{name}-{seed}",
            recipe=recipe(config, seed=seed),
            marks=(STEPS["standard"],),
            retrieval=False,
        )
        for seed in range(seeds)
        for name, config in SWEEP.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plan", choices=["standard", "sweep", "hard", "long", "all", "none"], default="all")
    parser.add_argument(
        "--seeds", type=int, help="default: 5 for the standard plan, 3 for hard and long, 1 for the sweep"
    )
    parser.add_argument("--test-clips", type=int, default=32)
    parser.add_argument("--yamnet", type=Path, help="weights of YAMNet, to measure FAD by")
    parser.add_argument("--picture", type=Path, help="curves of the long trainings, to draw")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="one training, by name, in this process")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    cost = costs({name: recipe(config, seed=0) for name, config in METHODS.items()}, "ncmmd", folder / "cost.json")
    ratios = {name: found["ratio"] for name, found in cost.items()}
    full, small = (comparison("standard", clips, ratios) for clips in (FULL, SMALL))
    hard = comparison("hard", FULL, ratios)
    seeds: int = arguments.seeds or 5
    pairs = zip(full.trainings(seeds), small.trainings(seeds), strict=True)
    plans = {
        "standard": [one for pair in pairs for one in pair],
        "sweep": sweep(arguments.seeds or 1),
        "hard": hard.trainings(arguments.seeds or 3),
        "long": long(arguments.seeds or 3),
    }
    wanted = [one for name, plan in plans.items() if arguments.plan in (name, "all") for one in plan]
    if arguments.only:
        (training,) = (one for one in wanted if one.name == arguments.only)
        objective = None
        if "bounded" in training.name:
            clips = encoded(training.recipe, folder)
            objective = bounded_objective(training.recipe, clips, steps=max(training.marks))
        do(training, folder, test_clips=arguments.test_clips, yamnet=arguments.yamnet, objective=objective)
        return
    do_missing(wanted, folder, workers=arguments.workers)
    print("Cost of a step:", cost_table(cost, "nCMMD"), tables(plans, (full, small, hard), seeds, folder), sep="\n\n")
    if arguments.picture:
        draw_curves(plans["long"], folder, arguments.picture)


def tables(plans: Mapping[str, list[Training]], compared: Sequence[Comparison], seeds: int, folder: Path) -> str:
    """Markdown: comparisons by measure, the sweep, and how soon long trainings get where."""
    parts = [table for one in compared for table in one.tables(folder, seeds=seeds)]
    parts += ["Sweep, differences to `mixed` after as many steps:", swept(plans, folder)]
    parts += ["Long trainings:", reached(plans["long"], folder), ended(plans["long"], folder)]
    return "\n\n".join(parts)


SHOWN = tuple(
    (measure, family, direction)
    for measure in ("f1", "spectrogram", "pictures")
    for family, direction in ROWS
    if (measure, direction) not in {("spectrogram", "audio_to_video"), ("pictures", "video_to_audio")}
)
"""Columns of the sweep."""


def swept(plans: Mapping[str, list[Training]], folder: Path) -> str:
    """One seed: `mixed`, and how far the others are from it."""
    found = by_method(plans["sweep"], "sweep-")
    methods = {"mixed": found.pop("mixed")} | by_method(plans["standard"], f"standard-{FULL}-") | found
    rows = []
    for name, seeds in methods.items():
        cells = []
        for measure, family, direction in SHOWN:
            place, step = Place(measure, family, direction), STEPS["standard"]
            own = {seed: value for seed, value in values(seeds, folder, place, step=step).items() if seed == 0}
            reference = values(methods["mixed"], folder, place, step=step)
            cells.append(mean_of(own, measure) if name == "mixed" else told(paired(own, reference), measure))
        if any(cell != "-" for cell in cells):
            rows.append((name, *cells))
    short = {"video_to_audio": "V2A", "audio_to_video": "A2V", "joint": ""}
    head = ("seed 0", *(f"{MEASURES[m]}, {family} {short[direction]}".strip() for m, family, direction in SHOWN))
    return markdown_table(rows, head=head)


def reached(trainings: list[Training], folder: Path) -> str:
    """Steps after which the mean F1@50 over the seeds is at a level, on the straight line between two measurements."""
    rows = []
    for family, direction in ROWS:
        for name, seeds in by_method(trainings, f"long-{FULL}-").items():
            curve = curve_of(seeds, folder, Place("f1", family, direction))
            if curve:
                cells = [steps_to_reach(curve, level) for level in LEVELS]
                rows.append((f"{family}, {direction.replace('_', ' ')}: {name}", *cells, f"{curve[-1][1]:.3f}"))
    return markdown_table(rows, head=("", *(f"steps to {level:g}" for level in LEVELS), "end"))


def steps_to_reach(curve: list[tuple[int, float]], level: float) -> str:
    """From points (step, value) in order of step."""
    before, lower = 0, 0.0
    for step, value in curve:
        if value >= level:
            return f"{before + (step - before) * (level - lower) / (value - lower):.0f}"
        before, lower = step, value
    return "-"


def curve_of(seeds: Seeds, folder: Path, place: Place) -> list[tuple[int, float]]:
    """Mean over the seeds at every mark that all which are done have."""
    found = [(step, values(seeds, folder, place, step=step)) for step in LONG]
    return [(step, statistics.mean(by_seed.values())) for step, by_seed in found if by_seed]


def ended(trainings: list[Training], folder: Path) -> str:
    """A row a measure, direction and guidance: nCMMD at the end, and how far the others are from it."""
    methods, rows = by_method(trainings, f"long-{FULL}-"), []
    for measure in MEASURES:
        for guidance in GUIDANCES:
            for family, direction in ROWS:
                place = Place(measure, family, direction, guidance)
                base = values(methods["ncmmd"], folder, place, step=LONG[-1])
                if base:
                    title = f"{MEASURES[measure]}: {family}, {direction.replace('_', ' ')}, {guidance} guidance"
                    others = [
                        told(paired(values(seeds, folder, place, step=LONG[-1]), base), measure)
                        for name, seeds in methods.items()
                        if name != "ncmmd"
                    ]
                    rows.append((title, mean_of(base, measure), *others))
    return markdown_table(rows, head=(f"after {LONG[-1]} steps", "nCMMD", *(n for n in methods if n != "ncmmd")))


def draw_curves(trainings: list[Training], folder: Path, picture: Path) -> None:
    """F1@50 over steps, a panel a direction; a thin line a seed, a thick one for their mean."""
    methods = by_method(trainings, f"long-{FULL}-")
    figure = Figure(figsize=(15, 3.2), layout="constrained")
    for axes, (family, direction) in zip(figure.subplots(1, len(ROWS), sharey=True), ROWS, strict=True):
        place = Place("f1", family, direction)
        for color, (name, seeds) in zip(COLORS, methods.items(), strict=False):
            for seed, training in seeds.items():
                thin = curve_of({seed: training}, folder, place)
                if thin:
                    axes.plot(*zip(*thin, strict=True), color=color, alpha=0.35, linewidth=0.8)
            mean = curve_of(seeds, folder, place)
            if mean:
                axes.plot(*zip(*mean, strict=True), color=color, linewidth=2, label=name)
        axes.set_title(f"{family}, {direction.replace('_', ' ')}")
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("F1@50")
    figure.axes[0].legend()
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
