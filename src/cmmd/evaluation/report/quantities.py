"""Formats measured values: SI units, about three significant digits, "-" for no value (ours)."""

import math

NOTHING = "-"


def quantity(value: float, unit: str = "") -> str:
    """Formats a value: times below 1 s in ms, pure numbers with 3 decimals below 10, and fewer for larger ones."""
    if not math.isfinite(value):
        return NOTHING
    if unit == "s":
        return f"{1000 * value:.1f} ms" if abs(value) < 1 else f"{value:.2f} s"
    places = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    text = f"{value:.{places}f}"
    return f"{text} {unit}" if unit else text


def interval(low: float, high: float, unit: str = "") -> str:
    """Formats bounds in brackets, followed by the unit; "" if neither is finite."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return ""
    if unit == "s" and max(abs(bound) for bound in (low, high) if math.isfinite(bound)) < 1:
        low, high, unit = 1000 * low, 1000 * high, "ms"
        return f"[{_bound(low, 1)}, {_bound(high, 1)}] {unit}"
    return f"[{quantity(low)}, {quantity(high)}]" + (f" {unit}" if unit else "")


def _bound(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else NOTHING


def same_or_each(texts: list[str]) -> str:
    """The common text if all are equal, otherwise all of them separated by slashes."""
    return texts[0] if len(set(texts)) == 1 else " / ".join(texts)
