"""The tutorial runs from top to bottom, and what it writes holds picture and sound."""

import re
import subprocess
from pathlib import Path

from cmmd.clips.reading import read_clip

SCRIPT = Path(__file__).parents[1] / "examples" / "tutorial.py"


def test_the_tutorial_runs(preloaded, tmp_path):
    run = subprocess.run([preloaded / "python", SCRIPT, tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "cancelled after 5 of 12 steps" in run.stdout
    assert run.stdout.count("<Take: ") == 5 and run.stdout.count("alignment") == 3
    (score,) = re.findall(r"F1 within 50 ms: ([\d.]+)", run.stdout)
    assert float(score) > 0.5
    for name in ("with_sound", "best", "continued", "with_picture"):
        made = read_clip(tmp_path / f"{name}.mp4")
        assert made.frames is not None and made.waveform is not None
        assert len(made.frames) == 24 and abs(made.waveform).max() > 0.01
