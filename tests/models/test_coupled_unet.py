"""The coupled U-Net: who hears whom, the condition encoded once, geometry, gradients, and that it learns."""

import copy

import pytest
import torch
from torch import Tensor

from cmmd.diffusion.conditioning import ConditioningConfig, draw_modes
from cmmd.diffusion.process import diffuse, velocity
from cmmd.losses.denoising import denoising_loss
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Condition, CoupledUNet, Prediction
from cmmd.models.easy_fusion import EasyFusion

SMALL = {
    "frames": 4,
    "latent_channels": 2,
    "latent_size": 4,
    "mels": 16,
    "video_widths": (16, 24),
    "audio_widths": (16, 24),
    "attention_levels": (1,),
    "heads": 2,
    "message_width": 8,
}
MODALITIES: tuple[Modality, Modality] = ("video", "audio")


def awake(seed: int = 0, **config) -> CoupledUNet:
    """A small model in float64 whose zero-initialised weights are zero no more, as after some training."""
    torch.manual_seed(seed)
    model = CoupledUNet(**(SMALL | config)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def fresh(**config) -> CoupledUNet:
    torch.manual_seed(0)
    return CoupledUNet(**(SMALL | config)).double().eval()


def inputs(batch: int = 3, frames: int = 4, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Video, audio and one time an item, in float64."""
    generator = torch.Generator().manual_seed(seed)
    video = torch.randn(batch, 2, frames, 4, 4, generator=generator, dtype=torch.float64)
    audio = torch.randn(batch, 1, 16, 8 * frames, generator=generator, dtype=torch.float64)
    return video, audio, 0.1 + 0.9 * torch.rand(batch, generator=generator, dtype=torch.float64)


def same(a, b, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


# Who hears whom


def test_a_fresh_model_is_two_independent_unets():
    model = fresh()
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=t)
    assert torch.equal(model(video, audio + 1, t_video=t, t_audio=t).video, first.video)
    assert torch.equal(model(video + 1, audio, t_video=t, t_audio=t).audio, first.audio)
    assert (first.video.std() > 0.01) & (first.audio.std() > 0.01)


@pytest.mark.parametrize("reduction", ["positions", "mean"])
def test_after_training_each_stream_hears_the_other(reduction):
    model = awake(message_reduction=reduction)
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=t)
    assert (model(video, audio + 1, t_video=t, t_audio=t).video - first.video).abs().max() > 1e-4
    assert (model(video + 1, audio, t_video=t, t_audio=t).audio - first.audio).abs().max() > 1e-4


def test_positions_tell_where_and_the_mean_does_not():
    picture = torch.randn(3, 16, 4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for reduction, tells in (("positions", True), ("mean", False)):
        fusion = awake(message_reduction=reduction).fusions[0]
        assert isinstance(fusion, EasyFusion)
        message, mirrored = (fusion.speak(x, speaker="video") for x in (picture, picture.flip(-1)))
        assert bool((message - mirrored).abs().max() > 1e-6) is tells


def test_hearing_masks_act_item_by_item():
    model = awake()
    video, audio, t = inputs()
    hears = torch.tensor([True, False, True])
    plain = model(video, audio, t_video=t, t_audio=t)
    deaf = model(video, audio, t_video=t, t_audio=t, video_hears=hears & False, audio_hears=hears & False)
    mixed = model(video, audio, t_video=t, t_audio=t, video_hears=hears, audio_hears=hears & False)
    # The other stream still hears the first one in this item, but what it says back is not heard.
    same(mixed.video[1], deaf.video[1])
    assert (mixed.video[0] - deaf.video[0]).abs().max() > 1e-4
    same(mixed.audio, deaf.audio)
    same(deaf.audio, model.predict(audio, modality="audio", t=t, condition=None))
    same(deaf.video, model.predict(video, modality="video", t=t, condition=None))
    assert (plain.audio - deaf.audio).abs().max() > 1e-4


def test_what_is_not_heard_may_even_be_infinite():
    model = awake()
    video, audio, t = inputs()
    deaf = torch.zeros(3, dtype=torch.bool)
    broken = model(torch.full_like(video, torch.inf), audio, t_video=t, t_audio=t, audio_hears=deaf)
    same(broken.audio, model.predict(audio, modality="audio", t=t, condition=None))


def test_a_clean_condition_only_speaks():
    model = awake()
    video, audio, t = inputs()
    clean = torch.zeros_like(t)
    first = model(video, audio, t_video=clean, t_audio=t)
    other = model(video, audio + 1, t_video=clean, t_audio=t)
    same(first.video, other.video)
    # One frame that is being generated is enough to hear, and the switch lets a clean stream hear.
    partly = torch.zeros(3, 4, dtype=torch.float64)
    partly[:, 2] = 0.5
    for hearing, times in ((model, partly), (awake(clean_hears=True), clean)):
        first, other = (hearing(video, x, t_video=times, t_audio=t) for x in (audio, audio + 1))
        assert (first.video - other.video).abs().max() > 1e-4


def test_without_fusion_nothing_is_ever_heard():
    model = awake(fusion="none")
    video, audio, t = inputs()
    first, other = (model(video, x, t_video=t, t_audio=t) for x in (audio, audio + 1))
    assert torch.equal(first.video, other.video)
    condition = model.encode_condition(video, modality="video").repeat(1)
    same(
        model.predict(audio, modality="audio", t=t, condition=condition),
        model.predict(audio, modality="audio", t=t, condition=None),
    )


# The condition encoded once


@pytest.mark.parametrize("target", MODALITIES)
@pytest.mark.parametrize("reduction", ["positions", "mean"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_cached_and_plain_path_agree(target: Modality, reduction, dtype, tolerance):
    model = awake(message_reduction=reduction).to(dtype)
    video, audio, t = (x.to(dtype) for x in inputs())
    clean = torch.zeros_like(t)
    hears = torch.tensor([True, True, False])
    if target == "audio":
        plain = model(video, audio, t_video=clean, t_audio=t, audio_hears=hears).audio
        condition, noisy = model.encode_condition(video, modality="video"), audio
    else:
        plain = model(video, audio, t_video=t, t_audio=clean, video_hears=hears).video
        condition, noisy = model.encode_condition(audio, modality="audio"), video
    same(model.predict(noisy, modality=target, t=t, condition=condition, hears=hears), plain, tolerance)


def test_a_condition_is_selected_repeated_and_joined_as_its_input_would_be():
    model = awake()
    video, audio, t = inputs()
    condition = model.encode_condition(video, modality="video")
    assert condition.batch_size == 3
    shuffled = model.encode_condition(video[[2, 0]], modality="video")
    for found in (condition.select([2, 0]), condition.select(torch.tensor([2, 0]))):
        same(found.messages, shuffled.messages)
    takes = model.encode_condition(video.repeat_interleave(2, dim=0), modality="video")
    same(condition.repeat(2).messages, takes.messages)
    same(
        Condition.cat([condition, shuffled]).messages,
        model.encode_condition(video[[0, 1, 2, 2, 0]], modality="video").messages,
    )
    with pytest.raises(ValueError, match="'audio', 'video'"):
        Condition.cat([condition, model.encode_condition(audio, modality="audio")])
    with pytest.raises(ValueError, match="got a video condition, expected audio"):
        model.predict(video, modality="video", t=t, condition=condition)
    with pytest.raises(ValueError, match="2 items and the target 3"):
        model.predict(audio, modality="audio", t=t, condition=shuffled)


def test_a_clean_stream_that_hears_cannot_be_encoded_once():
    with pytest.raises(ValueError, match="clean_hears=True"):
        awake(clean_hears=True).encode_condition(inputs()[0], modality="video")


# What every module must hold


def test_an_item_does_not_depend_on_its_batch_mates_and_eval_is_deterministic():
    model = awake()
    video, audio, t = inputs()
    batch = model(video, audio, t_video=t, t_audio=t)
    again = model(video, audio, t_video=t, t_audio=t)
    assert torch.equal(batch.video, again.video)
    assert torch.equal(batch.audio, again.audio)
    for i in range(3):
        alone = model(video[i : i + 1], audio[i : i + 1], t_video=t[i : i + 1], t_audio=t[i : i + 1])
        same(alone, Prediction(batch.video[i : i + 1], batch.audio[i : i + 1]))


def test_one_time_an_item_is_that_time_at_every_frame():
    model = awake()
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=t)
    same(model(video, audio, t_video=t[:, None].expand(3, 4), t_audio=t[:, None].expand(3, 4)), first)
    t_audio = t[:, None].repeat(1, 4)
    t_audio[:, 3] = 0
    assert (model(video, audio, t_video=t, t_audio=t_audio).audio - first.audio).abs().max() > 1e-4


@pytest.mark.parametrize("frames", [2, 8, 10])
def test_any_number_of_frames_that_divides_works(frames):
    model = awake()
    video, audio, t = inputs(frames=frames)
    predicted = model(video, audio, t_video=t, t_audio=t)
    assert (predicted.video.shape, predicted.audio.shape) == (video.shape, audio.shape)


@pytest.mark.parametrize("config", [{"patch": 1}, {"patch": 2, "blocks_per_level": 2}, {"spectrogram_channels": 2}])
def test_other_configurations_hold_the_same_promises(config):
    model = awake(**config)
    video, audio, t = inputs()
    audio = audio.repeat(1, config.get("spectrogram_channels", 1), 1, 1)
    plain = model(video, audio, t_video=0 * t, t_audio=t).audio
    condition = model.encode_condition(video, modality="video")
    same(model.predict(audio, modality="audio", t=t, condition=condition), plain)


def test_saved_and_loaded_model_is_the_same(tmp_path):
    model = awake().float()
    model.save_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    loaded = CoupledUNet.from_pretrained(tmp_path)
    assert isinstance(loaded, CoupledUNet)
    assert tuple(loaded.config["video_widths"]) == SMALL["video_widths"]
    video, audio, t = (x.float() for x in inputs())
    first, second = (m(video, audio, t_video=t, t_audio=t) for m in (model, loaded.eval()))
    assert torch.equal(first.video, second.video)
    assert torch.equal(first.audio, second.audio)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"mels": 20}, "mels 20 is not a multiple of 8"),
        ({"latent_size": 5}, "latent height 5 is not a multiple of 2"),
        ({"latent_size": 0}, "latent height 0"),
        ({"patch": 16, "mels": 32}, "spectrogram frames 16 is not a multiple of 32"),
        ({"video_widths": (16, 24, 32)}, "differ in number of levels"),
        ({"video_widths": (16, 20)}, "video width 20 is not a multiple of 8"),
        ({"heads": 3}, "width 16 is not a multiple of 8 .* and 3"),
    ],
)
def test_sizes_that_do_not_divide_are_rejected(config, message):
    with pytest.raises(ValueError, match=message):
        CoupledUNet(**(SMALL | {"frames": 2} | config))


def test_inputs_of_other_sizes_are_rejected():
    model = fresh()
    video, audio, t = inputs()
    for wrong_video, wrong_audio, message in (
        (video[:, :1], audio, r"video \(c, h, w\) is \(1, 4, 4\), expected \(2, 4, 4\)"),
        (video, audio[:, :, :8], r"audio \(c, m\) is \(1, 8\), expected \(1, 16\)"),
        (video, audio[..., :24], "4 video frames need 32 spectrogram frames, got 24"),
        (video, audio[..., :28], "spectrogram frames 28 is not a multiple of 8"),
    ):
        with pytest.raises(ValueError, match=message):
            model(wrong_video, wrong_audio, t_video=t, t_audio=t)
    with pytest.raises(ValueError, match=r"times have shape \(3, 3\)"):
        model.predict(audio, modality="audio", t=t[:, None].expand(3, 3), condition=None)


# Learning


@pytest.mark.parametrize("reduction", ["positions", "mean"])
def test_gradient_reaches_every_parameter(reduction):
    model = awake(message_reduction=reduction)
    video, audio, t = inputs()
    predicted = model(video, audio, t_video=t, t_audio=t)
    (predicted.video.square().mean() + predicted.audio.square().mean()).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_the_condition_is_trained_through_the_target_alone():
    model = awake()
    video, audio, t = inputs()
    model(video, audio, t_video=0 * t, t_audio=t).audio.square().mean().backward()
    reached = model.video_unet.stem.weight.grad
    assert reached is not None
    assert reached.any()
    assert model.video_unet.head.weight.grad is None


@pytest.mark.slow
def test_it_learns_two_clips_and_listens():
    """Two silent pictures and two sounds: after 100 steps pure noise becomes the sound of the picture that is shown."""
    torch.manual_seed(0)
    model = CoupledUNet(**SMALL)
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(2, 2, 4, 4, 4, generator=generator)
    audio = -torch.ones(2, 1, 16, 32)
    audio[0, :, :8, 8:16] = 1.0
    audio[1, :, 8:, 16:24] = 1.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    config = ConditioningConfig(video_to_audio=1.0, audio_to_video=0.0, joint=0.0, dropout=0.2, keep_clean=0.0)
    losses = []
    for _ in range(100):
        items = torch.randint(2, (8,), generator=generator)
        mode = draw_modes(config, batch=8, frames=4, generator=generator)
        noise = torch.randn(8, 1, 16, 32, generator=generator)
        noisy = diffuse(audio[items], noise, mode.t_audio)
        predicted = model(video[items], noisy, t_video=mode.t_video, t_audio=mode.t_audio, audio_hears=mode.audio_hears)
        target = Prediction(video[items], velocity(audio[items], noise, mode.t_audio))
        loss = denoising_loss(predicted, target, video_mask=mode.video_loss, audio_mask=mode.audio_loss).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    # At pure noise the velocity is minus the clean signal, and only the picture says which of the two sounds it is.
    noise = torch.randn(2, 1, 16, 32, generator=generator)
    condition = model.encode_condition(video, modality="video")
    right, wrong = (
        (model.predict(noise, modality="audio", t=torch.ones(2), condition=heard) + audio).square().mean().item()
        for heard in (condition, condition.select([1, 0]))
    )
    assert right < 0.15
    assert wrong > 0.5


def test_a_copy_trains_like_its_original():
    """Nothing is shared or hidden outside the parameters (the moving average of training is such a copy)."""
    model = awake()
    twin = copy.deepcopy(model)
    video, audio, t = inputs()
    for m in (model, twin):
        m(video, audio, t_video=t, t_audio=t).audio.sum().backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert a is not b
        assert (a.grad is None and b.grad is None) or torch.equal(a.grad, b.grad)  # pyright: ignore
