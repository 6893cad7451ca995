"""Spoilt tables, notes and settings, and rubbish in their place: a result or a line, whoever reads them."""

import json
from functools import partial
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tables import KINDS, SETTINGS
from spoiling import TIMES, json_text, spoilt_bytes, spoilt_text, spoilt_value
from watching import MEMORY, Watched, watched

pytestmark = pytest.mark.slow

ALL = KINDS | SETTINGS
SECONDS = 20.0
MUTANTS = {name: TIMES * (15 if name in KINDS else 50) for name in ALL}
"""210 tables and notes, 200 configurations."""


@pytest.fixture(scope="module", params=ALL)
def whole(request, tmp_path_factory) -> tuple[str, Path]:
    """A kind and a folder with its file."""
    folder = tmp_path_factory.mktemp("whole")
    ALL[request.param].make(folder)
    return request.param, folder


def outcome(name: str, folder: Path) -> Watched:
    # Settings have a line for everything that is wrong with them.
    found = watched(partial(ALL[name].read, folder), lines_at_most=100 if name in SETTINGS else 1)
    assert found.peak < MEMORY and found.seconds < SECONDS, found
    return found


def spoilt(content: bytes, file: str, random: Random) -> bytes:
    """Half of the time well-formed, with values that are not."""
    if file.endswith(".safetensors"):
        return spoilt_bytes(content, random)
    text = content.decode()
    if random.random() < 0.5 and file.endswith(".json"):
        return json_text(spoilt_value(json.loads(text), random)).encode()
    if random.random() < 0.5 and file.endswith(".jsonl"):
        return "\n".join(json_text(spoilt_value(json.loads(line), random)) for line in text.splitlines()).encode()
    if random.random() < 0.6 and file.endswith(".yaml"):
        values = spoilt_value(yaml.safe_load(text), random)
        return yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass")
    return spoilt_text(text, random)


def test_a_spoilt_file_is_read_or_refused(whole):
    name, folder = whole
    path = folder / ALL[name].file
    content = path.read_bytes()
    assert outcome(name, folder).told is None
    told = []
    for seed in range(MUTANTS[name]):
        path.write_bytes(spoilt(content, path.name, Random(f"{name} {seed}")))
        try:
            told.append(outcome(name, folder).told)
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}: {path.read_bytes()[:300]!r}")
            raise
        finally:
            path.write_bytes(content)
    assert any(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
RUBBISH = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text('",:{}[]\n\r\t-0.e1xaname file', max_size=200).map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.lists(JSON, max_size=3).map(lambda values: "\n".join(map(json.dumps, values)).encode()),
)


@pytest.mark.parametrize("name", ALL)
def test_rubbish_is_read_or_refused(tmp_path, name):
    ALL[name].make(tmp_path)

    examples = (40 if name in KINDS else 15) * TIMES

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(RUBBISH)
    def check(content):
        (tmp_path / ALL[name].file).write_bytes(content)
        outcome(name, tmp_path)

    check()
