"""The rivals of easy fusion: windows and shifts, clip lengths, what they cost in memory; and the low-rank form."""

from fractions import Fraction

import pytest
import torch
from small_network import MODALITIES, awake, inputs, same
from torch import nn

from cmmd.models.blocks import PointConv
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.cross_attention import CrossAttention
from cmmd.models.easy_fusion import EasyFusion, Hear, Speak
from cmmd.models.network_config import NetworkConfig
from cmmd.models.random_shift_attention import HearShiftedKeys


def shifted_ears() -> list[HearShiftedKeys | None]:
    """Of the video, a stage each; None where it hears everything."""
    fusions = awake(fusion="random_shift").fusions
    ears = [fusion.ears["video"] for fusion in fusions if isinstance(fusion, CrossAttention)]
    assert len(ears) == len(fusions)
    return [ear if isinstance(ear, HearShiftedKeys) else None for ear in ears]


def test_windows_grow_from_the_finest_level_to_the_middle():
    widths = (8, 8, 8, 8)
    network = NetworkConfig(
        video_widths=widths, audio_widths=widths, attention_levels=(), heads=2, patch=2, fusion="random_shift"
    )
    fusions = CoupledUNet(frames=16, latent_channels=2, latent_size=8, mels=16, network=network).fusions
    ears = [fusion.ears["audio"] for fusion in fusions if isinstance(fusion, CrossAttention)]
    # Sound has 4, 2, 1 and 1/2 steps a frame: two frames are a unit of the coarsest level.
    found = [(ear.window, ear.own_steps, ear.other_steps) if isinstance(ear, HearShiftedKeys) else None for ear in ears]
    down = [(1, 4, 1), (4, 2, 1), (8, 1, 1), (4, 1, 2)]
    assert found == [*down, None, *reversed(down)]


def test_a_shift_is_fixed_but_for_the_turn_and_each_one_is_drawn():
    ears = [ear for ear in shifted_ears() if ear]
    assert len({ear.start for ear in ears}) == len(ears)
    assert [ear.start for ear in ears] == [ear.start for ear in shifted_ears() if ear]
    for ear in ears:
        assert {ear.shift(7, turn=turn / 100) for turn in range(100)} == set(range(7))
        assert ear.shift(7, turn=0.0) == ear.shift(7, turn=1.0)
    model = awake(fusion="random_shift")
    video, audio, t = inputs()
    still, again, turned = (model.denoise(video, audio, t_video=t, t_audio=t, turn=turn) for turn in (0.0, 0.0, 0.5))
    assert torch.equal(still.audio, again.audio)
    assert (still.audio - turned.audio).abs().max() > 1e-4


def test_a_frame_hears_its_window_and_nothing_else():
    """One ear alone, a window of one frame: what changes in a frame of sound changes one frame of the picture."""
    fusion = awake(fusion="random_shift").fusions[0]
    assert isinstance(fusion, CrossAttention)
    ear = fusion.ears["video"]
    assert isinstance(ear, HearShiftedKeys)
    features = torch.randn(1, 16, 4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spoken = torch.randn(1, 32, 4, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for turn in (0.0, 0.3, 0.9):
        first = ear(features, spoken, turn=turn)
        for frame in range(4):
            changed = spoken.clone()
            changed[..., 2 * frame] += 1
            moved = (ear(features, changed, turn=turn) - first).abs().amax((0, 1, 3, 4)) > 1e-9
            expected = [(seen + ear.shift(4, turn=turn)) % 4 == frame for seen in range(4)]
            assert moved.tolist() == expected


@pytest.mark.parametrize("fusion", ["random_shift", "attention"])
def test_attention_knows_what_happens_at_once(fusion):
    """The same frames of a condition in another order are another condition, and one that is told at its new place."""
    model = awake(fusion=fusion)
    video, audio, t = inputs()
    condition = model.encode_condition(video, modality="video")
    order = torch.tensor([[1, 0]] * 3)
    straight, turned = (
        model.predict(audio, modality="audio", t=t, condition=heard)
        for heard in (condition, condition.reordered(order))
    )
    assert (straight - turned).abs().max() > 1e-4


def test_a_low_rank_ear_is_a_full_one_whose_projection_is_a_product():
    """Each position of a full ear has its own projection to all channels."""
    torch.manual_seed(0)
    low, full = (Hear(12, 8, positions=6, rate=Fraction(2), rank=rank).double() for rank in (3, None))
    assert isinstance(low.widen, PointConv) and isinstance(low.project, nn.Conv1d)
    nn.init.normal_(low.widen.weight)
    widen = low.widen.weight[:, :, 0, 0]
    assert low.project.bias is not None and low.widen.bias is not None
    narrow, bias = low.project.weight[:, :, 0].unflatten(0, (3, 6)), low.project.bias.unflatten(0, (3, 6))
    product = {
        "project.weight": torch.einsum("cr,rpd->cpd", widen, narrow).flatten(0, 1)[:, :, None],
        "project.bias": (torch.einsum("cr,rp->cp", widen, bias) + low.widen.bias[:, None]).flatten(),
    }
    full.load_state_dict({name: x for name, x in low.state_dict().items() if name.startswith("conv")} | product)
    message = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    same(low(message), full(message))


def test_a_low_rank_ear_is_as_narrow_as_the_mouth():
    fusion = awake(message_reduction="low_rank").fusions[0]
    assert isinstance(fusion, EasyFusion)
    for name in MODALITIES:
        mouth, ear = fusion.mouths[name], fusion.ears[name]
        assert isinstance(mouth, Speak) and isinstance(ear, Hear)
        assert mouth.narrow is not None and ear.widen is not None
        assert mouth.narrow.out_channels == ear.widen.in_channels == 4
