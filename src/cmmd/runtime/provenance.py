"""The data that every result stores, so that it can be reproduced (ours)."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cmmd import __version__


def provenance(config: dict[str, Any], *, seed: int) -> dict[str, Any]:
    """Returns the configuration, seed, commit, machine type and versions to store with a result."""
    packages = ("torch", "diffusers", "numpy")
    return {
        "config": config,
        "seed": seed,
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {"cmmd": __version__} | {package: version(package) for package in packages},
    }


def commit() -> str | None:
    """Returns the source's git commit, followed by `+` if tracked files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        sha = _git(folder, "rev-parse", "--short=12", "HEAD")
        return sha + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()
