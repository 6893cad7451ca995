"""Plants one mistake after the other in a copy of the source and runs the tests that must catch it.

Run by hand, from anywhere: `python tests/mutations.py [--only NAME] [--workers N]`. The mistakes are listed in
`tests/mutants/`. The exit code is 1 where one survives without a reason, or is caught in spite of one.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "mutants"))

from catalogue import MUTANTS  # noqa: E402
from mutant import SOURCE, Mutant  # noqa: E402

Outcome = Literal["caught", "survived", "not run"]
OUTCOMES: dict[int, Outcome] = {0: "survived", 1: "caught"}
"""By pytest's exit code; any other one says that no test was run, and decides nothing."""
LONGEST = 900
"""Seconds for the tests of a mutant. A mutant that hangs is caught."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """first_failure: the test that caught the mutant, or the end of what pytest said where none was run."""

    mutant: Mutant
    outcome: Outcome
    first_failure: str
    seconds: float

    @property
    def is_expected(self) -> bool:
        return self.outcome == ("survived" if self.mutant.reason else "caught")


def run_tests(source: Path, files: Sequence[str], only: str) -> tuple[Outcome, str]:
    """Run test files of the repository on the package in `source`."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        *files,
        *(["-k", only] if only else []),
    ]
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "caught", f"more than {LONGEST} s"
    outcome = OUTCOMES.get(done.returncode, "not run")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if outcome == "not run":
        return outcome, (done.stdout + done.stderr)[-1500:]
    return outcome, lines[0].split(" - ")[0].removeprefix("FAILED ") if lines else ""


def judge(mutant: Mutant, source: Path) -> Verdict:
    """Plant a mutant in a copy of the source, run its tests, and take it back."""
    path = source / "cmmd" / mutant.file
    original, started = path.read_text(encoding="utf-8"), time.monotonic()
    write(path, mutant.mutated(source))
    try:
        outcome, first_failure = run_tests(source, mutant.test_files, mutant.only)
    finally:
        write(path, original)
    return Verdict(mutant, outcome, first_failure, time.monotonic() - started)


def write(path: Path, text: str) -> None:
    """Replace a module and drop its bytecode, which Python would trust within the second in which it was written."""
    path.write_text(text, encoding="utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def require_green(mutants: Sequence[Mutant], source: Path) -> None:
    """Exit where the tests fail without any mutant: then a failure would say nothing."""
    chosen: dict[str, set[str]] = defaultdict(set)
    for mutant in mutants:
        for file in mutant.test_files:
            chosen[file].add(mutant.only)
    for file, only in chosen.items():
        outcome, told = run_tests(source, [file], "" if "" in only else " or ".join(f"({words})" for words in only))
        if outcome != "survived":
            sys.exit(f"{file} fails on the source as it is: {told}")


def judge_all(mutants: Sequence[Mutant], *, workers: int, check: bool) -> list[Verdict]:
    """Every worker has a copy of the source of its own."""
    with tempfile.TemporaryDirectory() as folder:
        sources: queue.Queue[Path] = queue.Queue()
        for number in range(workers):
            source = Path(folder) / str(number)
            shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
            sources.put(source)
        if check:
            require_green(mutants, Path(folder) / "0")

        def judged(mutant: Mutant) -> Verdict:
            source = sources.get()
            verdict = judge(mutant, source)
            sources.put(source)
            print(f"{verdict.outcome:9}{verdict.seconds:6.1f} s  {mutant.name}  [{verdict.first_failure}]", flush=True)
            return verdict

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(judged, mutants))


def report(verdicts: Sequence[Verdict]) -> None:
    """A table by folder of the source, then everything that is not as it should be."""
    rows: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        rows[str(Path(verdict.mutant.file).parent)].append(verdict)
    print(f"\n| {'source':12} | mutants | caught | share |\n|---|---|---|---|")
    for name, found in [*sorted(rows.items()), ("all", list(verdicts))]:
        caught = sum(verdict.outcome == "caught" for verdict in found)
        print(f"| {name:12} | {len(found):7} | {caught:6} | {caught / len(found):5.0%} |")
    for verdict in verdicts:
        if verdict.outcome != "caught" or not verdict.is_expected:
            kind = verdict.outcome if verdict.is_expected else f"{verdict.outcome.upper()}, not expected"
            print(f"\n{kind}: {verdict.mutant.name} ({verdict.mutant.file})\n  {verdict.mutant.reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants with this in their name or file")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests on the source as it is first")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if arguments.only in mutant.name or arguments.only in mutant.file]
    if not chosen:
        parser.error(f"no mutant has {arguments.only!r} in its name or file")
    verdicts = judge_all(chosen, workers=arguments.workers, check=not arguments.unchecked)
    report(verdicts)
    return int(not all(verdict.is_expected for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
