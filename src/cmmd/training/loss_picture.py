"""Pictures of the losses and the gaps of a run, drawn from its log (ours)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cmmd.files.unfinished_file import atomic_file
from cmmd.training.cmmd_losses import NOISE_LEVELS
from cmmd.training.log import read_log

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOT_LOSSES = {"step", "seconds", "gradient_norm", "items_per_second", "share_of_peak"}
GAP = "gap_"
TARGET_GAP = "target_gap_"
HELD_OUT = "held_out_"


def draw_losses(log: Path, picture: Path) -> None:
    """Plot each loss term over the steps, smoothed, on a logarithmic axis. Writes nothing if the log has no steps."""
    from matplotlib.figure import Figure

    lines = _figures(log)
    if not lines:
        return
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = dict.fromkeys(name for line in lines for name in line)
    names = [name for name in names if name not in NOT_LOSSES and GAP not in name]
    for name in names:
        points = np.array([(line["step"], line[name]) for line in lines if line.get(name, 0) > 0])
        if not len(points):
            continue
        width = max(1, len(points) // 15)
        smooth = np.convolve(points[:, 1], np.ones(width) / width, mode="valid")
        axes.plot(points[width - 1 :, 0], smooth, label=name.replace("_", " "), linewidth=1.2)
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel(f"loss (mean of {max(1, len(lines) // 15)} reports)")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    _save(figure, picture)


def draw_gaps(log: Path, picture: Path) -> None:
    """Plot how much further wrong conditions and wrong targets are than the right ones, over the steps.

    There is one panel per kind of mismatch and one line per noise level. A gap that stays at 0 shows that the model
    does not use its condition. The gaps of held-out clips, if any, are the main lines; those of training clips are then
    pale. Writes no picture if the log has no gaps.
    """
    from matplotlib.figure import Figure

    lines = [line for line in _figures(log) if any(GAP in name for name in line)]
    names = list(dict.fromkeys(name for line in lines for name in line if GAP in name))
    kinds = list(dict.fromkeys(name.removeprefix(HELD_OUT) for name in names if "_noise" not in name))
    if not kinds:
        return
    figure = Figure(figsize=(3.9 * len(kinds), 3.4), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        is_held_out = HELD_OUT + kind in names
        for level in range(NOISE_LEVELS):
            times = f"{level / NOISE_LEVELS:g} to {(level + 1) / NOISE_LEVELS:g}"
            for name in (f"{kind}_noise{level + 1}", f"{HELD_OUT}{kind}_noise{level + 1}"):
                points = np.array([(line["step"], line[name]) for line in lines if name in line])
                if not len(points):
                    continue
                pale = is_held_out and not name.startswith(HELD_OUT)
                width = 1 if name.startswith(HELD_OUT) else max(1, len(points) // 15)
                smooth = np.convolve(points[:, 1], np.ones(width) / width, mode="valid")
                style = {"alpha": 0.25, "linewidth": 0.8} if pale else {"label": times, "linewidth": 1.4}
                axes.plot(points[width - 1 :, 0], smooth, color=f"C{level}", **style)
        axes.axhline(0, color="0.5", linewidth=0.8)
        of_target = kind.startswith(TARGET_GAP)
        axes.set_title(kind.removeprefix(TARGET_GAP if of_target else GAP).replace("_", " "))
        axes.set_xlabel("step")
        axes.set_ylabel("gap of the distance to targets" if of_target else "gap of the denoising error")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:  # with few clips, no noise level may have a value yet
            axes.legend(frameon=False, title="held out, noise t" if is_held_out else "noise t")
    _save(figure, picture)


def _figures(log: Path) -> list[dict[str, float]]:
    """The numbers in each line of the log that has a step."""
    return [
        {name: value for name, value in line.items() if isinstance(value, int | float)}
        for line in read_log(log)
        if "step" in line
    ]


def _save(figure: "Figure", picture: Path) -> None:
    with atomic_file(picture) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
