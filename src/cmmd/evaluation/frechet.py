"""Frechet distance of two sets of vectors, each taken for a Gaussian (Heusel et al., arXiv 1706.08500).

With factors C1 = A A^T and C2 = B B^T of the covariances, Tr (C1 C2)^(1/2) is the sum of the singular values of A^T B:
no square root of a matrix, no complex numbers.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Between the Gaussians of two sets, with unbiased covariances. Raises ValueError for fewer than two vectors.

    It is biased upwards where the sets are small: compare at equal sizes.
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
    """From means and factors of the covariances (C = A A^T)."""
    cross = torch.linalg.svdvals(factor_a.T @ factor_b).sum()
    distance = (mean_a - mean_b).square().sum() + factor_a.square().sum() + factor_b.square().sum() - 2 * cross
    return max(distance.item(), 0.0)


def _factor(vectors: Tensor) -> Tensor:
    centred = vectors.double() - vectors.double().mean(0)
    factor = centred.T / (len(vectors) - 1) ** 0.5
    if factor.shape[1] <= factor.shape[0]:
        return factor
    # Many vectors: a factor no wider than they are long.
    values, directions = torch.linalg.eigh(factor @ factor.T)
    return directions * values.clamp_min(0).sqrt()
