"""The data that the page contains, and the assembly of the page into one HTML file (ours)."""

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from cmmd.study.plan import KINDS, Plan
from cmmd.study.questions import QUESTIONS

SCRIPTS = ("chance.js", "memory.js", "tones.js", "screens.js", "study.js")
"""In the order of their dependencies."""


def page_data(
    plan: Plan, where: Mapping[str, str], *, questions: Sequence[str], headphones: int, forced: bool, title: str
) -> dict[str, Any]:
    """Returns the data that the page contains: settings, questions, opaque ids, clip addresses and the lists.

    where: clip id -> relative path or data URL. Each list entry is 2 * (trial number) + swapped.
    """
    numbers = {name: number for number, name in enumerate(plan.trials)}
    asked = [QUESTIONS[question] for question in questions]
    return {
        "title": title,
        "questions": [{"id": q.id, "name": q.name, "pair": q.pair, "rating": q.rating} for q in asked],
        "headphones": headphones,
        "forced": forced,
        "media": dict(where),
        "trials": [{"id": name, "kind": trial.kind, "media": trial.media} for name, trial in plan.trials.items()],
        "lists": {
            kind: [[2 * numbers[name] + swapped for name, swapped in row] for row in plan.lists[kind]] for kind in KINDS
        },
    }


def page_html(data: Mapping[str, Any]) -> str:
    """Returns the template with style, scripts and data inlined: a page opened from disk may load only media files."""
    page = files("cmmd.study") / "page"
    parts = {
        "TITLE": html.escape(data["title"]),
        "STYLE": (page / "study.css").read_text("utf-8"),
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),  # a title cannot contain </script>
        "SCRIPTS": "\n".join((page / name).read_text("utf-8") for name in SCRIPTS),
    }
    text = (page / "index.html").read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text
