"""Profiles a step: time by kind of operation, share of the processor's peak, and speed relative to another version.

    python benchmarks/step_profile.py --threads 1 --against ../cmmd-older --out profile.json

Measures denoising steps of sound, of pictures and of both, and a training step (forward and backward), at the shipped
size and at the base size (recipe aist.cmmd). Each version runs in a separate process. The versions take turns, so that
other load affects both, and ratios are medians of pairs. With one thread, seconds are processor seconds. Finally, the
cost of a clip is measured by its length, each length in a fresh process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from one_step import KINDS, OTHER, PYTHON, Case

from cmmd.documents.markdown import markdown_table
from cmmd.runtime.progress import progress
from cmmd.runtime.provenance import provenance

HERE = Path(__file__).parents[1]
STEPS = ("sound", "picture", "both", "training")
LENGTHS = (1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4)


class Version:
    """A process that runs steps of the version of the source in `folder`."""

    def __init__(self, folder: Path, threads: int) -> None:
        source = str(folder / "src")
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("one_step.py"), source, str(threads)],
            env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **request: Any) -> Any:
        pipes = self.process.stdin, self.process.stdout
        assert pipes[0] is not None and pipes[1] is not None
        try:
            pipes[0].write(json.dumps({"do": do, **request}) + "\n")
            pipes[0].flush()
            return json.loads(pipes[1].readline())
        except (BrokenPipeError, json.JSONDecodeError) as error:
            raise SystemExit("a process that runs steps has ended") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass(kw_only=True)
class Measured:
    """flops: FLOPs of a step. seconds: medians of this version and, if compared, of the other one. ratio: quartiles of
    the time of the other version divided by the time of this one. shares: of the time, by kind of operation."""

    case: Case
    flops: int
    seconds: list[float]
    ratio: list[float] = field(default_factory=list)
    shares: list[dict[str, float]] = field(default_factory=list)


def measure(versions: Sequence[Version], case: Case, *, rounds: int, budget: float) -> Measured:
    """Measures a case in all versions in turn: `rounds` rounds, or fewer to fit in `budget` seconds, but at least 3."""
    once = sum(min(version.ask("time", case=case, repeats=2)) for version in versions)
    repeats = max(1, min(5, int(0.2 / once)))
    rounds = max(3, min(rounds, int(budget / (once * repeats))))
    taken: list[list[float]] = [[] for _ in versions]
    for turn in range(rounds):
        order = range(len(versions)) if turn % 2 else reversed(range(len(versions)))
        for number in order:
            taken[number].append(statistics.median(versions[number].ask("time", case=case, repeats=repeats)))
    ratios = [other / own for own, other in zip(taken[0], taken[-1], strict=True)]
    profiled = max(5, min(25, int(budget / (4 * once))))
    return Measured(
        case=case,
        flops=versions[0].ask("flops", case=case),
        seconds=[statistics.median(times) for times in taken],
        ratio=statistics.quantiles(ratios, n=4) if len(versions) > 1 else [],
        shares=[version.ask("shares", case=case, repeats=profiled) for version in versions],
    )


def named(case: Case) -> str:
    return f"{case.size}, {case.step}, batch {case.batch}"


def table_of_steps(measured: Sequence[Measured], peak: float) -> str:
    """Returns a Markdown table. The share of the peak is FLOPs (by tensor shapes) per second, divided by `peak`."""
    head = ["step", "GFLOP", "ms", "of peak", "ms before", "of peak before", "times as fast", "quartiles"]
    rows = []
    for found in measured:
        row = [named(found.case), f"{found.flops / 1e9:.2f}"]
        for seconds in found.seconds:
            row += [f"{1000 * seconds:.1f}", f"{found.flops / seconds / peak:.2f}"]
        if found.ratio:
            row += [f"{found.ratio[1]:.2f}", f"{found.ratio[0]:.2f} to {found.ratio[2]:.2f}"]
        rows.append(row)
    return markdown_table(rows, head=head[: len(rows[0])])


def table_of_shares(measured: Sequence[Measured]) -> str:
    """Returns a Markdown table: percent of a step's time by kind of operation, as `other > this` for two versions."""
    kinds = (*KINDS, OTHER, PYTHON)
    rows = [
        [
            named(found.case),
            *(" > ".join(f"{100 * part[kind]:.0f}" for part in reversed(found.shares)) for kind in kinds),
        ]
        for found in measured
    ]
    return markdown_table(rows, head=["% of the time", *kinds])


