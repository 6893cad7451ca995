"""Lets the tests of this folder import `tiny_runs`, which lies beside them (pytest imports without sys.path); trainings
of seconds do not take longer for what their records show.
"""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
counted: set[tuple[str, ...]] = set()
"""Of which objectives the operations were counted in this process."""


@pytest.fixture(autouse=True)
def short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations are counted in the first training of each objective only, which takes longer than a step of a tiny
    network, and are 0 in the others. The speed of the machine is not measured. Pictures have the lines of their panels
    in place of what they look like."""
    from matplotlib.figure import Figure

    from cmmd.training import throughput
    from cmmd.training.throughput import Throughput

    count = Throughput._flops  # pyright: ignore[reportPrivateUsage]

    def flops(own: Throughput, step: int) -> int:
        losses = own.objective.losses
        kind = (losses.__module__, losses.__qualname__, type(own.shadow).__qualname__)
        if kind in counted:
            return 0
        operations = count(own, step)
        counted.add(kind)
        return operations

    draw = Figure.savefig

    def savefig(figure: Figure, path: Path, **options: Any) -> None:
        if not isinstance(path, Path):  # a picture in a page
            return draw(figure, path, **options)
        path.write_text("".join(str(line.get_xydata()) for axes in figure.axes for line in axes.get_lines()))
        return None

    monkeypatch.setattr(Throughput, "_flops", flops)
    monkeypatch.setattr(throughput, "matrix_product_speed", lambda *_: 1e10)
    monkeypatch.setattr(Figure, "savefig", savefig)
