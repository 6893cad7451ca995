"""The discriminators: which loss reaches which weights, and that they learn to tell sounds from each other."""

import torch

from cmmd.losses.adversarial import Discriminators


def sounds(*, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(3, 4000, generator=torch.Generator().manual_seed(seed))


def members() -> Discriminators:
    torch.manual_seed(0)
    return Discriminators()


def gradients(losses: torch.Tensor, *tensors: torch.Tensor) -> list[bool]:
    """Whether the gradient of each tensor is there and not zero."""
    if not losses.requires_grad:
        return [False] * len(tensors)
    found = torch.autograd.grad(losses.sum(), tensors, allow_unused=True, retain_graph=True)
    return [gradient is not None and bool(gradient.abs().sum() > 0) for gradient in found]


def test_every_loss_reaches_the_weights_of_one_side_only():
    judges, found = members(), sounds().requires_grad_()
    losses, weights = judges(found, sounds(seed=1)), list(judges.parameters())
    assert gradients(losses.discriminator, found, *weights)[0] is False
    assert sum(gradients(losses.discriminator, *weights)) > len(weights) // 2
    for part in (losses.generator, losses.features):
        assert gradients(part, found, *weights) == [True, *[False] * len(weights)]
    assert all(weight.requires_grad for weight in weights)


def test_sounds_that_are_true_have_no_distance_of_features_and_the_items_are_apart():
    judges = members()
    assert (judges(sounds(), sounds()).features == 0).all()
    changed = sounds().clone()
    changed[1] *= 3
    distances = judges(changed, sounds()).features
    assert distances[0] == distances[2] == 0 and distances[1] > 0.05


def test_they_learn_to_tell_noise_from_tones():
    judges, time = members(), torch.arange(4000) / 16_000
    tones = (0.1 * torch.sin(2 * torch.pi * 700 * time)).repeat(3, 1)
    optimiser = torch.optim.Adam(judges.parameters(), 3e-3)
    losses = []
    for step in range(40):
        found = judges(sounds(seed=step), tones)
        losses.append(found.discriminator.mean())
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.3 * losses[0]
    assert (judges(tones, tones).generator < judges(sounds(), tones).generator).all()
