"""Waveform decoders as a part of a saved model: ours, a user's BigVGAN and HiFi-GAN, and folders without one."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from cmmd.clips.geometry import Geometry
from cmmd.errors import InputError
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import ComplexSTFTCodec, LogMelCodec
from cmmd.latents.spectrum_vocoder import SpectrumVocoder
from cmmd.latents.upsampling_vocoder import load_hifi_gan
from cmmd.latents.waveform_decoder import codec_with, load_waveform_decoder
from cmmd.pipeline import CMMDPipeline

INDEX = "model_index.json"


def magnitude_network(**sizes: int) -> nn.Module:
    torch.manual_seed(0)
    return MagnitudeNetwork(**{"width": 16, "hidden": 24, "depth": 1} | sizes)


def big_vgan(*, rates: tuple[int, ...] = (20, 10), mels: int = 64) -> nn.Module:
    vocoder = pytest.importorskip("diffusers.models.autoencoders.mmaudio_vocoder")
    torch.manual_seed(0)
    return vocoder.MMAudioVocoder(
        num_mels=mels,
        upsample_initial_channel=8,
        upsample_rates=rates,
        upsample_kernel_sizes=tuple(2 * rate for rate in rates),
        resblock_kernel_sizes=(3,),
        resblock_dilation_sizes=((1,),),
    )


def hifi_gan(*, rates: tuple[int, ...] = (20, 10), mels: int = 64, sampling_rate: int = 16_000) -> nn.Module:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.SpeechT5HifiGanConfig(
        model_in_dim=mels,
        sampling_rate=sampling_rate,
        upsample_initial_channel=8,
        upsample_rates=list(rates),
        upsample_kernel_sizes=[2 * rate for rate in rates],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1]],
    )
    return transformers.SpeechT5HifiGan(config)


def spectrum_vocoder(**sizes: int) -> nn.Module:
    torch.manual_seed(0)
    return SpectrumVocoder(**{"width": 16, "hidden": 24, "depth": 1} | sizes)


DECODERS = [spectrum_vocoder, magnitude_network, big_vgan, hifi_gan]


def with_decoder(pipeline: CMMDPipeline, decoder: nn.Module | None) -> CMMDPipeline:
    return CMMDPipeline.assemble(
        unet=pipeline.unet,
        video_autoencoder=pipeline.video_autoencoder,
        geometry=pipeline.geometry,
        codec="log_mel",
        video_statistics=pipeline.statistics["video"],
        audio_statistics=pipeline.statistics["audio"],
        waveform_decoder=decoder,
    )


def standardised() -> torch.Tensor:
    return torch.randn(2, 1, 64, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("make", DECODERS)
def test_a_decoder_is_saved_with_the_model_loaded_and_used(make, pipeline, tmp_path):
    decoder = make()
    with_decoder(pipeline, decoder).save_pretrained(tmp_path / "model")
    loaded = CMMDPipeline.from_pretrained(tmp_path / "model")
    assert loaded.waveform_decoder is not None and not loaded.waveform_decoder.training
    assert type(loaded.waveform_decoder) is type(decoder)
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(loaded.waveform_decoder.state_dict()[name], tensor)
    found, plain = (model.decode_audio(standardised(), seed=0) for model in (loaded, pipeline))
    assert found.shape == plain.shape == (2, 4_800) and not torch.allclose(found, plain, atol=1e-3)
    codec = codec_with(decoder, "log_mel", pipeline.geometry)
    with torch.no_grad():
        expected = codec.decode(standardised()[:1] * 1.5 - 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(found[:1], expected * min(1.0, 0.95 / float(expected.abs().max())), atol=1e-5)
    again = load_waveform_decoder(str(tmp_path / "model" / "waveform_decoder"))
    assert type(again) is type(decoder)


@pytest.mark.parametrize("make", DECODERS)
def test_a_decoder_follows_the_precision_of_the_model(make, pipeline, tmp_path):
    with_decoder(pipeline, make()).save_pretrained(tmp_path / "model")
    half = CMMDPipeline.from_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    assert next(half.waveform_decoder.parameters()).dtype == torch.bfloat16  # pyright: ignore
    assert half.decode_audio(standardised(), seed=0).dtype == torch.float32


def test_a_vocoder_gets_the_log_mel_itself(pipeline):
    decoder = big_vgan().eval()
    log_mel = standardised() * 1.5 - 2
    with torch.no_grad():
        found = codec_with(decoder, "log_mel", pipeline.geometry).decode(log_mel)
        assert torch.equal(found, decoder(log_mel[:, 0], return_dict=False)[0][:, 0])


@pytest.mark.parametrize("absent", ["no entry", "two nulls"])
def test_a_folder_without_a_decoder_loads_as_before(absent, pipeline, model_folder):
    index = json.loads((model_folder / INDEX).read_text())
    assert index["waveform_decoder"] == [None, None]
    if absent == "no entry":
        del index["waveform_decoder"]
        (model_folder / INDEX).write_text(json.dumps(index))
    loaded = CMMDPipeline.from_pretrained(model_folder)
    assert loaded.waveform_decoder is None
    assert torch.equal(loaded.decode_audio(standardised(), seed=0), pipeline.decode_audio(standardised(), seed=0))


@pytest.mark.parametrize(
    ("make", "sizes", "told"),
    [
        (magnitude_network, {"hop": 100}, "the waveform decoder has hop 100, expected 200"),
        (magnitude_network, {"mels": 80}, "the waveform decoder has mels 80, expected 64"),
        (spectrum_vocoder, {"hop": 100}, "the waveform decoder has hop 100, expected 200"),
        (spectrum_vocoder, {"sample_rate": 8000}, "the waveform decoder has sample_rate 8000, expected 16000"),
        (big_vgan, {"rates": (16, 16)}, "the waveform decoder has hop 256, expected 200"),
        (big_vgan, {"mels": 80}, "the waveform decoder has mels 80, expected 64"),
        (hifi_gan, {"rates": (16, 16)}, "the waveform decoder has hop 256, expected 200"),
        (hifi_gan, {"mels": 80}, "the waveform decoder has mels 80, expected 64"),
        (hifi_gan, {"sampling_rate": 22_050}, "the waveform decoder has sample_rate 22050, expected 16000"),
    ],
)
def test_a_decoder_of_other_sizes_is_one_line(make, sizes, told, pipeline, model_folder):
    decoder = make(**sizes)
    with pytest.raises(ValueError, match=told):
        with_decoder(pipeline, decoder)
    put(decoder, model_folder)
    with pytest.raises(InputError, match=told) as raised:
        CMMDPipeline.from_pretrained(model_folder)
    assert len(str(raised.value).splitlines()) == 1


def put(decoder: nn.Module, folder: Path) -> None:
    """Writes a decoder into a model folder that has none."""
    saved: Any = decoder
    saved.save_pretrained(folder / "waveform_decoder")
    library = type(decoder).__module__
    library = library if library.startswith("cmmd") else library.split(".")[0]
    index = json.loads((folder / INDEX).read_text()) | {"waveform_decoder": [library, type(decoder).__name__]}
    (folder / INDEX).write_text(json.dumps(index))


def test_only_known_classes_are_loaded(model_folder, pipeline, tmp_path):
    index = json.loads((model_folder / INDEX).read_text())
    (model_folder / INDEX).write_text(json.dumps(index | {"waveform_decoder": ["foreign", "Vocoder"]}))
    with pytest.raises(InputError, match=r"found waveform_decoder \['foreign', 'Vocoder'\], expected one of cmmd"):
        CMMDPipeline.from_pretrained(model_folder)
    with pytest.raises(ValueError, match="the waveform decoder is a Linear, expected one of MagnitudeNetwork"):
        with_decoder(pipeline, nn.Linear(2, 2))
    (tmp_path / "config.json").write_text('{"_class_name": "Foreign"}')
    with pytest.raises(InputError, match="found 'Foreign', expected one of MagnitudeNetwork"):
        load_waveform_decoder(str(tmp_path))


def test_a_codec_with_phases_takes_no_decoder():
    assert isinstance(codec_with(None, "complex_stft", Geometry()), ComplexSTFTCodec)
    assert isinstance(codec_with(None, "log_mel", Geometry()), LogMelCodec)
    with pytest.raises(ValueError, match="a waveform decoder with the codec complex_stft, expected log_mel"):
        codec_with(magnitude_network(), "complex_stft", Geometry())


def test_a_hifi_gan_loads_safetensors_that_fit_only(tmp_path):
    hifi_gan().save_pretrained(tmp_path)  # pyright: ignore[reportCallIssue]
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: tensor for name, tensor in tensors.items() if name != "conv_pre.bias"}, weights)
    with pytest.raises(InputError, match=r"conv_pre\.bias"):
        load_hifi_gan(tmp_path)
    save_file(tensors | {"conv_pre.bias": torch.full_like(tensors["conv_pre.bias"], np.nan)}, weights)
    with pytest.raises(InputError, match=r"conv_pre\.bias that is not finite"):
        load_hifi_gan(tmp_path)
    weights.write_bytes(b"pickle")
    with pytest.raises(InputError, match="expected safetensors"):
        load_hifi_gan(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["Other"]}))
    with pytest.raises(InputError, match="expected SpeechT5HifiGan"):
        load_hifi_gan(tmp_path)


def test_without_transformers_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="expected pip install transformers"):
        load_hifi_gan(tmp_path)
