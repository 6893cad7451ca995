"""Trainings of seconds: a network of next to nothing on four clips of the world, through the command line."""

import json
from pathlib import Path
from typing import Any

from cmmd.cli import main

TINY = (
    "start=null",
    "copies=0",
    "network.video_widths=[8,16]",
    "network.audio_widths=[16,16]",
    "network.message_width=8",
    "network.heads=2",
    "network.attention_levels=[1]",
    "data.families=[impacts]",
    "data.clips=4",
    "data.frames=16",
    "loop.steps=2",
    "loop.batch_size=4",
    "loop.warmup=1",
    "loop.schedule=constant",
    "loop.log_every=1",
    "loop.evaluate_every=1",
)


def command(recipe: str, *settings: str, out: Path, tiny: bool = True) -> list[str]:
    """The words of `cmmd train`."""
    words = [word for setting in ((*TINY, *settings) if tiny else settings) for word in ("--set", setting)]
    return ["train", recipe, *words, "--out", str(out)]


def train(recipe: str, *settings: str, out: Path) -> list[dict[str, Any]]:
    """Train tiny; returns the lines of the log after the first one, which tells how it was made."""
    assert main(command(recipe, *settings, out=out)) == 0
    return logged(out)


def logged(out: Path) -> list[dict[str, Any]]:
    """The lines of steps in a run's log."""
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()][1:]
