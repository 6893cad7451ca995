"""Orders and small files for the tests of the page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmmd.clips.writing import write_sound, write_video
from cmmd.data.world.families import world_clip
from cmmd.diffusion.sampling_config import SamplingConfig
from cmmd.serve.order import Order


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 1.6 s with picture and sound; next to it `silent.mp4` and `sound.wav`."""
    folder = tmp_path_factory.mktemp("serve")
    clip = world_clip("impacts", 1)
    write_video(clip.frames, folder / "scene.mp4", fps=10, waveform=clip.waveform, sample_rate=16_000)
    write_video(clip.frames, folder / "silent.mp4", fps=10)
    write_sound(clip.waveform, folder / "sound.wav", sample_rate=16_000)
    return folder / "scene.mp4"


@pytest.fixture
def order(scene: Path) -> Callable[..., Order]:
    """Builds an order: sound for the scene with two steps, unless told otherwise."""

    def build(*, steps: int = 2, **changes: Any) -> Order:
        values: dict[str, Any] = {
            "target": "audio",
            "source": scene,
            "seed": 5,
            "sampling": SamplingConfig(steps=steps),
        }
        return Order(**(values | changes))

    return build
