"""The loss curve of a run, drawn from its log (ours)."""

from pathlib import Path

import numpy as np

from cmmd.training.log import read_log

NOT_LOSSES = {"step", "seconds", "gradient_norm"}


def draw_losses(log: Path, picture: Path) -> None:
    """One line a loss term over the steps, smoothed, on a logarithmic axis."""
    from matplotlib.figure import Figure

    lines = [line for line in read_log(log) if "step" in line]
    if not lines:
        return
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = [name for name in dict.fromkeys(name for line in lines for name in line) if name not in NOT_LOSSES]
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
    beside = picture.with_name(f".{picture.stem}.partial.png")
    figure.savefig(beside, dpi=120)
    beside.replace(picture)
