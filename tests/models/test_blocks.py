"""The blocks of both U-Nets: time grids, and convolutions that are matrix products for speed alone."""

import pytest
import torch
import torch.nn.functional as F

from cmmd.models import blocks
from cmmd.models.staged_unet import plan_stages


def test_grids_are_reached_by_means_and_repeats(generator):
    x = torch.tensor([[[0.0, 2.0, 4.0, 8.0]]])
    assert torch.equal(blocks.to_grid(x, 2), torch.tensor([[[1.0, 6.0]]]))
    assert torch.equal(blocks.to_grid(x[..., :2], 4), torch.tensor([[[0.0, 0.0, 2.0, 2.0]]]))
    assert blocks.to_grid(x, 4) is x
    x = torch.randn(2, 3, 6, generator=generator)
    assert torch.equal(blocks.to_grid(blocks.to_grid(x, 24), 6), x)
    with pytest.raises(ValueError, match="6 and 4 steps"):
        blocks.to_grid(x, 4)


@pytest.mark.parametrize("size", [2, 4])
def test_frame_convolution_is_the_convolution(size, generator):
    conv = blocks.FrameConv(5, 7).double()
    x = torch.randn(2, 5, 3, size, size, generator=generator, dtype=torch.float64)
    frames = x.transpose(1, 2).flatten(0, 1)
    expected = F.conv2d(frames, conv.weight, conv.bias, padding=1).unflatten(0, (2, 3)).transpose(1, 2)
    torch.testing.assert_close(conv(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("channels", [8, 128], ids=["light weights", "heavy weights"])
def test_picture_convolution_is_the_convolution_in_either_order_of_memory(channels, generator):
    conv = blocks.PictureConv(channels, channels).double()
    assert (conv.weight.numel() > conv.PACKING) is (channels == 128)
    x = torch.randn(2, channels, 4, 6, generator=generator, dtype=torch.float64)
    expected = F.conv2d(x, conv.weight, conv.bias, padding=1)
    found = conv(x.contiguous(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert conv(x).is_contiguous()
    for result in (found, conv(x)):
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 5, 3, 2, 4), (2, 5, 6, 4)], ids=["video", "audio"])
def test_point_convolution_is_a_matrix_product_at_every_position(shape, generator):
    conv = blocks.PointConv(5, 7).double()
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    expected = torch.einsum("oc,bcp->bop", conv.weight[:, :, 0, 0], x.flatten(2))
    assert conv.bias is not None
    expected = expected + conv.bias[:, None]
    assert conv(x).shape == (2, 7, *shape[2:])
    torch.testing.assert_close(conv(x).flatten(2), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 8, 3, 4, 2), (1, 8, 4, 6)], ids=["video", "audio"])
def test_resampling_halves_by_means_and_doubles_by_repeats_but_never_frames(shape, generator):
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    # The last two axes are space, or frequency and time: frames of a video stand before them.
    corners = [x[..., i::2, j::2] for i in range(2) for j in range(2)]
    torch.testing.assert_close(blocks.Resample(8, 8, direction="down")(x), sum(corners) / 4, rtol=0, atol=1e-12)
    up = blocks.Resample(8, 16, direction="up").double()
    assert up.project is not None
    expected = up.project(x).repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(up(x), expected, rtol=0, atol=1e-12)


def test_time_convolution_is_the_convolution(generator):
    conv = blocks.TimeConv(4).double()
    assert not conv.weight.any()
    torch.nn.init.normal_(conv.weight, generator=generator)
    x = torch.randn(2, 4, 5, 2, 2, generator=generator, dtype=torch.float64)
    # (o, 3 c) holds the taps of the frame before, this frame and the next, one after the other.
    kernel = conv.weight.unflatten(1, (3, 4)).transpose(1, 2)[..., None, None]
    torch.testing.assert_close(conv(x), F.conv3d(x, kernel, padding=(1, 0, 0)), rtol=0, atol=1e-12)


def test_attention_stays_within_its_axes(generator):
    x = torch.randn(1, 8, 3, 2, 2, generator=generator)
    changed = x.clone()
    changed[:, 0, 1, 0, 0] += 1
    expected: dict[blocks.Attended, list[int]] = {"frame": [1, 1, 1, 1, 0, 0], "time": [1, 0, 0, 0, 1, 1]}
    for over, reached in expected.items():
        attention = blocks.SelfAttention(8, heads=2, over=over)
        assert torch.equal(attention(x), x)
        attention.to_out = torch.nn.Linear(8, 8)
        moved = (attention(x) != attention(changed)).any(1)[0]
        # The four positions of the changed frame, then the same position in the first and the last frame.
        assert [*moved[1].flatten().int().tolist(), int(moved[0, 0, 0]), int(moved[2, 0, 0])] == reached


def test_embedding_tells_close_times_apart_and_survives_half_precision():
    torch.manual_seed(0)
    embed = blocks.TimeEmbedding(32)
    t = torch.tensor([[0.899, 0.9]])
    assert t.bfloat16().unique().tolist() == [0.8984375]  # the angles must be computed before rounding
    found = embed.bfloat16()(t).float()
    assert (found[..., 0] - found[..., 1]).abs().max() > 0.01


def test_plans_pair_up_and_use_every_skip():
    small, large = plan_stages((16, 24, 32), 2), plan_stages((8, 8, 8), 2)
    assert len(small) == len(large) == 13
    assert [plan.level for plan in small] == [plan.level for plan in large] == [0, 0, 1, 1, 2, 2, 2, 2, 2, 1, 1, 0, 0]
    kept = [plan.channels_out for plan in small if plan.keeps_skip]
    assert [plan.channels_skip for plan in small if plan.channels_skip] == kept[::-1]
