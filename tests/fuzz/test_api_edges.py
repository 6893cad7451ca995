"""Arrays and settings that make no sense are a line of InputError or ValueError, and never sound or pictures."""

import subprocess

import pytest

pytestmark = pytest.mark.slow

MISUSE = """
import numpy as np
from cmmd import CMMDPipeline, InputError
from cmmd.clips.reading import Clip
from pathlib import Path

pipeline = CMMDPipeline.from_pretrained("shipped")
frames, sound = np.zeros((4, 64, 64, 3), np.uint8), np.zeros(6400, np.float32)
clip = lambda frames, sound: Clip(frames, sound, 10.0, 16_000, 0.4, Path("a.mp4"))
to_sound, to_video, joint = pipeline.video_to_audio, pipeline.audio_to_video, pipeline.joint
calls = [
    lambda: to_sound(frames.astype(np.int16)),
    lambda: to_sound(frames.astype(np.float32)),
    lambda: to_sound(frames[..., :1]),
    lambda: to_sound(np.zeros((4, 64, 64, 4), np.uint8)),
    lambda: to_sound(frames.transpose(0, 3, 1, 2)),
    lambda: to_sound(frames[0]),
    lambda: to_sound(np.zeros((4, 128, 128, 3), np.uint8)),
    lambda: to_sound(frames[:0]),
    lambda: to_sound(sound),
    lambda: to_sound([1, 2, 3]),
    lambda: to_sound(None),
    lambda: to_sound(clip(frames.astype(np.float64), None)),
    lambda: to_video((sound * 0 + 1000).astype(np.int16)),
    lambda: to_video((sound + 1000).astype(np.float32)),
    lambda: to_video(sound + np.nan),
    lambda: to_video(sound + np.inf),
    lambda: to_video(np.stack([sound, sound])),
    lambda: to_video(sound.astype(bool)),
    lambda: to_video(sound.astype(np.complex64)),
    lambda: to_video(clip(None, sound.astype(np.int16))),
    lambda: to_video(clip(None, sound[None])),
    *(lambda name=name, value=value: to_sound(frames, **{name: value}) for name, value in [
        ("guidance", float("nan")), ("guidance", float("inf")), ("guidance", 1e30), ("guidance", "3"),
        ("contrast", float("nan")), ("contrast", None), ("contrast", -1e9), ("gradient", None), ("gradient", 1),
        ("steps", -1), ("steps", 0), ("steps", 10**9), ("steps", 2.5), ("steps", "3"), ("steps", None),
        ("sampler", "euler"), ("sampler", None), ("takes", 0), ("takes", -1), ("takes", 1.5),
        ("seed", -1), ("seed", 2**70), ("seed", 0.5), ("seed", None),
    ]),
    *(lambda value=value: joint(seconds=value) for value in (0, -1, float("nan"), float("inf"), 1e12)),
]
for number, call in enumerate(calls):
    try:
        call()
    except (InputError, ValueError) as error:
        told = str(error)
        if len(told.splitlines()) != 1 or "expected" not in told:
            print(number, "not a line:", repr(told))
    except Exception as error:
        print(number, f"{type(error).__name__}: {error}")
    else:
        print(number, "made something")
(loud,) = to_video(clip(None, np.asfortranarray(sound.astype(np.float64) + 0.1)), steps=1)
(mirrored,) = to_sound(frames[:, :, ::-1], steps=1)
print(loud.frames.shape, mirrored.waveform.shape)
"""


def test_what_makes_no_sense_is_told_in_a_line(preloaded, tmp_path):
    """In a process without checked annotations, as users run it."""
    run = subprocess.run([preloaded / "python", "-c", MISUSE], capture_output=True, text=True, cwd=tmp_path)
    assert (run.stdout, run.stderr) == ("(4, 64, 64, 3) (6400,)\n", "")
