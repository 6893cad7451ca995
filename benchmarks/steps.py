"""Measures alignment and quality over denoising steps and solvers, in all three directions.

    python benchmarks/steps.py FOLDER --picture PICTURE.png

Prints one table per family and direction. An interrupted run resumes.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from harness import options, stored
from matplotlib.figure import Figure
from trainings import ROWS, row_of

from cmmd.diffusion.direction import DIRECTIONS, Direction
from cmmd.diffusion.sampling_config import Sampler, SamplingConfig
from cmmd.documents.markdown import markdown_table
from cmmd.evaluation.samples.true_clips import WorldSet
from cmmd.evaluation.samples.world_scores import score_pipeline
from cmmd.pipelines.loading import load_pipeline
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance

STEPS = (1, 2, 4, 6, 8, 12, 25, 50)
SOLVERS: tuple[Sampler, ...] = ("ddim", "dpm++", "unipc")
TEST_SEED = 2_000_000
QUALITY: dict[Direction, str] = {
    "video_to_audio": "spectrogram",
    "audio_to_video": "pictures",
    "joint": "spectrogram",
}
"""Quality measure by direction: Frechet distance between generated and true frames; smaller is better."""


class Setting(NamedTuple):
    direction: Direction
    solver: Sampler
    steps: int

    @property
    def name(self) -> str:
        return f"{self.direction}-{self.solver}-{self.steps}"


def main() -> None:
    parser = options(__doc__, "folder", "--model", "--workers")
    parser.add_argument("--clips", type=int, default=60, help="a family")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    settings = [Setting(direction, solver, steps) for steps in STEPS for direction in DIRECTIONS for solver in SOLVERS]
    measure = partial(measured, folder=arguments.folder, model=arguments.model, clips=arguments.clips)
    with ProcessPoolExecutor(arguments.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting = [pool.submit(measure, setting) for setting in settings]
        rows = [one.result() for one in progress(waiting, "settings", unit="setting")]
    found = dict(zip(settings, rows, strict=True))
    print(tables(found))
    if arguments.picture:
        draw(found, arguments.picture)


def measured(setting: Setting, *, folder: Path, model: str | None, clips: int) -> list[dict[str, Any]]:
    """Returns one row per family. The result is stored in the folder and not measured again."""

    def measure() -> dict[str, Any]:
        sampling = SamplingConfig(steps=setting.steps, sampler=setting.solver)
        world, rows = WorldSet(clips=clips, seed=TEST_SEED), []
        for score in score_pipeline(load_pipeline(model, device="cpu"), world, [setting.direction], sampling):
            f1 = score.metric("onset F1 at 50 ms")
            rows.append(row_of(score) | {"interval": (f1.low, f1.high), "ceiling": f1.ceiling})
        record = provenance({"setting": setting._asdict(), "model": model, "clips": clips}, seed=TEST_SEED)
        return record | {"rows": rows}

    return stored(folder / f"{setting.name}.json", measure)["rows"]


def tables(found: dict[Setting, list[dict[str, Any]]]) -> str:
    """Returns one Markdown table per family and direction: F1@50 and quality of every solver."""
    parts = []
    for family, direction in ROWS:
        rows = []
        for steps in STEPS:
            cells = []
            for solver in SOLVERS:
                row = row_at(found, family, Setting(direction, solver, steps))
                low, high = row["interval"]
                cells += [f"{row['f1']:.3f} ({low:.3f}-{high:.3f})", f"{row[QUALITY[direction]]:.2f}"]
            rows.append((str(steps), *cells))
        head = ("steps", *(f"{solver}, {what}" for solver in SOLVERS for what in ("F1@50", QUALITY[direction])))
        parts += [f"{family}, {direction.replace('_', ' ')}:", markdown_table(rows, head=head)]
    return "\n\n".join(parts)


def row_at(found: dict[Setting, list[dict[str, Any]]], family: str, setting: Setting) -> dict[str, Any]:
    (row,) = (row for row in found[setting] if row["family"] == family)
    return row


def draw(found: dict[Setting, list[dict[str, Any]]], picture: Path) -> None:
    """Plots F1@50 (top) and quality (bottom), one column per family and direction, one line per solver."""
    figure = Figure(figsize=(3.2 * len(ROWS), 5.6), layout="constrained")
    panels = figure.subplots(2, len(ROWS), sharex=True)
    for column, (family, direction) in enumerate(ROWS):
        for solver in SOLVERS:
            rows = [row_at(found, family, Setting(direction, solver, steps)) for steps in STEPS]
            for axes, measure in zip(panels[:, column], ("f1", QUALITY[direction]), strict=True):
                axes.plot(STEPS, [row[measure] for row in rows], marker="o", markersize=3.5, label=solver)
        panels[0, column].axhline(row_at(found, family, Setting(direction, SOLVERS[0], 1))["ceiling"], ls=":", c="gray")
        panels[0, column].set_title(f"{family}, {direction.replace('_', ' ')}", fontsize=10)
        panels[0, column].set_ylim(0, 1.02)
        panels[1, column].set_yscale("log")
        panels[1, column].set_xscale("log")
        panels[1, column].set_xticks(STEPS, [str(steps) for steps in STEPS], minor=False)
        panels[1, column].minorticks_off()
        panels[1, column].set_xlabel("steps")
        panels[1, column].set_ylabel(f"{QUALITY[direction]} distance", fontsize=9)
        for axes in panels[:, column]:
            axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("F1@50")
    panels[0, 0].legend(frameon=False)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
