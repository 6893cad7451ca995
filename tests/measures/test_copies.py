"""The copy check: what is a stretch of a training clip is found, at any alignment; what is new is not."""

import pytest
import torch

from cmmd.measures.copies import distances_to, find_copies, find_embedded_copies


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    return torch.randn(20, 1, 8, 60, generator=torch.Generator().manual_seed(0))


def test_distances_are_those_of_the_best_alignment(clips):
    samples = clips[3:5, ..., 7:27] + 0.1
    found = distances_to(samples, clips)
    by_hand = min((samples[1] - clips[9, ..., at : at + 20]).square().mean().item() for at in range(41))
    assert found[1, 9].item() == pytest.approx(by_hand, rel=1e-4)
    assert found[0, 3].item() == pytest.approx(0.01, rel=1e-2)


def test_a_noisy_copy_is_flagged_with_its_source_and_a_new_clip_is_not(clips):
    generator = torch.Generator().manual_seed(1)
    copies = clips[[4, 11], ..., 13:33] + 0.3 * torch.randn(2, 1, 8, 20, generator=generator)
    new = torch.randn(30, 1, 8, 20, generator=generator)
    report = find_copies(torch.cat([new, copies]), clips)
    assert {30, 31} <= set(report.flagged.tolist()) and len(report.flagged) <= 4
    assert report.nearest[30:].tolist() == [4, 11]
    assert report.threshold < report.typical and "of 32 samples" in str(report)


def test_video_latents_are_compared_as_they_are(clips):
    video = torch.randn(6, 4, 3, 3, 30, generator=torch.Generator().manual_seed(2))
    report = find_copies(video[[5], ..., 9:25], video)
    assert report.nearest.tolist() == [5] and report.distances.item() < 1e-4


def test_one_clip_has_nothing_to_be_compared_with(clips):
    with pytest.raises(ValueError, match="found 1 clips, expected at least 2"):
        find_copies(clips[:1, ..., :20], clips[:1])


def test_among_embeddings_a_copy_is_nearer_than_real_test_clips():
    generator = torch.Generator().manual_seed(3)
    training, real = torch.randn(200, 6, generator=generator), torch.randn(300, 6, generator=generator)
    scale = torch.tensor([1.0, 1.0, 1.0, 100.0, 0.01, 1.0])  # no dimension counts for more because it is larger
    new = torch.randn(100, 6, generator=generator)
    copies = training[[7, 150]] + 0.01 * torch.randn(2, 6, generator=generator)
    report, near = find_embedded_copies(torch.cat([new, copies]) * scale, training * scale, real * scale)
    assert {100, 101} <= set(report.flagged.tolist()) and len(report.flagged) <= 6
    assert report.nearest[100:].tolist() == [7, 150]
    assert len(near) == 300 and report.typical == near.median().item()
    with pytest.raises(ValueError, match="0 training clips and 300 real ones"):
        find_embedded_copies(new, training[:0], real)
