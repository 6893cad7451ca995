"""HTML of a finished generation: the player over the frames and the spectrogram, and the takes side by side (ours)."""

from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from cmmd.documents.html_templates import html_templates
from cmmd.evaluation.report.pictures import PLOT
from cmmd.serve.generating import Generation

FILE_ROUTE = "gradio_api/file="


def address(file: Path) -> str:
    """Returns the address of a file that the server may serve, relative to the page."""
    return FILE_ROUTE + quote(str(file))


def rounded(score: float) -> str:
    """Returns a score with two digits, without a sign if it is 0."""
    return f"{round(score, 2) + 0.0:.2f}"


TEMPLATES = html_templates(Path(__file__).parent / "assets")
TEMPLATES.filters |= {"address": address, "rounded": rounded}


class Notice(NamedTuple):
    """A message in a box. kind: its colour."""

    kind: Literal["warning", "error"]
    title: str
    text: str


def empty_html() -> str:
    """Returns what a tab shows before its first result."""
    return _render("empty.html")


def error_html(message: str) -> str:
    """Returns a message about a request that failed."""
    title = "This did not work"
    return _render("notice.html", notice=Notice("error", title, message.removeprefix(f"{title.lower()}: ")))


def result_html(generation: Generation) -> str:
    """Returns the result as HTML. The best take is selected, or the first one."""
    return _render(
        "result.html",
        generation=generation,
        first=next((take for take in generation.takes if take.best), generation.takes[0]),
        notice=None if generation.warning is None else _warning(generation.warning),
        facts=_facts(generation),
        plot=PLOT,
    )


def _warning(message: str) -> Notice:
    title = "Beyond what the model has learnt"
    text = message.removeprefix(f"{title.lower()}: ")
    return Notice("warning", title, text[:1].upper() + text[1:])


def _facts(generation: Generation) -> str:
    order, temperature = generation.order, generation.order.sampling.temperature
    parts = [f"{order.sampling.steps} steps", f"guidance {generation.takes[0].guidance:g}"]
    parts += [] if temperature is None else [f"temperature {temperature:g}"]
    parts += [f"seed {order.seed}"]
    return " · ".join([*parts, f"{generation.seconds:.1f} s to compute"])


def _render(name: str, **values: Any) -> str:
    return TEMPLATES.get_template(name).render(values)
