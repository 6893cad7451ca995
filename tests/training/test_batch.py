"""A batch is a value: a function of seed and step, the same however it is cut, with nobody contrasted with itself."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_training import ALL_KINDS, FRAMES, batch_config, small_clips

from cmmd.diffusion.conditioning import ConditioningConfig, most_contrasted
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.mismatch import SPEEDS
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.training.batch import TrainingBatch, dealt, draw_batch, paired
from cmmd.training.negatives import WrongConditions, WrongTargets
from cmmd.training.objective import MicroBatch, moved, step_generator


def draw(step: int = 5, *, seed: int = 0, index: int = 0, count: int = 1, clips: int = 24, **options) -> TrainingBatch:
    return draw_batch(
        small_clips(clips), batch_config(**options), seed=seed, step=step, micro_batch=MicroBatch(index, count)
    )


def conditions(batch: TrainingBatch) -> tuple[WrongConditions, WrongConditions]:
    """Wrong conditions of V2A and of A2V."""
    assert batch.contrast is not None
    audio, video = batch.contrast.audio.conditions, batch.contrast.video.conditions
    assert audio is not None and video is not None
    return audio, video


def targets(batch: TrainingBatch) -> tuple[WrongTargets, WrongTargets]:
    """Wrong targets of V2A and of A2V."""
    assert batch.contrast is not None
    audio, video = batch.contrast.audio.targets, batch.contrast.video.targets
    assert audio is not None and video is not None
    return audio, video


def tensors(tree) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [tensor for part in tree for tensor in tensors(part)] if isinstance(tree, tuple) else []


def test_only_seen_clips_give_video_that_is_generated():
    seen, clips = torch.tensor([1, 4, 9]), small_clips(24)
    heard_for = set()
    for step in range(20):
        batch = draw_batch(clips, batch_config(), seed=0, step=step, video_clips=seen)
        free = draw_batch(clips, batch_config(), seed=0, step=step)
        sound = batch.modes.direction == DIRECTIONS.index("video_to_audio")
        assert torch.equal(batch.clips[sound], free.clips[sound])
        assert torch.isin(batch.clips[~sound], seen).all()
        already = ~sound & torch.isin(free.clips, seen)
        assert torch.equal(batch.clips[already], free.clips[already])
        heard_for |= set(batch.clips[sound].tolist())
        pairs = batch.clips.view(-1, 2)[~sound.view(-1, 2)[:, 0]]
        assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len(heard_for) > 20


def test_a_batch_is_a_function_of_seed_and_step():
    first = tensors(draw())
    assert all(map(torch.equal, first, tensors(draw())))
    for other in (draw(6), draw(seed=1)):
        assert not torch.equal(first[0], other.clips)
        assert not torch.equal(first[1], other.clean.video)
        assert not torch.equal(first[3], other.noise.video)
        assert draw().turn == draw(index=1, count=4).turn != other.turn


@pytest.mark.parametrize("count", [2, 4, 8])
def test_micro_batches_are_slices_of_the_same_batch_and_have_one_shape(count):
    whole = draw()
    parts = [draw(index=index, count=count) for index in range(count)]
    order = torch.cat([dealt(16, MicroBatch(index, count)) for index in range(count)])
    for name in ("clips", "clean", "noise", "modes"):
        for expected, *found in zip(*(tensors((getattr(b, name),)) for b in (whole, *parts)), strict=True):
            assert torch.equal(torch.cat(found), expected[order])
    shapes = {tuple(tuple(tensor.shape) for tensor in tensors(part)) for part in parts}
    assert len(shapes) == 1


@pytest.mark.parametrize(("size", "count"), [(16, 4), (6, 2), (9, 3), (16, 16)])
def test_every_item_is_dealt_once(size, count):
    """In pairs, and where micro-batches hold odd numbers one by one."""
    parts = [dealt(size, MicroBatch(index, count)) for index in range(count)]
    assert {len(part) for part in parts} == {size // count}
    assert sorted(torch.cat(parts).tolist()) == list(range(size))


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_contrasts_are_those_of_the_whole_batch_however_it_is_cut(count):
    """By the clips that they concern: who is contrasted, with whom, in which order of time, at which speed."""

    def told(count: int) -> list:
        found = []
        for index in range(count):
            batch = draw(index=index, count=count)
            for side in conditions(batch):
                for slot in side.counts.nonzero().flatten().tolist():
                    items = [int(side.speaker[k, slot]) for k in range(3)]
                    clips = [int(batch.clips[item]) for item in (int(side.item[slot]), *items)]
                    found.append((*clips, side.order[:, slot].tolist(), float(side.sped[slot])))
        return sorted(found, key=str)

    assert told(count) == told(1)
    assert len(told(1)) == sum(int(draw().modes.contrasted[item]) for item in range(16)) > 2


def test_nobody_is_contrasted_with_itself():
    """20 clips in batches of 16: epochs end within batches, and a clip may come twice."""
    twice = 0
    for step in range(60):
        batch = draw(step, clips=20)
        twice += len(batch.clips.unique()) < 16
        assert (batch.clips[0::2] != batch.clips[1::2]).all()
        for side in conditions(batch):
            assert side.valid.all()
            assert (batch.clips[side.speaker[0]] != batch.clips[side.item]).all()
        for side in targets(batch):
            assert side.valid.all()
            assert (batch.clips[side.clip[:2]] != batch.clips).all()
    assert twice > 10


def test_pairs_of_one_clip_are_parted_in_a_batch():
    """5 clips: an epoch often ends with the clip that the next one begins with."""
    clips, same = small_clips(5), 0
    for step in range(40):
        first, second = clips.batch(16, seed=0, step=step).view(-1, 2).T
        same += int((first == second).any())
        batch = draw(step, clips=5)
        assert (batch.clips[0::2] != batch.clips[1::2]).all()
    assert same > 5


@given(st.lists(st.integers(0, 5), min_size=1, max_size=14))
def test_pairs_of_one_clip_are_parted_wherever_that_can_be(numbers):
    found = paired(torch.tensor(numbers))
    assert sorted(found.tolist()) == sorted(numbers)
    whole = numbers[: len(numbers) // 2 * 2]
    most = max((whole.count(number) for number in whole), default=0)
    if len(numbers) % 2 == 0 and most <= len(numbers) // 2:
        assert all(found[i] != found[i + 1] for i in range(0, len(numbers), 2))


def test_a_single_clip_has_no_other_clip_and_is_contrasted_in_time():
    for size in (1, 2):
        modes = ConditioningConfig(video_to_audio=1.0, audio_to_video=0.0, joint=0.0, dropout=0.0)
        batch = draw(clips=1, size=size, conditioning=modes, contrastive=replace(ALL_KINDS, fraction=1.0))
        side = conditions(batch)[0]
        assert side.counts.sum() == size
        assert not side.valid[0].any() and side.valid[1:].all()
        assert (side.speaker[1] == side.item).all()
        wrong = targets(batch)[0]
        assert wrong.counts.sum() == size and not wrong.valid[:2].any() and wrong.valid[2:].all()


def test_each_kind_listens_to_what_it_says():
    batch = draw(3)
    assert batch.contrast is not None and batch.contrast.weight == 0.5
    for side, direction, blocks in zip(conditions(batch), (0, 1), (8, 8), strict=True):
        real = side.counts.bool()
        assert (batch.modes.direction[side.item[real]] == direction).all()
        other, shifted, swapped, faster, backwards = range(5)
        straight = torch.arange(blocks)
        assert (side.speaker[other] == side.item ^ 1).all()
        assert (side.order[other] == straight).all() and (side.order[faster] == straight).all()
        assert (side.speaker[shifted] == side.item).all() and (side.speaker[swapped] == side.item).all()
        shifts = (straight - side.order[shifted]) % blocks
        assert (shifts == shifts[:, :1]).all() and (shifts[:, 0] >= 2).all() and (shifts[:, 0] <= blocks - 2).all()
        assert (side.order[swapped].sort(dim=1).values == straight).all()
        assert ((side.order[swapped] != straight).sum(1) >= 2).all()
        assert (side.speaker[backwards] == side.item).all() and (side.order[backwards] == straight.flip(0)).all()
        assert (side.speaker[faster] == 16 + torch.arange(len(side.item))).all()
        assert all(round(speed, 2) in SPEEDS for speed in side.sped.tolist())


def test_wrong_targets_are_those_of_the_whole_batch_however_it_is_cut():
    """By the clips that they are of, and by what they are."""

    def told(count: int) -> list:
        found = []
        for index in range(count):
            batch = draw(index=index, count=count)
            for side, clean, modality in zip(targets(batch), reversed(batch.clean), ("audio", "video"), strict=True):
                made = side.of(clean, modality=modality).flatten(1).mul(torch.arange(1.0, clean[0].numel() + 1))
                sums = made.sum(1).view(side.clip.shape)
                for item in range(len(batch.clips)):
                    numbers = [round(float(value)) for value in sums[:, item]]
                    found.append((int(batch.clips[item]), modality, float(side.counts[item]), *numbers))
        return sorted(found)

    assert told(2) == told(4) == told(8) == told(1)


def test_wrong_targets_are_made_of_clean_signals_as_their_kind_says():
    """Two of each kind; what is reordered is the signal itself, at its own time steps."""
    batch = draw(3)
    for side, clean, modality, steps in zip(
        targets(batch), reversed(batch.clean), ("audio", "video"), (64, 8), strict=True
    ):
        axis = 2 if modality == "video" else 3
        made = side.of(clean, modality=modality).unflatten(0, (10, 16)).movedim(axis + 1, 2)
        own = clean.movedim(axis, 1)
        other, shifted, swapped, faster, backwards = (made[2 * kind : 2 * kind + 2] for kind in range(5))
        partner = own[torch.arange(16) ^ 1]
        assert all(not torch.equal(*pair) for pair in (other, shifted, swapped, faster, backwards)), "two of a kind"
        assert torch.equal(other[0], partner) and torch.equal(backwards[0], own.flip(1))
        for item in range(16):
            for second, first in ((other[1, item], partner[item]), (backwards[1, item], own[item].flip(0))):
                assert sum(torch.equal(second, first.roll(shift, 0)) for shift in range(1, steps)) == 1
            for found in shifted[:, item]:
                (shift,) = [n for n in range(steps) if torch.equal(found, own[item].roll(n, 0))]
                assert 2 * steps // 8 <= shift <= steps - 2 * steps // 8
            for found in swapped[:, item]:
                places = [[n for n in range(steps) if torch.equal(row, own[item, n])] for row in found]
                assert sorted(places) == [[n] for n in range(steps)] and places != sorted(places)
            assert all(not torch.equal(found, own[item]) for found in faster[:, item])
        assert side.speeds is not None and (side.speeds[:6] == 1).all() and (side.speeds[8:] == 1).all()
        assert all(round(speed, 2) in SPEEDS for speed in side.speeds[6:8].flatten().tolist())


@pytest.mark.parametrize("joint", [False, True])
def test_targets_of_items_that_hear_are_contrasted_at_the_noise_levels_that_are_asked_for(joint):
    contrastive = replaced(ALL_KINDS, negatives="targets", joint=joint, least_noise=0.3, most_noise=0.8)
    seen = set()
    for step in range(20):
        batch = draw(step, contrastive=contrastive)
        modes = batch.modes
        for side, direction, t in zip(targets(batch), (0, 1), (modes.t_audio, modes.t_video), strict=True):
            noise = t.amax(1)
            generates = (modes.direction == direction) | (joint & (modes.direction == 2))
            expected = generates & modes.audio_hears & (noise >= 0.3) & (noise <= 0.8)
            assert torch.equal(side.counts.bool(), expected)
            seen |= {(int(d), bool(c)) for d, c in zip(modes.direction, expected, strict=True)}
    assert seen == {(0, True), (0, False), (1, True), (1, False), (2, False)} | ({(2, True)} if joint else set())


def test_negatives_of_one_kind_do_not_change_those_of_the_other():
    whole = draw()
    for name, kept, gone in (("conditions", "conditions", "targets"), ("targets", "targets", "conditions")):
        assert whole.contrast is not None
        part = draw(contrastive=replace(ALL_KINDS, negatives=name)).contrast
        assert part is not None
        for side in ("audio", "video"):
            assert getattr(getattr(part, side), gone) is None
            found, expected = (tensors(getattr(getattr(one, side), kept)) for one in (part, whole.contrast))
            assert all(map(torch.equal, found, expected))


def test_there_is_room_for_every_contrasted_item_and_no_more_than_asked_for():
    slots = most_contrasted(batch_config().conditioning, batch=16, micro_batches=4, fraction=0.5)
    for step in range(40):
        sides: dict[str, list[WrongConditions]] = {"video_to_audio": [], "audio_to_video": []}
        for index in range(4):
            batch = draw(step, index=index, count=4)
            audio, video = conditions(batch)
            sides["video_to_audio"].append(audio)
            sides["audio_to_video"].append(video)
        modes = draw(step).modes
        for name, parts in sides.items():
            assert {len(part.item) for part in parts} == {slots[name]}  # pyright: ignore[reportArgumentType]
            chosen = modes.contrasted & (modes.direction == DIRECTIONS.index(name))  # pyright: ignore[reportArgumentType]
            assert sum(float(part.counts.sum()) for part in parts) == chosen.sum()


def test_without_weight_there_is_no_contrast_and_nothing_else_changes():
    begins_later = replaced(ALL_KINDS, begin=6)
    with_contrast, before, without = draw(), draw(contrastive=begins_later), draw(contrastive=ContrastiveConfig())
    assert before.contrast is None and without.contrast is None
    assert draw(6, contrastive=begins_later).contrast is not None
    for name in ("clips", "clean", "noise"):
        assert all(map(torch.equal, tensors((getattr(before, name),)), tensors((getattr(with_contrast, name),))))
    for field in ("t_video", "t_audio", "video_loss", "audio_loss", "direction", "video_hears"):
        assert torch.equal(getattr(without.modes, field), getattr(with_contrast.modes, field))


def test_clips_are_standardised_and_both_modalities_are_cut_at_one_time():
    clips = small_clips()
    frames = torch.arange(12.0)
    video = frames.view(1, 1, 12, 1, 1).expand(24, 2, 12, 4, 4)
    audio = frames.repeat_interleave(8).view(1, 1, 1, 96).expand(24, 1, 16, 96)
    clips = replace(clips, video=video, audio=audio)
    starts = set()
    for step in range(6):
        batch = draw_batch(clips, batch_config(), seed=0, step=step)
        seen = batch.clean.video[:, 1, :, 0, 0] * 3.0 + 4.0
        heard = batch.clean.audio[:, 0, 0, ::8] * 0.7 - 6.0
        torch.testing.assert_close(seen, heard, atol=1e-4, rtol=0)
        torch.testing.assert_close(seen - seen[:, :1], torch.arange(8.0).expand(16, -1), atol=1e-4, rtol=0)
        starts |= set(seen[:, 0].round().int().tolist())
    assert starts == {0, 1, 2, 3, 4}


def test_noise_is_standard_and_of_its_own_for_every_item_and_modality():
    batch = draw()
    for noise in batch.noise:
        assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
        first = noise.flatten(1)[:, :64]
        assert len(first.unique(dim=0)) == 16
    # Not even the first numbers of the two modalities are the same.
    assert (batch.noise.video.flatten(1)[:, :64] != batch.noise.audio.flatten(1)[:, :64]).all()
    draws = {
        torch.randn(1, generator=step_generator(a, b, c)).item() for a in range(5) for b in range(40) for c in "xy"
    }
    assert len(draws) == 400


def test_settings_that_cannot_be_contrasted_are_told():
    with pytest.raises(ValueError, match="micro-batches of 1 items, expected an even number: other_clip contrasts"):
        draw(count=16)
    only_time = replace(ALL_KINDS, mismatches=("time_shift",))
    assert len(draw(count=16, contrastive=only_time).clips) == 1
    assert len(draw(count=16, contrastive=ContrastiveConfig()).clips) == 1
    with pytest.raises(ValueError, match="a clip of 2 frames, 2 blocks, cannot be shifted by 2 frames"):
        replace(batch_config(), frames=2)
    targets_alone = replace(ALL_KINDS, negatives="targets")
    with pytest.raises(ValueError, match="a clip of 3 frames, 24 blocks, cannot be shifted by 2 frames"):
        replace(batch_config(contrastive=targets_alone), frames=3)


def test_a_batch_moves_as_a_whole_and_numbers_stay_whole():
    batch = moved(draw(), dtype=torch.float64)
    assert batch.clean.video.dtype == batch.modes.t_audio.dtype == torch.float64
    assert batch.clips.dtype == torch.int64 and batch.modes.contrasted.dtype == torch.bool
    assert batch.contrast is not None and batch.contrast.weight == 0.5
    assert moved(draw(), device="meta").noise.audio.device.type == "meta"
    assert batch.modes.t_video.shape[1] == FRAMES


class NotedDraws:
    """Clips that keep the draws they are cut by."""

    def __init__(self) -> None:
        self.clips = small_clips()
        self.video_statistics, self.audio_statistics = self.clips.video_statistics, self.clips.audio_statistics
        self.starts: list[torch.Tensor] = []
        self.mirrors: list[torch.Tensor] = []

    def __len__(self) -> int:
        return len(self.clips)

    def crops(self, indices, *, frames, start, mirror=None):
        assert mirror is not None
        self.starts.append(start)
        self.mirrors.append(mirror)
        return self.clips.crops(indices, frames=frames, start=start)

    def batch(self, batch_size, *, seed, step):
        return self.clips.batch(batch_size, seed=seed, step=step)

    def standardised_as(self, *, video, audio):
        raise NotImplementedError


def test_every_item_has_a_draw_of_its_mirror_that_tells_nothing_of_its_start():
    noted, whole = NotedDraws(), []
    for step in range(100):
        draw_batch(noted, batch_config(), seed=0, step=step)
        whole.append(noted.mirrors[-1])
    draws = torch.stack([torch.cat(noted.starts), torch.cat(noted.mirrors)])
    # 1600 pairs of independent uniform draws.
    assert abs(torch.corrcoef(draws)[0, 1]) < 0.1
    assert draws.min() >= 0 and draws.max() < 1 and abs((draws[1] < 0.5).float().mean() - 0.5) < 0.05
    for index in range(4):
        draw_batch(noted, batch_config(), seed=0, step=7, micro_batch=MicroBatch(index, 4))
        assert torch.equal(noted.mirrors[-1], whole[7][dealt(16, MicroBatch(index, 4))])
