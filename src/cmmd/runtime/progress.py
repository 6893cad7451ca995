"""Progress of long work on stderr: a bar on a terminal, a plain line every ten seconds elsewhere (ours)."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0
LINE = "{desc}: {n_fmt} of {total_fmt}{unit}, {rate_fmt}, {elapsed} passed, {remaining} left{postfix}"


class Progress(tqdm):
    """A tqdm bar whose figures appear at its next redraw: a refresh at every step would write a log line per step."""

    def set_postfix(self, ordered_dict: Any = None, refresh: bool | None = False, **figures: Any) -> None:
        super().set_postfix(ordered_dict, refresh=refresh, **figures)


def progress(
    items: Iterable[Any] | int, label: str, *, unit: str = "step", start: int = 0, quiet: bool = False
) -> Progress:
    """Returns a bar that shows the work done, its speed and the time left.

    items: an iterable, or the number of items. With a number, the bar iterates over `range(start, items)`, or is
    advanced by `.update(k)` and ended by `.close()`. start: number of items done before, in a resumed run. quiet: show
    nothing. `.set_postfix(loss=...)` adds figures. Without a terminal nothing is written in the first ten seconds, so
    that short work is silent.
    """
    work = {"iterable": range(start, items), "total": items} if isinstance(items, int) else {"iterable": items}
    if sys.stderr.isatty():
        look = {"unit": unit, "file": sys.stderr, "dynamic_ncols": True}
    else:
        look = {"unit": f" {unit}s", "bar_format": LINE, "file": _Lines()}
        look |= {"mininterval": SECONDS_BETWEEN_LINES, "delay": SECONDS_BETWEEN_LINES}
    return Progress(**work, desc=label, initial=start, disable=quiet, **look)


class _Lines:
    """Writes every redraw of tqdm to stderr as a separate line."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()
