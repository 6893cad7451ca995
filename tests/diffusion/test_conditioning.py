"""What the items of a batch learn: directions, clean conditions, times, dropout, stretches that stay clean."""

import pytest
import torch

from cmmd.diffusion.conditioning import Conditioning, ConditioningConfig, draw_conditioning
from cmmd.diffusion.direction import DIRECTIONS


def draw(
    config: ConditioningConfig, *, batch: int = 4000, frames: int = 16, seed: int = 0, shared_time: bool = False
) -> Conditioning:
    generator = torch.Generator().manual_seed(seed)
    return draw_conditioning(config, batch=batch, frames=frames, shared_time=shared_time, generator=generator)


def only(direction: str, **others: float) -> ConditioningConfig:
    return ConditioningConfig(**{name: float(name == direction) for name in DIRECTIONS}, **others)


@pytest.mark.parametrize(
    ("direction", "video", "audio"), [("video_to_audio", 0, 1), ("audio_to_video", 1, 0), ("joint", 1, 1)]
)
def test_a_direction_generates_what_it_says(direction, video, audio):
    drawn = draw(only(direction, keep_clean=0.0), batch=64)
    assert (drawn.direction == DIRECTIONS.index(direction)).all()
    for t, loss, generated in ((drawn.t_video, drawn.video_loss, video), (drawn.t_audio, drawn.audio_loss, audio)):
        assert torch.equal(loss, torch.full_like(loss, generated))
        assert torch.equal(t > 0, loss == 1)
        # One time an item.
        assert torch.equal(t, t[:, :1].expand_as(t))


def test_times_cover_the_interval_and_joint_times_are_independent():
    drawn = draw(only("joint", keep_clean=0.0))
    times = torch.stack([drawn.t_video[:, 0], drawn.t_audio[:, 0]])
    assert times.max() <= 1.0
    torch.testing.assert_close(times.mean(1), torch.full((2,), 0.5), rtol=0, atol=0.02)
    assert abs(torch.corrcoef(times)[0, 1]) < 0.065


def test_a_shared_time_is_that_of_both_modalities_and_the_videos_of_a_draw_without():
    config = only("joint", keep_clean=0.0, audio_noise=4.0, video_noise=4.0)
    shared, apart = draw(config, shared_time=True), draw(config)
    assert torch.equal(shared.t_audio, shared.t_video) and torch.equal(shared.t_video, apart.t_video)
    assert torch.equal(shared.t_video, shared.t_video[:, :1].expand_as(shared.t_video))
    assert shared.t_video[:, 0].unique().numel() > 3900
    for name in ("audio_hears", "video_hears", "audio_loss", "video_loss", "direction"):
        assert torch.equal(getattr(shared, name), getattr(apart, name))


def test_what_is_generated_is_never_clean(monkeypatch):
    """Uniform draws are in [0, 1): a draw of 0 must not become time 0, which says that nothing is generated."""
    monkeypatch.setattr(torch, "rand", lambda *size, generator=None, dtype=None: torch.zeros(*size, dtype=dtype))
    drawn = draw(ConditioningConfig(keep_clean=0.0), batch=20)
    assert torch.equal(drawn.t_video, drawn.video_loss) and torch.equal(drawn.t_audio, drawn.audio_loss)
    assert drawn.video_loss.any() and drawn.audio_loss.any()


def test_a_modality_that_is_decided_in_noise_is_trained_there():
    plain, noisier = (draw(only("joint", keep_clean=0.0, audio_noise=factor)) for factor in (1.0, 6.0))
    assert torch.equal(plain.t_video, noisier.t_video)
    # A noise 12.7 times the signal is the end of the interval: 5 % of uniform times, 28 % of these.
    assert abs((plain.t_audio[:, 0] > 0.95).float().mean() - 0.05) < 0.015
    assert abs((noisier.t_audio[:, 0] > 0.95).float().mean() - 0.28) < 0.03


