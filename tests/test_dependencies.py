"""Dependencies: each is imported or run somewhere, extras are optional, and messages tell how to get them from here."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {"pyyaml": "yaml", "huggingface-hub": "huggingface_hub", "pillow": "PIL"}
SOURCES = "\n".join(file.read_text() for file in sorted((ROOT / "src").rglob("*.py")))
OTHERS = [file for folder in ("tests", "benchmarks") for file in sorted((ROOT / folder).rglob("*.py"))]
DEVELOPMENT = "\n".join(file.read_text() for file in (ROOT / "Makefile", *OTHERS) if file != Path(__file__))


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=\[; ]", requirement)[0].lower() for requirement in requirements]


EXTRAS = {name: names(listed) for name, listed in PROJECT["optional-dependencies"].items()}


def imported(name: str) -> bool:
    module = re.escape(IMPORTED_AS.get(name, name))
    return re.search(rf"^\s*(?:from|import) (?:[\w.]+\.)?{module}\b", SOURCES, re.MULTILINE) is not None


OF_EXTRAS = [name for extra in ("eval", "track", "page", "cluster") for name in EXTRAS[extra]]


@pytest.mark.parametrize("name", [*names(PROJECT["dependencies"]), *OF_EXTRAS])
def test_what_is_installed_is_imported(name):
    assert imported(name)


def test_a_package_that_nothing_imports_is_seen():
    assert not imported("librosa") and not imported("mir_eval")


@pytest.mark.parametrize("name", EXTRAS["dev"])
def test_a_tool_of_development_is_used(name):
    word = "PYTEST_XDIST_WORKER" if name == "pytest-xdist" else name
    assert re.search(rf"\b{re.escape(word)}\b", DEVELOPMENT)


def test_pages_and_messages_name_extras_of_the_checkout():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = SOURCES + "".join(page.read_text() for page in pages)
    told = re.findall(r'pip install "\./\[(\w+)\]"', text)
    assert {"eval", "track", "page", "cluster"} <= set(told) <= set(EXTRAS)
    assert "pip install cmmd" not in text and "cmmd[" not in text


def test_the_package_is_typed():
    assert (ROOT / "src" / "cmmd" / "py.typed").is_file()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["src/cmmd"] and not {"exclude", "include", "only-include"} & set(wheel)


def test_the_installed_command_is_the_module_that_runs():
    assert PROJECT["scripts"] == {"cmmd": "cmmd.__main__:run"}
