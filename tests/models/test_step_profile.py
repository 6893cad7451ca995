"""The benchmark of a step: kinds of operation, operations counted by shape, and the line through costs of clips."""

import one_step
import pytest
import torch
from one_step import OTHER, Case, kind_of
from small_network import fresh
from step_profile import line_of_clips


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("aten::_slow_conv2d_backward", "convolution"),
        ("aten::convolution_backward", "convolution"),
        ("aten::addmm", "matrix product"),
        ("aten::mm", "matrix product"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "attention"),
        ("aten::native_group_norm_backward", "normalisation"),
        ("aten::add_", "pointwise"),
        ("aten::addcmul", "pointwise"),
        ("aten::copy_", "copies"),
        ("aten::constant_pad_nd", "copies"),
        ("aten::sum", "sums and resampling"),
        ("aten::empty_strided", OTHER),
        ("aten::view", OTHER),
    ],
)
def test_operations_have_a_kind(operation: str, kind: str) -> None:
    assert kind_of(operation) == kind


@pytest.mark.parametrize("step", ["sound", "picture", "both", "training"])
def test_a_step_runs_is_counted_and_its_shares_are_all_of_it(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_step, "network", lambda size: fresh(fusion="none").float())
    one_step.ready.cache_clear()
    one, two = (one_step.flops(Case("small", step, batch)) for batch in (1, 2))
    assert two == 2 * one > 0
    shares = one_step.shares(Case("small", step, 1), repeats=3)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares["convolution"], shares["matrix product"], shares["attention"]) > 0
    one_step.ready.cache_clear()


def test_a_training_step_leaves_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh().float()
    one_step.step_of(model, "training", 1)()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert torch.is_grad_enabled()


def test_costs_of_clips_lie_on_a_line() -> None:
    costs = [{"length": n, "seconds": 0.002 + 0.01 * n, "peak_mib": 400.0 + n} for n in (1.6, 3.2, 102.4)]
    told = line_of_clips(costs, steps=2)
    assert "10.0 ms a second of clip and 2.0 ms a clip" in told
    assert "0.0% of the longest" in told
    assert "1.251" in told
