"""An order of the page: what to generate, from which file, with which settings; checked before any work (ours).

The values come from a browser and are not trusted: any client can send any value, whatever the page offers.
"""

import math
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from cmmd.clips.kept_stretches import Stretch
from cmmd.diffusion.sampling_config import HOTTEST, STRONGEST, SamplingConfig
from cmmd.errors import InputError
from cmmd.generation.output_plan import Target
from cmmd.serve.limits import Limits

Task = Literal["sound", "video", "both", "keep"]
TARGETS: tuple[Target, ...] = get_args(Target)
SEEDS = 2**31


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """target: what is generated. source: the given file; None for joint generation from nothing. keep: stretches of the
    source that stay. seconds: length of a joint result; None is the length of the source. seed: of the first take."""

    target: Target
    source: Path | None
    keep: tuple[Stretch, ...] = ()
    seconds: float | None = None
    sampling: SamplingConfig
    seed: int
    takes: int = 1

    @property
    def total_steps(self) -> int:
        return self.sampling.steps * self.takes


def read_order(task: Task, values: dict[str, Any], limits: Limits) -> Order:
    """Checks the values of a tab and returns the order.

    values: source (path or None), target, start, end and seconds (numbers or None; only for the tasks that have them),
    steps, guidance and temperature (the defaults of the model if they are None), seed (-1: random), takes. start, end,
    seconds, guidance and temperature may be texts, of which an empty one is None.

    Raises InputError, naming the field, for a missing file and for values out of range.
    """
    source = values.get("source")
    if task != "both" and not source:
        needed = {"sound": "a video", "video": "a sound"}.get(task, "a video with sound")
        raise InputError.about("the upload", found="no file", expected=needed)
    takes = _whole(values, "takes", 1, limits.takes)
    seed = _whole(values, "seed", -1, SEEDS - takes)
    target, keep = _target(task, values)
    seconds = None
    if target == "both":
        read = _number if task == "both" else _optional  # a clip that goes on has a length of its own
        seconds = read(values, "seconds", 0.1, limits.seconds)
    return Order(
        target=target,
        source=None if task == "both" else Path(source or ""),
        keep=keep,
        seconds=seconds,
        sampling=SamplingConfig(
            steps=_whole(values, "steps", 1, limits.steps),
            guidance=_optional(values, "guidance", 0, STRONGEST),
            temperature=_optional(values, "temperature", 0, HOTTEST),
        ),
        seed=secrets.randbelow(SEEDS - takes + 1) if seed == -1 else seed,
        takes=takes,
    )


def _target(task: Task, values: dict[str, Any]) -> tuple[Target, tuple[Stretch, ...]]:
    if task == "keep":
        wanted = values.get("target")
        target: Target | None = next((known for known in TARGETS if known == wanted), None)
        if target is None:
            raise InputError.about("what to generate", found=f"{wanted!r:.60}", expected=" or ".join(TARGETS))
        start, end = (_number(values, name, 0, math.inf) for name in ("start", "end"))
        return target, ((start, end),)
    targets: dict[Task, Target] = {"sound": "audio", "video": "video", "both": "both"}
    return targets[task], ()


def _optional(values: dict[str, Any], name: str, least: float | int, most: float | int) -> float | None:
    value = values.get(name)
    empty = value is None or (isinstance(value, str) and not value.strip())
    return None if empty else _number(values, name, least, most)


def _number(values: dict[str, Any], name: str, least: float | int, most: float | int) -> float:
    value = values.get(name)
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, float | int) or not least <= value <= most:  # nan too
        expected = f"a number from {least:g} to {most:g}" if math.isfinite(most) else f"a number of at least {least:g}"
        raise InputError.about(name, found=f"{value!r:.60}", expected=expected)
    return float(value)


def _whole(values: dict[str, Any], name: str, least: int, most: int) -> int:
    number = _number(values, name, least, most)
    if number != int(number):
        raise InputError.about(name, found=f"{number:g}", expected="a whole number")
    return int(number)
