"""Correction for multiple tests: Holm's step-down method (Holm 1979), valid under any dependence of the tests."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns the adjusted p values in the order of the input.

    If every test with an adjusted p below 0.05 is rejected, the probability of any false rejection is at most 5 %.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
