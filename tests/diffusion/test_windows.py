"""Windows: they cover every frame, overlap, and are averaged with weights that are written out here."""

from itertools import pairwise

import pytest
import torch

from cmmd.diffusion.windows import WindowAverage, Windows
from cmmd.models.blocks import Modality

SHAPES: dict[Modality, tuple[int, ...]] = {"video": (2, 3, -1, 2, 2), "audio": (2, 1, 4, -8)}


def shape_of(modality: Modality, frames: int) -> tuple[int, ...]:
    """-1 stands for the frames, -8 for eight spectrogram frames each."""
    return tuple(-size * frames if size < 0 else size for size in SHAPES[modality])


@pytest.mark.parametrize("frames", [16, 17, 24, 31, 100])
def test_windows_cover_every_frame_and_average_to_the_identity(frames):
    windows = Windows(frames, 16)
    assert windows.starts[0] == 0 and windows.starts[-1] == frames - 16
    for modality in SHAPES:
        x = torch.randn(shape_of(modality, frames))
        average = WindowAverage(x, windows, modality)
        for starts in windows.batches(3):
            average.add(windows.cut(x, modality, starts), starts)
        assert torch.allclose(average.mean(), x, atol=1e-5)


@pytest.mark.parametrize("modality", SHAPES)
@pytest.mark.parametrize("frames", [16, 21, 24, 45])
def test_where_windows_overlap_the_nearer_middle_counts_more(modality, frames):
    """Every window predicts its own number; the mean is that of triangles, taken element by element."""
    windows = Windows(frames, 16)
    each = 1 if modality == "video" else 8
    like = torch.zeros(shape_of(modality, frames))
    average = WindowAverage(like, windows, modality)
    for number, start in enumerate(windows.starts):
        average.add(torch.full(shape_of(modality, 16), float(number)), [start])
    expected = []
    for position in range(each * frames):
        total = weights = 0.0
        for number, start in enumerate(windows.starts):
            inside = position - each * start
            if 0 <= inside < 16 * each:
                weight = min(inside + 0.5, 16 * each - inside - 0.5)
                total, weights = total + weight * number, weights + weight
        expected.append(total / weights)
    found = average.mean().movedim(2 if modality == "video" else 3, 0)
    for position, value in enumerate(expected):
        torch.testing.assert_close(found[position], torch.full_like(found[position], value), rtol=0, atol=1e-5)


def test_times_are_cut_as_the_latents_are():
    windows = Windows(21, 16)
    frames = torch.arange(21.0)
    x = frames[None, None, :, None, None].expand(2, 3, 21, 2, 2)
    cut, times = windows.cut(x, "video", windows.starts), windows.cut_times(frames[None], windows.starts, batch=2)
    assert torch.equal(cut[:, 0, :, 0, 0], times)


def test_neighbouring_windows_overlap_by_half():
    starts = Windows(100, 16).starts
    assert max(b - a for a, b in pairwise(starts)) <= 8


def test_a_clip_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="clip has 9 frames, expected at least a window of 16"):
        Windows(9, 16)
