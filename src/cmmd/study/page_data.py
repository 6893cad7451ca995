"""The page itself: what it is told about the study, and the one file made of its parts (ours)."""

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from cmmd.study.plan import KINDS, Plan
from cmmd.study.questions import QUESTIONS

SCRIPTS = ("chance.js", "memory.js", "tones.js", "screens.js", "study.js")
"""In the order in which they build on each other."""


def page_data(
    plan: Plan, where: Mapping[str, str], *, questions: Sequence[str], headphones: int, forced: bool, title: str
) -> dict[str, Any]:
    """What the page knows: opaque ids, where each clip is, and the lists. An entry of a list is 2 trial + swapped."""
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
    """The template with its style, scripts and data inside: a page opened from a disk may load nothing but media."""
    page = files("cmmd.study") / "page"
    parts = {
        "TITLE": html.escape(data["title"]),
        "STYLE": (page / "study.css").read_text("utf-8"),
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),  # no </script> in a title
        "SCRIPTS": "\n".join((page / name).read_text("utf-8") for name in SCRIPTS),
    }
    text = (page / "index.html").read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text
