"""Answer files: whose they are, which sides were shown, what is wrong with them, and who is left out."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated_raters import page_study, simulate_rater

from cmmd.errors import InputError
from cmmd.study.answers import RaterAnswers, read_all, read_answers
from cmmd.study.build import Built
from cmmd.study.exclusion import judge
from cmmd.study.key import Key, read_key
from cmmd.study.votes import tabulate

QUALITIES = {"zebrafinch": 0.0, "yakherd": 0.0}


@pytest.fixture(scope="module")
def key(built: Built) -> Key:
    return read_key(built.key)


@pytest.fixture
def saved(built: Built, key: Key) -> dict[str, Any]:
    """What an attentive rater saved."""
    return simulate_rater(page_study(built.page), key, number=1, qualities=QUALITIES)


def read(content: object, key: Key, folder: Path) -> RaterAnswers:
    file = folder / "rater.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_answers(file, key)


def pair_of(saved: dict[str, Any], key: Key) -> str:
    return next(
        name for name in saved["asked"] if key.trials[name].kind == "pair" and key.trials[name].asks_for is None
    )


def replace_answer(**changes: Any) -> Callable[[dict[str, Any], str], None]:
    return lambda saved, trial: saved["answers"][trial].update(changes)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda saved, trial: saved.update(study="123"), "found answers to study 123, expected study"),
        (lambda saved, trial: saved.update(format="else"), "format: input should be 'cmmd study answers 1'"),
        (lambda saved, trial: saved.pop("rater"), "rater"),
        (lambda saved, trial: saved["asked"].append("0000000000"), "the trial 0000000000"),
        (lambda saved, trial: saved["asked"].remove(trial), "an answer that was not asked for"),
        (replace_answer(shown=["x", "y"]), "clips x and y"),
        (replace_answer(values={"sound": 1}), "answers to sound"),
        (replace_answer(values={"sound": 1, "picture": 4, "sync": 1}), "the answer 4"),
        (replace_answer(values={"sound": "A"}), "valid integer"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(saved, key, tmp_path: Path, spoil, message: str):
    spoil(saved, pair_of(saved, key))
    with pytest.raises(InputError) as error:
        read(saved, key, tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'rater.json'}: found ")
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "no json", "[1, 2]"])
def test_what_is_no_answer_file_is_told(key: Key, tmp_path: Path, content: str):
    with pytest.raises(InputError, match=r"rater\.json: found .*expected the file that the study's page saved"):
        read(content, key, tmp_path)


def test_a_rater_who_is_there_twice_is_told_with_both_files(saved, key: Key, tmp_path: Path):
    files = tmp_path / "a.json", tmp_path / "b.json"
    for file in files:
        file.write_text(json.dumps(saved))
    with pytest.raises(InputError, match=r"b\.json: found rater simulated-1, who is in .*a\.json already"):
        read_all(files, key)


def test_a_forced_choice_knows_no_preference_of_none(saved, key: Key, tmp_path: Path):
    saved["answers"][pair_of(saved, key)]["values"] = {"sound": 2, "picture": 1, "sync": 1}
    assert read(saved, key, tmp_path)
    with pytest.raises(InputError, match="the answer 2"):
        read(saved, replace(key, forced=True), tmp_path)


def test_sides_do_not_matter(saved, key: Key, tmp_path: Path):
    """The mirrored answer to mirrored clips is the same vote, and A on the left is for the clip on the left."""
    mirrored = copy.deepcopy(saved)
    for name, answer in mirrored["answers"].items():
        if key.trials[name].kind == "pair":
            answer["shown"] = answer["shown"][::-1]
            answer["values"] = {question: 4 - value for question, value in answer["values"].items()}
    tables = [tabulate([read(content, key, tmp_path)], key) for content in (saved, mirrored)]
    for name, votes in tables[0].preferences.items():
        assert np.array_equal(votes, tables[1].preferences[name], equal_nan=True)
    trial = key.trials[pair_of(saved, key)]
    left = key.media[saved["answers"][pair_of(saved, key)]["shown"][0]].system
    saved["answers"][pair_of(saved, key)]["values"] = dict.fromkeys(key.questions, 1)
    table = tabulate([read(saved, key, tmp_path)], key)
    first, second = sorted(trial.systems, key=key.systems.index)
    assert table.preferences["sound", first, second][0, key.items.index(trial.item)] == (1 if left == first else 0)


def test_an_attentive_rater_passes(saved, key: Key, tmp_path: Path):
    verdict = judge(read(saved, key, tmp_path), key, misses=0, keep=frozenset())
    assert verdict.used and not verdict.failed and verdict.checks_right == verdict.checks == 2
    assert verdict.tones_right == verdict.tones == 3 and verdict.missing == 0


def test_a_wrong_attention_check_excludes_unless_it_is_allowed_or_kept(saved, key: Key, tmp_path: Path):
    check = next(name for name in saved["asked"] if key.trials[name].asks_for is not None)
    saved["answers"][check]["values"]["sync"] = 3 if key.trials[check].asks_for != 3 else 1
    answers = read(saved, key, tmp_path)
    assert judge(answers, key, misses=0, keep=frozenset()).failed == ("attention",)
    assert not judge(answers, key, misses=0, keep=frozenset({"headphones"})).used
    assert judge(answers, key, misses=1, keep=frozenset()).used
    assert judge(answers, key, misses=0, keep=frozenset({"attention"})).used


def test_who_reached_no_attention_check_is_not_trusted(saved, key: Key, tmp_path: Path):
    saved["answers"] = {}
    verdict = judge(read(saved, key, tmp_path), key, misses=5, keep=frozenset())
    assert verdict.failed == ("attention",) and verdict.missing == 9


@pytest.mark.parametrize(("right", "passes"), [(6, True), (5, True), (4, False), (0, False)])
def test_five_of_six_tones_are_needed(saved, key: Key, tmp_path: Path, right: int, passes: bool):
    saved["headphones"] = [{"quiet": 0, "picked": 0 if k < right else 1} for k in range(6)]
    verdict = judge(read(saved, key, tmp_path), replace(key, headphones=6), misses=0, keep=frozenset())
    assert verdict.used == passes and verdict.failed == (() if passes else ("headphones",))


def test_a_clip_that_did_not_play_is_counted_and_gives_no_vote(saved, key: Key, tmp_path: Path):
    before = tabulate([read(saved, key, tmp_path)], key)
    saved["answers"][pair_of(saved, key)] |= {"broken": True, "values": {}}
    answers = read(saved, key, tmp_path)
    after = tabulate([answers], key)
    assert judge(answers, key, misses=0, keep=frozenset()).broken == 1

    def count(votes: dict[Any, np.ndarray]) -> int:
        return sum(int((~np.isnan(matrix)).sum()) for matrix in votes.values())

    assert count(before.preferences) - count(after.preferences) == 3
