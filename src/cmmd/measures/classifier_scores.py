"""What a classifier says of generated clips: divergence from the true clip's classes, and inception score.

The divergence is that of paired audio generation (Iashin and Rahtu, arXiv 2110.08791: MKL), the inception score that of
Salimans et al. (arXiv 1606.03498). Both take probabilities that sum to one, a row a clip.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-12


def class_divergences(
    true: Float[Tensor, "clips classes"], generated: Float[Tensor, "clips classes"]
) -> Float[Tensor, " clips"]:
    """KL(true || generated) of every pair, in nats; 0 where the classifier hears no difference."""
    p, q = (_probabilities(x) for x in (true, generated))
    return (p * (p.log() - q.log())).sum(1)


def inception_score(clips: Float[Tensor, "clips classes"]) -> float:
    """exp of the mean KL from each clip's classes to those of all: 1 where all are alike, at most the class count.

    Raises ValueError without a clip.
    """
    if len(clips) == 0:
        raise ValueError("found no clip, expected at least 1")
    p = _probabilities(clips)
    return (p * (p.log() - p.mean(0).log())).sum(1).mean().exp().item()


def _probabilities(x: Tensor) -> Tensor:
    sums = x.double().sum(1)
    if not torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        raise ValueError(f"rows sum to {sums.min().item():.4g} to {sums.max().item():.4g}, expected probabilities")
    p = x.double().clamp_min(SMALLEST)
    return p / p.sum(1, keepdim=True)
