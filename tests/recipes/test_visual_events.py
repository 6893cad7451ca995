"""Training of the visual event detector: it learns to see the simplest of events."""

import numpy as np
import torch

from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import BINS_PER_FRAME, VisualEventDetector, event_targets
from cmmd.recipes.visual_events import detection_losses
from cmmd.training.loop import LoopConfig, fresh_state, train


def flash(seed: int) -> tuple[np.ndarray, float]:
    """A dark picture in which a square jumps up at an event, and when it does."""
    frame = int(np.random.default_rng(seed).integers(2, 10))
    frames = np.full((12, 32, 32, 3), 40, dtype=np.uint8)
    frames[: frame + 1, 20:28, 12:20] = 220
    frames[frame + 1 :, 4:12, 12:20] = 220
    return frames, (frame + 0.5) / 10


def test_training_learns_to_see_events():
    clips = [flash(seed) for seed in range(200)]
    frames = torch.from_numpy(np.stack([frames for frames, _ in clips]))
    rate = 10 * BINS_PER_FRAME
    targets = torch.stack([event_targets([time], bins=96, bins_per_second=rate) for _, time in clips])
    config = LoopConfig(steps=80, batch_size=16, learning_rate=4e-3, warmup=10, average_decay=0.9)
    torch.manual_seed(0)
    detector = VisualEventDetector(image_size=32, fps=10, width=32, depth=1)
    state = fresh_state(detector, config)
    losses = [
        report.losses["loss"]
        for report in train(state, detection_losses(frames, targets, batch_size=16, seed=0), config)
    ]
    assert losses[-1] < 0.5 * losses[0]
    unseen = [flash(10_000 + seed) for seed in range(30)]
    found = [detector.eval().times(frames) for frames, _ in unseen]
    report = measure_alignment(found, [np.array([time]) for _, time in unseen])
    assert report.at(0.05).f1 > 0.9
