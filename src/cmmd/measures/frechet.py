"""Frechet distance of two sets of vectors, each modelled as a Gaussian (Heusel et al., arXiv 1706.08500).

With factors C1 = A A^T and C2 = B B^T of the covariances, Tr (C1 C2)^(1/2) is the sum of the singular values of A^T B.
This avoids matrix square roots and complex numbers. If the columns of A are a few centred vectors, A^T B has one row
per vector, and the distance of one sample to a whole set (the paper's box plot) takes milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Mean (d) and a factor (d, r) of the covariance of `count` vectors, in double precision."""

    mean: Float[Tensor, " d"]
    factor: Float[Tensor, "d r"]
    count: int

    @classmethod
    def of(cls, vectors: Float[Tensor, "n d"]) -> "Gaussian":
        """Fits a Gaussian, with the unbiased covariance. Raises ValueError for fewer than two vectors."""
        if len(vectors) < 2:
            raise ValueError(f"the set has {len(vectors)} vectors, expected at least 2")
        return cls(vectors.double().mean(0), _factor(vectors), len(vectors))


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Returns the distance between the Gaussians of two sets, with unbiased covariances.

    It is biased upwards for small sets: compare sets of equal size. Raises ValueError for a set of fewer than two
    vectors.
    """
    for name, vectors in (("first", a), ("second", b)):
        if len(vectors) < 2:
            raise ValueError(f"the {name} set has {len(vectors)} vectors, expected at least 2")
    return frechet_of_gaussians(a.double().mean(0), _factor(a), b.double().mean(0), _factor(b))


def frechet_of_gaussians(
    mean_a: Float[Tensor, " d"],
    factor_a: Float[Tensor, "d i"],
    mean_b: Float[Tensor, " d"],
    factor_b: Float[Tensor, "d j"],
) -> float:
    """Returns the distance from means and factors of the covariances (C = A A^T)."""
    cross = torch.linalg.svdvals(factor_a.T @ factor_b).sum()
    distance = (mean_a - mean_b).square().sum() + factor_a.square().sum() + factor_b.square().sum() - 2 * cross
    return max(distance.item(), 0.0)


class DistanceTo:
    """Distances of many subsets of one set of vectors to one reference, with a single projection.

    The rows of A^T B are the centred vectors times B, so a subset needs only the singular values of its own rows.
    """

    def __init__(self, vectors: Float[Tensor, "n d"], reference: Gaussian) -> None:
        self.vectors = vectors.double() - reference.mean
        projected = self.vectors @ reference.factor
        if projected.shape[1] > projected.shape[0]:  # only inner products of rows matter
            projected = torch.linalg.qr(projected.T, mode="r").R.T
        self.projected = projected
        self.spread = reference.factor.square().sum()

    def __call__(self, rows: Int[Tensor, " k"] | slice = slice(None)) -> float:
        """Returns the distance of the chosen vectors (unbiased covariance). Raises ValueError for fewer than two."""
        chosen, projected = self.vectors[rows], self.projected[rows]
        count = len(chosen)
        if count < 2:
            raise ValueError(f"the set has {count} vectors, expected at least 2")
        mean = chosen.mean(0)
        own = (chosen - mean).square().sum() / (count - 1)
        cross = torch.linalg.svdvals(projected - projected.mean(0)).sum() / (count - 1) ** 0.5
        return max((mean.square().sum() + own + self.spread - 2 * cross).item(), 0.0)


def per_sample_distances(clips: Sequence[Float[Tensor, "_ d"]], reference: Gaussian) -> Float[Tensor, " clips"]:
    """Returns the distance of each clip's vectors to the reference (the paper's per-sample FAD); nan for fewer than two
    vectors."""
    distances = [DistanceTo(clip, reference)() if len(clip) > 1 else float("nan") for clip in clips]
    return torch.tensor(distances, dtype=torch.float64)


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """Line fitted to the distance over 1 / size. value: at 1 / size = 0. slope: size of the bias. linearity: r^2."""

    value: float
    slope: float
    linearity: float


def frechet_at_infinity(
    clips: Sequence[Float[Tensor, "_ d"]], reference: Gaussian, *, sizes: int = 10, draws: int = 8, seed: int = 0
) -> Extrapolation:
    """Extrapolates the distance of a set to infinite size, which removes its size bias (Chong and Forsyth, arXiv
    1911.07023).

    Subsets of clips are drawn without replacement: with repeated vectors the effective size would be smaller than the
    nominal one, and the bias would remain. Clips are drawn as a whole, because the vectors of a clip depend on each
    other. The reference is fixed, so the bias from its size remains. Raises ValueError for fewer than 8 clips.
    """
    if len(clips) < 8:
        raise ValueError(f"found {len(clips)} clips, expected at least 8 to extrapolate from")
    distance = DistanceTo(torch.cat(list(clips)), reference)
    owner = torch.repeat_interleave(torch.arange(len(clips)), torch.tensor([len(clip) for clip in clips]))
    generator = torch.Generator().manual_seed(seed)
    reciprocals, means = [], []
    for reciprocal in torch.linspace(4 / len(clips), 1 / len(clips), sizes).tolist():
        size = round(1 / reciprocal)
        values = []
        for _ in range(draws if size < len(clips) else 1):
            chosen = torch.zeros(len(clips), dtype=torch.bool)
            chosen[torch.randperm(len(clips), generator=generator)[:size]] = True
            values.append(distance(torch.nonzero(chosen[owner]).flatten()))
        reciprocals.append(1 / size)
        means.append(sum(values) / len(values))
    return _line(torch.tensor(reciprocals, dtype=torch.float64), torch.tensor(means, dtype=torch.float64))


def _line(x: Tensor, y: Tensor) -> Extrapolation:
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    value = y.mean() - slope * x.mean()
    left, total = (y - value - slope * x).square().sum(), (y - y.mean()).square().sum()
    return Extrapolation(value.item(), slope.item(), (1 - left / total).item() if total > 0 else 1.0)


def _factor(vectors: Tensor) -> Tensor:
    centred = vectors.double() - vectors.double().mean(0)
    factor = centred.T / (len(vectors) - 1) ** 0.5
    if factor.shape[1] <= factor.shape[0]:
        return factor
    # More vectors than dimensions: reduce the factor to (d, d).
    values, directions = torch.linalg.eigh(factor @ factor.T)
    return directions * values.clamp_min(0).sqrt()
