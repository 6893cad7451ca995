"""Dtypes: latents of any floating dtype in, the same out; the weights' own inside; times with all their digits."""

import pytest
import torch
from small_network import FUSIONS, MODALITIES, awake, inputs
from torch import Tensor, nn

from cmmd.models.blocks import Modality
from cmmd.models.exchange import OTHER

FLOATING = (torch.float64, torch.float32, torch.bfloat16)


def dtypes_inside(model: nn.Module) -> set[torch.dtype]:
    """Collects the dtypes of what every stage returns from now on."""
    seen: set[torch.dtype] = set()
    for name, module in model.named_modules():
        if name.split(".")[-2:-1] == ["stages"]:
            module.register_forward_hook(lambda _module, _inputs, output: seen.add(output.dtype))
    return seen


@pytest.mark.parametrize("weights", FLOATING)
@pytest.mark.parametrize("latents", FLOATING)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_latents_come_back_in_their_dtype_and_the_weights_decide_inside(weights, latents, fusion):
    model = awake(**FUSIONS[fusion]).to(weights)
    seen = dtypes_inside(model)
    video, audio, t = inputs()
    video, audio, t = video.to(latents), audio.to(latents), t.float()
    both = model(video, audio, t_video=t, t_audio=t)
    assert {both.video.dtype, both.audio.dtype} == {latents}
    for target in MODALITIES:
        given: dict[Modality, Tensor] = {"video": video, "audio": audio}
        condition = model.encode_condition(given[OTHER[target]], modality=OTHER[target])
        assert {message.dtype for message in condition.messages} == {weights}
        assert model.predict(given[target], modality=target, t=t, condition=condition).dtype == latents
    assert seen == {weights}


@pytest.mark.parametrize("latents", [torch.float64, torch.bfloat16])
def test_latents_are_rounded_once_on_their_way_in_and_once_on_their_way_out(latents):
    model = awake().float()
    video, audio, t = inputs()
    video, audio, t = video.to(latents), audio.to(latents), t.float()
    found = model(video, audio, t_video=t, t_audio=t)
    expected = model(video.float(), audio.float(), t_video=t, t_audio=t)
    assert torch.equal(found.video, expected.video.to(latents))
    assert torch.equal(found.audio, expected.audio.to(latents))
    condition, encoded = (model.encode_condition(x, modality="video") for x in (video, video.float()))
    assert all(torch.equal(a, b) for a, b in zip(condition.messages, encoded.messages, strict=True))
    found, expected = (model.predict(x, modality="audio", t=t, condition=encoded) for x in (audio, audio.float()))
    assert torch.equal(found, expected.to(latents))


@pytest.mark.parametrize(
    ("weights", "times", "close", "coarser"),
    [
        (torch.bfloat16, torch.float32, (0.899, 0.9), torch.bfloat16),
        (torch.float64, torch.float64, (0.9, 0.9 + 1e-12), torch.float32),
    ],
)
def test_times_are_not_rounded(weights, times, close, coarser):
    model = awake().to(weights)
    with torch.no_grad():  # a bfloat16 network must not round the difference away further on
        for unet in (model.video_unet, model.audio_unet):
            for parameter in unet.embed_time.parameters():
                parameter.mul_(4)
    video, audio, _ = (x.to(weights) for x in inputs())
    first, second = (torch.full((3,), t, dtype=times) for t in close)
    assert torch.equal(first.to(coarser), second.to(coarser))
    before, after = (model(video, audio, t_video=t, t_audio=t) for t in (first, second))
    assert not torch.equal(before.video, after.video)
    assert not torch.equal(before.audio, after.audio)
