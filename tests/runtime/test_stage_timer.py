"""The clock of a generation: parts add up, and a device is waited for before the time is read."""

import time
from types import SimpleNamespace

import pytest
import torch

from cmmd.runtime.stage_timer import StageTimer


def test_a_part_that_comes_twice_adds_up():
    clock = StageTimer(torch.device("cpu"))
    for _ in range(2):
        with clock("denoising"):
            time.sleep(0.02)
    with clock("decoding"):
        pass
    assert clock.seconds["denoising"] >= 0.04 and clock.seconds["decoding"] < 0.02


@pytest.mark.parametrize("name", ["cuda:1", "xpu:0", "mps"])
def test_the_device_has_done_its_work_when_the_time_is_read(name, monkeypatch: pytest.MonkeyPatch):
    """Here the device has two seconds of work left whenever Python asks for the time."""
    done, device = [0.0], torch.device(name)

    def synchronize(which: torch.device | None = None) -> None:
        assert which == (None if name == "mps" else device)
        done[0] += 2

    monkeypatch.setattr(torch, "get_device_module", lambda _: SimpleNamespace(synchronize=synchronize))
    monkeypatch.setattr(torch.mps, "synchronize", synchronize)
    monkeypatch.setattr(time, "perf_counter", lambda: done[0])
    clock = StageTimer(device)
    with clock("denoising"):
        pass
    assert clock.seconds == {"denoising": 2}
