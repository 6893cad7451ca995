"""docs/scale.md: its table follows from the geometry and from rates that other pages give."""

import json
import math
import re
from pathlib import Path

from cmmd.clips.geometry import Geometry
from cmmd.data.preparing.prepare_config import PrepareConfig
from cmmd.data.preparing.request import MOST
from cmmd.engines import ray_connection, ray_workers
from cmmd.pretrained import SHIPPED_MODEL

SHIPPED_CHANNELS = len(json.loads((SHIPPED_MODEL / "model_index.json").read_text())["statistics"]["video"]["mean"])
DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "scale.md").read_text()


def told(page: str, pattern: str) -> list[float]:
    """The numbers that a page gives in the words of `pattern`."""
    hit = re.search(pattern, (DOCS / page).read_text())
    assert hit is not None, pattern
    return [float(number) for number in hit.groups()]


def number(cell: str) -> float:
    """A cell of the table; sizes in MB."""
    value, _, unit = cell.strip().replace(",", "").partition(" ")
    return float(value) * {"": 1, "h": 1, "MB": 1, "GB": 1000}[unit]


def test_the_table_follows_from_measured_rates():
    geometry, per_shard = Geometry(), PrepareConfig(autoencoder="shipped").requests_per_shard
    (clips_a_second,) = told("preparing.md", r"including encoding: ([\d.]+) clips per second and core")
    (spent,) = told("generating.md", r"10 clips of 1\.6 s took ([\d.]+) s of processor time")
    (items,) = told("training.md", r"`aist.cmmd`, fp32 \(TF32\), plain \| [\d,]+ \| 0 \| [\d.]+ ms \| \| (\d+) \|")
    sound = geometry.mels * geometry.fps * 8 * 2
    rows = re.findall(r"^\| ([\d,]+) h \|(.*)\|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == ["1", "100", "1,000"]
    for hours, cells in rows:
        video = number(hours) * 3600
        files = video / 10
        latents = [channels * geometry.latent_size**2 * geometry.fps * 2 for channels in (SHIPPED_CHANNELS, 32)]
        expected = [
            files,
            math.ceil(files / per_shard),
            *((one + sound) * video / 1e6 for one in latents),
            video / 4.8 / clips_a_second / 3600,
            video * spent / (10 * 1.6) / 3600,
            video / 1.6 / items / 3600,
        ]
        for cell, value in zip(cells.split("|"), expected, strict=True):
            assert abs(number(cell) - value) <= 0.06 * value, (hours, cell, value)
    assert f"{MOST:,} files or stretches" in PAGE


def test_the_page_gives_the_limits_of_the_code():
    assert f"within {ray_connection.ANSWERS_WITHIN:g} s" in PAGE
    assert (ray_workers.ATTEMPTS, ray_workers.PATIENCE) == (3, 120) and "After three deaths" in PAGE
    assert "waits for two minutes" in PAGE
