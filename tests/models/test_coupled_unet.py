"""The coupled U-Net: who hears whom, what every module must hold, geometry."""

from dataclasses import replace

import pytest
import torch
from small_network import FUSIONS, NETWORK, SIZES, awake, fresh, inputs, same
from torch import nn

from cmmd.models import blocks
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.easy_fusion import EasyFusion
from cmmd.models.exchange import Prediction
from cmmd.models.staged_unet import Stage

# Who hears whom


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_fresh_model_is_two_independent_unets(fusion):
    model = fresh(**FUSIONS[fusion])
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=t)
    assert torch.equal(model(video, audio + 1, t_video=t, t_audio=t).video, first.video)
    assert torch.equal(model(video + 1, audio, t_video=t, t_audio=t).audio, first.audio)
    assert (first.video.std() > 0.01) & (first.audio.std() > 0.01)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_after_training_each_stream_hears_the_other(fusion):
    model = awake(**FUSIONS[fusion])
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=t)
    assert (model(video, audio + 1, t_video=t, t_audio=t).video - first.video).abs().max() > 1e-4
    assert (model(video + 1, audio, t_video=t, t_audio=t).audio - first.audio).abs().max() > 1e-4


def test_positions_tell_where_and_the_mean_does_not():
    picture = torch.randn(3, 16, 4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for reduction, tells in (("positions", True), ("low_rank", True), ("mean", False)):
        fusion = awake(message_reduction=reduction).fusions[0]
        assert isinstance(fusion, EasyFusion)
        message, mirrored = (fusion.speak(x, speaker="video") for x in (picture, picture.flip(-1)))
        assert bool((message - mirrored).abs().max() > 1e-6) is tells


@pytest.mark.parametrize("fusion", FUSIONS)
def test_hearing_masks_act_item_by_item(fusion):
    model = awake(**FUSIONS[fusion])
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


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_is_not_heard_may_even_be_infinite(fusion):
    model = awake(**FUSIONS[fusion])
    video, audio, t = inputs()
    deaf = torch.zeros(3, dtype=torch.bool)
    broken = model(torch.full_like(video, torch.inf), audio, t_video=t, t_audio=t, audio_hears=deaf)
    same(broken.audio, model.predict(audio, modality="audio", t=t, condition=None))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_clean_condition_only_speaks(fusion):
    model = awake(**FUSIONS[fusion])
    video, audio, t = inputs()
    clean = torch.zeros_like(t)
    first = model(video, audio, t_video=clean, t_audio=t)
    other = model(video, audio + 1, t_video=clean, t_audio=t)
    same(first.video, other.video)
    # One frame that is being generated is enough to hear, and the switch lets a clean stream hear.
    partly = torch.zeros(3, 4, dtype=torch.float64)
    partly[:, 2] = 0.5
    for hearing, times in ((model, partly), (awake(clean_hears=True, **FUSIONS[fusion]), clean)):
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


# What every module must hold


@pytest.mark.parametrize("fusion", FUSIONS)
def test_an_item_does_not_depend_on_its_batch_mates_and_eval_is_deterministic(fusion):
    model = awake(**FUSIONS[fusion])
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


def test_each_stream_has_its_own_time():
    """Swapped times would go unnoticed wherever both are the same."""
    model = awake(fusion="none")
    video, audio, t = inputs()
    first = model(video, audio, t_video=t, t_audio=1 - t)
    same(first.video, model(video, audio, t_video=t, t_audio=t).video)
    same(first.audio, model(video, audio, t_video=1 - t, t_audio=1 - t).audio)
    assert (first.video - model(video, audio, t_video=1 - t, t_audio=t).video).abs().max() > 1e-4


def test_channels_come_last_in_memory_from_stem_to_head():
    """Wherever they do not, frames, positions and tokens are copied: the same numbers, later."""
    model = awake()
    layouts = {"video_unet": torch.channels_last_3d, "audio_unet": torch.channels_last}
    inside: list[tuple[str, bool]] = []

    def watch(name: str, module: nn.Module) -> None:
        layout = layouts[name.split(".")[0]]
        module.register_forward_hook(lambda _, __, out: inside.append((name, out.is_contiguous(memory_format=layout))))

    kinds = (blocks.PictureConv, blocks.PointConv, blocks.TimeConv, blocks.Resample, nn.GroupNorm, Stage)
    for name, module in model.named_modules():
        if isinstance(module, kinds) and name.split(".")[0] in layouts:
            watch(name, module)
    video, audio, t = inputs()
    model(video, audio, t_video=t, t_audio=t)
    assert len(inside) > 50
    assert [name for name, last in inside if not last] == []


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("frames", [2, 8, 10])
def test_any_number_of_frames_that_divides_works(frames, fusion):
    model = awake(**FUSIONS[fusion])
    video, audio, t = inputs(frames=frames)
    predicted = model(video, audio, t_video=t, t_audio=t)
    assert (predicted.video.shape, predicted.audio.shape) == (video.shape, audio.shape)


def test_saved_and_loaded_model_is_the_same(tmp_path):
    model = awake().float()
    model.save_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    loaded = CoupledUNet.from_pretrained(tmp_path)
    assert isinstance(loaded, CoupledUNet)
    assert loaded.network == NETWORK
    video, audio, t = (x.float() for x in inputs())
    first, second = (m(video, audio, t_video=t, t_audio=t) for m in (model, loaded.eval()))
    assert torch.equal(first.video, second.video)
    assert torch.equal(first.audio, second.audio)


@pytest.mark.parametrize(
    ("sizes", "network", "message"),
    [
        ({"mels": 20}, {}, "mels 20 is not a multiple of 8 .patch 4, 2 levels."),
        ({"latent_size": 5}, {}, "latent height 5 is not a multiple of 2"),
        ({"latent_size": 0}, {}, "latent_size is 0, expected a whole number from 1 to"),
        ({"frames": 3}, {"patch": 8}, "spectrogram frames 24 is not a multiple of 16 .patch 8, 2 levels."),
        ({"frames": 0}, {}, "frames is 0, expected a whole number from 1 to"),
    ],
)
def test_sizes_that_do_not_divide_are_rejected(sizes, network, message):
    with pytest.raises(ValueError, match=message):
        CoupledUNet(**(SIZES | sizes), network=replace(NETWORK, **network))


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
