"""Progress of long work on stderr: a bar on a terminal, a plain line every ten seconds elsewhere (ours)."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0
LINE = "{desc}: {n_fmt} of {total_fmt}{unit}, {rate_fmt}, {elapsed} passed, {remaining} left{postfix}"


class Progress(tqdm):
    """A tqdm bar whose figures wait for its next redraw: refreshed at every step, a log would get a line a step."""

    def set_postfix(self, ordered_dict: Any = None, refresh: bool | None = False, **figures: Any) -> None:
        super().set_postfix(ordered_dict, refresh=refresh, **figures)


def progress(
    items: Iterable[Any] | int, label: str, *, unit: str = "step", start: int = 0, quiet: bool = False
) -> Progress:
    """Show how far the work is, how fast it goes and how long it still takes.

    `items` is what to iterate over, or the number of things to do: iterate over `range(start, items)` then, or call
    `.update(k)` and `.close()`. `start` things were done before (a resumed run). `.set_postfix(loss=...)` adds figures.
    Without a terminal nothing is written before ten seconds have passed, so short work stays silent.
    """
    work = {"iterable": range(start, items), "total": items} if isinstance(items, int) else {"iterable": items}
    if sys.stderr.isatty():
        look = {"unit": unit, "file": sys.stderr, "dynamic_ncols": True}
    else:
        look = {"unit": f" {unit}s", "bar_format": LINE, "file": _Lines()}
        look |= {"mininterval": SECONDS_BETWEEN_LINES, "delay": SECONDS_BETWEEN_LINES}
    return Progress(**work, desc=label, initial=start, disable=quiet, **look)


class _Lines:
    """The stderr on which tqdm's redrawn line becomes lines of their own."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()
