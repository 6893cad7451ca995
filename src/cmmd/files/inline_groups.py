"""Dataclasses whose groups of fields are invisible to users: in files they stand at the level of their parent (ours).

Groups keep constructors short. YAML, JSON and --set name the fields alone, so that regrouping them changes no file.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import InitErrorDetails, ValidationError, core_schema

T = TypeVar("T")
Tree = dict[str, Any]
_GROUPS = "__inline_groups__"
_STRAY = "*"
"""Suffix of a key that a user gives and that is the name of a group: pydantic must not take it for the group."""


def inline(*groups: str) -> Callable[[type[T]], type[T]]:
    """Marks fields of a dataclass, themselves dataclasses, as inline groups. Use it above `@dataclass`.

    `as_dict` writes the fields of a group in place of the group, and pydantic reads them from there. A group that
    is read has the defaults of its own class. Raises TypeError if a name of a field or group is not unique.
    """

    def mark(kind: type[T]) -> type[T]:
        kinds = {field.name: field.type for field in _fields(kind)}
        setattr(kind, _GROUPS, {name: kinds[name] for name in groups})
        counts = Counter([*groups, *flat_names(kind)])
        if repeated := [name for name, count in counts.items() if count > 1]:
            raise TypeError(f"{kind.__name__} has more than one field of the name {', '.join(repeated)}")
        setattr(kind, "__get_pydantic_core_schema__", classmethod(_flat_schema))  # noqa: B010 - unknown to type checkers
        return kind

    return mark


def flat_names(kind: type) -> Iterator[str]:
    """The names of a dataclass's fields as users see them, in order: those of inline groups instead of the groups."""
    groups = _groups(kind)
    for field in _fields(kind):
        if field.name in groups:
            yield from flat_names(groups[field.name])
        else:
            yield field.name


def as_dict(value: object) -> Tree:
    """The dataclass as nested dicts of plain values (tuples become lists, paths strings, enumerations their values)."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"a configuration is a dataclass object, not {value!r}")
    plain, groups = {}, _groups(type(value))
    for field in _fields(type(value)):
        found = _plain(getattr(value, field.name))
        plain |= found if field.name in groups else {field.name: found}
    return plain


def replaced(value: T, **changes: Any) -> T:
    """`dataclasses.replace`, with the names that users see. Whole groups can be replaced too."""
    for name, group in _groups(type(value)).items():
        inside = {key: changes.pop(key) for key in flat_names(group) if key in changes}
        if inside:
            changes[name] = replaced(changes.get(name, getattr(value, name)), **inside)
    return dataclasses.replace(value, **changes)  # pyright: ignore[reportArgumentType] - T is a dataclass


def _groups(kind: type) -> dict[str, type]:
    return getattr(kind, _GROUPS, {})


def _fields(kind: Any) -> Iterator[dataclasses.Field]:
    return (field for field in dataclasses.fields(kind) if field.init)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return as_dict(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _flat_schema(kind: type, source: Any, handler: Callable[[Any], Any]) -> Any:
    """Lets pydantic read a dataclass from flat names; `__get_pydantic_core_schema__` of classes with inline groups."""
    groups = _groups(kind)

    def read(values: Any, validate: Callable[[dict], Any]) -> Any:
        if not isinstance(values, dict):
            return validate(values)
        rest = {f"{key}{_STRAY}" if key in groups else key: value for key, value in values.items()}
        for name, group in groups.items():
            rest[name] = {key: rest.pop(key) for key in flat_names(group) if key in rest}
        try:
            return validate(rest)
        except ValidationError as error:
            problems = [flat(problem, values) for problem in error.errors()]
            raise ValidationError.from_exception_data(error.title, problems) from None

    def flat(problem: Any, values: dict) -> InitErrorDetails:
        """The problem, with its location and what was found there as the user sees them."""
        first, *below = problem["loc"] or ("",)
        if first in groups:
            location = tuple(below)
        else:
            stray = str(first).removesuffix(_STRAY)
            location = (stray, *below) if stray in groups else problem["loc"]
        found = values if problem["type"] == "missing" and len(location) == 1 else problem["input"]
        return InitErrorDetails(type=problem["type"], loc=location, input=found, ctx=problem.get("ctx", {}))

    # pydantic generates the schema of a class once and finds it again by its `ref`: that of the reader of flat names.
    grouped = handler(source)
    return core_schema.no_info_wrap_validator_function(read, grouped, ref=grouped.pop("ref", None))
