"""Building blocks that both U-Nets are made of (residual blocks after ADM, arXiv 2105.05233).

Feature maps are ``(b, c, f, h, w)`` for video and ``(b, c, m, n)`` for audio. A block reads from the number of axes
which of the two it holds, so that a block is written once. All normalisation is within one item: an item's result
never depends on its batch mates.

In memory the channels come last (torch's ``channels_last``): then frames are items of a batch, positions are rows of a
matrix and tokens of attention, all without a copy. Results do not depend on it, beyond rounding.
"""

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

Modality = Literal["video", "audio"]
Attended = Literal["frame", "time", "all"]
GROUPS = 8


def zero_initialised(module: nn.Conv1d | nn.Conv2d | nn.Linear) -> nn.Module:
    """The same layer with weight and bias zero, so that the branch it closes adds nothing at first."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def to_grid(x: Float[Tensor, "b c time"], length: int) -> Float[Tensor, "b c length"]:
    """Bring a sequence to another time grid by a whole factor: mean pool down, repeat up.

    Raises ValueError when neither length is a multiple of the other.
    """
    time = x.shape[-1]
    if time == length:
        return x
    if time % length == 0:
        return x.unflatten(-1, (length, time // length)).mean(-1)
    if length % time:
        raise ValueError(f"time grids of {time} and {length} steps are not whole multiples of each other")
    return x.repeat_interleave(length // time, dim=-1)


def over_positions(x: Float[Tensor, "b c time"], features: Float[Tensor, "b ..."]) -> Float[Tensor, "b c ..."]:
    """View a sequence so that it broadcasts over the space (video) or the frequencies (audio) of a feature map."""
    return x[..., None, None] if features.ndim == 5 else x[:, :, None, :]


def time_steps(features: Float[Tensor, "b ..."]) -> int:
    """Length of the time axis: f of a video feature map, n of an audio feature map."""
    return features.shape[2] if features.ndim == 5 else features.shape[3]


class TimeEmbedding(nn.Module):
    """Diffusion time of every video frame as a vector: sinusoids of 1000 t, then a small perceptron."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.expand = nn.Linear(width, width)
        self.mix = nn.Linear(width, width)

    def forward(self, t: Float[Tensor, "b f"]) -> Float[Tensor, "b e f"]:
        dtype = self.expand.weight.dtype
        # 1000 t needs more digits than half precision has.
        t = t.to(torch.promote_types(dtype, torch.float32))
        half = self.width // 2
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device, dtype=t.dtype) / half)
        angles = 1000.0 * t[..., None] * frequencies
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype)
        return F.silu(self.mix(F.silu(self.expand(waves)))).transpose(1, 2)


def as_pictures(x: Float[Tensor, "b c ..."]) -> Float[Tensor, "pictures c height width"]:
    """The frames of a video as the items of a batch; a spectrogram is a picture already."""
    return rearrange(x, "b c f h w -> (b f) c h w") if x.ndim == 5 else x


def as_features(pictures: Float[Tensor, "pictures c height width"], *, like: Float[Tensor, "b ..."]) -> Tensor:
    """The inverse of `as_pictures`, for a batch with as many items and frames as `like`."""
    return rearrange(pictures, "(b f) c h w -> b c f h w", f=like.shape[2]) if like.ndim == 5 else pictures


class PictureConv(nn.Conv2d):
    """A 3 x 3 convolution of ``(b, c, h, w)``."""

    PACKING = 50_000
    """So many weights take as long to bring into the order of channels-last as a small picture takes there and back."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, 3, padding=1)

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        channels_last = input.is_contiguous(memory_format=torch.channels_last)
        if channels_last and self.weight.numel() > input.numel() + self.PACKING:
            # oneDNN reorders weights for every call, and in channels-last twice: up to twice as slow where they weigh.
            return super().forward(input.contiguous()).contiguous(memory_format=torch.channels_last)
        return super().forward(input)


class FrameConv(PictureConv):
    """A 3 x 3 convolution within each frame of ``(b, c, f, h, w)``.

    On the 2 x 2 grid of the coarsest level every output sees every input, so that it is one matrix product: the same
    numbers, one and a half times faster in training on a CPU.
    """

    taps: Tensor
    bias: nn.Parameter

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out)
        # Position p, then q: which of the nine taps carries input position q to output position p.
        taps = [(q // 2 - p // 2 + 1) * 3 + (q % 2 - p % 2 + 1) for p in range(4) for q in range(4)]
        self.register_buffer("taps", torch.tensor(taps), persistent=False)

    def forward(self, input: Float[Tensor, "b c f h w"]) -> Float[Tensor, "b o f h w"]:
        pictures = as_pictures(input)
        convolved = self._product(pictures) if pictures.shape[-2:] == (2, 2) else super().forward(pictures)
        return as_features(convolved, like=input)

    def _product(self, pictures: Float[Tensor, "b c 2 2"]) -> Float[Tensor, "b o 2 2"]:
        taps = rearrange(self.weight.flatten(2), "o c tap -> tap o c")
        matrix = rearrange(taps.index_select(0, self.taps), "(p q) o c -> (p o) (q c)", p=4)
        positions = rearrange(pictures, "b c h w -> b (h w c)")
        return rearrange(F.linear(positions, matrix, self.bias.repeat(4)), "b (h w o) -> b o h w", h=2, w=2)


class PointConv(nn.Conv2d):
    """A 1 x 1 convolution at every position of a feature map of either modality: a matrix product over its channels."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, 1)

    def forward(self, input: Float[Tensor, "b c ..."]) -> Float[Tensor, "b o ..."]:
        return F.linear(input.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)


