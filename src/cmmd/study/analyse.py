"""`cmmd study analyse`: writes tables, a record and a figure from a key and answers (paper: the user study)."""

import math
from pathlib import Path

import numpy as np

from cmmd.errors import InputError
from cmmd.files.output_folder import make_folder
from cmmd.study.agreement import krippendorff_alpha
from cmmd.study.answers import read_all
from cmmd.study.bradley_terry import Strength, bradley_terry
from cmmd.study.exclusion import judge
from cmmd.study.figure import draw_results
from cmmd.study.key import Key, read_key
from cmmd.study.opinion import opinions
from cmmd.study.preference import preferences
from cmmd.study.report import markdown, write_record
from cmmd.study.resampling import Draws, draw
from cmmd.study.results import Agreement, AnalyseOptions, Results
from cmmd.study.votes import Votes, tabulate


def analyse(key_path: Path, files: tuple[Path, ...], out: Path, options: AnalyseOptions) -> str:
    """Write results.md, results.json and results.png into `out`; returns the Markdown.

    Raises InputError if a file cannot be used, if all raters are excluded, if there is no answer, or if `out` cannot be
    written.
    """
    key = read_key(key_path)
    results = evaluate(files, key, options)
    make_folder(out)
    text = markdown(results)
    write_record(results, out, text, key=key, files=files, options=options)
    draw_results(results, out / "results.png")
    return text


def evaluate(files: tuple[Path, ...], key: Key, options: AnalyseOptions) -> Results:
    """Read the answers, exclude raters who failed a check, and compute all statistics.

    Raises InputError if a file cannot be used, if all raters are excluded, or if there is no answer.
    """
    answers = read_all(files, key)
    verdicts = [judge(rater, key, misses=options.misses, keep=options.keep) for rater in answers]
    used = [rater for rater, verdict in zip(answers, verdicts, strict=True) if verdict.used]
    if not used:
        found = f"{len(verdicts)} raters, all of whom failed a check"
        raise InputError.about("answers", found=found, expected="one who passed, or --keep")
    votes = tabulate(used, key)
    if not votes.preferences and not votes.ratings:
        raise InputError.about("answers", found=f"none from {len(used)} raters", expected="at least one")
    draws = draw(len(votes.raters), len(votes.items), resamples=options.resamples, seed=options.seed)
    return Results(
        study=key.study,
        title=key.title,
        systems=key.systems,
        questions=key.questions,
        raters=verdicts,
        preferences=preferences(votes.preferences, draws, seed=options.seed),
        strengths=_strengths(votes, key, draws),
        opinions=opinions(votes.ratings, draws),
        agreement=[_agreement(votes, question) for question in key.questions],
    )


def _strengths(votes: Votes, key: Key, draws: Draws) -> list[Strength]:
    """Strengths for every question with at least two compared pairs; with one pair, its share is the full result."""
    found = []
    for question in key.questions:
        pairs = {(a, b): matrix for (asked, a, b), matrix in votes.preferences.items() if asked == question}
        if len(pairs) > 1:
            found += bradley_terry(pairs, key.systems, draws, question=question)
    return found


def _agreement(votes: Votes, question: str) -> Agreement:
    pairs = [matrix for (asked, *_), matrix in votes.preferences.items() if asked == question]
    ratings = [matrix for (asked, _), matrix in votes.ratings.items() if asked == question]
    return Agreement(
        question=question,
        pairs=krippendorff_alpha(np.hstack(pairs), level="nominal") if pairs else math.nan,
        ratings=krippendorff_alpha(np.hstack(ratings), level="ordinal") if ratings else math.nan,
    )
