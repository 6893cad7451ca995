"""The held-out loss: of the EMA weights, on the same batches every time, however they are cut and shared."""

from dataclasses import replace

import pytest
import torch
from line import ITEMS, Points, fit, line
from small_training import ALL_KINDS, batch_config, small_clips, small_network

from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.files.inline_groups import replaced
from cmmd.training import held_out
from cmmd.training.batch import draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.distributed import Ranks
from cmmd.training.held_out import BATCHES, HeldOut, held_out_terms
from cmmd.training.loop import fresh_state
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective

CONFIG = LoopConfig(steps=4, batch_size=ITEMS, ema_decay=0.5)


def test_it_is_the_literal_mean_over_all_batches_of_the_ema():
    state = fresh_state(line(), CONFIG)
    with torch.no_grad():
        state.model.weight += 5  # pyright: ignore[reportOperatorIssue]
    found = held_out_terms(state, HeldOut(objective=fit(0.5), batch_size=ITEMS), CONFIG)
    x = torch.cat([fit().draw(step, MicroBatch()).x for step in range(BATCHES)])
    errors = (state.ema.model(x) - 0.5 * x.sum(1, keepdim=True)).square()
    large = errors[x.abs().amax(1) > 1.5]
    assert found == pytest.approx({"held_out_loss": float(errors.mean()), "held_out_large": float(large.mean())})


def test_the_loss_is_what_is_made_of_the_terms():
    state = fresh_state(line(), CONFIG)
    plain = held_out_terms(state, HeldOut(objective=fit(), batch_size=ITEMS), CONFIG)
    made = HeldOut(objective=fit(), batch_size=ITEMS, loss=lambda terms: 2 * terms["large"] - terms["loss"])
    found = held_out_terms(state, made, CONFIG)
    assert found["held_out_loss"] == pytest.approx(2 * plain["held_out_large"] - plain["held_out_loss"])


def test_batches_are_the_same_at_every_evaluation():
    state, held = fresh_state(line(), CONFIG), HeldOut(objective=fit(0.5), batch_size=ITEMS)
    first = held_out_terms(state, held, CONFIG)
    state.step = 3
    assert held_out_terms(state, held, CONFIG) == first


def test_passes_are_no_larger_than_those_of_training():
    seen = []

    def noted(model, batch: Points):
        seen.append(len(batch.x))
        return fit().losses(model, batch)

    for items, count, largest in ((8, 2, 4), (8, 4, 2), (12, 2, 4), (6, 8, 2), (10, 4, 2)):
        config = replaced(CONFIG, micro_batches=count)
        seen.clear()
        objective = fit(items=items)
        held_out_terms(
            fresh_state(line(), config), HeldOut(objective=Objective(objective.draw, noted), batch_size=items), config
        )
        assert set(seen) == {largest} and sum(seen) == BATCHES * items


def test_ranks_share_the_passes_and_get_the_figures_of_one(monkeypatch):
    """Three ranks, played one after the other: what does not divide among them counts once."""
    held = HeldOut(objective=fit(), batch_size=ITEMS)
    state = fresh_state(line(), CONFIG)
    sums, passes = [], []

    class Alone(Ranks):
        def summed(self, tensor):
            sums.append(tensor.clone())
            return tensor

    def counted(model, batch):
        passes[-1] += 1
        return fit().losses(model, batch)

    for rank in range(3):
        passes.append(0)
        ranks = Alone(rank=rank, world_size=3)
        monkeypatch.setattr(Ranks, "decided", lambda self, value: value)
        held_out_terms(state, replace(held, objective=Objective(fit().draw, counted)), CONFIG, ranks)
    assert passes == [3, 3, 3]
    whole = held_out_terms(state, held, CONFIG)
    total = torch.stack(sums).sum(0)
    assert total[0, 1] == BATCHES * ITEMS
    assert float(total[0, 0] / total[0, 1]) == pytest.approx(whole["held_out_loss"])


@pytest.mark.parametrize("count", [2, 4])
def test_gaps_do_not_depend_on_micro_batches(count):
    conditioning = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0)
    batch = batch_config(size=8, conditioning=conditioning, contrastive=replace(ALL_KINDS, fraction=1.0))
    clips = small_clips(9)
    objective = Objective(
        lambda step, part: draw_batch(clips, batch, seed=0, step=step, micro_batch=part),
        lambda model, drawn: cmmd_losses(model, drawn, contrastive=batch.contrastive),  # pyright: ignore
    )
    held = HeldOut(objective=objective, batch_size=8)
    state = fresh_state(small_network(), CONFIG)
    whole, cut = (held_out_terms(state, held, replaced(CONFIG, micro_batches=number)) for number in (1, count))
    assert {"held_out_gap_speed", "held_out_gap_other_clip"} <= whole.keys() == cut.keys()
    assert all(cut[name] == pytest.approx(value, rel=1e-4, abs=1e-6) for name, value in whole.items())


def test_pieces_hold_whole_pairs():
    assert [held_out._pieces(size, largest=4) for size in (1, 2, 3, 4, 6, 8, 10, 12)] == [1, 1, 1, 1, 3, 2, 5, 3]
