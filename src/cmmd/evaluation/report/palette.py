"""Colours, canvas and labels that all figures of a report share (colours: Okabe and Ito, apart for every vision)."""

import io
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from cmmd.evaluation.pictures import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.0  # inches: 9 points are then read at 700 pixels
SYSTEMS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TRUTH = "#555555"
DPI = 160

Arguments = ParamSpec("Arguments")


def colour(index: int) -> str:
    """Of the system (or curve) with this index; after six they begin again, and labels tell them apart."""
    return SYSTEMS[index % len(SYSTEMS)]


def short(name: str, most: int) -> str:
    """A name that fits a label: its middle is left out, as paths begin and end with what tells them apart."""
    if len(name) <= most:
        return name
    head = (most - 2) // 2
    return f"{name[:head]}..{name[len(name) - (most - 2 - head) :]}"


def in_style(draw: Callable[Arguments, "Figure"]) -> Callable[Arguments, "Figure"]:
    """Draw under the pictures' style, which leaves the caller's settings as they are."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "Figure":
        import matplotlib as mpl

        with mpl.rc_context(dict[Any, Any](STYLE)):
            return draw(*args, **kwargs)

    return drawn


def new_figure(height: float) -> "Figure":
    """A figure that belongs to no window and no global list."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    """The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
