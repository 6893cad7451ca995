"""The denoising loss counts what is generated, and nothing else."""

import torch

from cmmd.losses.denoising import denoising_errors, denoising_loss
from cmmd.models.coupled_unet import Prediction

FRAMES = 6


def tensors(generator: torch.Generator, batch: int = 3) -> Prediction:
    video = torch.randn(batch, 4, FRAMES, 2, 2, generator=generator, dtype=torch.float64)
    return Prediction(video, torch.randn(batch, 1, 8, 8 * FRAMES, generator=generator, dtype=torch.float64))


def test_everything_generated_is_the_plain_mean_squared_error(generator):
    predicted, target = tensors(generator), tensors(generator)
    for p, q in zip(predicted, target, strict=True):
        errors = denoising_errors(p, q, mask=torch.ones(3, FRAMES))
        torch.testing.assert_close(errors, (p - q).square().flatten(1).mean(1), rtol=0, atol=1e-12)


def test_only_generated_frames_count(generator):
    predicted, target = tensors(generator), tensors(generator)
    mask = torch.zeros(3, FRAMES)
    mask[0, 1:3] = 1
    mask[1] = 1
    video = denoising_errors(predicted.video, target.video, mask=mask)
    audio = denoising_errors(predicted.audio, target.audio, mask=mask)
    expected_video = (predicted.video - target.video)[0, :, 1:3].square().mean()
    expected_audio = (predicted.audio - target.audio)[0, ..., 8:24].square().mean()
    torch.testing.assert_close(torch.stack([video[0], audio[0]]), torch.stack([expected_video, expected_audio]))
    assert video[2] == audio[2] == 0.0


def test_terms_are_means_over_items_that_generate(generator):
    predicted, target = tensors(generator), tensors(generator)
    audio_mask = torch.tensor([1.0, 1.0, 0.0])[:, None].expand(3, FRAMES)
    video_mask = torch.tensor([0.0, 1.0, 0.0])[:, None].expand(3, FRAMES)
    loss = denoising_loss(predicted, target, video_mask=video_mask, audio_mask=audio_mask, video_weight=2.0)
    video = (predicted.video - target.video).square().flatten(1).mean(1)
    audio = (predicted.audio - target.audio).square().flatten(1).mean(1)
    torch.testing.assert_close(loss.video, video[1])
    torch.testing.assert_close(loss.audio, audio[:2].mean())
    torch.testing.assert_close(loss.total, (2.0 * video[1] + audio[:2].sum()) / 3)


def test_parts_of_a_batch_average_to_the_whole(generator):
    predicted, target = tensors(generator, batch=4), tensors(generator, batch=4)
    masks = (torch.rand(2, 4, FRAMES, generator=generator) > 0.5).float()

    def total(items: slice) -> torch.Tensor:
        p, q = (Prediction(x.video[items], x.audio[items]) for x in (predicted, target))
        return denoising_loss(p, q, video_mask=masks[0, items], audio_mask=masks[1, items]).total

    whole = total(slice(0, 4))
    torch.testing.assert_close(whole, (total(slice(0, 2)) + total(slice(2, 4))) / 2)


def test_gradient_stays_within_what_is_generated(generator):
    predicted, target = tensors(generator), tensors(generator)
    audio = predicted.audio.requires_grad_()
    mask = torch.zeros(3, FRAMES)
    mask[0, 2] = 1
    denoising_loss(
        Prediction(predicted.video, audio), target, video_mask=torch.zeros(3, FRAMES), audio_mask=mask
    ).total.backward()
    assert audio.grad is not None
    reached = audio.grad.abs().sum((1, 2)) > 0
    assert reached[0, 16:24].all()
    assert reached.sum() == 8


def test_nothing_generated_is_zero_and_finite(generator):
    predicted = tensors(generator)
    none = torch.zeros(3, FRAMES)
    assert all(term == 0 for term in denoising_loss(predicted, predicted, video_mask=none, audio_mask=none))
