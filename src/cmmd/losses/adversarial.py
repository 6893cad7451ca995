"""Discriminators of spectrograms at several resolutions (Jang et al., arXiv 2106.07889), with the hinge loss and the
matching of features (Kumar et al., arXiv 1910.06711)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.losses.waveform import magnitudes

RESOLUTIONS = ((256, 64), (1024, 256))
"""Window and hop in samples, of one discriminator each."""
WIDTH = 8
"""Channels of the first layer."""


class AdversarialLosses(NamedTuple):
    """One value for each item, a mean over the discriminators. discriminator: hinge loss, whose gradient reaches the
    discriminators only. generator, features: how real the sound appears, and the relative distance of the features of
    true sound; their gradient reaches the generator only."""

    discriminator: Float[Tensor, " b"]
    generator: Float[Tensor, " b"]
    features: Float[Tensor, " b"]


class SpectrogramDiscriminator(nn.Module):
    """Judges patches of a log spectrogram of one resolution."""

    def __init__(self, *, window: int, hop: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        layers = (
            (1, WIDTH, (3, 3), (2, 1)),
            (WIDTH, 2 * WIDTH, (5, 3), (2, 2)),
            (2 * WIDTH, 2 * WIDTH, (5, 3), (2, 2)),
            (2 * WIDTH, 3 * WIDTH, (3, 3), (2, 1)),
        )
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(
                nn.Conv2d(c_in, c_out, kernel, stride, (kernel[0] // 2, kernel[1] // 2))
            )
            for c_in, c_out, kernel, stride in layers
        )
        self.last = nn.Conv2d(3 * WIDTH, 1, 3, padding=1)

    def forward(self, waveform: Float[Tensor, "b s"]) -> tuple[Float[Tensor, "b 1 bins n"], list[Tensor]]:
        """Returns scores, above 0 for true sound, and the features of all layers but the last."""
        magnitude = magnitudes(waveform, window=self.window, hop=self.hop)
        x, features = ((magnitude + 1e-4).log()[:, None] + 5) / 3, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.last(x), features


class Discriminators(nn.Module):
    """One discriminator per resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(SpectrogramDiscriminator(window=window, hop=hop) for window, hop in RESOLUTIONS)

    def forward(self, found: Float[Tensor, "b s"], true: Float[Tensor, "b s"]) -> AdversarialLosses:
        """Returns the losses of generated waveforms, where `found` has a gradient, and of the discriminators."""
        rows = [_losses(member, found, true) for member in self.members]
        return AdversarialLosses(*torch.stack(rows).mean(0))


def _losses(member: nn.Module, found: Tensor, true: Tensor) -> Float[Tensor, "3 b"]:
    (real, real_features), (fake, _) = member(true), member(found.detach())
    hinge = (F.relu(1 - real).mean((1, 2, 3)) + F.relu(1 + fake).mean((1, 2, 3))).float()
    with _without_gradients(member):
        fooled, features = member(found)
    distances = [
        (a - b.detach()).abs().mean((1, 2, 3)) / (b.detach().abs().mean((1, 2, 3)) + 1e-3)
        for a, b in zip(features, real_features, strict=True)
    ]
    return torch.stack([hinge, -fooled.mean((1, 2, 3)).float(), torch.stack(distances).mean(0).float()])


@contextmanager
def _without_gradients(module: nn.Module) -> Iterator[None]:
    """The weights get no gradient from what is computed inside; the inputs still do."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
