"""Which clips a step sees: every one once an epoch, another order for every epoch and seed, mixtures by weight."""

import pytest
import torch

from cmmd.data.order import batch_indices, epoch_order, mixed_batch_indices


def test_an_epoch_sees_every_clip_once_and_batches_reach_over_its_end():
    drawn = torch.cat([batch_indices(10, 4, seed=3, step=step) for step in range(5)])
    assert sorted(drawn[:10].tolist()) == sorted(drawn[10:].tolist()) == list(range(10))
    assert torch.equal(batch_indices(10, 4, seed=3, step=2), drawn[8:12])


def test_the_order_depends_on_the_seed_and_on_the_epoch():
    orders = {tuple(epoch_order(10, seed=seed, epoch=epoch).tolist()) for seed in range(6) for epoch in range(6)}
    assert len(orders) == 36
    first, other = (batch_indices(10, 10, seed=seed, step=0) for seed in (0, 1))
    assert not torch.equal(first, other)
    assert torch.equal(first, epoch_order(10, seed=0, epoch=0))
    assert torch.equal(batch_indices(10, 10, seed=0, step=4), epoch_order(10, seed=0, epoch=4))
    # Far beyond one epoch, and with fewer clips than a batch has items.
    few = batch_indices(3, 7, seed=0, step=50)
    whole = torch.cat([epoch_order(3, seed=0, epoch=epoch) for epoch in range(116, 119)])
    assert torch.equal(few, whole[2:9])


def test_a_mixture_sees_a_set_as_often_as_its_weight_says_and_in_epochs():
    drawn = torch.cat([mixed_batch_indices((6, 30), (3, 1), 8, seed=1, step=step) for step in range(90)])
    small = drawn[drawn < 6]
    assert len(small) / len(drawn) == pytest.approx(0.75, abs=0.02)
    # Each of its clips as often as any other, but for the epoch that has begun; no two epochs in the same order.
    assert torch.bincount(small).max() - torch.bincount(small).min() <= 2
    assert len({tuple(small[start : start + 6].tolist()) for start in range(0, 60, 6)}) > 3
    assert torch.equal(drawn[40:48], mixed_batch_indices((6, 30), (3, 1), 8, seed=1, step=5))
    assert sorted(mixed_batch_indices((9,), (2.0,), 9, seed=0, step=3).tolist()) == list(range(9))
    with pytest.raises(ValueError, match="expected a weight above 0 for each"):
        mixed_batch_indices((6, 30), (1, 0), 8, seed=0, step=0)


def test_a_mixture_depends_on_the_seed_and_its_sets_do_not_go_in_step():
    drawn = {seed: mixed_batch_indices((8, 8), (1, 1), 16, seed=seed, step=0) for seed in (0, 1)}
    assert not torch.equal(drawn[0], drawn[1])
    for seed, batch in drawn.items():
        assert sorted(batch.tolist()) == list(range(16))
        # The mixture's own order says which entry of which set each place of the batch is.
        of_entry = dict(zip(epoch_order(16, seed=seed, epoch=0).tolist(), batch.tolist(), strict=True))
        first, second = [of_entry[entry] for entry in range(8)], [of_entry[entry] - 8 for entry in range(8, 16)]
        assert sorted(first) == sorted(second) and first != second
