"""Times a clip when several processes share the processors, for several thread settings (ours).

    python benchmarks/threads.py --processes 1 3 --rounds 3

Every setting has separate processes, which load the shipped model and wait for requests. In each round and for each
number of processes (here 1, then 3), the settings take turns: each generates one clip in every process at the same
time. Other load on the machine therefore affects all settings alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from typing import IO

from cmmd.runtime.processors import processors
from cmmd.runtime.threads import COUNTS, WAITING, thread_settings

WAYS = {
    "torch's own": {},
    "the command's default": thread_settings({}),
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}


class Maker:
    """A process that generates one clip per line of its standard input."""

    def __init__(self, settings: dict[str, str], steps: int) -> None:
        plain = {name: value for name, value in os.environ.items() if name not in (*COUNTS, *WAITING)}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--make", str(steps)],
            env={**plain, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.wait()

    @property
    def pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None and self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def start(self) -> None:
        self.pipes[0].write("go\n")
        self.pipes[0].flush()

    def wait(self) -> None:
        assert self.pipes[1].readline(), "a process that makes clips has ended"

    def end(self) -> None:
        self.pipes[0].close()
        self.process.wait()


def make(steps: int) -> None:
    """Loads the model, generates a clip as a warm-up, then one clip per line of standard input."""
    from cmmd.data.world.families import world_clip
    from cmmd.pipelines.loading import load_pipeline

    pipeline, frames = load_pipeline(None, device="cpu"), world_clip("impacts", 0).frames
    pipeline.video_to_audio(frames, steps=steps)
    print("ready", flush=True)
    for _ in sys.stdin:
        pipeline.video_to_audio(frames, steps=steps)
        print("done", flush=True)


def seconds(makers: list[Maker]) -> float:
    """Starts all processes and returns the seconds until the last one has its clip."""
    started = time.perf_counter()
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.wait()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make)
        return
    teams = {
        way: [Maker(WAYS[way], arguments.steps) for _ in range(max(arguments.processes))] for way in arguments.ways
    }
    taken: dict[tuple[str, int], list[float]] = {}
    for _ in range(arguments.rounds):
        for count in arguments.processes:
            for way, makers in teams.items():
                taken.setdefault((way, count), []).append(seconds(makers[:count]))
                print(f"{way}, {count} at once: {taken[way, count][-1]:.2f} s", file=sys.stderr, flush=True)
    for makers in teams.values():
        for maker in makers:
            maker.end()
    load = f"{processors()} processors, load {os.getloadavg()[0]:.1f}"
    print(f"{load}; seconds of a clip of 1.6 s, {arguments.steps} steps, median of {arguments.rounds} rounds\n")
    print("| threads | " + " | ".join(f"{count} at once" for count in arguments.processes) + " |")
    print("|---|" + "---|" * len(arguments.processes))
    for way in teams:
        cells = (f"{statistics.median(taken[way, count]):.2f}" for count in arguments.processes)
        print(f"| {way} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
