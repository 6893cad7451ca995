"""The log of a run: a JSON line a report, append-only, with the facts that make it reproducible in front (ours)."""

import json
from pathlib import Path
from typing import Any

from cmmd.output_folder import make_folder
from cmmd.unfinished_file import written_beside


class Log:
    """Appends to `log.jsonl`. A resumed run first drops the lines of steps that it will do again."""

    def __init__(self, path: Path, *, resume_at: int) -> None:
        self.path = path
        make_folder(path.parent)
        is_resumed = resume_at and path.exists()
        retained = [line for line in read_log(path) if line.get("step", 0) <= resume_at] if is_resumed else []
        with written_beside(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in retained))

    def write(self, **facts: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(facts) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """All complete lines of a log; a line cut short by a crash is left out."""
    lines = []
    for line in path.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines
