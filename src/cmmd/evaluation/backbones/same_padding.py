"""TensorFlow's "same" padding of a convolution: an odd padding pixel goes to the end."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def same_convolution(
    x: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "out group kh kw"],
    bias: Float[Tensor, " out"],
    *,
    stride: int,
    groups: int,
) -> Float[Tensor, "b out oh ow"]:
    """Convolution whose output has ceil(size / stride) pixels in height and width."""
    pads = []
    for size, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):  # F.pad: last axis first
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), weight, bias, stride=stride, groups=groups)
