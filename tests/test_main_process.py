"""The process of the command: `python -m cmmd`, Ctrl-C at any moment, mistakes told before torch is imported."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_media import grey_frames

import cmmd.__main__ as process_of_the_command
from cmmd import __version__, cli
from cmmd.clips.writing import write_video


@pytest.fixture
def clip(tmp_path) -> Path:
    write_video(grey_frames(4, size=(32, 32)), tmp_path / "clip.mp4", fps=10)
    return tmp_path / "clip.mp4"


def interruptible() -> None:
    """In a new process: also where the tests run in the background of a shell, which ignores interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def python(*words: str, **options) -> "subprocess.CompletedProcess[str]":
    options |= {"capture_output": True, "text": True, "timeout": 300, "preexec_fn": interruptible}
    return subprocess.run([sys.executable, *words], check=False, **options)


def test_the_module_is_the_command():
    shown = python("-m", "cmmd", "--version")
    assert (shown.returncode, shown.stdout) == (0, f"cmmd {__version__}\n")
    refused = python("-m", "cmmd", "generate")
    assert refused.returncode == 2
    assert refused.stderr.startswith("cmmd: expected an INPUT") and refused.stderr.count("\n") == 1
    assert process_of_the_command.INTERRUPTED == cli.INTERRUPTED


MISTAKES = [
    ["nowhere.mp4"],
    ["clip.mp4", "--out", "x.gif"],
    ["clip.mp4", "--out", "clip.mp4"],
    ["clip.mp4", "--to", "video"],
    ["clip.mp4", "--out", "made.mp4", "--model", "runs/modle"],
    ["clip.mp4", "--out", "made.mp4", "--model", "."],
    ["nowhere.mp4", "--out", "made/"],
    [".", "--out", "made/", "--model", "runs/modle"],
    ["--manifest", "nowhere.csv", "--out", "made/"],
]


def test_a_mistake_is_told_before_torch_is_imported(clip):
    code = "import json, sys\nfrom cmmd.cli import main\n"
    code += f"codes = [main(['generate', *words]) for words in {MISTAKES}]\n"
    code += "print(json.dumps([codes, [name for name in ('torch', 'diffusers') if name in sys.modules]]))"
    told = python("-c", code, cwd=clip.parent)
    codes, imported = json.loads(told.stdout.splitlines()[-1])
    assert codes == [2] * len(MISTAKES) and told.stderr.count("\n") == len(MISTAKES)
    assert imported == []
    assert sorted(path.name for path in clip.parent.iterdir()) == ["clip.mp4"]


KILL = "threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGINT)).start()"
DENOISING = f"""from cmmd.pipelines.latent_pipeline import LatentPipeline
sample = LatentPipeline.sample
def killed(*arguments, **options):
    {KILL.format(seconds=0.3)}
    return sample(*arguments, **options)
LatentPipeline.sample = killed"""


@pytest.mark.parametrize(
    "kill", [KILL.format(seconds=0.05), KILL.format(seconds=0.4), DENOISING], ids=["start", "imports", "denoising"]
)
def test_ctrl_c_is_one_line_from_the_first_import_on(clip, kill):
    code = f"import os, signal, sys, threading\nfrom cmmd.__main__ import run\n{kill}\n"
    code += "sys.argv = ['cmmd', 'generate', 'clip.mp4', '--steps', '1000', '--takes', '100']\nrun()"
    stopped = python("-c", code, cwd=clip.parent)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (130, "", "cmmd: interrupted\n")
    assert sorted(path.name for path in clip.parent.iterdir()) == ["clip.mp4"]


def test_ctrl_c_is_not_for_the_workers():
    """A terminal sends it to all processes of its foreground."""
    code = "import time\nfrom cmmd.runtime.worker_processes import map_in_workers\n"
    code += "if __name__ == '__main__':\n    try:\n        print('begun', flush=True)\n"
    code += "        list(map_in_workers(time.sleep, [100, 100], workers=2))\n"
    code += "    except KeyboardInterrupt:\n        print('interrupted')\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("interrupted\n", "")


def test_names_that_a_terminal_cannot_show_are_generated_for(clip, model_folder):
    clip.rename(clip.with_name("\N{DRUM WITH DRUMSTICKS} \u0433\u043e\u043b\u043e\u0441.mp4"))
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    words = ("-m", "cmmd", "generate", ".", "--out", "made/", "--steps", "1", "--picture", "--model", str(model_folder))
    made = python(*words, cwd=clip.parent, env=environment)
    assert (made.returncode, made.stderr) == (0, "")
    assert sorted(path.suffix for path in (clip.parent / "made").iterdir()) == [".jsonl", ".mp4", ".png"]
    assert "_cmmd.mp4" in made.stdout
