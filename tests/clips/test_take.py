"""What a take looks like: in a line, and in a notebook."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest

from cmmd.clips.reading import read_clip
from cmmd.clips.take import Take


def take(**changes) -> Take:
    frames = np.random.default_rng(0).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    sound = (1.5 * np.sin(np.arange(25_600) / 20)).astype(np.float32)
    values = {"frames": frames, "waveform": sound, "fps": 10, "sample_rate": 16_000, "seed": 7, "generated": "audio"}
    return Take(**values | {"guidance": 1.0, "source": None, "seconds": {}} | changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"source": Path("deep/a.mp4")}, "<Take: 1.60 s of sound for a.mp4, seed 7>"),
        ({"generated": "video", "alignment": 0.25}, "<Take: 1.60 s of video, seed 7, alignment 0.250>"),
        ({"generated": "both"}, "<Take: 1.60 s of video and sound, seed 7>"),
    ],
)
def test_a_take_is_a_short_line(changes, line):
    assert repr(take(**changes)) == line


def test_a_notebook_shows_a_player_with_nothing_from_elsewhere(tmp_path):
    shown = take(source=Path("<b>.mp4"))._repr_html_()
    assert "&lt;b&gt;.mp4" in shown and "<b>" not in shown and "http" not in shown
    (content,) = re.findall(r'src="data:video/mp4;base64,([^"]+)"', shown)
    (tmp_path / "shown.mp4").write_bytes(base64.b64decode(content))
    clip = read_clip(tmp_path / "shown.mp4")
    assert clip.frames is not None and clip.waveform is not None
    assert len(clip.frames) == 16 and abs(clip.seconds - 1.6) < 0.05 and np.abs(clip.waveform).max() <= 1.05
