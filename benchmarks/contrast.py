"""What the contrastive term is worth: forms of it against nCMMD, over seeds, splits, amounts of data and steps.

    python benchmarks/contrast.py FOLDER

trains by the recipe world.ablation, again and again, and prints the tables; `--plan` does one part of them. It may be
interrupted at any time and goes on where it was. nCMMD is measured after as many steps as the other forms, and after as
much time, by the cost of their steps in the same run. The control has the pull of the term towards the own target, and
no push away from others.
"""

import argparse
import json
import multiprocessing
import os
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trainings import Training, do, do_missing, encoded, started

from cmmd.data.world.difficulty import Split
from cmmd.diffusion.mismatch import MISMATCHES
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.world import world_ablation

FULL, SMALL = 500, 50
"""Training clips a family, of 4.8 s."""
STEPS: dict[Split, int] = {"standard": 300, "hard": 700}
"""After 300 steps on the harder split no model is better than chance."""
LONG = (150, 300, 600, 1000, 1500, 2000, 3000)
"""Steps after which a long training is measured."""
TARGETS = ContrastiveConfig(weight=0.3)
METHODS: dict[str, ContrastiveConfig] = {
    "ncmmd": ContrastiveConfig(),
    "conditions": ContrastiveConfig(negatives="conditions", weight=0.1),
    "control": replace(TARGETS, form="pull"),
    "targets": TARGETS,
    "both": replace(TARGETS, negatives="both"),
}
COST_STEPS = 40
COSTLY = ("conditions", "both")
"""A pass more for every negative: nCMMD of equal time has more steps than for the others."""
SWEEP: dict[str, ContrastiveConfig] = {
    **{f"weight-{weight:g}": replace(TARGETS, weight=weight) for weight in (1.0, 3.0, 0.1)},
    "falling": replace(TARGETS, weight=1.0, end=300, fall=299),
    "joint": replace(TARGETS, joint=True),
    "noise-above-half": replace(TARGETS, least_noise=0.5),
    "noise-below-0.9": replace(TARGETS, most_noise=0.9),
    **{f"count-{count}": replace(TARGETS, count=count) for count in (1, 2, 8)},
    **{f"temperature-{value:g}": replace(TARGETS, temperature=value) for value in (0.05, 0.1, 0.5)},
    **{f"only-{kind}": replace(TARGETS, mismatches=(kind,)) for kind in MISMATCHES},
    "all-kinds": replace(TARGETS, mismatches=MISMATCHES),
    "from-the-middle": replace(TARGETS, begin=150),
    "linear": replace(TARGETS, form="linear"),
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


def standard(seeds: int, cost: Mapping[str, float]) -> list[Training]:
    """All methods, seed by seed; nCMMD also after the time of the others."""
    return [
        compared("standard", clips, name, seed, cost)
        for seed in range(seeds)
        for clips in (FULL, SMALL)
        for name in METHODS
    ]


def hard(seeds: int, cost: Mapping[str, float]) -> list[Training]:
    return [compared("hard", FULL, name, seed, cost) for seed in range(seeds) for name in METHODS]


def compared(split: Split, clips: int, name: str, seed: int, cost: Mapping[str, float]) -> Training:
    marks = {STEPS[split]}
    if name == "ncmmd":
        marks |= {equal_time(split, method, cost) for method in METHODS}
    return Training(
        name=f"{split}-{clips}-{name}-{seed}",
        recipe=recipe(METHODS[name], split=split, clips=clips, seed=seed),
        marks=tuple(sorted(marks)),
    )


def equal_time(split: Split, method: str, cost: Mapping[str, float]) -> int:
    """Steps of nCMMD in the time of the steps of a method."""
    return round(STEPS[split] * max(cost[name] for name in METHODS if (name in COSTLY) == (method in COSTLY)))


def long(seeds: int) -> list[Training]:
    """To the end of a training, measured on the way."""
    return [
        Training(
            name=f"long-{FULL}-{name}-{seed}",
            recipe=recipe(METHODS[name], seed=seed),
            marks=LONG,
            retrieval=False,
        )
        for seed in range(seeds)
        for name in ("ncmmd", "targets")
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
    parser.add_argument("--plan", choices=["standard", "sweep", "hard", "long", "all"], default="all")
    parser.add_argument(
        "--seeds", type=int, help="default: 5 for the standard plan, 3 for hard and long, 1 for the sweep"
    )
    parser.add_argument("--test-clips", type=int, default=32)
    parser.add_argument("--yamnet", type=Path, help="weights of YAMNet, to measure FAD by")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="one training, by name, in this process")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    cost = costs(folder)
    ratios = {name: found["ratio"] for name, found in cost.items()}
    plans = {
        "standard": standard(arguments.seeds or 5, ratios),
        "sweep": sweep(arguments.seeds or 1),
        "hard": hard(arguments.seeds or 3, ratios),
        "long": long(arguments.seeds or 3),
    }
    wanted = [one for name, plan in plans.items() if arguments.plan in (name, "all") for one in plan]
    if arguments.only:
        (training,) = (one for one in wanted if one.name == arguments.only)
        do(training, folder, test_clips=arguments.test_clips, yamnet=arguments.yamnet)
        return
    do_missing(wanted, folder, workers=arguments.workers)


def costs(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds of a step of every method, taken in turn in one run, their ratio to nCMMD's, and peak memory (MiB) of a
    process that trains so."""
    file = folder / "cost.json"
    if not file.exists():
        clips = encoded(recipe(METHODS["ncmmd"], seed=0), folder)
        runs = [started(recipe(config, seed=0), clips, steps=COST_STEPS)[1] for config in METHODS.values()]
        turns = [[report.seconds for report in turn] for turn in zip(*runs, strict=True)][5:]
        seconds = dict(zip(METHODS, map(statistics.median, zip(*turns, strict=True)), strict=True))
        found = {}
        for name, own in seconds.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                memory = pool.apply(peak_memory, (name, folder))
            found[name] = {"seconds": own, "ratio": own / seconds["ncmmd"], "mib": memory}
        file.write_text(json.dumps(found, indent=1) + "\n")
    return json.loads(file.read_text())


def peak_memory(method: str, folder: Path) -> float:
    """Of this process after ten steps, MiB; Linux tells it."""
    one = recipe(METHODS[method], seed=0)
    for _ in started(one, encoded(one, folder), steps=10)[1]:
        pass
    status = Path("/proc/self/status").read_text().split()
    return round(int(status[status.index("VmHWM:") + 1]) / 1024)


if __name__ == "__main__":
    main()
