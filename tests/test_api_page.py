"""The API page: every public name with its docstring, made by mkdocstrings-python, and nothing from elsewhere."""

import html
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cmmd

CONFIG = Path(__file__).parents[1] / "docs" / "api" / "mkdocs.yml"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("api")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(CONFIG)]
    run = subprocess.run([*command, "--site-dir", str(folder)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return (folder / "index.html").read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


@pytest.mark.parametrize("name", cmmd.__all__)
def test_a_public_name_stands_there_with_its_docstring(page, name):
    value = getattr(cmmd, name)
    assert f'id="{value.__module__}.{name}"' in page
    first = re.split(r"(?<=[.:;]) ", " ".join((inspect.getdoc(value) or "").split()))[0]
    words = re.sub(r"[`*]", "", first)[:60]
    assert words in re.sub(r"[`*]", "", text_of(page))


def test_methods_of_the_pipeline_stand_there_with_their_arguments(page):
    for name in ("from_pretrained", "video_to_audio", "audio_to_video", "joint"):
        assert f'id="cmmd.pipeline.CMMDPipeline.{name}"' in page
    assert "on_step" in page and "judge" in page


def test_nothing_is_fetched_from_elsewhere(page):
    fetched = re.findall(r"<(?:link|script|img|iframe|source|video)\b[^>]*?(?:src|href)=\"([^\"]+)\"", page)
    assert fetched and not [address for address in fetched if re.match(r"(?:https?:)?//", address)]
