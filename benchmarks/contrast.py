"""Compares forms of the contrastive term with nCMMD, over seeds, splits, amounts of data and training lengths.

    python benchmarks/contrast.py FOLDER

Trains many variants of the recipe world.ablation and prints the tables. `--plan` selects one group of trainings, all
or none. An interrupted run resumes. nCMMD is compared with the other forms at equal steps and at equal time; the step
costs of all forms are measured in one run. The control attracts a prediction to its true target as the term does, but
does not repel it from others.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bounded_form import bounded_objective
from comparison import Comparison, by_method, cost_table, costs
from harness import options
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
from cmmd.documents.markdown import markdown_table
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.world import world_ablation

FULL, SMALL = 500, 50
"""Training clips per family, 4.8 s each."""
STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""Training steps per split. On the harder split no model is better than chance after 300 steps."""
LONG = (150, 300, 600, 1000, 1500, 2000, 3000)
"""Steps at which a long training is measured."""
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
"""Values of F1@50; a table lists the step at which each long training reaches them."""
COLORS = ("tab:gray", "tab:blue", "tab:orange", "tab:green", "tab:red")
LONG_METHODS = {
    "ncmmd": METHODS["ncmmd"],
    "targets": TARGETS,
    "falling": replaced(TARGETS, end=LONG[-1], fall=LONG[-1] - LONG[-2]),
    "settled": replaced(TARGETS, end=LONG[-2], fall=LONG[-2] - LONG[-3]),
}
"""The weight of `falling` reaches 0 at the last step, that of `settled` after two thirds of the steps. The aim is to
remove the bias of the samples without losing what the term has taught."""
COSTLY = ("conditions", "both")
"""Methods with a further pass for every negative: at equal time nCMMD takes more steps than for the other methods."""
SWEPT = replaced(TARGETS, mismatches=MIXED, count=4)
"""Reference of the sweep. Most entries change one setting of it."""
SWEEP: dict[str, ContrastiveConfig] = {
    "mixed": SWEPT,
    **{f"weight-{weight:g}": replace(SWEPT, weight=weight) for weight in (1.0, 3.0, 0.1)},
    **{f"temperature-{value:g}": replace(SWEPT, temperature=value) for value in (0.5, 0.1, 0.05)},
    "noise-above-half": replaced(SWEPT, least_noise=0.5),
    "noise-below-0.9": replaced(SWEPT, most_noise=0.9),
    "joint": replaced(SWEPT, joint=True),
    "joint-weight-1": replaced(SWEPT, joint=True, weight=1.0),
    "joint-time_shift": replaced(SWEPT, joint=True, mismatches=("time_shift",)),
    "falling": replaced(SWEPT, weight=1.0, end=300, fall=299),
    **{f"only-{kind}": replace(SWEPT, mismatches=(kind,)) for kind in ("time_shift", *MISMATCHES)},
    "only-time_shift-count-8": TARGETS,
    "all-kinds": replace(SWEPT, mismatches=MISMATCHES),
    "all-kinds-count-1": replaced(SWEPT, mismatches=MISMATCHES, count=1),
    **{f"count-{count}": replaced(SWEPT, count=count) for count in (1, 2, 8)},
    "from-the-middle": replaced(SWEPT, begin=150),
    "bounded-from-the-middle": replaced(SWEPT, begin=150),
    "linear": replace(SWEPT, form="linear"),
    "conditions-fraction-0.25": replace(METHODS["conditions"], fraction=0.25),
    "conditions-weight-0.3": replace(METHODS["conditions"], weight=0.3),
    "conditions-from-the-middle": replaced(METHODS["conditions"], begin=150),
}


def recipe(contrastive: ContrastiveConfig, *, split: Split = "standard", clips: int = FULL, seed: int) -> CoupledRecipe:
    base = world_ablation()
    return replaced(
        base,
        data=replace(base.clips.data, split=split, clips=clips),
        contrastive=contrastive,
        loop=replace(base.loop, seed=seed),
    )


def comparison(split: Split, clips: int, cost: Mapping[str, float]) -> Comparison:
    """Returns the comparison of all methods with nCMMD. `cost`: step time of each method, relative to nCMMD.

    The methods of `COSTLY` share one equal-time number of steps, that of the slowest; so do the other methods.
    """
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
    """Returns the long trainings, measured at the steps of `LONG`."""
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
    parser = options(__doc__, "folder", "--test-clips", "--yamnet", "--workers", "--only")
    parser.add_argument("--plan", choices=["standard", "sweep", "hard", "long", "all", "none"], default="all")
    parser.add_argument(
        "--seeds", type=int, help="default: 5 for the standard plan, 3 for hard and long, 1 for the sweep"
    )
    parser.add_argument("--picture", type=Path, help="curves of the long trainings, to draw")
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
    """Returns Markdown: the comparisons by measure, the sweep, and progress and final results of the long trainings."""
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
"""Columns of the table of the sweep: measure, family, direction."""


def swept(plans: Mapping[str, list[Training]], folder: Path) -> str:
    """Returns the table of the sweep, for seed 0: the values of `mixed`, and the differences of the others from it."""
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
    """Returns a table of the steps at which F1@50, averaged over the seeds, reaches each of `LEVELS`, by linear
    interpolation, and of its last value."""
    rows = []
    for family, direction in ROWS:
        for name, seeds in by_method(trainings, f"long-{FULL}-").items():
            curve = curve_of(seeds, folder, Place("f1", family, direction))
            if curve:
                cells = [steps_to_reach(curve, level) for level in LEVELS]
                rows.append((f"{family}, {direction.replace('_', ' ')}: {name}", *cells, f"{curve[-1][1]:.3f}"))
    return markdown_table(rows, head=("", *(f"steps to {level:g}" for level in LEVELS), "end"))


def steps_to_reach(curve: list[tuple[int, float]], level: float) -> str:
    """Returns the interpolated step at which `curve` first reaches `level`, or "-". `curve`: (step, value), by step."""
    before, lower = 0, 0.0
    for step, value in curve:
        if value >= level:
            return f"{before + (step - before) * (level - lower) / (value - lower):.0f}"
        before, lower = step, value
    return "-"


def curve_of(seeds: Seeds, folder: Path, place: Place) -> list[tuple[int, float]]:
    """Returns (step, mean over the seeds with a result) for every step of `LONG` that has results."""
    found = [(step, values(seeds, folder, place, step=step)) for step in LONG]
    return [(step, statistics.mean(by_seed.values())) for step, by_seed in found if by_seed]


def ended(trainings: list[Training], folder: Path) -> str:
    """Returns a table after the last step, one row per measure, guidance, family and direction: nCMMD, and the
    differences of the others from it."""
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
    """Plots F1@50 over steps, one panel per family and direction: a thin line per seed, a thick line for the mean."""
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
