"""Compares training methods with a base method over paired seeds, at equal steps and at equal time."""

import json
import multiprocessing
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainings import MEASURES, ROWS, Place, Seeds, Training, encoded, mean_of, paired, started, told, values

from cmmd.documents.markdown import markdown_table
from cmmd.recipes.coupled import CoupledRecipe

COST_STEPS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A base method and the methods compared with it.

    title: title of the tables. prefix: prefix of the names of the trainings. recipes: recipe of each method, whose seed
    is replaced. base: name of the base method. steps: training steps of every method. ratios: step time of each method
    divided by that of the base; the base is also measured at the equal-time step of each other method. less: methods
    that are also sampled with less guidance. retrieval: whether retrieval is measured.
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
        """Returns the number of steps of the base that take as long as `steps` of the method."""
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
        """Returns the trainings of all methods, ordered by seed."""
        return [self.training(method, seed) for seed in range(seeds) for method in self.recipes]

    def tables(self, folder: Path, *, seeds: int) -> list[str]:
        """Returns Markdown: a title and a table for every measure that has results."""
        methods = {name: {seed: self.training(name, seed) for seed in range(seeds)} for name in self.recipes}
        return [part for measure in MEASURES for part in self._table(measure, methods, folder)]

    def _table(self, measure: str, methods: Mapping[str, Seeds], folder: Path) -> list[str]:
        """One row per family and direction: the base, then the differences of the other methods from it at equal steps
        and at equal time, under the usual guidance. The last columns compare the methods of `less` under less guidance
        with the base under the usual guidance, at equal time."""
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
    """Returns for every method `seconds` per step (median; the methods take turns in one run), `ratio` to the base, and
    `mib`, the peak memory of a training process in MiB.

    file: JSON record; a complete record is not measured again. The encoded clips are stored in the same folder.
    """
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
    """Groups the trainings whose names start with `prefix` by method (or by name in a sweep) and by seed."""
    found: dict[str, dict[int, Training]] = {}
    for one in trainings:
        if one.name.startswith(prefix):
            name = one.name.removeprefix(prefix).rpartition("-")[0]
            found.setdefault(name, {})[one.recipe.loop.seed] = one
    return found


def _peak_memory(recipe: CoupledRecipe, folder: Path) -> float:
    """Returns the peak memory of this process after ten training steps, in MiB (Linux)."""
    for _ in started(recipe, encoded(recipe, folder), steps=10)[1]:
        pass
    status = Path("/proc/self/status").read_text().split()
    return round(int(status[status.index("VmHWM:") + 1]) / 1024)
