"""The README's promises: its blocks marked `<!-- tested -->` run, and its test command is the one that CI runs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"^<!-- tested -->\n+```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    line: int
    language: str
    text: str


def marked_blocks(document: str) -> list[Block]:
    """The fenced blocks directly under a mark, with the number of their first line."""
    return [Block(document.count("\n", 0, hit.start(2)) + 1, *hit.groups()) for hit in MARKED.finditer(document)]


def commands(console: str) -> str:
    """The lines of a console block that are typed, without the prompt; a backslash continues on the next line."""
    typed, going_on = [], False
    for line in console.splitlines():
        if going_on or line.startswith("$ "):
            typed.append(line if going_on else line[2:])
            going_on = line.endswith("\\")
    return "\n".join(typed)


BLOCKS = marked_blocks((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of: a silent clip.mp4, a sound.wav, a scene.mp4 with both, and two
    folders of clips."""
    folder = tmp_path_factory.mktemp("readme")
    clip = world_clip("impacts", 1)
    write_video(clip.frames, folder / "clip.mp4", fps=10)
    write_sound(clip.waveform, folder / "sound.wav", sample_rate=16000)
    write_video(clip.frames, folder / "scene.mp4", fps=10, waveform=clip.waveform, sample_rate=16000)
    for name, first in (("clips", 0), ("made", 100)):
        (folder / name).mkdir()
        for number in range(4):
            clip = world_clip("dance", first + number)
            path = folder / name / f"{number}.mp4"
            write_video(clip.frames, path, fps=10, waveform=clip.waveform, sample_rate=16000)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_a_marked_block_runs(block: Block, folder: Path, preloaded: Path) -> None:
    # A process each and in no fixed order, with the commands of the environment that runs the tests.
    bash = ["bash", "-euo", "pipefail", "-c", commands(block.text)]
    arguments = [str(preloaded / "python"), "-c", block.text] if block.language == "python" else bash
    path = os.pathsep.join([str(preloaded), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, f"README.md line {block.line}:\n{process.stdout}\n{process.stderr}"


def test_both_languages_are_marked_somewhere() -> None:
    assert {block.language for block in BLOCKS} == {"python", "console"}


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert re.search(r"^\$ make test$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.search(r"^make test\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_blocks_and_commands_are_found() -> None:
    document = (
        "# A\n\n<!-- tested -->\n```console\n$ cmmd a \\\n    --b\nprinted\n$ c\n```\n\n```python\nleft out\n```\n"
    )
    (block,) = marked_blocks(document)
    assert (block.line, block.language) == (5, "console")
    assert commands(block.text) == "cmmd a \\\n    --b\nc"
