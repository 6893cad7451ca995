"""Training of the visual event detector: it learns to see the simplest of events."""

import numpy as np
import torch

from cmmd.data.order import batch_indices
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.visual_events import BINS_PER_FRAME, VisualEventDetector, event_targets
from cmmd.recipes.visual_events import detection_objective
from cmmd.training.loop import fresh_state, train
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch


def flash(seed: int) -> tuple[np.ndarray, float]:
    """A dark picture in which a square jumps up at an event, and when it does."""
    frame = int(np.random.default_rng(seed).integers(2, 10))
    frames = np.full((12, 32, 32, 3), 40, dtype=np.uint8)
    frames[: frame + 1, 20:28, 12:20] = 220
    frames[frame + 1 :, 4:12, 12:20] = 220
    return frames, (frame + 0.5) / 10


def examples(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames of flashes and the bumps that stand for their events."""
    clips = [flash(seed) for seed in range(count)]
    frames = torch.from_numpy(np.stack([frames for frames, _ in clips]))
    rate = 10 * BINS_PER_FRAME
    return frames, torch.stack([event_targets([time], bins=96, bins_per_second=rate) for _, time in clips])


def test_training_learns_to_see_events():
    config = LoopConfig(
        steps=80,
        batch_size=16,
        optimizer=OptimizerConfig(learning_rate=4e-3, warmup=10),
        reports=ReportsConfig(log_every=1),
        ema_decay=0.9,
    )
    torch.manual_seed(0)
    detector = VisualEventDetector(image_size=32, fps=10, width=32, depth=1)
    state = fresh_state(detector, config)
    objective = detection_objective(*examples(200), batch_size=16, seed=0)
    losses = [report.losses["loss"] for report in train(state, objective, config) if report.losses]
    assert len(losses) == 80 and losses[-1] < 0.5 * losses[0]
    unseen = [flash(10_000 + seed) for seed in range(30)]
    found = [detector.eval().times(frames) for frames, _ in unseen]
    report = measure_alignment(found, [np.array([time]) for _, time in unseen])
    assert report.at(0.05).f1 > 0.9


def test_a_batch_is_the_same_however_it_is_cut():
    frames, targets = examples(20)
    objective = detection_objective(frames, targets, batch_size=8, seed=3)
    whole = objective.draw(5, MicroBatch())
    cut = [objective.draw(5, MicroBatch(index, 4)) for index in range(4)]
    assert torch.equal(torch.cat([part.video for part in cut]), whole.video)
    assert torch.equal(torch.cat([part.targets for part in cut]), whole.targets)
    assert torch.equal(whole.targets, targets[batch_indices(20, 8, seed=3, step=5)])
    assert not torch.equal(whole.video, objective.draw(6, MicroBatch()).video)


def test_the_loss_is_the_cross_entropy_of_every_bin():
    frames, targets = examples(4)
    torch.manual_seed(0)
    detector = VisualEventDetector(image_size=32, fps=10, width=32, depth=1).eval()
    objective = detection_objective(frames, targets, batch_size=4, seed=0)
    batch = objective.draw(0, MicroBatch())
    term = objective.losses(detector, batch)["loss"]
    share = detector(batch.video).double().sigmoid()
    entropy = -(batch.targets * share.log() + (1 - batch.targets) * (1 - share).log())
    torch.testing.assert_close(term.total / term.count, entropy.mean().float(), rtol=1e-5, atol=0)
    assert term.count == 4