class TimeConv(nn.Module):
    """A zero-initialised 1-D convolution of kernel 3 over the frames of ``(b, c, f, h, w)``, at each position alone.

    As a matrix product over three shifted copies: a 3-D convolution with a kernel of (3, 1, 1) is slow on a CPU.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 3 * channels))

    def forward(self, x: Float[Tensor, "b c f h w"]) -> Float[Tensor, "b c f h w"]:
        frames = x.movedim(1, -1)
        outside = torch.zeros_like(frames[:, :1])
        before, after = torch.cat([outside, frames[:, :-1]], dim=1), torch.cat([frames[:, 1:], outside], dim=1)
        return F.linear(torch.cat([before, frames, after], dim=-1), self.weight).movedim(-1, 1)


class ResidualBlock(nn.Module):
    """Two normalised convolutions and a skip; the time embedding scales and shifts the second normalisation.

    With ``temporal`` (video) a convolution stays within a frame, and a zero-initialised convolution over the frames
    stands beside the second one: it sees the output of the first, as "2-D, then 1-D along time" asks, and costs no
    further normalisation. Without it (audio) the convolutions run over frequency and time together.
    """

    def __init__(self, channels_in: int, channels_out: int, embedding_width: int, *, temporal: bool):
        super().__init__()
        conv = FrameConv if temporal else PictureConv
        self.norm1 = nn.GroupNorm(GROUPS, channels_in)
        self.conv1 = conv(channels_in, channels_out)
        self.scale_shift = nn.Linear(embedding_width, 2 * channels_out)
        self.norm2 = nn.GroupNorm(GROUPS, channels_out)
        self.conv2 = zero_initialised(conv(channels_out, channels_out))
        self.conv_time = TimeConv(channels_out) if temporal else None
        self.skip = PointConv(channels_in, channels_out) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Float[Tensor, "b ..."], embedding: Float[Tensor, "b e f"]) -> Float[Tensor, "b ..."]:
        h = self.conv1(F.silu(self.norm1(x)))
        # To the grid before the projection: what repeats it in time then leaves the channels last.
        modulation = self.scale_shift(to_grid(embedding, time_steps(h)).transpose(1, 2)).transpose(1, 2)
        scale, shift = (over_positions(part, h) for part in modulation.chunk(2, dim=1))
        h = F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale))
        out = self.skip(x) + self.conv2(h)
        return out if self.conv_time is None else out + self.conv_time(h)


class SelfAttention(nn.Module):
    """Pre-normalised multi-head self-attention over one set of axes, with a zero-initialised output.

    ``over`` says which positions attend to each other: those of one frame, the frames of one position (video), or all
    positions (audio).
    """

    PATTERNS: ClassVar[dict[Attended, tuple[str, str]]] = {
        "frame": ("b c f h w", "(b f) (h w) c"),
        "time": ("b c f h w", "(b h w) f c"),
        "all": ("b c m n", "b (m n) c"),
    }

    def __init__(self, channels: int, *, heads: int, over: Attended):
        super().__init__()
        self.heads = heads
        self.axes, self.tokens = self.PATTERNS[over]
        self.norm = nn.LayerNorm(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.to_out = zero_initialised(nn.Linear(channels, channels))

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        tokens = rearrange(x, f"{self.axes} -> {self.tokens}").contiguous()
        q, k, v = self.to_qkv(self.norm(tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        sizes = dict(zip(self.axes.split(), x.shape, strict=True))
        return x + rearrange(self.to_out(attended), f"{self.tokens} -> {self.axes}", **sizes)


class Resample(nn.Module):
    """Halve (mean) or double (nearest) space, or frequency and time; going up, channels are projected first.

    Video keeps its frames at every level. Projecting before doubling makes the convolution after it cheaper.
    """

    def __init__(self, channels_in: int, channels_out: int, *, direction: Literal["down", "up"]):
        super().__init__()
        self.project = PointConv(channels_in, channels_out) if direction == "up" else None

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        if self.project is None:
            return as_features(F.avg_pool2d(as_pictures(x), 2), like=x)
        x = self.project(x)
        return as_features(F.interpolate(as_pictures(x), scale_factor=2.0, mode="nearest"), like=x)
