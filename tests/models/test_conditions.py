"""A condition encoded once: the same numbers as the plain path, and items that can be chosen, repeated and joined."""

import pytest
import torch
from small_network import FUSIONS, MODALITIES, awake, fresh, inputs, same

from cmmd.models.blocks import Modality
from cmmd.models.exchange import Condition, Listening, reordered


@pytest.mark.parametrize("target", MODALITIES)
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_cached_and_plain_path_agree(target: Modality, fusion, dtype, tolerance):
    model = awake(**FUSIONS[fusion]).to(dtype)
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


@pytest.mark.parametrize(
    ("network", "channels"), [({"patch": 1}, 1), ({"patch": 2, "blocks_per_level": 2}, 1), ({}, 2)]
)
def test_other_networks_keep_that_promise(network, channels):
    model = awake(spectrogram_channels=channels, **network)
    video, audio, t = inputs()
    audio = audio.repeat(1, channels, 1, 1)
    plain = model(video, audio, t_video=0 * t, t_audio=t).audio
    condition = model.encode_condition(video, modality="video")
    same(model.predict(audio, modality="audio", t=t, condition=condition), plain)


def test_a_target_that_is_clean_does_not_hear_its_condition():
    model = awake()
    video, audio, t = inputs()
    condition = model.encode_condition(video, modality="video")
    t = t * torch.tensor([0.0, 1.0, 1.0])
    found = model.predict(audio, modality="audio", t=t, condition=condition)
    alone = model.predict(audio, modality="audio", t=t, condition=None)
    same(found[0], alone[0])
    assert ((found - alone).abs().amax((1, 2, 3)) > 1e-4).tolist() == [False, True, True]


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
        fresh(clean_hears=True).encode_condition(inputs()[0], modality="video")


# The order in which stretches of time are heard


def test_messages_of_any_grid_are_reordered_together():
    order = torch.tensor([[2, 0, 1], [0, 1, 2]])
    for length, expected in ((3, [3, 1, 2]), (6, [5, 6, 1, 2, 3, 4])):
        message = torch.arange(1, length + 1).expand(2, 5, length)
        found = reordered(message.double(), order)
        assert found[0].tolist() == [expected] * 5
        assert torch.equal(found[1], message[1])


def test_every_message_of_a_condition_is_reordered_item_by_item(generator):
    messages = tuple(torch.randn(2, 3, length, generator=generator) for length in (4, 8, 2))
    order = torch.tensor([[1, 0], [0, 1]])
    found = Condition("audio", messages).reordered(order)
    assert found.modality == "audio"
    for message, heard in zip(messages, found.messages, strict=True):
        half = message.shape[-1] // 2
        assert torch.equal(heard[0], torch.cat([message[0, :, half:], message[0, :, :half]], dim=-1))
        assert torch.equal(heard[1], message[1])


def test_a_listener_hears_its_speaker_in_its_order():
    message = torch.tensor([[[1.0, 2.0, 3.0, 4.0]], [[5.0, 6.0, 7.0, 8.0]]])
    listening = Listening(2, torch.tensor([1, 0, 1]), torch.tensor([[0, 1], [1, 0], [1, 0]]))
    assert listening.of(message).tolist() == [[[5, 6, 7, 8]], [[3, 4, 1, 2]], [[7, 8, 5, 6]]]
