"""The package's sizes: functions, files and constructors stay short enough to be read in one piece."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cmmd

PACKAGE = Path(cmmd.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION = 40
"""Lines from `def` to the last one, the docstring included."""
LONGEST_FILE = 300
MOST_ARGUMENTS = 12
"""Arguments of a constructor without `self`, or fields of a class that generates its constructor."""


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and number of lines of every function, nested ones included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def constructors(source: str) -> Iterator[tuple[str, int]]:
    """Name of every class and the number of arguments of its `__init__`, or of its fields if it has none."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            written = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
            if written:
                arguments = written[0].args
                yield node.name, len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]) - 1
            else:
                yield node.name, sum(isinstance(item, ast.AnnAssign) for item in node.body)


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def test_no_function_is_long() -> None:
    found = [(name_of(file), *function) for file in FILES for function in functions(file.read_text())]
    assert len(found) > 1000
    assert [function for function in found if function[-1] > LONGEST_FUNCTION] == []


def test_no_file_is_long() -> None:
    assert [name_of(file) for file in FILES if len(file.read_text().splitlines()) > LONGEST_FILE] == []


def test_no_constructor_has_many_arguments() -> None:
    found = [(name_of(file), *constructor) for file in FILES for constructor in constructors(file.read_text())]
    assert len(found) > 300
    assert [constructor for constructor in found if constructor[-1] > MOST_ARGUMENTS] == []


@pytest.mark.parametrize("before", ["", "@cache\n", "async "])
def test_lines_are_counted_from_def_to_the_last_one(before: str) -> None:
    source = f'{before}def f(\n    x,\n):\n    """Doc."""\n\n    return x\n\n'
    assert list(functions(source)) == [("f", 6)]


def test_arguments_are_counted_without_self_or_as_fields() -> None:
    written = "class A:\n    def __init__(self, a, /, b, *, c): ...\n"
    generated = "class B:\n    a: int\n    b: int = 0\n    c = 1\n"
    assert list(constructors(written + generated)) == [("A", 3), ("B", 2)]
