"""Small files that ask for much: no command needs more than 1.5 GB or a minute for any of them."""

import contextlib
import io
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from made_bombs import BOMBS
from watching import MEMORY, Watched, limit_memory, watched

from cmmd.cli import main
from cmmd.doctor.examination import examine
from cmmd.runtime.worker_processes import Failure, Workers

pytestmark = pytest.mark.slow

SECONDS = 60.0
"""Of the processors: the machine may be shared."""


class Job(NamedTuple):
    """words: of the command; `examine` stands for what `cmmd doctor` does with a file in a worker."""

    words: tuple[str, ...]


def attempt(job: Job) -> tuple[Watched, int | None, str]:
    """In a worker: peak and time, exit code, and what was told."""
    limit_memory(8)
    told = io.StringIO()
    codes: list[int] = []
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        if job.words[0] == "examine":
            found = watched(partial(examine, Path(job.words[1]), shortest=1.6, drawn=True))
        else:
            found = watched(lambda: codes.append(main(job.words)))
    return found, codes[0] if codes else None, told.getvalue()


@pytest.fixture(scope="module")
def workers():
    with Workers(attempt, count=1, seconds=5 * SECONDS) as team:
        yield team


def run(workers: Workers, words: tuple[str, ...]) -> tuple[Watched, str]:
    """Within bounds, with a result or a refusal in lines that are none of a traceback."""
    (outcome,) = workers.map([Job(words)])
    assert not isinstance(outcome, Failure), outcome
    found, code, told = outcome
    assert found.peak < MEMORY and found.seconds < SECONDS, found
    assert code in (None, 0, 1, 2) and "Traceback" not in told, told
    return found, told


@pytest.mark.parametrize("kind", BOMBS)
def test_a_media_file_that_asks_for_much(kind, tmp_path, workers):
    name, make = BOMBS[kind]
    path = tmp_path / name
    path.write_bytes(make(tmp_path))
    assert path.stat().st_size < 12_000_000
    examined, _ = run(workers, ("examine", str(path)))
    if "silence" in kind:  # to make half an hour of pictures takes long, and is what was asked for
        return
    made, told = run(workers, ("generate", str(path), "--steps", "1", "--out", f"{tmp_path}/made/"))
    print(
        f"{kind} | {path.stat().st_size / 1000:.0f} kB | {examined.peak:.0f} MB, {examined.seconds:.1f} s"
        f" | {made.peak:.0f} MB, {made.seconds:.1f} s | {told.splitlines()[0][-150:] if told else ''}"
    )
