"""Splits: whole groups, the same ones whatever else there is, and never none to train on."""

from pathlib import Path

import pytest

from cmmd.data.preparing.request import ClipRequest, Listing, require_disjoint, with_splits
from cmmd.errors import InputError


def listing(groups: int, *, each: int = 3, **settings) -> Listing:
    requests = [
        ClipRequest(file=Path(f"/d/{group}.mp4"), name=f"{group}#{number}", group=f"video {group}", **settings)
        for group in range(groups)
        for number in range(each)
    ]
    return Listing(Path("/d"), tuple(requests))


def splits(found: Listing) -> dict[str, set[str]]:
    by_group: dict[str, set[str]] = {}
    for request in found.requests:
        by_group.setdefault(request.group, set()).add(request.split or "none")
    return by_group


def test_a_group_is_in_one_split_and_the_shares_are_those_asked_for():
    found = splits(with_splits(listing(40), validation=0.1, test=0.2))
    assert all(len(names) == 1 for names in found.values())
    counts = [sum(names == {split} for names in found.values()) for split in ("validation", "test", "train")]
    assert counts == [4, 8, 28]


def test_other_groups_do_not_move_a_group():
    few, many = (splits(with_splits(listing(count), validation=0.1)) for count in (40, 42))
    assert sum(few[group] != many[group] for group in few) <= 1


def test_a_split_that_a_request_has_is_kept():
    found = with_splits(listing(5, split="test"), validation=0.5)
    assert {request.split for request in found.requests} == {"test"}


def test_one_group_is_trained_on_and_two_are_shared_out():
    assert splits(with_splits(listing(1), validation=0.1)) == {"video 0": {"train"}}
    assert sorted(map(str, splits(with_splits(listing(2), validation=0.01)).values())) == [
        "{'train'}",
        "{'validation'}",
    ]
    with pytest.raises(InputError, match="of 4 source videos leave none to train on"):
        with_splits(listing(4), validation=0.5, test=0.5)


def test_a_group_in_two_splits_is_refused():
    mixed = [*listing(1, split="train").requests, *listing(1, split="test").requests]
    with pytest.raises(InputError, match="video 0 is in train and in test"):
        require_disjoint(mixed, Path("table.csv"))
