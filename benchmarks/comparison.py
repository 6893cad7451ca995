"""Methods of training against one of them, over paired seeds: after as many steps, and after as much time."""

import json
import multiprocessing
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainings import MEASURES, ROWS, Place, Seeds, Training, encoded, mean_of, paired, started, told, values

from cmmd.markdown import markdown_table
from cmmd.recipes.coupled import CoupledRecipe

COST_STEPS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """title: of its tables. prefix: of the names of its trainings. recipes: by method; their seeds are set here.
    base: the method that the others are compared with. steps: of all of them.

    ratios: time of a step of each method over the base's: the base is also measured after the time of the others.
    less: methods that are sampled with less guidance too. retrieval: whether that is measured.
    """

    title: str
    prefix: str
    recipes: Mapping[str, CoupledRecipe]
    base: str
    steps: int
    ratios: Mapping[str, float]
    less: tuple[str, ...] = ()
    retrieval: bool = True

    @property
    def others(self) -> list[str]:
        return [name for name in self.recipes if name != self.base]

    def equal_time(self, method: str) -> int:
        """Steps of the base in the time of the steps of a method."""
        return round(self.steps * self.ratios[method])

    def training(self, method: str, seed: int) -> Training:
        recipe = self.recipes[method]
        marks = {self.steps}
        if method == self.base:
            marks |= {self.equal_time(other) for other in self.others}
        return Training(
            name=f"{self.prefix}-{method}-{seed}",
            recipe=replace(recipe, loop=replace(recipe.loop, seed=seed)),
            marks=tuple(sorted(marks)),
            retrieval=self.retrieval,
            less=method in self.less,
        )

    def trainings(self, seeds: int) -> list[Training]:
        """All methods, seed by seed."""
        return [self.training(method, seed) for seed in range(seeds) for method in self.recipes]

    def tables(self, folder: Path, *, seeds: int) -> list[str]:
        """Markdown: a table a measure that was taken."""
        methods = {name: {seed: self.training(name, seed) for seed in range(seeds)} for name in self.recipes}
        return [part for measure in MEASURES for part in self._table(measure, methods, folder)]

    def _table(self, measure: str, methods: Mapping[str, Seeds], folder: Path) -> list[str]:
        """A row a direction: the base, and how far the others are from it at equal steps and at equal time, under one
        guidance for all; then those with less guidance from the base with the usual one, at equal time."""
        rows = []
        for family, direction in ROWS:
            place = Place(measure, family, direction)
            less = place if measure == "retrieval" else replace(place, guidance="less")
            base = values(methods[self.base], folder, place, step=self.steps)
            if not base:
                continue
            found = {name: values(methods[name], folder, place, step=self.steps) for name in self.others}
            later = {
                name: values(methods[self.base], folder, place, step=self.equal_time(name)) for name in self.others
            }
            row = [f"{family}, {direction.replace('_', ' ')}", str(len(base)), mean_of(base, measure)]
            for name, own in found.items():
                row += [told(paired(own, reference), measure) for reference in (base, later[name])]
            for name in self.less:
                own = values(methods[name], folder, less, step=self.steps)
                row.append(told(paired(own, later[name]), measure))
            rows.append(row)
        if not rows:
            return []
        head = [
            "",
            "seeds",
            self.base,
            *(f"{name}, equal {what}" for name in self.others for what in ("steps", "time")),
        ]
        head += [f"{name}, less guidance" for name in self.less]
        return [f"{self.title}, {MEASURES[measure]}:", markdown_table(rows, head=head)]


def costs(recipes: Mapping[str, CoupledRecipe], base: str, file: Path) -> dict[str, dict[str, float]]:
    """Of every method: seconds of a step, taken in turn in one run, their ratio to the base's, and peak memory (MiB) of
    a process that trains so; measured once. file: of the record, next to the encoded clips."""
    folder = file.parent
    found: dict[str, dict[str, float]] = json.loads(file.read_text()) if file.exists() else {}
    if not set(recipes) <= set(found):
        runs = [started(recipe, encoded(recipe, folder), steps=COST_STEPS)[1] for recipe in recipes.values()]
        turns = [[report.seconds for report in turn] for turn in zip(*runs, strict=True)][5:]
        seconds = dict(zip(recipes, map(statistics.median, zip(*turns, strict=True)), strict=True))
        for name, own in seconds.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                memory = pool.apply(_peak_memory, (recipes[name], folder))
            found[name] = {"seconds": own, "ratio": own / seconds[base], "mib": memory}
        file.write_text(json.dumps(found, indent=1) + "\n")
    return found


def cost_table(cost: Mapping[str, Mapping[str, float]], base: str) -> str:
    rows = [
        (name, f"{found['seconds']:.3f} s", f"{found['ratio']:.3f}", f"{found['mib']:.0f} MiB")
        for name, found in cost.items()
    ]
    return markdown_table(rows, head=("", "time", f"over {base}", "peak memory"))


def by_method(trainings: Sequence[Training], prefix: str) -> dict[str, dict[int, Training]]:
    """Trainings by method (or name in a sweep) and seed."""
    found: dict[str, dict[int, Training]] = {}
    for one in trainings:
        if one.name.startswith(prefix):
            name = one.name.removeprefix(prefix).rpartition("-")[0]
            found.setdefault(name, {})[one.recipe.loop.seed] = one
    return found


def _peak_memory(recipe: CoupledRecipe, folder: Path) -> float:
    """Of this process after ten steps, MiB; Linux tells it."""
    for _ in started(recipe, encoded(recipe, folder), steps=10)[1]:
        pass
    status = Path("/proc/self/status").read_text().split()
    return round(int(status[status.index("VmHWM:") + 1]) / 1024)
