"""A check-up as one HTML page: thumbnails, waveform and findings of every file (ours)."""

import base64
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.doctor.checkup import Checkup
from cmmd.doctor.examination import Examination
from cmmd.doctor.finding import VERDICTS
from cmmd.doctor.picture_findings import STANDSTILL
from cmmd.doctor.report import WORDS, described, summary
from cmmd.documents.html_templates import html_templates
from cmmd.files.unfinished_file import atomic_file

PICTURED = 2000
"""Number of files, worst first, that get pictures: with more than 20 MB of pictures a browser is slow."""
WAVE_HEIGHT = 40
LOUDEST_DB, QUIETEST_DB = 0.0, -60.0
"""Scale of the waveform: on a linear scale quiet sound is a flat line."""


def write_page(checkup: Checkup, out: Path) -> None:
    """Write the page of a check-up that ran with `drawn`. Raises InputError if `out` cannot be written."""
    templates = html_templates(Path(__file__).parent / "assets")
    templates.tests["examination"] = lambda examined: isinstance(examined, Examination)
    templates.globals |= {"data_address": _data_address, "waveform": _waveform, "described": described}
    total, *others = summary(checkup)
    text = templates.get_template("page.html").render(
        title=checkup.source.resolve().name,
        total=total.split(":")[0],
        lines=[line for line in others if not line.startswith(VERDICTS)],
        verdicts=[(verdict, WORDS[verdict], checkup.count(verdict)) for verdict in VERDICTS],
        kinds=_kinds(checkup),
        files=checkup.files,
        pictured=PICTURED,
    )
    with atomic_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # names may not be valid UTF-8


def _kinds(checkup: Checkup) -> list[tuple[str, str, int]]:
    """Severity, kind and number of files of every kind of finding, the worst and most frequent first."""
    found = Counter(kind for file in checkup.files for kind in {(f.severity, f.kind) for f in file.findings})
    rows = [(severity, kind, count) for (severity, kind), count in found.items()]
    return sorted(rows, key=lambda row: (VERDICTS.index(row[0]), -row[2], row[1]))


def _data_address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


class _Waveform(NamedTuple):
    """A drawing of `width` x `height`. outline: path of SVG. lost: (x, width) of stretches to mark."""

    width: int
    height: int
    outline: str
    lost: list[tuple[float, float]]


def _waveform(examined: Examination) -> _Waveform:
    """The peaks on a decibel scale as a symmetric outline, with the stretches that lack picture or sound."""
    peaks = examined.drawing.wave
    assert peaks is not None
    level = (20 * np.log10(np.maximum(peaks, 1e-9)) - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)
    half = np.clip(level, 0.01, 1) * WAVE_HEIGHT / 2
    above = [f"{x} {WAVE_HEIGHT / 2 - y:.1f}" for x, y in enumerate(half)]
    below = [f"{x} {WAVE_HEIGHT / 2 + y:.1f}" for x, y in reversed(list(enumerate(half)))]
    scale = len(peaks) / examined.seconds
    lost = [(start * scale, length * scale) for start, length in _lost(examined)]
    return _Waveform(len(peaks) - 1, WAVE_HEIGHT, f"M{'L'.join([*above, *below])}z", lost)


def _lost(examined: Examination) -> list[tuple[float, float]]:
    """Stretches without picture or without sound: (start, length) in s."""
    stretches = []
    if examined.pictures is not None and examined.pictures.longest_gap >= STANDSTILL:
        stretches.append((examined.pictures.longest_gap_at, examined.pictures.longest_gap))
    if examined.sound is not None and examined.sound.zero >= STANDSTILL:
        stretches.append((examined.sound.zero_at, examined.sound.zero))
    return stretches
