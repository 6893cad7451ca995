"""What several benchmarks share: options of the command line, and results that are stored and not measured again."""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHARED: dict[str, dict[str, Any]] = {
    "folder": {"type": Path},
    "--model": {"help": "folder or name; default: the shipped one"},
    "--seeds": {"type": int, "default": 3},
    "--test-clips": {"type": int, "default": 32},
    "--yamnet": {"type": Path, "help": "weights of YAMNet, to measure FAD by"},
    "--workers": {"type": int, "default": os.cpu_count()},
    "--only": {"help": "one training, by name, in this process"},
}


def options(about: str | None, *names: str) -> argparse.ArgumentParser:
    """Returns a parser with the options of `SHARED` that are named. about: the script's docstring."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in names:
        parser.add_argument(name, **SHARED[name])
    return parser


def stored(file: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns the record in `file`, and measures and stores it if there is none."""
    if not file.exists():
        beside = file.with_suffix(".partial")
        beside.write_text(json.dumps(measure(), indent=1) + "\n")
        beside.replace(file)
    return json.loads(file.read_text())
