"""Building blocks of both U-Nets (residual blocks after ADM, arXiv 2105.05233).

Feature maps are ``(b, c, f, h, w)`` for video and ``(b, c, m, n)`` for audio. Blocks infer the modality from the number
of axes, so each block is written once. All normalisation is within one batch item: an item's result never depends on
the other items of the batch.

The memory format is torch's ``channels_last``: frames can be viewed as batch items, and positions as matrix rows or
attention tokens, without a copy. The format does not affect results beyond rounding.
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
    """Sets weight and bias of a layer to zero, so that its branch initially adds nothing. Returns the layer."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def to_grid(x: Float[Tensor, "b c time"], length: int) -> Float[Tensor, "b c length"]:
    """Resamples a sequence to ``length`` time steps by a whole factor: mean pooling down, repetition up.

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
    """Views a sequence so that it broadcasts over the space (video) or the frequencies (audio) of a feature map."""
    return x[..., None, None] if features.ndim == 5 else x[:, :, None, :]


def time_steps(features: Float[Tensor, "b ..."]) -> int:
    """Length of the time axis: f of a video feature map, n of an audio feature map."""
    return features.shape[2] if features.ndim == 5 else features.shape[3]


class TimeEmbedding(nn.Module):
    """Embeds the diffusion time of each video frame: sinusoids of 1000 t, then a two-layer perceptron."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.expand = nn.Linear(width, width)
        self.mix = nn.Linear(width, width)

    def forward(self, t: Float[Tensor, "b f"]) -> Float[Tensor, "b e f"]:
        dtype = self.expand.weight.dtype
        # Half precision cannot represent 1000 t accurately enough.
        t = t.to(torch.promote_types(dtype, torch.float32))
        half = self.width // 2
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device, dtype=t.dtype) / half)
        angles = 1000.0 * t[..., None] * frequencies
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype)
        return F.silu(self.mix(F.silu(self.expand(waves)))).transpose(1, 2)


def as_pictures(x: Float[Tensor, "b c ..."]) -> Float[Tensor, "pictures c height width"]:
    """Moves the frames of a video into the batch axis. A spectrogram is returned unchanged."""
    return rearrange(x, "b c f h w -> (b f) c h w") if x.ndim == 5 else x


def as_features(pictures: Float[Tensor, "pictures c height width"], *, like: Float[Tensor, "b ..."]) -> Tensor:
    """The inverse of `as_pictures`. `like` gives the modality and the number of frames."""
    return rearrange(pictures, "(b f) c h w -> b c f h w", f=like.shape[2]) if like.ndim == 5 else pictures


class PictureConv(nn.Conv2d):
    """A 3 x 3 convolution of ``(b, c, h, w)``."""

    PACKING = 50_000
    """Reordering this number of weights to channels-last takes as long as converting a small input there and back."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, 3, padding=1)

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        channels_last = input.is_contiguous(memory_format=torch.channels_last)
        if channels_last and self.weight.numel() > input.numel() + self.PACKING:
            # oneDNN reorders the weights in every call, twice in channels-last: up to twice as slow for large weights.
            return super().forward(input.contiguous()).contiguous(memory_format=torch.channels_last)
        return super().forward(input)


class FrameConv(PictureConv):
    """A 3 x 3 convolution within each frame of ``(b, c, f, h, w)``.

    On the 2 x 2 grid of the coarsest level every output depends on every input, so the convolution is computed as one
    matrix product. The result is the same, and training on a CPU is 1.5 times faster.
    """

    taps: Tensor
    bias: nn.Parameter

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out)
        # For each output position p and input position q: the index of the kernel tap (of nine) that connects them.
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
    """A 1 x 1 convolution for feature maps of either modality, computed as a matrix product over the channels."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, 1)

    def forward(self, input: Float[Tensor, "b c ..."]) -> Float[Tensor, "b o ..."]:
        return F.linear(input.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)


class TimeConv(nn.Module):
    """A zero-initialised 1-D convolution of kernel 3 over the frames of ``(b, c, f, h, w)``, at each position alone.

    It is computed as a matrix product over three shifted copies, because a 3-D convolution with a kernel of (3, 1, 1)
    is slow on a CPU.
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
    """Two normalised convolutions and a skip. The time embedding scales and shifts the second normalisation.

    With ``temporal`` (video) the convolutions are within a frame, and a zero-initialised convolution over the frames
    runs in parallel with the second one. It processes the output of the first convolution, as "2-D, then 1-D along
    time" requires, and shares the second normalisation. Without ``temporal`` (audio) the convolutions cover frequency
    and time together.
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
        # Resampling before the projection, not after it, leaves the modulation in channels-last order.
        modulation = self.scale_shift(to_grid(embedding, time_steps(h)).transpose(1, 2)).transpose(1, 2)
        scale, shift = (over_positions(part, h) for part in modulation.chunk(2, dim=1))
        h = F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale))
        out = self.skip(x) + self.conv2(h)
        return out if self.conv_time is None else out + self.conv_time(h)


class SelfAttention(nn.Module):
    """Pre-normalised multi-head self-attention over one set of axes, with a zero-initialised output projection.

    ``over`` selects the positions that attend to each other: ``frame``, the positions of one frame (video); ``time``,
    the frames of one position (video); ``all``, all positions (audio).
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
    """Halves (mean) or doubles (nearest) height and width of video, or frequency and time of audio.

    The number of video frames is the same at every level. Upsampling projects the channels first, which makes the
    convolution after it cheaper.
    """

    def __init__(self, channels_in: int, channels_out: int, *, direction: Literal["down", "up"]):
        super().__init__()
        self.project = PointConv(channels_in, channels_out) if direction == "up" else None

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        if self.project is None:
            return as_features(F.avg_pool2d(as_pictures(x), 2), like=x)
        x = self.project(x)
        return as_features(F.interpolate(as_pictures(x), scale_factor=2.0, mode="nearest"), like=x)
