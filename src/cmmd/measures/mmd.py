"""Squared maximum mean discrepancy of two sets with a polynomial kernel: KID (Binkowski et al., arXiv 1801.01401).

With vectors of a video network it is KVD. The estimate is unbiased at every sample size and may be negative.
"""

from jaxtyping import Float, Int
from torch import Tensor

DEGREE = 3


def polynomial_mmd(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Returns the unbiased estimate with the kernel (x.y / d + 1)^3. Raises ValueError for a set of fewer than two
    vectors."""
    return MMDTo(a, b)()


class MMDTo:
    """Discrepancies of many subsets of one set to one reference: every kernel value is computed once."""

    def __init__(self, vectors: Float[Tensor, "n d"], reference: Float[Tensor, "m d"]) -> None:
        for name, these in (("first", vectors), ("second", reference)):
            if len(these) < 2:
                raise ValueError(f"the {name} set has {len(these)} vectors, expected at least 2")
        vectors, reference = vectors.double(), reference.double()
        self.within = polynomial_kernel(vectors, vectors)
        self.across = polynomial_kernel(vectors, reference).mean(1)
        self.reference = _mean_of_pairs(polynomial_kernel(reference, reference))

    def __call__(self, rows: Int[Tensor, " k"] | slice = slice(None)) -> float:
        """Returns the discrepancy of the chosen vectors, of which there must be at least two."""
        within = _mean_of_pairs(self.within[rows][:, rows])
        return (within + self.reference - 2 * self.across[rows].mean()).item()


def polynomial_kernel(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Returns (x.y / d + 1)^3 for all pairs of vectors."""
    return (a @ b.T / a.shape[1] + 1) ** DEGREE


def _mean_of_pairs(kernel: Tensor) -> Tensor:
    """Mean over pairs of different vectors. Pairs of a vector with itself would bias the estimate."""
    count = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))
