"""Detects copies of training clips: samples nearer to a training clip than real clips usually are (ours).

The distance of two clips is the mean squared difference of their standardised latents or spectrograms at the best
alignment in time. The reference is the distance of each training clip to its nearest other training clip. Samples below
the `CHANCE` quantile of these distances are flagged, so about this share of the samples is flagged for a model that
copies nothing.

When clips are compared by the embeddings of a network, each clip is its mean vector, and the reference is the distance
of real test clips, on which no model was trained, to their nearest training clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class CopyReport:
    """distances, nearest: distance of each sample to its nearest training clip, and the index of that clip. threshold:
    smaller distances are flagged. typical: median of the reference distances."""

    distances: Float[Tensor, " samples"]
    nearest: Int[Tensor, " samples"]
    threshold: float
    typical: float

    @property
    def flagged(self) -> Int[Tensor, " copies"]:
        """Indices of the samples whose distance is below the threshold."""
        return torch.nonzero(self.distances < self.threshold).flatten()

    def __str__(self) -> str:
        count, total = len(self.flagged), len(self.distances)
        return (
            f"{count} of {total} samples are nearer to a training clip than {1 - CHANCE:.0%} of real clips are"
            f" (nearest {self.distances.min():.3f}, threshold {self.threshold:.3f}, real clips {self.typical:.3f})"
        )


def find_copies(samples: Float[Tensor, "samples c ... frames"], clips: Float[Tensor, "clips c ... time"]) -> CopyReport:
    """Compares samples with all stretches of the training clips. The last axis is time, in the same units for both.

    Raises ValueError for fewer than two training clips.
    """
    if len(clips) < 2:
        raise ValueError(f"found {len(clips)} clips, expected at least 2 to compare with each other")
    frames = samples.shape[-1]
    distances, nearest = distances_to(samples, clips).min(dim=1)
    last = clips.shape[-1] - frames
    # Reference: beginning, middle and end of every clip, each against the other clips.
    between = torch.stack([distances_to(clips[..., at : at + frames], clips) for at in {0, last // 2, last}])
    between.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    real = between.min(dim=2).values.flatten()
    return CopyReport(distances, nearest, real.quantile(CHANCE).item(), real.median().item())


def distances_to(
    samples: Float[Tensor, "samples c ... frames"], clips: Float[Tensor, "clips c ... time"]
) -> Float[Tensor, "samples clips"]:
    """Returns the mean squared difference of every sample to every clip, at the alignment with the smallest one."""
    flat = samples.flatten(1, -2)
    size = flat[0].numel()
    columns = []
    for clip in _clip_by_clip(clips):
        # |a - b|^2 = |a|^2 - 2 a b + |b|^2 at every alignment at once, as correlations along time.
        products = torch.nn.functional.conv1d(clip[None], flat)[0]
        ones = torch.ones_like(flat[:1])
        energy = torch.nn.functional.conv1d(clip.square()[None], ones)[0, 0]
        squared = flat.square().sum((1, 2))[:, None] - 2 * products + energy
        columns.append(squared.min(dim=1).values.clamp_min(0) / size)
    return torch.stack(columns, dim=1)


def _clip_by_clip(clips: Tensor) -> Sequence[Tensor]:
    return [clip.flatten(0, -2).float() for clip in clips]


def find_embedded_copies(
    samples: Float[Tensor, "samples d"], training: Float[Tensor, "clips d"], real: Float[Tensor, "tests d"]
) -> tuple[CopyReport, Float[Tensor, " tests"]]:
    """Compares the embeddings of samples and of real test clips with those of the training clips. Returns the report
    and the distance of every real test clip to its nearest training clip.

    A distance is the root mean square over the dimensions, each divided by its deviation over the training clips.
    Raises ValueError without training clips or without real test clips.
    """
    if len(training) == 0 or len(real) == 0:
        found = f"{len(training)} training clips and {len(real)} real ones"
        raise ValueError(f"found {found}, expected at least 1 of each to find copies")
    spread = training.double().std(0, correction=0)
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))  # constant dimensions are not scaled

    def to_training(these: Tensor) -> Tensor:
        scaled = (these.double() / spread, training.double() / spread)
        return torch.cdist(*scaled, compute_mode="donot_use_mm_for_euclid_dist") / training.shape[1] ** 0.5

    distances, nearest = to_training(samples).min(dim=1)
    near = to_training(real).min(dim=1).values
    return CopyReport(distances, nearest, near.quantile(CHANCE).item(), near.median().item()), near
