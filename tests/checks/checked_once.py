"""What checks annotations while tests run: beartype, but each value once, and each function in its first calls."""

import inspect
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

# An int is a float, as type checkers have it.
CHECK = beartype(conf=BeartypeConf(is_pep484_tower=True))
JAXTYPED = jaxtyping.jaxtyped
MOST = 100
"""Calls of a function that are checked in a process. Functions that are called more often are called thousands of
times; their checks took a fifth of the time of the tests of sampling and losses."""


def checked_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """For jaxtyping, which has two functions checked for each of the package: one with the parameters, called before
    it, and one with the parameters, the result as a last keyword `ret0`, and the annotation of the result, called after
    it. Without this the second checks all parameters again; the axes that they have bound are known to it anyway."""
    if "ret0" in function.__annotations__:  # whose own result is checked where it is annotated
        function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if name == "return"}
    return CHECK(function)


def jaxtyped_at_first(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """In place of `jaxtyping.jaxtyped`, with which the import hook decorates: marks what has been called `MOST` times
    as not to be checked, and leaves functions within functions as they are, which exist anew in each call."""

    def decorate(what: Any) -> Any:
        if "<locals>" in getattr(what, "__qualname__", ""):
            return what
        checks = count()

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            checked = cache(lambda: typechecker(function))  # many functions are never called in a process

            def check(*args: Any, **kwargs: Any) -> Any:
                if next(checks) >= 2 * MOST and target is not None:  # before and after each call
                    target.__no_type_check__ = True
                return checked()(*args, **kwargs)

            return check

        found = JAXTYPED(what, typechecker=counted)
        called = found.__init__ if inspect.isclass(found) else getattr(found, "__func__", found)
        target: Any = called if inspect.isfunction(called) else None  # None: a property
        return found

    return decorate