def clip_costs(threads: int, steps: int) -> list[dict[str, float]]:
    """Returns length, seconds and peak memory (MiB) of a clip of each length, in a fresh process of this version."""
    found = []
    for seconds in progress(LENGTHS, "lengths"):
        with Version(HERE, threads) as version:
            found.append({"length": seconds, **version.ask("clip", seconds=seconds, steps=steps)})
    return found


def line_of_clips(found: Sequence[dict[str, float]], steps: int) -> str:
    """Returns a table, a line fitted to cost over length, and the ratio of memory of the longest and shortest clip."""
    lengths, taken, memory = (np.array([row[name] for row in found]) for name in ("length", "seconds", "peak_mib"))
    # The weights 1 / length minimise relative errors.
    slope, intercept = np.polyfit(lengths, taken, 1, w=1 / lengths)
    rows = [[f"{row['length']:.1f}", f"{row['seconds']:.3f}", f"{row['peak_mib']:.0f}"] for row in found]
    table = markdown_table(rows, head=["seconds of clip", f"seconds for {steps} steps", "peak MiB"])
    worst = np.abs(slope * lengths + intercept - taken).max() / taken.max()
    return (
        f"{table}\n\n{1000 * slope:.1f} ms a second of clip and {1000 * intercept:.1f} ms a clip; farthest from that"
        f" line: {worst:.1%} of the longest; memory of the longest over the shortest: {memory[-1] / memory[0]:.3f}"
    )


def commit_of(folder: Path) -> str:
    run = subprocess.run(["git", "-C", folder, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    return run.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    parser.add_argument("--sizes", nargs="+", choices=("shipped", "base"), default=["shipped", "base"])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a row, about")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clips", action=argparse.BooleanOptionalAction, default=True, help="cost by clip length")
    parser.add_argument("--out", type=Path, help="JSON file")
    arguments = parser.parse_args()
    folders = [HERE, *([arguments.against.resolve()] if arguments.against else [])]
    cases = [
        Case(size, step, batch) for size in arguments.sizes for step in arguments.steps for batch in arguments.batch
    ]
    versions = [Version(folder, arguments.threads) for folder in folders]
    machine = versions[0].ask("machine")
    print(f"peak {machine['peak'] / 1e9:.0f} GFLOP/s fp32, copying {machine['bandwidth'] / 1e9:.1f} GB/s,", end=" ")
    print(f"{arguments.threads} threads, load {os.getloadavg()[0]:.1f}\n")
    measured = [
        measure(versions, case, rounds=arguments.rounds, budget=arguments.budget) for case in progress(cases, "steps")
    ]
    for version in versions:
        version.__exit__()
    print(table_of_steps(measured, machine["peak"]), "\n", table_of_shares(measured), sep="\n")
    clips = clip_costs(arguments.threads, steps=2) if arguments.clips else []
    if clips:
        print("\n" + line_of_clips(clips, steps=2))
    if arguments.out:
        settings = {name: str(value) for name, value in vars(arguments).items()}
        found = {
            "machine": machine,
            "load": os.getloadavg(),
            "steps": [asdict(row) for row in measured],
            "clips": clips,
        }
        found["commits"] = [commit_of(folder) for folder in folders]
        arguments.out.write_text(json.dumps(found | provenance(settings, seed=0), indent=1) + "\n")


if __name__ == "__main__":
    main()
