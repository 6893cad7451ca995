"""Agreement of a sound with the events that a model's own event encoder sees in a video (ours: decision 13)."""

import numpy as np
from jaxtyping import Float

from cmmd.measures.alignment import Times
from cmmd.measures.visual_events import pick_events

TOLERANCE = 0.05
"""Seconds between an onset and the event that it belongs to."""
LEAST_CHANCE = 0.2
"""Probability below which a peak counts as no event. Lower limits select equally good takes."""
UNKNOWN_BELOW = 0.7
"""Score of the best take below which a video or sound counts as unlike the training data (docs/generating.md)."""


def agreement_with_events(onsets: Times, probability: Float[np.ndarray, " bins"], *, bins_per_second: int) -> float:
    """Returns the F1 that onsets (seconds) can expect against events that are known as probabilities, 0 to 1.

    An event is found if an onset lies within `TOLERANCE`. The expected F1 is twice the sum of the probabilities of the
    found events, divided by the number of onsets plus the expected number of events; 0 if there are neither onsets nor
    events, because nothing agrees then. probability: of an event in each bin, the output of a network that was trained
    with `event_targets`.
    """
    found = np.asarray(onsets, dtype=float)
    events = pick_events(probability, bins_per_second=bins_per_second, threshold=LEAST_CHANCE)
    if not len(found) + len(events.times):
        return 0.0
    near = np.abs(found[:, None] - events.times) <= TOLERANCE
    return float(2 * events.chances[near.any(axis=0)].sum() / (len(found) + events.chances.sum()))
