"""What checks annotations while tests run: beartype, but each value once."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

# An int is a float, as type checkers have it.
CHECK = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """For jaxtyping, which has two functions checked for each of the package: one with the parameters, called before
    it, and one with the parameters, the result as a last keyword `ret0`, and the annotation of the result, called after
    it. Without this the second checks all parameters again; the axes that they have bound are known to it anyway."""
    if "ret0" in function.__annotations__:  # whose own result is checked where it is annotated
        function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if name == "return"}
    return CHECK(function)
