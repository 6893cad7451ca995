"""Distances between the sets of generated and real clips, at comparable set sizes (paper: evaluation).

A Frechet distance is biased upwards when the sets are small. The floor is therefore measured at the same sizes: each
random split holds out as many real clips as were generated (at most half of the real clips), and both the held-out
clips and an equal number of generated clips are compared with the remaining real clips.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.evaluation.backbones.backbone import Backbone
from cmmd.evaluation.record.schema import Metric, SetDistance, SplitDistance
from cmmd.measures.classifier_scores import inception_score
from cmmd.measures.frechet import DistanceTo, Gaussian, frechet_at_infinity, per_sample_distances
from cmmd.measures.intervals import Interval, bootstrap, half_samples
from cmmd.measures.mmd import MMDTo

DRAWS = 4
"""Number of random splits of the real clips; the floor is the mean over the splits."""
HALVES = 40
NAN = float("nan")
Clips = Sequence[Float[Tensor, "_ d"]]
"""One tensor of window vectors (windows, d) per clip."""


def set_distance(backbone: Backbone, generated: Clips, real: Clips, *, seed: int = 0) -> SetDistance:
    """Returns all distances under one backbone. Raises ValueError for fewer than two generated or four real clips."""
    if len(generated) < 2 or len(real) < 4:
        found = f"{len(generated)} generated and {len(real)} real clips"
        raise ValueError(f"{found}, expected at least 2 and 4 for the distance of sets")
    size = min(len(generated), len(real) // 2)
    generator = torch.Generator().manual_seed(seed)
    values, real_values = [], []
    for _ in range(DRAWS):
        order = torch.randperm(len(real), generator=generator).tolist()
        held, rest = [real[i] for i in order[:size]], Gaussian.of(torch.cat([real[i] for i in order[size:]]))
        chosen = torch.randperm(len(generated), generator=generator)[:size].tolist()
        values.append(DistanceTo(torch.cat([generated[i] for i in chosen]), rest)())
        real_values.append(DistanceTo(torch.cat(held), rest)())
    # The expensive quantities are computed once, for the last split.
    interval = _halves(generated, rest)
    whole = Gaussian.of(torch.cat(list(real)))
    value = float(np.mean(values))
    return SetDistance(
        name=backbone.distance,
        backbone=backbone.name,
        samples=tuple(per_sample_distances(generated, whole).tolist()),
        real_samples=tuple(per_sample_distances(held, rest).tolist()),
        split=SplitDistance(
            size=size,
            reference_size=len(real) - size,
            value=value,
            low=_above_zero(value + interval.low - interval.value),
            high=value + interval.high - interval.value,
            real_value=float(np.mean(real_values)),
        ),
        whole=DistanceTo(torch.cat(list(generated)), whole)(),
        at_infinity=_at_infinity(generated, whole),
        real_at_infinity=_at_infinity(held, rest),
    )


def _halves(clips: Clips, reference: Gaussian) -> Interval:
    """Interval from random halves of the clips; all windows of a clip are drawn together."""
    distance = DistanceTo(torch.cat(list(clips)), reference)
    owner = torch.repeat_interleave(torch.arange(len(clips)), torch.tensor([len(clip) for clip in clips]))
    return half_samples(
        len(clips), lambda rows: distance(torch.nonzero(torch.isin(owner, rows)).flatten()), draws=HALVES
    )


def _at_infinity(clips: Clips, reference: Gaussian) -> float:
    return frechet_at_infinity(clips, reference, draws=4).value if len(clips) >= 8 else NAN


def set_metrics(backbone: Backbone, distance: SetDistance, generated: Clips, real: Clips) -> list[Metric]:
    """Metrics of one backbone: Frechet distance of the set, per sample, extrapolated to infinity, and the maximum mean
    discrepancy, which assumes no Gaussian."""
    samples, real_samples = np.array(distance.samples), np.array(distance.real_samples)
    split = distance.split
    sizes = f"{split.size} clips against {split.reference_size} real ones"
    per_sample = bootstrap(len(samples), lambda rows: _median(samples[rows]))
    at_infinity = Interval(distance.at_infinity, NAN, NAN)
    if len(generated) >= 16:
        whole = Gaussian.of(torch.cat(list(real)))

        def extrapolated(rows: Tensor) -> float:
            return frechet_at_infinity([generated[i] for i in rows.tolist()], whole, sizes=4, draws=1).value

        at_infinity = half_samples(len(generated), extrapolated, value=distance.at_infinity, draws=20)
    name = distance.name
    own_set = Interval(split.value, split.low, split.high)
    return [
        _metric(name, own_set, split.real_value, split.size, f"Frechet distance, {sizes}; floor: real clips."),
        _metric(
            f"{name} per sample",
            per_sample,
            _median(real_samples),
            int(np.isfinite(samples).sum()),
            "Median over clips of a clip's own windows against all real clips; floor: real clips against others.",
        ),
        _metric(
            f"{name} at infinity",
            at_infinity,
            distance.real_at_infinity,
            len(generated),
            "Frechet distance of the set extrapolated to infinitely many clips; the reference stays as large as it is.",
        ),
        _discrepancy(backbone, generated, real),
    ]


def _discrepancy(backbone: Backbone, generated: Clips, real: Clips) -> Metric:
    """Uses the mean vector of each clip: the windows of a clip are dependent and would bias the estimate."""
    made, true = (torch.stack([clip.double().mean(0) for clip in clips]) for clips in (generated, real))
    to_real = MMDTo(made, true)
    size = min(len(made), len(true) // 2)
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(true), generator=generator) for _ in range(DRAWS)]
    floor = float(np.mean([MMDTo(true[order[:size]], true[order[size:]])() for order in orders]))
    about = "Squared maximum mean discrepancy of the clips' mean vectors, cubic kernel, unbiased: it may be negative."
    return _metric(backbone.discrepancy, half_samples(len(made), to_real), floor, len(made), about)


def class_metrics(backbone: Backbone, generated: Float[Tensor, "n c"], real: Float[Tensor, "m c"]) -> list[Metric]:
    """Inception score; the ceiling is the score of the same number of real clips, or of all if there are fewer."""

    def score(rows: np.ndarray) -> float:
        return inception_score(generated[torch.from_numpy(rows)])

    size = min(len(generated), len(real))
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:size]
    # Repeated clips lower the score, so the bounds come from random halves, as for distances.
    interval = half_samples(len(generated), lambda rows: score(rows.numpy()))
    about = f"exp of the mean divergence of a clip's {backbone.name} classes from all clips'; grows with their number."
    return [
        Metric(
            name=f"IS-{backbone.name}",
            **asdict(interval),
            ceiling=inception_score(real[order]),
            better="higher",
            samples=len(generated),
            about=about,
        )
    ]


def _metric(name: str, interval: Interval, floor: float, samples: int, about: str) -> Metric:
    return Metric(name=name, **asdict(interval), floor=floor, better="lower", samples=samples, about=about)


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else NAN


def _above_zero(bound: float) -> float:
    return 0.0 if bound < 0 else bound  # nan is returned unchanged