def test_dropout_takes_the_hearing_of_its_share():
    drawn = draw(only("joint", dropout=0.25))
    assert torch.equal(drawn.video_hears, drawn.audio_hears)
    assert drawn.audio_hears.sum() == 3000
    assert draw(ConditioningConfig(dropout=0.0), batch=64).audio_hears.all()
    assert not draw(ConditioningConfig(dropout=1.0), batch=64).audio_hears.any()


def test_a_kept_stretch_is_one_run_that_leaves_something_to_generate():
    drawn = draw(ConditioningConfig(keep_clean=1.0))
    loss = torch.maximum(drawn.video_loss, drawn.audio_loss)
    kept = 1 - loss
    assert kept.sum(1).min() == 1
    assert kept.sum(1).max() == 15
    assert (torch.diff(kept, dim=1, prepend=torch.zeros(4000, 1)).clamp(min=0).sum(1) == 1).all()
    # Every frame is kept by some item, the first and the last included.
    assert (kept.sum(0) > 0).all()
    assert ((drawn.t_video > 0) == (drawn.video_loss == 1)).all()
    assert ((drawn.t_audio > 0) == (drawn.audio_loss == 1)).all()
    joint = drawn.direction == DIRECTIONS.index("joint")
    assert torch.equal(drawn.video_loss[joint], drawn.audio_loss[joint])


def test_kept_stretches_come_in_their_share_and_need_two_frames():
    def share(drawn: Conditioning) -> float:
        return (torch.maximum(drawn.video_loss, drawn.audio_loss) == 0).any(1).float().mean().item()

    assert abs(share(draw(ConditioningConfig(keep_clean=0.2))) - 0.2) < 0.03
    assert share(draw(ConditioningConfig(keep_clean=1.0), frames=1)) == 0.0


def test_a_seed_means_the_same_draw():
    first, again, other = (draw(ConditioningConfig(), seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.t_audio, other.t_audio)


@pytest.mark.parametrize("batch", [1, 2, 7, 64])
@pytest.mark.parametrize(
    "other", [only("joint", dropout=0.5), ConditioningConfig(video_to_audio=0.9, audio_to_video=0.1, joint=0.0)]
)
def test_settings_do_not_change_times_and_stretches(other, batch):
    """Two configurations are compared on the same draws: what one of them generates is as noisy under the other."""
    seen = 0
    for seed in range(20):
        first, second = (draw(config, batch=batch, seed=seed) for config in (ConditioningConfig(), other))
        for name in ("t_video", "t_audio"):
            times, others = getattr(first, name), getattr(second, name)
            # A stretch that stays clean is one of the draws: wherever both generate the item, all frames agree.
            both = (times > 0).any(1) & (others > 0).any(1)
            assert torch.equal(times[both], others[both])
            seen += int(both.sum())
    assert seen > 0


def test_selected_items_keep_all_that_was_drawn_for_them():
    drawn = draw_conditioning(
        ConditioningConfig(keep_clean=0.5), batch=12, frames=4, fraction=0.5, generator=torch.Generator().manual_seed(1)
    )
    chosen = torch.tensor([11, 0, 3])
    for name, tensor in drawn.select(chosen)._asdict().items():
        assert torch.equal(tensor, torch.stack([getattr(drawn, name)[item] for item in (11, 0, 3)]))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"joint": -0.1}, "joint is -0.1"),
        ({"joint": 0.5}, "sum to 1.2"),
        ({"keep_clean": float("nan")}, "keep_clean is nan"),
        ({"audio_noise": 0.0}, "audio_noise is 0.0, expected a finite number above 0"),
        ({"video_noise": float("inf")}, "video_noise is inf"),
        ({"video_noise": float("nan")}, "video_noise is nan"),
    ],
)
def test_what_is_no_share_is_rejected(config, message):
    with pytest.raises(ValueError, match=message):
        ConditioningConfig(**config)
