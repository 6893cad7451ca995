"""Balanced lists of trials and sides from a grid of groups and items (ours).

A group is a pair of systems, or a single system. A walk along the diagonals of the grid visits every cell once. In any
stretch of the walk, the counts of the groups differ by at most one, and so do the counts of the items. A list is such a
stretch; the next list starts where it ends.
"""

from dataclasses import dataclass
from math import gcd, lcm

MOST_LISTS = 200
"""Bounds the size of the page. At this limit, trials are seen almost equally often instead of exactly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One trial of a list. swapped: the second clip of the pair is shown on the left."""

    group: int
    item: int
    swapped: bool


def balanced_lists(groups: int, items: int, *, length: int) -> list[list[Cell]]:
    """Returns lists of `length` cells each (at most the whole grid); one empty list if there are no cells.

    The number of lists is such that every cell is used equally often on both sides, but at most MOST_LISTS.
    """
    cells = groups * items
    length = min(length, cells)
    if not length:
        return [[]]
    lists = min(2 * cells // gcd(2 * cells, length), MOST_LISTS)
    return [[_cell(step, groups, items) for step in range(k * length, (k + 1) * length)] for k in range(lists)]


def _cell(step: int, groups: int, items: int) -> Cell:
    walk, at = divmod(step, groups * items)
    group = at % groups
    item = (at + at // lcm(groups, items)) % items  # the shift moves to the next diagonal after each one
    # Every other visit to a group swaps its sides. A whole walk visits a group `items` times. If `items` is even, the
    # next walk would swap the same cells again, so `walk` is added.
    visits = step // groups + (walk if items % 2 == 0 else 0)
    return Cell(group=group, item=item, swapped=(visits + group) % 2 == 1)
