"""Crops, wherever the clips are: both modalities from one stretch of time, placed by `start`, standardised."""

from pathlib import Path

import pytest
import torch
from timed_clips import STATISTICS, in_memory, in_shards, standard, timed_audio, timed_video

from cmmd.data.prepared_clips import MixedClips, PreparedClips
from cmmd.data.statistics import Statistics
from cmmd.data.training_clips import ClipBatch, TrainingClips

LENGTHS = (12, 9, 20)
ALMOST_ONE = 1 - 2**-24
"""The largest number that torch.rand draws in float32."""
STARTS = (0.0, 0.3, 0.5, 0.99, ALMOST_ONE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_shards(tmp_path_factory.mktemp("shards"), LENGTHS)


@pytest.fixture(params=["memory", "shards", "mixture"])
def clips(request: pytest.FixtureRequest, folder: Path) -> TrainingClips:
    """Clips in memory, in shards, or those of the mixture: two in memory, and after them the three in shards."""
    memory, shards = in_memory(clips=2, frames=LENGTHS[0]), PreparedClips.open(folder)
    if request.param == "mixture":
        return MixedClips.of([memory, shards], [1.0, 3.0]).standardised_as(**STATISTICS)
    return memory if request.param == "memory" else shards.standardised_as(**STATISTICS)


def contents_of(clips: TrainingClips, number: int) -> tuple[int, int]:
    """Which timed clip a number is, and its length in frames."""
    if not isinstance(clips, PreparedClips) and number < 2:
        return number, LENGTHS[0]
    clip = number if isinstance(clips, PreparedClips) else number - 2
    return clip, LENGTHS[clip]


def crop(clips: TrainingClips, number: int, *, frames: int, start: float, mirror: float | None = None) -> ClipBatch:
    return clips.crops(
        torch.tensor([number]),
        frames=frames,
        start=torch.tensor([start]),
        mirror=None if mirror is None else torch.tensor([mirror]),
    )


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("frames", [9, 4, 1])
def test_a_crop_is_the_stretch_at_its_place_in_both_modalities(clips: TrainingClips, frames, start):
    for number in range(len(clips)):
        clip, length = contents_of(clips, number)
        first = {0.0: 0, ALMOST_ONE: length - frames}.get(start, int(start * (length - frames + 1)))
        found = crop(clips, number, frames=frames, start=start)
        video = timed_video(clip, length)[:, first : first + frames]
        audio = timed_audio(clip, length)[..., 8 * first : 8 * (first + frames)]
        assert found.video.dtype == found.audio.dtype == torch.float32
        torch.testing.assert_close(found.video[0], standard(STATISTICS["video"], video), rtol=0, atol=1e-5)
        torch.testing.assert_close(found.audio[0], standard(STATISTICS["audio"], audio), rtol=0, atol=1e-5)


def test_every_place_is_as_likely_as_any_other(clips: TrainingClips):
    number = len(clips) - 1
    places = contents_of(clips, number)[1] - 7 + 1
    starts = torch.arange(4 * places) / (4 * places) + 0.01
    found = clips.crops(torch.full((4 * places,), number), frames=7, start=starts)
    _, counts = found.video.flatten(1).unique(dim=0, return_counts=True)
    assert counts.tolist() == [4] * places


def test_items_of_a_batch_are_cut_apart(clips: TrainingClips):
    last = len(clips) - 1
    numbers, starts = [last, 0, last, 1], [0.9, 0.4, 0.0, 0.7]
    batch = clips.crops(torch.tensor(numbers), frames=5, start=torch.tensor(starts), mirror=torch.zeros(4))
    for item, (number, start) in enumerate(zip(numbers, starts, strict=True)):
        alone = crop(clips, number, frames=5, start=start)
        assert torch.equal(batch.video[item], alone.video[0]) and torch.equal(batch.audio[item], alone.audio[0])


def test_clips_shorter_than_a_crop_are_refused(folder):
    with pytest.raises(ValueError, match="clips have 12 frames, expected at least 13"):
        crop(in_memory(), 0, frames=13, start=0.0)
    with pytest.raises(ValueError, match=r"shard-00000\.safetensors clip 1 has 9 frames, expected 10"):
        crop(PreparedClips.open(folder), 1, frames=10, start=0.0)


# Mirrors


@pytest.mark.parametrize("mixed", [False, True])
def test_mirrors_are_shown_below_one_half_where_they_are_asked_for(folder, mixed):
    plain, mirrored = PreparedClips.open(folder), PreparedClips.open(folder, mirror=True)
    opened = [clips.standardised_as(**STATISTICS) for clips in (plain, mirrored)]
    sets = [MixedClips.of([clips], [1.0]) for clips in opened] if mixed else opened
    right, left = timed_video(2, 20)[:, 5:9], -timed_video(2, 20)[:, 5:9]
    for clips, may_turn in zip(sets, (False, True), strict=True):
        clips = clips.standardised_as(**STATISTICS)
        for draw, turned in ((None, False), (0.0, True), (0.4999, True), (0.5, False), (ALMOST_ONE, False)):
            found = crop(clips, 2, frames=4, start=0.3, mirror=draw)
            expected = standard(STATISTICS["video"], left if turned and may_turn else right)
            torch.testing.assert_close(found.video[0], expected, rtol=0, atol=1e-5)
            audio = standard(STATISTICS["audio"], timed_audio(2, 20)[..., 40:72])
            torch.testing.assert_close(found.audio[0], audio, rtol=0, atol=1e-5)


# Statistics


def literal(values: list[torch.Tensor]) -> tuple[float, float]:
    every = torch.cat([value.double().flatten() for value in values])
    return every.mean().item(), every.std(correction=0).item()


def test_shards_are_standardised_as_all_of_their_training_clips(folder):
    clips = PreparedClips.open(folder)
    for channel in range(2):
        mean, std = literal([timed_video(number, length)[channel] for number, length in enumerate(LENGTHS)])
        assert clips.video_statistics.mean[channel] == pytest.approx(mean)
        assert clips.video_statistics.std[channel] == pytest.approx(std)
    mean, std = literal([timed_audio(number, length) for number, length in enumerate(LENGTHS)])
    found = crop(clips, 1, frames=9, start=0.0).audio[0]
    torch.testing.assert_close(found, ((timed_audio(1, 9).double() - mean) / std).float(), rtol=0, atol=1e-5)


def test_a_mixture_is_standardised_alike_by_its_weights(folder):
    """The one set is drawn three times as often as the other: so do its values count."""
    memory, shards = in_memory(), PreparedClips.open(folder)
    mixed = MixedClips.of([memory, shards], [1.0, 3.0])
    for name, channel in (("video_statistics", 0), ("video_statistics", 1), ("audio_statistics", 0)):
        means = [getattr(part, name).mean[channel] for part in (memory, shards)]
        stds = [getattr(part, name).std[channel] for part in (memory, shards)]
        mean = 0.25 * means[0] + 0.75 * means[1]
        variance = sum(w * (m**2 + s**2) for w, m, s in zip((0.25, 0.75), means, stds, strict=True)) - mean**2
        assert getattr(mixed, name).mean[channel] == pytest.approx(mean)
        assert getattr(mixed, name).std[channel] == pytest.approx(variance**0.5)
    for number in (1, 4):  # the second clip of each set
        found = crop(mixed, number, frames=9, start=0.0).audio[0]
        expected = (timed_audio(1, 9).double() - mean) / variance**0.5
        torch.testing.assert_close(found, expected.float(), rtol=0, atol=1e-5)


def test_statistics_are_those_of_every_value(generator):
    clips = torch.randn(6, 2, 10, 4, 4, generator=generator) * torch.tensor([2.0, 0.1]).view(1, 2, 1, 1, 1) + 3
    statistics = Statistics.of(clips)
    for channel in range(2):
        mean, std = literal([clips[:, channel]])
        assert statistics.mean[channel] == pytest.approx(mean, rel=1e-6)
        assert statistics.std[channel] == pytest.approx(std, rel=1e-3)
    torch.testing.assert_close(statistics.restore(statistics.standardise(clips)), clips)
    with pytest.raises(ValueError, match="statistics are of 2 channels, the tensor has 3"):
        statistics.standardise(torch.zeros(1, 3, 4))
