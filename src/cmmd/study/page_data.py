"""The data that the page contains, and the assembly of the page into one HTML file (ours)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cmmd.documents.html_templates import html_templates
from cmmd.study.plan import KINDS, Plan
from cmmd.study.questions import QUESTIONS

PAGE = Path(__file__).parent / "page"


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
    """Returns the page with style, scripts and data inlined: a page opened from disk may load only media files."""
    return html_templates(PAGE).get_template("index.html").render(title=data["title"], data=data)
