"""The parts of both U-Nets, each written out: residual block, attention, what an ear hears, stems and heads."""

import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from small_network import awake
from torch import Tensor, nn

from cmmd.models.blocks import ResidualBlock, SelfAttention
from cmmd.models.easy_fusion import Hear
from cmmd.models.staged_unet import Stage, StagedUNet, StagePlan, UNetState


def woken(module: nn.Module) -> nn.Module:
    """In float64 with random weights, none of them zero."""
    generator = torch.Generator().manual_seed(0)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def convolved(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """3 x 3, within each frame of a video."""
    if x.ndim == 4:
        return F.conv2d(x, layer.weight, layer.bias, padding=1)
    return torch.stack([F.conv2d(frame, layer.weight, layer.bias, padding=1) for frame in x.unbind(2)], dim=2)


def normalised(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """Groups of channels of one item, to mean 0 and deviation 1, then scaled and shifted channel by channel."""
    groups = x.reshape(len(x), 8, -1)
    mean, variance = groups.mean(2, keepdim=True), groups.var(2, correction=0, keepdim=True)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    whitened = ((groups - mean) / (variance + 1e-5).sqrt()).reshape(x.shape)
    return whitened * norm.weight.view(shape) + norm.bias.view(shape)


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


@pytest.mark.parametrize("channels_out", [16, 24])
@pytest.mark.parametrize("modality", ["video", "audio"])
def test_a_residual_block_written_out(modality, channels_out):
    """The audio has two time steps for each of the three frames of the embedding."""
    temporal = modality == "video"
    block = woken(ResidualBlock(16, channels_out, 10, temporal=temporal))
    assert isinstance(block, ResidualBlock)
    x, embedding = random(2, 16, 3, 4, 4) if temporal else random(2, 16, 4, 6), random(2, 10, 3)
    h = normalised(block.norm2, convolved(block.conv1, silu(normalised(block.norm1, x))))  # pyright: ignore[reportArgumentType]
    modulated = torch.empty_like(h)
    for step in range(3 if temporal else 6):
        values = F.linear(
            embedding[:, :, step if temporal else step // 2], block.scale_shift.weight, block.scale_shift.bias
        )
        scale, shift = values[:, :channels_out], values[:, channels_out:]
        where = (slice(None), slice(None), step) if temporal else (slice(None), slice(None), slice(None), step)
        axes = (..., None, None) if temporal else (..., None)
        modulated[where] = h[where] * (1 + scale[axes]) + shift[axes]
    h = silu(modulated)
    expected = convolved(block.conv2, h)  # pyright: ignore[reportArgumentType]
    if channels_out == 16:
        expected = expected + x
    else:
        assert isinstance(block.skip, nn.Conv2d) and block.skip.bias is not None
        shape = (1, -1) + (1,) * (x.ndim - 2)
        expected = (
            expected + torch.einsum("oc,bc...->bo...", block.skip.weight[:, :, 0, 0], x) + block.skip.bias.view(shape)
        )
    if block.conv_time is not None:
        before, now, after = block.conv_time.weight.chunk(3, dim=1)
        for frame in range(3):
            for tap, other in ((before, frame - 1), (now, frame), (after, frame + 1)):
                if 0 <= other < 3:
                    expected[:, :, frame] += torch.einsum("oc,bchw->bohw", tap, h[:, :, other])
    equal(block(x, embedding), expected)


def test_attention_written_out():
    """Head by head and query by query, over all positions of a spectrogram."""
    attention = woken(SelfAttention(8, heads=2, over="all"))
    assert isinstance(attention, SelfAttention)
    x = random(2, 8, 2, 3)
    tokens = x.flatten(2).transpose(1, 2)
    whitened = (tokens - tokens.mean(2, keepdim=True)) / (tokens.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
    qkv = F.linear(
        whitened * attention.norm.weight + attention.norm.bias, attention.to_qkv.weight, attention.to_qkv.bias
    )
    q, k, v = qkv[..., :8], qkv[..., 8:16], qkv[..., 16:]
    attended = torch.empty_like(tokens)
    for head in (slice(0, 4), slice(4, 8)):
        for query in range(6):
            weights = torch.exp((q[:, query, None, head] * k[..., head]).sum(2) / math.sqrt(4))
            weights = weights / weights.sum(1, keepdim=True)
            attended[:, query, head] = (weights[..., None] * v[..., head]).sum(1)
    told = F.linear(attended, attention.to_out.weight, attention.to_out.bias)  # pyright: ignore[reportArgumentType]
    equal(attention(x), x + told.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(1, 2), Fraction(3)])
def test_what_an_ear_hears_written_out(rate):
    """Two steps of a message are channels of one coarser step, or one step makes the channels of three finer ones."""
    width, channels, positions, time = 5, 4, 3, 6
    ear = woken(Hear(channels, width, positions=positions, rate=rate))
    assert isinstance(ear, Hear)
    message, up, down = random(2, width, time), rate.numerator, rate.denominator
    folded = torch.empty(2, width * down, time // down, dtype=torch.float64)
    for channel in range(width):
        for step in range(time):
            folded[:, channel * down + step % down, step // down] = message[:, channel, step]
    conv = F.conv1d(folded, ear.conv.weight, ear.conv.bias, padding=1)
    heard = torch.empty(2, width, time // down * up, dtype=torch.float64)
    for channel in range(width):
        for step in range(heard.shape[2]):
            heard[:, channel, step] = conv[:, channel * up + step % up, step // up]
    assert isinstance(ear.project, nn.Conv1d) and ear.project.bias is not None
    said = torch.einsum("oc,bct->bot", ear.project.weight[:, :, 0], silu(heard)) + ear.project.bias[:, None]
    equal(ear(message), said.reshape(2, channels, positions, -1))


def test_the_head_of_the_picture_written_out():
    unet = awake().video_unet
    features = random(2, 16, 3, 4, 4)
    found = unet.finish(UNetState(features, (), random(2, 24, 3)))
    equal(found, convolved(unet.head, silu(normalised(unet.norm_out, features))))


def test_the_stem_and_the_head_of_sound_written_out():
    """Squares of 4 x 4 are channels of one position; a channel beside the spectrogram rises from -1 to 1 with it."""
    unet = awake().audio_unet
    x = random(2, 1, 16, 32)
    position = torch.tensor([-1 + 2 * bin / 15 for bin in range(16)], dtype=torch.float64)
    whole = torch.stack([x[:, 0], position[None, :, None].expand(2, 16, 32)], dim=1)
    folded = torch.stack([whole[:, c, i::4, j::4] for c in range(2) for i in range(4) for j in range(4)], dim=1)
    state = unet.begin(x, torch.zeros(2, 4, dtype=torch.float64))
    equal(state.features, convolved(unet.stem, folded))
    features = random(2, 16, 4, 8)
    told = convolved(unet.head, silu(normalised(unet.norm_out, features)))
    found = unet.finish(state._replace(features=features))
    for i in range(4):
        for j in range(4):
            equal(found[:, 0, i::4, j::4], told[:, 4 * i + j])


@pytest.mark.parametrize(("name", "modules"), [("video_unet", 2), ("audio_unet", 1)])
def test_stages_attend_at_the_levels_that_are_asked_for(name, modules):
    unet = getattr(awake(attention_levels=(1,)), name)
    assert isinstance(unet, StagedUNet)
    stages = [stage for stage in unet.stages if isinstance(stage, Stage)]
    assert [len(stage.attention) for stage in stages] == [0, modules, modules, modules, 0]


def test_a_stage_resamples_joins_its_skip_and_attends_last():
    plan = StagePlan(level=1, channels_in=16, channels_skip=8, channels_out=8, resample="up", keeps_skip=False)
    stage = woken(Stage(plan, embedding_width=10, attention=("all",), heads=2, temporal=False))
    assert isinstance(stage, Stage) and stage.resample is not None
    x, skip, embedding = random(2, 16, 2, 3), random(2, 8, 4, 6), random(2, 10, 3)
    joined = torch.cat([stage.resample(x), skip], dim=1)
    equal(stage(x, skip, embedding), stage.attention[0](stage.block(joined, embedding)))
