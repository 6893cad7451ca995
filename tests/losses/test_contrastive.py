"""The contrastive term: its values, its bounds, its schedule, and that a model which listens has a gap."""

import math

import pytest
import torch

from cmmd.losses.contrastive import ContrastiveConfig, contrastive_losses, errors_under
from cmmd.losses.denoising import denoising_errors
from cmmd.models.coupled_unet import CoupledUNet


def test_infonce_is_the_share_of_the_matched_condition():
    matched, mismatched = torch.tensor([0.1, 0.3]), torch.tensor([[0.2, 0.4], [0.3, 0.1]])
    config = ContrastiveConfig(temperature=0.1)
    expected = [
        -math.log(math.exp(-1) / (math.exp(-1) + math.exp(-2) + math.exp(-4))),
        -math.log(math.exp(-3) / (math.exp(-3) + math.exp(-3) + math.exp(-1))),
    ]
    assert contrastive_losses(matched, mismatched, config).tolist() == pytest.approx(expected)


def test_a_model_that_does_not_listen_costs_the_logarithm_of_the_choices():
    same = torch.full((5,), 0.3)
    term = contrastive_losses(same, same[:, None].expand(5, 3), ContrastiveConfig())
    torch.testing.assert_close(term, torch.full((5,), math.log(4)))


def test_the_linear_form_asks_for_no_more_than_the_margin():
    matched, mismatched = torch.tensor([0.2]), torch.tensor([[0.25, 0.9]])
    config = ContrastiveConfig(form="linear", margin=0.1)
    assert contrastive_losses(matched, mismatched, config).item() == pytest.approx((-0.05 - 0.1) / 2)
    mismatched.requires_grad_()
    contrastive_losses(matched, mismatched, config).sum().backward()
    assert mismatched.grad is not None
    assert mismatched.grad.tolist() == [[-0.5, 0.0]]


def test_the_weight_rises_in_a_straight_line():
    config = ContrastiveConfig(weight=2.0, begin=10, ramp=3)
    assert [config.weight_at(step) for step in (0, 9, 10, 11, 12, 13, 99)] == [0, 0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert ContrastiveConfig(weight=1.0).weight_at(0) == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"temperature": 0.0}, "temperature is 0.0, expected more than 0"),
        ({"weight": -1.0}, "weight is -1.0"),
        ({"mismatches": ()}, "mismatches are ()"),
        ({"mismatches": ("speed", "speed")}, "each once"),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(ValueError, match="expected") as caught:
        ContrastiveConfig(**values)
    assert message in str(caught.value)


def test_errors_under_conditions_are_those_of_one_condition_after_the_other(generator):
    torch.manual_seed(0)
    unet = CoupledUNet(
        frames=4, latent_channels=2, latent_size=4, mels=16, video_widths=(16, 24), audio_widths=(16, 24), heads=2
    ).double()
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    clean, noise = torch.randn(2, 3, 1, 16, 32, generator=generator, dtype=torch.float64)
    t = torch.rand(3, 4, generator=generator, dtype=torch.float64)
    mask = torch.ones(3, 4)
    conditions = [
        unet.encode_condition(torch.randn(3, 2, 4, 4, 4, generator=generator, dtype=torch.float64), modality="video")
        for _ in range(2)
    ]
    together = errors_under(unet, clean, noise, t, conditions, modality="audio", mask=mask)
    assert together.shape == (3, 2)
    for column, condition in enumerate(conditions):
        alone = errors_under(unet, clean, noise, t, [condition], modality="audio", mask=mask)
        torch.testing.assert_close(together[:, column], alone[:, 0])
    a, s = torch.cos(math.pi / 2 * t), torch.sin(math.pi / 2 * t)
    a, s = (x.repeat_interleave(8, dim=1)[:, None, None] for x in (a, s))
    predicted = unet.predict(a * clean + s * noise, modality="audio", t=t, condition=conditions[0])
    expected = denoising_errors(predicted, a * noise - s * clean, mask=mask)
    torch.testing.assert_close(together[:, 0], expected)
