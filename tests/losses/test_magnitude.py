"""The losses of magnitudes against a literal computation."""

import numpy as np
import torch

from cmmd.losses.magnitude import LOWEST, SILENT, magnitude_losses


def test_they_are_the_difference_of_logarithms_and_the_convergence_of_each_item():
    generator = torch.Generator().manual_seed(0)
    found, true = torch.randn(3, 5, 4, generator=generator), torch.rand(3, 5, 4, generator=generator)
    losses = magnitude_losses(found, true)
    for item in range(3):
        a, b = np.exp(found[item].double().numpy()), true[item].double().numpy()
        logarithm = np.abs(np.log(a + LOWEST) - np.log(b + LOWEST)).mean()
        convergence = np.sqrt(((a - b) ** 2).sum()) / (np.sqrt((b**2).sum()) + SILENT)
        assert np.isclose(losses.logarithm[item], logarithm, rtol=1e-5)
        assert np.isclose(losses.convergence[item], convergence, rtol=1e-5)


def test_equal_magnitudes_cost_nothing_and_silence_is_no_division_by_zero():
    true = torch.rand(2, 5, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    assert all(part.abs().max() < 1e-5 for part in magnitude_losses(true.log(), true))
    silent = magnitude_losses(torch.full((1, 5, 4), -20.0), torch.zeros(1, 5, 4))
    assert all(part.isfinite().all() and part.max() < 1e-2 for part in silent)
