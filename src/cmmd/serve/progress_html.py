"""HTML of a job that waits or runs: its stage, a bar, and the time left (ours)."""

from html import escape

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
    known = share is not None
    value = f' aria-valuenow="{100 * share:.0f}"' if share is not None else ""
    width = f' style="width:{100 * share:.1f}%"' if share is not None else ""
    return (
        f'<div class="cmmd-progress" role="status"><p><b>{escape(text)}</b><span>{escape(detail)}</span></p>'
        f'<div class="cmmd-track" role="progressbar" aria-valuemin="0" aria-valuemax="100"{value} '
        f'aria-label="Progress"><i class="{"cmmd-known" if known else "cmmd-moving"}"{width}></i></div></div>'
    )
