"""The plan: opaque, complete, the same from the same seed."""

import re
from itertools import combinations

import pytest

from cmmd.study.plan import ASKED_FOR, KINDS, plan_study

ITEMS, SYSTEMS = ("kettle", "window", "spoon", "door"), ("ours", "theirs", "real")


def plan(seed: int = 3, **changes: int):
    return plan_study(ITEMS, SYSTEMS, **{"pairs": 6, "ratings": 6, "checks": 2, **changes}, seed=seed)


def test_the_seed_decides_everything():
    assert plan() == plan() != plan(4)


def test_ids_tell_nothing_not_even_by_their_order():
    media = plan().media
    assert all(re.fullmatch("[0-9a-f]{10}", name) for name in media) and list(media) == sorted(media)
    order = [medium.system for medium in media.values() if medium.item]
    assert order != sorted(order)


def test_every_pair_of_systems_meets_on_every_item():
    trials = plan().trials.values()
    met = {(t.item, frozenset(t.systems)) for t in trials if t.kind == "pair" and t.item}
    assert met == {(item, frozenset(pair)) for item in ITEMS for pair in combinations(SYSTEMS, 2)}
    assert {(t.item, t.systems) for t in trials if t.kind == "rating" and t.item} == {
        (item, (system,)) for item in ITEMS for system in SYSTEMS
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_rater_gets_every_attention_check_and_one_key_cannot_pass_them(kind):
    found = plan()
    for row in found.lists[kind]:
        checks = [found.trials[name] for name, _ in row if found.trials[name].asks_for is not None]
        assert [check.asks_for for check in checks] == list(ASKED_FOR[kind])
        assert len(row) == 6 + 2
    assert len(set(ASKED_FOR[kind])) == 2


def test_a_part_without_questions_has_neither_checks_nor_clips():
    found = plan(ratings=0)
    assert found.lists["rating"] == [[]]
    assert {trial.kind for trial in found.trials.values()} == {"pair"}
    assert all(any(name in trial.media for trial in found.trials.values()) for name in found.media)
