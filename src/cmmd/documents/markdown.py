"""Tables that read well as Markdown and in a terminal (ours)."""

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]], *, head: Sequence[str]) -> str:
    """Formats a table whose columns line up: every cell is padded to the width of its column."""
    widths = [max(len(line[k]) for line in (head, *rows)) for k in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines
    )
