"""HTML of a job that waits or runs: its stage, a bar, and the time left (ours)."""

from cmmd.serve.player import TEMPLATES
from cmmd.serve.stages import Stage


def waiting_html(ahead: int) -> str:
    """Returns the message of a job in the queue. ahead: number of jobs before it."""
    text = "Starting" if ahead == 0 else f"Waiting: {ahead} before yours"
    return _bar(text, "", None)


def stage_html(stage: Stage) -> str:
    """Returns the message of a running job."""
    steps = f"step {stage.done} of {stage.total}" if stage.done else ""
    left = "" if stage.seconds_left is None else f"{time_left(stage.seconds_left)} left"
    return _bar(stage.text, " · ".join(part for part in (steps, left) if part), stage.share if stage.done else None)


def time_left(seconds: float) -> str:
    """Returns a time in words: `4 s`, `2 min 05 s`."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def _bar(text: str, detail: str, share: float | None) -> str:
    """share: 0 to 1, or None for a bar that only moves."""
    return TEMPLATES.get_template("progress.html").render(text=text, detail=detail, share=share)
