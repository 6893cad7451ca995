"""Lists: every rater sees every group and item equally often, and all raters together every trial on both sides."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cmmd.study.schedule import MOST_LISTS, balanced_lists

sizes = st.tuples(st.integers(1, 10), st.integers(1, 12), st.integers(1, 40))


def spread(counts: Counter, expected: int) -> int:
    """Most minus least often, of `expected` things."""
    assert len(counts) <= expected
    return max(counts.values()) - (min(counts.values()) if len(counts) == expected else 0)


@given(sizes)
def test_a_list_is_balanced_over_groups_and_items_and_repeats_nothing(size: tuple[int, int, int]):
    groups, items, length = size
    for cells in balanced_lists(groups, items, length=length):
        assert len(cells) == min(length, groups * items)
        assert len({(cell.group, cell.item) for cell in cells}) == len(cells)
        assert spread(Counter(cell.group for cell in cells), groups) <= 1
        assert spread(Counter(cell.item for cell in cells), items) <= 2  # at the seam of two diagonals


@given(sizes)
def test_all_lists_together_show_every_trial_equally_often_on_both_sides(size: tuple[int, int, int]):
    groups, items, length = size
    lists = balanced_lists(groups, items, length=length)
    if len(lists) == MOST_LISTS:
        return
    seen = Counter((cell.group, cell.item, cell.swapped) for cells in lists for cell in cells)
    assert len(seen) == 2 * groups * items
    assert spread(seen, len(seen)) == 0


@given(sizes)
def test_a_list_swaps_half_of_every_group(size: tuple[int, int, int]):
    groups, items, length = size
    for cells in balanced_lists(groups, items, length=length):
        for group in range(groups):
            swapped = [cell.swapped for cell in cells if cell.group == group]
            assert abs(2 * sum(swapped) - len(swapped)) <= 2  # one more where a walk begins again


def test_nothing_to_ask_is_one_empty_list():
    assert balanced_lists(3, 4, length=0) == [[]] and balanced_lists(0, 4, length=5) == [[]]
