"""Results of a study as Markdown tables and as a JSON record with provenance (ours)."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cmmd.documents.markdown import markdown_table
from cmmd.files.unfinished_file import atomic_file
from cmmd.measures.intervals import Interval
from cmmd.runtime.provenance import provenance
from cmmd.study.key import Key
from cmmd.study.plan import MISMATCHED, REAL
from cmmd.study.questions import QUESTIONS
from cmmd.study.results import AnalyseOptions, Results


def markdown(results: Results) -> str:
    """Returns the report as Markdown."""
    sections = [f"# {results.title}\n\nStudy {results.study}.", _raters(results)]
    if results.preferences:
        sections.append(_preferences(results))
    if results.strengths:
        sections.append(_strengths(results))
    if results.opinions:
        sections.append(_opinions(results))
    sections.append(_agreement(results))
    return "\n\n".join(sections) + "\n"


def write_record(
    results: Results, out: Path, text: str, *, key: Key, files: tuple[Path, ...], options: AnalyseOptions
) -> None:
    """Write results.md and results.json; the latter has settings, commit, versions and the hash of every answer file.

    Raises InputError if a file cannot be written.
    """
    settings = {"keep": sorted(options.keep), "misses": options.misses, "resamples": options.resamples}
    record = provenance(settings, seed=options.seed) | {
        "answers": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "built": key.provenance,
        "results": _plain(asdict(results)),
    }
    for name, content in (("results.md", text), ("results.json", json.dumps(record, indent=1, allow_nan=False) + "\n")):
        with atomic_file(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8", errors="backslashreplace")  # names may not be valid UTF-8


def _plain(value: Any) -> Any:
    """Converts nan to None, because JSON has no nan."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _raters(results: Results) -> str:
    used = [verdict for verdict in results.raters if verdict.used]
    lines = [f"{len(results.raters)} raters, {len(used)} used."]
    for check in ("attention", "headphones"):
        failed = [verdict for verdict in results.raters if check in verdict.failed]
        if failed:
            names = ", ".join(f"{verdict.rater}{' (kept)' if verdict.used else ''}" for verdict in failed)
            lines.append(f"Failed the {check} check: {len(failed)} ({names}).")
    missing, broken = sum(v.missing for v in used), sum(v.broken for v in used)
    if missing:
        early = sum(v.missing > 0 for v in used)
        lines.append(f"{early} of those used stopped early: {missing} answers are missing.")
    if broken:
        lines.append(f"{broken} clips or pairs could not be played.")
    return "## Raters\n\n" + " ".join(lines)


def _preferences(results: Results) -> str:
    head = ("question", "first", "second", "for first", "none", "for second", "share of first", "p", "p (Holm)")
    rows = [
        (
            QUESTIONS[row.question].name,
            row.first,
            row.second,
            str(row.wins),
            str(row.ties),
            str(row.losses),
            _interval(row.share),
            f"{row.p:.4f}",
            f"{row.p_holm:.4f}" + (" *" if row.p_holm < 0.05 else ""),
        )
        for row in results.preferences
    ]
    words = (
        "Votes, and the share of the first (no preference: half a vote each) with its 95 % interval over raters and "
        "items. p: the largest of the bootstrap over both, sign flips of raters and sign flips of items; Holm's "
        f"correction over all {len(rows)} tests; * below 0.05."
    )
    return f"## Preferences\n\n{markdown_table(rows, head=head)}\n\n{words}{_sanity(results)}"


def _sanity(results: Results) -> str:
    """States whether raters distinguished real from mismatched sound; if not, they cannot distinguish systems."""
    for row in results.preferences:
        if row.question == "sync" and {row.first, row.second} == {REAL, MISMATCHED}:
            distinguished = row.share.low > 0.5 if row.first == REAL else row.share.high < 0.5
            verdict = "were" if distinguished else "were **not clearly**"
            return f" Real clips {verdict} told from mismatched ones by their synchronisation."
    return ""


def _strengths(results: Results) -> str:
    by = {(row.question, row.system): row for row in results.strengths}
    questions = list(dict.fromkeys(row.question for row in results.strengths))
    rows = [
        (system, *(_interval(by[question, system].strength, signed=True) for question in questions))
        for system in results.systems
    ]
    words = "Bradley-Terry, log scale, mean 0: a lead of 1 wins 73 % of votes. Every pair has half a win added a side."
    separated = [
        QUESTIONS[q].name for q in questions if any(row.separated for row in results.strengths if row.question == q)
    ]
    if separated:
        words += f" {', '.join(separated)}: some system never lost or never won, so that its strength rests on these."
    head = ("", *(QUESTIONS[question].name for question in questions))
    return f"## Strength\n\n{markdown_table(rows, head=head)}\n\n{words}"


def _opinions(results: Results) -> str:
    by = {(row.question, row.system): row for row in results.opinions}
    rows = [
        (system, *(_interval(by[q, system].score) if (q, system) in by else "-" for q in results.questions))
        for system in results.systems
    ]
    head = ("", *(QUESTIONS[question].name for question in results.questions))
    words = "Mean opinion score, 1 (bad) to 5 (excellent), with its 95 % interval over raters and items."
    return f"## Opinion\n\n{markdown_table(rows, head=head)}\n\n{words}"


def _agreement(results: Results) -> str:
    rows = [(QUESTIONS[row.question].name, _figure(row.pairs), _figure(row.ratings)) for row in results.agreement]
    table = markdown_table(rows, head=("", "pairs (nominal)", "ratings (ordinal)"))
    return f"## Agreement\n\n{table}\n\nKrippendorff's alpha: 1 is perfect agreement of raters, 0 is chance."


def _interval(found: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if math.isnan(found.low):
        return f"{found.value:{sign}.2f} (-)"
    return f"{found.value:{sign}.2f} ({found.low:{sign}.2f} to {found.high:{sign}.2f})"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
