"""Kills a command at its n-th file operation, for all n or every k-th one, gives it again, and compares what is there.

    python killing.py {train,prepare,generate} FOLDER [--every K] [--model MODEL]

Prints a line of JSON: how many operations an undisturbed run has, at how many it was killed, and what differed. What
is killed is a forked child on one thread; what has no part in files (worker processes, the machine's speed) is replaced
by something faster.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from made_folder import made_clip
from matplotlib.figure import Figure
from serial_workers import SerialWorkers

import cmmd.pipeline
import cmmd.recipes.coupled_training  # noqa: F401 - once, for all children
from cmmd.cli import main
from cmmd.data.world.families import world_clip
from cmmd.training.throughput import Throughput

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}
TIMED = {"seconds", "items_per_second", "share_of_peak", "took"}
TRAIN = (
    *("network.video_widths=[8,16]", "network.audio_widths=[16,16]", "network.message_width=8", "network.heads=2"),
    *("network.attention_levels=[1]", "data.families=[impacts]", "data.clips=4", "data.frames=16", "loop.steps=3"),
    *("loop.batch_size=2", "loop.warmup=1", "loop.log_every=1", "loop.save_every=1", "held_out=0.5"),
    "loop.evaluate_every=2",
)


class Operations:
    """Counts what a process changes below a folder, and kills it at operation number `strike`, before it is done."""

    def __init__(self, folder: Path, strike: int | None) -> None:
        self.folder, self.strike, self.count, self.counts = str(folder), strike, 0, True
        sys.addaudithook(self.hook)
        self.flush, self.save = os.fsync, safetensors.torch.save_file
        os.fsync = self.fsync
        replace("cmmd.training.state", save_file=self.save_file)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.counts or (event != "open" and event not in CHANGES):
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        is_inside = path.startswith(self.folder) or (event in CHANGES and path and path[0] != "/")
        if is_inside and (event != "open" or arguments[2] & WRITES):
            self.operation(half=path if event == "open" and arguments[2] & os.O_APPEND else None)

    def fsync(self, descriptor: int) -> None:
        self.operation()
        self.flush(descriptor)

    def save_file(self, tensors: Any, path: Path) -> None:
        self.operation(half=str(path))
        self.save(tensors, path)

    def operation(self, half: str | None = None) -> None:
        self.count += 1
        if self.count == self.strike:
            self.counts = False
            if half:  # as much as reached the disk
                with Path(half).open("ab") as file:
                    file.write(b'{"step": 1, "lo')
            os.kill(os.getpid(), signal.SIGKILL)


def replace(module: str, **names: Any) -> None:
    for name, value in names.items():
        setattr(import_module(module), name, value)


def replace_what_costs_time() -> None:
    def render(config: Any, *, fps: int, image_size: int) -> Any:
        for seed in range(config.seed, config.seed + config.clips):
            yield world_clip("impacts", seed, frames=config.frames, fps=fps, image_size=image_size)

    replace("cmmd.data.world.encoding", render=render)
    replace("cmmd.data.preparing.prepare", Workers=SerialWorkers)
    replace("cmmd.training.throughput", matrix_product_speed=lambda *_: 1e9)
    replace("cmmd.training.run", provenance=lambda config, seed: {"config": config, "seed": seed})
    setattr(Throughput, "figures", lambda *_: {})  # noqa: B010 - another type
    setattr(Figure, "savefig", drawn)  # noqa: B010


def drawn(figure: Figure, path: Path, **_: Any) -> None:
    """The lines of a picture, in place of what it looks like."""
    path.write_text(str([line.get_xydata() for axes in figure.axes for line in axes.get_lines()]))


def in_child(folder: Path, words: list[str], *, strike: int | None = None) -> tuple[int, int]:
    """How a command ended (its exit code, or the negative number of a signal), and how many operations it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        operations = Operations(folder, strike)
        with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
            code = main(words)
        os.write(writing, str(operations.count).encode())
        os._exit(code)
    os.close(writing)
    count = os.read(reading, 20)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(count or 0)


def contents(folder: Path) -> dict[str, Any]:
    """Every file below a folder: its bytes, or those figures of a log that are not of the clock."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "log.jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = [{key: line[key] for key in line.keys() - TIMED} for line in lines]
        elif path.name == "made.jsonl":  # the newest line of each result
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = {line["result"]: {key: line[key] for key in line.keys() - TIMED} for line in lines}
            for line in found[name].values():
                del line["result_file"]["time_ns"]
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def train_words(folder: Path) -> list[str]:
    """The command that begins a run, or goes on with it."""
    out = str(folder / "run")
    if (folder / "run/config.yaml").exists():
        return ["train", "--resume", "--out", out]
    return ["train", "world.tiny", *(word for setting in TRAIN for word in ("--set", setting)), "--out", out]


def prepare_words(folder: Path) -> list[str]:
    small = ["--seconds", "1.6", "--files-per-shard", "2", "--workers", "1", "--validation", "0.3"]
    return ["prepare", str(folder.parent / "media"), str(folder / "prepared"), *small]


def generate_words(folder: Path, model: str) -> list[str]:
    words = ["generate", str(folder.parent / "media"), "--out", str(folder / "made"), "--model", model]
    return [*words, "--takes", "2", "--steps", "1"]


def main_of_test() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["train", "prepare", "generate"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--model", help="of generate")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    replace_what_costs_time()
    generate = partial(generate_words, model=arguments.model)
    words = {"train": train_words, "prepare": prepare_words, "generate": generate}[arguments.command]
    for number in range(3):
        made_clip(arguments.folder / f"media/{number}.mkv", seconds=1.6, seed=number)
    work, differences = arguments.folder / "work", []
    work.mkdir()
    code, operations = in_child(work, words(work))
    assert code == 0
    whole = contents(work)
    strikes = range(1, operations + 1, arguments.every)
    for strike in strikes:
        shutil.rmtree(work)
        work.mkdir()
        killed, _ = in_child(work, words(work), strike=strike)
        ended, _ = in_child(work, words(work))
        found = contents(work)
        wrong = [name for name in sorted(whole.keys() | found.keys()) if whole.get(name, 0) != found.get(name, 0)]
        if killed != -signal.SIGKILL or ended != 0 or wrong:
            differences.append({"operation": strike, "killed": killed, "ended": ended, "differ": wrong})
    files = sum(value is not None for value in whole.values())
    print(json.dumps({"operations": operations, "kills": len(strikes), "files": files, "differences": differences}))


if __name__ == "__main__":
    main_of_test()
