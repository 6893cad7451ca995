"""YAML of a user: plain values of the size of their text; all else is refused in one short line, at once."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd.errors import InputError
from cmmd.files.plain_yaml import read_yaml

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "a: 1\nb: [x, 2.5, .inf, true, null]\nc: {d: '7'}",
            {"a": 1, "b": ["x", 2.5, float("inf"), True, None], "c": {"d": "7"}},
        ),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("", None),
    ],
)
def test_plain_values_are_read(text, value):
    assert read_yaml(text, "x.yaml") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "an alias, *a0, which is not read here"),
        ("!!python/object/apply:os.system ['id']", "a tag, tag:yaml.org,2002:python/object/apply:os.system"),
        ("! 7", "a tag, !, which is not read here"),
        ("a: !!binary aGk=", "a tag, tag:yaml.org,2002:binary"),
        ("[" * 10_000, "more than 20 groups within each other"),
        ("a: " + "9" * 5_000, "a number of 5000 digits"),
        ("a: [", "is not YAML"),
        ("a: 0o8", None),
        ("x" * (2**20 + 1), "1048577 characters, expected 1048576 at most"),
        ("a: \x07", "is not YAML"),
        ("a: 190:20:30:99999999999999999999", None),
        ("<<: 3", "is not YAML"),
        ("[a]: {b: c}: d", "is not YAML"),
    ],
)
def test_all_else_is_refused_in_one_short_line(text, message):
    started = time.monotonic()
    try:
        read_yaml(text, "x.yaml")
    except InputError as error:
        told = str(error)
        assert told.startswith("x.yaml: is not YAML (") and "\n" not in told and len(told) < 300
        assert message is not None and message in told
    else:
        assert message is None
    assert time.monotonic() - started < 5


@given(st.text(max_size=200) | st.text("-:[]{}&*!|>'\"#%@`,? \n\tab0.", max_size=200))
def test_no_text_does_anything_else(text):
    told = ""
    try:
        read_yaml(text, "x.yaml")
    except InputError as error:
        told = str(error)
    assert "\n" not in told and len(told) < 300
