"""Classifier scores of generated clips: divergence from the true clip's classes, and inception score.

The divergence is the MKL of paired audio generation (Iashin and Rahtu, arXiv 2110.08791), the inception score that of
Salimans et al. (arXiv 1606.03498). Both take class probabilities, one row per clip, and raise ValueError when a row
does not sum to one.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-12


def class_divergences(
    true: Float[Tensor, "clips classes"], generated: Float[Tensor, "clips classes"]
) -> Float[Tensor, " clips"]:
    """Returns KL(true || generated) of every pair in nats; 0 when the probabilities are equal."""
    p, q = (_probabilities(x) for x in (true, generated))
    return (p * (p.log() - q.log())).sum(1)


def inception_score(clips: Float[Tensor, "clips classes"]) -> float:
    """Returns exp of the mean KL divergence of each clip's probabilities from the mean probabilities of all clips.

    1 when all clips have equal probabilities, at most the number of classes. Raises ValueError without clips.
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
