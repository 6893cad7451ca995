"""Further noise of an item, seeded by its initial noise: independent of the rest of the batch and the device (ours)."""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor


def item_generators(noise: Float[Tensor, "b ..."], use: str) -> list[torch.Generator]:
    """Returns a CPU generator for each item. Equal noise and an equal `use` (a word) give the same numbers."""
    return [torch.Generator().manual_seed(_seed(item, use)) for item in noise.detach().float().cpu()]


def item_noise(noise: Float[Tensor, "b ..."], use: str, *, shape: tuple[int, ...]) -> Float[Tensor, "b ..."]:
    """Draws further standard noise of `shape` for each item: float32, on the device of the initial noise."""
    drawn = [torch.randn(shape, generator=generator) for generator in item_generators(noise, use)]
    return torch.stack(drawn).to(noise.device)


def _seed(item: Tensor, use: str) -> int:
    digest = hashlib.blake2b(item.contiguous().numpy().tobytes(), digest_size=8, person=use.encode())
    return int.from_bytes(digest.digest()) >> 1
