"""What every result carries, so that it can be made again (ours)."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cmmd import __version__


def provenance(config: dict[str, Any], *, seed: int) -> dict[str, Any]:
    """Configuration, seed, commit and versions: what every result carries."""
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
    """The source's git commit, with `+` after it when files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        sha = _git(folder, "rev-parse", "--short=12", "HEAD")
        return sha + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()
