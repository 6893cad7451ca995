"""From a built study and simulated raters to tables, record and figure, by the commands."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.image import imread
from simulated_raters import write_raters
from small_clips import SYSTEMS, write_clips

from cmmd.commands.study import study
from cmmd.errors import InputError
from cmmd.study.analyse import analyse, evaluate
from cmmd.study.build import BuildOptions, Built, build
from cmmd.study.key import read_key
from cmmd.study.results import AnalyseOptions

QUALITIES = {"zebrafinch": 0.8, "yakherd": -0.8}


@pytest.fixture(scope="module")
def files(built: Built, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Sixteen raters: one without attention, one without headphones."""
    return write_raters(built.page, built.key, tmp_path_factory.mktemp("answers"), raters=16, qualities=QUALITIES)


def test_the_known_effect_is_found(built: Built, files: tuple[Path, ...]):
    found = evaluate(files, read_key(built.key), AnalyseOptions(resamples=500))
    shares = {(row.question, row.first, row.second): row.share for row in found.preferences}
    assert shares["sound", "zebrafinch", "yakherd"].low > 0.5
    assert shares["sync", "real", "mismatched"].low > 0.5
    assert shares["sound", "real", "mismatched"].low < 0.5 < shares["sound", "real", "mismatched"].high
    scores = {(row.question, row.system): row.score.value for row in found.opinions}
    assert scores["sound", "real"] > scores["sound", "zebrafinch"] > scores["sound", "yakherd"]
    assert scores["sync", "mismatched"] < min(scores["sync", system] for system in (*SYSTEMS, "real"))
    order = sorted((row for row in found.strengths if row.question == "picture"), key=lambda row: row.strength.value)
    assert order[0].system == "yakherd"
    assert all(row.p_holm >= row.p for row in found.preferences)


def test_excluded_raters_are_told_and_can_be_kept(built: Built, files: tuple[Path, ...], tmp_path: Path):
    text = analyse(built.key, files, tmp_path / "out", AnalyseOptions(resamples=100))
    assert "16 raters, 14 used." in text
    assert "attention check: 1 (simulated-9)" in text and "headphones check: 1 (simulated-14)" in text
    both = AnalyseOptions(resamples=100, keep=frozenset({"attention", "headphones"}))
    text = analyse(built.key, files, tmp_path / "kept", both)
    assert "16 raters, 16 used." in text and "simulated-9 (kept)" in text
    with pytest.raises(InputError, match="1 raters, all of whom failed a check"):
        analyse(built.key, files[9:10], tmp_path / "none", AnalyseOptions(resamples=100))


def test_what_is_written(built: Built, files: tuple[Path, ...], tmp_path: Path):
    text = analyse(built.key, files, tmp_path / "out", AnalyseOptions(resamples=100, seed=4))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["results.json", "results.md", "results.png"]
    assert (tmp_path / "out" / "results.md").read_text() == text
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record["seed"] == 4 and record["config"]["resamples"] == 100 and len(record["answers"]) == 16
    assert record["results"]["study"] == read_key(built.key).study and "commit" in record
    assert len(record["results"]["preferences"]) == 6 * 3 and len(record["results"]["opinions"]) == 4 * 3
    picture = imread(tmp_path / "out" / "results.png")
    assert picture.shape[1] > 1200 and 0.02 < (picture[..., :3].min(2) < 0.9).mean() < 0.5


def test_the_same_files_give_the_same_results(built: Built, files: tuple[Path, ...], tmp_path: Path):
    for name in ("one", "two"):
        analyse(built.key, files, tmp_path / name, AnalyseOptions(resamples=100))
    for name in ("results.md", "results.json", "results.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("part", ["pairs", "ratings"])
def test_a_study_of_one_part_and_one_question(part: str, tmp_path: Path):
    systems = {name: write_clips(tmp_path / name, seed=seed) for seed, name in enumerate(SYSTEMS)}
    pairs, ratings = (3, 0) if part == "pairs" else (0, 3)
    options = BuildOptions(systems=systems, questions=("sync",), pairs=pairs, ratings=ratings, checks=0, headphones=0)
    built = build(tmp_path / "page", options)
    files = write_raters(built.page, built.key, tmp_path / "answers", raters=5, qualities=QUALITIES)
    text = analyse(built.key, files, tmp_path / "out", AnalyseOptions(resamples=100))
    assert ("## Preferences" in text) == (part == "pairs") and ("## Opinion" in text) == (part == "ratings")
    assert "## Strength" not in text and "Sound quality" not in text  # one pair: its share says it all
    assert (tmp_path / "out" / "results.png").stat().st_size > 5000


def test_one_rater_gives_shares_without_intervals(built: Built, files: tuple[Path, ...], tmp_path: Path):
    text = analyse(built.key, files[:1], tmp_path / "out", AnalyseOptions(resamples=100))
    assert "1 raters, 1 used" in text and " (-)" in text and "nan" not in text
    json.loads((tmp_path / "out" / "results.json").read_text(), parse_constant=lambda name: pytest.fail(name))


def test_raters_without_any_answer_are_told(clips: dict[str, Path], tmp_path: Path):
    systems = {name: clips[name] for name in SYSTEMS}
    built = build(tmp_path / "page", BuildOptions(systems=systems, pairs=1, ratings=0, checks=0, headphones=0))
    (file,) = write_raters(built.page, built.key, tmp_path / "answers", raters=1, qualities=QUALITIES)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"answers": {}}))
    with pytest.raises(InputError, match="answers: found none from 1 raters"):
        analyse(built.key, (file,), tmp_path / "out", AnalyseOptions(resamples=100))
    assert not (tmp_path / "out").exists()


def test_by_the_commands(clips: dict[str, Path], tmp_path: Path):
    runner = CliRunner()
    words = [
        "build",
        str(tmp_path / "page"),
        "--pairs",
        "2",
        "--ratings",
        "0",
        "--headphones",
        "0",
        "--questions",
        "sync",
    ]
    for name in SYSTEMS:
        words += ["--system", f"{name}={clips[name]}"]
    done = runner.invoke(study, words, catch_exceptions=False)
    assert done.exit_code == 0 and "page.key.json: keep this" in done.output and "note: no --reference" in done.output
    files = write_raters(
        tmp_path / "page" / "index.html", tmp_path / "page.key.json", tmp_path / "a", raters=3, qualities=QUALITIES
    )
    words = ["analyse", str(tmp_path / "page.key.json"), *map(str, files), "--out", str(tmp_path / "out")]
    done = runner.invoke(study, [*words, "--resamples", "100", "--keep", "headphones"], catch_exceptions=False)
    assert done.exit_code == 0 and done.output.startswith("# Video and sound\n\nStudy ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--system", "ours"], "--system: found 'ours', expected NAME=FOLDER"),
        (["--system", "a=x", "--system", "a=y"], "--system: found the name 'a' twice"),
        (["--system", "a=x", "--questions", "sound,smell"], "--questions: found 'smell'"),
    ],
)
def test_bad_options_are_one_line(words: list[str], message: str, tmp_path: Path):
    error = CliRunner().invoke(study, ["build", str(tmp_path / "page"), *words]).exception
    assert isinstance(error, InputError) and message in str(error) and "\n" not in str(error)
