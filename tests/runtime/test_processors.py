"""Processors that a process may use: bound to fewer, or in a container with a quota of either version."""

import math
import os

import pytest

from cmmd.runtime import processors as module
from cmmd.runtime.processors import processor_quota, processors


def quota(tmp_path, group: str, **limits: str) -> float:
    """Of a process in a group of made control groups; limits: contents of cpu.max by the depth of the group."""
    own, groups = tmp_path / "own", tmp_path / "groups"
    own.write_text(f"5:memory:/elsewhere\n{group}\n")
    for depth, text in limits.items():
        folder = groups / {"top": ".", "pod": "pod", "box": "pod/box"}[depth]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(f"{text}\n")
    return processor_quota(groups, own)


def test_the_tightest_group_above_counts(tmp_path):
    assert quota(tmp_path, "0::/pod/box", top="max 100000", pod="150000 100000", box="400000 100000") == 1.5


def test_a_group_is_looked_for_where_the_process_is(tmp_path):
    limits = {"pod": "300000 100000", "box": "50000 100000"}
    assert quota(tmp_path, "0::/pod", **limits) == 3
    assert quota(tmp_path, "0::/", **limits) == math.inf
    assert quota(tmp_path, "0::/../..", top="200000 100000") == 2  # seen from a container, the group is outside


@pytest.mark.parametrize("text", ["max 100000", "", "soon 100000", "100000 0", "1 2 3"])
def test_no_limit_and_rubbish_are_no_limit(tmp_path, text):
    assert quota(tmp_path, "0::/", top=text) == math.inf


def test_the_first_version_is_read_too(tmp_path):
    folder = tmp_path / "groups" / "cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    for work, expected in (("250000", 2.5), ("-1", math.inf)):
        (folder / "cpu.cfs_quota_us").write_text(f"{work}\n")
        assert quota(tmp_path, "1:cpu:/") == expected


def test_nothing_is_known_where_there_are_no_groups(tmp_path):
    assert processor_quota(tmp_path / "none", tmp_path / "none") == math.inf


def test_at_least_one_and_no_more_than_the_process_is_bound_to(monkeypatch):
    for bound, allowed, expected in ((8, 2.5, 3), (8, math.inf, 8), (2, 6.0, 2), (4, 0.1, 1)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, bound=bound: set(range(bound)), raising=False)
        monkeypatch.setattr(module, "processor_quota", lambda allowed=allowed: allowed)
        assert processors() == expected
