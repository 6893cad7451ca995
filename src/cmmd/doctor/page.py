"""A check-up as one HTML page: thumbnails, waveform and findings of every file (ours).

The page is a single file. Its content security policy forbids requests for anything outside it.
"""

import base64
from collections import Counter
from html import escape
from pathlib import Path

import numpy as np

from cmmd.doctor.checkup import CheckedFile, Checkup
from cmmd.doctor.examination import Examination
from cmmd.doctor.finding import VERDICTS
from cmmd.doctor.page_style import SCRIPT, STYLE
from cmmd.doctor.picture_findings import STANDSTILL
from cmmd.doctor.report import WORDS, described, summary
from cmmd.unfinished_file import written_beside

PICTURED = 2000
"""Number of files, worst first, that get pictures: with more than 20 MB of pictures a browser is slow."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
WAVE_HEIGHT = 40
LOUDEST_DB, QUIETEST_DB = 0.0, -60.0
"""Scale of the waveform: on a linear scale quiet sound is a flat line."""


def write_page(checkup: Checkup, out: Path) -> None:
    """Write the page of a check-up that ran with `drawn`. Raises InputError if `out` cannot be written."""
    articles = [_article(file, pictured=place < PICTURED) for place, file in enumerate(checkup.files)]
    title = escape(checkup.source.resolve().name)
    text = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}: cmmd doctor</title>
<style>{STYLE}</style>
<header><div>
{_head(checkup, title)}
</div></header>
<main>
{"".join(articles)}
<p class="empty" hidden>No file is like that.</p>
</main>
<script>{SCRIPT}</script>
</html>
"""
    with written_beside(out) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")  # names may not be valid UTF-8


def _head(checkup: Checkup, title: str) -> str:
    """Name, counts, filters, and the table of findings."""
    counts = {verdict: checkup.count(verdict) for verdict in VERDICTS}
    total, *others = summary(checkup)
    bars = "".join(f'<i class="{name}" style="flex:{count}"></i>' for name, count in counts.items() if count)
    buttons = "".join(
        f'<button class="{name}" value="{name}" aria-pressed="false"{" disabled" * (not counts[name])}>'
        f"<b>{counts[name]}</b> {WORDS[name]}</button>"
        for name in VERDICTS
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in others if not line.startswith(VERDICTS))
    return f"""<h1>{title} <small>{escape(total.split(":")[0])}</small></h1>
{lines}
<div class="bar">{bars}</div>
<div class="filters"><button value="" aria-pressed="true"><b>{len(checkup.files)}</b> all</button>{buttons}
<input type="search" placeholder="Name or finding" aria-label="Name or finding"></div>
{_kinds(checkup)}"""


def _kinds(checkup: Checkup) -> str:
    """Table of the kinds of findings with their number of files, the worst and most frequent first."""
    found = Counter(kind for file in checkup.files for kind in {(f.severity, f.kind) for f in file.findings})
    rows = sorted(found.items(), key=lambda row: (VERDICTS.index(row[0][0]), -row[1], row[0][1]))
    cells = "".join(
        f"<tr class={severity}><td>{count}</td><td>{escape(kind)}</td><td>{severity}</td></tr>"
        for (severity, kind), count in rows
    )
    return (
        f"<details><summary>What was found in how many files</summary><table>{cells}</table></details>" if rows else ""
    )


def _article(file: CheckedFile, *, pictured: bool) -> str:
    examined = file.examined
    figure = _figure(examined) if pictured and isinstance(examined, Examination) else ""
    findings = "".join(
        f'<li class="{finding.severity}"><b>{escape(finding.kind)}</b>: {escape(finding.text)}</li>'
        for finding in file.findings
    )
    return f"""<article class="{file.verdict}{"" if figure else " bare"}">
<h2>{escape(file.name)} <small>{escape(described(file))}</small></h2>
{figure}<ul>{findings or '<li class="fine">nothing found</li>'}</ul>
</article>
"""


def _figure(examined: Examination) -> str:
    """Strip and waveform; the width of each is the length of the file."""
    strip, wave = '<div class="none tall">no picture</div>', '<div class="none">no sound</div>'
    if examined.strip is not None:
        data = base64.b64encode(examined.strip).decode()
        strip = f'<div class="strip"><img src="data:image/jpeg;base64,{data}" alt="pictures of the file"></div>'
    if examined.wave is not None:
        wave = _waveform(examined.wave, lost=_lost(examined))
    scale = f"<span>0 s</span><span>{examined.seconds:.2f} s</span>"
    return f"<figure>{strip}{wave}<figcaption>{scale}</figcaption></figure>\n"


def _lost(examined: Examination) -> list[tuple[float, float]]:
    """Stretches without picture or without sound: (start, length) in shares of the file's length."""
    stretches = []
    if examined.pictures is not None and examined.pictures.longest_gap >= STANDSTILL:
        stretches.append((examined.pictures.longest_gap_at, examined.pictures.longest_gap))
    if examined.sound is not None and examined.sound.zero >= STANDSTILL:
        stretches.append((examined.sound.zero_at, examined.sound.zero))
    return [(start / examined.seconds, length / examined.seconds) for start, length in stretches]


def _waveform(peaks: np.ndarray, *, lost: list[tuple[float, float]]) -> str:
    """SVG of peaks (n,) on a decibel scale as a symmetric outline; the `lost` stretches are marked."""
    level = (20 * np.log10(np.maximum(peaks, 1e-9)) - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)
    half = np.clip(level, 0.01, 1) * WAVE_HEIGHT / 2
    above = [f"{x} {WAVE_HEIGHT / 2 - y:.1f}" for x, y in enumerate(half)]
    below = [f"{x} {WAVE_HEIGHT / 2 + y:.1f}" for x, y in reversed(list(enumerate(half)))]
    spans = [(start * len(peaks), length * len(peaks)) for start, length in lost]
    marks = "".join(f'<rect class="lost" x="{x:.1f}" width="{w:.1f}" height="{WAVE_HEIGHT}"/>' for x, w in spans)
    box = f"0 0 {len(peaks) - 1} {WAVE_HEIGHT}"
    outline = "L".join([*above, *below])
    return f'<svg viewBox="{box}" preserveAspectRatio="none" aria-hidden="true">{marks}<path d="M{outline}z"/></svg>'
