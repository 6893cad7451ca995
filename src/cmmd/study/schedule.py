"""Who sees which trial on which side: balanced lists from a grid of groups and items (ours).

Groups are pairs of systems, or single systems. Walking down the diagonals of the grid visits every cell once, and any
stretch of the walk holds every group, and every item, as often as any other, give or take one. A list is such a
stretch; the next list goes on where it ends.
"""

from dataclasses import dataclass
from math import gcd, lcm

MOST_LISTS = 200
"""So that the page stays small; beyond it trials are seen almost equally often instead of exactly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One trial of a list. swapped: the second of the pair is shown on the left."""

    group: int
    item: int
    swapped: bool


def balanced_lists(groups: int, items: int, *, length: int) -> list[list[Cell]]:
    """Lists of `length` cells (at most the whole grid), as many as it takes until both sides are used equally often."""
    cells = groups * items
    length = min(length, cells)
    if not length:
        return [[]]
    lists = min(2 * cells // gcd(2 * cells, length), MOST_LISTS)
    return [[_cell(step, groups, items) for step in range(k * length, (k + 1) * length)] for k in range(lists)]


def _cell(step: int, groups: int, items: int) -> Cell:
    walk, at = divmod(step, groups * items)
    group = at % groups
    item = (at + at // lcm(groups, items)) % items  # the shift changes to the next diagonal when one is walked
    # Every other visit to a group swaps its sides. A whole walk visits it `items` times: where that is even, the next
    # walk would swap the same cells again.
    visits = step // groups + (walk if items % 2 == 0 else 0)
    return Cell(group=group, item=item, swapped=(visits + group) % 2 == 1)
