"""Colours, canvas and labels of all report figures (colours: Okabe and Ito, distinguishable for every vision)."""

import io
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from cmmd.evaluation.report.pictures import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.0  # inches: 9 pt text is legible at 700 pixels
SYSTEMS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TRUTH = "#555555"
DPI = 160

Arguments = ParamSpec("Arguments")


def colour(index: int) -> str:
    """Colour of the system (or curve) with this index. Colours repeat after six; labels distinguish the rest."""
    return SYSTEMS[index % len(SYSTEMS)]


def short(name: str, most: int) -> str:
    """Shortens a name to `most` characters by omitting its middle: paths usually differ at the start and the end."""
    if len(name) <= most:
        return name
    head = (most - 2) // 2
    return f"{name[:head]}..{name[len(name) - (most - 2 - head) :]}"


def in_style(draw: Callable[Arguments, "Figure"]) -> Callable[Arguments, "Figure"]:
    """Decorator: draws with `STYLE`, then restores the caller's Matplotlib settings."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "Figure":
        import matplotlib as mpl

        with mpl.rc_context(dict[Any, Any](STYLE)):
            return draw(*args, **kwargs)

    return drawn


def new_figure(height: float) -> "Figure":
    """A figure `WIDTH` x `height` inches that is not registered with pyplot and opens no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    """Encodes a figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
