"""Preference shares of every pair and mean opinion scores of every system, a column per question (paper: figure 5)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cmmd.evaluation.report.pictures import INK, MATCHED, STYLE, UNMATCHED
from cmmd.files.unfinished_file import atomic_file
from cmmd.study.plan import MISMATCHED, REAL
from cmmd.study.questions import QUESTIONS
from cmmd.study.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIR = "{}  |  {}"
NONE = "#dddddd"
BOUND = "#777777"  # ceiling and floor, which are not under comparison
COLUMN, ROW, LETTER = 2.9, 0.34, 0.078  # inches per question, per pair or system, per letter of a name
ABOVE, BELOW, GAP, LEGEND = 0.3, 0.45, 0.4, 0.27  # inches: margins of a panel, space between columns, legend row


def draw_results(results: Results, path: Path) -> None:
    """Write the figure as PNG. Raises InputError if `path` cannot be written."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    pairs = list(dict.fromkeys((row.first, row.second) for row in results.preferences))
    rated = [s for s in results.systems if any(row.system == s for row in results.opinions)]
    named = {"pairs": [PAIR.format(*pair) for pair in pairs], "ratings": rated}
    left = 0.3 + LETTER * max(len(name) for names in named.values() for name in names)
    legend_rows = 1 if len(results.questions) > 2 else 4
    width = left + COLUMN * len(results.questions)
    height = LEGEND * legend_rows + sum(ROW * len(names) + ABOVE + BELOW for names in named.values() if names)
    with mpl.rc_context(STYLE):  # pyright: ignore[reportArgumentType] - any name is a string to the outside
        figure = Figure(figsize=(width, height))
        _draw_legend(figure, pairs=bool(pairs), columns=4 // legend_rows)
        bottom = height - LEGEND * legend_rows
        for kind, names in named.items():
            if not names:
                continue
            bottom -= ABOVE + ROW * len(names)
            for column, question in enumerate(results.questions):
                box = (left + column * COLUMN, bottom, COLUMN - GAP, ROW * len(names))
                axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
                if kind == "pairs":
                    _draw_pairs(axes, results, question, pairs)
                else:
                    _draw_opinions(axes, results, question, rated)
                _name_rows(axes, names, shown=column == 0)
                if kind == "pairs" or not pairs:
                    axes.set_title(QUESTIONS[question].name, fontsize=10, color=INK)
            bottom -= BELOW
        with atomic_file(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor="white", format="png")


def _draw_pairs(axes: "Axes", results: Results, question: str, pairs: list[tuple[str, str]]) -> None:
    """Draw a stacked bar per pair: votes for the first, none and the second; a dot and a line: share and interval."""
    rows = {(row.first, row.second): row for row in results.preferences if row.question == question}
    for y, pair in enumerate(pairs):
        row = rows.get(pair)
        if row is None:
            continue
        votes = np.array([row.wins, row.ties, row.losses]) / (row.wins + row.ties + row.losses)
        starts = np.cumsum(votes) - votes
        for start, count, colour in zip(starts, votes, (MATCHED, NONE, UNMATCHED), strict=True):
            axes.barh(y, count, left=start, height=0.62, color=colour, alpha=0.55 if colour != NONE else 1)
        share = row.share
        axes.plot([share.low, share.high], [y, y], color=INK, linewidth=1.6, solid_capstyle="butt")
        axes.plot(share.value, y, "o", color=INK, markersize=4.5, clip_on=False)
        if row.p_holm < 0.05:
            axes.text(1.015, y, "*", ha="left", va="center", fontsize=11, color=INK)
    axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    axes.set_xlabel("votes (%)")


def _draw_opinions(axes: "Axes", results: Results, question: str, systems: list[str]) -> None:
    rows = {row.system: row for row in results.opinions if row.question == question}
    for y, system in enumerate(systems):
        if system not in rows:
            continue
        score, colour = rows[system].score, BOUND if system in (REAL, MISMATCHED) else MATCHED
        axes.plot([score.low, score.high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(score.value, y, "o", color=colour, markersize=6)
        axes.text(score.value, y - 0.2, f"{score.value:.2f}", ha="center", va="bottom", fontsize=7, color=INK)
    axes.set_xlim(0.9, 5.1)
    axes.set_xticks([1, 2, 3, 4, 5])
    axes.set_xlabel("mean opinion (1 bad, 5 excellent)")
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)


def _draw_legend(figure: "Figure", *, pairs: bool, columns: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    votes = ((MATCHED, 0.55, "for the first"), (NONE, 1, "no preference"), (UNMATCHED, 0.55, "for the second"))
    marks: list = [Patch(color=colour, alpha=alpha, label=label) for colour, alpha, label in votes if pairs]
    label = "mean and its 95 % interval over raters and items" + ("; * p < 0.05 (Holm)" if pairs else "")
    marks.append(Line2D([], [], color=INK, marker="o", markersize=4.5, linewidth=1.6, label=label))
    figure.legend(handles=marks, loc="upper left", ncols=columns, frameon=False, fontsize=8.5, borderaxespad=0.3)


def _name_rows(axes: "Axes", names: list[str], *, shown: bool) -> None:
    """Label the rows with the first row on top; only the first column shows the names."""
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_yticks(range(len(names)), names if shown else [""] * len(names))
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
