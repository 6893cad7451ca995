"""Batches of the baseline: both modalities of every item at one time, and what such a training cannot have."""

import pytest
import torch
from small_training import NETWORK, batch_config, small_clips, small_network

from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.objective import MicroBatch

SHARED = NetworkConfig(
    video_widths=(16, 24),
    audio_widths=(16, 24),
    attention_levels=(1,),
    heads=2,
    patch=2,
    message_width=16,
    shared_time=True,
)
PLAIN = ContrastiveConfig(weight=0.0)
JOINT = {"video_to_audio": 0.0, "audio_to_video": 0.0, "joint": 1.0, "dropout": 0.0, "keep_clean": 0.0}


def joint(**values: float) -> ConditioningConfig:
    return ConditioningConfig(**(JOINT | values))


@pytest.mark.parametrize("count", [1, 4])
def test_every_item_has_one_time_hears_and_generates_both(count):
    config = batch_config(conditioning=joint(audio_noise=4.0, video_noise=4.0), contrastive=PLAIN, network=SHARED)
    times = []
    for index in range(count):
        batch = draw_batch(small_clips(), config, seed=0, step=3, micro_batch=MicroBatch(index, count))
        modes = batch.modes
        assert torch.equal(modes.t_video, modes.t_audio) and (modes.t_video > 0).all()
        assert torch.equal(modes.t_video, modes.t_video[:, :1].expand_as(modes.t_video))
        assert modes.video_hears.all() and modes.audio_hears.all()
        assert modes.video_loss.all() and modes.audio_loss.all() and batch.contrast is None
        assert (modes.direction == DIRECTIONS.index("joint")).all()
        times += modes.t_video[:, 0].tolist()
    assert len(set(times)) == 16


def test_other_networks_have_a_time_a_modality():
    batch = draw_batch(small_clips(), batch_config(conditioning=joint(), network=NETWORK), seed=0, step=3)
    assert not torch.isclose(batch.modes.t_video, batch.modes.t_audio).any()


def test_the_losses_are_those_of_both_modalities():
    batch = draw_batch(
        small_clips(), batch_config(conditioning=joint(), contrastive=PLAIN, network=SHARED), seed=0, step=3
    )
    terms = cmmd_losses(small_network(SHARED), batch, contrastive=PLAIN)
    assert terms["video"].count == terms["audio"].count == terms["joint"].count == 16
    assert terms["video_to_audio"].count == terms["audio_to_video"].count == 0
    torch.testing.assert_close(terms["loss"].total, terms["video"].total + terms["audio"].total)


@pytest.mark.parametrize(
    ("conditioning", "weight", "message"),
    [
        (joint(joint=0.5, video_to_audio=0.5), 0.0, "conditioning.joint is 0.5, expected 1 with network.shared_time"),
        (joint(dropout=0.1), 0.0, "conditioning.dropout is 0.1, expected 0 with network.shared_time"),
        (joint(keep_clean=0.2), 0.0, "conditioning.keep_clean is 0.2, expected 0 with network.shared_time"),
        (joint(audio_noise=8.0, video_noise=2.0), 0.0, "conditioning.audio_noise is 8, expected 2 with"),
        (joint(), 0.3, "contrastive.weight is 0.3, expected 0 with network.shared_time"),
    ],
)
def test_what_a_shared_time_cannot_have_is_named(conditioning, weight, message):
    contrastive = ContrastiveConfig(weight=weight)
    with pytest.raises(ValueError, match=message):
        batch_config(conditioning=conditioning, contrastive=contrastive, network=SHARED)
    batch_config(conditioning=conditioning, contrastive=contrastive, network=NETWORK)
